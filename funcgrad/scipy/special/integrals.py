"""Exponential integrals, zeta functions, and what else is an integral, a sum or a root of elementary functions."""

from __future__ import annotations

import scipy.special

from funcgrad.numpy.dispatch import Array
from funcgrad.ops import integrals, zetas
from funcgrad.ops.operands import as_array
from funcgrad.scipy.special.shared import in_dtypes_of, scipy_function, universal

__all__ = ["ellipe", "ellipk", "exp1", "expi", "expn", "hyp1f1", "hyp2f1", "lambertw", "owens_t", "spence", "zeta"]


@universal
def exp1(z: Array) -> Array:
    """The exponential integral E1; complex `z` too."""
    return integrals.exp1(z)


@universal
def expi(x: Array) -> Array:
    """The exponential integral Ei; complex `x` too."""
    return integrals.expi(x)


@universal
def expn(n: Array, x: Array) -> Array:
    """The exponential integral of whole order `n`, in which it has no derivative.

    Example:
        >>> fg.grad(expn, 1)(2, 1.0).round(6)
        np.float64(-0.219384)
    """
    return integrals.expn(n, x)


@universal
def spence(z: Array) -> Array:
    """The integral of `log(t) / (1 - t)` from 1 to `z`, the dilogarithm of `1 - z`; real `z`.

    Example:
        >>> fg.grad(spence)(1.0)
        np.float64(-1.0)
    """
    return integrals.spence(z)


@scipy_function
def zeta(x: Array, q: Array | None = None, out: None = None) -> Array:
    """Riemann's zeta function of real `x`, with `q` Hurwitz': the sum of `(q + k)**-x`. Differentiable in both.

    Example:
        >>> fg.grad(zeta)(2.0).round(6)
        np.float64(-0.937548)
    """
    if out is not None:
        raise TypeError("`zeta` of a traced value does not take `out`: write y = zeta(x, q)")
    if q is None:
        return zetas.riemann(*in_dtypes_of(scipy.special.gammasgn, (x,)))
    return zetas.hurwitz(*in_dtypes_of(scipy.special.poch, (x, q)))


@scipy_function
def lambertw(z: Array, k: Array = 0, tol: float = 1e-8) -> Array:
    """Lambert's W on branch `k`: the complex w of `w exp(w) = z`. The result is complex, for real `z` too.

    Example:
        >>> fg.grad(lambda z: lambertw(z).real)(0.0)
        np.float64(1.0)
    """
    return integrals.lambertw(as_array(z).astype(complex), as_array(k), tol=tol)


@universal
def owens_t(h: Array, a: Array) -> Array:
    """Owen's T function, the probability of X > h and 0 < Y < a X for two normal variables."""
    return integrals.owens_t(h, a)


@universal
def hyp1f1(a: Array, b: Array, x: Array) -> Array:
    """The confluent hypergeometric function 1F1 of real `x`, in which alone it has a derivative here."""
    return integrals.hyp1f1(a, b, x)


@universal
def hyp2f1(a: Array, b: Array, c: Array, z: Array) -> Array:
    """Gauss' hypergeometric function 2F1 of real `z`, in which alone it has a derivative here."""
    return integrals.hyp2f1(a, b, c, z)


@universal
def ellipk(m: Array) -> Array:
    """The complete elliptic integral of the first kind, of the parameter `m`, the square of the modulus.

    Example:
        >>> fg.grad(ellipk)(0.0).round(6)
        np.float64(0.392699)
    """
    return integrals.ellipk(m)


@universal
def ellipe(m: Array) -> Array:
    """The complete elliptic integral of the second kind, of the parameter `m`."""
    return integrals.ellipe(m)
