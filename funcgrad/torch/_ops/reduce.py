"""Sums, means, extremes, positions, softmax, cumulative sums."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad import nn
from funcgrad.numpy.indexing import take
from funcgrad.ops import elementwise as ew
from funcgrad.ops import reduce as ops
from funcgrad.ops import sort as order
from funcgrad.ops.index import gather as gather_values
from funcgrad.ops.structure import flip, reshape
from funcgrad.torch._ops.pointwise import is_anywhere, magnitude, maximum, minimum
from funcgrad.torch._record.calls import Kind, call, cast, need_tensor, refuse
from funcgrad.torch._record.tape import constant, raw
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor, fresh

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

    def total(v: Any) -> Any:
        return reduced(ops.reduce_sum, v, dims, keepdim)

    half = x._read().dtype.type is np.float16
    return call(SUM if dim is None else SUM_DIM, widened(total, np.float16) if half else total, x)


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


def widened(fun: Callable[..., Any], *narrow: type) -> Callable[..., Any]:
    """Computed in the next wider dtype where the values' dtype is one of these, as PyTorch accumulates."""

    def apply(*values: Any) -> Any:
        own = values[0].dtype
        if own.type not in narrow:
            return fun(*values)
        wide = np.dtype(np.float64 if own == np.float32 else np.float32)
        return ew.convert(fun(*[ew.convert(v, dtype=wide) for v in values]), dtype=own)

    return apply


def _mean(v: Any, dims: tuple[int, ...], keepdim: bool) -> Any:
    return ew.div(reduced(ops.reduce_sum, v, dims, keepdim), _count(v.shape, dims) or np.nan)


def mean(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: dtypes.dtype | None = None
) -> Tensor:
    """The mean over `dim` (all dimensions by default) of a floating tensor."""
    x = _ready(input, dtype, "mean", sums=False)
    _inexact(x, "mean")
    dims = dims_of(dim, x.dim())
    return call(MEAN if dim is None else MEAN_DIM, widened(lambda v: _mean(v, dims, keepdim), np.float16), x)


def prod(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: dtypes.dtype | None = None
) -> Tensor:
    """The product over `dim` (all dimensions by default)."""
    x = _ready(input, dtype, "prod")
    dims = dims_of(dim, x.dim())
    product = widened(lambda v: reduced(ops.reduce_prod, v, dims, keepdim), np.float16)
    return call(PROD if dim is None else PROD_DIM, product, x)


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
        squares = ew.div(reduced(ops.reduce_sum, _squared(d), dims, keepdim), n if n > 0 else 0.0)
        return _root(squares) if kind is STD else squares

    return call(kind, widened(spread, np.float16, np.float32), input)


def _squared(v: Any) -> Any:
    """The squares of absolute values."""
    if v.dtype.kind != "c":
        return ew.mul(v, v)
    re, im = ew.real(v), ew.imag(v)
    return ew.add(ew.mul(re, re), ew.mul(im, im))


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


EMPTY = "Expected reduction dim to be specified for input.numel() == 0."


def not_empty(x: Tensor, axis: int, function: str) -> None:
    """PyTorch's error for an extreme of nothing."""
    if x.dim() and not x.numel() and not x.shape[axis]:
        raise IndexError(f"{function}(): Expected reduction dim {axis} to have non-zero size.")


