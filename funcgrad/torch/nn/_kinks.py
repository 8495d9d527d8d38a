"""Functions of elements whose derivatives at kinks are PyTorch's, where those of `funcgrad.nn` are JAX's."""

from __future__ import annotations

from typing import Any

import funcgrad.numpy as fnp
from funcgrad.torch._record.tape import constant


def leaky_relu(x: Any, negative_slope: float) -> Any:
    """At 0 PyTorch takes the negative side: it asks `x > 0`."""
    return fnp.where(x > 0, x, x * negative_slope)


def elu(x: Any, alpha: float) -> Any:
    """PyTorch asks `x <= 0`, so NaN has the derivative 1."""
    negative = x <= 0
    return fnp.where(negative, alpha * fnp.expm1(fnp.where(negative, x, 0.0)), x)


def celu(x: Any, alpha: float) -> Any:
    """As `elu`."""
    negative = x <= 0
    return fnp.where(negative, alpha * fnp.expm1(fnp.where(negative, x, 0.0) / alpha), x)


def hardtanh(x: Any, low: float, high: float) -> Any:
    """At both limits PyTorch's derivative is 0, where that of `clamp` is 1."""
    return fnp.where(x <= low, low, fnp.where(x >= high, high, x))


def threshold(x: Any, at: float, value: float) -> Any:
    """At the threshold PyTorch takes the constant."""
    return fnp.where(x <= at, value, x)


def hardshrink(x: Any, limit: float) -> Any:
    """At both limits PyTorch takes the zero."""
    return fnp.where((x >= -limit) & (x <= limit), 0.0, x)


def softshrink(x: Any, limit: float) -> Any:
    """As `hardshrink`; NaN stays NaN."""
    return fnp.where(x > limit, x - limit, fnp.where(x < -limit, x + limit, constant(x) * 0.0))


def prelu(x: Any, weight: Any) -> Any:
    """As `leaky_relu`."""
    return fnp.where(x > 0, x, weight * x)


def binary_cross_entropy(x: Any, target: Any) -> Any:
    """PyTorch bounds the logarithms by -100, and in the derivative instead the denominator, by 1e-12."""
    loss = -(target * fnp.maximum(fnp.log(x), -100.0) + (1.0 - target) * fnp.maximum(fnp.log1p(-x), -100.0))
    at = constant(x)
    edge = (1.0 - at) * at < 1e-12
    inside = fnp.where(edge, 0.5, x)
    smooth = -(target * fnp.log(inside) + (1.0 - target) * fnp.log1p(-inside))
    steep = constant(loss) + (x - at) * ((at - constant(target)) / 1e-12)
    return fnp.where(edge, steep, smooth)
