"""`torch.signal.windows`: how much each sample of a frame counts.

Symmetric ones (`sym`) end as they begin; others are the first M samples of a symmetric one with one more, as frames
need them that follow each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import own_names as _own_names
from funcgrad.torch._ops.create import tensor
from funcgrad.torch._ops.table import tells_nearest as _tells_nearest
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.devices import used
from funcgrad.torch._tensor.formats import strided
from funcgrad.torch._tensor.tensor import Tensor

Heights = Callable[[np.ndarray, int], np.ndarray]


def _window(name: str, M: int, heights: Heights, sym: bool, **options: Any) -> Tensor:
    """The window whose heights are those of `(places, last)`: of 0, 1, ..., M - 1, where a symmetric one has `last`."""
    dtype = options.get("dtype") or dtypes.get_default_dtype()
    layout = options.get("layout", strided)
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if layout is not strided:
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    if dtype not in (dtypes.float32, dtypes.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")
    if options.get("device") is not None:
        used(options["device"])
    last = M if not sym and M > 1 else M - 1
    made = heights(np.arange(M), last) if M else np.zeros(0)
    return tensor(made, dtype=dtype, requires_grad=options.get("requires_grad", False))


def bartlett(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """A triangle from 0 to 1 to 0."""
    return _window("bartlett", M, lambda n, last: 1 - np.abs(2 * n / last - 1) if last else np.ones(1), sym, **options)


def cosine(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """A half-wave of the sine, with no zeros at its ends."""
    return _window("cosine", M, lambda n, last: np.sin(np.pi * (n + 0.5) / (last + 1)), sym, **options)


def exponential(
    M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, **options: Any
) -> Tensor:
    """exp(-|n - center| / tau), of the middle by default. ValueError for `tau` that is not positive."""
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")

    def heights(n: np.ndarray, last: int) -> np.ndarray:
        return np.exp(-np.abs(n - (last / 2 if center is None else center)) / tau)

    return _window("exponential", M, heights, sym, **options)


def gaussian(M: int, *, std: float = 1.0, sym: bool = True, **options: Any) -> Tensor:
    """exp(-((n - middle) / std)^2 / 2). ValueError for `std` that is not positive."""
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    return _window("gaussian", M, lambda n, last: np.exp(-(((n - last / 2) / std) ** 2) / 2), sym, **options)


def kaiser(M: int, *, beta: float = 12.0, sym: bool = True, **options: Any) -> Tensor:
    """I0(beta sqrt(1 - u^2)) / I0(beta), u from -1 to 1, with the modified Bessel function I0."""
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")

    def heights(n: np.ndarray, last: int) -> np.ndarray:
        u = 2 * n / last - 1 if last else np.zeros(1)
        return np.i0(beta * np.sqrt(1 - u * u)) / np.i0(beta)

    return _window("kaiser", M, heights, sym, **options)


def general_cosine(M: int, *, a: Iterable[float], sym: bool = True, **options: Any) -> Tensor:
    """a[0] - a[1] cos(u) + a[2] cos(2 u) - ..., u from 0 to 2 pi."""
    return _of_cosines("general_cosine", M, a, sym, **options)


def _of_cosines(name: str, M: int, a: Iterable[float], sym: bool, **options: Any) -> Tensor:
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    factors = list(a)
    if not factors:
        raise ValueError("Coefficients cannot be empty")

    def heights(n: np.ndarray, last: int) -> np.ndarray:
        if not last:
            return np.ones(1)
        return sum((-1) ** i * factor * np.cos(2 * np.pi * i * n / last) for i, factor in enumerate(factors)) + 0 * n

    return _window(name, M, heights, sym, **options)


def general_hamming(M: int, *, alpha: float = 0.54, sym: bool = True, **options: Any) -> Tensor:
    """alpha - (1 - alpha) cos(u), u from 0 to 2 pi."""
    return _of_cosines("general_cosine", M, (alpha, 1 - alpha), sym, **options)


def hamming(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """0.54 - 0.46 cos(u), u from 0 to 2 pi."""
    return general_hamming(M, sym=sym, **options)


def hann(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """0.5 - 0.5 cos(u), u from 0 to 2 pi.

    >>> import funcgrad.torch as torch
    >>> torch.signal.windows.hann(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return general_hamming(M, alpha=0.5, sym=sym, **options)


def blackman(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """0.42 - 0.5 cos(u) + 0.08 cos(2 u), u from 0 to 2 pi."""
    return _of_cosines("blackman", M, (0.42, 0.5, 0.08), sym, **options)


def nuttall(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Four cosines with side lobes of -93 dB: Nuttall, 1981."""
    return _of_cosines("general_cosine", M, (0.3635819, 0.4891775, 0.1365995, 0.0106411), sym, **options)


globals().update(_entrances(globals()))
__all__ = _own_names(globals())
__getattr__ = _tells_nearest(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
