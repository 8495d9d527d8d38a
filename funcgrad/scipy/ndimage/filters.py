"""Filters of images: correlations with a kernel, Gaussian and uniform ones among them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.ndimage

import funcgrad.numpy as fnp
from funcgrad.core.provenance import at, here
from funcgrad.core.trace import known
from funcgrad.errors import ConcretizationError
from funcgrad.numpy.dispatch import Array, axes_of
from funcgrad.ops import contract
from funcgrad.ops.operands import as_array
from funcgrad.ops.windows import windows
from funcgrad.scipy.dispatch import beside
from funcgrad.scipy.ndimage.interpolation import known_mode, per_axis, returned
from funcgrad.scipy.supports import in_double

_scipy_function = beside(scipy.ndimage)
PADDING: dict[str, Any] = {
    "reflect": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap", "grid-wrap": "wrap",
    "constant": "constant", "grid-constant": "constant",
}  # fmt: skip
"""NumPy's names of the modes."""


def _correlated(
    x: Array, weights: Array, axes: Sequence[int], modes: Sequence[str], cval: Any, origins: Sequence[int]
) -> Array:
    """The sum over the window around each pixel, along `axes`, of pixels times weights."""
    for axis, size, mode, origin in zip(axes, weights.shape, modes, origins):
        if not -(size // 2) <= origin <= (size - 1) // 2:
            raise ValueError(f"invalid origin {origin} for a filter of length {size}")
        before = size // 2 + origin
        margins = [(before, size - 1 - before) if i == axis else (0, 0) for i in range(x.ndim)]
        how = PADDING[known_mode(mode)]
        x = fnp.pad(x, margins, constant_values=cval) if how == "constant" else fnp.pad(x, margins, how)
    ones = (1,) * len(axes)
    found = windows(x, axes=tuple(axes), sizes=weights.shape, strides=ones, dilations=ones)
    summed = tuple(range(x.ndim, x.ndim + len(axes))), tuple(range(len(axes)))
    return contract.dot_general(found, weights, contract=summed, batch=((), ()))


def _turned(weights: Array) -> Array:
    """Reversed and conjugated: a correlation with these is a convolution."""
    return fnp.conj(fnp.flip(weights))


def _each(value: Any, count: int, what: str) -> list[Any]:
    if isinstance(value, str) or not isinstance(value, (Sequence, np.ndarray)):
        return [value] * count
    if len(value) != count:
        raise RuntimeError(f"{what} must be one, or one for each of {count} axes, not {len(value)}")
    return list(value)


@_scipy_function
def correlate1d(
    input: Array,
    weights: Array,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Array:
    """The sum of weights, conjugated, times the pixels around each, along an axis.

    Args:
        input: an image.
        weights: a vector.
        axis: the axis.
        output: the dtype of the result; the input's by default.
        mode, cval: the image beyond its border, as in `map_coordinates`.
        origin: how far the window is moved to the left.

    Example:
        >>> fg.grad(lambda w: correlate1d(np.array([1.0, 2.0, 4.0]), w)[0])(np.ones(3))
        array([1., 1., 2.])
    """
    return correlate(input, _vector(weights), output, mode, cval, operator.index(origin), axes=axis)


def _vector(weights: Array) -> Array:
    weights = as_array(weights)
    if weights.ndim != 1 or not weights.size:
        raise RuntimeError("no filter weights given")
    return weights


@_scipy_function
def convolve1d(
    input: Array,
    weights: Array,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Array:
    """`correlate1d` with the weights reversed.

    Example:
        >>> fg.grad(lambda w: convolve1d(np.array([1.0, 2.0, 4.0]), w)[0])(np.ones(3))
        array([2., 1., 1.])
    """
    return convolve(input, _vector(weights), output, mode, cval, operator.index(origin), axes=axis)


def _mirrored(origin: int, size: int) -> int:
    return -operator.index(origin) - (1 - size % 2)


@_scipy_function
def correlate(
    input: Array,
    weights: Array,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Array:
    """The sum of weights, conjugated, times the pixels around each; one mode and origin for all axes, or one for each.

    Example:
        >>> fg.grad(lambda w: correlate(np.eye(2), w)[0, 0])(np.ones((2, 2)))
        array([[1., 1.],
               [1., 1.]])
    """
    input, weights = as_array(input), in_double(weights)
    chosen = axes_of(axes, input.ndim)
    if weights.ndim != len(chosen):
        raise RuntimeError(f"weights.ndim ({weights.ndim}) must match len(axes) ({len(chosen)})")
    if output is None and weights.dtype.kind == "c":
        output = np.promote_types(input.dtype, np.complex64)
    modes, origins = _each(mode, len(chosen), "modes"), _each(origin, len(chosen), "origins")
    found = _correlated(in_double(input), fnp.conj(weights), chosen, modes, cval, origins)
    return returned(found, output, input, rounded=False)


@_scipy_function
def convolve(
    input: Array,
    weights: Array,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Array:
    """`correlate` with the weights reversed along all axes.

    Example:
        >>> fg.grad(lambda x: convolve(x, np.array([[1.0, 2.0]]))[0, 0])(np.eye(2))
        array([[2., 1.],
               [0., 0.]])
    """
    weights = as_array(weights)
    origins = [_mirrored(o, n) for o, n in zip(_each(origin, weights.ndim, "origins"), weights.shape)]
    return correlate(input, _turned(weights), output, mode, cval, origins, axes=axes)


# Gaussian and uniform


def _bell(sigma: Array, order: int, radius: int) -> Array:
    """The normal density at whole numbers, its sum 1, or its derivative of an order: a polynomial times it."""
    x = np.arange(-radius, radius + 1.0)
    density = fnp.exp(-0.5 / sigma**2 * x**2)
    density = density / density.sum()
    polynomial = [1.0 + 0.0 * sigma]
    for _ in range(order):  # (p exp(-x^2 / 2 s^2))' = (p' - x p / s^2) exp(...)
        grown = [0.0, *(-c / sigma**2 for c in polynomial)]
        for power, c in enumerate(polynomial[1:]):
            grown[power] = grown[power] + (power + 1) * c
        polynomial = grown
    return density * sum(c * x**power for power, c in enumerate(polynomial))


@_scipy_function
def gaussian_filter1d(
    input: Array,
    sigma: Array,
    axis: int = -1,
    order: int = 0,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: int | None = None,
) -> Array:
    """A Gaussian filter along an axis, or with its derivative of an order; differentiable in `sigma` too.

    Args:
        input: an image.
        sigma: the standard deviation, in pixels. The window's length follows from it, so under `jit` and `vmap` a
            traced one needs a `radius`.
        axis: the axis.
        order: 0, or that of the Gaussian's derivative.
        output, mode, cval: as in `correlate1d`.
        truncate: the window's reach, in standard deviations.
        radius: the window's reach, in pixels.

    Example:
        >>> fg.grad(lambda s: gaussian_filter1d(np.array([0.0, 0.0, 1.0, 0.0, 0.0]), s)[2])(0.5).round(6)
        np.float64(-1.35298)
    """
    if order < 0:
        raise ValueError("order must be non-negative")
    if radius is None:
        width = known(sigma)
        if width is None:
            raise ConcretizationError(
                "Give the `radius` of a Gaussian filter: its length follows from `sigma`, whose value is not known"
                f"{at(here())}"
            )
        radius = int(truncate * float(width) + 0.5)
    elif radius < 0 or radius != int(radius):
        raise ValueError("Radius must be a nonnegative integer.")
    kernel = _bell(in_double(sigma), order, int(radius))[::-1]
    return correlate1d(input, kernel, axis, output, mode, cval, 0)


@_scipy_function
def gaussian_filter(
    input: Array,
    sigma: Any,
    order: Any = 0,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: Any = None,
    axes: Any = None,
) -> Array:
    """`gaussian_filter1d` along all axes or those named, with one number or one for each.

    Example:
        >>> fg.grad(lambda x: gaussian_filter(x, 1.0)[1, 1])(np.zeros((3, 3))).sum().round(12)
        np.float64(1.0)
    """
    input = as_array(input)
    chosen = axes_of(axes, input.ndim)
    count = len(chosen)
    found = in_double(input)
    options = (_each(value, count, "values") for value in (order, mode, radius))
    for axis, s, o, m, r in zip(chosen, per_axis(sigma, count), *options):
        if known(s) is None or known(s) > 1e-15:
            found = gaussian_filter1d(found, s, axis, o, None, m, cval, truncate, radius=r)
    return returned(found, output, input, rounded=False)


@_scipy_function
def uniform_filter1d(
    input: Array,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Array:
    """The mean of `size` pixels around each, along an axis.

    Example:
        >>> fg.grad(lambda x: uniform_filter1d(x, 2)[1])(np.ones(3))
        array([0.5, 0.5, 0. ])
    """
    if size < 1:
        raise RuntimeError("incorrect filter size")
    return correlate1d(input, np.full(size, 1 / size), axis, output, mode, cval, origin)


@_scipy_function
def uniform_filter(
    input: Array,
    size: Any = 3,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Array:
    """`uniform_filter1d` along all axes or those named.

    Example:
        >>> fg.grad(lambda x: uniform_filter(x, 2)[1, 1])(np.ones((2, 2)))
        array([[0.25, 0.25],
               [0.25, 0.25]])
    """
    input = as_array(input)
    chosen = axes_of(axes, input.ndim)
    found = in_double(input)
    options = (_each(value, len(chosen), "values") for value in (size, mode, origin))
    for axis, n, m, o in zip(chosen, *options):
        if n > 1:
            found = uniform_filter1d(found, n, axis, None, m, cval, o)
    return returned(found, output, input, rounded=False)