def _extreme(name: str, whole: Any, position: Any, elementwise: Any) -> Callable[..., Any]:
    all_kind, dim_kind = Kind(f"{name}Backward1", "xr"), Kind(f"{name}Backward0", "-")

    def over_all(v: Any) -> Any:
        """Elements that are NaN share the gradient, where one is."""
        axes = tuple(range(len(v.shape)))
        nans = ew.isnan(raw(v))
        if not is_anywhere(nans):
            return whole(v, axes=axes)
        zero = v.dtype.type(0)
        count = ew.maximum(ops.reduce_sum(nans.astype(v.dtype), axes=axes), 1)
        shared = ew.div(ops.reduce_sum(ew.where(nans, v, zero), axes=axes), count)
        return ew.where(ops.reduce_any(nans, axes=axes), shared, whole(ew.where(nans, zero, v), axes=axes))

    def extreme(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        """Over all elements; over `dim`, with their indices; or of two tensors, elementwise."""
        need_tensor(input, name.lower())
        if isinstance(dim, Tensor) or other is not None:
            return elementwise(input, dim if other is None else other)
        if dim is None:
            if not input.numel():
                raise RuntimeError(f"{name.lower()}(): {EMPTY} Specify the reduction dim with the 'dim' argument.")
            return call(all_kind, over_all, input)
        axis = dimension(dim, input.dim())
        if input.dim() == 0:
            return returned(name.lower(), call(dim_kind, ew.add, input, 0), fresh(np.int64(0)))
        not_empty(input, axis, name.lower())
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


def _shared_extreme(kind: Kind, prim: Any, input: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    name = kind.name[:4].lower()
    need_tensor(input, name)
    dims = dims_of(dim, input.dim())
    if not input.numel():
        if dim == ():
            raise RuntimeError(f"{name}(): {EMPTY} Specify the reduction dim with the 'dim' argument.")
        for axis in dims:
            not_empty(input, axis, name)
    return call(kind, lambda v: reduced(prim, v, dims, keepdim), input)


def amax(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """The maximum over `dim`; equal elements share the gradient."""
    return _shared_extreme(AMAX, ops.reduce_max, input, dim, keepdim)


def amin(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """The minimum over `dim`; equal elements share the gradient."""
    return _shared_extreme(AMIN, ops.reduce_min, input, dim, keepdim)


PLAIN = Kind("Plain")


def _position(name: str, prim: Any) -> Callable[..., Tensor]:
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
        out = call(PLAIN, lambda v: reduced(prim, raw(v), dims_of(dim, len(v.shape)), keepdim), input)
        return cast(out, input._read().dtype) if input.dtype is dtypes.uint8 else out

    truth.__name__ = truth.__qualname__ = name
    return truth


any, all = _truth("any", ops.reduce_any), _truth("all", ops.reduce_all)


# Sorting

SORT, TOPK = Kind("Sort", "-"), Kind("Topk", "-")


def _ordered(input: Tensor, axis: int, descending: bool) -> Any:
    v = constant(input._read())
    if not v.ndim:
        return np.zeros((), np.int64)
    if not descending:
        return order.argsort(v, axis=axis)
    # stable from the largest: equal elements keep their order
    backwards = flip(order.argsort(flip(v, axes=(axis,)), axis=axis), axes=(axis,))
    return ew.sub(v.shape[axis] - 1, backwards)


def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """Sorted values and where they were. Equal elements keep their order."""
    axis = dimension(dim, input.dim())
    places = _ordered(input, axis, descending)
    return returned("sort", _taken(SORT, input, places, axis), fresh(places))


def _taken(kind: Kind, x: Tensor, places: Any, axis: int) -> Tensor:
    if not places.ndim:
        return call(kind, ew.add, x, 0)
    return call(kind, lambda v: gather_values(v, *along(places, v.shape, axis)), x)


def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    return fresh(_ordered(input, dimension(dim, input.dim()), descending))


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The k largest (or smallest) elements and where they are."""
    axis = dimension(dim, input.dim())
    if k > (input.shape[axis] if input.dim() else 1):
        raise RuntimeError("selected index k out of range")
    places = _ordered(input, axis, largest)
    places = take(places, np.arange(k), axis) if places.ndim else places
    return returned("topk", _taken(TOPK, input, places, axis), fresh(places))


# Softmax and cumulative sums

SOFTMAX, LOG_SOFTMAX = Kind("Softmax", "r"), Kind("LogSoftmax", "r")
LOGSUMEXP = Kind("Logsumexp", "xr")
CUMSUM, CUMPROD = Kind("Cumsum"), Kind("Cumprod", "xr")


def _normalised(kind: Kind, fun: Callable[..., Any], x: Tensor, dim: int, kernel: str) -> Tensor:
    axis = dimension(dim, x.dim())
    refuse(x, "biuc", kernel)
    if not x.numel():
        return call(kind, ew.add, x, 0)
    shape = x._read().shape
    along_axis = widened(lambda v: fun(v, axis=axis), np.float16)
    return call(kind, lambda v: along_axis(v) if shape else reshape(along_axis(reshape(v, shape=(1,))), shape=()), x)


def softmax(input: Tensor, dim: int, *, dtype: dtypes.dtype | None = None) -> Tensor:
    """exp(input), scaled so that it sums to one along `dim`."""
    x = _ready(input, dtype, "softmax", sums=False)
    return _normalised(SOFTMAX, nn.softmax, x, dim, "softmax_lastdim_kernel_impl")


def log_softmax(input: Tensor, dim: int, *, dtype: dtypes.dtype | None = None) -> Tensor:
    """The logarithm of `softmax`."""
    x = _ready(input, dtype, "log_softmax", sums=False)
    return _normalised(LOG_SOFTMAX, nn.log_softmax, x, dim, "log_softmax_lastdim_kernel_impl")


def logsumexp(input: Tensor, dim: Dims, keepdim: bool = False) -> Tensor:
    """log(sum(exp(input), dim)), without overflow."""
    need_tensor(input, "logsumexp")
    x = input if input._read().dtype.kind in "fc" else cast(input, dtypes.default())
    dims = dims_of(dim, x.dim())
    return call(LOGSUMEXP, widened(lambda v: _logsumexp(v, dims, keepdim), np.float16), x)


def _logsumexp(v: Any, dims: tuple[int, ...], keepdim: bool) -> Any:
    """PyTorch's derivative is NaN where all of the exponents are -inf."""
    y = nn.logsumexp(v, axis=dims, keepdims=True)
    nothing = ew.eq(raw(y), -np.inf)
    if is_anywhere(nothing):
        there = ew.where(nothing, v, v.dtype.type(0))
        y = ew.where(nothing, ew.log(reduced(ops.reduce_sum, ew.exp(there), dims, True)), y)
    return y if keepdim else reshape(y, shape=tuple([n for i, n in enumerate(v.shape) if i not in dims]))


def _cumulated(prim: Callable[..., Any], axis: int) -> Callable[[Any], Any]:
    return widened(lambda v: prim(v, axis=axis) if len(v.shape) else ew.add(v, 0), np.float16)


def cumsum(input: Tensor, dim: int, *, dtype: dtypes.dtype | None = None) -> Tensor:
    x = _ready(input, dtype, "cumsum")
    axis = dimension(dim, x.dim())
    return call(CUMSUM, _cumulated(ops.cumsum, axis), x)


def cumprod(input: Tensor, dim: int, *, dtype: dtypes.dtype | None = None) -> Tensor:
    x = _ready(input, dtype, "cumprod")
    axis = dimension(dim, x.dim())
    return call(CUMPROD, _cumulated(ops.cumprod, axis), x)


NORM = Kind("LinalgVectorNorm", "xr")


def norm(input: Tensor, p: float | str = 2, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The p-norm over `dim`. As in PyTorch, the gradient of the 2-norm at zero is zero."""
    need_tensor(input, "norm")
    order = 2.0 if p == "fro" else float(p)
    dims = dims_of(dim, input.dim())
    if input._read().dtype.kind not in "fc":
        raise RuntimeError(
            f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {input.dtype.title}"
        )
    if (order < 0 or order == np.inf) and not _count(input.shape, dims):
        whole = dim is None or not input.dim()
        where = "an empty tensor because" if whole else f"the dimension {dim}because this dimension is empty and"
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {order:g} norm on {where} the operation does not have an identity"
        )
    return call(NORM, widened(lambda v: _norm(v, order, dims, keepdim), np.float16), input)


def _norm(v: Any, order: float, dims: tuple[int, ...], keepdim: bool) -> Any:
    def total(terms: Any) -> Any:
        return reduced(ops.reduce_sum, terms, dims, keepdim)

    if order == 2:
        return _root(total(_squared(v)))
    if abs(order) == np.inf:
        return reduced(ops.reduce_max if order > 0 else ops.reduce_min, magnitude(v), dims, keepdim)
    if order == 1:
        return total(magnitude(v))
    sizes = ew.abs(v)
    zero, one = ew.eq(raw(sizes), 0), sizes.dtype.type(1)
    if order == 0:
        return total(ew.where(np.False_, sizes, ew.where(zero, sizes.dtype.type(0), one)))
    powers = total(ew.where(zero, constant(ew.pow(constant(sizes), order)), ew.pow(ew.where(zero, one, sizes), order)))
    flat = ew.logical_or(ew.eq(raw(powers), 0), ew.eq(ew.pow(raw(powers), 1 / order), 0))
    return ew.where(flat, constant(ew.pow(constant(powers), 1 / order)), ew.pow(ew.where(flat, one, powers), 1 / order))
