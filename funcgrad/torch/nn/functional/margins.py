"""Losses with margins: what is far enough away costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.torch._ops.create import zeros_like
from funcgrad.torch._ops.pointwise import minimum, plus_number
from funcgrad.torch._ops.select import where
from funcgrad.torch._record.calls import Kind, call_with
from funcgrad.torch._record.operands import one_dtype, refuse
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn._reduction import chosen
from funcgrad.torch.nn.functional.distance import pairwise_distance
from funcgrad.torch.nn.functional.loss import check_reduction, reduced, reduced_value

Distance = Callable[[Tensor, Tensor], Tensor]


def hinge_embedding_loss(
    input: Tensor,
    target: Any,
    margin: float = 1.0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """`input` where the target is 1, max(margin - input, 0) where it is -1."""
    reduction = chosen(size_average, reduce, reduction)
    zeros = zeros_like(input)
    far = where(target != 1, (margin - input).clamp_min(0), zeros)
    return reduced(far + where(target != -1, input, zeros), reduction)


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Any,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """max(-target * (input1 - input2) + margin, 0)"""
    reduction = chosen(size_average, reduce, reduction)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    return reduced(plus_number(-target * (input1 - input2), margin).clamp_min(0), reduction)


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Any,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos where the target is 1, max(cos - margin, 0) where it is -1; cos is of the angle between both inputs."""
    reduction = chosen(size_average, reduce, reduction)
    if target.dim() not in (0, 1):
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if target.dim() + 1 != input1.dim() or target.dim() + 1 != input2.dim():
        raise RuntimeError(
            f"{target.dim()}D target tensor expects {target.dim() + 1}D input tensors, but found inputs with sizes "
            f"{list(input1.shape)} and {list(input2.shape)}."
        )
    axis = target.dim()
    squares = [(x * x).sum(axis) + 1e-12 for x in (input1, input2)]
    cos = (input1 * input2).sum(axis) / (squares[0] * squares[1]).sqrt()
    zeros = zeros_like(cos)
    near = where(target == 1, 1 - cos, zeros)
    return reduced(near + where(target == -1, (cos - margin).clamp_min(0), zeros), reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """max(margin + distance to the positive - distance to the negative, 0)"""
    reduction = chosen(size_average, reduce, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    _need_one_rank(anchor, positive, negative)
    return _triplet(anchor, positive, negative, lambda x, y: pairwise_distance(x, y, p, eps), margin, swap, reduction)


def _need_one_rank(anchor: Tensor, positive: Tensor, negative: Tensor) -> None:
    a, p, n = (t.dim() for t in (anchor, positive, negative))
    if not a == p == n:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {a}D, positive {p}D, and negative {n}D inputs"
        )


def _triplet(
    anchor: Tensor, positive: Tensor, negative: Tensor, distance: Distance, margin: float, swap: bool, reduction: str
) -> Tensor:
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced((plus_number(near, margin) - far).clamp_min(0), reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Distance | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with a distance of the user's."""
    check_reduction(reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    _need_one_rank(anchor, positive, negative)
    distance = pairwise_distance if distance_function is None else distance_function
    return _triplet(anchor, positive, negative, distance, margin, swap, reduction)


def _multi_margin(x: Any, weight: Any, target: Any, p: int, margin: float, reduction: str) -> Any:
    rows = x if x.ndim > 1 else fnp.reshape(x, (1, -1))
    at = target.reshape(-1, 1)
    gaps = margin - fnp.take_along_axis(rows, at, 1) + rows
    terms = fnp.where((gaps > 0) & (np.arange(rows.shape[1]) != at), gaps, 0.0) ** p
    if weight is not None:
        terms = terms * weight[at]
    loss = fnp.sum(terms, axis=1) / rows.shape[1]
    return reduced_value(loss if x.ndim > 1 else loss[0], reduction)


def _checked_classes(input: Tensor, target: Tensor, weight: Tensor | None) -> Any:
    """The target's values; PyTorch's errors."""
    shape, given = list(input.shape), list(target.shape)
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    if len(shape) > 2 or (shape and not shape[-1]):
        raise RuntimeError(f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {shape}")
    rows, classes = shape[0] if len(shape) == 2 else 1, shape[-1] if shape else 1
    if len(given) > 1 or target.numel() != rows:
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples (batch size)"
            f". Expected target size [{rows}], but got {given}. Input has shape {shape}."
        )
    if weight is not None and weight.numel() != classes:
        raise RuntimeError(f"inconsistent weight size, expected {classes} but got {list(weight.shape)}")
    refuse(input, "iub", "multi_margin_loss_cpu_kernel")
    _need_long(target)
    one_dtype("expected scalar type {} but found {}", input, weight)
    value = constant(target._read())
    if not isinstance(value, Tracer) and value.size and not (0 <= value.min() and value.max() < classes):
        raise RuntimeError("target out of range")
    return value


def _need_long(target: Tensor) -> None:
    if target._read().dtype != np.int64:
        raise RuntimeError(f"expected scalar type Long but found {target.dtype.title}")


MULTI_MARGIN = Kind("MultiMarginLoss", "xiy", takes="0")


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """max(margin - input[target] + input[i], 0) ** p, averaged over the other classes i."""
    reduction = chosen(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    check_reduction(reduction)
    value = _checked_classes(input, target, weight)
    options = {"target": value, "p": p, "margin": margin, "reduction": reduction}
    return call_with((target,), MULTI_MARGIN, _multi_margin, input, weight, **options)


def _multilabel_margin(x: Any, target: np.ndarray, is_target: np.ndarray, reduction: str) -> Any:
    """`target` has -1 where there is none."""
    at = np.maximum(target, 0)
    gaps = 1 - fnp.take_along_axis(x, at, 1)[:, :, None] + x[:, None, :]
    counts = (target >= 0)[:, :, None] & ~is_target[:, None, :] & (gaps > 0)
    loss = fnp.sum(fnp.where(counts, gaps, 0.0), axis=(1, 2)) / x.shape[1]
    return reduced_value(loss, reduction)


MULTILABEL_MARGIN = Kind("MultilabelMarginLossBackward0", "xi?")


def multilabel_margin_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """max(1 - input[j] + input[i], 0), summed over the targets j, up to the first -1, and the other classes i."""
    reduction = chosen(size_average, reduce, reduction)
    check_reduction(reduction)
    shape = list(input.shape)
    if len(shape) > 2 or (shape and not shape[-1]):
        raise RuntimeError(f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {shape}")
    if list(target.shape) != shape:
        raise RuntimeError(f"inconsistent target size: {list(target.shape)} for input of size: {shape}")
    refuse(input, "iubce", "multilabel_margin_loss_forward_out_frame")
    _need_long(target)
    rows = target._array("`multilabel_margin_loss`").astype(np.int64).reshape(-1, shape[-1] if shape else 1)
    if rows.size and not (-1 <= rows.min() and rows.max() < rows.shape[1]):
        raise RuntimeError("argument #2 'target' is out of range")
    rows = np.where(np.minimum.accumulate(rows >= 0, axis=1), rows, -1)
    is_target = (rows[:, :, None] == np.arange(rows.shape[1])).any(axis=1)
    single = len(shape) < 2

    def loss(x: Any) -> Any:
        out = _multilabel_margin(fnp.reshape(x, rows.shape), rows, is_target, reduction)
        return fnp.reshape(out, ()) if single else out

    return call_with((target,), MULTILABEL_MARGIN, loss, input)
