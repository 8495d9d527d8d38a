"""`debug_nans`: transformations whose traces look at each result.

These are traces of their own, so that others do as much as without. Their values are of another class, which the short
ways into operations do not take; and they go into programs, operation by operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from funcgrad.config import config
from funcgrad.core.graph import Graph, Literal, as_typed, evaluate, run
from funcgrad.core.provenance import Loc, at, here
from funcgrad.core.staging import writer
from funcgrad.core.tape import SELECT, Node, TapeTrace, TapeTracer
from funcgrad.core.trace import Primitive, Trace, Tracer, as_argument, known
from funcgrad.transforms.batch import BatchTrace
from funcgrad.transforms.jvp import JvpTrace


def tape() -> TapeTrace:
    """A new trace for reverse mode."""
    return WatchedTape() if config.debug_nans else TapeTrace()


def forward() -> JvpTrace:
    """A new trace for forward mode."""
    return WatchedJvp() if config.debug_nans else JvpTrace()


def batch(size: int) -> BatchTrace:
    """A new trace for `vmap`."""
    return WatchedBatch(size) if config.debug_nans else BatchTrace(size)


def has_nan(x: Any) -> bool:
    """Whether there is a NaN in a value, as far as it is known, or in a tuple of such."""
    while isinstance(x, Tracer):
        if not hasattr(x, "value"):
            return False
        x = x.value
    if isinstance(x, tuple | list):
        return any(map(has_nan, x))
    kind = x.dtype.kind if isinstance(x, np.ndarray | np.generic) else "f" if isinstance(x, float | complex) else ""
    return kind in ("f", "c") and bool(np.isnan(x).any())


def refuse_nan(out: Any, what: str, loc: Loc | None, operands: Sequence[Any] = ()) -> None:
    """Raise where there is a NaN in what an operation gave."""
    if has_nan(out):
        since = ", as it was given one" if has_nan(list(operands)) else ""
        raise FloatingPointError(f"{what} gave NaN{at(loc)}{since}")


def look(graph: Graph, args: Sequence[Any], trace: Any = None) -> list[Any]:
    """Run a program on arrays or traced values, and look at each result. `trace` is told the lines they are from."""
    env: dict[Any, Any] = dict(zip(graph.inputs, args, strict=True))
    outside = None if trace is None else trace.loc
    program = writer()
    for eqn in graph.eqns:
        loc = eqn.loc or outside
        values = [a.value if isinstance(a, Literal) else env[a] for a in eqn.inputs]
        count = 0 if program is None else len(program.eqns)
        if trace is not None:
            trace.loc = loc
        with np.errstate(all="ignore"):
            inner = partial(look, trace=trace)
            inside = has_inside(eqn.prim, values, eqn.params)
            out = eqn.prim.inside(values, eqn.params, inner) if inside else run(eqn, values)
        refuse_nan(out, f"`{eqn.prim}`", loc, values)
        if program is not None:
            _set_locations(program.eqns[count:], loc)
        outs = out if eqn.prim.multiple else (out,)
        env.update((v, as_typed(y, v.aval)) for v, y in zip(eqn.outputs, outs, strict=True))
    if trace is not None:
        trace.loc = outside
    return [a.value if isinstance(a, Literal) else env[a] for a in graph.outputs]


def run_on(trace: Trace, graph: Graph, args: Sequence[Any]) -> list[Any]:
    """Run a program on values of a trace."""
    return look(graph, args, trace) if isinstance(trace, Watching) else evaluate(graph, args)


def has_inside(prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> bool:
    """Whether an operation stands for programs that can be run here in its place."""
    return prim.transparent and (prim.body(params) is not None or all(known(a) is not None for a in args))


def _set_locations(eqns: Sequence[Any], loc: Loc | None) -> None:
    for eqn in eqns:
        eqn.loc = loc


class Watching(Trace):
    """What the traces share. `loc` is the user's line, where it is not that of the call."""

    __slots__ = ()
    loc: Loc | None

    def process(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        with np.errstate(invalid="ignore"):  # which is what is raised
            if has_inside(prim, args, params):
                return prim.inside(args, params, partial(look, trace=self))
            loc = self.loc or here()
            out = self.computed(prim, args, params, loc)
        refuse_nan(out, f"`{prim}`", loc, args)
        return out

    def computed(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any], loc: Loc | None) -> Any:
        return super().process(prim, args, params)


class WatchedBatch(Watching, BatchTrace):
    __slots__ = ("loc",)

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.loc = None


class WatchedJvp(Watching, JvpTrace):
    __slots__ = ("loc",)

    def __init__(self) -> None:
        super().__init__()
        self.loc = None

    def computed(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any], loc: Loc | None) -> Any:
        out = super().computed(prim, args, params, loc)
        if not has_nan(out):
            moved = [y.tangent for y in (out if prim.multiple else (out,)) if hasattr(y, "tangent")]
            refuse_nan(moved, f"the derivative of `{prim}`", loc, [a.tangent for a in args if hasattr(a, "tangent")])
        return out


class WatchedTracer(TapeTracer):
    """A value that is looked at, with its tape entry."""

    __slots__ = ()


class WatchedTape(Watching, TapeTrace):
    __slots__ = ("loc",)

    def __init__(self) -> None:
        super().__init__()
        self.loc = None

    def leaf(self, value: Any, loc: Loc | None = None) -> TapeTracer:
        return as_argument(WatchedTracer(self, value, Node(loc=loc)))

    def computed(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any], loc: Loc | None) -> Any:
        mine = [type(a) is WatchedTracer and a._trace is self for a in args]
        plain = [TapeTracer(self, a.value, a.node) if m else a for a, m in zip(args, mine)]
        out = super().computed(prim, plain, params, loc)
        return tuple([self._watched(y, loc) for y in out]) if prim.multiple else self._watched(out, loc)

    def _watched(self, y: Any, loc: Loc | None) -> Any:
        if type(y) is not TapeTracer or y._trace is not self:
            return y
        entry: Any = y.node.parents[0] if y.node.prim is SELECT else y.node
        if type(entry.prim) is not WatchedRule:
            entry.prim, entry.loc = WatchedRule(entry.prim, loc), loc
        return WatchedTracer(self, y.value, y.node)


class WatchedRule:
    """A primitive on a tape, whose derivative is looked at."""

    def __init__(self, prim: Primitive, loc: Loc | None) -> None:
        self.prim = prim
        self.loc = loc

    def __getattr__(self, name: str) -> Any:
        return getattr(self.prim, name)

    def __repr__(self) -> str:
        return repr(self.prim)

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        return self._looked_at(self.prim.push, tangents, saved, tangents, params)

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> Sequence[Any]:
        return self._looked_at(self.prim.pull, [ct], saved, tracked, ct, params)

    def _looked_at(self, rule: Any, operands: Sequence[Any], *args: Any) -> Any:
        program = writer()
        count = 0 if program is None else len(program.eqns)
        what = f"the derivative of `{self.prim}`"
        try:
            out = rule(*args)
        except FloatingPointError:  # by the trace of a derivative around this one, which knows less of where it is
            if self.prim.name == "custom_vjp_call":
                raise
            raise FloatingPointError(f"{what} gave NaN{at(self.loc)}") from None
        if program is not None and self.prim.name != "custom_vjp_call":
            _set_locations(program.eqns[count:], self.loc)
        refuse_nan(tuple(out) if isinstance(out, list) else out, what, self.loc, operands)
        return out
