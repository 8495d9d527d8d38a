"""The graph of a report: boxes and arrows, as Graphviz text and as SVG."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

_FILL = {"leaf": "#dbeafe", "output": "#dcfce7", "op": "#f8fafc", "left": "#fee2e2"}
_WIDTH, _HEIGHT, _GAP, _BELOW, _LANE = 230, 44, 26, 40, 14
_LETTERS = 31
"""How many fit into a box."""
_DOT = {
    "": "",
    "cut": ' [style=dashed, color="#dc2626", label="cut", fontcolor="#dc2626"]',
    "chooses": ' [style=dotted, color="#64748b", label="chooses", fontcolor="#64748b"]',
}


class Box(NamedTuple):
    """`kind` is "leaf", "op", "output", or "left" for a value that left the library."""

    label: str
    detail: str
    kind: str


class Arrow(NamedTuple):
    """An edge between boxes, by their positions.

    `kind` is "cut" where no derivative comes back along it, "chooses" where the value only chooses between others.
    """

    source: int
    target: int
    kind: str = ""


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
            lines.append(f"  n{arrow.source} -> n{arrow.target}{_DOT[arrow.kind]};")
        return "\n".join([*lines, "}"])

    def to_svg(self) -> str:
        """Boxes in rows by their distance from the leaves; colours are those of the page (`page.STYLE`)."""
        from html import escape

        if not self.boxes:
            return ""
        layout = Layout(len(self.boxes), self.arrows)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{layout.width}" height="{layout.height}" role="img" '
            'aria-label="the graph from the leaves to the output"><defs><marker id="fg-tip" viewBox="0 0 8 8" refX="7" '
            'refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
        ]
        parts += self._svg_arrows(layout)
        for i, box in enumerate(self.boxes):
            x, y = layout.corner(i)
            parts.append(
                f'<rect class="{box.kind}" x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6">'
                f"<title>{escape(box.detail or box.label)}</title></rect>"
            )
            top = y + (18 if box.detail else 26)
            for row, (text, kind) in enumerate(((box.label, "name"), (box.detail, "line"))):
                shown = text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…"
                if shown:
                    parts.append(f'<text class="{kind}" x="{x + 8}" y="{top + 16 * row}">{escape(shown)}</text>')
        return "".join([*parts, "</svg>"])

    def _svg_arrows(self, layout: Layout) -> Iterator[str]:
        for arrow in self.arrows:
            if arrow.source > arrow.target:
                yield f'<path d="{layout.back(arrow)}" marker-end="url(#fg-tip)"/>'
                continue
            points = layout.points(arrow)
            path = f"M{points[0][0]} {points[0][1]}"
            for (x, y), (u, v) in pairwise(points):
                path += f"C{x} {(y + v) // 2} {u} {(y + v) // 2} {u} {v}"
            look = f' class="{arrow.kind}"' if arrow.kind else ""
            yield f'<path{look} d="{path}" marker-end="url(#fg-tip)"/>'
            if arrow.kind:
                (x, y), (u, v) = points[-2:]
                yield f'<text class="{arrow.kind}" x="{(x + u) // 2 + 6}" y="{(y + v) // 2 + 4}">{arrow.kind}</text>'


Slot = int | tuple[Arrow, int]
"""A box, or an arrow that passes a row on its way down."""


class Layout:
    """Boxes in rows, each row below those of what it depends on; arrows over several rows keep a lane free in each.

    Within a row the order is that of what is above (the barycentre method of Sugiyama, Tagawa and Toda 1981). Arrows
    back, from loops that are grouped by line, move nothing: they run on the right of all boxes.
    """

    def __init__(self, boxes: int, arrows: Sequence[Arrow]) -> None:
        down = sorted(a for a in arrows if a.source < a.target)
        self._row = [0] * boxes
        for arrow in down:
            self._row[arrow.target] = max(self._row[arrow.target], self._row[arrow.source] + 1)
        rows: list[list[Slot]] = [[] for _ in range(max(self._row) + 1)]
        above: dict[Slot, list[Slot]] = {}
        for box, row in enumerate(self._row):
            rows[row].append(box)
        for arrow in down:
            last: Slot = arrow.source
            for row in range(self._row[arrow.source] + 1, self._row[arrow.target]):
                rows[row].append((arrow, row))
                above[arrow, row] = [last]
                last = (arrow, row)
            above.setdefault(arrow.target, []).append(last)
        self._middle: dict[Slot, int] = {}
        self.width = 0
        for slots in rows:
            self._place(slots, above)
        self._backs = [a for a in arrows if a.source > a.target]
        self._edge = self.width
        self.width += len(self._backs) * _LANE + (_GAP if self._backs else 0)
        self.height = len(rows) * (_HEIGHT + _BELOW) - _BELOW + 8

    def _place(self, slots: list[Slot], above: dict[Slot, list[Slot]]) -> None:
        wanted = {s: sum(self._middle[p] for p in above[s]) // len(above[s]) for s in slots if s in above}
        left = 4
        for slot in sorted(slots, key=lambda s: wanted.get(s, 0)):
            half = _WIDTH // 2 if isinstance(slot, int) else _LANE // 2
            self._middle[slot] = middle = max(left + half, wanted.get(slot, 0))
            left = middle + half + _GAP
        self.width = max(self.width, left - _GAP + 4)

    def corner(self, box: int) -> tuple[int, int]:
        """The upper left corner of a box."""
        return self._middle[box] - _WIDTH // 2, 4 + self._row[box] * (_HEIGHT + _BELOW)

    def back(self, arrow: Arrow) -> str:
        """The way of an arrow up to an earlier box: on the right of all boxes, in a lane of its own."""
        (x, y), (u, v) = (self.corner(box) for box in (arrow.source, arrow.target))
        lane = self._edge + _GAP // 2 + self._backs.index(arrow) * _LANE
        return (
            f"M{x + _WIDTH} {y + _HEIGHT // 2}H{lane - 8}Q{lane} {y + _HEIGHT // 2} {lane} {y + _HEIGHT // 2 - 8}"
            f"V{v + _HEIGHT // 2 + 8}Q{lane} {v + _HEIGHT // 2} {lane - 8} {v + _HEIGHT // 2}H{u + _WIDTH}"
        )

    def points(self, arrow: Arrow) -> list[tuple[int, int]]:
        """Where an arrow leaves, passes rows, and arrives."""
        found = [(self._middle[arrow.source], self.corner(arrow.source)[1] + _HEIGHT)]
        for row in range(self._row[arrow.source] + 1, self._row[arrow.target]):
            x, y = self._middle[arrow, row], 4 + row * (_HEIGHT + _BELOW)
            found += [(x, y), (x, y + _HEIGHT)]
        return [*found, (self._middle[arrow.target], self.corner(arrow.target)[1])]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
