"""Bits, and numbers that are uniform or made of uniform ones by the inverse of a distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import as_array, as_inexact
from funcgrad.ops.sampling import standard_normal, uniform_between
from funcgrad.ops.special import erf, erf_inv
from funcgrad.ops.threefry import random_bits, split_key, unit_uniform
from funcgrad.random.keys import Shape, checked, float_dtype, in_dtype, shape_of


def bits(key: Array, shape: Shape = (), dtype: Any = np.uint64) -> Array:
    """Random bits, as unsigned integers.

    Example:
        >>> bits(fg.random.key(0), (2,), np.uint8).dtype
        dtype('uint8')
    """
    dtype = np.dtype(dtype)
    if dtype.kind != "u":
        raise ValueError(f"bits: dtype must be that of unsigned integers, not {dtype}")
    return random_bits(checked(key, "bits"), shape_of("bits", shape), dtype.itemsize * 8)


def uniform(key: Array, shape: Shape = (), dtype: Any = float, minval: Array = 0.0, maxval: Array = 1.0) -> Array:
    """Numbers in [minval, maxval), differentiable in both.

    Example:
        >>> uniform(fg.random.key(42), (2,))
        array([0.42672757, 0.01501007])
    """
    dtype = float_dtype("uniform", dtype)
    shape = shape_of("uniform", shape)
    return uniform_between(checked(key, "uniform"), shape, dtype, in_dtype(minval, dtype), in_dtype(maxval, dtype))


def randint(key: Array, shape: Shape, minval: Array, maxval: Array, dtype: Any = int) -> Array:
    """Integers in [minval, maxval); where there are none, `minval`.

    Args:
        key: a key.
        shape: the result's; the bounds broadcast to it.
        minval, maxval: integers; those that `dtype` cannot hold are moved into its range.
        dtype: that of the result.

    Example:
        >>> randint(fg.random.key(42), (5,), 1, 7)
        array([4, 5, 4, 2, 2])
    """
    dtype = np.dtype(dtype)
    if dtype.kind not in "iu":
        raise TypeError(f"randint: dtype must be that of integers, not {dtype}")
    key, shape = checked(key, "randint"), shape_of("randint", shape, minval, maxval)
    low, high = (
        x if x.dtype.kind in "iu" else ew.convert(x, dtype=np.dtype(int)) for x in map(as_array, (minval, maxval))
    )
    limits = np.iinfo(dtype)
    drawn = dtype if dtype.itemsize >= 4 else np.dtype(np.int32)
    above = high > np.iinfo(drawn).max
    low = _clipped(low, limits.min, limits.max, drawn)
    high = _clipped(high, limits.min, min(limits.max + 1, np.iinfo(drawn).max), drawn)
    unsigned = np.dtype(f"u{drawn.itemsize}")
    width = drawn.itemsize * 8
    with np.errstate(over="ignore"):
        span = ew.convert(high, dtype=unsigned) - ew.convert(low, dtype=unsigned)
        span = ew.where(high <= low, unsigned.type(1), span)
        span = ew.where(above & (high > low), span + unsigned.type(1), span)
        keys = split_key(key, (2,))
        upper, lower = (random_bits(keys[i], shape, width) for i in (0, 1))
        factor = _rest(unsigned.type(2 ** (width // 2)), span)
        factor = _rest(factor * factor, span)
        offset = _rest(_rest(upper, span) * factor + _rest(lower, span), span)
        return ew.convert(low + ew.convert(offset, dtype=drawn), dtype=dtype)


def _clipped(x: Array, low: int, high: int, dtype: np.dtype) -> Array:
    own = np.iinfo(x.dtype)
    kept = ew.clip(x, x.dtype.type(max(low, own.min)), x.dtype.type(min(high, own.max)))
    return ew.convert(kept, dtype=dtype)


def _rest(x: Array, span: Array) -> Array:
    """`x % span`, where 0 stands for all numbers that there are."""
    whole = span == 0
    return ew.where(whole, x, ew.mod(x, ew.where(whole, span.dtype.type(1), span)))


def bernoulli(key: Array, p: Array = 0.5, shape: Shape | None = None, mode: str = "low") -> Array:
    """True with probability `p`.

    Args:
        key: a key.
        p: probabilities, floats.
        shape: the result's, to which `p` broadcasts; that of `p` if it is None.
        mode: "high" draws twice the bits, for probabilities close to 0.

    Example:
        >>> bernoulli(fg.random.key(42), np.array([0.1, 0.9]))
        array([False,  True])
    """
    if mode not in ("high", "low"):
        raise ValueError(f"bernoulli: mode must be 'high' or 'low', not {mode!r}")
    key, shape, p = checked(key, "bernoulli"), shape_of("bernoulli", shape, p), as_array(p)
    dtype = float_dtype("bernoulli", p.dtype)
    if mode == "low":
        return unit_uniform(key, shape, dtype) < p
    both = unit_uniform(key, (2, *shape), dtype)
    return both[1] * dtype.type(2.0 ** -np.finfo(dtype).nmant) < p - both[0]


def rademacher(key: Array, shape: Shape = (), dtype: Any = int) -> Array:
    """-1 or 1, each with probability one half.

    Example:
        >>> rademacher(fg.random.key(0), (4,))
        array([ 1,  1, -1, -1])
    """
    heads = bernoulli(key, 0.5, shape)
    dtype = np.dtype(dtype)
    return ew.where(heads, dtype.type(1), dtype.type(-1))


def normal(key: Array, shape: Shape = (), dtype: Any = float) -> Array:
    """Normally distributed numbers with mean 0 and variance 1, also of all of a complex number.

    Example:
        >>> normal(fg.random.key(42), (2,)).round(8)
        array([-0.18471175, -2.16982456])
    """
    dtype = np.dtype(dtype)
    key, shape = checked(key, "normal"), shape_of("normal", shape)
    if dtype.kind != "c":
        return standard_normal(key, shape, float_dtype("normal", dtype))
    part = dtype.type(0).real.dtype
    keys = split_key(key, (2,))
    return ew.complex_of(*(standard_normal(keys[i], shape, part) for i in (0, 1))) / dtype.type(math.sqrt(2))


def truncated_normal(key: Array, lower: Array, upper: Array, shape: Shape | None = None, dtype: Any = float) -> Array:
    """Normally distributed numbers between two bounds, differentiable in both.

    Example:
        >>> x = truncated_normal(fg.random.key(0), -1.0, 2.0, (1000,))
        >>> bool(x.min() > -1 and x.max() < 2)
        True
    """
    dtype = float_dtype("truncated_normal", dtype)
    key, shape = checked(key, "truncated_normal"), shape_of("truncated_normal", shape, lower, upper)
    root = dtype.type(math.sqrt(2))
    low, high = in_dtype(lower, dtype), in_dtype(upper, dtype)
    drawn = root * erf_inv(uniform_between(key, shape, dtype, erf(low / root), erf(high / root)))
    inner = (ew.nextafter(ew.stop_gradient(x), dtype.type(to)) for x, to in ((low, math.inf), (high, -math.inf)))
    return ew.clip(drawn, *inner)


def lognormal(key: Array, sigma: Array = 1.0, shape: Shape | None = None, dtype: Any = float) -> Array:
    """`exp(sigma * normal)`."""
    shape = shape_of("lognormal", shape, sigma)
    return ew.exp(normal(key, shape, dtype) * in_dtype(sigma, np.dtype(dtype)))


def exponential(key: Array, shape: Shape = (), dtype: Any = float) -> Array:
    """Exponentially distributed numbers with mean 1.

    Example:
        >>> exponential(fg.random.key(42), (2,)).round(8)
        array([0.55639422, 0.01512386])
    """
    return -ew.log1p(-uniform(key, shape, dtype))


def gumbel(key: Array, shape: Shape = (), dtype: Any = float, mode: str = "low") -> Array:
    """`-log(-log(uniform))`; mode "high" draws twice the bits, for the upper tail."""
    if mode not in ("high", "low"):
        raise ValueError(f"gumbel: mode must be 'high' or 'low', not {mode!r}")
    dtype = float_dtype("gumbel", dtype)
    info = np.finfo(dtype)
    if mode == "low":
        return -ew.log(-ew.log(uniform(key, shape, dtype, minval=info.tiny)))
    both = uniform(key, (2, *shape), dtype)
    least = dtype.type(max(2.0 ** -(2 * info.nmant + 1), info.tiny))
    x = ew.where(both[0] >= 0.5, both[0], both[0] + dtype.type(2.0**-info.nmant) * both[1] + least)
    return -ew.log(-ew.log1p(-x))


def laplace(key: Array, shape: Shape = (), dtype: Any = float) -> Array:
    """Numbers with the density `exp(-abs(x)) / 2`."""
    dtype = float_dtype("laplace", dtype)
    u = uniform(key, shape, dtype, minval=dtype.type(-1) + np.finfo(dtype).epsneg)
    return ew.sign(u) * ew.log1p(-ew.abs(u))


def logistic(key: Array, shape: Shape = (), dtype: Any = float) -> Array:
    """Numbers whose distribution function is `1 / (1 + exp(-x))`."""
    dtype = float_dtype("logistic", dtype)
    u = uniform(key, shape, dtype, minval=np.finfo(dtype).tiny)
    return ew.log(u) - ew.log1p(-u)


def cauchy(key: Array, shape: Shape = (), dtype: Any = float) -> Array:
    """Numbers with the density `1 / (pi (1 + x * x))`."""
    dtype = float_dtype("cauchy", dtype)
    u = uniform(key, shape, dtype, minval=np.finfo(dtype).eps)
    return ew.tan(dtype.type(math.pi) * (u - dtype.type(0.5)))


def weibull_min(key: Array, scale: Array, concentration: Array, shape: Shape = (), dtype: Any = float) -> Array:
    """Numbers with the distribution function `1 - exp(-(x / scale) ** concentration)`."""
    dtype = float_dtype("weibull_min", dtype)
    waited = exponential(key, shape, dtype)
    return ew.pow(waited, 1 / in_dtype(concentration, dtype)) * in_dtype(scale, dtype)


def pareto(key: Array, b: Array, shape: Shape | None = None, dtype: Any = float) -> Array:
    """Numbers from 1 on with the density `b / x ** (b + 1)`."""
    dtype = float_dtype("pareto", dtype)
    return ew.exp(exponential(key, shape_of("pareto", shape, b), dtype) / in_dtype(b, dtype))


def rayleigh(key: Array, scale: Array, shape: Shape | None = None, dtype: Any = float) -> Array:
    """The length of a vector of two normally distributed numbers, times `scale`."""
    dtype = float_dtype("rayleigh", dtype)
    u = uniform(key, shape_of("rayleigh", shape, scale), dtype)
    return in_dtype(scale, dtype) * ew.sqrt(ew.log(u) * dtype.type(-2))


def wald(key: Array, mean: Array, shape: Shape | None = None, dtype: Any = float) -> Array:
    """The inverse normal distribution: when a Brownian motion with drift 1 / mean first reaches 1 (scale 1)."""
    dtype = float_dtype("wald", dtype)
    shape, mean = shape_of("wald", shape, mean), in_dtype(mean, dtype)
    keys = split_key(checked(key, "wald"), (2,))
    y = ew.square(normal(keys[0], shape, dtype))
    u = uniform(keys[1], shape, dtype)
    square = ew.square(mean)
    root = ew.sqrt(4 * mean * y + square * ew.square(y))
    x = mean + square * y / 2 - mean / 2 * root
    return ew.where(u <= mean / (mean + x), x, square / x)


def triangular(
    key: Array, left: Array, mode: Array, right: Array, shape: Shape | None = None, dtype: Any = float
) -> Array:
    """Numbers between `left` and `right` whose density rises up to `mode` and falls from there."""
    dtype = float_dtype("triangular", dtype)
    shape = shape_of("triangular", shape, left, mode, right)
    left, mode, right = (in_dtype(x, dtype) for x in (left, mode, right))
    u = uniform(key, shape, dtype)
    rising = left + ew.sqrt(u * (right - left) * (mode - left))
    falling = right - ew.sqrt((1 - u) * (right - left) * (right - mode))
    return ew.where(u < (mode - left) / (right - left), rising, falling)


def maxwell(key: Array, shape: Shape = (), dtype: Any = float) -> Array:
    """The length of a vector of three normally distributed numbers."""
    x = normal(key, (*shape_of("maxwell", shape), 3), float_dtype("maxwell", dtype))
    return ew.sqrt((x * x).sum(axis=-1))


def double_sided_maxwell(key: Array, loc: Array, scale: Array, shape: Shape = (), dtype: Any = float) -> Array:
    """`loc + scale * sign * maxwell`; the result has the parameters' shape behind `shape`, as JAX has it."""
    dtype = float_dtype("double_sided_maxwell", dtype)
    parameters = shape_of("double_sided_maxwell", None, loc, scale)
    shape = (*(tuple(shape) or parameters), *parameters)
    keys = split_key(checked(key, "double_sided_maxwell"), (2,))
    length, sign = maxwell(keys[0], shape, dtype), rademacher(keys[1], shape, dtype)
    return sign * length * in_dtype(scale, dtype) + in_dtype(loc, dtype)


def geometric(key: Array, p: Array, shape: Shape | None = None, dtype: Any = int) -> Array:
    """The number of the first success, 1, 2, ..., where each has the probability `p`."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "iu":
        raise ValueError(f"geometric: dtype must be that of integers, not {dtype}")
    shape, p = shape_of("geometric", shape, p), as_inexact(p)
    u = uniform(key, shape, p.dtype)
    u = ew.where(u == 0, p.dtype.type(1), u)
    return ew.convert(ew.floor(ew.log(u) / ew.log1p(-p)) + 1, dtype=dtype)
