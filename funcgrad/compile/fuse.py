"""Cutting a program into loops and NumPy calls.

Every equation gets a stage: a loop's outputs are there for later stages only. Elementwise equations of one
stage and one shape make one loop, which can have no cycle with another, as all edges between steps lead to a
later stage. A reduction joins the loop that computes its operand. Scalars are computed again in each loop
that needs them, which costs nothing beside the loop.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from funcgrad.compile.loops import Access, Loop, Reduction, Statement, is_argument, reduction_kind, statement
from funcgrad.core.graph import Atom, Eqn, Graph, Literal, Var

Shape = tuple[int, ...]
REPEATED = 8
"""Scalar statements that a loop computes again at most; more are computed once, in a kernel before it."""
LARGEST = 200
"""Statements of one loop at most: compiling 200 takes 0.35 s, but 4500 in one loop 11 s."""
ARRAYS = 32
"""Arrays that a loop reads at most: one of 200 takes 17 s to compile, numba's types growing with the square."""
RANK = 32
"""Axes of an array that numba takes at most; NumPy has 64."""
DEPTH = 8
"""Loops nest at most so deep; axes that all arrays run through alike count as one."""


class Call(NamedTuple):
    """A primitive run by its NumPy implementation."""

    eqn: Eqn

    @property
    def inputs(self) -> tuple[Atom, ...]:
        return self.eqn.inputs

    @property
    def outputs(self) -> tuple[Var, ...]:
        return self.eqn.outputs


Step = Loop | Call


def fuse(graph: Graph) -> list[Step]:
    """The steps of a simplified program, in an order in which they can run."""
    return _Fusion(depth_first(graph)).steps()


def depth_first(graph: Graph) -> Graph:
    """The same equations, each computed shortly before it is used.

    A program too long for one loop is cut where the loop is full: 200 sums of 50 terms each, in the order in which
    people write them, would store 50 terms at each cut (16 s to compile), and so stores one sum (1.5 s).
    """
    maker = {v: e for e in graph.eqns for v in e.outputs}
    order: dict[Eqn, None] = {}
    opened: set[Eqn] = set()
    stack = [maker[a] for a in reversed(graph.outputs) if a in maker]
    while stack:
        eqn = stack[-1]
        if eqn in opened:
            order.setdefault(stack.pop())
            continue
        opened.add(eqn)
        stack.extend(e for a in reversed(eqn.inputs) if a in maker and (e := maker[a]) not in opened)
    return Graph(graph.inputs, tuple(order), graph.outputs)


class _Group:
    """Equations that become one step."""

    def __init__(self) -> None:
        self.eqns: list[Eqn] = []
        self.reductions: list[Eqn] = []


