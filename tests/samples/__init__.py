"""One sample row (or several) for each primitive. The laws in tests/test_laws.py run over all of them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Sample:
    """A call of a primitive at a point where it is smooth.

    `fun(*args)` calls the primitive `prim` once (or a composition of its neighbours around it) on float64 arrays;
    `static` parameters are closed over. Integer and bool arguments are not differentiated.
    """

    prim: str
    fun: Callable[..., Any]
    args: tuple[Any, ...]
    label: str = ""
    differentiable: bool = True
    """False where the primitive has no derivative (integer results, piecewise constants)."""
    complex_too: bool = False
    """Whether the laws also run on complex arguments (holomorphic or linear primitives)."""
    by_differences: bool = True
    """Whether differences of values show the derivative: not where a draw is differentiated in its distribution."""
    forward_only: bool = False
    """Whether reverse mode is refused."""
    promotes: bool = True
    """Whether arguments of several dtypes are promoted; carries and branches keep their types."""
    float32: bool = True
    tol: float = 1e-6
    second_tol: float = 1e-4
    reason: str = ""
    """Why a flag above is off."""

    def __str__(self) -> str:
        return self.prim + (f"[{self.label}]" if self.label else "")


def rows() -> list[Sample]:
    """All rows, from the `ROWS` of every module in this folder."""
    found: list[Sample] = []
    for module in pkgutil.iter_modules(__path__):
        found.extend(importlib.import_module(f"{__name__}.{module.name}").ROWS)
    return found


MIXTURES = (
    ("f4", "f8"), ("f8", "f4"), ("f2", "f4"), ("f8", "f2"), ("i8", "f4"), ("f4", "i8"), ("i4", "f8"), ("f8", "i2"),
    ("b1", "f4"), ("f4", "b1"), ("f4", "c16"), ("c16", "f4"), ("c8", "f8"), ("f8", "c8"),
)  # fmt: skip
"""Dtypes for the arguments of a primitive, in turn."""


def mixed(sample: Sample, mixture: tuple[str, str]) -> list[np.ndarray] | None:
    """The arguments of a sample with its floats in the dtypes of a mixture; None where it has fewer than two."""
    args = [np.asarray(a) for a in sample.args]
    floats = [i for i, a in enumerate(args) if a.dtype.kind == "f"]
    if len(floats) < 2 or not sample.promotes or ("c" in "".join(mixture) and not sample.complex_too):
        return None
    for turn, i in enumerate(floats):
        args[i] = _in_dtype(args[i], np.dtype(mixture[turn % 2]))
    return args


def _in_dtype(a: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The values, or some near them: no integer or truth value is 0, and complex numbers are off the real axis."""
    if dtype.kind == "b":
        return np.ones(a.shape, bool)
    if dtype.kind == "i":
        whole = np.rint(2 * a)
        return np.where(whole == 0, 1, whole).astype(dtype)
    if dtype.kind == "c":
        a = a + 0.3j * np.cos(1.0 + np.arange(a.size)).reshape(a.shape)
    return a.astype(dtype)
