"""Reductions and cumulative operations. `axes` is a sorted tuple of non-negative ints, which are dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, prod
from typing import Any

import numpy as np

from funcgrad.core.avals import BOOL, INT, Aval, aval_of
from funcgrad.core.trace import Primitive
from funcgrad.ops.broadcasting import batched_axes, dropped, expanded, reduce_sum, reshape, summed, summed_dtype
from funcgrad.ops.elementwise import convert, eq
from funcgrad.ops.families.general import General
from funcgrad.ops.families.linear import Linear
from funcgrad.ops.families.lowering import Statements
from funcgrad.ops.large import LANES, LEAST_STEPS, stepping, warns
from funcgrad.ops.reductions import Place, Reduction
from funcgrad.ops.structure import concatenate, flip, pad, transpose

Axes = tuple[int, ...]

INDEX_REASON = "an index does not change under small changes of the values"
TRUTH_REASON = "a truth value does not change under small changes of the values"
INDEX_REMEDY = "x[index] differentiates in x; for a smooth choice, weight by softmax(x / temperature)"
TRUTH_REMEDY = "the number that is compared, or a smooth step such as sigmoid(x / temperature)"


def _accumulated(aval: Aval, axis: int, reverse: bool = False) -> Aval:
    return Aval(aval.shape, summed_dtype(aval.dtype))


def _truth(aval: Aval, axes: Axes) -> Aval:
    return Aval(dropped(aval.shape, axes), BOOL)


def _batched_axis(prim: Callable[[], Primitive]) -> Callable[..., Any]:
    def batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return prim()(values[0], **{**params, "axis": params["axis"] + 1})

    return batch


# max, min


def _d_extreme(t: Any, y: Any, x: Any, axes: Axes) -> Any:
    """Equal elements, counted in integers, share the derivative. Where the result is NaN, 0/0 says so."""
    kept = expanded(aval_of(x).shape, axes)
    chosen = eq(x, reshape(y, shape=kept))
    share = chosen / reshape(reduce_sum(chosen, axes=axes), shape=kept)
    return reduce_sum(t * convert(share, dtype=t.dtype), axes=axes)


def _extreme(name: str, ufunc: np.ufunc, lower: str) -> General:
    def shape(aval: Aval, axes: Axes) -> Aval:
        if 0 in aval.shape:
            ufunc.reduce(np.empty(aval.shape), axes)  # NumPy's error, where there is one
        return Aval(dropped(aval.shape, axes), aval.dtype)

    # of long rows and many columns NumPy's are faster: its vectors are twice as wide
    impl = Reduction(
        ufunc, lambda x, axes: prim(x, axes=axes), least_long=2**18, least_whole=inf, longest=1024, widest=512
    )
    prim = General(
        name, impl, shape=shape, jvps=(_d_extreme,), batch=batched_axes(lambda: prim), lower=lower
    )
    return prim


reduce_max = _extreme("reduce_max", np.maximum, "max")
reduce_min = _extreme("reduce_min", np.minimum, "min")


# prod, cumsum, cumprod


def _accumulate(ufunc: np.ufunc, name: str, x: Any, axis: int, reverse: bool = False) -> Any:
    if x.size >= LEAST_STEPS:
        out = _stepped(name, x, axis, reverse)
        if out is not None and (np.isfinite(out.take(0 if reverse else -1, axis)).all() or not warns()):
            return out  # what is not finite stays so to the end
    if not reverse:
        return ufunc.accumulate(x, axis=axis)
    out = np.empty(x.shape, summed_dtype(x.dtype))
    backwards = (slice(None),) * axis + (slice(None, None, -1),)
    ufunc.accumulate(x[backwards], axis=axis, out=out[backwards])
    return out


def _stepped(name: str, x: Any, axis: int, reverse: bool) -> Any:
    """By a kernel, where there is one; of few columns each by itself."""
    if x.ndim > 1 and x.flags.f_contiguous and not x.flags.c_contiguous:
        y = _stepped(name, x.T, x.ndim - 1 - axis, reverse)
        return None if y is None else y.T
    inner = prod(x.shape[axis + 1 :])
    kernel = stepping(name if inner < LANES else f"{name} down", x)
    if kernel is None or (1 < inner < LANES and x.size < 2 * LEAST_STEPS):
        return None
    y = np.empty(x.shape, x.dtype.newbyteorder("="))
    order = slice(None, None, -1 if reverse else 1)
    if inner < LANES:
        kernel(np.moveaxis(x, axis, -1)[..., order], out=np.moveaxis(y, axis, -1)[..., order])
    else:
        shape = prod(x.shape[:axis]), x.shape[axis], inner
        lines = np.ascontiguousarray(x, y.dtype).reshape(shape)
        kernel(lines[:, order], out=y.reshape(shape)[:, order])
    return y


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
    flat = reshape(moved, shape=(*dropped(shape, axes), prod([shape[a] for a in axes])))
    others = reshape(_product_of_others(flat), shape=moved.shape)
    return reduce_sum(t * transpose(others, axes=tuple(np.argsort(order).tolist())), axes=axes)


reduce_prod: General = General(
    "reduce_prod",
    Reduction(np.multiply, lambda x, axes: reduce_prod(x, axes=axes), least_long=0, least_whole=0),
    shape=summed,
    jvps=(_d_prod,),
    batch=batched_axes(lambda: reduce_prod),
    lower="prod",
)


# any, all, argmax, argmin


def _truth_reduction(name: str, ufunc: np.ufunc, lower: str) -> General:
    prim = General(
        name,
        lambda x, axes: ufunc.reduce(x, axis=axes),
        shape=_truth,
        jvps=None,
        batch=batched_axes(lambda: prim),
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
        return Aval(dropped(aval.shape, (axis,)), INT)

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
argmax = _index_reduction("argmax", Place(np.ndarray.argmax), _first("max"))
argmin = _index_reduction("argmin", Place(np.ndarray.argmin), _first("min"))
