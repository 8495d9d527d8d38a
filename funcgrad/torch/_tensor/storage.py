"""The memory of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.torch._tensor.views import Step, assign, put


class Storage:
    """The memory that a tensor and its views and detached aliases share.

    What the tape has saved never changes: an array that it may hold is copied before it is written in part, and given
    up when all of it is written anew. After that it is `private`, and writes go into it, until a tensor that is
    recorded reads it. Memory that NumPy sees too (`shared`) is written in place; operations to be recorded copy it
    first. `version` counts writes; `stamp` changes whenever aliases must read again.
    """

    private = False
    shared = False
    stamp = 0
    version = 0

    def __init__(self, value: Any) -> None:
        self.value = value

    def replace(self, value: Any) -> None:
        """Take on new values, in the order in memory that the views expect."""
        old = self.value
        if self.shared:
            np.copyto(old, value)
        elif type(value) is np.ndarray and type(old) is np.ndarray and value.strides != old.strides:
            self.value = np.empty_like(old)
            np.copyto(self.value, value)
            self.private = True
        else:
            self.value = value
            self.private = False
        self.stamp += 1

    def store(self, steps: Sequence[Step], part: Any) -> None:
        """Set what the steps read, in place where nobody else holds the array."""
        if isinstance(self.value, Tracer) or isinstance(part, Tracer):
            self.replace(put(steps, self.value, part))
            return
        if not (self.private or self.shared):
            self.value = np.array(self.value) if steps else np.empty_like(self.value)
            self.private = True
        assign(steps, self.value, part)
        self.stamp += 1

    def lend(self) -> None:
        """Somebody else keeps the array: it is copied before it is written."""
        self.private = False

    def share(self) -> np.ndarray:
        """The memory for NumPy to see: from now on a copy that nobody has saved."""
        if not self.shared:
            if not self.private:
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

    def store(self, steps: Sequence[Step], part: Any) -> None:
        self.of.store(steps, part)

    def lend(self) -> None:
        self.of.lend()

    def share(self) -> np.ndarray:
        return self.of.share()
