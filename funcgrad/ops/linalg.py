"""Linear algebra on stacks of matrices: `(*stack, n, m)`. Any number of leading axes; `vmap` adds one more.

`cholesky` and `eigh` read one triangle, as NumPy does, and differentiate as functions of the symmetric part
of their argument, as JAX does. Transposes do not conjugate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from funcgrad.core.avals import Aval, aval_of
from funcgrad.core.constants import guarded, keep
from funcgrad.core.tape import not_linear
from funcgrad.core.trace import Primitive, register
from funcgrad.errors import NotDifferentiableError
from funcgrad.ops.contract import matmul, mH, mT
from funcgrad.ops.elementwise import conj, convert, eq, imag, real
from funcgrad.ops.families import General, cast
from funcgrad.ops.reduce import reduce_sum
from funcgrad.ops.structure import broadcast_to, reshape, transpose

FLOAT = np.dtype(np.float64)


# shapes and dtypes


def _float(dtype: np.dtype) -> np.dtype:
    """The dtype in which LAPACK computes: single and double precision stay, integers become float64."""
    if dtype.kind in "biu":
        return FLOAT
    if dtype.char not in "fdFD":
        raise TypeError(f"array type {dtype.name} is unsupported in linalg")
    return dtype


def _real(dtype: np.dtype) -> np.dtype:
    """The dtype of absolute values."""
    return np.empty((0,), _float(dtype)).real.dtype


def _matrix(a: Any) -> tuple[tuple[int, ...], int, int, np.dtype]:
    """The stack, rows, columns and computed dtype of a stack of matrices."""
    if a.ndim < 2:
        raise LinAlgError(f"{a.ndim}-dimensional array given. Array must be at least two-dimensional")
    return a.shape[:-2], a.shape[-2], a.shape[-1], _float(a.dtype)


def _square(a: Any) -> tuple[tuple[int, ...], int, np.dtype]:
    stack, rows, columns, dtype = _matrix(a)
    if rows != columns:
        raise LinAlgError("Last 2 dimensions of the array must be square")
    return stack, rows, dtype


def _same_shape(a: Aval, **params: Any) -> Aval:
    return Aval(a.shape, _square(a)[2])


def _stacked(prim: Callable[[], Primitive]) -> Callable[..., Any]:
    """A batch is one more axis of the stack."""

    def batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return prim()(values[0], **params)

    return batch


# pieces of the derivatives; all are linear in t


def _symmetric(t: Any) -> Any:
    return (t + mH(t)) * 0.5


def _column(s: Any) -> Any:
    """`(*stack, n)` as `(*stack, n, 1)`, which multiplies rows."""
    return reshape(s, shape=(*s.shape, 1))


def _row(s: Any) -> Any:
    """`(*stack, n)` as `(*stack, 1, n)`, which multiplies columns."""
    return reshape(s, shape=(*s.shape[:-1], 1, s.shape[-1]))


def _eye(a: Any) -> np.ndarray:
    return np.eye(a.shape[-1], dtype=_real(a.dtype))


def _triangle(a: Any, lower: bool) -> np.ndarray:
    """Ones in one triangle and on the diagonal, zeros elsewhere."""
    ones = np.tri(a.shape[-1], dtype=_real(a.dtype))
    return ones if lower else ones.T


def _inner(x: Any, y: Any) -> Any:
    """The diagonal of `mH(x) @ y`."""
    return reduce_sum((conj(x) if x.dtype.kind == "c" else x) * y, axes=(x.ndim - 2,))


def _total(x: Any) -> Any:
    """The sum over each matrix."""
    return reduce_sum(x, axes=(x.ndim - 2, x.ndim - 1))


def _reciprocal_off_diagonal(gaps: Any) -> Any:
    """1 / gaps with zeros on the diagonal; equal values elsewhere give infinity, as JAX has it."""
    eye = _eye(gaps)
    return 1 / (gaps + eye) - eye


# linear systems


class Solver(Primitive):
    """`x` with `a x = b`: linear in `b`, and `dx = a^-1 (db - da x)`. One solve gives both cotangents.

    `a` is `(*stack, n, n)` and `b` `(*stack, n, k)`, with the same stack. `part` is the part of a matrix that
    counts; a parameter, if there is one, is a flag that turns when the matrix is transposed.

    NumPy gives no access to a factorisation, so that each solve makes its own: a gradient costs two.
    """

    def __init__(self, name: str, impl: Callable[..., Any], part: Callable[..., Any]) -> None:
        super().__init__(name)
        self.impl = impl
        self.part = part
        register(self)

    def shape(self, *avals: Aval, **params: Any) -> Aval:
        a, b = avals
        stack, n, dtype = _square(a)
        b_stack, rows, _, b_dtype = _matrix(b)
        if b_stack != stack or rows != n:
            raise ValueError(f"a right-hand side of shape {b.shape} does not fit matrices of shape {a.shape}")
        return Aval(b.shape, np.result_type(dtype, b_dtype))

    def record(
        self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]
    ) -> tuple[Any, Any]:
        a, b = values
        x = self(a, b, **params)
        moving = tracked[0] is not None
        saved = a if moving else keep(a), x if moving else None, aval_of(b).dtype
        return x, saved if moving else guarded(saved, saved[:1])

    def record_linear(
        self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]
    ) -> tuple[Any, Any]:
        if tracked[0] is not None:
            raise not_linear(self)
        a, b = values
        return self.shape(aval_of(a), b, **params), (keep(a), None, b.dtype)

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        a, x, _ = saved
        ta, tb = tangents
        if ta is None:
            return self(a, tb, **params)
        moved = matmul(self.part(ta, **params), x)
        return self(a, -moved if tb is None else tb - moved, **params)

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        a, x, b_dtype = saved
        cb = self(mT(a), ct, **{flag: not set_ for flag, set_ in params.items()})
        ca = None if tracked[0] is None else cast(self.part(-matmul(cb, mT(x)), **params), a.dtype)
        return [ca, None if tracked[1] is None else cast(cb, b_dtype)]

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        a, b = values
        if not batched[0]:
            return _solve_as_columns(self, a, b, params)
        return self(a, b if batched[1] else broadcast_to(b, shape=(size, *b.shape)), **params)


def _solve_as_columns(prim: Solver, a: Any, b: Any, params: dict[str, Any]) -> Any:
    """Right-hand sides with more leading axes than the matrices: each matrix is factorised once for all."""
    rank, extra = b.ndim, b.ndim - a.ndim
    order = (*range(extra, rank - 1), *range(extra), rank - 1)
    turned = transpose(b, axes=order)
    columns = _size(turned.shape[a.ndim - 1 :])
    x = prim(a, reshape(turned, shape=(*turned.shape[: a.ndim - 1], columns)), **params)
    return transpose(reshape(x, shape=turned.shape), axes=tuple(np.argsort(order).tolist()))


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for n in shape:
        size *= n
    return size


def _broadcast_solve(prim: Solver, a: Any, b: Any, **params: Any) -> Any:
    """NumPy's rule: a right-hand side of one axis is a vector, any other a stack of matrices."""
    if b.ndim == 1:
        x = _broadcast_solve(prim, a, _column(b), **params)
        return reshape(x, shape=x.shape[:-1])
    a_stack, b_stack = _square(a)[0], _matrix(b)[0]
    if a_stack != b_stack:
        if b_stack[len(b_stack) - len(a_stack) :] == a_stack:
            return _solve_as_columns(prim, a, b, params)
        stack = np.broadcast_shapes(a_stack, b_stack)
        a = broadcast_to(a, shape=stack + a.shape[-2:])
        b = broadcast_to(b, shape=stack + b.shape[-2:])
    return prim(a, b, **params)


