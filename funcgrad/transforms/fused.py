"""`fused`: what a function of small arrays computes as one entry of a tape, in place of one for each operation.

The function is traced once for shapes and dtypes, its derivative is derived from the program, and both are written down
as straight lines of NumPy. So the entry costs what NumPy does and 10 us, where ten operations take 50 us to record and
as much to go back. The first call with new shapes runs the function itself: tracing takes as long as some hundred
calls. So does one with anything but arrays of up to `large.LEAST` elements on one tape: other transformations go
through the operations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from numpy import ndarray, zeros

from funcgrad.core.avals import Aval, is_inexact
from funcgrad.core.constants import keep
from funcgrad.core.graph import Eqn, Graph, evaluate
from funcgrad.core.provenance import here
from funcgrad.core.recent import Recent
from funcgrad.core.staging import trace_graph
from funcgrad.core.tape import Node, TapeTracer, recorded, selected
from funcgrad.core.trace import Primitive
from funcgrad.ops import large
from funcgrad.ops.families.elementwise import Elementwise
from funcgrad.ops.straight import Straight, straight
from funcgrad.transforms.calls import derived, split_pull, tangent_graph
from funcgrad.tree import exact

KEPT = 64
"""Programs of one function: the last ones used."""
NUMBERS = frozenset((float, int, bool))
_ONCE: Any = object()
"""Stands for the program of shapes that have been met once."""


class Traced(NamedTuple):
    """A function's program for some shapes, and its derivative by the operands that move.

    `forward` returns, behind the `results`, what `backward` takes before the cotangents; that returns those of
    the operands which are `reached`.
    """

    graph: Graph
    mask: tuple[bool, ...]
    results: int
    is_tuple: bool
    forward: Graph
    backward: Graph
    reached: Sequence[bool]
    run: Straight
    run_back: Straight


class Kept(NamedTuple):
    """What an entry keeps: the program, its inputs, and what the backward program takes of them."""

    traced: Traced
    inputs: Sequence[Any]
    values: Sequence[Any]


class FusedCall(Primitive):
    """An entry that stands for a program. With several results the cotangent is a list, None where none arrives."""

    def __init__(self, name: str, multiple: bool) -> None:
        super().__init__(name)
        self.multiple = multiple

    def impl(self, *values: Any, traced: Traced) -> Any:
        results = evaluate(traced.graph, values)
        return tuple(results) if self.multiple else results[0]

    def pull(self, saved: Kept, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        traced = saved.traced
        cts = [ct] if traced.results == 1 else [_zeros(y) if c is None else c for c, y in zip(ct, traced.graph.outputs)]
        if all(type(x) is ndarray for x in (*cts, *saved.values)):
            found = iter(traced.run_back(*saved.values, *cts))
        else:
            found = iter(evaluate(traced.backward, [*saved.values, *cts]))
        return [next(found) if r else None for r in traced.reached]

    def push(self, saved: Kept, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        traced = saved.traced
        graph = traced.graph
        mask = tuple([t is not None for t in tangents])
        tangent, moved = derived(graph, ("push", mask), lambda: tangent_graph(graph, mask))
        moving = iter(evaluate(tangent, [*saved.inputs, *(t for t in tangents if t is not None)]))
        found = tuple([next(moving) if m else None for m in moved])
        return found[0] if traced.results == 1 else found

    def relink(self, saved: Kept, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Kept:
        inputs = [wrap(v, p) for v, p in zip(saved.inputs, parents)]
        return saved._replace(inputs=inputs, values=evaluate(saved.traced.forward, inputs)[saved.traced.results :])


FUSED, FUSED_PARTS = FusedCall("fused", False), FusedCall("fused_parts", True)


def _zeros(y: Any) -> Any:
    return zeros(y.aval.shape, y.aval.dtype)


def fused(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A function of arrays, numbers (or None) and hashable parameters, whose results are floating point: as one entry.

    Numbers and parameters are a part of the program.
    """
    programs = Recent(KEPT)

    def apply(*operands: Any, **params: Any) -> Any:
        trace: Any = None
        values: list[Any] = []
        parents: list[Any] = []
        key: list[Any] = []
        for x in operands:
            if x is None or type(x) in NUMBERS:
                key.append(exact(x))
                continue
            v, node = x, None
            if type(x) is TapeTracer:
                v, node = x.value, x.node
                if trace is None:
                    trace = x._trace
                elif trace is not x._trace:
                    return fun(*operands, **params)
            if type(v) is not ndarray:
                return fun(*operands, **params)
            key += (v.shape, v.dtype, node is None)
            values.append(v)
            parents.append(node)
        if trace is None or not trace.alive:
            return fun(*operands, **params)
        known = (*key, *params, *map(exact, params.values()))
        traced = programs.get(known)
        if traced is None:
            programs[known] = _ONCE
            return fun(*operands, **params)
        if traced is _ONCE:
            traced = programs[known] = _traced(fun, operands, values, parents, params)
        return fun(*operands, **params) if traced is False else _recorded(trace, traced, values, parents)

    apply.fun = fun  # type: ignore[attr-defined]
    apply.__name__ = apply.__qualname__ = getattr(fun, "__name__", "fused")
    return apply


def _traced(
    fun: Callable[..., Any],
    operands: Sequence[Any],
    values: Sequence[Any],
    parents: Sequence[Any],
    params: dict[str, Any],
) -> Traced | bool:
    """The program; False where there is none, or a result is not such that an entry could stand for it."""
    is_tuple = False

    def flat(*given: Any) -> Sequence[Any]:
        nonlocal is_tuple
        found = iter(given)
        out = fun(*[x if x is None or type(x) in NUMBERS else next(found) for x in operands], **params)
        is_tuple = isinstance(out, tuple)
        return out if is_tuple else (out,)

    mask = tuple([p is not None for p in parents])
    try:
        graph = trace_graph(flat, [Aval(v.shape, v.dtype) for v in values], interpreted=True)
        forward, backward, reached = split_pull(graph, mask)
    except Exception:  # of whatever kind: running the function says what is wrong, or does what needs values
        return False
    made = {y for eqn in graph.eqns for y in eqn.outputs}
    if not all(y in made and is_inexact(y.aval.dtype) for y in graph.outputs) or any(map(_is_large, graph.eqns)):
        return False
    return Traced(
        graph, mask, len(graph.outputs), is_tuple, forward, backward, reached, straight(forward), straight(backward)
    )


def _is_large(eqn: Eqn) -> bool:
    """Whether kernels of its own compute an operation, and its derivative at once, sooner than NumPy's functions."""
    return isinstance(eqn.prim, Elementwise) and any(y.aval.size >= large.LEAST for y in eqn.outputs)


def _recorded(trace: Any, traced: Traced, values: list[Any], parents: list[Any]) -> Any:
    values = [keep(v) if p is None else v for v, p in zip(values, parents)]
    results = traced.run(*values)
    count = traced.results
    kept, params = Kept(traced, values, results[count:]), {"traced": traced}
    if count == 1:
        y = recorded(trace, results[0], FUSED, params, tuple(parents), kept, here())
        return (y,) if traced.is_tuple else y
    node = Node(FUSED_PARTS, params, tuple(parents), kept, here())
    return tuple([TapeTracer(trace, y, selected(node, i, count)) for i, y in enumerate(results[:count])])
