"""`switch_call`: one of several programs, by an index that is known when it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval, is_inexact
from funcgrad.core.graph import Graph, evaluate
from funcgrad.core.staging import trace_graph
from funcgrad.core.trace import Tracer, known, register
from funcgrad.errors import NotDifferentiableError
from funcgrad.ops.broadcasting import reshape
from funcgrad.ops.collectives import meets
from funcgrad.ops.elementwise import eq, stop_gradient, where
from funcgrad.transforms.calls import Runner, batched_graph, derived, split_pull
from funcgrad.transforms.control.programs import (
    ControlCall,
    Kept,
    chosen,
    instantiated,
    moving,
    placed,
    refuse_io,
    unweak,
    zeros,
)
from funcgrad.transforms.jvp import with_tangents


class SwitchCall(ControlCall):
    """`branches[index](*operands)`, for an integer index within range."""

    def shape(self, *avals: Aval, branches: tuple[Graph, ...], **params: Any) -> tuple[Aval, ...]:
        return branches[0].out_avals

    def inside(self, args: Sequence[Any], params: dict[str, Any], run: Runner) -> tuple[Any, ...]:
        if known(args[0]) is None:
            return self._all(args[0], [run(graph, args[1:]) for graph in params["branches"]])
        return tuple(run(params["branches"][int(args[0])], args[1:]))

    @staticmethod
    def _all(index: Any, results: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
        """What is chosen where every branch has run: for elements of a batch, or for an index that is only traced."""
        chosen_ones = list(results[0])
        for number, outs in enumerate(results[1:], 1):
            chosen_ones = [_select(eq(index, number), y, before) for y, before in zip(outs, chosen_ones)]
        return tuple(chosen_ones)

    def _changed(self, params: dict[str, Any], key: Any, make: Callable[[Graph], Graph]) -> dict[str, Any]:
        return {**params, "branches": tuple(derived(g, key, partial(make, g)) for g in params["branches"])}

    def jvp(self, values: Sequence[Any], tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        avals = params["branches"][0].in_avals
        mask = moving(avals, tangents[1:])
        out_avals = params["branches"][0].out_avals
        moves = [is_inexact(a.dtype) for a in out_avals]
        count = len(avals)

        def both(graph: Graph) -> Graph:
            def run(*flat: Any) -> list[Any]:
                outs, moved = with_tangents(graph, flat[:count], placed(flat[count:], mask))
                return [*outs, *chosen(instantiated(moved, out_avals), moves)]

            return trace_graph(run, [*avals, *unweak(chosen(avals, mask))])

        key = "switch jvp", tuple(mask)
        outs = self(*values, *chosen(tangents[1:], mask), **self._changed(params, key, both))
        return outs[: len(out_avals)], tuple(placed(outs[len(out_avals) :], moves))

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        branches = params["branches"]
        mask = tuple(moving(branches[0].in_avals, tracked[1:]))
        if not any(mask) or not any(is_inexact(a.dtype) for a in branches[0].out_avals):
            return self(*values, **params), None
        try:
            forward, _ = derived(branches[0], ("switch pull", branches, mask), lambda: _split(branches, mask))
        except NotDifferentiableError:  # which `pull` raises, if it comes to that
            return self.unsplit(values, params)
        return self.recorded(values, len(branches[0].outputs), {**params, "branches": forward})

    def pull(self, saved: Kept, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        branches = params["branches"]
        mask = tuple(moving(branches[0].in_avals, tracked[1:]))
        _, backward = derived(branches[0], ("switch pull", branches, mask), lambda: _split(branches, mask))
        moves = [is_inexact(a.dtype) for a in branches[0].out_avals]
        cts = chosen(instantiated(ct, branches[0].out_avals), moves)
        found = self(saved.values[0], *saved.residuals, *cts, **{**params, "branches": backward})
        return [None, *placed(found, mask)]

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        index, *operands = values
        mask = tuple(batched[1:])
        if not batched[0]:
            make = lambda graph: batched_graph(graph, mask, size)
            return self(*values, **self._changed(params, ("batch", mask, size), make))
        refuse_io("cond", params)
        results = []
        with np.errstate(all="ignore"):
            for number, graph in enumerate(params["branches"]):
                whole = derived(graph, ("batch", mask, size), partial(batched_graph, graph, mask, size))
                given = operands if meets(graph) else _held(operands, mask, eq(index, number))
                results.append(evaluate(whole, given))
        return self._all(index, results)


def _held(operands: Sequence[Any], mask: Sequence[bool], taken: Any) -> list[Any]:
    """What a branch gets that runs for all elements: no derivative of those that do not take it, which may be NaN."""
    return [
        _select(taken, x, stop_gradient(x)) if m and isinstance(x, Tracer) and is_inexact(x.dtype) else x
        for x, m in zip(operands, mask)
    ]


def _select(condition: Any, y: Any, before: Any) -> Any:
    extra = np.ndim(y) - np.ndim(condition)
    return where(reshape(condition, shape=condition.shape + (1,) * extra) if extra else condition, y, before)


def _split(branches: Sequence[Graph], mask: Sequence[bool]) -> tuple[tuple[Graph, ...], tuple[Graph, ...]]:
    """The branches with residuals, and their derivatives; all take and return the same."""
    parts = [split_pull(graph, mask) for graph in branches]
    count = len(branches[0].outputs)
    kept = [[a.aval for a in forward.outputs[count:]] for forward, _, _ in parts]
    all_kept = [a for avals in kept for a in avals]
    in_avals, out_avals = branches[0].in_avals, branches[0].out_avals
    ct_avals = [Aval(a.shape, a.dtype) for a in out_avals if is_inexact(a.dtype)]
    moving_avals = chosen(in_avals, mask)
    start = 0
    forwards, backwards = [], []
    for (forward, backward, reached), avals in zip(parts, kept):

        def run(*args: Any, forward: Graph = forward, start: int = start, stop: int = start + len(avals)) -> list[Any]:
            outs = evaluate(forward, args)
            residuals = [*map(zeros, all_kept[:start]), *outs[count:], *map(zeros, all_kept[stop:])]
            return [*outs[:count], *residuals]

        def back(
            *flat: Any,
            backward: Graph = backward,
            reached: Sequence[bool] = reached,
            start: int = start,
            stop: int = start + len(avals),
        ) -> list[Any]:
            found = evaluate(backward, [*flat[start:stop], *flat[len(all_kept) :]])
            return instantiated(chosen(placed(found, reached), mask), moving_avals)

        forwards.append(trace_graph(run, in_avals))
        backwards.append(trace_graph(back, [*unweak(all_kept), *ct_avals]))
        start += len(avals)
    return tuple(forwards), tuple(backwards)


switch_call = register(SwitchCall("switch_call"))
