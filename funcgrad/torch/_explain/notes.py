"""Notes on PyTorch's errors: the cause, and the line."""

from __future__ import annotations

from collections.abc import Sequence

from funcgrad.torch._tensor.tensor import Tensor


def annotate(error: RuntimeError, outputs: Sequence[Tensor]) -> None:
    """Add what is known of its cause."""
