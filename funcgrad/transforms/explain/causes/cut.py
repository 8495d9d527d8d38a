"""C. Cut on purpose; and what is said of cuts of any kind."""

from __future__ import annotations

from funcgrad.transforms.explain.causes.registry import Finding, Reason, cause, cuts_of, ends
from funcgrad.transforms.explain.causes.zero import cancelling, dead
from funcgrad.transforms.explain.evidence import End, Ending, Evidence
from funcgrad.transforms.explain.sources import written
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.wording import cut_sentence, number, times


@ends(29)
def stop_gradient(end: End) -> Reason | None:
    if end.called != "stop_gradient":
        return None
    call = written(end.loc)
    code = call.bare[0] if call is not None and len(call.bare) == 1 else ""
    tail = ", where its derivative is wanted"
    return Reason("it was asked for", f"x itself{tail}", code, tail=tail)


@cause(23, 29, status=Status.CUT)
def every_path(e: Evidence) -> Finding | None:
    """Every path ends: the cuts, in series or beside each other, are all named."""
    if e.live or not e.ends:
        return None
    return Finding(f"{times(e.total)} {cut_sentence(cuts_of(e), e.total)}")


@cause(24, status=Status.PARTLY_CUT)
def some_paths(e: Evidence) -> Finding | None:
    """Some paths end: what the gradient lacks, and what else there is to say of it."""
    if not e.live or not e.ends:
        return None
    cut = e.total - e.live
    misses = ", along which no derivative comes back"
    if any(end.kind is not Ending.FLAT for end in e.ends):
        misses = ", so the gradient misses what " + ("it contributes" if cut == 1 else "they contribute")
    text = f"{number(cut)} of its {number(e.total)} paths to the output {cut_sentence(cuts_of(e), cut, misses)}"
    other = cancelling(e) or dead(e)
    return Finding(text) if other is None else Finding(f"{text} {other.message}", "", other.places)
