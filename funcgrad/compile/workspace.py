"""Memory that the kernels and NumPy calls of a program write into, kept from call to call.

Fresh memory costs more than most of what is written into it: 256 kB are given back to the system when they are freed,
and cost 64 page faults, some 40 us, at the next call.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from funcgrad.core.avals import Aval

LARGEST = 64 << 20
"""Bytes that are kept for one program. What is beyond that NumPy allocates."""


class Workspace:
    """Arrays of one program for values that do not leave it; those of different times share memory.

    A call borrows them all. One that runs meanwhile, in another thread or within a callback, gets its own; one that
    raises gives nothing back.
    """

    def __init__(self) -> None:
        self._sizes: list[int] = []
        self._free: list[int] = []
        self._arrays: list[tuple[int, Aval]] = []
        self._kept: list[Sequence[np.ndarray]] = []

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(self._sizes)

    def plan(self, aval: Aval) -> int | None:
        """One more array, in memory that is free by now: its block's number. None where that would be too much."""
        size = aval.size * aval.dtype.itemsize
        # the smallest block that is large enough, or the largest of those that are not
        block = min(self._free, key=lambda b: (self._sizes[b] < size, abs(self._sizes[b] - size)), default=None)
        more = size if block is None else max(0, size - self._sizes[block])
        if self.size + more > LARGEST:
            return None
        if block is None:
            block = len(self._sizes)
            self._sizes.append(0)
        else:
            self._free.remove(block)
        self._sizes[block] += more
        self._arrays.append((block, aval))
        return block

    def free(self, block: int) -> None:
        """Let the arrays planned from now on have a block."""
        self._free.append(block)

    def borrow(self) -> Sequence[np.ndarray]:
        """The arrays, in the order in which they were planned, with whatever the last call has left in them."""
        try:
            return self._kept.pop()
        except IndexError:
            blocks = [np.empty(size, np.uint8) for size in self._sizes]
            return [np.ndarray(aval.shape, aval.dtype, blocks[block]) for block, aval in self._arrays]

    def give_back(self, arrays: Sequence[np.ndarray]) -> None:
        self._kept[:] = (arrays,)
