"""Writing at places that tensors say: scatters, `put`, `index_add` and their kin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.ops.subscript import update
from funcgrad.torch._ops import kinks
from funcgrad.torch._ops.extremes import places_along
from funcgrad.torch._ops.gather import (
    check_masks,
    check_put,
    check_stored,
    entry_of,
    numbers_of,
    outside,
    places_of,
    told,
    values_of,
    with_axes,
)
from funcgrad.torch._ops.memory_order import in_rows, like_first, lying
from funcgrad.torch._ops.precision import widened
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, call_with, need_tensor, watch
from funcgrad.torch._record.operands import check_broadcast, number, refuse
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.messages import warn_once
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor, fresh

SCATTER, SCATTER_ADD = Kind("Scatter", "-"), Kind("ScatterAdd", "-")
SCATTER_NUMBER = Kind("ScatterBackward1", "-", takes="0")
SCATTER_REDUCE = Kind("ScatterReduce", "xyr")
INDEX_REDUCE, INDEX_PRODUCT = Kind("IndexReduce", "xyr"), Kind("IndexReduce", "xyr?")
PUT, INDEX_ADD, INDEX_COPY = Kind("Put", "y"), Kind("IndexAdd", "-"), Kind("IndexCopy", "y")
INDEX_FILL, INDEX_FILL_TENSOR = Kind("IndexFill", "-"), Kind("IndexFillBackward1", "-")
INDEX_PUT, MASKED_SCATTER = Kind("IndexPut", "-"), Kind("MaskedScatter", "-")
BETA = "index_reduce() is in beta and the API may change at any time."


# At places along one dimension, each of its own


def _region(index: Tensor, input: Tensor, src: Tensor | None, axis: int) -> tuple[slice, ...]:
    """The part of a source that is used; PyTorch's errors where it, or the index, is too large."""
    if index.numel() and max(input.dim(), 1) != max(index.dim(), 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as self tensor")
    if src is not None and index.numel() and max(src.dim(), 1) != max(index.dim(), 1):
        dimension(max(input.dim(), 1) - 1, src.dim())
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    shape = index.shape or (1,)
    fits = all(n <= m for a, (n, m) in enumerate(zip(shape, input.shape or (1,))) if a != axis)
    fits_source = src is None or all(n <= m for n, m in zip(shape, src.shape or (1,)))
    if index.numel() and not (fits and fits_source):
        text = f"Expected index {list(index.shape)} to be no larger than self {list(input.shape)} apart from dimension "
        raise RuntimeError(
            f"{text}{axis}" + (f" and to be no larger size than src {list(src.shape)}" if src is not None else "")
        )
    return tuple(slice(n) for n in shape)


def _at(
    input: Tensor, dim: int, index: Tensor, src: Any, fun: Callable[[Any, Any, Any], Any], kind: Kind
) -> Tensor:
    """`fun(values, where, source)` for places along one dimension."""
    axis = dimension(dim, input.dim())
    if index._read().dtype.kind not in "iu":
        raise RuntimeError("scatter(): Expected dtype int32/int64 for index")
    given = isinstance(src, Tensor)
    if given and src.dtype is not input.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    region = _region(index, input, src if given else None, axis)
    places = fnp.reshape(places_of(index, input.shape, axis, "scatter"), index.shape or (1,))
    if not index.numel():
        untouched = lambda v, s: fnp.where(np.True_, v, fnp.sum(s[region] if given else s))
        return call_with((index,), kind, untouched, input, src)
    if not given:
        src = fresh(np.full(places.shape, dtypes.held(src, input._read().dtype)))
    at_places = with_axes(lambda v, s: fun(v, places_along(places, v.shape, axis), s[region]))
    return call_with((index,), kind, widened(at_places, np.float16), input, src)


@named(in_place=True, out=True)
def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """A copy with out[index[i][j]][j] = src[i][j] for dim 0, and alike; `src` may be a number.

    Of several for one place the last stands. Where `src` is larger than the index, PyTorch has no derivative; here
    what is not used has the gradient zero. `reduce` is "add" or "multiply", and has no derivative.
    """
    need_tensor(input, "scatter")
    source = src if src is not None else value
    how = {None: "set", "add": "add", "multiply": "multiply"}.get(reduce)
    if how is None:
        raise RuntimeError("reduce argument must be either add or multiply.")
    if reduce and any(isinstance(t, Tensor) and t.requires_grad for t in (input, source)):
        raise NotImplementedError(f"scatter(reduce={reduce!r}) has no derivative: write scatter_reduce")
    kind = SCATTER if isinstance(source, Tensor) else SCATTER_NUMBER
    return _at(input, dim, index, source, lambda v, where, s: update(v, where, s, how), kind)


@named(in_place=True, out=True)
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy with src[i][j] added to out[index[i][j]][j] for dim 0, and alike."""
    if not isinstance(src, Tensor):
        raise TypeError(f"scatter_add(): argument 'src' (position 3) must be Tensor, not {type(src).__name__}")
    return _at(input, dim, index, src, lambda v, where, s: update(v, where, s, "add"), SCATTER_ADD)


@named(in_place=True, out=True)
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """A copy in which the values for each place are reduced: "sum", "prod", "mean", "amax" or "amin".

    The value that was there counts as one of them, unless `include_self` is False.
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    refuse(input, {"mean": "b", "amax": "c", "amin": "c"}.get(reduce, ""), f"scatter_gather_tensor_cpu_reduce_{reduce}")
    return _at(input, dim, index, src, lambda v, at, s: reduced(v, at, s, reduce, include_self), SCATTER_REDUCE)


_HOW = {"sum": "add", "mean": "add", "prod": "multiply", "amax": "max", "amin": "min"}


def _neutral(reduce: str, dtype: np.dtype) -> Any:
    """What a reduction starts with where the own value does not count."""
    if reduce in ("amax", "amin"):
        if dtype.kind == "f":
            return dtype.type(-np.inf if reduce == "amax" else np.inf)
        if dtype.kind == "b":
            return dtype.type(reduce == "amin")
        return dtype.type(getattr(np.iinfo(dtype), "min" if reduce == "amax" else "max"))
    return dtype.type(reduce == "prod")


def reduced(v: Any, where: Any, s: Any, reduce: str, include_self: bool) -> Any:
    """The values with those of `s` for each place in `where`."""
    start = v
    if not include_self:
        touched = update(np.zeros(v.shape, bool), where, np.True_, "set")
        start = fnp.where(touched, _neutral(reduce, v.dtype), v)
        if reduce in ("amax", "amin") and v.dtype.kind == "f":
            extreme = update(constant(start), where, constant(s), _HOW[reduce])
            start = kinks.excluded_at_ties(start, v, extreme)
    out = update(start, where, s, _HOW[reduce])
    if reduce != "mean":
        return out
    ones = np.full(v.shape, 1 if include_self else 0, v.dtype)
    counts = fnp.maximum(update(ones, where, fnp.broadcast_to(v.dtype.type(1), s.shape), "add"), v.dtype.type(1))
    return fnp.divide(out, counts) if v.dtype.kind in "fc" else fnp.floor_divide(out, counts)


# Slices along one dimension


def _slices(input: Tensor, dim: int, index: Tensor, source: Tensor, name: str) -> tuple[int, Any]:
    """The dimension and the places of whole slices, for `index_add` and `index_reduce`."""
    axis = dimension(dim, input.dim())
    kind = index._read().dtype
    if index.dim() > 1:
        raise IndexError(
            f"{name}_(): Index is supposed to be a vector, but got dim: {index.dim()} with type: "
            f"{index.dtype.title} and size: {list(index.shape)}"
        )
    if kind not in (np.int32, np.int64):
        raise RuntimeError(f"{name}_(): Expected dtype int32/int64 for index but got: {index.dtype.title}")
    if source.dtype is not input.dtype:
        raise RuntimeError(
            f"{name}_(): self ({input.dtype.title}) and source ({source.dtype.title}) must have the same scalar type"
        )
    if axis and axis >= source.dim():
        raise RuntimeError(
            f"{name}_(): Indexing dim {axis} is out of bounds of the source tensor with dim {source.dim()}"
        )
    n = source.shape[axis] if source.dim() else 1
    if index.numel() != n:
        raise RuntimeError(
            f"{name}_(): Number of indices ({index.numel()}) should be equal to source.size(dim): ({n}), for dim: "
            f"{axis}"
        )
    own, others = ([m for a, m in enumerate(t.shape) if a != axis] for t in (input, source))
    if own != others or input.dim() != source.dim():
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
            f"{list(input.shape)} source.shape = {list(source.shape)}"
        )
    return axis, values_of(index)


