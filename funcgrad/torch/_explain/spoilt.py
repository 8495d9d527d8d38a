"""Why a pass has brought a gradient that is zero or not finite: asked at its end, while there is what tells."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from funcgrad.core.provenance import Loc
from funcgrad.core.tape import Node
from funcgrad.torch._explain.born import born
from funcgrad.torch._explain.calls import shared
from funcgrad.torch._explain.graph import Graph
from funcgrad.torch._explain.memory import agrees, going
from funcgrad.torch._explain.names import Names, users_frame
from funcgrad.torch._pass.engine import Pass
from funcgrad.torch._pass.function import FunctionCall
from funcgrad.torch._record.story import line_of
from funcgrad.torch._record.tape import note_of, on_tape, raw
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.modules.hooks import BackwardHooks
from funcgrad.transforms.explain.causes import finding_of
from funcgrad.transforms.explain.diagnosis import Arrival, Spot, concrete, flow_back
from funcgrad.transforms.explain.evidence import Evidence
from funcgrad.transforms.explain.history import Verdict, is_like, kind_of

BEFORE, SHARE = 4000, 128
"""So many entries are gone back over for a model (60 us each), and then one for so many that were recorded since it was
made: where gradients are zero now and then, as those of a hinge, training takes 3 % longer."""


def _may_search(graph: Graph, run: Pass) -> bool:
    """Whether this pass is gone back over, which the oldest of its leaves counts: another model has a count of its
    own."""
    stories = [leaf._story for leaf, _ in graph.owners.values()]
    story = min(stories, key=lambda each: each.when)
    may = story.searched <= BEFORE + (run.record.when - story.when) // SHARE
    story.searched += len(graph.entries) * may
    return may


def remember_inside(run: Pass, inner: Pass, call: int, outside: Sequence[Node]) -> None:
    """What became of cotangents within a call that is made again, at the entries from outside: the pass keeps it."""
    with suppress(Exception):
        graph = _graph(run)
        if graph.owners and _may_search(graph, run):
            arrivals = _arrivals(inner, [node.seq for node in outside])
            run.kept.inside[call] = {node.seq: arrivals[node.seq] for node in outside if node.seq in arrivals}


def _graph(run: Pass) -> Graph:
    return Graph([(node, np.shape(ct), ct.dtype) for node, ct in run.kept.seeds])


def remember(run: Pass, outputs: Sequence[Tensor]) -> None:
    """Leaves whose gradient the pass has spoilt keep why. One that was so in the pass before keeps the first reason."""
    with suppress(Exception):  # what goes wrong with an explanation must not take the place of the gradient
        _remember(run, outputs)


def _remember(run: Pass, outputs: Sequence[Tensor]) -> None:
    new: list[tuple[Any, Node, np.ndarray]] = []
    for node, ct in run.kept.spoilt:
        note = note_of(node)
        tensor = note.owner() if note is not None and note.owner is not None else None
        if tensor is None:
            continue
        ct, before = np.asarray(concrete(raw(ct))), tensor._story.spoilt
        if run.kept.sound and kind_of(ct) == "small":  # as that of a bias before a batch norm
            continue
        if run.accumulates and before is not None and is_like(before.kind, kind_of(ct)):
            before.passes += 1
        else:
            new.append((tensor, node, ct))
    if not new:
        return
    graph = _graph(run)
    if graph.owners and not _may_search(graph, run):
        return
    arrivals = _arrivals(run)
    first = _born(run, outputs, graph) if any(not np.isfinite(ct).all() for _, _, ct in new) else None
    here, name = going(run.record), ""
    if first is not None and first[0].kind == "leaf":
        owner = next((t for t, leaf in graph.owners.values() if leaf is first[0].node), None)
        name = "" if owner is None else Names(users_frame()).of(owner)
    for tensor, node, ct in new:
        arrival = arrivals.get(node.seq)
        if here is None or arrival is None or not (agrees(arrival, ct) or _cancels(arrival, ct)):
            continue
        e = Evidence("", raw(tensor._read()), shared, gradient=ct, arrival=arrival)
        e.live = e.total = graph.live(node)
        e.born, e.born_name, e.saved_of = first, name, run.kept.saved_by
        row, finding = finding_of(e)
        verdict = Verdict(kind_of(ct), row.status, finding, here)
        if run.accumulates:
            tensor._story.spoilt = verdict
        else:
            run.record.spoilt[node.seq] = verdict


def _cancels(arrival: Arrival, ct: np.ndarray) -> bool:
    """Whether a gradient is what is left of contributions that cancel."""
    return arrival.cancelled is not None and not arrival.ct.any() and kind_of(ct) == "small"


def _born(run: Pass, outputs: Sequence[Tensor], graph: Graph) -> tuple[Spot, str] | None:
    ends = [(value.node, value.value) for value in (t._read() for t in outputs) if on_tape(value)]
    with np.errstate(all="ignore"):
        return born(ends, graph.entries, run.kept.saved_by, shared)


def _arrivals(run: Pass, also: Sequence[int] = ()) -> dict[int, Arrival]:
    kept, pulled = run.kept, run.pulled

    def handed(node: Node) -> tuple[Sequence[Any], str, Loc | None] | None:
        if pulled is not None and node.seq not in pulled:
            return [None] * len(node.parents), "operation", None
        cts = kept.handed.get(node.seq)
        if cts is None:
            return None
        inside = kept.inside.get(node.seq, {})
        return [inside.get(p.seq, c) if p is not None else c for p, c in zip(node.parents, cts)], *_giver(node)

    def replaced(node: Node, ct: Any) -> tuple[Any, Loc | None] | None:
        new = kept.replaced.get(node.seq)
        return None if new is None or type(new) is list else (new, _line_of_hooks(node))

    retained = [node.seq for node, _ in kept.spoilt if node.prim is not None]
    return flow_back(kept.seeds, replace=replaced, saved_of=kept.saved_by, handed=handed, also=[*retained, *also])


def _giver(node: Node) -> tuple[str, Loc | None]:
    """The kind and line of a `Spot`: what has handed on what an entry did."""
    note, prim = note_of(node), node.prim
    if note is not None and note.after:
        return "hook", line_of(list(note.after.values())[-1])
    if not isinstance(prim, FunctionCall):
        return "operation", None
    hooks = getattr(getattr(node.saved[0], "passed", None), "__self__", None)
    if isinstance(hooks, BackwardHooks):
        return "hook", line_of([*hooks.before, *hooks.after][-1])
    return "rule", line_of(prim.rule)


def _line_of_hooks(node: Node) -> Loc | None:
    """The last hook on the gradient of an entry."""
    note = note_of(node)
    hooks = [*(note.hooks or {}).values(), *(note.before or {}).values()] if note is not None else []
    return line_of(hooks[-1]) if hooks else None
