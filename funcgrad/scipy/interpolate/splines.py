"""B-splines: `BSpline`, and `make_interp_spline` for those that go through points."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import scipy.interpolate

import funcgrad.numpy as fnp
from funcgrad.core.trace import known
from funcgrad.numpy.dispatch import Array, axis_of, unsupported
from funcgrad.ops.operands import any_traced, as_array
from funcgrad.ops.subscript import getitem
from funcgrad.scipy.interpolate import polynomials
from funcgrad.scipy.interpolate.attributes import Held, Holder
from funcgrad.scipy.interpolate.polynomials import Extrapolate, column
from funcgrad.scipy.linalg.primitives.structured import banded_solve
from funcgrad.scipy.supports import in_double


def basis(t: Array, k: int, at: Array, piece: Array) -> list[Array]:
    """The k + 1 basis functions that are not zero on a piece `t[piece] <= at < t[piece + 1]`, the lowest one first.

    De Boor's recurrence, in which each denominator is a length that has the piece in it, so none is zero.
    """
    right = [getitem(t, piece + j) - at for j in range(1, k + 1)]
    left = [at - getitem(t, piece + 1 - j) for j in range(1, k + 1)]
    found: list[Array] = [1.0 + 0.0 * at]
    for degree in range(1, k + 1):
        grown: list[Array] = []
        carried: Array = 0.0
        for j, value in enumerate(found):
            part = value / (right[j] + left[degree - 1 - j])
            grown.append(carried + right[j] * part)
            carried = left[degree - 1 - j] * part
        found = [*grown, carried]
    return found


def derived(t: Array, c: Array, k: int, nu: int) -> tuple[Array, Array, int]:
    """Knots, coefficients and degree of the derivative of order `nu`."""
    for _ in range(nu):
        if k == 0:
            return t, 0.0 * c, 0
        width = t[k + 1 : -1] - t[1 : -k - 1]
        none = width == 0
        slope = fnp.where(none, 0.0, k / fnp.where(none, 1.0, width))
        c, t, k = column(slope, c.ndim) * (c[1:] - c[:-1]), t[1:-1], k - 1
    return t, c, k


def integrated(t: Array, c: Array, k: int, nu: int) -> tuple[Array, Array, int]:
    """Knots, coefficients and degree of the antiderivative of order `nu` that is 0 at the first knot."""
    for _ in range(nu):
        steps = c * column(t[k + 1 :] - t[: -k - 1], c.ndim) / (k + 1)
        c = fnp.concatenate([0.0 * steps[:1], fnp.cumsum(steps, axis=0)])
        t, k = fnp.concatenate([t[:1], t, t[-1:]]), k + 1
    return t, c, k


def evaluate(t: Array, c: Array, k: int, at: Array, extrapolate: Extrapolate) -> Array:
    """The spline's values: axes of the points, then those of a coefficient."""
    last = t.shape[0] - k - 1
    at, inside = polynomials.placed(in_double(at), t[k], t[last], extrapolate)
    highest = fnp.searchsorted(t, t[last]) - 1 if k else last - 1  # the last piece that has a length
    piece = polynomials.interval(t, at, k, highest)
    value: Array = 0.0
    for j, weight in enumerate(basis(t, k, at, piece)):
        value = value + column(weight, at.ndim + c.ndim - 1) * getitem(c, piece - k + j)
    return polynomials.masked(value, inside)


