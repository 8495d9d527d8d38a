"""The formulas of distributions of integers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops.entropy import entr
from funcgrad.ops.families.elementwise import elementwise
from funcgrad.ops.gammas import betaln
from funcgrad.ops.incomplete import igamma, igammac
from funcgrad.ops.incomplete_beta import beta_power, beta_tail
from funcgrad.ops.special import lgamma
from funcgrad.scipy.stats.standard import FROM_ZERO, Standard
from funcgrad.scipy.stats.tails import counted, log_betas, log_gammas


def _integer_quantile(q: Any, *shapes: Any, of: str, method: str) -> Any:
    from scipy import stats

    return getattr(getattr(stats, of), method)(q, *shapes)


integer_quantile = elementwise(
    "integer_quantile",
    _integer_quantile,
    flat="a quantile of a distribution of integers moves in steps",
    remedy="the quantile of a distribution of real numbers that is near, norm.ppf(q, mean, std)",
)
"""SciPy's `ppf` or `isf` of a distribution of integers."""


class Counting(Standard):
    """A distribution of integers, by SciPy's name, of which SciPy knows the quantiles."""

    def __init__(self, name: str, **formulas: Any) -> None:
        self.name = name
        super().__init__(**formulas)

    def ppf(self, q: Array, *shapes: Array) -> Array:
        return integer_quantile(q, *shapes, of=self.name, method="ppf")

    def isf(self, q: Array, *shapes: Array) -> Array:
        return integer_quantile(q, *shapes, of=self.name, method="isf")


def _chance(p: Array) -> Any:
    return (p >= 0) & (p <= 1)


POISSON = Counting(
    "poisson",
    bounds=FROM_ZERO,
    valid=lambda mu: mu >= 0,
    logpmf=lambda k, mu: counted(k, ew.log, mu) - lgamma(k + 1) - mu,
    cdf=lambda k, mu: igammac(k + 1, mu),
    sf=lambda k, mu: igamma(k + 1, mu),
    logcdf=lambda k, mu: log_gammas(k + 1, mu)[1],
    logsf=lambda k, mu: log_gammas(k + 1, mu)[0],
    mean=lambda mu: mu,
    var=lambda mu: mu,
)

BINOM = Counting(
    "binom",
    support=lambda n, p: (0.0, n),
    valid=lambda n, p: (n >= 0) & (np.floor(n) == n) & _chance(p),
    pmf=lambda k, n, p: beta_power(k + 1, n - k + 1, p, 1 - p, less=(1, 1)) / (n + 1),
    logpmf=lambda k, n, p: (
        counted(k, ew.log, p) + counted(n - k, ew.log1p, -p) - betaln(k + 1, n - k + 1) - ew.log(n + 1)
    ),
    cdf=lambda k, n, p: beta_tail(n - k, k + 1, 1 - p, p),
    sf=lambda k, n, p: beta_tail(k + 1, n - k, p, 1 - p),
    logcdf=lambda k, n, p: log_betas(n - k, k + 1, 1 - p, p)[0],
    logsf=lambda k, n, p: log_betas(k + 1, n - k, p, 1 - p)[0],
    mean=lambda n, p: n * p,
    var=lambda n, p: n * p * (1 - p),
)

BERNOULLI = Counting(
    "bernoulli",
    bounds=(0.0, 1.0),
    valid=_chance,
    pmf=lambda k, p: ew.where(k == 1, p, 1 - p),
    logpmf=lambda k, p: counted(k, ew.log, p) + counted(1 - k, ew.log1p, -p),
    cdf=lambda k, p: 1 - p + 0 * k,
    sf=lambda k, p: p + 0 * k,
    mean=lambda p: p,
    var=lambda p: p * (1 - p),
    entropy=lambda p: entr(p) + entr(1 - p),
)

NBINOM = Counting(
    "nbinom",
    bounds=FROM_ZERO,
    valid=lambda n, p: (n > 0) & (p > 0) & (p <= 1),
    pmf=lambda k, n, p: beta_power(n, k + 1, p, 1 - p, less=(0, 1)) / (n + k),
    logpmf=lambda k, n, p: n * ew.log(p) + counted(k, ew.log1p, -p) - betaln(n, k + 1) - ew.log(n + k),
    cdf=lambda k, n, p: beta_tail(n, k + 1, p, 1 - p),
    sf=lambda k, n, p: beta_tail(k + 1, n, 1 - p, p),
    logcdf=lambda k, n, p: log_betas(n, k + 1, p, 1 - p)[0],
    logsf=lambda k, n, p: log_betas(n, k + 1, p, 1 - p)[1],
    mean=lambda n, p: n * (1 - p) / p,
    var=lambda n, p: n * (1 - p) / p / p,
)

GEOM = Counting(
    "geom",
    bounds=(1.0, math.inf),
    valid=lambda p: (p > 0) & (p <= 1),
    logpmf=lambda k, p: counted(k - 1, ew.log1p, -p) + ew.log(p),
    cdf=lambda k, p: -ew.expm1(counted(k, ew.log1p, -p)),
    sf=lambda k, p: ew.exp(counted(k, ew.log1p, -p)),
    logsf=lambda k, p: counted(k, ew.log1p, -p),
    mean=lambda p: 1 / p,
    var=lambda p: (1 - p) / p / p,
    entropy=lambda p: (entr(p) + entr(1 - p)) / p,
)
