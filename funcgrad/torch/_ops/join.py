"""Joining, repeating, flipping, triangles and diagonals: copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.ops.subscript import update
from funcgrad.torch._ops.select import clone
from funcgrad.torch._ops.shape import diagonal as diagonal_of
from funcgrad.torch._ops.shape import sizes_of
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.operands import promote
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor

CAT, STACK, REPEAT, FLIP, ROLL = Kind("Cat"), Kind("Stack"), Kind("Repeat"), Kind("Flip"), Kind("Roll")
DIAG_EMBED, TRIL, TRIU = Kind("DiagEmbed"), Kind("Tril"), Kind("Triu")


def _tensors(tensors: Any, function: str) -> list[Tensor]:
    found = list(tensors)
    if not found:
        raise RuntimeError(f"{function}(): expected a non-empty list of Tensors")
    for i, x in enumerate(found):
        if not isinstance(x, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}")
    return promote(*found)


@named("concat", "concatenate", method=False)
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
    return call(CAT, lambda *vs: fnp.concatenate(vs, axis=axis), *xs)


@named(method=False)
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
    return call(STACK, lambda *vs: fnp.stack(vs, axis=axis), *xs)


@named(function=False)
def repeat(input: Tensor, *sizes: Any) -> Tensor:
    """The tensor side by side, so many times along each dimension."""
    counts = sizes_of(sizes)
    if len(counts) < input.dim():
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor"
        )
    return call(REPEAT, lambda v: fnp.tile(v, counts), input)


@named()
def repeat_interleave(input: Tensor, repeats: int, dim: int | None = None) -> Tensor:
    """Each element repeated."""
    return call(REPEAT, lambda v: fnp.repeat(v, repeats, dim), input)


@named()
def flip(input: Tensor, *dims: Any) -> Tensor:
    axes = tuple(d for d in (dimension(d, input.dim()) for d in sizes_of(dims)) if d < input.dim())
    return call(FLIP, lambda v: fnp.flip(v, axis=axes), input)


@named()
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Moved along dimensions; what leaves at one end enters at the other."""
    places = np.roll(np.arange(input.numel()).reshape(input.shape), shifts, dims)
    return call(ROLL, lambda v: fnp.reshape(v, (v.size,))[places], input)


def triangle(input: Tensor, diagonal: int) -> np.ndarray:
    """Where a matrix is on or below a diagonal."""
    rows, columns = input.shape[-2:]
    return np.tri(rows, columns, diagonal, bool)


@named(in_place=True)
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    mask = triangle(input, diagonal)
    return call(TRIL, lambda v: fnp.where(mask, v, v.dtype.type(0)), input)


@named(in_place=True)
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    mask = ~triangle(input, diagonal - 1)
    return call(TRIU, lambda v: fnp.where(mask, v, v.dtype.type(0)), input)


@named()
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix, or the matrix with a vector on its diagonal."""
    if input.dim() == 2:
        return clone(diagonal_of(input, diagonal))
    n = input.shape[0] + abs(diagonal)
    at = np.arange(input.shape[0])
    rows, columns = at + max(-diagonal, 0), at + max(diagonal, 0)
    return call(DIAG_EMBED, lambda v: update(np.zeros((n, n), v.dtype), (rows, columns), v, "set"), input)
