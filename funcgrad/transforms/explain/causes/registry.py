"""The rows of the catalogue of causes, each a function; the first that applies to the evidence is the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from funcgrad.core.provenance import Place, place
from funcgrad.transforms.explain.evidence import End, Evidence, Whole
from funcgrad.transforms.explain.report import Cut, Fix, Leaf
from funcgrad.transforms.explain.sources import fitting, joins_truths
from funcgrad.transforms.explain.status import ORDER, Status
from funcgrad.transforms.explain.straight import without_largest, without_straight_through

Row = int | str
"""A row of the catalogue: 24, "59a". Row 0 is that nothing is wrong."""


class Finding(NamedTuple):
    """What a cause says: a sentence or more, what to write instead, and the lines it names besides those of cuts.

    `remedy` is prose, `repair` code; where there is code the message quotes that.
    """

    sentence: str
    remedy: str = ""
    places: tuple[Place, ...] = ()
    repair: tuple[Fix, ...] = ()

    @property
    def message(self) -> str:
        remedy = " and ".join(f"`{fix.code}`" for fix in self.repair) or self.remedy
        return f"{self.sentence} Instead: {remedy}." if remedy else self.sentence


class Reason(NamedTuple):
    """Why a derivative ends at an `End`, and what to write instead, in words and as code.

    The code goes in place of the user's expression there, or of what stands at `span`; `tail` is said behind it. `op`
    replaces the name of the operation.
    """

    why: str
    remedy: str
    code: str = ""
    span: Place | None = None
    op: str = ""
    tail: str = ""


class Cause(NamedTuple):
    rows: tuple[Row, ...]
    status: Status
    answer: Callable[[Evidence], Finding | None]


class Ends(NamedTuple):
    rows: tuple[Row, ...]
    reason: Callable[[End], Reason | None]


class Remark(NamedTuple):
    rows: tuple[Row, ...]
    text: Callable[[Whole], str | None]


CAUSES: list[Cause] = []
REMARKS: list[Remark] = []
ENDS: list[Ends] = []


def _is_remembered(fun: Callable[..., Any]) -> bool:
    return ".remembered." in fun.__module__


def cause(*rows: Row, status: Status) -> Callable[[Callable[[Evidence], Finding | None]], Callable]:
    """Register what finds the cause of these rows in the evidence on a leaf."""

    def register(fun: Callable[[Evidence], Finding | None]) -> Callable[[Evidence], Finding | None]:
        CAUSES.append(Cause(rows, status, fun))
        # stable: within a status, what tensors remember, then in the order they are written
        CAUSES.sort(key=lambda c: (ORDER[c.status], not _is_remembered(c.answer)))
        return fun

    return register


def ends(*rows: Row) -> Callable[[Callable[[End], Reason | None]], Callable]:
    """Register what knows the reason of these rows, why a derivative ends at an operation."""

    def register(fun: Callable[[End], Reason | None]) -> Callable[[End], Reason | None]:
        ENDS.append(Ends(rows, fun))
        ENDS.sort(key=lambda row: not _is_remembered(row.reason))
        return fun

    return register


def remark(*rows: Row) -> Callable[[Callable[[Whole], str | None]], Callable]:
    """Register what is to be said of a run as a whole, for these rows."""

    def register(fun: Callable[[Whole], str | None]) -> Callable[[Whole], str | None]:
        REMARKS.append(Remark(rows, fun))
        return fun

    return register


def remarks_on(whole: Whole) -> list[str]:
    return [text for row in REMARKS if (text := row.text(whole)) is not None]


def cuts_of(e: Evidence) -> tuple[Cut, ...]:
    """The cuts on a leaf's paths, each operation of a line once."""
    return tuple(dict.fromkeys(map(cut_of, e.ends)))


def cut_of(end: End) -> Cut:
    for row in ENDS:
        reason = row.reason(end)
        if reason is not None:
            where = place(end.loc)
            span = reason.span or where
            code = "" if end.again or joins_truths(span) else reason.code
            fix = fitting(span, code) if code and span.col is not None else None
            remedy = f"`{fix.code if fix else code}`{reason.tail}" if code else reason.remedy
            return Cut(reason.op or end.called, where, reason.why, remedy, fix, end.again, row.reason.__name__)
    raise AssertionError(f"no cause says why a derivative ends at {end}")


def finding_of(e: Evidence) -> tuple[Cause, Finding]:
    """The first cause that applies, and what it says."""
    for row in CAUSES:
        finding = row.answer(e)
        if finding is not None:
            return row, finding
    raise AssertionError(f"no cause answers for {e.path}")


def answer(e: Evidence) -> Leaf:
    """What a report says of a leaf: the finding of the first cause that applies."""
    without_straight_through(e)
    without_largest(e)
    row, finding = finding_of(e)
    return Leaf(
        e.path,
        row.status.value,
        finding.message,
        cuts_of(e),
        e.total,
        e.total - e.live,
        e.gradient,
        finding.places,
        row.answer.__name__,
        finding.repair,
    )
