"""The incomplete gamma and beta functions, the distributions that they are, and their inverses.

All are differentiable in their parameters too.
"""

from __future__ import annotations

from funcgrad.numpy.dispatch import Array
from funcgrad.ops import incomplete, incomplete_beta, student
from funcgrad.scipy.special.shared import universal

__all__ = [
    "betainc",
    "betaincc",
    "betainccinv",
    "betaincinv",
    "chdtr",
    "chdtrc",
    "fdtr",
    "fdtrc",
    "gammainc",
    "gammaincc",
    "gammainccinv",
    "gammaincinv",
    "stdtr",
    "stdtrit",
]


@universal
def gammainc(a: Array, x: Array) -> Array:
    """The regularised lower incomplete gamma function."""
    return incomplete.igamma(a, x)


@universal
def gammaincc(a: Array, x: Array) -> Array:
    """The regularised upper incomplete gamma function."""
    return incomplete.igammac(a, x)


@universal
def gammaincinv(a: Array, y: Array) -> Array:
    """The x at which `gammainc(a, x)` is y.

    Example:
        >>> fg.grad(gammaincinv, (0, 1))(1.0, 0.5)[1].round(6)
        np.float64(2.0)
    """
    return incomplete.gammaincinv(a, y)


@universal
def gammainccinv(a: Array, y: Array) -> Array:
    """The x at which `gammaincc(a, x)` is y."""
    return incomplete.gammainccinv(a, y)


@universal
def betainc(a: Array, b: Array, x: Array) -> Array:
    """The regularised incomplete beta function, the probability of a beta variable below x.

    Example:
        >>> fg.grad(betainc, (0, 1, 2))(2.0, 1.0, 0.5)[2].round(6)
        np.float64(1.0)
    """
    return incomplete_beta.beta_tail(a, b, x, 1 - x)


@universal
def betaincc(a: Array, b: Array, x: Array) -> Array:
    """`1 - betainc(a, b, x)`, precise where it is small."""
    return incomplete_beta.beta_tail(b, a, 1 - x, x)


@universal
def betaincinv(a: Array, b: Array, y: Array) -> Array:
    """The x at which `betainc(a, b, x)` is y."""
    return incomplete_beta.betaincinv(a, b, y)


@universal
def betainccinv(a: Array, b: Array, y: Array) -> Array:
    """The x at which `betaincc(a, b, x)` is y."""
    return incomplete_beta.betainccinv(a, b, y)


@universal
def stdtr(df: Array, t: Array) -> Array:
    """The probability below t in Student's distribution of `df` degrees of freedom.

    Example:
        >>> fg.grad(stdtr, 1)(1.0, 0.0).round(6)
        np.float64(0.31831)
    """
    return student.stdtr(df, t)


@universal
def stdtrit(df: Array, p: Array) -> Array:
    """The t for which `stdtr(df, t)` is p."""
    return student.stdtrit(df, p)


@universal
def chdtr(v: Array, x: Array) -> Array:
    """The probability below x in the chi-square distribution of `v` degrees of freedom."""
    return incomplete.igamma(v / 2, x / 2)


@universal
def chdtrc(v: Array, x: Array) -> Array:
    """`1 - chdtr(v, x)`, precise where it is small."""
    return incomplete.igammac(v / 2, x / 2)


@universal
def fdtr(dfn: Array, dfd: Array, x: Array) -> Array:
    """The probability below x in the F distribution of `dfn` and `dfd` degrees of freedom."""
    return incomplete_beta.beta_tail(dfn / 2, dfd / 2, dfn * x, dfd)


@universal
def fdtrc(dfn: Array, dfd: Array, x: Array) -> Array:
    """`1 - fdtr(dfn, dfd, x)`, precise where it is small."""
    return incomplete_beta.beta_tail(dfd / 2, dfn / 2, dfd, dfn * x)
