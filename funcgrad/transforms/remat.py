"""checkpoint: compute again in the backward pass instead of storing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcgrad import tree
from funcgrad.core.avals import Aval, aval_of, is_inexact
from funcgrad.core.graph import trace_graph
from funcgrad.core.tape import TapeTrace, TapeTracer, pull
from funcgrad.core.trace import Primitive, register
from funcgrad.transforms.arguments import array_leaf
from funcgrad.transforms.calls import run_batched
from funcgrad.transforms.closure import Captured, refuse_hidden
from funcgrad.transforms.function import Transformed
from funcgrad.transforms.jvp import JvpTrace, JvpTracer


def checkpoint(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose derivative stores the arguments only and computes the rest again.

    Memory for a gradient becomes that of one such call at a time, at the price of a second evaluation. Leaves that
    are no arrays are passed on as they are.

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
    arrays = [i for i, x in enumerate(leaves) if array_leaf(x) is not None]
    captured = Captured((fun,))
    out_trees: list[tree.TreeDef] = []

    def flat(*values: Any) -> list[Any]:
        full = list(leaves)
        for i, x in zip(arrays, values):
            full[i] = x
        inner = captured.rebuilt(values[len(arrays) :])[0] if captured.values else fun
        inner_args, inner_kwargs = treedef.unflatten(full)
        outs, out_tree = tree.flatten(inner(*inner_args, **inner_kwargs))
        out_trees.append(out_tree)
        return outs

    outs = checkpoint_call(*(leaves[i] for i in arrays), *captured.values, fun=flat)
    return out_trees[-1].unflatten(outs)


class CheckpointCall(Primitive):
    """Run the flat function `fun`, and run it again for its derivative."""

    multiple = True
    program = "fun"

    def impl(self, *values: Any, fun: Any, graph: Any = None) -> tuple[Any, ...]:
        return tuple(fun(*values))

    def shape(self, *avals: Aval, fun: Any, graph: Any = None) -> tuple[Aval, ...]:
        return (graph or trace_graph(fun, avals)).out_avals

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        outs = self(*values, **params)
        refuse_hidden("checkpoint", values, outs)
        return outs, values

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> Any:
        raise TypeError("checkpoint has no transpose: transpose the function itself")

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        trace = JvpTrace()
        try:
            outs = params["fun"](*(v if t is None else JvpTracer(trace, v, t, None) for v, t in zip(saved, tangents)))
        finally:
            trace.end()
        return tuple(y.tangent if isinstance(y, JvpTracer) and y._trace is trace else None for y in outs)

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        trace = TapeTrace()
        try:
            xs = [v if t is None else trace.leaf(v) for v, t in zip(saved, tracked)]
            outs = params["fun"](*xs)
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

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        fun, mask = params["fun"], tuple(batched)
        return self(*values, fun=lambda *xs: run_batched(fun, xs, mask, size))


checkpoint_call = register(CheckpointCall("checkpoint_call"))
