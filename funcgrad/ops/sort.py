"""Sorting. The order of equal values is the order they came in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import INT, Aval
from funcgrad.ops.families.general import General
from funcgrad.ops.index import gather


def _on_axis(axis: int, order: Any) -> list[Any]:
    """Indices for all axes that take the elements `order` along one axis."""
    shape = order.shape
    rank = len(shape)
    return [
        order if a == axis else np.arange(n).reshape((n,) + (1,) * (rank - 1 - a))
        for a, n in enumerate(shape)
    ]


def _sort_batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    return sort(values[0], axis=params["axis"] + 1)


def _argsort_batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    return argsort(values[0], axis=params["axis"] + 1)


argsort: General = General(
    "argsort",
    lambda x, axis: np.argsort(x, axis=axis, kind="stable"),
    shape=lambda x, axis: Aval(x.shape, INT),
    jvps=None,
    batch=_argsort_batch,
    flat="positions are integers: they do not change under small changes of the values",
    remedy="`sort(x)`, or `x[argsort(x)]`, which are differentiable in the values",
)

sort: General = General(
    "sort",
    lambda x, axis: np.sort(x, axis=axis),
    shape=lambda x, axis: Aval(x.shape, x.dtype),
    jvps=(lambda t, y, x, axis: gather(t, *_on_axis(axis, argsort(x, axis=axis))),),
    batch=_sort_batch,
)
