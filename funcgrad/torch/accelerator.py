"""`torch.accelerator`: there is none, as in PyTorch's build for the CPU."""

from __future__ import annotations

from funcgrad.names import own_names as _own_names


def is_available() -> bool:
    """False: tensors live on the CPU."""
    return False


def device_count() -> int:
    """0, as there are no such devices."""
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """None: tensors live on the CPU."""


__all__ = _own_names(globals())


def __dir__() -> list[str]:
    return __all__
