"""What the primitives share: SciPy's functions of one matrix, for each of a stack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval


def for_each(
    function: Callable[..., Any], args: Sequence[np.ndarray], ranks: Sequence[int], *avals: Aval
) -> tuple[np.ndarray, ...]:
    """The results of a function, of shapes and dtypes `avals`, for each place of the stack of the arguments.

    The stack is what all arguments have before their last `ranks` axes. The function returns a tuple.
    """
    outs = tuple(np.empty(a.shape, a.dtype) for a in avals)
    for index in np.ndindex(args[0].shape[: args[0].ndim - ranks[0]]):
        for out, y in zip(outs, function(*(a[index] for a in args))):
            out[index] = y
    return outs


def all_finite(*args: np.ndarray) -> bool:
    return all(np.isfinite(a).all() for a in args)
