"""The formulas of a distribution: those that are written for it, and those that follow from them."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew

FROM_ZERO = (0.0, math.inf)


def choose(condition: Any, then: Any, otherwise: Any) -> Any:
    """`where`; no operation where a condition that is known is true of all elements."""
    if not isinstance(condition, Tracer) and np.all(condition):
        return then
    return ew.where(condition, then, otherwise)


def defined(condition: Any, y: Any, *arguments: Any) -> Any:
    """`y` where the condition holds and `y` is a number, else NaN, whose derivatives of all orders are NaN as well.

    Were they 0 there, an optimiser would take such a point for a minimum.
    """
    condition = condition & (y == y)
    if not isinstance(condition, Tracer) and np.all(condition):
        return y
    return ew.where(condition, y, 1 / ew.where(condition, 1.0, sum(arguments) + math.nan))


def log_of(p: Any, q: Any) -> Any:
    """The logarithm of a probability `p`, given also `q = 1 - p`: precise where either is small."""
    small = p < 0.5
    return ew.where(small, ew.log(ew.where(small, p, 1.0)), ew.log1p(-ew.where(small, 0.0, q)))


class Standard:
    """A distribution at location 0, with scale 1: functions of a point, or a probability, and the shape parameters.

    Points are within the support, probabilities between 0 and 1. `cdf`, `ppf`, and `logpdf` (`logpmf` of integers) are
    given. The others follow from them; a distribution is given its own where that is more precise. A moment that is
    None has no formula.
    """

    logpdf: Any
    logpmf: Any
    cdf: Any
    ppf: Any
    mean: Any = None
    var: Any = None
    entropy: Any = None
    bounds: tuple[float, float] = (-math.inf, math.inf)
    on_edges: tuple[str, ...] = ("pdf", "logpdf", "cdf", "sf", "logcdf", "logsf")
    """The functions whose formulas hold on the edges of the support, and have derivatives there that are no NaN. For
    others they are outside; the value is the same, but for densities that begin with 0."""

    def __init__(self, **formulas: Any) -> None:
        self.__dict__.update(formulas)

    def shapes(self) -> tuple[str, ...]:
        """The names of the shape parameters, in their order."""
        return tuple(inspect.signature(self.cdf).parameters)[1:]

    def support(self, *shapes: Array) -> tuple[Any, Any]:
        return self.bounds

    def valid(self, *shapes: Array) -> Any:
        """Whether there is a distribution with these shape parameters."""
        found: Any = True
        for shape in shapes:
            found = found & (shape > 0)
        return found

    def pdf(self, z: Array, *shapes: Array) -> Array:
        return ew.exp(self.logpdf(z, *shapes))

    def pmf(self, k: Array, *shapes: Array) -> Array:
        return ew.exp(self.logpmf(k, *shapes))

    def sf(self, z: Array, *shapes: Array) -> Array:
        return 1 - self.cdf(z, *shapes)

    def logcdf(self, z: Array, *shapes: Array) -> Array:
        return log_of(self.cdf(z, *shapes), self.sf(z, *shapes))

    def logsf(self, z: Array, *shapes: Array) -> Array:
        return log_of(self.sf(z, *shapes), self.cdf(z, *shapes))

    def isf(self, q: Array, *shapes: Array) -> Array:
        return self.ppf(1 - q, *shapes)


class Symmetric(Standard):
    """A distribution that is its own mirror image at 0: `ppf_below` is its quantile of probabilities up to 1/2."""

    ppf_below: Any

    def ppf(self, q: Array, *shapes: Array) -> Array:
        below = q <= 0.5
        z = self.ppf_below(ew.where(below, q, 1 - q), *shapes)
        return ew.where(below, z, -z)

    def sf(self, z: Array, *shapes: Array) -> Array:
        return self.cdf(-z, *shapes)

    def logsf(self, z: Array, *shapes: Array) -> Array:
        return self.logcdf(-z, *shapes)

    def isf(self, q: Array, *shapes: Array) -> Array:
        return -self.ppf(q, *shapes)

    def mean(self, *shapes: Array) -> Any:
        return 0.0


class Transformed(Standard):
    """The distribution of `z` where `to(z)` has the distribution `base`, with the shape parameters `base_shapes`.

    `to` is monotonous: it rises, or it is `falling`. `back` is its inverse, `log_slope` the logarithm of the absolute
    value of its derivative.
    """

    to: Any
    back: Any
    log_slope: Any
    falling = False

    def __init__(self, base: Any, **formulas: Any) -> None:
        self.base = base
        super().__init__(**formulas)

    def shapes(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.to).parameters)[1:]

    def base_shapes(self, *shapes: Array) -> tuple[Array, ...]:
        return ()

    def logpdf(self, z: Array, *shapes: Array) -> Array:
        return self._of_point(self.base.logpdf, z, shapes) + self.log_slope(z, *shapes)

    def cdf(self, z: Array, *shapes: Array) -> Array:
        return self._of_point(self.base.sf if self.falling else self.base.cdf, z, shapes)

    def sf(self, z: Array, *shapes: Array) -> Array:
        return self._of_point(self.base.cdf if self.falling else self.base.sf, z, shapes)

    def logcdf(self, z: Array, *shapes: Array) -> Array:
        return self._of_point(self.base.logsf if self.falling else self.base.logcdf, z, shapes)

    def logsf(self, z: Array, *shapes: Array) -> Array:
        return self._of_point(self.base.logcdf if self.falling else self.base.logsf, z, shapes)

    def ppf(self, q: Array, *shapes: Array) -> Array:
        return self._of_probability(self.base.isf if self.falling else self.base.ppf, q, shapes)

    def isf(self, q: Array, *shapes: Array) -> Array:
        return self._of_probability(self.base.ppf if self.falling else self.base.isf, q, shapes)

    def _of_point(self, function: Any, z: Array, shapes: tuple[Array, ...]) -> Array:
        return function(self.to(z, *shapes), *self.base_shapes(*shapes))

    def _of_probability(self, function: Any, q: Array, shapes: tuple[Array, ...]) -> Array:
        return self.back(function(q, *self.base_shapes(*shapes)), *shapes)
