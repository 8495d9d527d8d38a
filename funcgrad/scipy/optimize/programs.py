"""Functions on plain numbers, compiled. What is compiled is kept by what it does, and not by which function it was.

So a function is traced anew for each solver that calls it, as attributes, globals and closed-over arrays may have
changed since; that costs about one of its evaluations. Compiling it, which costs a hundred, is done once for all
functions that do the same, such as the lambdas that a loop makes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.compile.running import program_of
from funcgrad.config import config
from funcgrad.core.avals import aval_of
from funcgrad.core.graph import Atom, Graph, Var, hoist
from funcgrad.core.recent import Recent
from funcgrad.core.staging import trace_graph
from funcgrad.core.trace import Tracer, is_traced, known

KEPT = 64
"""Programs."""
SMALL = 1024
"""Bytes of an array up to which a key holds them, and not their digest."""
LONG = 10_000
"""Operations from which on a function runs as it is: compiling it takes 0.5 ms each, running it 0.01 ms."""
_kept = Recent(KEPT)


class Watch:
    """Takes the numbers out of what functions return, and notes whether traced values were there."""

    def __init__(self) -> None:
        self.moving = False

    def __call__(self, y: Any) -> Any:
        return tree.map(self._number, y)

    def _number(self, y: Any) -> Any:
        if not isinstance(y, Tracer):
            return y
        self.moving = True
        value = known(y)
        if value is None:
            raise TypeError(
                "Pass in args what the function uses: it uses a traced value whose number is not known now, and that "
                "is neither an argument nor a variable it closes over (a global or an attribute?)"
            )
        return value


def on_numbers(
    fun: Callable[..., Any], example: Sequence[Any], args: Sequence[Any], watch: Watch
) -> Callable[..., Any]:
    """`fun(*unknowns, *args)` as a function of plain unknowns like `example`: its program, or itself.

    It runs as it is where it cannot be traced, as Python's control flow looks at values, and where it is long. It has
    been called once then, so that its errors are raised here.
    """
    for fixed in (False, True) if config.jit else ():
        try:
            program = _compiled(fun, example, args, fixed, watch)
        except Exception:  # whatever it is, it is raised again below unless it was for the tracing
            continue
        if program is None:
            break
        return program
    watch(fun(*example, *args))
    return lambda *unknowns: watch(fun(*unknowns, *args))


def _compiled(
    fun: Callable[..., Any], example: Sequence[Any], args: Sequence[Any], fixed: bool, watch: Watch
) -> Callable[..., Any] | None:
    """A function's program, or None where it is long.

    Numbers of Python's among `args` are inputs of it, or `fixed`, as sizes and powers are.
    """
    given, treedef = tree.flatten(tuple(args))
    moved = [index for index, x in enumerate(given) if not (_is_python(x) and (fixed or not _is_number(x)))]
    out_trees = []

    def flat(*xs: Any) -> list[Any]:
        rest = list(given)
        for index, x in zip(moved, xs[len(example) :]):
            rest[index] = x
        outs, out_tree = tree.flatten(fun(*xs[: len(example)], *treedef.unflatten(rest)))
        out_trees.append(out_tree)
        return outs

    inputs = [*example, *(given[index] for index in moved)]
    graph, constants = hoist(trace_graph(flat, [aval_of(x) for x in inputs]), _is_data)
    if len(graph.eqns) > LONG:
        return None
    program = program_of(_shared(graph))
    rest = [given[index] for index in moved] + [watch(x) for x in constants]
    (out_tree,) = out_trees
    return lambda *unknowns: out_tree.unflatten(program(*unknowns, *rest))


def _is_number(x: Any) -> bool:
    return isinstance(x, (int, float, complex)) and not isinstance(x, bool)


def _is_python(x: Any) -> bool:
    return not is_traced(x) and not isinstance(x, (np.ndarray, np.generic))


def _is_data(value: Any) -> bool:
    """Whether a constant becomes an input of a program; an array of one repeated number stays inside."""
    if isinstance(value, (np.generic, Tracer)):
        return True
    return isinstance(value, np.ndarray) and (value.size == 1 or bool((value != value.reshape(-1)[:1]).any()))


def _shared(graph: Graph) -> Graph:
    """The program that came first among those that do the same."""
    try:
        key = _key(graph)
        found = _kept.get(key)
    except TypeError:  # a parameter without a hash, or a traced value inside of a loop's body
        return graph
    return _kept.setdefault(key, graph) if found is None else found


def _key(graph: Graph) -> Any:
    """Equal for programs that do the same; TypeError where that cannot be told."""
    number = {v: index for index, v in enumerate(graph.inputs)}

    def of(atom: Atom) -> Any:
        return number[atom] if isinstance(atom, Var) else _value_key(atom.value)

    lines = []
    for eqn in graph.eqns:
        inputs = tuple(map(of, eqn.inputs))
        for v in eqn.outputs:
            number[v] = len(number)
        params = tuple((name, _value_key(x)) for name, x in sorted(eqn.params.items()))
        lines.append((eqn.prim, inputs, params, tuple(v.aval for v in eqn.outputs)))
    return graph.in_avals, tuple(lines), tuple(map(of, graph.outputs))


def _value_key(x: Any) -> Any:
    if isinstance(x, Graph):
        return Graph, _key(x)
    if isinstance(x, np.ndarray):
        content = x.tobytes()
        return np.ndarray, x.shape, x.dtype.str, content if x.nbytes <= SMALL else sha256(content).digest()
    if isinstance(x, (tuple, list)):
        return type(x), tuple(map(_value_key, x))
    if isinstance(x, dict):
        return dict, tuple((name, _value_key(value)) for name, value in x.items())
    return type(x), tree.exact(x)
