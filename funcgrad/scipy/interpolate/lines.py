"""`interp1d`: lines, steps and splines through points."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.interpolate

import funcgrad.numpy as fnp
from funcgrad.core.trace import known
from funcgrad.numpy.dispatch import Array, axis_of
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import any_traced, as_array, as_inexact
from funcgrad.ops.subscript import getitem
from funcgrad.scipy.interpolate import splines
from funcgrad.scipy.interpolate.polynomials import column, interval, with_axis

DEGREES = {"zero": 0, "slinear": 1, "quadratic": 2, "cubic": 3}
STEPS = ("nearest", "nearest-up", "previous", "next")


class interp1d(scipy.interpolate.interp1d):
    """The function through points in one dimension, of one of SciPy's kinds; differentiable in all but its kind.

    Args:
        x: ``(n,)``.
        y: values, n along `axis`.
        kind: "linear", "nearest", "nearest-up", "previous", "next", "zero", "slinear", "quadratic", "cubic", or the
            degree of a spline.
        axis: the axis of interpolation.
        copy: whether plain arrays are copied.
        bounds_error: whether points outside raise; True by default, unless it extrapolates. Under `jit` and `vmap`,
            where points are not known, the value outside is NaN in place of the error.
        fill_value: the value outside, a pair of those below and above, or "extrapolate".
        assume_sorted: whether `x` is known to rise.

    Raises:
        ValueError: a point lies outside, or shapes do not fit.
        NotImplementedError: there is no such kind.

    Example:
        >>> fg.grad(lambda y: interp1d([0.0, 1.0, 2.0], y)(1.25))(np.ones(3))
        array([0.  , 0.75, 0.25])
    """

    def __init__(
        self,
        x: Array,
        y: Array,
        kind: Any = "linear",
        axis: int = -1,
        copy: bool = True,
        bounds_error: bool | None = None,
        fill_value: Any = np.nan,
        assume_sorted: bool = False,
    ) -> None:
        self._degree = DEGREES.get(kind, kind if isinstance(kind, int) else None)
        if not any_traced((x, y, fill_value)):
            super().__init__(x, y, kind, axis, copy, bounds_error, fill_value, assume_sorted)
            return
        if self._degree is None and kind != "linear" and kind not in STEPS:
            raise NotImplementedError(f"interp1d has no kind {kind!r}")
        x, y = as_inexact(x), as_inexact(y)
        axis = axis_of(axis, y.ndim)
        needed = 1 + (self._degree or 0)
        if x.ndim != 1 or y.shape[axis] != x.shape[0] or x.shape[0] < needed:
            raise ValueError(
                f"points of shape {x.shape} and values of shape {y.shape} along axis {axis} do not fit, or are fewer "
                f"than the {needed} that kind {kind!r} needs"
            )
        if not assume_sorted:
            order = fnp.argsort(x, kind="stable")
            x, y = fnp.take(x, order), fnp.take(y, order, axis)
        self.x, self.y, self.axis, self._kind = x, y, axis, "spline" if self._degree is not None else kind
        if self._degree is not None:
            self._spline = splines.make_interp_spline(x, fnp.moveaxis(y, axis, 0), self._degree)
        self._set_fill(fill_value, bounds_error)

    def _set_fill(self, fill_value: Any, bounds_error: bool | None) -> None:
        self._extrapolate = isinstance(fill_value, str) and fill_value == "extrapolate"
        self._fill_value_orig = fill_value
        if self._extrapolate:
            if bounds_error:
                raise ValueError("interp1d cannot extrapolate and raise at the same time")
            self.bounds_error = False
            if self._kind not in ("previous", "next"):
                return
            ends = fnp.take(self.y, 0, self.axis), fnp.take(self.y, -1, self.axis)
            fill_value = (np.nan, ends[1]) if self._kind == "previous" else (ends[0], np.nan)
            self._extrapolate = False
        else:
            self.bounds_error = True if bounds_error is None else bounds_error
        pair = fill_value if isinstance(fill_value, tuple) and len(fill_value) == 2 else (fill_value, fill_value)
        shape = self.y.shape[: self.axis] + self.y.shape[self.axis + 1 :]
        for value in map(as_array, pair):
            if value.ndim > max(len(shape), 1) or np.broadcast_shapes(value.shape, shape or (1,)) != (shape or (1,)):
                raise ValueError(f"fill_value of shape {value.shape} does not broadcast to values of shape {shape}")
        below, above = map(as_array, pair)
        self._fill_value_below, self._fill_value_above = below, above

    def __call__(self, x: Array) -> Array:
        """The values at points of any shape."""
        fills = () if self._extrapolate else (self._fill_value_below, self._fill_value_above)
        if not any_traced((x, self.x, self.y, *fills)):
            return super().__call__(x)
        at = as_inexact(x)
        value = self._inside(at)
        if not self._extrapolate:
            value = self._filled(at, value)
        return with_axis(value, at.ndim, self.axis)

    def _inside(self, at: Array) -> Array:
        """The axes of the points, then the other ones of the values."""
        x, y = self.x, fnp.moveaxis(self.y, self.axis, 0)
        n = x.shape[0]
        if self._kind == "spline":
            spline = self._spline
            value = splines.evaluate(spline.t, as_array(spline.c)[: len(spline.t) - spline.k - 1], spline.k, at, True)
            return value.reshape(at.shape + y.shape[1:]) + self._missing()
        if self._kind == "linear" and n > 1:
            high = fnp.clip(fnp.searchsorted(x, at), 1, n - 1)
            low = high - 1
            rise, run = getitem(y, high) - getitem(y, low), getitem(x, high) - getitem(x, low)
            slope = rise / column(run, rise.ndim)
            return slope * column(at - getitem(x, low), slope.ndim) + getitem(y, low)
        if self._kind == "next":
            return getitem(y, fnp.clip(fnp.searchsorted(x, at), 0, n - 1))
        if self._kind in ("linear", "previous"):
            return getitem(y, interval(x, at, 0, n - 1))
        middles = x[1:] / 2 + x[:-1] / 2
        return getitem(y, fnp.searchsorted(middles, at, side="left" if self._kind == "nearest" else "right"))

    def _missing(self) -> float:
        """NaN where SciPy's spline of plain data stands for one with NaN among its points."""
        if self._degree is None or self._degree < 2 or any_traced((self.x, self.y)):
            return 0.0
        return np.nan if np.isnan(self.x).any() or np.isnan(self.y).any() else 0.0

    def _filled(self, at: Array, value: Array) -> Array:
        below, above = at < self.x[0], at > self.x[-1]
        fills = self._fill_value_below, self._fill_value_above
        if self.bounds_error:
            outside = known(below | above)
            if outside is not None and np.any(outside):
                raise ValueError(
                    "a point lies outside of the interpolation range; fill_value='extrapolate' or bounds_error=False "
                    "allows that"
                )
            fills = np.nan, np.nan
        for where, fill in zip((below, above), fills):
            fill = ew.convert(as_array(fill), dtype=value.dtype)
            value = fnp.where(column(where, value.ndim), fill if at.ndim < value.ndim else fill.reshape(()), value)
        return value
