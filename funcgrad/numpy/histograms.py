"""Counting in bins. Counts have no derivative; weights that are counted, and edges that follow from the data, have."""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.staging import concretization_error
from funcgrad.core.trace import Tracer
from funcgrad.numpy.creation import linspace
from funcgrad.numpy.dispatch import Array, numpy_function
from funcgrad.numpy.indexing import known, searchsorted
from funcgrad.numpy.reductions import diff, max, min, sum
from funcgrad.numpy.shaping import atleast_2d, ravel, transpose
from funcgrad.ops import broadcasting
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import as_array
from funcgrad.ops.subscript import update

__all__ = ["bincount", "digitize", "histogram", "histogram2d", "histogram_bin_edges", "histogramdd"]

FLOAT = np.dtype(np.float64)


@numpy_function(np, extra=("length",))
def bincount(x: Array, /, weights: Array | None = None, minlength: int = 0, *, length: int | None = None) -> Array:
    """How often each integer from 0 on occurs in `x`, or the sums of `weights` that go with it.

    The result ends with the largest integer. Where the values are not known, `length` says how long it is, as in JAX;
    larger integers are not counted then.

    Example:
        >>> import numpy as np
        >>> bincount(np.array([0, 2, 2]), weights=np.array([0.5, 1.0, 2.0]))
        array([0.5, 0. , 3. ])
    """
    x = as_array(x)
    if x.dtype.kind not in "biu" and x.size:
        raise TypeError(f"Cannot cast array data from {x.dtype!r} to dtype('int64') according to the rule 'safe'")
    if x.ndim != 1:
        raise ValueError(
            "object too deep for desired array" if x.ndim else "object of too small depth for desired array"
        )
    if minlength < 0:
        raise ValueError("'minlength' must not be negative")
    value = known(x)
    if value is not None and np.any(value < 0):
        raise ValueError("'list' argument must have no negative elements")
    if length is None:
        if value is None:
            raise concretization_error(x, "the size of `bincount`", "With length=, the result has that size.")
        length = builtins.max(minlength, int(value.max(initial=-1)) + 1)
    if weights is None:
        counted: Any = np.ones(x.shape, np.intp)
    else:
        counted = ew.convert(as_array(weights), dtype=FLOAT)
        if counted.shape != x.shape:
            raise ValueError("The weights and list don't have the same length.")
    places = ew.where((x < 0) | (x >= length), length, ew.convert(x, dtype=np.dtype(np.intp)))
    return update(np.zeros(length + 1, counted.dtype), (places,), counted, "add")[:length]


@numpy_function(np)
def digitize(x: Array, bins: Array, right: bool = False) -> Array:
    """In which of the bins, whose edges rise or fall, each element lies; 0 is before the first edge.

    Edges whose values are not known are taken to rise, or to fall if the last is below the first.
    """
    x, bins = ew.stop_gradient(as_array(x)), ew.stop_gradient(as_array(bins))
    if x.dtype.kind == "c":
        raise TypeError("x may not be complex")
    side = "left" if right else "right"
    value = known(bins)
    if value is None:
        falls = bins[-1] < bins[0]
        return ew.where(falls, bins.shape[0] - searchsorted(bins[::-1], x, side), searchsorted(bins, x, side))
    if (value[1:] >= value[:-1]).all():
        return searchsorted(bins, x, side)
    if not (value[1:] <= value[:-1]).all():
        raise ValueError("bins must be monotonically increasing or decreasing")
    return len(value) - searchsorted(value[::-1], x, side)


def _range(a: Array, range: Sequence[Any] | None) -> tuple[Any, Any]:
    """The outer edges: those given, or those of the data; half a unit more on both sides where they are equal."""
    if range is not None:
        first, last = range
        values = known(first), known(last)
        if None not in values and values[0] > values[1]:
            raise ValueError("max must be larger than min in range parameter.")
    elif a.size == 0:
        first, last = 0, 1
    else:
        first, last = min(a), max(a)
    values = known(first), known(last)
    if values[0] is not None and values[1] is not None:
        if not (np.isfinite(values[0]) and np.isfinite(values[1])):
            kind = "autodetected" if range is None else "supplied"
            raise ValueError(f"{kind} range of [{values[0]}, {values[1]}] is not finite")
        return (first - 0.5, last + 0.5) if values[0] == values[1] else (first, last)
    half = ew.where(first == last, 0.5, 0.0)
    return first - half, last + half


def _edges(a: Array, bins: Any, range: Any, weights: Array | None) -> Array:
    if isinstance(bins, str):
        value = known(a)
        if value is None:
            raise concretization_error(a, "the number of bins", "Give it as a number.")
        bins = len(np.histogram_bin_edges(value, bins, range, weights)) - 1
    if np.ndim(bins) > 1:
        raise ValueError("`bins` must be 1d, when an array")
    if np.ndim(bins) == 1:
        edges = as_array(bins)
        value = known(edges)
        if value is not None and np.any(value[:-1] > value[1:]):
            raise ValueError("`bins` must increase monotonically, when an array")
        return edges
    try:
        count = operator.index(bins)
    except TypeError as error:
        raise TypeError("`bins` must be an integer, a string, or an array") from error
    if count < 1:
        raise ValueError("`bins` must be positive, when an integer")
    first, last = _range(a, range)
    dtype = np.result_type(*(x.dtype if hasattr(x, "dtype") else x for x in (first, last, a)))
    dtype = dtype if dtype.kind == "f" else np.result_type(dtype, float)
    return linspace(first, last, count + 1, dtype=dtype)


