"""What describes a sample: SciPy's names for compositions of means and powers, along an axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import wraps
from inspect import signature
from typing import Any, NamedTuple, TypeVar

import numpy as np
import scipy
from numpy.lib.array_utils import normalize_axis_tuple

from funcgrad import numpy as fnp
from funcgrad.core.frames import hide, hides
from funcgrad.lax import stop_gradient
from funcgrad.numpy.dispatch import Array, since
from funcgrad.ops.operands import any_traced, as_array
from funcgrad.scipy import special
from funcgrad.scipy.supports import common_dtype

__all__ = ["entropy", "gmean", "hmean", "kurtosis", "moment", "pearsonr", "sem", "skew", "variation", "zmap", "zscore"]

Function = TypeVar("Function", bound=Callable[..., Any])
Axis = int | Sequence[int] | None


def descriptive(fun: Function) -> Function:
    """A function of traced samples; on plain arrays SciPy's of the same name, for which scipy.stats is imported."""
    names = [*signature(fun).parameters]
    place = names.index("nan_policy") if "nan_policy" in names else len(names)

    @wraps(fun)
    def function(*args: Any, **kwargs: Any) -> Any:
        try:
            if any_traced(args) or any_traced(kwargs.values()):
                policy = args[place] if len(args) > place else kwargs.get("nan_policy", "propagate")
                if policy != "propagate":
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


def _floats(*arrays: Any) -> list[Array]:
    """Arrays in the floating-point dtype that they have in common."""
    given = [as_array(a) for a in arrays]
    common = np.result_type(*[a.dtype for a in given])
    common = common if common.kind in "fc" else np.dtype(float)
    return [a if a.dtype == common else a.astype(common) for a in given]


def _samples(axis: Axis, *arrays: Any) -> tuple[Sequence[Array], tuple[int, ...]]:
    """Samples of one shape and dtype, their axes as one, the last; and the shape of a result that keeps the axes."""
    given: Sequence[Array] = [fnp.atleast_1d(a) for a in _floats(*arrays)]
    ndim = max([a.ndim for a in given])
    if axis is None:
        return fnp.broadcast_arrays(*map(fnp.ravel, given)), (1,) * ndim
    given = fnp.broadcast_arrays(*given)
    axes = normalize_axis_tuple(axis, ndim, "axis")
    shape = given[0].shape
    if axes != (ndim - 1,):
        rest = [n for i, n in enumerate(shape) if i not in axes]
        length = math.prod([shape[i] for i in axes])
        behind = tuple(range(ndim - len(axes), ndim))
        given = [fnp.reshape(fnp.moveaxis(a, axes, behind), (*rest, length)) for a in given]
    return given, tuple([1 if i in axes else n for i, n in enumerate(shape)])


def _result(found: Array, shape: tuple[int, ...], keepdims: bool) -> Array:
    """A result, with axes of size one in the place of those of the sample where they are to be kept."""
    return fnp.reshape(found, shape) if keepdims else found


def _correction(n: int, ddof: float) -> float:
    """What makes a mean square one of n - ddof degrees of freedom; NaN where none is left."""
    return n / (n - ddof) if n > ddof else math.nan


def _moments(a: Array, order: int) -> tuple[Array, Array]:
    """The variance, NaN where it is rounding only, and the central moment of an order."""
    mean = fnp.mean(a, -1, keepdims=True)
    variance = fnp.mean((a - mean) ** 2, -1)
    floor = (np.finfo(a.dtype).eps * fnp.squeeze(mean, -1)) ** 2
    return fnp.where(variance <= floor, np.nan, variance), fnp.mean((a - mean) ** order, -1)


@descriptive
def zmap(scores: Array, compare: Array, axis: Axis = 0, ddof: float = 0, nan_policy: str = "propagate") -> Array:
    """How many standard deviations of `compare` the `scores` are away from its mean.

    Along `axis`, or several axes; of all elements where it is None.
    """
    return _scores([scores, compare], axis, ddof)


@descriptive
def zscore(a: Array, axis: Axis = 0, ddof: float = 0, nan_policy: str = "propagate") -> Array:
    """How many standard deviations each element is away from the mean along `axis` (of all where it is None).

    Example:
        >>> fg.jacobian(lambda a: zscore(a).sum())(np.array([1.0, 2.0, 4.0])).round(12) + 0.0
        array([0., 0., 0.])
    """
    return _scores([a, a], axis, ddof)


