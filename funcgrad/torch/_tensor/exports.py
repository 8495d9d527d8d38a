"""Memory that NumPy sees, and what is remembered of it."""

from __future__ import annotations

import weakref

import numpy as np

from funcgrad.torch._record.story import PastCut


class Exports:
    """Which cuts the memory handed to NumPy carries, so that `from_numpy` of it remembers them."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[weakref.ref, tuple[PastCut, ...]]] = {}

    def remember(self, memory: np.ndarray, cuts: tuple[PastCut, ...]) -> None:
        key = id(memory)
        self.known[key] = weakref.ref(memory, lambda _: self.known.pop(key, None)), cuts

    def cuts_of(self, array: np.ndarray) -> tuple[PastCut, ...]:
        while isinstance(array.base, np.ndarray):
            array = array.base
        found = self.known.get(id(array))
        return found[1] if found is not None and found[0]() is array else ()


exports = Exports()
