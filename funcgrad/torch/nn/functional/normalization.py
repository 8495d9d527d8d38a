"""Normalisation over a batch, a layer, groups of channels or single instances; and by norms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.lax import stop_gradient
from funcgrad.torch._ops import pointwise
from funcgrad.torch._ops.memory_order import like_images
from funcgrad.torch._ops.precision import rounded_last
from funcgrad.torch._ops.reduce import norm
from funcgrad.torch._ops.values import add, multiply, standardise
from funcgrad.torch._record.calls import Kind, call, contiguous, watch
from funcgrad.torch._record.composed import composite
from funcgrad.torch._record.modes import mode, no_grad
from funcgrad.torch._record.operands import refuse
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.storage import scope
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.nn.functional.padding import pad
from funcgrad.torch.nn.functional.pooling import avg_pool2d
from funcgrad.transforms.fused import fused

Axes = tuple[int, ...]
TRACED_STATISTICS = (
    "running statistics would take on a traced value that ends with the transformation: call eval(), set "
    "track_running_stats=False, or pass the buffers as arguments, by functional_call"
)


BATCHED_STATISTICS = (
    "Batch norm got a batched tensor as input while the running_mean or running_var, which will be updated in place, "
    "were not batched.\nIf you are using a module and do not need eval mode, please set `track_running_stats` to be "
    "False.If you are using a prebuilt module and do not need eval mode, please see the functorch website for "
    "resources on how to patch your module to work with vmap"
)


@fused
def _scaled(y: Any, weight: Any, bias: Any, shape: Axes) -> Any:
    if weight is not None:
        y = multiply(y, fnp.reshape(weight, shape))
    return y if bias is None else add(y, fnp.reshape(bias, shape))


def _standardised_read(keep: Any, x: Any, axes: Axes, eps: float, shape: Axes) -> Any:
    """With mean 0 and variance 1, of a mean and an inverse deviation that were saved in that shape. As the deviations
    from the mean are none on average, the variance does not move with it."""
    kept = tuple(n for i, n in enumerate(x.shape) if i not in axes) if shape == () else shape
    wide = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    mean = fnp.reshape(keep(fnp.reshape(fnp.mean(x, axis=axes), kept)), wide)
    off = x - stop_gradient(mean)
    deviation = keep(fnp.sqrt(fnp.reshape(fnp.mean(off * off, axis=axes), kept) + eps), fnp.reciprocal)
    return (x - mean) * fnp.reshape(fnp.reciprocal(deviation), wide)


@rounded_last
def _of_batch(x: Any, weight: Any, bias: Any, running: Sequence[Any], axes: Axes, shape: Axes, eps: float) -> Any:
    return _scaled(standardise(x, axes=axes, eps=eps), weight, bias, shape)


def _of_batch_read(
    keep: Any, x: Any, weight: Any, bias: Any, running: Sequence[Any], axes: Axes, shape: Axes, eps: float
) -> Any:
    for statistic in running:  # which the gradient does not read
        keep(statistic)
    return _scaled(_standardised_read(keep, x, axes, eps, ()), weight, bias, shape)


@rounded_last
@fused
def _of_statistics(x: Any, weight: Any, bias: Any, mean: Any, var: Any, shape: Axes, eps: float) -> Any:
    y = (x - fnp.reshape(mean, shape)) / fnp.sqrt(fnp.reshape(var, shape) + eps)
    return _scaled(y, weight, bias, shape)


def _of_statistics_read(
    keep: Any, x: Any, weight: Any, bias: Any, mean: Any, var: Any, shape: Axes, eps: float
) -> Any:
    mean, var = keep(mean), keep(var)
    for _ in range(2):  # the statistics of the batch, which are none
        keep(np.zeros(0, x.dtype))
    return _of_statistics(x, weight, bias, mean, var, shape, eps)


BATCH, BY_STATISTICS = (
    Kind("NativeBatchNormBackward0", "xy~", takes="012", reads=reads) for reads in (_of_batch_read, _of_statistics_read)
)


def _follow(input: Tensor, running: Tensor | None, momentum: float, statistic: Any) -> None:
    """Move a running statistic towards that of the batch, in place."""
    if running is not None:
        old = constant(running._read())
        if isinstance(statistic, Tracer) and not isinstance(old, Tracer):
            if scope.strict and scope.level > scope.derives:
                raise RuntimeError(BATCHED_STATISTICS)
            raise TypeError(TRACED_STATISTICS)
        moved = old * (1 - momentum) + fnp.astype(statistic, old.dtype) * momentum
        if mode.usual and running._writes_plainly(moved) and not running.is_inference():
            running._write_memory(moved, ())
        else:
            with no_grad():
                running.copy_(fresh(moved))


def _uncounted(running: Tensor | None) -> Tensor | None:
    """The same memory, in which writes are not counted: PyTorch's batch_norm, unlike instance_norm, counts none."""
    return None if running is None else running.data


