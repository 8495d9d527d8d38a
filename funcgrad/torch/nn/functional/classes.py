"""Losses of classes: minus the logarithms of their probabilities. `reduction` is "mean", "sum" or "none"."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.torch._ops import values
from funcgrad.torch._ops.pointwise import over_number, plus_number, times_number
from funcgrad.torch._ops.reduce import log_softmax
from funcgrad.torch._record.calls import Kind, call, call_with
from funcgrad.torch._record.composed import composite
from funcgrad.torch._record.operands import one_dtype, refuse
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn._reduction import chosen
from funcgrad.torch.nn.functional.loss import check_reduction, reduced
from funcgrad.transforms.fused import fused


def _likelihood(x: Any, weight: Any, target: Any, ignore_index: int, reduction: str) -> Any:
    """`x` is ``(N, C, *)``, or ``(C,)`` with a single target."""
    axis = 1 if x.ndim > 1 else 0
    counts = target != ignore_index
    if weight is None and type(counts) is np.ndarray and x.ndim == 2 and x.dtype != np.float16 and counts.all():
        return _of_rows(x, target, reduction=reduction)
    safe = fnp.where(counts, target, 0)
    picked = fnp.squeeze(fnp.take_along_axis(x, fnp.expand_dims(safe, axis), axis), axis)
    weights = counts.astype(x.dtype) if weight is None else fnp.where(counts, weight[safe], 0.0)
    loss = fnp.where(counts, -picked * weights, 0.0)
    if reduction == "none":
        return loss
    return fnp.sum(loss) / fnp.sum(weights) if reduction == "mean" else fnp.sum(loss)


@fused
def _of_rows(x: Any, target: Any, reduction: str) -> Any:
    """`_likelihood` of a matrix, of which all rows count: half the time."""
    (count,) = target.shape
    loss = values.negative(values.gather(x, np.arange(count), target))
    if reduction == "none":
        return loss
    total = values.total(loss, (0,))
    return values.divide(total, count or np.nan) if reduction == "mean" else total


EXPECTED, EXPECTED_MEAN = Kind("Neg", "*"), Kind("DivBackward1", "*")


def _likelihood_read(keep: Any, x: Any, weight: Any, target: Any, ignore_index: int, reduction: str) -> Any:
    """Minus the log-probability of the target's class: of a mean, PyTorch saves what it was divided by."""
    axis = 1 if x.ndim > 1 else 0
    counts = target != ignore_index
    place = np.where(counts, target, 0)
    weights = np.ones(target.shape, x.dtype) if weight is None else fnp.take(weight, place)
    weights = fnp.where(counts, weights, 0.0)
    total_weight = keep(fnp.sum(weights) if reduction != "none" or x.ndim <= 2 else x.dtype.type(0))
    picked = fnp.squeeze(fnp.take_along_axis(x, np.expand_dims(place, axis), axis=axis), axis)
    loss = -picked * weights
    return loss if reduction == "none" else fnp.sum(loss) / (total_weight if reduction == "mean" else 1)


NLL, NLL_OF_SPACE = (Kind(n, "xiy", takes="0", reads=_likelihood_read) for n in ("NllLoss", "NllLoss2DBackward0"))


