"""The formulas of continuous distributions whose distribution functions are incomplete gamma and beta functions."""

from __future__ import annotations

import math

from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops.entropy import ndtri_exp, xlog1py, xlogy
from funcgrad.ops.gammas import betaln
from funcgrad.ops.incomplete import gamma_density, gammainccinv, gammaincinv, igamma, igammac, log_gamma_density
from funcgrad.ops.incomplete_beta import beta_power, beta_tail, betainccinv, betaincinv, digamma_gap
from funcgrad.ops.special import digamma, lgamma
from funcgrad.ops.student import stdtr, stdtrit, student_density
from funcgrad.scipy.stats.continuous import LOG_2, NORM
from funcgrad.scipy.stats.standard import FROM_ZERO, Standard, Symmetric, Transformed, choose, log_of
from funcgrad.scipy.stats.tails import log1p_square, log_below, log_betas, log_gammas, log_normal_mass

NO_LOGARITHMS = ("pdf", "logpdf", "cdf", "sf")

GAMMA = Standard(
    bounds=FROM_ZERO,
    on_edges=NO_LOGARITHMS,
    pdf=lambda z, a: gamma_density(a, z),
    logpdf=lambda z, a: log_gamma_density(a, z),
    cdf=lambda z, a: igamma(a, z),
    sf=lambda z, a: igammac(a, z),
    logcdf=lambda z, a: log_gammas(a, z)[0],
    logsf=lambda z, a: log_gammas(a, z)[1],
    ppf=lambda q, a: gammaincinv(a, q),
    isf=lambda q, a: gammainccinv(a, q),
    mean=lambda a: a,
    var=lambda a: a,
    entropy=lambda a: a + lgamma(a) + (1 - a) * digamma(a),
)

CHI2 = Transformed(
    GAMMA,
    bounds=FROM_ZERO,
    on_edges=NO_LOGARITHMS,
    base_shapes=lambda df: (df / 2,),
    to=lambda z, df: z / 2,
    log_slope=lambda z, df: -LOG_2,
    back=lambda y, df: 2 * y,
    mean=lambda df: df,
    var=lambda df: 2 * df,
    entropy=lambda df: GAMMA.entropy(df / 2) + LOG_2,
)

BETA = Standard(
    bounds=(0.0, 1.0),
    on_edges=NO_LOGARITHMS,
    pdf=lambda z, a, b: beta_power(a, b, z, 1 - z, less=(1, 1)),
    logpdf=lambda z, a, b: xlogy(a - 1, z) + xlog1py(b - 1, -z) - betaln(a, b),
    cdf=lambda z, a, b: beta_tail(a, b, z, 1 - z),
    sf=lambda z, a, b: beta_tail(b, a, 1 - z, z),
    logcdf=lambda z, a, b: log_betas(a, b, z, 1 - z)[0],
    logsf=lambda z, a, b: log_betas(a, b, z, 1 - z)[1],
    ppf=lambda q, a, b: betaincinv(a, b, q),
    isf=lambda q, a, b: betainccinv(a, b, q),
    mean=lambda a, b: a / (a + b),
    var=lambda a, b: a / (a + b) * (b / (a + b)) / (a + b + 1),
    entropy=lambda a, b: (
        betaln(a, b) + (a - 1) * digamma_gap(a, b) + (b - 1) * digamma_gap(b, a)
    ),
)


def _t_logpdf(z: Array, df: Array) -> Array:
    finite = df < math.inf
    n = choose(finite, df, 1.0)
    y = -betaln(n / 2, 0.5) - 0.5 * ew.log(n) - 0.5 * (n + 1) * log1p_square(z / ew.sqrt(n))
    return choose(finite, y, NORM.logpdf(z))


def _t_logcdf(z: Array, df: Array) -> Array:
    """In the left tail by the logarithms of its factors."""
    tail = z < -1
    far = ew.where(tail, z, -1.0)
    n = ew.where(df < math.inf, df, 1.0)
    log_tail = choose(df < math.inf, log_betas(n / 2, 0.5, n, far * far)[0] - LOG_2, NORM.logcdf(far))
    near = ew.where(tail, 0.0, z)
    return ew.where(tail, log_tail, log_of(stdtr(df, near), stdtr(df, -near)))


def _t_var(df: Array) -> Array:
    some = df > 2
    finite = some & (df < math.inf)
    n = ew.where(finite, df, 3.0)
    y = ew.where(finite, n / (n - 2), ew.where(some, 1.0, math.inf))
    return ew.where(df > 1, y, math.nan)


