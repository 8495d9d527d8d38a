"""Joining, repeating, flipping, triangles and diagonals: copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.ops.subscript import getitem, update
from funcgrad.torch._ops import values
from funcgrad.torch._ops.memory_order import like_first, lying
from funcgrad.torch._ops.reduce import dims_of
from funcgrad.torch._ops.select import clone
from funcgrad.torch._ops.shape import diagonal as diagonal_of
from funcgrad.torch._ops.shape import expand, flatten, reshape, sizes_of, step_of, unsqueeze
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, contiguous, need_tensor
from funcgrad.torch._record.operands import promote, refuse
from funcgrad.torch._tensor.formats import contiguous_format
from funcgrad.torch._tensor.sizes import check_new, dimension
from funcgrad.torch._tensor.tensor import Tensor, fresh

CAT, STACK, REPEAT, FLIP, ROLL = Kind("Cat"), Kind("Stack"), Kind("Repeat"), Kind("Flip"), Kind("Roll")
INDEX_SELECT, DIAGONAL_COPY = Kind("IndexSelect", "-"), Kind("DiagonalBackward0_copy")
DIAG_EMBED, TRIL, TRIU = Kind("DiagEmbed"), Kind("Tril"), Kind("Triu")


def _tensors(function: str, tensors: Any, nothing: Exception) -> list[Tensor]:
    """Tensors of a common dtype; `nothing` is the error where there are none."""
    if isinstance(tensors, Tensor):
        raise TypeError(f"{function}(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor")
    found = list(tensors)
    if not found:
        raise nothing
    for i, x in enumerate(found):
        if not isinstance(x, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}")
    return promote(*found)


@named("concat", "concatenate", method=False, out=True)
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Joined along a dimension."""
    xs = _tensors("cat", tensors, ValueError("torch.cat(): expected a non-empty list of Tensors"))
    for i, x in enumerate(xs):
        if not x.dim():
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
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
    return contiguous(call(CAT, lambda *vs: values.concatenate(*vs, axis=axis), *xs), but_channels_last=True)


@named(method=False, out=True)
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Joined along a new dimension."""
    xs = _tensors("stack", tensors, RuntimeError("stack expects a non-empty TensorList"))
    shape = xs[0].shape
    for i, x in enumerate(xs):
        if x.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and "
                f"{list(x.shape)} at entry {i}"
            )
    axis = dimension(dim, len(shape) + 1)
    return contiguous(call(STACK, lambda *vs: fnp.stack(vs, axis=axis), *xs))


@named(function=False)
def repeat(input: Tensor, *sizes: Any) -> Tensor:
    """The tensor side by side, so many times along each dimension."""
    counts = sizes_of(sizes)
    if len(counts) < input.dim():
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor"
        )
    shape = [n * count for n, count in zip((1,) * (len(counts) - input.dim()) + input.shape, counts)]
    check_new(shape)
    return contiguous(call(REPEAT, lambda v: fnp.tile(v, counts), input))


@named()
def tile(input: Tensor, *dims: Any) -> Tensor:
    """`repeat`, where counts for the first dimensions may be left out."""
    counts = sizes_of(dims)
    return repeat(input, (1,) * (input.dim() - len(counts)) + counts)


@named()
def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each element (or slice along `dim`) repeated, all equally often or each as a tensor says.

    Of counts alone: the places, each repeated so often.
    """
    if repeats is None:
        return fresh(_repeated(input, output_size))
    x = reshape(input, -1) if dim is None else input
    axis = dimension(dim or 0, x.dim())
    if isinstance(repeats, int):
        if repeats < 0:
            raise RuntimeError("Repeats must be non-negative")
        if output_size not in (None, x.shape[axis] * repeats):
            raise RuntimeError(
                f"repeat_interleave: Invalid output_size, expected {x.shape[axis] * repeats} but got {output_size}"
            )
        spread = expand(unsqueeze(x, axis + 1), *x.shape[: axis + 1], repeats, *x.shape[axis + 1 :])
        whole = clone(spread, memory_format=contiguous_format)
        return flatten(whole, axis, axis + 1)
    if repeats.dim() > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    n = x.shape[axis]
    if repeats.numel() == 1:
        repeats = expand(reshape(repeats, 1), n)
    elif repeats.shape[0] != n:
        raise RuntimeError(
            "repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{repeats.shape[0]} and input.size({axis}) = {n}"
        )
    places = _repeated(repeats, output_size)
    return call(INDEX_SELECT, lambda v: getitem(v, (*(slice(None),) * axis, places)), x)


def _repeated(repeats: Tensor, output_size: int | None) -> np.ndarray:
    refuse(repeats, "fcb", "repeat_interleave_cpu")
    counts = repeats._array("How often each element is repeated")
    if (counts < 0).any():
        raise RuntimeError("repeats can not be negative")
    if output_size is not None and counts.sum() != output_size:
        raise RuntimeError("allocated size does not match required size")
    return np.repeat(np.arange(counts.size), counts)


@named()
@lying(like_first)
def flip(input: Tensor, *dims: Any) -> Tensor:
    """The order along dimensions reversed."""
    given = sizes_of(dims)
    axes = dims_of(given, input.dim()) if given else ()
    return call(FLIP, lambda v: fnp.flip(v, axis=axes), input)


@named()
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Moved along dimensions; what leaves at one end enters at the other."""
    moves = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    axes = () if dims is None else (dims,) if isinstance(dims, int) else tuple(dims)
    if not moves:
        raise RuntimeError("`shifts` required")
    if len(moves) != len(axes) and (axes or len(moves) > 1):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(moves)}, dims:{len(axes)}")
    if axes and not input.dim():
        raise IndexError(f"Dimension specified as {axes[0]} but tensor has no dimensions")
    dims = tuple(dimension(d, input.dim()) for d in axes) if axes else None
    places = np.roll(np.arange(input.numel()).reshape(input.shape), shifts, dims)
    return call(ROLL, lambda v: fnp.reshape(v, (v.size,))[places], input)


def triangle(input: Tensor, diagonal: int, function: str) -> np.ndarray:
    """Where a matrix is on or below a diagonal."""
    need_tensor(input, function)
    if input.dim() < 2:
        raise RuntimeError(f"{function}: input tensor must have at least 2 dimensions")
    rows, columns = input.shape[-2:]
    return np.tri(rows, columns, diagonal, bool)


@named(in_place=True, out=True)
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Zeros above a diagonal."""
    mask = triangle(input, diagonal, "tril")
    return contiguous(call(TRIL, lambda v: values.where(mask, v, v.dtype.type(0)), input))


@named(in_place=True, out=True)
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Zeros below a diagonal."""
    mask = ~triangle(input, diagonal - 1, "triu")
    return contiguous(call(TRIU, lambda v: values.where(mask, v, v.dtype.type(0)), input))


@named(out=True)
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix, or the matrix with a vector on its diagonal."""
    if input.dim() not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.dim()}D")
    if input.dim() == 2:
        return call(DIAGONAL_COPY, step_of(diagonal_of(input, diagonal)), input)
    n = input.shape[0] + abs(diagonal)
    at = np.arange(input.shape[0])
    rows, columns = at + max(-diagonal, 0), at + max(diagonal, 0)
    return call(DIAG_EMBED, lambda v: update(np.zeros((n, n), v.dtype), (rows, columns), v, "set"), input)
