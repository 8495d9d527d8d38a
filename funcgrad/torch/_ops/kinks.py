"""Where PyTorch's derivatives are not funcgrad's: at ties, zeros, poles and NaN. The only rules that the shim has.

Each is a value with funcgrad's derivatives, chosen by `where`; what has derivative zero is `flat` or a `constant`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad import lax
from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.torch._ops.values import maximum as highest
from funcgrad.torch._ops.values import minimum as lowest
from funcgrad.torch._ops.values import total, where
from funcgrad.torch._record.tape import constant, on_tape, raw, unconnected


def is_anywhere(mask: Any) -> bool:
    """Whether a mask may hold anywhere."""
    return isinstance(mask, Tracer) or bool(mask.any())


def flat(fun: Callable[..., Any], *values: Any) -> Any:
    """A function in steps, whose result PyTorch records with the derivative zero."""
    out = constant(fun(*values))
    for v in values:
        if v is not raw(v):
            out = where(np.False_, v, out)
    return out


def atan2(y: Any, x: Any) -> Any:
    """At the origin the derivative is 0."""
    origin = fnp.logical_and(fnp.equal(x, 0), fnp.equal(y, 0))
    if not is_anywhere(origin):
        return fnp.arctan2(y, x)
    elsewhere = fnp.arctan2(y, where(origin, 1, x))
    return where(origin, constant(fnp.arctan2(constant(y), constant(x))), elsewhere)


def hypot(x: Any, y: Any) -> Any:
    """At the origin the derivative is NaN."""
    radius = fnp.hypot(x, y)
    origin = fnp.equal(radius, 0)
    return where(origin, fnp.sqrt(x * x + y * y), radius) if is_anywhere(origin) else radius


def _with_nans(extreme: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Where one operand is NaN, both have the whole gradient."""

    def apply(x: Any, y: Any) -> Any:
        out = extreme(x, y)
        nans = fnp.isnan(raw(out))
        return where(nans, fnp.add(x, y), out) if is_anywhere(nans) else out

    return apply


