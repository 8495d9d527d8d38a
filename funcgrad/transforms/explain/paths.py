"""How leaves and outputs hang together on a tape: the paths between them, and where they are cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from funcgrad.core.tape import SELECT, Node
from funcgrad.transforms.explain.follow import Departure, Edge, Entry, differentiates, reads_part
from funcgrad.transforms.explain.remedies import TEMPLATES


class Link(NamedTuple):
    """That something depends on an entry; where a derivative ends on the way, `inner` is the entry that ends it."""

    parent: Node
    edge: Edge
    inner: Node | None = None


class Vertex(NamedTuple):
    """An entry, with what it depends on: an operation, or a result of a call of the user's made of several."""

    node: Node
    links: tuple[Link, ...]


def live_parents(node: Node) -> Iterator[Node]:
    """The entries to which the derivative of an entry goes back, once for each argument."""
    for i, parent in enumerate(node.parents):
        if parent is None:
            continue
        if node.prim is SELECT or differentiates(node.prim, i):  # type: ignore[arg-type]
            yield parent


def vertex(node: Node) -> Vertex:
    """An entry of any tape by itself."""
    dead = node.edges if isinstance(node, Entry) else ()
    live = (Link(parent, Edge.LIVE) for parent in live_parents(node))
    return Vertex(node, (*live, *(Link(p, edge, node) for p, edge in dead)))


def vertices(entries: Iterable[Node]) -> list[Vertex]:
    return [vertex(node) for node in entries]


def joined(entries: Sequence[Entry], ends: Iterable[Node]) -> list[Vertex]:
    """Followed entries, where what one call of the user's does is one step: helpers inside of it are no cuts.

    `ends` are the outputs. A result of a call depends on what the call was given in the strongest way that there is.
    """
    groups = [list(group) for _, group in groupby(entries, key=lambda e: id(e.call) if e.call else id(e))]
    call_of = {e.seq: n for n, group in enumerate(groups) for e in group}
    leaving = {node.seq for node in ends}
    used: set[int] = set()
    for entry in entries:
        for link in vertex(entry).links:
            used.add(link.parent.seq)
            if call_of.get(link.parent.seq) != call_of[entry.seq]:
                leaving.add(link.parent.seq)
    found = []
    for group in groups:
        if len(group) == 1:
            found.append(vertex(group[0]))
            continue
        gone = [e for e in group if isinstance(e.prim, Departure) and e.seq not in leaving]
        if gone:
            links = {link.parent.seq: link for e in gone for link in vertex(e).links}
            found.append(Vertex(gone[-1], tuple(links.values())))
        for entry in group:
            if entry not in gone and (entry.seq in leaving or entry.seq not in used):
                found.append(_result(entry, group))
    return found


_STRENGTH = {Edge.CHOICE: 0, Edge.PAST: 1, Edge.CUT: 2, Edge.LIVE: 3}


def _result(result: Entry, group: Sequence[Entry]) -> Vertex:
    """A result of a call, with what it depends on outside of the call."""
    inside = {e.seq: e for e in group}
    known: dict[int, Link] = {result.seq: Link(result, Edge.LIVE)}
    outside: dict[int, Link] = {}
    for entry in reversed(group):
        so_far = known.get(entry.seq)
        if so_far is None:
            continue
        for link in vertex(entry).links:
            found = _through(so_far, link)
            where = known if link.parent.seq in inside else outside
            old = where.get(link.parent.seq)
            if old is None or _STRENGTH[found.edge] > _STRENGTH[old.edge]:
                where[link.parent.seq] = found
    return Vertex(result, tuple(outside[seq] for seq in sorted(outside)))


def _through(so_far: Link, link: Link) -> Link:
    """The dependence on a parent of an entry, by that on the entry."""
    if Edge.CHOICE in (so_far.edge, link.edge):
        return Link(link.parent, Edge.CHOICE, so_far.inner or link.inner)
    if link.edge is Edge.LIVE:
        return Link(link.parent, so_far.edge, so_far.inner)
    return link


