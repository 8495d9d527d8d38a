"""Choosing elements: by condition, by position, in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.staging import concretization_error
from funcgrad.core.trace import Tracer
from funcgrad.numpy.dispatch import Array, Axis, axis_of, numpy_function, since
from funcgrad.numpy.joining import stack
from funcgrad.numpy.shaping import broadcast_arrays, flip, ravel
from funcgrad.ops import broadcasting, structure
from funcgrad.ops import elementwise as ew
from funcgrad.ops import sort as ordering
from funcgrad.ops.bounds import FILL, get_within, mode_of
from funcgrad.ops.operands import as_array
from funcgrad.ops.subscript import getitem

__all__ = [
    "argpartition",
    "argsort",
    "argwhere",
    "choose",
    "compress",
    "extract",
    "flatnonzero",
    "interp",
    "nonzero",
    "partition",
    "searchsorted",
    "select",
    "sort",
    "sort_complex",
    "take",
    "take_along_axis",
    "where",
]

# by condition


@numpy_function(np, extra=("size", "fill_value"))
def where(
    condition: Array, x: Array = None, y: Array = None, /, *, size: int | None = None, fill_value: Any = None
) -> Any:
    """Elements of `x` where the condition holds, of `y` elsewhere; with the condition alone, its `nonzero`.

    The branch that is not chosen has gradient zero, also where its value is NaN; but NaN * 0 arises where its
    derivative is infinite: guard the argument, as in ``where(x > 0, log(where(x > 0, x, 1)), 0)``.
    """
    if (x is None) != (y is None):
        raise ValueError("either both or neither of x and y should be given")
    if x is None:
        return nonzero(condition, size=size, fill_value=fill_value)
    return ew.where(condition, _scalar_or_array(x), _scalar_or_array(y))


def _scalar_or_array(x: Any) -> Array:
    """Python scalars stay, for their dtype yields to the other branch's."""
    return x if isinstance(x, (float, int, complex, np.generic)) else as_array(x)


@numpy_function(np)
def select(condlist: Sequence[Array], choicelist: Sequence[Array], default: Array = 0) -> Array:
    """For each element the choice that goes with the first condition that holds, else `default`."""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not condlist:
        raise ValueError("select with an empty condition list is not possible")
    dtype = np.result_type(*(c.dtype if hasattr(c, "dtype") else c for c in (*choicelist, default)))
    for i, condition in enumerate(condlist):
        if as_array(condition).dtype != bool:
            raise TypeError(f"invalid entry {i} in condlist: should be boolean ndarray")
    y = ew.convert(as_array(default), dtype=dtype)
    for condition, choice in zip(reversed(condlist), reversed(choicelist)):
        y = ew.where(condition, ew.convert(as_array(choice), dtype=dtype), y)
    return y


@numpy_function(np)
def choose(a: Array, choices: Sequence[Array], out: None = None, mode: str = "raise") -> Array:
    """For each element of the integer array `a` the element at its place of that choice."""
    parts = broadcast_arrays(as_array(a), *choices)
    index = in_range(parts[0], len(parts) - 1, mode)
    return take_along_axis(stack(parts[1:]), index[None], 0)[0]


@numpy_function(np)
def compress(condition: Array, a: Array, axis: Axis = None, out: None = None) -> Array:
    """The parts along `axis` (of the flattened array by default) at which the condition holds."""
    return take(a, np.flatnonzero(ew.stop_gradient(condition)), axis)


@numpy_function(np)
def extract(condition: Array, arr: Array) -> Array:
    """The elements of the flattened array at which the condition holds."""
    return compress(ravel(as_array(condition)), ravel(as_array(arr)))


# by position


