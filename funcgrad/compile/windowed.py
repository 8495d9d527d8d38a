"""Products of an array's windows as generalised universal functions, which lay no windows out in memory."""

from __future__ import annotations

import numpy as np

from funcgrad.compile import pool, ufuncs
from funcgrad.compile.linetext import LineText
from funcgrad.compile.machine import load
from funcgrad.compile.weightext import WeighText


def ufunc(name: str, char: str) -> np.ufunc | None:
    """`correlate` or `weigh`, (p),(a),(b)->(c): a plan, `Placing` or `Weighing` with its offsets, and flat arrays.

    What a plan says is not checked. The results of `weigh` are added to what `out=` holds.
    """
    if not ufuncs.is_available():
        return None
    pool.address()
    dtype = np.dtype(char)
    text = {"correlate": LineText, "weigh": WeighText}[name](dtype).written()
    return ufuncs.made(load(text), [np.dtype(np.int64), dtype, dtype, dtype], 3, name, "(p),(a),(b)->(c)")
