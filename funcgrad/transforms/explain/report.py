"""What `explain` and `Tensor.explain_grad()` return: for a person, for a notebook, for a program."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.provenance import Place
from funcgrad.transforms.explain.drawing import Drawing

WIDTH = 79
SHOWN = 4
"""How many source lines the text shows of one leaf; `Leaf.cuts` and `Leaf.places` have all."""


class Fix(NamedTuple):
    """Code to write in place of what stands at a place: its columns of that line."""

    place: Place
    code: str

    def to_dict(self) -> dict[str, Any]:
        return {
            **_place_dict(self.place),
            "col": self.place.col,
            "end_col": self.place.end_col,
            "code": self.code,
        }


class Cut(NamedTuple):
    """Where a derivative ends: the operation, its line, why, and what to write instead.

    `fix` is the remedy as code, where it is an expression that can be put there. `again` says that the derivative had
    ended before, and would end here too.
    """

    op: str
    place: Place
    why: str
    remedy: str
    fix: Fix | None = None
    again: bool = False

    @property
    def filename(self) -> str:
        return self.place.filename

    @property
    def lineno(self) -> int:
        return self.place.lineno

    @property
    def source(self) -> str:
        return self.place.source

    def to_dict(self) -> dict[str, Any]:
        return {
            "op": self.op,
            **_place_dict(self.place),
            "why": self.why,
            "remedy": self.remedy,
            "fix": None if self.fix is None else self.fix.to_dict(),
        }


class Leaf(NamedTuple):
    """One differentiated leaf.

    `paths_total` counts the ways from the leaf to the output through the operations, `paths_cut` those on
    which no derivative comes back. `grad` is the gradient, None where there is none. `places` are lines that
    the message names besides those of the cuts.
    """

    path: str
    status: str
    message: str
    cuts: tuple[Cut, ...] = ()
    paths_total: int = 0
    paths_cut: int = 0
    grad: Any = None
    places: tuple[Place, ...] = ()
    cause: str = ""
    repair: tuple[Fix, ...] = ()

    @property
    def fixes(self) -> tuple[Fix, ...]:
        return (*(cut.fix for cut in self.cuts if cut.fix is not None), *self.repair)

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "status": self.status,
            "message": self.message,
            "paths_total": self.paths_total,
            "paths_cut": self.paths_cut,
            "grad": _plain(self.grad),
            "cuts": [cut.to_dict() for cut in self.cuts],
            "places": [_place_dict(place) for place in self.places],
            "cause": self.cause,
            "fixes": [fix.to_dict() for fix in self.fixes],
        }


class Report:
    """Why gradients are what they are: `leaves`, and `notes` on the whole."""

    def __init__(
        self, title: str, leaves: Sequence[Leaf], notes: Sequence[str] = (), drawing: Drawing | None = None
    ) -> None:
        self.title = title
        self.leaves = tuple(leaves)
        self.notes = tuple(notes)
        self.drawing = drawing or Drawing((), ())

    def __str__(self) -> str:
        blocks = ["\n".join(["\n".join(wrap(text, WIDTH)) for text in (self._heading(), *self.notes)])]
        blocks += ["\n".join(_leaf_lines(leaf)) for leaf in self.leaves]
        return "\n\n".join(blocks)

    def __repr__(self) -> str:
        return f"<Report: {self._heading()}>"

    def _heading(self) -> str:
        counts = Counter(leaf.status for leaf in self.leaves)
        return f"{self.title}: " + (", ".join(f"{n} {status}" for status, n in counts.items()) or "no leaves")

    def to_dict(self) -> dict[str, Any]:
        """The report as lists, dicts, strings and numbers (a complex number as its text)."""
        return {
            "title": self.title,
            "notes": list(self.notes),
            "leaves": [leaf.to_dict() for leaf in self.leaves],
        }

    def to_dot(self) -> str:
        """The graph from the leaves to the output as Graphviz text; dashed edges carry no derivative back."""
        return self.drawing.to_dot()

    def _repr_html_(self) -> str:
        from html import escape

        style = "overflow:auto;max-height:40em"
        return f'<div><pre>{escape(str(self))}</pre><div style="{style}">{self.drawing.to_svg()}</div></div>'


def _leaf_lines(leaf: Leaf) -> Iterator[str]:
    yield from wrap(f"{leaf.path}: {leaf.status}", WIDTH, subsequent_indent="    ")
    yield from wrap(leaf.message, WIDTH, initial_indent="  ", subsequent_indent="  ")
    lines: dict[tuple[str, int], list[Place]] = {}
    for place in (*(cut.place for cut in leaf.cuts), *leaf.places):
        if place.source:
            lines.setdefault(place[:2], []).append(place)
    for places in list(lines.values())[:SHOWN]:
        yield from excerpt(places)
    if len(lines) > SHOWN:
        yield f"    and {len(lines) - SHOWN} more lines"


def excerpt(places: Sequence[Place]) -> Iterator[str]:
    """A source line after its location, the guilty parts underlined; at most 79 columns wide."""
    source = places[0].source
    where = f"    {short(places[0])}   "
    if len(where) + len(source) > WIDTH:
        yield where.rstrip()
        where = " " * 6
    room = WIDTH - len(where)
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
    yield where + source
    if "^" in marks:
        yield (" " * len(where) + "".join(marks)).rstrip()


def short(place: Place) -> str:
    """`train.py:12`."""
    return f"{os.path.basename(place.filename)}:{place.lineno}"


def _place_dict(place: Place) -> dict[str, Any]:
    return {"filename": place.filename, "lineno": place.lineno, "source": place.source}


def _plain(x: Any) -> Any:
    if x is None:
        return None
    x = np.asarray(x)
    if x.dtype.kind == "c":
        x = x.astype(str)
    return x.tolist() if x.dtype.kind in "biufU" else None
