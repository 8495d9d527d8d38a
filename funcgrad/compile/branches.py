"""What only some branches of a choice need is computed in them. A pure function from Graph to Graph."""

from __future__ import annotations

from collections.abc import Sequence

from funcgrad.compile.passes import simplified_body
from funcgrad.core.graph import Atom, Eqn, Graph, Var


def sink(graph: Graph) -> Graph:
    """Equations whose results only some branches of one choice read, moved into these.

    So what the user has computed before a choice for one of its branches costs and raises only where that is taken.
    """
    if not any(e.prim.name == "switch_call" for e in graph.eqns):
        return graph
    users: dict[Atom, list[Eqn]] = {}
    goals: dict[Eqn, tuple[Eqn, frozenset[int]]] = {}
    sunk: dict[Eqn, list[Eqn]] = {}
    outputs = set(graph.outputs)
    for eqn in reversed(graph.eqns):
        stays = eqn.has_effect or outputs.intersection(eqn.outputs)
        goal = None if stays else _goal(eqn, users, goals)
        if goal is not None:
            goals[eqn] = goal
            sunk.setdefault(goal[0], []).insert(0, eqn)
        for atom in dict.fromkeys(eqn.inputs):
            users.setdefault(atom, []).append(eqn)
    if not goals:
        return graph
    kept = [_with(e, sunk[e], goals) if e in sunk else e for e in graph.eqns if e not in goals]
    return Graph(graph.inputs, tuple(kept), graph.outputs)


def _goal(
    eqn: Eqn, users: dict[Atom, list[Eqn]], goals: dict[Eqn, tuple[Eqn, frozenset[int]]]
) -> tuple[Eqn, frozenset[int]] | None:
    """The choice that alone needs an equation, and the branches of it that do, where those are not all."""
    found: set[Eqn] = set()
    needed: set[int] = set()
    for v in eqn.outputs:
        for user in users.get(v, ()):
            if user in goals:
                choice, branches = goals[user]
            elif user.prim.name == "switch_call" and user.inputs[0] is not v:
                choice, branches = user, _readers(user, v)
            else:
                return None
            found.add(choice)
            needed |= branches
    if len(found) != 1:
        return None
    (choice,) = found
    return (choice, frozenset(needed)) if len(needed) < len(choice.params["branches"]) else None


def _readers(choice: Eqn, v: Atom) -> frozenset[int]:
    """The branches that read an operand."""
    found = set()
    for number, branch in enumerate(map(simplified_body, choice.params["branches"])):
        given = {x for x, a in zip(branch.inputs, choice.inputs[1:]) if a is v}
        if given.intersection(branch.outputs) or any(given.intersection(e.inputs) for e in branch.eqns):
            found.add(number)
    return frozenset(found)


def _with(choice: Eqn, eqns: Sequence[Eqn], goals: dict[Eqn, tuple[Eqn, frozenset[int]]]) -> Eqn:
    """A choice whose branches begin with equations that stood before it."""
    gone = {v for e in eqns for v in e.outputs}
    index, *operands = choice.inputs
    kept = [n for n, a in enumerate(operands) if a not in gone]
    more = [a for a in dict.fromkeys(a for e in eqns for a in e.inputs) if isinstance(a, Var) and a not in gone]
    branches = []
    for number, branch in enumerate(map(simplified_body, choice.params["branches"])):
        added = [Var(a.aval) for a in more]
        there: dict[Atom, Atom] = dict(zip(more, added))
        moved = []
        for e in eqns:
            if number in goals[e][1]:
                outputs = [Var(v.aval) for v in e.outputs]
                moved.append(Eqn(e.prim, tuple([there.get(a, a) for a in e.inputs]), tuple(outputs), e.params, e.loc))
                there.update(zip(e.outputs, outputs))
        names = {x: there[a] for x, a in zip(branch.inputs, operands) if a in there and a in gone}
        swap = lambda a, names=names: names.get(a, a)
        rest = [Eqn(e.prim, tuple(map(swap, e.inputs)), e.outputs, e.params, e.loc) for e in branch.eqns]
        given = [branch.inputs[n] for n in kept] + added
        branches.append(Graph(tuple(given), (*moved, *rest), tuple(map(swap, branch.outputs))))
    inputs = (index, *(operands[n] for n in kept), *more)
    return Eqn(choice.prim, inputs, choice.outputs, {**choice.params, "branches": tuple(branches)}, choice.loc)
