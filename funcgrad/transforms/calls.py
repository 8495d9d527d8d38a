"""`graph_call`: a whole program as one operation. Its derivatives and its batched form are programs again.

They are derived once, by running the other transformations while staging, and kept in the program's cache. So
`grad(jit(f))` runs two compiled programs, whatever `f` contains.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.avals import Aval, is_inexact
from funcgrad.core.graph import Atom, Eqn, Graph, Var, evaluate, without_effects
from funcgrad.core.staging import is_written, trace_graph, writer
from funcgrad.core.tape import TapeTracer, pull
from funcgrad.core.trace import Primitive, Same, is_traced, register
from funcgrad.errors import NotDifferentiableError
from funcgrad.transforms import nans
from funcgrad.transforms.batch import BatchTrace, stretch
from funcgrad.transforms.closure import refuse_hidden
from funcgrad.transforms.jvp import with_tangents
from funcgrad.transforms.results import below

Runner = Callable[[Graph, Sequence[Any]], Sequence[Any]]


class ProgramCall(Primitive):
    """A primitive that stands for the program in its parameter `graph`."""

    multiple = True
    transparent = True
    keeps_all = True

    def body(self, params: dict[str, Any]) -> Graph:
        return params["graph"]

    def shape(self, *avals: Aval, graph: Graph, **params: Any) -> tuple[Aval, ...]:
        return graph.out_avals


class Residuals(NamedTuple):
    """What a derivative keeps of a program's run: its inputs, and what the backward program takes.

    `again(*inputs)` computes the latter anew.
    """

    inputs: Sequence[Any]
    values: Sequence[Any]
    again: Callable[..., Sequence[Any]]
    backward: Graph
    reached: Sequence[bool]


class ForwardOnly(NamedTuple):
    """What is kept of a program's run that has no pull, and why it has none."""

    inputs: Sequence[Any]
    reason: str


