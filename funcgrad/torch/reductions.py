"""Sums, means, extremes, positions, softmax, cumulative sums."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad.ops import elementwise as ew
from funcgrad.ops import reduce as ops
from funcgrad.ops import sort as order
from funcgrad.ops.index import gather as gather_values
from funcgrad.ops.structure import reshape
from funcgrad.torch import dtypes
from funcgrad.torch.calls import Kind, call, cast, need_tensor
from funcgrad.torch.elementwise import maximum, minimum
from funcgrad.torch.sizes import dimension
from funcgrad.torch.tape import constant, raw
from funcgrad.torch.tensor import Tensor, fresh

Dims = int | Sequence[int] | None


def dims_of(dim: Dims, ndim: int) -> tuple[int, ...]:
    """Sorted non-negative dimensions; None and () stand for all."""
    if dim is None or dim == ():
        return tuple(range(ndim))
    dims = sorted(dimension(d, ndim) for d in ((dim,) if isinstance(dim, int) else dim))
    if len(set(dims)) != len(dims):
        twice = next(d for d in dims if dims.count(d) > 1)
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return tuple(d for d in dims if d < ndim)


def reduced(prim: Callable[..., Any], v: Any, dims: tuple[int, ...], keepdim: bool) -> Any:
    y = prim(v, axes=dims)
    return reshape(y, shape=ops.expanded(v.shape, dims)) if keepdim and dims else y


def _kinds(name: str, saves: str = "") -> tuple[Kind, Kind]:
    return Kind(f"{name}Backward0", saves), Kind(f"{name}Backward1", saves)


def _ready(input: Any, dtype: dtypes.dtype | None, function: str, sums: bool = True) -> Tensor:
    """In the dtype that is summed: int64 for integers."""
    need_tensor(input, function)
    if dtype is not None:
        return input if input.dtype is dtype else cast(input, dtype.numpy)
    if sums and input._read().dtype.kind in "biu":
        return cast(input, np.dtype(np.int64))
    return input


SUM, SUM_DIM = _kinds("Sum")
MEAN, MEAN_DIM = _kinds("Mean")
PROD, PROD_DIM = _kinds("Prod", "xr")


def sum(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: dtypes.dtype | None = None
) -> Tensor:
    """The sum over `dim` (all dimensions by default); integers sum in int64."""
    x = _ready(input, dtype, "sum")
    dims = dims_of(dim, x.dim())
    return call(SUM if dim is None else SUM_DIM, lambda v: reduced(ops.reduce_sum, v, dims, keepdim), x)


def _inexact(x: Tensor, function: str) -> None:
    if x._read().dtype.kind not in "fc":
        raise RuntimeError(
            f"{function}(): could not infer output dtype. Input dtype must be either a floating point or "
            f"complex dtype. Got: {x.dtype.title}"
        )


def _count(shape: tuple[int, ...], dims: tuple[int, ...]) -> int:
    n = 1
    for d in dims:
        n *= shape[d]
    return n


def _mean(v: Any, dims: tuple[int, ...], keepdim: bool) -> Any:
    return ew.div(reduced(ops.reduce_sum, v, dims, keepdim), _count(v.shape, dims) or np.nan)


def mean(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: dtypes.dtype | None = None
) -> Tensor:
    """The mean over `dim` (all dimensions by default) of a floating tensor."""
    x = _ready(input, dtype, "mean", sums=False)
    _inexact(x, "mean")
    dims = dims_of(dim, x.dim())
    return call(MEAN if dim is None else MEAN_DIM, lambda v: _mean(v, dims, keepdim), x)


def prod(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: dtypes.dtype | None = None
) -> Tensor:
    """The product over `dim` (all dimensions by default)."""
    x = _ready(input, dtype, "prod")
    dims = dims_of(dim, x.dim())
    return call(PROD if dim is None else PROD_DIM, lambda v: reduced(ops.reduce_prod, v, dims, keepdim), x)


VAR, STD = Kind("Var", "x"), Kind("Std", "xr")


def _spread(
    kind: Kind, input: Tensor, dim: Any, unbiased: Any, correction: float | None, keepdim: bool, function: str
) -> Tensor:
    need_tensor(input, function)
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if input._read().dtype.kind not in "fc":
        raise RuntimeError(f"{function} only support floating point and complex dtypes")
    correction = correction if correction is not None else 0 if unbiased is False else 1
    dims = dims_of(dim, input.dim())

    def spread(v: Any) -> Any:
        d = ew.sub(v, _mean(v, dims, True) if dims else v)
        n = _count(v.shape, dims) - correction
        squares = ew.div(reduced(ops.reduce_sum, ew.mul(d, d), dims, keepdim), n if n > 0 else 0.0)
        return _root(squares) if kind is STD else squares

    return call(kind, spread, input)


def _root(squares: Any) -> Any:
    """The square root, with the derivative zero at zero, as PyTorch's norm and std have it."""
    zero = ew.eq(raw(squares), 0)
    return ew.where(zero, squares.dtype.type(0), ew.sqrt(ew.where(zero, squares.dtype.type(1), squares)))


