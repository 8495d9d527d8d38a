"""A table that keeps what was used last."""

from __future__ import annotations

import itertools
from typing import Any


class Recent:
    """At most `size` values by key; where there are more, the one that was asked for longest ago goes.

    It needs no lock: each step is one operation of a dict.
    """

    __slots__ = ("clock", "entries", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.entries: dict[Any, list[Any]] = {}
        self.clock = itertools.count()

    def get(self, key: Any) -> Any:
        entry = self.entries.get(key)
        if entry is None:
            return None
        entry[1] = next(self.clock)
        return entry[0]

    def setdefault(self, key: Any, value: Any) -> Any:
        """Keep a value, unless there is one already; returns the one that is kept."""
        kept = self.entries.setdefault(key, [value, next(self.clock)])[0]
        while len(self.entries) > self.size:
            oldest = min(list(self.entries.items()), key=lambda item: item[1][1])[0]
            self.entries.pop(oldest, None)
        return kept

    def __setitem__(self, key: Any, value: Any) -> None:
        self.entries.pop(key, None)
        self.setdefault(key, value)

    def pop(self, key: Any) -> Any:
        entry = self.entries.pop(key, None)
        return None if entry is None else entry[0]

    def __len__(self) -> int:
        return len(self.entries)

    def clear(self) -> None:
        self.entries.clear()