_solve = Solver("solve", np.linalg.solve, part=lambda t: t)

SUBSTITUTED_AT_ONCE = 64


def _substitute(a: Any, b: Any, lower: bool) -> np.ndarray:
    """Solve triangular systems with what NumPy has, as exactly as by substitution.

    The LU factorisation of an upper triangular matrix does nothing but cost 2/3 n^3; a lower one is an upper
    one seen from its other corner. Halving leaves that cost to blocks, the rest to matrix products: at
    n = 1000, one right-hand side takes 0.7 ms instead of 18 ms (by LAPACK it would be 0.25 ms).
    """
    n = a.shape[-1]
    if n > SUBSTITUTED_AT_ONCE:
        near, far = slice(0, n // 2), slice(n // 2, n)
        first, then = (near, far) if lower else (far, near)
        x = np.empty(b.shape, np.result_type(_float(a.dtype), _float(b.dtype)))
        x[..., first, :] = _substitute(a[..., first, first], b[..., first, :], lower)
        rest = b[..., then, :] - a[..., then, first] @ x[..., first, :]
        x[..., then, :] = _substitute(a[..., then, then], rest, lower)
        return x
    if lower:
        return np.ascontiguousarray(_substitute(a[..., ::-1, ::-1], b[..., ::-1, :], False)[..., ::-1, :])
    return np.linalg.solve(np.triu(a), b)


_triangular_solve = Solver("triangular_solve", _substitute, part=lambda t, lower: t * _triangle(t, lower))


def solve(a: Any, b: Any) -> Any:
    """Solve `a x = b`, as `np.linalg.solve`.

    Args:
        a: matrices `(*stack, n, n)`.
        b: a vector `(n,)`, or matrices `(*stack, n, k)`. Stacks broadcast.

    Raises:
        numpy.linalg.LinAlgError: a matrix is singular.

    Example:
        >>> import numpy as np
        >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0]))
        array([1. , 0.5])
    """
    return _broadcast_solve(_solve, a, b)


def triangular_solve(a: Any, b: Any, *, lower: bool, trans: bool = False) -> Any:
    """Solve `a x = b` for triangular `a`, or `a^T x = b` with `trans`. The other triangle is not looked at.

    Args:
        a: matrices `(*stack, n, n)`.
        b: a vector `(n,)`, or matrices `(*stack, n, k)`. Stacks broadcast.
        lower: which triangle of `a` is the matrix.

    Raises:
        numpy.linalg.LinAlgError: there is a zero on a diagonal.

    Example:
        >>> import numpy as np
        >>> triangular_solve(np.array([[2.0, 9.0], [2.0, 1.0]]), np.array([2.0, 3.0]), lower=True)
        array([1., 1.])
    """
    return _broadcast_solve(_triangular_solve, mT(a) if trans else a, b, lower=lower != trans)


inv: General = General(
    "inv",
    np.linalg.inv,
    shape=_same_shape,
    jvps=(lambda t, y, a: -matmul(matmul(y, t), y),),
    batch=_stacked(lambda: inv),
)


# determinants


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
            total += _parity(sigma) * np.einsum(f"{inputs}->{terms[-1]}", products, *xs)
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
    a = a.astype(_float(a.dtype), copy=False)
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
        return Aval(a.shape, np.result_type(_square(a)[2], *(x.dtype for x in xs)))

    def record(
        self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]
    ) -> tuple[Any, Any]:
        return self(*values), [v if t is not None else keep(v) for v, t in zip(values, tracked)]

    def record_linear(
        self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]
    ) -> tuple[Any, Any]:
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

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return self(*(v if b else broadcast_to(v, shape=(size, *v.shape)) for v, b in zip(values, batched)))


