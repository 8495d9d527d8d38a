"""G. NaN or infinite."""

from __future__ import annotations

import numpy as np

from funcgrad.core.provenance import place
from funcgrad.transforms.explain.causes.registry import Finding, cause
from funcgrad.transforms.explain.causes.words import at, pass_of, places
from funcgrad.transforms.explain.evidence import Evidence
from funcgrad.transforms.explain.report import short
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.wording import in_order


@cause(61, 62, 63, 65, status=Status.NAN)
def nan_after_the_pass(e: Evidence) -> Finding | None:
    return None if e.gradient is None or not np.isnan(e.gradient).any() else _after_the_pass(e, "NaN")


@cause(62, 65, status=Status.INF)
def infinite_after_the_pass(e: Evidence) -> Finding | None:
    return None if e.is_finite else _after_the_pass(e, "infinite")


def _after_the_pass(e: Evidence, kind: str) -> Finding | None:
    """Where the graph is gone: who may have been it."""
    h = e.history
    if h is None or e.arrival is not None or h.predicted:
        return None
    brought = f"{pass_of(h.passes[0])} brought it, and it is {kind}" if h.passes else f"It is {kind}"
    where = (*(g.loc for g in h.passes[:1]), *(loc for _, loc in h.suspects))
    may = ""
    if h.suspects:
        named = in_order([f"`{name}`{at(loc)}" for name, loc in h.suspects])
        may = f" It may be the derivative of {named}, at a point where that is not finite."
    return Finding(
        f"{brought}.{may} torch.explain(loss) before backward() tells which operation and which element.",
        "",
        places(*where),
    )


@cause(61, 62, 63, 64, 65, 66, status=Status.NAN)
def not_a_number(e: Evidence) -> Finding | None:
    return None if e.gradient is None or not np.isnan(e.gradient).any() else _not_finite(e, "NaN")


@cause(62, 65, status=Status.INF)
def infinite(e: Evidence) -> Finding | None:
    return None if e.is_finite else _not_finite(e, "infinite")


def _not_finite(e: Evidence, kind: str) -> Finding:
    if e.born is not None:
        spot, value = e.born
        name, where = e.called(spot.node), place(spot.line)
        value = "NaN" if value == "nan" else "infinite"
        return Finding(
            f"The gradient is {kind} because the value is: it became {value} in `{name}` at {short(where)}. "
            f"Keep the argument of `{name}` away from where it is {value}.",
            "",
            (where,),
        )
    if e.arrival is None or e.arrival.fault is None:
        return Finding(f"The gradient is {kind}.")
    fault = e.arrival.fault
    name, where = e.called(fault.spot.node), place(fault.spot.line)
    element = f", element {', '.join(map(str, fault.element))}" if fault.element else ""
    start = f"The gradient is {kind}: it became so in the derivative of `{name}` at {short(where)}{element}"
    if fault.masked is None:
        remedy = "Keep its argument away from that point, for example by adding a small constant."
        return Finding(f"{start}. {remedy}", "", (where,))
    mask = place(fault.masked.line)
    return Finding(
        f"{start}, which `{e.called(fault.masked.node)}` at {short(mask)} throws away; but 0 * inf is NaN. "
        f"Guard the input: `{name}(where(condition, x, 1))`, so that it is never evaluated there.",
        "",
        (where, mask),
    )
