"""The circular functions and their inverses: see polynomials.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from funcgrad.compile.coefficients import ASIN, ATAN, COS, SIN, SIN_PI, TAN, TAN_BELOW
from funcgrad.compile.llvmtext import (
    Rare,
    Value,
    at_least,
    at_most,
    careful,
    flipped,
    fma,
    polynomial,
    sign_bit,
    where,
    with_sign,
)
from funcgrad.compile.polynomials import minus, minus_in_two, multiple, parts_of, rounded

PI = Fraction("3.141592653589793238462643383279502884197169399375105820974944592307816406286209")


def _far(x: Value) -> Value:
    """Where the reduction by multiples of pi is not exact enough, and where x is not finite."""
    if x.body.kind.bits == 64:
        limit = 1e9 if x.body.fused else 5e5
    else:
        limit = 5e4 if x.body.fused else 1e3
    return ~(abs(x) < limit)


def _pi(x: Value, unit: Fraction) -> list[float]:
    """Parts that are all positive: with others, -0.0 - 0 * part would be 0.0."""
    return multiple(x.body, unit, 33 if x.body.kind.bits == 64 else 13, 3, down=True)


def _with_zero(z: Value, y: Value) -> Value:
    """z * y, and 0.0 for z = 0.0 whatever the sign of y: r * that + r has the sign of r then."""
    return fma(z, y, 0.0)


def _sin_ofmultiple(x: Value, n: Value) -> Value:
    """sin(x - n pi), where the last part of pi matters only to differences so small that their sines are linear."""
    *first, last = _pi(x, PI)
    r = minus(x, n, first)
    z = r * r
    r = fma(n, -last, r)
    return fma(_with_zero(z, careful(z, SIN_PI[x.body.kind.bits])), r, r)


def sin(x: Value) -> Value:
    """sin(x) = (-1)**n sin(x - n pi)."""
    n, bits = rounded(x, 1 / math.pi)
    y = flipped(_sin_ofmultiple(x, n), bits << (x.body.kind.bits - 1))
    return x.body.patched(y, _far(x), Rare("sin"), x)


def cos(x: Value) -> Value:
    """cos(x) = (-1)**n sin(x - (n - 1/2) pi)."""
    shifter = x.body.kind.shifter
    t = fma(x, 1 / math.pi, 0.5) + shifter
    y = flipped(_sin_ofmultiple(x, t - shifter - 0.5), t.integer() << (x.body.kind.bits - 1))
    return x.body.patched(y, _far(x), Rare("cos"), x)


def _sine_and_cosine(r: Value) -> tuple[Value, Value]:
    """Of r up to pi / 4."""
    bits = r.body.kind.bits
    z = r * r
    up, down = _with_zero(z, polynomial(z, SIN[bits])), fma(z, polynomial(z, COS[bits]), -0.5)
    return fma(r, up, r), fma(z, down, 1.0)


def sincos(x: Value) -> tuple[Value, Value]:
    n, bits = rounded(x, 2 / math.pi)
    sine, cosine = _sine_and_cosine(minus(x, n, _pi(x, PI / 2)))
    top = x.body.kind.bits - 1
    odd = bits << top
    half_turn = sign_bit((bits << top - 1).floating())
    s = flipped(where(odd < 0, cosine, sine), half_turn)
    c = flipped(where(odd < 0, sine, cosine), half_turn ^ odd)
    s, c = x.body.patched_together({Rare("sin"): s, Rare("cos"): c}, _far(x), x)
    return s, c


def tan(x: Value) -> Value:
    """r a(r**2) / b(r**2), and for odd n -b / (r a): as little as one of the two alone needs of sine and cosine."""
    kind = x.body.kind
    n, bits = rounded(x, 2 / math.pi)
    r, rest = minus_in_two(x, n, _pi(x, PI / 2))
    rest = where(abs(r) > 2.0**-9, rest, 0.0)  # of smaller ones it would have lost as much, and tan(r) is nearly r
    z = r * r
    above = with_sign(r + fma(r * z, polynomial(z, TAN[kind.bits]), rest), sign_bit(r))
    below = fma(z, polynomial(z, TAN_BELOW[kind.bits]), 1.0)
    even = (bits & 1).equals(0)
    y = where(even, above, -below) / where(even, below, above)
    return x.body.patched(y, _far(x), Rare("tan"), x)


# ------------------------------------------------------------------------------------------ inverses of those


def _arctan_of_ratio(y: Value, x: Value, quarters: Callable[[Value], Value], flip: Value) -> Value:
    """For 0 <= y <= x, x > 0 and atan(y / x) = k pi / 4 + t: quarters(k) pi / 4 + t, or - t where `flip` has a sign.

    Beyond tan(pi / 8), atan(y / x) = pi / 4 + atan((y - x) / (y + x)).
    """
    bits = x.body.kind.bits
    beyond = y > x * (math.sqrt(2) - 1)
    t = where(beyond, y - x, y) / where(beyond, y + x, x)
    z = t * t
    rest = fma(z * polynomial(z, ATAN[bits]), t, t)
    k = quarters(where(beyond, 1.0, 0.0))
    high, low = parts_of(PI / 4, x.body.kind.mantissa + 1, 2)
    return fma(k, high, fma(k, low, flipped(rest, flip)))


def arctan(x: Value) -> Value:
    a = abs(x)
    large = a > 1.0
    quarters = lambda k: where(large, 2.0 - k, k)
    y = _arctan_of_ratio(at_most(a, 1.0), at_least(a, 1.0), quarters, sign_bit(1.0 - a))
    return with_sign(y, sign_bit(x))


def arctan2(y: Value, x: Value) -> Value:
    a, b = abs(y), abs(x)
    steep, left = a > b, sign_bit(x)
    far = where(steep, a, b)
    turn = lambda k: where(x < 0.0, 4.0 - k, k)
    quarters = lambda k: turn(where(steep, 2.0 - k, k))
    angle = _arctan_of_ratio(where(steep, b, a), far, quarters, left ^ sign_bit(b - a))
    angle = with_sign(angle, sign_bit(y))
    ordinary = (far > 0.0) & (far < 2.0 ** (x.body.kind.bias - 1)) & ~x.is_nan() & ~y.is_nan()
    return x.body.patched(angle, ~ordinary, Rare("atan2", 2), y, x)


def _arcsin_of_small(x: Value) -> tuple[Value, Value]:
    """For a = |x|: asin(a) up to 1/2, or beyond, where acos(a) = 2 asin(sqrt((1 - a) / 2)), that asin; and where."""
    a = abs(x)
    beyond = a > 0.5
    z = where(beyond, fma(a, -0.5, 0.5), a * a)
    t = where(beyond, x.body.intrinsic("sqrt", z), a)
    return fma(z * careful(z, ASIN[x.body.kind.bits]), t, t), beyond


def arcsin(x: Value) -> Value:
    small, beyond = _arcsin_of_small(x)
    high, low = parts_of(PI / 2, x.body.kind.mantissa + 1, 2)
    return with_sign(where(beyond, high - (small * 2.0 - low), small), sign_bit(x))


def arccos(x: Value) -> Value:
    small, beyond = _arcsin_of_small(x)
    high, low = parts_of(PI / 2, x.body.kind.mantissa + 1, 2)
    sign = sign_bit(x)
    double = small * 2.0
    inner = high - (flipped(small, sign) - low)
    return where(beyond, where(x < 0.0, 2 * high - (double - 2 * low), double), inner)


CIRCULAR: dict[str, Callable[..., Value | tuple[Value, ...]]] = {
    f.__name__: f for f in (sin, cos, sincos, tan, arctan, arctan2, arcsin, arccos)
}
"""These functions by NumPy's names."""