cofactor = Cofactor()


det: General = General(
    "det",
    np.linalg.det,
    shape=lambda a: Aval(_square(a)[0], _square(a)[2]),
    jvps=(lambda t, y, a: _total(cofactor(a) * t),),
    batch=_stacked(lambda: det),
)


def _d_slogdet(t: Any, y: Any, a: Any) -> tuple[Any, Any]:
    trace = _total(mT(inv(a)) * t)
    if a.dtype.kind != "c":
        return None, trace
    return y[0] * (imag(trace) * 1j), real(trace)


slogdet: General = General(
    "slogdet",
    lambda a: tuple(np.linalg.slogdet(a)),
    shape=lambda a: (Aval(_square(a)[0], _square(a)[2]), Aval(_square(a)[0], _real(a.dtype))),
    jvps=(_d_slogdet,),
    batch=_stacked(lambda: slogdet),
    multiple=True,
)


# factorisations


def _d_cholesky(t: Any, l: Any, a: Any) -> Any:
    inner = triangular_solve(l, _symmetric(t), lower=True)
    inner = mH(triangular_solve(l, mH(inner), lower=True))
    return matmul(l, inner * (_triangle(l, True) - 0.5 * _eye(l)))


cholesky: General = General(
    "cholesky",
    np.linalg.cholesky,
    shape=_same_shape,
    jvps=(_d_cholesky,),
    batch=_stacked(lambda: cholesky),
)


