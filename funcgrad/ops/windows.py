"""Windows that slide along axes of an array, and sums of what overlaps: what convolutions and pooling are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.ops.families.linear import Linear
from funcgrad.ops.families.lowering import Statements, View

Ints = tuple[int, ...]


def window_counts(shape: Ints, axes: Ints, sizes: Ints, strides: Ints, dilations: Ints) -> Ints:
    """How many windows of a size fit along each axis."""
    reach = [(k - 1) * d + 1 for k, d in zip(sizes, dilations)]
    return tuple([max((shape[a] - r) // s + 1, 0) for a, r, s in zip(axes, reach, strides)])


def _windows_shape(x: Aval, axes: Ints, sizes: Ints, strides: Ints, dilations: Ints) -> Aval:
    shape = list(x.shape)
    for axis, count in zip(axes, window_counts(x.shape, axes, sizes, strides, dilations)):
        shape[axis] = count
    return Aval((*shape, *sizes), x.dtype)


def _windows(x: Any, axes: Ints, sizes: Ints, strides: Ints, dilations: Ints) -> np.ndarray:
    """A read-only view."""
    x = np.asarray(x)
    shape = _windows_shape(Aval(x.shape, x.dtype), axes, sizes, strides, dilations).shape
    if 0 in shape:
        return np.empty(shape, x.dtype)
    steps = list(x.strides)
    for axis, stride in zip(axes, strides):
        steps[axis] *= stride
    inner = [x.strides[axis] * dilation for axis, dilation in zip(axes, dilations)]
    return np.lib.stride_tricks.as_strided(x, shape, (*steps, *inner), writeable=False)


def _source(draw: Any, index: Sequence[Any], axes: Ints, strides: Ints, dilations: Ints) -> list[Any]:
    """Where an element of a window stands in the array."""
    rank = len(index) - len(axes)
    at = list(index[:rank])
    for n, (axis, stride, dilation) in enumerate(zip(axes, strides, dilations)):
        at[axis] = draw.sum(draw.at(at[axis], 0, stride), draw.at(index[rank + n], 0, dilation))
    return at


def _batch(prim: Any) -> Any:
    def batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        axes = tuple([axis + 1 for axis in params["axes"]])
        shape = {"shape": (size, *params["shape"])} if "shape" in params else {}
        return prim()(values[0], **{**params, "axes": axes, **shape})

    return batch


windows: Linear = Linear(
    "windows",
    _windows,
    shape=_windows_shape,
    pull=lambda ct, i, x, **params: overlap_add(ct, shape=x.shape, **params),
    batch=_batch(lambda: windows),
    lower=View(
        lambda draw, index, x, axes, sizes, strides, dilations: draw(0, _source(draw, index, axes, strides, dilations))
    ),
)
"""`windows(x, axes, sizes, strides, dilations)`: each axis counts windows, and behind all are those within one."""


def _overlap_add(v: np.ndarray, shape: Ints, axes: Ints, sizes: Ints, strides: Ints, dilations: Ints) -> np.ndarray:
    """One addition for each place in a window."""
    out = np.zeros(shape, v.dtype)
    part = [slice(None)] * len(shape)
    for offsets in np.ndindex(*sizes):
        for axis, offset, stride, dilation in zip(axes, offsets, strides, dilations):
            start = offset * dilation
            part[axis] = slice(start, start + v.shape[axis] * stride, stride)
        target = out[tuple(part)]
        target += v[(..., *offsets)][tuple(slice(n) for n in target.shape)]
    return out


def _adding(build: Any, v: Aval, shape: Ints, axes: Ints, sizes: Ints, strides: Ints, dilations: Ints) -> None:
    build.all(lambda draw, index: draw.zero())
    build.update(v.shape, lambda draw, index: (_source(draw, index, axes, strides, dilations), draw(0, index)), "sum")


overlap_add: Linear = Linear(
    "overlap_add",
    _overlap_add,
    shape=lambda v, shape, **params: Aval(shape, v.dtype),
    pull=lambda ct, i, v, shape, **params: windows(ct, **params),
    batch=_batch(lambda: overlap_add),
    lower=Statements(_adding, fits=lambda v, **params: v.size > 0),
)
"""The transpose of `windows`: an array in which each element is the sum of all that windows took from it."""
