"""Functions of elements whose derivatives at kinks and at NaN are PyTorch's, where those of `funcgrad.nn` are JAX's.

Each is a value with funcgrad's derivatives, chosen by `where`; what has derivative zero is a `constant`.
"""

from __future__ import annotations

from typing import Any

import funcgrad.numpy as fnp
from funcgrad.torch._ops.kinks import is_anywhere
from funcgrad.torch._record.tape import constant


def leaky_relu(x: Any, negative_slope: float) -> Any:
    """At 0 PyTorch takes the negative side: it asks `x > 0`."""
    return fnp.where(x > 0, x, x * negative_slope)


def prelu(x: Any, weight: Any) -> Any:
    """As `leaky_relu`; at 0 the derivative does not depend on the weight."""
    return fnp.where(x > 0, x, fnp.where(x == 0, constant(weight), weight) * x)


def elu(x: Any, alpha: float) -> Any:
    """At 0 the derivative is that of the negative side, the second one is 0; at NaN the derivative is 1."""
    negative = x < 0
    below = alpha * fnp.expm1(fnp.where(negative, x, 0.0))
    return fnp.where(negative, below, x if alpha == 1 else fnp.where(x == 0, alpha * x, x))


def celu(x: Any, alpha: float) -> Any:
    """As `elu`, with the derivative 1 at 0."""
    negative = x < 0
    return fnp.where(negative, alpha * fnp.expm1(fnp.where(negative, x, 0.0) / alpha), x)


def hardtanh(x: Any, low: float, high: float) -> Any:
    """At both limits PyTorch's derivative is 0, where that of `clamp` is 1."""
    return fnp.where(x <= low, low, fnp.where(x >= high, high, x))


def hardsigmoid(x: Any) -> Any:
    """At both limits, and at NaN, the derivative is 0."""
    return fnp.where((x > -3) & (x < 3), (x + 3.0) / 6.0, fnp.clip(constant(x) + 3.0, 0.0, 6.0) / 6.0)


def hardswish(x: Any) -> Any:
    """At the lower limit the derivative is 0, at the upper one and at NaN 1."""
    inside = (x > -3) & (x < 3)
    between = fnp.where(inside, x, 0.0)
    return fnp.where(inside, between * ((between + 3.0) / 6.0), fnp.where(x <= -3, constant(x) * 0.0, x))


def threshold(x: Any, at: float, value: float) -> Any:
    """At the threshold PyTorch takes the constant."""
    return fnp.where(x <= at, value, x)


def hardshrink(x: Any, limit: float) -> Any:
    """At both limits PyTorch takes the zero."""
    return fnp.where((x >= -limit) & (x <= limit), 0.0, x)


def softshrink(x: Any, limit: float) -> Any:
    """As `hardshrink`; at NaN the derivative is 1."""
    beyond = fnp.where(x > limit, x - limit, fnp.where(x < -limit, x + limit, x))
    return fnp.where((x >= -limit) & (x <= limit), 0.0, beyond)


def binary_cross_entropy(x: Any, target: Any) -> Any:
    """PyTorch bounds the logarithms by -100, and in the derivative instead the denominator, by 1e-12."""
    at = constant(x)
    edge = (1.0 - at) * at < 1e-12
    inside = fnp.where(edge, 0.5, x)
    smooth = -(target * fnp.log(inside) + (1.0 - target) * fnp.log1p(-inside))
    if not is_anywhere(edge):
        return smooth
    bounded = -(target * fnp.maximum(fnp.log(at), -100.0) + (1.0 - target) * fnp.maximum(fnp.log1p(-at), -100.0))
    return fnp.where(edge, bounded + (x - at) * ((at - constant(target)) / 1e-12), smooth)
