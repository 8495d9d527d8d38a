"""The zeta functions of Riemann and Hurwitz, with derivatives of any order in both arguments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from funcgrad.ops.elementwise import cos, exp, sin, where
from funcgrad.ops.families.elementwise import Elementwise, elementwise
from funcgrad.ops.special import BERNOULLI, SHIFT, Scipys, digamma, float_dtype, in_floats, lgamma

LOG_2_PI = math.log(2 * math.pi)


def _times(first: list, second: list) -> list:
    """The product of two Taylor series."""
    return [sum(first[j] * second[m - j] for j in range(m + 1)) for m in range(len(first))]


def _zeta_slope(s: Any, q: Any, order: int = 1) -> Any:
    """The first terms, and for the others the Euler-Maclaurin formula, as Taylor series in s (DLMF 25.11.28)."""
    dtype = float_dtype(np.result_type(s, q))
    s, q = np.broadcast_arrays(np.asarray(s, np.float64), np.asarray(q, np.float64))
    orders = range(order + 1)
    with np.errstate(all="ignore"):
        first = sum((q + k) ** -s * (-np.log(q + k)) ** order for k in range(SHIFT))
        b = q + SHIFT
        power = [b**-s * (-np.log(b)) ** m / math.factorial(m) for m in orders]
        rest = [b * (-1.0) ** m / (s - 1) ** (m + 1) + (0.5 if m == 0 else 0.0) for m in orders]
        rising = [s / b, 1 / b, *[0 * b] * order][: order + 1]
        for j, number in enumerate(BERNOULLI, 1):
            rest = [r + f * (number / math.factorial(2 * j)) for r, f in zip(rest, rising)]
            for k in (2 * j - 1, 2 * j):
                rising = _times(rising, [(s + k) / b, 1 / b, *[0 * b] * order][: order + 1])
        y = first + math.factorial(order) * _times(power, rest)[order]
        return np.where(q > 0, y, np.nan).astype(dtype)[()]


def _d_slope_q(y: Any, s: Any, q: Any, order: int = 1) -> Any:
    lower = zeta_slope(s + 1, q, order=order - 1) if order > 1 else hurwitz(s + 1, q)
    return -s * zeta_slope(s + 1, q, order=order) - order * lower


zeta_slope: Elementwise = elementwise(
    "zeta_slope",
    _zeta_slope,
    d=(lambda y, s, q, order=1: zeta_slope(s, q, order=order + 1), in_floats(_d_slope_q)),
).prim
"""Hurwitz' zeta function differentiated `order` times in s, at least once, for s > -1 and q > 0."""


def _mirrored(s: Any) -> Any:
    """The derivative left of 0, of `2 (2 pi)**(s - 1) sin(pi s / 2) gamma(t) zeta(t)` with t = 1 - s (DLMF 25.4.1)."""
    t, turn = 1 - s, s * (math.pi / 2)
    scale = 2 * exp((s - 1) * LOG_2_PI + lgamma(t))
    steady = (LOG_2_PI - digamma(t)) * riemann(t) - zeta_slope(t, 1.0)
    return scale * (sin(turn) * steady + math.pi / 2 * cos(turn) * riemann(t))


def _d_riemann(y: Any, s: Any) -> Any:
    left = s < 0
    return where(left, _mirrored(where(left, s, -1.0)), zeta_slope(where(left, 2.0, s), 1.0))


riemann: Elementwise = elementwise("riemann", Scipys("zeta"), d=in_floats(_d_riemann))
"""Riemann's zeta function of real numbers."""
hurwitz: Elementwise = elementwise(
    "hurwitz",
    Scipys("zeta"),
    d=(
        in_floats(lambda y, s, q: where(s < 1, math.nan, zeta_slope(where(s < 1, 2.0, s), q))),
        in_floats(lambda y, s, q: where(s < 1, math.nan, -s * hurwitz(s + 1, q))),
    ),
)
"""The sum of (q + k)**-s for k = 0, 1, 2, ..."""
