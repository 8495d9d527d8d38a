"""Connectionist temporal classification: Graves et al., 2006."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.torch._ops.create import tensor
from funcgrad.torch._ops.select import where
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.operands import refuse
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.nn.functional.loss import check_reduction

CTC = Kind("CtcLoss", "xr", takes="0")
CHECKING = "(while checking arguments for ctc_loss_allocate_outputs)"


def _log_sum(*parts: Any) -> Any:
    """The logarithm of a sum of exponentials; -inf, without a derivative, where all are."""
    highest = constant(parts[0])
    for part in parts[1:]:
        highest = fnp.maximum(highest, constant(part))
    none = highest == -np.inf
    shift = fnp.where(none, 0.0, highest)
    total: Any = sum(fnp.exp(part - shift) for part in parts)
    return fnp.where(none, -np.inf, fnp.log(fnp.where(none, 1.0, total)) + shift)


def _later(paths: Any, by: int) -> Any:
    """Probabilities of paths, each moved by so many places of the labels."""
    return fnp.concatenate([np.full((paths.shape[0], by), -np.inf, paths.dtype), paths[:, :-by]], axis=1)


def _minus_log_likelihood(
    x: Any, labels: np.ndarray, lengths: np.ndarray, counts: np.ndarray, blank: int
) -> Any:
    """`labels` are ``(N, S)``, `counts` says how many of a row there are, `lengths` how many of the times."""
    batch = np.arange(len(labels))
    spread = np.full((len(labels), 2 * labels.shape[1] + 1), blank)
    spread[:, 1::2] = labels
    may_skip = np.zeros(spread.shape, bool)
    may_skip[:, 2:] = (spread[:, 2:] != blank) & (spread[:, 2:] != spread[:, :-2])
    emitted = fnp.take_along_axis(x, np.broadcast_to(spread, (x.shape[0], *spread.shape)), 2)
    paths = np.full(spread.shape, -np.inf, x.dtype)
    for time in range(int(lengths.max(initial=0))):
        if time:
            skipped = fnp.where(may_skip, _later(paths, 2), -np.inf) if spread.shape[1] > 2 else paths - np.inf
            reached = _log_sum(paths, _later(paths, 1), skipped)
        else:
            reached = np.where(np.arange(spread.shape[1]) < 2, x.dtype.type(0), x.dtype.type(-np.inf))
        paths = fnp.where((time < lengths)[:, None], reached + emitted[time], paths)
    loss = -_log_sum(paths[batch, 2 * counts], fnp.where(counts > 0, paths[batch, 2 * counts - 1], -np.inf))
    return fnp.where(lengths > 0, loss, np.where(counts > 0, np.inf, 0.0).astype(x.dtype))


def _ctc(x: Any, lengths: np.ndarray, zero_infinity: bool, **options: Any) -> Any:
    """With PyTorch's derivative, which takes the input for the result of a log_softmax (so that the sum of exp(x) does
    not change) and is NaN where the loss is infinite."""
    loss = _minus_log_likelihood(x, lengths=lengths, **options)
    used = (np.arange(x.shape[0])[:, None] < lengths)[:, :, None]
    total = fnp.sum(fnp.exp(fnp.where(used, x, -np.inf)), axis=(0, 2))
    zero = total - constant(total)
    if zero_infinity:
        return loss + zero
    infinite = constant(loss) == np.inf
    return loss + fnp.where(infinite, -fnp.log(fnp.where(infinite, 0.0 * (1.0 - zero), 1.0)), zero)


def _counts(given: Any, batch: int, highest: int | None, name: str) -> np.ndarray:
    found = given._array() if isinstance(given, Tensor) else np.asarray(given)
    found = found.reshape(-1).astype(np.int64)
    if len(found) != batch:
        raise RuntimeError(f"{name} must be of size batch_size")
    for n in found:
        if n < 0:
            raise RuntimeError(f"Expected {name} to have value at least 0, but got value {n} {CHECKING}")
        if highest is not None and n > highest:
            raise RuntimeError(f"Expected {name} to have value at most {highest}, but got value {n} {CHECKING}")
    return found


def _labels(targets: Tensor, counts: np.ndarray, classes: int) -> np.ndarray:
    """The targets of each element of the batch as a row; PyTorch's errors for a wrong number of them."""
    given, longest = targets._array().astype(np.int64), int(counts.max(initial=0))
    if given.ndim == 2 and len(given) != len(counts):
        raise RuntimeError(
            f"Expected tensor to have size {len(counts)} at dimension 0, but got size {len(given)} for argument #2 "
            f"'targets' {CHECKING}"
        )
    if given.ndim == 1:
        if len(given) != counts.sum():
            raise RuntimeError(
                f"Expected tensor to have size {counts.sum()} at dimension 0, but got size {len(given)} for argument "
                f"#2 'targets' {CHECKING}"
            )
        labels = np.zeros((len(counts), longest), np.int64)
        labels[np.arange(longest) < counts[:, None]] = given
    else:
        if given.shape[1] < longest:
            raise RuntimeError(
                f"Expected tensor to have size at least {longest} at dimension 1, but got size {given.shape[1]} for "
                f"argument #2 'targets' {CHECKING}"
            )
        labels = np.where(np.arange(longest) < counts[:, None], given[:, :longest], 0)
    if labels.size and not (0 <= labels.min() and labels.max() < classes):
        raise RuntimeError(f"ctc_loss: targets must be classes, from 0 to {classes - 1}")
    return labels


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Minus the log-probability that classes over time, blanks and repetitions left out, are the targets.

    Args:
        log_probs: ``(T, N, C)`` or ``(T, C)``, the results of a `log_softmax`: the gradient takes them for that.
        targets: ``(N, S)``, or all behind each other.
        input_lengths: how many of the T there are, for each of the N.
        target_lengths: how many targets; "mean" divides by it first.
        blank: the class that stands for none.
        zero_infinity: losses of what is too long for its time are 0.
    """
    check_reduction(reduction)
    refuse(log_probs, "iub", "ctc_loss_cpu")
    refuse(log_probs, "e", "ctc_loss_cpu")
    batched = log_probs.dim() == 3
    if log_probs.dim() not in (2, 3):
        raise RuntimeError(
            f"Expected 3-dimensional tensor, but got {log_probs.dim() + 1}-dimensional tensor for argument #1 "
            f"'log_probs' {CHECKING}"
        )
    shape = log_probs.shape if batched else (log_probs.shape[0], 1, log_probs.shape[1])
    if not 0 <= blank < shape[2]:
        raise RuntimeError("blank must be in label range")
    lengths = _counts(input_lengths, shape[1], shape[0], "input_lengths")
    counts = _counts(target_lengths, shape[1], None, "target_lengths")
    if targets.dim() not in (1, 2):
        raise RuntimeError(
            f"Expected 1 to 2 dimensions, but got {targets.dim()}-dimensional tensor for argument #2 "
            f"'targets' {CHECKING}"
        )
    options = {"labels": _labels(targets, counts, shape[2]), "lengths": lengths, "counts": counts, "blank": blank}
    options["zero_infinity"] = zero_infinity
    x = log_probs if batched else log_probs.unsqueeze(1)
    loss = call(CTC, _ctc, x, **options)
    if zero_infinity:
        loss = where(loss == np.inf, tensor(0.0, dtype=loss.dtype), loss)
    if reduction == "mean":
        return (loss / fresh(np.maximum(counts, 1).astype(loss._read().dtype))).mean()
    return loss.sum() if reduction == "sum" else loss if batched else loss.squeeze(0)