def _chosen(first: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The first operand at ties, and where the other is NaN."""

    def apply(x: Any, y: Any) -> Any:
        return where(fnp.logical_or(first(raw(x), raw(y)), fnp.isnan(raw(y))), x, y)

    return apply


maximum, minimum = _with_nans(fnp.maximum), _with_nans(fnp.minimum)
fmax, fmin = _chosen(fnp.greater_equal), _chosen(fnp.less_equal)


def remainder(x: Any, y: Any) -> Any:
    """What is left of a division rounded down: a zero has the sign of x."""
    out = fnp.remainder(x, y)
    if out.dtype.kind != "f":
        return out
    turned = fnp.logical_and(fnp.equal(raw(out), 0), fnp.not_equal(fnp.signbit(raw(x)), fnp.signbit(raw(out))))
    if not is_anywhere(turned):
        return out
    one = out.dtype.type(1)
    exact = fnp.fmod(where(turned, x, one), where(turned, y, one))
    return where(turned, exact, fnp.remainder(where(turned, one, x), where(turned, one, y)))


def logaddexp(x: Any, y: Any) -> Any:
    """log(exp(x) + exp(y)); of complex numbers, from the one with the larger real part."""
    if x.dtype.kind != "c":
        return fnp.logaddexp(x, y)
    first = fnp.greater_equal(fnp.real(raw(x)), fnp.real(raw(y)))
    large, small = fnp.where(first, x, y), fnp.where(first, y, x)
    return fnp.add(large, fnp.log1p(fnp.exp(fnp.subtract(small, large))))


def acosh(x: Any) -> Any:
    """From -1 down, where it is NaN, the derivative is that of -acosh(-x)."""
    below = fnp.less_equal(raw(x), -1) if x.dtype.kind == "f" else np.False_
    if not is_anywhere(below):
        return fnp.arccosh(x)
    mirrored = fnp.add(fnp.negative(fnp.arccosh(fnp.negative(where(below, x, x.dtype.type(-2))))), np.nan)
    return where(below, mirrored, fnp.arccosh(where(below, x.dtype.type(2), x)))


def copysign(x: Any, y: Any) -> Any:
    """The derivatives at zero, and by the sign, are zero."""
    return where(fnp.equal(raw(x), 0), flat(fnp.copysign, x, y), fnp.copysign(x, y))


def magnitude(x: Any) -> Any:
    """Absolute values: the derivative at zero and at NaN is zero."""
    y = fnp.abs(x)
    return where(fnp.greater(raw(y), 0), y, constant(y)) if x.dtype.kind in "fc" else y


def truncated_quotient(x: Any, y: Any) -> Any:
    """The integer part of a quotient; that of integers is exact."""
    floor = fnp.floor_divide(x, y)
    if floor.dtype.kind not in "iu":
        return fnp.trunc(fnp.divide(x, y))
    inexact = fnp.logical_and(fnp.less(floor, 0), fnp.not_equal(fnp.multiply(floor, y), x))
    return where(inexact, fnp.add(floor, 1), floor)


def power(x: Any, y: Any) -> Any:
    """Where the exponent is zero, the derivative by the base is zero; where a negative exponent is of zero, -inf."""
    if x.dtype.kind in "iu":
        return _power_of_integers(x, y)
    flat_base = fnp.equal(raw(y), 0)
    if is_anywhere(flat_base):
        x = where(flat_base, constant(x), x)
    pole = fnp.logical_and(fnp.equal(raw(x), 0), fnp.less(raw(y), 0))
    if not is_anywhere(pole):
        return fnp.power(x, y)
    return where(pole, _pole(x, y, pole), fnp.power(where(pole, 1, x), where(pole, 1, y)))


def _power_of_integers(x: Any, y: Any) -> Any:
    """A negative power is zero, unless it is of 1 or -1."""
    negative = fnp.less(y, 0)
    if not is_anywhere(negative):
        return fnp.power(x, y)
    size = fnp.power(x, fnp.abs(y))
    return where(fnp.logical_and(negative, fnp.not_equal(fnp.abs(x), 1)), size.dtype.type(0), size)


def _pole(x: Any, y: Any, there: Any) -> Any:
    """A negative power of zero: infinite, as its derivatives, each with the sign that PyTorch's formula gives."""
    value = fnp.power(constant(x), constant(y))
    slope = fnp.power(constant(x), fnp.subtract(constant(y), 1))
    base = where(fnp.not_equal(value, slope), x, fnp.add(x, 0))  # adding zero makes -0.0 positive
    size = fnp.exp(fnp.multiply(where(there, y, 1), fnp.log(where(there, base, 1))))
    return where(fnp.less(value, 0), fnp.negative(size), size)


def power_of_number(y: Any, n: Any) -> Any:
    if y.dtype.kind == "i":
        return _power_of_integers(np.asarray(n).astype(y.dtype), y)
    return fnp.power(n, y) if n != 0 or y.dtype.kind not in "fc" else power(y.dtype.type(n), y)


def root(squares: Any) -> Any:
    """The square root, with the derivative zero at zero, as std has it."""
    zero = fnp.equal(raw(squares), 0)
    return where(zero, squares.dtype.type(0), fnp.sqrt(where(zero, squares.dtype.type(1), squares)))


def _cusp(squares: Any, zero: Any) -> Any:
    """Zeros with the derivative zero by what is squared, and the second one NaN; for where it is `zero`."""
    number = squares.dtype.type
    return fnp.power(where(zero, squares, number(0)), number(1.5))


def over_freedom(squares: Any, n: float) -> Any:
    """Divided by the degrees of freedom: the value is that of none where they are less, but not the derivative."""
    y = fnp.divide(squares, n)
    if n >= 0:
        return y
    return fnp.add(fnp.divide(constant(squares), 0), fnp.subtract(y, constant(y)))


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
    out = where(inside, v, limited)
    for bound, there in ((low, below), (high, above)):
        if bounds_move and bound is not None:
            out = where(there, where(fnp.isnan(limited), fnp.add(bound, limited), bound), out)
    return out


def shared_by_nans(whole: Callable[..., Any], v: Any) -> Any:
    """An extreme of all elements: those that are NaN share the gradient, where one is."""
    nans = fnp.isnan(raw(v))
    if not is_anywhere(nans):
        return whole(v)
    zero = v.dtype.type(0)
    count = fnp.maximum(fnp.sum(nans.astype(v.dtype)), 1)
    shared = fnp.divide(fnp.sum(where(nans, v, zero)), count)
    return where(fnp.any(nans), shared, whole(where(nans, zero, v)))


def shared_by_equals(v: Any, found: Any) -> Any:
    """An element that was found among all: those equal to it share the gradient."""
    if v.dtype.kind != "f":
        return found
    same = fnp.where(fnp.isnan(found), fnp.isnan(raw(v)), fnp.equal(raw(v), found))
    count = fnp.sum(same.astype(v.dtype))
    finite = fnp.isfinite(found)
    still = fnp.subtract(v, fnp.where(finite, constant(v), v.dtype.type(0)))
    total = fnp.divide(fnp.sum(fnp.where(same, still, v.dtype.type(0))), count)
    return fnp.where(finite, fnp.add(found, total), total)


def none_of(v: Any) -> Any:
    """What is said of no elements: NaN, of integers the smallest."""
    if v.dtype.kind in "iu":
        return v.dtype.type(np.iinfo(v.dtype).min)
    return fnp.add(fnp.sum(v), v.dtype.type(np.nan))


def logsumexp(fun: Callable[..., Any], v: Any, axes: tuple[int, ...]) -> Any:
    """Where all exponents are -inf, the derivative is NaN. Keeps the axes."""
    y = fun(v, axis=axes, keepdims=True)
    nothing = fnp.equal(raw(y), -np.inf)
    if not is_anywhere(nothing):
        return y
    there = where(nothing, v, v.dtype.type(0))
    return where(nothing, fnp.log(fnp.sum(fnp.exp(there), axis=axes, keepdims=True)), y)


def squared(v: Any) -> Any:
    """The squares of absolute values."""
    if v.dtype.kind != "c":
        return fnp.multiply(v, v)
    re, im = fnp.real(v), fnp.imag(v)
    return fnp.add(fnp.multiply(re, re), fnp.multiply(im, im))


def vector_norm(v: Any, order: float, axes: tuple[int, ...], keepdims: bool) -> Any:
    """The norm along axes: at zero the derivative is zero, for all orders."""

    def summed(terms: Any) -> Any:
        return total(terms, axes, keepdims)

    if order == 2:
        squares = summed(squared(v))
        zero = fnp.equal(raw(squares), 0)
        return where(zero, _cusp(squares, zero), root(squares)) if is_anywhere(zero) else fnp.sqrt(squares)
    if abs(order) == np.inf:
        return (highest if order > 0 else lowest)(magnitude(v), axes, keepdims)
    if order == 1:
        return summed(magnitude(v))
    sizes = fnp.abs(v)
    zero, one = fnp.equal(raw(sizes), 0), sizes.dtype.type(1)
    if order == 0:
        return summed(where(np.False_, sizes, where(zero, sizes.dtype.type(0), one)))
    held = where(zero, v, v.dtype.type(0))
    smooth = order >= 2 and order == int(order)
    flat_there = fnp.multiply(fnp.abs(held), 0) if smooth else _cusp(squared(held), zero)
    at_zero = fnp.add(constant(fnp.power(constant(sizes), order)), flat_there)
    powers = summed(where(zero, at_zero, fnp.power(where(zero, one, sizes), order)))
    still = fnp.logical_or(fnp.equal(raw(powers), 0), fnp.equal(fnp.power(raw(powers), 1 / order), 0))
    return where(
        still,
        fnp.add(constant(fnp.power(constant(powers), 1 / order)), summed(flat_there)),
        fnp.power(where(still, one, powers), 1 / order),
    )


def norm(v: Any, order: float, axes: tuple[int, ...], keepdims: bool) -> Any:
    """As `vector_norm`; that of order 0 has no gradient, which is not one of zero."""
    size = vector_norm(v, order, axes, keepdims)
    return unconnected(size, v) if order == 0 and on_tape(v) else size


def vector_norm_read(keep: Any, v: Any, order: float, axes: tuple[int, ...], keepdims: bool) -> Any:
    """`vector_norm` as a function with its derivative by `v`, where the norm that it reads was saved."""
    found = keep(constant(vector_norm(constant(v), order, axes, keepdims)))
    wide = found if keepdims else fnp.expand_dims(found, axes)
    sizes = magnitude(v)
    if order in (0, 1):
        return total(sizes * order, axes, keepdims)
    if abs(order) == np.inf:
        ends = fnp.equal(constant(sizes), wide)
        return total(sizes * ends / fnp.sum(ends, axis=axes, keepdims=True), axes, keepdims)
    none, zero = fnp.equal(wide, 0), fnp.equal(constant(sizes), 0)
    powers = where(zero, 0, fnp.power(where(zero, 1, sizes), order))
    return total(where(none, 0, powers * fnp.power(where(none, 1, wide), 1 - order) / order), axes, keepdims)


def angle(z: Any) -> Any:
    """The derivative at zero is zero."""
    return atan2(fnp.imag(z), fnp.real(z))


def sgn(z: Any) -> Any:
    """z / abs(z); zero at zero, with the derivative zero."""
    zero = fnp.equal(raw(z), 0)
    there = fnp.where(zero, z.dtype.type(1), z)
    return fnp.where(zero, z.dtype.type(0), fnp.divide(there, fnp.abs(there)))


def digamma(x: Any) -> Any:
    """At zero infinite, with the sign of -x; at infinity the derivative is zero."""
    return _at_ends(lax.digamma, lambda x: fnp.negative(fnp.reciprocal(x)), fnp.log, x)


def polygamma(n: int, x: Any) -> Any:
    """The derivative of order n of `digamma`: infinite at zero and below at whole numbers."""
    at, sign, one = raw(x), (-1) ** (n + 1), x.dtype.type(1)
    whole = fnp.logical_and(fnp.less_equal(at, 0), fnp.equal(at, fnp.floor(at)))
    pole = fnp.logical_and(whole, fnp.isfinite(at))
    y = lax.polygamma(x.dtype.type(n), where(pole, one, x) if is_anywhere(pole) else x)
    if is_anywhere(pole):
        away = fnp.subtract(where(pole, x, one), where(pole, constant(x), x.dtype.type(0)))
        y = where(pole, fnp.multiply(fnp.reciprocal(away), sign), y)
    end = -np.inf if n > 1 else np.inf
    return where(fnp.equal(at, end), x.dtype.type(sign * np.inf if n > 1 else 0), y)


def lgamma(x: Any) -> Any:
    """At zero the derivative is infinite, with the sign of -x."""
    return _at_ends(lax.lgamma, lambda x: fnp.negative(fnp.log(x)), _steep, x)


def _steep(x: Any) -> Any:
    """Infinite at infinity, with an infinite derivative and no curvature."""
    return fnp.power(x, 1.5)


def _at_ends(fun: Any, at_zero: Any, at_infinity: Any, x: Any) -> Any:
    """A function of the gamma function's family, by its expansions where it is singular."""
    zero, far = fnp.equal(raw(x), 0), fnp.equal(raw(x), np.inf)
    one = x.dtype.type(1)
    y = fun(fnp.where(fnp.logical_or(zero, far), one, x)) if is_anywhere(fnp.logical_or(zero, far)) else fun(x)
    if is_anywhere(zero):
        y = fnp.where(zero, at_zero(fnp.where(zero, x, one)), y)
    return fnp.where(far, at_infinity(fnp.where(far, x, one)), y) if is_anywhere(far) else y


def logit(x: Any, eps: float | None) -> Any:
    """log(x / (1 - x)): at the ends of [0, 1] the derivative is infinite; flat outside [eps, 1 - eps]."""
    if eps is not None and eps >= 0:
        low, high = x.dtype.type(eps), x.dtype.type(1 - eps)
        at = raw(x)
        outside = fnp.logical_or(fnp.less(at, low), fnp.greater(at, high))
        bound = fnp.where(fnp.less(at, low), low, high)
        x = fnp.where(outside, bound, x)
    x = fnp.add(x, 0)  # -0.0 counts as 0.0
    y = fnp.subtract(fnp.log(x), fnp.log(fnp.subtract(1, x)))
    bad = fnp.isnan(raw(y))
    return fnp.where(bad, fnp.multiply(fnp.where(bad, x, x.dtype.type(1)), np.nan), y) if is_anywhere(bad) else y


def x_log_y(log: Callable[[Any], Any], start: float, x: Any, y: Any) -> Any:
    """x * log(y), where `log` begins at `start`; 0 where x is.

    There the derivative by x is log(y), but 0 where y <= start; that by y is 0, but NaN where y == start.
    """
    at_x, at_y = raw(x), raw(y)
    zero = fnp.logical_and(fnp.equal(at_x, 0), fnp.logical_not(fnp.isnan(at_y)))
    below = fnp.logical_and(zero, fnp.less_equal(at_y, start))
    top = fnp.logical_and(zero, fnp.equal(at_y, np.inf))
    if not is_anywhere(zero):
        return fnp.multiply(x, log(y))
    one = y.dtype.type(1)
    out = fnp.multiply(x, log(fnp.where(fnp.logical_or(below, top), one, y)))
    out = fnp.where(top, fnp.sqrt(fnp.where(top, fnp.add(x, 0), one)), out)  # zero, with an infinite slope
    out = fnp.where(zero, fnp.add(out, 0), out)  # -0.0 becomes 0.0
    end = fnp.logical_and(below, fnp.equal(at_y, start))
    away = fnp.where(end, fnp.subtract(y, y.dtype.type(start)), one)
    return fnp.where(end, fnp.sqrt(fnp.multiply(away, away)), fnp.where(below, y.dtype.type(0), out))


def excluded_at_ties(start: Any, own: Any, extreme: Any) -> Any:
    """What an extreme of other values starts with: the own value, which is no part of it, still takes its share of
    the gradient where it is as large.
    """
    tied = fnp.logical_and(fnp.equal(constant(own), extreme), fnp.not_equal(raw(start), raw(own)))
    return fnp.where(tied, constant(own), start)


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


def with_scaled_gradient(v: Any, scale: Any) -> Any:
    """The value as it is, whose derivative is `scale`."""
    scaled = fnp.multiply(v, scale)
    back = fnp.subtract(constant(v), fnp.subtract(constant(scaled), scaled))  # which keeps the sign of zeros
    return where(fnp.isfinite(raw(v)), back, scaled)
