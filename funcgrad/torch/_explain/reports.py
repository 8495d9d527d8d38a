"""`Tensor.explain_grad()` and `torch.explain(loss)`: reports from what the tape and the tensors remember."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from funcgrad.core.provenance import here, place
from funcgrad.torch._explain.calls import called, shared
from funcgrad.torch._explain.graph import Graph
from funcgrad.torch._explain.memory import (
    add_cuts,
    computed_evidence,
    constant_evidence,
    for_leaf,
    gradient_of,
    history_of,
    last_entries,
    leaf_evidence,
    look_into,
)
from funcgrad.torch._explain.names import Names, users_frame
from funcgrad.torch._explain.remarks import remarks_on
from funcgrad.torch._explain.told import told
from funcgrad.torch._record.story import all_leaves
from funcgrad.torch._record.tape import on_tape, raw
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.transforms.explain.causes.remembered.stale import sentence_of
from funcgrad.transforms.explain.causes.remembered.words import at
from funcgrad.transforms.explain.evidence import Evidence
from funcgrad.transforms.explain.paths import Paths
from funcgrad.transforms.explain.picture import picture
from funcgrad.transforms.explain.report import Leaf, Report

UNSEEN = (
    "A write through .data is not counted, so backward() does not refuse: it goes on with the value that was saved, "
    "and PyTorch's with the one that was written."
)
_ASKED = re.compile(r"(.+?)\s*\.explain_grad\(")
_OF = re.compile(r"(?:\w+\.)*explain\((.+)\)$")


def explain_grad(tensor: Tensor) -> Report:
    """The report on `tensor.grad`."""
    names = Names(users_frame())
    path = _asked(_ASKED) or "the tensor"
    value = tensor._read()
    if not on_tape(value):
        return _of_constant("Gradient of a Tensor", tensor, path, names)
    if value.node.prim is None:
        origins = _copied_from(tensor, names)
        leaf = told(leaf_evidence(tensor, path, names))
        return Report("Gradient of a leaf Tensor", [leaf, *origins], remarks_on(last_entries([tensor])))
    graph = _graph(tensor)
    itself = told(computed_evidence(tensor, path, graph, names))
    return _report("Gradient of a Tensor", [itself], tensor, graph, names, predicts=False)


def explain(loss: Tensor) -> Report:
    """The report on what `loss.backward()` would bring."""
    names = Names(users_frame())
    path = _asked(_OF) or "the tensor"
    value = loss._read()
    title = f"Gradients that {path}.backward() would bring"
    if not on_tape(value):
        return _of_constant(title, loss, path, names)
    graph = _graph(loss)
    if value.node.prim is None:
        alone = leaf_evidence(loss, path, names)
        alone.history.predicted = alone.history.is_output = True
        return Report(title, [told(alone), *_copied_from(loss, names)])
    first = computed_evidence(loss, path, graph, names)
    refused = graph.changed(names) is not None or graph.freed
    return _report(title, [told(first)] if refused else [], loss, graph, names, predicts=not refused)


def _of_constant(title: str, tensor: Tensor, path: str, names: Names) -> Report:
    """Of a tensor that does not require grad, and of the leaves that it was cut off from."""
    leaves = list(_cut_off(tensor, {}, names))
    drawing = picture(Paths([], [], []), [], [], called, [(leaf.path, leaf.cuts) for leaf in leaves])
    return Report(title, [told(constant_evidence(tensor, path, names)), *leaves], (), drawing if leaves else None)


def _asked(pattern: re.Pattern[str]) -> str:
    where = place(here())
    found = pattern.match(where.source[where.col : where.end_col])
    return f"`{found.group(1)}`" if found else ""


def _graph(tensor: Tensor) -> Graph:
    value = tensor._read()
    return Graph([(value.node, tuple(value.shape), value.dtype)])


def _report(
    title: str, first: list[Leaf], tensor: Tensor, graph: Graph, names: Names, *, predicts: bool
) -> Report:
    leaves = [told(e) for e in _leaves(tensor, graph, names, predicts)]
    cut_off = list(_cut_off(tensor, graph.owners, names))
    nodes = [(names.of(t), node) for t, node in graph.owners.values()]
    outputs = [node for node, _, _ in graph.outputs]
    notes = remarks_on(graph.entries)
    notes += [] if (change := graph.unseen()) is None else [f"{sentence_of(change)} {UNSEEN}"]
    if predicts:
        gone = list(dict.fromkeys(at(leaf.loc) for leaf in graph.gone if leaf.loc is not None))
        notes += [f"A leaf made{where} is held by no variable: nobody can see its gradient." for where in gone[:3]]
    cuts = [(leaf.path, leaf.cuts) for leaf in (*leaves, *cut_off) if leaf.cuts]
    return Report(title, [*first, *leaves, *cut_off], notes, picture(graph.paths, nodes, outputs, called, cuts))


def _leaves(tensor: Tensor, graph: Graph, names: Names, predicts: bool) -> Iterator[Evidence]:
    """The leaves that gradients come to: as they are, or as they would be."""
    arrivals = graph.arrivals()
    for leaf, node in graph.owners.values():
        history = history_of(leaf, names)
        grad: Any = gradient_of(leaf)
        arrival = None if arrivals is None else arrivals.get(node.seq)
        if predicts:
            grad = None if arrival is None else np.array(arrival.ct)
            history.predicted, history.count, history.written, history.assigned = True, 0, None, None
        e = Evidence(names.of(leaf), raw(leaf._read()), shared, gradient=grad, history=history)
        e.live = e.total = graph.live(node)
        if grad is not None:
            look_into(e, graph, node, grad)
        add_cuts(e, for_leaf(tensor._cuts, leaf, graph.outputs[0][0].seq))
        yield e


def _cut_off(tensor: Tensor, connected: dict[int, Any], names: Names) -> Iterator[Leaf]:
    """The leaves that a value was computed from, and that a cut keeps every derivative from."""
    seen = set(connected)
    for record in tensor._cuts:
        for leaf in all_leaves(record):
            if id(leaf) in seen:
                continue
            seen.add(id(leaf))
            mine = for_leaf(tensor._cuts, leaf, 0)
            if connected and all(c.flat for c in mine):
                continue
            history = history_of(leaf, names)
            e = Evidence(names.of(leaf), raw(leaf._read()), shared, gradient=gradient_of(leaf), history=history)
            history.kind = "cut_off"
            add_cuts(e, mine)
            yield told(e)


def _copied_from(tensor: Tensor, names: Names) -> Iterator[Leaf]:
    """The leaves that a leaf's value was computed from: its own history begins anew."""
    copied = tensor._story.copied
    for record in copied[:1]:
        for leaf in all_leaves(record):
            if leaf is not tensor:
                history = history_of(leaf, names)
                history.kind = "cut_off"
                e = Evidence(names.of(leaf), raw(leaf._read()), shared, gradient=gradient_of(leaf), history=history)
                add_cuts(e, for_leaf(copied, leaf, 0))
                yield told(e)