def take(
    a: Array,
    indices: Array,
    axis: Axis = None,
    out: Any = None,
    mode: str = "raise",
    fill_value: Any = None,
) -> Array:
    """The parts of `a` at `indices` along `axis` (of the flattened array by default).

    `mode` says what an index out of bounds does: "raise", "wrap" around, or "clip" to the ends, where negative ones do
    not count from the end; and as in JAX "fill", which returns `fill_value` for it, as `at(a)[i].get` does.

    Example:
        >>> import numpy as np
        >>> take(np.array([1.0, 2.0]), [1, 2, -1], mode="fill")
        array([ 2., nan,  2.])
    """
    if mode != "fill":
        return taken(a, indices, axis, out, mode)
    if out is not None:
        raise TypeError("take: with mode 'fill' there is no `out`")
    a, indices = as_array(a), as_array(indices)
    if axis is None:
        a, axis = broadcasting.reshape(a, shape=(a.size,)), 0
    return get_within(a, (slice(None),) * axis_of(axis, a.ndim) + (indices,), FILL, fill_value)


@numpy_function(np.take)
def taken(a: Array, indices: Array, axis: Axis = None, out: None = None, mode: str = "raise") -> Array:
    """`take` in NumPy's modes."""
    a, indices = as_array(a), as_array(indices)
    if indices.dtype.kind == "b":  # to `take` these are 0 and 1, no mask
        indices = ew.convert(indices, dtype=np.dtype(np.intp))
    if axis is None:
        a, axis = broadcasting.reshape(a, shape=(a.size,)), 0
    axis = axis_of(axis, a.ndim)
    return getitem(a, (slice(None),) * axis + (in_range(indices, a.shape[axis], mode),))


def in_range(indices: Array, size: int, mode: str) -> Array:
    if mode == "raise":
        return indices
    if mode == "wrap":
        return indices % size
    if mode == "clip":
        return ew.clip(indices, 0, size - 1)
    raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")


@numpy_function(np, extra=("mode", "fill_value"))
def take_along_axis(
    arr: Array, indices: Array, axis: Axis = -1, *, mode: str | None = None, fill_value: Any = None
) -> Array:
    """`arr[i, indices[i, j, k], k]` for `axis` 1, and so on: what `argsort` and `argmax` index.

    `mode` says what an index out of bounds does, as in `at(arr)[i].get`: it raises by default.
    """
    arr, indices = as_array(arr), as_array(indices)
    if axis is None:
        arr, axis = broadcasting.reshape(arr, shape=(arr.size,)), 0
    axis = axis_of(axis, arr.ndim)
    if indices.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if indices.ndim != arr.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    grid = np.ix_(*(np.arange(1 if i == axis else n) for i, n in enumerate(arr.shape)))
    return get_within(arr, (*grid[:axis], indices, *grid[axis + 1 :]), mode_of(mode, fill_value), fill_value)


@numpy_function(np, extra=("size", "fill_value"))
def nonzero(a: Array, *, size: int | None = None, fill_value: Any = None) -> tuple[Array, ...]:
    """The indices of the elements that are not zero, one array for each axis.

    How many there are is only known with concrete values. With `size`, as in JAX, the first so many are returned, and
    `fill_value` (0; or a tuple, one for each axis) where there are fewer.

    Example:
        >>> import numpy as np
        >>> nonzero(np.array([0, 5, 0, 7]), size=3, fill_value=-1)
        (array([ 1,  3, -1]),)
    """
    if size is None:
        return np.nonzero(concrete(a, "nonzero", sized("nonzero")))
    a = as_array(a)
    flat, exists = _first_nonzero(a, size)
    fills = fill_value if isinstance(fill_value, tuple) else (fill_value or 0,) * a.ndim
    places = []
    for n, fill in zip(reversed(a.shape), reversed(fills)):
        places.append(ew.where(exists, flat % n, fill))
        flat = flat // n
    return tuple(reversed(places))


def _first_nonzero(a: Array, size: int) -> tuple[Array, Array]:
    """The first `size` places in the flattened array that are not zero, and which of them exist."""
    flat = broadcasting.reshape(a, shape=(a.size,)) == 0
    order = ordering.argsort(flat, axis=0)[:size]
    if size > a.size:
        order = structure.pad(order, widths=((0, size - a.size),))
    return order, np.arange(size) < (~flat).sum()


