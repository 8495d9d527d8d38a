"""Views (reshape, transpose, expand ...), joining, repeating, gathering."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.numpy.shaping import repeat as repeat_values
from funcgrad.numpy.shaping import tile
from funcgrad.ops import elementwise as ew
from funcgrad.ops import structure as ops
from funcgrad.ops.index import gather as gather_values
from funcgrad.ops.index import scatter_add as scatter_add_values
from funcgrad.ops.index import scatter_set
from funcgrad.ops.reduce import reduce_sum
from funcgrad.ops.subscript import getitem
from funcgrad.torch._ops.pointwise import clone
from funcgrad.torch._ops.reduce import along, widened
from funcgrad.torch._record.calls import Kind, call, need_tensor, promote, view
from funcgrad.torch._record.tape import constant, raw
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.messages import MULTI_VIEW_IN_PLACE, PLACES, USE_WHERE, warn_once
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch._tensor.views import Diagonal, Expanded, Part

T_OF_OTHERS = (
    "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and it "
    "will throw an error in a future release. Consider `x.mT` to transpose batches of matrices or "
    "`x.permute(*torch.arange(x.ndim - 1, -1, -1))` to reverse the dimensions of a tensor."
)
VIEW, UNSAFE_VIEW = Kind("View"), Kind("UnsafeView")
T, TRANSPOSE, PERMUTE, EXPAND = Kind("T"), Kind("Transpose"), Kind("Permute"), Kind("Expand")
SQUEEZE, SQUEEZE_DIM, UNSQUEEZE = Kind("Squeeze"), Kind("SqueezeBackward1"), Kind("Unsqueeze")
SELECT, SLICE = Kind("Select"), Kind("Slice")
UNBIND, SPLIT, SPLIT_WITH_SIZES = Kind("Unbind"), Kind("Split"), Kind("SplitWithSizes")
CAT, STACK, REPEAT, FLIP, ROLL = Kind("Cat"), Kind("Stack"), Kind("Repeat"), Kind("Flip"), Kind("Roll")
GATHER, INDEX_SELECT, SCATTER = Kind("Gather", "-"), Kind("IndexSelect", "-"), Kind("Scatter", "-")
SCATTER_ADD = Kind("ScatterAdd", "-")
DIAGONAL, DIAG_EMBED, TRIL, TRIU = Kind("Diagonal"), Kind("DiagEmbed"), Kind("Tril"), Kind("Triu")


def sizes_of(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence."""
    if len(sizes) == 1 and not isinstance(sizes[0], (int, np.integer, Tensor)):
        sizes = tuple(sizes[0])
    return tuple([n.__index__() for n in sizes])


