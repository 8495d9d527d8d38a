"""F. Zero for a mathematical reason, or dropped by mistake."""

from __future__ import annotations

from funcgrad.core.provenance import Loc, place
from funcgrad.transforms.explain.causes.registry import Finding, cause
from funcgrad.transforms.explain.causes.words import at, pass_of, places
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


_OF_MARKS = {
    "zero": "`{0}`{1} replaced a gradient by zeros in that pass",
    "none": "`{0}`{1} returned None for an input that needs a gradient",
    "given": "the gradient that the pass was given{1} is all zero",
}


@cause(54, 56, 59, status=Status.ZERO)
def after_the_pass(e: Evidence) -> Finding | None:
    """A gradient of zeros, where the graph is gone or may not be run again: who may have been it."""
    h = e.history
    if h is None or not e.is_zero or e.arrival is not None or h.kind == "computed":
        return None
    brought = f"{pass_of(h.passes[0])} brought it, and it is zero" if h.passes else "It is zero"
    marks = [(kind, loc) for kind, loc in h.marks if kind in _OF_MARKS]
    where = (*(g.loc for g in h.passes[:1]), *(loc for _, loc in marks), *(loc for _, loc in h.suspects))
    if marks:
        named = in_order([_OF_MARKS[kind].format(_function(loc), at(loc)) for kind, loc in marks[:3]])
        return Finding(f"{brought}: {named}.", "", places(*where))
    ask = "torch.explain(loss) before backward(), or loss.backward(retain_graph=True), tells which operation it is."
    if h.suspects:
        named = in_order([f"`{name}`{at(loc)}" for name, loc in h.suspects])
        return Finding(
            f"{brought} in every element. It may be {named}, where all elements are in a flat part: the pass has let "
            f"go of what would tell. {ask}",
            "",
            places(*where),
        )
    return Finding(f"{brought} in every element. {ask}", "", places(*where))


def _function(loc: Loc | None) -> str:
    return "a function" if loc is None else loc[0].co_qualname.rpartition(".<locals>.")[2]


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
