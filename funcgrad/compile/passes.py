"""Programs made smaller, with the same results. Each pass is a pure function from Graph to Graph."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.compile.keys import exact
from funcgrad.compile.products import drop_identities, sum_before
from funcgrad.compile.stores import forward_reads, join_stores
from funcgrad.core.avals import broadcast_shapes
from funcgrad.core.constants import SMALL
from funcgrad.core.graph import Atom, Eqn, Graph, Literal, Var, run
from funcgrad.core.trace import Tracer
from funcgrad.ops.broadcasting import broadcast_to
from funcgrad.transforms.calls import pruned

FOLDED_SIZE = 1024
"""Results of more elements are not computed ahead: a program should not carry big arrays it could make."""


def simplified_body(graph: Graph) -> Graph:
    """The body of a loop or a branch as `simplify` has left it."""
    return graph.cache.get("simplified") or graph


class _Renaming:
    """What each variable of the old program is in the new one, while equations are copied."""

    def __init__(self) -> None:
        self.known: dict[Var, Atom] = {}
        self.eqns: list[Eqn] = []

    def __call__(self, atom: Atom) -> Atom:
        return self.known.get(atom, atom) if isinstance(atom, Var) else atom

    def inputs(self, eqn: Eqn) -> tuple[Atom, ...]:
        return tuple([self(a) for a in eqn.inputs]) if self.known else eqn.inputs

    def keep(self, eqn: Eqn, inputs: tuple[Atom, ...]) -> Eqn:
        kept = eqn if inputs == eqn.inputs else Eqn(eqn.prim, inputs, eqn.outputs, eqn.params, eqn.loc)
        self.eqns.append(kept)
        return kept

    def graph(self, graph: Graph) -> Graph:
        return Graph(graph.inputs, tuple(self.eqns), tuple([self(a) for a in graph.outputs]))


def inline(graph: Graph) -> Graph:
    """Calls of other programs replaced by the equations of those."""
    if not any(map(_is_call, graph.eqns)):
        return graph
    new = _Renaming()
    for eqn in graph.eqns:
        inputs = new.inputs(eqn)
        if not _is_call(eqn):
            new.keep(eqn, inputs)
            continue
        inner = inline(eqn.prim.body(eqn.params))
        local: dict[Var, Atom] = dict(zip(inner.inputs, inputs, strict=True))

        def swap(atom: Atom, local: dict[Var, Atom] = local) -> Atom:
            return local[atom] if isinstance(atom, Var) else atom

        for e in inner.eqns:
            outputs = tuple([Var(v.aval) for v in e.outputs])
            new.eqns.append(Eqn(e.prim, tuple(map(swap, e.inputs)), outputs, e.params, e.loc or eqn.loc))
            local.update(zip(e.outputs, outputs))
        new.known.update(zip(eqn.outputs, map(swap, inner.outputs)))
    return new.graph(graph)


def _is_call(eqn: Eqn) -> bool:
    """Whether all that an equation does is to run the program in its parameter `graph` on its inputs."""
    return eqn.prim.body(eqn.params) is not None


def fold(graph: Graph) -> Graph:
    """Equations whose inputs are all constants, computed now. What raises is left to raise when it is run."""
    new = _Renaming()
    for eqn in graph.eqns:
        inputs = new.inputs(eqn)
        value = _computed(eqn, inputs)
        if value is None:
            new.keep(eqn, inputs)
        else:
            new.known[eqn.outputs[0]] = value
    return new.graph(graph)


def _computed(eqn: Eqn, inputs: tuple[Atom, ...]) -> Literal | None:
    if any(isinstance(a, Var) for a in inputs) or eqn.prim.multiple or eqn.outputs[0].aval.size > FOLDED_SIZE:
        return None
    aval = eqn.outputs[0].aval
    values = [a.value for a in inputs if isinstance(a, Literal) and not isinstance(a.value, Tracer)]
    if len(values) != len(inputs):
        return None
    try:
        with np.errstate(all="ignore"):
            value = np.asarray(run(eqn, values))
    except Exception:
        return None
    if value.shape != aval.shape or value.dtype != aval.dtype:
        return None
    return Literal(value.item() if aval.weak else value.copy() if aval.shape else value[()])


def cancel(graph: Graph) -> Graph:
    """Equations that give back what they got: x * 1, x / 1, x - 0, x ** 1, -(-x), casts to the same dtype."""
    new = _Renaming()
    made: dict[Var, Eqn] = {}
    for eqn in graph.eqns:
        inputs = new.inputs(eqn)
        rule = _CANCELLING.get(eqn.prim.lower)
        same = rule(inputs, made) if rule is not None else None
        if same is not None and same.aval == eqn.outputs[0].aval:
            new.known[eqn.outputs[0]] = same
        else:
            kept = new.keep(eqn, inputs)
            made.update((v, kept) for v in eqn.outputs)
    return new.graph(graph)


def _is(atom: Atom, number: int) -> bool:
    """Whether an atom is the constant `number`, -0.0 not being 0."""
    if not isinstance(atom, Literal) or atom.aval.shape or atom.aval.dtype.kind not in "iuf":
        return False
    return atom.value == number and math.copysign(1.0, atom.value) > 0


def _undone(inputs: tuple[Atom, ...], made: dict[Var, Eqn]) -> Atom | None:
    before = made.get(inputs[0]) if isinstance(inputs[0], Var) else None
    return before.inputs[0] if before is not None and before.prim.lower == "-{0}" else None


_Rule = Callable[[tuple[Atom, ...], dict[Var, Eqn]], Atom | None]
_CANCELLING: dict[Any, _Rule] = {
    "{0} * {1}": lambda xs, made: xs[0] if _is(xs[1], 1) else xs[1] if _is(xs[0], 1) else None,
    "{0} / {1}": lambda xs, made: xs[0] if _is(xs[1], 1) else None,
    "{0} ** {1}": lambda xs, made: xs[0] if _is(xs[1], 1) else None,
    "{0} - {1}": lambda xs, made: xs[0] if _is(xs[1], 0) else None,
    "-{0}": _undone,
    "{0}": lambda xs, made: xs[0],
    "{1}": lambda xs, made: xs[1],
}


def narrow(graph: Graph) -> Graph:
    """Elementwise equations on stretched values, done on the values before stretching.

    An operand that was only stretched by broadcasting, or is a constant whose elements are all the same, is
    replaced by what it was stretched from. Where that makes the result smaller, the result is stretched
    instead.
    """
    new = _Renaming()
    stretched: dict[Var, Atom] = {}

    def narrowed(atom: Atom) -> Atom:
        return uniform(atom) if isinstance(atom, Literal) else stretched.get(atom, atom)

    for eqn in graph.eqns:
        inputs = new.inputs(eqn)
        if is_stretch(eqn):
            stretched[eqn.outputs[0]] = narrowed(inputs[0])
        elif is_elementwise(eqn):
            small = tuple(map(narrowed, inputs))
            if small == inputs:
                new.keep(eqn, inputs)
                continue
            out = eqn.outputs[0]
            aval = eqn.prim.shape(*(a.aval for a in small), **eqn.params)
            if aval.dtype != out.aval.dtype:
                pass
            elif aval.shape == out.aval.shape:
                inputs = small
            else:
                stretched[out] = result = Var(aval)
                new.eqns.append(Eqn(eqn.prim, small, (result,), eqn.params, eqn.loc))
                new.eqns.append(Eqn(broadcast_to, (result,), (out,), {"shape": out.aval.shape}, eqn.loc))
                continue
        new.keep(eqn, inputs)
    return new.graph(graph)


def uniform(constant: Literal) -> Literal:
    """A constant array as one number, where it is that."""
    value = constant.value
    if type(value) is not np.ndarray or not value.shape or not value.size or value.dtype.kind not in "biufc":
        return constant
    first, last = value[(0,) * value.ndim], value[(-1,) * value.ndim]
    if first.tobytes() != last.tobytes() or value.tobytes() != first.tobytes() * value.size:
        return constant
    return Literal(first)


def is_stretch(eqn: Eqn) -> bool:
    """Whether an equation repeats values as broadcasting would: `broadcast_to`, `reshape` to leading ones."""
    if eqn.prim.name == "broadcast_to":
        return True
    if eqn.prim.name != "reshape":
        return False
    old, shape = eqn.inputs[0].aval.shape, eqn.outputs[0].aval.shape
    extra = len(shape) - len(old)
    return extra >= 0 and shape == (1,) * extra + old


def is_elementwise(eqn: Eqn) -> bool:
    """Whether each element of the output is `lower` of one element of each input, broadcast."""
    if eqn.prim.multiple or not isinstance(eqn.prim.lower, str) or "axes" in eqn.params:
        return False
    return broadcast_shapes(*(a.aval.shape for a in eqn.inputs)) == eqn.outputs[0].aval.shape


def share(graph: Graph) -> Graph:
    """Equations that compute the same from the same, done once."""
    new = _Renaming()
    seen: dict[Any, Eqn] = {}
    for eqn in graph.eqns:
        inputs = new.inputs(eqn)
        if eqn.has_effect:
            new.keep(eqn, inputs)
            continue
        key = eqn.prim, tuple(map(identity, inputs)), tuple([(k, exact(eqn.params[k])) for k in sorted(eqn.params)])
        first = seen.get(key)
        if first is None:
            seen[key] = new.keep(eqn, inputs)
        else:
            new.known.update(zip(eqn.outputs, first.outputs))
    return new.graph(graph)


def identity(atom: Atom) -> Any:
    """Equal for atoms that stand for the same value; 0.0 and -0.0, 1 and 1.0 and True are not the same."""
    if not isinstance(atom, Literal):
        return atom
    value = atom.value
    if isinstance(value, (bool, int, float, complex, np.generic)):
        return exact(value)
    if type(value) is np.ndarray and value.nbytes <= SMALL and value.dtype.kind in "biufc":
        return value.dtype, value.shape, value.tobytes()
    return id(value)


def absorb(graph: Graph) -> Graph:
    """What is added to zeros at some places, and then to a value, is added to that value: no zeros are made."""
    users = Counter(a for e in graph.eqns for a in e.inputs)
    users.update(graph.outputs)
    made = {v: e for e in graph.eqns for v in e.outputs}
    gone: set[Eqn] = set()
    kept = []
    for eqn in graph.eqns:
        found = _scattered(eqn, made, users) if eqn.prim.lower == "{0} + {1}" else None
        if found is not None:
            scatter, value = found
            gone.add(scatter)
            eqn = Eqn(scatter.prim, (value, *scatter.inputs[1:]), eqn.outputs, scatter.params, scatter.loc)
        kept.append(eqn)
    return Graph(graph.inputs, tuple([e for e in kept if e not in gone]), graph.outputs) if gone else graph


def _scattered(eqn: Eqn, made: dict[Var, Eqn], users: Counter[Atom]) -> tuple[Eqn, Atom] | None:
    """The scatter into zeros that is one operand of a sum, and the other operand."""
    out = eqn.outputs[0].aval
    for scattered, value in (eqn.inputs, reversed(eqn.inputs)):
        scatter = made.get(scattered) if isinstance(scattered, Var) else None
        if scatter is None or scatter.prim.name != "scatter_add" or users[scattered] != 1:
            continue
        zeros = scatter.inputs[0]
        fits = all(a.aval.shape == out.shape and a.aval.dtype == out.dtype for a in (scattered, value))
        if fits and isinstance(zeros, Literal) and not np.any(zeros.value):
            return scatter, value
    return None


PASSES: tuple[Callable[[Graph], Graph], ...] = (
    inline, pruned, drop_identities, narrow, fold, cancel, forward_reads, share, pruned, absorb, sum_before,
    join_stores, pruned,
)  # fmt: skip
