"""Numbers that stand for each dimension of space."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from funcgrad.torch._tensor.tensor import Tensor


def per_dim(n: Any, space: int) -> tuple[int, ...]:
    """One number repeated, or one for each dimension."""
    if isinstance(n, Iterable):
        found = tuple(n)
        return found * space if len(found) == 1 else found
    return (n,) * space


def need_space(input: Tensor, space: int, function: str) -> bool:
    """Whether the input has a batch; PyTorch's error where it has no `space` dimensions behind its channels."""
    if input.dim() not in (space + 1, space + 2):
        raise RuntimeError(
            f"Expected {space + 1}D (unbatched) or {space + 2}D (batched) input to {function}, but got input of size: "
            f"{list(input.shape)}"
        )
    return input.dim() == space + 2
