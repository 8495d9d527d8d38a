"""What a tensor remembers, as evidence for the causes."""

from __future__ import annotations

import ast
import difflib
import linecache
import sys
from collections.abc import Iterable, Iterator
from types import CodeType, FrameType
from typing import Any

import numpy as np

from funcgrad.core.provenance import Loc, Place, is_internal, place
from funcgrad.core.tape import Node, entries
from funcgrad.torch._explain.calls import called, shared, statement, writer, written
from funcgrad.torch._explain.graph import FLAT_PARTS, SATURATED, SINGULAR, STEPS, Graph
from funcgrad.torch._explain.names import Names
from funcgrad.torch._explain.rules import rule_around
from funcgrad.torch._record.left import left
from funcgrad.torch._record.story import PASSES, Cuts, Event, PassRecord, PastCut, all_leaves
from funcgrad.torch._record.tape import on_tape, raw
from funcgrad.torch._tensor.storage import writes_of
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.transforms.explain.diagnosis import Arrival
from funcgrad.transforms.explain.evidence import End, Ending, Evidence
from funcgrad.transforms.explain.history import Deed, Going, History
from funcgrad.transforms.explain.sources import around

_LEFT = ("item", "tolist", "numpy", "from_numpy", "tensor")
_ASKED = ("detach", "detach_", "data", "data=", "Parameter")
_FLAGS = ("requires_grad", "retains_grad", "grad", "data")


# from records to evidence


def end_of(cut: PastCut) -> End:
    """Where a value was cut off, as evidence."""
    return _end_of(cut)._replace(used_at=cut.used_at)


def _end_of(cut: PastCut) -> End:
    name, op, off = written(cut.loc), cut.op, cut.off
    rule = rule_around(cut.loc) if off is None else ""
    if rule:
        return End(f"{rule}.forward", Ending.ASKED, cut.loc, rule, as_="bypassed", of_tensor=True)
    if op == "no_grad" and off is not None:
        if off.loc == cut.loc and name:  # our own code has switched it off, inside of what was called
            return End(name, Ending.FLAT, cut.loc, name, as_="inside", of_tensor=True)
        return End(off.what, Ending.OFF, cut.loc, off.name, as_="off", back=off.loc, of_tensor=True)
    if op.startswith("to("):
        return End("to", Ending.FLAT, cut.loc, name, as_=op[3:-1], of_tensor=True)
    if op in _LEFT:
        return End(op, Ending.LEFT, cut.loc, name, as_=op, of_tensor=True)
    if op in ("backward", "grad", "no_grad"):
        return End(op, Ending.OFF, cut.loc, name, as_=op, of_tensor=True)
    if op in ("detach", "detach_") and name not in ("", op):  # our own code, inside of what was called
        return End(name, Ending.FLAT, cut.loc, name, as_=name if name == "state_dict" else "inside", of_tensor=True)
    kind = Ending.FLAT if cut.flat and op not in _ASKED else Ending.ASKED
    return End(op, kind, cut.loc, name, as_=op, of_tensor=True)


def ends_of(cuts: Cuts) -> tuple[End, ...]:
    """The nearest to the leaf first, each operation of a line once. Numbers that left know where they came back."""
    found: list[End] = []
    for c in reversed(cuts):
        end = end_of(c)
        numbers = [i for i, e in enumerate(found) if e.as_ in ("item", "tolist") and e.back is None]
        if end.as_ == "tensor" and c.entry is None and numbers:
            for i in numbers:
                found[i] = found[i]._replace(back=end.loc)
        else:
            found.append(end)
    return tuple(dict.fromkeys(found))


def count_of(cuts: Cuts) -> int:
    """How many paths the cuts end: those in series with one before do not count."""
    return max(1, sum(c.entry is not None for c in cuts))


def _deed(event: Event | None) -> Deed | None:
    return None if event is None else Deed(event.loc, writer(event.loc), event.when)


def going(record: PassRecord | None) -> Going | None:
    if record is None:
        return None
    refused = "" if record.refused is None else record.refused[1].partition(". ")[0].rstrip(".")
    if record.refused is not None and record.refused[2]:
        refused = f"{refused}. {record.refused[2].rstrip('.')}"
    return Going(record.loc, record.called, record.when, refused)


