"""The pseudo-inverse of matrices of any shape and rank, and the equation that its derivative needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval, aval_of
from funcgrad.ops import elementwise as ew
from funcgrad.ops.broadcasting import reduce_sum, reshape, with_batch
from funcgrad.ops.contract import matmul, mH, mT
from funcgrad.ops.families.general import General
from funcgrad.ops.linalg.equations import Equation
from funcgrad.ops.linalg.shared import (
    for_each,
    identity,
    matrix,
    solve_as_columns,
    square_matrix,
    symmetric,
    triangle,
)


def _stein(m: Any, n: Any, c: Any) -> np.ndarray:
    """By the eigenvalues of both, which are not negative."""
    scale = np.abs(m).sum(axis=(-2, -1), initial=0) * np.abs(n).sum(axis=(-2, -1), initial=0)
    if (scale < np.finfo(c.dtype).eps).all():
        return np.asarray(c)
    (w, u), (z, v) = np.linalg.eigh(m), np.linalg.eigh(n)
    return u @ (u.conj().mT @ c @ v / (1 - w[..., :, None] * z[..., None, :])) @ v.conj().mT


def _less_product(m: Any, n: Any, x: Any) -> Any:
    return -matmul(matmul(m, x), n)


stein = Equation(
    "stein",
    _stein,
    shape=lambda m, n, c: c,
    terms=(_less_product, _less_product),
    turned=lambda m, n: (mT(m), mT(n)),
)
"""`x` with `x - m x n = c`, for positive semidefinite `m` and `n`. All have one dtype.

