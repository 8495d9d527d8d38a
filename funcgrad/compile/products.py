"""Products made smaller: with the identity matrix, and those of which only a sum is wanted.

Each pass is a pure function from Graph to Graph.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from funcgrad.core.constants import is_identity
from funcgrad.core.graph import Atom, Eqn, Graph, Literal, Var
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


def sum_before(graph: Graph) -> Graph:
    """A sum of a product along an axis that only one operand has, as the product with the sum of that operand.

    The result differs by rounding, as by any other order of a sum.
    """
    made = {v: e for e in graph.eqns for v in e.outputs}
    users = Counter[Atom]([*graph.outputs, *(a for e in graph.eqns for a in e.inputs)])
    eqns: list[Eqn] = []
    for eqn in graph.eqns:
        eqns += _summed_before(eqn, made, users) or [eqn]
    return Graph(graph.inputs, tuple(eqns), graph.outputs)


def _summed_before(eqn: Eqn, made: Mapping[Any, Eqn], users: Counter[Atom]) -> list[Eqn] | None:
    if eqn.prim.name != "reduce_sum" or eqn.outputs[0].aval.dtype.kind != "f" or not eqn.params["axes"]:
        return None
    axes = set(eqn.params["axes"])
    between: list[tuple[Eqn, set[int]]] = []
    found = made.get(eqn.inputs[0])
    while found is not None and found.prim.name in ("neg", "transpose") and users[found.outputs[0]] == 1:
        between.append((found, axes))
        if found.prim.name == "transpose":
            axes = {found.params["axes"][a] for a in axes}
        found = made.get(found.inputs[0])
    if found is None or found.prim.name != "dot_general" or users[found.outputs[0]] != 1:
        return None
    if not found.params["contract"][0] or min(axes) < len(found.params["batch"][0]) or 0 in found.outputs[0].aval.shape:
        return None
    eqns = _product_of_sums(found, axes, eqn)
    for step, gone in reversed(between):
        params = dict(step.params)
        if step.prim.name == "transpose":
            kept = [a for d, a in enumerate(params["axes"]) if d not in gone]
            params["axes"] = tuple(map(sorted(kept).index, kept))
        eqns.append(_equation(step, (eqns[-1].outputs[0],), params))
    eqns[-1] = Eqn(eqns[-1].prim, eqns[-1].inputs, eqn.outputs, eqns[-1].params, eqn.loc)
    return eqns


def _product_of_sums(product: Eqn, axes: set[int], total: Eqn) -> list[Eqn]:
    """The equations of a product without some of its axes, which one of the operands has for itself."""
    eqns: list[Eqn] = []
    inputs, contract, batch = [], [], []
    count = len(product.params["batch"][0])
    for atom, paired, stacked in zip(product.inputs, product.params["contract"], product.params["batch"]):
        free = [d for d in range(len(atom.aval.shape)) if d not in paired and d not in stacked]
        over = tuple([d for k, d in enumerate(free, count) if k in axes])
        count += len(free)
        if over:
            eqns.append(_equation(total, (atom,), {"axes": over}))
            atom = eqns[-1].outputs[0]
        left = lambda d, over=over: d - sum(o < d for o in over)
        inputs.append(atom)
        contract.append(tuple(map(left, paired)))
        batch.append(tuple(map(left, stacked)))
    params = {"contract": tuple(contract), "batch": tuple(batch)}
    return [*eqns, _equation(product, tuple(inputs), params)]


def _equation(like: Eqn, inputs: tuple[Atom, ...], params: dict[str, Any]) -> Eqn:
    """The primitive of another equation for other inputs."""
    aval = like.prim.shape(*[a.aval for a in inputs], **params)
    return Eqn(like.prim, inputs, (Var(aval),), params, like.loc)
