"""Polynomials as vectors of coefficients, the highest first."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.core.warned import warn
from funcgrad.numpy import linalg
from funcgrad.numpy.contractions import convolve
from funcgrad.numpy.creation import vander
from funcgrad.numpy.dispatch import Array, numpy_function
from funcgrad.numpy.editing import trim_zeros
from funcgrad.numpy.indexing import known
from funcgrad.numpy.joining import concatenate
from funcgrad.numpy.reductions import sum
from funcgrad.numpy.shaping import atleast_1d
from funcgrad.ops import broadcasting, structure
from funcgrad.ops import elementwise as ew
from funcgrad.ops import roots as primitive
from funcgrad.ops.operands import as_array, as_inexact
from funcgrad.ops.products import matrix_product

__all__ = ["poly", "polyadd", "polyder", "polydiv", "polyfit", "polyint", "polymul", "polysub", "polyval", "roots"]


@numpy_function(np)
def polyval(p: Array, x: Array) -> Array:
    """The polynomial at the points `x`, by Horner's rule.

    Example:
        >>> import numpy as np
        >>> polyval(np.array([1.0, 0.0, -1.0]), 3.0)
        np.float64(8.0)
    """
    p, x = as_array(p), as_array(x)
    y: Any = np.zeros(x.shape, x.dtype)
    for i in range(p.shape[0]):
        y = y * x + p[i]
    return y


@numpy_function(np)
def polyadd(a1: Array, a2: Array) -> Array:
    """The sum of two polynomials."""
    return ew.add(*_aligned(a1, a2))


@numpy_function(np)
def polysub(a1: Array, a2: Array) -> Array:
    """The difference of two polynomials."""
    return ew.sub(*_aligned(a1, a2))


def _aligned(*ps: Array) -> list[Array]:
    """Vectors of the same length, by zeros in front."""
    vectors = [atleast_1d(as_array(p)) for p in ps]
    size = max(p.shape[0] for p in vectors)
    return [structure.pad(p, widths=((size - p.shape[0], 0),)) for p in vectors]


@numpy_function(np)
def polymul(a1: Array, a2: Array) -> Array:
    """The product of two polynomials. Leading zeros of theirs are left out where the values are known."""
    return convolve(_trimmed(a1), _trimmed(a2))


def _trimmed(p: Array) -> Array:
    p = atleast_1d(as_array(p))
    if known(p) is None:
        return p
    return trim_zeros(p, "f") if np.any(known(p)) else p[:1]


@numpy_function(np)
def polydiv(u: Array, v: Array) -> tuple[Array, Array]:
    """Quotient and remainder. Leading zeros of the remainder are left out where the values are known."""
    u, v = (as_inexact(atleast_1d(as_array(p))) for p in (u, v))
    dtype = np.result_type(u.dtype, v.dtype)
    m, n = u.shape[0] - 1, v.shape[0] - 1
    r, quotient = ew.convert(u, dtype=dtype), []
    scale = 1.0 / v[0]
    for k in range(m - n + 1):
        d = scale * r[k]
        quotient.append(d)
        r = r - structure.pad(d * v, widths=((k, m - n - k),))
    q = concatenate([d.reshape(1) for d in quotient]) if quotient else np.zeros(1, dtype)
    value, first = known(r), 0
    while value is not None and first < m and np.allclose(value[first], 0, rtol=1e-14):
        first += 1
    return q, r[first:]


@numpy_function(np)
def polyder(p: Array, m: int = 1) -> Array:
    """The derivative of order `m`."""
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    p = as_array(p)
    for _ in range(int(m)):
        p = p[:-1] * np.arange(p.shape[0] - 1, 0, -1)
    return p


@numpy_function(np)
def polyint(p: Array, m: int = 1, k: Array | None = None) -> Array:
    """The integral of order `m`, with integration constants `k` (0)."""
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    constants = atleast_1d(as_array(np.zeros(m) if k is None else k))
    if constants.shape[0] == 1 and m > 1:
        constants = broadcasting.broadcast_to(constants, shape=(m,))
    if constants.shape[0] < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    p = as_array(p)
    for i in range(int(m)):
        p = concatenate([p / np.arange(p.shape[0], 0, -1), constants[i : i + 1]])
    return p


@numpy_function(np)
def poly(seq_of_zeros: Array) -> Array:
    """The coefficients of the polynomial with these roots, or a matrix's characteristic polynomial.

    Of complex roots the coefficients are complex, unless they are known to be pairs of conjugate ones.
    """
    zeros = atleast_1d(as_array(seq_of_zeros))
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] != 0:
        return _characteristic(as_inexact(zeros))
    if zeros.ndim != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    if zeros.shape[0] == 0:
        return 1.0
    zeros = as_inexact(zeros)
    p = np.ones(1, zeros.dtype)
    for i in range(zeros.shape[0]):
        p = structure.pad(p, widths=((0, 1),)) - structure.pad(p * zeros[i], widths=((1, 0),))
    value = known(zeros)
    if zeros.dtype.kind == "c" and value is not None and np.all(np.sort(value) == np.sort(value.conj())):
        return ew.real(p)
    return p


def _characteristic(a: Array) -> Array:
    """By traces of powers (Faddeev and LeVerrier), which needs no eigenvalues."""
    n = a.shape[0]
    power, p = np.eye(n, dtype=a.dtype), [np.ones((), a.dtype)]
    for k in range(1, n + 1):
        power = matrix_product(a, power) if k > 1 else a
        p.append(-linalg.trace(power) / k)
        power = power + p[-1] * np.eye(n, dtype=a.dtype)
    return concatenate([c.reshape(1) for c in p])


@numpy_function(np, extra=("strip_zeros",))
def roots(p: Array, *, strip_zeros: bool = True) -> Array:
    """The roots of a polynomial, complex. Its leading and trailing zeros must be known, or, as in JAX, with
    `strip_zeros=False`, be none. A multiple root has an infinite derivative.

    Where the values are known and all roots are real, they are real.
    """
    p = as_inexact(atleast_1d(as_array(p)))
    if p.ndim != 1:
        raise ValueError("Input must be a rank-1 array.")
    at_zero = 0
    if strip_zeros:
        kept = trim_zeros(p, "f")
        p = trim_zeros(kept, "b")
        at_zero = kept.shape[0] - p.shape[0]
    y = primitive.roots(p)
    value = known(y)
    if value is not None and p.dtype.kind == "f" and not np.any(value.imag):
        y = ew.real(y)
    return structure.pad(y, widths=((0, at_zero),))


@numpy_function(np)
def polyfit(
    x: Array,
    y: Array,
    deg: int,
    rcond: float | None = None,
    full: bool = False,
    w: Array | None = None,
    cov: Any = False,
) -> Any:
    """The polynomial of a degree that is closest to the points `(x, y)` in the sum of squares, weighted by `w**2`.

    With `cov` also the covariance matrix of the coefficients, with `full` the residuals, the rank, singular values and
    `rcond`. Where the matrix of powers has not the full rank, a warning says so and the result is the shortest of
    the closest; under `jit` and `vmap`, where the rank is not known, there is no warning.
    """
    x, y = as_inexact(x), as_inexact(y)
    order = int(deg) + 1
    _check_points(x, y, deg)
    rcond = x.shape[0] * np.finfo(x.dtype).eps if rcond is None else rcond
    left, right = vander(x, order), y
    if w is not None:
        w = as_inexact(w)
        if w.ndim != 1:
            raise TypeError("expected a 1-d array for weights")
        if w.shape[0] != y.shape[0]:
            raise TypeError("expected w and y to have the same length")
        left = left * w[:, None]
        right = right * (w[:, None] if y.ndim == 2 else w)
    scale = ew.sqrt(sum(left * left, 0))
    left = left / scale
    c, residuals, rank, spread = linalg.lstsq(left, right, rcond)
    c = c / (scale[:, None] if y.ndim == 2 else scale)
    if full:
        return c, residuals, rank, spread, rcond
    if not isinstance(rank, Tracer) and rank != order:
        warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning)
    if not cov:
        return c
    base = linalg.inv(matrix_product(left.T, left)) / (scale[:, None] * scale)
    if cov != "unscaled":
        if x.shape[0] <= order:
            raise ValueError("the number of data points must exceed order to scale the covariance matrix")
        factor = residuals / (x.shape[0] - order)
        base = base[:, :, None] * factor if y.ndim == 2 else base * factor
    elif y.ndim == 2:
        base = base[:, :, None]
    return c, base


def _check_points(x: Array, y: Array, deg: int) -> None:
    if deg < 0:
        raise ValueError("expected deg >= 0")
    if x.ndim != 1:
        raise TypeError("expected 1D vector for x")
    if x.size == 0:
        raise TypeError("expected non-empty vector for x")
    if y.ndim < 1 or y.ndim > 2:
        raise TypeError("expected 1D or 2D array for y")
    if x.shape[0] != y.shape[0]:
        raise TypeError("expected x and y to have same length")
