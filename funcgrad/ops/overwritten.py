"""Values with the derivative of others: what is written where the write itself is not differentiated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import aval_of
from funcgrad.core.trace import register
from funcgrad.ops.families.elementwise import Elementwise, Plan, Sign, elementwise


def _new(old: Any, new: Any) -> Any:
    if np.shape(old) in ((), np.shape(new)):
        return new
    return np.array(np.broadcast_to(new, np.broadcast_shapes(old.shape, new.shape)))


revalued = elementwise("revalued", _new, (1, None), lower="{1}")
"""`revalued(old, new)` has the values of `new` and the derivative of `old`: as after a write into its memory that no
transformation sees."""


class Overwritten(Elementwise):
    """`overwritten(old, new)` has the values of `new`. Reverse mode goes on to `old`, forward mode comes along `new`.

    So PyTorch's `no_grad` has it, which switches off what reverse mode records, and nothing of forward mode: what is
    written into a tensor changes its values and tangents, and not what it was computed from.
    ``overwritten(0, new)`` is what an operation returns there.
    """

    def __init__(self) -> None:
        super().__init__(
            "overwritten",
            _new,
            (Sign(1), None),
            linear=None,
            jointly=False,
            lower="{1}",
            python=None,
            flat="no_grad was asked for",
            remedy=None,
        )

    def jvp(self, values: Sequence[Any], tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        out = self(*values)
        old, new = tangents
        if old is None and new is None:
            return out, None
        aval = aval_of(out)
        return out, self(0 if old is None else old, np.zeros(aval.shape, aval.dtype) if new is None else new)

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        avals = [v if t is not None else aval_of(v) for v, t in zip(values, tracked)]
        out = self.shape(*avals)
        terms = () if tracked[1] is None else ((1, Sign(1)),)
        return out, (Plan(terms, (False,) * 3, ()), [None] * 3, (out, avals))


overwritten = register(Overwritten())
