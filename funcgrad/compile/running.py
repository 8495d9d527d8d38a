"""The compiled form of a program, made when it is first run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from funcgrad.core.forks import unforked
from funcgrad.core.graph import Graph

if TYPE_CHECKING:
    from funcgrad.compile.program import Program


def program_of(graph: Graph) -> Program:
    """The compiled form of a graph, made once."""
    with unforked:
        from funcgrad.compile.program import compile_graph  # and the compiler with it, which eager programs do not need

    program = graph.cache.get("program")
    return graph.cache.setdefault("program", compile_graph(graph)) if program is None else program


def run_graph(graph: Graph, args: Sequence[Any]) -> tuple[Any, ...]:
    """Run a graph on arrays, compiled; they are brought to the types of its inputs."""
    return program_of(graph)(*args)
