"""Integrals of samples: trapezoid, simpson, romb and the running ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.integrate

from funcgrad.core.trace import known
from funcgrad.numpy.dispatch import Array, since
from funcgrad.numpy.indexing import where
from funcgrad.numpy.joining import concatenate
from funcgrad.numpy.reductions import cumsum, diff
from funcgrad.numpy.shaping import broadcast_to, flip, moveaxis
from funcgrad.ops.operands import as_array, as_inexact
from funcgrad.scipy.dispatch import beside
from funcgrad.scipy.supports import common_dtype

_scipy_function = beside(scipy.integrate)
_IN_ONE_DTYPE = since(scipy, "1.18.0")
"""SciPy's `simpson` computes in the dtype of all that it is given; before, with widths in double precision."""


@_scipy_function
def trapezoid(y: Array, x: Array | None = None, dx: Array = 1.0, axis: int = -1) -> Array:
    """The integral along `axis` by the trapezoidal rule, over points `x` or with spacing `dx`.

    Example:
        >>> fg.grad(lambda x: trapezoid(x**2, x))(np.array([0.0, 1.0, 3.0]))
        array([-0.5, -1.5,  11. ])
    """
    y = as_array(y)
    wanted = y.dtype if y.dtype.kind in "fc" else np.dtype(np.float64)
    y, widths = _on_axis(y, x, dx, axis, broadcast=True)
    return ((y[..., 1:] + y[..., :-1]) * (widths / 2.0)).astype(wanted).sum(axis=-1)


