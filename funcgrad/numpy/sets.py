"""Distinct elements and set operations. The elements that are kept have their derivatives.

How many elements a result has is only known with concrete values. With `size`, as in JAX, the first so many are
returned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.staging import concretization_error
from funcgrad.numpy.dispatch import Array, Axis, axis_of, numpy_function
from funcgrad.numpy.indexing import known, nonzero, sized, take
from funcgrad.numpy.shaping import ravel
from funcgrad.ops import broadcasting, structure
from funcgrad.ops import elementwise as ew
from funcgrad.ops import sort as ordering
from funcgrad.ops.operands import as_array
from funcgrad.ops.reduce import cumsum
from funcgrad.ops.subscript import update

__all__ = [
    "intersect1d",
    "isin",
    "setdiff1d",
    "setxor1d",
    "union1d",
    "unique",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
]

SIZED = ("size", "fill_value")


@numpy_function(np, extra=SIZED)
def unique(
    ar: Array,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Axis = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
    size: int | None = None,
    fill_value: Array | None = None,
) -> Any:
    """The distinct elements of the flattened array (or parts along `axis`), ascending; also, as asked for, their first
    places, which of them each element is, and how often each occurs.

    With `size` as many are returned: where there are fewer, `fill_value` (the least), and counts of 0.

    Example:
        >>> import numpy as np
        >>> unique(np.array([3.0, 1.0, 3.0]), size=3, fill_value=0.0)
        array([1., 3., 0.])
    """
    ar = as_array(ar)
    value = known(ar)
    if size is not None and (axis is None or ar.ndim == 1):
        results = _unique_of_size(ar, equal_nan, size, fill_value)
    elif value is None or size is not None:
        raise concretization_error(ar, "the size of `unique`", sized("unique"))
    else:
        _, first, inverse, counts = np.unique(value, True, True, True, axis, equal_nan=equal_nan)
        values = take(ravel(ar), first) if axis is None else take(ar, first, axis_of(axis, ar.ndim))
        results = values, first, inverse, counts
    asked = (True, return_index, return_inverse, return_counts)
    chosen = tuple(result for result, wanted in zip(results, asked) if wanted)
    return chosen if len(chosen) > 1 else chosen[0]


def _unique_of_size(ar: Array, equal_nan: bool, size: int, fill_value: Array | None) -> tuple[Array, ...]:
    flat = ravel(ar)
    order = ordering.argsort(ew.stop_gradient(flat), axis=0)
    rows = take(flat, order)
    kept = ew.stop_gradient(rows)
    new = kept[1:] != kept[:-1]
    if equal_nan and ar.dtype.kind in "fc":
        new = new & ~(ew.isnan(kept[1:]) & ew.isnan(kept[:-1]))
    starts = structure.concatenate(np.ones(min(1, ar.size), bool), new, axis=0)
    group = cumsum(starts, axis=0) - 1
    (start,) = nonzero(starts, size=size, fill_value=0)
    exists = np.arange(size) < starts.sum()
    values, first = take(rows, start), take(order, start)
    fill = values[:1] if fill_value is None else ew.convert(as_array(fill_value), dtype=ar.dtype)
    inverse = update(np.zeros(ar.size, group.dtype), (order,), group, "set")
    counts = update(np.zeros(size + 1, group.dtype), (ew.minimum(group, size),), np.ones(ar.size, group.dtype), "add")
    return (
        ew.where(exists, values, fill),
        ew.where(exists, first, first[:1]),
        broadcasting.reshape(inverse, shape=ar.shape),
        counts[:size],
    )


@numpy_function(np, extra=SIZED)
def unique_all(x: Array, /, *, size: int | None = None, fill_value: Array | None = None) -> Any:
    """`unique` with places, inverse and counts; NaN are distinct."""
    parts = unique(x, True, True, True, equal_nan=False, size=size, fill_value=fill_value)
    return _RESULTS["all"](*parts)


@numpy_function(np, extra=SIZED)
def unique_counts(x: Array, /, *, size: int | None = None, fill_value: Array | None = None) -> Any:
    """`unique` with counts; NaN are distinct."""
    parts = unique(x, return_counts=True, equal_nan=False, size=size, fill_value=fill_value)
    return _RESULTS["counts"](*parts)


@numpy_function(np, extra=SIZED)
def unique_inverse(x: Array, /, *, size: int | None = None, fill_value: Array | None = None) -> Any:
    """`unique` with the inverse; NaN are distinct."""
    parts = unique(x, return_inverse=True, equal_nan=False, size=size, fill_value=fill_value)
    return _RESULTS["inverse"](*parts)


@numpy_function(np, extra=SIZED)
def unique_values(x: Array, /, *, size: int | None = None, fill_value: Array | None = None) -> Array:
    """`unique`; NaN are distinct."""
    return unique(x, equal_nan=False, size=size, fill_value=fill_value)


_RESULTS = {name: type(getattr(np, f"unique_{name}")(np.zeros(1))) for name in ("all", "counts", "inverse")}
"""The named tuples that NumPy returns."""


def _distinct(ar: Array, assume_unique: bool) -> Array:
    return ravel(as_array(ar)) if assume_unique else unique(ar)


@numpy_function(np, extra=SIZED)
def union1d(ar1: Array, ar2: Array, *, size: int | None = None, fill_value: Array | None = None) -> Array:
    """The elements of either, ascending."""
    both = structure.concatenate(ravel(as_array(ar1)), ravel(as_array(ar2)), axis=0)
    return unique(both, size=size, fill_value=fill_value)


@numpy_function(np)
def intersect1d(ar1: Array, ar2: Array, assume_unique: bool = False, return_indices: bool = False) -> Any:
    """The elements of both, ascending; with `return_indices` also where they stand first in each."""
    a, b = ravel(as_array(ar1)), ravel(as_array(ar2))
    _, i, j = np.intersect1d(_needed(a), _needed(b), assume_unique, True)
    dtype = np.result_type(a.dtype, b.dtype)
    common = ew.convert(take(a, i), dtype=dtype)
    return (common, i, j) if return_indices else common


@numpy_function(np)
def setdiff1d(ar1: Array, ar2: Array, assume_unique: bool = False) -> Array:
    """The elements of `ar1` that `ar2` does not have, ascending (in their order where `assume_unique`)."""
    a = _distinct(ar1, assume_unique)
    return a[np.flatnonzero(_needed(isin(a, ar2, invert=True)))]


@numpy_function(np)
def setxor1d(ar1: Array, ar2: Array, assume_unique: bool = False) -> Array:
    """The elements of one of the two only, ascending."""
    both = structure.concatenate(_distinct(ar1, assume_unique), _distinct(ar2, assume_unique), axis=0)
    rows = ordering.sort(both, axis=0)
    value = _needed(rows)
    changes = np.concatenate([[True], value[1:] != value[:-1], [True]]) if value.size else np.zeros(1, bool)
    return rows[np.flatnonzero(changes[1:] & changes[:-1])]


def _needed(a: Array) -> np.ndarray:
    value = known(a)
    if value is None:
        raise concretization_error(
            ew.stop_gradient(a),
            "the size of a set",
            "np.isin(x, y) keeps the shape of x, and union1d and unique take size=.",
        )
    return value


@numpy_function(np)
def isin(
    element: Array, test_elements: Array, assume_unique: bool = False, invert: bool = False, *, kind: str | None = None
) -> Array:
    """Which elements are among `test_elements` (are not, where `invert`)."""
    a, b = ew.stop_gradient(as_array(element)), ravel(ew.stop_gradient(as_array(test_elements)))
    if known(a) is not None and known(b) is not None:
        return np.isin(known(a), known(b), assume_unique, invert, kind=kind)  # type: ignore[arg-type]
    found = (broadcasting.reshape(a, shape=(*a.shape, 1)) == b).any(axis=-1)
    return ~found if invert else found
