"""A program as one kernel without any Python, for callers that are machine code themselves: numba's, and C's."""

from __future__ import annotations

from funcgrad.compile.calls import reason
from funcgrad.compile.elements import KERNEL_DTYPES
from funcgrad.compile.segments import Call, Segment, split
from funcgrad.core import provenance
from funcgrad.core.graph import Graph

SHOWN = 4
"""Operations that an error names."""


def alone(graph: Graph, name: str, callers: str) -> Segment | None:
    """The kernel of a simplified program; None where nothing is to be computed.

    Products are loops of the kernel, large ones too, which BLAS would do in Python. Raises TypeError, with the
    operations and their lines, where NumPy or the user's Python is needed.
    """
    steps = split(graph, blas=False)
    calls = [step.eqn for step in steps if isinstance(step, Call)]
    if calls:
        found = list(dict.fromkeys(f"{reason(eqn)}{provenance.at(eqn.loc)}" for eqn in calls))
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise TypeError(
            f"`{name}` cannot be called from {callers}, as Python runs a part of it: {'; '.join(found[:SHOWN])}{more}. "
            "Compute that before the call and pass it as an argument, or call the jitted function from Python."
        )
    for aval in (*graph.in_avals, *graph.out_avals):
        if aval.dtype not in KERNEL_DTYPES:
            raise TypeError(f"`{name}` cannot be called from {callers}: {aval.dtype} has no kernels")
    segments = [step for step in steps if isinstance(step, Segment)]
    return segments[0] if segments else None