class _Fusion:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.maker: dict[Var, Eqn] = {v: e for e in graph.eqns for v in e.outputs}
        self.statements: dict[Var, Statement] = {}
        self.stages: dict[Eqn, int] = {}
        self.counts: Counter[tuple[int, Shape]] = Counter()
        self.reads: dict[tuple[int, Shape], set[Atom]] = {}
        self.fused_axes: dict[tuple[int, Shape], Shape] = {}
        self.reductions: set[Eqn] = set()
        for eqn in graph.eqns:
            self._place(eqn)
        self._sink()

    def _made_by_statement(self, atom: Atom) -> bool:
        return atom in self.statements

    def _place(self, eqn: Eqn) -> None:
        """The earliest stage."""
        made = statement(eqn)
        if made is not None:
            self.statements[eqn.outputs[0]] = made
            shape = eqn.outputs[0].aval.shape
            stage = max([self._stage_behind(a, shape) for a in eqn.inputs], default=0)
            while not self._has_room(eqn, stage, shape):
                stage += 1
            self._enter(eqn, stage, shape)
            return
        operand = eqn.inputs[0] if eqn.inputs else None
        if operand in self.statements and reduction_kind(eqn) is not None:
            place = self.stages[self.maker[operand]], operand.aval.shape
            if self.fused_axes.setdefault(place, eqn.params["axes"]) == eqn.params["axes"]:
                self.stages[eqn] = place[0]
                self.reductions.add(eqn)
                return
        self.stages[eqn] = max([self._stage_behind(a, None) for a in eqn.inputs], default=0)

    def _arrays_for(self, eqn: Eqn, stage: int) -> set[Atom]:
        """What an equation reads from memory in the loop of a stage."""
        return {
            a
            for a in eqn.inputs
            if a.aval.shape and not (self._made_by_statement(a) and self.stages[self.maker[a]] == stage)  # type: ignore[index]
        }

    def _has_room(self, eqn: Eqn, stage: int, shape: Shape) -> bool:
        place = stage, shape
        reads = self.reads.get(place, set())
        return self.counts[place] < LARGEST and len(reads | self._arrays_for(eqn, stage)) <= ARRAYS

    def _enter(self, eqn: Eqn, stage: int, shape: Shape) -> None:
        self.counts[stage, shape] += 1
        self.reads.setdefault((stage, shape), set()).update(self._arrays_for(eqn, stage))
        self.stages[eqn] = stage

    def _stage_behind(self, atom: Atom, shape: Shape | None) -> int:
        """The first stage at which an equation of this shape (None: not a loop's) can use a value."""
        if isinstance(atom, Literal) or atom not in self.maker:
            return 0
        stage = self.stages[self.maker[atom]]
        together = self._made_by_statement(atom) and shape is not None and atom.aval.shape in (shape, ())
        return stage if together else stage + 1

    def _sink(self) -> None:
        """Move equations to the loops that use them where less is stored then: cos(x) to its product."""
        users: dict[Atom, list[Eqn]] = {}
        for eqn in self.graph.eqns:
            for atom in eqn.inputs:
                users.setdefault(atom, []).append(eqn)
        outputs = set(self.graph.outputs)
        for eqn in reversed(self.graph.eqns):
            out = eqn.outputs[0]
            if out not in self.statements or not out.aval.shape or out in outputs or out not in users:
                continue
            shape = out.aval.shape
            joined = [self.stages[u] for u in users[out] if self._joins(u, shape)]
            others = [self.stages[u] - 1 for u in users[out] if not self._joins(u, shape)]
            latest = min(joined + others)
            if latest <= self.stages[eqn] or latest not in joined or not self._has_room(eqn, latest, shape):
                continue
            computed = {a for a in eqn.inputs if a in self.statements and a.aval.shape}
            if len([a for a in computed if a not in outputs and len(users[a]) > 1]) <= 1:
                self.counts[self.stages[eqn], shape] -= 1
                self._enter(eqn, latest, shape)

    def _joins(self, user: Eqn, shape: Shape) -> bool:
        if user in self.reductions:
            return True
        return user.outputs[0] in self.statements and user.outputs[0].aval.shape == shape

    def steps(self) -> list[Step]:
        groups: dict[tuple[int, int, Shape], _Group] = {}
        calls: dict[tuple[int, int, int], Eqn] = {}
        for index, eqn in enumerate(self.graph.eqns):
            stage = self.stages[eqn]
            if eqn in self.reductions:
                shape = eqn.inputs[0].aval.shape
                groups.setdefault((stage, bool(shape), shape), _Group()).reductions.append(eqn)
            elif eqn.outputs and eqn.outputs[0] in self.statements:
                shape = eqn.outputs[0].aval.shape
                groups.setdefault((stage, bool(shape), shape), _Group()).eqns.append(eqn)
            else:
                calls[stage, 1, index] = eqn
        needed: set[Atom] = {a for a in self.graph.outputs if isinstance(a, Var)}
        steps: list[Step] = []
        # backwards, as later steps say what a step must store; scalars stand first in their stage
        order = sorted([*groups, *calls], key=lambda place: place[:2], reverse=True)
        for place in order:
            if place in calls:
                made: list[Step] = [Call(calls[place])]
            else:
                made = self._group_steps(groups[place], place[2], needed)  # type: ignore[index, arg-type]
            for step in reversed(made):
                needed.update(a for a in step.inputs if isinstance(a, Var))
            steps.extend(reversed(made))
        steps.reverse()
        return steps

    def _group_steps(self, group: _Group, shape: Shape, needed: set[Atom]) -> list[Step]:
        targets = [e.outputs[0] for e in group.eqns if e.outputs[0] in needed]
        among = {e.outputs[0] for e in group.eqns}
        body = self._closure(targets + [e.inputs[0] for e in group.reductions], among.__contains__)
        prelude = self._repeated(body, needed) if shape else []
        if len(body) + len(prelude) + len(group.reductions) < 2:
            return [Call(self.maker[s.target]) for s in body]
        loop = _loop(shape, prelude, body, targets, group.reductions)
        if len(loop.sizes) > DEPTH or len(shape) > RANK:
            return [Call(e) for e in (*group.eqns, *group.reductions)]
        return [loop]

    def _closure(self, targets: Iterable[Atom], among: Callable[[Var], bool]) -> list[Statement]:
        """The statements among those asked for that the targets are computed from, in order."""
        found: dict[Var, None] = {}
        stack = [(a, False) for a in reversed(list(targets))]
        while stack:
            atom, done = stack.pop()
            if not isinstance(atom, Var) or atom in found or not among(atom):
                continue
            if done:
                found[atom] = None
            else:
                stack.append((atom, True))
                stack.extend((a, False) for a in reversed(self.statements[atom].args))
        return [self.statements[v] for v in found]

    def _repeated(self, body: Sequence[Statement], needed: set[Atom]) -> list[Statement]:
        """The scalar statements that a loop computes for itself."""
        scalars = [
            a for s in body for a in s.args if isinstance(a, Var) and not a.aval.shape and a not in needed
        ]
        found = self._closure(
            scalars, lambda v: v in self.statements and not v.aval.shape and v not in needed
        )
        return found if len(found) <= REPEATED else []


