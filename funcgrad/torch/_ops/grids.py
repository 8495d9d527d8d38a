"""Stacks, blocks, products and grids of several tensors; quarter turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations as combined
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.ops.subscript import getitem, update
from funcgrad.torch._ops import inplace
from funcgrad.torch._ops.join import cat, flip, stack
from funcgrad.torch._ops.memory_order import order_of
from funcgrad.torch._ops.parts import atleast_1d, atleast_2d, atleast_3d
from funcgrad.torch._ops.reduce import cumprod, sum
from funcgrad.torch._ops.shape import expand, flatten, narrow, reshape, select, sizes_of, unsqueeze, view_as_shape
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, lie, need_tensor
from funcgrad.torch._record.operands import check_broadcast, need_elements, promote
from funcgrad.torch._tensor.messages import warn_once
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor, fresh

BLOCK_DIAG, ROT90, MASKED_SELECT = Kind("BlockDiag"), Kind("Rot90"), Kind("MaskedSelect", "-")
INDEXING = "torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument."


def _stacked(name: str, raised: Callable[..., Any], dim: Callable[[Tensor], int], doc: str, *aliases: str) -> Any:
    def joined(tensors: Any) -> Tensor:
        xs = list(tensors)
        if not xs:
            raise RuntimeError(f"{name} expects a non-empty TensorList")
        xs = list(raised(xs))
        return cat(xs, dim(xs[0]))

    joined.__name__ = joined.__qualname__ = name
    joined.__doc__ = doc
    return named(*aliases, method=False, out=True)(joined)


def _columns(xs: list[Tensor]) -> list[Tensor]:
    return [reshape(x, (x.numel(), 1)) if x.dim() < 2 else x for x in xs]


hstack = _stacked("hstack", atleast_1d, lambda x: min(x.dim() - 1, 1), "Joined side by side.")
vstack = _stacked("vstack", atleast_2d, lambda x: 0, "Joined one below the other.", "row_stack")
dstack = _stacked("dstack", atleast_3d, lambda x: 2, "Joined along the third dimension.")
column_stack = _stacked("column_stack", _columns, lambda x: 1, "Joined as columns.")


@named(method=False)
def block_diag(*tensors: Any) -> Tensor:
    """The matrix with the given ones along its diagonal."""
    if not tensors:
        return fresh(np.zeros((1, 0), np.float32))
    need_elements(tensors)
    for i, x in enumerate(tensors):
        if x.dim() > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {x.dim()} dimensions"
            )
    xs = promote(*tensors)
    shapes = [(1,) * (2 - x.dim()) + x.shape for x in xs]

    def blocks(*vs: Any) -> Any:
        out: Any = np.zeros(tuple(np.sum(shapes, 0)), vs[0].dtype)
        row = column = 0
        for v, (n, m) in zip(vs, shapes):
            out = update(out, (slice(row, row + n), slice(column, column + m)), fnp.reshape(v, (n, m)), "set")
            row, column = row + n, column + m
        return out

    return call(BLOCK_DIAG, blocks, *xs)


def _vectors(tensors: tuple[Any, ...]) -> list[Tensor]:
    found = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)
    for x in found:
        if x.dim() != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.shape)}")
    return found


@named(method=False)
def cartesian_prod(*tensors: Any) -> Tensor:
    """All choices of one element of each vector, as rows."""
    need_elements(tensors)
    vectors = _vectors(tensors)
    if len(vectors) == 1:
        return vectors[0]
    return stack([flatten(x) for x in meshgrid(*vectors, indexing="ij")], 1)


@named()
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of `r` elements of a vector, in its order, as rows."""
    need_tensor(input, "combinations")
    _vectors((input,))
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if not r:
        return fresh(np.zeros(0, input._read().dtype))
    choose = combinations_with_replacement if with_replacement else combined
    rows = np.array(list(choose(range(input.numel()), r)), np.int64).reshape(-1, r)
    return stack([call(MASKED_SELECT, lambda v, at=column: getitem(v, at), input) for column in rows.T], 1)