The products of an eigenvalue of `m` and one of `n` are below 1.
"""


def _sum_of_each(m: Any) -> Any:
    """The sum of each matrix of a stack, as a matrix of one element."""
    return reshape(reduce_sum(m, axes=(m.ndim - 2, m.ndim - 1)), shape=(*m.shape[:-2], 1, 1))


def _turned(t: Any, p: Any, a: Any) -> tuple[Any, Any, Any, Any]:
    """`rows`, `mixed`, `rest` and `inward` of the derivative of the pseudo-inverse p of a matrix with n >= m:

    `rows (t^H (1 - a p) + mixed rest^H) + inward p`.

    It is `-p t p`, and how the spaces turn that are kept, against those that are left out. Where the values left out
    are zero, these are `p p^H t^H (1 - a p)` and `(1 - p a) t^H p^H p` (Golub and Pereyra). Where they are not, `rest`
    is what `a` has of them. With kept values s and others r, an element of the first is `(s u + r v) / (s (s^2 - r^2))`
    for elements u of `t^H` and v of `t`: a Stein equation. Both equations are posed among the columns of `a`.

    What rounding leaves of `rest` where none is left out would be multiplied by the cube of the condition number.
    """
    kept, rows, pt = matmul(p, a), matmul(p, mH(p)), matmul(p, t)
    one = identity(rows)
    rank = _sum_of_each(kept * one).real
    left_out = ew.where(rank > a.shape[-1] - 0.5, np.zeros_like(one), one - kept)
    rest = matmul(a, left_out)
    others = matmul(mH(rest), rest)
    mixed = pt + matmul(rows, stein(rows, others, matmul(mH(t), rest) + matmul(pt, others)))
    inward = stein(others, rows, matmul(left_out, mH(pt)) + matmul(matmul(mH(rest), t), rows)) - pt
    return rows, mixed, rest, inward


def _d_pinv(t: Any, p: Any, a: Any, *cutoff: Any, hermitian: bool) -> Any:
    if hermitian:
        a, t = _from_lower(a), symmetric(t)
    if a.shape[-2] < a.shape[-1]:
        return mH(_d_tall(mH(t), mH(p), mH(a)))
    return _d_tall(t, p, a)


def _d_tall(t: Any, p: Any, a: Any) -> Any:
    rows, mixed, rest, inward = _turned(t, p, a)
    outward = mH(t) - matmul(matmul(mH(t), a), p) + matmul(mixed, mH(rest))
    return matmul(rows, outward) + matmul(inward, p)


def _from_lower(a: Any) -> Any:
    """The Hermitian matrix of which NumPy reads the lower triangle."""
    below = a * triangle(a, True)
    return below + mH(below * (1 - np.eye(a.shape[-1], dtype=below.real.dtype)))


def _pinv_shape(a: Aval, *cutoff: Aval, hermitian: bool) -> Aval:
    if 0 in a.shape[-2:] and a.ndim >= 2:
        return Aval((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)
    if hermitian:
        square_matrix(a)
    stack, rows, columns, dtype = matrix(a)
    return Aval((*stack, columns, rows), dtype)


def _batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    a, *cutoff = values
    a = with_batch(a, batched[0], size)
    if cutoff and batched[1]:
        (c,) = cutoff
        cutoff = [reshape(c, shape=(size, *(1,) * (a.ndim - 2 - c.ndim), *c.shape[1:]))]
    return _pinv(a, *cutoff, **params)


_pinv = General(
    "pinv",
    lambda a, cutoff=None, *, hermitian: np.linalg.pinv(a, cutoff, hermitian=hermitian),
    shape=_pinv_shape,
    jvps=(_d_pinv,),
    batch=_batch,
)


def pinv(a: Any, cutoff: Any = None, *, hermitian: bool = False) -> Any:
    """The pseudo-inverse (Moore, Penrose), as `np.linalg.pinv`.

    The derivative is exact also where singular values are cut off that are not zero, and finite where they are equal.
    Sources: Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems" (1973),
    equation 4.12; for values that are cut off, Noferini, "A formula for the Frechet derivative of a generalized matrix
    function" (2017).

    Args:
        a: matrices `(*stack, n, m)`.
        cutoff: singular values up to this part of the largest count as zero; `(*stack)`, or any shape that broadcasts
            to it, without a derivative. None: NumPy's default.
        hermitian: `a` is symmetric or Hermitian, and its lower triangle is read; differentiated as a function of its
            symmetric part.

    Returns:
        `(*stack, m, n)`.

    Raises:
        numpy.linalg.LinAlgError: a value is not finite.

    Example:
        >>> import numpy as np
        >>> pinv(np.array([[2.0, 0.0], [0.0, 0.0]]))
        array([[0.5, 0. ],
               [0. , 0. ]])
    """
    return _pinv(a, *(() if cutoff is None else (cutoff,)), hermitian=bool(hermitian))


def _lstsq_in_a(t: Any, x: Any, a: Any, b: Any, *, rcond: float) -> Any:
    """The derivative of the pseudo-inverse, times b: by the residuals, where `1 - a p` would be n times n."""
    p = pinv(a, np.asarray(rcond))
    if a.shape[-2] >= a.shape[-1]:
        rows, mixed, rest, inward = _turned(t, p, a)
        outward = matmul(mH(t), b - matmul(a, x)) + matmul(mixed, matmul(mH(rest), b))
        return matmul(rows, outward) + matmul(inward, x)
    rows, mixed, rest, inward = _turned(mH(t), mH(p), mH(a))
    weights = matmul(rows, b)
    turn = matmul(mH(t), weights)
    turn = turn - matmul(p, matmul(a, turn)) + matmul(rest, matmul(mH(mixed), weights))
    return turn + matmul(p, matmul(mH(inward), b))


def _lstsq_shape(a: Aval, b: Aval, *, rcond: float) -> Aval:
    (stack, n, m, dtype), (b_stack, rows, columns, b_dtype) = matrix(a), matrix(b)
    if b_stack != stack or rows != n:
        raise np.linalg.LinAlgError(f"a right-hand side of shape {b.shape} does not fit matrices of shape {a.shape}")
    return Aval((*stack, m, columns), np.result_type(dtype, b_dtype))


def _closest(a: Any, b: Any, *, rcond: float) -> np.ndarray:
    found = _lstsq_shape(aval_of(a), aval_of(b), rcond=rcond)
    return for_each(lambda a, b: np.linalg.lstsq(a, b, rcond)[:1], (a, b), (2, 2), found)[0]


def _lstsq_batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    a, b = values
    if not batched[0]:
        return solve_as_columns(lstsq, a, b, params)
    return lstsq(a, with_batch(b, batched[1], size), **params)


lstsq: General = General(
    "lstsq",
    _closest,
    shape=_lstsq_shape,
    jvps=(_lstsq_in_a, lambda t, x, a, b, *, rcond: matmul(pinv(a, np.asarray(rcond)), t)),
    batch=_lstsq_batch,
)
"""The shortest `x`, `(*stack, m, k)`, for which `a x` is closest to `b`; its derivatives cost a pseudo-inverse.

It is no product of the pseudo-inverse: the residuals of LAPACK's solution are exact to rounding, those of a product to
the condition number, and the derivative multiplies them by its square.
"""
