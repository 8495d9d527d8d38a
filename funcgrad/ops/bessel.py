"""Bessel functions of the first and second kind, and modified ones.

The derivatives, of DLMF 10.6.1 and 10.29.1, are made of the orders next to a function's. Scaled are I times
exp(-abs(x)) and K times exp(x), and J and Y times exp(-abs(imag(x))), which is 1 for real numbers.
"""

from __future__ import annotations

import math
from typing import Any

from funcgrad.ops.elementwise import sign, where
from funcgrad.ops.families import Elementwise, elementwise
from funcgrad.ops.special import Borrowed, Scipys, refused


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


def _d_zero(y: Any, x: Any) -> Any:
    return bessel_i1e(x) - sign(x) * y


def _d_one(y: Any, x: Any) -> Any:
    """I1' = I0 - I1 / x, and I1(x) / x is 1/2 at 0."""
    zero = x == 0
    return bessel_i0e(x) - sign(x) * y - where(zero, 0.5, y / where(zero, 1.0, x))


bessel_i0e: Elementwise = elementwise("bessel_i0e", Borrowed("i0e", lambda x: _scaled(0, x)), d=_d_zero)
bessel_i1e: Elementwise = elementwise("bessel_i1e", Borrowed("i1e", lambda x: _scaled(1, x)), d=_d_one)


_ORDER = refused("a Bessel function's order")

jv: Elementwise = elementwise(
    "jv", Scipys("jv", "biufc"), d=(_ORDER, lambda y, v, x: 0.5 * (jv(v - 1, x) - jv(v + 1, x)))
)
yn: Elementwise = elementwise("yn", Scipys("yn"), d=(_ORDER, lambda y, n, x: 0.5 * (yn(n - 1, x) - yn(n + 1, x))))
iv: Elementwise = elementwise(
    "iv", Scipys("iv", "biufc"), d=(_ORDER, lambda y, v, x: 0.5 * (iv(v - 1, x) + iv(v + 1, x)))
)
ive: Elementwise = elementwise(
    "ive", Scipys("ive"), d=(_ORDER, lambda y, v, x: 0.5 * (ive(v - 1, x) + ive(v + 1, x)) - sign(x) * y)
)
j0: Elementwise = elementwise("j0", Scipys("j0"), d=lambda y, x: -j1(x))
j1: Elementwise = elementwise("j1", Scipys("j1"), d=lambda y, x: 0.5 * (j0(x) - jv(2.0, x)))
y0: Elementwise = elementwise("y0", Scipys("y0"), d=lambda y, x: -y1(x))
y1: Elementwise = elementwise("y1", Scipys("y1"), d=lambda y, x: 0.5 * (y0(x) - yn(2.0, x)))
jve: Elementwise = elementwise(
    "jve", Scipys("jve"), d=(_ORDER, lambda y, v, x: 0.5 * (jve(v - 1, x) - jve(v + 1, x)))
)
yv: Elementwise = elementwise(
    "yv", Scipys("yv", "biufc"), d=(_ORDER, lambda y, v, x: 0.5 * (yv(v - 1, x) - yv(v + 1, x)))
)
yve: Elementwise = elementwise(
    "yve", Scipys("yve"), d=(_ORDER, lambda y, v, x: 0.5 * (yve(v - 1, x) - yve(v + 1, x)))
)
kv: Elementwise = elementwise(
    "kv", Scipys("kv", "biufc"), d=(_ORDER, lambda y, v, x: -0.5 * (kv(v - 1, x) + kv(v + 1, x)))
)
kve: Elementwise = elementwise(
    "kve", Scipys("kve", "biufc"), d=(_ORDER, lambda y, v, x: y - 0.5 * (kve(v - 1, x) + kve(v + 1, x)))
)
k0: Elementwise = elementwise("k0", Scipys("k0"), d=lambda y, x: -k1(x))
k1: Elementwise = elementwise("k1", Scipys("k1"), d=lambda y, x: -0.5 * (k0(x) + kv(2.0, x)))
k0e: Elementwise = elementwise("k0e", Scipys("k0e"), d=lambda y, x: y - k1e(x))
k1e: Elementwise = elementwise("k1e", Scipys("k1e"), d=lambda y, x: y - 0.5 * (k0e(x) + kve(2.0, x)))
