"""The one device there is."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from funcgrad.torch._tensor.tensor import Tensor


class Device:
    """Where tensors live: always the CPU. RuntimeError for any other name."""

    type = "cpu"
    index = None

    def __init__(self, name: Any = "cpu") -> None:
        if str(name).partition(":")[0] != "cpu":
            raise RuntimeError(f"funcgrad.torch has no device {str(name)!r}: tensors live on the CPU")

    def __repr__(self) -> str:
        return "device(type='cpu')"

    def __str__(self) -> str:
        return "cpu"

    def __eq__(self, other: object) -> bool:
        return str(other) == "cpu"

    def __hash__(self) -> int:
        return hash("cpu")


CPU = Device()


def on_cpu(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A factory that refuses any `device` but the CPU."""

    @functools.wraps(make)
    def checked(*args: Any, **options: Any) -> Tensor:
        if options.get("device") is not None:
            Device(options["device"])
        return make(*args, **options)

    return checked
