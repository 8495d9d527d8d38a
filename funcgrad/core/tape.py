"""The tape: each entry is one linear map, with what it needs to be applied forwards (push) or backwards (pull).

Entries point at the entries they came from and never the other way, so an entry lives as long as something
computed from it does: values that turn out not to matter are freed at once, and there are no reference cycles.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from sys import getrefcount
from typing import Any
from weakref import getweakrefcount

import numpy as np

from funcgrad.core.avals import Aval, aval_of, is_inexact
from funcgrad.core.constants import keep
from funcgrad.core.memory import copied, owner_of, released
from funcgrad.core.provenance import Loc, here
from funcgrad.core.trace import Primitive, Trace, Tracer, as_argument
from funcgrad.core.warned import SILENT, set_state, state

tick = itertools.count().__next__
"""The next number in the sequence of entries, for what happens between them."""


class Node:
    """One entry. `parents[i]` is the entry of argument i, None where the argument is a constant.

    `seq` rises with time: popping the highest first is a topological order, without recursion.
    A leaf has no primitive and no parents. `note` is unset; `funcgrad.torch` keeps there what it knows of an entry.
    """

    __slots__ = ("__weakref__", "loc", "note", "params", "parents", "prim", "saved", "seq")
    note: Any

    def __init__(
        self,
        prim: Primitive | None = None,
        params: Any = None,
        parents: tuple[Node | None, ...] = (),
        saved: Any = None,
        loc: Loc | None = None,
    ) -> None:
        self.seq = tick()
        self.prim = prim
        self.params = params
        self.parents = parents
        self.saved = saved
        self.loc = loc

    def __repr__(self) -> str:
        return f"Node({self.seq}, {self.prim or 'leaf'})"


SELECT = Primitive("select_output")


def selected(node: Node, index: int, of: int) -> Node:
    """The entry of one of the `of` outputs of an entry."""
    return Node(SELECT, {"index": index, "of": of}, (node,), (), node.loc)


class TapeTracer(Tracer):
    """A value with its tape entry."""

    __slots__ = ("node", "value")
    has_value = True

    def __init__(self, trace: Trace, value: Any, node: Node) -> None:
        self._trace = trace
        self._place = None
        self.value = value
        self.node = node

    @property
    def aval(self) -> Aval:
        return aval_of(self.value)

    @property
    def shape(self) -> tuple[int, ...]:
        try:
            return self.value.shape
        except AttributeError:  # a Python scalar
            return ()

    @property
    def dtype(self) -> np.dtype:
        try:
            return self.value.dtype
        except AttributeError:
            return aval_of(self.value).dtype

    def location(self) -> Loc | None:
        return self.node.loc


_new = object.__new__


def recorded(
    trace: Trace,
    value: Any,
    prim: Primitive,
    params: dict[str, Any],
    parents: tuple[Node | None, ...],
    saved: Any,
    loc: Loc | None,
) -> TapeTracer:
    """A value with an entry of its own; the two classes called take 0.1 us longer."""
    node = _new(Node)
    node.seq = tick()
    node.prim = prim
    node.params = params
    node.parents = parents
    node.saved = saved
    node.loc = loc
    x = _new(TapeTracer)
    x._trace = trace
    x._place = None
    x.value = value
    x.node = node
    return x


class TapeTrace(Trace):
    """Computes, and records what reverse mode needs."""

    __slots__ = ()
    name = "grad"

    def leaf(self, value: Any, loc: Loc | None = None) -> TapeTracer:
        """A value to differentiate with respect to; `loc` is where it came in."""
        return as_argument(TapeTracer(self, value, Node(loc=loc)))

    def process(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        values: list[Any] = []
        parents: list[Node | None] = []
        for a in args:
            if type(a) is TapeTracer and a._trace is self:
                values.append(a.value)
                parents.append(a.node)
            else:
                values.append(keep(a) if prim.keeps_all else a)
                parents.append(None)
        out, saved = prim.record(values, parents, params)
        if saved is None:
            return released(out, values)
        if not prim.multiple:
            return recorded(self, out, prim, params, tuple(parents), saved, here())
        node = Node(prim, params, tuple(parents), saved, here())
        constants = {owner_of(v) for v, p in zip(values, parents) if p is None}
        return tuple(
            released(y, out)
            if not is_inexact(aval_of(y).dtype)
            else copied(y)
            if owner_of(y) in constants  # handed through by a call: it stays the constant that it is
            else TapeTracer(self, y, selected(node, i, len(out)))
            for i, y in enumerate(out)
        )


REUSED = 1 << 18
"""Bytes of an array from which on a pass looks whether its memory can be used again: below it does not pay."""
ALONE = 1 if sys.version_info >= (3, 14) else 2
"""`getrefcount(x)` of what nothing has but the local variable `x`. Only Python 3.14 may call with a reference that is
not counted; where it does not, the count is higher, and memory is not used again."""


def is_whole(x: np.ndarray) -> bool:
    """Whether an array that is held once has memory that can be written, and that no other object can come to."""
    return x.base is None and x.flags.owndata and x.flags.writeable and not getweakrefcount(x)


class Sparse:
    """A cotangent that is zero outside one part: `put(buffer)` adds it there, `dense()` makes all of it.

    Sums of many (one for each `x[i]` of a loop) go into one buffer instead of one array each.
    """

    __slots__ = ("dense", "put")

    def __init__(self, put: Callable[[np.ndarray], Any], dense: Callable[[], Any]) -> None:
        self.put = put
        self.dense = dense


class Pending:
    """Cotangents that have arrived at entries not yet visited; the newest entry comes out first."""

    __slots__ = ("arrived", "heap", "owned")

    def __init__(self) -> None:
        self.arrived: dict[int, tuple[Node, Any]] = {}
        self.heap: list[int] = []
        self.owned: set[int] = set()

    def add(self, node: Node, ct: Any) -> None:
        seq = node.seq
        before = self.arrived.pop(seq, None)
        if before is not None:
            total = before[1]
            del before
            if type(total) is np.ndarray and total.nbytes >= REUSED and getrefcount(total) == ALONE and is_whole(total):
                self.owned.add(seq)
            ct = self._sum(seq, total, ct)
        else:
            heappush(self.heap, -seq)
            if type(ct) is Sparse:
                ct = ct.dense()
                if type(ct) is np.ndarray:
                    self.owned.add(seq)
        self.arrived[seq] = node, ct

    def _sum(self, seq: int, total: Any, ct: Any) -> Any:
        if type(total) is list:  # an entry with several outputs
            return [b if a is None else a if b is None else a + b for a, b in zip(total, ct)]
        if type(ct) is Sparse:
            if type(total) is np.ndarray:
                if seq not in self.owned:
                    total = total.copy()
                    self.owned.add(seq)
                ct.put(total)
                return total
            ct = ct.dense()
        if seq in self.owned:
            if type(ct) is np.ndarray and ct.shape == total.shape and ct.dtype == total.dtype:
                return np.add(total, ct, total)
            self.owned.discard(seq)
        return total + ct


def pull(seeds: list[tuple[Node, Any]]) -> dict[int, Any]:
    """Apply the recorded maps backwards; returns the cotangent of each leaf reached, by the leaf's `seq`.

    `seeds` are entries with their cotangents; the list is emptied, so that it keeps nothing alive. Entries are let go
    as soon as they are done: where nobody else holds them, their saved values are freed while the pass goes on.
    """
    pending = Pending()
    add = pending.add
    arrived, heap = pending.arrived, pending.heap
    while seeds:
        add(*seeds.pop())
    leaves: dict[int, Any] = {}
    node: Any = None
    ct: Any = None
    before = state()
    try:
        set_state(SILENT)
        while node is not None or heap:
            if node is None:
                node, ct = arrived.pop(-heappop(heap))
            prim = node.prim
            parents = node.parents
            if prim is None:
                leaves[node.seq] = ct
                node = ct = None
            elif prim is SELECT:
                slots = [None] * node.params["of"]
                slots[node.params["index"]] = ct
                node = ct = None
                add(parents[0], slots)
            else:
                saved = node.saved
                if type(ct) is np.ndarray and ct.nbytes >= REUSED:
                    over = getrefcount(ct) == ALONE and is_whole(ct)
                    last = getrefcount(node) == ALONE and getrefcount(saved) == ALONE + 1
                    cts = prim.pull_over(saved, parents, ct, node.params, over=over, last=last)
                else:
                    cts = prim.pull(saved, parents, ct, node.params)
                del saved
                node = ct = None
                if not heap and (len(parents) == 1 or (len(parents) == 2 and parents[1] is None)):
                    node, ct = parents[0], cts[0]
                    if node is not None and ct is not None and type(ct) is not Sparse:
                        del cts, parents  # as below, without a loop
                        continue
                    node = ct = None
                for parent, c in zip(parents, cts):
                    if parent is None or c is None:
                        continue
                    if node is None and not heap and type(c) is not Sparse:
                        node, ct = parent, c  # the only one that waits is next
                        continue
                    if node is not None:
                        add(node, ct)
                        node = ct = None
                    if parent.seq in arrived or type(c) is Sparse:
                        add(parent, c)
                    else:  # what add does, without its call
                        arrived[parent.seq] = parent, c
                        heappush(heap, -parent.seq)
                del cts
                parent = c = None
            del parents
    finally:
        set_state(before)
    return leaves


def entries(outputs: Iterable[Node]) -> list[Node]:
    """The entries that the given ones were computed from, and they themselves, oldest first."""
    found: dict[int, Node] = {}
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node.seq not in found:
            found[node.seq] = node
            stack.extend(p for p in node.parents if p is not None)
    return [found[seq] for seq in sorted(found)]


def push(nodes: Sequence[Node], tangents: dict[int, Any]) -> dict[int, Any]:
    """Apply recorded maps forwards. `nodes` is oldest first; `tangents`, by `seq`, has the leaves' and is extended."""
    before = state()
    try:
        set_state(SILENT)
        for node in nodes:
            if node.prim is None:
                continue
            incoming: list[Any] = [None if p is None else tangents.get(p.seq) for p in node.parents]
            if all(t is None for t in incoming):
                continue
            if node.prim is SELECT:
                tangents[node.seq] = incoming[0][node.params["index"]]
            else:
                tangents[node.seq] = node.prim.push(node.saved, incoming, node.params)
    finally:
        set_state(before)
    return tangents


def pulled(
    fun: Callable[..., Sequence[Any]], values: Sequence[Any], moving: Sequence[bool], cts: Sequence[Any]
) -> list[Any]:
    """The cotangents of values, where they move and any arrive, for those of the outputs of a flat function."""
    trace = TapeTrace()
    try:
        xs = [trace.leaf(v) if m else v for v, m in zip(values, moving)]
        outs = fun(*xs)
    finally:
        trace.end()
    mine = [c is not None and isinstance(y, TapeTracer) and y._trace is trace for y, c in zip(outs, cts)]
    found = pull([(y.node, c) for y, c, m in zip(outs, cts, mine) if m])
    return [found.get(x.node.seq) if m else None for x, m in zip(xs, moving)]
