"""The graph of a report, drawn from the entries between leaves and output."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import cache

from funcgrad.core.provenance import Place, place
from funcgrad.core.tape import Node
from funcgrad.transforms.explain.drawing import Arrow, Box, Drawing
from funcgrad.transforms.explain.ends import called
from funcgrad.transforms.explain.follow import Departure, Edge
from funcgrad.transforms.explain.paths import Paths
from funcgrad.transforms.explain.places import short
from funcgrad.transforms.explain.report import Cut

LARGE = 40
"""From this many entries on, those of one source line are one box."""


def picture(
    paths: Paths,
    leaves: Sequence[tuple[str, Node]],
    outputs: Sequence[Node],
    called: Callable[[Node], str] = called,
    cuts: Sequence[tuple[str, Sequence[Cut]]] = (),
) -> Drawing:
    """Boxes for leaves, for the operations that lead from them to the output, and for the output.

    `cuts` are those of leaves, by name, that the paths do not have.
    """
    names = {node.seq: name for name, node in leaves}
    connected = {step.node.seq for step in paths.downstream(node for _, node in leaves)}
    steps = [s for s in paths.steps if s.node.seq in names or (s.node.seq in connected and paths.counts(s.node)[2])]
    read = cache(place)
    keys: dict[int, Hashable] = {}
    boxes: dict[Hashable, Box] = {}
    for node, _ in steps:
        where = read(node.loc)
        by_line = len(steps) > LARGE and node.seq not in names
        key = keys[node.seq] = (where.filename, where.lineno) if by_line else node.seq
        kind = "left" if isinstance(node.prim, Departure) else "op"
        if node.seq in names:
            boxes[key] = Box(names[node.seq], "", "leaf")
        elif key not in boxes:
            name = f"line {where.lineno}" if by_line else called(node)
            boxes[key] = Box(name, _detail(where, whole=by_line), kind)
    cut_off: dict[tuple[Hashable, Cut], Hashable] = {}
    for name, given in cuts:
        leaf: Hashable = next((node.seq for own, node in leaves if own == name), name)
        boxes.setdefault(leaf, Box(name, "", "leaf"))
        for cut in given:
            cut_off[leaf, cut] = leaf
            boxes[leaf, cut] = Box(cut.op, _detail(cut.place, whole=False), "left")
    boxes["output"] = Box("output", "", "output")
    index = {key: i for i, key in enumerate(boxes)}
    arrows: dict[Arrow, None] = {}
    for node, links in steps:
        for parent, edge, _ in links:
            if parent.seq in keys:
                chooses = edge is Edge.CHOICE or (edge is Edge.CUT and not paths.counts(node)[1])
                kind = "chooses" if chooses else "cut" if edge is Edge.CUT else ""
                arrows[Arrow(index[keys[parent.seq]], index[keys[node.seq]], kind)] = None
    for box, leaf in cut_off.items():
        arrows[Arrow(index[leaf], index[box])] = None
        arrows[Arrow(index[box], index["output"], "cut")] = None
    for node in outputs:
        if node.seq in keys:
            arrows[Arrow(index[keys[node.seq]], index["output"])] = None
    kept = [a for a in arrows if a.source != a.target]
    return Drawing(list(boxes.values()), kept)


def _detail(where: Place, *, whole: bool) -> str:
    """The line of a box, and what stands there: the expression, or all of it."""
    if not where.lineno:
        return ""
    text = where.source if whole or where.col is None else where.source[where.col : where.end_col]
    return f"{short(where)}  {text}"
