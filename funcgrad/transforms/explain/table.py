"""A report as a table: a line for each leaf, and each cause told once below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from funcgrad.transforms.explain.report import Leaf, Report
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.text import Line, Piece, columns, kind_of, lines_of_head, lines_of_leaf, wrapped
from funcgrad.transforms.explain.wording import in_order

NAMED, TOLD = 4, 8
"""How many leaves a cause names, and how many causes are told."""
_GAP = "  "
_HEAD = ("parameter", "shape", "status")


class Table(Report):
    """A report whose text is a table: name, shape, status, and the number under which the cause stands below."""

    def __init__(
        self, title: str, leaves: Sequence[Leaf], notes: Sequence[str], shapes: Sequence[tuple[int, ...]]
    ) -> None:
        super().__init__(title, leaves, notes)
        self.shapes = shapes

    def lines(self, width: int) -> Iterator[Line]:
        groups = _groups(self.leaves)
        yield from lines_of_head(self, width)
        yield []
        yield from self._rows(width, {key: i for i, key in enumerate(groups, 1)})
        for i, members in enumerate(list(groups.values())[:TOLD], 1):
            yield []
            yield from lines_of_leaf(members[0]._replace(path=f"({i}) {_named(members)}"), width)
        if len(groups) > TOLD:
            yield []
            yield [Piece(f"and {len(groups) - TOLD} more causes: `report.leaves` has all")]

    def _rows(self, width: int, numbers: dict[tuple[str, str], int]) -> Iterator[Line]:
        rows = [(leaf.path, str(shape), leaf.status) for leaf, shape in zip(self.leaves, self.shapes)]
        _, shape, status = (max(columns(row[i]) for row in (_HEAD, *rows)) for i in range(3))
        room = width - shape - status - len("cause") - 3 * len(_GAP)
        name = max(columns(row[0]) for row in (_HEAD, *rows) if columns(row[0]) <= room or row is _HEAD)
        head = _padded(_HEAD, (name, shape, status)) + ("cause" if numbers else "")
        yield [Piece(head.rstrip(), "title")]
        for leaf, row in zip(self.leaves, rows):
            if columns(row[0]) > name:  # on lines of its own
                yield from ([Piece(text)] for text in wrapped(row[0], width, "", "    "))
                row = ("", *row[1:])
            number = numbers.get((leaf.status, leaf.message))
            rest = "" if number is None else " " * (status - columns(row[2])) + f"{_GAP}({number})"
            yield [Piece(_padded(row[:2], (name, shape))), Piece(row[2], kind_of(row[2])), Piece(rest)]


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(cell + " " * (width - columns(cell)) + _GAP for cell, width in zip(cells, widths))


def _groups(leaves: Sequence[Leaf]) -> dict[tuple[str, str], list[Leaf]]:
    """Those that are not in order, by what is said of them."""
    found: dict[tuple[str, str], list[Leaf]] = {}
    for leaf in leaves:
        if leaf.status != Status.FLOWS.value:
            found.setdefault((leaf.status, leaf.message), []).append(leaf)
    return found


def _named(leaves: Sequence[Leaf]) -> str:
    names = [leaf.path for leaf in leaves]
    if len(names) > NAMED:
        names = [*names[: NAMED - 1], f"{len(names) - NAMED + 1} more"]
    return in_order(names)
