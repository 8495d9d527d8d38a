"""The reduction of a loss, also as PyTorch named it before `reduction`: by `size_average` and `reduce`."""

from __future__ import annotations

from typing import Any

from funcgrad.core.warned import warn

DEPRECATED = "size_average and reduce args will be deprecated, please use reduction='{}' instead."


def chosen(size_average: Any, reduce: Any, reduction: str) -> str:
    """`reduction`, unless one of the others is given: then those decide, with PyTorch's warning."""
    if size_average is None and reduce is None:
        return reduction
    averages, reduces = size_average is None or size_average, reduce is None or reduce
    reduction = "none" if not reduces else "mean" if averages else "sum"
    warn(DEPRECATED.format(reduction), UserWarning)
    return reduction
