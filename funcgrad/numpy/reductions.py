"""Sums, products, extrema, logic, and cumulative forms, along axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.numpy.dispatch import Array, Axes, Axis, axes_of, axis_of, numpy_function
from funcgrad.ops import broadcasting, structure
from funcgrad.ops import elementwise as ew
from funcgrad.ops import reduce as primitive
from funcgrad.ops.operands import as_array

__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "count_nonzero",
    "cumprod",
    "cumsum",
    "cumulative_prod",
    "cumulative_sum",
    "diff",
    "ediff1d",
    "max",
    "min",
    "prod",
    "ptp",
    "sum",
    "trapezoid",
]


def with_unit_axes(y: Array, shape: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    """A reduced array with the axes of `shape` it lost as axes of size one (`keepdims`)."""
    return broadcasting.reshape(y, shape=tuple([1 if i in axes else n for i, n in enumerate(shape)]))


def reduced(prim: Any, a: Array, axis: Axes, keepdims: bool = False) -> Array:
    shape = a.shape
    axes = tuple(range(len(shape))) if axis is None else axes_of(axis, len(shape))
    y = prim(a, axes=axes)
    return with_unit_axes(y, shape, axes) if keepdims else y


@numpy_function(np)
def sum(
    a: Array,
    axis: Axes = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Array | None = None,
    where: Array | None = None,
) -> Array:
    """The sum of the elements along `axis` (all axes by default)."""
    if dtype is not None or where is not None:
        a = _masked(a, dtype, where, 0)
    y = reduced(primitive.reduce_sum, a if isinstance(a, Tracer) else as_array(a), axis, keepdims)
    return y if initial is None and dtype is None else _finished(y, ew.add, initial, dtype)


@numpy_function(np)
def prod(
    a: Array,
    axis: Axes = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Array | None = None,
    where: Array | None = None,
) -> Array:
    """The product of the elements along `axis`; its gradient is right where elements are zero."""
    y = reduced(primitive.reduce_prod, _masked(a, dtype, where, 1), axis, keepdims)
    return _finished(y, ew.mul, initial, dtype)


def _masked(a: Array, dtype: Any, where: Array | None, neutral: int) -> Array:
    a = as_array(a)
    if dtype is not None:
        a = ew.convert(a, dtype=np.dtype(dtype))
    return a if where is None else ew.where(where, a, np.asarray(neutral, a.dtype))


def _finished(y: Array, combine: Any, initial: Array | None, dtype: Any) -> Array:
    """A reduction's result with its initial value, in the dtype that was asked for.

    Small integers are reduced in the machine's widest, and cut to size here: as NumPy's, which wrap on the way.
    """
    dtype = y.dtype if dtype is None else np.dtype(dtype)
    if initial is not None:
        y = combine(y, _cast(initial, dtype))
    return y if y.dtype == dtype else ew.convert(y, dtype=dtype)


def _cast(x: Array, dtype: np.dtype) -> Array:
    """A value in another dtype; a Python integer that does not fit raises, as in NumPy."""
    return ew.convert(x, dtype=dtype) if isinstance(x, Tracer) else np.asarray(x, dtype)


@numpy_function(np)
def max(
    a: Array,
    axis: Axes = None,
    out: None = None,
    keepdims: bool = False,
    initial: Array | None = None,
    where: Array | None = None,
) -> Array:
    """The largest element along `axis`. At ties the gradient is shared equally."""
    return _extremum(primitive.reduce_max, ew.maximum, a, axis, keepdims, initial, where)


@numpy_function(np)
def min(
    a: Array,
    axis: Axes = None,
    out: None = None,
    keepdims: bool = False,
    initial: Array | None = None,
    where: Array | None = None,
) -> Array:
    """The smallest element along `axis`. At ties the gradient is shared equally."""
    return _extremum(primitive.reduce_min, ew.minimum, a, axis, keepdims, initial, where)


def _extremum(
    prim: Any, pairwise: Any, a: Array, axis: Axes, keepdims: bool, initial: Array | None, where: Array | None
) -> Array:
    a = as_array(a)
    if where is not None:
        if initial is None:
            raise ValueError("reduction operation does not have an identity, so `where` needs `initial`")
        a = ew.where(where, a, _cast(initial, a.dtype))
    if initial is None:
        return reduced(prim, a, axis, keepdims)
    initial = _cast(initial, a.dtype)
    axes = axes_of(axis, a.ndim)
    if 0 in [a.shape[i] for i in axes]:
        kept = tuple(1 if i in axes else n for i, n in enumerate(a.shape) if keepdims or i not in axes)
        return broadcasting.broadcast_to(initial, shape=kept)
    return pairwise(reduced(prim, a, axis, keepdims), initial)


@numpy_function(np)
def amax(
    a: Array,
    axis: Axes = None,
    out: None = None,
    keepdims: bool = False,
    initial: Array | None = None,
    where: Array | None = None,
) -> Array:
    """The same as `max`."""
    return max(a, axis, keepdims=keepdims, initial=initial, where=where)


@numpy_function(np)
def amin(
    a: Array,
    axis: Axes = None,
    out: None = None,
    keepdims: bool = False,
    initial: Array | None = None,
    where: Array | None = None,
) -> Array:
    """The same as `min`."""
    return min(a, axis, keepdims=keepdims, initial=initial, where=where)


@numpy_function(np)
def ptp(a: Array, axis: Axes = None, out: None = None, keepdims: bool = False) -> Array:
    """The largest element minus the smallest, along `axis`."""
    return max(a, axis, keepdims=keepdims) - min(a, axis, keepdims=keepdims)


@numpy_function(np)
def any(a: Array, axis: Axes = None, out: None = None, keepdims: bool = False, *, where: Array | None = None) -> Array:
    """Whether any element along `axis` is true."""
    return reduced(primitive.reduce_any, _masked(a, None, where, 0), axis, keepdims)


@numpy_function(np)
def all(a: Array, axis: Axes = None, out: None = None, keepdims: bool = False, *, where: Array | None = None) -> Array:
    """Whether all elements along `axis` are true."""
    return reduced(primitive.reduce_all, _masked(a, None, where, 1), axis, keepdims)


@numpy_function(np)
def count_nonzero(a: Array, axis: Axes = None, *, keepdims: bool = False) -> Array:
    """How many elements along `axis` are not zero."""
    return sum(as_array(a) != 0, axis, keepdims=keepdims)


@numpy_function(np)
def argmax(a: Array, axis: Axis = None, out: None = None, *, keepdims: bool = False) -> Array:
    """The index of the (first) largest element, of the flattened array or along `axis`."""
    return _position(primitive.argmax, as_array(a), axis, keepdims)


@numpy_function(np)
def argmin(a: Array, axis: Axis = None, out: None = None, *, keepdims: bool = False) -> Array:
    """The index of the (first) smallest element, of the flattened array or along `axis`."""
    return _position(primitive.argmin, as_array(a), axis, keepdims)


def _position(prim: Any, a: Array, axis: Axis, keepdims: bool) -> Array:
    if axis is None:
        y = prim(broadcasting.reshape(a, shape=(a.size,)), axis=0)
        return with_unit_axes(y, a.shape, tuple(range(a.ndim))) if keepdims else y
    axis = axis_of(axis, a.ndim)
    y = prim(a, axis=axis)
    return with_unit_axes(y, a.shape, (axis,)) if keepdims else y


@numpy_function(np)
def cumsum(a: Array, axis: Axis = None, dtype: Any = None, out: None = None) -> Array:
    """Sums of the leading elements along `axis` (of the flattened array by default)."""
    return _cumulative(primitive.cumsum, a, axis, dtype)


@numpy_function(np)
def cumprod(a: Array, axis: Axis = None, dtype: Any = None, out: None = None) -> Array:
    """Products of the leading elements along `axis` (of the flattened array by default)."""
    return _cumulative(primitive.cumprod, a, axis, dtype)


def _cumulative(prim: Any, a: Array, axis: Axis, dtype: Any) -> Array:
    a = _masked(a, dtype, None, 0)
    if axis is None or a.ndim == 0:
        y = prim(broadcasting.reshape(a, shape=(a.size,)), axis=0)
    else:
        y = prim(a, axis=axis_of(axis, a.ndim))
    return _finished(y, None, None, dtype)


@numpy_function(np)
def cumulative_sum(
    x: Array, /, *, axis: Axis = None, dtype: Any = None, out: None = None, include_initial: bool = False
) -> Array:
    """`cumsum` along `axis`, which vectors need not give; with `include_initial` a 0 comes first."""
    return _cumulative_from(cumsum, 0, x, axis, dtype, include_initial)


@numpy_function(np)
def cumulative_prod(
    x: Array, /, *, axis: Axis = None, dtype: Any = None, out: None = None, include_initial: bool = False
) -> Array:
    """`cumprod` along `axis`, which vectors need not give; with `include_initial` a 1 comes first."""
    return _cumulative_from(cumprod, 1, x, axis, dtype, include_initial)


def _cumulative_from(cumulative: Any, first: int, x: Array, axis: Axis, dtype: Any, include_initial: bool) -> Array:
    x = as_array(x)
    x = x if x.ndim else broadcasting.reshape(x, shape=(1,))
    if x.ndim > 1 and axis is None:
        raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
    axis = axis_of(0 if axis is None else axis, x.ndim)
    y = cumulative(x, axis, dtype)
    if not include_initial:
        return y
    shape = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    return structure.concatenate(np.full(shape, first, y.dtype), y, axis=axis)


@numpy_function(np)
def diff(a: Array, n: int = 1, axis: int = -1, prepend: Array = np._NoValue, append: Array = np._NoValue) -> Array:
    """Differences of neighbours along `axis`, `n` times over."""
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    a = as_array(a)
    if a.ndim == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = axis_of(axis, a.ndim)
    ends = [as_array(e) if e is not np._NoValue else None for e in (prepend, append)]
    parts = [
        broadcasting.broadcast_to(e, shape=(*a.shape[:axis], 1, *a.shape[axis + 1 :]))
        if e is not None and e.ndim == 0
        else e
        for e in (ends[0], a, ends[1])
        if e is not None
    ]
    if len(parts) > 1:
        a = structure.concatenate(*parts, axis=axis)
    before = (slice(None),) * axis
    for _ in range(n):
        later, earlier = a[(*before, slice(1, None))], a[(*before, slice(None, -1))]
        a = later != earlier if a.dtype == bool else later - earlier
    return a


@numpy_function(np)
def ediff1d(ary: Array, to_end: Array | None = None, to_begin: Array | None = None) -> Array:
    """Differences of neighbours of the flattened array, with values put before and after."""
    ary = as_array(ary)
    flat = broadcasting.reshape(ary, shape=(ary.size,))
    parts = [flat[1:] - flat[:-1]]
    if to_begin is not None:
        parts.insert(0, _flat_as(to_begin, ary.dtype))
    if to_end is not None:
        parts.append(_flat_as(to_end, ary.dtype))
    return structure.concatenate(*parts, axis=0)


def _flat_as(a: Array, dtype: np.dtype) -> Array:
    a = ew.convert(as_array(a), dtype=dtype)
    return broadcasting.reshape(a, shape=(a.size,))


@numpy_function(np)
def trapezoid(y: Array, x: Array | None = None, dx: Array = 1.0, axis: int = -1) -> Array:
    """The integral along `axis` by the trapezoidal rule, over points `x` or with spacing `dx`."""
    y = as_array(y)
    axis = axis_of(axis, y.ndim)
    if x is not None:
        dx = diff(x, axis=axis) if np.ndim(x) != 1 else diff(x)
        if np.ndim(dx) == 1 and y.ndim > 1:
            dx = dx.reshape(tuple(-1 if i == axis else 1 for i in range(y.ndim)))
    before = (slice(None),) * axis
    return sum(dx * (y[(*before, slice(1, None))] + y[(*before, slice(None, -1))]) / 2.0, axis)
