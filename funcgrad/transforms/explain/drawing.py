"""The graph of a report: boxes and arrows, as Graphviz text and as SVG."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_FILL = {"leaf": "#dbeafe", "output": "#dcfce7", "op": "#f8fafc", "left": "#fee2e2"}
_WIDTH, _HEIGHT, _GAP = 190, 44, 26


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
        """Boxes in rows by their distance from the leaves."""
        from html import escape

        if not self.boxes:
            return ""
        places = self._placed()
        width = max(x for x, _ in places) + _WIDTH + 8
        height = max(y for _, y in places) + _HEIGHT + 8
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            'font-family="monospace" font-size="11">'
        ]
        parts += self._svg_arrows(places)
        for box, (x, y) in zip(self.boxes, places):
            parts.append(
                f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="{_FILL[box.kind]}" '
                f'stroke="#64748b"><title>{escape(box.detail)}</title></rect>'
            )
            for row, text in enumerate((box.label, box.detail)):
                shown = text if len(text) <= 26 else text[:25] + "…"
                parts.append(
                    f'<text x="{x + 8}" y="{y + 18 + 16 * row}" fill="#0f172a">{escape(shown)}</text>'
                )
        return "".join([*parts, "</svg>"])

    def _svg_arrows(self, places: list[tuple[int, int]]) -> Iterator[str]:
        for arrow in self.arrows:
            (x, y), (u, v) = places[arrow.source], places[arrow.target]
            x, u, y = x + _WIDTH // 2, u + _WIDTH // 2, y + _HEIGHT
            look = 'stroke="#dc2626" stroke-dasharray="4 3"' if arrow.cut else 'stroke="#64748b"'
            yield f'<line x1="{x}" y1="{y}" x2="{u}" y2="{v}" {look}/>'
            if arrow.cut:
                yield f'<text x="{(x + u) // 2 + 4}" y="{(y + v) // 2 + 4}" fill="#dc2626">cut</text>'

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
            places.append((4 + column * (_WIDTH + _GAP), 4 + row * (_HEIGHT + _GAP)))
        return places


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
