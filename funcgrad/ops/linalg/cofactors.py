"""The derivatives of the determinant, of any order and at any rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from funcgrad.core.avals import Aval, aval_of
from funcgrad.core.constants import keep
from funcgrad.core.tape import not_linear
from funcgrad.core.trace import Primitive, register
from funcgrad.ops.families import cast
from funcgrad.ops.linalg.shared import computed_dtype, square_matrix
from funcgrad.ops.structure import spread


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


class Cofactor(Primitive):
    """`cofactor(a)` is the derivative of `det` at `a`; `cofactor(a, *xs)` its derivative along each of `xs`.

    The usual `det(a) a^-T` is 0 * inf at a singular matrix, though the derivative is a polynomial there, too.
    Singular values make `a` diagonal, and for a diagonal matrix the derivatives of any order are products of
    the remaining values: right at any rank. The derivative in `a` is `cofactor` with one more matrix, and by
    symmetry each of these maps is its own transpose.

    Costs one svd and `n^(1 + len(xs))` numbers.
    """

    impl = staticmethod(_cofactor)

    def __init__(self) -> None:
        super().__init__("cofactor")
        register(self)

    def shape(self, *avals: Aval, **params: Any) -> Aval:
        a, *xs = avals
        return Aval(a.shape, np.result_type(square_matrix(a)[2], *(x.dtype for x in xs)))

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        return self(*values), [v if t is not None else keep(v) for v, t in zip(values, tracked)]

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        if tracked[0] is not None or sum(t is not None for t in tracked) > 1:
            raise not_linear(self)
        saved = [v if t is not None else keep(v) for v, t in zip(values, tracked)]
        return self.shape(*map(aval_of, values)), saved

    def along(self, saved: Sequence[Any], i: int, t: Any) -> Any:
        """The derivative in argument i along `t`, or its transpose."""
        a, *xs = saved
        if i == 0:
            return self(a, *xs, t)
        return self(a, *xs[: i - 1], t, *xs[i:])

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        terms = [self.along(saved, i, t) for i, t in enumerate(tangents) if t is not None]
        return sum(terms[1:], start=terms[0])

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        return [
            None if t is None else cast(self.along(saved, i, ct), x.dtype)
            for i, (t, x) in enumerate(zip(tracked, saved))
        ]

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        return [wrap(v, p) for v, p in zip(saved, parents)]

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return self(*(spread(v, b, size) for v, b in zip(values, batched)))


cofactor = Cofactor()
