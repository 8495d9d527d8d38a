"""Devices: PyTorch's names of all of them, and the one there is."""

from __future__ import annotations

import re
from typing import Any

TYPES = (
    "cpu", "cuda", "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga", "maia", "xla", "lazy",
    "vulkan", "mps", "meta", "hpu", "mtia", "privateuseone",
)  # fmt: skip
NO_CUDA = "Torch not compiled with CUDA enabled"
NO_ACCELERATOR = "Cannot access accelerator device when none is available."


class Device:
    """A device by its name, as "cpu" or "cuda:1". Tensors live on the CPU: another one is refused where it is used."""

    __module__, __qualname__ = "funcgrad.torch", "device"
    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __init__(self, type: Any = None, index: int | None = None) -> None:
        if isinstance(type, Device):
            self.type, self.index = type.type, type.index
            return
        if isinstance(type, int):
            raise RuntimeError(NO_ACCELERATOR)
        if not isinstance(type, str):
            given = "" if type is None else type.__class__.__name__
            raise TypeError(
                f"device() received an invalid combination of arguments - got ({given}), but expected (torch.device "
                "device) or (str type, int index = -1)"
            )
        self.type, self.index = _read(type)
        if index is not None:
            if self.index is not None:
                raise RuntimeError(
                    f"type (string) must not include an index because index was passed explicitly: {type}"
                )
            if index < 0:
                raise RuntimeError("Device index must not be negative")
            self.index = index

    def __repr__(self) -> str:
        return f"device(type='{self.type}'" + ("" if self.index is None else f", index={self.index}") + ")"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self) -> Any:
        return Device, (self.type, self.index)

    def __enter__(self) -> Device:
        """Where new tensors are put."""
        default.before.append(default.device)
        default.device = self
        return self

    def __exit__(self, *error: Any) -> None:
        default.device = default.before.pop()


def _read(name: str) -> tuple[str, int | None]:
    if not name:
        raise RuntimeError("Device string must not be empty")
    kind, colon, number = name.partition(":")
    if kind not in TYPES:
        raise RuntimeError(
            f"Expected one of {', '.join(TYPES)} device type at start of device string: {kind}"
        )
    if colon and not re.fullmatch(r"0|[1-9]\d*", number):
        raise RuntimeError(f"Invalid device string: '{name}'")
    return kind, int(number) if colon else None


def used(device: Any) -> None:
    """Refuse any device but the CPU, as PyTorch's build for the CPU does."""
    device = Device(device)
    if device.type == "cuda":
        raise AssertionError(NO_CUDA)
    if device.type != "cpu":
        raise RuntimeError(f"funcgrad.torch has no device '{device}': tensors live on the CPU")


CPU = Device("cpu")


class _Default:
    def __init__(self) -> None:
        self.device = CPU
        self.before: list[Device] = []


default = _Default()
"""Where new tensors are put."""


def get_default_device() -> Device:
    """Where new tensors are put: the CPU, or what was set."""
    return default.device


def set_default_device(device: Any) -> None:
    """Where new tensors are put. Making one on any other than the CPU is an error."""
    default.device = CPU if device is None else Device(device)