def _full(sizes: tuple[int, ...], numel: int) -> tuple[int, ...]:
    """Sizes with -1 filled in; PyTorch's error where they do not fit."""
    known = 1
    for n in sizes:
        known *= n if n != -1 else 1
    full = sizes
    if sizes.count(-1) == 1 and known and numel % known == 0:
        full = tuple([numel // known if n == -1 else n for n in sizes])
    if prod(full) != numel or -1 in full:
        raise RuntimeError(f"shape '{list(sizes)}' is invalid for input of size {numel}")
    return full


def _as_view(x: Tensor, shape: tuple[int, ...]) -> bool:
    """Whether the memory can be read in that shape."""
    value = raw(x._read())
    if isinstance(value, Tracer):
        return True
    value = np.asarray(value)
    return value.flags.c_contiguous or not value.size or np.may_share_memory(value.reshape(shape), value)


def view_as_shape(input: Tensor, *sizes: Any) -> Tensor:
    """The same memory in another shape; RuntimeError where that is not possible."""
    if len(sizes) == 1 and isinstance(sizes[0], dtypes.dtype):
        raise NotImplementedError("view(dtype): funcgrad.torch does not reinterpret memory in another dtype")
    shape = _full(sizes_of(sizes), input.numel())
    if not _as_view(input, shape):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans "
            "across two contiguous subspaces). Use .reshape(...) instead."
        )
    return view(input, VIEW, lambda v: ops.reshape(v, shape=shape))


def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The elements in another shape: a view where the memory allows, else a copy."""
    need_tensor(input, "reshape")
    sizes = _full(sizes_of(shape), input.numel())
    if _as_view(input, sizes):
        return view(input, VIEW, lambda v: ops.reshape(v, shape=sizes))
    return call(UNSAFE_VIEW, lambda v: ops.reshape(v, shape=sizes), input)


def contiguous(input: Tensor) -> Tensor:
    value = raw(input._read())
    return input if isinstance(value, Tracer) or np.asarray(value).flags.c_contiguous else clone(input)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Dimensions from `start_dim` to `end_dim` as one."""
    ndim = input.dim()
    if ndim == 0:
        return reshape(input, 1)
    first, last = dimension(start_dim, ndim), dimension(end_dim, ndim)
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if first == last:
        return input
    shape = input.shape
    return reshape(input, (*shape[:first], shape[first : last + 1].numel(), *shape[last + 1 :]))


def _permuted(input: Tensor, kind: Kind, axes: tuple[int, ...]) -> Tensor:
    return view(input, kind, lambda v: ops.transpose(v, axes=axes))


def permute(input: Tensor, *dims: Any) -> Tensor:
    """The dimensions in another order."""
    ndim = input.dim()
    axes = tuple(dimension(d, ndim) for d in sizes_of(dims))
    if len(axes) != ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of "
            f"the desired ordering of dimensions i.e. input.dim() = {ndim} is not equal to len(dims) = "
            f"{len(axes)}"
        )
    if len(set(axes)) != ndim:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return _permuted(input, PERMUTE, axes)


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions exchanged."""
    ndim = input.dim()
    i, j = dimension(dim0, ndim), dimension(dim1, ndim)
    axes = list(range(ndim))
    if ndim:
        axes[i], axes[j] = j, i
    return _permuted(input, TRANSPOSE, tuple(axes))


def t(input: Tensor) -> Tensor:
    """A matrix transposed; vectors and scalars as they are."""
    ndim = input.dim()
    if ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {ndim}D")
    return _permuted(input, T, tuple(reversed(range(ndim))))


def reversed_dims(input: Tensor) -> Tensor:
    """`x.T`"""
    if input.dim() != 2:
        warn_once(T_OF_OTHERS)
    return _permuted(input, PERMUTE, tuple(reversed(range(input.dim()))))


def matrix_transposed(input: Tensor) -> Tensor:
    """`x.mT`"""
    if input.dim() < 2:
        raise RuntimeError("tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor.")
    return transpose(input, -2, -1)


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without the dimensions of size one (those in `dim`)."""
    shape = input.shape
    dims = (
        range(len(shape))
        if dim is None
        else [dimension(d, len(shape)) for d in ([dim] if isinstance(dim, int) else dim)]
    )
    kept = tuple(n for i, n in enumerate(shape) if n != 1 or i not in dims)
    return view(input, SQUEEZE if dim is None else SQUEEZE_DIM, lambda v: ops.reshape(v, shape=kept))


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With a dimension of size one more."""
    i = dimension(dim, input.dim() + 1)
    shape = (*input.shape[:i], 1, *input.shape[i:])
    return view(input, UNSQUEEZE, lambda v: ops.reshape(v, shape=shape))


def expand(input: Tensor, *sizes: Any) -> Tensor:
    """Dimensions of size one repeated without copying."""
    target, shape = sizes_of(sizes), input.shape
    padded = (1,) * (len(target) - len(shape)) + tuple(shape)
    if len(target) < len(shape):
        raise RuntimeError(
            f"expand({input.type()}{{{list(shape)}}}, size={list(target)}): the number of sizes provided "
            f"({len(target)}) must be greater or equal to the number of dimensions in the tensor "
            f"({len(shape)})"
        )
    full = tuple(m if n == -1 else n for n, m in zip(target, padded))
    for i, (n, m) in enumerate(zip(full, padded)):
        if m not in (1, n):
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({m}) at non-singleton "
                f"dimension {i}.  Target sizes: {list(target)}.  Tensor sizes: {list(shape)}"
            )
    return view(input, EXPAND, Expanded(full), overlapping=full != tuple(shape))


def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    return expand(input, *size)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices along a dimension."""
    axis = dimension(dim, input.dim())
    before = (slice(None),) * axis

    def taken(i: int) -> Tensor:
        blocked = MULTI_VIEW_IN_PLACE.format(index=i, name="Unbind")
        return view(input, UNBIND, Part((*before, i)), blocked=blocked)

    return tuple(taken(i) for i in range(input.shape[axis]))


