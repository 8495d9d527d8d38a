"""Signals with their trend taken away, smoothed, or made analytic."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import scipy.signal

import funcgrad.numpy as fnp
from funcgrad.core.warned import warn
from funcgrad.numpy.dispatch import Array, axis_of
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import as_array, as_inexact
from funcgrad.ops.windows import windows
from funcgrad.scipy.dispatch import beside
from funcgrad.scipy.ndimage import convolve1d

_scipy_function = beside(scipy.signal)


@_scipy_function
def detrend(
    data: Array, axis: int = -1, type: str = "linear", bp: int | Sequence[int] = 0, overwrite_data: bool = False
) -> Array:
    """A signal less its mean, or less the line of least squares; `bp` breaks the line.

    Example:
        >>> abs(fg.grad(lambda x: detrend(x).sum())(np.arange(4.0))).round(12)
        array([0., 0., 0., 0.])
    """
    if type not in ("linear", "l", "constant", "c"):
        raise ValueError("Trend type must be 'linear' or 'constant'.")
    data = as_inexact(data)
    if type in ("constant", "c"):
        return data - data.mean(axis=axis, keepdims=True)
    axis = axis_of(axis, data.ndim)
    n = data.shape[axis]
    breaks = np.unique(np.concatenate([np.atleast_1d(bp), [0, n]]))
    if breaks[-1] > n:
        raise ValueError("Breakpoints must be less than length of data along given axis.")
    x = fnp.moveaxis(data, axis, -1)
    parts = []
    for start, stop in zip(breaks[:-1].tolist(), breaks[1:].tolist()):
        line = np.stack([np.ones(stop - start), np.arange(stop - start)], axis=1)
        q = np.linalg.qr(line)[0].astype(data.dtype)
        part = x[..., start:stop]
        parts.append(part - (part @ q) @ q.T)
    return fnp.moveaxis(fnp.concatenate(parts, axis=-1), -1, axis)


@_scipy_function
def hilbert(x: Array, N: int | None = None, axis: int = -1) -> Array:
    """The analytic signal, whose real part is the signal and whose spectrum has no negative frequencies.

    Example:
        >>> fg.grad(lambda x: abs(hilbert(x)[0]))(np.array([1.0, 0.0, 0.0, 0.0])).round(12)
        array([1., 0., 0., 0.])
    """
    x = as_array(x)
    if x.dtype.kind == "c":
        raise ValueError("x must be real.")
    axis = axis_of(axis, x.ndim)
    n = x.shape[axis] if N is None else N
    if n <= 0:
        raise ValueError("N must be positive.")
    spectrum = fnp.fft.fft(x, n, axis)
    factors = np.zeros(n, spectrum.real.dtype)
    factors[: n // 2 + 1] = 2
    factors[0] = 1
    if n % 2 == 0:
        factors[n // 2] = 1
    return fnp.fft.ifft(spectrum * factors.reshape((n,) + (1,) * (x.ndim - axis - 1)), axis=axis)


@_scipy_function
def savgol_filter(
    x: Array,
    window_length: int,
    polyorder: int,
    deriv: int = 0,
    delta: float = 1.0,
    axis: int = -1,
    mode: str = "interp",
    cval: float = 0.0,
) -> Array:
    """A signal smoothed by polynomials fitted to the window around each sample (Savitzky and Golay, 1964).

    Args:
        x: signals along `axis`.
        window_length: the number of samples in a window.
        polyorder: the polynomials' degree, below that.
        deriv: the order of the derivative that is returned.
        delta: the distance of samples, for derivatives.
        axis: the axis of time.
        mode: beyond the ends "mirror", "constant", "nearest", "wrap", or "interp": the ends lie on the polynomials of
            the first window and the last.
        cval: the value of "constant".

    Example:
        >>> fg.grad(lambda x: savgol_filter(x, 3, 1)[1])(np.ones(4)).round(6)
        array([0.333333, 0.333333, 0.333333, 0.      ])
    """
    if mode not in ("mirror", "constant", "nearest", "interp", "wrap"):
        raise ValueError("mode must be 'mirror', 'constant', 'nearest', 'wrap' or 'interp'.")
    x = as_array(x)
    if x.dtype not in (np.float64, np.float32):
        x = ew.convert(x, dtype=np.dtype(np.float64))
    axis = axis_of(axis, x.ndim)
    weights = scipy.signal.savgol_coeffs(window_length, polyorder, deriv=deriv, delta=delta)
    if mode != "interp":
        return convolve1d(x, weights, axis, mode=mode, cval=cval)
    n, half = x.shape[axis], window_length // 2
    if window_length > n:
        raise ValueError("If mode is 'interp', window_length must be less than or equal to the size of x.")
    inner = fnp.moveaxis(convolve1d(x, weights, axis, mode="constant"), axis, -1)[..., half : n - half]
    turned = fnp.moveaxis(x, axis, -1)
    first, last = (
        _fitted(window_length, places, polyorder, deriv, delta).astype(x.dtype).T
        for places in (np.arange(half), np.arange(window_length - half, window_length))
    )
    ends = turned[..., :window_length] @ first, turned[..., n - window_length :] @ last
    return fnp.moveaxis(fnp.concatenate([ends[0], inner, ends[1]], axis=-1), -1, axis)


def _fitted(size: int, places: np.ndarray, order: int, deriv: int, delta: float) -> np.ndarray:
    """What takes the samples of a window to the polynomial's derivative at places in it."""
    samples = np.arange(size) - (size - 1) / 2
    fits = np.linalg.pinv(np.vander(samples, order + 1, increasing=True))
    for _ in range(deriv):
        fits = fits[1:] * np.arange(1, len(fits))[:, None] if len(fits) > 1 else 0 * fits
    return np.vander(samples[places], len(fits), increasing=True) @ fits / delta**deriv


@_scipy_function
def medfilt(volume: Array, kernel_size: Any = None) -> Array:
    """The median of the window around each element, with zeros beyond the ends; windows have odd lengths, 3 by default.

    Example:
        >>> fg.grad(lambda x: medfilt(x)[1])(np.array([3.0, 1.0, 2.0]))
        array([0., 0., 1.])
    """
    volume = as_array(volume)
    if not volume.ndim:
        volume = volume.reshape((1,))
    if volume.dtype.kind not in "iu" and volume.dtype not in (np.float32, np.float64):
        raise ValueError(f"dtype={volume.dtype} is not supported by medfilt")
    sizes = tuple(np.broadcast_to(3 if kernel_size is None else kernel_size, (volume.ndim,)).tolist())
    if any(k % 2 != 1 for k in sizes):
        raise ValueError("Each element of kernel_size should be odd.")
    if any(k > n for k, n in zip(sizes, volume.shape)):
        warn("kernel_size exceeds volume extent: the volume will be zero-padded.")
    ones = (1,) * volume.ndim
    padded = fnp.pad(volume, [(k // 2, k // 2) for k in sizes])
    found = windows(padded, axes=tuple(range(volume.ndim)), sizes=sizes, strides=ones, dilations=ones)
    return fnp.sort(found.reshape((*volume.shape, prod(sizes))), axis=-1)[..., prod(sizes) // 2]