def _d_eigh(t: Any, y: Any, a: Any, UPLO: str) -> tuple[Any, Any]:
    w, v = y
    moved = matmul(_symmetric(t), v)
    rotation = _reciprocal_off_diagonal(_row(w) - _column(w)) * matmul(mH(v), moved)
    dw = _inner(v, moved)
    return real(dw) if dw.dtype.kind == "c" else dw, matmul(v, rotation)


def _eigh_shape(a: Aval, UPLO: str) -> tuple[Aval, Aval]:
    stack, n, dtype = _square(a)
    return Aval((*stack, n), _real(dtype)), Aval((*stack, n, n), dtype)


_eigh: General = General(
    "eigh",
    lambda a, UPLO: tuple(np.linalg.eigh(a, UPLO)),
    shape=_eigh_shape,
    jvps=(_d_eigh,),
    batch=_stacked(lambda: _eigh),
    multiple=True,
)


def eigh(a: Any, UPLO: str = "L") -> tuple[Any, Any]:
    """Eigenvalues (ascending) and eigenvectors of symmetric or Hermitian matrices, as `np.linalg.eigh`.

    Where eigenvalues are equal, the derivative of the vectors is not finite; that of the values is.

    Args:
        a: matrices `(*stack, n, n)`.
        UPLO: the triangle that is read, "L" or "U" (the derivative is symmetric all the same).

    Returns:
        `(w, v)`: `(*stack, n)`, real, and `(*stack, n, n)`.

    Example:
        >>> import numpy as np
        >>> eigh(np.diag([3.0, 1.0]))[0]
        array([1., 3.])
    """
    return _eigh(a, UPLO=UPLO.upper())


def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """The eigenvalues of symmetric or Hermitian matrices; differentiable even where they are equal."""
    return eigh(a, UPLO)[0]


def _d_qr(t: Any, y: Any, a: Any, mode: str) -> tuple[Any, Any]:
    q, r = y
    rows, columns = a.shape[-2:]
    if rows < columns:
        raise NotDifferentiableError(
            f"`qr` of a {rows} x {columns} matrix has no derivative: it needs as many rows as columns. "
            f"Use `q, r = qr(a[..., :{rows}])`; the further columns of r are `q.mT.conj() @ a[..., {rows}:]`."
        )
    if mode == "complete" and rows != columns:
        raise NotDifferentiableError(
            f"`qr` of a {rows} x {columns} matrix with mode='complete' has no derivative: the columns of q "
            f"beyond {columns} are not determined by the matrix. Use mode='reduced'."
        )
    moved = mT(triangular_solve(r, mT(t), lower=False, trans=True))
    inner = matmul(mH(q), moved)
    below = inner * (_triangle(inner, True) - _eye(inner))
    turn = below - mH(below)
    if inner.dtype.kind == "c":
        turn = turn + imag(inner) * (1j * _eye(inner))
    return moved - matmul(q, inner - turn), matmul(inner - turn, r)


def _qr_shape(a: Aval, mode: str) -> tuple[Aval, Aval]:
    stack, rows, columns, dtype = _matrix(a)
    inner = rows if mode == "complete" else min(rows, columns)
    return Aval((*stack, rows, inner), dtype), Aval((*stack, inner, columns), dtype)


