"""What describes a sample: SciPy's names for compositions of means and powers, along an axis."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, TypeVar

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.frames import hide, hides
from funcgrad.numpy.dispatch import Array
from funcgrad.ops.operands import any_traced, as_array
from funcgrad.scipy import special

__all__ = ["entropy", "gmean", "hmean", "kurtosis", "moment", "pearsonr", "sem", "skew", "variation", "zmap", "zscore"]

Function = TypeVar("Function", bound=Callable[..., Any])


def descriptive(fun: Function) -> Function:
    """A function of traced samples; on plain arrays SciPy's of the same name, for which scipy.stats is imported."""

    @wraps(fun)
    def function(*args: Any, **kwargs: Any) -> Any:
        try:
            if any_traced(args) or any_traced(kwargs.values()):
                if kwargs.get("nan_policy", "propagate") != "propagate":
                    raise TypeError(
                        f"Leave nan_policy out, and choose by np.where: `{fun.__name__}` of a traced value takes "
                        "'propagate' only"
                    )
                return fun(*args, **kwargs)
            import scipy.stats  # half a second

            return getattr(scipy.stats, fun.__name__)(*args, **kwargs)
        except Exception as error:
            hide(error)
            raise

    return hides(function)  # type: ignore[return-value]


def _sample(a: Any, axis: int | None) -> tuple[Array, int]:
    """The floats of a sample, and their axis; flattened where that is None."""
    a = as_array(a)
    a = a if a.dtype.kind in "fc" else a.astype(float)
    return (fnp.ravel(a), 0) if axis is None else (a, axis)


def _kept(found: Array, a: Any, axis: int | None, keepdims: bool) -> Array:
    """A result along an axis of `a`, with an axis of size one in its place where it is to be kept."""
    if not keepdims:
        return found
    return fnp.reshape(found, (1,) * np.ndim(a)) if axis is None else fnp.expand_dims(found, axis)


def _moments(a: Array, order: int, axis: int) -> tuple[Array, Array]:
    """The variance, NaN where it is rounding only, and the central moment of an order."""
    mean = fnp.mean(a, axis, keepdims=True)
    variance = fnp.mean((a - mean) ** 2, axis, keepdims=True)
    variance = fnp.where(variance <= (np.finfo(a.dtype).eps * mean) ** 2, np.nan, variance)
    return fnp.squeeze(variance, axis), fnp.mean((a - mean) ** order, axis)


@descriptive
def zmap(scores: Array, compare: Array, axis: int | None = 0, ddof: int = 0, nan_policy: str = "propagate") -> Array:
    """How many standard deviations of `compare` the `scores` are away from its mean."""
    sample, along = _sample(compare, axis)
    kept = axis is not None
    mean, deviation = fnp.mean(sample, along, keepdims=kept), fnp.std(sample, along, ddof=ddof, keepdims=kept)
    return (as_array(scores) - mean) / deviation


@descriptive
def zscore(a: Array, axis: int | None = 0, ddof: int = 0, nan_policy: str = "propagate") -> Array:
    """How many standard deviations each element is away from the mean along `axis` (of all where it is None).

    Example:
        >>> fg.jacobian(lambda a: zscore(a).sum())(np.array([1.0, 2.0, 4.0])).round(12) + 0.0
        array([0., 0., 0.])
    """
    sample, along = _sample(a, axis)
    mean, deviation = fnp.mean(sample, along, keepdims=True), fnp.std(sample, along, ddof=ddof, keepdims=True)
    deviation = fnp.where(deviation <= fnp.abs(np.finfo(sample.dtype).eps * mean), np.nan, deviation)
    return fnp.reshape((sample - mean) / deviation, np.shape(a))


