"""Convolutions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import funcgrad.numpy as fnp
from funcgrad.lax import conv_general_dilated
from funcgrad.torch._ops.memory_order import like_images
from funcgrad.torch._ops.shape import squeeze, unsqueeze
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.composed import composite
from funcgrad.torch._record.operands import cast, one_dtype, refuse
from funcgrad.torch._tensor.dtypes import float32
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.functional.sizes import need_space, per_dim

Ints = tuple[int, ...]
Pads = list[tuple[int, int]]
CONVOLUTION, UNBATCHED = (Kind(n, "xy~", takes="012") for n in ("Convolution", "SqueezeBackward1"))


def _with_bias(out: Any, bias: Any, batched: bool) -> Any:
    if bias is not None:
        out = out + fnp.reshape(bias, (-1, *(1,) * (out.ndim - 2)))
    return out if batched else out[0]


def _convolved(
    x: Any, weight: Any, bias: Any, batched: bool, stride: Ints, pads: Pads, dilation: Ints, groups: int
) -> Any:
    x = x if batched else x[None]
    out = conv_general_dilated(x, weight, stride, pads, None, dilation, feature_group_count=groups)
    return _with_bias(out, bias, batched)


def _transposed(
    x: Any, weight: Any, bias: Any, batched: bool, stride: Ints, pads: Pads, dilation: Ints, groups: int
) -> Any:
    """The convolution of the input, with gaps between its elements, and the flipped kernel."""
    x = x if batched else x[None]
    inputs, outputs, *window = weight.shape
    kernel = fnp.reshape(weight, (groups, inputs // groups, outputs, *window))
    kernel = fnp.reshape(fnp.swapaxes(kernel, 1, 2), (groups * outputs, inputs // groups, *window))
    kernel = fnp.flip(kernel, tuple(range(2, kernel.ndim)))
    ones = (1,) * len(window)
    out = conv_general_dilated(x, kernel, ones, pads, stride, dilation, feature_group_count=groups)
    return _with_bias(out, bias, batched)


def pads(padding: Any, window: Ints, stride: Ints, dilation: Ints) -> Pads:
    """How much is added before and behind each dimension."""
    if not isinstance(padding, str):
        return [(p, p) for p in per_dim(padding, len(window))]
    if padding == "valid":
        return [(0, 0)] * len(window)
    if padding != "same":
        raise RuntimeError(f"Invalid padding string: '{padding}'")
    if any(s != 1 for s in stride):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    totals = [d * (k - 1) for k, d in zip(window, dilation)]
    return [(t // 2, t - t // 2) for t in totals]


def need_lengths(input: Tensor, weight: Tensor, space: int, function: str, **options: Any) -> None:
    """PyTorch's errors for ranks, and for options that are neither one number nor one for each dimension."""
    batched = need_space(input, space, function)
    dims = weight.dim() - 2
    if dims < 1:
        raise RuntimeError("weight should have at least three dimensions")
    for name, n in options.items():
        if isinstance(n, Iterable) and len(given := list(n)) not in (1, dims):
            raise RuntimeError(
                f"expected {name} to be a single integer value or a list of {dims} values to match the convolution "
                f"dimensions, but got {name}={given}"
            )
    if dims != space:
        shape = list(input.shape) if batched else [1, *input.shape]
        raise RuntimeError(
            f"Expected {dims + 2}-dimensional input for {dims + 2}-dimensional weight {list(weight.shape)}, but got "
            f"{len(shape)}-dimensional input of size {shape} instead"
        )


OF_ONE_THREAD = 20480
"""How many elements of float32 PyTorch convolves without oneDNN."""


