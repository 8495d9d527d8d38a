"""Error functions, the normal distribution and the logistic one."""

from __future__ import annotations

from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops import entropy, integrals
from funcgrad.ops import special as ops
from funcgrad.scipy.special.shared import universal

__all__ = [
    "dawsn",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfi",
    "erfinv",
    "expit",
    "log_expit",
    "log_ndtr",
    "logit",
    "ndtr",
    "ndtri",
]


@universal
def erf(x: Array) -> Array:
    """The error function."""
    return ops.erf(x)


@universal
def erfc(x: Array) -> Array:
    """`1 - erf(x)`, precise where erf(x) is nearly 1."""
    return ops.erfc(x)


@universal
def erfinv(y: Array) -> Array:
    """The inverse of `erf`."""
    return ops.erf_inv(y)


@universal
def expit(x: Array) -> Array:
    """`1 / (1 + exp(-x))`.

    Example:
        >>> fg.grad(expit)(0.0)
        np.float64(0.25)
    """
    return ops.logistic(x)


@universal
def logit(x: Array) -> Array:
    """The inverse of `expit`, `log(x / (1 - x))`."""
    return ew.log(x) - ew.log1p(-x)


@universal
def log_expit(x: Array) -> Array:
    """The logarithm of `expit`, which does not underflow."""
    return -ops.softplus(-x)


@universal
def ndtr(x: Array) -> Array:
    """The distribution function of the normal distribution.

    Example:
        >>> fg.grad(ndtr)(0.0).round(6)
        np.float64(0.398942)
    """
    return 0.5 * ops.erfc(-x / ops.ROOT_2)


@universal
def log_ndtr(x: Array) -> Array:
    """The logarithm of `ndtr`, precise in both tails."""
    return entropy.log_ndtr(x)


@universal
def ndtri(y: Array) -> Array:
    """The inverse of `ndtr`."""
    return entropy.ndtri(y)


@universal
def erfcx(x: Array) -> Array:
    """`exp(x**2) * erfc(x)`, for real `x`."""
    return integrals.erfcx(x)


@universal
def dawsn(x: Array) -> Array:
    """Dawson's integral, `sqrt(pi) / 2 * exp(-x**2) * erfi(x)`, for real `x`."""
    return integrals.dawsn(x)


@universal
def erfi(z: Array) -> Array:
    """The imaginary error function, `-1j * erf(1j * z)`, for real `z`.

    Example:
        >>> fg.grad(erfi)(0.0).round(6)
        np.float64(1.128379)
    """
    return integrals.erfi(z)


@universal
def erfcinv(y: Array) -> Array:
    """The inverse of `erfc`."""
    return integrals.erfcinv(y)
