"""Functions along rows as NumPy's generalised universal functions, for rows of any length: softmax and its kin.

A program over one row of `LANES` elements is taken apart into passes over a row. A fold (a sum, a maximum) ends a pass;
numbers that a row has one of are computed between two passes; what is an element of a row is computed in each pass that
needs it, or, where it calls a function and a later pass needs it, stored where the result will be. What a pass does for
LANES elements is a kernel of the compiler's; rowtext.py writes the loops around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from funcgrad.compile import pool, ufuncs
from funcgrad.compile.columntext import ColumnText
from funcgrad.compile.machine import load
from funcgrad.compile.passes import is_elementwise
from funcgrad.compile.rowtext import FOLDS, Pass, RowText, Unfit, is_row
from funcgrad.compile.simplify import simplify
from funcgrad.core.graph import Atom, Eqn, Graph, Var
from funcgrad.ops.broadcasting import broadcast_to
from funcgrad.ops.large import SLOW


def ufunc(graph: Graph, name: str, columns: bool = False) -> np.ufunc | None:
    """The universal function of a program over a row, whose last input is the length; None where kernels do not do it.

    It takes rows that are contiguous, and numbers of rows, as the program does; `columns`: matrices in C order of which
    each column is a row, at least LANES, and vectors of their numbers. See `ufuncs.ufunc` for the rest.
    """
    graph = simplify(graph)
    passes = _passes(graph)
    if passes is None or not ufuncs.is_available():
        return None
    try:
        text = (ColumnText if columns else RowText)(graph, passes).written()
    except Unfit:
        return None
    pool.address()
    given = [*graph.inputs[:-1], *graph.outputs]
    row, number = ("(n,m)", "(m)") if columns else ("(n)", "()")
    signature = [row if is_row(v) else number for v in given]
    count = len(graph.inputs) - 1
    core = f"{','.join(signature[:count])}->{','.join(signature[count:])}"
    return ufuncs.made(load(text), [v.aval.dtype for v in given], count, name, core)


# ---- passes ----


def _passes(graph: Graph) -> list[Pass] | None:
    """The passes of a program; None where it is none along a row, or not in one dtype."""
    stage = dict.fromkeys(graph.inputs, 0)
    folds: dict[Var, tuple[str, Atom]] = {}
    made: dict[Atom, Eqn] = {}
    for e in graph.eqns:
        if len(e.outputs) != 1:
            return None
        (out,) = e.outputs
        stage[out] = max([stage[a] for a in e.inputs if isinstance(a, Var)], default=0)
        made[out] = e
        if e.prim.lower in FOLDS and is_row(e.inputs[0]):
            stage[out] += 1
            folds[out] = e.prim.lower, e.inputs[0]
        elif not (is_elementwise(e) or e.prim is broadcast_to) if is_row(out) else any(map(is_row, e.inputs)):
            return None
    results = [v for v in graph.outputs if isinstance(v, Var) and v in made]
    memory = [*graph.inputs, *results, *folds, *(operand for _, operand in folds.values())]
    if len(results) != len(graph.outputs) or len({v.aval.dtype for v in memory}) != 1:
        return None
    last = max(stage[v] for v in results)
    wanted: list[list[Atom]] = [[] for _ in range(last + 1)]
    for out, (_, operand) in folds.items():
        wanted[stage[out] - 1].append(operand)
    for v in results:
        if is_row(v):
            wanted[stage[v]].append(v)
    stored = _stored(made, wanted)
    return [
        Pass(
            [e for e in graph.eqns if not is_row(e.outputs[0]) and e.outputs[0] not in folds
             and stage[e.outputs[0]] == s],
            _cone(made, wanted[s], [v for t in range(s) for v in stored[t]]),
            {v: fold for v, fold in folds.items() if stage[v] == s + 1},
            list(dict.fromkeys([*stored[s], *(v for v in results if v in wanted[s])])),
        )
        for s in range(last + 1)
    ]  # fmt: skip


def _cone(made: dict[Atom, Eqn], wanted: Iterable[Atom], there: Sequence[Atom]) -> list[Eqn]:
    """The equations of elements from which the wanted ones come."""
    needed = {v for v in wanted if v not in there}
    found = []
    for v, e in reversed(made.items()):
        if v in needed and is_row(v):
            found.append(e)
            needed.update(a for a in e.inputs if is_row(a) and a not in there)
    return found[::-1]


def _stored(made: dict[Atom, Eqn], wanted: Sequence[Sequence[Atom]]) -> list[list[Var]]:
    """For each pass the elements that call a function, and that a later pass needs too: the last of those."""
    stored: list[list[Var]] = [[] for _ in wanted]
    known: list[Var] = []
    for s, now in enumerate(wanted):
        later = [e for t in wanted[s + 1 :] for e in _cone(made, t, known)]
        for e in reversed(_cone(made, now, known)):
            if e.prim.lower in SLOW and e in later:
                stored[s].append(e.outputs[0])
                known.append(e.outputs[0])
                later = [e for t in wanted[s + 1 :] for e in _cone(made, t, known)]
    return stored
