"""Slopes at the points of cubic Hermite splines: of C2 splines, of monotone ones (PCHIP), and Akima's."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.core.trace import known
from funcgrad.numpy.dispatch import Array, axis_of
from funcgrad.ops.operands import as_array
from funcgrad.scipy.interpolate.polynomials import column
from funcgrad.scipy.linalg.primitives.structured import banded_solve
from funcgrad.scipy.supports import in_double


def prepared(x: Array, y: Array, axis: int) -> tuple[Array, Array, int]:
    """Points and values in double precision, the axis of interpolation first; ValueError where they do not fit."""
    x, y = in_double(x), in_double(y)
    if x.dtype.kind == "c":
        raise ValueError("`x` must be real")
    axis = axis_of(axis, y.ndim)
    if x.ndim != 1 or x.shape[0] < 2:
        raise ValueError(f"`x` must be a vector of at least 2 points, not of shape {x.shape}")
    if x.shape[0] != y.shape[axis]:
        raise ValueError(f"`y` has {y.shape[axis]} values along axis {axis}, for {x.shape[0]} points")
    points, values = known(x), known(y)
    if points is not None and (not np.all(np.isfinite(points)) or np.any(np.diff(points) <= 0)):
        raise ValueError("`x` must be finite and strictly increasing")
    if values is not None and not np.all(np.isfinite(values)):
        raise ValueError("`y` must be finite")
    return x, fnp.moveaxis(y, axis, 0), axis


def hermite(x: Array, y: Array, slopes: Array) -> Array:
    """The coefficients of the cubic pieces with values y and slopes at x."""
    h = column(x[1:] - x[:-1], y.ndim)
    mean = (y[1:] - y[:-1]) / h
    bend = (slopes[:-1] + slopes[1:] - 2 * mean) / h
    return fnp.stack([bend / h, (mean - slopes[:-1]) / h - bend, slopes[:-1] + 0 * bend, y[:-1] + 0 * bend])


# C2 splines

Condition = Any
"""The condition at an end: "not-a-knot", or a derivative's order and value."""


def conditions(bc_type: Any, y: Array) -> tuple[Condition, Condition]:
    """The conditions at both ends; ValueError where they are none. `("periodic", "periodic")` for a period."""
    if isinstance(bc_type, str):
        if bc_type == "periodic":
            _check_period(y)
            return "periodic", "periodic"
        bc_type = (bc_type, bc_type)
    elif len(bc_type) != 2:
        raise ValueError("`bc_type` must have a condition for the start and one for the end")
    start, end = (_condition(bc, y.shape[1:]) for bc in bc_type)
    return start, end


def _check_period(y: Array) -> None:
    first, last = known(y[0]), known(y[-1])
    if first is not None and last is not None and not np.allclose(first, last, rtol=1e-15, atol=1e-15):
        raise ValueError("the first and the last `y` must be the same for bc_type='periodic'")


def _condition(bc: Any, shape: tuple[int, ...]) -> Condition:
    if isinstance(bc, str):
        if bc == "not-a-knot":
            return bc
        if bc in ("clamped", "natural"):
            return 1 if bc == "clamped" else 2, np.zeros(shape)
        raise ValueError(
            f"bc_type {bc!r} is not allowed here: a condition is 'not-a-knot', 'clamped', 'natural' or (order, value); "
            "'periodic' is one for both ends"
        )
    try:
        order, value = bc
    except (TypeError, ValueError) as error:
        raise ValueError("a derivative at an end is given as (order, value)") from error
    if order not in (1, 2):
        raise ValueError(f"the order of a derivative at an end must be 1 or 2, not {order!r}")
    value = as_array(value)
    if value.shape != shape:
        raise ValueError(f"a derivative at an end has shape {value.shape}, but values have {shape}")
    return order, in_double(value)


def spline_slopes(x: Array, y: Array, ends: tuple[Condition, Condition]) -> Array:
    """The slopes with which second derivatives are continuous: a tridiagonal system (de Boor, 1978, IV)."""
    n, periodic = len(x), ends[0] == "periodic"
    h = x[1:] - x[:-1]
    wide = column(h, y.ndim)
    mean = (y[1:] - y[:-1]) / wide
    if n == 2:
        ends = tuple((1, mean[0]) if isinstance(bc, str) else bc for bc in ends)  # type: ignore[assignment]
    elif n == 3 and ends == ("not-a-knot", "not-a-knot"):
        middle = (wide[0] * mean[1] + wide[1] * mean[0]) / (wide[0] + wide[1])
        return fnp.stack([2 * mean[0] - middle, middle, 2 * mean[1] - middle])
    elif n == 3 and periodic:
        both = (mean / wide).sum(axis=0) / (1 / wide).sum(axis=0)
        return fnp.stack([both, both, both])
    if periodic and n > 3:
        return _periodic_slopes(h, wide, mean)
    first = _end(ends[0], wide, mean, -1.0)
    last = _end(ends[1], wide[::-1], mean[::-1], 1.0)
    inner = 3 * (wide[1:] * mean[:-1] + wide[:-1] * mean[1:])
    sides = fnp.concatenate([first[2][None], inner, last[2][None]])
    zero = np.zeros(1)
    above = fnp.concatenate([zero, first[1], h[:-1]])
    diagonal = fnp.concatenate([first[0], 2 * (h[:-1] + h[1:]), last[0]])
    below = fnp.concatenate([h[1:], last[1], zero])
    return _solved([above, diagonal, below], sides)