@descriptive
def gmean(
    a: Array,
    axis: int | None = 0,
    dtype: Any = None,
    weights: Array | None = None,
    *,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Array:
    """The geometric mean along `axis`.

    Example:
        >>> fg.grad(gmean)(np.array([1.0, 4.0]))
        array([1.  , 0.25])
    """
    return _kept(fnp.exp(_weighted(fnp.log, a, axis, dtype, weights)), a, axis, keepdims)


@descriptive
def hmean(
    a: Array,
    axis: int | None = 0,
    dtype: Any = None,
    *,
    weights: Array | None = None,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Array:
    """The harmonic mean along `axis`, of positive numbers."""
    return _kept(1.0 / _weighted(lambda x: 1.0 / x, a, axis, dtype, weights), a, axis, keepdims)


def _weighted(f: Callable[[Array], Array], a: Any, axis: int | None, dtype: Any, weights: Any) -> Array:
    """The weighted mean of a function of the elements."""
    sample, along = _sample(a, axis)
    values = f(sample if dtype is None else sample.astype(dtype))
    if weights is None:
        return fnp.mean(values, along)
    weights = fnp.broadcast_to(fnp.ravel(weights) if axis is None else weights, values.shape)
    return fnp.sum(values * weights, along) / fnp.sum(weights, along)


@descriptive
def moment(
    a: Array,
    order: int = 1,
    axis: int | None = 0,
    nan_policy: str = "propagate",
    *,
    center: Array | None = None,
    keepdims: bool = False,
) -> Array:
    """The mean of the differences from the mean, or from `center`, to the power `order`, along `axis`."""
    sample, along = _sample(a, axis)
    if order == 1 and center is None:
        return _kept(0.0 * fnp.mean(sample, along), a, axis, keepdims)
    middle = fnp.mean(sample, along, keepdims=True) if center is None else center
    return _kept(fnp.mean((sample - middle) ** order, along), a, axis, keepdims)


@descriptive
def skew(
    a: Array, axis: int | None = 0, bias: bool = True, nan_policy: str = "propagate", *, keepdims: bool = False
) -> Array:
    """The third moment in units of the standard deviation, along `axis`; without `bias` that of the population.

    Example:
        >>> fg.grad(skew)(np.array([0.0, 1.0, 5.0])).round(6)
        array([ 0.188943, -0.236179,  0.047236])
    """
    sample, along = _sample(a, axis)
    n, (variance, third) = sample.shape[along], _moments(sample, 3, along)
    found = third / variance**1.5
    if not bias and n > 2:
        found = math.sqrt((n - 1.0) * n) / (n - 2.0) * found
    return _kept(found, a, axis, keepdims)


@descriptive
def kurtosis(
    a: Array,
    axis: int | None = 0,
    fisher: bool = True,
    bias: bool = True,
    nan_policy: str = "propagate",
    *,
    keepdims: bool = False,
) -> Array:
    """The fourth moment in units of the squared variance, along `axis`; less 3 by Fisher's definition."""
    sample, along = _sample(a, axis)
    n, (variance, fourth) = sample.shape[along], _moments(sample, 4, along)
    found = fourth / variance**2
    if not bias and n > 3:
        found = 3.0 + ((n * n - 1.0) * found - 3.0 * (n - 1.0) ** 2) / ((n - 2.0) * (n - 3.0))
    return _kept(found - 3.0 if fisher else found, a, axis, keepdims)


@descriptive
def sem(
    a: Array, axis: int | None = 0, ddof: int = 1, nan_policy: str = "propagate", *, keepdims: bool = False
) -> Array:
    """The standard error of the mean along `axis`."""
    sample, along = _sample(a, axis)
    return _kept(fnp.std(sample, along, ddof=ddof) / math.sqrt(sample.shape[along]), a, axis, keepdims)


@descriptive
def variation(
    a: Array, axis: int | None = 0, nan_policy: str = "propagate", ddof: int = 0, *, keepdims: bool = False
) -> Array:
    """The standard deviation divided by the mean, along `axis`."""
    sample, along = _sample(a, axis)
    return _kept(fnp.std(sample, along, ddof=ddof) / fnp.mean(sample, along), a, axis, keepdims)


@descriptive
def entropy(
    pk: Array,
    qk: Array | None = None,
    base: float | None = None,
    axis: int | None = 0,
    *,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Array:
    """The entropy of the distribution that `pk` is in proportion to, or its divergence from that of `qk`.

    Example:
        >>> fg.grad(entropy)(np.array([1.0, 3.0])).round(6)
        array([ 0.20599 , -0.068663])
    """
    p, along = _sample(pk, axis)
    p = p / fnp.sum(p, along, keepdims=True)
    if qk is None:
        terms = special.entr(p)
    else:
        q, _ = _sample(qk, axis)
        terms = special.rel_entr(p, q / fnp.sum(q, along, keepdims=True))
    found = fnp.sum(terms, along)
    if base is not None:
        found = found / (math.log(base) if isinstance(base, (int, float)) else fnp.log(base))
    return _kept(found, pk, axis, keepdims)


class PearsonRResult(NamedTuple):
    """The correlation of two samples, and the probability of one as large where there is none."""

    statistic: Array
    pvalue: Array


@descriptive
def pearsonr(x: Array, y: Array, *, alternative: str = "two-sided", method: None = None, axis: int | None = 0) -> Any:
    """The correlation of two samples along `axis`, and its probability where the samples are independent.

    Example:
        >>> x, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0, 5.0])
        >>> fg.grad(lambda y: pearsonr(x, y).statistic)(y).round(6)
        array([-0.060474, -0.099351,  0.146866,  0.012959])
    """
    if method is not None:
        raise TypeError("Leave method out: `pearsonr` of a traced value has no resampling")
    if alternative not in ("two-sided", "less", "greater"):
        raise ValueError("`alternative` must be 'less', 'greater', or 'two-sided'.")
    (x, along), (y, _) = _sample(x, axis), _sample(y, axis)
    n = x.shape[along]
    dx, dy = x - fnp.mean(x, along, keepdims=True), y - fnp.mean(y, along, keepdims=True)
    norms = fnp.linalg.norm(dx, axis=along, keepdims=True), fnp.linalg.norm(dy, axis=along, keepdims=True)
    r = fnp.clip(fnp.sum(dx / norms[0] * (dy / norms[1]), along), -1.0, 1.0)
    below = lambda r: special.betainc(0.5 * n - 1.0, 0.5 * n - 1.0, 0.5 * (1.0 + r))
    tail = {"less": lambda: below(r), "greater": lambda: below(-r), "two-sided": lambda: 2.0 * below(-fnp.abs(r))}
    return PearsonRResult(r, tail[alternative]())
