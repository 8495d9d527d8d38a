"""`deferred_call`: Python that runs where the values are known, in a program or for each element of a batch.

Its derivatives and its batched form are calls of the same kind, which run the transformed function then. So what is
differentiable on known values is so, to all orders and in both modes, under `jit` and `vmap`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.avals import Aval, aval_of, is_inexact
from funcgrad.core.linear import not_linear
from funcgrad.core.tape import TapeTrace, TapeTracer, entries, pulled, push
from funcgrad.core.trace import Primitive, Same, register
from funcgrad.ops.broadcasting import reshape
from funcgrad.ops.structure import concatenate
from funcgrad.transforms.batch import BatchTrace, stretch
from funcgrad.transforms.control.programs import as_shaped, chosen, instantiated, placed, unweak
from funcgrad.transforms.jvp import with_tangents


class Deferred(NamedTuple):
    """`run(*values)` returns flat values of the types `avals`; it is pure, and holds nothing that is traced.

    In what comes behind the first `points` of its arguments it is linear: these are directions, tangents or cotangents,
    and `together` takes a batch of them in one run. The first `apart` outputs do not depend on these.
    """

    run: Callable[..., Sequence[Any]]
    avals: tuple[Aval, ...]
    together: Callable[..., Sequence[Any]] | None = None
    points: int = 0
    apart: int = 0


class DeferredCall(Primitive):
    """Run `fun` on its arguments, of which only shapes need be known before."""

    multiple = True
    keeps_all = True

    def impl(self, *args: Any, fun: Deferred) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):
            outs = fun.run(*args)
        return tuple(np.asarray(y, a.dtype) if a.shape else a.dtype.type(y) for y, a in zip(outs, fun.avals))

    def shape(self, *avals: Aval, fun: Deferred) -> tuple[Aval, ...]:
        return fun.avals

    def jvp(self, values: Sequence[Any], tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        fun = params["fun"]
        mask, given = _moving(values, tangents)
        moves = [is_inexact(a.dtype) for a in fun.avals]
        if not any(mask) or not any(moves):
            return self(*values, **params), None
        avals = (*fun.avals, *chosen(fun.avals, moves))
        run, together = partial(_pushed, fun, mask), partial(_pushed_along, fun, mask)
        both = Deferred(run, avals, together, len(values), len(moves))
        outs = self(*values, *chosen(given, mask), fun=both)
        return outs[: len(moves)], tuple(placed(outs[len(moves) :], moves))

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        return self.jvp(saved, tangents, params)[1] or (None,) * len(params["fun"].avals)

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        mask, _ = _moving(values, tracked)
        flat = not any(mask) or not any(is_inexact(a.dtype) for a in params["fun"].avals)
        return self(*values, **params), None if flat else values

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        fun = params["fun"]
        mask, _ = _moving(saved, tracked)
        cts = [c for c, a in zip(instantiated(ct, fun.avals), fun.avals) if is_inexact(a.dtype)]
        avals = tuple(unweak([aval_of(x) for x in chosen(saved, mask)]))
        run = partial(_pulled, fun, mask)
        back = Deferred(run, avals, run, len(saved))
        return placed(self(*saved, *cts, fun=back), mask)

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        return [wrap(v, p) for v, p in zip(saved, parents)]

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> Any:
        raise not_linear(self)

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        fun = params["fun"]
        avals = [Aval((size, *a.shape), a.dtype) for a in fun.avals]
        if fun.together is None or any(batched[: fun.points]):
            return self(*values, fun=Deferred(partial(_each, fun, tuple(batched), size), tuple(avals)))
        n = fun.apart
        run = partial(_together, fun, tuple(batched), size)
        outs = self(*values, fun=Deferred(run, (*fun.avals[:n], *avals[n:]), run, fun.points, n))
        return *map(Same, outs[:n]), *outs[n:]


def _moving(values: Sequence[Any], given: Sequence[Any]) -> tuple[tuple[bool, ...], Sequence[Any]]:
    return tuple(g is not None and is_inexact(aval_of(v).dtype) for v, g in zip(values, given)), given


def _pushed(fun: Deferred, mask: Sequence[bool], *flat: Any) -> list[Any]:
    """The outputs, and the tangents of those that can move."""
    values, tangents = flat[: len(mask)], placed(flat[len(mask) :], mask)
    outs, moved = with_tangents(fun.run, values, tangents)
    moves = [is_inexact(a.dtype) for a in fun.avals]
    return [*outs, *chosen(instantiated(moved, fun.avals), moves)]


def _pushed_along(fun: Deferred, mask: Sequence[bool], *flat: Any) -> list[Any]:
    """The same by a tape, whose values are known also where tangents are those of a batch."""
    values, tangents = flat[: len(mask)], placed(flat[len(mask) :], mask)
    trace = TapeTrace()
    try:
        xs = [trace.leaf(v) if m else v for v, m in zip(values, mask)]
        outs = fun.run(*xs)
    finally:
        trace.end()
    nodes = [y.node if isinstance(y, TapeTracer) and y._trace is trace else None for y in outs]
    found = push(entries([n for n in nodes if n]), {x.node.seq: t for x, t, m in zip(xs, tangents, mask) if m})
    moved = instantiated([found.get(n.seq) if n else None for n in nodes], fun.avals)
    moves = [is_inexact(a.dtype) for a in fun.avals]
    return [*(y.value if n else y for y, n in zip(outs, nodes)), *chosen(moved, moves)]


def _pulled(fun: Deferred, mask: Sequence[bool], *flat: Any) -> list[Any]:
    """The cotangents of the arguments that move, for those of the outputs that can."""
    values, cts = flat[: len(mask)], placed(flat[len(mask) :], [is_inexact(a.dtype) for a in fun.avals])
    found = pulled(fun.run, values, mask, cts)
    return instantiated(chosen(found, mask), [aval_of(v) for v in chosen(values, mask)])


def _each(fun: Deferred, batched: Sequence[bool], size: int, *values: Any) -> list[Any]:
    """The function of each element of a batch, one after the other."""
    columns = list(zip(*(fun.run(*(v[i] if b else v for v, b in zip(values, batched))) for i in range(size))))
    if not size:
        return [np.zeros((0, *a.shape), a.dtype) for a in fun.avals]
    return [
        concatenate(*(reshape(as_shaped(y), shape=(1, *a.shape)) for y in column), axis=0)
        for column, a in zip(columns, fun.avals)
    ]


def _together(fun: Deferred, batched: Sequence[bool], size: int, *values: Any) -> list[Any]:
    """The function of all directions of a batch in one run."""
    trace = BatchTrace(size)
    try:
        outs = fun.together(*(trace.input(v) if b else v for v, b in zip(values, batched)))  # type: ignore[misc]
    finally:
        trace.end()
    found = [trace.unwrap(y) for y in outs]
    apart = [y for y, _ in found[: fun.apart]]
    return [*apart, *(y if b else stretch(y, size) for y, b in found[fun.apart :])]


deferred_call = register(DeferredCall("deferred_call"))
