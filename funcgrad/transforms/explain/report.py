"""What `explain` and `Tensor.explain_grad()` return: for a person, for a notebook, for a program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.provenance import Place
from funcgrad.transforms.explain.drawing import Drawing
from funcgrad.transforms.explain.places import short as short
from funcgrad.transforms.explain.text import Line, heading, lines_of, output_has_colour, rendered, width_of_output


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
    ended before, and would end here too. `cause` names the function of `explain/causes` that knows why.
    """

    op: str
    place: Place
    why: str
    remedy: str
    fix: Fix | None = None
    again: bool = False
    cause: str = ""

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
        return self.to_text()

    def __repr__(self) -> str:
        return f"<Report: {heading(self)}>"

    def to_text(self, width: int | None = None, colour: bool | None = None) -> str:
        """The report as text of at most `width` columns.

        Where they are not given, width and colour are those of the terminal that standard output is; elsewhere it is 79
        columns without colour. NO_COLOR switches colour off.
        """
        lines = self.lines(width_of_output() if width is None else width)
        return rendered(lines, output_has_colour() if colour is None else colour)

    def lines(self, width: int) -> Iterator[Line]:
        """The text, in parts of which each has its colour."""
        return lines_of(self, width)

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

    def to_html(self) -> str:
        """The report as a page of HTML of its own, with the graph as SVG."""
        from funcgrad.transforms.explain.page import page  # which texts need not load

        return page([self], self.title)

    def _repr_html_(self) -> str:
        from funcgrad.transforms.explain.page import fragment  # which texts need not load

        return fragment(self)


def _place_dict(place: Place) -> dict[str, Any]:
    return {"filename": place.filename, "lineno": place.lineno, "source": place.source}


def _plain(x: Any) -> Any:
    if x is None:
        return None
    x = np.asarray(x)
    if x.dtype.kind == "c":
        x = x.astype(str)
    return x.tolist() if x.dtype.kind in "biufU" else None
