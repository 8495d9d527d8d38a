"""Forward mode: every value carries its tangent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcgrad.core.avals import Aval, aval_of, is_inexact
from funcgrad.core.memory import released
from funcgrad.core.provenance import Loc, here
from funcgrad.core.trace import Primitive, Trace, Tracer


class JvpTracer(Tracer):
    """A value with its tangent."""

    __slots__ = ("loc", "tangent", "value")
    has_value = True

    def __init__(self, trace: Trace, value: Any, tangent: Any, loc: Loc | None) -> None:
        self._trace = trace
        self._place = None
        self.value = value
        self.tangent = tangent
        self.loc = loc

    @property
    def aval(self) -> Aval:
        return aval_of(self.value)

    def location(self) -> Loc | None:
        return self.loc


class JvpTrace(Trace):
    """Computes values and tangents side by side, by the same rules that the tape records."""

    __slots__ = ()
    name = "jvp"

    def process(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        values = []
        tangents: list[Any] = []
        for a in args:
            if isinstance(a, JvpTracer) and a._trace is self:
                values.append(a.value)
                tangents.append(a.tangent)
            else:
                values.append(a)
                tangents.append(None)
        loc = here()
        out, tangent = prim.jvp(values, tangents, params)
        if tangent is None:
            return released(out, values)
        if prim.multiple:
            return tuple(self._paired(y, t, loc) for y, t in zip(out, tangent))
        return self._paired(out, tangent, loc)

    def _paired(self, value: Any, tangent: Any, loc: Loc | None) -> Any:
        if tangent is None or not is_inexact(aval_of(value).dtype):
            return released(value, (value,))
        return JvpTracer(self, value, tangent, loc)


def with_tangents(
    fun: Callable[..., Sequence[Any]], values: Sequence[Any], tangents: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """Outputs of a flat function and their tangents (None where there is none), for tangents of some arguments."""
    trace = JvpTrace()
    try:
        outs = fun(*(v if t is None else JvpTracer(trace, v, t, None) for v, t in zip(values, tangents)))
    finally:
        trace.end()
    mine = [isinstance(y, JvpTracer) and y._trace is trace for y in outs]
    return [y.value if m else y for y, m in zip(outs, mine)], [y.tangent if m else None for y, m in zip(outs, mine)]
