"""How leaves and outputs hang together on a tape: the paths between them, and where they are cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from funcgrad.core.tape import SELECT, Node
from funcgrad.transforms.explain.follow import Departure, Edge, Entry, differentiates


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