def _end(bc: Condition, h: Array, mean: Array, sign: float) -> tuple[Array, Array, Array]:
    """The equation at an end, seen from there: the factors of the first slope and the second, and the right side."""
    near = h[0]
    flat = near.reshape(-1)[:1]
    if isinstance(bc, str):
        both, further = near + h[1], h[1].reshape(-1)[:1]
        return further, flat + further, ((near + 2 * both) * h[1] * mean[0] + near**2 * mean[1]) / both
    order, value = bc
    if order == 1:
        return np.ones(1), np.zeros(1), value + 0 * mean[0]
    return 2 * flat, flat, 3 * near * mean[0] + 0.5 * sign * value * near**2


def _periodic_slopes(h: Array, wide: Array, mean: Array) -> Array:
    """The system is cyclic: without its last unknown it is tridiagonal."""
    before, wide_before = fnp.roll(h, 1), fnp.roll(wide, 1, axis=0)
    sides = 3 * (wide * fnp.roll(mean, 1, axis=0) + wide_before * mean)
    diagonal, zero = 2 * (h + before), np.zeros(1)
    band = [
        fnp.concatenate([zero, before[:-2]]), diagonal[:-1], fnp.concatenate([h[1:-1], zero])
    ]  # fmt: skip
    edges = fnp.concatenate([-h[:1], np.zeros(len(h) - 3), -before[-2:-1]])
    known_part = _solved(band, sides[:-1])
    per_last = column(_solved(band, edges), sides.ndim)
    rest = sides[-1] - before[-1] * known_part[0] - h[-1] * known_part[-1]
    last = rest / (diagonal[-1] + before[-1] * per_last[0] + h[-1] * per_last[-1])
    slopes = known_part + last * per_last
    return fnp.concatenate([slopes, last[None], slopes[:1]])


def _solved(band: list[Array], sides: Array) -> Array:
    """A tridiagonal system whose right sides stand along the first axis."""
    columns = sides.reshape(sides.shape[0], -1)
    return banded_solve(fnp.stack(band), columns, lower=1, upper=1).reshape(sides.shape)


# slopes that depend on the neighbours only


def pchip_slopes(x: Array, y: Array) -> Array:
    """Weighted harmonic means of neighbouring secants, 0 at extremes (Fritsch and Butland, 1984)."""
    h = column(x[1:] - x[:-1], y.ndim)
    mean = (y[1:] - y[:-1]) / h
    if len(x) == 2:
        return fnp.concatenate([mean, mean])
    left, right = mean[:-1], mean[1:]
    turning = left * right <= 0
    w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    inverse = w1 / fnp.where(turning, 1.0, left) + w2 / fnp.where(turning, 1.0, right)
    inner = fnp.where(turning, 0.0, (w1 + w2) / inverse)
    first, last = _one_sided(h, mean), _one_sided(h[::-1], mean[::-1])
    return fnp.concatenate([first[None], inner, last[None]])


def _one_sided(h: Array, mean: Array) -> Array:
    """The three-point slope at an end, made to keep the shape."""
    slope = ((2 * h[0] + h[1]) * mean[0] - h[0] * mean[1]) / (h[0] + h[1])
    bounded = (fnp.sign(mean[0]) != fnp.sign(mean[1])) & (fnp.abs(slope) > 3 * fnp.abs(mean[0]))
    return fnp.where(fnp.sign(slope) != fnp.sign(mean[0]), 0.0, fnp.where(bounded, 3 * mean[0], slope))


def akima_slopes(x: Array, y: Array, method: str) -> Array:
    """Means of neighbouring secants, weighted by how much the secants beyond change (Akima, 1970)."""
    mean = (y[1:] - y[:-1]) / column(x[1:] - x[:-1], y.ndim)
    if len(x) == 2:
        return fnp.concatenate([mean, mean])
    before, after = 2 * mean[0] - mean[1], 2 * mean[-1] - mean[-2]
    ends = 2 * before - mean[0], 2 * after - mean[-1]
    m = fnp.concatenate([ends[0][None], before[None], mean, after[None], ends[1][None]])
    change = fnp.abs(m[1:] - m[:-1])
    if method == "makima":
        change = change + 0.5 * fnp.abs(m[1:] + m[:-1])
    right, left = change[2:], change[:-2]
    both = right + left
    usual = both > 1e-9 * fnp.max(both)  # elsewhere all four secants are one
    slope = m[1:-2] + left / fnp.where(usual, both, 1.0) * (m[2:-1] - m[1:-2])
    return fnp.where(usual, slope, 0.5 * (m[3:] + m[:-3]))
