"""The gamma function, its reciprocal and the functions made of its quotients, as SciPy has them."""

from __future__ import annotations

import math
from typing import Any

from funcgrad.ops.elementwise import cos, floor, sin, where
from funcgrad.ops.families.elementwise import Elementwise, elementwise
from funcgrad.ops.special import Scipys, digamma, in_floats


def _d_rgamma(x: Any) -> Any:
    """Left of 1/2 that of `sin(pi x) gamma(1 - x) / pi`, which has no pole there."""
    left = x < 0.5
    mirrored = 1 - where(left, x, 0.5)
    turn = math.pi * where(left, x, 0.5)
    slope = gamma(mirrored) * (cos(turn) - sin(turn) * digamma(mirrored) / math.pi)
    right = where(left, 1.0, x)
    return where(left, slope, -rgamma(right) * digamma(right))


def _is_pole(x: Any) -> Any:
    return (x <= 0) & (x == floor(x))


def _d_poch_z(y: Any, z: Any, m: Any) -> Any:
    """At the poles of gamma(z) that of `gamma(z + m) * rgamma(z)`."""
    pole = _is_pole(z)
    elsewhere = where(pole, 1.0, z)
    at_pole = where(pole, z, 0.0)
    there = y * digamma(at_pole + m) + gamma(at_pole + m) * _d_rgamma(at_pole)
    return where(pole, there, y * (digamma(elsewhere + m) - digamma(elsewhere)))


def _d_binom_n(y: Any, n: Any, k: Any) -> Any:
    """At the poles of gamma(n - k + 1) that of `gamma(n + 1) * rgamma(k + 1) * rgamma(n - k + 1)`."""
    rest = n - k + 1
    pole = _is_pole(rest)
    there = y * digamma(n + 1) + gamma(where(pole, n, 0.0) + 1) * rgamma(k + 1) * _d_rgamma(where(pole, rest, 1.0))
    return where(pole, there, y * (digamma(n + 1) - digamma(where(pole, 1.0, rest))))


def _d_binom_k(y: Any, n: Any, k: Any) -> Any:
    """The same, and at the poles of gamma(k + 1) too."""
    rest, k = n - k + 1, k + 1
    pole = _is_pole(rest) | _is_pole(k)
    rest_there, k_there, rest, k = (where(m, x, 1.0) for m in (pole, ~pole) for x in (rest, k))
    slope = _d_rgamma(k_there) * rgamma(rest_there) - rgamma(k_there) * _d_rgamma(rest_there)
    return where(pole, gamma(where(pole, n, 0.0) + 1) * slope, y * (digamma(rest) - digamma(k)))


gamma: Elementwise = elementwise("gamma", Scipys("gamma"), d=lambda y, x: y * digamma(x))
rgamma: Elementwise = elementwise("rgamma", Scipys("rgamma"), d=lambda y, x: _d_rgamma(x))
"""1 / gamma(x)."""
loggamma: Elementwise = elementwise(
    "loggamma", Scipys("loggamma"), d=lambda y, x: digamma(where(x < 0, math.nan, x))
)
"""The logarithm of gamma(x) for x > 0."""
gammasgn: Elementwise = elementwise(
    "gammasgn", Scipys("gammasgn"), flat="a sign moves in steps", remedy="gamma(x), which has a derivative"
)
poch: Elementwise = elementwise(
    "poch",
    Scipys("poch"),
    d=(in_floats(_d_poch_z), lambda y, z, m: y * digamma(z + m)),
)
"""gamma(z + m) / gamma(z)."""
beta: Elementwise = elementwise(
    "beta",
    Scipys("beta"),
    d=(lambda y, a, b: y * (digamma(a) - digamma(a + b)), lambda y, a, b: y * (digamma(b) - digamma(a + b))),
)
betaln: Elementwise = elementwise(
    "betaln",
    Scipys("betaln"),
    d=(lambda y, a, b: digamma(a) - digamma(a + b), lambda y, a, b: digamma(b) - digamma(a + b)),
)
binom: Elementwise = elementwise("binom", Scipys("binom"), d=(in_floats(_d_binom_n), in_floats(_d_binom_k)))
"""gamma(n + 1) / (gamma(k + 1) gamma(n - k + 1))."""
