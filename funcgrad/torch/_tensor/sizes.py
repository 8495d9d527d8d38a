"""Shapes and dimensions, as PyTorch has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

_new = tuple.__new__


class Size(tuple):
    """A shape, as PyTorch prints it."""

    __module__ = "funcgrad.torch"
    __slots__ = ()

    def __new__(cls, sizes: Iterable[Any] = ()) -> Size:
        sizes = tuple(sizes)
        for i, n in enumerate(sizes):
            if not hasattr(n, "__index__"):
                raise TypeError(f"torch.Size() takes an iterable of 'int' (item {i} is '{type(n).__name__}')")
        return _new(cls, [n.__index__() for n in sizes])

    def __reduce__(self) -> Any:
        return Size, (tuple(self),)

    def numel(self) -> int:
        return prod(self)

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return size_of(found) if isinstance(index, slice) else found

    def __add__(self, other: Any) -> Size:
        if not isinstance(other, tuple):
            raise TypeError(f"can only concatenate tuple (not {type(other).__name__}) to torch.Size")
        return size_of(tuple.__add__(self, other))

    def __radd__(self, other: Any) -> Any:
        return size_of((*other, *self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, count: Any) -> Size:
        return size_of(tuple.__mul__(self, count))

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"


def size_of(shape: tuple[int, ...]) -> Size:
    """A shape that is known to be one."""
    return _new(Size, shape)


def check_new(shape: Sequence[int]) -> None:
    """PyTorch's error for a new tensor of sizes that are negative."""
    for n in shape:
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {list(shape)}")


def existing(dim: int, ndim: int) -> int:
    """As `dimension`, of a tensor that has at least one."""
    if not ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return dimension(dim, ndim)


def dimension(dim: int, ndim: int) -> int:
    """A non-negative dimension; PyTorch's IndexError where there is none."""
    limit = max(ndim, 1)
    if not -limit <= dim < limit:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-limit}, {limit - 1}], but got {dim})")
    return dim + limit if dim < 0 else dim
