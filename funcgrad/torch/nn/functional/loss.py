"""Losses. `reduction` is "mean", "sum" or "none"."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad import nn
from funcgrad.core.trace import Tracer
from funcgrad.core.warned import warn
from funcgrad.torch._ops import pointwise as ops
from funcgrad.torch._ops import values
from funcgrad.torch._ops.create import zeros_like
from funcgrad.torch._ops.inplace import cannot_hold
from funcgrad.torch._ops.inspect import broadcast_shapes
from funcgrad.torch._ops.pointwise import NEGATION_OF_BOOLS, plus_number
from funcgrad.torch._ops.precision import widened
from funcgrad.torch._ops.special import xlogy
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.modes import no_grad
from funcgrad.torch._record.operands import cast, check_broadcast, one_dtype, promote, refuse
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.dtypes import category
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn import _kinks
from funcgrad.torch.nn._recorded import Quick
from funcgrad.torch.nn._reduction import chosen
from funcgrad.torch.nn.functional.activation import logsigmoid
from funcgrad.transforms.fused import fused

REDUCTIONS = ("none", "mean", "sum")


def check_reduction(reduction: str) -> None:
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction")


def reduced(loss: Tensor, reduction: str) -> Tensor:
    check_reduction(reduction)
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss


def _total_by_count(v: Any) -> Any:
    """As `fnp.mean`, which takes 15 us more to look at its arguments."""
    shape = v.shape
    return values.divide(values.total(v, tuple(range(len(shape)))), math.prod(shape) or np.nan)


_mean = widened(_total_by_count, np.float16)


def reduced_value(loss: Any, reduction: str) -> Any:
    return _mean(loss) if reduction == "mean" else fnp.sum(loss) if reduction == "sum" else loss


def _of_sizes(input: Tensor, target: Tensor) -> None:
    """PyTorch's warning about a target that is broadcast."""
    if target.shape != input.shape:
        warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will "
            "likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
            UserWarning,
        )


def _are_alike(a: Any, b: Any) -> bool:
    x, y = a._read(), b._read()
    return x.shape == y.shape and x.dtype is y.dtype and x.dtype.kind == "f"


def _squares(d: Any, beta: float) -> Any:
    return values.square(d)


def _smooth(d: Any, beta: float) -> Any:
    size = fnp.abs(d)
    return fnp.where(size < beta, 0.5 * d * d / beta, size - 0.5 * beta)


def _huber(d: Any, beta: float) -> Any:
    size = fnp.abs(d)
    return fnp.where(size < beta, 0.5 * d * d, beta * (size - 0.5 * beta))


def _of_difference(
    name: str, kernel: str, loss: Callable[[Any, float], Any], in_inputs_dtype: bool = False
) -> Callable[..., Tensor]:
    """A loss of the difference, elementwise and reduced, as one operation; in the common dtype, if not the input's."""
    kind = Kind(name, "xy")

    @fused
    def of_difference(a: Any, b: Any, beta: float = 1.0, reduction: str = "mean") -> Any:
        return reduced_value(loss(a - b, beta), reduction)

    quick = Quick(kind, of_difference)

    def apply(input: Tensor, target: Tensor, reduction: str, beta: float = 1.0) -> Tensor:
        if reduction == "mean" and beta == 1 and _are_alike(input, target):
            return quick(input, target)
        _of_sizes(input, target)
        check_broadcast(input.shape, target.shape)
        check_reduction(reduction)
        x, y = promote(input, target)
        own = input._read().dtype
        if not in_inputs_dtype or x._read().dtype == own:
            refuse(x, "iubc", kernel)
            return call(kind, of_difference, x, y, beta=beta, reduction=reduction)
        if category(x._read().dtype) > category(own):
            raise cannot_hold(input, x._read().dtype)
        return call(kind, lambda a, b: reduced_value(loss(a - b, beta).astype(own), reduction), x, y)

    return apply


