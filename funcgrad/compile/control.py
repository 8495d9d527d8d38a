"""A program's own loops and branches as parts of a kernel: their bodies are lowered as programs within it."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from functools import partial
from typing import Any

import numpy as np

from funcgrad.compile.build import Build
from funcgrad.compile.kinds import kind_of, rolled
from funcgrad.compile.layouts import arrange
from funcgrad.compile.lower import Lowering
from funcgrad.compile.nest import Choose, For, While, choose_lanes, insert, place, shrink
from funcgrad.compile.plan import Plan
from funcgrad.compile.scalars import Affine, Axis, Place, Scalar, affine_of
from funcgrad.compile.statements import Buffer
from funcgrad.compile.ways import way
from funcgrad.core.avals import Aval
from funcgrad.core.graph import Atom, Eqn, Graph, Literal, Var


class Maker:
    """Builds the loops of a kernel. `local` are the buffers that are neither inputs nor outputs.

    `made` are those that stand for no value of a program, by the scopes that are not finished yet.
    """

    def __init__(self, widest: int) -> None:
        self.widest = widest
        self.local: list[Buffer] = []
        self.made: dict[For, list[Buffer]] = {}

    def build(self, root: For, lowering: Lowering, eqns: Sequence[Eqn], depth: int) -> None:
        """Append the statements of stored values to a scope."""
        plan = lowering.plan
        for eqn in eqns:
            if eqn.prim.name in _ITEMS and plan.kinds[eqn] == "control":
                _ITEMS[eqn.prim.name](self, root, lowering, eqn, depth)
                continue
            if plan.kinds[eqn] == "statements" and eqn.outputs[0].aval.size:
                way(eqn).make(Build(self, root, lowering, eqn, depth), *(a.aval for a in eqn.inputs), **eqn.params)
                continue
            for v in eqn.outputs:
                if v in plan.stored and v.aval.size:
                    place(root, lowering.write(v), lowering.scalars)

    def finish(self, root: For, buffers: Sequence[Buffer], depth: int) -> None:
        """Shrink what is made in a scope, and choose its lanes. What is left takes memory."""
        buffers = [*buffers, *self.made.pop(root, ())]
        shrink(root, buffers, depth)
        choose_lanes(root, self.widest)
        if arrange(root, buffers):
            choose_lanes(root, self.widest)
        self.local += [b for b in buffers if b.place == "scratch"]

    def body(
        self, scope: For, outer: Lowering, graph: Graph, given: dict[Atom, Any], buffers: dict[Atom, Buffer],
        depth: int, forced: Set[Atom] = frozenset(),
    ) -> tuple[Lowering, list[Buffer]]:  # fmt: skip
        """The statements of a program within another, and their buffers, not yet finished."""
        plan = Plan(graph, outer.plan.forced | forced, within=True)
        mine: list[Buffer] = []

        def buffer(atom: Atom) -> Buffer:
            if isinstance(atom, Literal):
                return outer.buffer(atom)
            if atom not in buffers:
                buffers[atom] = Buffer(atom.aval.shape, atom.aval.dtype, "scratch")
                mine.append(buffers[atom])
            return buffers[atom]

        lowering = Lowering(plan, buffer, outer.number, outer.scalars, given)
        self.build(scope, lowering, graph.eqns, depth)
        mine += self.made.pop(scope, ())
        return lowering, mine

    def memory(self, aval: Aval, depth: int) -> Buffer:
        """A buffer that lives as long as the loop at a depth."""
        found = Buffer(aval.shape, aval.dtype, "scratch")
        found.level = depth
        self.local.append(found)
        return found


def copy(
    scope: For, lowering: Lowering, target: Buffer, element: Callable[[tuple[Place, ...]], Any],
    prefix: tuple[Affine, ...] = (), alone: bool = True,
) -> None:  # fmt: skip
    """A statement that sets all elements of a buffer, or those behind a prefix."""
    if 0 in target.shape:
        return
    axes = [Axis(n) for n in target.shape[len(prefix) :]]
    rule = lambda index: ((*prefix, *index), lowering.scalars.cast(element(index), target.dtype))
    place(scope, lowering.statement(target, axes, rule), lowering.scalars, alone)


def _carries(
    maker: Maker, scope: For, lowering: Lowering, carried: Sequence[tuple[Buffer, Atom]], own: Sequence[Atom]
) -> None:
    """At the end of a step, the new carries take the place of the old ones."""
    pending: list[tuple[Buffer, Callable[[tuple[Place, ...]], Scalar]]] = []
    for (target, atom), var in zip(carried, own):
        if atom is var or (isinstance(atom, Var) and atom not in own and lowering.buffer(atom).shares is target):
            continue
        if atom in own:  # another carry's old value, which its new one is about to replace
            kept = maker.memory(atom.aval, target.level)
            copy(scope, lowering, kept, partial(lowering.element, atom))
            pending.append((target, partial(lowering.scalars.load, kept)))
        else:
            pending.append((target, partial(lowering.element, atom)))
    for target, element in pending:
        copy(scope, lowering, target, element)


def _in_place(graph: Graph, own: Sequence[Var], buffers: dict[Atom, Buffer]) -> tuple[Graph, set[Atom]]:
    """Give new carries the memory of the old ones where they replace them element by element, or change some of them.

    Then what else reads an old carry must do so before, and what it makes must stand in memory of its own: the program
    in such an order, and those values.
    """
    granted: dict[Var, Eqn] = {}
    for var, atom in zip(own, graph.outputs):
        eqn = next((e for e in graph.eqns if atom in e.outputs), None)
        if eqn is None or graph.outputs.count(var) or graph.outputs.count(atom) != 1 or eqn.inputs.count(var) != 1:
            continue
        old, new = var.aval, atom.aval
        if not old.shape or not _replaces(eqn, var) or (new.shape, new.dtype) != (old.shape, old.dtype):
            continue
        later = _behind(graph, eqn)
        tried = {**granted, var: eqn}
        if all(_reads_before(later, v, e) for v, e in tried.items()):
            graph, granted = later, tried
            buffers[atom] = buffers[var].shared()
    readers = [e for v, eqn in granted.items() for e in graph.eqns if v in e.inputs and e is not eqn]
    return graph, {v for e in readers for v in e.outputs}


def _replaces(eqn: Eqn, var: Var) -> bool:
    """Whether an element of the result needs no other element of an operand."""
    kind = kind_of(eqn)
    return kind == "map" or (kind == "statements" and way(eqn).changes and eqn.inputs[0] is var)


def _behind(graph: Graph, eqn: Eqn) -> Graph:
    """The program with an equation, and what depends on it, behind all others."""
    behind, made = [eqn], set(eqn.outputs)
    for e in graph.eqns:
        if not made.isdisjoint(e.inputs):
            behind.append(e)
            made.update(e.outputs)
    return Graph(graph.inputs, (*(e for e in graph.eqns if e not in behind), *behind), graph.outputs)


def _reads_before(graph: Graph, var: Var, eqn: Eqn) -> bool:
    """Whether all that reads a value comes before an equation, or is it."""
    at = graph.eqns.index(eqn)
    return not any(var in e.inputs for e in graph.eqns[at + 1 :])


def _scan(maker: Maker, root: For, outer: Lowering, eqn: Eqn, depth: int) -> None:
    graph, steps = rolled(eqn.params["body"]), eqn.params["steps"]
    carries, xs, constants = steps.parts(eqn.inputs)
    own, own_xs, own_constants = steps.parts(graph.inputs)
    axis = Axis(steps.length)
    step = affine_of(axis).times(-1).plus(steps.length - 1) if steps.reverse else affine_of(axis)
    scope = For(axis, ordered=True)
    buffers: dict[Atom, Buffer] = {}
    for var, init in zip(own, carries):
        buffers[var] = maker.memory(Aval(var.aval.shape, var.aval.dtype), depth + 1)
        copy(root, outer, buffers[var], partial(outer.element, init))
    given: dict[Atom, Any] = {v: (outer, a, (step,)) for v, a in zip(own_xs, xs)}
    given |= {v: (outer, a, ()) for v, a in zip(own_constants, constants)}
    graph, forced = _in_place(graph, own, buffers)
    lowering, mine = maker.body(scope, outer, graph, given, buffers, depth + 1, forced)
    stacked = []
    for out, atom in zip(eqn.outputs[steps.carries :], graph.outputs[steps.carries :]):
        if out in outer.plan.used:
            stacked.append(outer.buffer(out))
            copy(scope, lowering, stacked[-1], partial(lowering.element, atom), (step,), alone=False)
    _carries(maker, scope, lowering, list(zip([buffers[v] for v in own], graph.outputs)), own)
    maker.finish(scope, mine, depth + 1)
    insert(root, scope, [*stacked, *(buffers[v] for v in own)])
    for out, var in zip(eqn.outputs, own):
        if out in outer.plan.used:
            copy(root, outer, outer.buffer(out), partial(outer.scalars.load, buffers[var]))


def _while(maker: Maker, root: For, outer: Lowering, eqn: Eqn, depth: int) -> None:
    cond, graph = rolled(eqn.params["cond"]), rolled(eqn.params["body"])
    count, conditions = len(graph.outputs), eqn.params["conditions"]
    carries, constants = eqn.inputs[:count], eqn.inputs[count:]
    first, second = constants[:conditions], constants[conditions:]
    own = graph.inputs[:count]
    buffers: dict[Atom, Buffer] = {}
    for var, init in zip(own, carries):
        buffers[var] = maker.memory(Aval(var.aval.shape, var.aval.dtype), depth + 1)
        copy(root, outer, buffers[var], partial(outer.element, init))
    check = For(None)
    of_cond: dict[Atom, Buffer] = {v: buffers[w] for v, w in zip(cond.inputs, own)}
    given: dict[Atom, Any] = {v: (outer, a, ()) for v, a in zip(cond.inputs[count:], first)}
    test_lowering, test_mine = maker.body(check, outer, cond, given, of_cond, depth + 1)
    (answer,) = cond.outputs
    test = test_lowering.element(answer, ())
    scope = While(check, test)
    for b in test_mine:  # what the test reads is read outside of all statements
        b.level = depth + 1
    maker.local += test_mine
    choose_lanes(check, maker.widest)
    given = {v: (outer, a, ()) for v, a in zip(graph.inputs[count:], second)}
    graph, forced = _in_place(graph, own, buffers)
    lowering, mine = maker.body(scope, outer, graph, given, buffers, depth + 1, forced)
    _carries(maker, scope, lowering, list(zip([buffers[v] for v in own], graph.outputs)), own)
    maker.finish(scope, mine, depth + 1)
    insert(root, scope, [buffers[v] for v in own])
    for out, var in zip(eqn.outputs, own):
        if out in outer.plan.used:
            copy(root, outer, outer.buffer(out), partial(outer.scalars.load, buffers[var]))


def _switch(maker: Maker, root: For, outer: Lowering, eqn: Eqn, depth: int) -> None:
    index, *operands = eqn.inputs
    branches = []
    wanted = [v for v in eqn.outputs if v in outer.plan.used]
    for graph in map(rolled, eqn.params["branches"]):
        scope = For(None)
        given: dict[Atom, Any] = {v: (outer, a, ()) for v, a in zip(graph.inputs, operands)}
        lowering, mine = maker.body(scope, outer, graph, given, {}, depth + 1)
        for out, atom in zip(eqn.outputs, graph.outputs):
            if out in outer.plan.used:
                copy(scope, lowering, outer.buffer(out), partial(lowering.element, atom), alone=False)
        maker.finish(scope, mine, depth + 1)
        branches.append(scope)
    number = outer.scalars.cast(outer.element(index, ()), np.dtype(np.int64))
    insert(root, Choose(number, branches), [outer.buffer(v) for v in wanted])


_ITEMS: dict[str, Callable[..., None]] = {"scan_call": _scan, "while_call": _while, "switch_call": _switch}
