"""Dropout, with the random numbers of PyTorch's generator."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.warned import warn
from funcgrad.torch._ops.inplace import in_place
from funcgrad.torch._ops.memory_order import laid_out, order_of
from funcgrad.torch._ops.pointwise import add, mul
from funcgrad.torch._ops.random import default_generator
from funcgrad.torch._record.calls import lie
from funcgrad.torch._record.operands import refuse
from funcgrad.torch._tensor.tensor import Tensor, fresh


def kept(shape: tuple[int, ...], p: float, dtype: np.dtype, like: Tensor | None = None) -> np.ndarray:
    """1 with probability 1 - p, else 0; drawn along the memory of a tensor of that shape where it is given."""
    draws = default_generator.uniform(int(np.prod(shape)), np.dtype(np.float64))
    ones = (draws < 1 - p).astype(dtype)
    return ones.reshape(shape) if like is None else laid_out(ones, like)


def noise(shape: tuple[int, ...], p: float, dtype: np.dtype, like: Tensor | None = None) -> np.ndarray:
    """A mask whose mean is 1."""
    return kept(shape, p, dtype, like) / dtype.type(1 - p) if p < 1 else np.zeros(shape, dtype)


def _check(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if p != p:
        raise RuntimeError("dropout probability has to be between 0 and 1, but got nan")


def _is_kept(input: Tensor, p: float, training: bool) -> bool:
    """Whether nothing is dropped; PyTorch's error for what can be divided by no fraction."""
    if not training or p == 0 or not input.numel():
        return True
    if p < 1:
        refuse(input, "c", "bernoulli_scalar_cpu_")
    if p < 1 and input._read().dtype.kind not in "fc":
        raise RuntimeError(f"result type Float can't be cast to the desired output type {input.dtype.title}")
    return False


def _dropped(input: Tensor, shape: tuple[int, ...] | None, p: float, training: bool, inplace: bool) -> Tensor:
    """Times a mask of that shape, else of the tensor's."""
    if _is_kept(input, p, training):
        return input
    mask = noise(shape or tuple(input.shape), p, input._read().dtype, None if shape else input)
    if inplace:
        return in_place(mul)(input, fresh(mask))
    return lie(mul(input, fresh(mask)), order_of(input))


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training, elements are zero with probability p, and the others divided by 1 - p."""
    _check(p)
    return _dropped(input, None, p, training, inplace)


def of_channels(input: Tensor, p: float, training: bool, inplace: bool, batched: bool) -> Tensor:
    """`dropout` of whole channels, which are the second dimension, or without a batch the first."""
    shape = input.shape if batched else (1, *input.shape)
    mask = (*shape[:2], *(1,) * (len(shape) - 2))
    return _dropped(input, mask if batched else mask[1:], p, training, inplace)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of ``(N, C, L)`` or ``(C, L)``."""
    _check(p)
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input. Note that dropout1d exists to "
            "provide channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional "
            "batch dimension (i.e. 2D or 3D inputs)."
        )
    return of_channels(input, p, training, inplace, input.dim() == 3)


NO_CHANNELS = (
    "dropout{n}d: Received a {rank}-D input to dropout{n}d, which is deprecated and will result in an error in a "
    "future release. To retain the behavior and silence this warning, please use dropout instead. Note that "
    "dropout{n}d exists to provide channel-wise dropout on inputs with {n} spatial dimensions, a channel dimension, "
    "and an optional batch dimension (i.e. {ranks} inputs)."
)
CHANNELS_OF_SERIES = (
    "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired - input "
    "is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a future release to "
    "interpret the input as one without a batch dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise "
    "dropout behavior, please switch to using dropout1d instead."
)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of ``(N, C, H, W)``."""
    _check(p)
    if input.dim() not in (3, 4):
        warn(NO_CHANNELS.format(n=2, rank=input.dim(), ranks="3D or 4D"), UserWarning)
    elif input.dim() == 3:
        warn(CHANNELS_OF_SERIES, UserWarning)
    return of_channels(input, p, training, inplace, True)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of ``(N, C, D, H, W)`` or ``(C, D, H, W)``."""
    _check(p)
    if input.dim() not in (4, 5):
        warn(NO_CHANNELS.format(n=3, rank=input.dim(), ranks="4D or 5D"), UserWarning)
    return of_channels(input, p, training, inplace, input.dim() == 5)


SATURATED = 1.7580993408473766
"""What a SELU is far on the negative side, with the sign changed: its scale times its alpha."""


def _dropped_low(input: Tensor, shape: tuple[int, ...] | None, p: float, training: bool, inplace: bool) -> Tensor:
    _check(p)
    if _is_kept(input, p, training):
        return input
    dtype: Any = input._read().dtype
    times, plus = (in_place(mul), in_place(add)) if inplace else (mul, add)
    if p == 1:
        return times(input, fresh(np.zeros((), dtype)))
    mask = kept(shape or tuple(input.shape), p, dtype, None if shape else input)
    scale = 1.0 / np.sqrt((SATURATED**2 * p + 1) * (1 - p))
    shift = (mask - 1) * (SATURATED * scale) + SATURATED * scale * p
    return plus(times(input, fresh((mask * scale).astype(dtype))), fresh(shift.astype(dtype)))


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps mean 0 and variance 1 behind a SELU: dropped elements have its lowest value."""
    return _dropped_low(input, None, p, training, inplace)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """`alpha_dropout` of whole channels of ``(N, C, *)``."""
    return _dropped_low(input, (*input.shape[:2], *(1,) * (input.dim() - 2)), p, training, inplace)