def _on_axis(axis: int, places: Any) -> tuple[Any, ...]:
    return (*(slice(None),) * axis, fnp.reshape(places, (places.size,)))


@named(in_place=True, out=True)
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """A copy with the slices of `source`, times `alpha`, added to those at the given places along a dimension."""
    need_tensor(input, "index_add")
    axis, _ = _slices(input, dim, index, source, "index_add")
    places = places_of(index, input.shape, axis, "index_add_")

    def added(v: Any, s: Any) -> Any:
        return update(v, _on_axis(axis, places), s if alpha == 1 else fnp.multiply(s, v.dtype.type(alpha)), "add")

    return call_with((index,), INDEX_ADD, widened(with_axes(added), np.float16), input, source)


@named(in_place=True, out=True)
@lying(in_rows)
def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """A copy in which the slices for each place along a dimension are reduced: "prod", "mean", "amax" or "amin"."""
    warn_once(BETA)
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}."
        )
    axis, places = _slices(input, dim, index, source, "index_reduce")
    refuse(input, "bc", "index_func_")
    if outside(places, 0, input.shape[axis] if input.dim() else 1) is not None:
        raise IndexError("index out of range in self")
    at_places = with_axes(lambda v, s: reduced(v, _on_axis(axis, places), s, reduce, include_self))
    kind = INDEX_PRODUCT if reduce == "prod" else INDEX_REDUCE
    return call_with((index,), kind, widened(at_places, np.float16), input, source)


