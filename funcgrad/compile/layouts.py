"""The order in which inner memory has its dimensions: what is read and set side by side stands side by side.

Arguments, results and constants lie in memory as NumPy has them. What only a kernel sees lies as its loops go through
it: of its dimensions that one is the last along which most of its elements are read and set in the lanes of a loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import prod

from funcgrad.compile.nest import For, read_in
from funcgrad.compile.scalars import Affine, Axis, Place
from funcgrad.compile.statements import Buffer, Write


def arrange(root: For, buffers: Iterable[Buffer]) -> bool:
    """Choose the last dimensions of buffers whose loops have lanes already; whether there was one to change."""
    traffic: dict[Buffer, dict[int, int]] = {b: {} for b in buffers if b.place == "scratch" and len(b.shape) > 1}
    for item in root.items:
        if isinstance(item, For) and item.ordered:
            for buffer in read_in(item) | item.writes.keys():
                traffic.pop(buffer, None)
    for write in root.statements():
        for x in write.loads():
            if x.data.flat:
                traffic.pop(x.data.buffer, None)
    for write in root.statements():
        lane = _lane(write)
        for buffer, index, axes in _accesses(write):
            if buffer in traffic and lane in axes:
                for d, place in enumerate(index):
                    if isinstance(place, Affine) and place.step(lane) == 1 and d not in buffer.dropped:
                        points = prod([a.size for a in axes])
                        traffic[buffer][d] = traffic[buffer].get(d, 0) + points
    changed = False
    for buffer, found in traffic.items():
        last = max(found, key=lambda d: (found[d], d), default=buffer.order[-1])
        if found and last != next(d for d in reversed(buffer.order) if d not in buffer.dropped):
            buffer.order = (*(d for d in buffer.order if d != last), last)
            changed = True
    return changed


def _lane(write: Write) -> Axis | None:
    """The axis along which a statement goes through memory: the innermost, unless all in that loop is folded."""
    inner = write.path[-1]
    if any(isinstance(item, Write) and item.fold is None for item in inner.items):
        return inner.axis
    return next((s.axis for s in write.path if s.lanes > 1), inner.axis)


def _accesses(write: Write) -> Iterator[tuple[Buffer, Sequence[Place | None], list[Axis]]]:
    """What a statement reads and sets, and the loops in which it does."""
    loops = [s.axis for s in write.path[1:]]
    for x in write.loads():
        depth = max([k for k, axis in enumerate(loops, 1) if axis in x.axes], default=0)
        yield x.data.buffer, x.data.places, loops[:depth]
    for index, _ in write.parts:
        yield write.buffer, index, [axis for axis in loops if axis not in write.over]
