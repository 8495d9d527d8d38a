"""`torch.cpu.amp`: older names of what is in `torch.amp`, for the CPU."""

from __future__ import annotations

from typing import Any

from funcgrad.core.warned import warn
from funcgrad.names import own_names as _own_names
from funcgrad.torch import amp
from funcgrad.torch._tensor import dtypes

DEPRECATED = "`torch.cpu.amp.{0}(args...)` is deprecated. Please use `torch.amp.{0}('cpu', args...)` instead."


class autocast(amp.autocast):
    """`torch.amp.autocast("cpu")`."""

    def __init__(
        self, enabled: bool = True, dtype: dtypes.dtype = dtypes.bfloat16, cache_enabled: bool = True
    ) -> None:
        warn(DEPRECATED.format("autocast"), FutureWarning)
        super().__init__("cpu", dtype, enabled, cache_enabled)


class GradScaler(amp.GradScaler):
    """`torch.amp.GradScaler("cpu")`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warn(DEPRECATED.format("GradScaler"), FutureWarning)
        super().__init__("cpu", *args, **kwargs)


__all__ = _own_names(globals())


def __dir__() -> list[str]:
    return __all__