@named(in_place=True, out=True)
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """A copy with the slices of `source` at the given places along a dimension."""
    axis = dimension(dim, input.dim())
    _check_copied(input, axis, index, source)
    places, n = values_of(index), input.shape[axis] if input.dim() else 1
    bad = outside(places, 0, n)
    if bad is not None:
        raise IndexError(f"index_copy_(): index {bad} is out of bounds for dimension {axis} with size {n}")
    copied = with_axes(lambda v, s: update(v, _on_axis(axis, places), s, "set"))
    return call_with((index,), INDEX_COPY, copied, input, source)


def _check_copied(input: Tensor, axis: int, index: Tensor, source: Tensor) -> None:
    if index.dim() > 1:
        raise IndexError(f"index_copy_(): Index should have dimension 1 or 0 (got {index.dim()})")
    if not source.dim() and index.numel() != 1:
        raise IndexError(
            f"index_copy_(): When source is scalar, index should have one element (got {index.numel()})"
        )
    if source.dim() and input.dim() and source.dim() != input.dim():
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality must match. Source "
            f"dimensionality ({source.dim()}), destination dimensionality ({input.dim()})"
        )
    if index._read().dtype != np.int64:
        raise RuntimeError(f"index_copy_(): Expected a long tensor for index, but got {index.dtype.title}")
    if source.dtype is not input.dtype:
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{input.dtype.title} and (source) {source.dtype.title}"
        )
    own, given = ([m for a, m in enumerate(t.shape) if a != axis] for t in (input, source))
    if own != given:
        raise RuntimeError(
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: "
            f"{' '.join(map(str, own))} at dimension {axis} and source slice shape: {' '.join(map(str, given))} at "
            "dimension 0."
        )
    if source.dim() and index.numel() != source.shape[axis]:
        raise IndexError(
            f"index_copy_(): Number of indices ({index.numel()}) should be equal to source.size(dim) "
            f"({source.shape[axis]})"
        )


