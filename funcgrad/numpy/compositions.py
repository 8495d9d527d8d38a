"""Functions of elements that NumPy composes of universal functions: rounding, clipping, closeness, kinds of numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from funcgrad.core.staging import concretization_error
from funcgrad.core.trace import Tracer
from funcgrad.numpy.dispatch import Array, numpy_function
from funcgrad.numpy.elementwise import imag, positive
from funcgrad.ops import elementwise as ew
from funcgrad.ops import special
from funcgrad.ops.operands import as_array, as_inexact
from funcgrad.ops.views import assign, fresh

__all__ = [
    "allclose",
    "around",
    "array_equal",
    "array_equiv",
    "clip",
    "fix",
    "i0",
    "isclose",
    "iscomplex",
    "isneginf",
    "isposinf",
    "isreal",
    "nan_to_num",
    "real_if_close",
    "round",
    "sinc",
]


@numpy_function(np)
def clip(
    a: Array,
    a_min: Array = np._NoValue,
    a_max: Array = np._NoValue,
    out: None = None,
    *,
    min: Array = None,
    max: Array = None,
) -> Array:
    """The values limited to [a_min, a_max]; a bound that is None does not apply."""
    low = min if a_min is np._NoValue else a_min
    high = max if a_max is np._NoValue else a_max
    if low is None:
        return positive(a) if high is None else ew.minimum(a, high)
    return ew.maximum(a, low) if high is None else ew.clip(a, low, high)


@numpy_function(np)
def round(a: Array, decimals: int = 0, out: None = None) -> Array:
    """Rounded to `decimals` places, halves to even; the derivative is zero."""
    a = as_array(a)
    if a.dtype.kind in "iu" and decimals >= 0:
        return a
    if decimals == 0:
        return ew.rint(a)
    scale = 10.0 ** (decimals if decimals > 0 else -decimals)
    y = ew.rint(a * scale) / scale if decimals > 0 else ew.rint(a / scale) * scale
    return ew.convert(y, dtype=a.dtype) if a.dtype.kind in "iu" else y  # NumPy goes by way of floats too


@numpy_function(np)
def around(a: Array, decimals: int = 0, out: None = None) -> Array:
    """The same as `round`."""
    return round(a, decimals)


@numpy_function(np)
def fix(x: Array, out: None = None) -> Array:
    """The same as `trunc`."""
    return ew.trunc(x)


_SERIES_BELOW = 0.3
"""Where |pi x| is below it, `sinc` is its series: the next term is below 1e-19, derivatives do not cancel."""


@numpy_function(np)
def sinc(x: Array) -> Array:
    """sin(pi x) / (pi x), with all derivatives right at and near 0."""
    y = math.pi * as_inexact(x)
    small = ew.abs(ew.stop_gradient(y)) < _SERIES_BELOW
    y_small, y_large = ew.where(small, y, 0.0), ew.where(small, 1.0, y)
    square = y_small * y_small
    series = 1.0
    for n in range(12, 0, -2):
        series = 1.0 - square / (n * (n + 1)) * series
    return ew.where(small, series, ew.sin(y_large) / y_large)


@numpy_function(np)
def nan_to_num(
    x: Array, copy: bool = True, nan: Array = 0.0, posinf: Array | None = None, neginf: Array | None = None
) -> Array:
    """NaN and infinities replaced by numbers (the dtype's largest by default), in the array itself unless `copy`."""
    x = as_array(x)
    if x.dtype.kind not in "fc":
        return fresh(x) if copy else x
    if x.dtype.kind == "c":
        real, imag = (nan_to_num(part, True, nan, posinf, neginf) for part in (ew.real(x), ew.imag(x)))
        y = ew.complex_of(real, imag)
    else:
        info = np.finfo(x.dtype)
        y = ew.where(ew.isnan(x), nan, x)
        y = ew.where(x == np.inf, info.max if posinf is None else posinf, y)
        y = ew.where(x == -np.inf, info.min if neginf is None else neginf, y)
    return y if copy or not isinstance(x, Tracer) else assign(x, y)


@numpy_function(np)
def i0(x: Array) -> Array:
    """The modified Bessel function of the first kind, order 0."""
    x = as_inexact(x)
    if x.dtype.kind == "c":
        raise TypeError("i0 not supported for complex values")
    return special.i0(x)


@numpy_function(np)
def real_if_close(a: Array, tol: float = 100) -> Array:
    """The real part where all imaginary parts are small (`tol` times the distance of floats at 1), else `a`.

    The values decide the dtype: they must be known.
    """
    a = as_array(a)
    if a.dtype.kind != "c":
        return a
    value = ew.stop_gradient(a)
    if isinstance(value, Tracer):
        value = value._as_plain()
        if value is None:
            raise concretization_error(a, "the dtype of `real_if_close`", "Write x.real, or keep complex numbers.")
    limit = np.finfo(a.dtype).eps * tol if tol > 1 else tol
    return ew.real(a) if np.all(np.abs(value.imag) < limit) else a


@numpy_function(np)
def isposinf(x: Array, out: None = None) -> Array:
    """Whether it is infinity."""
    return _is_infinity(x, math.inf)


@numpy_function(np)
def isneginf(x: Array, out: None = None) -> Array:
    """Whether it is minus infinity."""
    return _is_infinity(x, -math.inf)


def _is_infinity(x: Array, infinity: float) -> Array:
    x = as_array(x)
    if x.dtype.kind == "c":
        raise TypeError(f"complex numbers ({x.dtype}) have no order")
    return x == infinity


@numpy_function(np)
def isclose(a: Array, b: Array, rtol: Array = 1e-05, atol: Array = 1e-08, equal_nan: bool = False) -> Array:
    """Whether `|a - b| <= atol + rtol |b|`, element by element."""
    a, b = ew.stop_gradient(as_array(a)), ew.stop_gradient(as_array(b))
    close = (ew.abs(a - b) <= atol + rtol * ew.abs(b)) & ew.isfinite(b) | (a == b)
    return close | ew.isnan(a) & ew.isnan(b) if equal_nan else close


@numpy_function(np)
def allclose(a: Array, b: Array, rtol: Array = 1e-05, atol: Array = 1e-08, equal_nan: bool = False) -> Any:
    """Whether `isclose` holds everywhere."""
    return _truth(isclose(a, b, rtol, atol, equal_nan).all())


@numpy_function(np)
def array_equal(a1: Array, a2: Array, equal_nan: bool = False) -> Any:
    """Whether two arrays have the same shape and equal elements."""
    a1, a2 = as_array(a1), as_array(a2)
    if a1.shape != a2.shape:
        return False
    same = a1 == a2
    if equal_nan and a1.dtype.kind in "fc" and a2.dtype.kind in "fc":
        same = same | ew.isnan(a1) & ew.isnan(a2)
    return _truth(same.all())


@numpy_function(np)
def array_equiv(a1: Array, a2: Array) -> Any:
    """Whether two arrays broadcast to one shape and have equal elements there."""
    a1, a2 = as_array(a1), as_array(a2)
    try:
        np.broadcast_shapes(a1.shape, a2.shape)
    except ValueError:
        return False
    return _truth((a1 == a2).all())


def _truth(x: Array) -> Any:
    return x if isinstance(x, Tracer) else bool(x)


@numpy_function(np)
def iscomplex(x: Array) -> Array:
    """Whether the imaginary part is not zero, element by element."""
    return imag(as_array(x)) != 0


@numpy_function(np)
def isreal(x: Array) -> Array:
    """Whether the imaginary part is zero, element by element."""
    return imag(as_array(x)) == 0