def split(input: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces of a size (the last may be smaller), or of the given sizes."""
    axis = dimension(dim, input.dim())
    n = input.shape[axis]
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        sizes = [min(size, n - start) for start in range(0, n, size)] or [0]
        kind = SPLIT
    else:
        sizes = list(split_size_or_sections)
        kind = SPLIT_WITH_SIZES
        if sum(sizes) != n:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at "
                f"dimension {axis}), but got split_sizes={sizes}"
            )
    before = (slice(None),) * axis
    pieces, start = [], 0
    for i, size in enumerate(sizes):
        index = (*before, slice(start, start + size))
        blocked = MULTI_VIEW_IN_PLACE.format(index=i, name=kind.name.partition("Backward")[0])
        pieces.append(view(input, kind, Part(index), blocked=blocked))
        start += size
    return tuple(pieces)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` pieces of equal size (the last may be smaller)."""
    n = input.shape[dimension(dim, input.dim())]
    return split(input, max(-(-n // chunks), 1), dim)


def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    axis = dimension(dim, input.dim())
    return view(input, SLICE, Part((*(slice(None),) * axis, slice(start, start + length))))


def select(input: Tensor, dim: int, index: int) -> Tensor:
    axis = dimension(dim, input.dim())
    n = input.shape[axis]
    if not -n <= index < n:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {dim}"
        )
    return view(input, SELECT, Part((*(slice(None),) * axis, index)))


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of the matrices along two dimensions, as the last one."""
    i, j = dimension(dim1, input.dim()), dimension(dim2, input.dim())
    return view(input, DIAGONAL, Diagonal(offset, i, j))


def diag(input: Tensor, diagonal_: int = 0) -> Tensor:
    """The diagonal of a matrix, or the matrix with a vector on its diagonal."""
    if input.dim() == 2:
        return clone(diagonal(input, diagonal_))
    n = input.shape[0] + abs(diagonal_)
    at = np.arange(input.shape[0])
    rows, columns = at + max(-diagonal_, 0), at + max(diagonal_, 0)
    return call(DIAG_EMBED, lambda v: scatter_set(np.zeros((n, n), v.dtype), v, rows, columns), input)


# Copies


def _tensors(tensors: Any, function: str) -> list[Tensor]:
    found = list(tensors)
    if not found:
        raise RuntimeError(f"{function}(): expected a non-empty list of Tensors")
    for i, x in enumerate(found):
        if not isinstance(x, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}")
    return promote(*found)


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Joined along a dimension."""
    xs = _tensors(tensors, "torch.cat")
    xs = [x for x in xs if x.shape != (0,)] or xs[:1]
    axis = dimension(dim, xs[0].dim())
    first = xs[0].shape
    for i, x in enumerate(xs):
        if x.dim() != len(first):
            raise RuntimeError(f"Tensors must have same number of dimensions: got {len(first)} and {x.dim()}")
        for d, (n, m) in enumerate(zip(first, x.shape)):
            if n != m and d != axis:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {axis}. Expected size {n} but got "
                    f"size {m} for tensor number {i} in the list."
                )
    return call(CAT, lambda *vs: ops.concatenate(*vs, axis=axis), *xs)


concat = concatenate = cat


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Joined along a new dimension."""
    xs = _tensors(tensors, "stack")
    shape = xs[0].shape
    for i, x in enumerate(xs):
        if x.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and "
                f"{list(x.shape)} at entry {i}"
            )
    axis = dimension(dim, len(shape) + 1)
    thin = (*shape[:axis], 1, *shape[axis:])
    return call(STACK, lambda *vs: ops.concatenate(*(ops.reshape(v, shape=thin) for v in vs), axis=axis), *xs)


def repeat(input: Tensor, *sizes: Any) -> Tensor:
    """The tensor side by side, so many times along each dimension."""
    counts = sizes_of(sizes)
    if len(counts) < input.dim():
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor"
        )
    return call(REPEAT, lambda v: tile(v, counts), input)


def repeat_interleave(input: Tensor, repeats: int, dim: int | None = None) -> Tensor:
    """Each element repeated."""
    return call(REPEAT, lambda v: repeat_values(v, repeats, dim), input)


def flip(input: Tensor, *dims: Any) -> Tensor:
    axes = tuple(sorted(dimension(d, input.dim()) for d in sizes_of(dims)))
    return call(FLIP, lambda v: ops.flip(v, axes=axes), input)


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Moved along dimensions; what leaves at one end enters at the other."""
    places = np.roll(np.arange(input.numel()).reshape(input.shape), shifts, dims)
    return call(ROLL, lambda v: gather_values(ops.reshape(v, shape=(v.size,)), places), input)


def triangle(input: Tensor, diagonal: int) -> np.ndarray:
    """Where a matrix is on or below a diagonal."""
    rows, columns = input.shape[-2:]
    return np.tri(rows, columns, diagonal, bool)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    mask = triangle(input, diagonal)
    return call(TRIL, lambda v: ew.where(mask, v, v.dtype.type(0)), input)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    mask = ~triangle(input, diagonal - 1)
    return call(TRIU, lambda v: ew.where(mask, v, v.dtype.type(0)), input)


TRACE = Kind("Trace")


def trace(input: Tensor) -> Tensor:
    at = np.arange(min(input.shape))
    return call(TRACE, lambda v: reduce_sum(gather_values(v, at, at), axes=(0,)), input)


def _index(index: Tensor) -> Any:
    """The values as an array, or traced: without a derivative."""
    value = constant(index._read())
    return value if isinstance(value, Tracer) else np.asarray(value)


def _places(index: Tensor) -> Any:
    if index._read().dtype.kind not in "iu":
        raise RuntimeError("gather(): Expected dtype int32/int64 for index")
    return _index(index)


def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """out[i][j] = input[index[i][j]][j] for dim 0, and alike."""
    axis, places = dimension(dim, input.dim()), _places(index)
    return call(GATHER, widened(lambda v: gather_values(v, *along(places, v.shape, axis)), np.float16), input)


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    axis, places = dimension(dim, input.dim()), _index(index)
    return call(INDEX_SELECT, lambda v: getitem(v, (*(slice(None),) * axis, places)), input)


def scatter(input: Tensor, dim: int, index: Tensor, src: Any) -> Tensor:
    """A copy with out[index[i][j]][j] = src[i][j] for dim 0, and alike."""
    return _scattered(SCATTER, scatter_set, input, dim, index, src)


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy with src[i][j] added to out[index[i][j]][j] for dim 0, and alike."""
    return _scattered(SCATTER_ADD, scatter_add_values, input, dim, index, src)


def _scattered(kind: Kind, fun: Any, input: Tensor, dim: int, index: Tensor, src: Any) -> Tensor:
    axis, places = dimension(dim, input.dim()), _places(index)
    if not isinstance(src, Tensor):
        src = fresh(np.full(places.shape, dtypes.held(src, input._read().dtype)))
    if src.dtype is not input.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    region = tuple(slice(n) for n in places.shape)
    scattered = widened(lambda v, s: fun(v, getitem(s, region), *along(places, v.shape, axis)), np.float16)
    return call(kind, scattered, input, src)


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    array = input._array(PLACES, USE_WHERE)
    return tuple(map(fresh, np.nonzero(np.atleast_1d(array)))) if as_tuple else fresh(np.argwhere(array))


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    return call(Kind("MaskedSelect", "-"), lambda v: getitem(v, _index(mask)), input)
