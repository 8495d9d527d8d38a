"""`torch.utils.dlpack`: memory shared with other libraries."""

from __future__ import annotations

from typing import Any

from funcgrad.torch._ops.create import from_dlpack
from funcgrad.torch._tensor.tensor import Tensor

__all__ = ["from_dlpack", "to_dlpack"]


def to_dlpack(tensor: Tensor) -> Any:
    """The capsule that `from_dlpack` of another library takes."""
    return tensor.__dlpack__()
