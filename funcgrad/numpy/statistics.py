"""Averages and spreads, and the reductions that leave NaN out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from funcgrad.numpy.dispatch import Array, Axes, as_array, axes_of, numpy_function
from funcgrad.numpy.reductions import max, min, prod, sum, with_unit_axes
from funcgrad.ops import elementwise as ew
from funcgrad.ops import sort as primitive
from funcgrad.ops import structure

__all__ = [
    "average",
    "mean",
    "median",
    "nanmax",
    "nanmean",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
    "std",
    "var",
]


def _count(a: Array, axes: tuple[int, ...], where: Array | None, keepdims: bool) -> Any:
    """How many elements go into each result: an int, or an array with `where`."""
    if where is None:
        return math.prod([a.shape[i] for i in axes])
    return sum(structure.broadcast_to(as_array(where), shape=a.shape), axes, keepdims=keepdims)


def accumulated(a: Array, dtype: Any) -> tuple[Array, np.dtype]:
    """The array in the dtype to sum in (float32 for float16, float64 for integers), and the mean's dtype."""
    if dtype is not None:
        return ew.convert(a, dtype=np.dtype(dtype)), np.dtype(dtype)
    if a.dtype.kind in "bui":
        return ew.convert(a, dtype=np.dtype(np.float64)), np.dtype(np.float64)
    if a.dtype == np.float16:
        return ew.convert(a, dtype=np.dtype(np.float32)), a.dtype
    return a, a.dtype


def cast_to(y: Array, dtype: np.dtype) -> Array:
    return y if y.dtype == dtype else ew.convert(y, dtype=dtype)


@numpy_function(np)
def mean(
    a: Array,
    axis: Axes = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: Array | None = None,
) -> Array:
    """The arithmetic mean along `axis` (all axes by default)."""
    a = as_array(a)
    axes = axes_of(axis, a.ndim)
    total_dtype = dtype
    a, dtype = accumulated(a, dtype)
    total = sum(a, axes, total_dtype, keepdims=keepdims, where=where)
    return cast_to(total / _count(a, axes, where, keepdims), dtype)


@numpy_function(np)
def var(
    a: Array,
    axis: Axes = None,
    dtype: Any = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Array | None = None,
    mean: Array = np._NoValue,
    correction: Any = np._NoValue,
) -> Array:
    """The mean squared distance from the mean along `axis`; `ddof` is taken from the count that divides."""
    if correction is not np._NoValue:
        if ddof != 0:
            raise ValueError("ddof and correction can't be provided simultaneously.")
        ddof = correction
    a = as_array(a)
    axes = axes_of(axis, a.ndim)
    a, dtype = accumulated(a, dtype)
    if mean is np._NoValue:
        mean = sum(a, axes, keepdims=True, where=where) / _count(a, axes, where, True)
    distance = a - mean
    squares = distance * distance
    if a.dtype.kind == "c":
        squares = distance.real**2 + distance.imag**2
        dtype = squares.dtype
    count = _count(a, axes, where, keepdims)
    divisor = ew.maximum(count - ddof, 0) if where is not None else count - ddof if count > ddof else 0
    return cast_to(sum(squares, axes, keepdims=keepdims, where=where) / divisor, dtype)


@numpy_function(np)
def std(
    a: Array,
    axis: Axes = None,
    dtype: Any = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Array | None = None,
    mean: Array = np._NoValue,
    correction: Any = np._NoValue,
) -> Array:
    """The square root of `var`. Its gradient is NaN where all elements are equal, as JAX's is."""
    return ew.sqrt(var(a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction))


