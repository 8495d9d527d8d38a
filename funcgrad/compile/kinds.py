"""What an equation is to a kernel: part of a statement, several of them, or a call of NumPy's between two kernels."""

from __future__ import annotations

from funcgrad.compile.elements import KERNEL_DTYPES, Statement, statement
from funcgrad.compile.rolling import roll
from funcgrad.compile.simplify import simplified
from funcgrad.compile.statements import FOLDS
from funcgrad.compile.ways import way
from funcgrad.core.avals import BOOL, Aval
from funcgrad.core.graph import Eqn, Graph
from funcgrad.ops.families.lowering import Contraction, Statements, View

CONTROL = frozenset(("scan_call", "while_call", "switch_call"))


def kind_of(eqn: Eqn, statements: dict[Eqn, Statement] | None = None) -> str:
    """What an equation is to a kernel, `host` where NumPy runs it. What a `map` states is put into `statements`.

    `map`, `view`, `fold`, `dot` are single statements or part of one; `statements` and `control` are several.
    """
    if eqn.prim.multiple:
        return "control" if eqn.prim.name in CONTROL and fits_kernel(eqn) else "host"
    out = eqn.outputs[0].aval
    if out.dtype not in KERNEL_DTYPES or not all(a.aval.dtype in KERNEL_DTYPES for a in eqn.inputs):
        return "host"
    lower = way(eqn)
    if isinstance(lower, View):
        return "view"
    if isinstance(lower, Statements):
        return "statements"
    if isinstance(lower, Contraction):
        return "dot" if out.dtype.kind == "f" and all(a.aval.dtype == out.dtype for a in eqn.inputs) else "host"
    if lower in FOLDS and "axes" in eqn.params and len(eqn.inputs) == 1:
        aval = eqn.inputs[0].aval
        if lower in ("max", "min") and (0 in aval.shape or aval.dtype == BOOL):
            return "host"
        return "fold"
    made = statement(eqn)
    if made is not None and statements is not None:
        statements[eqn] = made
    return "host" if made is None else "map"


def rolled(graph: Graph) -> Graph:
    """The body of a loop or a branch as it is compiled."""
    found = graph.cache.get("rolled")
    if found is None:
        found = graph.cache["rolled"] = with_loops(simplified(graph))
    return found


def with_loops(graph: Graph) -> Graph:
    """A simplified program with its equal stretches as loops, where a kernel does all that they do."""
    return roll(graph, kind_of)


def bodies(eqn: Eqn) -> list[Graph]:
    """The programs of a loop or branch."""
    params = eqn.params
    if eqn.prim.name == "switch_call":
        return list(params["branches"])
    return [params["body"]] if eqn.prim.name == "scan_call" else [params["cond"], params["body"]]


def fits_kernel(eqn: Eqn) -> bool:
    """Whether all that the bodies of a loop or branch do can stand in a kernel."""
    return all(
        all(map(_is_typed, (*graph.in_avals, *graph.out_avals))) and all(kind_of(e) != "host" for e in graph.eqns)
        for graph in map(rolled, bodies(eqn))
    )


def _is_typed(aval: Aval) -> bool:
    return aval.dtype in KERNEL_DTYPES
