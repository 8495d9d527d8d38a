"""Borders."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn import functional as F
from funcgrad.torch.nn.modules.module import Module


class _Pad(Module):
    """A border: `padding` elements on all sides, or so many before and behind, from the last dimension on."""

    _space: int
    _mode: str

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = tuple(padding) if isinstance(padding, Iterable) else (padding,) * (2 * self._space)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ReflectionPad1d(_Pad):
    _space, _mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    _space, _mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    _space, _mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    _space, _mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    _space, _mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    _space, _mode = 3, "replicate"


class _CircularPad(_Pad):
    _mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        low, high = self._space + 1, self._space + 2
        if input.dim() not in (low, high):
            raise ValueError(f"expected {low}D or {high}D input (got {input.dim()}D input)")
        return super().forward(input)


class CircularPad1d(_CircularPad):
    _space = 1


class CircularPad2d(_CircularPad):
    _space = 2


class CircularPad3d(_CircularPad):
    _space = 3


class _ConstantPadNd(_Pad):
    """A border of one number."""

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    _space = 1


class ConstantPad2d(_ConstantPadNd):
    _space = 2


class ConstantPad3d(_ConstantPadNd):
    _space = 3


class _Zeros(_Pad):
    """A border of zeros, of which only the padding is told."""

    def __init__(self, padding: Any) -> None:
        _Pad.__init__(self, padding)
        self.value = 0.0

    extra_repr = _Pad.extra_repr


class ZeroPad1d(_Zeros, ConstantPad1d):
    pass


class ZeroPad2d(_Zeros, ConstantPad2d):
    pass


class ZeroPad3d(_Zeros, ConstantPad3d):
    pass