@named(method=False)
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """The coordinates of a grid: "ij" has the first vector along the first dimension, "xy" along the second."""
    xs = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)
    if indexing is None:
        warn_once(INDEXING)
    need_elements(xs)
    if not xs:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if any(x.dtype is not xs[0].dtype for x in xs):
        raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    for x in xs:
        if x.dim() > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {x}")
    swapped = indexing == "xy" and len(xs) > 1
    ordered = [xs[1], xs[0], *xs[2:]] if swapped else xs
    shape = tuple(x.numel() for x in ordered)
    grids = [
        expand(reshape(x, (1,) * i + (x.numel(),) + (1,) * (len(xs) - 1 - i)), *shape) for i, x in enumerate(ordered)
    ]
    if swapped:
        grids[:2] = grids[1], grids[0]
    return tuple(grids)


@named(method=False)
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Views in their common shape."""
    xs = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)
    need_elements(xs)
    shape: tuple[int, ...] = ()
    for x in xs:
        check_broadcast(shape, x.shape)
        shape = np.broadcast_shapes(shape, x.shape)
    return tuple(x if x.shape == shape else expand(x, *shape) for x in xs)


@named()
def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Turned by 90 degrees `k` times, from the first of two dimensions to the second."""
    given = list(dims)
    if len(given) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(given)}")
    if input.dim() < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.dim()}")
    axes: Any = tuple(dimension(d, input.dim()) for d in given)
    if given[0] == given[1] or abs(given[0] - given[1]) == input.dim():
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {given[0]} and dim1 = {given[1]}"
        )
    out, order = call(ROT90, lambda v: fnp.rot90(v, k, axes), input), order_of(input)
    exchanged = dict(zip(axes, axes[::-1])) if k % 2 else {}
    return lie(out, tuple(exchanged.get(d, d) for d in order))


@named()
def fliplr(input: Tensor) -> Tensor:
    """Columns in reversed order."""
    if input.dim() < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@named()
def flipud(input: Tensor) -> Tensor:
    """Rows in reversed order."""
    if input.dim() < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


@named(method=False)
def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """The places in a shape of the elements with these numbers, a tensor for each dimension."""
    if indices.is_complex() or indices._read().dtype.kind not in "iu":
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    if not isinstance(shape, (int, Sequence)):
        raise TypeError(f"expected 'shape' to be int or sequence of ints, but got {type(shape)}")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    for n in sizes:
        if not isinstance(n, int):
            raise TypeError(f"expected 'shape' sequence to only contain ints, but got {type(n)}")
    if any(n < 0 for n in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {sizes}")
    if 0 in sizes and indices.numel():
        raise RuntimeError("ZeroDivisionError")
    left = indices._array("Numbers of elements")
    found = []
    for n in reversed(sizes):
        left, place = np.divmod(left, n)
        found.append(fresh(place))
    return tuple(reversed(found))


@named(method=False)
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of a vector's elements, in rows; the highest first unless `increasing`.

    As in PyTorch, which fills a matrix in place, a backward pass raises.
    """
    if x.dim() != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    n = x.numel() if N is None else N
    if n < 0:
        raise RuntimeError("N must be non-negative.")
    own = x._read().dtype
    out = fresh(np.zeros((x.numel(), n), own if own.kind in "fc" else np.int64))
    if n:
        inplace.fill_(select(out, 1, 0), 1)
    if n > 1:
        inplace.copy_(narrow(out, 1, 1, n - 1), unsqueeze(x, 1))
        inplace.copy_(narrow(out, 1, 1, n - 1), cumprod(narrow(out, 1, 1, n - 1), 1))
    return out if increasing else flip(out, 1)


@named(function=False)
def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """Summed over the dimensions that broadcasting from `size` would repeat."""
    target, shape = sizes_of(size), input.shape
    padded = (1,) * (len(shape) - len(target)) + target
    if len(target) > len(shape) or any(n not in (1, m) for n, m in zip(padded, shape)):
        raise RuntimeError(f"size {{{list(target)}}} is not expandable to size {{{list(shape)}}}.")
    if not target:
        return sum(input)
    lost = [i for i, (n, m) in enumerate(zip(padded, shape)) if i < len(shape) - len(target) or n != m]
    out = sum(input, lost, keepdim=True) if lost else input
    return out if len(target) == len(shape) else view_as_shape(out, target)
