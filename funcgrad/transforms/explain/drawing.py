"""The graph of a report: boxes and arrows, as Graphviz text and as SVG."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_FILL = {"leaf": "#dbeafe", "output": "#dcfce7", "op": "#f8fafc", "left": "#fee2e2"}
_WIDTH, _HEIGHT, _GAP, _BELOW = 230, 44, 26, 40
_LETTERS = 31
"""How many fit into a box."""


class Box(NamedTuple):
    """`kind` is "leaf", "op", "output", or "left" for a value that left the library."""

    label: str
    detail: str
    kind: str


class Arrow(NamedTuple):
    """An edge between boxes, by their positions; `cut`: no derivative comes back along it."""

    source: int
    target: int
    cut: bool


class Drawing:
    """Boxes, in the order they were computed, and arrows."""

    def __init__(self, boxes: Sequence[Box], arrows: Sequence[Arrow]) -> None:
        self.boxes = tuple(boxes)
        self.arrows = tuple(arrows)

    def to_dot(self) -> str:
        lines = ["digraph report {", '  node [shape=box, style="rounded,filled", fontname="monospace"];']
        for i, box in enumerate(self.boxes):
            label = "\n".join(filter(None, (box.label, box.detail)))
            lines.append(f"  n{i} [label={_quoted(label)}, fillcolor={_quoted(_FILL[box.kind])}];")
        for arrow in self.arrows:
            style = ' [style=dashed, color="#dc2626", label="cut", fontcolor="#dc2626"]' if arrow.cut else ""
            lines.append(f"  n{arrow.source} -> n{arrow.target}{style};")
        return "\n".join([*lines, "}"])

    def to_svg(self) -> str:
        """Boxes in rows by their distance from the leaves; colours are those of the page (`page.STYLE`)."""
        from html import escape

        if not self.boxes:
            return ""
        places = self._placed()
        width = max(x for x, _ in places) + _WIDTH + 4
        height = max(y for _, y in places) + _HEIGHT + 4
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img" '
            'aria-label="the graph from the leaves to the output"><defs><marker id="fg-tip" viewBox="0 0 8 8" refX="7" '
            'refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
        ]
        parts += self._svg_arrows(places)
        for box, (x, y) in zip(self.boxes, places):
            parts.append(
                f'<rect class="{box.kind}" x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6">'
                f"<title>{escape(box.detail or box.label)}</title></rect>"
            )
            for row, (text, kind) in enumerate(((box.label, "name"), (box.detail, "line"))):
                shown = text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…"
                parts.append(f'<text class="{kind}" x="{x + 8}" y="{y + 18 + 16 * row}">{escape(shown)}</text>')
        return "".join([*parts, "</svg>"])

    def _svg_arrows(self, places: list[tuple[int, int]]) -> Iterator[str]:
        for arrow in self.arrows:
            (x, y), (u, v) = places[arrow.source], places[arrow.target]
            x, u, y = x + _WIDTH // 2, u + _WIDTH // 2, y + _HEIGHT
            look = ' class="cut"' if arrow.cut else ""
            half = (y + v) // 2
            yield f'<path{look} d="M{x} {y}C{x} {half} {u} {half} {u} {v}" marker-end="url(#fg-tip)"/>'
            if arrow.cut:
                yield f'<text class="cut" x="{(x + u) // 2 + 6}" y="{half + 4}">cut</text>'

    def _placed(self) -> list[tuple[int, int]]:
        """The upper left corner of each box. Arrows back, from loops grouped by line, do not move boxes."""
        rows = [0] * len(self.boxes)
        for arrow in sorted(self.arrows):
            if arrow.source < arrow.target:
                rows[arrow.target] = max(rows[arrow.target], rows[arrow.source] + 1)
        taken: dict[int, int] = {}
        places = []
        for row in rows:
            column = taken.get(row, 0)
            taken[row] = column + 1
            places.append((4 + column * (_WIDTH + _GAP), 4 + row * (_HEIGHT + _BELOW)))
        return places


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
