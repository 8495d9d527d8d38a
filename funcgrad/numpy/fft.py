"""NumPy's `fft`: discrete Fourier transforms, linear in their argument.

Everywhere `n` (or each of `s`) is the length of the transform: the array is cut, or filled with zeros, to fit. `norm`
says which direction divides by it: "backward" (the inverse, as None), "ortho" (both, by the root) or "forward".
Single precision stays single: float32 gives complex64. As in JAX, gradients by complex numbers are not conjugated.

Raises:
    ValueError: a length is below 1, a norm is unknown, or `s` and `axes` differ in length.
    IndexError: there is no such axis (AxisError, where the length was given).
    TypeError: complex numbers where a transform takes real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import Any

import numpy as np

from funcgrad.numpy import shaping
from funcgrad.numpy.dispatch import Array, axis_of, numpy_function
from funcgrad.ops import elementwise as ew
from funcgrad.ops import fft as primitive
from funcgrad.ops import structure
from funcgrad.ops.operands import as_array

__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]


def __dir__() -> list[str]:
    return __all__


Lengths = Sequence[int | None] | None
Norm = str | None


def _checked(n: int) -> int:
    n = index(n)
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    return n


def _known_norm(norm: Norm) -> str:
    if norm is None:
        return "backward"
    if norm not in primitive.OPPOSITE:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    return norm


def _fitted(a: Array, n: int, axis: int) -> Array:
    """The array with n elements along the axis: the first ones, or all and zeros behind."""
    size = a.shape[axis]
    if size > n:
        return a[(*(slice(None),) * axis, slice(n))]
    if size < n:
        return structure.pad(a, widths=tuple((0, n - size if i == axis else 0) for i in range(a.ndim)))
    return a


# along one axis


def _complex_transform(a: Array, n: int | None, axis: int, norm: Norm, inverse: bool) -> Array:
    a = as_array(a)
    n, norm = _checked(a.shape[axis] if n is None else n), _known_norm(norm)
    axis = axis_of(axis, a.ndim)
    return primitive.fft(_fitted(a, n, axis), axis=axis, norm=norm, inverse=inverse)


@numpy_function(np.fft)
def fft(a: Array, n: int | None = None, axis: int = -1, norm: Norm = None, out: None = None) -> Array:
    """The transform along one axis: `y[k]` is the sum of `a[j] exp(-2 pi i j k / n)`. Complex, n long.

    Example:
        >>> fg.grad(lambda a: abs(fft(a)[1]) ** 2)(np.array([1.0, 0.0, 0.0, 0.0])).round(3) + 0.0
        array([ 2.,  0., -2.,  0.])
    """
    return _complex_transform(a, n, axis, norm, inverse=False)


@numpy_function(np.fft)
def ifft(a: Array, n: int | None = None, axis: int = -1, norm: Norm = None, out: None = None) -> Array:
    """The inverse of `fft`.

    Example:
        >>> ifft(fft(np.array([1.0, 2.0]))).real
        array([1., 2.])
    """
    return _complex_transform(a, n, axis, norm, inverse=True)


@numpy_function(np.fft)
def rfft(a: Array, n: int | None = None, axis: int = -1, norm: Norm = None, out: None = None) -> Array:
    """`fft` of real numbers, without the conjugates behind the middle: `n // 2 + 1` long.

    Example:
        >>> rfft(np.array([1.0, 0.0, 0.0])).shape
        (2,)
    """
    a = as_array(a)
    n, norm = _checked(a.shape[axis] if n is None else n), _known_norm(norm)
    axis = axis_of(axis, a.ndim)
    return primitive.rfft(_fitted(a, n, axis), axis=axis, norm=norm)


@numpy_function(np.fft)
def irfft(a: Array, n: int | None = None, axis: int = -1, norm: Norm = None, out: None = None) -> Array:
    """The inverse of `rfft`: real, n long. `n` is even, twice the length less 2, where it is not given.

    Imaginary parts that a transform of real numbers does not have (of the first coefficient, and of the middle
    one where n is even) do not count, and have no derivative.

    Example:
        >>> irfft(rfft(np.array([1.0, 2.0, 4.0])), 3)
        array([1., 2., 4.])
    """
    a = as_array(a)
    n, norm = _checked(2 * (a.shape[axis] - 1) if n is None else n), _known_norm(norm)
    axis = axis_of(axis, a.ndim)
    return primitive.irfft(_fitted(a, n // 2 + 1, axis), axis=axis, n=n, norm=norm)


@numpy_function(np.fft)
def hfft(a: Array, n: int | None = None, axis: int = -1, norm: Norm = None, out: None = None) -> Array:
    """`fft` of the `n // 2 + 1` first elements of a sequence with Hermitian symmetry: real, n long.

    Example:
        >>> hfft(np.array([1.0, 2.0, 3.0]))
        array([ 8., -2.,  0., -2.])
    """
    return irfft(ew.conj(as_array(a)), n, axis, primitive.OPPOSITE[_known_norm(norm)])


@numpy_function(np.fft)
def ihfft(a: Array, n: int | None = None, axis: int = -1, norm: Norm = None, out: None = None) -> Array:
    """The inverse of `hfft`: complex, `n // 2 + 1` long, of real numbers.

    Example:
        >>> ihfft(hfft(np.array([1.0, 2.0, 3.0]))).real
        array([1., 2., 3.])
    """
    return ew.conj(rfft(a, n, axis, primitive.OPPOSITE[_known_norm(norm)]))


# along several axes


def _lengths_and_axes(a: Array, s: Lengths, axes: Sequence[int] | None, halved: bool = False) -> tuple[list, list]:
    """The length and the axis of each transform; `halved` for an inverse of what has half of its last axis."""
    if axes is None:
        axes = range(-a.ndim if s is None else -len(s), 0)
    if s is None:
        lengths: list[int | None] = [a.shape[axis] for axis in axes]
        if halved:
            lengths[-1] = 2 * (a.shape[axes[-1]] - 1)
        return lengths, list(axes)
    if len(s) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    return [a.shape[axis] if n == -1 else n for n, axis in zip(s, axes)], list(axes)


def _in_turn(a: Array, lengths: Sequence[int | None], axes: Sequence[int], norm: Norm, one: Callable) -> Array:
    """The transforms along the axes, the last one first, as often as an axis is named."""
    for n, axis in zip(reversed(lengths), reversed(axes)):
        a = one(a, n, axis, norm)
    return a


@numpy_function(np.fft)
def fftn(a: Array, s: Lengths = None, axes: Sequence[int] | None = None, norm: Norm = None, out: None = None) -> Array:
    """`fft` along each of `axes` (all, or the last ones that `s` has lengths for; -1 keeps a length), in turn.

    Example:
        >>> fftn(np.ones((2, 2))).real
        array([[4., 0.],
               [0., 0.]])
    """
    a = as_array(a)
    return _in_turn(a, *_lengths_and_axes(a, s, axes), norm, fft)


@numpy_function(np.fft)
def ifftn(a: Array, s: Lengths = None, axes: Sequence[int] | None = None, norm: Norm = None, out: None = None) -> Array:
    """The inverse of `fftn`.

    Example:
        >>> ifftn(fftn(np.eye(2))).real
        array([[1., 0.],
               [0., 1.]])
    """
    a = as_array(a)
    return _in_turn(a, *_lengths_and_axes(a, s, axes), norm, ifft)


@numpy_function(np.fft)
def rfftn(a: Array, s: Lengths = None, axes: Sequence[int] | None = None, norm: Norm = None, out: None = None) -> Array:
    """`rfft` along the last of `axes`, then `fft` along the others.

    Example:
        >>> rfftn(np.ones((2, 4))).shape
        (2, 3)
    """
    a = as_array(a)
    lengths, axes = _lengths_and_axes(a, s, axes)
    return _in_turn(rfft(a, lengths[-1], axes[-1], norm), lengths[:-1], axes[:-1], norm, fft)


@numpy_function(np.fft)
def irfftn(
    a: Array, s: Lengths = None, axes: Sequence[int] | None = None, norm: Norm = None, out: None = None
) -> Array:
    """The inverse of `rfftn`: `ifft` along all of `axes` but the last, in their order, then `irfft`.

    Example:
        >>> irfftn(rfftn(np.eye(2)), s=(2, 2), axes=(0, 1))
        array([[1., 0.],
               [0., 1.]])
    """
    a = as_array(a)
    lengths, axes = _lengths_and_axes(a, s, axes, halved=True)
    a = _in_turn(a, lengths[-2::-1], axes[-2::-1], norm, ifft)
    return irfft(a, lengths[-1], axes[-1], norm)


@numpy_function(np.fft)
def fft2(a: Array, s: Lengths = None, axes: Sequence[int] = (-2, -1), norm: Norm = None, out: None = None) -> Array:
    """`fftn` along the last two axes.

    Example:
        >>> fft2(np.ones((3, 2, 2))).shape
        (3, 2, 2)
    """
    return fftn(a, s, axes, norm)


@numpy_function(np.fft)
def ifft2(a: Array, s: Lengths = None, axes: Sequence[int] = (-2, -1), norm: Norm = None, out: None = None) -> Array:
    """The inverse of `fft2`.

    Example:
        >>> ifft2(fft2(np.eye(2))).real
        array([[1., 0.],
               [0., 1.]])
    """
    return ifftn(a, s, axes, norm)


@numpy_function(np.fft)
def rfft2(a: Array, s: Lengths = None, axes: Sequence[int] = (-2, -1), norm: Norm = None, out: None = None) -> Array:
    """`rfftn` along the last two axes.

    Example:
        >>> rfft2(np.ones((3, 2, 4))).shape
        (3, 2, 3)
    """
    return rfftn(a, s, axes, norm)


@numpy_function(np.fft)
def irfft2(a: Array, s: Lengths = None, axes: Sequence[int] = (-2, -1), norm: Norm = None, out: None = None) -> Array:
    """The inverse of `rfft2`.

    Example:
        >>> irfft2(np.ones((2, 3))).shape
        (2, 4)
    """
    return irfftn(a, s, axes, norm)


# frequencies and their order


@numpy_function(np.fft)
def fftfreq(n: int, d: Any = 1.0, device: Any = None) -> Array:
    """The frequencies of the `n` results of `fft`, for samples `d` apart; differentiable in `d`.

    Example:
        >>> fftfreq(4, 0.5)
        array([ 0. ,  0.5, -1. , -0.5])
    """
    return _multiples(n, d, lambda n: ifftshift(np.arange(-(n // 2), (n + 1) // 2)))


@numpy_function(np.fft)
def rfftfreq(n: int, d: Any = 1.0, device: Any = None) -> Array:
    """The frequencies of the `n // 2 + 1` results of `rfft`, for `n` samples `d` apart; differentiable in `d`.

    Example:
        >>> rfftfreq(4, 0.5)
        array([0. , 0.5, 1. ])
    """
    return _multiples(n, d, lambda n: np.arange(n // 2 + 1))


def _multiples(n: int, d: Any, whole: Callable[[int], np.ndarray]) -> Array:
    if not isinstance(n, (int, np.integer)):
        raise ValueError("n should be an integer")
    return whole(n) * (1.0 / (n * d))


def _shifted(x: Array, axes: int | Sequence[int] | None, sign: int) -> Array:
    x = as_array(x)
    if axes is None:
        axes = range(x.ndim)
    elif isinstance(axes, (int, np.integer)):
        axes = (axes,)
    for axis in axes:
        x = shaping.roll(x, sign * (x.shape[axis] // 2), axis)
    return x


@numpy_function(np.fft)
def fftshift(x: Array, axes: int | Sequence[int] | None = None) -> Array:
    """With the zero frequency in the middle of each of `axes` (all, where None).

    Example:
        >>> fftshift(fftfreq(4))
        array([-0.5 , -0.25,  0.  ,  0.25])
    """
    return _shifted(x, axes, 1)


@numpy_function(np.fft)
def ifftshift(x: Array, axes: int | Sequence[int] | None = None) -> Array:
    """The inverse of `fftshift`, which differs from it where a length is odd.

    Example:
        >>> ifftshift(np.array([-1, 0, 1]))
        array([ 0,  1, -1])
    """
    return _shifted(x, axes, -1)