class BSpline(Holder, scipy.interpolate.BSpline):
    """A spline of degree `k` with knots `t` and coefficients `c`; SciPy's, made to hold and take traced values.

    Args:
        t: ``(n + k + 1,)``, not decreasing.
        c: at least n coefficients along `axis`.
        k: the degree.
        extrapolate: beyond `t[k]` and `t[n]`, go on with the last polynomial (True), give NaN, or repeat ("periodic").
        axis: the axis of interpolation.

    Example:
        >>> fg.grad(lambda c: BSpline(np.arange(6.0), c, 2)(2.5))(np.ones(3))
        array([0.125, 0.75 , 0.125])
    """

    t = Held("The knots.")
    c = Held("The coefficients, the axis of interpolation first.")
    k = Held("The degree.")
    extrapolate = Held("Whether the last polynomials go on beyond the ends.")
    axis = Held("The axis of interpolation.")

    def __init__(self, t: Array, c: Array, k: int, extrapolate: Extrapolate = True, axis: int = 0) -> None:
        if not any_traced((t, c)):
            super().__init__(t, c, k, extrapolate, axis)
            return
        t, c, k = in_double(t), in_double(c), operator.index(k)
        n = t.shape[0] - k - 1
        if t.ndim != 1 or k < 0 or n < k + 1 or not c.ndim:
            raise ValueError(f"{t.shape} knots and {c.shape} coefficients make no spline of degree {k}")
        axis = axis_of(axis, c.ndim)
        c = fnp.moveaxis(c, axis, 0)
        if c.shape[0] < n:
            raise ValueError(f"{t.shape[0]} knots of a spline of degree {k} need {n} coefficients, not {c.shape[0]}")
        knots = known(t)
        if knots is not None and np.any(np.diff(knots) < 0):
            raise ValueError("knots must not decrease")
        self._hold(t, c[:n], k, extrapolate, axis)

    def _hold(self, t: Array, c: Array, k: int, extrapolate: Extrapolate, axis: int) -> BSpline:
        self._holds = True
        self.t, self.c, self.k, self.axis = t, c, k, axis
        self.extrapolate = extrapolate if extrapolate == "periodic" else bool(extrapolate)
        return self

    def _tck(self) -> tuple[Array, Array, int]:
        return self.t, self.c[: self.t.shape[0] - self.k - 1], self.k

    def __call__(self, x: Array, nu: int = 0, extrapolate: Extrapolate | None = None) -> Array:
        """The values at points of any shape, or the derivative of order `nu` there."""
        if not self._is_traced(x):
            return super().__call__(x, nu, extrapolate)
        x = as_array(x)
        t, c, k = derived(*self._tck(), nu)
        value = evaluate(t, c, k, x, self.extrapolate if extrapolate is None else extrapolate)
        return polynomials.with_axis(value, x.ndim, self.axis)

    def derivative(self, nu: int = 1) -> BSpline:
        """The derivative of order `nu`."""
        if not self._is_traced():
            return super().derivative(nu)
        return object.__new__(BSpline)._hold(*derived(*self._tck(), nu), self.extrapolate, self.axis)

    def antiderivative(self, nu: int = 1) -> BSpline:
        """The antiderivative of order `nu` that is 0 at the first knot."""
        if not self._is_traced():
            return super().antiderivative(nu)
        extrapolate = False if self.extrapolate == "periodic" else self.extrapolate
        return object.__new__(BSpline)._hold(*integrated(*self._tck(), nu), extrapolate, self.axis)

    def integrate(self, a: Array, b: Array, extrapolate: Extrapolate | None = None) -> Array:
        """The integral from a to b; where it does not extrapolate, that of the part inside."""
        if not self._is_traced(a, b):
            return super().integrate(a, b, extrapolate)
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        t, c, k = self._tck()
        first, last = t[k], t[t.shape[0] - k - 1]
        whole = integrated(t, c, k, 1)
        upto = lambda at: evaluate(*whole, at, True)
        a, b = in_double(a), in_double(b)
        if extrapolate == "periodic":
            return polynomials.integral(upto, a, b, first, last)
        if not extrapolate:
            a, b = fnp.clip(a, first, last), fnp.clip(b, first, last)
        return upto(b) - upto(a)

    def insert_knot(self, x: float, m: int = 1) -> BSpline:
        """A spline with one more knot at x, `m` times; for plain arrays only."""
        if self._is_traced(x):
            raise unsupported("insert_knot", " BSpline(t, c, k) takes all knots at once.")
        return super().insert_knot(x, m)


def make_interp_spline(
    x: Array,
    y: Array,
    k: int = 3,
    t: Array | None = None,
    bc_type: Any = None,
    axis: int = 0,
    check_finite: bool = True,
) -> BSpline:
    """The B-spline of degree `k` through points, with no knots at the points next to the ends ("not-a-knot").

    Traced, `t` must be None, and `bc_type` None or "not-a-knot".

    Raises:
        ValueError: the points do not rise (where they are known), or there are too few of them.
        NotImplementedError: other knots or conditions, traced.

    Example:
        >>> fg.grad(lambda y: make_interp_spline(np.arange(3.0), y, k=2)(0.5))(np.ones(3))
        array([ 0.375,  0.75 , -0.125])
    """
    if not any_traced((x, y, t, bc_type)):
        found = scipy.interpolate.make_interp_spline(x, y, k, t, bc_type, axis, check_finite)
        return BSpline.construct_fast(found.t, found.c, found.k, found.extrapolate, found.axis)
    if t is not None or not (bc_type is None or (isinstance(bc_type, str) and bc_type == "not-a-knot")):
        raise NotImplementedError(
            "make_interp_spline of traced values finds its own knots, without conditions at the ends; "
            "CubicSpline(x, y, bc_type=...) takes conditions"
        )
    x, y, k = in_double(x), in_double(y), operator.index(k)
    axis = axis_of(axis, y.ndim)
    y = fnp.moveaxis(y, axis, 0)
    if x.ndim != 1 or x.shape[0] != y.shape[0] or k < 0 or x.shape[0] < k + 1:
        raise ValueError(f"a spline of degree {k} does not go through points {x.shape} and values {y.shape}")
    points = known(x)
    if points is not None and np.any(np.diff(points) <= 0):
        raise ValueError("`x` must be strictly increasing")
    t = knots_for(x, k)
    return object.__new__(BSpline)._hold(t, through(x, y, t, k), k, True, axis)


def knots_for(x: Array, k: int) -> Array:
    """The points, for even degrees the middles between them, without those next to the ends."""
    if k == 0:
        return fnp.concatenate([x, x[-1:]])
    inner = x if k % 2 else (x[1:] + x[:-1]) / 2
    skipped = (k + 1) // 2
    return fnp.concatenate([x[:1]] * (k + 1) + [inner[skipped : inner.shape[0] - skipped]] + [x[-1:]] * (k + 1))


def through(x: Array, y: Array, t: Array, k: int) -> Array:
    """The coefficients of the spline with `knots_for` through points: a banded system."""
    if k < 2:
        return y
    n = x.shape[0]
    piece = np.clip(np.arange(n) + (k + 1) // 2, k, n - 1)  # where a point lies among such knots
    values = fnp.stack(basis(t, k, x, piece))
    row, column_ = np.mgrid[: 2 * k + 1, :n]
    point = row + column_ - k
    which = column_ - piece[np.clip(point, 0, n - 1)] + k
    there = (point >= 0) & (point < n) & (which >= 0) & (which <= k)
    band = fnp.where(there, values[np.clip(which, 0, k), np.clip(point, 0, n - 1)], 0.0)
    return banded_solve(band, y.reshape(n, -1), lower=k, upper=k).reshape(y.shape)