def _check(input: Tensor, weight: Tensor, bias: Tensor | None, groups: int, transposed: bool, function: str) -> bool:
    """PyTorch's errors; whether there is a batch."""
    batched = input.dim() == weight.dim()
    shape, sizes = list(input.shape) if batched else [1, *input.shape], list(weight.shape)
    expected = sizes[0] if transposed else sizes[1] * groups
    if shape[1] != expected:
        given = "transposed=1" if transposed else f"groups={groups}"
        raise RuntimeError(
            f"Given {given}, weight of size {sizes}, expected input{shape} to have {expected} channels, but got "
            f"{shape[1]} channels instead"
        )
    space = max(weight.dim() - 2, 2)
    refuse(input, "b", f"slow_conv_transpose{space}d_out_cpu" if transposed else f"slow_conv{space}d_cpu")
    outputs = sizes[1] * groups if transposed else sizes[0]
    if bias is not None and tuple(bias.shape) != (outputs,):
        raise RuntimeError(
            f"Given {'transposed=1, ' if transposed else ''}weight of size {sizes}, expected bias to be 1-dimensional "
            f"with {outputs} elements, but got bias of size {list(bias.shape)} instead"
        )
    if bias is not None and input.dtype is not bias.dtype and not transposed:
        raise RuntimeError(f"Input type ({input.dtype.short}) and bias type ({bias.dtype.short}) should be the same")
    if input.dtype is not weight.dtype:
        raise RuntimeError(_two_dtypes("weight", input, weight, _by_onednn(input, weight, batched, groups)))
    if bias is not None and input.dtype is not bias.dtype and _by_onednn(input, weight, batched, groups):
        raise RuntimeError(_two_dtypes("bias", input, bias, True))
    return batched


def _by_onednn(input: Tensor, weight: Tensor, batched: bool, groups: int) -> bool:
    """Whether PyTorch would take oneDNN's kernel, whose errors are others."""
    several = groups > 1 or (batched and input.shape[0] > 1)
    wide = min((*weight.shape[2:], 1)[:2]) > 3 or input.numel() > OF_ONE_THREAD
    return input.dtype is float32 and (several or wide)


def _two_dtypes(name: str, input: Tensor, other: Tensor, by_onednn: bool) -> str:
    types = f"Input type ({input.type()}) and {name} type ({other.type()}) should be the same"
    if input.is_complex():
        return types
    if by_onednn:
        return f"{types} or input should be a MKLDNN tensor and {name} is a dense tensor"
    return f"expected scalar type {input.dtype.title} but found {other.dtype.title}"


def _of_one(conv: Any, *how: Any) -> Tensor:
    """Without a batch: of a batch of one."""
    *options, input, weight, bias = how
    return squeeze(conv(unsqueeze(input, 0), weight, bias, *options), 0)


