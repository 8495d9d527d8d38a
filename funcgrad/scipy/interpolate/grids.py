"""`RegularGridInterpolator` and `interpn`: values between the points of a rectangular grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.interpolate

import funcgrad.numpy as fnp
from funcgrad.core.trace import known
from funcgrad.numpy.dispatch import Array
from funcgrad.ops.operands import any_traced, as_array, as_inexact
from funcgrad.ops.subscript import getitem
from funcgrad.scipy.dispatch import beside
from funcgrad.scipy.interpolate import splines
from funcgrad.scipy.interpolate.polynomials import column, interval
from funcgrad.scipy.supports import in_double, weighted

DEGREES = {"slinear": 1, "cubic": 3, "quintic": 5}


class RegularGridInterpolator(scipy.interpolate.RegularGridInterpolator):
    """Interpolation on a rectangular grid with any spacing; differentiable in the points, the values and the grid.

    Args:
        points: for each of d dimensions a vector that rises or falls.
        values: ``(n1, ..., nd, ...)``.
        method: "linear", "nearest", "slinear", "cubic" or "quintic"; SciPy's others are for plain arrays.
        bounds_error: whether points outside raise ValueError. Under `jit` and `vmap`, where points are not known,
            the value outside is NaN in place of the error.
        fill_value: the value outside where that is no error; None extrapolates.
        solver, solver_args: how SciPy solves for splines of plain arrays. Here each dimension is solved directly.

    Example:
        >>> grid = np.arange(3.0), np.arange(2.0)
        >>> fg.grad(lambda v: RegularGridInterpolator(grid, v)((0.5, 0.0)).sum())(np.ones((3, 2)))
        array([[0.5, 0. ],
               [0.5, 0. ],
               [0. , 0. ]])
    """

    def __init__(
        self,
        points: Sequence[Array],
        values: Array,
        method: str = "linear",
        bounds_error: bool = True,
        fill_value: Any = np.nan,
        *,
        solver: Any = None,
        solver_args: Any = None,
    ) -> None:
        if not any_traced((*points, values, fill_value)):
            super().__init__(
                points, values, method, bounds_error, fill_value, solver=solver, solver_args=solver_args
            )
            return
        if solver is not None or solver_args:
            raise ValueError("traced values are solved for directly, without `solver` and `solver_args`")
        grid, values = [in_double(p) for p in points], as_inexact(values)
        _check(grid, values)
        falling = [i for i, p in enumerate(grid) if _falls(p, i)]
        self._grid = tuple([fnp.flip(p) if i in falling else p for i, p in enumerate(grid)])
        self._descending_dimensions = tuple(falling)
        self._values = fnp.flip(values, tuple(falling)) if falling else values
        self.method, self.bounds_error, self.fill_value = method, bounds_error, fill_value
        self._asarray, self._spline = as_array, None
        self._check_method(method)

    def _check_method(self, method: str) -> int | None:
        """The degree of the method's splines, None where it has none."""
        name = method.removesuffix("_legacy")
        if name in DEGREES:
            if any(p.shape[0] <= DEGREES[name] for p in self._grid):
                raise ValueError(f"method {method!r} needs {DEGREES[name] + 1} points along each dimension")
            return DEGREES[name]
        if name == "pchip":
            raise NotImplementedError("method 'pchip' is for plain arrays only; 'cubic' takes traced values")
        if method not in ("linear", "nearest"):
            raise ValueError(f"Method {method!r} is not defined")
        return None

    def __call__(self, xi: Any, method: str | None = None, *, nu: Sequence[int] | None = None) -> Array:
        """The values at points `(..., d)`, or at a tuple of d arrays, with `nu` a derivative's order along each."""
        parts = xi if isinstance(xi, (tuple, list)) else (xi,)
        if not any_traced((*parts, *self._grid, self._values, self.fill_value)):
            return super().__call__(xi, method, nu=nu)
        method = self.method if method is None else method
        degree = self._check_method(method)
        if nu is not None and degree is None:
            raise ValueError(f"method {method!r} has no derivatives `nu`; {', '.join(DEGREES)} have")
        at = self._points(xi)
        shape = at.shape[:-1]
        at = at.reshape((-1, len(self._grid)))
        outside = self._outside(at)
        if degree is not None:
            value = self._spline_value(at, degree, nu or (0,) * len(self._grid))
        else:
            value = self._local_value(at, method)
        if self.bounds_error:
            value = fnp.where(column(outside, value.ndim), np.nan, value)
        elif self.fill_value is not None:
            value = fnp.where(column(outside, value.ndim), self.fill_value, value)
        value = fnp.where(column(fnp.isnan(at).any(axis=-1), value.ndim), np.nan, value)
        return value.reshape(shape + value.shape[1:])

    def _points(self, xi: Any) -> Array:
        count = len(self._grid)
        if isinstance(xi, tuple) and not (len(xi) == 1 and isinstance(xi[0], tuple)):
            at = fnp.stack(fnp.broadcast_arrays(*map(in_double, xi)), -1)
        else:
            at = in_double(xi[0] if isinstance(xi, tuple) else xi)
            if at.ndim < 2:
                at = at.reshape((-1, count))
        if at.shape[-1] != count:
            raise ValueError(f"points of dimension {at.shape[-1]} were given, but the grid has dimension {count}")
        return at

    def _outside(self, at: Array) -> Array:
        sides = [(at[:, i] < p[0]) | (at[:, i] > p[-1]) for i, p in enumerate(self._grid)]
        outside = fnp.stack(sides).any(axis=0)
        if self.bounds_error and known(outside) is not None and np.any(known(outside)):
            raise ValueError("a point lies outside of the grid; bounds_error=False allows that")
        return outside

    def _local_value(self, at: Array, method: str) -> Array:
        """By the corners of the cell that a point lies in."""
        indices, weights = [], []
        for i, p in enumerate(self._grid):
            if p.shape[0] == 1:  # a dimension of one point has no extent
                low, part = fnp.zeros(at.shape[0], int), 0.0 * at[:, i]
                high = low
            else:
                low = fnp.clip(fnp.searchsorted(p, at[:, i]) - 1, 0, p.shape[0] - 2)
                start, high = getitem(p, low), low + 1
                part = (at[:, i] - start) / (getitem(p, high) - start)
            if method == "nearest":
                indices.append(fnp.where(part <= 0.5, low, high))
            else:
                indices.append(fnp.stack([low, high], -1))
                weights.append(fnp.stack([1 - part, part], -1))
        if method == "nearest":
            return getitem(self._values, tuple(indices))
        return weighted(self._values, indices, weights)

    def _spline_value(self, at: Array, degree: int, nu: Sequence[int]) -> Array:
        """By the product of the splines along each dimension."""
        values, indices, weights = in_double(self._values), [], []
        for i, p in enumerate(self._grid):
            knots = splines.knots_for(p, degree)
            first = splines.through(p, fnp.moveaxis(values, i, 0), knots, degree)
            knots, first, k = splines.derived(knots, first, degree, nu[i])
            values = fnp.moveaxis(first, 0, i)
            piece = interval(knots, at[:, i], k, knots.shape[0] - k - 2)
            weights.append(fnp.stack(splines.basis(knots, k, at[:, i], piece), -1))
            indices.append(piece[:, None] + np.arange(-k, 1))
        return weighted(values, indices, weights)


