"""What filters with feedback are made of: each element depends on those before it."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.signal

from funcgrad.ops.broadcasting import broadcast_to
from funcgrad.ops.contract import mT
from funcgrad.ops.convolve import convolve
from funcgrad.scipy.linalg.primitives.equations import equation
from funcgrad.scipy.linalg.primitives.structured import shifted


def _filtered(a: np.ndarray, u: np.ndarray, back: bool = False) -> np.ndarray:
    one = np.ones(1, a.dtype)
    u = u[::-1] if back else u
    y = scipy.signal.lfilter(one, np.concatenate([one, a]), u, axis=0)
    return y[::-1] if back else y


def _earlier_terms(a: Any, y: Any, back: bool = False) -> Any:
    """The sum of `a[j] y[n - 1 - j]`."""
    y = y[..., ::-1, :] if back else y
    rows = mT(y)
    wide = broadcast_to(a[..., None, :], shape=(*rows.shape[:-1], a.shape[-1]))
    found = shifted(mT(convolve(wide, rows)[..., : y.shape[-2]]), 1, -2)
    return found[..., ::-1, :] if back else found


recurrence = equation(
    "recurrence",
    _filtered,
    (1,),
    (_earlier_terms,),
    turned=lambda a, back=False: (a,),
    turned_params=lambda params: {"back": not params.get("back", False)},
)
"""`recurrence(a, u)`: the y with `y[n] = u[n] - a[0] y[n - 1] - a[1] y[n - 2] - ...`, and zeros before the first.

`a` is `(*stack, order)`, `u` is `(*stack, n, k)`, k signals for each. `back` filters them from their ends, which
is the transpose.
"""
