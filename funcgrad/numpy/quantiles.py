"""Medians, quantiles and percentiles, also of the elements that are not NaN."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from funcgrad.numpy.dispatch import Array, Axes, axes_of, numpy_function
from funcgrad.numpy.indexing import known, take_along_axis
from funcgrad.numpy.joining import stack
from funcgrad.numpy.reductions import sum, with_unit_axes
from funcgrad.numpy.shaping import moveaxis
from funcgrad.numpy.statistics import mean
from funcgrad.ops import broadcasting, structure
from funcgrad.ops import elementwise as ew
from funcgrad.ops import sort as ordering
from funcgrad.ops.operands import as_array
from funcgrad.ops.reduce import cumsum
from funcgrad.ops.subscript import getitem

__all__ = [
    "median",
    "nanmedian",
    "nanpercentile",
    "nanquantile",
    "percentile",
    "quantile",
]

INDEX = np.dtype(np.intp)


def _between(alpha: float, beta: float) -> Callable[[Any, Any], Any]:
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1


def _next_unless(stays: Callable[[Any, Any], Any], shift: float) -> Callable[[Any, Any], Any]:
    """The place above n q - shift, or the one below where `stays` says so."""

    def place(n: Any, q: Any) -> Any:
        at = n * q - shift
        below = ew.floor(at)
        return _whole(ew.where(stays(at - below, below), below, below + 1))

    return place


def _whole(at: Any) -> Any:
    return ew.convert(at, dtype=INDEX)


_PLACES: dict[str, Callable[[Any, Any], Any]] = {
    "inverted_cdf": _next_unless(lambda gamma, below: gamma == 0, 1),
    "averaged_inverted_cdf": lambda n, q: n * q - 1,
    "closest_observation": _next_unless(lambda gamma, below: (gamma == 0) & (below % 2 == 1), 1.5),
    "interpolated_inverted_cdf": _between(0, 1),
    "hazen": _between(0.5, 0.5),
    "weibull": _between(0, 0),
    "linear": lambda n, q: (n - 1) * q,
    "median_unbiased": _between(1 / 3, 1 / 3),
    "normal_unbiased": _between(3 / 8, 3 / 8),
    "lower": lambda n, q: _whole(ew.floor((n - 1) * q)),
    "higher": lambda n, q: _whole(ew.ceil((n - 1) * q)),
    "midpoint": lambda n, q: 0.5 * (ew.floor((n - 1) * q) + ew.ceil((n - 1) * q)),
    "nearest": lambda n, q: _whole(ew.rint((n - 1) * q)),
}
"""Where in n sorted elements the quantile q lies. R. J. Hyndman and Y. Fan, Sample Quantiles in Statistical Packages,
The American Statistician 50 (1996)."""
_FRACTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "averaged_inverted_cdf": lambda gamma, at: ew.where(gamma == 0, 0.5, 1.0),
    "midpoint": lambda gamma, at: ew.where(gamma == 0, 0.0, 0.5),
}
"""How much of the element above counts, where that is not the fraction of the place."""


@numpy_function(np)
def quantile(
    a: Array,
    q: Array,
    axis: Axes = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Array | None = None,
) -> Array:
    """The elements that a share `q` of all elements along `axis` lies below; NaN where one is NaN.

    By NumPy's methods; those that interpolate are differentiated in `q` too. The axes of `q` come first. `weights` go
    with the method "inverted_cdf" and have no derivative.

    Example:
        >>> import numpy as np
        >>> quantile(np.array([3.0, 1.0, 2.0]), 0.25)
        np.float64(1.5)
    """
    return _quantile(as_array(a), q, axis, method, keepdims, weights, False, "Quantiles must be in the range [0, 1]")


@numpy_function(np)
def nanquantile(
    a: Array,
    q: Array,
    axis: Axes = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Array | None = None,
) -> Array:
    """`quantile` of the elements that are not NaN; NaN where all are."""
    return _quantile(as_array(a), q, axis, method, keepdims, weights, True, "Quantiles must be in the range [0, 1]")


@numpy_function(np)
def percentile(
    a: Array,
    q: Array,
    axis: Axes = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Array | None = None,
) -> Array:
    """`quantile` with `q` in percent."""
    return _percentile(as_array(a), q, axis, method, keepdims, weights, False)


@numpy_function(np)
def nanpercentile(
    a: Array,
    q: Array,
    axis: Axes = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Array | None = None,
) -> Array:
    """`percentile` of the elements that are not NaN; NaN where all are."""
    return _percentile(as_array(a), q, axis, method, keepdims, weights, True)


def _percentile(
    a: Array, q: Any, axis: Axes, method: str, keepdims: bool, weights: Array | None, without_nan: bool
) -> Array:
    share = as_array(q) / (a.dtype.type(100) if a.dtype.kind == "f" else 100)
    weak = type(q) in (int, float)
    message = "Percentiles must be in the range [0, 100]"
    return _quantile(a, share, axis, method, keepdims, weights, without_nan, message, weak)


def _quantile(
    a: Array,
    q: Any,
    axis: Axes,
    method: str,
    keepdims: bool,
    weights: Array | None,
    without_nan: bool,
    message: str,
    weak: bool = False,
) -> Array:
    if a.dtype.kind == "c":
        raise TypeError("a must be an array of real numbers")
    weak = weak or type(q) in (int, float)
    q = as_array(q)
    value = known(q)
    if value is not None and not np.all((value >= 0) & (value <= 1)):
        raise ValueError(message)
    if q.ndim > 2:
        raise ValueError("q must be a scalar or 1d")
    if method not in _PLACES:
        raise ValueError(f"{method!r} is not a valid method. Use one of: {_PLACES.keys()}")
    axes = axes_of(axis, a.ndim)
    rows = _rows(a, axes)
    if weights is not None:
        weights = _weights(as_array(weights), a, axis, method)
        y = _weighted(rows, _rows(weights, axes), q)
    else:
        rows = ordering.sort(rows, axis=rows.ndim - 1)
        n = _count(rows, without_nan)
        y = _interpolated(rows, n, q, method, weak)
        if type(n) is not int:
            y = ew.where(n == 0, np.asarray(np.nan, y.dtype), y)
    if a.dtype.kind == "f" and not without_nan:
        y = ew.where(_any_nan(rows), np.asarray(np.nan, y.dtype), y)
    if not keepdims:
        return y
    kept = tuple(1 if i in axes else n for i, n in enumerate(a.shape))
    return broadcasting.reshape(y, shape=q.shape + kept)


def _rows(a: Array, axes: tuple[int, ...]) -> Array:
    """The axes as one, behind the others."""
    free = tuple(i for i in range(a.ndim) if i not in axes)
    size = math.prod([a.shape[i] for i in axes])
    return broadcasting.reshape(structure.transpose(a, axes=free + axes), shape=(*(a.shape[i] for i in free), size))


def _any_nan(rows: Array) -> Array:
    missing = ew.isnan(ew.stop_gradient(rows))
    return missing.any(axis=-1)


def _count(rows: Array, without_nan: bool) -> Any:
    """How many elements of each row count; an int where that is all of them."""
    if not without_nan or rows.dtype.kind not in "fc":
        return rows.shape[-1]
    return sum(~ew.isnan(ew.stop_gradient(rows)), -1)


def _at(rows: Array, places: Any) -> Array:
    """The elements at places for all rows alike (axes of q), or at places for each (axes of q, then of the rows)."""
    places = ew.clip(places, 0, rows.shape[-1] - 1)
    free = rows.ndim - 1
    if np.ndim(places) < free or all(n == 1 for n in np.shape(places)[np.ndim(places) - free :]):
        places = broadcasting.reshape(places, shape=np.shape(places)[: np.ndim(places) - free])
        y = getitem(rows, (Ellipsis, places))
        return moveaxis(y, tuple(range(free, y.ndim)), tuple(range(np.ndim(places))))
    grid = np.ix_(*(np.arange(n) for n in rows.shape[:-1])) if free else ()
    return getitem(rows, (*grid, places))


def _interpolated(rows: Array, n: Any, q: Array, method: str, weak: bool) -> Array:
    q = broadcasting.reshape(q, shape=q.shape + (1,) * (rows.ndim - 1))
    at = _PLACES[method](n, q)
    if at.dtype.kind in "iu":
        return _at(rows, at)
    below = ew.stop_gradient(ew.floor(at))
    gamma = at - below
    if method in _FRACTIONS:
        gamma = ew.convert(_FRACTIONS[method](gamma, at), dtype=at.dtype)
    if weak and np.size(gamma) == 1 and known(gamma) is not None:
        gamma = float(gamma.item())
    elif weak:
        gamma = ew.convert(gamma, dtype=rows.dtype if rows.dtype.kind == "f" else np.dtype(np.float64))
    last = n - 1
    previous = _at(rows, _whole(ew.where(at >= last, last, below)))
    following = _at(rows, _whole(ew.where(at >= last, last, ew.where(at < 0, 0, below + 1))))
    step = following - previous
    if type(gamma) is float:
        return following - step * (1 - gamma) if gamma >= 0.5 else previous + step * gamma
    return ew.where(gamma >= 0.5, following - step * (1 - gamma), previous + step * gamma)


def _weights(weights: Array, a: Array, axis: Axes, method: str) -> Array:
    """Weights for each element; those for one axis are the same along the others."""
    if method != "inverted_cdf":
        raise ValueError(f"Only method 'inverted_cdf' supports weights. Got: {method}.")
    if weights.shape != a.shape:
        if axis is None:
            raise TypeError("Axis must be specified when shapes of a and weights differ.")
        order = normalize_axis_tuple(axis, a.ndim)
        if weights.shape != tuple(a.shape[i] for i in order):
            raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
        weights = structure.transpose(weights, axes=tuple(np.argsort(order).tolist()))
        shape = tuple(n if i in order else 1 for i, n in enumerate(a.shape))
        weights = broadcasting.broadcast_to(broadcasting.reshape(weights, shape=shape), shape=a.shape)
    value = known(weights)
    if value is not None and np.any(value < 0):
        raise ValueError("Weights must be non-negative.")
    return ew.stop_gradient(weights)


def _weighted(rows: Array, weights: Array, q: Array) -> Array:
    """The first element at which the weights of those up to it are a share q of all."""
    order = ordering.argsort(ew.stop_gradient(rows), axis=rows.ndim - 1)
    if rows.dtype.kind == "f":
        weights = ew.where(ew.isnan(ew.stop_gradient(rows)), np.asarray(0, weights.dtype), weights)
    weights = ew.convert(take_along_axis(weights, order, -1), dtype=np.dtype(np.float64))
    shares = cumsum(weights, axis=rows.ndim - 1)
    shares = shares / shares[..., -1:]
    rows = take_along_axis(rows, order, -1)
    if np.any(known(_without_shares(rows, shares))):
        raise ValueError("Weights included NaN, inf or were all zero.")
    if q.dtype.kind == "f":
        shares = ew.convert(shares, dtype=q.dtype)
    shares = ew.where(shares == 0, np.asarray(-1, shares.dtype), shares)
    wanted = broadcasting.reshape(ew.stop_gradient(q), shape=q.shape + (1,) * rows.ndim)
    return _at(rows, sum(shares < wanted, -1))


def _without_shares(rows: Array, shares: Array) -> Array:
    """Whether rows that have elements have weights without a sum."""
    return ew.isnan(shares[..., -1]) & (rows[..., 0] == rows[..., 0])


@numpy_function(np)
def median(
    a: Array, axis: Axes = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False
) -> Array:
    """The middle of the sorted elements along `axis`, or the mean of the middle two; NaN where one is NaN."""
    return _median(as_array(a), axis, keepdims, False)


@numpy_function(np)
def nanmedian(
    a: Array, axis: Axes = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False
) -> Array:
    """The `median` of the elements that are not NaN; NaN where all are."""
    return _median(as_array(a), axis, keepdims, True)


def _median(a: Array, axis: Axes, keepdims: bool, without_nan: bool) -> Array:
    axes = axes_of(axis, a.ndim)
    rows = _rows(a, axes)
    rows = ordering.sort(rows, axis=rows.ndim - 1)
    n = _count(rows, without_nan)
    if type(n) is int:
        y = mean(rows[..., max(n - 1, 0) // 2 : n // 2 + 1], -1)
        if n and a.dtype.kind in "fc":
            y = ew.where(_any_nan(rows), np.asarray(np.nan, y.dtype), y)
    else:
        low, high = _at(rows, (n - 1) // 2), _at(rows, n // 2)
        y = ew.where(n % 2 == 1, low, mean(stack([low, high]), 0))
        y = ew.where(n == 0, np.asarray(np.nan, y.dtype), y)
    return with_unit_axes(y, a.shape, axes) if keepdims else y
