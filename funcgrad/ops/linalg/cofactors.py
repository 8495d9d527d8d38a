"""The derivatives of the determinant, of any order and at any rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from funcgrad.core.avals import Aval
from funcgrad.ops.linalg.directions import Directional
from funcgrad.ops.linalg.shared import computed_dtype, square_matrix


def _minor_products(s: np.ndarray, order: int) -> np.ndarray:
    """The products of all `s` but those at `order` indices, `(*stack, n, ..., n)`; 0 where two indices agree.

    Zeros are counted, not divided by. Exponents are kept apart, and products rescaled after 100 factors, so
    that nothing underflows on the way.
    """
    n = s.shape[-1]
    zero = s == 0
    mantissa, exponent = np.frexp(np.where(zero, 1, s))
    exponent = exponent.astype(np.int64)
    blocks, carried = np.frexp(np.multiply.reduceat(mantissa, np.arange(0, n, 100), axis=-1))
    total_exponent = exponent.sum(axis=-1) + carried.sum(axis=-1)
    shapes = [s.shape[:-1] + (1,) * i + (n,) + (1,) * (order - 1 - i) for i in range(order)]

    def left_out(values: np.ndarray, combine: Callable[..., Any]) -> Any:
        total = values.reshape(shapes[0])
        for shape in shapes[1:]:
            total = combine(total, values.reshape(shape))
        return total

    tail = (...,) + (None,) * order
    product = blocks.prod(axis=-1)[tail] / left_out(mantissa, np.multiply)
    product = np.ldexp(product, total_exponent[tail] - left_out(exponent, np.add))
    product = np.where(zero.sum(axis=-1)[tail] == left_out(zero.astype(np.int64), np.add), product, 0)
    index = np.indices((n,) * order)
    for i in range(order):
        for j in range(i):
            product = np.where(index[i] == index[j], 0, product)
    return product


def _parity(order: Sequence[int]) -> int:
    return -1 if sum(a > b for i, a in enumerate(order) for b in order[i + 1 :]) % 2 else 1


def _diagonal_cofactor(s: np.ndarray, xs: Sequence[np.ndarray]) -> np.ndarray:
    """`cofactor(diag(s), *xs)`, written out as a sum over permutations."""
    n, order = s.shape[-1], len(xs) + 1
    products = _minor_products(s, order)
    letters = "abcdefgh"[:order]
    total = np.zeros((*s.shape, n), np.result_type(s, *xs))
    for sigma in permutations(range(order)):
        terms = ["..." + letters[i] + letters[sigma[i]] for i in range(order)]
        inputs = ",".join(["..." + letters, *terms[:-1]])
        if sigma[-1] == order - 1:
            term = np.einsum(f"{inputs}->...{letters[-1]}", products, *xs)
            total[..., range(n), range(n)] += _parity(sigma) * term
        else:
            total = total + _parity(sigma) * np.einsum(f"{inputs}->{terms[-1]}", products, *xs)
    return total


def _cofactor_by_inverse(a: np.ndarray) -> np.ndarray | None:
    """`det(a) a^-T`, where that is safe; ten times faster than by singular values at n = 100."""
    try:
        inverse = np.linalg.inv(a)
    except LinAlgError:
        return None
    det = np.linalg.det(a)[..., None, None]
    norm, inverse_norm = (np.abs(m).sum(axis=-2).max(axis=-1, initial=0) for m in (a, inverse))
    info = np.finfo(a.dtype)
    safe = (norm * inverse_norm < info.eps**-0.5) & (np.abs(det[..., 0, 0]) > info.tiny)
    return det * inverse.mT if safe.all() else None


def _cofactor(a: np.ndarray, *xs: np.ndarray) -> np.ndarray:
    a = a.astype(computed_dtype(a.dtype), copy=False)
    finite = np.isfinite(a).all(axis=(-2, -1), keepdims=True)
    if not finite.all():  # one NaN makes LAPACK's svd fail for the whole stack
        return np.where(finite, _cofactor(np.where(finite, a, a.dtype.type(0)), *xs), a.dtype.type(np.nan))
    if not xs and (cofactors := _cofactor_by_inverse(a)) is not None:
        return cofactors
    u, s, vh = np.linalg.svd(a)
    sign = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    u, v = u.conj(), vh.conj().mT
    inner = _diagonal_cofactor(s, [u.mT @ x @ v for x in xs])
    return sign * (u @ inner @ v.mT)


cofactor = Directional(
    "cofactor",
    _cofactor,
    shape=lambda a, *xs: Aval(a.shape, np.result_type(square_matrix(a)[2], *(x.dtype for x in xs))),
    turned=lambda a: a,
)
"""`cofactor(a)` is the derivative of `det` at `a`; `cofactor(a, *xs)` its derivative along each of `xs`.

The usual `det(a) a^-T` is 0 * inf at a singular matrix, though the derivative is a polynomial there, too. Singular
values make `a` diagonal, and for a diagonal matrix the derivatives of any order are products of the remaining values:
right at any rank. Each of these maps is symmetric, and so its own transpose.

Costs one svd and `n^(1 + len(xs))` numbers.
"""
