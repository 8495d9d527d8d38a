"""Products that need no multiplications. Each pass is a pure function from Graph to Graph."""

from __future__ import annotations

from funcgrad.core.constants import is_identity
from funcgrad.core.graph import Atom, Eqn, Graph, Literal
from funcgrad.ops.contract import dot_general
from funcgrad.ops.structure import transpose


def drop_identities(graph: Graph) -> Graph:
    """Products with the identity matrix that jacfwd, jacrev and hessian start from: the other operand.

    The same numbers, but for rows with an infinity or a NaN, of which the product would make NaN altogether.
    """
    if not any(map(_identities, graph.eqns)):
        return graph
    return Graph(graph.inputs, tuple([_without_identity(e) for e in graph.eqns]), graph.outputs)


def _identities(eqn: Eqn) -> list[int]:
    """Which operands of a product are that."""
    if eqn.prim is not dot_general or eqn.params["batch"][0] or len(eqn.params["contract"][0]) != 1:
        return []
    return [k for k, a in enumerate(eqn.inputs) if _is_identity(a) and eqn.inputs[1 - k].aval.dtype == a.aval.dtype]


def _is_identity(atom: Atom) -> bool:
    return isinstance(atom, Literal) and is_identity(atom.value)


def _without_identity(eqn: Eqn) -> Eqn:
    found = _identities(eqn)
    if not found:
        return eqn
    other = 1 - found[0]
    operand, (axis,) = eqn.inputs[other], eqn.params["contract"][other]
    # what was the identity's free axis is first in the product, or last
    rest = [a for a in range(operand.aval.ndim) if a != axis]
    axes = (*rest, axis) if other == 0 else (axis, *rest)
    return Eqn(transpose, (operand,), eqn.outputs, {"axes": axes}, eqn.loc)
