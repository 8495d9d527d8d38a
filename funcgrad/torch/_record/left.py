"""Python's numbers that tensors gave away, so that one that comes back unchanged is known."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from funcgrad.torch._record.story import CUTS_KEPT, Cuts, cut, cut_again, joined
from funcgrad.torch._record.tape import on_tape

KEPT = 64
"""How many numbers are remembered, and how many of those that come are looked at."""
OF_A_LIST = 4
"""How many numbers of a list are remembered: its first."""


class Left:
    """Floats that left, the last ones: each is another object, so a number that comes back is known by identity.

    A number that was computed from one is not: `recent` are the cuts of the last that left, from which it may be.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[int, tuple[Any, Cuts]] = OrderedDict()
        self.recent: Cuts = ()

    def note(self, op: str, tensor: Any) -> Cuts:
        """The cuts of numbers that leave here; () where they have no derivative to lose."""
        value = tensor._read()
        if on_tape(value):
            return cut(op, value, tensor._cuts)
        return cut_again(op, tensor._cuts) if tensor._cuts and value.dtype.kind in "fc" else ()

    def remember(self, cuts: Cuts, numbers: Any) -> None:
        """Numbers that left with these cuts: one, or nested lists of which the first elements are remembered."""
        if not cuts:
            return
        self.recent = (cuts[0], *self.recent[: CUTS_KEPT - 1])
        while type(numbers) is list and numbers and type(numbers[0]) is list:
            numbers = numbers[0]
        for x in numbers[:OF_A_LIST] if type(numbers) is list else (numbers,):
            if type(x) is float or type(x) is complex:
                self._known[id(x)] = x, cuts
        while len(self._known) > KEPT:
            self._known.popitem(last=False)

    def cuts_of(self, data: Any) -> Cuts:
        """The cuts of Python's data: of the numbers among its first elements that had left."""
        found: Cuts = ()
        if not self._known:
            return found
        while type(data) in (list, tuple) and data and type(data[0]) in (list, tuple):
            data = data[0]
        for x in data[:KEPT] if type(data) in (list, tuple) else (data,):
            known = self._known.get(id(x))
            if known is not None:
                found = joined(found, known[1])
        return cut_again("tensor", found) if found else found


left = Left()
