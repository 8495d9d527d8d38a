"""Values of images between their pixels: `map_coordinates`, and the transformations that are made of it.

An image is a spline with B-splines around its pixels. The value at a place is the sum over the `order + 1` of them
along each axis that are not zero there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from math import comb, factorial
from typing import Any

import numpy as np
import scipy.ndimage

import funcgrad.numpy as fnp
from funcgrad.numpy.dispatch import Array, axis_of
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import any_traced, as_array
from funcgrad.scipy.dispatch import beside
from funcgrad.scipy.ndimage.prefilter import spline_prefilter
from funcgrad.scipy.supports import in_double, weighted

_scipy_function = beside(scipy.ndimage)
PREFILTERS = {
    "reflect": "reflect", "nearest": "reflect", "grid-wrap": "grid-wrap",
    "mirror": "mirror", "constant": "mirror", "grid-constant": "mirror", "wrap": "mirror",
}  # fmt: skip
"""How an image goes on for the filter that finds its coefficients."""
AROUND = {"constant": "mirror", "wrap": "mirror"}
"""How coefficients go on beyond the border, where that is not the mode itself."""
MARGIN = 12
"""Pixels that SciPy adds around an image for modes in which coefficients beyond the border are not those inside."""


def known_mode(mode: str) -> str:
    mode = "reflect" if mode == "grid-mirror" else mode
    if mode not in PREFILTERS:
        raise RuntimeError(f"boundary mode {mode!r} is not supported: {', '.join(PREFILTERS)} are")
    return mode


def returned(value: Array, dtype: Any, like: Array, rounded: bool = True) -> Array:
    """In the dtype of the result, that of the input where none is named."""
    if any_traced((dtype,)) or isinstance(dtype, np.ndarray):
        raise TypeError("`output` of traced values names a dtype; the result is a new array")
    dtype = like.dtype if dtype is None else np.dtype(dtype)
    if value.dtype.kind == "c" and dtype.kind != "c":
        raise RuntimeError("output must have complex dtype")
    if dtype.kind in "iu" and rounded:
        limits = np.iinfo(dtype)
        value = fnp.clip(fnp.trunc(value + fnp.copysign(0.5, value)), limits.min, limits.max)
    return ew.convert(value, dtype=dtype)


# the coefficients


def _prefiltered(x: Array, order: int, mode: str, axes: Iterable[int]) -> Array:
    if order > 1:
        for axis in axes:
            turned = fnp.moveaxis(x, axis, -1)
            x = fnp.moveaxis(spline_prefilter(turned, order=order, mode=PREFILTERS[mode]), -1, axis)
    return x


def _coefficients(x: Array, order: int, mode: str, cval: Any, prefilter: bool) -> tuple[Array, int]:
    """The coefficients, and how many of them stand before the first pixel."""
    if not 0 <= order <= 5:
        raise RuntimeError("spline order not supported")
    x = in_double(x)
    if not x.ndim:
        raise RuntimeError("input and output rank must be > 0")
    if not prefilter or order < 2:
        return x, 0
    margin = MARGIN if mode in ("nearest", "grid-constant") else 0
    if margin:
        x = fnp.pad(x, margin, "edge") if mode == "nearest" else fnp.pad(x, margin, constant_values=cval)
    return _prefiltered(x, order, mode, range(x.ndim)), margin


# places and the pixels around them


def _placed(at: Array, n: int, mode: str) -> Array:
    """The place inside of the image that has the value of one outside."""
    if mode in ("constant", "nearest", "grid-constant"):
        return at
    if n == 1:
        return 0.0 * at
    whole = lambda x: fnp.maximum(fnp.floor(ew.stop_gradient(x)), 0.0)
    period = {"mirror": 2 * n - 2, "reflect": 2 * n, "wrap": n - 1, "grid-wrap": n}[mode]
    before, behind = -at - period * whole(-at / period), at - period * whole(at / period)
    if mode == "mirror":
        before = fnp.where(before >= n - 1, period - before, before)
        behind = fnp.where(behind >= n, period - behind, behind)
    elif mode == "reflect":
        before = fnp.where(before > n, period - before, before - 1)
        behind = fnp.where(behind >= n, period - behind - 1, behind)
    elif mode == "wrap":
        before = period - before
    else:
        before = at + n * (whole((-1 - at) / n) + 1)
    return fnp.where(at < 0, before, fnp.where(at > n - 1, behind, at))


def _index(i: Array, n: int, mode: str) -> Array:
    """The pixel whose coefficient stands at a whole number outside."""
    mode = AROUND.get(mode, mode)
    if n == 1 or mode in ("nearest", "grid-constant"):
        return fnp.clip(i, 0, n - 1)
    if mode == "grid-wrap":
        return i % n
    i = i % (2 * n - 2 if mode == "mirror" else 2 * n)
    return fnp.where(i >= n, (2 * n - 2 if mode == "mirror" else 2 * n - 1) - i, i)


@cache
def _pieces(order: int) -> np.ndarray:
    """The polynomials of the uniform B-spline, by powers: at a fraction t, each is the weight of a pixel around.

    Piece m is the sum over j up to m of `(-1)^j C(order + 1, j) (t + m - j)^order / order!` (Schoenberg, 1946).
    """
    c = np.zeros((order + 1, order + 1))
    for m in range(order + 1):
        for power in range(order + 1):
            terms = [(-1) ** j * comb(order + 1, j) * (m - j) ** (order - power) for j in range(m + 1)]
            c[power, order - m] = comb(order, power) * sum(terms) / factorial(order)
    return c


def _around(at: Array, n: int, order: int, mode: str) -> tuple[Array, Array, Array]:
    """For places along an axis of n coefficients: the pixels, their weights, and which places have no pixels at all."""
    at = _placed(at, n, mode)
    lost = fnp.isnan(at)
    if mode == "constant":
        lost = lost | (at < 0) | (at > n - 1)
    at = fnp.where(lost, 0.0, at)
    shifted = at if order % 2 else at + 0.5
    first = fnp.floor(ew.stop_gradient(shifted))
    part = (shifted - first)[:, None]
    near = fnp.clip(first, -order - 1, n + order)  # where a place is further away than integers reach
    index = near.astype(int)[:, None] - order // 2 + np.arange(order + 1)
    weights, pieces = 0.0, _pieces(order)
    for power in range(order, -1, -1):
        weights = weights * part + pieces[power]
    if mode == "grid-constant":
        weights = fnp.where((index >= 0) & (index < n), weights, 0.0)
    return _index(index, n, mode), weights, lost


@_scipy_function
def map_coordinates(
    input: Array,
    coordinates: Array,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Array:
    """The values of an image at places, by splines; differentiable in the image and in the places.

    Args:
        input: an image of d dimensions.
        coordinates: ``(d, ...)``, in pixels.
        output: the dtype of the result; the input's by default. Integers are rounded and have no derivative.
        order: the splines' degree, 0 to 5: 0 takes the nearest pixel, 1 is linear.
        mode: the image beyond its border: "reflect" or "grid-mirror", "mirror", "nearest", "wrap", "grid-wrap",
            "constant" (with nothing between the border and `cval`) or "grid-constant".
        cval: the value of "constant" and "grid-constant".
        prefilter: whether the image is made of values, and not of coefficients already.

    Returns:
        An array of the shape of ``coordinates[0]``, in double precision cast to `output`.

    Raises:
        RuntimeError: there is no such order or mode, or `coordinates` do not fit.

    Example:
        >>> image = np.arange(12.0).reshape(3, 4) ** 2
        >>> fg.grad(lambda at: map_coordinates(image, at, order=1))(np.array([0.5, 1.25]))
        array([26.,  7.])
    """
    input, at, mode = as_array(input), as_array(coordinates), known_mode(mode)
    if at.dtype.kind == "c":
        raise TypeError("Complex type not supported")
    if at.ndim < 1 or at.shape[0] != input.ndim:
        raise RuntimeError(f"invalid shape for coordinate array: {at.shape} for {input.ndim} dimensions")
    c, margin = _coefficients(input, order, mode, cval, prefilter)
    at = in_double(at)
    shape = at.shape[1:]
    rows = at.reshape((input.ndim, -1)) + margin
    found = [_around(rows[d], c.shape[d], order, mode) for d in range(input.ndim)]
    value = weighted(c, [index for index, _, _ in found], [weights for _, weights, _ in found])
    if mode == "grid-constant":
        inside: Array = 1.0
        for _, weights, _ in found:
            inside = inside * weights.sum(axis=-1)
        value = value + cval * (1 - inside)
    lost = found[0][2]
    for _, _, others in found[1:]:
        lost = lost | others
    return returned(fnp.where(lost, cval, value).reshape(shape), output, input)


# along each axis on its own


def _resampled(input: Array, places: Sequence[Array], margin: int, order: int, mode: str, cval: Any) -> Array:
    """An image of coefficients at a grid of places."""
    lost_anywhere: Array = False
    for axis, at in enumerate(places):
        index, weights, lost = _around(at + margin, input.shape[axis], order, mode)
        turned = weighted(fnp.moveaxis(input, axis, 0), [index], [weights])
        if mode == "grid-constant":
            rest = cval * (1 - weights.sum(axis=-1))
            turned = turned + rest.reshape(rest.shape + (1,) * (turned.ndim - 1))
        input = fnp.moveaxis(turned, 0, axis)
        lost_anywhere = lost_anywhere | lost.reshape(lost.shape + (1,) * (len(places) - axis - 1))
    return fnp.where(lost_anywhere, cval, input)


def per_axis(value: Any, ndim: int) -> list[Any]:
    value = as_array(value)
    if value.ndim == 0:
        return [value] * ndim
    if value.shape != (ndim,):
        raise RuntimeError(f"one number for each of {ndim} axes is wanted, not {value.shape}")
    return [value[i] for i in range(ndim)]


@_scipy_function
def shift(
    input: Array,
    shift: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Array:
    """An image moved by a number of pixels, or by one for each axis; differentiable in it.

    Example:
        >>> fg.grad(lambda s: shift(np.array([1.0, 2.0, 4.0, 7.0]), s, order=1)[2])(0.5)
        np.float64(-2.0)
    """
    input, mode = as_array(input), known_mode(mode)
    c, margin = _coefficients(input, order, mode, cval, prefilter)
    places = [np.arange(float(n)) - in_double(s) for n, s in zip(input.shape, per_axis(shift, input.ndim))]
    return returned(_resampled(c, places, margin, order, mode, cval), output, input)


@_scipy_function
def zoom(
    input: Array,
    zoom: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
    *,
    grid_mode: bool = False,
) -> Array:
    """An image with its axes made longer by factors, which are numbers, and are not differentiated in.

    Example:
        >>> fg.grad(lambda x: zoom(x, 2, order=1)[1])(np.array([1.0, 2.0]))
        array([0.66666667, 0.33333333])
    """
    input, mode = as_array(input), known_mode(mode)
    if any_traced((zoom,)):
        raise TypeError("`zoom` decides on the shape of the result, and cannot be a traced value")
    c, margin = _coefficients(input, order, mode, cval, prefilter)
    sizes = [round(n * float(z)) for n, z in zip(input.shape, per_axis(zoom, input.ndim))]
    places = []
    for n, size in zip(input.shape, sizes):
        steps = np.arange(float(size))
        if grid_mode:
            places.append((steps + 0.5) * (n / size if size else 1.0) - 0.5)
        else:
            places.append(steps * ((n - 1) / (size - 1) if size > 1 else 1.0))
    return returned(_resampled(c, places, margin, order, mode, cval), output, input)


@_scipy_function
def affine_transform(
    input: Array,
    matrix: Array,
    offset: Any = 0.0,
    output_shape: Sequence[int] | None = None,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Array:
    """The image at ``matrix @ place + offset`` for each place of the result; differentiable in all of them.

    Args:
        input: an image of d dimensions.
        matrix: ``(d, d)``, ``(d,)`` for a diagonal matrix, or ``(d, d + 1)`` or ``(d + 1, d + 1)`` with the offset in
            the last column.
        offset: a number, or one for each axis.
        output_shape: the input's by default.
        output, order, mode, cval, prefilter: as in `map_coordinates`.

    Example:
        >>> image = np.arange(9.0).reshape(3, 3)
        >>> fg.grad(lambda m: affine_transform(image, m, order=1)[1, 1])(np.eye(2) * 0.5)
        array([[3., 3.],
               [1., 1.]])
    """
    input, matrix = as_array(input), as_array(matrix)
    d = input.ndim
    if matrix.ndim == 2 and matrix.shape[1] == d + 1 and matrix.shape[0] in (d, d + 1):
        matrix, offset = matrix[:d, :d], matrix[:d, d]
    if matrix.shape not in ((d,), (d, d)):
        raise RuntimeError(f"affine matrix of shape {matrix.shape} does not fit an image of {d} axes")
    shape = input.shape if output_shape is None else tuple(output_shape)
    if len(shape) != d:
        raise RuntimeError(f"a result of {len(shape)} dimensions from an image of {d} is for plain arrays only")
    grid = np.indices(shape, float).reshape(d, -1)
    turned = matrix[:, None] * grid if matrix.ndim == 1 else matrix @ grid
    at = turned + fnp.stack(per_axis(offset, d))[:, None]
    return map_coordinates(input, at.reshape((d, *shape)), output, order, mode, cval, prefilter)


@_scipy_function
def spline_filter1d(
    input: Array, order: int = 3, axis: int = -1, output: Any = np.float64, mode: str = "mirror"
) -> Array:
    """The coefficients of the spline through the values along an axis.

    Example:
        >>> fg.grad(lambda x: spline_filter1d(x).sum())(np.ones(3)).round(12)
        array([1.5, 0. , 1.5])
    """
    input, mode = as_array(input), known_mode(mode)
    if not 0 <= order <= 5:
        raise RuntimeError("spline order not supported")
    return _filtered(input, order, mode, output, [axis_of(axis, input.ndim)])


@_scipy_function
def spline_filter(input: Array, order: int = 3, output: Any = np.float64, mode: str = "mirror") -> Array:
    """The coefficients of the spline through an image.

    Example:
        >>> fg.grad(lambda x: spline_filter(x)[0, 0])(np.ones((2, 2))).round(12)
        array([[ 4., -2.],
               [-2.,  1.]])
    """
    input, mode = as_array(input), known_mode(mode)
    if not 2 <= order <= 5:
        raise RuntimeError("spline order not supported")
    return _filtered(input, order, mode, output, range(input.ndim))


def _filtered(input: Array, order: int, mode: str, output: Any, axes: Iterable[int]) -> Array:
    x = _prefiltered(in_double(input), order, mode, axes)
    return returned(x, complex if x.dtype.kind == "c" and output is np.float64 else output, input)
