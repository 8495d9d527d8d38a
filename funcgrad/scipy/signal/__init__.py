"""SciPy's `signal`: convolutions, recursive filters, smoothing and spectra. On plain arrays SciPy runs."""

from __future__ import annotations

import typing as _typing

from funcgrad.names import tells_nearest as _tells_nearest
from funcgrad.scipy.signal.convolutions import convolve, convolve2d, correlate, correlate2d, fftconvolve, oaconvolve
from funcgrad.scipy.signal.filters import filtfilt, lfilter, lfilter_zi, sosfilt, sosfilt_zi, sosfiltfilt
from funcgrad.scipy.signal.smoothing import detrend, hilbert, medfilt, savgol_filter

__all__ = [
    "convolve",
    "convolve2d",
    "correlate",
    "correlate2d",
    "detrend",
    "fftconvolve",
    "filtfilt",
    "hilbert",
    "lfilter",
    "lfilter_zi",
    "medfilt",
    "oaconvolve",
    "savgol_filter",
    "sosfilt",
    "sosfilt_zi",
    "sosfiltfilt",
]


def __dir__() -> list[str]:
    return __all__


if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__, "scipy.signal")