class Paths:
    """Ways from entries to the outputs, counted backwards over all vertices (oldest first).

    By an entry's `seq`: `live` counts those on which a derivative comes back, `total` all, and `chosen` also
    those on which the value only chooses; `unasked` has the entries from which an output is reached without a
    stop_gradient. Those in `meant` lead nowhere: they are asked for. Counts are Python's ints: they double with every
    `x + x`.
    """

    def __init__(
        self,
        steps: Sequence[Vertex],
        outputs: Sequence[Node],
        departures: Sequence[Entry],
        meant: frozenset[int] = frozenset(),
    ) -> None:
        self.steps = steps
        self.meant = meant
        self.live: dict[int, int] = {}
        self.total: dict[int, int] = {}
        self.chosen: dict[int, int] = {}
        self.unasked = {node.seq for node in (*outputs, *departures)}
        for node in outputs:
            self._add(node, 1, 1, 1)
        for node in departures:
            followed = isinstance(node.prim, Departure)
            self._add(node, 0, 1 if followed else 0, 1)
        for step in reversed(steps):
            live, total, chosen = self.counts(step.node)
            if not chosen or step.node.seq in meant:
                continue
            if step.node.seq in self.unasked and not asked_for(step.node):
                self.unasked |= {link.parent.seq for link in step.links}
            for link in step.links:
                back = live if link.edge is Edge.LIVE else 0
                self._add(link.parent, back, 0 if link.edge is Edge.CHOICE else total, chosen)

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

    def downstream(self, leaves: Iterable[Node]) -> list[Vertex]:
        """What is computed from any of these leaves, oldest first."""
        reached = {leaf.seq for leaf in leaves}
        found = []
        for step in self.steps:
            if any(link.parent.seq in reached for link in step.links):
                reached.add(step.node.seq)
                found.append(step)
        return found

    def cuts(self, leaf: Node) -> list[tuple[Vertex, Link]]:
        """The steps on paths from a leaf to the outputs at which a derivative ends, oldest first.

        Where it had ended before, only steps are named that would end it too. What leads to a stop_gradient only is
        not: the user has asked for that.
        """
        only_chosen = not self.total.get(leaf.seq, 0)
        counts = self.chosen if only_chosen else self.total
        ends = (Edge.CUT, Edge.CHOICE) if only_chosen else (Edge.CUT,)
        reached = {leaf.seq, *(step.node.seq for step in self.downstream([leaf]))}
        found = []
        for step in self.steps:
            seq = step.node.seq
            if counts.get(seq, 0) and seq not in self.meant and (seq in self.unasked or asked_for(step.node)):
                link = next((k for k in step.links if k.parent.seq in reached and _ends(step, k, ends)), None)
                if link is not None:
                    found.append((step, link))
        return found


def _ends(step: Vertex, link: Link, ends: tuple[Edge, ...]) -> bool:
    if link.edge in ends and (link.edge is Edge.CUT or carries(link.parent) or _departs(step.node)):
        return True
    return link.edge is Edge.PAST and ends_by_itself(link.inner or step.node)


def _departs(node: Node) -> bool:
    """Whether a value leaves that was plain already; as an index it goes where such a value may."""
    prim = node.prim
    return isinstance(prim, Departure) and not (prim.name == "int" and reads_part(node.loc))


def asked_for(node: Node) -> bool:
    """Whether the user has asked for the derivative to end here."""
    return isinstance(node, Entry) and node.call is not None and node.call.name == "stop_gradient"


STEPS = frozenset(TEMPLATES) - {"astype", "int", "round"}
"""Functions of NumPy's that have no derivative, where they are called on values that are plain already."""


def carries(node: Node) -> bool:
    """Whether a derivative comes to an entry at all."""
    return node.prim is None or node.saved is not None


def ends_by_itself(node: Node) -> bool:
    """Whether an operation has no derivative, even of values that carry one."""
    if not isinstance(node, Entry) or node.prim is None:
        return False
    if isinstance(node.prim, Departure):
        return node.prim.name in STEPS
    if node.prim.name == "convert":
        return any(isinstance(p, Entry) and p.is_float and not node.is_float for p, _ in node.edges)
    return node.prim.is_flat
