"""Differences of neighbours, and sums of trapezoids, composed as in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.torch._ops.compare import logical_xor
from funcgrad.torch._ops.join import cat
from funcgrad.torch._ops.pointwise import add_, check_no_bools, div_, mul, over_number, sub_, times_number
from funcgrad.torch._ops.reduce import cumsum, sum
from funcgrad.torch._ops.select import copied
from funcgrad.torch._ops.shape import narrow, select
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, need_tensor
from funcgrad.torch._record.operands import number
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor, fresh

COPIED = Kind("CopyBackwards")


@named(out=True)
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """The differences of neighbours along `dim`, n times; `prepend` and `append` are joined before."""
    need_tensor(input, "diff")
    if not input.dim():
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    if not n:
        return call(COPIED, copied, input)
    axis = dimension(dim, input.dim())
    parts = [t for t in (prepend, input, append) if t is not None]
    for t in parts:
        if t.dim() != input.dim():
            raise RuntimeError("diff expects prepend or append to be the same dimension as input")
        for d, (n_own, n_other) in enumerate(zip(input.shape, t.shape)):
            if d != axis and n_own != n_other:
                raise RuntimeError(
                    "diff expects the shape of tensor to prepend or append to match that of input except along the "
                    f"differencing dimension; input.size({d}) = {n_own}, but got tensor.size({d}) = {n_other}"
                )
    x = cat(parts, axis) if len(parts) > 1 else input
    less = logical_xor if x.dtype is dtypes.bool else sub_
    for _ in range(n):
        if not x.shape[axis]:
            break
        x = less(_without(x, axis, 1, 0), _without(x, axis, 0, 1))
    return x


def _without(x: Tensor, axis: int, first: int, last: int) -> Tensor:
    """A view without so many at the beginning and at the end."""
    left = x.shape[axis] - first - last
    return narrow(x, axis, min(first, x.shape[axis]), max(left, 0))


def _spacings(y: Tensor, x: Tensor | None, dx: Any, axis: int, function: str) -> Any:
    """The widths of the trapezoids, that broadcast to `y`: a number, or a tensor."""
    if dtypes.bool in (y.dtype, None if x is None else x.dtype):
        which = "`y`" if x is None else "`x` or `y`"
        raise RuntimeError(f"{function}: received a bool input for {which}, but bool is not supported")
    if x is None:
        if isinstance(dx, (bool, complex)):
            raise RuntimeError(f"{function}: Currently, we only support dx as a real number.")
        return number(1 if dx is None else dx)
    if x.dim() == 1:
        if x.shape[0] != y.shape[axis]:
            raise RuntimeError(f"{function}: There must be one `x` value for each sample point")
        x = x.reshape([x.shape[0] if d == axis else 1 for d in range(y.dim())])
    elif x.dim() < y.dim():
        x = x.reshape((1,) * (y.dim() - x.dim()) + tuple(x.shape))
    return sub_(_without(x, axis, 1, 0), _without(x, axis, 0, 1))


@named("trapz", method=False)
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integral along `dim` by the trapezoidal rule, of values at `x`, or `dx` apart (1 by default)."""
    need_tensor(y, "trapezoid")
    axis = dimension(dim, y.dim())
    if not y.dim():
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    if not y.shape[axis]:
        return fresh(np.zeros(y.shape[:axis] + y.shape[axis + 1 :], y._read().dtype))
    width = _spacings(y, x, dx, axis, "trapezoid")
    if isinstance(width, Tensor):
        return over_number(sum(mul(add_(_without(y, axis, 1, 0), _without(y, axis, 0, 1)), width), axis), 2.0)
    ends = add_(select(y, axis, 0), select(y, axis, -1))
    return times_number(sub_(sum(y, axis), times_number(ends, 0.5)), width)


