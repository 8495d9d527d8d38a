"""What the themes of `linalg` share."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from funcgrad.core.trace import Tracer
from funcgrad.numpy import shaping
from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import as_array


@cache
def result_type(function: Any) -> Any:
    """The named tuple that a function of NumPy returns."""
    return type(function(np.eye(1)))


def stack_of_matrices(x: Any) -> Array:
    x = as_array(x)
    if x.ndim < 2:
        raise LinAlgError(f"{x.ndim}-dimensional array given. Array must be at least two-dimensional")
    return x


def stack_of_squares(x: Any) -> Array:
    x = stack_of_matrices(x)
    if x.shape[-1] != x.shape[-2]:
        raise LinAlgError("Last 2 dimensions of the array must be square")
    return x


def two_dimensional(x: Array) -> Array:
    if x.ndim != 2:
        raise LinAlgError(f"{x.ndim}-dimensional array given. Array must be two-dimensional")
    return x


def adjoint(x: Array) -> Array:
    x = shaping.matrix_transpose(x)
    return ew.conj(x) if x.dtype.kind == "c" else x


def known(x: Array) -> np.ndarray | None:
    """The value of `x` without its derivative; None while a program or a batch is traced."""
    x = ew.stop_gradient(x)
    return x._as_plain() if isinstance(x, Tracer) else x