def _bin_of(x: Array, edges: Array) -> Array:
    """The bin of each element, from 1 on; the last edge belongs to the last bin."""
    x, edges = ew.stop_gradient(x), ew.stop_gradient(edges)
    return searchsorted(edges, x, "right") - (x == edges[-1])


def _sample(a: Array, weights: Array | None) -> tuple[Array, Array | None]:
    a = as_array(a)
    if a.dtype == bool:
        a = ew.convert(a, dtype=np.dtype(np.uint8))
    if weights is not None:
        weights = as_array(weights)
        if weights.shape != a.shape:
            raise ValueError("weights should have the same shape as a.")
        weights = ravel(weights)
    return ravel(a), weights


@numpy_function(np)
def histogram_bin_edges(a: Array, bins: Any = 10, range: Any = None, weights: Array | None = None) -> Array:
    """The edges of the bins of `histogram`."""
    a, weights = _sample(a, weights)
    return _edges(a, bins, range, weights)


@numpy_function(np)
def histogram(
    a: Array, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Array | None = None
) -> tuple[Array, Array]:
    """How many elements of `a` (or which sum of weights) lie in each bin, and the edges of the bins.

    `bins` is a number of equal ones, the edges, or the name of a rule. With `density` the integral is 1.

    Example:
        >>> import numpy as np
        >>> histogram(np.array([0.0, 0.5, 2.0]), bins=2, weights=np.array([1.0, 2.0, 4.0]))
        (array([3., 4.]), array([0., 1., 2.]))
    """
    a, weights = _sample(a, weights)
    edges = _edges(a, bins, range, weights)
    counted = np.ones(a.shape, np.intp) if weights is None else weights
    counts = _counted(_bin_of(a, edges), counted, edges.shape[0] + 1)[1:-1]
    if not density:
        return counts, edges
    return counts / ew.convert(diff(edges), dtype=FLOAT) / sum(counts), edges


def _counted(places: Array, counted: Array, size: int) -> Array:
    return update(np.zeros(size, counted.dtype), (places,), counted, "add")


@numpy_function(np)
def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Array | None = None
) -> tuple[Array, list[Array]]:
    """`histogram` of points: rows of an array, or an array for each coordinate. Also the edges for each coordinate."""
    points: Any = (
        sample
        if isinstance(sample, (Tracer, np.ndarray)) and sample.ndim == 2
        else transpose(atleast_2d(as_array(sample)))
    )
    size = points.shape[1]
    if np.ndim(bins) == 0:
        bins = [bins] * size
    elif len(bins) != size:
        raise ValueError("The dimension of bins must be equal to the dimension of the sample x.")
    ranges = [None] * size if range is None else range
    if len(ranges) != size:
        raise ValueError("range argument must have one entry per dimension")
    columns = [points[:, i] for i in builtins.range(size)]
    edges = [_edges_of(x, b, r) for x, b, r in zip(columns, bins, ranges)]
    shape = tuple(e.shape[0] + 1 for e in edges)
    place: Any = 0
    for x, e, n in zip(columns, edges, shape):
        place = place * n + _bin_of(x, e)
    counted = np.ones(points.shape[0]) if weights is None else ew.convert(as_array(weights), dtype=FLOAT)
    counts = broadcasting.reshape(_counted(place, counted, math.prod(shape)), shape=shape)[(slice(1, -1),) * size]
    if density:
        total = sum(counts)
        for i, e in enumerate(edges):
            widths = diff(e)
            counts = counts / broadcasting.reshape(widths, shape=widths.shape + (1,) * (size - 1 - i))
        counts = counts / total
    return counts, edges


def _edges_of(x: Array, bins: Any, range: Any) -> Array:
    """As for one coordinate, but float64."""
    if np.ndim(bins) == 0:
        first, last = _range(x, range)
        return linspace(first, last, operator.index(bins) + 1)
    return _edges(x, bins, range, None)


@numpy_function(np)
def histogram2d(
    x: Array, y: Array, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Array | None = None
) -> tuple[Array, Array, Array]:
    """`histogram` of points in the plane, and the edges for both coordinates."""
    if np.ndim(bins) != 0 and len(bins) not in (1, 2):
        edges = as_array(bins)
        bins = [edges, edges]
    elif np.ndim(bins) != 0 and len(bins) == 1:
        bins = [bins[0], bins[0]]
    counts, (x_edges, y_edges) = histogramdd([as_array(x), as_array(y)], bins, range, density, weights)
    return counts, x_edges, y_edges
