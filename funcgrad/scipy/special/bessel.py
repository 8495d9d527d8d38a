"""Bessel functions, those of the first kind modified too."""

from __future__ import annotations

from funcgrad.numpy.dispatch import Array
from funcgrad.ops import bessel
from funcgrad.ops import special as ops
from funcgrad.scipy.special.shared import universal

__all__ = ["i0", "i0e", "i1", "i1e"]


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
