"""Rows of a table, reduced over bags of them."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.ops.subscript import update
from funcgrad.torch._ops.values import gather
from funcgrad.torch._record.calls import Kind, call_with, watch
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.nn.functional.linear import check_rows

BAG, WEIGHTED_BAG = Kind("EmbeddingBag", "-", takes="01"), Kind("EmbeddingBag", "iyx", takes="01")


def _added(
    weight: Any, scale: Any, used: np.ndarray, index: np.ndarray, bags: np.ndarray, counts: np.ndarray, mode: str
) -> Any:
    """The sums, or means, of the rows of each bag."""
    rows = fnp.take(weight, index, axis=0)
    if scale is not None:
        rows = rows * fnp.reshape(scale, (scale.size,))[used][:, None]
    total = update(np.zeros((len(counts), weight.shape[1]), weight.dtype), bags, rows, "add")
    return total / np.maximum(counts, 1).astype(weight.dtype)[:, None] if mode == "mean" else total


def _largest(weight: Any, index: np.ndarray, bags: np.ndarray, counts: np.ndarray) -> Any:
    """The largest elements of the rows of each bag, the first of equal ones; 0 where it is empty."""
    columns = np.arange(weight.shape[1])
    at = np.zeros((len(counts), weight.shape[1]), np.int64)
    for bag in np.flatnonzero(counts):
        mine = index[bags == bag]
        at[bag] = mine[np.asarray(fnp.argmax(constant(weight)[mine], axis=0))]
    return fnp.where((counts > 0)[:, None], gather(weight, at, np.broadcast_to(columns, at.shape)), 0.0)


def _check_offsets(starts: np.ndarray, count: int) -> None:
    if len(starts) and starts[0] != 0:
        raise RuntimeError(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, "
            f"got {starts[0]}"
        )
    if len(starts) and starts[-1] > count:
        raise RuntimeError(
            f"offsets[-1] can not be greater than input's length {count} but got offsets[-1] of {starts[-1]}"
        )
    if np.any(np.diff(starts) < 0):
        raise RuntimeError("embedding_bag: offsets must not decrease")


def _in_bags(input: Tensor, offsets: Tensor | None) -> tuple[np.ndarray, np.ndarray]:
    """All places in one row, and where its bags begin; PyTorch's errors."""
    if input.dim() not in (1, 2):
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}")
    index = input._array("`embedding_bag`")
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length "
                f"sequences. However, found offsets of type {type(offsets)}"
            )
        return index.reshape(-1), np.arange(len(index)) * index.shape[1]
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets.dim() != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    return index, offsets._array("`embedding_bag`")


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The rows of `weight` that `input` names, reduced over each bag of them: "sum", "mean" or "max".

    Args:
        input: a bag in each row; or all behind each other, where `offsets` says at which the bags begin.
        weight: ``(count, features)``.
        per_sample_weights: a factor for each of `input`, for "sum".
        include_last_offset: `offsets` says also where the last bag ends.
        padding_idx: the row that does not count.
    """
    if sparse:
        raise NotImplementedError("embedding_bag: leave out sparse=True: funcgrad.torch has no sparse gradients")
    if scale_grad_by_freq:
        raise NotImplementedError(
            "embedding_bag: write embedding(input, weight, scale_grad_by_freq=True).sum(1) (or mean) in place of "
            "scale_grad_by_freq=True, for which PyTorch divides the gradients of rows by how often others occur"
        )
    if per_sample_weights is not None and input.shape != per_sample_weights.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then it must have the "
            f"same shape as the input ({input.shape})"
        )
    if weight.dim() != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.dim()}")
    index, starts = _in_bags(input, offsets)
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got "
            f"mode='{mode}'). Please open a feature request on GitHub."
        )
    check_rows("embedding_bag", input, weight, max_norm, norm_type)
    _check_offsets(starts, len(index))
    bags = np.searchsorted(starts, np.arange(len(index)), side="right") - 1
    used = np.flatnonzero(np.ones(len(index), bool) if padding_idx is None else index != padding_idx % len(weight))
    count = len(starts)
    if include_last_offset and input.dim() == 1:
        count -= 1
        used = used[bags[used] < count]
    options = {"index": index[used], "bags": bags[used], "counts": np.bincount(bags[used], minlength=count)}
    told = [fresh(np.asarray(v, np.int64)) for v in (index, starts, bags, options["counts"], np.zeros(count))]
    if mode == "max":
        told[-1] = fresh(np.zeros((count, weight.shape[1]), np.int64))
        return call_with(told, BAG, _largest, weight, **options)
    kind = BAG if per_sample_weights is None else WEIGHTED_BAG
    found = call_with(told[:2], kind, _added, weight, per_sample_weights, used=used, mode=mode, **options)
    return watch(found, *told[2:])