def _need_one_dtype(input: Tensor, *parameters: Tensor | None) -> None:
    """PyTorch's error for parameters of another dtype; those of float16 may be float32."""
    own = input._read().dtype
    given = {t._read().dtype for t in parameters if t is not None}
    if given <= {own}:
        return
    if given != {np.dtype(np.float32)}:
        raise RuntimeError("mixed dtype (CPU): expect parameter to have scalar type of Float")
    if own != np.float16:
        raise RuntimeError("mixed dtype (CPU): all inputs must share same datatype.")


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel of ``(N, C, *)`` with mean 0 and variance 1.

    In training these are the batch's, which the running ones follow, in place; else they are the running ones.
    """
    shape = tuple(input.shape)
    dimension(1, len(shape))
    axes, channels = (0, *range(2, len(shape))), (1, -1, *(1,) * (len(shape) - 2))
    sized = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, given in sized.items():
        if given is not None and given.numel() != shape[1]:
            raise RuntimeError(f"{name} should contain {shape[1]} elements not {given.numel()}")
    refuse(input, "iubc", "batch_norm")
    _need_one_dtype(input, weight, bias, running_mean, running_var)
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("Expected running_mean and running_var to be defined when training=False")
        statistics = (running_mean, running_var)
        out = call(BY_STATISTICS, _of_statistics, input, weight, bias, *statistics, shape=channels, eps=eps)
        return out if mode.saver is not None else watch(out, running_mean, running_var)
    count = prod(shape[a] for a in axes)
    if count == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape}")
    running = [None if t is None else constant(t._read()) for t in (running_mean, running_var)]
    options = {"running": running, "axes": axes, "shape": channels, "eps": eps}
    out = like_images(call(BATCH, _of_batch, input, weight, bias, **options), input)
    if count and (running_mean is not None or running_var is not None):
        value = constant(input._read())
        _follow(input, _uncounted(running_mean), momentum, fnp.mean(value, axis=axes))
        _follow(input, _uncounted(running_var), momentum, fnp.var(value, axis=axes) * (count / (count - 1)))
    if mode.saver is not None:
        return out
    return watch(out, *(running for running in (running_mean, running_var) if running is not None))


def _composed_instances(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, *running: Tensor | None, eps: float
) -> Tensor:
    """As PyTorch composes it: all channels of a batch of one."""
    batch, channels = input.shape[:2]
    as_one = input.contiguous().view(1, batch * channels, *input.shape[2:])
    mean, var, scale, shift = (
        None if t is None else t.repeat(batch) for t in (*(running or (None, None)), weight, bias)
    )
    return batch_norm(as_one, mean, var, scale, shift, not running, 0.0, eps).view(input.shape)


INSTANCE = Kind("View", "xy~")
def _check_channels(input: Tensor, **given: Tensor | None) -> None:
    """PyTorch's error, which has the instances as channels of one."""
    batch, channels = input.shape[:2]
    for name, t in given.items():
        if t is not None and t.numel() != channels:
            raise RuntimeError(f"{name} should contain {batch * channels} elements not {batch * t.numel()}")


@rounded_last
def _of_instances(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    shape = (1, -1, *(1,) * (x.ndim - 2))
    return _scaled(standardise(x, axes=tuple(range(2, x.ndim)), eps=eps), weight, bias, shape)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel of each element of the batch with mean 0 and variance 1."""
    refuse(input, "iubc", "batch_norm")
    if (running_mean is None) != (running_var is None):
        raise ValueError("running_mean and running_var must either both be None or neither be None")
    _check_channels(input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if any(t is not None and t.dtype is not input.dtype for t in (weight, bias)) and input.dtype.itemsize > 2:
        raise RuntimeError(f"mixed dtype (CPU): expect parameter to have scalar type of {input.dtype.title}")
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
        shape = (1, -1, *(1,) * (input.dim() - 2))
        plain = partial(call, INSTANCE, _of_statistics, shape=shape)
        return composite(_composed_instances, plain, input, weight, bias, running_mean, running_var, eps=eps)
    count = input.shape[2:].numel()
    if count == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    out = contiguous(
        composite(_composed_instances, partial(call, INSTANCE, _of_instances), input, weight, bias, eps=eps)
    )
    if not input.shape[0]:  # the mean of no instances
        for running in (running_mean, running_var):
            _follow(input, running, momentum, np.full(input.shape[1], np.nan))
    elif count and (running_mean is not None or running_var is not None):
        value, axes = constant(input._read()), tuple(range(2, input.dim()))
        _follow(input, running_mean, momentum, fnp.mean(fnp.mean(value, axis=axes), axis=0))
        unbiased = fnp.var(value, axis=axes) * (count / (count - 1))
        _follow(input, running_var, momentum, fnp.mean(unbiased, axis=0))
    return out


@rounded_last
def _of_layer(x: Any, weight: Any, bias: Any, dims: int, eps: float) -> Any:
    y = standardise(x, axes=tuple(range(x.ndim - dims, x.ndim)), eps=eps)
    return y if weight is None and bias is None else _scaled(y, weight, bias, shape=x.shape[x.ndim - dims :])


def _of_layer_read(keep: Any, x: Any, weight: Any, bias: Any, dims: int, eps: float) -> Any:
    axes = tuple(range(x.ndim - dims, x.ndim))
    y = _standardised_read(keep, x, axes, eps, (*x.shape[: x.ndim - dims], *(1,) * dims))
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


LAYER = Kind("NativeLayerNormBackward0", "zxy~", takes="012", reads=_of_layer_read)


def _check_layer(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None, bias: Tensor | None, first: str = "*, "
) -> int:
    """PyTorch's errors; how many dimensions are normalised."""
    shape = list(normalized_shape)
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
            "normalized_shape = []"
        )
    for name, given in (("weight", weight), ("bias", bias)):
        if given is not None and list(given.shape) != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(given.shape)} and normalized_shape = {shape}"
            )
    if list(input.shape[-len(shape) :]) != shape:
        wanted = ", ".join(map(str, shape))
        raise RuntimeError(
            f"Given normalized_shape={shape}, expected input with shape [{first}{wanted}], but got input of "
            f"size{list(input.shape)}"
        )
    return len(shape)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """The last dimensions, which have that shape, with mean 0 and variance 1."""
    dims = _check_layer(input, normalized_shape, weight, bias)
    _need_one_dtype(input, weight, bias)
    refuse(input, "iubc", "LayerNormKernelImpl")
    return contiguous(call(LAYER, _of_layer, input, weight, bias, dims=dims, eps=eps))


