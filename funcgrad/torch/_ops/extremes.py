"""Extremes and where they are, and the order of elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.torch._ops import kinks, values
from funcgrad.torch._ops.compare import PLAIN
from funcgrad.torch._ops.pointwise import maximum, minimum
from funcgrad.torch._ops.reduce import Dims, dims_of
from funcgrad.torch._ops.table import named, returned
from funcgrad.torch._record.calls import Kind, call, need_tensor
from funcgrad.torch._record.tape import constant, raw
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor, fresh

EMPTY = "Expected reduction dim to be specified for input.numel() == 0."


def not_empty(x: Tensor, axis: int, function: str) -> None:
    """PyTorch's error for an extreme of nothing."""
    if x.dim() and not x.numel() and not x.shape[axis]:
        raise IndexError(f"{function}(): Expected reduction dim {axis} to have non-zero size.")


def _extreme(name: str, whole: Any, position: Any, elementwise: Any) -> Callable[..., Any]:
    all_kind, dim_kind = Kind(f"{name.title()}Backward1", "xr"), Kind(f"{name.title()}Backward0", "-")

    def extreme(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        """Over all elements; over `dim`, with their indices; or of two tensors, elementwise."""
        need_tensor(input, name)
        if isinstance(dim, Tensor) or other is not None:
            return elementwise(input, dim if other is None else other)
        if dim is None:
            if not input.numel():
                raise RuntimeError(f"{name}(): {EMPTY} Specify the reduction dim with the 'dim' argument.")
            return call(all_kind, lambda v: kinks.shared_by_nans(whole, v), input)
        axis = dimension(dim, input.dim())
        not_empty(input, axis, name)
        places = position(constant(input._read()), axis=axis) if input.dim() else np.int64(0)
        return found_at(name, dim_kind, input, places, axis, keepdim)

    extreme.__name__ = extreme.__qualname__ = name
    return named()(extreme)


def found_at(name: str, kind: Kind, x: Tensor, places: Any, axis: int, keepdim: bool) -> Any:
    """The elements at places along an axis, one for each row, and the places."""
    if x.dim() == 0:
        return returned(name, (call(kind, fnp.add, x, 0), fresh(np.int64(0))))
    thin = fnp.expand_dims(places, axis)

    def picked(v: Any) -> Any:
        out = v[along(thin, v.shape, axis)]
        return out if keepdim else values.reshape(out, shape=out.shape[:axis] + out.shape[axis + 1 :])

    return returned(name, (call(kind, picked, x), fresh(thin if keepdim else places)))


def along(index: Any, shape: tuple[int, ...], axis: int) -> tuple[Any, ...]:
    """Index arrays for all axes, `index` for one of them."""
    rank = len(shape)
    return tuple(
        [
            index if a == axis else np.arange(n).reshape((n,) + (1,) * (rank - 1 - a))
            for a, n in enumerate(index.shape)
        ]
    )


max = _extreme("max", fnp.max, fnp.argmax, maximum)
min = _extreme("min", fnp.min, fnp.argmin, minimum)


def _shared_extreme(name: str, fun: Any) -> Callable[..., Tensor]:
    kind = Kind(name.title(), "xr")

    def extreme(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
        need_tensor(input, name)
        dims = dims_of(dim, input.dim())
        if not input.numel():
            if dim == ():
                raise RuntimeError(f"{name}(): {EMPTY} Specify the reduction dim with the 'dim' argument.")
            for axis in dims:
                not_empty(input, axis, name)
        return call(kind, lambda v: fun(v, dims, keepdim), input)

    extreme.__name__ = extreme.__qualname__ = name
    extreme.__doc__ = f"The {'maximum' if name == 'amax' else 'minimum'} over `dim`; equal elements share the gradient."
    return named()(extreme)


amax, amin = _shared_extreme("amax", values.maximum), _shared_extreme("amin", values.minimum)


@named()
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """The minimum and the maximum."""
    dims = () if dim is None else dim
    return returned("aminmax", (amin(input, dims, keepdim), amax(input, dims, keepdim)))


def _position(name: str, fun: Any) -> Callable[..., Tensor]:
    def position(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
        need_tensor(input, name)
        if input.dtype is dtypes.bool:
            raise RuntimeError(f"{name}(): does not support bool input")
        if not input.numel():
            if dim is None:
                raise IndexError(f"{name}(): {EMPTY}")
            not_empty(input, dimension(dim, input.dim()), name)

        def find(v: Any) -> Any:
            v = raw(v)
            if dim is None or not len(v.shape):
                return fun(fnp.reshape(v, (v.size,)), axis=0)
            axis = dimension(dim, len(v.shape))
            return fun(v, axis=axis, keepdims=keepdim)

        return call(PLAIN, find, input)

    position.__name__ = position.__qualname__ = name
    position.__doc__ = f"Where the {name[3:]}imum is, over `dim` or in the flattened tensor."
    return named()(position)


argmax, argmin = _position("argmax", fnp.argmax), _position("argmin", fnp.argmin)

# Order

SORT, TOPK, KTHVALUE = Kind("Sort", "-"), Kind("Topk", "-"), Kind("Kthvalue", "-")
MEDIAN, MEDIAN_DIM = Kind("Median", "xr"), Kind("MedianBackward1", "-")


def ordered(input: Tensor, axis: int, descending: bool) -> Any:
    """The places of elements in order; equal elements keep theirs."""
    v = constant(input._read())
    if not v.ndim:
        return np.zeros((), np.int64)
    if not descending:
        return fnp.argsort(v, axis=axis, stable=True)
    # stable from the largest: equal elements keep their order
    backwards = fnp.flip(fnp.argsort(fnp.flip(v, axis), axis=axis, stable=True), axis)
    return fnp.subtract(v.shape[axis] - 1, backwards)


def _taken(kind: Kind, x: Tensor, places: Any, axis: int) -> Tensor:
    if not places.ndim:
        return call(kind, fnp.add, x, 0)
    return call(kind, lambda v: v[along(places, v.shape, axis)], x)


@named()
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """Sorted values and where they were. Equal elements keep their order."""
    axis = dimension(dim, input.dim())
    places = ordered(input, axis, descending)
    return returned("sort", (_taken(SORT, input, places, axis), fresh(places)))


@named()
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Where the sorted values were."""
    return fresh(ordered(input, dimension(dim, input.dim()), descending))


@named()
def msort(input: Tensor) -> Tensor:
    """Sorted along the first dimension."""
    return sort(input, 0).values


@named()
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The k largest (or smallest) elements and where they are."""
    axis = dimension(dim, input.dim())
    if k > (input.shape[axis] if input.dim() else 1):
        raise RuntimeError("selected index k out of range")
    places = ordered(input, axis, largest)
    places = fnp.take(places, np.arange(k), axis) if places.ndim else places
    return returned("topk", (_taken(TOPK, input, places, axis), fresh(places)))


@named()
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """The k-th smallest element along `dim`, and where it is."""
    axis = dimension(dim, input.dim())
    if not 1 <= k <= (input.shape[axis] if input.dim() else 1):
        raise RuntimeError("kthvalue(): selected number k out of range for dimension " + str(axis))
    places = ordered(input, axis, False)
    places = fnp.take(places, k - 1, axis) if places.ndim else places
    return found_at("kthvalue", KTHVALUE, input, places, axis, keepdim)


@named()
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower of the two middle elements (over `dim`, with its place); NaN where there is one."""
    return _median(input, dim, keepdim, "median")


@named()
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The `median` of what is not NaN."""
    return _median(input, dim, keepdim, "nanmedian")


def _median(input: Tensor, dim: int | None, keepdim: bool, name: str) -> Any:
    need_tensor(input, name)
    axis = dimension(dim, input.dim()) if dim is not None else 0
    v = constant(input._read())
    flat = fnp.reshape(v, (v.size,)) if dim is None or not v.ndim else v
    if not flat.shape[axis]:
        return call(MEDIAN, lambda v: fnp.sum(v) * np.nan, input)
    nans = fnp.isnan(flat) if flat.dtype.kind == "f" else fnp.zeros(flat.shape, bool)
    known = flat.shape[axis] - fnp.sum(nans, axis=axis, keepdims=True)
    middle = fnp.maximum(known - 1, 0) // 2
    if name == "median":
        middle = fnp.where(fnp.any(nans, axis=axis, keepdims=True), known, middle)
    order = fnp.argsort(flat, axis=axis, stable=True)
    places = fnp.squeeze(fnp.take_along_axis(order, fnp.minimum(middle, flat.shape[axis] - 1), axis), axis)
    if dim is None:
        return call(MEDIAN, lambda v: fnp.reshape(v, (v.size,))[places], input)
    return found_at(name, MEDIAN_DIM, input, places, axis, keepdim)
