"""The end: tensors of which all is well."""

from __future__ import annotations

from funcgrad.transforms.explain.causes.registry import Finding, cause
from funcgrad.transforms.explain.causes.remembered.words import at, pass_of, places
from funcgrad.transforms.explain.causes.zero import FLAT_PARTS
from funcgrad.transforms.explain.evidence import Evidence
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.wording import gradient_summary, lead


@cause(0, status=Status.FLOWS)
def reached(e: Evidence) -> Finding | None:
    """A leaf whose gradient a pass has brought, or would bring."""
    h = e.history
    if h is None or e.gradient is None or h.kind not in ("leaf", "cut_off"):
        return None
    text = f"{lead(e.live)} to the tensor. {gradient_summary(e.gradient)}" if e.live else gradient_summary(e.gradient)
    brought = () if h.predicted else h.passes[:1]
    if brought:
        text = f"{pass_of(brought[0])} brought its gradient. {gradient_summary(e.gradient)}"
    spot = e.arrival.masked if e.arrival is not None else None
    if spot is not None and not e.gradient.all() and e.called(spot.node) in FLAT_PARTS:
        text += f" Where it is zero, `{e.called(spot.node)}`{at(spot.line)} may be flat."
    if h.written is not None:
        text += f" `{h.written.text}`{at(h.written.loc)} has changed it since."
    if h.flat:
        name = h.flat[-1].written or h.flat[-1].called
        text += f" `{name}`{at(h.flat[-1].loc)} beside it moves in steps and adds nothing to it."
    return Finding(text, "", places(*(g.loc for g in brought), *((h.written.loc,) if h.written else ())))
