"""SciPy's methods of a distribution: location, scale, what is outside of the support, parameters that are none.

On plain arguments SciPy runs. Traced ones are computed by the formulas of a `Standard`, in float64, as SciPy's are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature
from typing import Any

import numpy as np

from funcgrad.core import provenance
from funcgrad.core.avals import FLOAT, aval_of
from funcgrad.errors import NotDifferentiableError
from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import any_traced, as_array
from funcgrad.scipy.stats.standard import Standard, choose, defined

MOMENTS = ("mean", "var", "std", "entropy")
LIMITS = {
    "pdf": (0.0, 0.0),
    "logpdf": (-math.inf, -math.inf),
    "pmf": (0.0, 0.0),
    "logpmf": (-math.inf, -math.inf),
    "cdf": (0.0, 1.0),
    "sf": (1.0, 0.0),
    "logcdf": (-math.inf, 0.0),
    "logsf": (0.0, -math.inf),
}
"""What each function is below and above the support."""


def real(x: Any) -> Array:
    """An argument in float64, in which SciPy computes too; no number of Python's, whose quotients by 0 are errors."""
    x = as_array(x)
    if x.dtype == FLOAT and not aval_of(x).weak:
        return x
    if x.dtype.kind not in "biuf":
        raise TypeError(f"a distribution of real numbers was given {x.dtype}")
    return x.astype(FLOAT)


def number(y: Any) -> Array:
    """A result without axes is a number of NumPy's, as SciPy's are."""
    return y if np.ndim(y) else y * np.float64(1)


def interior(low: Any, high: Any) -> Any:
    """A point between two bounds that is not near them, unless they are."""
    low, high = np.maximum(low, np.minimum(high, 0.0) - 1), np.minimum(high, np.maximum(low, 0.0) + 1)
    return ew.stop_gradient((low + high) / 2)


def missing(name: str, method: str) -> AttributeError:
    hint = "funcgrad.random has samplers" if method == "rvs" else f"scipy.stats.{name} may, for plain arrays"
    return AttributeError(f"funcgrad.scipy.stats.{name} has no `{method}`: {hint}")


def no_formula(name: str) -> NotDifferentiableError:
    """The error for what SciPy finds by a sum, or by an integral."""
    return NotDifferentiableError(
        f"`{name}` has no formula here for traced values{provenance.at(provenance.here())}, neither for its "
        f"derivatives nor within jit and vmap. Of plain arrays scipy.stats.{name} computes it: call it outside of what "
        "is transformed; within, fg.pure_callback calls it, and fg.custom_vjp gives it a derivative of yours"
    )


