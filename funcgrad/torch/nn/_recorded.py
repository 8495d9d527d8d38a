"""Functions over values become functions over Tensors, each one recorded operation."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from funcgrad.torch._ops.precision import widened
from funcgrad.torch._record.calls import Kind, call, need_tensor, note_inner, wrap
from funcgrad.torch._record.modes import mode
from funcgrad.torch._record.operands import refuse
from funcgrad.torch._record.story import PastCut, joined
from funcgrad.torch._record.tape import on_tape
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.transforms.fused import fused


def recorded(
    name: str, saves: str = "", kernel: str = "", reads: Callable[..., Any] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Tensor]]:
    """The decorated function takes arrays or traced values where the new one takes Tensors, and numbers as they are.

    `name`, `saves` and `reads` are `Kind`'s: what PyTorch calls the operation's `grad_fn`, and what it saves. `kernel`
    is the name in its error for what are no floating numbers. Those of 16 bits are computed in float32.
    """
    kind = Kind(name, saves, reads=reads)

    def over_tensors(fun: Callable[..., Any]) -> Callable[..., Tensor]:
        small = fused(widened(fun, np.float16))

        @wraps(fun)
        def apply(input: Any, *operands: Any, **params: Any) -> Tensor:
            need_tensor(input, fun.__name__.strip("_"))
            if kernel:
                refuse(input, "iub" if kernel == "silu_cpu" else "iubc", kernel)
            return call(kind, small, input, *operands, **params)

        return apply

    return over_tensors


class Quick:
    """An operation on Tensors with a short way where none of them is special: not shared with NumPy, no view that may
    be blocked, and recording as usual."""

    def __init__(self, kind: Kind, fun: Callable[..., Any]) -> None:
        self.kind = kind
        self.fun = fun

    def __call__(self, *tensors: Tensor) -> Tensor:
        values: list[Any] = []
        cuts: tuple[PastCut, ...] = ()
        for t in tensors:
            storage = t._storage
            if t._seen != storage.stamp or storage.shared or (t._view is not None and t._view.blocked is not None):
                return call(self.kind, self.fun, *tensors)
            values.append(t._value)
            if t._cuts:
                cuts = joined(cuts, t._cuts)
        if not mode.direct:
            return call(self.kind, self.fun, *tensors)
        try:
            out = mode.quiet(self.fun, *values)
        except RuntimeError:  # begun inside another operation, or raised again here
            return call(self.kind, self.fun, *tensors)
        result = wrap(out, self.kind, *tensors[:2])
        if cuts:
            result._cuts = cuts
        if on_tape(out):
            note_inner(self.kind, out.node, values)
        return result
