"""F. Zero for a mathematical reason, or dropped by mistake."""

from __future__ import annotations

from funcgrad.core.provenance import place
from funcgrad.transforms.explain.causes.registry import Finding, cause
from funcgrad.transforms.explain.diagnosis import Spot
from funcgrad.transforms.explain.evidence import Evidence
from funcgrad.transforms.explain.report import short
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.wording import in_order, lead

_FLAT_PARTS = frozenset(("maximum", "minimum", "clip", "fmax", "fmin", "abs"))


@cause(55, status=Status.CANCELS)
def cancelling(e: Evidence) -> Finding | None:
    node = None if e.arrival is None or not e.is_zero else e.arrival.cancelled
    if node is None:
        return None
    start = f"{lead(e.live)} to the output, and their contributions cancel"
    rest = "to first order the output does not change with it"
    if node.prim is None:
        return Finding(f"{start}: {rest}.")
    where = place(node.loc)
    return Finding(f"{start} at the result of `{e.called(node)}` at {short(where)}: {rest}.", "", (where,))


@cause(54, 56, status=Status.ZERO)
def dead(e: Evidence) -> Finding | None:
    if not e.is_zero:
        return None
    start = f"{lead(e.live)} to the output, but the derivative is zero at this value"
    spots = () if e.arrival is None else e.arrival.dead
    if not spots:
        return Finding(f"{start}.")
    named = in_order([_ended(e, spot) for spot in spots[:3]])
    return Finding(f"{start}: it ends in {named}.", "", tuple(place(spot.line) for spot in spots))


def _ended(e: Evidence, spot: Spot) -> str:
    name = e.called(spot.node)
    reason = "its derivative is zero here"
    if name in _FLAT_PARTS:
        reason = "all elements are in its flat part"
    elif name == "where":
        reason = "all elements are in the branch not taken"
    elif name == "mul":
        reason = "the other factor is zero"
    return f"`{name}` at {short(place(spot.line))} ({reason})"
