"""Huber's loss, and the smooth one beside it. Both are inf for a negative `delta`, and have no derivative there."""

from __future__ import annotations

import math
from typing import Any

from funcgrad.ops import elementwise as ew
from funcgrad.ops.elementwise import sign, where
from funcgrad.ops.families.elementwise import Elementwise, elementwise
from funcgrad.ops.special import Scipys, in_floats


def _d_huber_delta(y: Any, delta: Any, r: Any) -> Any:
    size = ew.abs(r)
    return where(delta < 0, math.nan, where(size <= delta, 0.0, size - delta))


def _d_huber_r(y: Any, delta: Any, r: Any) -> Any:
    return where(delta < 0, math.nan, where(ew.abs(r) <= delta, r, delta * sign(r)))


def _sides(delta: Any, r: Any) -> tuple[Any, Any]:
    """The hypotenuse h over `delta` and `r`, and delta; with 1 for delta where h would be 0 or delta is negative."""
    delta = where((delta < 0) | ((delta == 0) & (r == 0)), 1.0, delta)
    return ew.hypot(delta, r), delta


def _d_pseudo_huber_delta(y: Any, delta: Any, r: Any) -> Any:
    """(h - delta)**2 / h, where h - delta is r**2 / (h + delta)."""
    h, safe = _sides(delta, r)
    beyond = r * (r / (h + safe))
    return where(delta < 0, math.nan, beyond * (beyond / h))


def _d_pseudo_huber_r(y: Any, delta: Any, r: Any) -> Any:
    _, safe = _sides(delta, r)
    return where(delta < 0, math.nan, delta * ew.cosine(r, safe))


huber: Elementwise = elementwise("huber", Scipys("huber"), d=(in_floats(_d_huber_delta), in_floats(_d_huber_r)))
pseudo_huber: Elementwise = elementwise(
    "pseudo_huber", Scipys("pseudo_huber"), d=(in_floats(_d_pseudo_huber_delta), in_floats(_d_pseudo_huber_r))
)
