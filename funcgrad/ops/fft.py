"""Discrete Fourier transforms along one axis: fft, rfft, irfft. All linear; the transpose of one is another.

`norm` says which direction divides by the length, as in NumPy: "backward", "ortho" or "forward". Transposes do not
conjugate, so that the transform of complex numbers is its own transpose.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.ops.elementwise import conj
from funcgrad.ops.families.linear import Linear

OPPOSITE = {"backward": "forward", "ortho": "ortho", "forward": "backward"}
"""The norm with which the other direction has the same factor."""


def _with_axis(shape: tuple[int, ...], axis: int, n: int) -> tuple[int, ...]:
    return (*shape[:axis], n, *shape[axis + 1 :])


def _next_axis(params: dict[str, Any]) -> dict[str, Any]:
    return {**params, "axis": params["axis"] + 1}


def _multiplicity(y: Any, axis: int, n: int) -> np.ndarray:
    """How often each of the n // 2 + 1 coefficients of `y` stands in the whole transform of n real numbers.

    All but the first, and the last where n is even, have a conjugate that is left out.
    """
    times = np.full(n // 2 + 1, 2, np.finfo(y.dtype).dtype)
    times[0] = 1
    if n % 2 == 0:
        times[-1] = 1
    return times.reshape(-1, *(1,) * (y.ndim - axis - 1))


fft: Linear = Linear(
    "fft",
    lambda x, axis, norm, inverse: (np.fft.ifft if inverse else np.fft.fft)(x, axis=axis, norm=norm),
    shape=lambda x, axis, norm, inverse: Aval(x.shape, np.result_type(x.dtype, 1j)),
    pull=lambda ct, i, x, **params: fft(ct, **params),
    batch=lambda values, batched, size, params: fft(values[0], **_next_axis(params)),
)


def _rfft_shape(x: Aval, axis: int, norm: str) -> Aval:
    if x.dtype.kind == "c":
        raise TypeError("`rfft` takes real numbers; `fft` takes complex ones")
    return Aval(_with_axis(x.shape, axis, x.shape[axis] // 2 + 1), np.result_type(x.dtype, 1j))


def _rfft_pull(ct: Any, i: int, x: Aval, axis: int, norm: str) -> Any:
    """The real part of `fft` of the cotangent and zeros, which `irfft` gives of its conjugate, parted among twins."""
    n = x.shape[axis]
    return irfft(conj(ct) / _multiplicity(ct, axis, n), axis=axis, n=n, norm=OPPOSITE[norm])


rfft: Linear = Linear(
    "rfft",
    lambda x, axis, norm: np.fft.rfft(x, axis=axis, norm=norm),
    shape=_rfft_shape,
    pull=_rfft_pull,
    batch=lambda values, batched, size, params: rfft(values[0], **_next_axis(params)),
)


def _irfft_shape(x: Aval, axis: int, n: int, norm: str) -> Aval:
    return Aval(_with_axis(x.shape, axis, n), np.result_type(x.dtype.type(0).real.dtype, 1.0))


def _irfft_pull(ct: Any, i: int, x: Aval, axis: int, n: int, norm: str) -> Any:
    """A coefficient and its twin both reach the output, so that its cotangent counts as often."""
    y = conj(rfft(ct, axis=axis, norm=OPPOSITE[norm]))
    return y * _multiplicity(y, axis, n)


irfft: Linear = Linear(
    "irfft",
    lambda x, axis, n, norm: np.fft.irfft(x, n, axis=axis, norm=norm),
    shape=_irfft_shape,
    pull=_irfft_pull,
    batch=lambda values, batched, size, params: irfft(values[0], **_next_axis(params)),
)
