"""What pooling took, back at its places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.ops.subscript import update
from funcgrad.torch._ops.memory_order import like_images
from funcgrad.torch._record.calls import Kind, call_with
from funcgrad.torch._record.operands import refuse
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.functional.sizes import per_dim

Ints = tuple[int, ...]
KINDS = Kind("SqueezeBackward1"), Kind("MaxUnpool2DBackward0", "-"), Kind("MaxUnpool3DBackward0", "-")


def _placed(x: Any, at: Any, sizes: Ints) -> Any:
    """Zeros with the elements of each channel at their places; of several for one place the last, with all
    derivatives."""
    space = len(sizes)
    ahead = x.shape[: x.ndim - space]
    places = at + np.arange(prod(ahead)).reshape(*ahead, *(1,) * space) * prod(sizes)
    empty, places, v = np.zeros(prod(ahead) * prod(sizes), x.dtype), fnp.reshape(places, (-1,)), fnp.reshape(x, (-1,))
    out = update(empty, places, v, "add")
    if isinstance(places, Tracer) or len(np.unique(places)) < len(places):
        out = constant(update(empty, places, constant(v), "set")) + (out - constant(out))
    return fnp.reshape(out, (*ahead, *sizes))


def _sizes(
    input: Tensor, window: Ints, stride: Ints, padding: Ints, given: Sequence[int] | None
) -> Ints:
    space = len(window)
    plain = tuple((n - 1) * s + k - 2 * p for n, k, s, p in zip(input.shape[-space:], window, stride, padding))
    if given is None:
        for axis, n in enumerate(plain):
            if n < 0:
                raise ValueError(
                    "max_unpooling: output_size must contain non-negative spatial dimensions, but got "
                    f"output_size[{axis}]={n}"
                )
        return plain
    wanted = tuple(given)[2:] if len(given) == space + 2 else tuple(given)
    if len(wanted) != space:
        raise ValueError(
            f"output_size should be a sequence containing {space} or {space + 2} elements, but it has a length of "
            f"'{len(wanted)}'"
        )
    for d, (n, most, s) in enumerate(zip(wanted, plain, stride)):
        if not most - s < n < most + s:
            raise ValueError(f'invalid output_size "{wanted}" (dim {d} must be between {most - s} and {most + s})')
    return wanted


def _check(input: Tensor, indices: Tensor, sizes: Ints, space: int) -> None:
    more = [1] if space == 1 else []  # the dimension that PyTorch adds
    if indices._read().dtype != np.int64:
        raise RuntimeError(f"elements in indices should be type int64 but got: {indices.dtype.title}")
    if input.dim() not in (space + 1, space + 2):
        raise RuntimeError(
            f"Input to max_unpooling{space}d should be a {space + 1}d or {space + 2}d Tensor, but got a tensor with "
            f"{input.dim()} dimensions."
        )
    if input.shape != indices.shape:
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor ({[*input.shape, *more]}) but got "
            f"indices tensor with shape: {[*indices.shape, *more]}"
        )
    refuse(input, "iubc", f"max_unpool{max(space, 2)}d")
    at = constant(indices._read())
    if not isinstance(at, Tracer):
        wrong = at[(at < 0) | (at >= prod(sizes))]
        if wrong.size:
            raise RuntimeError(
                f"Found an invalid max index: {wrong.reshape(-1)[0]} (output volumes are of size "
                f"{'x'.join(map(str, (*sizes, *more)))})"
            )


def _max_unpool(space: int) -> Callable[..., Tensor]:
    name = f"max_unpool{space}d"

    def max_unpool(
        input: Tensor,
        indices: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        output_size: Sequence[int] | None = None,
    ) -> Tensor:
        """Zeros, but for the elements of `input` at the places that `max_pool` with `return_indices` told."""
        window = per_dim(kernel_size, space)
        steps = window if stride is None else per_dim(stride, space)
        sizes = _sizes(input, window, steps, per_dim(padding, space), output_size)
        _check(input, indices, sizes, space)
        found = call_with((indices,), KINDS[space - 1], _placed, input, at=constant(indices._read()), sizes=sizes)
        return like_images(found, input)

    max_unpool.__name__ = max_unpool.__qualname__ = name
    return max_unpool


max_unpool1d, max_unpool2d, max_unpool3d = map(_max_unpool, (1, 2, 3))
