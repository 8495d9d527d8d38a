"""E. The operation carries no derivative."""

from __future__ import annotations

from funcgrad.transforms.explain.causes.registry import Reason, ends
from funcgrad.transforms.explain.evidence import End, Ending


@ends(46)
def cast(end: End) -> Reason | None:
    if end.kind is not Ending.FLAT or end.prim is None or end.prim.name != "convert":
        return None
    return Reason(f"it casts to {end.dtype}, and {end.prim.flat}", end.prim.remedy or "a floating-point dtype")


@ends(47, 48, 49, 50, 51, 53)
def flat(end: End) -> Reason | None:
    """Operations that say themselves why they have no derivative."""
    if end.kind is not Ending.FLAT:
        return None
    why = end.prim.flat if end.prim is not None else None
    remedy = end.prim.remedy if end.prim is not None else None
    return Reason(
        why or f"`{end.called}` has no derivative", remedy or "an operation that has a derivative"
    )
