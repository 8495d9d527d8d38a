"""A report as lines of text, for a terminal of any width, a pipe, and the text part of HTML."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from funcgrad.core.provenance import Place
from funcgrad.transforms.explain.places import short

if TYPE_CHECKING:
    from funcgrad.transforms.explain.report import Leaf, Report

WIDTH = 79
"""Where the output is no terminal."""
WIDEST, NARROWEST = 120, 40
SHOWN = 4
"""How many source lines the text shows of one leaf; `Leaf.cuts` and `Leaf.places` have all."""
_GOOD = frozenset(("flows", "accumulated"))
_BAD = frozenset(("cut", "nan", "inf", "refused", "modified"))
_CODES = {"title": "1", "path": "1", "good": "32", "bad": "31", "doubtful": "33", "caret": "31"}


class Piece(NamedTuple):
    """A part of a line, and what it is: "title", "path", "good", "bad", "doubtful", "caret", or "" for plain text."""

    text: str
    kind: str = ""


Line = list[Piece]


def kind_of(status: str) -> str:
    """Whether a status is "good", "bad" or "doubtful"."""
    return "good" if status in _GOOD else "bad" if status in _BAD else "doubtful"


def width_of_output() -> int:
    """The width of the terminal that standard output is; `WIDTH` where it is none."""
    if not _is_terminal():
        return WIDTH
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size((WIDTH + 1, 24)).columns - 1))


def output_has_colour() -> bool:
    """Whether standard output is a terminal that shows colours, and NO_COLOR (https://no-color.org) is not set."""
    return _is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _is_terminal() -> bool:
    try:
        return sys.stdout is not None and sys.stdout.isatty()
    except ValueError:  # closed
        return False


def rendered(lines: Iterator[Line], colour: bool) -> str:
    if not colour:
        return "\n".join("".join(piece.text for piece in line) for line in lines)
    return "\n".join("".join(_coloured(piece) for piece in line) for line in lines)


def _coloured(piece: Piece) -> str:
    return f"\x1b[{_CODES[piece.kind]}m{piece.text}\x1b[0m" if piece.kind else piece.text


def as_html(lines: Iterator[Line]) -> str:
    return "\n".join("".join(_marked(piece) for piece in line) for line in lines)


def _marked(piece: Piece) -> str:
    return f'<span class="{piece.kind}">{escape(piece.text)}</span>' if piece.kind else escape(piece.text)


def heading(report: Report) -> str:
    counts = Counter(leaf.status for leaf in report.leaves)
    return f"{report.title}: " + (", ".join(f"{n} {status}" for status, n in counts.items()) or "no leaves")


def lines_of(report: Report, width: int) -> Iterator[Line]:
    for text in _wrapped(heading(report), width):
        yield [Piece(text, "title")]
    for note in report.notes:
        for text in _wrapped(note, width):
            yield [Piece(text)]
    for leaf in report.leaves:
        yield []
        yield from _leaf(leaf, width)


def _wrapped(text: str, width: int, indent: str = "", rest: str = "") -> list[str]:
    return wrap(text, width, initial_indent=indent, subsequent_indent=rest or indent, break_on_hyphens=False)


def _leaf(leaf: Leaf, width: int) -> Iterator[Line]:
    *first, last = _wrapped(f"{leaf.path}: {leaf.status}", width, "", "    ")
    for text in first:
        yield [Piece(text, "path")]
    start = last.removesuffix(leaf.status)
    yield [Piece(start, "path"), Piece(last[len(start) :], kind_of(leaf.status))]
    for text in _wrapped(leaf.message, width, "  "):
        yield [Piece(text)]
    by_line: dict[tuple[str, int], list[Place]] = {}
    for place in (*(cut.place for cut in leaf.cuts), *leaf.places):
        if place.source:
            by_line.setdefault(place[:2], []).append(place)
    for places in list(by_line.values())[:SHOWN]:
        yield from excerpt(places, width)
    if len(by_line) > SHOWN:
        yield [Piece(f"    and {len(by_line) - SHOWN} more lines")]


def excerpt(places: Sequence[Place], width: int) -> Iterator[Line]:
    """A source line after its location, the guilty parts underlined; at most `width` columns wide."""
    source = places[0].source
    where = f"    {short(places[0])}   "
    if len(where) + len(source) > width:
        yield from ([Piece(text)] for text in _wrapped(where.strip(), width, "    ", "      "))
        where = " " * 6
    room = width - len(where)
    marks = [" "] * len(source)
    for place in places:
        if place.col is not None and place.end_col is not None:
            marks[place.col : place.end_col] = "^" * (place.end_col - place.col)
    if len(source) > room:
        start = max(0, min("".join(marks).find("^") - 8, len(source) - room))
        rest = len(source) > start + room
        source, marks = source[start : start + room], marks[start : start + room]
        source = ("..." + source[3:]) if start else source
        source = (source[:-3] + "...") if rest else source
    yield [Piece(where + source)]
    if "^" in marks:
        yield [Piece(" " * len(where)), Piece("".join(marks).rstrip(), "caret")]
