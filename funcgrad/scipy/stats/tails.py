"""Logarithms of tails and masses that do not underflow."""

from __future__ import annotations

import math
from typing import Any

from funcgrad.nn import log1mexp
from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops.entropy import log_ndtr
from funcgrad.ops.gammas import betaln
from funcgrad.ops.incomplete import gamma_ratio, igamma, igammac, log_gamma_density
from funcgrad.ops.incomplete_beta import beta_ratio, beta_tail, log_share
from funcgrad.ops.special import ROOT_2, erfc
from funcgrad.scipy.stats.standard import log_of


def log1mexp_of_log(log_y: Array) -> Array:
    """`log(1 - exp(-y))`, also where y underflows."""
    tiny = log_y < -40.0
    return ew.where(tiny, log_y, log1mexp(ew.exp(ew.where(tiny, 0.0, log_y))))


def log1p_square(x: Array) -> Array:
    """`log(1 + x * x)`, also where the square overflows."""
    far = abs(x) > 1e9
    return ew.where(far, 2 * ew.log(abs(ew.where(far, x, 1.0))), ew.log1p(ew.square(ew.where(far, 0.0, x))))


def _two_sides(ratio: Array, log_unit: Array, below: Array, above: Array) -> tuple[Array, Array]:
    """The logarithms of the probabilities `below` and `above` a point.

    `ratio`, times what `log_unit` is the logarithm of, is the one where it is positive, and minus the other else.
    """
    is_below, some = ~(ratio < 0), ratio != 0
    log_part = ew.log(abs(ew.where(some, ratio, 1.0))) + ew.where(some, log_unit, 0.0)
    log_part = ew.where(some, log_part, -math.inf)
    log_rest = log_of(ew.where(is_below, above, below), ew.where(is_below, below, above))
    return ew.where(is_below, log_part, log_rest), ew.where(is_below, log_rest, log_part)


def log_gammas(a: Array, x: Array) -> tuple[Array, Array]:
    """The logarithms of `gammainc` and `gammaincc`."""
    return _two_sides(gamma_ratio(a, x, order=0), log_gamma_density(a, x), igamma(a, x), igammac(a, x))


def log_beta_power(a: Array, b: Array, x: Array, y: Array) -> Array:
    """The logarithm of `beta_power`."""
    return a * log_share(x, y) + b * log_share(y, x) - betaln(a, b)


def log_betas(a: Array, b: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """The logarithms of the probabilities of a beta variable below and above x / (x + y)."""
    ratio, below, above = beta_ratio(a, b, x, y), beta_tail(a, b, x, y), beta_tail(b, a, y, x)
    return _two_sides(ratio, log_beta_power(a, b, x, y), below, above)


def log_below(a: Array) -> Array:
    """`log_ndtr`, which does not move with an infinite bound."""
    finite = a > -math.inf
    return ew.where(finite, log_ndtr(ew.where(finite, a, -1.0)), -math.inf)


def log_normal_mass(a: Array, b: Array) -> Array:
    """The logarithm of a normal variable's probability between `a` and `b`, in the left tail if it is in one."""
    right = a > 0
    a, b = ew.where(right, -b, a), ew.where(right, -a, b)
    tail, open_below = b <= 0, a == -math.inf
    log_b = log_ndtr(ew.where(tail, b, -1.0))
    gap = ew.where(tail & ~open_below, log_b - log_below(ew.where(tail, a, -2.0)), 1.0)
    in_tail = log_b + ew.where(open_below, 0.0, log1mexp(gap))
    outside = erfc(-ew.where(tail, -1.0, a) / ROOT_2) + erfc(ew.where(tail, 1.0, b) / ROOT_2)
    return ew.where(tail, in_tail, ew.log1p(-0.5 * outside))


def counted(k: Array, logarithm: Any, y: Array) -> Array:
    """A count times a logarithm, and 0 where that is 0, with the derivative 0."""
    none = k == 0
    return ew.where(none, 0.0, k * logarithm(ew.where(none, 1.0, y)))
