"""The memory of tensors."""

from __future__ import annotations

from typing import Any

import numpy as np


class Storage:
    """The memory that a tensor and its views and detached aliases share.

    Writing replaces `value` by a new array, so what the tape has saved never changes. Only memory that NumPy
    sees too (`shared`) is written in place; operations to be recorded copy it first. `version` counts writes;
    `stamp` changes whenever aliases must read again.
    """

    shared = False
    stamp = 0
    version = 0

    def __init__(self, value: Any) -> None:
        self.value = value

    def replace(self, value: Any) -> None:
        if self.shared:
            np.copyto(self.value, value)
        else:
            self.value = value
        self.stamp += 1

    def share(self) -> np.ndarray:
        """The memory for NumPy to see: from now on a copy that nobody has saved."""
        if not self.shared:
            self.value = np.array(self.value)
            self.shared = True
            self.stamp += 1
        return self.value


class Unwatched(Storage):
    """The storage behind `.data`: the same memory with a version of its own."""

    shared = property(lambda self: self.of.shared)
    stamp = property(lambda self: self.of.stamp)
    value = property(lambda self: self.of.value)

    def __init__(self, of: Storage) -> None:
        self.of: Storage = of.of if isinstance(of, Unwatched) else of
        self.version = of.version

    def replace(self, value: Any) -> None:
        self.of.replace(value)

    def share(self) -> np.ndarray:
        return self.of.share()