def gradient_of(tensor: Tensor) -> Any:
    return None if tensor._grad is None else np.array(tensor._grad._array())


def for_leaf(cuts: Cuts, leaf: Tensor, until: int) -> Cuts:
    """Those of the cuts that cut off this leaf, as it was until then: what was computed from a value that was written
    since, as by an optimizer's step, has no part in the derivative by the new one."""
    writes = [w.when for w in writes_of(leaf._storage.writes) if w.when < until]
    last = max(writes, default=-1)
    return tuple(c for c in cuts if c.when > last and any(t is leaf for t in all_leaves(c)))


# leaves


def leaf_evidence(tensor: Tensor, path: str, names: Names) -> Evidence:
    """Of a leaf by itself: its last pass, and what else it remembers."""
    history = history_of(tensor, names)
    record = tensor._story.passes[0] if tensor._story.passes else None
    grad = gradient_of(tensor)
    e = Evidence(path, raw(tensor._read()), shared, gradient=grad, history=history)
    if grad is None or record is None:
        return e
    e.live = e.total = 1
    node = tensor._read().node
    alive = [(ref(), shape, dtype) for ref, shape, dtype in record.outputs]
    history.is_output = bool(alive) and all(n is node for n, _, _ in alive)
    history.compiled = not alive
    if history.is_output:
        history.recent = tuple(end_of(c) for c in left.recent[:3] if _is_near(c, tensor, names))
    graph = Graph([(n, s, d) for n, s, d in alive if n is not None])
    if any(entry is node for entry in graph.entries):
        e.live = e.total = graph.live(node)
        look_into(e, graph, node, grad)
    add_cuts(e, for_leaf(record.cuts, tensor, record.when))
    return e


def last_entries(tensors: Iterable[Tensor]) -> list[Node]:
    """The entries of the last passes that have brought their gradients, where these are still there."""
    stories = (t._own_story for t in tensors)
    records = {id(s.passes[0]): s.passes[0] for s in stories if s is not None and s.passes}
    return entries(node for r in records.values() for ref, _, _ in r.outputs if (node := ref()) is not None)


def look_into(e: Evidence, graph: Graph, node: Node, grad: Any) -> None:
    """What the graph says of a leaf whose gradient is known: where it became zero or not finite, or who may have."""
    history: History = e.history
    arrivals = graph.arrivals()
    arrival = None if arrivals is None else arrivals.get(node.seq)
    if arrival is not None and agrees(arrival, grad):
        e.arrival = arrival
    history.freed = graph.freed
    if arrival is None and grad is not None and grad.size:
        if not np.isfinite(grad).all():
            history.suspects = graph.suspects(node, SINGULAR)
        elif not grad.any():
            history.suspects = graph.suspects(node, (*FLAT_PARTS, *SATURATED, *STEPS))


def agrees(arrival: Arrival, grad: Any) -> bool:
    """Whether what comes back is what came: the pass may have begun with another gradient."""
    if grad is None:
        return True
    if np.shape(grad) != arrival.ct.shape or np.isfinite(grad).all() != np.isfinite(arrival.ct).all():
        return False
    return bool(np.any(grad) == arrival.ct.any())


def add_cuts(e: Evidence, cuts: Cuts) -> None:
    """Cuts beside the live paths, or in place of them."""
    ending = tuple(c for c in cuts if not c.flat and end_of(c).kind is not Ending.FLAT)
    if ending:
        e.ends = ends_of(ending)
        e.total = e.live + count_of(ending)
    elif cuts and not e.live:
        e.ends = ends_of(cuts)
        e.total = count_of(cuts)
    e.history.flat = () if e.ends else ends_of(cuts)


