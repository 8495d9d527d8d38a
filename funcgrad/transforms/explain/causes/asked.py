"""A. Never asked to be differentiated."""

from __future__ import annotations

from funcgrad.core.provenance import place
from funcgrad.transforms.explain.causes.registry import Finding, cause
from funcgrad.transforms.explain.evidence import Evidence
from funcgrad.transforms.explain.report import short
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.wording import in_order

_NOTHING = "The output does not depend on it."


@cause(5, 9, status=Status.NOT_DIFFERENTIABLE)
def no_float(e: Evidence) -> Finding | None:
    if e.is_differentiable or e.history is not None:
        return None
    if not e.is_number:
        kind = type(e.value).__name__
        return Finding(
            f"It is a {kind}, which is not a number, so grad refuses it. "
            "Close over it, or pass it as another argument that argnums does not name."
        )
    dtype = e.dtype
    what = "a bool" if dtype.kind == "b" else "an integer"
    instead = f"{float(e.value)}" if type(e.value) in (int, bool) else "x.astype(float)"
    return Finding(
        f"It has dtype {dtype}, and {what} has no derivative, so grad refuses it. "
        f"Write a float ({instead}), or pass it as another argument that argnums does not name."
    )


@cause(7, status=Status.UNUSED)
def read_from_outside(e: Evidence) -> Finding | None:
    found = None if e.total or e.around is None else e.around.same_array()
    if found is None:
        return None
    name, where = found
    return Finding(
        f"{_NOTHING} The function reads `{name}`, the same array, from outside at {short(where)}: use the argument "
        "there instead."
    )


@cause(6, 57, 60, status=Status.UNUSED)
def no_path(e: Evidence) -> Finding | None:
    if e.total or e.around is None:
        return None
    hints = [_NOTHING]
    used = e.around.used_instead()
    if used:
        hints.append(f"What it depends on is {in_order(used)}: does argnums name the right argument?")
    last = e.around.dropped()
    if last is not None:
        where = short(place(last.loc))
        hints.append(f"The result of `{e.called(last)}` at {where} comes from it, and is not used.")
    elif not used:
        hints.append("No operation was applied to it.")
    return Finding(" ".join(hints))
