"""The order in which PyTorch goes through memory, and keeps in results that are laid out like a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.trace import known
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.tensor import Tensor


def memory_order(array: np.ndarray) -> tuple[int, ...]:
    """The dimensions, those with large steps first; where steps say nothing (0, or one element), as they stand."""
    order = list(range(array.ndim))
    for place in range(array.ndim - 2, -1, -1):
        moved = place
        for inner in range(place + 1, array.ndim):
            comparison = _compare(array, order[inner], order[moved])
            if comparison < 0:
                break
            if comparison > 0:
                order[inner], order[moved] = order[moved], order[inner]
                moved = inner
    return tuple(order)


def _compare(array: np.ndarray, inner: int, outer: int) -> int:
    """1 where the inner one of two dimensions has the larger steps, -1 where the outer one has them, 0 where none."""
    a, b = ((array.shape[d] > 1) * abs(array.strides[d]) for d in (inner, outer))
    if not a or not b:
        return 0
    return (a > b) - (a < b) or int(array.shape[inner] > array.shape[outer])


def _array(like: Any) -> np.ndarray | None:
    """What lies in memory: not what others compile or batch."""
    value = known(constant(like._read())) if isinstance(like, Tensor) else like
    return value if isinstance(value, np.ndarray) and not value.flags.c_contiguous else None


def in_order(like: Tensor) -> bool:
    """Whether the elements lie one after the other."""
    return _array(like) is None


def kept_in_order(like: Tensor) -> bool:
    """Whether the elements of what is laid out like a tensor lie one after the other."""
    array = _array(like)
    return array is None or memory_order(array) == tuple(range(array.ndim))


def laid_out(values: Any, like: Any) -> Any:
    """A vector in the shape of a tensor (or array): its numbers are those along the memory, as PyTorch fills it."""
    array = _array(like)
    if array is None:
        return values.reshape(like.shape)
    order = memory_order(array)
    return values.reshape(tuple(array.shape[d] for d in order)).transpose(tuple(np.argsort(order).tolist()))
