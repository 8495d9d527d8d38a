"""Products with a constant sparse matrix, as a primitive that is linear in the vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse

from funcgrad.core.avals import Aval
from funcgrad.ops.broadcasting import with_batch
from funcgrad.ops.families.linear import Linear
from funcgrad.ops.families.lowering import Statements


def _product(data: np.ndarray, rows: np.ndarray, columns: np.ndarray, v: np.ndarray) -> np.ndarray:
    n = v.shape[-1]
    matrix = scipy.sparse.coo_array((data, (rows, columns)), shape=(n, n))
    return matrix @ v if v.ndim == 1 else (matrix @ v.reshape(-1, n).T).T.reshape(v.shape)


def _batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    *matrix, v = values
    return sparse_product(*matrix, with_batch(v, batched[-1], size))


def _adding(build: Any, data: Aval, rows: Aval, columns: Aval, v: Aval) -> None:
    n = v.shape[-1]

    def term(draw: Any, index: Sequence[Any]) -> Any:
        *stack, k = index
        row, column = draw.integer(1, (k,), n), draw.integer(2, (k,), n)
        return (*stack, row), draw.expression("{0} * {1}", draw(0, (k,)), draw(3, (*stack, column)))

    build.all(lambda draw, index: draw.zero())
    build.update((*v.shape[:-1], *data.shape), term, "sum")


sparse_product: Linear = Linear(
    "sparse_product",
    _product,
    shape=lambda data, rows, columns, v: Aval(v.shape, np.result_type(data.dtype, v.dtype)),
    pull=lambda ct, i, data, rows, columns, v: sparse_product(data, columns, rows, ct),
    batch=_batch,
    linear=(3,),
    lower=Statements(
        _adding,
        fits=lambda data, rows, columns, v: data.dtype == v.dtype and v.size > 0,
        inline=lambda data, rows, columns, v: False,
    ),
)
"""`sparse_product(data, rows, columns, v)`: a square matrix, its elements and their places, times `(*stack, n)`."""
