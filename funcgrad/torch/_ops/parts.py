"""Views of parts: at divisions, in windows, by strides; and copies in which a part is another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.ops.subscript import getitem, update
from funcgrad.torch._ops.shape import diagonal as diagonal_of
from funcgrad.torch._ops.shape import distinct, reshape, step_of, unsqueeze
from funcgrad.torch._ops.shape import narrow as narrowed
from funcgrad.torch._ops.shape import select as selected
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, view
from funcgrad.torch._record.operands import cast
from funcgrad.torch._record.tape import raw
from funcgrad.torch._tensor import dtypes, sizes
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch._tensor.views import put

UNFOLD, AS_STRIDED, SLICE, NARROW_COPY = Kind("Unfold"), Kind("AsStrided"), Kind("Slice"), Kind("NarrowCopy")
SELECT_SCATTER, SLICE_SCATTER = Kind("SelectScatter"), Kind("SliceScatter")
DIAGONAL_SCATTER, DIAG_EMBED = Kind("DiagonalScatter"), Kind("DiagEmbed")
AS_STRIDED_SCATTER = Kind("AsStridedScatter")


# Divided


@named()
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """So many parts of nearly equal size (the first are larger), or parts between the given places."""
    if not input.dim():
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    axis, given = dimension(dim, input.dim()), indices_or_sections
    if isinstance(given, Tensor):
        if given.dtype is not dtypes.int64:
            raise RuntimeError(
                f"tensor_split expected tensor_indices_or_sections to have dtype of long, but got {given.dtype.title}"
            )
        if given.dim() > 1:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional tensor, "
                f"but got a tensor with {given.dim()} dims"
            )
        given = given.tolist()
    n = input.shape[axis]
    if isinstance(given, int):
        if given <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {given}")
        size, larger = divmod(n, given)
        places = [i * size + min(i, larger) for i in range(given + 1)]
    else:
        places = [0, *(int(i) for i in given), n]
    return tuple(sliced(input, axis, slice(start, stop)) for start, stop in pairwise(places))


def sliced(input: Tensor, axis: int, part: slice) -> Tensor:
    return view(input, SLICE, lambda v: getitem(v, (*(slice(None),) * axis, part)))


def _split_along(name: str, least: int, dim: Callable[[Tensor], int], doc: str) -> Callable[..., Any]:
    def divide(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
        if input.dim() < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with "
                f"{input.dim()} dimensions!"
            )
        axis = dim(input)
        if isinstance(indices_or_sections, int):
            n = input.shape[axis]
            if not indices_or_sections or n % indices_or_sections:
                raise RuntimeError(
                    f"torch.{name} attempted to split along dimension {axis}, but the size of the dimension {n} is "
                    f"not divisible by the split_size {indices_or_sections}!"
                )
        return tensor_split(input, indices_or_sections, axis)

    divide.__name__ = divide.__qualname__ = name
    divide.__doc__ = doc
    return named()(divide)


hsplit = _split_along("hsplit", 1, lambda x: min(x.dim() - 1, 1), "`tensor_split` along columns (a vector's elements).")
vsplit = _split_along("vsplit", 2, lambda x: 0, "`tensor_split` along rows.")
dsplit = _split_along("dsplit", 3, lambda x: 2, "`tensor_split` along the third dimension.")


@named(out=True)
def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """A copy of `narrow`."""
    return call(NARROW_COPY, step_of(narrowed(input, dim, start, length)), input)


# Windows and strides


@named(function=False)
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows of a size along a dimension, `step` apart, as a last dimension.

    Where they overlap they cannot be written in place: PyTorch would write some elements several times.
    """
    axis = sizes.dimension(dimension, input.dim())
    n = input.shape[axis] if input.dim() else 1
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > n:
        raise RuntimeError(f"maximum size for tensor at dimension {axis} is {n} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if not input.dim():
        return view(input, UNFOLD, lambda v: getitem(fnp.reshape(v, (1,)), slice(size)))
    places = np.arange(0, n - size + 1, step)[:, None] + np.arange(size)

    def windows(v: Any) -> Any:
        return fnp.moveaxis(getitem(v, (*(slice(None),) * axis, places)), axis + 1, -1)

    return view(input, UNFOLD, windows, overlapping=step < size)


@named()
def as_strided(
    input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """The memory of a tensor that is no view, in steps of `stride` elements.

    Of a view the memory is another tensor's: write `base.as_strided(...)`.
    """
    shape, strides, first = tuple(size), tuple(stride), storage_offset or 0
    if len(shape) != len(strides):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(s < 0 for s in strides):
        raise RuntimeError(
            f"as_strided: Negative strides are not supported at the moment, got strides: {list(strides)}"
        )
    if first < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {first}")
    if any(n < 0 for n in shape):
        raise RuntimeError(
            f"Storage size calculation overflowed with sizes={list(shape)} and strides={list(strides)}"
        )
    value = raw(input._read())
    if input._is_view() or not (isinstance(value, Tracer) or np.asarray(value).flags.c_contiguous):
        raise NotImplementedError(
            "as_strided of a view, or of a result that does not lie in order: write it of the tensor that has the "
            "memory, or of x.contiguous().clone()"
        )
    itemsize = value.dtype.itemsize
    needed = (first + 1 + sum((n - 1) * s for n, s in zip(shape, strides))) * itemsize if prod(shape) else 0
    if needed > input.numel() * itemsize:
        raise RuntimeError(
            f"setStorage: sizes {list(shape)}, strides {list(strides)}, storage offset {first}, and itemsize "
            f"{itemsize} requiring a storage size of {needed} are out of bounds for storage of size "
            f"{input.numel() * itemsize}"
        )
    places = _places(shape, strides, first)
    return view(input, AS_STRIDED, lambda v: getitem(fnp.reshape(v, (v.size,)), places), overlapping=True)


def _places(shape: tuple[int, ...], strides: tuple[int, ...], first: int) -> np.ndarray:
    """Where in memory the elements stand."""
    places = np.full(shape, first)
    for axis, (n, s) in enumerate(zip(shape, strides)):
        places += (np.arange(n) * s).reshape((n,) + (1,) * (len(shape) - 1 - axis))
    return places


# With another part


def _with_part(kind: Kind, input: Tensor, src: Tensor, part: Tensor) -> Tensor:
    """A copy of `input` in which `src` stands where `part`, a view of it, is."""
    if src.shape != part.shape:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = "
            f"{list(part.shape)}"
        )
    step = step_of(part)
    return call(kind, lambda v, s: put((step,), v, s), input, _of_dtype(src, input))


def _of_dtype(src: Tensor, input: Tensor) -> Tensor:
    return src if src.dtype is input.dtype else cast(src, input._read().dtype)


@named()
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy with `src` in place of `select(dim, index)`."""
    return _with_part(SELECT_SCATTER, input, src, selected(input, dim, index))


@named(out=True)
def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """A copy with `src` in place of the slice from `start` to `end`."""
    axis = dimension(dim, input.dim())
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    return _with_part(SLICE_SCATTER, input, src, sliced(input, axis, slice(start, end, step)))


@named()
def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy with `src` in place of `diagonal(offset, dim1, dim2)`."""
    return _with_part(DIAGONAL_SCATTER, input, src, diagonal_of(input, offset, dim1, dim2))


@named()
def as_strided_scatter(
    input: Tensor, src: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """A copy with `src` in place of `as_strided(size, stride, storage_offset)`, whose elements must not overlap."""
    part = as_strided(input, size, stride, storage_offset)
    if src.shape != part.shape:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = "
            f"{list(part.shape)}"
        )
    places = _places(tuple(size), tuple(stride), storage_offset or 0).reshape(-1)
    if len(np.unique(places)) < places.size:
        raise NotImplementedError("as_strided_scatter: give strides by which no element stands at two places")

    def scattered(v: Any, s: Any) -> Any:
        flat = update(fnp.reshape(v, (v.size,)), places, fnp.reshape(s, (s.size,)), "set")
        return fnp.reshape(flat, v.shape)

    return call(AS_STRIDED_SCATTER, scattered, input, _of_dtype(src, input))


@named()
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices with the last dimension on their diagonals, and zeros elsewhere."""
    i, j = distinct(dim1, dim2, input.dim() + 1)
    length = input.shape[-1]
    n = length + abs(offset)
    at = np.arange(length)
    rows, columns = at + max(-offset, 0), at + max(offset, 0)

    def embedded(v: Any) -> Any:
        matrices = update(np.zeros((*v.shape[:-1], n, n), v.dtype), (..., rows, columns), v, "set")
        return fnp.moveaxis(matrices, (-2, -1), (i, j))

    return call(DIAG_EMBED, embedded, input)


@named()
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix with all elements on its diagonal."""
    return diag_embed(reshape(input, -1), offset)


# At least so many dimensions


def _at_least(name: str, ndim: int, raised: Callable[[Tensor], Tensor]) -> Callable[..., Any]:
    def at_least(*tensors: Any) -> Any:
        if len(tensors) == 1 and not isinstance(tensors[0], (list, tuple)):
            return raised(tensors[0])
        return tuple(raised(x) for x in (tensors[0] if len(tensors) == 1 else tensors))

    at_least.__name__ = at_least.__qualname__ = name
    at_least.__doc__ = f"Each tensor with {ndim} dimensions at least."
    return named(method=False)(at_least)


def _matrix(x: Tensor) -> Tensor:
    return reshape(x, (1, 1)) if x.dim() == 0 else unsqueeze(x, 0) if x.dim() == 1 else x


def _cube(x: Tensor) -> Tensor:
    if x.dim() == 0:
        return reshape(x, (1, 1, 1))
    return unsqueeze(_matrix(x), -1) if x.dim() < 3 else x


atleast_1d = _at_least("atleast_1d", 1, lambda x: x if x.dim() else reshape(x, (1,)))
atleast_2d = _at_least("atleast_2d", 2, _matrix)
atleast_3d = _at_least("atleast_3d", 3, _cube)
