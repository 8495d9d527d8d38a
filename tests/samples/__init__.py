"""One sample row (or several) for each primitive. The laws in tests/test_laws.py run over all of them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


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
