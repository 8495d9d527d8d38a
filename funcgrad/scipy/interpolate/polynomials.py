"""Piecewise polynomials in the power basis, as functions of arrays.

Coefficients `c` are `(k, m, ...)`, the highest power first, for the m pieces between the breakpoints `x`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import perm
from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.core.trace import known
from funcgrad.numpy.dispatch import Array
from funcgrad.ops.subscript import getitem
from funcgrad.scipy.supports import in_double

Extrapolate = Any
"""True, False or "periodic"."""


def derived(c: Array, nu: int) -> Array:
    """The coefficients of the derivative of order `nu`."""
    order = c.shape[0]
    if nu >= order:
        return 0.0 * c[:1]
    factors = np.array([float(perm(power, nu)) for power in range(order - 1, nu - 1, -1)])
    return c[: order - nu] * column(factors, c.ndim)


def integrated(c: Array, x: Array, nu: int) -> Array:
    """The coefficients of the antiderivative of order `nu` that is continuous, and 0 at the first breakpoint."""
    for _ in range(nu):
        order = c.shape[0]
        grown = c / column(np.arange(order, 0.0, -1.0), c.ndim)
        steps = column(x[1:] - x[:-1], c.ndim - 1)
        pieces = horner(grown, steps) * steps
        start = fnp.concatenate([0.0 * pieces[:1], fnp.cumsum(pieces[:-1], axis=0)])
        c = fnp.concatenate([grown, start[None]])
    return c


def horner(c: Any, s: Array) -> Array:
    """The polynomials whose coefficients are the elements of `c`, at s."""
    value = c[0] if len(c) > 1 else c[0] + 0.0 * s  # so that a constant is NaN at NaN
    for power in range(1, len(c)):
        value = value * s + c[power]
    return value


def column(v: Array, ndim: int) -> Array:
    """With axes behind the last one, up to `ndim`."""
    return v.reshape(v.shape + (1,) * (ndim - v.ndim))


def evaluate(c: Array, x: Array, at: Array, extrapolate: Extrapolate) -> Array:
    """The values at points of any shape: their shape, and behind it that of the coefficients of a piece."""
    at = in_double(at)
    at, inside = placed(at, x[0], x[-1], extrapolate)
    piece = interval(x, at, 0, c.shape[1] - 1)
    value = horner(getitem(c, (slice(None), piece)), column(at - getitem(x, piece), at.ndim + c.ndim - 2))
    return masked(value, inside)


def placed(at: Array, first: Array, last: Array, extrapolate: Extrapolate) -> tuple[Array, Array | None]:
    """The points, in the first period where there are such, and which lie inside, where that matters."""
    if isinstance(extrapolate, str) and extrapolate == "periodic":
        return first + (at - first) % (last - first), None
    if extrapolate:
        return at, None
    return at, ((at >= first) & (at <= last)) | ((at <= first) & (at >= last))


def masked(value: Array, inside: Array | None) -> Array:
    """NaN where a point lies outside."""
    return value if inside is None else fnp.where(column(inside, value.ndim), value, np.nan)


def interval(knots: Array, at: Array, lowest: int, highest: int) -> Array:
    """The i with `knots[i] <= at < knots[i + 1]` between two bounds; the knots may fall too."""
    first, last = known(knots[0]), known(knots[-1])
    if first is not None and last is not None and np.all(first > last):
        knots, at = -knots, -at
    return fnp.clip(fnp.searchsorted(knots, at, side="right") - 1, lowest, highest)


def integral(antiderivative: Callable[[Array], Array], a: Array, b: Array, first: Array, last: Array) -> Array:
    """Between a and b, of a function with a period; the antiderivative is that within the first period."""
    period = last - first

    def upto(t: Array) -> Array:
        whole = fnp.floor((t - first) / period)
        return antiderivative(t - whole * period) + whole * (antiderivative(last) - antiderivative(first))

    return upto(b) - upto(a)


def with_axis(value: Array, points: int, axis: int) -> Array:
    """The axes of the points, the first ones, moved to where the axis of interpolation was."""
    if axis == 0:
        return value
    order = (*range(points, points + axis), *range(points), *range(points + axis, value.ndim))
    return fnp.transpose(value, order)