def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The variance over `dim`, divided by the count less `correction` (1 by default)."""
    return _spread(VAR, input, dim, unbiased, correction, keepdim, "var")


def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The square root of `var`."""
    return _spread(STD, input, dim, unbiased, correction, keepdim, "std")


# Extremes


def returned(name: str, values: Tensor, indices: Tensor) -> Any:
    return RETURN_TYPES[name](values, indices)


Returned = namedtuple("Returned", ("values", "indices"))


def _return_type(name: str) -> Any:
    base: Any = Returned

    def show(self: Any) -> str:
        return f"torch.return_types.{name}(\nvalues={self.values!r},\nindices={self.indices!r})"

    return type(name, (base,), {"__repr__": show, "__slots__": (), "__module__": "torch.return_types"})


RETURN_TYPES = {name: _return_type(name) for name in ("max", "min", "sort", "topk")}


def _extreme(name: str, whole: Any, position: Any, elementwise: Any) -> Callable[..., Any]:
    all_kind, dim_kind = Kind(f"{name}Backward1", "xr"), Kind(f"{name}Backward0", "-")

    def extreme(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        """Over all elements; over `dim`, with their indices; or of two tensors, elementwise."""
        need_tensor(input, name.lower())
        if isinstance(dim, Tensor) or other is not None:
            return elementwise(input, dim if other is None else other)
        if dim is None:
            return call(all_kind, lambda v: whole(v, axes=tuple(range(len(v.shape)))), input)
        axis = dimension(dim, input.dim())
        if input.dim() == 0:
            return returned(name.lower(), call(dim_kind, ew.add, input, 0), fresh(np.int64(0)))
        where = position(raw(input._read()), axis=axis)
        out = call(dim_kind, lambda v: _picked(v, where, axis, keepdim), input)
        return returned(name.lower(), out, fresh(_kept(where, axis, keepdim)))

    extreme.__name__ = extreme.__qualname__ = name.lower()
    return extreme


def _kept(y: Any, axis: int, keepdim: bool) -> Any:
    return y.reshape((*y.shape[:axis], 1, *y.shape[axis:])) if keepdim else y


def along(index: Any, shape: tuple[int, ...], axis: int) -> list[Any]:
    """Index arrays for all axes, `index` for one of them."""
    rank = len(shape)
    return [
        index if a == axis else np.arange(n).reshape((n,) + (1,) * (rank - 1 - a))
        for a, n in enumerate(index.shape)
    ]


def _picked(v: Any, where: Any, axis: int, keepdim: bool) -> Any:
    index = where.reshape((*where.shape[:axis], 1, *where.shape[axis:]))
    out = gather_values(v, *along(index, v.shape, axis))
    return out if keepdim else reshape(out, shape=out.shape[:axis] + out.shape[axis + 1 :])


max = _extreme("Max", ops.reduce_max, ops.argmax, maximum)
min = _extreme("Min", ops.reduce_min, ops.argmin, minimum)
AMAX, AMIN = Kind("Amax", "xr"), Kind("Amin", "xr")


def amax(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """The maximum over `dim`; equal elements share the gradient."""
    return call(AMAX, lambda v: reduced(ops.reduce_max, v, dims_of(dim, len(v.shape)), keepdim), input)


def amin(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """The minimum over `dim`; equal elements share the gradient."""
    return call(AMIN, lambda v: reduced(ops.reduce_min, v, dims_of(dim, len(v.shape)), keepdim), input)


PLAIN = Kind("Plain")


def _position(name: str, prim: Any) -> Callable[..., Tensor]:
    def position(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
        need_tensor(input, name)

        def find(v: Any) -> Any:
            v = raw(v)
            if dim is None:
                return prim(reshape(v, shape=(v.size,)), axis=0)
            axis = dimension(dim, len(v.shape))
            return _kept(prim(v, axis=axis), axis, keepdim)

        return call(PLAIN, find, input)

    position.__name__ = position.__qualname__ = name
    return position


argmax, argmin = _position("argmax", ops.argmax), _position("argmin", ops.argmin)


def _truth(name: str, prim: Any) -> Callable[..., Tensor]:
    def truth(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
        need_tensor(input, name)
        return call(PLAIN, lambda v: reduced(prim, raw(v), dims_of(dim, len(v.shape)), keepdim), input)

    truth.__name__ = truth.__qualname__ = name
    return truth


any, all = _truth("any", ops.reduce_any), _truth("all", ops.reduce_all)


# Sorting

SORT, TOPK = Kind("Sort", "-"), Kind("Topk", "-")


def _ordered(input: Tensor, axis: int, descending: bool) -> np.ndarray:
    v = input._array()
    if not descending:
        return order.argsort(v, axis=axis)
    # stable from the largest: equal elements keep their order
    flipped = np.flip(v, axis)
    return np.flip(v.shape[axis] - 1 - np.argsort(flipped, axis=axis, kind="stable"), axis)


def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """Sorted values and where they were. Equal elements keep their order."""
    axis = dimension(dim, input.dim())
    places = _ordered(input, axis, descending)
    out = call(SORT, lambda v: gather_values(v, *along(places, v.shape, axis)), input)
    return returned("sort", out, fresh(np.ascontiguousarray(places)))


def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    return fresh(np.ascontiguousarray(_ordered(input, dimension(dim, input.dim()), descending)))


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The k largest (or smallest) elements and where they are."""
    axis = dimension(dim, input.dim())
    if k > input.shape[axis]:
        raise RuntimeError("selected index k out of range")
    places = np.take(_ordered(input, axis, largest), np.arange(k), axis)
    out = call(TOPK, lambda v: gather_values(v, *along(places, v.shape, axis)), input)
    return returned("topk", out, fresh(places))


# Softmax and cumulative sums

SOFTMAX, LOG_SOFTMAX = Kind("Softmax", "r"), Kind("LogSoftmax", "r")
LOGSUMEXP = Kind("Logsumexp", "xr")
CUMSUM, CUMPROD = Kind("Cumsum"), Kind("Cumprod", "xr")


def _shifted(v: Any, dims: tuple[int, ...]) -> tuple[Any, Any]:
    """Less the maximum (where that is finite), so that exp does not overflow."""
    top = constant(reduced(ops.reduce_max, constant(v), dims, True))
    top = ew.where(ew.isfinite(top), top, top.dtype.type(0))
    return ew.sub(v, top), top


def _softmax(v: Any, axis: int) -> Any:
    e = ew.exp(_shifted(v, (axis,))[0])
    return ew.div(e, reduced(ops.reduce_sum, e, (axis,), True))


def _log_softmax(v: Any, axis: int) -> Any:
    shifted = _shifted(v, (axis,))[0]
    return ew.sub(shifted, ew.log(reduced(ops.reduce_sum, ew.exp(shifted), (axis,), True)))


def softmax(input: Tensor, dim: int, *, dtype: dtypes.dtype | None = None) -> Tensor:
    """exp(input), scaled so that it sums to one along `dim`."""
    x = _ready(input, dtype, "softmax", sums=False)
    axis = dimension(dim, x.dim())
    if x.dim() == 0:
        return call(SOFTMAX, lambda v: reshape(_softmax(reshape(v, shape=(1,)), 0), shape=()), x)
    return call(SOFTMAX, lambda v: _softmax(v, axis), x)


def log_softmax(input: Tensor, dim: int, *, dtype: dtypes.dtype | None = None) -> Tensor:
    """The logarithm of `softmax`."""
    x = _ready(input, dtype, "log_softmax", sums=False)
    axis = dimension(dim, x.dim())
    if x.dim() == 0:
        return call(LOG_SOFTMAX, lambda v: reshape(_log_softmax(reshape(v, shape=(1,)), 0), shape=()), x)
    return call(LOG_SOFTMAX, lambda v: _log_softmax(v, axis), x)


def logsumexp(input: Tensor, dim: Dims, keepdim: bool = False) -> Tensor:
    """log(sum(exp(input), dim)), without overflow."""
    dims = dims_of(dim, input.dim())

    def combined(v: Any) -> Any:
        shifted, top = _shifted(v, dims)
        y = ew.add(ew.log(reduced(ops.reduce_sum, ew.exp(shifted), dims, True)), top)
        return y if keepdim else reshape(y, shape=tuple([n for i, n in enumerate(v.shape) if i not in dims]))

    return call(LOGSUMEXP, combined, input)


def cumsum(input: Tensor, dim: int, *, dtype: dtypes.dtype | None = None) -> Tensor:
    x = _ready(input, dtype, "cumsum")
    axis = dimension(dim, x.dim())
    return call(CUMSUM, lambda v: ops.cumsum(v, axis=axis) if len(v.shape) else ew.add(v, 0), x)


def cumprod(input: Tensor, dim: int, *, dtype: dtypes.dtype | None = None) -> Tensor:
    x = _ready(input, dtype, "cumprod")
    axis = dimension(dim, x.dim())
    return call(CUMPROD, lambda v: ops.cumprod(v, axis=axis) if len(v.shape) else ew.add(v, 0), x)


NORM = Kind("LinalgVectorNorm", "xr")


def norm(input: Tensor, p: float | str = 2, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The p-norm over `dim`. As in PyTorch, the gradient of the 2-norm at zero is zero."""
    if p == "fro":
        p = 2
    dims = dims_of(dim, input.dim())

    def of(v: Any) -> Any:
        if p == float("inf"):
            return reduced(ops.reduce_max, ew.abs(v), dims, keepdim)
        assert not isinstance(p, str)
        if p == 1:
            return reduced(ops.reduce_sum, ew.abs(v), dims, keepdim)
        if p == 2:
            return _root(reduced(ops.reduce_sum, ew.mul(v, v), dims, keepdim))
        return ew.pow(reduced(ops.reduce_sum, ew.pow(ew.abs(v), p), dims, keepdim), 1 / p)

    return call(NORM, of, input)
