"""What several modules need: double precision, and values between the points of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import as_array
from funcgrad.ops.subscript import getitem


def in_double(x: Array) -> Array:
    """In double precision, in which SciPy computes some functions whatever it is given."""
    x = as_array(x)
    return ew.convert(x, dtype=np.dtype(complex if x.dtype.kind == "c" else float))


def common_dtype(*operands: Any) -> np.dtype:
    """The floating-point dtype of all that are given, in which numbers of Python's have no say."""
    found = np.result_type(*[x if type(x) in (int, float) else as_array(x).dtype for x in operands if x is not None])
    return found if found.kind in "fc" else np.dtype(float)


def weighted(values: Array, indices: Sequence[Array], weights: Sequence[Array]) -> Array:
    """The weighted sum over the grid points around each of p places.

    Args:
        values: ``(n1, ..., nd, ...)``.
        indices, weights: for each of the d axes ``(p, w)``: where the points stand along it, and their factors.

    Returns:
        ``(p, ...)``.
    """
    count = len(indices)
    spread = []
    for axis, index in enumerate(indices):
        shape = [index.shape[0], *(1,) * count]
        shape[axis + 1] = index.shape[1]
        spread.append(index.reshape(tuple(shape)))
    total = getitem(values, tuple(spread))
    for weight in reversed(weights):
        p, w = weight.shape
        axis = count
        total = (total * weight.reshape((p, *(1,) * (axis - 1), w) + (1,) * (total.ndim - axis - 1))).sum(axis=axis)
        count -= 1
    return total
