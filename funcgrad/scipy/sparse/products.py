"""Products with a constant sparse matrix of SciPy's, as a primitive that is linear in the vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse

from funcgrad.core.avals import Aval, operand
from funcgrad.ops import elementwise as ew
from funcgrad.ops.broadcasting import with_batch
from funcgrad.ops.families.linear import Linear
from funcgrad.ops.families.lowering import Statements
from funcgrad.ops.operands import as_array, is_sparse
from funcgrad.ops.structure import transpose


def product(x: Any, y: Any) -> Any:
    """`x @ y`, one of them a sparse matrix, which is constant, the other an array of one or two axes."""
    if not is_sparse(x):
        return _turned(product(_turned(y), _turned(as_array(x))))
    y = as_array(y)
    if y.ndim not in (1, 2) or x.ndim > 2:
        raise ValueError(f"matmul: a sparse matrix is multiplied with an array of 1 or 2 axes, not {x.ndim} @ {y.ndim}")
    if x.shape[-1] != y.shape[0]:
        raise ValueError(f"matmul: shapes {x.shape} and {y.shape} do not fit")
    matrix = x.tocoo()
    dtype = np.result_type(operand(matrix.data), y.dtype)
    if dtype == np.float16:
        dtype = np.dtype(np.float32)  # as SciPy's products
    rows = matrix.coords[0] if x.ndim == 2 else np.zeros_like(matrix.coords[0])
    v = _turned(y) if y.dtype == dtype else ew.convert(_turned(y), dtype=dtype)
    height = x.shape[0] if x.ndim == 2 else 1
    z = sparse_product(matrix.data.astype(dtype, copy=False), rows, matrix.coords[-1], v, height=height)
    return _turned(z) if x.ndim == 2 else z[..., 0]


def _turned(x: Any) -> Any:
    """Transposed; a vector as it is."""
    if x.ndim < 2:
        return x
    return x.T if is_sparse(x) else transpose(x, axes=(*range(x.ndim - 1, -1, -1),))


def _product(data: np.ndarray, rows: np.ndarray, columns: np.ndarray, v: np.ndarray, height: int) -> np.ndarray:
    n = v.shape[-1]
    matrix = scipy.sparse.coo_array((data, (rows, columns)), shape=(height, n))
    found = matrix @ v if v.ndim == 1 else (matrix @ v.reshape(-1, n).T).T
    return found.reshape(*v.shape[:-1], height)  # SciPy leaves out the axis of a single row


def _batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    *matrix, v = values
    return sparse_product(*matrix, with_batch(v, batched[-1], size), **params)


def _adding(build: Any, data: Aval, rows: Aval, columns: Aval, v: Aval, height: int) -> None:
    n = v.shape[-1]

    def term(draw: Any, index: Sequence[Any]) -> Any:
        *stack, k = index
        row, column = draw.integer(1, (k,), height), draw.integer(2, (k,), n)
        return (*stack, row), draw.expression("{0} * {1}", draw(0, (k,)), draw(3, (*stack, column)))

    build.all(lambda draw, index: draw.zero())
    build.update((*v.shape[:-1], *data.shape), term, "sum")


sparse_product: Linear = Linear(
    "sparse_product",
    _product,
    shape=lambda data, rows, columns, v, height: Aval((*v.shape[:-1], height), np.result_type(data.dtype, v.dtype)),
    pull=lambda ct, i, data, rows, columns, v, height: sparse_product(data, columns, rows, ct, height=v.shape[-1]),
    batch=_batch,
    linear=(3,),
    lower=Statements(
        _adding,
        fits=lambda data, rows, columns, v, height: data.dtype == v.dtype and v.size > 0 and height > 0,
        inline=lambda data, rows, columns, v, height: False,
    ),
)
"""`sparse_product(data, rows, columns, v, height=m)`: a matrix `(m, n)`, its elements and their places, times
`(*stack, n)`."""