@numpy_function(np)
def average(
    a: Array,
    axis: Axes = None,
    weights: Array | None = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    """The mean along `axis`, weighted; with `returned` also the sum of the weights."""
    a = as_array(a)
    axes = axes_of(axis, a.ndim)
    if weights is None:
        y = mean(a, axes, keepdims=keepdims)
        scale: Array = np.full(y.shape, _count(a, axes, None, keepdims), y.dtype)
        return (y, scale) if returned else y
    weights = as_array(weights)
    if weights.shape != a.shape:
        if axis is None:
            raise TypeError("Axis must be specified when shapes of a and weights differ.")
        if weights.shape != tuple(a.shape[i] for i in axes):
            raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
        weights = structure.reshape(
            weights, shape=tuple(n if i in axes else 1 for i, n in enumerate(a.shape))
        )
    scale = sum(structure.broadcast_to(weights, shape=a.shape), axes, keepdims=keepdims)
    y = sum(a * weights, axes, keepdims=keepdims) / scale
    return (y, scale) if returned else y


@numpy_function(np)
def median(
    a: Array, axis: Axes = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False
) -> Array:
    """The middle of the sorted elements along `axis`, or the mean of the middle two; NaN where one is NaN."""
    a = as_array(a)
    axes = axes_of(axis, a.ndim)
    free = tuple(i for i in range(a.ndim) if i not in axes)
    count = _count(a, axes, None, False)
    rows = structure.reshape(
        structure.transpose(a, axes=free + axes), shape=(*(a.shape[i] for i in free), count)
    )
    if count == 0:
        y = mean(rows, -1)
    else:
        rows = primitive.sort(rows, axis=rows.ndim - 1)
        y = mean(rows[..., (count - 1) // 2 : count // 2 + 1], -1)
        if a.dtype.kind in "fc":
            y = ew.where(ew.isnan(rows[..., -1]), np.asarray(np.nan, y.dtype), y)
    return with_unit_axes(y, a.shape, axes) if keepdims else y


def _without_nan(a: Array, neutral: float) -> tuple[Array, Array]:
    a = as_array(a)
    missing = ew.isnan(a)
    return ew.where(missing, np.asarray(neutral, a.dtype), a), ~missing


@numpy_function(np)
def nansum(
    a: Array,
    axis: Axes = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Array | None = None,
    where: Array | None = None,
) -> Array:
    """`sum` of the elements that are not NaN; the others' gradient is zero."""
    return sum(_without_nan(a, 0)[0], axis, dtype, None, keepdims, initial, where)


@numpy_function(np)
def nanprod(
    a: Array,
    axis: Axes = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Array | None = None,
    where: Array | None = None,
) -> Array:
    """`prod` of the elements that are not NaN; the others' gradient is zero."""
    return prod(_without_nan(a, 1)[0], axis, dtype, None, keepdims, initial, where)


@numpy_function(np)
def nanmean(
    a: Array, axis: Axes = None, dtype: Any = None, out: None = None, keepdims: bool = False
) -> Array:
    """`mean` of the elements that are not NaN; the others' gradient is zero."""
    filled, present = _without_nan(a, 0)
    return mean(filled, axis, dtype, None, keepdims, where=present)


@numpy_function(np)
def nanvar(
    a: Array, axis: Axes = None, dtype: Any = None, out: None = None, ddof: float = 0, keepdims: bool = False
) -> Array:
    """`var` of the elements that are not NaN; the others' gradient is zero. NaN where too few are left."""
    filled, present = _without_nan(a, 0)
    y = var(filled, axis, dtype, None, ddof, keepdims, where=present)
    enough = sum(present, axis, keepdims=keepdims) > ddof
    return ew.where(enough, y, np.asarray(np.nan, y.dtype))


@numpy_function(np)
def nanstd(
    a: Array, axis: Axes = None, dtype: Any = None, out: None = None, ddof: float = 0, keepdims: bool = False
) -> Array:
    """The square root of `nanvar`."""
    return ew.sqrt(nanvar(a, axis, dtype, None, ddof, keepdims))


@numpy_function(np)
def nanmax(a: Array, axis: Axes = None, out: None = None, keepdims: bool = False) -> Array:
    """`max` of the elements that are not NaN; NaN where all are."""
    return _nan_extremum(max, -np.inf, a, axis, keepdims)


@numpy_function(np)
def nanmin(a: Array, axis: Axes = None, out: None = None, keepdims: bool = False) -> Array:
    """`min` of the elements that are not NaN; NaN where all are."""
    return _nan_extremum(min, np.inf, a, axis, keepdims)


def _nan_extremum(extremum: Any, neutral: float, a: Array, axis: Axes, keepdims: bool) -> Array:
    if as_array(a).dtype.kind not in "fc":
        return extremum(a, axis, keepdims=keepdims)
    filled, present = _without_nan(a, neutral)
    y = extremum(filled, axis, keepdims=keepdims)
    empty = sum(present, axis, keepdims=keepdims) == 0
    return ew.where(empty, np.asarray(np.nan, y.dtype), y)