def history_of(tensor: Tensor, names: Names) -> History:
    """What is remembered of a leaf, or of a tensor that does not require grad."""
    story = tensor._own_story
    value = tensor._read()
    h = History("leaf" if on_tape(value) else "constant", shape=tuple(value.shape), dtype=tensor.dtype)
    h.requires_grad = on_tape(value)
    h.made = tensor._made if story is None or not on_tape(value) else story.made
    h.misspelt = _misspelt(tensor)
    h.buffer = tensor._label if tensor._role == "buffer" else ""
    grad = tensor._grad
    if story is None:
        return h
    h.origin, h.verdict = story.origin, story.spoilt
    h.passes = tuple(g for g in map(going, story.passes) if g is not None)
    h.count = story.count
    h.missed, h.asked, h.refused = map(going, (story.missed, story.asked, story.refused))
    h.asked_verdict = story.asked.spoilt.get(value.node.seq) if story.asked is not None and on_tape(value) else None
    h.cleared, h.assigned, h.retained = map(_deed, (story.cleared, story.assigned, story.retained))
    h.frozen = _deed(story.switched) if not on_tape(value) else None
    if story.missed is not None:
        h.missed_ends = ends_of(for_leaf(story.missed.cuts, tensor, story.missed.when) or story.missed.cuts)
    h.told, h.copied = ends_of(story.cuts), ends_of(story.copied)
    h.marks = tuple(story.passes[0].marks) if story.passes else ()
    h.denied, h.denier = (None, None) if story.denied is None else (going(story.denied[0]), story.denied[1])
    since = max(story.when, story.cleared.when if story.cleared is not None else 0)
    h.others = tuple(g for g in map(going, PASSES) if g is not None and g.when > since and g.loc is not None)
    if grad is not None and story.passes and grad._storage.version != story.version and grad._storage.writes:
        write = writes_of(grad._storage.writes)[0]
        h.written = Deed(write.loc, writer(write.loc), write.when)
    return h


def _misspelt(tensor: Tensor) -> str:
    """An attribute that was set on the tensor, whose name is nearly one that means something."""
    for name in tensor.__dict__:
        if not name.startswith("_") and difflib.get_close_matches(name, _FLAGS[:1], 1, 0.8):
            return name
    return ""


# tensors that do not require grad


def constant_evidence(tensor: Tensor, path: str, names: Names) -> Evidence:
    """Of a tensor that does not require grad."""
    history = history_of(tensor, names)
    e = Evidence(path, raw(tensor._read()), shared, gradient=gradient_of(tensor), history=history)
    history.inside = backward_frame(tensor)
    if history.inside is not None:
        e.ends = (End("no_grad", Ending.OFF, history.inside, as_="inside backward", of_tensor=True),)
    elif tensor._cuts:
        e.ends, e.total = ends_of(tensor._cuts), count_of(tensor._cuts)
    else:
        history.recent = tuple(end_of(c) for c in left.recent[:3] if _is_near(c, tensor, names))
        made = None if tensor._made is None else place(tensor._made)
        if made is not None and history.recent and _is_within(place(history.recent[0].loc), made):
            e.ends, e.total = (history.recent[0]._replace(back=tensor._made),), 1
        history.near = tuple((name, t._made) for name, t in names.plain() if t is not tensor)[:3]
        history.near_unseen = tuple(
            (name, writes_of(t._storage.unseen)[0].loc) for name, t in names.plain() if t._storage.unseen
        )[:3]
        history.near_late = tuple((n, t._story.made) for n, t in names.late() if t is not tensor)[:3]
        frozen = ((n, t._own_story) for n, t in names.frozen() if t is not tensor)
        history.near_frozen = tuple((n, s.switched.loc) for n, s in frozen if s is not None and s.switched)[:4]
    return e


_TAKES = ("item", "tolist", "float", "complex", "int", "numpy", "tensor", "array", "asarray", "append", "print", "[]=")


def _is_near(cut: PastCut, tensor: Tensor, names: Names) -> bool:
    """Whether the user took a number where the tensor was made, or else in code that runs where it is asked about."""
    name = written(cut.loc)
    if name and name not in _TAKES and not name.startswith("math."):  # ours, inside of what was called
        return False
    if cut.loc is None or tensor._made is None:
        return cut.loc is not None and any(code is cut.loc[0] for code in names.run)
    before = cut.when < tensor._when and not _is_literal(tensor._made)
    return before and _share_a_file(cut.loc[0], tensor._made[0])


