"""Activations."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad import nn
from funcgrad.core.warned import warn
from funcgrad.nn.activations import SELU_ALPHA, SELU_SCALE
from funcgrad.torch._ops import pointwise, reduce
from funcgrad.torch._ops.create import empty_like, zeros_like
from funcgrad.torch._ops.draws import exponential_
from funcgrad.torch._ops.inplace import in_place
from funcgrad.torch._ops.random import default_generator
from funcgrad.torch._record.calls import Kind, call, call_with, need_tensor
from funcgrad.torch._record.operands import one_dtype, refuse
from funcgrad.torch._tensor.dtypes import held
from funcgrad.torch._tensor.formats import contiguous_format
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.nn import _kinks
from funcgrad.torch.nn._recorded import recorded


def _chosen(fun: Any, input: Tensor, inplace: bool, *args: Any) -> Tensor:
    return in_place(fun)(input, *args) if inplace else fun(input, *args)


def _log_sigmoid_read(keep: Any, x: Any) -> Any:
    below = x < 0
    return fnp.where(below, x, 0) - fnp.log1p(keep(fnp.exp(fnp.where(below, x, -x))))


_leaky_relu = recorded("LeakyRelu", "x", "leaky_relu_cpu")(_kinks.leaky_relu)
_hardtanh = recorded("Hardtanh", "x")(_kinks.hardtanh)
_threshold = recorded("Threshold", "x")(_kinks.threshold)
_hardshrink = recorded("Hardshrink", "x", "hardshrink_cpu")(_kinks.hardshrink)
_softshrink = recorded("Softshrink", "x")(_kinks.softshrink)
_prelu = recorded("PreluKernel", "xy", "prelu_cpu")(_kinks.prelu)
_elu = recorded("Elu", "x", "elu_cpu")(_kinks.elu)
_celu = recorded("Celu", "x", "elu_cpu")(_kinks.celu)
_silu = recorded("Silu", "x", "silu_cpu")(nn.silu)
_mish = recorded("Mish", "x", "mish_cpu")(nn.mish)
_hardsigmoid = recorded("Hardsigmoid", "x", "hardsigmoid_cpu")(_kinks.hardsigmoid)
_hardswish = recorded("Hardswish", "x", "hardswish_cpu")(_kinks.hardswish)
_gelu = recorded("Gelu", "x", "GeluKernelImpl")(nn.gelu)
_glu = recorded("Glu", "x", "glu_cpu")(nn.glu)
_logsigmoid = recorded("LogSigmoid", "x", "log_sigmoid_cpu", _log_sigmoid_read)(nn.log_sigmoid)


@recorded("Elu", "x", "elu_cpu")
def _selu(x: Any) -> Any:
    return SELU_SCALE * _kinks.elu(x, SELU_ALPHA)


@recorded("Softplus", "x", "softplus_cpu")
def _softplus(x: Any, beta: float, threshold: float) -> Any:
    scaled = x * beta
    return fnp.where(scaled > threshold, x, nn.softplus(scaled) / beta)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(input, 0); the derivative at 0 is 0."""
    return _chosen(pointwise.relu, input, True) if inplace else pointwise.relu(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """`input` where it is positive, `negative_slope` times it elsewhere."""
    return _chosen(_leaky_relu, input, inplace, negative_slope)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """Limited to [min_val, max_val]; the derivative at the limits is 0."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if isinstance(input, Tensor) and (kind := input._read().dtype).kind in "iubc":
        if kind.kind == "b":
            raise RuntimeError("Bool inputs not supported for hardtanh")
        if kind.kind == "c":
            raise NotImplementedError("clamp is not supported for complex types")
        if kind.kind == "u" and min_val < 0:
            raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
        min_val, max_val = kind.type(min_val), kind.type(max_val)
    return _chosen(_hardtanh, input, inplace, min_val, max_val)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """Limited to [0, 6]."""
    return hardtanh(input, 0.0, 6.0, inplace)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """`value` where the input is not above the threshold."""
    need_tensor(input, "threshold")
    refuse(input, "bc", "threshold_cpu")
    kind = input._read().dtype
    if kind.kind in "iu":
        threshold, value = (held(given, kind).item() for given in (threshold, value))
    return _chosen(_threshold, input, inplace, threshold, value)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`alpha * (exp(x) - 1)` where x is negative."""
    return _chosen(_elu, input, inplace, alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """`elu`, scaled so that mean 0 and variance 1 are kept from layer to layer."""
    return _chosen(_selu, input, inplace)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`alpha * (exp(x / alpha) - 1)` where x is negative."""
    if not alpha:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _chosen(_celu, input, inplace, alpha)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x * sigmoid(x)"""
    return _chosen(_silu, input, inplace)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * tanh(softplus(x))"""
    return _chosen(_mish, input, inplace)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """relu6(x + 3) / 6"""
    return _chosen(_hardsigmoid, input, inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * hardsigmoid(x)"""
    return _chosen(_hardswish, input, inplace)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x times the normal distribution function of x, or its approximation by `tanh`."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return _gelu(input, approximate=approximate == "tanh")


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * x)) / beta; x itself where beta * x is above the threshold."""
    return _softplus(input, beta, threshold)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """0 in [-lambd, lambd]."""
    return _hardshrink(input, lambd)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Nearer to zero by `lambd`, 0 in between."""
    need_tensor(input, "softshrink")
    refuse(input, "iub", "softshrink_check")
    if not lambd >= 0:
        largest = np.finfo(input._read().dtype).max
        raise RuntimeError(
            f"lambda must be in range [0, {largest:g}] for input dtype {input.dtype.title}, but found {lambd:g}"
        )
    return _softshrink(input, lambd)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """`input` where it is positive, `weight` times it elsewhere: one number, or one for each channel."""
    channels = input.shape[1] if input.dim() > 1 else 1
    one_dtype("prelu: Type promoting not supported. Got {} and {}", input, weight)
    if weight.dim() > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.dim()}")
    if weight.numel() != 1 and input.dim() == 0:
        raise RuntimeError("Not allow zero-dim input tensor.")
    if weight.numel() not in (1, channels):
        raise RuntimeError(
            f"Mismatch of parameter numbers and input channel size. Found parameter numbers = {weight.numel()} and "
            f"channel size = {channels}."
        )
    if weight.dim() and input.dim() != 1:
        weight = weight.view((1, weight.numel(), *(1,) * (input.dim() - 2)) if input.dim() else ())
    return _prelu(input, weight)


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), without underflow."""
    return _logsigmoid(input)


def sigmoid(input: Tensor) -> Tensor:
    return pointwise.sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    return pointwise.tanh(input)


def softsign(input: Tensor) -> Tensor:
    """x / (|x| + 1)"""
    return input / (pointwise.abs(input) + 1)


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x)"""
    return input - pointwise.tanh(input)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """One half along a dimension, times the sigmoid of the other."""
    if input.dim() == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    axis = dimension(dim, input.dim())
    if input.shape[axis] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {axis} is size {input.shape[axis]}")
    return _glu(input, axis=axis)


