"""A run through the stop_gradients of a function: whether what they leave out would change the gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad.core.provenance import Loc
from funcgrad.core.tape import Node
from funcgrad.core.trace import Primitive
from funcgrad.transforms.explain.diagnosis import ROUNDING, flow_back
from funcgrad.transforms.explain.follow import Entry, FollowTrace, LiveTracer

MANY = 8
"""Of more lines than so many each is not asked alone."""


class _Passed(Primitive):
    """A stop_gradient that lets the derivative through."""

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> Sequence[Any]:
        return (ct,)


_PASSED = _Passed("stop_gradient")


class ThroughTrace(FollowTrace):
    """A run in which the user's stop_gradients have a derivative: `stops` has their entries and lines."""

    __slots__ = ("stops",)

    def __init__(self) -> None:
        super().__init__(strict=False, follow=False)
        self.stops: dict[int, Loc | None] = {}

    def process(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        x = args[0] if prim.name == "stop_gradient" else None
        call = self.call() if type(x) is LiveTracer and self.mine(x) else None
        if x is None or call is None or call.name != "stop_gradient":
            return super().process(prim, args, params)
        entry = self.enter(Entry(_PASSED, params, (x.node,), (), call.loc))
        self.stops[entry.seq] = call.loc
        return LiveTracer(self, x.value, entry)


def stops_that_matter(
    trace: ThroughTrace, leaves: Sequence[Node | None], seeds: Sequence[tuple[Node, Any]]
) -> list[frozenset[Loc | None]]:
    """For each leaf the lines of stop_gradients with whose derivative its gradient would be another: not that of the
    largest element in a softmax."""
    lines = list(dict.fromkeys(trace.stops.values()))

    def gradients(opened: Sequence[Loc | None]) -> list[np.ndarray | None]:
        closed = {seq for seq, loc in trace.stops.items() if loc not in opened}
        close: Callable[[Node, Any], Any] = lambda node, ct: (np.zeros_like(ct), None) if node.seq in closed else None
        arrivals = flow_back(seeds, replace=close)
        return [None if leaf is None or leaf.seq not in arrivals else arrivals[leaf.seq].ct for leaf in leaves]

    shut, through = gradients([]), gradients(lines)
    found: list[set[Loc | None]] = [
        set() if _agree(a, b) else set(lines) for a, b in zip(shut, through, strict=True)
    ]
    for line in lines if 1 < len(lines) <= MANY and any(found) else ():
        alone, without = gradients([line]), gradients([each for each in lines if each != line])
        for mattering, a, b, c, d in zip(found, shut, alone, through, without, strict=True):
            if _agree(a, b) and _agree(c, d):
                mattering.discard(line)
    return [frozenset(mattering) for mattering in found]


def _agree(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    """Whether two gradients are the same up to rounding."""
    if a is None or b is None:
        given = b if a is None else a
        return given is None or not given.any()
    scale = max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0))
    return bool(np.isfinite(scale) and (np.abs(a - b) <= ROUNDING**2 * np.finfo(a.dtype).eps * scale).all())
