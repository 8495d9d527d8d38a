"""What stands as an operand, as an array or a traced value: lists and numbers too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import FLOAT, operand
from funcgrad.core.trace import Tracer
from funcgrad.ops.broadcasting import reshape
from funcgrad.ops.structure import concatenate


def any_traced(values: Iterable[Any]) -> bool:
    """Whether a traced value is among the values, or inside lists and tuples among them."""
    for value in values:
        if isinstance(value, Tracer):
            return True
        kind = type(value)
        if (kind is list or kind is tuple) and any_traced(value):
            return True
    return False


def is_sparse(x: Any) -> bool:
    """Whether it is a sparse matrix or array of SciPy's."""
    return not isinstance(x, (Tracer, np.ndarray)) and hasattr(type(x), "tocoo")


def as_array(x: Any) -> Any:
    """A traced value as it is, anything else as an ndarray (lists may hold traced values)."""
    if isinstance(x, Tracer) or type(x) is np.ndarray:
        return x
    if type(x) in (list, tuple) and any_traced(x):
        return _stacked([as_array(part) for part in x])
    return np.asarray(operand(x))


def _stacked(parts: Sequence[Any]) -> Any:
    if len({p.shape for p in parts}) > 1:
        raise ValueError(f"parts of different shapes {[p.shape for p in parts]} make no array")
    return concatenate(*[reshape(p, shape=(1, *p.shape)) for p in parts], axis=0)


def as_inexact(x: Any) -> Any:
    """The same in floating point: integers and truth values become float64."""
    x = as_array(x)
    return x if x.dtype.kind in "fc" else x.astype(FLOAT)
