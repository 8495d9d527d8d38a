"""Convolutions."""

from __future__ import annotations

from typing import Any

from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn import functional as F
from funcgrad.torch.nn.functional.conv import pads
from funcgrad.torch.nn.functional.sizes import per_dim
from funcgrad.torch.nn.modules.made import fill_weights, parameter
from funcgrad.torch.nn.modules.module import Module

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What both kinds have: sizes, weights, and their text."""

    _space: int
    _transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        output_padding: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any,
        dtype: Any,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = per_dim(kernel_size, self._space), per_dim(stride, self._space)
        self._check(in_channels, out_channels, padding, groups, padding_mode)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.padding: Any = padding if isinstance(padding, str) else per_dim(padding, self._space)
        self.dilation = per_dim(dilation, self._space)
        self.transposed = self._transposed
        self.output_padding = per_dim(output_padding, self._space)
        self.groups = groups
        self.padding_mode = padding_mode
        ends = (in_channels, out_channels) if self._transposed else (out_channels, in_channels)
        self.weight = parameter(ends[0], ends[1] // groups, *self.kernel_size, device=device, dtype=dtype)
        self.register_parameter("bias", parameter(out_channels, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    def _check(self, inputs: int, outputs: int, padding: Any, groups: int, padding_mode: str) -> None:
        """PyTorch's errors."""
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if inputs % groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        if outputs % groups != 0:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {padding!r}, should be one of 'same', 'valid'")
            if padding == "same" and any(s != 1 for s in self.stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if padding_mode not in PADDING_MODES:
            raise ValueError(f"padding_mode must be one of {PADDING_MODES}, but got padding_mode='{padding_mode}'")

    def reset_parameters(self) -> None:
        fill_weights(self.weight, self.bias)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        for name, plain in (("padding", 0), ("dilation", 1), ("output_padding", 0)):
            value = getattr(self, name)
            if value != (plain,) * len(value):
                text += f", {name}={value}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text if self.padding_mode == "zeros" else f"{text}, padding_mode={self.padding_mode}"


class _Conv(_ConvNd):
    _function: Any

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode, device,
            dtype,
        )  # fmt: skip

    def _border(self) -> list[int]:
        """How much is padded before and behind, from the last dimension on."""
        pairs = pads(self.padding, self.kernel_size, self.stride, self.dilation)
        return [n for pair in reversed(pairs) for n in pair]

    def forward(self, input: Tensor) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._border(), mode=self.padding_mode), 0
        return self._function(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(_Conv):
    """The convolution of ``(N, C, L)`` or ``(C, L)``."""

    _space, _function = 1, staticmethod(F.conv1d)


class Conv2d(_Conv):
    """The convolution of ``(N, C, H, W)`` or ``(C, H, W)``."""

    _space, _function = 2, staticmethod(F.conv2d)


class Conv3d(_Conv):
    """The convolution of ``(N, C, D, H, W)`` or ``(C, D, H, W)``."""

    _space, _function = 3, staticmethod(F.conv3d)


class _ConvTransposeNd(_ConvNd):
    _function: Any
    _transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias,
            padding_mode, device, dtype,
        )  # fmt: skip

    def _extra(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """The output padding that leads to a size."""
        space = self._space
        sizes = list(output_size)
        if len(sizes) == input.dim():
            sizes = sizes[-space:]
        if len(sizes) != space:
            raise ValueError(
                f"ConvTranspose{space}D: for {input.dim()}D input, output_size must have {space} or {input.dim()} "
                f"elements (got {len(sizes)})"
            )
        spatial = zip(input.shape[-space:], self.stride, self.padding, self.kernel_size, self.dilation)
        low = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, k, d in spatial]
        high = [n + s - 1 for n, s in zip(low, self.stride)]
        if any(not a <= n <= b for n, a, b in zip(sizes, low, high)):
            raise ValueError(
                f"requested an output size of {output_size}, but valid sizes range from {low} to {high} (for an input "
                f"of {input.size()[2:]})"
            )
        return tuple(n - a for n, a in zip(sizes, low))

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        extra = self.output_padding if output_size is None else self._extra(input, output_size)
        return self._function(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


class ConvTranspose1d(_ConvTransposeNd):
    """The transpose of `Conv1d`: strides make it larger."""

    _space, _function = 1, staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTransposeNd):
    """The transpose of `Conv2d`: strides make it larger."""

    _space, _function = 2, staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTransposeNd):
    """The transpose of `Conv3d`: strides make it larger."""

    _space, _function = 3, staticmethod(F.conv_transpose3d)
