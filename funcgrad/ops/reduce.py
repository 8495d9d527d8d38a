"""Reductions and cumulative operations. `axes` is a sorted tuple of non-negative ints, which are dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np

from funcgrad.core.avals import BOOL, INT, Aval, aval_of
from funcgrad.core.provenance import here
from funcgrad.core.tape import Node, TapeTracer
from funcgrad.core.trace import Primitive, Tracer
from funcgrad.ops.elementwise import convert, eq
from funcgrad.ops.families import General, Linear, Statements
from funcgrad.ops.large import stepping, warns
from funcgrad.ops.structure import broadcast_to, concatenate, flip, pad, reshape, transpose

Axes = tuple[int, ...]

VIEW_SIZE = 4096
"""From this many elements on, a broadcast cotangent is a view: 3 us, but no memory (8 MB at a million)."""

INDEX_REASON = "an index does not change under small changes of the values"
TRUTH_REASON = "a truth value does not change under small changes of the values"
INDEX_REMEDY = "x[index] differentiates in x; for a smooth choice, weight by softmax(x / temperature)"
TRUTH_REMEDY = "the number that is compared, or a smooth step such as sigmoid(x / temperature)"


def expanded(shape: tuple[int, ...], axes: Axes) -> tuple[int, ...]:
    """A shape with reduced axes kept at length 1."""
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def spread(ct: Any, shape: tuple[int, ...], axes: Axes) -> Any:
    """Repeat a reduced value along the axes that it was reduced over. The result may be a read-only view."""
    if not axes:
        return ct
    if ct.shape:
        ct = ct.reshape(expanded(shape, axes))
    if isinstance(ct, Tracer):
        return broadcast_to(ct, shape=shape)
    if prod(shape) >= VIEW_SIZE:
        return np.broadcast_to(ct, shape)
    # np.full takes 0.8 us and np.broadcast_to 2.8 us on small arrays, this 0.4 us
    out = np.ndarray(shape, ct.dtype)
    out[...] = ct
    return out


def _dropped(shape: tuple[int, ...], axes: Axes) -> tuple[int, ...]:
    return tuple([n for i, n in enumerate(shape) if i not in axes])


@cache
def _summed_dtype(dtype: np.dtype) -> np.dtype:
    """NumPy adds and multiplies small integers in the machine's widest."""
    return np.add.reduce(np.zeros((1,), dtype), axis=0).dtype


def _summed(aval: Aval, axes: Axes) -> Aval:
    return Aval(_dropped(aval.shape, axes), _summed_dtype(aval.dtype))


def _accumulated(aval: Aval, axis: int, reverse: bool = False) -> Aval:
    return Aval(aval.shape, _summed_dtype(aval.dtype))


def _truth(aval: Aval, axes: Axes) -> Aval:
    return Aval(_dropped(aval.shape, axes), BOOL)


def _batched_axes(prim: Callable[[], Primitive]) -> Callable[..., Any]:
    def batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return prim()(values[0], axes=tuple([a + 1 for a in params["axes"]]))

    return batch


def _batched_axis(prim: Callable[[], Primitive]) -> Callable[..., Any]:
    def batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return prim()(values[0], **{**params, "axis": params["axis"] + 1})

    return batch


# sum

_sum: Linear = Linear(
    "reduce_sum",
    lambda x, axes: np.add.reduce(x, axis=axes),
    shape=_summed,
    pull=lambda ct, i, x, axes: spread(ct, x.shape, axes),
    batch=_batched_axes(lambda: _sum),
    lower="sum",
)


def reduce_sum(x: Any, axes: Axes) -> Any:
    """The sum, 2 us sooner on the tape than the primitive itself: most scalar functions end in it."""
    kind = type(x)
    if kind is np.ndarray:
        return np.add.reduce(x, axes)
    if kind is TapeTracer:
        value, trace = x.value, x._trace
        if type(value) is np.ndarray and value.dtype.kind in "fc" and trace.alive:
            y = np.add.reduce(value, axes)
            saved = (Aval(value.shape, value.dtype),)
            return TapeTracer(trace, y, Node(_sum, {"axes": axes}, (x.node,), saved, here()))
    return _sum(x, axes=axes)


