"""Shapes and dimensions, as PyTorch has them."""

from __future__ import annotations

from math import prod
from typing import Any


class Size(tuple):
    """A shape, as PyTorch prints it."""

    __module__ = "funcgrad.torch"
    __slots__ = ()

    def __reduce__(self) -> Any:
        return Size, (tuple(self),)

    def numel(self) -> int:
        return prod(self)

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, tuple(other)))

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"


def dimension(dim: int, ndim: int) -> int:
    """A non-negative dimension; PyTorch's IndexError where there is none."""
    limit = max(ndim, 1)
    if not -limit <= dim < limit:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-limit}, {limit - 1}], but got {dim})")
    return dim + limit if dim < 0 else dim