def _share_a_file(code: CodeType, other: CodeType) -> bool:
    """Whether two pieces of code were written together: those of ``<string>`` were only if they are the same."""
    name = code.co_filename
    if name.startswith("<") and name not in linecache.cache:
        return code is other
    return name == other.co_filename


def _is_literal(made: Loc) -> bool:
    """Whether the numbers of a tensor stand where it is made."""
    tree = statement(made)
    return isinstance(tree, ast.Call) and not any(isinstance(n, ast.Name) for arg in tree.args for n in ast.walk(arg))


def backward_frame(tensor: Tensor) -> Loc | None:
    """Where the pass was started that called the user's `backward` with this very tensor, if any."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_internal(frame.f_code.co_filename):
        frame = frame.f_back
    while frame is not None:
        caller = frame.f_back
        within = caller is not None and is_internal(caller.f_code.co_filename)
        if within and frame.f_code.co_name == "backward" and any(x is tensor for x in _arguments(frame)):
            while caller is not None and is_internal(caller.f_code.co_filename):
                caller = caller.f_back
            return None if caller is None else (caller.f_code, caller.f_lasti)
        frame = caller
    return None


def _arguments(frame: FrameType) -> Iterator[Any]:
    code = frame.f_code
    count = code.co_argcount + bool(code.co_flags & 4)  # *args
    for name in code.co_varnames[:count]:
        x = frame.f_locals.get(name)
        yield from x if isinstance(x, tuple) else (x,)


# tensors that were computed


def computed_evidence(tensor: Tensor, path: str, graph: Graph, names: Names) -> Evidence:
    """Of a tensor that was computed from what requires grad."""
    node = tensor._read().node
    h = History("computed", op=called(node), loc=node.loc, requires_grad=True, shape=tuple(tensor.shape))
    h.dtype = tensor.dtype
    h.freed = graph.freed
    h.changed = graph.changed(names)
    h.leaves = tuple(names.of(t) for t, _ in graph.owners.values())
    h.rebound = _rebound(node, graph, names)
    story = tensor._own_story
    if story is not None:
        h.retained = _deed(story.retained)
        h.passes = tuple(g for g in map(going, story.passes) if g is not None)
        h.count, h.verdict = story.count, story.spoilt
        if story.retained is not None:
            writes = [w for w in writes_of(tensor._storage.writes) if w.when > story.retained.when]
            h.rewritten = Deed(writes[-1].loc, writer(writes[-1].loc)) if writes else None
    reached = [t._story.passes[0] for t, _ in graph.owners.values() if t._story.passes]
    h.others = tuple(g for g in map(going, sorted(set(reached), key=lambda r: r.when)) if g is not None)
    e = Evidence(path, raw(tensor._read()), shared, gradient=gradient_of(tensor), history=h)
    e.live = e.total = 1
    return e


def _rebound(node: Node, graph: Graph, names: Names) -> str:
    """The name of a leaf that this tensor has replaced: as `w = w - ...`, or "" as "same line" in the expression that
    made the leaf."""
    if node.loc is None:
        return ""
    where = place(node.loc)
    leaves = [p for p in entries([node]) if p.prim is None and p is not node and _unnamed(p, graph, names)]
    here = [leaf for leaf in leaves if leaf.loc is not None and leaf.loc[0] is node.loc[0]]
    if any(_is_within(place(leaf.loc), where) for leaf in here):
        return "same line"
    assignment = around(where, ast.Assign)
    if assignment is None or not isinstance(assignment[0], ast.Assign):
        return ""
    target, value = assignment[0].targets[0], assignment[0].value
    used = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
    return target.id if isinstance(target, ast.Name) and target.id in used and leaves else ""


def _is_within(inner: Place, outer: Place) -> bool:
    if inner[:2] != outer[:2] or None in (inner.col, inner.end_col, outer.col, outer.end_col):
        return False
    return outer.col <= inner.col and inner.end_col <= outer.end_col  # type: ignore[operator]


def _unnamed(leaf: Node, graph: Graph, names: Names) -> bool:
    """Whether no variable in sight holds a leaf any more."""
    owner = next((t for t, node in graph.owners.values() if node is leaf), None)
    return owner is None or id(owner) not in names.tensors
