"""Elementary functions of which SciPy has versions of its own."""

from __future__ import annotations

from funcgrad.numpy import sinc as sinc
from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops import integrals
from funcgrad.scipy.special.shared import universal

__all__ = ["boxcox", "cbrt", "exp2", "exp10", "expm1", "exprel", "inv_boxcox", "log1p", "sinc"]


@universal
def cbrt(x: Array) -> Array:
    """The cube root."""
    return ew.cbrt(x)


@universal
def exp2(x: Array) -> Array:
    """`2**x`."""
    return ew.exp2(x)


@universal
def exp10(x: Array) -> Array:
    """`10**x`."""
    return ew.pow(10.0, x)


@universal
def expm1(x: Array) -> Array:
    """`exp(x) - 1`, precise where it is small."""
    return ew.expm1(x)


@universal
def log1p(x: Array) -> Array:
    """`log(1 + x)`, precise where x is small."""
    return ew.log1p(x)


@universal
def exprel(x: Array) -> Array:
    """`(exp(x) - 1) / x`, 1 at 0, and differentiable there.

    Example:
        >>> fg.grad(exprel)(0.0)
        np.float64(0.5)
    """
    return integrals.exprel(x)


@universal
def boxcox(x: Array, lmbda: Array) -> Array:
    """Box and Cox's transformation, `(x**lmbda - 1) / lmbda`, `log(x)` for lmbda = 0. Differentiable in both, at 0 too.

    Example:
        >>> fg.grad(boxcox, 1)(np.e, 0.0)
        np.float64(0.5)
    """
    return integrals.boxcox(x, lmbda)


@universal
def inv_boxcox(y: Array, lmbda: Array) -> Array:
    """The inverse of `boxcox`."""
    return integrals.inv_boxcox(y, lmbda)
