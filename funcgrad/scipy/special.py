"""SciPy's `special`: error functions, the gamma function's kin, Bessel functions, the normal distribution, entropies.

Each function takes SciPy's arguments, but for `out` and `where`. On plain arrays SciPy runs.
"""

from __future__ import annotations

import math
from typing import Any

import scipy.special

from funcgrad.nn import log_softmax as _log_softmax
from funcgrad.nn import logsumexp as _logsumexp
from funcgrad.nn import softmax as _softmax
from funcgrad.numpy.dispatch import Array, Axes, as_array, as_inexact, axes_of
from funcgrad.ops import bessel, entropy, incomplete
from funcgrad.ops import elementwise as ew
from funcgrad.ops import special as ops
from funcgrad.scipy.dispatch import beside

__all__ = [
    "beta",
    "betaln",
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfinv",
    "expit",
    "gammainc",
    "gammaincc",
    "gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "kl_div",
    "log_expit",
    "log_ndtr",
    "log_softmax",
    "logit",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "ndtri",
    "polygamma",
    "psi",
    "rel_entr",
    "softmax",
    "xlog1py",
    "xlogy",
]

_ROOT_2 = math.sqrt(2)
_scipy_function = beside(scipy.special)


@_scipy_function
def erf(x: Array) -> Array:
    """The error function."""
    return ops.erf(as_array(x))


@_scipy_function
def erfc(x: Array) -> Array:
    """`1 - erf(x)`, precise where erf(x) is nearly 1."""
    return ops.erfc(as_array(x))


@_scipy_function
def erfinv(y: Array) -> Array:
    """The inverse of `erf`."""
    return ops.erf_inv(as_array(y))


@_scipy_function
def expit(x: Array) -> Array:
    """`1 / (1 + exp(-x))`.

    Example:
        >>> fg.grad(expit)(0.0)
        np.float64(0.25)
    """
    return ops.logistic(as_array(x))


@_scipy_function
def logit(x: Array) -> Array:
    """The inverse of `expit`, `log(x / (1 - x))`."""
    x = as_inexact(x)
    return ew.log(x) - ew.log1p(-x)


@_scipy_function
def log_expit(x: Array) -> Array:
    """The logarithm of `expit`, which does not underflow."""
    return -ops.softplus(-as_inexact(x))


@_scipy_function
def gammaln(x: Array) -> Array:
    """The logarithm of the gamma function's absolute value."""
    return ops.lgamma(as_array(x))


@_scipy_function
def digamma(x: Array) -> Array:
    """The derivative of `gammaln`."""
    return ops.digamma(as_array(x))


psi = digamma


@_scipy_function
def polygamma(n: Array, x: Array) -> Array:
    """The derivative of order `n` of `digamma`; it has no derivative in `n`."""
    return ops.polygamma(as_array(n), as_array(x))


@_scipy_function
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


@_scipy_function
def betaln(a: Array, b: Array) -> Array:
    """The logarithm of the beta function's absolute value."""
    a, b = as_inexact(a), as_inexact(b)
    return ops.lgamma(a) + ops.lgamma(b) - ops.lgamma(a + b)


@_scipy_function
def beta(a: Array, b: Array) -> Array:
    """The beta function of positive arguments, `gamma(a) gamma(b) / gamma(a + b)`.

    Example:
        >>> fg.grad(beta)(2.0, 3.0).round(6)
        np.float64(-0.090278)
    """
    return ew.exp(betaln(a, b))


@_scipy_function
def gammainc(a: Array, x: Array) -> Array:
    """The regularised lower incomplete gamma function, differentiable in both arguments."""
    return incomplete.igamma(as_array(a), as_array(x))


@_scipy_function
def gammaincc(a: Array, x: Array) -> Array:
    """The regularised upper incomplete gamma function, differentiable in both arguments."""
    return incomplete.igammac(as_array(a), as_array(x))


@_scipy_function
def i0(x: Array) -> Array:
    """The modified Bessel function of order 0."""
    return ops.i0(as_inexact(x))


@_scipy_function
def i0e(x: Array) -> Array:
    """`exp(-abs(x)) * i0(x)`."""
    return bessel.bessel_i0e(as_array(x))


@_scipy_function
def i1(x: Array) -> Array:
    """The modified Bessel function of order 1."""
    return ops.bessel_i(1, as_inexact(x))


@_scipy_function
def i1e(x: Array) -> Array:
    """`exp(-abs(x)) * i1(x)`."""
    return bessel.bessel_i1e(as_array(x))


@_scipy_function
def ndtr(x: Array) -> Array:
    """The distribution function of the normal distribution.

    Example:
        >>> fg.grad(ndtr)(0.0).round(6)
        np.float64(0.398942)
    """
    return 0.5 * ops.erfc(-as_inexact(x) / _ROOT_2)


@_scipy_function
def log_ndtr(x: Array) -> Array:
    """The logarithm of `ndtr`, precise in both tails."""
    return entropy.log_ndtr(as_array(x))


@_scipy_function
def ndtri(y: Array) -> Array:
    """The inverse of `ndtr`."""
    return entropy.ndtri(as_array(y))


@_scipy_function
def xlogy(x: Array, y: Array) -> Array:
    """`x * log(y)`, and 0 where x is 0 and y no NaN."""
    return entropy.xlogy(as_array(x), as_array(y))


@_scipy_function
def xlog1py(x: Array, y: Array) -> Array:
    """`x * log1p(y)`, and 0 where x is 0 and y no NaN."""
    return entropy.xlog1py(as_array(x), as_array(y))


@_scipy_function
def entr(x: Array) -> Array:
    """`-x * log(x)`, 0 for x = 0, and -inf below."""
    return entropy.entr(as_inexact(x))


@_scipy_function
def rel_entr(x: Array, y: Array) -> Array:
    """`x * log(x / y)`; 0 where x is 0 and y not negative, else inf outside of positive numbers."""
    return entropy.rel_entr(as_inexact(x), as_inexact(y))


@_scipy_function
def kl_div(x: Array, y: Array) -> Array:
    """`rel_entr(x, y) - x + y`, which is never negative."""
    x, y = as_inexact(x), as_inexact(y)
    found = entropy.rel_entr(x, y)
    return ew.where(found == math.inf, found, found - x + y)


@_scipy_function
def logsumexp(
    a: Array, axis: Axes = None, b: Array | None = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    """The logarithm of the sum of exponentials, each times `b`; with `return_sign` also the sum's sign."""
    return _logsumexp(a, axis, b, keepdims, return_sign)


@_scipy_function
def softmax(x: Array, axis: Axes = None) -> Array:
    """Exponentials divided by their sum along `axis` (all elements by default)."""
    x = as_array(x)
    return _softmax(x, axes_of(axis, x.ndim))


@_scipy_function
def log_softmax(x: Array, axis: Axes = None) -> Array:
    """The logarithm of `softmax`."""
    x = as_array(x)
    return _log_softmax(x, axes_of(axis, x.ndim))