def _dim_of(name: str, ndim: int) -> int:
    warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        UserWarning,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """exp(x) divided by its sum along `dim`."""
    return reduce.softmax(input, _dim_of("softmax", input.dim()) if dim is None else dim, dtype=dtype)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """softmax(-x)"""
    return reduce.softmax(-input, _dim_of("softmin", input.dim()) if dim is None else dim, dtype=dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """The logarithm of `softmax`."""
    return reduce.log_softmax(input, _dim_of("log_softmax", input.dim()) if dim is None else dim, dtype=dtype)


relu_, leaky_relu_, hardtanh_ = in_place(pointwise.relu), in_place(leaky_relu), in_place(hardtanh)
threshold_, elu_, selu_, celu_ = in_place(threshold), in_place(elu), in_place(selu), in_place(celu)


RRELU = Kind("RreluWithNoiseBackward0", "x")


def _rrelu(input: Tensor, lower: float, upper: float, training: bool) -> Tensor:
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    value = input._array("`rrelu`")
    refuse(input, "iubc", "rrelu_with_noise_out_cpu" if training else "leaky_relu_cpu")
    if not training:
        return _leaky(input, (lower + upper) / 2)
    negative = value <= 0
    draws = default_generator.uniform(int(np.count_nonzero(negative)), np.dtype(np.float64))
    slopes = np.ones(value.shape, value.dtype)
    slopes[negative] = draws * (upper - lower) + lower
    return call_with((fresh(slopes),), RRELU, fnp.multiply, input, slopes)


def _leaky(input: Tensor, slope: float) -> Tensor:
    return call(RRELU, _kinks.leaky_relu, input, negative_slope=slope)


def rrelu(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """`leaky_relu` with slopes by chance in training, and with the mean of both bounds else: Xu et al., 2015."""
    return _chosen(_rrelu, input, inplace, lower, upper, training)


def rrelu_(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Tensor:
    """`rrelu` in place."""
    return rrelu(input, lower, upper, training, True)


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """Samples of categories that differentiate: Jang et al., 2017. With `hard`, one-hot with the others' gradients."""
    if eps != 1e-10:
        warn("`eps` parameter is deprecated and has no effect.", UserWarning)
    gumbels = -exponential_(empty_like(logits, memory_format=contiguous_format)).log()
    soft = ((logits + gumbels) / tau).softmax(dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    return zeros_like(logits).scatter_(dim, index, 1.0) - soft.detach() + soft