@numpy_function(np, extra=("size", "fill_value"))
def flatnonzero(a: Array, *, size: int | None = None, fill_value: Any = None) -> Array:
    """The indices into the flattened array of the elements that are not zero; `size` as in `nonzero`."""
    return nonzero(ravel(as_array(a)), size=size, fill_value=fill_value)[0]


@numpy_function(np, extra=("size", "fill_value"))
def argwhere(a: Array, *, size: int | None = None, fill_value: Any = None) -> Array:
    """The indices of the elements that are not zero, one row for each; `size` as in `nonzero`."""
    if size is None:
        return np.argwhere(concrete(a, "argwhere", sized("argwhere")))
    a = as_array(a)
    return stack(nonzero(a, size=size, fill_value=fill_value), 1) if a.ndim else np.zeros((size, 0), int)


def known(a: Array) -> Any:
    """The value of `a` without its derivative; None where only its shape is known."""
    a = ew.stop_gradient(a)
    return a._as_plain() if isinstance(a, Tracer) else a


def sized(name: str) -> str:
    """What to write in place of a function whose result has a size that only values tell."""
    return (
        f"Write fnp.{name}(x, size=n), which returns the first n; np.where(condition, a, b) chooses between values and "
        "keeps the shape."
    )


def concrete(
    a: Array, name: str, remedy: str = "Keep the shape: use np.where(condition, x, y) and reductions with where=."
) -> np.ndarray:
    """The value of `a` without its derivative; ConcretizationError where only its shape is known."""
    value = known(a)
    if value is None:
        raise concretization_error(ew.stop_gradient(a), f"the size of `{name}`", remedy)
    return value


# in order


@numpy_function(np)
def sort_complex(a: Array) -> Array:
    """Sorted along the last axis, by the real and then the imaginary part, as complex numbers."""
    a = as_array(a)
    single = a.dtype.kind in "iu" and a.dtype.itemsize < 4
    dtype = a.dtype if a.dtype.kind == "c" else np.dtype(np.complex64 if single else np.complex128)
    return ew.convert(ordering.sort(a, axis=axis_of(-1, a.ndim)), dtype=dtype)


_DESCENDING = () if since(np, "2.5.0") else ("descending",)


@numpy_function(np, extra=_DESCENDING)
def sort(
    a: Array,
    axis: Axis = -1,
    kind: Any = None,
    order: None = None,
    *,
    stable: Any = None,
    descending: bool | None = None,
) -> Array:
    """Sorted along `axis` (the flattened array where it is None), NaN last.

    Example:
        >>> sort(np.array([2.0, np.nan, 3.0]), descending=True)
        array([ 3.,  2., nan])
    """
    a, axis = _along(a, axis)
    if descending:
        return take_along_axis(a, _descending(a, axis), axis)
    return ordering.sort(a, axis=axis)


@numpy_function(np, extra=_DESCENDING)
def argsort(
    a: Array,
    axis: Axis = -1,
    kind: Any = None,
    order: None = None,
    *,
    stable: Any = None,
    descending: bool | None = None,
) -> Array:
    """The indices that sort along `axis`; equal elements stay in their order, and NaN are last."""
    a, axis = _along(a, axis)
    return _descending(a, axis) if descending else ordering.argsort(a, axis=axis)


def _along(a: Array, axis: Axis) -> tuple[Array, int]:
    a = as_array(a)
    if axis is None:
        return broadcasting.reshape(a, shape=(a.size,)), 0
    return a, axis_of(axis, a.ndim)


def _descending(a: Array, axis: int) -> Array:
    """Sorted backwards from the end, so that equal elements stay in their order; then NaN are brought to the end."""
    backwards = flip(ordering.argsort(flip(a, axis), axis=axis), axis)
    places = a.shape[axis] - 1 - backwards
    if a.dtype.kind not in "fc":
        return places
    last = ordering.argsort(take_along_axis(ew.isnan(a), places, axis), axis=axis)
    return take_along_axis(places, last, axis)


