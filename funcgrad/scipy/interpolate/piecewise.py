"""Interpolators that are piecewise polynomials: `PPoly`, `CubicSpline`, `PchipInterpolator` and their kin.

Each is SciPy's class, made to hold traced values and to take traced points. Made of plain arrays, it is SciPy's object,
and plain points get SciPy's values.
"""

from __future__ import annotations

from typing import Any, TypeVar

import scipy.interpolate

import funcgrad.numpy as fnp
from funcgrad.numpy.dispatch import Array, unsupported
from funcgrad.ops.operands import any_traced, as_array
from funcgrad.scipy.interpolate import polynomials
from funcgrad.scipy.interpolate.attributes import Held, Holder
from funcgrad.scipy.interpolate.polynomials import Extrapolate
from funcgrad.scipy.interpolate.slopes import (
    akima_slopes,
    conditions,
    hermite,
    pchip_slopes,
    prepared,
    spline_slopes,
)
from funcgrad.scipy.supports import in_double

Self = TypeVar("Self", bound="Piecewise")


class Piecewise(Holder):
    """What the classes have in common, before SciPy's in the order of their bases."""

    c = Held("The coefficients `(k, m, ...)`, the highest power first.")
    x = Held("The breakpoints.")
    extrapolate = Held("Whether the last polynomials go on beyond the ends.")
    axis = Held("The axis of interpolation.")

    def _hold(self: Self, c: Array, x: Array, extrapolate: Extrapolate, axis: int) -> Self:
        """Hold traced values, past SciPy's constructor."""
        self._holds = True
        self.c, self.x, self.axis = c, x, axis
        self.extrapolate = extrapolate if extrapolate == "periodic" else bool(extrapolate)
        return self

    def _like(self: Self, c: Array, extrapolate: Extrapolate) -> Self:
        return object.__new__(type(self))._hold(c, self.x, extrapolate, self.axis)

    def __call__(self, x: Array, nu: int = 0, extrapolate: Extrapolate | None = None) -> Array:
        """The values at points of any shape, or the derivative of order `nu` there.

        `extrapolate`: beyond the ends, go on with the last polynomial (True), give NaN (False), or repeat ("periodic").
        """
        if not self._is_traced(x):
            return super().__call__(x, nu, extrapolate)  # type: ignore[misc]
        x = as_array(x)
        c = polynomials.derived(self.c, nu)
        value = polynomials.evaluate(c, self.x, x, self.extrapolate if extrapolate is None else extrapolate)
        return polynomials.with_axis(value, x.ndim, self.axis)

    def derivative(self: Self, nu: int = 1) -> Self:
        """The derivative of order `nu`, as an object of this class."""
        if not self._is_traced():
            return super().derivative(nu)  # type: ignore[misc]
        if nu < 0:
            return self.antiderivative(-nu)
        return self._like(polynomials.derived(self.c, nu), self.extrapolate)

    def antiderivative(self: Self, nu: int = 1) -> Self:
        """The continuous antiderivative of order `nu` that is 0 at the first breakpoint."""
        if not self._is_traced():
            return super().antiderivative(nu)  # type: ignore[misc]
        if nu <= 0:
            return self.derivative(-nu)
        extrapolate = False if self.extrapolate == "periodic" else self.extrapolate
        return self._like(polynomials.integrated(self.c, self.x, nu), extrapolate)

    def integrate(self, a: Array, b: Array, extrapolate: Extrapolate | None = None) -> Array:
        """The integral from a to b."""
        if not self._is_traced(a, b):
            return super().integrate(a, b, extrapolate)  # type: ignore[misc]
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        c, x = polynomials.integrated(self.c, self.x, 1), self.x
        if extrapolate == "periodic":
            inside = lambda t: polynomials.evaluate(c, x, t, True)
            return polynomials.integral(inside, in_double(a), in_double(b), x[0], x[-1])
        return polynomials.evaluate(c, x, b, extrapolate) - polynomials.evaluate(c, x, a, extrapolate)

    def solve(self, y: float = 0.0, discontinuity: bool = True, extrapolate: Extrapolate | None = None) -> Array:
        """Where the function is y; for plain arrays only."""
        if self._is_traced(y):
            raise unsupported("solve", " lax.custom_root gives a root its derivative.")
        return super().solve(y, discontinuity, extrapolate)  # type: ignore[misc]

    def extend(self, c: Array, x: Array, right: bool | None = None) -> None:
        """Add pieces; for plain arrays only."""
        if self._is_traced(c, x):
            raise unsupported("extend", " PPoly(c, x) takes all pieces at once.")
        super().extend(c, x) if right is None else super().extend(c, x, right)  # type: ignore[misc]


