"""Views: parts of a tensor's memory, read and put back by steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from funcgrad.core.tape import TapeTracer
from funcgrad.core.trace import Tracer
from funcgrad.ops.index import scatter_set
from funcgrad.ops.structure import reshape, transpose
from funcgrad.ops.subscript import getitem, update

if TYPE_CHECKING:
    from funcgrad.torch._tensor.tensor import Tensor

Step = Callable[[Any], Any]


class View:
    """How a tensor is read from its storage, and from the tensor whose gradient it shares (None after
    detach).

    `blocked` is the error for writing through it while operations are recorded. `version` is the storage's
    version when its entry was made: after a write there is a new one.
    """

    __slots__ = ("base", "blocked", "overlapping", "steps", "storage_steps", "version")

    def __init__(self, storage_steps: tuple[Step, ...], base: Tensor | None, steps: tuple[Step, ...]) -> None:
        self.storage_steps = storage_steps
        self.base = base
        self.steps = steps
        self.blocked: str | None = None
        self.overlapping = False
        self.version = 0


class Part:
    """The step `x[index]` for a basic index. Of an array it is a view, also where it is one element."""

    __slots__ = ("index", "of_array")

    def __init__(self, index: Any) -> None:
        self.index = index
        entries = index if type(index) is tuple else (index,)
        self.of_array = entries if Ellipsis in entries else (*entries, Ellipsis)

    def __call__(self, value: Any) -> Any:
        return value[self.of_array] if type(value) is np.ndarray else getitem(value, self.index)


class Elements:
    """The step `x[index]` where index arrays are among the entries: a copy, to be written only."""

    __slots__ = ("index",)

    def __init__(self, index: Any) -> None:
        self.index = index

    def __call__(self, value: Any) -> Any:
        return getitem(value, self.index)


class Diagonal:
    """The step to the diagonal along two axes, which becomes the last one."""

    __slots__ = ("axes", "offset")

    def __init__(self, offset: int, i: int, j: int) -> None:
        self.offset = offset
        self.axes = i, j

    def __call__(self, value: Any) -> Any:
        if type(value) is np.ndarray:
            found = value.diagonal(self.offset, *self.axes)
            found.flags.writeable = value.flags.writeable
            return found
        i, j = self.axes
        rows, columns = value.shape[i], value.shape[j]
        places = np.arange(rows * columns).reshape(rows, columns).diagonal(self.offset)
        others = tuple(a for a in range(len(value.shape)) if a not in (i, j))
        return getitem(transpose(value, axes=(*others, i, j)), (..., *np.divmod(places, columns or 1)))


def through(steps: Sequence[Step], value: Any) -> Any:
    """What the steps read. Steps that change nothing make an entry too: a note on it is not one on the operand's."""
    found = value
    for step in steps:
        found = step(found)
    return apart(found, value)


def apart(found: Any, operand: Any) -> Any:
    """A result with an entry of its own, where an operation has handed its operand through."""
    if type(found) is TapeTracer and type(operand) is TapeTracer and found.node is operand.node:
        return reshape(found, shape=found.shape)
    return found


def assign(steps: Sequence[Step], whole: np.ndarray, part: Any) -> None:
    """Write a part of an array in place."""
    if steps and type(steps[-1]) is Elements:
        through(steps[:-1], whole)[steps[-1].index] = part
        return
    place = through(steps, whole)
    if place.flags.writeable and (np.may_share_memory(place, whole) or not place.size):
        place[...] = part
        return
    places = through(steps, np.arange(whole.size).reshape(whole.shape))
    whole[np.unravel_index(places, whole.shape)] = part


def put(steps: Sequence[Step], whole: Any, part: Any) -> Any:
    """A copy of `whole` in which what the steps read is `part`."""
    if not steps:
        return part
    if type(whole) is np.ndarray and not isinstance(part, Tracer):
        fresh = np.array(whole)
        assign(steps, fresh, part)
        return fresh
    first = steps[0]
    if type(first) is Part:
        return update(whole, first.index, put(steps[1:], first(whole), part) if len(steps) > 1 else part, "set")
    places = through(steps, np.arange(whole.size).reshape(whole.shape))
    flat = scatter_set(reshape(whole, shape=(whole.size,)), reshape(part, shape=(part.size,)), places.reshape(-1))
    return reshape(flat, shape=whole.shape)
