"""`torch.signal`: windows."""

from funcgrad.torch.signal import windows as windows

__all__ = ["windows"]


def __dir__() -> list[str]:
    return __all__
