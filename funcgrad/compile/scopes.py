"""What the loops written as Python call: in plain Python, and compiled by numba."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.compile.mathlib import PLAIN

_DTYPES = [np.dtype(c).type for c in "bhilBHILfd"]


def plain_scope() -> dict[str, Any]:
    """What texts call, in plain Python."""
    own: dict[str, Any] = {f.__name__: f for f in (_place, _logistic, _softplus)}
    c_library = {name: _widened(getattr(math, name)) for name in ("erf", "erfc", "lgamma")}
    return {**_shared_scope(), **c_library, **{name[1:]: f for name, f in own.items()}}


def numba_scope(njit: Callable[..., Any]) -> dict[str, Any]:
    """The same for texts that numba compiles; `njit` is numba's, which the package does without."""
    own = {f.__name__[1:]: njit(f) for f in (_place, _logistic, _softplus)}
    return {**_shared_scope(), "erf": math.erf, "erfc": math.erfc, "lgamma": math.lgamma, **own}


def _shared_scope() -> dict[str, Any]:
    dtypes = {t.__name__: t for t in _DTYPES}
    return {**PLAIN, **dtypes, "bool_": np.bool_, "empty": np.empty, "inf": math.inf, "nan": math.nan}


def _place(index, size):
    if index < -size or index >= size:
        raise IndexError("index is out of bounds")
    return index + size if index < 0 else index


def _logistic(x):
    return 1 / (1 + np.exp(-x))


def _softplus(x):
    return np.logaddexp(x, type(x)(0))


def _widened(function: Callable[[float], float]) -> Callable[[Any], Any]:
    def of_number(x: Any) -> Any:
        try:
            return np.float64(function(x))
        except (ValueError, OverflowError):  # the poles of lgamma
            return np.float64(math.inf)

    return of_number