class PPoly(Piecewise, scipy.interpolate.PPoly):
    """A piecewise polynomial of coefficients `c` `(k, m, ...)`, the highest power first, and breakpoints `x`.

    Example:
        >>> fg.grad(lambda c: PPoly(c, np.array([0.0, 1.0]))(0.5))(np.array([[1.0], [2.0]]))
        array([[0.5],
               [1. ]])
    """

    def __init__(self, c: Array, x: Array, extrapolate: Extrapolate | None = None, axis: int = 0) -> None:
        if not any_traced((c, x)):
            super().__init__(c, x, extrapolate, axis)
            return
        c, x = in_double(c), in_double(x)
        if c.ndim < 2 or not 0 <= axis < c.ndim - 1:
            raise ValueError(f"coefficients of shape {c.shape} have no axis {axis} behind that of the powers")
        c = fnp.moveaxis(c, (axis, axis + 1), (0, 1))
        if x.ndim != 1 or x.shape[0] < 2 or c.shape[1] != x.shape[0] - 1 or not c.shape[0]:
            raise ValueError(f"coefficients of shape {c.shape} do not fit breakpoints of shape {x.shape}")
        self._hold(c, x, True if extrapolate is None else extrapolate, axis)


class CubicHermiteSpline(Piecewise, scipy.interpolate.CubicHermiteSpline):
    """The piecewise cubic with values `y` and slopes `dydx` at the points `x`.

    Example:
        >>> fg.grad(lambda s: CubicHermiteSpline([0.0, 1.0], [0.0, 0.0], s)(0.5))(np.ones(2))
        array([ 0.125, -0.125])
    """

    def __init__(
        self, x: Array, y: Array, dydx: Array, axis: int = 0, extrapolate: Extrapolate | None = None
    ) -> None:
        if not any_traced((x, y, dydx)):
            super().__init__(x, y, dydx, axis, extrapolate)
            return
        if as_array(y).shape != as_array(dydx).shape:
            raise ValueError("`y` and `dydx` must have the same shape")
        _, slopes, _ = prepared(x, dydx, axis)
        x, y, axis = prepared(x, y, axis)
        self._hold(hermite(x, y, slopes), x, True if extrapolate is None else extrapolate, axis)


class CubicSpline(Piecewise, scipy.interpolate.CubicSpline):
    """The cubic spline through points, twice continuously differentiable; differentiable in all that it is made of.

    Args:
        x: ``(n,)``, strictly increasing.
        y: values, n along `axis`.
        axis: the axis of interpolation.
        bc_type: "not-a-knot", "natural", "clamped", "periodic", or a pair of conditions for the start and the end, of
            which each may be an order (1 or 2) and the derivative's value.
        extrapolate: as in a call; True, or "periodic" where `bc_type` is.

    Raises:
        ValueError: the points do not rise, are not finite (where their values are known), or shapes do not fit.

    Example:
        >>> x = np.arange(4.0)
        >>> fg.grad(lambda y: CubicSpline(x, y)(1.5))(x**2)
        array([-0.0625,  0.5625,  0.5625, -0.0625])
    """

    def __init__(
        self,
        x: Array,
        y: Array,
        axis: int = 0,
        bc_type: Any = "not-a-knot",
        extrapolate: Extrapolate | None = None,
    ) -> None:
        if not any_traced((x, y, bc_type)):
            super().__init__(x, y, axis, bc_type, extrapolate)
            return
        x, y, axis = prepared(x, y, axis)
        ends = conditions(bc_type, y)
        if extrapolate is None:
            extrapolate = "periodic" if ends[0] == "periodic" else True
        self._hold(hermite(x, y, spline_slopes(x, y, ends)), x, extrapolate, axis)


class PchipInterpolator(Piecewise, scipy.interpolate.PchipInterpolator):
    """The piecewise cubic that rises and falls only where the values do.

    Example:
        >>> fg.grad(PchipInterpolator([0.0, 1.0, 2.0], [0.0, 1.0, 1.0]))(1.5).item()
        0.0
    """

    def __init__(self, x: Array, y: Array, axis: int = 0, extrapolate: Extrapolate | None = None) -> None:
        if not any_traced((x, y)):
            super().__init__(x, y, axis, extrapolate)
            return
        x, y, axis = prepared(x, y, axis)
        _require_real(y, "PchipInterpolator")
        self._hold(hermite(x, y, pchip_slopes(x, y)), x, True if extrapolate is None else extrapolate, axis)


class Akima1DInterpolator(Piecewise, scipy.interpolate.Akima1DInterpolator):
    """The piecewise cubic with Akima's slopes, or the modified ones (`method="makima"`).

    Example:
        >>> fg.grad(Akima1DInterpolator([0.0, 1.0, 2.0], [0.0, 1.0, 4.0]))(1.0).item()
        2.0
    """

    def __init__(
        self,
        x: Array,
        y: Array,
        axis: int = 0,
        *,
        method: str = "akima",
        extrapolate: bool | None = None,
    ) -> None:
        if not any_traced((x, y)):
            super().__init__(x, y, axis, method=method, extrapolate=extrapolate)
            return
        if method not in ("akima", "makima"):
            raise NotImplementedError(f"method {method!r}: Akima's are 'akima' and 'makima'")
        x, y, axis = prepared(x, y, axis)
        _require_real(y, "Akima1DInterpolator")
        self._hold(hermite(x, y, akima_slopes(x, y, method)), x, extrapolate or False, axis)


def _require_real(y: Array, name: str) -> None:
    if y.dtype.kind == "c":
        raise ValueError(f"`{name}` is for real values: interpolate y.real and y.imag")
