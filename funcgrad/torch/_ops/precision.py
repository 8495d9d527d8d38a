"""Computing in a wider dtype, as PyTorch's kernels do."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from funcgrad.torch._tensor.dtypes import held


def widened(fun: Callable[..., Any], *narrow: type) -> Callable[..., Any]:
    """Computed in the next wider dtype where the values' dtype is one of these. Numbers stay as they are."""

    @wraps(fun)
    def apply(*values: Any, **params: Any) -> Any:
        own = (values[0] if hasattr(values[0], "dtype") else values[1]).dtype
        if own.type not in narrow:
            return fun(*values, **params)
        wide = np.dtype(np.float64 if own == np.float32 else np.float32)
        return fun(*[v.astype(wide) if hasattr(v, "astype") else v for v in values], **params).astype(own)

    return apply


def rounded_last(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Computed in float32, all operands, where the first value is of float16."""
    return widened(fun, np.float16)


def in_kernel(number: Any, kind: np.dtype) -> Any:
    """A number as PyTorch's kernels compute with it: in float32 where the tensors are of float16."""
    found = held(number, kind)[()]
    return np.float32(number) if kind == np.float16 else found
