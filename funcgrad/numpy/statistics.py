"""Averages, spreads and correlations, and the reductions that leave NaN out."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from funcgrad.numpy.dispatch import Array, Axes, Axis, axes_of, numpy_function
from funcgrad.numpy.indexing import known
from funcgrad.numpy.joining import concatenate
from funcgrad.numpy.reductions import argmax, argmin, cumprod, cumsum, max, min, prod, sum
from funcgrad.numpy.shaping import diagonal, squeeze
from funcgrad.ops import broadcasting, structure
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import as_array
from funcgrad.ops.products import matrix_product

__all__ = [
    "average",
    "corrcoef",
    "cov",
    "mean",
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
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
    return sum(broadcasting.broadcast_to(as_array(where), shape=a.shape), axes, keepdims=keepdims)


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
        weights = broadcasting.reshape(weights, shape=tuple(n if i in axes else 1 for i, n in enumerate(a.shape)))
    scale = sum(broadcasting.broadcast_to(weights, shape=a.shape), axes, keepdims=keepdims)
    y = sum(a * weights, axes, keepdims=keepdims) / scale
    return (y, scale) if returned else y


@numpy_function(np)
def cov(
    m: Array,
    y: Array | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Array | None = None,
    aweights: Array | None = None,
    *,
    dtype: Any = None,
) -> Array:
    """The covariances of the rows of `m` and `y` (columns, unless `rowvar`), of which each column is an observation.

    `fweights` say how often an observation counts, `aweights` how much; they can be differentiated too.
    """
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")
    given = {"m": as_array(m)} if y is None else {"m": as_array(m), "y": as_array(y)}
    dtype = np.result_type(*(a.dtype for a in given.values()), np.float64) if dtype is None else np.dtype(dtype)
    x = concatenate([_variables(name, a, rowvar, dtype) for name, a in given.items()], 0)
    if ddof is None:
        ddof = 0 if bias else 1
    frequencies, importances = _observed("fweights", fweights, x), _observed("aweights", aweights, x)
    value = None if frequencies is None else known(frequencies)
    if value is not None and np.any(value != np.rint(value)):
        raise TypeError("fweights must be integer")
    if frequencies is None or importances is None:
        w = frequencies if importances is None else importances
    else:
        w = frequencies * importances
    if w is None:
        centred, divisor = x - mean(x, 1, keepdims=True), builtins.max(x.shape[1] - ddof, 0)
        weighted = centred
    else:
        total = sum(w)
        centred = x - sum(x * w, 1, keepdims=True) / total
        weighted = centred * w
        divisor = total if not ddof else total - ddof * (1 if importances is None else sum(w * importances) / total)
        divisor = ew.maximum(divisor, 0)
    conjugated = ew.conj(weighted) if weighted.dtype.kind == "c" else weighted
    c = matrix_product(centred, structure.transpose(conjugated, axes=(1, 0))) * ew.div(np.float64(1), divisor)
    return squeeze(cast_to(c, dtype))


def _variables(name: str, a: Array, rowvar: bool, dtype: np.dtype) -> Array:
    if a.ndim > 2:
        raise ValueError(f"{name} has more than 2 dimensions")
    rows = ew.convert(broadcasting.reshape(a, shape=(1,) * (2 - a.ndim) + a.shape), dtype=dtype)
    turned = not rowvar and a.ndim != 1 if name == "m" else not rowvar and rows.shape[0] != 1
    return structure.transpose(rows, axes=(1, 0)) if turned else rows


def _observed(name: str, weights: Array | None, x: Array) -> Array | None:
    """Weights for observations, as floats."""
    if weights is None:
        return None
    weights = as_array(weights)
    if weights.ndim > 1:
        raise RuntimeError(f"cannot handle multidimensional {name}")
    if weights.shape[0] != x.shape[1]:
        raise RuntimeError(f"incompatible numbers of samples and {name}")
    value = known(weights)
    if value is not None and np.any(value < 0):
        raise ValueError(f"{name} cannot be negative")
    return ew.convert(weights, dtype=np.dtype(np.float64))


@numpy_function(np)
def corrcoef(x: Array, y: Array | None = None, rowvar: bool = True, *, dtype: Any = None) -> Array:
    """The correlations of the rows of `x` and `y` (columns, unless `rowvar`), limited to [-1, 1]."""
    c = cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    spread = ew.sqrt(ew.real(diagonal(c)) if c.dtype.kind == "c" else diagonal(c))
    c = c / spread[:, None] / spread[None, :]
    if c.dtype.kind == "c":
        return ew.complex_of(ew.clip(ew.real(c), -1, 1), ew.clip(ew.imag(c), -1, 1))
    return ew.clip(c, -1, 1)


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
def nancumsum(a: Array, axis: Axis = None, dtype: Any = None, out: None = None) -> Array:
    """`cumsum` with 0 in place of NaN."""
    return cumsum(_without_nan(a, 0)[0], axis, dtype)


@numpy_function(np)
def nancumprod(a: Array, axis: Axis = None, dtype: Any = None, out: None = None) -> Array:
    """`cumprod` with 1 in place of NaN."""
    return cumprod(_without_nan(a, 1)[0], axis, dtype)


@numpy_function(np)
def nanmean(
    a: Array,
    axis: Axes = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: Array | None = None,
) -> Array:
    """`mean` of the elements that are not NaN; the others' gradient is zero."""
    filled, present = _without_nan(a, 0)
    return mean(filled, axis, dtype, None, keepdims, where=_both(present, where))