@numpy_function(np)
def partition(a: Array, kth: Any, axis: Axis = -1, kind: Any = None, order: None = None) -> Array:
    """With the elements `kth` at their places in the sorted order, and along `axis` smaller ones before them.

    All others are in order too.
    """
    _check_places(a, kth, axis)
    return sort(a, axis)


@numpy_function(np)
def argpartition(a: Array, kth: Any, axis: Axis = -1, kind: Any = None, order: None = None) -> Array:
    """The indices that `partition` along `axis`."""
    _check_places(a, kth, axis)
    return argsort(a, axis)


def _check_places(a: Array, kth: Any, axis: Axis) -> None:
    a = as_array(a)
    n = a.size if axis is None else a.shape[axis_of(axis, a.ndim)]
    for k in np.atleast_1d(kth).tolist():
        if not -n <= k < n:
            raise ValueError(f"kth(={k}) out of bounds ({n})")


@numpy_function(np)
def searchsorted(a: Array, v: Array, side: str = "left", sorter: Array | None = None) -> Array:
    """Where the elements of `v` go into the sorted vector `a`; it has no derivative."""
    a, v = ew.stop_gradient(as_array(a)), ew.stop_gradient(as_array(v))
    if not isinstance(a, Tracer) and not isinstance(v, Tracer):
        return np.searchsorted(a, v, side, sorter)  # type: ignore[call-overload]
    if side not in ("left", "right"):
        raise ValueError(f"search side must be 'left' or 'right' (got {side!r})")
    if sorter is not None:
        a = take(a, sorter)
    v = broadcasting.reshape(v, shape=(*v.shape, 1))
    before = a < v if side == "left" else a <= v
    if v.dtype.kind in "fc":
        before = before | (ew.isnan(v) & ~ew.isnan(a) if side == "left" else ew.isnan(v))
    return before.sum(axis=-1)


@numpy_function(np)
def interp(
    x: Array,
    xp: Array,
    fp: Array,
    left: Array | None = None,
    right: Array | None = None,
    period: Array | None = None,
) -> Array:
    """Linear interpolation between the points `(xp, fp)`, `xp` rising; `left` and `right` apply outside.

    As in NumPy, it computes in float64.
    """
    x, xp = (ew.convert(as_array(points), dtype=np.dtype(np.float64)) for points in (x, xp))
    fp = as_array(fp)
    fp = ew.convert(fp, dtype=np.promote_types(fp.dtype, np.float64))
    if xp.ndim != 1 or xp.shape != fp.shape:
        raise ValueError("fp and xp are not of the same length.")
    if not xp.shape[0]:
        raise ValueError("array of sample points is empty")
    if period is not None:
        value = known(as_array(period))
        if value is not None and value == 0:
            raise ValueError("period must be a non-zero value")
        period = ew.abs(period)
        x, xp = x % period, xp % period
        order = argsort(xp)
        xp, fp = getitem(xp, order), getitem(fp, order)
        xp = structure.concatenate(xp[-1:] - period, xp, xp[:1] + period, axis=0)
        fp = structure.concatenate(fp[-1:], fp, fp[:1], axis=0)
        left = right = None
    if xp.shape[0] == 1:
        inside = ew.where(ew.isnan(x), x, fp[0])
    else:
        i = ew.clip(searchsorted(xp, x, "right"), 1, xp.shape[0] - 1)
        low, below = getitem(xp, i - 1), getitem(fp, i - 1)
        width = getitem(xp, i) - low
        slope = ew.where(width == 0, 0.0, (getitem(fp, i) - below) / ew.where(width == 0, 1.0, width))
        inside = below + slope * (x - low)
    y = ew.where(x < xp[0], fp[0] if left is None else left, inside)
    return ew.where(x > xp[-1], fp[-1] if right is None else right, y)
