"""Gathering by tensors of places."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.core.warned import warn
from funcgrad.errors import ConcretizationError
from funcgrad.ops.subscript import getitem
from funcgrad.torch._ops.extremes import places_along
from funcgrad.torch._ops.memory_order import in_rows, lying
from funcgrad.torch._ops.precision import widened
from funcgrad.torch._ops.shape import expand, reshape
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call_with, flat, need_tensor
from funcgrad.torch._record.operands import check_broadcast
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.messages import PLACES, USE_WHERE
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor

GATHER, TAKE, INDEX_SELECT = Kind("Gather", "x="), Kind("Take", "x="), Kind("IndexSelect", "-")
MASKED_SELECT = Kind("MaskedSelect", "x=")


def values_of(index: Tensor) -> Any:
    """The values as an array, or traced: without a derivative."""
    value = constant(index._read())
    return value if isinstance(value, Tracer) else np.asarray(value)


BYTES = "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead."


def entry_of(value: Any) -> Any:
    """An index array as PyTorch takes it: bytes are a mask."""
    if value.dtype == np.uint8:
        if value.ndim:
            warn(BYTES, UserWarning)
        return value.astype(bool)
    if value.dtype not in (np.int64, np.int32, np.bool_):
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    return value


def _is_mask(entry: Any) -> bool:
    return not isinstance(entry, slice) and entry.dtype.kind == "b"


def check_masks(shape: tuple[int, ...], entries: Sequence[Any]) -> None:
    """PyTorch's error for masks, among the entries of an index, of another shape than what they index."""
    axis = 0
    for entry in entries:
        is_mask = _is_mask(entry)
        for i, (n, m) in enumerate(zip(entry.shape, shape[axis:]) if is_mask else ()):
            if n != m:
                raise IndexError(
                    f"The shape of the mask {list(entry.shape)} at index {i} does not match the shape of the indexed "
                    f"tensor {list(shape)} at index {axis + i}"
                )
        axis += entry.ndim if is_mask else 1


def check_stored(given: tuple[int, ...], shape: tuple[int, ...], entries: tuple[Any, ...]) -> None:
    """PyTorch's error for values that do not broadcast to what an index takes of a tensor of that shape."""
    taken = np.broadcast_to(np.False_, shape)[entries].shape
    if len(given) > len(taken) or any(n not in (1, m) for n, m in zip(given[::-1], taken[::-1])):
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(given)} cannot be broadcast to indexing result of shape "
            f"{list(taken)}"
        )


def check_put(input: Tensor, values: Tensor) -> None:
    """PyTorch's error for values of another dtype."""
    if values.dtype is not input.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {input.dtype.title} for the "
            f"destination and {values.dtype.title} for the source."
        )


OUTSIDE = re.compile(r"index (-?\d+) is out of bounds for axis (\d+) with size (\d+)")


def told(error: IndexError, entries: Sequence[Any]) -> IndexError:
    """NumPy's error about an index in PyTorch's words; it counts only dimensions that are indexed."""
    if isinstance(error, ConcretizationError):
        return error
    text = str(error)
    beyond = OUTSIDE.fullmatch(text)
    if beyond is not None:
        place, axis, n = map(int, beyond.groups())
        axes = [d for e in entries for d in [isinstance(e, slice)] * (e.ndim if _is_mask(e) else 1)]
        dimension = f"dimension {axis - sum(axes[:axis])}" if n else "dimension"
        return IndexError(f"index {f'{place} ' if n else ''}is out of bounds for {dimension} with size {n}")
    if text.startswith("shape mismatch"):
        start, _, shapes = text.partition(" with shapes ")
        listed = ", ".join(f"[{s.strip('(,)').replace(',', ', ')}]" for s in shapes.split())
        text = f"{start.replace('arrays', 'tensors')} with shapes {listed}"
    return IndexError(text.replace("axis", "dimension"))


def outside(places: Any, low: int, n: int) -> int | None:
    """The first of the places that is not in [low, n); those that are traced are not known."""
    if isinstance(places, Tracer):
        return None
    found = places[(places < low) | (places >= n)]
    return int(found.flat[0]) if found.size else None


def places_of(index: Tensor, shape: tuple[int, ...], axis: int, function: str) -> Any:
    """Places along one dimension, none of them negative."""
    if index._read().dtype.kind not in "iu":
        raise RuntimeError(f"{function}(): Expected dtype int32/int64 for index")
    places, n = values_of(index), shape[axis] if shape else 1
    bad = outside(places, 0, n)
    if bad is not None:
        raise RuntimeError(f"index {bad} is out of bounds for dimension {axis} with size {n}")
    return places


