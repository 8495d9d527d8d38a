"""Factorisations into triangular matrices: cholesky, qr."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.errors import NotDifferentiableError
from funcgrad.ops.contract import matmul, mH, mT
from funcgrad.ops.elementwise import imag
from funcgrad.ops.linalg.shared import identity, matrix, over_stacks, same_shape, symmetric, triangle
from funcgrad.ops.linalg.systems import triangular_solve
from funcgrad.ops.structure import concatenate


def _d_cholesky(t: Any, l: Any, a: Any) -> Any:
    inner = triangular_solve(l, symmetric(t), lower=True)
    inner = mH(triangular_solve(l, mH(inner), lower=True))
    return matmul(l, inner * (triangle(l, True) - 0.5 * identity(l)))


cholesky = over_stacks("cholesky", np.linalg.cholesky, shape=same_shape, jvps=(_d_cholesky,))


def _d_qr(t: Any, y: Any, a: Any, mode: str) -> tuple[Any, Any]:
    q, r = y
    rows, columns = a.shape[-2:]
    if rows < columns:
        # q belongs to the first columns, and turns the others
        dq, dr = _d_qr(t[..., :rows], (q, r[..., :rows]), a[..., :rows], mode)
        rest = matmul(mH(dq), a[..., rows:]) + matmul(mH(q), t[..., rows:])
        return dq, concatenate(dr, rest, axis=a.ndim - 1)
    if mode == "complete" and rows > columns:
        raise NotDifferentiableError(
            f"Use mode='reduced': `qr` of a {rows} x {columns} matrix with mode='complete' has no derivative, as the "
            f"columns of q beyond {columns} are not determined by the matrix."
        )
    moved = mT(triangular_solve(r, mT(t), lower=False, trans=True))
    inner = matmul(mH(q), moved)
    below = inner * (triangle(inner, True) - identity(inner))
    turn = below - mH(below)
    if inner.dtype.kind == "c":
        turn = turn + imag(inner) * (1j * identity(inner))
    return moved - matmul(q, inner - turn), matmul(inner - turn, r)


def _qr_shape(a: Aval, mode: str) -> tuple[Aval, Aval]:
    stack, rows, columns, dtype = matrix(a)
    inner = rows if mode == "complete" else min(rows, columns)
    return Aval((*stack, rows, inner), dtype), Aval((*stack, inner, columns), dtype)


_qr = over_stacks("qr", lambda a, mode: tuple(np.linalg.qr(a, mode)), shape=_qr_shape, jvps=(_d_qr,), multiple=True)


def qr(a: Any, mode: str = "reduced") -> tuple[Any, Any]:
    """`a = q r` with orthonormal columns in `q` and upper triangular `r`, as `np.linalg.qr`.

    Args:
        a: matrices `(*stack, n, m)`. To be differentiated they (their first n columns, where n < m) need full rank.
        mode: "reduced", or "complete" (differentiable for n <= m only).

    Returns:
        `(q, r)`: `(*stack, n, k)` and `(*stack, k, m)`, where k is min(n, m), or n with "complete".

    Raises:
        NotDifferentiableError: differentiated for another shape; the message says what to write.
        numpy.linalg.LinAlgError: differentiated where the rank is not full.

    Example:
        >>> import numpy as np
        >>> q, r = qr(np.array([[3.0], [4.0]]))
        >>> np.abs(r)
        array([[5.]])
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"mode is 'reduced' or 'complete', not {mode!r}")
    return _qr(a, mode=mode)
