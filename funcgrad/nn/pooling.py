"""Pooling: reductions over windows of `(*batch, *space, features)`, with flax's signatures."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from funcgrad.lax import operators as lo
from funcgrad.lax.convolutions import Padding, reduce_window
from funcgrad.numpy.dispatch import Array
from funcgrad.ops.operands import as_inexact

__all__ = ["avg_pool", "max_pool", "min_pool"]


def _pooled(
    inputs: Array,
    start: float,
    computation: object,
    window: Sequence[int],
    strides: Sequence[int] | None,
    padding: Padding,
) -> Array:
    x = as_inexact(inputs)
    ahead = x.ndim - len(window) - 1
    if ahead < 0:
        raise ValueError(f"a window of {len(window)} axes does not fit into (*space, features) of shape {x.shape}")
    steps = (1,) * len(window) if strides is None else tuple(strides)
    if not isinstance(padding, str):
        padding = [(0, 0)] * ahead + list(padding) + [(0, 0)]
    full, moves = ((*(1,) * ahead, *sizes, 1) for sizes in (window, steps))
    return reduce_window(x, x.dtype.type(start), computation, full, moves, padding)  # type: ignore[arg-type]


def max_pool(
    inputs: Array, window_shape: Sequence[int], strides: Sequence[int] | None = None, padding: Padding = "VALID"
) -> Array:
    """The largest in each window.

    Args:
        inputs: ``(*batch, *space, features)``.
        window_shape: the window's length along the axes of space.
        strides: how far it moves, 1 by default.
        padding: "VALID", "SAME", or pairs for the axes of space.

    Example:
        >>> max_pool(np.arange(4.0).reshape(1, 4, 1), (2,), (2,)).ravel()
        array([1., 3.])
    """
    return _pooled(inputs, -np.inf, lo.max, window_shape, strides, padding)


def min_pool(
    inputs: Array, window_shape: Sequence[int], strides: Sequence[int] | None = None, padding: Padding = "VALID"
) -> Array:
    """The smallest in each window; parameters as for `max_pool`."""
    return _pooled(inputs, np.inf, lo.min, window_shape, strides, padding)


def avg_pool(
    inputs: Array,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Padding = "VALID",
    count_include_pad: bool = True,
) -> Array:
    """The mean of each window; parameters as for `max_pool`. `count_include_pad`: what is padded counts as zeros.

    Example:
        >>> avg_pool(np.arange(4.0).reshape(1, 4, 1), (2,), (2,)).ravel()
        array([0.5, 2.5])
    """
    total = _pooled(inputs, 0.0, lo.add, window_shape, strides, padding)
    if count_include_pad:
        return total / prod(window_shape)
    return total / _pooled(np.ones(np.shape(inputs), total.dtype), 0.0, lo.add, window_shape, strides, padding)
