"""Arrays with parts put in, taken out, or written over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from funcgrad.core.avals import aval_of
from funcgrad.core.trace import Tracer
from funcgrad.numpy.dispatch import IMPLEMENTATIONS, Array, Axes, Axis, axes_of, axis_of, numpy_function
from funcgrad.numpy.indexing import concrete, in_range, take
from funcgrad.numpy.joining import concatenate
from funcgrad.numpy.shaping import moveaxis, ravel
from funcgrad.numpy.writing import plain_target
from funcgrad.ops import broadcasting, structure
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import any_traced, as_array
from funcgrad.ops.subscript import update
from funcgrad.ops.views import write

__all__ = [
    "append",
    "copyto",
    "delete",
    "fill_diagonal",
    "insert",
    "place",
    "put",
    "put_along_axis",
    "putmask",
    "trim_zeros",
]


@numpy_function(np)
def append(arr: Array, values: Array, axis: Axis = None) -> Array:
    """`values` behind the array along `axis`; both flattened where it is None."""
    arr, values = as_array(arr), as_array(values)
    if axis is None:
        return structure.concatenate(ravel(arr), ravel(values), axis=0)
    return concatenate([arr, values], axis)


@numpy_function(np)
def delete(arr: Array, obj: Any, axis: Axis = None) -> Array:
    """The array without the parts that the indices, slice or mask `obj` names along `axis`."""
    arr, axis = _flattened(arr, axis)
    if any_traced((obj,)):
        obj = concrete(as_array(obj), "delete")
    return take(arr, np.delete(np.arange(arr.shape[axis]), obj), axis)


@numpy_function(np)
def insert(arr: Array, obj: Any, values: Array, axis: Axis = None) -> Array:
    """The array with `values` before the places that `obj` names along `axis`."""
    arr, axis = _flattened(arr, axis)
    if any_traced((obj,)):
        obj = concrete(as_array(obj), "insert")
    values = ew.convert(as_array(values), dtype=arr.dtype)
    size = arr.shape[axis]
    places = np.arange(size)[obj] if isinstance(obj, slice) else np.asarray(obj)
    if places.dtype == bool:
        places = np.flatnonzero(places)
    if places.size == 1:
        values = broadcasting.reshape(values, shape=(1,) * (arr.ndim - values.ndim) + values.shape)
        values = moveaxis(values, 0, axis) if places.ndim == 0 else values
        count = values.shape[axis]
    else:
        count = places.size
    order = np.insert(np.arange(size), obj, size + np.arange(count))
    shape = (*arr.shape[:axis], count, *arr.shape[axis + 1 :])
    return take(structure.concatenate(arr, broadcasting.broadcast_to(values, shape=shape), axis=axis), order, axis)


def _flattened(arr: Array, axis: Axis) -> tuple[Array, int]:
    arr = as_array(arr)
    return (ravel(arr), 0) if axis is None else (arr, axis_of(axis, arr.ndim))


@numpy_function(np)
def trim_zeros(filt: Array, trim: str = "fb", axis: Axes = None) -> Array:
    """Without the zeros at the front ("f") and back ("b"). The values decide the shape: they must be known."""
    filt = as_array(filt)
    if trim.lower() not in ("f", "b", "fb", "bf"):
        raise ValueError(f"unexpected character(s) in `trim`: {trim!r}")
    places = np.argwhere(concrete(filt, "trim_zeros"))
    kept = []
    for i, n in enumerate(filt.shape):
        start, stop = (places[:, i].min(), places[:, i].max() + 1) if len(places) else (0, 0)
        if i not in axes_of(axis, filt.ndim):
            start, stop = 0, n
        elif len(places):
            start, stop = start if "f" in trim.lower() else 0, stop if "b" in trim.lower() else n
        kept.append(slice(int(start), int(stop)))
    return filt[tuple(kept)]


# NumPy's functions that write into an array: with inplace=False, as in JAX, they return a new one


def _writer(fun: Callable[..., Array]) -> Callable[..., Any]:
    """A function that writes into an array, from what returns a new one."""
    plain = getattr(np, fun.__name__)
    first = fun.__code__.co_varnames[0]

    @wraps(fun)
    def function(*args: Any, inplace: bool = True, **kwargs: Any) -> Any:
        if not inplace:
            return fun(*args, **kwargs)
        if not any_traced((*args, *kwargs.values())):
            return plain(*args, **kwargs)
        target = args[0] if args else kwargs[first]
        if not isinstance(target, Tracer):
            raise plain_target(fun.__name__)
        write(target, fun(*args, **kwargs))
        return None

    IMPLEMENTATIONS[plain] = function
    return function


@_writer
def put_along_axis(arr: Array, indices: Array, values: Array, axis: Axis) -> Array:
    """`values` at the places that `take_along_axis` takes; `inplace=False` returns a new array."""
    arr, indices = as_array(arr), as_array(indices)
    if axis is None:
        flat = update(ravel(arr), (ravel(indices),), values, "set")
        return broadcasting.reshape(flat, shape=arr.shape)
    axis = axis_of(axis, arr.ndim)
    grid = np.ix_(*(np.arange(1 if i == axis else n) for i, n in enumerate(arr.shape)))
    return update(arr, (*grid[:axis], indices, *grid[axis + 1 :]), values, "set")


@_writer
def put(a: Array, ind: Array, v: Array, mode: str = "raise") -> Array:
    """`v`, repeated as often as needed, at places of the flattened array; `inplace=False` returns a new array."""
    a, ind = as_array(a), ravel(as_array(ind))
    places = in_range(ind, a.size, mode)
    flat = update(ravel(a), (places,), _repeated(v, places.size), "set")
    return broadcasting.reshape(flat, shape=a.shape)


@_writer
def place(arr: Array, mask: Array, vals: Sequence[Any]) -> Array:
    """`vals`, in turn, where the mask is true; `inplace=False` returns a new array."""
    arr, mask = as_array(arr), as_array(mask)
    values = ravel(as_array(vals))
    if mask.size != arr.size:
        raise ValueError("place: mask and data must be the same size")
    turn = ravel(ew.convert(mask != 0, dtype=np.dtype(int))).cumsum() - 1
    chosen = take(values, turn % values.size) if values.size else arr
    return ew.where(mask != 0, ew.convert(broadcasting.reshape(chosen, shape=arr.shape), dtype=arr.dtype), arr)


def _repeated(v: Array, size: int) -> Array:
    v = ravel(as_array(v))
    return take(v, np.arange(size) % v.size) if v.size and v.size != size else v


@_writer
def fill_diagonal(a: Array, val: Array, wrap: bool = False) -> Array:
    """`val`, repeated as often as needed, on the main diagonal; `inplace=False` returns a new array."""
    a = as_array(a)
    if a.ndim < 2:
        raise ValueError("array must be at least 2-d")
    if a.ndim > 2 and len(set(a.shape)) > 1:
        raise ValueError("All dimensions of input must be of equal length")
    step = a.shape[1] + 1 if a.ndim == 2 else 1 + int(np.cumprod(a.shape[:-1]).sum())
    end = a.shape[1] ** 2 if a.ndim == 2 and not wrap else a.size
    places = np.arange(a.size)[:end:step]
    flat = update(ravel(a), (places,), _repeated(val, places.size)[: places.size], "set")
    return broadcasting.reshape(flat, shape=a.shape)


@_writer
def putmask(a: Array, /, mask: Array, values: Array) -> Array:
    """`values`, of which each has its place, where the mask is true; `inplace=False` returns a new array."""
    a, values = as_array(a), _repeated(values, np.size(a))
    return ew.where(as_array(mask) != 0, ew.convert(broadcasting.reshape(values, shape=a.shape), dtype=a.dtype), a)


@_writer
def copyto(dst: Array, src: Array, casting: str = "same_kind", where: Array = True) -> Array:
    """`src` in place of `dst`, where `where` holds; `inplace=False` returns a new array."""
    dst, given = as_array(dst), aval_of(src)
    if not given.weak and not np.can_cast(given.dtype, dst.dtype, casting):  # type: ignore[arg-type]
        np.copyto(np.empty(0, dst.dtype), np.empty(0, given.dtype), casting)  # type: ignore[arg-type]
    new = broadcasting.broadcast_to(ew.convert(src, dtype=dst.dtype), shape=dst.shape)
    return new if where is True else ew.where(where, new, dst)
