"""Bessel functions of the first and second kind, modified ones, and Airy functions.

The derivatives of Bessel functions, of DLMF 10.6.1 and 10.29.1, are made of the orders next to a function's. Scaled
are I times exp(-abs(x)) and K times exp(x), and J and Y times exp(-abs(imag(x))), which is 1 for real numbers.
"""

from __future__ import annotations

import math
from typing import Any

from funcgrad.core.avals import aval_of
from funcgrad.ops import elementwise as ew
from funcgrad.ops.elementwise import sign, sqrt, where
from funcgrad.ops.families.elementwise import Elementwise, elementwise
from funcgrad.ops.special import Borrowed, Scipys, float_dtype, refused

FAR = 50.0
TERMS = 20
"""From FAR on, and from the square of the order, terms of Hankel's expansions that are left out are below 1e-17."""


def _scaled(order: int, x: float) -> float:
    """The integral over an angle by the trapezoidal rule, exact to rounding; far out by Hankel's expansion."""
    z = math.fabs(x)
    odd = -1.0 if order == 1 and x < 0 else 1.0
    if not z < 1e4:
        first = (4 * order * order - 1) / (8 * z)
        return (
            odd * (1 - first + first * (4 * order * order - 9) / (16 * z)) / math.sqrt(2 * math.pi * z) if z == z else z
        )
    count = 40 + int(10 * math.sqrt(z))
    angles = (2 * math.pi * k / count for k in range(count))
    return odd * sum(math.exp(z * (math.cos(a) - 1)) * math.cos(order * a) for a in angles) / count


def _from_far(v: Any, x: Any, slope: Any, alternating: float, factor: Any) -> Any:
    """The `slope` of a scaled modified function of order v; far out that of Hankel's expansion (DLMF 10.40.1, 10.40.2).

    The difference of neighbours has lost the digits of x there, and derivatives of it those of powers of x.
    """
    size = ew.abs(x)
    far = (size > FAR) & (1.0 * v * v < size)
    v, size = (ew.convert(where(far, a, b), dtype=float_dtype(aval_of(x).dtype)) for a, b in ((v, 0.0), (size, 1.0)))
    square, total = 4.0 * v * v, TERMS + 0.5
    for k in range(TERMS, 0, -1):
        total = k - 0.5 + alternating * (square - (2 * k - 1) ** 2) / (8 * k) / size * total
    return where(far, -factor * total / (size * sqrt(size)), slope)


def _slope_of_i(y: Any, v: Any, x: Any, slope: Any) -> Any:
    return _from_far(v, x, slope, -1.0, sign(y) * sign(x) / math.sqrt(2 * math.pi))


def _slope_of_k(v: Any, x: Any, slope: Any) -> Any:
    return slope if aval_of(x).dtype.kind == "c" else _from_far(v, x, slope, 1.0, math.sqrt(math.pi / 2))


def _d_zero(y: Any, x: Any) -> Any:
    return _slope_of_i(y, 0.0, x, bessel_i1e(x) - sign(x) * y)


def _d_one(y: Any, x: Any) -> Any:
    """I1' = I0 - I1 / x, where I1(x) / x near 0 is its series, as derivatives of the quotient cancel."""
    near, zero = ew.abs(x) < 0.5, x == 0
    small = where(near, x, 0.0)
    square, series = 0.25 * small * small, 1.0
    for k in range(9, 0, -1):
        series = 1.0 + square / (k * (k + 1)) * series
    quotient = where(near, 0.5 * ew.exp(-ew.abs(where(zero, 0.0, small))) * series, y / where(near, 1.0, x))
    return _slope_of_i(y, 1.0, x, bessel_i0e(x) - sign(x) * y - quotient)


bessel_i0e: Elementwise = elementwise("bessel_i0e", Borrowed("i0e", lambda x: _scaled(0, x)), d=_d_zero)
bessel_i1e: Elementwise = elementwise("bessel_i1e", Borrowed("i1e", lambda x: _scaled(1, x)), d=_d_one)


_ORDER = refused("a Bessel function's order")


def _cylinder(name: str, takes: str = "biuf") -> Elementwise:
    """SciPy's function of a name, one of the first or second kind."""
    prim: Elementwise = elementwise(
        name, Scipys(name, takes), d=(_ORDER, lambda y, v, x: 0.5 * (prim(v - 1, x) - prim(v + 1, x)))
    )
    return prim


jv = _cylinder("jv", "biufc")
jve = _cylinder("jve")
yn = _cylinder("yn")
yv = _cylinder("yv", "biufc")
yve = _cylinder("yve")
iv: Elementwise = elementwise(
    "iv", Scipys("iv", "biufc"), d=(_ORDER, lambda y, v, x: 0.5 * (iv(v - 1, x) + iv(v + 1, x)))
)
ive: Elementwise = elementwise(
    "ive",
    Scipys("ive"),
    d=(_ORDER, lambda y, v, x: _slope_of_i(y, v, x, 0.5 * (ive(v - 1, x) + ive(v + 1, x)) - sign(x) * y)),
)
j0: Elementwise = elementwise("j0", Scipys("j0"), d=lambda y, x: -j1(x))
j1: Elementwise = elementwise("j1", Scipys("j1"), d=lambda y, x: 0.5 * (j0(x) - jv(2.0, x)))
y0: Elementwise = elementwise("y0", Scipys("y0"), d=lambda y, x: -y1(x))
y1: Elementwise = elementwise("y1", Scipys("y1"), d=lambda y, x: 0.5 * (y0(x) - yn(2.0, x)))
kv: Elementwise = elementwise(
    "kv", Scipys("kv", "biufc"), d=(_ORDER, lambda y, v, x: -0.5 * (kv(v - 1, x) + kv(v + 1, x)))
)
kve: Elementwise = elementwise(
    "kve",
    Scipys("kve", "biufc"),
    d=(_ORDER, lambda y, v, x: _slope_of_k(v, x, y - 0.5 * (kve(v - 1, x) + kve(v + 1, x)))),
)
k0: Elementwise = elementwise("k0", Scipys("k0"), d=lambda y, x: -k1(x))
k1: Elementwise = elementwise("k1", Scipys("k1"), d=lambda y, x: -0.5 * (k0(x) + kv(2.0, x)))
k0e: Elementwise = elementwise("k0e", Scipys("k0e"), d=lambda y, x: _slope_of_k(0.0, x, y - k1e(x)))
k1e: Elementwise = elementwise(
    "k1e", Scipys("k1e"), d=lambda y, x: _slope_of_k(1.0, x, y - 0.5 * (k0e(x) + kve(2.0, x)))
)

airy_ai: Elementwise = elementwise("airy_ai", Scipys("airy", "biufc", 0), d=lambda y, x: airy_aip(x))
airy_aip: Elementwise = elementwise("airy_aip", Scipys("airy", "biufc", 1), d=lambda y, x: x * airy_ai(x))
airy_bi: Elementwise = elementwise("airy_bi", Scipys("airy", "biufc", 2), d=lambda y, x: airy_bip(x))
airy_bip: Elementwise = elementwise("airy_bip", Scipys("airy", "biufc", 3), d=lambda y, x: x * airy_bi(x))