class GraphCall(ProgramCall):
    """Run `graph` on arrays by `run(graph, arrays)`, which returns its outputs."""

    dissolves = True

    def impl(self, *args: Any, graph: Graph, run: Runner) -> tuple[Any, ...]:
        # linear_transpose, which has no values, goes through the operations one by one
        return tuple((evaluate if is_traced(*args) or is_written(graph.outside) else run)(graph, args))

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        graph, run = params["graph"], params["run"]
        mask = tuple(t is not None for t in tracked)
        if not any(is_inexact(a.dtype) for a in graph.out_avals):
            return self(*values, **params), None
        try:
            forward, backward, reached = derived(graph, ("pull", mask), lambda: split_pull(graph, mask))
        except NotDifferentiableError as error:  # which concerns reverse mode only: `linearize` may be asked for
            return self(*values, **params), ForwardOnly(values, str(error))
        results = self(*values, graph=forward, run=run)
        count = len(graph.outputs)
        again = lambda *inputs: self(*inputs, graph=forward, run=run)[count:]
        return results[:count], Residuals(values, results[count:], again, backward, reached)

    def jvp(self, values: Sequence[Any], tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        graph, run = params["graph"], params["run"]
        mask = tuple(t is not None for t in tangents)
        joint, moved = derived(graph, ("jvp", mask), lambda: joint_graph(graph, mask))
        results = self(*values, *(t for t in tangents if t is not None), graph=joint, run=run)
        moving = iter(results[len(moved) :])
        return results[: len(moved)], tuple(next(moving) if m else None for m in moved)

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        graph, run = params["graph"], params["run"]
        mask = tuple(t is not None for t in tangents)
        tangent, moved = derived(graph, ("push", mask), lambda: tangent_graph(graph, mask))
        moving = iter(self(*saved.inputs, *(t for t in tangents if t is not None), graph=tangent, run=run))
        return tuple(next(moving) if m else None for m in moved)

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        if isinstance(saved, ForwardOnly):
            raise NotDifferentiableError(saved.reason)
        graph, run = params["graph"], params["run"]
        cts = [
            np.zeros(a.shape, a.dtype) if c is None else c
            for c, a in zip(ct, graph.out_avals)
            if is_inexact(a.dtype)
        ]
        found = iter(self(*saved.values, *cts, graph=saved.backward, run=run))
        return [next(found) if r else None for r in saved.reached]

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        inputs = [wrap(v, p) for v, p in zip(saved.inputs, parents)]
        if isinstance(saved, ForwardOnly):
            return saved._replace(inputs=inputs)
        return saved._replace(inputs=inputs, values=saved.again(*inputs))

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        graph = params["graph"]
        mask = tuple(batched)
        whole, moves = derived(graph, ("batch in part", mask, size), lambda: batched_parts(graph, mask, size))
        outs = self(*values, graph=whole, run=params["run"])
        return tuple(y if b else Same(y) for y, b in zip(outs, moves))


graph_call = register(GraphCall("graph_call"))


def derived(graph: Graph, key: Any, make: Callable[[], Any]) -> Any:
    """What has been derived from a program, made at the first request."""
    found = graph.cache.get(key)
    if found is None:
        found = graph.cache[key] = make()
    return found


def split_pull(graph: Graph, mask: Sequence[bool]) -> tuple[Graph, Graph, list[bool]]:
    """The program with what its derivative needs as further outputs; the derivative; which inputs it reaches."""
    reached: list[bool] = []
    count = len(graph.inputs)
    written = 0

    def joint(*flat: Any) -> list[Any]:
        nonlocal written
        trace = nans.tape()
        try:
            xs = [trace.leaf(x) if m else x for x, m in zip(flat, mask)]
            outs = nans.run_on(trace, graph, xs)
        finally:
            trace.end()
        program: Any = writer()
        written = len(program.eqns)
        inexact = [y for y, a in zip(outs, graph.out_avals) if is_inexact(a.dtype)]
        seeds = [(y.node, c) for y, c in zip(inexact, flat[count:]) if isinstance(y, TapeTracer) and y._trace is trace]
        found = pull(seeds)
        cts = [found.get(x.node.seq) if m else None for x, m in zip(xs, mask)]
        reached.extend(c is not None for c in cts)
        return [*(below(y, trace) for y in outs), *(c for c in cts if c is not None)]

    ct_avals = [Aval(a.shape, a.dtype) for a in graph.out_avals if is_inexact(a.dtype)]
    whole = trace_graph(joint, [*graph.in_avals, *ct_avals])
    forward, backward = partition(whole, count, len(graph.outputs), written)
    return forward, backward, reached


def partition(graph: Graph, inputs: int, outputs: int, written: int) -> tuple[Graph, Graph]:
    """Cut a program in two: the first `outputs` outputs, from the first `inputs` inputs, and then the rest.

    The first returns, behind its outputs, the values that the second needs (all it can compute by itself from the
    inputs and those values, it does compute); the second takes these and the remaining inputs. Effects among the first
    `written` equations take place in the first, the others in the second.
    """
    effects = {e: index < written for index, e in enumerate(graph.eqns) if e.has_effect}
    first = needed_for(graph.outputs[:outputs], graph.eqns, {e for e, early in effects.items() if early})
    chosen = set(first)
    rest = [e for e in graph.eqns if e not in chosen]
    second = needed_for(graph.outputs[outputs:], rest, {e for e, early in effects.items() if not early})
    live = {a for a in (*graph.outputs[outputs:], *(a for e in second for a in e.inputs)) if isinstance(a, Var)}
    made = {v for e in second for v in e.outputs} | set(graph.inputs[inputs:])
    order = [*graph.inputs[:inputs], *(v for e in first for v in e.outputs)]
    residuals = tuple(v for v in order if v in live and v not in made)
    return (
        Graph(graph.inputs[:inputs], tuple(first), graph.outputs[:outputs] + residuals),
        Graph(residuals + graph.inputs[inputs:], tuple(second), graph.outputs[outputs:]),
    )


def needed_for(outputs: Sequence[Atom], eqns: Sequence[Eqn], kept: Collection[Eqn] = ()) -> list[Eqn]:
    """The equations that outputs need, and those that are kept in any case."""
    needed = set(outputs)
    found: list[Eqn] = []
    for eqn in reversed(eqns):
        if not needed.isdisjoint(eqn.outputs) or eqn in kept:
            found.append(eqn)
            needed.update(eqn.inputs)
    return found[::-1]


def tangent_graph(graph: Graph, mask: Sequence[bool]) -> tuple[Graph, list[bool]]:
    """The program from inputs and tangents to the tangents of the outputs, and which outputs move."""
    (graph,) = without_effects({"graph": graph}).values()
    joint, moved = derived(graph, ("jvp", mask), lambda: joint_graph(graph, mask))
    return pruned(Graph(joint.inputs, joint.eqns, joint.outputs[len(moved) :])), moved


def joint_graph(graph: Graph, mask: Sequence[bool]) -> tuple[Graph, list[bool]]:
    """The program from inputs and tangents to the outputs and the tangents of those that move, and which these are."""
    moved: list[bool] = []
    count = len(graph.inputs)

    def both(*flat: Any) -> list[Any]:
        given = iter(flat[count:])
        outs, found = with_tangents(graph, flat[:count], [next(given) if m else None for m in mask])
        moved.extend(t is not None for t in found)
        return [*outs, *(t for t in found if t is not None)]

    avals = [Aval(a.shape, a.dtype) for a, m in zip(graph.in_avals, mask) if m]
    return trace_graph(both, [*graph.in_avals, *avals]), moved


def batched_graph(graph: Graph, mask: Sequence[bool], size: int) -> Graph:
    """The program on whole batches: batched inputs and all outputs have the batch along their leading axis."""
    run = lambda *xs: run_batched(lambda *ys: evaluate(graph, ys), xs, mask, size)
    return trace_graph(run, _whole(graph, mask, size))


def batched_parts(graph: Graph, mask: Sequence[bool], size: int) -> tuple[Graph, list[bool]]:
    """The program on whole batches, and which of its outputs are such: values are not, of which tangents alone are."""
    moves: list[bool] = []

    def run(*xs: Any) -> list[Any]:
        outs, found = run_parts(lambda *ys: evaluate(graph, ys), xs, mask, size)
        moves.extend(found)
        return outs

    return trace_graph(run, _whole(graph, mask, size)), moves


def _whole(graph: Graph, mask: Sequence[bool], size: int) -> list[Aval]:
    return [Aval((size, *a.shape), a.dtype) if m else a for a, m in zip(graph.in_avals, mask)]


def run_batched(fun: Callable[..., Sequence[Any]], values: Sequence[Any], mask: Sequence[bool], size: int) -> list[Any]:
    """A flat function on whole batches; every output comes back batched along its leading axis."""
    outs, batched = run_parts(fun, values, mask, size)
    return [y if b else stretch(y, size) for y, b in zip(outs, batched)]


def run_parts(
    fun: Callable[..., Sequence[Any]], values: Sequence[Any], mask: Sequence[bool], size: int
) -> tuple[list[Any], list[bool]]:
    """A flat function on whole batches, and which of its outputs are batched along their leading axis."""
    trace = BatchTrace(size)
    try:
        outs = fun(*(trace.input(v) if m else v for v, m in zip(values, mask)))
    finally:
        trace.end()
    results = [trace.unwrap(y) for y in outs]
    refuse_hidden("vmap", values, [y for y, _ in results])
    return [y for y, _ in results], [b for _, b in results]


def pruned(graph: Graph) -> Graph:
    """Without the equations that no output needs, and that have no effect."""
    effects = {e for e in graph.eqns if e.has_effect}
    return Graph(graph.inputs, tuple(needed_for(graph.outputs, graph.eqns, effects)), graph.outputs)
