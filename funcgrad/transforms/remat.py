"""checkpoint: compute again in the backward pass instead of storing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcgrad import tree
from funcgrad.core.avals import aval_of, is_inexact
from funcgrad.core.graph import Graph, evaluate, record_graph, without_effects
from funcgrad.core.provenance import at, here
from funcgrad.core.tape import TapeTrace, TapeTracer, pull
from funcgrad.core.trace import Tracer, newest_trace, register
from funcgrad.transforms.calls import ProgramCall, batched_graph, derived
from funcgrad.transforms.closure import Captured
from funcgrad.transforms.function import Transformed
from funcgrad.transforms.jvp import JvpTrace, JvpTracer


def checkpoint(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose derivative stores the arguments only and computes the rest again.

    Memory for a gradient becomes that of one such call at a time, at the price of a second evaluation. `fun` itself
    runs once, when it is called: what is computed again is the program it has been seen to run, with the variables,
    attributes and branches of that time. Leaves that are no arrays are passed on as they are.

    Example:
        >>> import numpy as np
        >>> import funcgrad as fg
        >>> fg.grad(lambda x: checkpoint(np.sin)(x))(0.0)
        np.float64(1.0)
    """
    return Transformed(_checkpoint, fun)


remat = checkpoint


def _checkpoint(fun: Any, args: tuple, kwargs: dict) -> Any:
    leaves, treedef = tree.flatten((args, kwargs))
    traced = [i for i, x in enumerate(leaves) if isinstance(x, Tracer)]
    captured = Captured((fun,))
    values = [*(leaves[i] for i in traced), *captured.values]
    newest = newest_trace(values)
    if newest is None or newest.sees_inside:
        args, kwargs = treedef.unflatten(leaves)  # built anew, as they are for the program
        return fun(*args, **kwargs)
    out_trees: list[tree.TreeDef] = []

    def flat(*inputs: Any) -> list[Any]:
        full = list(leaves)
        for i, x in zip(traced, inputs):
            full[i] = x
        inner = captured.rebuilt(inputs[len(traced) :])[0] if captured.values else fun
        inner_args, inner_kwargs = treedef.unflatten(full)
        outs, out_tree = tree.flatten(inner(*inner_args, **inner_kwargs))
        out_trees.append(out_tree)
        return outs

    recorded = record_graph(flat, values)
    graph = recorded.graph
    graph.cache["results"] = recorded.results
    try:
        outs = checkpoint_call(*recorded.inputs, graph=graph)
    finally:
        graph.cache.pop("results")
    return out_trees[0].unflatten(outs)


class CheckpointCall(ProgramCall):
    """Run the program `graph`, and run it again for its derivative.

    The first run on plain values takes the results that were computed when the program was recorded.
    """

    def impl(self, *values: Any, graph: Graph) -> tuple[Any, ...]:
        results = graph.cache.pop("results")
        return tuple(evaluate(graph, values) if results is None else results)

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        if "io" in params["graph"].outside:
            raise NotImplementedError(
                f"checkpoint{at(here())}: its derivative would call an io_callback again: move that out of the function"
            )
        return self(*values, **params), values

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        trace = JvpTrace()
        try:
            xs = [v if t is None else JvpTracer(trace, v, t, None) for v, t in zip(saved, tangents)]
            outs = evaluate(without_effects(params)["graph"], xs)
        finally:
            trace.end()
        return tuple(y.tangent if isinstance(y, JvpTracer) and y._trace is trace else None for y in outs)

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        trace = TapeTrace()
        try:
            xs = [v if t is None else trace.leaf(v) for v, t in zip(saved, tracked)]
            outs = evaluate(params["graph"], xs)
        finally:
            trace.end()
        seeds = [
            (y.node, c)
            for y, c in zip(outs, ct)
            if c is not None and isinstance(y, TapeTracer) and y._trace is trace and is_inexact(aval_of(y).dtype)
        ]
        del outs
        found = pull(seeds)
        return [None if t is None else found.get(x.node.seq) for x, t in zip(xs, tracked)]

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        return [wrap(v, p) for v, p in zip(saved, parents)]

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        graph, mask = params["graph"], tuple(batched)
        whole = derived(graph, ("batch", mask, size), lambda: batched_graph(graph, mask, size))
        return self(*values, graph=whole)


checkpoint_call = register(CheckpointCall("checkpoint_call"))
