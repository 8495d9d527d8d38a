"""`torch.types`: names for annotations."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any, TypeAlias

from funcgrad.torch._tensor.devices import Device as _Device
from funcgrad.torch._tensor.sizes import Size
from funcgrad.torch._tensor.tensor import Tensor

Number: TypeAlias = builtins.int | builtins.float | builtins.bool
Device: TypeAlias = _Device | str | builtins.int | None
_TensorOrTensors: TypeAlias = Tensor | Sequence[Tensor]
_size: TypeAlias = Size | list[builtins.int] | tuple[builtins.int, ...]
_int, _float, _bool, _complex = builtins.int, builtins.float, builtins.bool, builtins.complex
_device = _Device
__all__ = ["Device", "Number"]


def __dir__() -> list[Any]:
    return __all__