def _loop(
    shape: Shape,
    prelude: list[Statement],
    body: list[Statement],
    targets: Sequence[Var],
    reductions: list[Eqn],
) -> Loop:
    made = {s.target for s in (*prelude, *body)}
    used = dict.fromkeys(a for s in (*prelude, *body) for a in s.args if a not in made)
    scalars = tuple([a for a in used if not a.aval.shape and (isinstance(a, Var) or is_argument(a))])
    arrays = [a for a in used if a.aval.shape]
    reduced = reductions[0].params["axes"] if reductions else ()
    runs = [_dimensions(a.aval.shape, shape) for a in arrays]
    whole = _dimensions(shape, shape)
    left = iter(range(len(shape)))
    kept = {axis: next(left) for axis in range(len(shape)) if axis not in reduced}
    merged = _merge(shape, [*runs, whole, kept])
    sizes = tuple([math.prod([shape[axis] for axis in axes]) for axes in merged])

    def access(array: Atom, run: dict[int, int]) -> Access:
        axes = tuple([n for n, group in enumerate(merged) if group[0] in run])
        return Access(array, axes, tuple([tuple([run[axis] for axis in merged[n]]) for n in axes]))

    return Loop(
        sizes,
        scalars,
        tuple(map(access, arrays, runs)),
        tuple(prelude),
        tuple(body),
        tuple([access(v, whole) for v in targets]),
        tuple([Reduction(access(e.outputs[0], kept), e.prim.lower, e.inputs[0]) for e in reductions]),
    )


def _dimensions(shape: Shape, space: Shape) -> dict[int, int]:
    """The array's dimension for each axis of the index space; axes along which it is repeated are missing."""
    extra = len(space) - len(shape)
    return {
        axis: axis - extra for axis in range(extra, len(space)) if shape[axis - extra] == space[axis] != 1
    }


def _merge(space: Shape, runs: Sequence[dict[int, int]]) -> list[list[int]]:
    """The axes of the loop, each with the axes of the index space merged into it.

    Axes of length 1 are dropped, and neighbours become one where every array runs along both or neither.
    """
    merged: list[list[int]] = []
    before = None
    for axis, size in enumerate(space):
        if size == 1:
            continue
        pattern = [axis in run for run in runs]
        if pattern == before:
            merged[-1].append(axis)
        else:
            merged.append([axis])
            before = pattern
    return merged
