"""Factorisations with pivots, and the unitary factor of the polar decomposition."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from funcgrad.core.avals import Aval, aval_of
from funcgrad.ops.contract import matmul, mH, mT
from funcgrad.ops.families.general import General
from funcgrad.ops.index import gather
from funcgrad.ops.linalg.shared import computed_dtype, for_each, matrix, over_stacks, real_dtype
from funcgrad.ops.linalg.systems import solve, triangular_solve
from funcgrad.ops.structure import concatenate
from funcgrad.scipy.linalg.primitives.equations import sylvester
from funcgrad.scipy.linalg.primitives.shared import all_finite

PIVOTS = np.dtype(np.int32)
"""LAPACK's integers, as SciPy gives them."""


def _lu(a: np.ndarray) -> tuple[np.ndarray, ...]:
    a = a.astype(computed_dtype(a.dtype), copy=False)
    (getrf,) = scipy.linalg.get_lapack_funcs(("getrf",), (a,))
    return for_each(lambda x: getrf(x)[:2] if x.size else (x, 0), [a], [2], *_lu_shape(aval_of(a)))


def _lu_shape(a: Aval) -> tuple[Aval, Aval]:
    stack, rows, columns, dtype = matrix(a)
    return Aval(a.shape, dtype), Aval((*stack, min(rows, columns)), PIVOTS)


def _below(a: Any) -> np.ndarray:
    """Ones below the main diagonal."""
    return np.tri(a.shape[-2], a.shape[-1], -1, dtype=real_dtype(a.dtype))


def lower_part(lu: Any) -> Any:
    """The lower triangular factor `(*stack, n, k)`, with ones on its diagonal."""
    rows, columns = lu.shape[-2:]
    l = lu[..., :, : min(rows, columns)]
    return l * _below(l) + np.eye(*l.shape[-2:], dtype=l.dtype)


def upper_part(lu: Any) -> Any:
    """The upper triangular factor `(*stack, k, m)`."""
    rows, columns = lu.shape[-2:]
    u = lu[..., : min(rows, columns), :]
    return u * (1 - _below(u))


def rows_at(x: Any, places: Any) -> Any:
    """The rows of matrices at `(*stack, k)` places."""
    stack = x.shape[:-2]
    around = [np.arange(n).reshape(n, *(1,) * (len(stack) - i)) for i, n in enumerate(stack)]
    return gather(x, *around, places)


def _d_lu(t: Any, y: Any, a: Any) -> tuple[Any, None]:
    """`l^-1 p t u^-1` is `l^-1 dl` below the diagonal and `du u^-1` above; then the rows or columns that are left.

    Källström's thesis has the square case; those of more rows, or more columns, follow from `a[p] = l u` by blocks.
    """
    lu, pivots = y
    rows, columns = a.shape[-2:]
    k = min(rows, columns)
    moved = rows_at(t, permutation(pivots, size=rows))
    l, u = lower_part(lu), upper_part(lu)
    first_l, first_u = l[..., :k, :], u[..., :, :k]
    inner = triangular_solve(first_l, moved[..., :k, :k], lower=True)
    inner = mT(triangular_solve(first_u, mT(inner), lower=False, trans=True))
    below = inner * _below(inner)
    dl, du = matmul(first_l, below), matmul(inner - below, first_u)
    square = dl + du
    if rows > k:
        rest = moved[..., k:, :] - matmul(l[..., k:, :], du)
        rest = mT(triangular_solve(first_u, mT(rest), lower=False, trans=True))
        return concatenate(square, rest, axis=a.ndim - 2), None
    if columns > k:
        rest = triangular_solve(first_l, moved[..., :, k:] - matmul(dl, u[..., :, k:]), lower=True)
        return concatenate(square, rest, axis=a.ndim - 1), None
    return square, None


lu = over_stacks("lu", _lu, shape=_lu_shape, jvps=(_d_lu,), multiple=True)
"""LAPACK's `getrf`: both factors in one matrix, and which row each was exchanged with.

A pivot of zero is no error; the derivative solves with the factors, and raises LinAlgError then.
"""


def _permutation(pivots: np.ndarray, size: int) -> np.ndarray:
    order = np.broadcast_to(np.arange(size, dtype=PIVOTS), (*pivots.shape[:-1], size)).copy()
    for k in range(pivots.shape[-1]):
        other = pivots[..., k, None].astype(np.intp)
        moved = np.take_along_axis(order, other, -1)
        np.put_along_axis(order, other, order[..., k, None], -1)
        order[..., k, None] = moved
    return order


permutation: General = General(
    "permutation",
    _permutation,
    shape=lambda pivots, size: Aval((*pivots.shape[:-1], size), PIVOTS),
    jvps=None,
    batch=lambda values, batched, size, params: permutation(*values, **params),
    flat="it gives integers",
    remedy="the factors themselves, which have derivatives",
)
"""The order of `size` rows after the exchanges of `lu`."""


def _column_order(a: np.ndarray) -> np.ndarray:
    a = a.astype(computed_dtype(a.dtype), copy=False)

    def of_matrix(x: np.ndarray) -> tuple[np.ndarray]:
        if not (x.size and all_finite(x)):
            return (np.arange(x.shape[1]),)
        return (scipy.linalg.qr(x, mode="r", pivoting=True, check_finite=False)[1],)

    return for_each(of_matrix, [a], [2], _order_shape(aval_of(a)))[0]


def _order_shape(a: Aval) -> Aval:
    return Aval((*matrix(a)[0], a.shape[-1]), PIVOTS)


column_order: General = General(
    "column_order",
    _column_order,
    shape=_order_shape,
    jvps=None,
    batch=lambda values, batched, size, params: column_order(*values),
    flat="it gives integers",
    remedy="the factors of `qr`, which have derivatives",
)
"""The order of columns in a QR factorisation with pivots."""


def _unitary(a: np.ndarray) -> np.ndarray:
    a = a.astype(computed_dtype(a.dtype), copy=False)
    if not all_finite(a):
        return np.full(a.shape, np.nan, a.dtype)
    w, _, vh = np.linalg.svd(a, full_matrices=False)
    return w @ vh


def _d_unitary(t: Any, u: Any, a: Any) -> Any:
    """With `a = u p`: `u^H du` is skew, and solves a Sylvester equation with `p`; the rest of `du` is `t p^-1`."""
    p = matmul(mH(u), a)
    inner = matmul(mH(u), t)
    turn = sylvester(p, p, inner - mH(inner))
    if a.shape[-2] == a.shape[-1]:
        return matmul(u, turn)
    beside = t - matmul(u, inner)
    return matmul(u, turn) + mT(solve(mT(p), mT(beside)))


unitary = over_stacks(
    "unitary", _unitary, shape=lambda a: Aval(a.shape, matrix(a)[3]), jvps=(_d_unitary,)
)
"""The `u` of `a = u p`, of matrices with at least as many rows as columns. Higham, "Functions of Matrices", ch. 8."""