def _both(present: Array, where: Array | None) -> Array:
    return present if where is None else ew.logical_and(present, where)


@numpy_function(np)
def nanvar(
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
    """`var` of the elements that are not NaN; the others' gradient is zero. NaN where too few are left."""
    filled, present = _without_nan(a, 0)
    counted = _both(present, where)
    y = var(filled, axis, dtype, None, ddof, keepdims, where=counted, mean=mean, correction=correction)
    enough = sum(counted, axis, keepdims=keepdims) > (ddof if correction is np._NoValue else correction)
    return ew.where(enough, y, np.asarray(np.nan, y.dtype))


@numpy_function(np)
def nanstd(
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
    """The square root of `nanvar`."""
    return ew.sqrt(nanvar(a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction))


@numpy_function(np)
def nanmax(
    a: Array,
    axis: Axes = None,
    out: None = None,
    keepdims: bool = False,
    initial: Array | None = None,
    where: Array | None = None,
) -> Array:
    """`max` of the elements that are not NaN; NaN where all are."""
    return _nan_extremum(max, -np.inf, a, axis, keepdims, initial, where)


@numpy_function(np)
def nanmin(
    a: Array,
    axis: Axes = None,
    out: None = None,
    keepdims: bool = False,
    initial: Array | None = None,
    where: Array | None = None,
) -> Array:
    """`min` of the elements that are not NaN; NaN where all are."""
    return _nan_extremum(min, np.inf, a, axis, keepdims, initial, where)


def _nan_extremum(
    extremum: Any,
    neutral: float,
    a: Array,
    axis: Axes,
    keepdims: bool,
    initial: Array | None,
    where: Array | None,
) -> Array:
    if as_array(a).dtype.kind not in "fc":
        return extremum(a, axis, keepdims=keepdims, initial=initial, where=where)
    filled, present = _without_nan(a, neutral)
    y = extremum(filled, axis, keepdims=keepdims, initial=initial, where=where)
    if initial is not None:
        return y
    empty = sum(present, axis, keepdims=keepdims) == 0
    return ew.where(empty, np.asarray(np.nan, y.dtype), y)


@numpy_function(np)
def nanargmax(a: Array, axis: Axis = None, out: None = None, *, keepdims: bool = False) -> Array:
    """`argmax` of the elements that are not NaN; ValueError where all are, or -1 if the values are not known."""
    return _nan_position(argmax, -np.inf, a, axis, keepdims)


@numpy_function(np)
def nanargmin(a: Array, axis: Axis = None, out: None = None, *, keepdims: bool = False) -> Array:
    """`argmin` of the elements that are not NaN; ValueError where all are, or -1 if the values are not known."""
    return _nan_position(argmin, np.inf, a, axis, keepdims)


def _nan_position(position: Any, neutral: float, a: Array, axis: Axis, keepdims: bool) -> Array:
    a = ew.stop_gradient(as_array(a))
    if a.dtype.kind not in "fc":
        return position(a, axis, keepdims=keepdims)
    filled, present = _without_nan(a, neutral)
    empty = ~present.any(axis=axis, keepdims=keepdims)
    if np.any(known(empty)):
        raise ValueError("All-NaN slice encountered")
    return ew.where(empty, -1, position(filled, axis, keepdims=keepdims))
