"""Multiplying into places of an array, and lowering or raising them: the updates that are not linear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from funcgrad.core.avals import INT
from funcgrad.core.trace import is_traced
from funcgrad.ops.broadcasting import reshape
from funcgrad.ops.elementwise import convert, eq, logical_or, maximum, ne, where
from funcgrad.ops.families.general import General
from funcgrad.ops.index import gather, places_of, scatter_add, scatter_batch, scatter_shape, scatter_statements, zeros
from funcgrad.ops.sort import argsort
from funcgrad.ops.structure import concatenate, flip


def _by(ufunc: np.ufunc) -> Callable[..., Any]:
    def impl(x: np.ndarray, v: np.ndarray, *indices: Any) -> np.ndarray:
        y = x.copy()
        ufunc.at(y, indices, v)
        return y

    return impl


def _ones(x: Any) -> np.ndarray:
    return np.broadcast_to(np.ones((), x.dtype), x.shape)


def _products_before(v: Any, places: Any, most: int) -> Any:
    """For each row the product of the rows before it with the same place; equal places stand together."""

    def within(step: int) -> Any:
        return reshape(eq(places[step:], places[:-step]), shape=(n - step,) + (1,) * (len(v.shape) - 1))

    n = v.shape[0]
    product = concatenate(_ones(v[:1]), where(within(1), v[:-1], 1), axis=0)
    step = 1
    while step < most:
        product = concatenate(
            product[:step], product[step:] * where(within(step), product[:-step], 1), axis=0
        )
        step *= 2
    return product


def _others(x: Any, v: Any, indices: Sequence[Any]) -> Any:
    """For each value, the product of everything else at its place, without dividing by it (it may be zero).

    Values that share a place are sorted together and multiplied from the left and from the right, in steps of
    1, 2, 4, ... neighbours.
    """
    k = len(indices)
    row = x.shape[k:]
    places = places_of(x.shape[:k], indices)
    places = reshape(places, shape=(prod(places.shape),))
    most = places.shape[0]
    if not is_traced(places):
        most = int(np.bincount(places).max(initial=0))
    others = gather(x, *indices)
    if most <= 1:
        return others
    order = argsort(places, axis=0)
    values = gather(reshape(v, shape=(*places.shape, *row)), order)
    places = gather(places, order)
    before = _products_before(values, places, most)
    after = flip(_products_before(flip(values, axes=(0,)), flip(places, axes=(0,)), most), axes=(0,))
    return others * reshape(gather(before * after, argsort(order, axis=0)), shape=v.shape)


scatter_mul: General = General(
    "scatter_mul",
    _by(np.multiply),
    shape=scatter_shape,
    jvps=(
        lambda t, y, x, v, *indices: t * scatter_mul(_ones(x), v, *indices),
        lambda t, y, x, v, *indices: scatter_add(zeros(x), t * _others(x, v, indices), *indices),
    ),
    batch=lambda *call: scatter_batch(scatter_mul, *call),
    lower=scatter_statements("prod"),
)


def _shares(y: Any, x: Any, v: Any, indices: Sequence[Any]) -> tuple[Any, Any]:
    """How much of each element of `x`, and of each value, is in the result: equal winners share equally."""
    kept = convert(logical_or(eq(x, y), ne(x, x)), dtype=INT)
    won = convert(eq(convert(v, dtype=y.dtype), gather(y, *indices)), dtype=INT)
    winners = maximum(scatter_add(kept, won, *indices), 1)
    shares = kept / winners, won / gather(winners, *indices)
    return convert(shares[0], dtype=x.dtype), convert(shares[1], dtype=v.dtype)


def _scatter_extreme(name: str, ufunc: np.ufunc, fold: str) -> General:
    prim = General(
        name,
        _by(ufunc),
        shape=scatter_shape,
        jvps=(
            lambda t, y, x, v, *indices: t * _shares(y, x, v, indices)[0],
            lambda t, y, x, v, *indices: scatter_add(zeros(x), t * _shares(y, x, v, indices)[1], *indices),
        ),
        batch=lambda *call: scatter_batch(prim, *call),
        lower=scatter_statements(fold),
    )
    return prim


scatter_min = _scatter_extreme("scatter_min", np.minimum, "min")
scatter_max = _scatter_extreme("scatter_max", np.maximum, "max")
