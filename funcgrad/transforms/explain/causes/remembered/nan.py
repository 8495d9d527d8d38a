"""G. NaN or infinite, where the pass is over."""

from __future__ import annotations

import numpy as np

from funcgrad.transforms.explain.causes.registry import Finding, cause
from funcgrad.transforms.explain.causes.remembered.words import at, found_in_the_pass, pass_of, places
from funcgrad.transforms.explain.evidence import Evidence
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.wording import in_order


@cause(61, 62, 63, 65, status=Status.NAN)
def nan_after_the_pass(e: Evidence) -> Finding | None:
    return None if e.gradient is None or not np.isnan(e.gradient).any() else _after_the_pass(e, "NaN")


@cause(62, 65, status=Status.INF)
def infinite_after_the_pass(e: Evidence) -> Finding | None:
    return None if e.is_finite else _after_the_pass(e, "infinite")


def _after_the_pass(e: Evidence, kind: str) -> Finding | None:
    """What was found at the end of the pass; or where the graph is gone, who may have been it."""
    found = found_in_the_pass(e, Status.NAN if kind == "NaN" else Status.INF)
    if found is not None:
        return found
    h = e.history
    if h is None or e.arrival is not None or h.predicted:
        return None
    brought = f"{pass_of(h.passes[0])} brought it, and it is {kind}" if h.passes else f"It is {kind}"
    where = (*(g.loc for g in h.passes[:1]), *(loc for _, loc in h.suspects))
    if h.compiled:
        text = f"{brought}. A compiled program keeps no graph: the same step uncompiled tells which operation it is."
        return Finding(text, "", places(*where))
    may = ""
    if h.suspects:
        named = in_order([f"`{name}`{at(loc)}" for name, loc in h.suspects])
        may = f" It may be the derivative of {named}, at a point where that is not finite."
    return Finding(
        f"{brought}.{may} torch.explain(loss) before backward() tells which operation and which element.",
        "",
        places(*where),
    )
