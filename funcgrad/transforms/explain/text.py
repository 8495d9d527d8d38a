"""A report as lines of text, for a terminal of any width, a pipe, and the text part of HTML."""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
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
    yield from lines_of_head(report, width)
    for leaf in report.leaves:
        yield []
        yield from lines_of_leaf(leaf, width)


def lines_of_head(report: Report, width: int) -> Iterator[Line]:
    """The title, and the notes on the whole."""
    for text in wrapped(heading(report), width):
        yield [Piece(text, "title")]
    for note in report.notes:
        for text in wrapped(note, width):
            yield [Piece(text)]


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: letters of the East take two, accents none."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(letter: str) -> int:
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def wrapped(text: str, width: int, indent: str = "", rest: str | None = None) -> list[str]:
    """Lines of a text, broken between words; a word that is longer than a line at a sign in it, if there is one."""
    rest = indent if rest is None else rest
    lines, line, is_new = [], indent, True
    for word in text.split():
        for i, part in enumerate(_parts(word, width - columns(rest))):
            if not is_new and (i or columns(line) + 1 + columns(part) > width):
                lines.append(line)
                line, is_new = rest, True
            line += part if is_new else f" {part}"
            is_new = False
    return [*lines, line]


_BREAKS = re.compile(r"(?<=[./\\,:(\[])"), re.compile(r"(?<=_)")
"""Where a word is broken that is longer than a line: after a dot or the like, or else within a name."""


def _parts(word: str, room: int, breaks: Sequence[re.Pattern[str]] = _BREAKS) -> Iterator[str]:
    """A word in parts that fit."""
    part = ""
    for piece in breaks[0].split(word) if breaks and columns(word) > room else (word,):
        if part and columns(part) + columns(piece) > room:
            yield part
            part = ""
        part += piece
        if columns(part) > room and len(breaks) > 1:
            *whole, part = _parts(part, room, breaks[1:])
            yield from whole
    while columns(part) > room:
        first, _ = _cut(part, room)
        yield first
        part = part[len(first) :]
    yield part


def _cut(text: str, room: int) -> tuple[str, int]:
    """As much of a text as fits, at least a letter, and its columns."""
    taken = 0
    for i, letter in enumerate(text):
        taken += _columns_of(letter)
        if taken > room and i:
            return text[:i], taken - _columns_of(letter)
    return text, taken


def lines_of_leaf(leaf: Leaf, width: int) -> Iterator[Line]:
    *first, last = wrapped(f"{leaf.path}: {leaf.status}", width, "", "    ")
    for text in first:
        yield [Piece(text, "path")]
    start = last.removesuffix(leaf.status)
    yield [Piece(start, "path"), Piece(last[len(start) :], kind_of(leaf.status))]
    for text in wrapped(leaf.message, width, "  "):
        yield [Piece(text)]
    by_line: dict[tuple[str, int], list[Place]] = {}
    cuts = () if leaf.status in ("nan", "inf") else leaf.cuts  # which are not what the message is about
    for place in (*(cut.place for cut in cuts), *leaf.places):
        if place.source:
            by_line.setdefault(place[:2], []).append(place)
    for places in list(by_line.values())[:SHOWN]:
        yield from excerpt(places, width)
    if len(by_line) > SHOWN:
        yield [Piece(f"    and {len(by_line) - SHOWN} more lines")]


def excerpt(places: Sequence[Place], width: int) -> Iterator[Line]:
    """A source line after its location, the guilty parts underlined; at most `width` columns wide."""
    source = places[0].source.replace("\t", " ")
    where = f"    {short(places[0])}   "
    if columns(where) + columns(source) > width:
        yield from ([Piece(text)] for text in wrapped(where.strip(), width, "    ", "      "))
        where = " " * 6
    marked = [False] * len(source)
    for place in places:
        if place.col is not None and place.end_col is not None:
            marked[place.col : place.end_col] = [True] * (place.end_col - place.col)
    source, marked = _part(source, marked, width - columns(where))
    yield [Piece(where + source)]
    if any(marked):
        marks = "".join(("^" if mark else " ") * _columns_of(letter) for letter, mark in zip(source, marked))
        yield [Piece(" " * columns(where)), Piece(marks.rstrip(), "caret")]


def _part(source: str, marked: list[bool], room: int) -> tuple[str, list[bool]]:
    """As much of a line as fits, from shortly before what is marked; dots stand for the rest."""
    if columns(source) <= room:
        return source, marked
    start = max(0, marked.index(True) - 8) if any(marked) else 0
    while start and columns(source[start - 1 :]) <= room:  # the end of the line fits: more of its beginning
        start -= 1
    shown, dots = source[start:], [False] * 3
    if start:
        shown, marked = f"...{shown[3:]}", dots + marked[start + 3 :]
    if columns(shown) > room:
        first, _ = _cut(shown, room - 3)
        shown, marked = f"{first}...", marked[: len(first)] + dots
    return shown, marked
