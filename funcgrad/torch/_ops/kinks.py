"""Where PyTorch's derivatives are not funcgrad's: at ties, zeros, poles and NaN. The only rules that the shim has.

Each is a value with funcgrad's derivatives, chosen by `where`; what has derivative zero is `flat` or a `constant`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.torch._record.tape import constant, raw


def is_anywhere(mask: Any) -> bool:
    """Whether a mask may hold anywhere."""
    return isinstance(mask, Tracer) or bool(mask.any())


def flat(fun: Callable[..., Any], *values: Any) -> Any:
    """A function in steps, whose result PyTorch records with the derivative zero."""
    out = constant(fun(*values))
    for v in values:
        if v is not raw(v):
            out = fnp.where(np.False_, v, out)
    return out


def atan2(y: Any, x: Any) -> Any:
    """At the origin the derivative is 0."""
    origin = fnp.logical_and(fnp.equal(x, 0), fnp.equal(y, 0))
    if not is_anywhere(origin):
        return fnp.arctan2(y, x)
    elsewhere = fnp.arctan2(y, fnp.where(origin, 1, x))
    return fnp.where(origin, constant(fnp.arctan2(constant(y), constant(x))), elsewhere)


def hypot(x: Any, y: Any) -> Any:
    """At the origin the derivative is NaN."""
    radius = fnp.hypot(x, y)
    origin = fnp.equal(radius, 0)
    return fnp.where(origin, fnp.sqrt(x * x + y * y), radius) if is_anywhere(origin) else radius


def _with_nans(extreme: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Where one operand is NaN, both have the whole gradient."""

    def apply(x: Any, y: Any) -> Any:
        out = extreme(x, y)
        nans = fnp.isnan(raw(out))
        return fnp.where(nans, fnp.add(x, y), out) if is_anywhere(nans) else out

    return apply


