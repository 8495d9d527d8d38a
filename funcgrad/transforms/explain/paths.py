"""How leaves and outputs hang together on a tape: paths, where they are cut, and what cotangents undergo."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.tape import SELECT, Node, Sparse
from funcgrad.transforms.explain.follow import Departure, Edge, Entry, concrete, differentiates


def live_parents(node: Node) -> Iterator[Node]:
    """The entries to which the derivative of an entry goes back, once for each argument."""
    for i, parent in enumerate(node.parents):
        if parent is None:
            continue
        if node.prim is SELECT or differentiates(node.prim, i):  # type: ignore[arg-type]
            yield parent


def dead_edges(node: Node) -> Iterable[tuple[Node, Edge]]:
    return node.edges if isinstance(node, Entry) else ()


def carries(node: Node) -> bool:
    """Whether a derivative comes to an entry at all."""
    return node.prim is None or node.saved is not None


class Paths:
    """Ways from entries to the outputs, counted backwards over all entries (oldest first).

    By an entry's `seq`: `live` counts those on which a derivative comes back, `total` all, and `chosen` also
    those on which the value only chooses. They are Python's ints: the count doubles with every `x + x`.
    """

    def __init__(self, entries: Sequence[Node], outputs: Sequence[Node], departures: Sequence[Entry]) -> None:
        self.entries = entries
        self.live: dict[int, int] = {}
        self.total: dict[int, int] = {}
        self.chosen: dict[int, int] = {}
        for node in outputs:
            self._add(node, 1, 1, 1)
        for node in departures:
            followed = isinstance(node.prim, Departure)
            self._add(node, 0, 1 if followed else 0, 1)
        for node in reversed(entries):
            live, total, chosen = self.counts(node)
            if not chosen:
                continue
            for parent in live_parents(node):
                self._add(parent, live, total, chosen)
            for parent, edge in dead_edges(node):
                self._add(parent, 0, 0 if edge is Edge.CHOICE else total, chosen)

    def _add(self, node: Node, live: int, total: int, chosen: int) -> None:
        for counts, n in ((self.live, live), (self.total, total), (self.chosen, chosen)):
            counts[node.seq] = counts.get(node.seq, 0) + n

    def counts(self, node: Node) -> tuple[int, int, int]:
        seq = node.seq
        return self.live.get(seq, 0), self.total.get(seq, 0), self.chosen.get(seq, 0)

    def of_leaf(self, leaf: Node) -> tuple[int, int]:
        """How many paths there are, and how many of them are cut."""
        live, total, chosen = self.counts(leaf)
        return (total, total - live) if total else (chosen, chosen)

    def downstream(self, leaves: Iterable[Node]) -> list[Node]:
        """The entries computed from any of these leaves, oldest first."""
        reached = {leaf.seq for leaf in leaves}
        found = []
        for node in self.entries:
            if any(
                p is not None and p.seq in reached for p in (*node.parents, *(p for p, _ in dead_edges(node)))
            ):
                reached.add(node.seq)
                found.append(node)
        return found

    def cuts(self, leaf: Node) -> list[Node]:
        """The entries on paths from a leaf to the outputs at which a derivative ends, oldest first."""
        only_chosen = not self.total.get(leaf.seq, 0)
        counts = self.chosen if only_chosen else self.total
        ends = (Edge.CUT, Edge.CHOICE) if only_chosen else (Edge.CUT,)
        reached = {leaf.seq, *(node.seq for node in self.downstream([leaf]))}
        return [
            node
            for node in self.entries
            if counts.get(node.seq, 0)
            if any(
                edge in ends
                and parent.seq in reached
                and (carries(parent) or isinstance(node.prim, Departure))
                for parent, edge in dead_edges(node)
            )
        ]


class Arrival:
    """A cotangent at an entry, and how it became what it is.

    `dead`: the entries that made all of it zero; `masked`: the entry that made some of it zero; `fault`:
    where it stopped being finite; `cancelled`: the entry at which contributions that are not zero added up
    to zero.
    """

    __slots__ = ("cancelled", "ct", "dead", "fault", "masked")

    def __init__(self, ct: Any) -> None:
        self.ct = np.asarray(concrete(ct))
        self.dead: tuple[Node, ...] = ()
        self.masked: Node | None = None
        self.fault: Fault | None = None
        self.cancelled: Node | None = None


class Fault(NamedTuple):
    """The first derivative that is not finite: of which entry, and in which element of its argument.

    `masked` is the entry that had thrown this element away, where the cotangent was zero there.
    """

    node: Node
    element: tuple[int, ...]
    masked: Node | None


ROUNDING = 64
"""A sum below this many units in the last place of what was added counts as zero."""


def flow_back(seeds: Sequence[tuple[Node, Any]], entries: Sequence[Node]) -> dict[int, Arrival]:
    """Pull cotangents back as `core.tape.pull` does, noting where they vanish, cancel, or stop being finite.

    Returns what arrives at each leaf. A sum that cancels up to rounding goes on as zero.
    """
    arriving: dict[int, list[list[Arrival]]] = {}
    for node, ct in seeds:
        arriving.setdefault(node.seq, [[]])[0].append(Arrival(ct))
    found: dict[int, Arrival] = {}
    with np.errstate(all="ignore"):
        for node in reversed(entries):
            if node.seq not in arriving:
                continue
            outs = [_summed(node, given) if given else None for given in arriving.pop(node.seq)]
            known = [arrival for arrival in outs if arrival is not None]
            if node.prim is None:
                found[node.seq] = known[0]
            elif node.prim is SELECT:
                (parent,), params = node.parents, node.params or {}
                assert parent is not None
                arriving.setdefault(parent.seq, [[] for _ in range(params["of"])])[params["index"]] += known
            else:
                ct = [None if a is None else a.ct for a in outs] if node.prim.multiple else known[0].ct
                cts = node.prim.pull(
                    node.saved, node.parents, ct, node.params
                )
                for parent, c in zip(node.parents, cts):
                    if parent is not None and c is not None:
                        passed = _passed(node, known, c.dense() if type(c) is Sparse else c)
                        arriving.setdefault(parent.seq, [[]])[0].append(passed)
    return found


def _passed(node: Node, incoming: Sequence[Arrival], ct: Any) -> Arrival:
    """What one entry hands on to one of its arguments."""
    arrival = Arrival(ct)
    ct = arrival.ct
    if not ct.all():
        arrival.masked = next((a.masked for a in incoming if not a.ct.all()), node)
    if not ct.any():
        alive = any(a.ct.any() for a in incoming)
        arrival.dead = (node,) if alive else _union(incoming)
        arrival.cancelled = _first(a.cancelled for a in incoming)
    arrival.fault = _first(a.fault for a in incoming)
    if arrival.fault is None and not np.isfinite(ct).all():
        element = tuple(int(i) for i in np.argwhere(~np.isfinite(ct))[0])
        lost = any(a.ct.shape == ct.shape and not a.ct[element] for a in incoming)
        arrival.fault = Fault(node, element, _first(a.masked for a in incoming) if lost else None)
    return arrival


def _summed(node: Node, arrivals: Sequence[Arrival]) -> Arrival:
    """What arrives in all."""
    if len(arrivals) == 1:
        return arrivals[0]
    total = Arrival(sum(a.ct for a in arrivals))
    scale = sum(np.abs(a.ct) for a in arrivals)
    if scale.any() and (np.abs(total.ct) <= ROUNDING * np.finfo(total.ct.dtype).eps * scale).all():
        total.ct = np.zeros_like(total.ct)
        total.cancelled = node
    elif not total.ct.any():
        total.cancelled = _first(a.cancelled for a in arrivals)
    total.dead = _union(arrivals) if not total.ct.any() else ()
    total.masked = _first(a.masked for a in arrivals) if not total.ct.all() else None
    total.fault = _first(a.fault for a in arrivals)
    return total


def _first(found: Iterable[Any]) -> Any:
    return next((x for x in found if x is not None), None)


def _union(arrivals: Sequence[Arrival]) -> tuple[Node, ...]:
    return tuple({node.seq: node for a in arrivals for node in a.dead}.values())
