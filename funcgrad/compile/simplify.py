"""Programs made smaller, with the same results: all passes, in the order in which they help each other."""

from __future__ import annotations

from funcgrad.compile import branches, hoist, loops
from funcgrad.compile.passes import PASSES, share
from funcgrad.core.graph import Graph, programs_of
from funcgrad.transforms.calls import pruned

_OF_CONTROL = frozenset(("scan_call", "switch_call"))


def simplify(graph: Graph) -> Graph:
    """A program that does the same, of fewer and cheaper equations."""
    for improve in PASSES:
        graph = improve(graph)
    if any(eqn.prim.multiple for eqn in graph.eqns):
        for eqn in graph.eqns:
            if eqn.prim.name in _OF_CONTROL:  # whose bodies the passes look into
                for body in programs_of(eqn.params):
                    simplified(body)
        for improve in (*loops.PASSES, *hoist.PASSES, share, pruned, branches.sink):
            graph = improve(graph)
    return graph


def simplified(graph: Graph) -> Graph:
    """The body of a loop or a branch, simplified once."""
    found = graph.cache.get("simplified")
    if found is None:
        found = graph.cache["simplified"] = simplify(graph)
    return found
