"""`while_call`: a program run again as long as another says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from funcgrad.core.avals import Aval, is_inexact
from funcgrad.core.graph import Graph, evaluate, without_effects
from funcgrad.core.provenance import at, here
from funcgrad.core.staging import trace_graph
from funcgrad.core.trace import Same, register
from funcgrad.errors import NotDifferentiableError
from funcgrad.ops.broadcasting import reshape, with_batch
from funcgrad.ops.elementwise import where
from funcgrad.ops.reduce import reduce_any
from funcgrad.transforms.calls import Runner, derived, run_batched
from funcgrad.transforms.control.programs import (
    ControlCall,
    Kept,
    as_shaped,
    batched_body,
    chosen,
    instantiated,
    placed,
    refuse_io,
    unweak,
)
from funcgrad.transforms.jvp import with_tangents


class WhileCall(ControlCall):
    """Arguments are the carries, the constants of `cond` (of which there are `conditions`) and those of `body`."""

    def shape(self, *avals: Aval, body: Graph, **params: Any) -> tuple[Aval, ...]:
        return tuple(unweak(body.out_avals))

    @staticmethod
    def parts(args: Sequence[Any], params: dict[str, Any]) -> tuple[list[Any], list[Any], list[Any]]:
        count = len(params["body"].outputs)
        second = count + params["conditions"]
        return list(args[:count]), list(args[count:second]), list(args[second:])

    def inside(self, args: Sequence[Any], params: dict[str, Any], run: Runner) -> tuple[Any, ...]:
        carry, first, second = self.parts(args, params)
        while run(params["cond"], [*carry, *first])[0]:
            carry = list(run(params["body"], [*carry, *second]))
        return tuple(carry)

    def jvp(self, values: Sequence[Any], tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        cond, body = params["cond"], params["body"]
        carry, first, second = self.parts(values, params)
        tcarry, _, tsecond = self.parts(tangents, params)
        avals = unweak(body.in_avals)
        count = len(carry)
        moves = [is_inexact(a.dtype) for a in avals[:count]]
        extra = [t is not None for t in tsecond]
        n = sum(moves)
        sizes = count, n

        def both(*flat: Any) -> list[Any]:
            xs, ts, constants = flat[:count], flat[count : count + n], flat[count + n :]
            inner, moving = constants[: len(second)], constants[len(second) :]
            outs, moved = with_tangents(body, [*xs, *inner], [*placed(ts, moves), *placed(moving, extra)])
            return [*outs, *chosen(instantiated(moved, body.out_avals), moves)]

        carry_avals = [*avals[:count], *chosen(avals[:count], moves)]
        key = "while jvp", cond, sizes, tuple(extra)
        joint = derived(
            body, key, lambda: trace_graph(both, [*carry_avals, *avals[count:], *chosen(avals[count:], extra)])
        )
        test = derived(
            cond,
            ("while jvp", sizes),
            lambda: trace_graph(
                lambda *flat: evaluate(cond, [*flat[:count], *flat[count + n :]]),
                [*carry_avals, *unweak(cond.in_avals[count:])],
            ),
        )
        given = chosen(instantiated(tcarry, avals[:count]), moves)
        outs = self(*carry, *given, *first, *second, *chosen(tsecond, extra), **{**params, "cond": test, "body": joint})
        return outs[:count], tuple(placed(outs[count:], moves))

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        if not any(is_inexact(a.dtype) for a in params["body"].out_avals):
            return self(*values, **params), None
        return self.unsplit(values, params, here())

    def pull(self, saved: Kept, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        raise NotDifferentiableError(
            "Write fg.lax.scan, or fori_loop with Python ints as bounds; where no derivative is wanted, stop_gradient "
            "what comes out of the loop. Reverse mode has reached a while_loop (or a fori_loop whose bounds are traced)"
            f"{at(saved.residuals[0])}: how often it runs is not known beforehand, so there is no memory for what its "
            "derivative needs. Forward mode (jvp, jacfwd) goes through."
        )

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        """Where the condition is one for the batch, the body runs on whole batches; else until nobody goes on."""
        cond, body = params["cond"], params["body"]
        carry, first, second = self.parts(values, params)
        was, in_first, in_second = self.parts(batched, params)
        count = len(carry)
        key = "while batch", (*was, *in_second), size
        whole, moves = derived(body, key, lambda: batched_body(body, (*was, *in_second), count, size))
        mask = (*moves, *in_first)
        test, (asked,) = derived(cond, ("while batch", mask, size), lambda: batched_body(cond, mask, 0, size))
        constants = [*first, *second]
        if asked:
            refuse_io("while_loop", params)
            moves = [True] * count
            test, whole = self._until_all(cond, body, in_first, in_second, size)
            constants = [*first, *second, *first]
        starts = [with_batch(as_shaped(c), b, size) if m else c for c, b, m in zip(carry, was, moves)]
        outs = self(*starts, *constants, **{**params, "cond": test, "body": whole})
        return tuple(y if m else Same(y) for y, m in zip(outs, moves))

    @staticmethod
    def _until_all(
        cond: Graph, body: Graph, in_first: Sequence[bool], in_second: Sequence[bool], size: int
    ) -> tuple[Graph, Graph]:
        """A loop that runs until no element wants to go on; those that do not keep their carries."""
        count = len(body.outputs)
        mask_first, mask_second = (*(True,) * count, *in_first), (*(True,) * count, *in_second)
        avals = unweak(body.in_avals)
        stretched = [Aval((size, *a.shape), a.dtype) for a in avals[:count]]

        (quiet,) = without_effects({"cond": cond}).values()  # asked again within each step

        def wanted(*flat: Any, cond: Graph = quiet) -> Any:
            return run_batched(lambda *xs: evaluate(cond, xs), flat, mask_first, size)[0]

        def step(*flat: Any) -> list[Any]:
            xs, inner, outer = flat[:count], flat[count : len(mask_second)], flat[len(mask_second) :]
            go = wanted(*xs, *outer)
            new = run_batched(lambda *ys: evaluate(body, ys), [*xs, *inner], mask_second, size)
            return [
                where(reshape(go, shape=(size,) + (1,) * (len(a.shape) - 1)), y, x)
                for y, x, a in zip(new, xs, stretched)
            ]

        def outer_avals(graph: Graph, mask: Sequence[bool]) -> list[Aval]:
            return [
                Aval((size, *a.shape), a.dtype) if m else a
                for a, m in zip(unweak(graph.in_avals[count:]), mask[count:])
            ]

        of_cond, of_body = outer_avals(cond, mask_first), outer_avals(body, mask_second)
        any_wanted = lambda *flat: [reduce_any(wanted(*flat, cond=cond), axes=(0,))]
        test_key = "while batch until all", mask_first, size
        test = derived(cond, test_key, lambda: trace_graph(any_wanted, [*stretched, *of_cond]))
        key = "while batch until all", cond, mask_first, mask_second, size
        return test, derived(body, key, lambda: trace_graph(step, [*stretched, *of_body, *of_cond]))


while_call = register(WhileCall("while_call"))
