"""A program in segments: kernels, and the NumPy calls between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from funcgrad.compile import pool, vectormath
from funcgrad.compile.control import Maker
from funcgrad.compile.kernels import Kernel
from funcgrad.compile.lower import Lowering, Unfit
from funcgrad.compile.nest import WIDEST, For
from funcgrad.compile.plan import Plan
from funcgrad.compile.scalars import Scalars
from funcgrad.compile.statements import Buffer
from funcgrad.core.graph import Atom, Eqn, Graph, Literal, Var

INLINED = 24
"""Calls of functions of one kernel up to which they are inlined: 2 times as fast, but 25 instructions each."""


class Call(NamedTuple):
    """A primitive run by its NumPy implementation."""

    eqn: Eqn

    @property
    def inputs(self) -> tuple[Atom, ...]:
        return self.eqn.inputs

    @property
    def outputs(self) -> tuple[Var, ...]:
        return self.eqn.outputs


class Segment:
    """One kernel: values in, values out. `table` holds captured numbers, and constant arrays by their addresses.

    `beside` are the declarations and functions that the text of the kernel needs.
    """

    def __init__(self, plan: Plan, eqns: Sequence[Eqn], wanted: set[Atom]) -> None:
        self.table: list[Any] = []
        self._slots: dict[tuple[type, float], int] = {}
        self._buffers: dict[Atom, Buffer] = {}
        self._plan = plan
        variables = [v for e in eqns for v in e.outputs if v in plan.stored and v in plan.used]
        self._made = set(variables)
        self._wanted = wanted
        self._inputs: dict[Atom, Buffer] = {}
        maker = Maker(WIDEST)
        self.root = For(None)
        maker.build(self.root, Lowering(plan, self._buffer, self._number, Scalars()), eqns, 0)
        self.outputs = _in_order(plan.graph.outputs, [v for v in variables if v in wanted])
        for a in self._needed():
            self._buffer(a)
        self.inputs = _in_order(plan.graph.inputs, self._inputs)
        maker.finish(self.root, [self._buffers[v] for v in variables if v not in wanted and v in self._buffers], 0)
        self.scratch = maker.local
        made = Kernel(
            self.root, [self._inputs[a] for a in self.inputs], [self._buffer(v) for v in self.outputs], self.scratch
        )
        self.work = made.work
        self.operations = made.operations
        vectormath.prepare()
        if made.threaded:
            pool.address()
        texts, declared = vectormath.definitions(made.shared.used, made.shared.calls <= INLINED)
        self.beside = [*sorted(declared | made.shared.declared), *texts]
        self.kernel = made.text

    @property
    def text(self) -> str:
        """The kernel, and what it calls."""
        return "\n".join([*self.beside, self.kernel])

    def graph(self) -> Graph:
        """The same from inputs to outputs, as a program."""
        return Graph(self.inputs, tuple(reversed(self._backwards())), self.outputs)

    def _backwards(self) -> list[Eqn]:
        needed: set[Atom] = set(self.outputs)
        kept = []
        for eqn in reversed(self._plan.graph.eqns):
            if any(v in needed and self._is_own(v) for v in eqn.outputs):
                kept.append(eqn)
                needed.update(eqn.inputs)
        return kept

    def _is_own(self, v: Var) -> bool:
        return v in self._made or v not in self._plan.stored

    def _needed(self) -> list[Var]:
        """What the equations read, also where the kernel finds that it needs no element of it."""
        read = [a for e in reversed(self._backwards()) for a in e.inputs if isinstance(a, Var)]
        return [a for a in dict.fromkeys(read) if not self._is_own(a)]

    def _buffer(self, atom: Atom) -> Buffer:
        found = self._buffers.get(atom)
        if found is None:
            aval = atom.aval
            if atom in self._made:
                place = "output" if atom in self._wanted else "scratch"
            else:
                place = "constant" if isinstance(atom, Literal) else "input"
            found = self._buffers[atom] = Buffer(aval.shape, aval.dtype, place)
            if place == "input":
                self._inputs[atom] = found
            elif place == "constant":
                found.slot = self._slot(np.ascontiguousarray(atom.value))  # type: ignore[union-attr]
        return found

    def _number(self, atom: Literal) -> int:
        number = float(atom.value) if atom.aval.dtype.kind == "f" else int(atom.value)
        key = type(number), number
        if key not in self._slots:
            self._slots[key] = self._slot(number)
        return self._slots[key]

    def _slot(self, value: Any) -> int:
        self.table.append(value)
        return len(self.table) - 1


def _in_order(first: Sequence[Atom], atoms: Iterable[Atom]) -> tuple[Any, ...]:
    """Atoms as a program names them, and then the others."""
    kept = dict.fromkeys(atoms)
    return tuple(dict.fromkeys([*(a for a in first if a in kept), *kept]))


def split(graph: Graph, blas: bool = True) -> list[Segment | Call]:
    """The steps of a simplified program, in an order in which they can run; without BLAS, products are all kernels'."""
    forced: set[Atom] = set()
    while True:
        try:
            return _split(Plan(graph, forced, within=not blas))
        except Unfit as needed:
            forced.add(needed.args[0])


def _split(plan: Plan) -> list[Segment | Call]:
    graph = plan.graph
    kernels: dict[int, list[Eqn]] = {}
    calls: dict[int, list[Call]] = {}
    for eqn in graph.eqns:
        segment = plan.segments[eqn]
        if plan.kinds[eqn] == "host":
            calls.setdefault(segment, []).append(Call(eqn))
        elif any(v in plan.stored and v in plan.used for v in eqn.outputs):
            kernels.setdefault(segment, []).append(eqn)
    ends = _ends(plan)
    steps: list[Segment | Call] = []
    for segment in sorted({*kernels, *calls}):
        made = kernels.get(segment)
        if made:
            steps.append(Segment(plan, made, {v for e in made for v in e.outputs if ends.get(v, -1) > segment}))
        steps += calls.get(segment, [])
    return steps


def _ends(plan: Plan) -> dict[Atom, float]:
    """For each stored value the last segment that needs it in memory; NumPy's calls come half a step later."""
    ends: dict[Atom, float] = dict.fromkeys(plan.stored, -1.0)
    reads: dict[Atom, set[Atom]] = {}
    for eqn in plan.graph.eqns:
        needed: set[Atom] = set()
        for a in eqn.inputs:
            if isinstance(a, Var):
                needed |= {a} if a in plan.stored else reads[a]
        when = plan.segments[eqn] + (0.5 if plan.kinds[eqn] == "host" else 0)
        for v in eqn.outputs:
            if v in plan.stored:
                for a in needed:
                    ends[a] = max(ends[a], when)
            else:
                reads[v] = needed
        if plan.kinds[eqn] == "host" and not eqn.outputs:
            for a in needed:
                ends[a] = max(ends[a], when)
    for a in plan.graph.outputs:
        if a in ends:
            ends[a] = float("inf")
    return ends