def with_axes(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The function of values, which sees those that are 0-d as vectors of one element."""

    def apply(*values: Any) -> Any:
        if all(v.shape for v in values):
            return fun(*values)
        return fnp.reshape(fun(*[fnp.reshape(v, v.shape or (1,)) for v in values]), values[0].shape)

    return apply


@named(out=True)
@lying(in_rows)
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """out[i][j] = input[index[i][j]][j] for dim 0, and alike."""
    need_tensor(input, "gather")
    axis, ndim = dimension(dim, input.dim()), input.dim()
    if index.numel() and index._read().dtype not in (np.int32, np.int64):
        raise RuntimeError("gather(): Expected dtype int32/int64 for index")
    if index.numel() and max(ndim, 1) != max(index.dim(), 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    if not index.numel():
        return call_with((index,), GATHER, lambda v: fnp.reshape(v, (v.size,))[np.zeros(index.shape, np.int64)], input)
    if ndim and any(n > m for a, (n, m) in enumerate(zip(index.shape, input.shape)) if a != axis):
        at = next(a for a, (n, m) in enumerate(zip(index.shape, input.shape)) if a != axis and n > m)
        raise RuntimeError(
            f"Size does not match at dimension {at} expected index {list(index.shape)} to be no larger than self "
            f"{list(input.shape)} apart from dimension {axis}"
        )
    places = places_of(index, input.shape, axis, "gather")
    if not ndim or not index.dim():
        return call_with((index,), GATHER, lambda v: fnp.reshape(v, (v.size,))[places], input)
    return call_with((index,), GATHER, widened(lambda v: v[places_along(places, v.shape, axis)], np.float16), input)


@named(out=True)
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices along a dimension at the given places."""
    need_tensor(input, "index_select")
    axis = dimension(dim, input.dim())
    if index.dim() > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if index._read().dtype not in (np.int32, np.int64):
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    if not input.dim():
        if index.numel() != 1:
            raise RuntimeError(f"index_select(): Index to scalar can have only 1 value, got {index.numel()} value(s)")
        return call_with((index,), INDEX_SELECT, lambda v: fnp.add(v, 0), input)
    places, n = values_of(index), input.shape[axis]
    bad = outside(places, 0, n)
    if bad is not None:
        if axis == 1:
            raise RuntimeError(f"INDICES element is out of DATA bounds, id={bad} axis_dim={n}")
        raise IndexError("index out of range in self")
    rows = fnp.reshape(places, (index.numel(),))
    return call_with((index,), INDEX_SELECT, lambda v: getitem(v, (*(slice(None),) * axis, rows)), input)


@named(out=True)
@lying(in_rows)
def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements with these numbers; negative ones count from the end."""
    need_tensor(input, "take")
    places = numbers_of(index, input, "take")
    return call_with((index,), TAKE, lambda v: getitem(fnp.reshape(v, (v.size,)), places), input)


def numbers_of(index: Tensor, input: Tensor, function: str) -> Any:
    """Numbers of elements, in the shape of the index."""
    if index._read().dtype != np.int64:
        raise RuntimeError(f"{function}(): Expected a long tensor for index, but got {index.dtype.title}")
    n, places = input.numel(), values_of(index)
    if not n and index.numel():
        verb = "take from" if function == "take" else "put elements into"
        raise IndexError(f"{function}(): tried to {verb} an empty tensor")
    bad = outside(places, -n, n)
    if bad is not None:
        raise IndexError(f"out of range: tried to access index {bad} on a tensor of {n} elements.")
    return places


@named(out=True)
@lying(in_rows)
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """`gather`, where the other dimensions broadcast; all elements in a row where no dimension is given."""
    if dim is None:
        return gather(reshape(input, -1), 0, reshape(indices, -1))
    if input.dim() != indices.dim():
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{input.dim()} dimensions for input, and {indices.dim()} dimensions for indices"
        )
    if indices._read().dtype.kind not in "iu":
        raise RuntimeError(f"torch.take_along_dim(): dtype of indices should be Long but got {indices.dtype.title}")
    axis = dimension(dim, input.dim())
    n, m = input.shape[axis], indices.shape[axis]
    flat = [(*x.shape[:axis], 1, *x.shape[axis + 1 :]) for x in (input, indices)]
    check_broadcast(*flat)
    shape = np.broadcast_shapes(*flat)
    wide = expand(input, *shape[:axis], n, *shape[axis + 1 :])
    places = expand(indices, *shape[:axis], m, *shape[axis + 1 :])
    return gather(wide, axis, places % max(n, 1))


@named(out=True)
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The places of elements that are not zero, as rows; or a tensor for each dimension."""
    array = input._array(PLACES, USE_WHERE)
    return tuple([flat("nonzero", a, input) for a in np.nonzero(np.atleast_1d(array))]) if as_tuple else argwhere(input)


@named()
def argwhere(input: Tensor) -> Tensor:
    """The places of elements that are not zero, as rows."""
    return flat("nonzero", np.argwhere(input._array(PLACES, USE_WHERE)), input)


def mask_of(mask: Tensor) -> Any:
    """A mask's values; PyTorch's error for others."""
    if mask._read().dtype.kind != "b":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    return values_of(mask)


@named(out=True)
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where a mask holds, in a row."""
    need_tensor(input, "masked_select")
    chosen = mask_of(mask)
    check_broadcast(mask.shape, input.shape)
    shape = np.broadcast_shapes(input.shape, mask.shape)
    whole = fnp.broadcast_to(chosen, shape)
    return call_with((mask,), MASKED_SELECT, lambda v: getitem(fnp.broadcast_to(v, shape), whole), input)
