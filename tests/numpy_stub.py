"""What type checkers read of funcgrad.numpy: NumPy's own signatures, since its functions take NumPy's arguments.

`python -m tests.numpy_stub` writes the stubs.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import funcgrad.numpy

ROOT = Path(funcgrad.numpy.__file__).parent
STUBS = {
    "numpy": ROOT / "__init__.pyi",
    "numpy.linalg": ROOT / "linalg" / "__init__.pyi",
    "numpy.fft": ROOT / "fft.pyi",
}
SPACES = ("fft", "linalg")
LATER = {"descending"}
"""Parameters that not every release of NumPy has which is supported: its own types may lack them."""


def parameters(function: Any) -> set[str]:
    """The names of a function's parameters; none where it is written in C without a signature."""
    try:
        return {name for name, p in inspect.signature(function).parameters.items() if p.kind is not p.VAR_KEYWORD}
    except (TypeError, ValueError):
        return set()


def source(space: str, name: str, ours: Any, numpys: ModuleType) -> str:
    """The module whose types a name has: NumPy's, unless the name or one of its parameters is not NumPy's."""
    theirs = getattr(numpys, name, None)
    same = isinstance(theirs, np.ufunc) or not parameters(theirs) or parameters(ours) <= parameters(theirs) - LATER
    return space if same and hasattr(numpys, name) else str(ours.__module__)


def stub(space: str) -> str:
    ours, numpys = importlib.import_module(f"funcgrad.{space}"), importlib.import_module(space)
    lines = {}
    for name in ours.__all__:
        if name in SPACES and space == "numpy":
            lines[name] = f"from funcgrad.numpy import {name} as {name}"
        else:
            lines[name] = f"from {source(space, name, getattr(ours, name), numpys)} import {name} as {name}"
    head = f'"""Made by tests/numpy_stub.py: NumPy\'s own types, of the names of funcgrad.{space}."""\n'
    return "\n".join([head, *sorted(lines.values()), ""])


if __name__ == "__main__":
    for space, path in STUBS.items():
        path.write_text(stub(space))