class Distribution:
    """A distribution of SciPy's. Called with parameters, it is frozen: its methods do not take them again.

    Args of each method:
        x: points (`k` of integers), or probabilities `q`: arrays that broadcast with the parameters.
        *args, **kwds: the shape parameters, `loc`, and `scale`, by position or by name.

    Returns:
        Arrays in float64. Outside of the support and at infinity derivatives are 0. Where the value is NaN, as where
        there is no distribution with such parameters, derivatives are NaN.
    """

    _tail: tuple[str, ...] = ("loc",)

    def __init__(self, name: str, standard: Standard) -> None:
        self.name = name
        self._standard = standard
        names = [Parameter(n, Parameter.POSITIONAL_OR_KEYWORD) for n in standard.shapes()]
        tail = [Parameter(n, Parameter.POSITIONAL_OR_KEYWORD, default=None) for n in self._tail]
        self._signature = Signature([*names, *tail])

    def __call__(self, *args: Any, **kwds: Any) -> Frozen:
        """The distribution with these parameters."""
        self._signature.bind(*args, **kwds)
        return Frozen(self, args, kwds)

    def __repr__(self) -> str:
        return f"funcgrad.scipy.stats.{self.name}"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name) if name.startswith("_") else missing(self.name, name)

    def ppf(self, q: Array, *args: Any, **kwds: Any) -> Array:
        """The inverse of `cdf`: the quantile of a probability."""
        return self._dispatch("ppf", self._of_probability, (q,), args, kwds)

    def isf(self, q: Array, *args: Any, **kwds: Any) -> Array:
        """The inverse of `sf`."""
        return self._dispatch("isf", self._of_probability, (q,), args, kwds)

    def mean(self, *args: Any, **kwds: Any) -> Array:
        """The mean."""
        return self._dispatch("mean", self._moment, (), args, kwds)

    def var(self, *args: Any, **kwds: Any) -> Array:
        """The variance."""
        return self._dispatch("var", self._moment, (), args, kwds)

    def std(self, *args: Any, **kwds: Any) -> Array:
        """The standard deviation."""
        return self._dispatch("std", self._moment, (), args, kwds)

    def entropy(self, *args: Any, **kwds: Any) -> Array:
        """The (differential) entropy."""
        return self._dispatch("entropy", self._moment, (), args, kwds)

    def _dispatch(
        self, method: str, traced: Callable[..., Array], x: tuple, args: Sequence[Any], kwds: Mapping[str, Any]
    ) -> Array:
        if not (any_traced(x) or any_traced(args) or any_traced(kwds.values())):
            from scipy import stats  # half a second

            return getattr(getattr(stats, self.name), method)(*x, *args, **kwds)
        given = {name: real(value) for name, value in self._signature.bind(*args, **kwds).arguments.items()}
        loc, scale = given.pop("loc", None), given.pop("scale", None)
        with np.errstate(all="ignore"):  # as SciPy does
            return number(traced(method, *map(real, x), tuple(given.values()), loc, scale))

    def _of_point(self, method: str, x: Array, shapes: tuple, loc: Any, scale: Any) -> Array:
        """A formula within the support, limits outside of it and at infinity, NaN for parameters that are none."""
        standard = self._standard
        low, high = standard.support(*shapes)
        z = _standardised(choose(abs(x) != math.inf, x, 0.0), loc, scale)
        known = z == z
        below, above = self._outside(method, z, low, high)
        below, above = (x == -math.inf) | below & (x != math.inf), (x == math.inf) | above & (x != -math.inf)
        inside = ~(below | above)
        z = choose(inside, z, interior(low, high))
        y = self._formula(method, z, self._held(inside, shapes), scale)
        limit_below, limit_above = LIMITS[method]
        y = choose(inside, y, limit_below if limit_below == limit_above else ew.where(below, limit_below, limit_above))
        return self._defined(known, y, shapes, loc, scale, x)

    def _outside(self, method: str, z: Array, low: Any, high: Any) -> tuple[Any, Any]:
        """Whether a point is below the support, and whether it is above."""
        raise NotImplementedError

    def _held(self, inside: Any, shapes: tuple) -> tuple:
        """The shape parameters, of which none moves outside of the support."""
        return shapes

    def _formula(self, method: str, z: Array, shapes: tuple, scale: Any) -> Array:
        return getattr(self._standard, method)(z, *shapes)

    def _of_probability(self, method: str, q: Array, shapes: tuple, loc: Any, scale: Any) -> Array:
        standard = self._standard
        low, high = self._ends(*standard.support(*shapes))
        if method == "isf":
            low, high = high, low
        inside = (q > 0) & (q < 1)
        z = getattr(standard, method)(choose(inside, q, 0.5), *shapes)
        z = choose(inside, z, ew.where(q == 0, low, ew.where(q == 1, high, math.nan)))
        x = _where_finite(lambda z: _moved(z, loc, scale), z)
        return self._defined(True, x, shapes, loc, scale, q)

    def _ends(self, low: Any, high: Any) -> tuple[Any, Any]:
        """The quantiles of 0 and 1."""
        return low, high

    def _moment(self, method: str, shapes: tuple, loc: Any, scale: Any, called: str | None = None) -> Array:
        if method == "std":
            return ew.sqrt(self._moment("var", shapes, loc, scale, called="std"))
        formula = getattr(self._standard, method)
        if formula is None:
            raise no_formula(f"{self.name}.{called or method}")
        found = real(formula(*shapes))
        if method == "mean":
            found = _where_finite(lambda z: _moved(z, loc, scale), found)
        elif scale is not None:
            grown = (lambda z: z + ew.log(scale)) if method == "entropy" else (lambda z: z * scale * scale)
            found = _where_finite(grown, found)
        if loc is not None:
            found = np.broadcast_to(found, np.broadcast_shapes(found.shape, loc.shape))
        return self._defined(True, found, shapes, loc, scale)

    def _defined(self, known: Any, y: Array, shapes: tuple, loc: Any, scale: Any, *points: Array) -> Array:
        known = known & self._standard.valid(*shapes)
        if scale is not None:
            known = known & (scale > 0)
        if loc is not None:
            known = known & (loc == loc)
        return defined(known, y, *points, *shapes, *(a for a in (loc, scale) if a is not None))


def _standardised(x: Array, loc: Any, scale: Any) -> Array:
    z = x if loc is None else x - loc
    return z if scale is None else z / scale


def _moved(z: Array, loc: Any, scale: Any) -> Array:
    x = z if scale is None else z * scale
    return x if loc is None else x + loc


def _where_finite(function: Callable[[Array], Array], z: Array) -> Array:
    """A function of what is finite; infinity stays, and does not move with what the function takes besides."""
    finite = np.isfinite(z)
    return choose(finite, function(choose(finite, z, 0.0)), z)


