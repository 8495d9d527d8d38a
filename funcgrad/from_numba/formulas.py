"""A program on numbers as one expression, which is how kernels take what a primitive does to an element."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from funcgrad.compile.mathlib import expression
from funcgrad.compile.simplify import simplify
from funcgrad.core.avals import BOOL
from funcgrad.core.graph import Atom, Eqn, Graph, Literal, Var
from funcgrad.ops import elementwise as ew
from funcgrad.ops import large
from funcgrad.ops.families.elementwise import Elementwise

ARGUMENTS = 4
"""How many `lower` may have."""
LONGEST = 20_000
"""Characters: a value that is used several times stands in the expression as often."""


def is_elementwise(graph: Graph) -> bool:
    """Whether a program on numbers is one on arrays too, which broadcast."""
    return all(isinstance(e.prim, Elementwise) or e.prim is ew.convert for e in graph.eqns)


def on_arrays(graph: Graph) -> Callable[..., Any] | None:
    """The program as a function of plain arrays that calls NumPy, in a third of the time of `evaluate`."""
    graph = simplify(graph)
    if not is_elementwise(graph) or any(e.outputs[0].aval.weak for e in graph.eqns):
        return None
    places: dict[Atom, int] = {v: i for i, v in enumerate(graph.inputs)}
    constants: list[Any] = []
    for atom in [a for e in graph.eqns for a in e.inputs] + list(graph.outputs):
        if isinstance(atom, Literal) and atom not in places:
            places[atom] = len(graph.inputs) + len(constants)
            constants.append(atom.value)
    steps = []
    for number, eqn in enumerate(graph.eqns, len(places)):
        plain = large.numpys(eqn.prim)
        steps.append((partial(plain, **eqn.params) if eqn.params else plain, [places[a] for a in eqn.inputs]))
        places[eqn.outputs[0]] = number
    result = places[graph.outputs[0]]

    def run(*xs: Any) -> Any:
        values = [*xs, *constants]
        for function, given in steps:
            values.append(function(*[values[i] for i in given]))
        return values[result]

    return run


def formula(graph: Graph) -> str | None:
    """The program as the `lower` of a primitive; None where kernels cannot do it, or in several dtypes only."""
    graph = simplify(graph)
    dtype = graph.outputs[0].aval.dtype
    if dtype.kind != "f" or len(graph.inputs) > ARGUMENTS or not is_elementwise(graph):
        return None
    if any(a.dtype == BOOL for a in graph.in_avals):  # kernels would cast it to the result's dtype
        return None
    texts: dict[Var, str] = {v: f"{{{i}}}" for i, v in enumerate(graph.inputs)}
    for eqn in graph.eqns:
        text = _text(eqn, dtype, texts)
        if text is None or len(text) > LONGEST:
            return None
        texts[eqn.outputs[0]] = text
    return _operand(graph.outputs[0], dtype, texts)


def _text(eqn: Eqn, dtype: np.dtype, texts: dict[Var, str]) -> str | None:
    if eqn.outputs[0].aval.dtype not in (dtype, BOOL):
        return None
    operands = [_operand(a, dtype, texts) for a in eqn.inputs]
    if None in operands:
        return None
    if eqn.prim is ew.convert:
        from_truth = eqn.inputs[0].aval.dtype == BOOL
        if eqn.outputs[0].aval.dtype == BOOL:
            return f"({operands[0]} != 0)" if not from_truth else operands[0]
        return f"(1.0 if {operands[0]} else 0.0)" if from_truth else operands[0]
    second = eqn.inputs[1] if len(eqn.inputs) > 1 else None
    template = expression(eqn.prim.lower, second.value if isinstance(second, Literal) else None) if isinstance(
        eqn.prim.lower, str) else None  # fmt: skip
    return None if template is None else f"({template.format(*operands)})"


def _operand(atom: Atom, dtype: np.dtype, texts: dict[Var, str]) -> str | None:
    """An operand as text; None where it has another dtype, which arithmetic would have to keep."""
    kind = atom.aval.dtype.kind
    if isinstance(atom, Literal):
        return _number(atom.value)
    if atom.aval.dtype in (dtype, BOOL) or (kind in "iu" and atom in texts and texts[atom].startswith("{")):
        return texts[atom]
    return None


def _number(value: Any) -> str | None:
    number = np.asarray(value).item()
    if type(number) not in (int, float) or number != number:
        return None
    return f"({number!r})".replace("inf", "1e999")