@named(in_place=True)
@lying(like_first)
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy with a number in the slices at the given places along a dimension; negative ones count from the end."""
    axis, value = dimension(dim, input.dim()), number(value)
    if index._read().dtype != np.int64:
        raise IndexError("index_fill_(): Expected dtype int64 for index.")
    if index.dim() > 1:
        raise RuntimeError("Index has to be a vector/scalar")
    if isinstance(value, Tensor):
        if value.dim():
            raise RuntimeError(
                f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.dim()} "
                "dimension(s)."
            )
    if not input.is_complex() and (value.is_complex() if isinstance(value, Tensor) else isinstance(value, complex)):
        raise RuntimeError("index_fill_(): Converting complex Scalar to non-complex type is not supported")
    if isinstance(value, Tensor):
        kind, value = INDEX_FILL_TENSOR, value.to(input.dtype)
    else:
        kind, value = INDEX_FILL, dtypes.held(value, input._read().dtype)
    places, n = values_of(index), input.shape[axis] if input.dim() else 1
    bad = outside(places, -n, n)
    if bad is not None:
        raise IndexError(f"index {bad} is out of bounds for dimension {axis} with size {n}")

    def filled(v: Any, f: Any) -> Any:
        return fnp.reshape(update(fnp.reshape(v, v.shape or (1,)), _on_axis(axis, places), f, "set"), v.shape)

    return call_with((index,), kind, filled, input, value)


# Elements


@named(in_place=True)
@lying(like_first)
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with the elements of `source` at the elements with these numbers, or added to them."""
    if index._read().dtype != np.int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index.dtype.title}")
    if source.dtype is not input.dtype:
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{input.dtype.title} and source.dtype = {source.dtype.title}"
        )
    if source.numel() != index.numel():
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source.numel()}, index.numel() = {index.numel()}"
        )
    places, how = numbers_of(index, input, "put_"), "add" if accumulate else "set"

    def written(v: Any, s: Any) -> Any:
        flat = update(fnp.reshape(v, (v.size,)), (places,), fnp.reshape(s, places.shape), how)
        return fnp.reshape(flat, v.shape)

    return call_with((index,), PUT, widened(written, np.float16), input, source)


@named(writes=True)
@lying(like_first)
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with `values` at input[indices], or added there: then places that come twice count twice."""
    if not isinstance(values, Tensor):
        raise TypeError(f"index_put(): argument 'values' (position 2) must be Tensor, not {type(values).__name__}")
    entries = []
    for i, entry in enumerate(indices):
        if not isinstance(entry, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(entry).__name__}")
        entries.append(entry_of(values_of(entry)))
    taken = sum(max(e.ndim, 1) if e.dtype.kind == "b" else 1 for e in entries)
    if taken > input.dim():
        raise IndexError(f"too many indices for tensor of dimension {input.dim()} (got {taken})")
    check_masks(input.shape, entries)
    check_put(input, values)
    how = "add" if accumulate else "set"
    try:
        if not any(isinstance(e, Tracer) for e in entries):
            check_stored(values.shape, input.shape, tuple(entries))
        out = call(INDEX_PUT, widened(lambda v, s: update(v, tuple(entries), s, how), np.float16), input, values)
    except IndexError as error:
        raise told(error, entries) from None
    return watch(out, *indices)


@named(in_place=True)
@lying(in_rows)
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy with the elements of `source`, one after the other, where a mask holds."""
    check_broadcast(mask.shape, input.shape)
    if source.dtype is not input.dtype:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but got"
            f"{input.dtype.title} and {source.dtype.title}"
        )
    if mask._read().dtype.kind != "b":
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask.dtype.title}")
    shape, chosen = np.broadcast_shapes(mask.shape, input.shape), constant(mask._read())
    if not isinstance(chosen, Tracer) and source.numel() < np.broadcast_to(chosen, shape).sum():
        raise RuntimeError("Number of elements of source < number of ones in mask")

    def scattered(v: Any, s: Any) -> Any:
        there = fnp.broadcast_to(chosen, shape)
        order = fnp.cumsum(fnp.reshape(there, (there.size,)).astype(np.int64)) - 1
        if not s.size:
            return fnp.add(fnp.broadcast_to(v, shape), fnp.sum(s))
        taken = fnp.reshape(s, (s.size,))[fnp.clip(order, 0, s.size - 1)]
        return fnp.where(there, fnp.reshape(taken, shape), v)

    return call_with((mask,), MASKED_SCATTER, scattered, input, source)
