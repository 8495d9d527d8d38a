"""Differences of neighbours: numerical derivatives, and angles that go on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from funcgrad.core.trace import Tracer
from funcgrad.numpy.dispatch import Array, Axes, axis_of, numpy_function
from funcgrad.numpy.reductions import cumsum, diff
from funcgrad.ops import broadcasting, structure
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import as_array

__all__ = ["gradient", "unwrap"]


@numpy_function(np)
def gradient(f: Array, *varargs: Array, axis: Axes = None, edge_order: int = 1) -> Any:
    """Central differences along each axis, one-sided ones of order `edge_order` at the ends.

    `varargs` are the distance of neighbours for all axes, or for each axis a distance or the coordinates; they can be
    differentiated too. An array for one axis, else a tuple.

    Example:
        >>> import numpy as np
        >>> gradient(np.array([0.0, 1.0, 4.0, 9.0]))
        array([1., 2., 4., 5.])
    """
    f = as_array(f)
    axes = tuple(range(f.ndim)) if axis is None else normalize_axis_tuple(axis, f.ndim)
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    if not varargs:
        varargs = (1.0,)
    if len(varargs) == 1 and np.ndim(varargs[0]) == 0:
        varargs = varargs * len(axes)
    if len(varargs) != len(axes):
        raise TypeError("invalid number of arguments")
    steps = [_steps(as_array(given), f.shape[i]) for given, i in zip(varargs, axes)]
    if f.dtype.kind not in "fc":
        f = ew.convert(f, dtype=np.dtype(np.float64))
    y = tuple(_derivative(f, i, h, edge_order) for i, h in zip(axes, steps))
    return y[0] if len(axes) == 1 else y


def _steps(given: Array, size: int) -> Array:
    """The distance of neighbours, or all distances where they differ, or might."""
    if given.ndim == 0:
        return given
    if given.ndim != 1:
        raise ValueError("distances must be either scalars or 1d")
    if given.shape[0] != size:
        raise ValueError("when 1d, distances must match the length of the corresponding dimension")
    if given.dtype.kind in "iu":
        given = ew.convert(given, dtype=np.dtype(np.float64))
    h = diff(given)
    return h[0] if not isinstance(h, Tracer) and (h == h[0]).all() else h


def _derivative(f: Array, axis: int, h: Array, edge_order: int) -> Array:
    if f.shape[axis] < edge_order + 1:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, "
            "at least (edge_order + 1) elements are required."
        )

    def part(start: int | None, stop: int | None) -> Array:
        return f[(slice(None),) * axis + (slice(start, stop),)]

    def along(x: Array) -> Array:
        return x if x.ndim == 0 else broadcasting.reshape(x, shape=x.shape + (1,) * (f.ndim - 1 - axis))

    dtype = f.dtype
    if h.ndim == 0:
        inner = (part(2, None) - part(None, -2)) / (2.0 * h)
        first = last = h
    else:
        before, after = along(h[:-1]), along(h[1:])
        both = before + after
        inner = (
            part(None, -2) * (-after / (before * both))
            + part(1, -1) * ((after - before) / (before * after))
            + part(2, None) * (before / (after * both))
        )
        first, last = h[0], h[-1]
    if edge_order == 1:
        start, end = (part(1, 2) - part(0, 1)) / first, (part(-1, None) - part(-2, -1)) / last
    else:
        start = _edge(part(0, 1), part(1, 2), part(2, 3), first, first if h.ndim == 0 else h[1])
        end = -_edge(part(-1, None), part(-2, -1), part(-3, -2), last, last if h.ndim == 0 else h[-2])
    return structure.concatenate(*(ew.convert(x, dtype=dtype) for x in (start, inner, end)), axis=axis)


def _edge(f: Array, near: Array, far: Array, h: Array, further: Array) -> Array:
    """The derivative at the first of three places, from a parabola."""
    both = h + further
    return f * (-(h + both) / (h * both)) + near * (both / (h * further)) + far * (-h / (further * both))


@numpy_function(np)
def unwrap(p: Array, discont: Array | None = None, axis: int = -1, *, period: Array = 2 * math.pi) -> Array:
    """Whole periods added so that neighbours along `axis` differ by half a period at most (or by `discont`)."""
    p = as_array(p)
    axis = axis_of(axis, p.ndim)
    step = diff(p, axis=axis)
    dtype = (ew.stop_gradient(step) + period).dtype
    whole = dtype.kind in "iu"
    half = period // 2 if whole else period / 2
    wrapped = (step + half) % period - half
    if not whole or _is_even(period):
        wrapped = ew.where((wrapped == -half) & (step > 0), half, wrapped)
    correction = ew.where(ew.abs(step) < (period / 2 if discont is None else discont), 0, wrapped - step)
    before = (slice(None),) * axis
    rest = p[(*before, slice(1, None))] + cumsum(correction, axis)
    first = p[(*before, slice(0, 1))]
    return structure.concatenate(*(ew.convert(x, dtype=dtype) for x in (first, rest)), axis=axis)


def _is_even(period: Any) -> bool:
    return not isinstance(period, Tracer) and period % 2 == 0