def _scores(arrays: Sequence[Any], axis: Axis, ddof: float) -> Array:
    scores, sample = _floats(*arrays)
    mean, deviation = fnp.mean(sample, axis, keepdims=True), fnp.std(sample, axis, keepdims=True)
    if ddof:
        deviation = deviation * math.sqrt(_correction(sample.size // max(mean.size, 1), ddof))
    if arrays[0] is arrays[1]:
        deviation = fnp.where(deviation <= fnp.abs(np.finfo(sample.dtype).eps * mean), np.nan, deviation)
    return (scores - mean) / deviation


@descriptive
def gmean(
    a: Array,
    axis: Axis = 0,
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
    mean, shape = _weighted(fnp.log, a, axis, dtype, weights)
    return _result(fnp.exp(mean), shape, keepdims)


@descriptive
def hmean(
    a: Array,
    axis: Axis = 0,
    dtype: Any = None,
    *,
    weights: Array | None = None,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Array:
    """The harmonic mean along `axis`, of positive numbers: NaN where one is negative."""
    mean, shape = _weighted(lambda x: 1.0 / fnp.where(x < 0, np.nan, x), a, axis, dtype, weights)
    return _result(1.0 / mean, shape, keepdims)


def _weighted(
    f: Callable[[Array], Array], a: Any, axis: Axis, dtype: Any, weights: Any
) -> tuple[Array, tuple[int, ...]]:
    """The weighted mean of a function of the elements."""
    samples, shape = _samples(axis, a) if weights is None else _samples(axis, a, weights)
    sample, *rest = samples if dtype is None else [s.astype(dtype) for s in samples]
    values = f(sample)
    if not rest:
        return fnp.mean(values, -1), shape
    return fnp.sum(values * rest[0], -1) / fnp.sum(rest[0], -1), shape


@descriptive
def moment(
    a: Array,
    order: int | Sequence[int] = 1,
    axis: Axis = 0,
    nan_policy: str = "propagate",
    *,
    center: Array | None = None,
    keepdims: bool = False,
) -> Array:
    """The mean of the differences from the mean, or from `center`, to the power `order`, along `axis`.

    Of several orders the moments are stacked along a first axis.

    Raises:
        ValueError: An order that is no whole number, or is negative, of which SciPy gives the second moment.
    """
    orders = np.asarray(order)
    if orders.ndim > 1 or not orders.size:
        raise ValueError("`order` must be a scalar or a non-empty 1D array.")
    if (orders != np.round(orders)).any():
        raise ValueError("All elements of `order` must be integral.")
    if (orders < 0).any():
        raise ValueError(f"Write `np.mean((a - middle) ** order)`: `moment` has orders from 0 on, got {order}")
    if since(scipy, "1.18.0"):  # where they too decide the dtype
        a = as_array(a).astype(common_dtype(a, order, center))
    (sample,), shape = _samples(axis, a)
    found = [_result(_moment(sample, int(o), center), shape, keepdims) for o in orders.flat]
    return fnp.stack(found) if orders.ndim else found[0]


def _moment(sample: Array, order: int, center: Any) -> Array:
    if order == 0 or (order == 1 and center is None):  # 1 and 0, whatever the numbers are
        return (1.0 - order) * fnp.mean(fnp.where(fnp.isnan(sample), sample, 1.0), -1)
    middle = fnp.mean(sample, -1, keepdims=True) if center is None else as_array(center).astype(sample.dtype)
    return fnp.mean((sample - middle) ** order, -1)


@descriptive
def skew(
    a: Array, axis: Axis = 0, bias: bool = True, nan_policy: str = "propagate", *, keepdims: bool = False
) -> Array:
    """The third moment in units of the standard deviation, along `axis`; without `bias` that of the population.

    Example:
        >>> fg.grad(skew)(np.array([0.0, 1.0, 5.0])).round(6)
        array([ 0.188943, -0.236179,  0.047236])
    """
    (sample,), shape = _samples(axis, a)
    n, (variance, third) = sample.shape[-1], _moments(sample, 3)
    found = third / variance**1.5
    if not bias and n > 2:
        found = math.sqrt((n - 1.0) * n) / (n - 2.0) * found
    return _result(found, shape, keepdims)


@descriptive
def kurtosis(
    a: Array,
    axis: Axis = 0,
    fisher: bool = True,
    bias: bool = True,
    nan_policy: str = "propagate",
    *,
    keepdims: bool = False,
) -> Array:
    """The fourth moment in units of the squared variance, along `axis`; less 3 by Fisher's definition."""
    (sample,), shape = _samples(axis, a)
    n, (variance, fourth) = sample.shape[-1], _moments(sample, 4)
    found = fourth / variance**2
    if not bias and n > 3:
        found = 3.0 + ((n * n - 1.0) * found - 3.0 * (n - 1.0) ** 2) / ((n - 2.0) * (n - 3.0))
    return _result(found - 3.0 if fisher else found, shape, keepdims)


@descriptive
def sem(a: Array, axis: Axis = 0, ddof: float = 1, nan_policy: str = "propagate", *, keepdims: bool = False) -> Array:
    """The standard error of the mean along `axis`: NaN of a single number."""
    (sample,), shape = _samples(axis, a)
    n = sample.shape[-1]
    return _result(fnp.std(sample, -1, ddof=ddof) / (math.sqrt(n) if n > 1 else math.nan), shape, keepdims)


@descriptive
def variation(
    a: Array, axis: Axis = 0, nan_policy: str = "propagate", ddof: float = 0, *, keepdims: bool = False
) -> Array:
    """The standard deviation divided by the mean, along `axis`."""
    (sample,), shape = _samples(axis, a)
    n = sample.shape[-1]
    found = fnp.std(sample, -1) / fnp.mean(sample, -1)
    if ddof:
        found = found * (math.inf if n == ddof else math.sqrt(_correction(n, ddof)))
    return _result(found, shape, keepdims)


@descriptive
def entropy(
    pk: Array,
    qk: Array | None = None,
    base: float | None = None,
    axis: Axis = 0,
    *,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Array:
    """The entropy of the distribution that `pk` is in proportion to, or its divergence from that of `qk`.

    Example:
        >>> fg.grad(entropy)(np.array([1.0, 3.0])).round(6)
        array([ 0.20599 , -0.068663])
    """
    log = fnp.log if any_traced([base]) else math.log
    if base is not None and log is math.log and base <= 0:
        raise ValueError("`base` must be a positive number or `None`.")
    given, shape = _samples(axis, pk) if qk is None else _samples(axis, pk, qk)
    chances = [p / fnp.sum(p, -1, keepdims=True) for p in given]
    found = fnp.sum(special.entr(*chances) if qk is None else special.rel_entr(*chances), -1)
    if base is not None:
        found = found / log(base)
    return _result(found, shape, keepdims)


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
    x, y = _floats(x, y)
    if x.dtype.kind == "c":
        raise ValueError("This function does not support complex data")
    if axis is None:
        x, y = fnp.ravel(x), fnp.ravel(y)
    ndim, along = max(x.ndim, y.ndim), 0 if axis is None else axis
    x, y = (fnp.moveaxis(fnp.reshape(z, (1,) * (ndim - z.ndim) + z.shape), along, -1) for z in (x, y))
    n = x.shape[-1]
    if n != y.shape[-1]:
        raise ValueError("`x` and `y` must have the same length along `axis`.")
    if n < 2:
        raise ValueError("`x` and `y` must have length at least 2.")
    r = fnp.sum(_direction(x) * _direction(y), -1)
    r = r + stop_gradient(fnp.clip(r, -1.0, 1.0) - r)  # from where rounding leads, which is no kink
    if n == 2:  # 1 or -1, wherever the points are
        r = fnp.round(r)
        return PearsonRResult(r, fnp.where(fnp.isnan(r), r, 1.0))
    below = lambda r: special.betainc(0.5 * n - 1.0, 0.5 * n - 1.0, 0.5 * (1.0 + r))
    tail = {"less": lambda: below(r), "greater": lambda: below(-r), "two-sided": lambda: 2.0 * below(-fnp.abs(r))}
    return PearsonRResult(r, tail[alternative]())


def _direction(x: Array) -> Array:
    """The unit vector from the mean to the sample; NaN where all numbers are the same."""
    x = fnp.where(fnp.all(x == x[..., :1], -1, keepdims=True), np.nan, x)
    away = x - fnp.mean(x, -1, keepdims=True)
    away = away / stop_gradient(fnp.max(fnp.abs(away), -1, keepdims=True))  # whose squares do not overflow
    return away / fnp.linalg.norm(away, axis=-1, keepdims=True)
