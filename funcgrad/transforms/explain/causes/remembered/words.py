"""Words that sentences about what a tensor remembers are made of."""

from __future__ import annotations

from collections.abc import Iterable

from funcgrad.core.provenance import Loc, Place, place
from funcgrad.transforms.explain.causes.registry import Finding
from funcgrad.transforms.explain.evidence import Evidence
from funcgrad.transforms.explain.history import Going, History, is_like, kind_of
from funcgrad.transforms.explain.places import short
from funcgrad.transforms.explain.status import Status


def at(loc: Loc | None) -> str:
    """" at f.py:3", or nothing where it is not known."""
    return f" at {short(place(loc))}" if loc is not None else ""


def places(*locs: Loc | None) -> tuple[Place, ...]:
    return tuple(place(loc) for loc in locs if loc is not None)


def pass_of(going: Going) -> str:
    """"`backward()` at f.py:9"."""
    name = going.called if going.called.endswith(")") else f"{going.called}()"
    return f"`{'autograd.' if going.called == 'grad' else ''}{name}`{at(going.loc)}"


def function_of(loc: Loc | None) -> str:
    """The name of a function, by its code."""
    return "a function" if loc is None else loc[0].co_qualname.rpartition("<locals>.")[2]


def variables(found: Iterable[tuple[str, Loc | None]]) -> list[str]:
    return [f"`{name}`{f' ({short(place(loc))})' if loc is not None else ''}" for name, loc in found]


def may_be(h: History) -> str:
    """Numbers that had left, from which it may have been made."""
    last = h.recent[0]
    name = last.written or last.called
    return f"Numbers left by `{name}`{at(last.loc)}: if it was made from them, that is where the derivative ended."


def found_in_the_pass(e: Evidence, status: Status) -> Finding | None:
    """What was found at the end of the pass that brought the gradient, or of the first that brought such a one."""
    h = e.history
    if h is None or e.gradient is None or e.arrival is not None or h.predicted or h.verdict is None:
        return None
    v = h.verdict
    statuses = (Status.NAN, Status.INF) if status in (Status.NAN, Status.INF) else (status,)
    if v.status not in statuses or not is_like(v.kind, kind_of(e.gradient)):
        return None
    brought = f"{pass_of(v.going)} brought it."
    if v.passes > 1:
        what = "not finite" if v.kind in ("nan", "inf") else "zero"
        brought = f"So it was in {pass_of(v.going)}, the first of {v.passes} passes in which it was {what}."
    return v.finding._replace(
        sentence=f"{v.finding.sentence} {brought}", places=(*v.finding.places, *places(v.going.loc))
    )
