"""Sample rows of funcgrad.ops.fft: each norm, odd and even lengths, lengths 1 and 2, inner axes."""

from __future__ import annotations

import numpy as np

from funcgrad.ops.fft import fft, irfft, rfft
from tests.samples import Sample

_draw = np.random.default_rng(29).normal
EVEN = _draw(size=6)
ODD = _draw(size=5)
T = _draw(size=(2, 4, 3))


def _fft(x, axis: int, norm: str, inverse: bool, label: str) -> Sample:
    return Sample("fft", lambda x: fft(x, axis=axis, norm=norm, inverse=inverse), (x,), label, complex_too=True)


def _rfft(x, axis: int, norm: str, label: str) -> Sample:
    return Sample("rfft", lambda x: rfft(x, axis=axis, norm=norm), (x,), label)


def _irfft(x, axis: int, n: int, norm: str, label: str) -> Sample:
    return Sample("irfft", lambda x: irfft(x, axis=axis, n=n, norm=norm), (x,), label, complex_too=True)


ROWS = [
    _fft(EVEN, 0, "backward", False, "even"),
    _fft(ODD, 0, "ortho", False, "odd"),
    _fft(T, 1, "forward", False, "middle axis"),
    _fft(EVEN, 0, "backward", True, "inverse"),
    _fft(T, 0, "forward", True, "inverse along the first axis"),
    _rfft(EVEN, 0, "backward", "even"),
    _rfft(ODD, 0, "backward", "odd"),
    _rfft(ODD[:1], 0, "ortho", "one"),
    _rfft(EVEN[:2], 0, "forward", "two"),
    _rfft(T, 1, "ortho", "middle axis"),
    _rfft(T, 2, "forward", "last axis"),
    _irfft(EVEN[:4], 0, 6, "backward", "even"),
    _irfft(ODD[:3], 0, 5, "backward", "odd"),
    _irfft(ODD[:1], 0, 1, "ortho", "one"),
    _irfft(ODD[:2], 0, 2, "forward", "two"),
    _irfft(T, 1, 6, "ortho", "middle axis"),
    _irfft(T, 2, 5, "forward", "last axis"),
]
