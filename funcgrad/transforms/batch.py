"""vmap: every batched value holds the whole batch, along its leading axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval, aval_of
from funcgrad.core.provenance import Loc, here
from funcgrad.core.trace import Primitive, Same, Trace, Tracer, as_argument
from funcgrad.core.warned import warn
from funcgrad.errors import UnbatchedPrimitiveWarning
from funcgrad.ops.broadcasting import broadcast_to
from funcgrad.ops.operands import as_array


class BatchTracer(Tracer):
    """One element of a batch, to the function; all of them, along axis 0 of `value`, to us."""

    __slots__ = ("loc", "value")

    def __init__(self, trace: Trace, value: Any, loc: Loc | None) -> None:
        self._trace = trace
        self._place = None
        self.value = value
        self.loc = loc

    @property
    def aval(self) -> Aval:
        aval = aval_of(self.value)
        return Aval(aval.shape[1:], aval.dtype)

    def location(self) -> Loc | None:
        return self.loc


class SharedTracer(Tracer):
    """An array that all elements of the batch share: it can be indexed by one of them, which a plain array cannot."""

    __slots__ = ("loc", "value")
    has_value = True

    _trace: BatchTrace

    def __init__(self, trace: BatchTrace, value: np.ndarray, loc: Loc | None) -> None:
        self._trace = trace
        self._place = None
        self.value = value
        self.loc = loc

    @property
    def aval(self) -> Aval:
        return Aval(self.value.shape, self.value.dtype)

    def location(self) -> Loc | None:
        return self.loc

    def _as_plain(self) -> np.ndarray:
        return self.value

    def may_become(self, kind: type[Tracer]) -> bool:
        return kind is BatchTracer  # what the elements share may come to differ


class BatchTrace(Trace):
    """Runs each primitive once on whole batches of `size`."""

    __slots__ = ("size",)
    name = "vmap"

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def input(self, value: Any) -> BatchTracer:
        """`value` has the batch along its leading axis."""
        return as_argument(BatchTracer(self, value, here()))

    def shared(self, value: Any) -> Any:
        """`value` is the same for all elements; numbers and values of older traces are as good as they are."""
        if type(value) is not np.ndarray or not value.ndim or value.dtype.kind not in "biufc":
            return value
        return SharedTracer(self, value, here())

    def process(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        values = []
        batched = []
        for a in args:
            own = isinstance(a, (BatchTracer, SharedTracer)) and a._trace is self
            values.append(a.value if own else a)
            batched.append(own and type(a) is BatchTracer)
        if not any(batched):
            out = prim(*values, **params)
            return tuple(map(self.shared, out)) if prim.multiple else self.shared(out)
        loc = here()
        if prim.batch is None:
            out = looped(prim, values, batched, self.size, params)
        else:
            out = prim.batch(values, batched, self.size, params)
        if prim.multiple:
            return tuple(self.shared(y.value) if type(y) is Same else BatchTracer(self, y, loc) for y in out)
        return self.shared(out.value) if type(out) is Same else BatchTracer(self, out, loc)

    def unwrap(self, out: Any) -> tuple[Any, bool]:
        """The value of an output, and whether it is batched."""
        if isinstance(out, (BatchTracer, SharedTracer)) and out._trace is self:
            return out.value, type(out) is BatchTracer
        return out, False


def looped(prim: Primitive, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    """The results of a primitive for each element of a batch, one after another, stacked."""
    warn(f"vmap runs `{prim}` as a loop over {size} elements", UnbatchedPrimitiveWarning)
    outs = [prim(*(v[b] if m else v for v, m in zip(values, batched)), **params) for b in range(size)]
    return tuple(as_array(ys) for ys in zip(*outs)) if prim.multiple else as_array(outs)


def stretch(x: Any, size: int) -> Any:
    """A constant repeated along a new leading axis."""
    return broadcast_to(x, shape=(size, *np.shape(x)))
