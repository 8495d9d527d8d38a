"""`torch.cuda`, of which there is nothing: programs that ask get the CPU."""

from __future__ import annotations

from typing import Any

from funcgrad.names import own_names as _own_names
from funcgrad.torch._tensor.devices import NO_CUDA
from funcgrad.torch.cuda import amp as amp


def is_available() -> bool:
    """False: tensors live on the CPU."""
    return False


is_initialized = is_bf16_supported = is_available


def device_count() -> int:
    """0, as there are no such devices."""
    return 0


def manual_seed_all(seed: int) -> None:
    """Nothing: no such device draws random numbers."""


manual_seed = manual_seed_all


def empty_cache() -> None:
    """Nothing: no such device keeps memory."""


def memory_allocated(device: Any = None) -> int:
    """0, as there are no such devices."""
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_allocated


def synchronize(device: Any = None) -> Any:
    """AssertionError: there is nothing to wait for."""
    raise AssertionError(NO_CUDA)


class Event:
    """A moment in the work of such a device: RuntimeError, as there are none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("Tried to instantiate dummy base class Event")


class Stream:
    """A queue of work for such a device: RuntimeError, as there are none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("torch.cuda.Stream requires CUDA support")


current_device = get_device_name = get_device_properties = current_stream = synchronize


__all__ = [*_own_names(globals()), "amp"]


def __dir__() -> list[str]:
    return __all__
