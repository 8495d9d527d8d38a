"""I. The end of the function: what is refused, and that all is well."""

from __future__ import annotations

from funcgrad.core.provenance import Place, is_users, place
from funcgrad.transforms.explain.causes.registry import Finding, cause
from funcgrad.transforms.explain.causes.zero import FLAT_PARTS
from funcgrad.transforms.explain.evidence import Evidence
from funcgrad.transforms.explain.report import short
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.wording import gradient_summary, lead


@cause(45, 59, status=Status.REFUSED)
def refused(e: Evidence) -> Finding | None:
    """grad raises, and its error says where and what to write: a callback or a rule without a derivative."""
    return None if e.refused is None else Finding(str(e.refused), "", lines_of(e.refused))


@cause(0, status=Status.FLOWS)
def flows(e: Evidence) -> Finding | None:
    if not e.live or e.gradient is None:
        return None
    text = f"{lead(e.live)} to the output. {gradient_summary(e.gradient)}"
    spot = e.arrival.masked if e.arrival is not None else None
    if spot is None or e.gradient.all() or e.called(spot.node) not in FLAT_PARTS:
        return Finding(text)
    where = place(spot.line)
    return Finding(f"{text} Where it is zero, `{e.called(spot.node)}` at {short(where)} may be flat.", "", (where,))


def lines_of(error: BaseException) -> tuple[Place, ...]:
    """The innermost line of the user's in a traceback."""
    found: tuple[Place, ...] = ()
    tb = error.__traceback__
    while tb is not None:
        if is_users(tb.tb_frame.f_code.co_filename):
            found = (place((tb.tb_frame.f_code, tb.tb_lasti)),)
        tb = tb.tb_next
    return found