reduce_sum.prim = _sum  # type: ignore[attr-defined]


# max, min


def _d_extreme(t: Any, y: Any, x: Any, axes: Axes) -> Any:
    """Equal elements, counted in integers, share the derivative. Where the result is NaN, 0/0 says so."""
    kept = expanded(aval_of(x).shape, axes)
    chosen = eq(x, reshape(y, shape=kept))
    share = chosen / reshape(reduce_sum(chosen, axes=axes), shape=kept)
    return reduce_sum(t * convert(share, dtype=t.dtype), axes=axes)


def _extreme(name: str, ufunc: np.ufunc, lower: str) -> General:
    def impl(x: Any, axes: Axes) -> Any:
        return ufunc.reduce(x, axis=axes)

    def shape(aval: Aval, axes: Axes) -> Aval:
        if 0 in aval.shape:
            impl(np.empty(aval.shape), axes)  # NumPy's error, where there is one
        return Aval(_dropped(aval.shape, axes), aval.dtype)

    prim = General(
        name, impl, shape=shape, jvps=(_d_extreme,), batch=_batched_axes(lambda: prim), lower=lower
    )
    return prim


reduce_max = _extreme("reduce_max", np.maximum, "max")
reduce_min = _extreme("reduce_min", np.minimum, "min")


# prod, cumsum, cumprod


def _accumulate(ufunc: np.ufunc, name: str, x: Any, axis: int, reverse: bool = False) -> Any:
    kernel = stepping(name, x) if axis == x.ndim - 1 else None
    if kernel is not None:
        order = slice(None, None, -1 if reverse else 1)
        out = np.empty(x.shape, x.dtype.newbyteorder("="))
        kernel(x[..., order], out=out[..., order])
        if np.isfinite(out[..., 0 if reverse else -1]).all() or not warns():
            return out  # what is not finite stays so to the end
    if not reverse:
        return ufunc.accumulate(x, axis=axis)
    out = np.empty(x.shape, _summed_dtype(x.dtype))
    backwards = (slice(None),) * axis + (slice(None, None, -1),)
    ufunc.accumulate(x[backwards], axis=axis, out=out[backwards])
    return out


def _has_rows(x: Aval, axis: int, reverse: bool = False) -> bool:
    return prod(x.shape[axis + 1 :]) > 1


def _running(fold: str) -> Statements:
    def make(build: Any, x: Aval, axis: int, reverse: bool = False) -> None:
        build.running(axis, fold, lambda draw, index: draw(0, index), reverse)

    return Statements(make, inline=_has_rows)


cumsum: Linear = Linear(
    "cumsum",
    lambda x, axis, reverse=False: _accumulate(np.add, "cumsum", x, axis, reverse),
    shape=_accumulated,
    pull=lambda ct, i, x, axis, reverse=False: _cumsum_pull(ct, axis, not reverse),
    batch=_batched_axis(lambda: cumsum),
    lower=_running("sum"),
)


def _cumsum_pull(ct: Any, axis: int, reverse: bool) -> Any:
    """float16 is summed in float32: its sums stand still at 2048 times what is added."""
    if ct.dtype != np.float16:
        return cumsum(ct, axis=axis, reverse=reverse)
    wide = cumsum(convert(ct, dtype=np.dtype(np.float32)), axis=axis, reverse=reverse)
    return convert(wide, dtype=ct.dtype)


def _without_last(x: Any, count: int, axis: int) -> Any:
    return x[(slice(None),) * axis + (slice(0, x.shape[axis] - count),)]


def _delayed(x: Any, count: int, axis: int) -> Any:
    """Each element moved back by `count` places, ones coming in."""
    ones = np.ones((*x.shape[:axis], count, *x.shape[axis + 1 :]), x.dtype)
    return concatenate(ones, _without_last(x, count, axis), axis=axis)


def _delayed_tangent(t: Any, count: int, axis: int) -> Any:
    widths = tuple([(count if i == axis else 0, 0) for i in range(t.ndim)])
    return pad(_without_last(t, count, axis), widths=widths)


