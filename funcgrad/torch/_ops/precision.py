"""Accumulation in a wider dtype, as PyTorch's kernels have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def widened(fun: Callable[..., Any], *narrow: type) -> Callable[..., Any]:
    """Computed in the next wider dtype where the values' dtype is one of these."""

    def apply(*values: Any, **params: Any) -> Any:
        own = values[0].dtype
        if own.type not in narrow:
            return fun(*values, **params)
        wide = np.dtype(np.float64 if own == np.float32 else np.float32)
        return fun(*[v.astype(wide) for v in values], **params).astype(own)

    return apply
