"""PyTorch's errors for writing memory in which elements are seen more than once, or that is read at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.torch._record.tape import raw
from funcgrad.torch._tensor.views import through

if TYPE_CHECKING:
    from funcgrad.torch._tensor.tensor import Tensor

WITHIN = (
    "unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please "
    "clone() the tensor before performing the operation."
)
PARTLY = (
    "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory "
    "location. Please clone() the tensor before performing the operation."
)


def check_within(target: Tensor) -> None:
    """The error for a tensor of which elements share memory."""
    if is_repeated(target):
        raise RuntimeError(WITHIN)


def is_repeated(target: Tensor) -> bool:
    """Whether elements of a tensor share memory."""
    view = target._view
    if view is None or not view.overlapping:
        return False
    memory, value = target._storage.value, raw(target._read())
    if isinstance(value, np.ndarray) and any(not s and n > 1 for s, n in zip(value.strides, value.shape)):
        return True
    places = through(view.storage_steps, np.arange(memory.size).reshape(memory.shape))
    return np.unique(places).size != places.size


def check_between(target: Tensor, source: Tensor, same: bool = True) -> None:
    """The error for writing what lies in part in the memory that is written: or in all of it, unless the `same` memory
    may be read."""
    if source._storage is not target._storage or isinstance(target._storage.value, Tracer):
        return
    if source is target and same:
        return
    own, other = target._array(), source._array()
    first, last, begin, end = *_bounds(own), *_bounds(other)
    if same and (first, last, own.strides) == (begin, end, other.strides):
        return
    if first < end and begin < last and _is_dense(own) and _is_dense(other):
        raise RuntimeError(PARTLY)


def _bounds(array: np.ndarray) -> tuple[int, int]:
    """Where the memory of an array without gaps begins and ends."""
    first: Any = array.ctypes.data
    return first, first + array.nbytes


def _is_dense(array: np.ndarray) -> bool:
    """Whether the elements lie in the memory without gaps, each once, in any order of the dimensions."""
    step = array.itemsize
    for stride, size in sorted((s, n) for s, n in zip(array.strides, array.shape) if n != 1):
        if stride != step:
            return False
        step *= size
    return True
