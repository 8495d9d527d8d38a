"""Programs as Python source."""

from __future__ import annotations

import itertools
import keyword
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from funcgrad.core.trace import Tracer

if TYPE_CHECKING:
    from funcgrad.core.graph import Atom, Graph, Var


def names() -> Iterator[str]:
    """a, b, ..., z, aa, ab, ..., without Python's keywords."""
    for length in itertools.count(1):
        for letters in itertools.product("abcdefghijklmnopqrstuvwxyz", repeat=length):
            name = "".join(letters)
            if not keyword.iskeyword(name):
                yield name


def to_python(graph: Graph) -> str:
    """The program as Python source that runs, given the primitives by name."""
    fresh = names()
    named: dict[Var, str] = {}

    def name(var: Var) -> str:
        if var not in named:
            named[var] = next(fresh)
        return named[var]

    def show(atom: Atom) -> str:
        if not hasattr(atom, "value"):
            return name(atom)
        if isinstance(atom.value, Tracer):
            return f"<{atom.value}>"
        if isinstance(atom.value, np.ndarray) and atom.value.size > 8:
            return f"<constant {atom.aval}>"
        return _constant(atom.value)

    lines = [f"def program({', '.join(f'{name(v)}: {str(v.aval)!r}' for v in graph.inputs)}):"]
    for eqn in graph.eqns:
        params = "".join(f", {k}={v!r}" for k, v in eqn.params.items())
        left = ", ".join(name(v) for v in eqn.outputs) + ("," if eqn.prim.multiple and len(eqn.outputs) == 1 else "")
        right = f"{eqn.prim}({', '.join(map(show, eqn.inputs))}{params})"
        types = " ".join(str(v.aval) for v in eqn.outputs)
        lines.append(f"    {left} = {right}  # {types}" if eqn.outputs else f"    {right}")
    lines.append(f"    return {', '.join(map(show, graph.outputs))}" + ("," if len(graph.outputs) == 1 else ""))
    return "\n".join(lines)


def _constant(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"array({value.tolist()!r}, {value.dtype.name!r})"
    if isinstance(value, np.generic):
        return f"{value.dtype.name}({value.item()!r})"
    return repr(value)
