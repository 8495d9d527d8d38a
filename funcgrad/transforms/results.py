"""What users get: plain arrays that are theirs to write into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import aval_of, is_inexact
from funcgrad.core.memory import copied, own
from funcgrad.core.tape import TapeTracer
from funcgrad.core.trace import Trace, Tracer, escaped
from funcgrad.transforms.arguments import FLOAT0

ndarray = np.ndarray


def below(x: Any, trace: Trace) -> Any:
    """A value without the layer that `trace` put around it."""
    if isinstance(x, Tracer):
        if x._trace is trace:
            return x.value  # type: ignore[attr-defined]
        if not x._trace.alive:
            raise escaped((x,))
    return x


def result(x: Any, like: Any, taken: set[int]) -> Any:
    """A value, cotangent or tangent as the user gets it, sharing memory with nothing in `taken`.

    One of a number `like` is a number of NumPy's, whatever the operations were.
    """
    if type(x) is ndarray:
        return x[()] if not x.ndim and like is not None and type(like) is not ndarray else own(x, taken)
    if isinstance(x, Tracer):
        return x.snapshot()
    return np.asarray(x) if type(like) is ndarray else x


def results(x: Any, trace: Trace, taken: set[int]) -> Any:
    """`result` for every leaf of a pytree. Plain arrays may be the function's constants, and are copied."""
    if type(x) is TapeTracer:
        return result(below(x, trace), None, taken)
    return tree.map(
        lambda leaf: result(below(leaf, trace), None, taken) if isinstance(leaf, Tracer) else copied(leaf), x
    )


def copies(x: Any, trace: Trace) -> Any:
    """Every leaf of a pytree copied, as the tape may have saved what was traced."""
    return tree.map(lambda leaf: copied(below(leaf, trace)), x)


def zeros_for(leaf: Any) -> Any:
    """The zero gradient of a leaf (of dtype float0 for an integer)."""
    aval = aval_of(leaf)
    return np.zeros(aval.shape, aval.dtype if is_inexact(aval.dtype) else FLOAT0)


def gradients(leaves: Sequence[Any], cts: Sequence[Any], taken: set[int]) -> list[Any]:
    """The gradients of leaves from their cotangents (None for zero)."""
    found = []
    for leaf, ct in zip(leaves, cts):
        if ct is None:
            ct = zeros_for(leaf)
            found.append(ct if type(leaf) is ndarray or isinstance(leaf, Tracer) else ct[()])
        else:
            found.append(result(ct, leaf, taken))
    return found
