"""Views: the same memory in another shape, order, or part."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.ops.subscript import getitem
from funcgrad.torch._ops.select import clone
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, need_tensor, view
from funcgrad.torch._record.tape import raw
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.messages import MULTI_VIEW_IN_PLACE, warn_once
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor

T_OF_OTHERS = (
    "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and it "
    "will throw an error in a future release. Consider `x.mT` to transpose batches of matrices or "
    "`x.permute(*torch.arange(x.ndim - 1, -1, -1))` to reverse the dimensions of a tensor."
)
VIEW, UNSAFE_VIEW = Kind("View"), Kind("UnsafeView")
T, TRANSPOSE, PERMUTE, EXPAND = Kind("T"), Kind("Transpose"), Kind("Permute"), Kind("Expand")
SQUEEZE, SQUEEZE_DIM, UNSQUEEZE = Kind("Squeeze"), Kind("SqueezeBackward1"), Kind("Unsqueeze")
SELECT, SLICE = Kind("Select"), Kind("Slice")
UNBIND, SPLIT = Kind("Unbind"), Kind("Split")
DIAGONAL = Kind("Diagonal")


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
    return view(input, VIEW, lambda v: fnp.reshape(v, shape))


@named()
def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The elements in another shape: a view where the memory allows, else a copy."""
    need_tensor(input, "reshape")
    sizes = _full(sizes_of(shape), input.numel())
    if _as_view(input, sizes):
        return view(input, VIEW, lambda v: fnp.reshape(v, sizes))
    return call(UNSAFE_VIEW, lambda v: fnp.reshape(v, sizes), input)


@named(function=False)
def contiguous(input: Tensor) -> Tensor:
    value = raw(input._read())
    return input if isinstance(value, Tracer) or np.asarray(value).flags.c_contiguous else clone(input)


@named()
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
    return view(input, kind, lambda v: fnp.transpose(v, axes))


@named()
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


@named("swapaxes", "swapdims")
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions exchanged."""
    ndim = input.dim()
    i, j = dimension(dim0, ndim), dimension(dim1, ndim)
    axes = list(range(ndim))
    if ndim:
        axes[i], axes[j] = j, i
    return _permuted(input, TRANSPOSE, tuple(axes))


@named()
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


@named()
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without the dimensions of size one (those in `dim`)."""
    shape = input.shape
    dims = (
        range(len(shape))
        if dim is None
        else [dimension(d, len(shape)) for d in ([dim] if isinstance(dim, int) else dim)]
    )
    kept = tuple(n for i, n in enumerate(shape) if n != 1 or i not in dims)
    return view(input, SQUEEZE if dim is None else SQUEEZE_DIM, lambda v: fnp.reshape(v, kept))


@named()
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With a dimension of size one more."""
    i = dimension(dim, input.dim() + 1)
    shape = (*input.shape[:i], 1, *input.shape[i:])
    return view(input, UNSQUEEZE, lambda v: fnp.reshape(v, shape))


@named(function=False)
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
    for i, (n, m) in reversed(list(enumerate(zip(full, padded)))):
        if m not in (1, n):
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({m}) at non-singleton "
                f"dimension {i}.  Target sizes: {list(target)}.  Tensor sizes: {list(shape)}"
            )
    return view(input, EXPAND, lambda v: fnp.broadcast_to(v, full), overlapping=full != tuple(shape))


@named()
def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    return expand(input, *size)


@named()
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices along a dimension."""
    axis = dimension(dim, input.dim())
    before = (slice(None),) * axis

    def taken(i: int) -> Tensor:
        blocked = MULTI_VIEW_IN_PLACE.format(index=i, name="Unbind")
        return view(input, UNBIND, lambda v: getitem(v, (*before, i)), blocked=blocked)

    return tuple(taken(i) for i in range(input.shape[axis]))


@named()
def split(input: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces of a size (the last may be smaller), or of the given sizes."""
    axis = dimension(dim, input.dim())
    n = input.shape[axis]
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        sizes = [min(size, n - start) for start in range(0, n, size)] or [0]
    else:
        sizes = list(split_size_or_sections)
        if sum(sizes) != n:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at "
                f"dimension {axis}), but got split_sizes={sizes}"
            )
    before = (slice(None),) * axis
    pieces, start = [], 0
    for i, size in enumerate(sizes):
        index = (*before, slice(start, start + size))
        blocked = MULTI_VIEW_IN_PLACE.format(index=i, name="Split")
        pieces.append(view(input, SPLIT, partial(getitem, idx=index), blocked=blocked))
        start += size
    return tuple(pieces)


@named()
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` pieces of equal size (the last may be smaller)."""
    n = input.shape[dimension(dim, input.dim())]
    return split(input, max(-(-n // chunks), 1), dim)


@named()
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    axis = dimension(dim, input.dim())
    return view(input, SLICE, lambda v: getitem(v, (*(slice(None),) * axis, slice(start, start + length))))


@named()
def select(input: Tensor, dim: int, index: int) -> Tensor:
    axis = dimension(dim, input.dim())
    n = input.shape[axis]
    if not -n <= index < n:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {dim}"
        )
    return view(input, SELECT, lambda v: getitem(v, (*(slice(None),) * axis, index)))


@named()
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of the matrices along two dimensions, as the last one."""
    i, j = dimension(dim1, input.dim()), dimension(dim2, input.dim())
    others = tuple(a for a in range(input.dim()) if a not in (i, j))
    rows = np.diagonal(
        np.arange(input.shape[i] * input.shape[j]).reshape(input.shape[i], input.shape[j]), offset
    )
    at = np.divmod(rows, input.shape[j] or 1)
    return view(input, DIAGONAL, lambda v: getitem(fnp.transpose(v, (*others, i, j)), (..., *at)))
