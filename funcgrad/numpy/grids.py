"""Spaced numbers, windows, and arrays written as indices (`r_`, `c_`, `mgrid`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.numpy.creation import array, linspace, meshgrid
from funcgrad.numpy.dispatch import Array, numpy_function
from funcgrad.numpy.joining import concatenate, stack
from funcgrad.numpy.shaping import broadcast_arrays, expand_dims, moveaxis
from funcgrad.ops import elementwise as ew
from funcgrad.ops import special, structure
from funcgrad.ops.operands import any_traced, as_array

__all__ = ["c_", "geomspace", "kaiser", "logspace", "mgrid", "ogrid", "r_"]


@numpy_function(np)
def logspace(
    start: Array,
    stop: Array,
    num: int = 50,
    endpoint: bool = True,
    base: Array = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Array:
    """`base` to the power of `linspace`: from base**start to base**stop."""
    if np.ndim(base) > 0:
        rank = len(np.broadcast_shapes(*(np.shape(x) for x in (start, stop, base))))
        start, stop, base = (array(x, ndmin=rank) for x in (start, stop, base))
        base = expand_dims(base, axis)
    y = ew.pow(base, linspace(start, stop, num, endpoint, axis=axis))
    return y if dtype is None else ew.convert(y, dtype=np.dtype(dtype))


@numpy_function(np)
def geomspace(
    start: Array, stop: Array, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Array:
    """`num` values from `start` to `stop`, each the same multiple of the one before."""
    start, stop = as_array(start), as_array(stop)
    if any(not isinstance(x, Tracer) and np.any(x == 0) for x in (start, stop)):
        raise ValueError("Geometric sequence cannot include zero")
    kind = np.result_type(start.dtype, stop.dtype, np.float64 if dtype is None else dtype)
    start, stop = (ew.convert(x, dtype=kind) for x in (start, stop))
    sign = start / ew.abs(start)
    first, last = broadcast_arrays(start / sign, stop / sign)
    y = logspace(ew.log10(first), ew.log10(last), num, endpoint, 10.0, axis=0)
    ends = [first[None]] * (num > 0), [last[None]] * (num > 1 and endpoint)
    inner = y[len(ends[0]) : num - len(ends[1])]
    y = moveaxis(concatenate([*ends[0], inner, *ends[1]]) * sign, 0, axis)
    return ew.convert(y, dtype=kind if dtype is None else np.dtype(dtype))


@numpy_function(np)
def kaiser(M: int, beta: Array) -> Array:
    """The Kaiser window of `M` points, which can be differentiated in its shape `beta`."""
    beta = ew.convert(as_array(beta), dtype=np.dtype(np.float64))
    if M == 1:
        return np.ones(1)
    distance = (np.arange(M) - (M - 1) / 2) / ((M - 1) / 2)
    return special.i0(beta * np.sqrt(1 - distance**2)) / special.i0(beta)


class _Joined:
    """`r_` and `c_` of NumPy, which traced values may be written into."""

    def __init__(self, plain: Any, axis: int, ndmin: int, moved: int) -> None:
        self._plain = plain
        self._defaults = (axis, ndmin, moved)

    def __getitem__(self, key: Any) -> Array:
        items = key if isinstance(key, tuple) else (key,)
        if not any_traced(items) and not any(isinstance(i, slice) and any_traced(_bounds(i)) for i in items):
            return self._plain[key]
        axis, ndmin, moved = self._defaults
        if isinstance(items[0], str):
            numbers = [int(n) for n in items[0].split(",")]
            axis, ndmin, moved = (*numbers, *self._defaults[len(numbers) :])
            items = items[1:]
        parts = [_spaced(i) if isinstance(i, slice) else i for i in items]
        parts = [p if np.ndim(p) == 0 else as_array(p) for p in parts]
        dtype = np.result_type(*(p.dtype if hasattr(p, "dtype") else p for p in parts))
        return concatenate([_placed(p, dtype, ndmin, moved) for p in parts], axis)


def _placed(part: Any, dtype: np.dtype, ndmin: int, moved: int) -> Array:
    """With as many axes as asked for, its own ones from `moved` on."""
    rank = np.ndim(part)
    part = array(part, dtype, ndmin=ndmin)
    if moved == -1 or rank == 0 or rank >= ndmin:
        return part
    order = list(range(part.ndim))
    start = moved if moved >= 0 else moved + ndmin - rank + 1
    axes = order[ndmin - rank :]
    rest = order[: ndmin - rank]
    return structure.transpose(part, axes=(*rest[:start], *axes, *rest[start:]))


def _bounds(s: slice) -> tuple[Any, ...]:
    return s.start, s.stop, s.step


def _spaced(s: slice) -> Array:
    if isinstance(s.step, complex):
        return linspace(0 if s.start is None else s.start, s.stop, int(abs(s.step)))
    return np.arange(0 if s.start is None else s.start, s.stop, 1 if s.step is None else s.step)


class _Grid:
    """`mgrid` and `ogrid` of NumPy, whose ends may be traced."""

    def __init__(self, plain: Any, sparse: bool) -> None:
        self._plain = plain
        self._sparse = sparse

    def __getitem__(self, key: Any) -> Any:
        slices = key if isinstance(key, tuple) else (key,)
        if not any(any_traced(_bounds(s)) for s in slices):
            return self._plain[key]
        if not isinstance(key, tuple):
            return _spaced(key)
        grids = meshgrid(*map(_spaced, slices), sparse=self._sparse, indexing="ij")
        return grids if self._sparse else stack(grids)


mgrid = _Grid(np.mgrid, False)
"""The coordinates of a grid, as NumPy's `mgrid`: ``mgrid[0:1:5j, 0:x:3j]``."""
ogrid = _Grid(np.ogrid, True)
"""`mgrid` whose parts have an axis of size one for each other part."""
r_ = _Joined(np.r_, 0, 1, -1)
"""Arrays and ranges one after another, as NumPy's `r_`: ``r_[x, 0.0, 1:4]``."""
c_ = _Joined(np.c_, -1, 2, 0)
"""Arrays as columns beside each other, as NumPy's `c_`: ``c_[x, y]``."""