def _check(grid: Sequence[Array], values: Array) -> None:
    if len(grid) > values.ndim:
        raise ValueError(f"there are {len(grid)} vectors of points, but values have {values.ndim} dimensions")
    for i, p in enumerate(grid):
        if p.ndim != 1 or p.shape[0] != values.shape[i]:
            raise ValueError(f"points of shape {p.shape} do not fit {values.shape[i]} values in dimension {i}")


def _falls(p: Array, dimension: int) -> bool:
    """Whether a dimension's points fall; they rise, where they are not known."""
    points = known(p)
    if points is None or np.all(np.diff(points) > 0):
        return False
    if np.all(np.diff(points) < 0):
        return True
    raise ValueError(f"The points in dimension {dimension} must be strictly ascending or descending")


@beside(scipy.interpolate)
def interpn(
    points: Sequence[Array],
    values: Array,
    xi: Any,
    method: str = "linear",
    bounds_error: bool = True,
    fill_value: Any = np.nan,
) -> Array:
    """`RegularGridInterpolator(points, values, ...)(xi)`.

    Example:
        >>> fg.grad(lambda x: interpn([np.arange(3.0)], np.array([0.0, 1.0, 4.0]), x).sum())(np.array([1.5]))
        array([3.])
    """
    return RegularGridInterpolator(points, values, method, bounds_error, fill_value)(xi)
