"""Which values of a program get memory.

A view, and an elementwise value that is used once or costs no more than a load, gets no memory: whoever asks for an
element of it asks its operands in turn.
"""

from __future__ import annotations

from functools import lru_cache

from funcgrad.compile.elements import Statement
from funcgrad.compile.kinds import kind_of
from funcgrad.compile.mathlib import functions
from funcgrad.compile.ways import TINY, folded, is_blas, is_inline
from funcgrad.core.graph import Atom, Eqn, Graph, Literal

LANES = 4
"""What fills a vector register: of so many elements beside each other a loop with lanes is made."""
CHEAP = 3
"""What an element may cost to be computed at each of its uses: about what it costs to store and load it."""
DEPTH = 40
"""Equations computed within one expression at most, which bounds recursion."""
FREE_VIEWS = frozenset(("reshape", "transpose", "broadcast_to", "slice_", "flip"))
_QUICK = frozenset(("sqrt", "floor", "ceil", "trunc", "rint", "fabs", "copysign", "maximum", "minimum"))


class Plan:
    """Which values are stored, and in which segment of kernel code each is made.

    Segment k runs before the k-th group of NumPy calls.
    """

    def __init__(self, graph: Graph, forced: set[Atom], within: bool = False) -> None:
        self.graph = graph
        self.forced = forced
        self.used: set[Atom] = {*graph.outputs, *(a for e in graph.eqns for a in e.inputs)}
        self.maker: dict[Atom, Eqn] = {v: e for e in graph.eqns for v in e.outputs}
        self._users: dict[Atom, list[Eqn]] = {}
        for eqn in graph.eqns:
            for atom in dict.fromkeys(eqn.inputs):
                self._users.setdefault(atom, []).append(eqn)
        self.statements: dict[Eqn, Statement] = {}
        self.kinds = {e: kind_of(e, self.statements) for e in graph.eqns}
        self.costs: dict[Atom, float] = {}
        self.depths: dict[Atom, int] = {}
        self.stored: set[Atom] = set(graph.inputs)
        self.segments: dict[Eqn, int] = {}
        if not within:
            self._big_products()
            self._host_views()
        self._choose()
        self._cut()

    def _big_products(self) -> None:
        for eqn, kind in self.kinds.items():
            if kind == "dot" and is_blas(eqn):
                self.kinds[eqn] = "host"

    def _host_views(self) -> None:
        """Views that only NumPy calls look at are NumPy's own."""
        users, outputs = self._users, set(self.graph.outputs)
        for eqn in reversed(self.graph.eqns):
            if self.kinds[eqn] == "view" and eqn.prim.name in FREE_VIEWS:
                (out,) = eqn.outputs
                if out not in outputs and all(self.kinds[u] == "host" for u in users.get(out, ())):
                    self.kinds[eqn] = "host"

    def _choose(self) -> None:
        """Costs, and with them what is stored."""
        users, outputs = self._users, set(self.graph.outputs)
        uses = self._uses(users)
        for eqn in self.graph.eqns:
            kind = self.kinds[eqn]
            for v in eqn.outputs:
                self.costs[v], self.depths[v] = self._cost(eqn, kind)
                if kind not in ("map", "view"):
                    keep = kind not in ("fold", "dot") or not self._is_short(eqn)
                    self.costs[v] = self.costs[v] if not keep else 1
                else:
                    keep = False
                keep = keep or v in outputs or any(self._needs_memory(u, v) for u in users.get(v, ()))
                keep = keep or self.depths[v] >= DEPTH or v in self.forced
                if not keep and (_is_row(eqn) or (kind != "view" and self.costs[v] > CHEAP)):
                    keep = uses.get(v, 0) > 1 or self._is_repeated(v, users)
                if keep:
                    self.stored.add(v)
                    self.depths[v] = 0

    def _needs_memory(self, user: Eqn, v: Atom) -> bool:
        """Whether a value must stand in memory for one of its users.

        A loop copies what it begins with anyway, and reads an element that stands somewhere from there.
        """
        if self.kinds[user] == "control" and self.costs[v] <= CHEAP:
            if self.costs[v] <= 1 and self.maker[v].prim.name in FREE_VIEWS:
                return False
            carries = range(len(user.inputs))[carried(user)]
            return any(a is v and i not in carries for i, a in enumerate(user.inputs))
        if self.kinds[user] == "statements":
            return self.costs[v] > CHEAP and not is_inline(user)
        return self.kinds[user] in ("host", "control")

    def _uses(self, users: dict[Atom, list[Eqn]]) -> dict[Atom, int]:
        """How often an element is asked for; a view's uses are its operand's."""
        uses: dict[Atom, int] = {}
        for eqn in reversed(self.graph.eqns):
            for v in eqn.outputs:
                uses[v] = sum(
                    uses.get(u.outputs[0], 1) if self.kinds[u] == "view" else 1 for u in users.get(v, ())
                )
        return uses

    def _cost(self, eqn: Eqn, kind: str) -> tuple[float, int]:
        """Of one element, in additions, with what is computed for it; and how deep the expression is."""
        inner = [1 if a in self.stored or isinstance(a, Literal) else self.costs[a] for a in eqn.inputs]
        depth = 1 + max([self.depths.get(a, 0) for a in eqn.inputs if a not in self.stored], default=0)
        if kind == "map":
            return sum(inner) + _template_cost(self.statements[eqn].expression), depth
        if kind == "view":
            return sum(inner), depth
        if kind == "fold":
            return (inner[0] + 1) * folded(eqn), depth
        if kind == "dot":
            return (inner[0] + inner[1] + 1) * folded(eqn), depth
        return 1, 0

    def _is_short(self, eqn: Eqn) -> bool:
        """Whether a fold is written out within the expressions that use it."""
        return folded(eqn) <= TINY and self.costs[eqn.outputs[0]] <= 4 * CHEAP

    def _is_repeated(self, v: Atom, users: dict[Atom, list[Eqn]]) -> bool:
        """Whether the elements are used again and again along an axis that they do not have."""
        for u in users.get(v, ()):
            if self.kinds[u] == "statements" and is_inline(u):
                continue
            if self.kinds[u] == "dot" or any(out.aval.size > max(v.aval.size, 1) for out in u.outputs[:1]):
                return True
            if self.kinds[u] == "view" and u.outputs[0] not in self.stored and self._is_repeated(u.outputs[0], users):
                return True
        return False

    def _cut(self) -> None:
        """Segments: a value that NumPy makes is there from the next one on. Effects keep their order."""
        ready: dict[Atom, int] = {}
        done = 0
        for eqn in self.graph.eqns:
            segment = max([ready.get(a, 0) for a in eqn.inputs], default=0)
            if eqn.has_effect:
                segment = done = max(segment, done)
            self.segments[eqn] = segment
            for v in eqn.outputs:
                ready[v] = segment + (self.kinds[eqn] == "host")


def carried(eqn: Eqn) -> slice:
    """The inputs of a loop or branch that it begins with."""
    if eqn.prim.name == "scan_call":
        return slice(0, eqn.params["steps"].carries)
    return slice(0, len(eqn.outputs) if eqn.prim.name == "while_call" else 0)


def _is_row(eqn: Eqn) -> bool:
    """Whether a result's rows are vectors put together from pieces, which are read at once where they are in memory."""
    shape = eqn.outputs[0].aval.shape
    return eqn.prim.name == "concatenate" and len(shape) > 1 and eqn.params["axis"] == len(shape) - 1 and (
        shape[-1] == LANES
    )  # fmt: skip


@lru_cache(maxsize=1024)
def _template_cost(text: str) -> float:
    operators = sum(text.count(c) for c in "+-*<>=|&^") + 3 * text.count("/") + text.count("if")
    return operators + sum(5 if name in _QUICK else 12 for name in functions(text))
