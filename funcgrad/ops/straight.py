"""A program of small arrays as one Python function that calls NumPy, operation by operation, and nothing else.

What stands around an operation in eager code (whose value is traced, by whom, what is kept for a derivative) takes
several times as long as NumPy does for ten numbers. Here it has been asked once, when the program was traced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad.core.graph import Eqn, Graph, Literal, evaluate
from funcgrad.ops import direct, large

Straight = Callable[..., Sequence[Any]]


def straight(graph: Graph) -> Straight:
    """The function that a program is: from its inputs, arrays, to a tuple of its outputs. Made once."""
    found: Straight | None = graph.cache.get("straight")
    if found is None:
        # Python's numbers among the results have Python's own arithmetic
        weak = any(y.aval.weak for eqn in graph.eqns for y in eqn.outputs)
        found = (lambda *args: evaluate(graph, args)) if weak else direct.written(graph, _function, _read)
        graph.cache["straight"] = found
    return found


def _function(eqn: Eqn) -> Callable[..., Any]:
    small = all(v.aval.size < large.LEAST for v in (*eqn.inputs, *eqn.outputs))
    return large.numpys(eqn.prim) if small else eqn.prim.impl


def _read(value: Any, eqn: Eqn) -> Any:
    """A number of Python's as an array of the dtype that NumPy takes it for: to find that takes 0.3 us in each call.

    Not of functions that want an integer, as `ldexp`.
    """
    if eqn.prim.python not in direct.OPERATORS or type(value) not in (int, float):
        return value
    dtypes = {eqn.outputs[0].aval.dtype, *[a.aval.dtype for a in eqn.inputs if not isinstance(a, Literal)]}
    (dtype, *others) = dtypes
    return value if others or dtype.kind != "f" else np.array(value, dtype)