def check_classes(input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int) -> Any:
    """PyTorch's errors; the target's values."""
    shape = input.shape
    if len(shape) == 1 and target.dim() == 1 and target.shape[0] != 1:
        raise ValueError(f"For 1D input, 1D target must have size 1, but got target size: {target.shape[0]}")
    if len(shape) < 3 and target.dim() > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if len(shape) > 1 and (shape[0] != target.shape[0] if target.dim() else True):
        first = target.shape[0] if target.dim() else 0
        raise ValueError(f"Expected input batch_size ({shape[0]}) to match target batch_size ({first}).")
    if len(shape) == 4 and target.dim() != 3:
        raise RuntimeError(
            f"only batches of spatial targets supported (3D tensors) but got targets of dimension: {target.dim()}"
        )
    wanted = [*shape[:1], *shape[2:]]
    if len(shape) in (3, 5) and wanted != list(target.shape):
        raise RuntimeError(f"Expected target size {wanted}, got {list(target.shape)}")
    if len(shape) > 1 and wanted != list(target.shape):
        rest = f"{' ' if len(shape) == 4 else ''}, target: {list(target.shape)}{')' if len(shape) != 4 else ''}"
        raise RuntimeError(f"size mismatch (got input: {list(shape)}{rest}")
    if target._read().dtype != np.int64 and target._read().dtype != np.uint8:
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {target.dtype.title}")
    classes = shape[1] if len(shape) > 1 else shape[0]
    if weight is not None and tuple(weight.shape) != (classes,):
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but got weight tensor of "
            f"shape: {list(weight.shape)}"
        )
    value = constant(target._read())
    if len(shape) == 1:
        value = fnp.reshape(value, ())
    if not isinstance(value, Tracer):
        wrong = value[(value != ignore_index) & ((value < 0) | (value >= classes))]
        if wrong.size:
            raise IndexError(f"Target {wrong.reshape(-1)[0]} is out of bounds.")
    return value


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-probability of the target's class.

    Args:
        input: log-probabilities, ``(N, C, *)`` or ``(C,)``.
        target: classes, ``(N, *)`` or ``()``.
        weight: of each class; "mean" divides by the sum of those that occur.
        ignore_index: targets that do not count.
    """
    reduction = chosen(size_average, reduce, reduction)
    check_reduction(reduction)
    if input.dim() < 1:
        raise ValueError(f"Expected 1 or more dimensions (got {input.dim()})")
    value = check_classes(input, target, weight, ignore_index)
    refuse(input, "iubc", "nll_loss_out_frame")
    one_dtype("expected scalar type {} but found {}", input, weight)
    if input.dim() not in (1, 2, 4):
        images = input.reshape(*input.shape[:2], 1, -1)
        found = nll_loss(images, target.reshape(images.shape[0], 1, -1), weight, None, ignore_index, None, reduction)
        return found.view(target.shape) if reduction == "none" else found
    options = {"target": value, "ignore_index": ignore_index, "reduction": reduction}
    return call_with((target,), NLL if input.dim() <= 2 else NLL_OF_SPACE, _likelihood, input, weight, **options)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """`nll_loss` of the logarithm of softmax.

    Args:
        input: logits, ``(N, C, *)`` or ``(C,)``.
        target: classes, ``(N, *)`` or ``()``, or the probabilities of all, in the shape of `input`.
        weight, ignore_index: as in `nll_loss`.
        label_smoothing: how much of each target is spread over all classes.
    """
    reduction = chosen(size_average, reduce, reduction)
    check_reduction(reduction)
    if not label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing:g}")
    axis = 0 if input.dim() == 1 else 1
    of_probabilities = input.shape == target.shape
    if of_probabilities:
        if not target.is_floating_point():
            raise RuntimeError(
                f"Expected floating point type for target with class probabilities, got {target.dtype.title}"
            )
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
    logs = log_softmax(input, axis)
    if of_probabilities:
        kind = EXPECTED_MEAN if reduction == "mean" else EXPECTED
        options = {"axis": axis, "reduction": reduction, "smoothing": label_smoothing}
        return composite(_expected_of_rows, partial(call, kind, _expected), logs, target, weight, **options)
    found = nll_loss(logs, target, weight, ignore_index=ignore_index, reduction=reduction)
    if label_smoothing == 0:
        return found
    spread = _smoothed_loss(logs, target, weight, axis, ignore_index, reduction)
    return times_number(found, 1 - label_smoothing) + times_number(spread, label_smoothing / input.shape[axis])


def _per_class(weight: Tensor, ndim: int, axis: int) -> Tensor:
    return weight.view(*(-1 if a == axis else 1 for a in range(ndim)))


def _expected(logs: Any, target: Any, weight: Any, axis: int, reduction: str, smoothing: float) -> Any:
    classes = logs.shape[axis]
    if smoothing > 0:
        target = target * (1 - smoothing) + smoothing / classes
    terms = logs * target
    if weight is not None:
        terms = terms * fnp.reshape(weight, tuple(-1 if a == axis else 1 for a in range(logs.ndim)))
    if reduction == "none":
        return -fnp.sum(terms, axis=axis)
    return -fnp.sum(terms) / (logs.size / classes if reduction == "mean" else 1)


def _expected_of_rows(
    logs: Tensor, target: Tensor, weight: Tensor | None, axis: int, reduction: str, smoothing: float
) -> Tensor:
    """`_expected`, composed as PyTorch does."""
    classes = logs.shape[axis]
    if smoothing > 0:
        target = plus_number(times_number(target, 1 - smoothing), smoothing / classes)
    terms = logs * target
    if weight is not None:
        terms = terms * _per_class(weight, logs.dim(), axis)
    if reduction == "none":
        return -terms.sum(axis)
    total = -terms.sum()
    return over_number(total, logs.numel() / classes) if reduction == "mean" else total


def _smoothed_loss(
    logs: Tensor, target: Any, weight: Any, axis: int, ignore_index: int, reduction: str
) -> Tensor:
    """Minus the log-probabilities of all classes, as every target gets a part of each."""
    losses = -(logs if weight is None else logs * _per_class(weight, logs.dim(), axis)).sum(axis)
    ignored = target == ignore_index
    losses = losses.masked_fill(ignored, 0.0)
    if reduction != "mean":
        return reduced(losses, reduction)
    if weight is None:
        return losses.sum() / (~ignored).sum()
    picked = weight[target.masked_fill(ignored, 0)].masked_fill(ignored, 0.0)
    return losses.sum() / picked.sum()


# Probabilities
