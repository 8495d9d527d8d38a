"""The gamma distribution and those made of it. Draws move with their parameters, so they can be differentiated."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops.broadcasting import broadcast_to
from funcgrad.ops.reduce import reduce_max
from funcgrad.ops.sampling import random_gamma
from funcgrad.ops.threefry import split_key
from funcgrad.random.keys import Shape, checked, float_dtype, in_dtype, shape_of
from funcgrad.random.uniform import exponential, normal, rademacher


def gamma(key: Array, a: Array, shape: Shape | None = None, dtype: Any = float) -> Array:
    """Gamma distributed numbers with the density `x ** (a - 1) * exp(-x) / gamma(a)`.

    Args:
        key: a key.
        a: parameters > 0; NaN elsewhere.
        shape: the result's, to which `a` broadcasts; that of `a` if it is None.
        dtype: float64 or float32.

    Returns:
        Numbers that can be differentiated in `a`, any number of times: a number keeps its place in the distribution,
        `dx/da = -(dP(a, x)/da) / (dP(a, x)/dx)`. Figurnov, Mohamed, Mnih,
        "Implicit reparameterization gradients", 2018.

    Example:
        >>> gamma(fg.random.key(42), np.array([0.3, 1.5, 1000.0])).round(4)
        array([4.0600000e-02, 9.6350000e-01, 1.0543988e+03])
    """
    return _gamma("gamma", key, a, shape, dtype, log=False)


def loggamma(key: Array, a: Array, shape: Shape | None = None, dtype: Any = float) -> Array:
    """The logarithm of a gamma distributed number, precise where that is as good as 0."""
    return _gamma("loggamma", key, a, shape, dtype, log=True)


def _gamma(name: str, key: Array, a: Array, shape: Shape | None, dtype: Any, log: bool) -> Array:
    dtype = float_dtype(name, dtype)
    shape = shape_of(name, shape, a)
    return random_gamma(checked(key, name), _stretched(in_dtype(a, dtype), shape), log=log)


def _stretched(x: Array, shape: tuple[int, ...]) -> Array:
    return x if x.shape == shape else broadcast_to(x, shape=shape)


def beta(key: Array, a: Array, b: Array, shape: Shape | None = None, dtype: Any = float) -> Array:
    """Numbers between 0 and 1 with a density proportional to `x ** (a - 1) * (1 - x) ** (b - 1)`."""
    shape = shape_of("beta", shape, a, b)
    keys = split_key(checked(key, "beta"), (2,))
    x, y = loggamma(keys[0], a, shape, dtype), loggamma(keys[1], b, shape, dtype)
    top = ew.stop_gradient(ew.maximum(x, y))
    x, y = ew.exp(x - top), ew.exp(y - top)
    return x / (x + y)


def dirichlet(key: Array, alpha: Array, shape: Shape | None = None, dtype: Any = float) -> Array:
    """Positive numbers with the sum 1 along the last axis.

    Args:
        key: a key.
        alpha: parameters of shape ``(..., n)``.
        shape: that of the result without its last axis.

    Example:
        >>> dirichlet(fg.random.key(0), np.ones(3)).sum().round(12)
        np.float64(1.0)
    """
    if not np.ndim(alpha):
        raise ValueError("dirichlet: alpha must have at least one axis")
    if shape is not None:
        shape = (*shape_of("dirichlet", shape, np.empty(np.shape(alpha)[:-1])), np.shape(alpha)[-1])
    logs = loggamma(key, alpha, shape, dtype)
    last = (logs.ndim - 1,)
    terms = ew.exp(logs - reduce_max(ew.stop_gradient(logs), axes=last)[..., None])
    return terms / terms.sum(axis=-1)[..., None]


def chisquare(key: Array, df: Array, shape: Shape | None = None, dtype: Any = float) -> Array:
    """The sum of `df` squares of normally distributed numbers."""
    dtype = float_dtype("chisquare", dtype)
    return ew.exp(loggamma(key, in_dtype(df, dtype) / 2, shape_of("chisquare", shape, df), dtype)) * 2


def t(key: Array, df: Array, shape: Shape | None = None, dtype: Any = float) -> Array:
    """Student's distribution with `df` degrees of freedom."""
    dtype = float_dtype("t", dtype)
    shape = shape_of("t", shape, df)
    keys = split_key(checked(key, "t"), (2,))
    half = in_dtype(df, dtype) / 2
    return normal(keys[0], shape, dtype) * ew.sqrt(half / gamma(keys[1], half, shape, dtype))


def f(key: Array, dfnum: Array, dfden: Array, shape: Shape | None = None, dtype: Any = float) -> Array:
    """The quotient of two means of squares, of `dfnum` and `dfden` normally distributed numbers."""
    dtype = float_dtype("f", dtype)
    shape = shape_of("f", shape, dfnum, dfden)
    keys = split_key(checked(key, "f"), (2,))
    above, below = (in_dtype(df, dtype) for df in (dfnum, dfden))
    return (chisquare(keys[1], above, shape, dtype) / above) / (chisquare(keys[0], below, shape, dtype) / below)


def generalized_normal(key: Array, p: Array, shape: Shape = (), dtype: Any = float) -> Array:
    """Numbers with a density proportional to `exp(-abs(x) ** p)`."""
    dtype = float_dtype("generalized_normal", dtype)
    keys = split_key(checked(key, "generalized_normal"), (2,))
    inverse = 1 / in_dtype(p, dtype)
    return rademacher(keys[1], shape, dtype) * ew.pow(gamma(keys[0], inverse, shape, dtype), inverse)


def ball(key: Array, d: int, p: Array = 2.0, shape: Shape = (), dtype: Any = float) -> Array:
    """Points of the ball of the p-norm with radius 1 in `d` dimensions, `(*shape, d)`, all equally likely.

    Barthe, Guedon, Mendelson, Naor, "A probabilistic approach to the geometry of the l_p^n-ball", 2005.

    Example:
        >>> bool(np.linalg.norm(ball(fg.random.key(0), 3)) < 1)
        True
    """
    dtype = float_dtype("ball", dtype)
    shape = shape_of("ball", shape)
    keys = split_key(checked(key, "ball"), (2,))
    x = generalized_normal(keys[0], p, (*shape, d), dtype)
    p = in_dtype(p, dtype)
    radius = ew.pow(ew.pow(ew.abs(x), p).sum(axis=-1) + exponential(keys[1], shape, dtype), 1 / p)
    return x / radius[..., None]
