"""`scan_call`: a program run over the leading axis of arrays, with values carried from step to step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.avals import Aval, is_inexact
from funcgrad.core.graph import Graph, as_typed, evaluate
from funcgrad.core.staging import trace_graph
from funcgrad.core.trace import Same, is_traced, register
from funcgrad.errors import NotDifferentiableError
from funcgrad.ops.broadcasting import reshape, with_batch
from funcgrad.ops.structure import concatenate, move_axis
from funcgrad.transforms.calls import Runner, derived, split_pull
from funcgrad.transforms.control.programs import (
    ControlCall,
    Kept,
    as_shaped,
    batched_body,
    behind,
    chosen,
    in_front,
    instantiated,
    moving,
    placed,
    unweak,
    with_batch_last,
    zeros,
)
from funcgrad.transforms.jvp import with_tangents


class Steps(NamedTuple):
    """The signature of a scan: `carry, ys = body(*carry, *x, *constants)` for each of `length` steps."""

    carries: int
    scanned: int
    length: int
    reverse: bool

    def parts(self, args: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """Arguments (or what belongs to each) as carries, scanned ones and constants."""
        first, second = self.carries, self.carries + self.scanned
        return list(args[:first]), list(args[first:second]), list(args[second:])

    def order(self) -> range:
        return range(self.length - 1, -1, -1) if self.reverse else range(self.length)


class Split(NamedTuple):
    """The body with residuals, and the body of the scan that goes back; `where` says what each residual is.

    A residual is ("x", i): the scanned argument i; ("constant", i); or ("made", i): output i of the stacked ones.
    """

    forward: Graph
    backward: Graph
    where: Sequence[tuple[str, int]]


class ScanCall(ControlCall):
    """Arguments are the initial carries, the scanned arrays, the constants; results the last carries, the stacked ys.

    The backward pass is a scan in the other direction: its carries are the cotangents of the carries and the sums of
    those of the constants. What a step leaves for it is stacked; scanned arrays and constants are not stored again.
    """

    def shape(self, *avals: Aval, body: Graph, steps: Steps, **params: Any) -> tuple[Aval, ...]:
        outs = unweak(body.out_avals)
        ys = [Aval((steps.length, *a.shape), a.dtype) for a in outs[steps.carries :]]
        return (*outs[: steps.carries], *ys)

    def inside(self, args: Sequence[Any], params: dict[str, Any], run: Runner) -> tuple[Any, ...]:
        body, steps = params["body"], params["steps"]
        carry, xs, constants = steps.parts(args)
        avals = body.out_avals[steps.carries :]
        # each y goes to its place at once: collected first, they would all be there twice
        ys: Any = [[None] * steps.length if is_traced(*args) else _empty(steps.length, a) for a in avals]
        for step in steps.order():
            now = [as_typed(x[step], a) for x, a in zip(xs, body.in_avals[steps.carries :])]
            outs = run(body, [*carry, *now, *constants])
            carry = list(outs[: steps.carries])
            for column, y in zip(ys, outs[steps.carries :]):
                column[step] = y
        return (*carry, *(_stack(column, a) if type(column) is list else column for column, a in zip(ys, avals)))

    def jvp(self, values: Sequence[Any], tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        body, steps = params["body"], params["steps"]
        mask = self._mask(body, steps, tangents)
        out_avals = body.out_avals
        moves = [is_inexact(a.dtype) for a in out_avals]
        both = derived(body, ("scan jvp", mask), lambda: _both(body, steps, mask))
        given = chosen(instantiated(tangents, [_aval(v) for v in values]), mask)
        masks = steps.parts(mask)
        inner = Steps(steps.carries + sum(masks[0]), steps.scanned + sum(masks[1]), steps.length, steps.reverse)
        carry, xs, constants = steps.parts(values)
        tcarry, txs, tconstants = steps.parts(placed(given, mask))
        outs = self(
            *carry, *chosen(tcarry, masks[0]), *xs, *chosen(txs, masks[1]), *constants, *chosen(tconstants, masks[2]),
            **{**params, "body": both, "steps": inner},
        )
        last, ys = outs[: inner.carries], outs[inner.carries :]
        n, count = steps.carries, len(out_avals) - steps.carries
        moved = [*placed(last[n:], masks[0]), *placed(ys[count:], moves[n:])]
        return (*last[:n], *ys[:count]), tuple(moved)

    def _mask(self, body: Graph, steps: Steps, tracked: Sequence[Any]) -> tuple[bool, ...]:
        """Which arguments move: those asked for, and all carries that can, as a step may set them moving."""
        mask = moving(body.in_avals, tracked)
        return (*(is_inexact(a.dtype) for a in body.in_avals[: steps.carries]), *mask[steps.carries :])

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        body, steps = params["body"], params["steps"]
        if not any(is_inexact(a.dtype) for a in body.out_avals):
            return self(*values, **params), None
        mask = self._mask(body, steps, tracked)
        try:
            split = derived(body, ("scan pull", mask), lambda: _split(body, steps, mask))
        except NotDifferentiableError:  # which `pull` raises, if it comes to that
            return self.unsplit(values, params)
        return self.recorded(values, len(body.outputs), {**params, "body": split.forward})

    def pull(self, saved: Kept, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        body, steps = params["body"], params["steps"]
        mask = self._mask(body, steps, tracked)
        split = derived(body, ("scan pull", mask), lambda: _split(body, steps, mask))
        masks = steps.parts(mask)
        _, xs, constants = steps.parts(saved.values)
        out_avals = self.shape(body=body, steps=steps)
        cts = [c for c, a in zip(instantiated(ct, out_avals), out_avals) if is_inexact(a.dtype)]
        n = sum(masks[0])
        sums = [zeros(a) for a, m in zip(steps.parts(body.in_avals)[2], masks[2]) if m]
        scanned = {"x": xs, "made": saved.residuals}
        varying = [scanned[kind][i] for kind, i in split.where if kind != "constant"]
        fixed = [constants[i] for kind, i in split.where if kind == "constant"]
        back = Steps(n + len(sums), len(cts) - n + len(varying), steps.length, not steps.reverse)
        found = self(
            *cts[:n], *sums, *cts[n:], *varying, *fixed, **{**params, "body": split.backward, "steps": back}
        )
        carry, totals, ct_xs = found[:n], found[n : back.carries], found[back.carries :]
        all_cts = [*placed(carry, masks[0]), *placed(ct_xs, masks[1]), *placed(totals, masks[2])]
        return [None if t is None else c for c, t in zip(all_cts, tracked)]

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        body, steps = params["body"], params["steps"]
        carry, xs, constants = steps.parts(values)
        was_carry, in_xs, _ = steps.parts(batched)
        key = "scan batch", tuple(batched), size
        whole, moves, turns = derived(body, key, lambda: _batched(body, steps, batched, size))
        starts = [with_batch(as_shaped(c), was, size) if m else c for c, m, was in zip(carry, moves, was_carry)]
        outs = self(
            *map(behind, starts, turns),
            *(move_axis(x, 0, 1) if b else x for x, b in zip(xs, in_xs)),
            *constants,
            **{**params, "body": whole},
        )
        last, ys = map(in_front, outs, turns), outs[steps.carries :]
        turned = [move_axis(y, 1, 0) if b else y for y, b in zip(ys, moves[steps.carries :])]
        return tuple(y if b else Same(y) for y, b in zip((*last, *turned), moves))


def _aval(x: Any) -> Aval:
    return Aval(np.shape(x), x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype)


def _empty(length: int, aval: Aval) -> np.ndarray:
    return np.empty((length, *aval.shape), aval.dtype)


def _stack(ys: Sequence[Any], aval: Aval) -> Any:
    """Values of which some are traced, along a new leading axis."""
    return concatenate(*(reshape(as_shaped(y), shape=(1, *aval.shape)) for y in ys), axis=0) if ys else _empty(0, aval)


def _batched(
    body: Graph, steps: Steps, batched: Sequence[bool], size: int
) -> tuple[Graph, list[bool], list[bool]]:
    """The body on whole batches, which of its outputs are such, and which carries have the batch behind."""
    whole, moves = batched_body(body, batched, steps.carries, size)
    whole, turns = with_batch_last(whole, body, moves, steps.carries)
    return whole, moves, turns


def _both(body: Graph, steps: Steps, mask: Sequence[bool]) -> Graph:
    """The body on values and tangents: `carry, tcarry, x, tx, constants, tconstants`."""
    masks = steps.parts(mask)
    avals = steps.parts(body.in_avals)
    sizes = [len(p) for part, m in zip(avals, masks) for p in (part, chosen(part, m))]
    moves = [is_inexact(a.dtype) for a in body.out_avals]

    def run(*flat: Any) -> list[Any]:
        groups = _grouped(flat, sizes)
        tangents = [t for group, m in zip(groups[1::2], masks) for t in placed(group, m)]
        outs, moved = with_tangents(body, [v for group in groups[::2] for v in group], tangents)
        moved = instantiated(moved, body.out_avals)
        n = steps.carries
        return [*outs[:n], *chosen(moved[:n], masks[0]), *outs[n:], *chosen(moved[n:], moves[n:])]

    return trace_graph(run, [a for part, m in zip(avals, masks) for a in (*part, *chosen(part, m))])


def _grouped(flat: Sequence[Any], sizes: Sequence[int]) -> list[list[Any]]:
    rest = iter(flat)
    return [[next(rest) for _ in range(size)] for size in sizes]


def _split(body: Graph, steps: Steps, mask: Sequence[bool]) -> Split:
    forward, backward, reached = split_pull(body, mask)
    count = len(body.outputs)
    masks = steps.parts(mask)
    _, xs, constants = steps.parts(forward.inputs)
    where: list[tuple[str, int]] = []
    kept: list[Any] = []
    for atom in forward.outputs[count:]:
        if atom in xs:
            where.append(("x", xs.index(atom)))
        elif atom in constants:
            where.append(("constant", constants.index(atom)))
        else:
            where.append(("made", len(kept)))
            kept.append(atom)
    residual_avals = [a.aval for a in forward.outputs[count:]]
    varies = [kind != "constant" for kind, _ in where]
    in_avals, out_avals = steps.parts(body.in_avals), unweak(body.out_avals)
    groups = [
        [a for a in out_avals[: steps.carries] if is_inexact(a.dtype)],
        chosen(in_avals[2], masks[2]),
        [a for a in out_avals[steps.carries :] if is_inexact(a.dtype)],
        chosen(residual_avals, varies),
        chosen(residual_avals, [not v for v in varies]),
    ]

    def step(*flat: Any) -> list[Any]:
        carry, sums, ys, varying, fixed = _grouped(flat, [len(g) for g in groups])
        rest, still = iter(varying), iter(fixed)
        residuals = [next(rest) if v else next(still) for v in varies]
        found = steps.parts(placed(evaluate(backward, [*residuals, *carry, *ys]), reached))
        before, ct_x, ct_constants = (
            instantiated(chosen(part, m), chosen(avals, m)) for part, m, avals in zip(found, masks, in_avals)
        )
        return [*before, *(total + c for total, c in zip(sums, ct_constants)), *ct_x]

    forward = Graph(forward.inputs, forward.eqns, (*forward.outputs[:count], *kept))
    return Split(forward, trace_graph(step, [a for group in groups for a in group]), tuple(where))


scan_call = register(ScanCall("scan_call"))
