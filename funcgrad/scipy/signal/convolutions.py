"""Convolutions and correlations of arrays, by products of windows or by Fourier transforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.fft
import scipy.signal

import funcgrad.numpy as fnp
from funcgrad.numpy.dispatch import Array, axes_of
from funcgrad.ops import contract
from funcgrad.ops import convolve as vectors
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import as_array
from funcgrad.ops.windows import windows
from funcgrad.scipy.dispatch import beside

_scipy_function = beside(scipy.signal)
Ints = Sequence[int]
MODES = ("full", "same", "valid")
BOUNDARIES: dict[str, Any] = {
    "fill": None, "pad": None, "wrap": "wrap", "circular": "wrap", "symm": "symmetric", "symmetric": "symmetric",
}  # fmt: skip


def _pair(in1: Array, in2: Array, mode: str) -> tuple[Array, Array]:
    in1, in2 = as_array(in1), as_array(in2)
    if in1.ndim != in2.ndim:
        raise ValueError(f"arrays of one number of dimensions are convolved, not of {in1.ndim} and {in2.ndim}")
    if mode not in MODES:
        raise ValueError(f"acceptable modes are {', '.join(MODES)}, not {mode!r}")
    return in1, in2


def _is_smaller(shape1: Ints, shape2: Ints, axes: Ints) -> bool:
    """Whether the first is the one that lies in the other, for "valid"; ValueError where neither does."""
    if all(shape1[i] >= shape2[i] for i in axes):
        return False
    if all(shape2[i] >= shape1[i] for i in axes):
        return True
    raise ValueError(
        "for mode 'valid' one array must be at least as large as the other along every axis, "
        f"unlike {tuple(shape1)} and {tuple(shape2)}"
    )


def _centred(x: Array, shape: Ints) -> Array:
    starts = [(n - m) // 2 for n, m in zip(x.shape, shape)]
    return x[tuple(slice(start, start + m) for start, m in zip(starts, shape))]


def _turned(x: Array) -> Array:
    """Reversed along all axes, and conjugated."""
    x = fnp.flip(x)
    return ew.conj(x) if x.dtype.kind == "c" else x


@_scipy_function
def convolve(in1: Array, in2: Array, mode: str = "full", method: str = "auto") -> Array:
    """The convolution of two arrays of any number of dimensions.

    Args:
        in1, in2: arrays of as many dimensions.
        mode: "full", "same" (of in1's shape, from the middle), or "valid" (where one lies in the other).
        method: "direct", "fft", or "auto": what SciPy takes to be faster.

    Example:
        >>> fg.grad(lambda x: convolve(x, np.array([1.0, 2.0]), "same").sum())(np.ones(3))
        array([3., 3., 1.])
    """
    in1, in2 = _pair(in1, in2, mode)
    if not in1.ndim:
        return in1 * in2
    if mode == "valid" and _is_smaller(in1.shape, in2.shape, range(in1.ndim)):
        in1, in2 = in2, in1
    if method == "auto":
        method = _quicker(in1, in2, mode)
    if method == "fft":
        dtype = np.result_type(in1.dtype, in2.dtype)
        found = fftconvolve(in1, in2, mode)
        return ew.convert(found if dtype.kind in "fc" else fnp.round(found), dtype=dtype)
    if method != "direct":
        raise ValueError(f"acceptable methods are 'auto', 'direct' and 'fft', not {method!r}")
    if not in1.size or not in2.size:
        raise ValueError("arrays to be convolved must not be empty")
    return _direct(in1, in2, mode)


def _quicker(in1: Array, in2: Array, mode: str) -> str:
    if "f" not in (in1.dtype.kind, in2.dtype.kind) and "c" not in (in1.dtype.kind, in2.dtype.kind):
        return "direct"
    like = [np.broadcast_to(np.zeros((), x.dtype), x.shape) for x in (in1, in2)]
    return scipy.signal.choose_conv_method(*like, mode)


def _direct(in1: Array, in2: Array, mode: str) -> Array:
    shape = in1.shape if mode == "same" else [n - k + 1 for n, k in zip(in1.shape, in2.shape)]
    if in1.ndim == 1:
        whole = vectors.convolve(in1, in2)
        return whole if mode == "full" else _centred(whole, shape)
    if mode != "valid" and in2.size > in1.size:
        whole = _direct(in2, in1, "full")
        return whole if mode == "full" else _centred(whole, shape)
    return _valid(fnp.pad(in1, _margins(in2.shape, mode)), in2)


def _margins(window: Ints, mode: str) -> list[tuple[int, int]]:
    """How far windows reach beyond the array, before and behind."""
    if mode == "valid":
        return [(0, 0)] * len(window)
    if mode == "full":
        return [(k - 1, k - 1) for k in window]
    return [(k - 1 - (k - 1) // 2, (k - 1) // 2) for k in window]


def _valid(x: Array, kernel: Array) -> Array:
    """The sums over all windows that lie in an array, of products with the kernel reversed."""
    dtype = np.result_type(x.dtype, kernel.dtype)
    x, kernel = ew.convert(x, dtype=dtype), ew.convert(fnp.flip(kernel), dtype=dtype)
    axes, ones = tuple(range(x.ndim)), (1,) * x.ndim
    found = windows(x, axes=axes, sizes=kernel.shape, strides=ones, dilations=ones)
    return contract.dot_general(found, kernel, contract=(tuple(a + x.ndim for a in axes), axes), batch=((), ()))


@_scipy_function
def correlate(in1: Array, in2: Array, mode: str = "full", method: str = "auto") -> Array:
    """The correlation of two arrays: the convolution with `in2` reversed and conjugated.

    Args:
        in1, in2, mode, method: as in `convolve`.

    Example:
        >>> fg.grad(lambda x: correlate(x, np.array([1.0, 2.0]), "valid")[0])(np.ones(3))
        array([1., 2., 0.])
    """
    in1, in2 = _pair(in1, in2, mode)
    return convolve(in1, _turned(in2) if in2.ndim else ew.conj(in2), mode, method)


@_scipy_function
def fftconvolve(in1: Array, in2: Array, mode: str = "full", axes: int | Ints | None = None) -> Array:
    """The convolution by Fourier transforms, along `axes` (all by default); along others the arrays are broadcast.

    Example:
        >>> fg.grad(lambda x: fftconvolve(x, np.array([1.0, 2.0]))[1])(np.ones(2)).round(12)
        array([2., 1.])
    """
    in1, in2 = _pair(in1, in2, mode)
    if not in1.ndim:
        return in1 * in2
    if not in1.size or not in2.size:
        return np.array([])
    if axes is not None and not isinstance(axes, int) and not len(axes):
        raise ValueError("when provided, axes cannot be empty")
    used = [a for a in axes_of(axes, in1.ndim) if in1.shape[a] != 1 and in2.shape[a] != 1]
    for a, (n, m) in enumerate(zip(in1.shape, in2.shape)):
        if a not in used and n != m and 1 not in (n, m):
            raise ValueError(f"shapes {in1.shape} and {in2.shape} do not broadcast along axis {a}")
    if mode == "valid" and _is_smaller(in1.shape, in2.shape, used):
        in1, in2 = in2, in1
    pairs = list(enumerate(zip(in1.shape, in2.shape)))
    found = _by_transforms(in1, in2, used, [n + m - 1 if a in used else max(n, m) for a, (n, m) in pairs])
    if mode == "full":
        return found
    if mode == "same":
        return _centred(found, in1.shape)
    return _centred(found, [n - m + 1 if a in used else found.shape[a] for a, (n, m) in pairs])


def _by_transforms(in1: Array, in2: Array, axes: Ints, shape: Ints) -> Array:
    if not axes:
        return in1 * in2
    real = "c" not in (in1.dtype.kind, in2.dtype.kind)
    lengths = [scipy.fft.next_fast_len(shape[a], real) for a in axes]
    forward, back = (fnp.fft.rfftn, fnp.fft.irfftn) if real else (fnp.fft.fftn, fnp.fft.ifftn)
    found = back(forward(in1, lengths, axes) * forward(in2, lengths, axes), lengths, axes)
    return found[tuple(slice(n) for n in shape)]


@_scipy_function
def oaconvolve(in1: Array, in2: Array, mode: str = "full", axes: int | Ints | None = None) -> Array:
    """`fftconvolve`; on plain arrays SciPy transforms one piece after the other.

    Example:
        >>> fg.grad(lambda x: oaconvolve(x, np.array([1.0, 2.0]))[1])(np.ones(2)).round(12)
        array([2., 1.])
    """
    return fftconvolve(in1, in2, mode, axes)


@_scipy_function
def convolve2d(in1: Array, in2: Array, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Array:
    """The convolution of two matrices.

    Args:
        in1, in2, mode: as in `convolve`.
        boundary: what stands around `in1`: "fill" for `fillvalue`, "wrap" for a period, "symm" for its mirror image.
        fillvalue: a number.

    Example:
        >>> fg.grad(lambda x: convolve2d(x, np.ones((2, 2)), "same", "wrap").sum())(np.ones((2, 2)))
        array([[4., 4.],
               [4., 4.]])
    """
    return _within_boundary(in1, in2, mode, boundary, fillvalue, correlated=False)


@_scipy_function
def correlate2d(in1: Array, in2: Array, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Array:
    """The correlation of two matrices; the arguments are those of `convolve2d`.

    Example:
        >>> fg.grad(lambda x: correlate2d(x, np.ones((2, 2)), "valid").sum())(np.ones((2, 2)))
        array([[1., 1.],
               [1., 1.]])
    """
    return _within_boundary(in1, in2, mode, boundary, fillvalue, correlated=True)


def _within_boundary(in1: Array, in2: Array, mode: str, boundary: str, fill: Any, correlated: bool) -> Array:
    in1, in2 = _pair(in1, in2, mode)
    if in1.ndim != 2:
        raise ValueError("both arrays must be matrices")
    if boundary not in BOUNDARIES:
        raise ValueError(f"acceptable boundaries are 'fill', 'wrap' and 'symm', not {boundary!r}")
    if correlated:
        in2 = _turned(in2)
    if mode == "valid" and _is_smaller(in1.shape, in2.shape, (0, 1)):
        in1, in2 = in2, in1
        if correlated:  # SciPy conjugates the smaller one, which here is the first
            in1, in2 = ew.conj(in1), ew.conj(in2)
    margins = _margins(in2.shape, mode)
    if correlated and mode == "same":  # the middle of the window is the other one of two
        margins = [(behind, before) for before, behind in margins]
    how = BOUNDARIES[boundary]
    padded = fnp.pad(in1, margins, constant_values=fill) if how is None else fnp.pad(in1, margins, how)
    return _valid(padded, in2)