def _conv(space: int) -> Callable[..., Tensor]:
    name = f"conv{space}d"

    def conv(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        """The convolution of ``(N, C, *space)``, or of one without the batch, with ``(O, C / groups, *window)``."""
        lengths = {"stride": stride, "padding": 0 if isinstance(padding, str) else padding, "dilation": dilation}
        need_lengths(input, weight, space, name, **lengths)
        stride, dilation = per_dim(stride, space), per_dim(dilation, space)
        batched = _check(input, weight, bias, groups, False, name)
        window = tuple(weight.shape[2:])
        if any(s <= 0 for s in stride):
            raise RuntimeError("non-positive stride is not supported")
        borders = pads(padding, window, stride, dilation)
        if any(low < 0 for low, _ in borders):
            raise RuntimeError("negative padding is not supported")
        padded = [n + low + high for n, (low, high) in zip(input.shape[-space:], borders)]
        reach = [d * (k - 1) + 1 for k, d in zip(window, dilation)]
        if any(n < r for n, r in zip(padded, reach)):
            sizes, kernel = (" x ".join(map(str, s)) for s in (padded, reach))
            raise RuntimeError(
                f"Calculated padded input size per channel: ({sizes}). Kernel size: ({kernel}). Kernel size can't be "
                "greater than actual input size"
            )
        options = {"batched": batched, "stride": stride, "pads": borders, "dilation": dilation, "groups": groups}
        if batched:
            found = call(CONVOLUTION, _convolved, input, weight, bias, **options)
        else:
            form = partial(_of_one, conv, stride, padding, dilation, groups)
            found = composite(form, partial(call, UNBATCHED, _convolved, **options), input, weight, bias)
        return like_images(found, input, weight)

    conv.__name__ = conv.__qualname__ = name
    return conv


def _conv_transpose(space: int) -> Callable[..., Tensor]:
    name = f"conv_transpose{space}d"

    def conv_transpose(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Tensor:
        """The transpose of the convolution with that weight ``(C, O / groups, *window)``: `stride` enlarges."""
        lengths = {"stride": stride, "padding": padding, "dilation": dilation, "output_padding": output_padding}
        need_lengths(input, weight, space, name, **lengths)
        stride, dilation, padding, extra = (per_dim(n, space) for n in (stride, dilation, padding, output_padding))
        batched = _check(input, weight, bias, groups, True, name)
        bias = bias if bias is None or bias.dtype is input.dtype else cast(bias, input._read().dtype)
        for more, s, d in zip(extra, stride, dilation):
            if more >= s and more >= d:
                raise RuntimeError(
                    "output padding must be smaller than either stride or dilation, but got "
                    + " ".join(
                        f"{what}_{axis}: {values[i]}"
                        for what, values in (("output_padding", extra), ("stride", stride), ("dilation", dilation))
                        for i, axis in enumerate(("depth", "height", "width")[3 - space :])
                    )
                )
        reach = [d * (k - 1) for k, d in zip(weight.shape[2:], dilation)]
        borders = [(r - p, r - p + more) for r, p, more in zip(reach, padding, extra)]
        options = {"batched": batched, "stride": stride, "pads": borders, "dilation": dilation, "groups": groups}
        if batched:
            found = call(CONVOLUTION, _transposed, input, weight, bias, **options)
        else:
            form = partial(_of_one, conv_transpose, stride, padding, extra, groups, dilation)
            found = composite(form, partial(call, UNBATCHED, _transposed, **options), input, weight, bias)
        return like_images(found, input, weight)

    conv_transpose.__name__ = conv_transpose.__qualname__ = name
    return conv_transpose


CONV_TBC = Kind("ConvTbc", "xyz", takes="012")


def _over_time(x: Any, weight: Any, bias: Any, pad: int) -> Any:
    images, kernel = fnp.transpose(x, (1, 2, 0)), fnp.transpose(weight, (2, 1, 0))
    if pad < 0:
        images, pad = images[..., -pad : images.shape[-1] + pad], 0
    return fnp.transpose(_convolved(images, kernel, bias, True, (1,), [(pad, pad)], (1,), 1), (2, 0, 1))


def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """The convolution over time of ``(time, N, C)`` with ``(window, C, O)``: ``(time, N, O)``."""
    if input.dim() != 3:
        raise RuntimeError("Input must have 3 dims: time, batch, in_channel")
    if weight.dim() != 3:
        raise RuntimeError("Weight tensor must have 3 dims: kernel_width, in_channels, out_channels.")
    if bias.dim() != 1:
        raise RuntimeError("Bias must be 1-D")
    if input.shape[2] != weight.shape[1]:
        raise RuntimeError("Input dim 2 (input channels) is not == dim 1 in the weight tensor")
    if bias.shape[0] != weight.shape[2]:
        raise RuntimeError("Bias size must equal dim 2 in the weight tensor (output channels).")
    length = input.shape[0] + 2 * pad - weight.shape[0] + 1
    if length < 0:
        sizes = [length, input.shape[1], weight.shape[2]]
        raise RuntimeError(f"Trying to create tensor with negative dimension {length}: {sizes}")
    one_dtype("self and mat2 must have the same dtype, but got {} and {}", input, weight)
    return call(CONV_TBC, _over_time, input, weight, bias, pad=pad)


conv1d, conv2d, conv3d = map(_conv, (1, 2, 3))
conv_transpose1d, conv_transpose2d, conv_transpose3d = map(_conv_transpose, (1, 2, 3))
