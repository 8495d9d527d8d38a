"""Pooling by windows that stand at places by chance, so that any output size is possible.

Graham, "Fractional max-pooling", 2014.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.torch._ops.random import rand
from funcgrad.torch._ops.values import gather, reshape
from funcgrad.torch._record.calls import Kind, call_with
from funcgrad.torch._record.operands import refuse
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.nn.functional.sizes import per_dim
from funcgrad.torch.nn.functional.windows import Ints, how_many

KINDS = {n: Kind(f"FractionalMaxPool{n}DBackward0", "xi") for n in (2, 3)}
SIDES = {2: ("height", "width"), 3: ("time", "height", "width")}
LENGTHS = {2: "tuple of Ints", 3: "tuple of three Ints"}
DRAWN = {2: (1, 0), 3: (0, 1, 2)}
"""Which of the random numbers is for which dimension."""


def _starts(samples: np.ndarray, n: int, count: int, window: int) -> np.ndarray:
    """Where windows begin, ``(*, count)``, from a random number for each channel of each image."""
    if count <= 1:
        return np.full((*samples.shape, count), n - window)
    step = samples.dtype.type(n - window) / samples.dtype.type(count - 1)
    u = samples[..., None]
    starts = ((np.arange(count, dtype=samples.dtype) + u) * step).astype(np.int64) - (u * step).astype(np.int64)
    starts[..., -1] = n - window
    return starts


def _places(samples: np.ndarray, sizes: Ints, counts: Ints, window: Ints) -> np.ndarray:
    """Where in the flattened space the elements of windows stand: ``(N, C, windows, window)``."""
    ahead = samples.shape[:-1]
    at = np.zeros((*ahead, 1, 1), np.int64)
    for draw, n, count, k in zip(DRAWN[len(sizes)], sizes, counts, window):
        along = _starts(samples[..., draw], n, count, k)[..., None] + np.arange(k)
        at = at[..., :, None, :, None] * n + along[..., None, :, None, :]
        at = at.reshape(*ahead, at.shape[-4] * at.shape[-3], at.shape[-2] * k)
    return at


def _largest(v: Any, places: np.ndarray) -> Any:
    """The place of the first of the largest elements of each window, or of its last NaN; of ``(N, C, space)``."""
    *ahead, windows, window = places.shape
    candidates = fnp.take_along_axis(v, places.reshape(*ahead, windows * window), axis=-1)
    candidates = fnp.reshape(candidates, (*ahead, windows, window))
    nans = fnp.isnan(candidates)
    last = window - 1 - fnp.argmax(fnp.flip(nans, -1), axis=-1)
    best = fnp.where(fnp.any(nans, axis=-1), last, fnp.argmax(candidates, axis=-1))
    return fnp.take_along_axis(places, best[..., None], axis=-1)[..., 0]


def _taken(x: Any, at: Any) -> Any:
    return gather(reshape(x, shape=(prod(x.shape),)), at)


def _sizes_of(function: str, input: Tensor, space: int, window: Ints, output_size: Any) -> Ints:
    """The sizes of the output; PyTorch's errors."""
    words = f"must either be a single Int or {LENGTHS[space]}"
    if how_many(output_size) not in (1, space):
        raise RuntimeError(f"{function}: output_size {words}")
    counts = per_dim(output_size, space)
    batched = input.dim() == space + 2
    for axis in range(int(batched), input.dim()):
        if not input.shape[axis]:
            raise RuntimeError(
                f"{function}(): Expected input to have non-zero size for non-batch dimensions, but "
                f"got{list(input.shape)} with dimension {axis} being empty."
            )
    called = f"{function}()" if space == 2 else f"{function}_out()"
    for side, n, count, k in zip(SIDES[space], input.shape[-space:], counts, window):
        if k < 1:
            raise RuntimeError(f"{called}: kernel_size has to be 1 at least, but got {k}")
        if count + k - 1 > n - (space - 2):  # PyTorch's check of volumes leaves one element more
            raise RuntimeError(f"{called}: pool {side} {k} too large relative to input {side} {n}")
    return counts


def _check_samples(samples: Tensor, input: Tensor, images: int, channels: int, space: int) -> None:
    if samples.dtype is not input.dtype:
        raise RuntimeError("Expect _random_samples to have the same dtype as input")
    if samples.dim() != 3:
        raise RuntimeError(f"Expect _random_samples to have 3 dimensions; got {samples.dim()}")
    if samples.shape[0] < images:
        raise RuntimeError("Expect _random_samples.size(0) no less then input batch size.")
    for axis, wanted in ((1, channels), (2, space)):
        if samples.shape[axis] != wanted:
            raise RuntimeError(f"Expect _random_samples.size({axis}) equals to {wanted}; got {samples.shape[axis]}.")


def _made(space: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    name = f"fractional_max_pool{space}d"

    def with_indices(
        input: Tensor,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = True,
        _random_samples: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The largest element of each of as many windows as `output_size` says, and where they stand."""
        if output_size is None:
            output_size = _by_ratio(name, input, space, output_ratio)
        dimension(-space - 1, input.dim())
        images = input.shape[0] if input.dim() == space + 2 else 1
        channels = input.shape[-space - 1]
        samples = _random_samples
        if samples is None:
            samples = rand(images, channels, space, dtype=input.dtype)
        if how_many(kernel_size) not in (1, space):
            raise RuntimeError(f"{name}: kernel_size must either be a single Int or {LENGTHS[space]}")
        window = per_dim(kernel_size, space)
        counts = _sizes_of(name, input, space, window, output_size)
        _check_samples(samples, input, images, channels, space)
        refuse(input, "iubc", f"{name}_out_frame")
        sizes: Ints = tuple(input.shape[-space:])
        v = fnp.reshape(constant(input._read()), (images, channels, prod(sizes)))
        drawn = samples._array(f"`{name}`")[:images]
        chosen = _largest(v, _places(drawn, sizes, counts, window))
        first = np.arange(images * channels).reshape(images, channels, 1) * prod(sizes)
        shape = (*input.shape[:-space], *counts)
        where = fresh(fnp.reshape(chosen, shape))
        return call_with((where,), KINDS[space], _taken, input, at=fnp.reshape(chosen + first, shape)), where

    def fractional(
        input: Tensor,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> Any:
        """The largest element of each of as many windows, which stand by chance, as `output_size` says, or the part
        `output_ratio` of the input's; with `return_indices` also where they stand."""
        found = with_indices(input, kernel_size, output_size, output_ratio, True, _random_samples)
        return found if return_indices else found[0]

    fractional.__name__ = fractional.__qualname__ = name
    with_indices.__name__ = with_indices.__qualname__ = f"{name}_with_indices"
    return fractional, with_indices


def _by_ratio(name: str, input: Tensor, space: int, ratio: Any) -> list[int]:
    if ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    if how_many(ratio) > space:
        raise ValueError(f"{name} requires output_ratio to either be a single Int or tuple of Ints.")
    return [int(n * r) for n, r in zip(input.shape[-space:], per_dim(ratio, space))]


fractional_max_pool2d, fractional_max_pool2d_with_indices = _made(2)
fractional_max_pool3d, fractional_max_pool3d_with_indices = _made(3)
