"""F. Zero, where the pass is over."""

from __future__ import annotations

from funcgrad.transforms.explain.causes.registry import Finding, cause
from funcgrad.transforms.explain.causes.remembered.words import at, found_in_the_pass, function_of, pass_of, places
from funcgrad.transforms.explain.evidence import Evidence
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.wording import in_order

_OF_MARKS = {
    "zero": "`{0}`{1} replaced a gradient by zeros in that pass",
    "none": "`{0}`{1} returned None for an input that needs a gradient",
    "given": "the gradient that the pass was given{1} is all zero",
}


@cause(55, status=Status.CANCELS)
def cancelled_in_the_pass(e: Evidence) -> Finding | None:
    return found_in_the_pass(e, Status.CANCELS)


@cause(54, 56, status=Status.ZERO)
def dead_in_the_pass(e: Evidence) -> Finding | None:
    return found_in_the_pass(e, Status.ZERO)


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
        named = in_order([_OF_MARKS[kind].format(function_of(loc), at(loc)) for kind, loc in marks[:3]])
        return Finding(f"{brought}: {named}.", "", places(*where))
    if h.compiled:
        text = f"{brought} in every element. A compiled program keeps no graph: the same step uncompiled tells which."
        return Finding(text, "", places(*where))
    ask = "torch.explain(loss), before loss.backward() or where that keeps the graph, tells which operation it is."
    if h.suspects:
        named = in_order([f"`{name}`{at(loc)}" for name, loc in h.suspects])
        return Finding(
            f"{brought} in every element. It may be {named}, if all elements are in a flat part there, or a factor of "
            f"zero: the pass has let go of what would tell. {ask}",
            "",
            places(*where),
        )
    return Finding(f"{brought} in every element. {ask}", "", places(*where))
