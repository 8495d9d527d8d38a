"""Derivatives of small arrays in eager code: functions that call NumPy and nothing else.

The functions in a rule each look for traced values and large arrays first, which for ten numbers takes as long as NumPy
does. So a rule is traced once for a dtype, and its program written down as a Python function of NumPy's own functions,
in the same order: the same bits in half of the time.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.core.graph import Eqn, Graph, Literal
from funcgrad.core.staging import trace_graph
from funcgrad.ops import large

OPERATORS = {
    operator.add: "{} + {}", operator.sub: "{} - {}", operator.mul: "{} * {}", operator.truediv: "{} / {}",
    operator.neg: "-{}",
}  # fmt: skip
"""What takes NumPy's scalars a tenth of the time of its functions; for arrays these are faster."""


def direct(linear_map: Callable[..., Any], kind: str | type, kept: int) -> Callable[..., Any] | None:
    """A linear map `m(t, y, *xs)` as a function of what `ops.shortcuts` saves, `kept` values beside `t`.

    `kind` is the character of the arrays' dtype, or the type of NumPy's scalars. None where something else than NumPy's
    functions is in it.
    """
    aval = Aval((), np.dtype(kind))
    if aval.dtype.char not in large.FLOATS:
        return None
    try:
        graph = trace_graph(lambda *xs: (linear_map(*xs),), [aval] * (1 + kept))
    except Exception:  # of whatever kind: running the rule says what is wrong
        return None
    if kept > 2 and len(graph.eqns) > 1:
        return None  # one of two operands may be a Python number, for whose type and value a rule may ask
    if graph.outputs[0].aval != aval or not all(map(_is_plain, graph.eqns)):
        return None
    return written(graph, {} if type(kind) is str else OPERATORS)


def _is_plain(eqn: Eqn) -> bool:
    return not eqn.params and not eqn.prim.multiple and not eqn.outputs[0].aval.weak


def _read(value: Any, eqn: Eqn, aval: Aval) -> Any:
    """A number of Python's as an array of the dtype that NumPy takes it for: to find that takes 0.3 us in each call."""
    beside = [eqn.outputs[0].aval.dtype, *[a.aval.dtype for a in eqn.inputs if not isinstance(a, Literal)]]
    return np.array(value, aval.dtype) if type(value) in (int, float) and aval.dtype in beside else value


def written(graph: Graph, operators: Mapping[Any, str]) -> Callable[..., Any]:
    """A program of plain equations as a Python function, with operators or NumPy's functions in their place."""
    names: dict[Any, str] = {v: f"x{i}" for i, v in enumerate(graph.inputs)}
    scope: dict[str, Any] = {}

    def name(atom: Any, eqn: Eqn | None = None) -> str:
        if isinstance(atom, Literal):
            return constant(atom.value if operators or eqn is None else _read(atom.value, eqn, graph.outputs[0].aval))
        return names[atom]

    def constant(value: Any) -> str:
        found = f"c{len(scope)}"
        scope[found] = value
        return found

    lines: list[str] = []
    for eqn in graph.eqns:
        operands = [name(a, eqn) for a in eqn.inputs]
        call = operators.get(eqn.prim.python)
        if call is None:
            call = f"{constant(large.numpys(eqn.prim))}({', '.join(['{}'] * len(operands))})"
        names[eqn.outputs[0]] = f"y{len(lines)}"
        lines.append(f"    y{len(lines)} = {call.format(*operands)}")
    lines.append(f"    return {name(graph.outputs[0])}")
    text = "\n".join([f"def derivative({', '.join([names[v] for v in graph.inputs])}):", *lines])
    exec(compile(text, f"{__file__}:derivative", "exec", dont_inherit=True), scope)
    made: Callable[..., Any] = scope["derivative"]
    return made
