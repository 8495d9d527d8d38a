"""`torch.cpu`: the device that there is."""

from __future__ import annotations

from typing import Any

from funcgrad.names import own_names as _own_names
from funcgrad.torch.cpu import amp as amp


def is_available() -> bool:
    """True."""
    return True


def device_count() -> int:
    """1."""
    return 1


def current_device() -> str:
    """The name of the one device."""
    return "cpu"


def synchronize(device: Any = None) -> None:
    """Nothing: operations are done when they return."""


__all__ = [*_own_names(globals()), "amp"]


def __dir__() -> list[str]:
    return __all__