@_scipy_function
def cumulative_trapezoid(
    y: Array, x: Array | None = None, dx: Array = 1.0, axis: int = -1, initial: Any = None
) -> Array:
    """The running integral along `axis` by the trapezoidal rule; with `initial=0` it starts with 0."""
    if initial is not None and (np.ndim(initial) or initial != 0):
        raise ValueError("`initial` must be `None` or `0`.")
    y, widths = _on_axis(as_array(y), x, dx, axis)
    if not y.shape[-1]:
        raise ValueError("At least one point is required along `axis`.")
    found = cumsum(widths * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
    return moveaxis(found if initial is None else _after(0.0, found), -1, axis)


@_scipy_function
def simpson(y: Array, x: Array | None = None, *, dx: Array = 1.0, axis: int = -1) -> Array:
    """The integral along `axis` by Simpson's rule, over points `x` or with spacing `dx`.

    Of an even number of points the last interval is integrated by the parabola through the last three points.
    Source: K. Cartwright, "Simpson's rule cumulative integration with MS Excel and irregularly-spaced data", Journal of
    Mathematical Sciences and Mathematics Education 12 (2017), equations 6 and 8.
    """
    if _IN_ONE_DTYPE:
        dtype = common_dtype(y, x, dx)
        y, x, dx = [given if given is None else as_array(given).astype(dtype) for given in (y, x, dx)]
    y, widths = _on_axis(as_inexact(y), x, dx, axis)
    count = y.shape[-1]
    if count == 2:
        return (0.5 * widths * (y[..., 1:] + y[..., :-1])).sum(axis=-1)
    last = count - 1 + count % 2
    pieces = y[..., : last - 2 : 2], y[..., 1 : last - 1 : 2], y[..., 2:last:2]
    if x is None:
        found = (pieces[0] + 4.0 * pieces[1] + pieces[2]).sum(axis=-1) * (dx / 3.0)
    else:
        widths = _exact(widths)
        first, second = widths[..., : last - 2 : 2], widths[..., 1 : last - 1 : 2]
        total, ratio = first + second, _ratio(first, second)
        middle = total * _ratio(total, first * second)
        found = total / 6.0 * (pieces[0] * (2.0 - _ratio(1.0, ratio)) + pieces[1] * middle + pieces[2] * (2.0 - ratio))
        found = found.sum(axis=-1)
    if count % 2:
        return found
    total = found + _last_interval(y, widths, x is None)
    return total.astype(found.dtype) if found.ndim else total  # SciPy adds it in place, where that is an array


def _exact(widths: Array) -> Array:
    return widths if _IN_ONE_DTYPE else widths.astype(np.float64)


def _last_interval(y: Array, widths: Array, even: bool) -> Array:
    if even:
        a = b = _exact(as_inexact(widths))
    else:
        a, b = widths[..., -2], widths[..., -1]
    last = _ratio(2 * b**2 + 3 * a * b, 6 * (a + b))
    before = _ratio(b**2 + 3.0 * a * b, 6 * a)
    return last * y[..., -1] + before * y[..., -2] - _ratio(b**3, 6 * a * (a + b)) * y[..., -3]


@_scipy_function
def cumulative_simpson(
    y: Array, *, x: Array | None = None, dx: Array = 1.0, axis: int = -1, initial: Any = None
) -> Array:
    """The running integral along `axis` by Simpson's rule; with `initial` it starts with that, which is added to all.

    Each interval has the parabola through its ends and the next point, or the one before where it is the second of a
    pair. Source: Cartwright (2017), as for `simpson`.
    """
    y = as_inexact(y)
    if x is not None and np.shape(x) not in (y.shape, (y.shape[axis],)):
        raise ValueError(
            "If given, shape of `x` must be the same as `y` or 1-D with the same length as `y` along `axis`."
        )
    steps = as_inexact(dx)
    if x is None and steps.ndim and steps.shape != (*y.shape[: axis % y.ndim], 1, *y.shape[axis % y.ndim + 1 :]):
        raise ValueError(
            "If provided, `dx` must either be a scalar or have the same shape as `y` but with only 1 point along "
            "`axis`."
        )
    y, widths = _on_axis(y, x, moveaxis(steps, axis, -1) if steps.ndim else dx, axis)
    increasing = known(widths)
    if x is not None and increasing is not None and np.any(np.asarray(increasing) <= 0):
        raise ValueError("Input x must be strictly increasing.")
    count = y.shape[-1]
    if count < 3:
        found = cumsum(widths * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
    else:
        widths = broadcast_to(widths, (*y.shape[:-1], count - 1))
        ahead = _first_of_two(y, widths)
        behind = flip(_first_of_two(flip(y, -1), flip(widths, -1)), -1)
        ahead = concatenate([ahead, ahead[..., -1:]], axis=-1)
        behind = concatenate([behind[..., :1], behind], axis=-1)
        places = np.arange(count - 1)
        found = cumsum(where((places % 2 == 0) & (places < count - 2), ahead, behind), axis=-1)
    if initial is not None:
        start = as_inexact(initial)
        start = moveaxis(start, axis, -1) if start.ndim else start
        found = concatenate([broadcast_to(start, (*found.shape[:-1], 1)), found + start], axis=-1)
    return moveaxis(found, -1, axis)


def _first_of_two(y: Array, widths: Array) -> Array:
    """The integrals over each interval but the last, by the parabola through its ends and the next point."""
    first, second = widths[..., :-1], widths[..., 1:]
    share, ratio = first / (first + second), first / second
    both = share * ratio
    return first / 6 * ((3 - share) * y[..., :-2] + (3 + both + share) * y[..., 1:-1] - both * y[..., 2:])


@_scipy_function
def romb(y: Array, dx: Array = 1.0, axis: int = -1, show: Any = False) -> Array:
    """The integral along `axis` by Romberg's method, of one plus a power of 2 samples with spacing `dx`."""
    if show:
        raise TypeError("romb of a traced value does not take `show`")
    y = moveaxis(as_array(y), axis, -1)
    intervals = y.shape[-1] - 1
    if intervals < 1 or intervals & (intervals - 1):
        raise ValueError("Number of samples must be one plus a non-negative power of 2.")
    row = [(y[..., 0] + y[..., -1]) * (intervals / 2.0)]
    for i in range(1, intervals.bit_length()):
        step = intervals >> i
        better = [0.5 * row[0] + float(step) * y[..., step :: 2 * step].sum(axis=-1)]
        for j, before in enumerate(row):
            better.append(better[j] + (better[j] - before) / (4 ** (j + 1) - 1))
        row = better
    return row[-1] * as_array(dx).astype(np.float64)


def _on_axis(y: Array, x: Any, dx: Any, axis: int, broadcast: bool = False) -> tuple[Array, Array]:
    """The samples with the axis last, and the widths between them."""
    if x is None:
        return moveaxis(y, axis, -1), dx
    x = as_array(x)
    if x.ndim == 1:
        widths = diff(x)
    elif broadcast:
        widths = diff(moveaxis(broadcast_to(x, y.shape), axis, -1), axis=-1)
    elif x.ndim != y.ndim:
        raise ValueError("If given, shape of x must be 1-D or the same as y.")
    else:
        widths = diff(moveaxis(x, axis, -1), axis=-1)
    y = moveaxis(y, axis, -1)
    if not broadcast and widths.shape[-1] != y.shape[-1] - 1:
        raise ValueError("If given, length of x along axis must be the same as y.")
    return y, widths


def _after(start: float, found: Array) -> Array:
    return concatenate([np.full((*found.shape[:-1], 1), start, found.dtype), found], axis=-1)


def _ratio(a: Array, b: Array) -> Array:
    """a / b, and 0 where b is 0: of points that coincide."""
    is_zero = b == 0
    return where(is_zero, 0.0, a / where(is_zero, 1.0, b))