def _chosen(first: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The first operand at ties, and where the other is NaN."""

    def apply(x: Any, y: Any) -> Any:
        return fnp.where(fnp.logical_or(first(raw(x), raw(y)), fnp.isnan(raw(y))), x, y)

    return apply


maximum, minimum = _with_nans(fnp.maximum), _with_nans(fnp.minimum)
fmax, fmin = _chosen(fnp.greater_equal), _chosen(fnp.less_equal)


def copysign(x: Any, y: Any) -> Any:
    """The derivatives at zero, and by the sign, are zero."""
    return fnp.where(fnp.equal(raw(x), 0), flat(fnp.copysign, x, y), fnp.copysign(x, y))


def magnitude(x: Any) -> Any:
    """Absolute values: the derivative at zero and at NaN is zero."""
    y = fnp.abs(x)
    return fnp.where(fnp.greater(raw(y), 0), y, constant(y)) if x.dtype.kind in "fc" else y


def truncated_quotient(x: Any, y: Any) -> Any:
    """The integer part of a quotient; that of integers is exact."""
    floor = fnp.floor_divide(x, y)
    if floor.dtype.kind not in "iu":
        return fnp.trunc(fnp.divide(x, y))
    inexact = fnp.logical_and(fnp.less(floor, 0), fnp.not_equal(fnp.multiply(floor, y), x))
    return fnp.where(inexact, fnp.add(floor, 1), floor)


def power(x: Any, y: Any) -> Any:
    """Where the exponent is zero, the derivative by the base is zero; where a negative exponent is of zero, -inf."""
    flat_base = fnp.equal(raw(y), 0)
    if is_anywhere(flat_base):
        x = fnp.where(flat_base, constant(x), x)
    pole = fnp.logical_and(fnp.equal(raw(x), 0), fnp.less(raw(y), 0))
    if not is_anywhere(pole):
        return fnp.power(x, y)
    return fnp.where(pole, _pole(x, y, pole), fnp.power(fnp.where(pole, 1, x), fnp.where(pole, 1, y)))


def _pole(x: Any, y: Any, there: Any) -> Any:
    """A negative power of zero: infinite, as its derivatives, each with the sign that PyTorch's formula gives."""
    value = fnp.power(constant(x), constant(y))
    slope = fnp.power(constant(x), fnp.subtract(constant(y), 1))
    base = fnp.where(fnp.not_equal(value, slope), x, fnp.add(x, 0))  # adding zero makes -0.0 positive
    size = fnp.exp(fnp.multiply(fnp.where(there, y, 1), fnp.log(fnp.where(there, base, 1))))
    return fnp.where(fnp.less(value, 0), fnp.negative(size), size)


def power_of_number(y: Any, n: Any) -> Any:
    return fnp.power(n, y) if n != 0 or y.dtype.kind not in "fc" else power(y.dtype.type(n), y)


def relu(x: Any) -> Any:
    """NaN has the derivative 1."""
    zero = fnp.where(fnp.less(raw(x), 0), x.dtype.type(0), constant(x))
    return fnp.where(fnp.less_equal(raw(x), 0), zero, x)


def root(squares: Any) -> Any:
    """The square root, with the derivative zero at zero, as norm and std have it."""
    zero = fnp.equal(raw(squares), 0)
    return fnp.where(zero, squares.dtype.type(0), fnp.sqrt(fnp.where(zero, squares.dtype.type(1), squares)))


def clamped(v: Any, low: Any, high: Any, bounds_move: bool) -> Any:
    """Limited to [low, high], each None where there is none: the derivative at a limit is the value's own.

    Bounds have a derivative where they are tensors (`bounds_move`), too.
    """
    at = raw(v)
    limited, inside, below, above = constant(v), np.True_, np.False_, np.False_
    if low is not None:
        limited = fnp.maximum(limited, constant(low))
        inside, below = fnp.greater_equal(at, raw(low)), fnp.less(at, raw(low))
    if high is not None:
        limited = fnp.minimum(limited, constant(high))
        inside, above = fnp.logical_and(inside, fnp.less_equal(at, raw(high))), fnp.greater(at, raw(high))
    if low is not None and high is not None:
        below = fnp.logical_and(below, fnp.less(raw(low), raw(high)))
        above = fnp.logical_or(above, fnp.less(raw(high), raw(low)))
    out = fnp.where(inside, v, limited)
    for bound, there in ((low, below), (high, above)):
        if bounds_move and bound is not None:
            out = fnp.where(there, fnp.where(fnp.isnan(at), fnp.add(bound, constant(v)), bound), out)
    return out


def shared_by_nans(whole: Callable[..., Any], v: Any) -> Any:
    """An extreme of all elements: those that are NaN share the gradient, where one is."""
    nans = fnp.isnan(raw(v))
    if not is_anywhere(nans):
        return whole(v)
    zero = v.dtype.type(0)
    count = fnp.maximum(fnp.sum(nans.astype(v.dtype)), 1)
    shared = fnp.divide(fnp.sum(fnp.where(nans, v, zero)), count)
    return fnp.where(fnp.any(nans), shared, whole(fnp.where(nans, zero, v)))


def logsumexp(fun: Callable[..., Any], v: Any, axes: tuple[int, ...]) -> Any:
    """Where all exponents are -inf, the derivative is NaN. Keeps the axes."""
    y = fun(v, axis=axes, keepdims=True)
    nothing = fnp.equal(raw(y), -np.inf)
    if not is_anywhere(nothing):
        return y
    there = fnp.where(nothing, v, v.dtype.type(0))
    return fnp.where(nothing, fnp.log(fnp.sum(fnp.exp(there), axis=axes, keepdims=True)), y)


def squared(v: Any) -> Any:
    """The squares of absolute values."""
    if v.dtype.kind != "c":
        return fnp.multiply(v, v)
    re, im = fnp.real(v), fnp.imag(v)
    return fnp.add(fnp.multiply(re, re), fnp.multiply(im, im))


def vector_norm(v: Any, order: float, axes: tuple[int, ...], keepdims: bool) -> Any:
    """The norm along axes: at zero the derivative is zero, for all orders."""

    def total(terms: Any) -> Any:
        return fnp.sum(terms, axis=axes, keepdims=keepdims)

    if order == 2:
        return root(total(squared(v)))
    if abs(order) == np.inf:
        extreme = fnp.max if order > 0 else fnp.min
        return extreme(magnitude(v), axis=axes, keepdims=keepdims)
    if order == 1:
        return total(magnitude(v))
    sizes = fnp.abs(v)
    zero, one = fnp.equal(raw(sizes), 0), sizes.dtype.type(1)
    if order == 0:
        return total(fnp.where(np.False_, sizes, fnp.where(zero, sizes.dtype.type(0), one)))
    powers = total(
        fnp.where(zero, constant(fnp.power(constant(sizes), order)), fnp.power(fnp.where(zero, one, sizes), order))
    )
    still = fnp.logical_or(fnp.equal(raw(powers), 0), fnp.equal(fnp.power(raw(powers), 1 / order), 0))
    return fnp.where(
        still,
        constant(fnp.power(constant(powers), 1 / order)),
        fnp.power(fnp.where(still, one, powers), 1 / order),
    )


def read(part: Any, v: Any) -> Any:
    """A value made of parts of `v`, as a triangle is, that has the derivative of all of `v`."""
    rest = fnp.where(fnp.isfinite(raw(v)), fnp.subtract(v, constant(v)), 0)
    return fnp.add(constant(part), rest)


def largest(v: Any) -> Any:
    """The largest absolute value along the last axis: all that are equal to it have the whole gradient."""
    sizes = magnitude(v)
    if not v.shape[-1]:
        return fnp.sum(sizes, axis=-1)
    top = fnp.max(constant(sizes), axis=-1)
    tied = fnp.sum(fnp.where(fnp.equal(raw(sizes), raw(top)[..., None]), sizes, v.dtype.type(0)), axis=-1)
    return fnp.add(top, fnp.subtract(tied, constant(tied)))
