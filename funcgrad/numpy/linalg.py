"""NumPy's `linalg`: stacks of matrices along the last two axes, vectors along the last."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from funcgrad.numpy import contractions, shaping
from funcgrad.numpy.dispatch import Array, Axes, as_array, as_inexact, axes_of, axis_of, numpy_function
from funcgrad.numpy.indexing import concrete
from funcgrad.numpy.reductions import max, min, sum
from funcgrad.ops import elementwise as ew
from funcgrad.ops import linalg as primitive

__all__ = [
    "LinAlgError",
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]


@cache
def _result_type(function: Any) -> Any:
    """The named tuple that a function of NumPy returns."""
    return type(function(np.eye(1)))


# products


@numpy_function(np.linalg)
def matrix_power(a: Array, n: int) -> Array:
    """The n-th power of square matrices, by squaring; of their inverses where n is negative."""
    a = _stack_of_matrices(a)
    if a.shape[-1] != a.shape[-2]:
        raise LinAlgError("Last 2 dimensions of the array must be square")
    if n == 0:
        return np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape).copy()
    if n < 0:
        a, n = inv(a), -n
    power = None
    while n:
        if n & 1:
            power = a if power is None else contractions.matrix_product(power, a)
        n >>= 1
        if n:
            a = contractions.matrix_product(a, a)
    return power


@numpy_function(np.linalg)
def multi_dot(arrays: Sequence[Array], *, out: None = None) -> Array:
    """The product of several matrices in the cheapest order; the first and the last may be vectors."""
    arrays = [as_array(a) for a in arrays]
    if len(arrays) < 2:
        raise ValueError("Expecting at least two arrays.")
    if len(arrays) == 2:
        return contractions.matrix_product(*arrays)
    sizes = [a.shape for a in (arrays[0][None] if arrays[0].ndim == 1 else arrays[0], *arrays[1:-1])]
    rows = [shape[0] for shape in sizes] + [
        arrays[-1].shape[0],
        1 if arrays[-1].ndim == 1 else arrays[-1].shape[1],
    ]
    cut = _cheapest_cuts(rows)

    def product(i: int, j: int) -> Array:
        if i == j:
            return arrays[i]
        return contractions.matrix_product(product(i, cut[i, j]), product(cut[i, j] + 1, j))

    return product(0, len(arrays) - 1)


def _cheapest_cuts(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to cut each chain of matrices (i is `sizes[i]` by `sizes[i + 1]`) so that products cost least."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    cut = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            costs = {
                k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)
            }
            cut[i, j] = k = sorted(costs, key=costs.__getitem__)[0]
            cost[i, j] = costs[k]
    return cut


@numpy_function(np.linalg)
def matmul(x1: Array, x2: Array, /) -> Array:
    """The matrix product, as `funcgrad.numpy.matmul`."""
    return contractions.matrix_product(x1, x2)


@numpy_function(np.linalg)
def vecdot(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """The sum of products along one axis, the first array conjugated."""
    return contractions.vecdot(x1, x2, axis=axis)


@numpy_function(np.linalg)
def outer(x1: Array, x2: Array, /) -> Array:
    """All products of the elements of two vectors."""
    return contractions.outer(x1, x2)


@numpy_function(np.linalg)
def tensordot(x1: Array, x2: Array, /, *, axes: Any = 2) -> Array:
    """The sum over pairs of axes, as `funcgrad.numpy.tensordot`."""
    return contractions.tensordot(x1, x2, axes)


@numpy_function(np.linalg)
def cross(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """The cross product of vectors of three components."""
    return contractions.cross(x1, x2, axis=axis)


@numpy_function(np.linalg)
def matrix_transpose(x: Array, /) -> Array:
    """The last two axes swapped."""
    return shaping.matrix_transpose(x)


@numpy_function(np.linalg)
def diagonal(x: Array, /, *, offset: int = 0) -> Array:
    """The diagonals of a stack of matrices."""
    return shaping.diagonal(x, offset, -2, -1)


@numpy_function(np.linalg)
def trace(x: Array, /, *, offset: int = 0, dtype: Any = None) -> Array:
    """The sums of the diagonals of a stack of matrices."""
    return shaping.trace(x, offset, -2, -1, dtype)


# equations and determinants


@numpy_function(np.linalg)
def solve(a: Array, b: Array) -> Array:
    """`x` with `a x = b`; `b` is a vector, or a stack of matrices."""
    return primitive.solve(as_array(a), as_array(b))


@numpy_function(np.linalg)
def inv(a: Array) -> Array:
    """The inverse of square matrices."""
    return primitive.inv(as_array(a))


@numpy_function(np.linalg)
def det(a: Array) -> Array:
    """The determinant, with its derivative at singular matrices."""
    return primitive.det(as_array(a))


@numpy_function(np.linalg)
def slogdet(a: Array) -> Any:
    """The sign of the determinant and the logarithm of its absolute value."""
    return _result_type(np.linalg.slogdet)(*primitive.slogdet(as_array(a)))


# factorisations


@numpy_function(np.linalg)
def cholesky(a: Array, /, *, upper: bool = False) -> Array:
    """The lower triangular `l` with `l l^H = a` (or, with `upper`, `u` with `u^H u = a`)."""
    a = as_array(a)
    if not upper:
        return primitive.cholesky(a)
    # NumPy reads the upper triangle here
    return _adjoint(primitive.cholesky(_adjoint(a)))


@numpy_function(np.linalg)
def eigh(a: Array, UPLO: str = "L") -> Any:
    """Eigenvalues (ascending) and eigenvectors of symmetric or Hermitian matrices; one triangle is read.

    Where eigenvalues are equal, the derivative of the eigenvectors is not finite.
    """
    return _result_type(np.linalg.eigh)(*primitive.eigh(as_array(a), UPLO))


@numpy_function(np.linalg)
def eigvalsh(a: Array, UPLO: str = "L") -> Array:
    """The eigenvalues of symmetric or Hermitian matrices, ascending."""
    return primitive.eigvalsh(as_array(a), UPLO)


@numpy_function(np.linalg)
def qr(a: Array, mode: str = "reduced") -> Any:
    """Orthonormal `q` and triangular `r`, `q r = a`. `mode`: "reduced", "complete", or "r" for `r` alone."""
    if mode == "r":
        return primitive.qr(as_array(a), "reduced")[1]
    return _result_type(np.linalg.qr)(*primitive.qr(as_array(a), mode))


@numpy_function(np.linalg)
def svd(a: Array, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """The singular value decomposition `u * s @ vh = a`, or the singular values alone.

    Where singular values are equal, the derivative of the vectors is not finite.
    """
    if hermitian:
        raise TypeError("`svd` of a traced value does not take hermitian=True: it gives the same without it")
    if not compute_uv:
        return svdvals(a)
    return _result_type(np.linalg.svd)(*primitive.svd(as_array(a), full_matrices))


@numpy_function(np.linalg)
def svdvals(x: Array, /) -> Array:
    """The singular values, descending."""
    return primitive.svdvals(as_array(x))


# norms


@numpy_function(np.linalg)
def norm(x: Array, ord: Any = None, axis: Axes = None, keepdims: bool = False) -> Array:
    """A norm of vectors (one axis) or matrices (two); of all elements where both `ord` and `axis` are None.

    Vectors: any number, inf, -inf, 0 (how many are not zero). Matrices: "fro", "nuc", 1, -1, 2, -2, inf,
    -inf.
    The gradient of the Euclidean norm at zero is NaN, as JAX's is.
    """
    x = as_array(x)
    if axis is None and ord is None:
        return _euclidean(x, tuple(range(x.ndim)), keepdims)
    axes = axis if isinstance(axis, (tuple, list)) else range(x.ndim) if axis is None else (axis,)
    order = tuple(axis_of(i, x.ndim) for i in axes)
    if len(order) == 1:
        return _vector_norm(x, 2 if ord is None else ord, order, keepdims)
    if len(order) == 2:
        return _matrix_norm(x, "fro" if ord is None else ord, order, keepdims)
    raise ValueError("Improper number of dimensions to norm.")


@numpy_function(np.linalg)
def vector_norm(x: Array, /, *, axis: Axes = None, keepdims: bool = False, ord: Any = 2) -> Array:
    """The norm of vectors along `axis`, or of all elements."""
    x = as_array(x)
    return _vector_norm(x, ord, axes_of(axis, x.ndim), keepdims)


@numpy_function(np.linalg)
def matrix_norm(x: Array, /, *, keepdims: bool = False, ord: Any = "fro") -> Array:
    """The norm of the matrices along the last two axes."""
    x = _stack_of_matrices(x)
    return _matrix_norm(x, ord, (x.ndim - 2, x.ndim - 1), keepdims)


def _euclidean(x: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    x = as_inexact(x)
    squares = ew.real(x) ** 2 + ew.imag(x) ** 2 if x.dtype.kind == "c" else x * x
    return ew.sqrt(sum(squares, axes, keepdims=keepdims))


def _vector_norm(x: Array, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Array:
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order {ord!r} for vectors")
    x = as_inexact(x)
    if ord == 2 or ord is None:
        return _euclidean(x, axes, keepdims)
    size = ew.abs(x)
    if ord == np.inf:
        return max(size, axes, keepdims=keepdims, initial=0)
    if ord == -np.inf:
        return min(size, axes, keepdims=keepdims)
    if ord == 0:
        return ew.convert(x != 0, dtype=size.dtype).sum(axis=axes, keepdims=keepdims)
    if ord == 1:
        return sum(size, axes, keepdims=keepdims)
    return sum(size**ord, axes, keepdims=keepdims) ** (1.0 / ord)


def _matrix_norm(x: Array, ord: Any, axes: tuple[int, int], keepdims: bool) -> Array:
    if axes[0] == axes[1]:
        raise ValueError("Duplicate axes given.")
    x = shaping.moveaxis(as_inexact(x), axes, (-2, -1))
    if ord in ("fro", "f"):
        y = _euclidean(x, (x.ndim - 2, x.ndim - 1), False)
    elif ord == "nuc":
        y = sum(svdvals(x), -1)
    elif ord in (1, -1, np.inf, -np.inf):
        sums = sum(ew.abs(x), -2 if ord in (1, -1) else -1)
        y = max(sums, -1, initial=0) if ord > 0 else min(sums, -1)
    elif ord in (2, -2):
        y = (max if ord == 2 else min)(svdvals(x), -1)  # where equal ones share the derivative
    else:
        raise ValueError("Invalid norm order for matrices.")
    return shaping.expand_dims(y, tuple(sorted(axes))) if keepdims else y


@numpy_function(np.linalg)
def cond(x: Array, p: Any = None) -> Array:
    """The condition number: the largest by the smallest singular value, or by the norm `p`."""
    x = _stack_of_matrices(x)
    if p in (None, 2, -2):
        s = svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return norm(x, p, (-2, -1)) * norm(inv(x), p, (-2, -1))


@numpy_function(np.linalg)
def matrix_rank(A: Array, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Array:
    """The rank of matrices, which has no derivative. Needs concrete values."""
    return np.linalg.matrix_rank(concrete(as_array(A), "matrix_rank"), tol, hermitian, rtol=rtol)


def _stack_of_matrices(x: Array) -> Array:
    x = as_array(x)
    if x.ndim < 2:
        raise LinAlgError(f"{x.ndim}-dimensional array given. Array must be at least two-dimensional")
    return x


def _adjoint(x: Array) -> Array:
    x = shaping.matrix_transpose(x)
    return ew.conj(x) if x.dtype.kind == "c" else x