_qr: General = General(
    "qr",
    lambda a, mode: tuple(np.linalg.qr(a, mode)),
    shape=_qr_shape,
    jvps=(_d_qr,),
    batch=_stacked(lambda: _qr),
    multiple=True,
)


def qr(a: Any, mode: str = "reduced") -> tuple[Any, Any]:
    """`a = q r` with orthonormal columns in `q` and upper triangular `r`, as `np.linalg.qr`.

    Args:
        a: matrices `(*stack, n, m)`. To be differentiated they need n >= m and full rank.
        mode: "reduced", or "complete" (differentiable for square matrices only).

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


def _reciprocal_or_zero(x: Any) -> Any:
    zero = convert(eq(x, 0), dtype=x.dtype)
    return 1 / (x + zero) - zero


def _d_svd(t: Any, y: Any, a: Any, full_matrices: bool) -> tuple[Any, Any, Any]:
    u, s, vh = y
    rows, columns = a.shape[-2:]
    if full_matrices and rows != columns:
        raise NotDifferentiableError(
            f"`svd` of a {rows} x {columns} matrix with full_matrices=True has no derivative: the vectors "
            f"beyond {min(rows, columns)} are not determined by the matrix. Use full_matrices=False."
        )
    v = mH(vh)
    tv = matmul(t, v)
    along = _inner(u, tv)
    inner = matmul(mH(u), tv)
    over_gaps = _reciprocal_off_diagonal((_row(s) - _column(s)) * (_row(s) + _column(s)))
    scaled_columns, scaled_rows = inner * _row(s), inner * _column(s)
    du = matmul(u, over_gaps * (scaled_columns + mH(scaled_columns)))
    dv = matmul(v, over_gaps * (scaled_rows + mH(scaled_rows)))
    if along.dtype.kind == "c":
        du = du + u * _row(imag(along) * (1j * _reciprocal_or_zero(s)))
        along = real(along)
    if rows > columns:
        du = du + (tv - matmul(u, inner)) / _row(s)
    if columns > rows:
        tu = matmul(mH(t), u)
        dv = dv + (tu - matmul(v, mH(inner))) / _row(s)
    return du, along, mH(dv)


def _svd_shape(a: Aval, full_matrices: bool) -> tuple[Aval, Aval, Aval]:
    stack, rows, columns, dtype = _matrix(a)
    k = min(rows, columns)
    return (
        Aval((*stack, rows, rows if full_matrices else k), dtype),
        Aval((*stack, k), _real(dtype)),
        Aval((*stack, columns if full_matrices else k, columns), dtype),
    )


_svd: General = General(
    "svd",
    lambda a, full_matrices: tuple(np.linalg.svd(a, full_matrices)),
    shape=_svd_shape,
    jvps=(_d_svd,),
    batch=_stacked(lambda: _svd),
    multiple=True,
)


def svd(a: Any, full_matrices: bool = True) -> tuple[Any, Any, Any]:
    """Singular values and vectors, `a = u diag(s) vh`, as `np.linalg.svd`.

    Where singular values are equal, the derivative of the vectors is not finite; that of the values is.

    Args:
        a: matrices `(*stack, n, m)`.
        full_matrices: square `u` and `vh`; then only square matrices can be differentiated.

    Returns:
        `(u, s, vh)`: `(*stack, n, k)`, `(*stack, k)`, real and descending, and `(*stack, k, m)`, where k is
        min(n, m); with `full_matrices` `u` is `(*stack, n, n)` and `vh` `(*stack, m, m)`.

    Raises:
        NotDifferentiableError: differentiated with `full_matrices` where n != m.

    Example:
        >>> import numpy as np
        >>> svd(np.diag([2.0, 3.0]))[1]
        array([3., 2.])
    """
    return _svd(a, full_matrices=bool(full_matrices))


def svdvals(a: Any) -> Any:
    """The singular values, descending; their derivative is finite even where they are equal."""
    return svd(a, full_matrices=False)[1]
