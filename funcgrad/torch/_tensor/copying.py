"""Tensors copied and pickled, with the memory that they share."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.torch._record.tape import raw
from funcgrad.torch._tensor import messages
from funcgrad.torch._tensor.overrides import is_written
from funcgrad.torch._tensor.storage import Storage
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch._tensor.views import Strided, View

Layout = tuple[int, tuple[int, ...], tuple[int, ...]]
"""An offset, sizes and strides, in elements of the memory."""


def over_memory(storage: Storage, layout: Layout, requires_grad: bool) -> Tensor:
    """A tensor that reads memory in a layout: what copying and pickling make, so that views stay views."""
    memory = np.asarray(storage.value)
    offset, sizes, strides = layout
    last = offset + sum((n - 1) * stride for n, stride in zip(sizes, strides))
    if min(offset, *sizes, *strides, 0) < 0 or (last >= memory.size and 0 not in sizes):
        raise ValueError(f"a layout of sizes {list(sizes)} and strides {list(strides)} is not within its memory")
    step = Strided(offset, sizes, strides)
    out = fresh(step(memory))
    out._storage, out._seen = storage, storage.stamp
    if layout != (0, memory.shape, tuple(n // memory.itemsize for n in memory.strides)):
        out._view = View((step,), None, ())
    else:
        out._value = storage.value
    if requires_grad:
        out._make_leaf("copy")
    return out


def _deepcopy(self: Any, memo: dict[int, Any]) -> Tensor:
    if not self.is_leaf:
        raise messages.noted(RuntimeError(messages.DEEPCOPY_OF_NON_LEAF), self._origin())
    if is_written(type(self)):
        raise RuntimeError(messages.DEEPCOPY_OF_SUBCLASS)
    found = memo.get(id(self))
    if found is None:
        array = self._array()
        memory = memo.setdefault(id(self._storage), None)
        if memory is None:
            memory = memo[id(self._storage)] = Storage(np.array(self._storage.value))
        found = memo[id(self)] = over_memory(memory, layout_of(self, array), self.requires_grad)
        if self._grad is not None:
            found._grad = self._grad.__deepcopy__(memo)
    return found


def layout_of(self: Any, array: np.ndarray) -> Layout:
    """How a tensor, whose elements are `array`, lies in its memory."""
    return self.storage_offset(), array.shape, tuple(n // array.itemsize for n in array.strides)


def _reduce(self: Any) -> Any:
    if isinstance(raw(self._read()), Tracer):
        raise TypeError("a Tensor inside of to_functional cannot be pickled: it would come back as a constant")
    return over_memory, (Storage(np.array(self._storage.value)), layout_of(self, self._array()), self.requires_grad)


Tensor.__deepcopy__ = _deepcopy
Tensor.__reduce__ = _reduce
