"""A function with a rule for each mode, neither made of the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcgrad import tree
from funcgrad.core.avals import aval_of, is_inexact
from funcgrad.core.memory import copied, lent
from funcgrad.core.trace import register
from funcgrad.transforms.arguments import tangent_for
from funcgrad.transforms.calls import run_batched
from funcgrad.transforms.closure import refuse_hidden
from funcgrad.transforms.custom.forward import BatchedJvpCall, CustomJvpCall, JvpCall, zeros_of
from funcgrad.transforms.custom.reverse import BatchedVjpCall, CustomVjpCall, VjpCall, custom_vjp
from funcgrad.transforms.custom.rules import unflatten_all


class BothCall(VjpCall, JvpCall):
    """A call with the functions of `custom_vjp`, and behind them the rule of `custom_jvp`."""

    def moved(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """The flat outputs, and their tangents: the rule runs in place of the function, whose output is its own."""
        (*_, rule), fixed = self.parts(values)
        primals, given = (
            unflatten_all(self.trees, [lent(v) for v in flat[: self.count]]) for flat in (values, tangents)
        )
        out, pushed = self.called(values, rule, *fixed, tuple(primals), tuple(given))
        outs = self.flatten_output(out)
        name = f"the jvp rule of `{self.name}`"
        flat = tree.flatten_up_to(self.out_tree, pushed, f"{name}: the tangent")
        avals = [aval_of(y) for y in outs]
        return list(map(copied, outs)), [
            copied(tangent_for(a, t, "a tangent", name)) if is_inexact(a.dtype) else None for a, t in zip(avals, flat)
        ]


class BatchedBothCall(BatchedVjpCall, BatchedJvpCall):
    def moved(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        count = len(values)
        moves: list[bool] = []

        def flat(*both: Any) -> list[Any]:
            outs, pushed = self.inner.moved(both[:count], both[count:])
            moves[:] = [t is not None for t in pushed]
            return [*outs, *(t for t in pushed if t is not None)]

        outs = run_batched(flat, [*values, *tangents], self.batched * 2, self.size)
        pushed = iter(outs[len(moves) :])
        return outs[: len(moves)], [next(pushed) if moving else None for moving in moves]


class CustomBothCall(CustomVjpCall, CustomJvpCall):
    over_batch = BatchedBothCall
    relink = CustomVjpCall.relink  # type: ignore[assignment]  # the pull is that of custom_vjp

    def jvp(self, values: Sequence[Any], tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        call = params["call"]
        call.refuse_captured(tangents, self.kind)
        full = [zeros_of(v) if t is None else t for v, t in zip(values, tangents)]
        outs, pushed = call.moved(values, full)
        refuse_hidden(f"{self.kind} `{call.name}`", [*values, *full], [*outs, *(t for t in pushed if t is not None)])
        return tuple(outs), tuple(pushed)


custom_both_call = register(CustomBothCall("custom_both_call"))


class custom_both(custom_vjp):
    """`custom_vjp` that serves forward mode too, by a rule of its own: PyTorch's `autograd.Function` has both."""

    call = BothCall
    primitive = custom_both_call

    def __init__(self, fun: Callable[..., Any], along: Callable[..., Any]) -> None:
        super().__init__(fun)
        self.along = along

    def _functions(self) -> tuple[Callable[..., Any], ...]:
        return *super()._functions(), self.along