@named(method=False)
def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The running integral along `dim`: `trapezoid` of the first two values, of three, and so on."""
    need_tensor(y, "cumulative_trapezoid")
    if not y.dim():
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    axis = dimension(dim, y.dim())
    width = _spacings(y, x, dx, axis, "cumulative_trapezoid")
    pairs = add_(_without(y, axis, 1, 0), _without(y, axis, 0, 1)) if y.shape[axis] else add_(y, y)
    if isinstance(width, Tensor):
        return over_number(cumsum(mul(pairs, width), axis), 2.0)
    return cumsum(times_number(pairs, width / 2.0), axis)


# Gradients of samples


@named(method=False)
def gradient(
    input: Tensor, *, spacing: Any = 1, dim: int | Sequence[int] | None = None, edge_order: int = 1
) -> tuple[Tensor, ...]:
    """The derivatives along dimensions by central differences of neighbours; one-sided ones at the edges.

    `spacing` is the distance of neighbours, one for each dimension, or the coordinates, a vector for each. Between
    uneven coordinates the formula is that of `numpy.gradient`.
    """
    need_tensor(input, "gradient")
    several = isinstance(spacing, (list, tuple))
    dims = range(input.dim()) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    _check_gradient(input, len(spacing) if several else None, dim, dims, edge_order)
    check_no_bools(input, input)
    axes = [dimension(d, input.dim()) for d in dims]
    return tuple(
        [
            _on_axis(input, axis, number(spacing[i] if several else spacing), edge_order)
            for i, axis in enumerate(axes)
        ]
    )


def _check_gradient(input: Tensor, count: int | None, dim: Any, dims: Sequence[int], edge_order: int) -> None:
    if input.dtype is dtypes.uint8:
        raise RuntimeError("torch.gradient does not support uint8 input.")
    if count is not None and dim is None and count != input.dim():
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar, or a list of length equal to 'self.dim() = "
            f"{input.dim()}', since dim argument was not given, but got a list of length {count}"
        )
    if count is not None and dim is not None and count != len(dims):
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim arguments to have the "
            f"same length, but got a spacing argument of length {count} and a dim argument of length {len(dims)}."
        )
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    axes = [dimension(d, input.dim()) for d in dims]
    for axis in axes:
        if axes.count(axis) > 1:
            raise RuntimeError(f"dim {axis} appears multiple times in the list of dims")
        if input.shape[axis] < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")


def _on_axis(x: Tensor, axis: int, spacing: Any, edge_order: int) -> Tensor:
    if isinstance(spacing, Tensor) and spacing.dim():
        return _uneven(x, axis, diff(spacing), edge_order)
    n = x.shape[axis]

    def at(start: int, length: int = 1) -> Tensor:
        return narrow(x, axis, start % n, length)

    def over(y: Tensor, width: Any) -> Tensor:
        return div_(y, width) if isinstance(width, Tensor) else over_number(y, width)

    middle = over(sub_(at(2, n - 2), at(0, n - 2)), 2 * spacing) if n > 2 else None
    if edge_order == 1:
        first, last = over(sub_(at(1), at(0)), spacing), over(sub_(at(-1), at(-2)), spacing)
    else:
        first = over(-1.5 * at(0) + 2 * at(1) - 0.5 * at(2), spacing)
        last = over(0.5 * at(-3) - 2 * at(-2) + 1.5 * at(-1), spacing)
    return cat([part for part in (first, middle, last) if part is not None], axis)


def _uneven(x: Tensor, axis: int, widths: Any, edge_order: int) -> Tensor:
    """Differences of second degree between coordinates that are so far apart (Fornberg, 1988)."""
    n = x.shape[axis]
    shape = [-1 if d == axis else 1 for d in range(x.dim())]

    def at(start: int, length: int = 1) -> Tensor:
        return narrow(x, axis, start % n, length)

    left, right = (w.reshape(shape) for w in (widths[:-1], widths[1:]))
    both = left + right
    parts = []
    if n > 2:
        inner = -right / (left * both) * at(0, n - 2) + (right - left) / (left * right) * at(1, n - 2)
        parts = [inner + left / (right * both) * at(2, n - 2)]
    if edge_order == 1:
        first, last = (at(1) - at(0)) / widths[0], (at(-1) - at(-2)) / widths[-1]
    else:
        a, b = widths[0], widths[1]
        first = -(2 * a + b) / (a * (a + b)) * at(0) + (a + b) / (a * b) * at(1) - a / (b * (a + b)) * at(2)
        a, b = widths[-2], widths[-1]
        last = b / (a * (a + b)) * at(-3) - (a + b) / (a * b) * at(-2) + (2 * b + a) / (b * (a + b)) * at(-1)
    return cat([first, *parts, last], axis)
