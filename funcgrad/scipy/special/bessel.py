"""Bessel functions and modified ones, of the first and second kind, without a derivative in their order; Airy's."""

from __future__ import annotations

from funcgrad.numpy.dispatch import Array
from funcgrad.ops import bessel
from funcgrad.ops import special as ops
from funcgrad.scipy.special.shared import universal

__all__ = [
    "airy",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "iv",
    "ive",
    "j0",
    "j1",
    "jn",
    "jv",
    "jve",
    "k0",
    "k0e",
    "k1",
    "k1e",
    "kv",
    "kve",
    "y0",
    "y1",
    "yn",
    "yv",
    "yve",
]


@universal
def airy(z: Array) -> tuple[Array, Array, Array, Array]:
    """The Airy functions Ai, its derivative, Bi, its derivative; complex `z` too.

    Example:
        >>> fg.grad(lambda z: airy(z)[0])(0.0)
        np.float64(-0.2588194037928068)
    """
    return bessel.airy_ai(z), bessel.airy_aip(z), bessel.airy_bi(z), bessel.airy_bip(z)


@universal
def i0(x: Array) -> Array:
    """The modified Bessel function of order 0."""
    return ops.i0(x)


@universal
def i0e(x: Array) -> Array:
    """`exp(-abs(x)) * i0(x)`."""
    return bessel.bessel_i0e(x)


@universal
def i1(x: Array) -> Array:
    """The modified Bessel function of order 1."""
    return ops.bessel_i(1, x)


@universal
def i1e(x: Array) -> Array:
    """`exp(-abs(x)) * i1(x)`."""
    return bessel.bessel_i1e(x)


@universal
def iv(v: Array, z: Array) -> Array:
    """The modified Bessel function of order `v`; complex `z` too."""
    return bessel.iv(v, z)


@universal
def ive(v: Array, z: Array) -> Array:
    """`exp(-abs(z)) * iv(v, z)`, for real `z`."""
    return bessel.ive(v, z)


@universal
def j0(x: Array) -> Array:
    """The Bessel function of the first kind of order 0."""
    return bessel.j0(x)


@universal
def j1(x: Array) -> Array:
    """The Bessel function of the first kind of order 1."""
    return bessel.j1(x)


@universal
def jv(v: Array, z: Array) -> Array:
    """The Bessel function of the first kind of order `v`; complex `z` too.

    Example:
        >>> fg.grad(jv, 1)(1, 0.0)
        np.float64(0.5)
    """
    return bessel.jv(v, z)


jn = jv


@universal
def y0(x: Array) -> Array:
    """The Bessel function of the second kind of order 0."""
    return bessel.y0(x)


@universal
def y1(x: Array) -> Array:
    """The Bessel function of the second kind of order 1."""
    return bessel.y1(x)


@universal
def yn(n: Array, x: Array) -> Array:
    """The Bessel function of the second kind of whole order `n`."""
    return bessel.yn(n, x)


@universal
def jve(v: Array, z: Array) -> Array:
    """`jv(v, z)`; SciPy scales it where `z` is complex, which is not differentiable here."""
    return bessel.jve(v, z)


@universal
def yv(v: Array, z: Array) -> Array:
    """The Bessel function of the second kind of order `v`; complex `z` too."""
    return bessel.yv(v, z)


@universal
def yve(v: Array, z: Array) -> Array:
    """`yv(v, z)`; SciPy scales it where `z` is complex, which is not differentiable here."""
    return bessel.yve(v, z)


@universal
def kv(v: Array, z: Array) -> Array:
    """The modified Bessel function of the second kind of order `v`; complex `z` too.

    Example:
        >>> fg.grad(kv, 1)(0, 1.0).round(6)
        np.float64(-0.601907)
    """
    return bessel.kv(v, z)


@universal
def kve(v: Array, z: Array) -> Array:
    """`exp(z) * kv(v, z)`; complex `z` too."""
    return bessel.kve(v, z)


@universal
def k0(x: Array) -> Array:
    """The modified Bessel function of the second kind of order 0."""
    return bessel.k0(x)


@universal
def k0e(x: Array) -> Array:
    """`exp(x) * k0(x)`."""
    return bessel.k0e(x)


@universal
def k1(x: Array) -> Array:
    """The modified Bessel function of the second kind of order 1."""
    return bessel.k1(x)


@universal
def k1e(x: Array) -> Array:
    """`exp(x) * k1(x)`."""
    return bessel.k1e(x)