_mse_loss = _of_difference("MseLoss", "mse_cpu", _squares)
_smooth_l1_loss = _of_difference("SmoothL1LossBackward0", "smooth_l1_cpu", _smooth)
_huber_loss = _of_difference("HuberLoss", "huber_cpu", _huber, in_inputs_dtype=True)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Squared differences."""
    reduction = chosen(size_average, reduce, reduction)
    if weight is not None:
        _of_sizes(input, target)
        return _weighted((input - target) ** 2, weight, input, reduction)
    return _mse_loss(input, target, reduction)


def _weighted(loss: Tensor, weight: Tensor, input: Tensor, reduction: str) -> Tensor:
    if weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")
    loss = loss * weight
    return loss.sum() / weight.sum() if reduction == "mean" else reduced(loss, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Absolute differences."""
    reduction = chosen(size_average, reduce, reduction)
    _of_sizes(input, target)
    loss = ops.abs(input - target)
    return reduced(loss, reduction) if weight is None else _weighted(loss, weight, input, reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Squares below `beta`, absolute differences above."""
    reduction = chosen(size_average, reduce, reduction)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    return _smooth_l1_loss(input, target, reduction, beta)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """As `smooth_l1_loss`, times `delta`."""
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    if weight is None:
        return _huber_loss(input, target, reduction, delta)
    return _weighted(_huber_loss(input, target, "none", delta), weight, input, reduction)


# Classes


def _bce(x: Any, target: Any, weight: Any, reduction: str) -> Any:
    loss = _kinks.binary_cross_entropy(x, target)
    return reduced_value(loss if weight is None else (loss * weight).astype(x.dtype), reduction)


BCE = Kind("BinaryCrossEntropy", "xyz", takes="01")
BCE_WITH_LOGITS = Kind("BinaryCrossEntropyWithLogits", "zxya", takes="01")


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """-(target * log(input) + (1 - target) * log(1 - input)), the logarithms at least -100."""
    reduction = chosen(size_average, reduce, reduction)
    check_reduction(reduction)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is deprecated. "
            "Please ensure they have the same size."
        )
    one_dtype("Found dtype {} but expected {}", target, input)
    refuse(input, "iubc", "binary_cross_entropy")
    value = constant(input._read())
    if not isinstance(value, Tracer) and not bool(np.all((value >= 0) & (value <= 1))):
        raise RuntimeError("all elements of input should be between 0 and 1")
    if weight is not None:
        shape = broadcast_shapes(target.shape, weight.shape)
        if shape != input.shape:
            raise RuntimeError(f"output with shape {list(input.shape)} doesn't match the broadcast shape {list(shape)}")
    return call(BCE, _bce, input, target, weight, reduction=reduction)


@fused
def _bce_with_logits(x: Any, target: Any, weight: Any, pos_weight: Any, reduction: str) -> Any:
    factor = 1.0 if pos_weight is None else (pos_weight - 1.0) * target + 1.0
    loss = (1.0 - target) * x - factor * nn.log_sigmoid(x)
    weighted = loss if weight is None else loss * weight
    return reduced_value(weighted.astype(target.dtype), reduction)  # PyTorch computes in the memory of 1 - target


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """`binary_cross_entropy` of the sigmoid; `pos_weight` weights the positive targets."""
    reduction = chosen(size_average, reduce, reduction)
    check_reduction(reduction)
    if target.shape != input.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    refuse(input, "iub", "log_sigmoid_cpu")
    ops.check_no_bools(target, target)
    if input.is_floating_point() and target._read().dtype.kind in "iu":
        raise RuntimeError(
            f"result type {input.dtype.title} can't be cast to the desired output type {target.dtype.title}"
        )
    whole = tuple(target.shape)
    for given in (pos_weight, weight):
        if given is not None:
            first, second = (tuple(given.shape), whole) if given is pos_weight else (whole, tuple(given.shape))
            check_broadcast(first, second)
            whole = np.broadcast_shapes(first, second)
    return call(BCE_WITH_LOGITS, _bce_with_logits, input, target, weight, pos_weight, reduction=reduction)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target * (log(target) - input), where `input` has log-probabilities, and `target` too if `log_target`."""
    if reduction == "mean" and size_average is None and reduce is None:
        warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
            UserWarning,
        )
    reduction = chosen(size_average, reduce, reduction)
    for given in (input, target):
        refuse(given, "c", "kl_div: Complex inputs not supported.")
        refuse(given, "iub", "kl_div: Integral inputs not supported.")
    loss = ops.exp(target) * (target - input) if log_target else xlogy(target, target) - target * input
    if reduction == "batchmean":
        return loss.sum() / input.shape[0] if input.dim() else loss.sum()
    return reduced(loss, reduction)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: Any = None,
    eps: float = 1e-8,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """exp(input) - target * input, or with the rate itself as input; `full` adds Stirling's approximation."""
    reduction = chosen(size_average, reduce, reduction)
    check_reduction(reduction)
    loss = ops.exp(input) - target * input if log_input else input - target * ops.log(plus_number(input, eps))
    if full:
        stirling = target * ops.log(target) - target + 0.5 * ops.log(2 * math.pi * target)
        loss = loss + stirling.masked_fill(target <= 1, 0)
    return reduced(loss, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """(log(var) + (input - target) ** 2 / var) / 2; `var` is at least `eps`, with the gradient of a larger one."""
    if not isinstance(var, Tensor):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = zeros_like(input) + var
    elif bool((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    if var.shape != input.shape:
        if input.shape[:-1] == var.shape:
            var = var.unsqueeze(-1)
        elif input.dim() != var.dim() or [m for n, m in zip(input.shape, var.shape) if n != m] != [1]:
            raise ValueError("var is of incorrect size")
    if reduction not in REDUCTIONS:
        raise ValueError(reduction + " is not valid")
    var = var.clone()
    with no_grad():
        var.clamp_(min=eps)
    loss = 0.5 * (ops.log(var) + (input - target) ** 2 / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduced(loss, reduction)


def _soft_margin(x: Any, target: Any, reduction: str) -> Any:
    return reduced_value(nn.softplus(-target * x), reduction)


SOFT_MARGIN = Kind("SoftMarginLoss", "xy", takes="0")


def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """log(1 + exp(-target * input)) for targets 1 and -1."""
    reduction = chosen(size_average, reduce, reduction)
    check_reduction(reduction)
    refuse(input, "b", NEGATION_OF_BOOLS)
    check_broadcast(tuple(input.shape), tuple(target.shape))
    if input._read().dtype.kind in "iu":
        raise RuntimeError(f"result type Float can't be cast to the desired output type {input.dtype.title}")
    if target._read().dtype.kind == "c" != input._read().dtype.kind:
        raise RuntimeError(
            f"result type {target.dtype.title} can't be cast to the desired output type {input.dtype.title}"
        )
    whole = np.broadcast_shapes(tuple(input.shape), tuple(target.shape))
    if whole != input.shape:
        raise RuntimeError(f"output with shape {list(input.shape)} doesn't match the broadcast shape {list(whole)}")
    target = target if target.dtype is input.dtype else cast(target, input._read().dtype)
    return call(SOFT_MARGIN, _soft_margin, input, target, reduction=reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """`binary_cross_entropy_with_logits`, averaged over the classes, which are along the last dimension."""
    reduction = chosen(size_average, reduce, reduction)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return reduced(loss.sum(input.dim() - 1) / input.shape[-1], reduction)
