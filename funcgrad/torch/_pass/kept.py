"""What a pass keeps to its end: why a gradient came out zero or not finite is asked then, and not on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.tape import Node
from funcgrad.torch._record.tape import raw

SMALL, INFINITE = 1e-12, float("inf")
"""Of the sum of squares: what is below may be what is left of contributions that cancel."""


class Kept:
    """Saved values that the pass has freed, and what the user's own code gave, which is not run again.

    By `seq`, `saved` are those values, `handed` what rules of the user's and hooks behind operations handed on,
    `replaced` what hooks made of a cotangent, and `inside` what became of cotangents in a call that was made again.
    `spoilt` are the leaves whose gradient is zero or not finite, with it; `sound` says that there are others.
    """

    __slots__ = ("handed", "inside", "replaced", "saved", "seeds", "sound", "spoilt")

    def __init__(self) -> None:
        self.seeds: tuple[tuple[Node, Any], ...] = ()
        self.saved: dict[int, Any] = {}
        self.handed: dict[int, Sequence[Any]] = {}
        self.inside: dict[int, dict[int, Any]] = {}
        self.replaced: dict[int, Any] = {}
        self.sound = False
        self.spoilt: list[tuple[Node, Any]] = []

    def saved_by(self, node: Node) -> Any:
        return self.saved.get(node.seq, node.saved)


def is_spoilt(ct: Any) -> bool:
    """Whether all of a gradient is zero or nearly so, or some of it is not finite. (0.5 us: one scalar product.)"""
    if type(ct) is np.ndarray:
        flat = ct.ravel()
        try:
            if SMALL < flat.dot(flat) < INFINITE:
                return False
        except TypeError:  # a complex number is not less than another
            pass
    ct = raw(ct)
    if not isinstance(ct, (np.ndarray, np.generic)) or not ct.size:
        return False
    return not bool(np.isfinite(ct).all() and np.square(np.abs(ct)).sum() > SMALL)