def _d_cumprod(t: Any, y: Any, x: Any, axis: int) -> Any:
    """The product rule along products of 1, 2, 4, ... neighbours, in log2(n) passes.

    Nothing is divided, so zeros are safe to any order.
    """
    count = 1
    while count < x.shape[axis]:
        before = _delayed(x, count, axis)
        t = t * before + x * _delayed_tangent(t, count, axis)
        x = x * before
        count *= 2
    return t


cumprod: General = General(
    "cumprod",
    lambda x, axis: _accumulate(np.multiply, "cumprod", x, axis),
    shape=_accumulated,
    jvps=(_d_cumprod,),
    batch=_batched_axis(lambda: cumprod),
    lower=_running("prod"),
)


def _product_of_others(x: Any) -> Any:
    """For each element the product of the others along the last axis, without dividing."""
    last = x.ndim - 1
    left = cumprod(_delayed(x, 1, last), axis=last)
    right = cumprod(_delayed(flip(x, axes=(last,)), 1, last), axis=last)
    return left * flip(right, axes=(last,))


def _d_prod(t: Any, y: Any, x: Any, axes: Axes) -> Any:
    shape = aval_of(x).shape
    if not axes or 0 in shape:
        return reduce_sum(t, axes=axes)
    kept = tuple([i for i in range(len(shape)) if i not in axes])
    order = kept + axes
    moved = transpose(x, axes=order)
    flat = reshape(moved, shape=(*_dropped(shape, axes), prod([shape[a] for a in axes])))
    others = reshape(_product_of_others(flat), shape=moved.shape)
    return reduce_sum(t * transpose(others, axes=tuple(np.argsort(order).tolist())), axes=axes)


reduce_prod: General = General(
    "reduce_prod",
    lambda x, axes: np.multiply.reduce(x, axis=axes),
    shape=_summed,
    jvps=(_d_prod,),
    batch=_batched_axes(lambda: reduce_prod),
    lower="prod",
)


# any, all, argmax, argmin


def _truth_reduction(name: str, ufunc: np.ufunc, lower: str) -> General:
    prim = General(
        name,
        lambda x, axes: ufunc.reduce(x, axis=axes),
        shape=_truth,
        jvps=None,
        batch=_batched_axes(lambda: prim),
        lower=lower,
        flat=TRUTH_REASON,
        remedy=TRUTH_REMEDY,
    )
    return prim


def _first(extreme: str) -> Statements:
    """The first place of the extreme, or of NaN, which it is where there is one."""

    def make(build: Any, x: Aval, axis: int) -> None:
        size = x.shape[axis]
        found = build.folded(extreme, axis, size, lambda draw, index: draw(0, index), x.dtype)

        def place(draw: Any, index: Sequence[Any]) -> Any:
            best = found((*index[:axis], *index[axis + 1 :]))
            here, none = draw.number(index[axis]), draw.number(draw.fixed(size))
            return draw.expression("{1} if {0} == {2} or {0} != {0} else {3}", draw(0, index), here, best, none)

        build.fold("min", axis, size, place)

    return Statements(make, lambda x, axis: x.dtype.kind != "b", inline=lambda x, axis: False)


def _index_reduction(name: str, impl: Callable[..., Any], lower: Statements) -> General:
    def shape(aval: Aval, axis: int) -> Aval:
        if 0 in aval.shape:
            impl(np.empty(aval.shape), axis)
        return Aval(_dropped(aval.shape, (axis,)), INT)

    prim = General(
        name,
        impl,
        shape=shape,
        jvps=None,
        batch=_batched_axis(lambda: prim),
        lower=lower,
        flat=INDEX_REASON,
        remedy=INDEX_REMEDY,
    )
    return prim


reduce_any = _truth_reduction("reduce_any", np.logical_or, "any")
reduce_all = _truth_reduction("reduce_all", np.logical_and, "all")
argmax = _index_reduction("argmax", lambda x, axis: np.argmax(x, axis=axis), _first("max"))
argmin = _index_reduction("argmin", lambda x, axis: np.argmin(x, axis=axis), _first("min"))
