"""Derivatives of small arrays in eager code: functions that call NumPy and nothing else.

The functions in a rule each look for traced values and large arrays first, which for ten numbers takes as long as NumPy
does. So a rule is traced once for a dtype, and its program written down as a Python function of NumPy's own functions,
in the same order: the same bits in half of the time.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
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

NO_OPERATORS: Mapping[Any, str] = {}


def direct(
    linear_maps: Sequence[Callable[..., Any] | None], kind: np.dtype | type, kept: int, numbers: bool
) -> Callable[..., Any] | None:
    """Linear maps `m(t, y, *xs)` as one function of what `ops.shortcuts` saves, `kept` values beside `t`.

    It returns a tuple, with None where there is no map. `kind` is the arrays' dtype, or the type of NumPy's
    scalars; `numbers`: one of the values may be a Python number. None where something else than NumPy's
    functions is in it.
    """
    aval = Aval((), np.dtype(kind))
    if aval.dtype.char not in large.FLOATS or not aval.dtype.isnative:
        return None
    maps = [m for m in linear_maps if m is not None]
    try:
        graph = trace_graph(lambda *xs: [m(*xs) for m in maps], [aval] * (1 + kept))
    except Exception:  # of whatever kind: running the rule says what is wrong
        return None
    if numbers and len(graph.eqns) > 1:
        return None  # for the type and value of a Python number a rule may ask
    if any(y.aval != aval for y in graph.outputs) or not all(map(_is_plain, graph.eqns)):
        return None
    given = [m is not None for m in linear_maps]
    if isinstance(kind, type):
        return written(graph, _numpys, lambda value, eqn: value, given, OPERATORS)
    return written(graph, _numpys, lambda value, eqn: _read(value, eqn, aval), given)


def _is_plain(eqn: Eqn) -> bool:
    return not eqn.params and not eqn.prim.multiple and not eqn.outputs[0].aval.weak


def _read(value: Any, eqn: Eqn, aval: Aval) -> Any:
    """A number of Python's as an array of the dtype that NumPy takes it for: to find that takes 0.3 us in each call."""
    beside = [eqn.outputs[0].aval.dtype, *[a.aval.dtype for a in eqn.inputs if not isinstance(a, Literal)]]
    return np.array(value, aval.dtype) if type(value) in (int, float) and aval.dtype in beside else value


def _numpys(eqn: Eqn) -> Callable[..., Any]:
    return large.numpys(eqn.prim)


def written(
    graph: Graph,
    function: Callable[[Eqn], Callable[..., Any]],
    read: Callable[[Any, Eqn], Any],
    given: Sequence[bool] | None = None,
    operators: Mapping[Any, str] = NO_OPERATORS,
) -> Callable[..., tuple[Any, ...]]:
    """A program as a Python function that calls `function(eqn)` for each equation, or has an operator in its place.

    `read(value, eqn)` is a constant as that is to take it. The tuple that it returns has None for what is not `given`.
    """
    names: dict[Any, str] = {v: f"x{i}" for i, v in enumerate(graph.inputs)}
    scope: dict[str, Any] = {}

    def constant(value: Any) -> str:
        found = f"c{len(scope)}"
        scope[found] = value
        return found

    def name(atom: Any, eqn: Eqn | None = None) -> str:
        if isinstance(atom, Literal):
            return constant(atom.value if eqn is None else read(atom.value, eqn))
        return names[atom]

    lines: list[str] = []
    for eqn in graph.eqns:
        operands = [name(a, eqn) for a in eqn.inputs]
        form = operators.get(eqn.prim.python)
        if form is None:
            options = [f"{option}={constant(value)}" for option, value in eqn.params.items()]
            form = f"{constant(function(eqn))}({', '.join(['{}'] * len(operands) + options)})"
        for y in eqn.outputs:
            names[y] = f"y{len(names)}"
        results = "".join(f"{names[y]}, " for y in eqn.outputs) if eqn.prim.multiple else names[eqn.outputs[0]]
        lines.append(f"    {results} = {form.format(*operands)}")
    outputs = iter(graph.outputs)
    found = [name(next(outputs)) if is_given else "None" for is_given in given or [True] * len(graph.outputs)]
    lines.append(f"    return ({''.join(f'{each}, ' for each in found)})")
    text = "\n".join([f"def program({', '.join([names[v] for v in graph.inputs])}):", *lines])
    exec(compile(text, f"{__file__}:program", "exec", dont_inherit=True), scope)
    made: Callable[..., tuple[Any, ...]] = scope["program"]
    return made
