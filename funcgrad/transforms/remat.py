"""checkpoint: compute again in the backward pass instead of storing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from funcgrad import tree
from funcgrad.core.avals import aval_of, is_inexact
from funcgrad.core.graph import Atom, Eqn, Graph, Literal, Var, as_typed, evaluate, run, without_effects
from funcgrad.core.provenance import at, here
from funcgrad.core.staging import record_graph
from funcgrad.core.tape import TapeTrace, TapeTracer, pull, selected
from funcgrad.core.trace import Tracer, is_traced, newest_trace, register
from funcgrad.ops.elementwise import checkpoint_name
from funcgrad.transforms.arguments import normalise_argnums, parameter_name
from funcgrad.transforms.calls import ProgramCall, batched_graph, derived
from funcgrad.transforms.closure import Captured
from funcgrad.transforms.decorating import alike
from funcgrad.transforms.function import Transformed
from funcgrad.transforms.jvp import with_tangents

Policy = Callable[..., bool]


@alike
def checkpoint(
    fun: Callable[..., Any],
    *,
    prevent_cse: bool = True,
    policy: Policy | None = None,
    static_argnums: int | Sequence[int] = (),
) -> Callable[..., Any]:
    """The same function, whose derivative stores the arguments only and computes the rest again.

    Memory for a gradient becomes that of one such call at a time, at the price of a second evaluation. `fun` itself
    runs once, when it is called: what is computed again is the program it has been seen to run, with the variables,
    attributes and branches of that time. Leaves that are no arrays are passed on as they are.

    Args:
        policy: which intermediate results are stored all the same: a function of a primitive, the avals of its operands
            and its parameters that returns True for those. `checkpoint_policies` has some; None stores nothing.
        static_argnums: positions of arguments that must not be traced.
        prevent_cse: accepted for JAX's sake and changes nothing.

    Example:
        >>> import numpy as np
        >>> import funcgrad as fg
        >>> fg.grad(lambda x: checkpoint(np.sin)(x))(0.0)
        np.float64(1.0)
    """
    return Transformed(_checkpoint, fun, policy=policy, static_argnums=static_argnums)


remat = checkpoint


def _checkpoint(
    fun: Any, args: tuple, kwargs: dict, policy: Policy | None, static_argnums: int | Sequence[int]
) -> Any:
    for n in normalise_argnums(static_argnums, len(args), "checkpoint: static_argnums"):
        if is_traced(*tree.leaves(args[n])):
            raise TypeError(f"checkpoint: the static argument {n}{parameter_name(fun, n)} is traced{at(here())}")
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
        inner_args, inner_kwargs = treedef.unflatten(full)
        outs, out_tree = tree.flatten(captured.call(0, inputs[len(traced) :], *inner_args, **inner_kwargs))
        out_trees.append(out_tree)
        return outs

    recorded = record_graph(flat, values, keeps=None if policy is None else _keeping(policy))
    graph = recorded.graph
    graph.cache["results"] = recorded.results
    try:
        outs = checkpoint_call(*recorded.inputs, graph=graph, count=out_trees[0].num_leaves)
    finally:
        graph.cache.pop("results")
    return out_trees[0].unflatten(outs[: out_trees[0].num_leaves])


def _keeping(policy: Policy) -> Callable[[Eqn], Var | None]:
    """Which variable to store for an equation: of a name, what it names, which is not computed again either then."""
    made: set[Any] = set()

    def keeps(eqn: Eqn) -> Var | None:
        (out,) = eqn.outputs
        made.add(out)
        if not policy(eqn.prim, *(a.aval for a in eqn.inputs), **eqn.params):
            return None
        named = eqn.inputs[0] if eqn.prim is checkpoint_name else None
        return named if isinstance(named, Var) and named in made else out

    return keeps


class Stored(NamedTuple):
    """What the derivative of a call keeps: its arguments, and the results that the policy names."""

    values: Sequence[Any]
    kept: Sequence[Any]


class CheckpointCall(ProgramCall):
    """Run the program `graph`, and run it again for its derivative.

    Behind its `count` outputs the program returns what is not computed again. The first run on plain values takes the
    results that were computed when the program was recorded.
    """

    def impl(self, *values: Any, graph: Graph, count: int) -> tuple[Any, ...]:
        results = graph.cache.pop("results")
        return tuple(evaluate(graph, values) if results is None else results)

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        if "io" in params["graph"].outside:
            raise NotImplementedError(
                "Move the io_callback out of the function: the derivative of checkpoint"
                f"{at(here())} would call it again"
            )
        outs = self(*values, **params)
        return outs, Stored(values, outs[params["count"] :])

    def push(self, saved: Stored, tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(with_tangents(without_effects(params)["graph"], saved.values, tangents)[1])

    def pull(self, saved: Stored, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        graph, count = params["graph"], params["count"]
        trace = TapeTrace()
        try:
            xs = [v if t is None else trace.leaf(v) for v, t in zip(saved.values, tracked)]
            outs = _again(graph, trace, xs, dict(zip(graph.outputs[count:], saved.kept)))
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

    def relink(self, saved: Stored, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Stored:
        count, of = node.params["count"], len(node.params["graph"].outputs)
        kept = [wrap(y, selected(node, n, of)) for n, y in enumerate(saved.kept, count)]
        return Stored([wrap(v, p) for v, p in zip(saved.values, parents)], kept)

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        graph, mask = params["graph"], tuple(batched)
        whole = derived(graph, ("batch", mask, size), lambda: batched_graph(graph, mask, size))
        return self(*values, graph=whole, count=params["count"])


def _again(graph: Graph, trace: TapeTrace, xs: Sequence[Any], kept: dict[Atom, Any]) -> list[Any]:
    """Run a program again, where some results are there already: only their derivatives are recorded."""
    if not kept:
        return evaluate(graph, xs)
    env: dict[Atom, Any] = dict(zip(graph.inputs, xs))
    for eqn in graph.eqns:
        values = [a.value if isinstance(a, Literal) else env[a] for a in eqn.inputs]
        (first, *_) = eqn.outputs or (None,)
        if first not in kept:
            out = run(eqn, values)
            env.update((v, as_typed(y, v.aval)) for v, y in zip(eqn.outputs, out if eqn.prim.multiple else (out,)))
        elif newest_trace(values) is trace:
            env[first] = _recorded(trace, eqn, values, kept[first])
        else:
            env[first] = kept[first]
    return [a.value if isinstance(a, Literal) else env[a] for a in graph.outputs]


def _recorded(trace: TapeTrace, eqn: Eqn, values: Sequence[Any], result: Any) -> Any:
    """The result of an equation with its entry on the tape, but not computed."""
    kind: Any = type(eqn.prim)
    prim: Any = object.__new__(_of_known_result(kind))
    prim.__dict__.update(eqn.prim.__dict__, result=result)
    out = trace.process(prim, values, eqn.params)
    if isinstance(out, TapeTracer) and out._trace is trace:
        out.node.prim = eqn.prim
    return out


@cache
def _of_known_result(kind: Any) -> Any:
    """A kind of primitive that gives a result which it has, where its derivative's rule runs it."""
    return type(kind.__name__, (kind,), {"__call__": lambda self, *args, **params: self.result})


checkpoint_call = register(CheckpointCall("checkpoint_call"))
