"""Activations, with JAX's signatures; their derivatives at kinks are JAX's."""

from __future__ import annotations

import math

from funcgrad.numpy.dispatch import Array
from funcgrad.numpy.joining import split
from funcgrad.ops import elementwise as ew
from funcgrad.ops import special
from funcgrad.ops.operands import as_array, as_inexact

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "identity",
    "leaky_relu",
    "log1mexp",
    "log_sigmoid",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_sign",
    "softplus",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "swish",
    "tanh",
]

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946
"""Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks", 2017."""


def identity(x: Array) -> Array:
    """`x`."""
    return as_array(x)


def tanh(x: Array) -> Array:
    """The hyperbolic tangent."""
    return ew.tanh(as_inexact(x))


def relu(x: Array) -> Array:
    """`max(x, 0)`; the derivative at 0 is 0.

    Example:
        >>> import numpy as np
        >>> relu(np.array([-1.0, 2.0]))
        array([0., 2.])
    """
    return ew.relu(as_array(x))


def leaky_relu(x: Array, negative_slope: Array = 1e-2) -> Array:
    """`x` where it is not negative, `negative_slope * x` elsewhere; the derivative at 0 is 1."""
    x = as_inexact(x)
    return ew.where(x >= 0, x, negative_slope * x)


def elu(x: Array, alpha: Array = 1.0) -> Array:
    """`x` where it is positive, `alpha * (exp(x) - 1)` elsewhere."""
    x = as_inexact(x)
    positive = x > 0
    return ew.where(positive, x, alpha * ew.expm1(ew.where(positive, 0.0, x)))


def sigmoid(x: Array) -> Array:
    """`1 / (1 + exp(-x))`, without overflow and precise in its lower tail."""
    return special.logistic(as_inexact(x))


def softplus(x: Array) -> Array:
    """`log(1 + exp(x))`, without overflow."""
    return special.softplus(as_inexact(x))


def silu(x: Array) -> Array:
    """`x * sigmoid(x)`."""
    return x * sigmoid(x)


def gelu(x: Array, approximate: bool = True) -> Array:
    """`x` times the normal distribution function of x: by its tanh approximation, or exactly by `erfc`."""
    x = as_inexact(x)
    if not approximate:
        return 0.5 * x * special.erfc(-math.sqrt(0.5) * x)
    return 0.5 * x * (1.0 + ew.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))


def relu6(x: Array) -> Array:
    """`min(max(x, 0), 6)`; the derivative at 0 and at 6 is 0.

    Example:
        >>> import numpy as np
        >>> relu6(np.array([-1.0, 2.0, 7.0]))
        array([0., 2., 6.])
    """
    x = as_inexact(x)
    return ew.where(x <= 0, 0.0, ew.where(x >= 6, 6.0, x))


def celu(x: Array, alpha: Array = 1.0) -> Array:
    """`x` where it is positive, `alpha * (exp(x / alpha) - 1)` elsewhere."""
    x = as_inexact(x)
    return ew.maximum(x, 0.0) + alpha * ew.expm1(ew.minimum(x, 0.0) / alpha)


def selu(x: Array) -> Array:
    """`elu`, scaled so that mean 0 and variance 1 are kept from layer to layer."""
    return SELU_SCALE * elu(x, SELU_ALPHA)


def glu(x: Array, axis: int = -1) -> Array:
    """One half of `x` along an axis, gated by the other: `first * sigmoid(second)`."""
    x = as_inexact(x)
    if x.shape[axis] % 2:
        raise ValueError(f"glu: the axis must have an even length, not {x.shape[axis]}")
    first, second = split(x, 2, axis)
    return first * sigmoid(second)


def hard_tanh(x: Array) -> Array:
    """`x` limited to [-1, 1]; the derivative at -1 and 1 is 1."""
    x = as_inexact(x)
    return ew.where(x > 1, 1.0, ew.where(x < -1, -1.0, x))


def hard_sigmoid(x: Array) -> Array:
    """`relu6(x + 3) / 6`."""
    return relu6(as_inexact(x) + 3.0) / 6.0


def hard_silu(x: Array) -> Array:
    """`x * hard_sigmoid(x)`."""
    x = as_inexact(x)
    return x * hard_sigmoid(x)


def log_sigmoid(x: Array) -> Array:
    """`log(sigmoid(x))`, without underflow."""
    return -softplus(-as_inexact(x))


def soft_sign(x: Array) -> Array:
    """`x / (abs(x) + 1)`."""
    x = as_inexact(x)
    return x / (ew.abs(x) + 1)


def squareplus(x: Array, b: Array = 4) -> Array:
    """`(x + sqrt(x * x + b)) / 2`, a smooth `relu`."""
    x = as_inexact(x)
    return (x + ew.sqrt(ew.square(x) + b)) / 2


def mish(x: Array) -> Array:
    """`x * tanh(softplus(x))`."""
    x = as_inexact(x)
    return x * ew.tanh(softplus(x))


def sparse_plus(x: Array) -> Array:
    """0 below -1, `x` above 1, and `(x + 1) ** 2 / 4` between: `softplus` for sparse transformations."""
    x = as_inexact(x)
    return ew.where(x <= -1.0, 0.0, ew.where(x >= 1.0, x, ew.square(x + 1.0) / 4))


def sparse_sigmoid(x: Array) -> Array:
    """0 below -1, 1 above 1, and `(x + 1) / 2` between: the derivative of `sparse_plus`."""
    return 0.5 * ew.clip(as_inexact(x) + 1.0, 0.0, 2.0)


def log1mexp(x: Array) -> Array:
    """`log(1 - exp(-x))` for x > 0, precise for all of them.

    By Maechler, "Accurately computing `log(1 - exp(-|a|))`", 2012.

    Example:
        >>> log1mexp(1e-20).round(6)
        np.float64(-46.051702)
    """
    x = as_inexact(x)
    near = x < math.log(2)
    return ew.where(near, ew.log(-ew.expm1(-ew.where(near, x, 1.0))), ew.log1p(-ew.exp(-ew.where(near, 1.0, x))))


hard_swish = hard_silu
swish = silu
