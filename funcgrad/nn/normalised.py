"""Functions along an axis: normalised exponentials, standardisation; and one-hot vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from funcgrad.numpy.dispatch import Array, Axes, axes_of
from funcgrad.numpy.reductions import max as _max
from funcgrad.numpy.reductions import sum as _sum
from funcgrad.numpy.statistics import accumulated, cast_to
from funcgrad.numpy.statistics import mean as _mean
from funcgrad.ops import elementwise as ew
from funcgrad.ops import normalise
from funcgrad.ops.broadcasting import expanded, reshape
from funcgrad.ops.operands import as_array, as_inexact

__all__ = ["log_softmax", "logmeanexp", "logsumexp", "one_hot", "softmax", "standardize"]


def logsumexp(
    a: Array,
    axis: Axes = None,
    b: Array | None = None,
    keepdims: bool = False,
    return_sign: bool = False,
    where: Array | None = None,
) -> Any:
    """`log(sum(b * exp(a)))` along `axis`, without overflow.

    Where all of `a` is -inf, it is -inf and its gradient zero.

    Args:
        a: exponents.
        axis: one or several axes; all by default.
        b: factors, which broadcast against `a`.
        keepdims: keep the axes with size one.
        return_sign: return ``(log of the absolute value, sign)``, for sums that may be negative.
        where: which elements count.

    Returns:
        The reduced array, NaN where the sum is negative and `return_sign` is False.

    Example:
        >>> import numpy as np
        >>> logsumexp(np.array([1000.0, 1000.0]))
        np.float64(1000.6931471805599)
    """
    a = as_inexact(a)
    if b is None:
        a, dtype = accumulated(a, None)
        if where is None and not return_sign and a.size and a.dtype.kind == "f":
            axes = axes_of(axis, a.ndim)
            y = normalise.logsumexp(a, axes=axes)
            return cast_to(reshape(y, shape=expanded(a.shape, axes)) if keepdims and axes else y, dtype)
    else:
        shape = np.broadcast_shapes(np.shape(a), np.shape(b))
        a = a if a.shape == shape else ew.add(a, np.zeros(shape, a.dtype))
    if where is not None:
        a = ew.where(where, a, -math.inf)
    if b is not None:
        a = ew.where(as_array(b) == 0, -math.inf, a)
    top = _max(ew.stop_gradient(a), axis, keepdims=True, initial=-math.inf)
    top = ew.where(ew.isfinite(top), top, 0.0)
    terms = ew.exp(a - top)
    total = _sum(terms if b is None else b * terms, axis, keepdims=True)
    size, sign = (total, None) if b is None and not return_sign else (ew.abs(total), ew.sign(total))
    empty = size == 0
    y = ew.where(empty, -math.inf, ew.log(ew.where(empty, 1.0, size))) + top
    if not return_sign and sign is not None:
        y = ew.where(sign < 0, math.nan, y)
    if not keepdims:
        y = y.sum(axis=axis)
        sign = sign.sum(axis=axis) if sign is not None else None
    if b is None:
        y = cast_to(y, dtype)
    return (y, sign) if return_sign else y


def logmeanexp(x: Array, axis: Axes = None, where: Array | None = None, keepdims: bool = False) -> Array:
    """`log(mean(exp(x)))` along `axis`, without overflow; with `where`, over those elements only.

    Example:
        >>> import numpy as np
        >>> logmeanexp(np.array([1000.0, 1000.0]))
        np.float64(1000.0)
    """
    y = logsumexp(x, axis=axis, where=where, keepdims=keepdims)
    counted = np.ones(np.shape(x), bool) if where is None else where & np.ones(np.shape(x), bool)
    return y - ew.log(ew.convert(_sum(counted, axis, keepdims=keepdims), dtype=y.dtype))


def softmax(x: Array, axis: int | tuple[int, ...] | None = -1, where: Array | None = None) -> Array:
    """`exp(x)` divided by its sum along `axis`; with `where`, over those elements only, and 0 elsewhere."""
    x, dtype = accumulated(as_inexact(x), None)
    if not x.size:
        return cast_to(x, dtype)
    if where is None:
        return cast_to(normalise.softmax(x, axes=axes_of(axis, x.ndim)), dtype)
    terms = ew.where(where, ew.exp(_shifted(x, axis, where)), 0.0)
    total = _sum(terms, axis, keepdims=True)
    return cast_to(terms / ew.where(total == 0, 1.0, total), dtype)


def log_softmax(x: Array, axis: int | tuple[int, ...] | None = -1, where: Array | None = None) -> Array:
    """The logarithm of `softmax`, without overflow or underflow; -inf where `where` does not hold."""
    x, dtype = accumulated(as_inexact(x), None)
    if not x.size:
        return cast_to(x, dtype)
    if where is None:
        return cast_to(normalise.log_softmax(x, axes=axes_of(axis, x.ndim)), dtype)
    shifted = _shifted(x, axis, where)
    y = shifted - ew.log(_sum(ew.where(where, ew.exp(shifted), 0.0), axis, keepdims=True))
    return cast_to(ew.where(where, y, -math.inf), dtype)


def _shifted(x: Array, axis: Axes, where: Array) -> Array:
    """`x` minus its maximum, which does not change the ratios; 0 where `where` does not hold."""
    top = _max(ew.stop_gradient(x), axis, keepdims=True, where=where, initial=-math.inf)
    return ew.where(where, x - top, 0.0)


def one_hot(x: Array, num_classes: int, *, dtype: Any = np.float64, axis: int = -1) -> Array:
    """Vectors, along a new axis, that are 1 at the place `x` says and 0 elsewhere; all 0 where there is none.

    Example:
        >>> import numpy as np
        >>> one_hot(np.array([1, 0]), 3)
        array([[0., 1., 0.],
               [1., 0., 0.]])
    """
    x = as_array(x)
    rank = x.ndim + 1
    axis = axis + rank if axis < 0 else axis
    classes = np.arange(num_classes).reshape(tuple(num_classes if i == axis else 1 for i in range(rank)))
    return (x.reshape((*x.shape[:axis], 1, *x.shape[axis:])) == classes).astype(dtype)


def standardize(
    x: Array,
    axis: Axes = -1,
    mean: Array | None = None,
    variance: Array | None = None,
    epsilon: Array = 1e-5,
    where: Array | None = None,
) -> Array:
    """`(x - mean) / sqrt(variance + epsilon)` along `axis`.

    Args:
        x: values.
        axis: one or several axes.
        mean, variance: those of `x` by default.
        epsilon: keeps the quotient finite.
        where: which elements count.

    Example:
        >>> import numpy as np
        >>> standardize(np.array([1.0, 3.0])).round(4)
        array([-1.,  1.])
    """
    x = as_inexact(x)
    if mean is None and variance is None and where is None and type(epsilon) is float and x.dtype.char in "fd":
        return normalise.standardise(x, axes=axes_of(axis, x.ndim), eps=epsilon)
    if mean is None:
        mean = _mean(x, axis, keepdims=True, **({} if where is None else {"where": where}))
    if variance is None:
        variance = _mean(ew.square(x - mean), axis, keepdims=True, **({} if where is None else {"where": where}))
    return (x - mean) / ew.sqrt(variance + epsilon)
