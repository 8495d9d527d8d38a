"""Terms of entropies, and the normal distribution's logarithm and quantile.

A product with zero is zero there, whatever the logarithm; the derivatives are those of the formula.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from funcgrad.ops.elementwise import exp, log, log1p, where
from funcgrad.ops.families.elementwise import Elementwise, elementwise
from funcgrad.ops.special import ROOT_2, Borrowed, Scipys

ROOT_2_PI = math.sqrt(2 * math.pi)


def _xlogy(x: Any, y: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.where((x == 0) & ~np.isnan(y), 0.0, x * np.log(y))[()]


def _xlog1py(x: Any, y: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.where((x == 0) & ~np.isnan(y), 0.0, x * np.log1p(y))[()]


def _entr(x: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.where(x < 0, -np.inf, np.where(x == 0, 0.0, -x * np.log(x)))[()]


xlogy: Elementwise = elementwise(
    "xlogy",
    _xlogy,
    d=(lambda z, x, y: log(y), lambda z, x, y: x / y),
    lower="0.0 if {0} == 0 and {1} == {1} else {0} * log({1})",
    large_by_kernel=True,
)
"""`x * log(y)`, and 0 for x = 0."""
xlog1py: Elementwise = elementwise(
    "xlog1py",
    _xlog1py,
    d=(lambda z, x, y: log1p(y), lambda z, x, y: x / (1 + y)),
    lower="0.0 if {0} == 0 and {1} == {1} else {0} * log1p({1})",
    large_by_kernel=True,
)
"""`x * log1p(y)`, and 0 for x = 0."""
entr: Elementwise = elementwise("entr", _entr, d=lambda z, x: -1 - log(x))
"""`-x * log(x)`, 0 for x = 0, and -inf below."""


def _log_ndtr_of(x: float) -> float:
    """By the complementary error function; beyond its range by the first terms of Laplace's continued fraction."""
    if x > -30:
        return math.log(math.erfc(-x / ROOT_2) / 2) if x < 0 else math.log1p(-math.erfc(x / ROOT_2) / 2)
    tail = x
    for k in range(8, 0, -1):
        tail = x + k / tail
    return -x * x / 2 - math.log(ROOT_2_PI) - math.log(-tail)


def _ndtri_of(p: float) -> float:
    from statistics import NormalDist  # which takes 5 ms to import, and SciPy's is there as a rule

    if not 0 < p < 1:
        return {0.0: -math.inf, 1.0: math.inf}.get(p, math.nan)
    return NormalDist().inv_cdf(p)


def _hazard(y: Any, x: Any) -> Any:
    """The density over the probability; far down by its asymptotic series, where both logarithms are huge."""
    far = x < -50
    near, below = where(far, 0.0, x), where(far, x, -50.0)
    q = 1 / (below * below)
    series = -below * (1 + q * (1 - q * (2 - q * (10 - 74 * q))))
    return where(far, series, exp(-0.5 * near * near - where(far, 0.0, y)) / ROOT_2_PI)


log_ndtr: Elementwise = elementwise("log_ndtr", Borrowed("log_ndtr", _log_ndtr_of), d=_hazard)
"""The logarithm of the normal distribution function."""
ndtri: Elementwise = elementwise("ndtri", Borrowed("ndtri", _ndtri_of), d=lambda y, p: ROOT_2_PI * exp(0.5 * y * y))
"""The inverse of the normal distribution function."""
ndtri_exp: Elementwise = elementwise("ndtri_exp", Scipys("ndtri_exp"), d=lambda x, y: ROOT_2_PI * exp(y + 0.5 * x * x))
"""The inverse of `log_ndtr`."""


def rel_entr(x: Any, y: Any) -> Any:
    """`x * log(x / y)`, 0 for x = 0, inf where one is negative, or y is 0 and x is not."""
    inside = (x > 0) & (y > 0)
    safe_x, safe_y = where(inside, x, 1.0), where(inside, y, 1.0)
    found = where(inside, safe_x * log(safe_x / safe_y), math.inf)
    found = where((x == 0) & (y >= 0), 0.0, found)
    return where((x != x) | (y != y), math.nan, found)
