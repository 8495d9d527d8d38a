"""Extremes and where they are, and the order of elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad import lax
from funcgrad import numpy as fnp
from funcgrad.torch._ops import kinks, values
from funcgrad.torch._ops.memory_order import in_rows, like_first, lying
from funcgrad.torch._ops.pointwise import maximum, minimum
from funcgrad.torch._ops.reduce import Dims, dims_of
from funcgrad.torch._ops.select import copied
from funcgrad.torch._ops.table import named, returned, titled
from funcgrad.torch._record.calls import Kind, call, call_with, flat, need_tensor
from funcgrad.torch._record.operands import refuse
from funcgrad.torch._record.tape import constant, raw
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor

EMPTY = "Expected reduction dim to be specified for input.numel() == 0."


def not_empty(x: Tensor, axis: int, function: str) -> None:
    """PyTorch's error for an extreme of nothing."""
    if x.dim() and not x.numel() and not x.shape[axis]:
        raise IndexError(f"{function}(): Expected reduction dim {axis} to have non-zero size.")


def _extreme(name: str, whole: Any, position: Any, elementwise: Any) -> Callable[..., Any]:
    all_kind, dim_kind = Kind(f"{name.title()}Backward1", "xr="), Kind(f"{name.title()}Backward0", "-")

    def extreme(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        need_tensor(input, name)
        if isinstance(dim, Tensor) or other is not None:
            return elementwise(input, dim if other is None else other)
        if dim is None:
            if not input.numel():
                raise RuntimeError(f"{name}(): {EMPTY} Specify the reduction dim with the 'dim' argument.")
            refuse(input, "c", f"{name}_all")
            return call(all_kind, lambda v: kinks.shared_by_nans(whole, v), input)
        axis = dimension(dim, input.dim())
        not_empty(input, axis, name)
        refuse(input, "c", f"{name}(): does not support complex input")
        places = position(constant(input._read()), axis=axis) if input.dim() else np.int64(0)
        return found_at(name, dim_kind, input, places, axis, keepdim)

    doc = "Over all elements; over `dim`, with their indices; or of two tensors, elementwise."
    return named(out=True)(titled(extreme, name, doc))


def found_at(name: str, kind: Kind, x: Tensor, places: Any, axis: int, keepdim: bool) -> Any:
    """The elements at places along an axis, one for each row, and the places."""
    if x.dim() == 0:
        return _with_places(name, kind, copied, x, np.int64(0))
    thin = fnp.expand_dims(places, axis)

    def picked(v: Any) -> Any:
        out = v[places_along(thin, v.shape, axis)]
        return out if keepdim else values.reshape(out, shape=out.shape[:axis] + out.shape[axis + 1 :])

    return _with_places(name, kind, picked, x, thin if keepdim else places)


def _with_places(name: str, kind: Kind, fun: Callable[[Any], Any], x: Tensor, places: Any) -> Any:
    """Elements, and where they are, which is what PyTorch saves."""
    where = flat(name, places, x)
    return returned(name, (call_with((where,), kind, fun, x), where))


def places_along(index: Any, shape: tuple[int, ...], axis: int) -> tuple[Any, ...]:
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
    kind = Kind(name.title(), "xr=")

    def extreme(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
        need_tensor(input, name)
        dims = dims_of(dim, input.dim())
        if not input.numel():
            given = (dim,) if isinstance(dim, int) else dim or ()
            if not given:
                raise RuntimeError(f"{name}(): {EMPTY} Specify the reduction dim with the 'dim' argument.")
            for d in given:
                not_empty(input, d, name)
        refuse(input, "c", f"{name[1:]}_values_cpu")
        return call(kind, lambda v: fun(v, dims, keepdim), input)

    doc = f"The {'maximum' if name == 'amax' else 'minimum'} over `dim`; equal elements share the gradient."
    return named(out=True)(titled(extreme, name, doc))


amax, amin = _shared_extreme("amax", values.maximum), _shared_extreme("amin", values.minimum)


AMINMAX = Kind("Aminmax", "xr=")


@named(out=True)
@lying(in_rows)
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """The minimum and the maximum, over `dim` or of all elements; equal elements share the gradient."""
    need_tensor(input, "aminmax")
    dims = dims_of(dim, input.dim())
    if not input.numel():
        if dim is None:
            raise RuntimeError(
                "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity."
            )
        if not input.shape[dims[0]]:
            raise IndexError(f"aminmax: Expected reduction dim {dims[0]} to have non-zero size.")

    refuse(input, "c", "aminmax_cpu")

    def both(v: Any) -> Any:
        return tuple([fun(v, axis=dims, keepdims=keepdim) for fun in (fnp.min, fnp.max)])

    return returned("aminmax", call(AMINMAX, both, input))


# Running extremes


def _running(name: str, extreme: Callable[..., Any], reaches: Callable[..., Any]) -> Callable[..., Any]:
    kind = Kind(name.title(), "xi=")

    def running(input: Tensor, dim: int) -> Any:
        need_tensor(input, name)
        refuse(input, "c", f"{name}_cpu")
        axis = dimension(dim, input.dim())
        if not input.dim():
            return _with_places(name, kind, copied, input, np.int64(0))
        v = constant(input._read())
        if v.dtype.kind == "b":
            v = v.astype(np.uint8)
        new = reaches(v, extreme(v, axis))  # false beside a NaN, which stays until the next one
        new = fnp.logical_or(new, fnp.isnan(v)) if v.dtype.kind == "f" else new
        at = np.arange(v.shape[axis]).reshape([-1 if d == axis else 1 for d in range(v.ndim)])
        places = lax.cummax(fnp.where(new, at, 0), axis)
        return _taken(name, kind, input, places, axis)

    doc = f"The {name[3:]}ima until each element along `dim`, and where they are: the last of equal ones."
    return named(out=True)(lying(in_rows)(titled(running, name, doc)))


cummax, cummin = _running("cummax", lax.cummax, fnp.greater_equal), _running("cummin", lax.cummin, fnp.less_equal)


def _position(name: str, fun: Any) -> Callable[..., Tensor]:
    kind = Kind(name)

    def position(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
        need_tensor(input, name)
        refuse(input, "c", f"{name}(): does not support complex input")
        refuse(input, "b", f"{name}(): does not support bool input")
        if dim is not None:
            dimension(dim, input.dim())
        if not input.numel():
            if dim is None:
                raise IndexError(f"{name}(): {EMPTY}")
            not_empty(input, dimension(dim, input.dim()), name)

        def find(v: Any) -> Any:
            v = raw(v)
            if dim is None or not len(v.shape):
                found = fun(fnp.reshape(v, (v.size,)), axis=0)
                return fnp.reshape(found, (1,) * len(v.shape)) if keepdim else found
            axis = dimension(dim, len(v.shape))
            return fun(v, axis=axis, keepdims=keepdim)

        return call(kind, find, input)

    doc = f"Where the {name[3:]}imum is, over `dim` or in the flattened tensor."
    return named(out=True)(titled(position, name, doc))


argmax, argmin = _position("argmax", fnp.argmax), _position("argmin", fnp.argmin)

# Order

SORT, SORT_STABLE = Kind("Sort", "-"), Kind("SortBackward1", "-")
TOPK, KTHVALUE = Kind("Topk", "-"), Kind("Kthvalue", "-")
MEDIAN = {
    name: Kind(name.title(), "xr=", reads=lambda keep, v, found: kinks.shared_by_equals(v, keep(found)))
    for name in ("median", "nanmedian")
}
MEDIAN_OF_NONE = {name: Kind(name.title(), "xr=") for name in MEDIAN}
MEDIAN_DIM = {name: Kind(f"{name.title()}Backward1", "-") for name in ("median", "nanmedian")}


def ordered(input: Tensor, axis: int, descending: bool) -> Any:
    """The places of elements in order; equal elements keep theirs."""
    refuse(input, "c", " Sort does not support complex dtypes on CPU")
    v = constant(input._read())
    if not v.ndim:
        return np.zeros((), np.int64)
    if not descending:
        return fnp.argsort(v, axis=axis, stable=True)
    # stable from the largest: equal elements keep their order
    backwards = fnp.flip(fnp.argsort(fnp.flip(v, axis), axis=axis, stable=True), axis)
    return fnp.subtract(v.shape[axis] - 1, backwards)


def _taken(name: str, kind: Kind, x: Tensor, places: Any, axis: int) -> Any:
    picked = (lambda v: v[places_along(places, v.shape, axis)]) if places.ndim else copied
    return _with_places(name, kind, picked, x, places)


@named(out=True)
@lying(like_first)
def sort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool | None = None) -> Any:
    """Sorted values and where they were. Equal elements keep their order."""
    axis = dimension(dim, input.dim())
    places = ordered(input, axis, descending)
    return _taken("sort", SORT if stable is None else SORT_STABLE, input, places, axis)


@named(out=True)
@lying(like_first)
def argsort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Tensor:
    """Where the sorted values were."""
    return flat("argsort", ordered(input, dimension(dim, input.dim()), descending), input)


@named(out=True)
@lying(like_first)
def msort(input: Tensor) -> Tensor:
    """Sorted along the first dimension."""
    return sort(input, 0).values


@named(out=True)
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The k largest (or smallest) elements and where they are."""
    axis = dimension(dim, input.dim())
    if not 0 <= k <= (input.shape[axis] if input.dim() else 1):
        raise RuntimeError("selected index k out of range")
    refuse(input, "c", " topk does not support complex dtypes on CPU")
    refuse(input, "b", "topk does not support bool dtypes on CPU")
    places = ordered(input, axis, largest)
    places = fnp.take(places, np.arange(k), axis) if places.ndim else places
    return _taken("topk", TOPK, input, places, axis)


@named(out=True)
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """The k-th smallest element along `dim`, and where it is."""
    need_tensor(input, "kthvalue")
    axis = dimension(dim, input.dim())
    not_empty(input, axis, "kthvalue")
    if not 1 <= k <= (input.shape[axis] if input.dim() else 1):
        raise RuntimeError("kthvalue(): selected number k out of range for dimension " + str(axis))
    refuse(input, "bc", "kthvalue_cpu")
    places = ordered(input, axis, False)
    places = fnp.take(places, k - 1, axis) if places.ndim else places
    return found_at("kthvalue", KTHVALUE, input, places, axis, keepdim)


@named(out=True)
@lying(in_rows)
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower of the two middle elements (over `dim`, with its place); NaN where there is one."""
    return _median(input, dim, keepdim, "median")


@named(out=True)
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The `median` of what is not NaN."""
    return _median(input, dim, keepdim, "nanmedian")


def _median(input: Tensor, dim: int | None, keepdim: bool, name: str) -> Any:
    need_tensor(input, name)
    axis = dimension(dim, input.dim()) if dim is not None else 0
    if dim is not None:
        not_empty(input, axis, "median")
    refuse(input, "bc", "median_cpu" if dim is None else "median_out")
    v = constant(input._read())
    flat = fnp.reshape(v, (v.size,)) if dim is None or not v.ndim else v
    if not flat.shape[axis]:
        return call(MEDIAN_OF_NONE[name], kinks.none_of, input)
    nans = fnp.isnan(flat) if flat.dtype.kind == "f" else fnp.zeros(flat.shape, bool)
    known = flat.shape[axis] - fnp.sum(nans, axis=axis, keepdims=True)
    middle = fnp.maximum(known - 1, 0) // 2
    if name == "median":
        middle = fnp.where(fnp.any(nans, axis=axis, keepdims=True), known, middle)
    order = fnp.argsort(flat, axis=axis, stable=True)
    places = fnp.squeeze(fnp.take_along_axis(order, fnp.minimum(middle, flat.shape[axis] - 1), axis), axis)
    if dim is None:
        return call(MEDIAN[name], kinks.shared_by_equals, input, found=flat[places])
    return found_at(name, MEDIAN_DIM[name], input, places, axis, keepdim)


MODE = Kind("Mode", "-")


@named(out=True)
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """The most frequent element along `dim` (the smallest of several), and where it is last."""
    need_tensor(input, "mode")
    axis = dimension(dim, input.dim())
    not_empty(input, axis, "mode")
    refuse(input, "c", "mode_cpu")
    v = constant(input._read())
    if not v.ndim:
        return found_at("mode", MODE, input, None, axis, keepdim)
    order = fnp.argsort(v, axis=axis, stable=True)
    in_order = fnp.moveaxis(fnp.take_along_axis(v, order, axis), axis, -1)
    at = np.arange(v.shape[axis])
    starts = fnp.where(fnp.not_equal(in_order[..., 1:], in_order[..., :-1]), at[1:], 0)
    zero = np.zeros((*starts.shape[:-1], 1), starts.dtype)
    first = lax.cummax(fnp.concatenate([zero, starts], -1), v.ndim - 1)
    ends = fnp.argmax(fnp.subtract(at, first), -1)  # in order, the end of the first longest run
    places = fnp.squeeze(fnp.take_along_axis(order, fnp.expand_dims(ends, axis), axis), axis)
    return found_at("mode", MODE, input, places, axis, keepdim)
