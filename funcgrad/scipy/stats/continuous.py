"""The formulas of continuous distributions that are given by elementary functions."""

from __future__ import annotations

import math
import sys

import numpy as np

from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops.entropy import log_ndtr, ndtri, xlogy
from funcgrad.ops.special import ROOT_2, erf, erf_inv, erfc, lgamma, logistic, softplus
from funcgrad.scipy.stats.standard import FROM_ZERO, Standard, Symmetric, Transformed, choose
from funcgrad.scipy.stats.tails import log1mexp_of_log, log1p_square

LARGEST = math.log(sys.float_info.max)
EULER = float(np.euler_gamma)
LOG_2 = math.log(2)
LOG_ROOT_2_PI = math.log(2 * math.pi) / 2

NORM = Symmetric(
    logpdf=lambda z: -0.5 * z * z - LOG_ROOT_2_PI,
    cdf=lambda z: 0.5 * erfc(-z / ROOT_2),
    logcdf=log_ndtr,
    ppf=ndtri,
    var=lambda: 1.0,
    entropy=lambda: LOG_ROOT_2_PI + 0.5,
)


def _halfnorm_logsf(z: Array) -> Array:
    near = z < 1
    below = ew.log1p(-erf(ew.where(near, z, 0.0) / ROOT_2))
    return ew.where(near, below, log_ndtr(-z) + LOG_2)


HALFNORM = Standard(
    bounds=FROM_ZERO,
    logpdf=lambda z: NORM.logpdf(z) + LOG_2,
    cdf=lambda z: erf(z / ROOT_2),
    sf=lambda z: erfc(z / ROOT_2),
    logsf=_halfnorm_logsf,
    ppf=lambda q: ROOT_2 * erf_inv(q),
    isf=lambda q: -ndtri(q / 2),
    mean=lambda: math.sqrt(2 / math.pi),
    var=lambda: 1 - 2 / math.pi,
    entropy=lambda: NORM.entropy() - LOG_2,
)

EXPON = Standard(
    bounds=FROM_ZERO,
    logpdf=lambda z: -z,
    cdf=lambda z: -ew.expm1(-z),
    sf=lambda z: ew.exp(-z),
    logsf=lambda z: -z,
    ppf=lambda q: -ew.log1p(-q),
    isf=lambda q: -ew.log(q),
    mean=lambda: 1.0,
    var=lambda: 1.0,
    entropy=lambda: 1.0,
)

UNIFORM = Standard(
    bounds=(0.0, 1.0),
    logpdf=lambda z: 0.0 * z,
    cdf=lambda z: z,
    ppf=lambda q: q,
    mean=lambda: 0.5,
    var=lambda: 1 / 12,
    entropy=lambda: 0.0,
)


def _laplace_cdf(z: Array) -> Array:
    half = 0.5 * ew.exp(-abs(z))
    return ew.where(z > 0, 1 - half, half)


def _laplace_logcdf(z: Array) -> Array:
    half = -abs(z) - LOG_2
    return ew.where(z > 0, ew.log1p(-ew.exp(half)), half)


LAPLACE = Symmetric(
    logpdf=lambda z: -abs(z) - LOG_2,
    cdf=_laplace_cdf,
    logcdf=_laplace_logcdf,
    ppf_below=lambda q: ew.log(2 * q),
    var=lambda: 2.0,
    entropy=lambda: LOG_2 + 1,
)

LOGISTIC = Symmetric(
    logpdf=lambda z: -softplus(z) - softplus(-z),
    cdf=lambda z: logistic(z),
    logcdf=lambda z: -softplus(-z),
    ppf=lambda q: ew.log(q) - ew.log1p(-q),
    var=lambda: math.pi**2 / 3,
    entropy=lambda: 2.0,
)

CAUCHY = Symmetric(
    logpdf=lambda z: -log1p_square(z) - math.log(math.pi),
    cdf=lambda z: ew.arctan2(1.0, -z) / math.pi,
    ppf_below=lambda q: -ew.cos(math.pi * q) / ew.sin(math.pi * q),
    mean=lambda: math.nan,
    var=lambda: math.nan,
    entropy=lambda: math.log(4 * math.pi),
)

LOGNORM = Transformed(
    NORM,
    bounds=FROM_ZERO,
    on_edges=(),
    to=lambda z, s: ew.log(z) / s,
    log_slope=lambda z, s: -ew.log(s * z),
    back=lambda y, s: ew.exp(s * y),
    mean=lambda s: ew.exp(0.5 * s * s),
    var=lambda s: ew.expm1(s * s) * ew.exp(s * s),
    entropy=lambda s: NORM.entropy() + ew.log(s),
)

WEIBULL_MIN = Transformed(
    EXPON,
    bounds=FROM_ZERO,
    to=lambda z, c: z**c,
    log_slope=lambda z, c: ew.log(c) + xlogy(c - 1, z),
    back=lambda y, c: y ** (1 / c),
    logcdf=lambda z, c: log1mexp_of_log(c * ew.log(z)),
    mean=lambda c: ew.exp(lgamma(1 + 1 / c)),
    var=lambda c: ew.exp(lgamma(1 + 2 / c)) - ew.exp(2 * lgamma(1 + 1 / c)),
    entropy=lambda c: EULER - EULER / c - ew.log(c) + 1,
)

WEIBULL_MAX = Transformed(
    WEIBULL_MIN,
    falling=True,
    bounds=(-math.inf, 0.0),
    base_shapes=lambda c: (c,),
    to=lambda z, c: -z,
    log_slope=lambda z, c: 0.0,
    back=lambda y, c: -y,
    mean=lambda c: -WEIBULL_MIN.mean(c),
    var=WEIBULL_MIN.var,
    entropy=WEIBULL_MIN.entropy,
)


def _pareto_var(b: Array) -> Array:
    finite = b > 2
    safe = ew.where(finite, b, 3.0)
    return ew.where(finite, safe / (safe - 2) / (safe - 1) ** 2, math.inf)


PARETO = Transformed(
    EXPON,
    bounds=(1.0, math.inf),
    to=lambda z, b: b * ew.log(z),
    log_slope=lambda z, b: ew.log(b / z),
    back=lambda y, b: ew.exp(y / b),
    mean=lambda b: ew.where(b > 1, b / (ew.where(b > 1, b, 2.0) - 1), math.inf),
    var=_pareto_var,
    entropy=lambda b: 1 + 1 / b - ew.log(b),
)


def _exp(x: Array) -> Array:
    """The exponential, which where it overflows has no derivative: densities are 0 there."""
    small = x < LARGEST
    return choose(small, ew.exp(choose(small, x, 0.0)), math.inf)


GUMBEL_R = Transformed(
    EXPON,
    falling=True,
    to=lambda z: _exp(-z),
    log_slope=lambda z: -z,
    back=lambda y: -ew.log(y),
    logsf=lambda z: log1mexp_of_log(-z),
    mean=lambda: EULER,
    var=lambda: math.pi**2 / 6,
    entropy=lambda: EULER + 1,
)
