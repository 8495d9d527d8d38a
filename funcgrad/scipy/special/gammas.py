"""The gamma function, its logarithm and quotients, and the derivatives of its logarithm."""

from __future__ import annotations

import math

from funcgrad.core.avals import FLOAT
from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops import gammas
from funcgrad.ops import special as ops
from funcgrad.ops.operands import as_array, as_inexact
from funcgrad.scipy.special.shared import scipy_function, universal

__all__ = [
    "beta",
    "betaln",
    "binom",
    "digamma",
    "factorial",
    "gamma",
    "gammaln",
    "gammasgn",
    "loggamma",
    "multigammaln",
    "poch",
    "polygamma",
    "psi",
    "rgamma",
]


@universal
def gamma(x: Array) -> Array:
    """The gamma function of real numbers.

    Example:
        >>> fg.grad(gamma)(3.0).round(6)
        np.float64(1.845569)
    """
    return gammas.gamma(x)


@universal
def rgamma(x: Array) -> Array:
    """`1 / gamma(x)`, 0 at the poles of the gamma function and differentiable there."""
    return gammas.rgamma(x)


@universal
def gammaln(x: Array) -> Array:
    """The logarithm of the gamma function's absolute value."""
    return ops.lgamma(x)


@universal
def loggamma(x: Array) -> Array:
    """The logarithm of the gamma function of positive numbers, NaN for negative ones."""
    return gammas.loggamma(x)


@universal
def gammasgn(x: Array) -> Array:
    """The sign of the gamma function; it has no derivative."""
    return gammas.gammasgn(x)


@universal
def poch(z: Array, m: Array) -> Array:
    """Pochhammer's symbol, `gamma(z + m) / gamma(z)`."""
    return gammas.poch(z, m)


@scipy_function
def factorial(n: Array, exact: bool = False, extend: str = "zero") -> Array:
    """`gamma(n + 1)`, and 0 for negative `n`. Of traced values only as floats, and extended by zero.

    Example:
        >>> fg.grad(factorial)(2.0).round(6)
        np.float64(1.845569)
    """
    if exact or extend != "zero":
        raise ValueError("the factorial of a traced value is one of floats: exact=False, extend='zero'")
    n = as_array(n)
    if n.dtype.kind == "c":
        raise ValueError("factorial of complex numbers needs extend='complex', which is not differentiable here")
    n = as_inexact(n)
    outside = n < 0
    found = ew.where(outside, 0.0, gammas.gamma(ew.where(outside, 0.0, n) + 1.0))
    return found.astype(FLOAT) if n.ndim else found  # as SciPy has it for float32


@universal
def psi(x: Array) -> Array:
    """The derivative of `gammaln`."""
    return ops.digamma(x)


digamma = psi


@scipy_function
def polygamma(n: Array, x: Array) -> Array:
    """The derivative of order `n` of `digamma`; it has no derivative in `n`."""
    return ops.polygamma(as_array(n), as_array(x))


@scipy_function
def multigammaln(a: Array, d: int) -> Array:
    """The logarithm of the gamma function of `d` dimensions, for `a` above (d - 1) / 2.

    Example:
        >>> fg.grad(multigammaln)(3.0, 2).round(6)
        np.float64(1.625941)
    """
    a = as_inexact(a)
    if d != int(d) or d < 1:
        raise ValueError("d should be a positive integer (dimension)")
    terms = [ops.lgamma(a - 0.5 * j) for j in range(int(d))]
    return sum(terms[1:], start=terms[0]) + d * (d - 1) / 4 * math.log(math.pi)


@universal
def betaln(a: Array, b: Array) -> Array:
    """The logarithm of the beta function's absolute value."""
    return gammas.betaln(a, b)


@universal
def beta(a: Array, b: Array) -> Array:
    """The beta function, `gamma(a) gamma(b) / gamma(a + b)`.

    Example:
        >>> fg.grad(beta)(2.0, 3.0).round(6)
        np.float64(-0.090278)
    """
    return gammas.beta(a, b)


@universal
def binom(n: Array, k: Array) -> Array:
    """The binomial coefficient, of real numbers too.

    Example:
        >>> fg.grad(binom)(4.0, 2.0).round(6)
        np.float64(3.5)
    """
    return gammas.binom(n, k)
