"""Determinants: det, slogdet."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.ops.broadcasting import reduce_sum
from funcgrad.ops.contract import mT
from funcgrad.ops.elementwise import imag, real
from funcgrad.ops.linalg.cofactors import cofactor
from funcgrad.ops.linalg.shared import over_stacks, real_dtype, square_matrix
from funcgrad.ops.linalg.systems import inv


def _total(x: Any) -> Any:
    """The sum over each matrix."""
    return reduce_sum(x, axes=(x.ndim - 2, x.ndim - 1))


det = over_stacks(
    "det",
    np.linalg.det,
    shape=lambda a: Aval(square_matrix(a)[0], square_matrix(a)[2]),
    jvps=(lambda t, y, a: _total(cofactor(a) * t),),
)


def _d_slogdet(t: Any, y: Any, a: Any) -> tuple[Any, Any]:
    trace = _total(mT(inv(a)) * t)
    if a.dtype.kind != "c":
        return None, trace
    return y[0] * (imag(trace) * 1j), real(trace)


slogdet = over_stacks(
    "slogdet",
    lambda a: tuple(np.linalg.slogdet(a)),
    shape=lambda a: (Aval(square_matrix(a)[0], square_matrix(a)[2]), Aval(square_matrix(a)[0], real_dtype(a.dtype))),
    jvps=(_d_slogdet,),
    multiple=True,
)
