"""Losses with margins: what is far enough away costs nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.torch._ops.create import zeros_like
from funcgrad.torch._ops.pointwise import minimum
from funcgrad.torch._ops.select import where
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.operands import refuse
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn._reduction import chosen
from funcgrad.torch.nn.functional.distance import pairwise_distance
from funcgrad.torch.nn.functional.loss import check_classes, check_reduction, reduced, reduced_value


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
    return reduced((-target * (input1 - input2) + margin).clamp_min(0), reduction)


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
    near = pairwise_distance(anchor, positive, p, eps)
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduced((margin + near - far).clamp_min(0), reduction)


def _multi_margin(x: Any, weight: Any, target: Any, p: int, margin: float, reduction: str) -> Any:
    rows = x if x.ndim > 1 else x[None]
    at = target.reshape(-1, 1)
    gaps = margin - fnp.take_along_axis(rows, at, 1) + rows
    terms = fnp.where((gaps > 0) & (np.arange(rows.shape[1]) != at), gaps, 0.0) ** p
    if weight is not None:
        terms = terms * weight[at]
    loss = fnp.sum(terms, axis=1) / rows.shape[1]
    return reduced_value(loss if x.ndim > 1 else loss[0], reduction)


MULTI_MARGIN = Kind("MultiMarginLoss", "x")


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
    value = check_classes(input, target.reshape(-1) if input.dim() > 1 else target, None, -1 << 62)
    refuse(input, "iub", "multi_margin_loss_cpu_kernel")
    options = {"target": value, "p": p, "margin": margin, "reduction": reduction}
    return call(MULTI_MARGIN, _multi_margin, input, weight, **options)
