"""A function with a rule for each mode, neither made of the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcgrad.core.trace import register
from funcgrad.transforms.custom.forward import BatchedJvpCall, CustomJvpCall, JvpCall
from funcgrad.transforms.custom.reverse import BatchedVjpCall, CustomVjpCall, VjpCall, custom_vjp


class BothCall(VjpCall, JvpCall):
    """A call with the functions of `custom_vjp`, and behind them the rule of `custom_jvp`."""


class BatchedBothCall(BatchedVjpCall, BatchedJvpCall):
    pass


class CustomBothCall(CustomVjpCall, CustomJvpCall):
    over_batch = BatchedBothCall
    relink = CustomVjpCall.relink  # type: ignore[assignment]  # the pull is that of custom_vjp


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
