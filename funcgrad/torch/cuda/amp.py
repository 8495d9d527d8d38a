"""`torch.cuda.amp`: older names of what is in `torch.amp`, for CUDA, of which there is nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcgrad.core.warned import warn
from funcgrad.names import own_names as _own_names
from funcgrad.torch import amp
from funcgrad.torch._tensor import dtypes

DEPRECATED = "`torch.cuda.amp.{0}(args...)` is deprecated. Please use `torch.amp.{0}({1})` instead."


def _deprecated(name: str, use: str) -> None:
    warn(DEPRECATED.format(name, use), FutureWarning)


def amp_definitely_not_available() -> bool:
    """True: there is no CUDA."""
    return True


class autocast(amp.autocast):
    """`torch.amp.autocast("cuda")`, which warns and casts nothing."""

    def __init__(
        self, enabled: bool = True, dtype: dtypes.dtype = dtypes.float16, cache_enabled: bool = True
    ) -> None:
        _deprecated("autocast", "'cuda', args...")
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(amp.GradScaler):
    """`torch.amp.GradScaler("cuda")`, which warns and scales nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _deprecated("GradScaler", "'cuda', args...")
        super().__init__("cuda", *args, **kwargs)


def custom_fwd(fwd: Callable[..., Any] | None = None, *, cast_inputs: dtypes.dtype | None = None) -> Any:
    """`torch.amp.custom_fwd` for CUDA."""
    _deprecated("custom_fwd", "args..., device_type='cuda'")
    return amp.custom_fwd(fwd, device_type="cuda", cast_inputs=cast_inputs)


def custom_bwd(bwd: Callable[..., Any]) -> Any:
    """`torch.amp.custom_bwd` for CUDA."""
    _deprecated("custom_bwd", "args..., device_type='cuda'")
    return amp.custom_bwd(bwd, device_type="cuda")


__all__ = _own_names(globals())


def __dir__() -> list[str]:
    return __all__