def _t_entropy(df: Array) -> Array:
    finite = df < math.inf
    n = choose(finite, df, 1.0)
    y = (n + 1) / 2 * digamma_gap(n / 2, 0.5) + 0.5 * ew.log(n) + betaln(n / 2, 0.5)
    return choose(finite, y, NORM.entropy())


T = Symmetric(
    pdf=lambda z, df: student_density(df, z),
    logpdf=_t_logpdf,
    cdf=lambda z, df: stdtr(df, z),
    logcdf=_t_logcdf,
    ppf=lambda q, df: stdtrit(df, q),
    mean=lambda df: ew.where(df > 1, 0.0, math.inf),
    var=_t_var,
    entropy=_t_entropy,
)


def _f_odds(below: Array, above: Array, dfn: Array, dfd: Array) -> Array:
    return dfd * below / (dfn * above)


def _f_mean(dfn: Array, dfd: Array) -> Array:
    finite = dfd > 2
    n = ew.where(finite, dfd, 3.0)
    return ew.where(finite, n / (n - 2), math.inf) + 0.0 * dfn


def _f_var(dfn: Array, dfd: Array) -> Array:
    finite = dfd > 4
    n = ew.where(finite, dfd, 5.0)
    return ew.where(finite, 2 * (n / (n - 2)) ** 2 * (dfn + n - 2) / (dfn * (n - 4)), math.inf)


def _f_entropy(dfn: Array, dfd: Array) -> Array:
    a, b = dfn / 2, dfd / 2
    return ew.log(b / a) + betaln(a, b) + (a - 1) * digamma_gap(a, b) + (b + 1) * digamma_gap(b, a)


F = Standard(
    bounds=FROM_ZERO,
    on_edges=NO_LOGARITHMS,
    logpdf=lambda z, dfn, dfd: (
        xlogy(dfn / 2 - 1, z)
        + dfn / 2 * ew.log(dfn / dfd)
        - (dfn + dfd) / 2 * ew.log1p(dfn * z / dfd)
        - betaln(dfn / 2, dfd / 2)
    ),
    cdf=lambda z, dfn, dfd: beta_tail(dfn / 2, dfd / 2, dfn * z, dfd),
    sf=lambda z, dfn, dfd: beta_tail(dfd / 2, dfn / 2, dfd, dfn * z),
    logcdf=lambda z, dfn, dfd: log_betas(dfn / 2, dfd / 2, dfn * z, dfd)[0],
    logsf=lambda z, dfn, dfd: log_betas(dfn / 2, dfd / 2, dfn * z, dfd)[1],
    ppf=lambda q, dfn, dfd: _f_odds(
        betaincinv(dfn / 2, dfd / 2, q), betainccinv(dfd / 2, dfn / 2, q), dfn, dfd
    ),
    isf=lambda q, dfn, dfd: _f_odds(
        betainccinv(dfn / 2, dfd / 2, q), betaincinv(dfd / 2, dfn / 2, q), dfn, dfd
    ),
    mean=_f_mean,
    var=_f_var,
    entropy=_f_entropy,
)


def _log_share(part: Array, rest: Array, whole: Array) -> Array:
    """The logarithm of a part of a mass, of which the logarithms are given."""
    log_part = part - whole
    nearly_all = log_part > -0.1
    return ew.where(nearly_all, ew.log1p(-ew.exp(ew.where(nearly_all, rest - whole, -1.0))), log_part)


def _truncnorm_logcdf(z: Array, a: Array, b: Array) -> Array:
    return _log_share(log_normal_mass(a, z), log_normal_mass(z, b), log_normal_mass(a, b))


def _truncnorm_ppf(q: Array, a: Array, b: Array) -> Array:
    """From the side on which the interval begins in a tail."""
    left = a < 0
    log_near, near = ew.where(left, ew.log(q), ew.log1p(-q)), ew.where(left, a, -b)
    z = ndtri_exp(ew.logaddexp(log_below(near), log_near + log_normal_mass(a, b)))
    return ew.where(left, z, -z)


TRUNCNORM = Standard(
    support=lambda a, b: (a, b),
    on_edges=("pdf", "logpdf"),
    valid=lambda a, b: a < b,
    logpdf=lambda z, a, b: NORM.logpdf(z) - log_normal_mass(a, b),
    cdf=lambda z, a, b: ew.exp(_truncnorm_logcdf(z, a, b)),
    sf=lambda z, a, b: ew.exp(_truncnorm_logcdf(-z, -b, -a)),
    logcdf=_truncnorm_logcdf,
    logsf=lambda z, a, b: _truncnorm_logcdf(-z, -b, -a),
    ppf=_truncnorm_ppf,
    isf=lambda q, a, b: -_truncnorm_ppf(q, -b, -a),
)
