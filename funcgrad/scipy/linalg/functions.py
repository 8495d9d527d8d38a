"""Functions of matrices, and Sylvester's and Lyapunov's equations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from funcgrad.numpy.dispatch import Array
from funcgrad.numpy.linalg.shared import adjoint, known
from funcgrad.ops import elementwise as ew
from funcgrad.ops import linalg as primitive
from funcgrad.ops.broadcasting import broadcast_to, reshape
from funcgrad.ops.contract import matmul
from funcgrad.scipy.linalg.primitives import equations
from funcgrad.scipy.linalg.primitives import functions as matrix_functions
from funcgrad.scipy.linalg.shared import common, one_stack, operand, scipy_function, squares
from funcgrad.scipy.supports import in_double

__all__ = [
    "coshm",
    "cosm",
    "expm",
    "expm_frechet",
    "logm",
    "sinhm",
    "sinm",
    "solve_continuous_lyapunov",
    "solve_discrete_lyapunov",
    "solve_lyapunov",
    "solve_sylvester",
    "sqrtm",
    "tanhm",
    "tanm",
]


def _argument(a: Any) -> Array:
    a = operand(a, check_finite=False)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise LinAlgError(f"expected square matrices, not an array of shape {a.shape}")
    return a


def _real_where_it_is(a: Array, y: Array) -> Array:
    """Of a real matrix real, where no value has an imaginary part; complex where values are not known."""
    values = known(y) if a.dtype.kind != "c" else None
    return y if values is None or values.imag.any() else ew.real(y)


@scipy_function
def expm(A: Array) -> Array:
    """The exponential of square matrices.

    Each derivative is a block of the exponential of a matrix twice as large (Najfeld and Havel, 1995): a gradient takes
    up to eight times as many operations as the value, a second derivative 64 times.

    Raises LinAlgError where they are not square.

    Example:
        >>> expm_frechet(np.zeros((2, 2)), np.eye(2))[1]
        array([[1., 0.],
               [0., 1.]])
        >>> fg.jvp(expm, (np.zeros((2, 2)),), (np.eye(2),))[1]
        array([[1., 0.],
               [0., 1.]])
    """
    return matrix_functions.expm(_argument(A))


@scipy_function
def expm_frechet(
    A: Array, E: Array, method: str | None = None, compute_expm: bool = True, check_finite: bool = True
) -> Any:
    """`expm(A)`, and its derivative along `E`; with `compute_expm=False` the derivative alone."""
    if method not in (None, "SPS", "blockEnlarge"):
        raise ValueError(f"Unknown implementation {method}")
    A, E = one_stack(*common(*(in_double(squares(x, check_finite)) for x in (A, E))), ranks=(2, 2))
    if A.shape != E.shape:
        raise ValueError("expected A and E to be the same shape")
    along = matrix_functions.expm(A, E)
    return (matrix_functions.expm(A), along) if compute_expm else along


@scipy_function
def logm(A: Array) -> Array:
    """The principal logarithm of square matrices; without eigenvalues that are real and not positive.

    Real where the matrix is real and the result has no imaginary part; under `jit` and `vmap`, where dtypes do not
    depend on values, complex. Derivatives as those of `expm`.

    Raises ValueError where they are not square.
    """
    a = squares(A, check_finite=False)
    return _real_where_it_is(a, matrix_functions.logm(a))


@scipy_function
def sqrtm(A: Array) -> Array:
    """The principal square root of square matrices; dtypes as of `logm`.

    The derivative solves a Sylvester equation, and is NaN where the matrix is singular.

    Raises LinAlgError where they are not square.
    """
    a = _argument(A)
    return _real_where_it_is(a, matrix_functions.sqrtm(a))


def _exp_i(a: Array) -> Array:
    return matrix_functions.expm(1j * a)


@scipy_function
def cosm(A: Array) -> Array:
    """The cosine of square matrices, by exponentials."""
    a = squares(A, check_finite=False)
    return 0.5 * (_exp_i(a) + _exp_i(-a)) if a.dtype.kind == "c" else ew.real(_exp_i(a))


@scipy_function
def sinm(A: Array) -> Array:
    """The sine of square matrices, by exponentials."""
    a = squares(A, check_finite=False)
    return -0.5j * (_exp_i(a) - _exp_i(-a)) if a.dtype.kind == "c" else ew.imag(_exp_i(a))


@scipy_function
def tanm(A: Array) -> Array:
    """The tangent of square matrices, `solve(cosm(A), sinm(A))`."""
    return primitive.solve(cosm(A), sinm(A))


@scipy_function
def coshm(A: Array) -> Array:
    """The hyperbolic cosine of square matrices, by exponentials."""
    a = squares(A, check_finite=False)
    return 0.5 * (matrix_functions.expm(a) + matrix_functions.expm(-a))


@scipy_function
def sinhm(A: Array) -> Array:
    """The hyperbolic sine of square matrices, by exponentials."""
    a = squares(A, check_finite=False)
    return 0.5 * (matrix_functions.expm(a) - matrix_functions.expm(-a))


@scipy_function
def tanhm(A: Array) -> Array:
    """The hyperbolic tangent of square matrices, `solve(coshm(A), sinhm(A))`."""
    return primitive.solve(coshm(A), sinhm(A))


@scipy_function
def solve_sylvester(a: Array, b: Array, q: Array) -> Array:
    """`x` with `a x + x b = q`; NaN where `a` and `-b` have a common eigenvalue, where SciPy's is of any size.

    Raises ValueError for shapes that do not fit.

    Example:
        >>> fg.vjp(solve_sylvester, np.eye(2), np.eye(1), np.array([[2.0], [4.0]]))[0]
        array([[1.],
               [2.]])
    """
    a, b, q = common(squares(a, False), squares(b, False), operand(q, False))
    if q.shape[-2:] != (a.shape[-1], b.shape[-1]):
        raise ValueError(f"shapes {a.shape}, {b.shape} and {q.shape} do not fit in a x + x b = q")
    return equations.sylvester(*one_stack(a, b, q, ranks=(2, 2, 2)))


@scipy_function
def solve_continuous_lyapunov(a: Array, q: Array) -> Array:
    """`x` with `a x + x a^H = q`, as by `solve_sylvester`.

    Raises ValueError for shapes that do not fit.
    """
    a, q = common(squares(a, False), squares(q, False))
    if a.shape[-2:] != q.shape[-2:]:
        raise ValueError("Matrix a and q should have the same shape.")
    return equations.sylvester(*one_stack(a, adjoint(a), q, ranks=(2, 2, 2)))


solve_lyapunov = solve_continuous_lyapunov


@scipy_function
def solve_discrete_lyapunov(a: Array, q: Array, method: str | None = None) -> Array:
    """`x` with `a x a^H - x + q = 0`, by a system of n^2 equations ("direct"), or by a continuous one ("bilinear").

    The first is taken below 10 rows by default. Raises ValueError for shapes that do not fit.
    """
    a, q = one_stack(*common(*(in_double(squares(x, False)) for x in (a, q))), ranks=(2, 2))
    if a.shape != q.shape:
        raise ValueError(f"shapes {a.shape} and {q.shape} do not fit in a x a^H - x + q = 0")
    n = a.shape[-1]
    method = ("bilinear" if n >= 10 else "direct") if method is None else method.lower()
    eye = np.eye(n, dtype=a.dtype)
    if method == "bilinear":
        right = primitive.inv(adjoint(a) + eye)
        left = adjoint(right)
        b = adjoint(matmul(adjoint(a) - eye, right))
        q = 2 * matmul(matmul(left, q), right)
        return equations.sylvester(b, adjoint(b), -q)
    if method != "direct":
        raise ValueError(f"Unknown solver {method}")
    stack = a.shape[:-2]
    wide = broadcast_to(reshape(a, shape=(*stack, n, 1, n, 1)), shape=(*stack, n, n, n, n))
    turned = ew.conj(a) if a.dtype.kind == "c" else a
    product = reshape(wide * reshape(turned, shape=(*stack, 1, n, 1, n)), shape=(*stack, n * n, n * n))
    flat = reshape(q, shape=(*stack, n * n, 1))
    return reshape(primitive.solve(np.eye(n * n, dtype=a.dtype) - product, flat), shape=q.shape)
