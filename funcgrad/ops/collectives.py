"""Operations across the elements of a batch: sums, extrema and exchanges along an axis that a `vmap` has given a name.

The last operand of each is the axis: for every element its index along it. It is batched by the `vmap` that bears the
name, and by no other, and so it leads an operation to that `vmap` through all transformations and programs in between,
as operands do. Where it is batched the whole batch is at hand, and the operation becomes one on arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import INT, Aval, aval_of
from funcgrad.core.graph import Graph, programs_of
from funcgrad.core.trace import Primitive, Same
from funcgrad.ops.broadcasting import broadcast_to, reduce_sum, reshape, with_batch
from funcgrad.ops.elementwise import convert, eq, where
from funcgrad.ops.families.general import General
from funcgrad.ops.families.linear import Linear
from funcgrad.ops.index import gather
from funcgrad.ops.reduce import reduce_max, reduce_min
from funcgrad.ops.structure import move_axis

Rule = Callable[..., Any]


def _outside(*args: Any, **params: Any) -> Any:
    raise NameError("an operation along a named axis ran where no vmap has one")


def _batch(prim: Callable[[], Primitive], along: Rule) -> Rule:
    """The batch rule: `along(x, batched, size, **params)` where the batch is the axis; else one axis more to carry."""

    def batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        x, index = values
        if batched[1]:
            return along(x, batched[0], **params)
        return prim()(x, index, **({**params, "place": params["place"] + 1} if "place" in params else params))

    return batch


def _same_shape(x: Aval, index: Aval, **params: Any) -> Aval:
    return Aval(x.shape, x.dtype)


def times(x: Any, size: int) -> Any:
    """The sum of `size` values like `x`, in its dtype."""
    return x * np.asarray(size).astype(aval_of(x).dtype)


# sums and extrema


def _summed(x: Any, batched: bool, size: int) -> Same:
    if not batched:
        return Same(times(x, size))
    total = reduce_sum(x, axes=(0,))
    return Same(total if total.dtype == x.dtype else convert(total, dtype=x.dtype))


psum: Linear = Linear(
    "psum",
    _outside,
    shape=_same_shape,
    pull=lambda ct, i, x, index, size: psum(ct, index, size=size),
    batch=_batch(lambda: psum, _summed),
)


def _extreme(name: str, reduce: Any) -> General:
    def derivative(t: Any, y: Any, x: Any, index: Any, size: int) -> Any:
        """Equal elements, counted in integers, share the derivative, as they do in `reduce`."""
        chosen = convert(eq(x, y), dtype=INT)
        share = chosen / psum(chosen, index, size=size)
        return psum(t * convert(share, dtype=t.dtype), index, size=size)

    prim = General(
        name,
        _outside,
        shape=_same_shape,
        jvps=(derivative,),
        batch=_batch(lambda: prim, lambda x, batched, size: Same(reduce(x, axes=(0,)) if batched else x)),
    )
    return prim


pmax = _extreme("pmax", reduce_max)
pmin = _extreme("pmin", reduce_min)


# exchanges


def _gathered(x: Any, batched: bool, size: int, place: int) -> Same:
    return Same(move_axis(x if batched else with_batch(x, False, size), 0, place))


def _scattered(x: Any, batched: bool, size: int, place: int) -> Any:
    if not batched:
        return times(move_axis(x, place, 0), size)
    return move_axis(_summed(x, True, size).value, place, 0)


def _exchanged(x: Any, batched: bool, size: int, place: int) -> Any:
    if batched:
        return move_axis(move_axis(x, 0, place + 1), place, 0) if place else move_axis(x, 0, 1)
    rows = move_axis(x, place, 0)
    rows = reshape(rows, shape=(*rows.shape[: place + 1], 1, *rows.shape[place + 1 :]))
    return broadcast_to(rows, shape=(*rows.shape[: place + 1], size, *rows.shape[place + 2 :]))


all_gather: Linear = Linear(
    "all_gather",
    _outside,
    shape=lambda x, index, size, place: Aval((*x.shape[:place], size, *x.shape[place:]), x.dtype),
    pull=lambda ct, i, x, index, **params: psum_scatter(ct, index, **params),
    batch=_batch(lambda: all_gather, _gathered),
)
psum_scatter: Linear = Linear(
    "psum_scatter",
    _outside,
    shape=lambda x, index, size, place: Aval((*x.shape[:place], *x.shape[place + 1 :]), x.dtype),
    pull=lambda ct, i, x, index, **params: all_gather(ct, index, **params),
    batch=_batch(lambda: psum_scatter, _scattered),
)
exchange: Linear = Linear(
    "exchange",
    _outside,
    shape=_same_shape,
    pull=lambda ct, i, x, index, **params: exchange(ct, index, **params),
    batch=_batch(lambda: exchange, _exchanged),
)
"""Element k gets at index e of an axis what element e has there at index k."""


def _permuted(x: Any, batched: bool, size: int, sources: Sequence[int]) -> Any:
    taken = gather(with_batch(x, batched, size), np.asarray(sources))
    if min(sources) >= 0:
        return taken
    given = np.asarray(sources) >= 0
    return where(given.reshape((size,) + (1,) * (len(taken.shape) - 1)), taken, 0)


def _turned(sources: Sequence[int]) -> tuple[int, ...]:
    """The other way round: for each element the one that got its value, -1 where none did."""
    return tuple([sources.index(k) if k in sources else -1 for k in range(len(sources))])


ppermute: Linear = Linear(
    "ppermute",
    _outside,
    shape=_same_shape,
    pull=lambda ct, i, x, index, size, sources: ppermute(ct, index, size=size, sources=_turned(sources)),
    batch=_batch(lambda: ppermute, _permuted),
)
"""`sources` says whose value each element gets, each value going to one at most; -1 is zero."""

COLLECTIVES = frozenset((psum, pmax, pmin, all_gather, psum_scatter, exchange, ppermute))


def meets(graph: Graph) -> bool:
    """Whether elements of a batch meet in a program: what one of them computes counts for others."""
    return any(e.prim in COLLECTIVES or any(map(meets, programs_of(e.params))) for e in graph.eqns)