@fused
def _over_size(x: Any, axes: Axes, eps: float) -> Any:
    return x / fnp.sqrt(fnp.mean(x * x, axis=axes, keepdims=True) + eps)


@rounded_last
def _by_root_mean_square(x: Any, weight: Any, dims: int, eps: float) -> Any:
    y = _over_size(x, axes=tuple(range(x.ndim - dims, x.ndim)), eps=eps)
    return y if weight is None else y * weight


def _composed_rms(input: Tensor, weight: Tensor | None, dims: int, eps: float) -> Tensor:
    mean = input.pow(2).mean(tuple(range(-dims, 0)), True)
    y = input * pointwise.rsqrt(pointwise.plus_number(mean, eps))
    return y if weight is None else y * weight


RMS = Kind("MulBackward0", "xy")


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """The last dimensions, which have that shape, divided by the root of the mean of their squares."""
    if input.dim() < len(normalized_shape):
        raise ValueError(f"Input tensor must have at least {len(normalized_shape)} dimensions, but got {input.dim()}")
    dims = _check_layer(input, normalized_shape, weight, None, "*")
    refuse(input, "iub", "rms_norm")
    kind = input._read().dtype
    eps = float(np.finfo(np.float32 if kind == np.float16 else kind).eps) if eps is None else eps
    return contiguous(
        composite(_composed_rms, partial(call, RMS, _by_root_mean_square), input, weight, dims=dims, eps=eps)
    )


@rounded_last
def _of_groups(x: Any, weight: Any, bias: Any, groups: int, eps: float) -> Any:
    y = standardise(fnp.reshape(x, (x.shape[0], groups, prod(x.shape[1:]) // groups)), axes=(2,), eps=eps)
    return _scaled(fnp.reshape(y, x.shape), weight, bias, (1, -1, *(1,) * (x.ndim - 2)))


def _of_groups_read(keep: Any, x: Any, weight: Any, bias: Any, groups: int, eps: float) -> Any:
    rows = fnp.reshape(x, (x.shape[0], groups, prod(x.shape[1:]) // groups))
    y = _standardised_read(keep, rows, (2,), eps, ())
    return _scaled(fnp.reshape(y, x.shape), weight, bias, (1, -1, *(1,) * (x.ndim - 2)))


GROUP = Kind("NativeGroupNormBackward0", "xy", takes="012", reads=_of_groups_read)


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Each group of channels of each element of the batch with mean 0 and variance 1."""
    if input.dim() < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.dim()}")
    channels = input.shape[1]
    input.shape[0] * channels // num_groups  # PyTorch's error for zero is Python's
    if num_groups < 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    if channels % num_groups:
        raise RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(input.shape)} and num_groups={num_groups}"
        )
    for name, given in (("weight", weight), ("bias", bias)):
        if given is not None and tuple(given.shape) != (channels,):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of "
                f"shape {list(given.shape)} and input of shape {list(input.shape)}"
            )
    _need_one_dtype(input, weight, bias)
    refuse(input, "iubc", "GroupNormKernelImpl")
    return like_images(call(GROUP, _of_groups, input, weight, bias, groups=num_groups, eps=eps), input)


def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """Divided by the p-norm along `dim`, or by `eps` where that is larger."""
    return input / norm(input, p, dim, True).clamp_min(eps).expand_as(input)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Divided by a power of the mean square over `size` channels around: Krizhevsky et al., 2012."""
    if input.dim() < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality                          input (got {input.dim()} dimensions)"
        )
    if not input.numel():
        return input
    batch, channels = input.shape[:2]
    border = (0, 0, size // 2, (size - 1) // 2)
    squares = pad(input.mul(input).view(batch, 1, channels, -1), border)
    means = avg_pool2d(squares, (size, 1), stride=1).view(input.shape)
    return input / means.mul(alpha).add(k).pow(beta)