class Continuous(Distribution):
    """A distribution of real numbers."""

    __doc__ = f"{__doc__}\n{Distribution.__doc__}"
    _tail = ("loc", "scale")

    def pdf(self, x: Array, *args: Any, **kwds: Any) -> Array:
        """The density at `x`."""
        return self._dispatch("pdf", self._of_point, (x,), args, kwds)

    def logpdf(self, x: Array, *args: Any, **kwds: Any) -> Array:
        """The logarithm of the density at `x`."""
        return self._dispatch("logpdf", self._of_point, (x,), args, kwds)

    def cdf(self, x: Array, *args: Any, **kwds: Any) -> Array:
        """The probability of what is not above `x`."""
        return self._dispatch("cdf", self._of_point, (x,), args, kwds)

    def sf(self, x: Array, *args: Any, **kwds: Any) -> Array:
        """The probability of what is above `x`, `1 - cdf(x)`."""
        return self._dispatch("sf", self._of_point, (x,), args, kwds)

    def logcdf(self, x: Array, *args: Any, **kwds: Any) -> Array:
        """The logarithm of `cdf`."""
        return self._dispatch("logcdf", self._of_point, (x,), args, kwds)

    def logsf(self, x: Array, *args: Any, **kwds: Any) -> Array:
        """The logarithm of `sf`."""
        return self._dispatch("logsf", self._of_point, (x,), args, kwds)

    def _outside(self, method: str, z: Array, low: Any, high: Any) -> tuple[Any, Any]:
        if method in self._standard.on_edges:
            return z < low, z > high
        return z <= low, z >= high

    def _formula(self, method: str, z: Array, shapes: tuple, scale: Any) -> Array:
        y = super()._formula(method, z, shapes, scale)
        if scale is None or method not in ("pdf", "logpdf"):
            return y
        return y / scale if method == "pdf" else y - ew.log(scale)


class Discrete(Distribution):
    """A distribution of integers. Derivatives are taken in the parameters; in `x` and `loc` they are 0."""

    __doc__ = f"{__doc__}\n{Distribution.__doc__}"

    def pmf(self, k: Array, *args: Any, **kwds: Any) -> Array:
        """The probability of `k`."""
        return self._dispatch("pmf", self._of_point, (k,), args, kwds)

    def logpmf(self, k: Array, *args: Any, **kwds: Any) -> Array:
        """The logarithm of the probability of `k`."""
        return self._dispatch("logpmf", self._of_point, (k,), args, kwds)

    def cdf(self, k: Array, *args: Any, **kwds: Any) -> Array:
        """The probability of what is not above `k`."""
        return self._dispatch("cdf", self._of_point, (k,), args, kwds)

    def sf(self, k: Array, *args: Any, **kwds: Any) -> Array:
        """The probability of what is above `k`, `1 - cdf(k)`."""
        return self._dispatch("sf", self._of_point, (k,), args, kwds)

    def logcdf(self, k: Array, *args: Any, **kwds: Any) -> Array:
        """The logarithm of `cdf`."""
        return self._dispatch("logcdf", self._of_point, (k,), args, kwds)

    def logsf(self, k: Array, *args: Any, **kwds: Any) -> Array:
        """The logarithm of `sf`."""
        return self._dispatch("logsf", self._of_point, (k,), args, kwds)

    def _outside(self, method: str, z: Array, low: Any, high: Any) -> tuple[Any, Any]:
        if method in ("pmf", "logpmf"):
            return (z < low) | (np.floor(z) < z), z > high
        return z < low, z >= high

    def _held(self, inside: Any, shapes: tuple) -> tuple:
        # chances may be 0 and 1, where the derivatives of formulas are infinite
        return tuple(choose(inside, shape, ew.stop_gradient(shape)) for shape in shapes)

    def _formula(self, method: str, z: Array, shapes: tuple, scale: Any) -> Array:
        return super()._formula(method, np.floor(z), shapes, scale)

    def _ends(self, low: Any, high: Any) -> tuple[Any, Any]:
        return low - 1, high


class Frozen:
    """A distribution with its parameters: it has the same methods, which take no more than a point.

    The point's name is SciPy's for frozen distributions: `x`, but `q` of quantiles, and `k` of integers' probabilities.
    """

    def __init__(self, dist: Any, args: tuple, kwds: dict[str, Any]) -> None:
        self.dist, self.args, self.kwds = dist, args, kwds

    def __repr__(self) -> str:
        return f"{self.dist!r} with its parameters"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "dist":
            raise AttributeError(name)
        method = getattr(self.dist, name)
        if name in MOMENTS:
            return lambda: method(*self.args, **self.kwds)
        point = "q" if name in ("ppf", "isf") else "k" if isinstance(self.dist, Discrete) and "pmf" in name else "x"

        def function(*x: Any, **named: Any) -> Array:
            if len(x) + len(named) != 1 or not named.keys() <= {point}:
                raise TypeError(f"`{name}` of a frozen distribution takes one argument, `{point}`")
            return method(*x, *named.values(), *self.args, **self.kwds)

        return function
