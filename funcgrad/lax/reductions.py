"""Reductions, running ones, sorting and products of arrays, under `lax`'s names."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad import tree
from funcgrad.core.entrance import behind
from funcgrad.lax import operators as lo
from funcgrad.numpy.dispatch import Array, axis_of
from funcgrad.numpy.ufuncs import accumulate
from funcgrad.ops import contract
from funcgrad.ops import elementwise as ew
from funcgrad.ops import reduce as ops
from funcgrad.ops.operands import as_array
from funcgrad.ops.structure import flip
from funcgrad.transforms.vmap import vmap

Axes = Sequence[int]


def _axes(operand: Array, axes: Axes) -> tuple[int, ...]:
    return tuple(sorted(axis_of(a, operand.ndim) for a in axes))


def reduce_sum(operand: Array, axes: Axes) -> Array:
    """The sum along axes, in the array's dtype."""
    operand = as_array(operand)
    total = ops.reduce_sum(operand, axes=_axes(operand, axes))
    return total if total.dtype == operand.dtype else ew.convert(total, dtype=operand.dtype)


def reduce_prod(operand: Array, axes: Axes) -> Array:
    """The product along axes, in the array's dtype."""
    operand = as_array(operand)
    return fnp.prod(operand, axis=_axes(operand, axes), dtype=operand.dtype)


def _extreme(x: Array, axes: Axes, op: Any, empty: str) -> Array:
    axes = _axes(x, axes)
    if 0 not in (x.shape[a] for a in axes):
        return op(x, axes=axes)
    value = -np.inf if empty == "min" else np.inf
    if x.dtype.kind in "iu":
        value = getattr(np.iinfo(x.dtype), empty)
    return np.full([n for d, n in enumerate(x.shape) if d not in axes], value, x.dtype)


def reduce_max(operand: Array, axes: Axes) -> Array:
    """The largest along axes; the least number there is where there are none."""
    return _extreme(as_array(operand), axes, ops.reduce_max, "min")


def reduce_min(operand: Array, axes: Axes) -> Array:
    """The smallest along axes; the largest number there is where there are none."""
    return _extreme(as_array(operand), axes, ops.reduce_min, "max")


def _bitwise(ufunc: np.ufunc, operand: Array, axes: Axes) -> Array:
    operand = as_array(operand)
    for axis in reversed(_axes(operand, axes)):
        operand = ufunc.reduce(operand, axis=axis)
    return operand


def reduce_and(operand: Array, axes: Axes) -> Array:
    """The bits that all have, along axes."""
    return _bitwise(np.bitwise_and, operand, axes)


def reduce_or(operand: Array, axes: Axes) -> Array:
    """The bits that one has, along axes."""
    return _bitwise(np.bitwise_or, operand, axes)


def reduce_xor(operand: Array, axes: Axes) -> Array:
    """The bits that an odd number of elements has, along axes."""
    return _bitwise(np.bitwise_xor, operand, axes)


MONOIDS: dict[Any, Callable[[Array, Axes], Array]] = {
    **dict.fromkeys((lo.add, operator.add, np.add, fnp.add), reduce_sum),
    **dict.fromkeys((lo.mul, operator.mul, np.multiply, fnp.multiply), reduce_prod),
    **dict.fromkeys((lo.max, np.maximum, fnp.maximum), reduce_max),
    **dict.fromkeys((lo.min, np.minimum, fnp.minimum), reduce_min),
    **dict.fromkeys((lo.bitwise_and, operator.and_, np.bitwise_and, fnp.bitwise_and), reduce_and),
    **dict.fromkeys((lo.bitwise_or, operator.or_, np.bitwise_or, fnp.bitwise_or), reduce_or),
    **dict.fromkeys((lo.bitwise_xor, operator.xor, np.bitwise_xor, fnp.bitwise_xor), reduce_xor),
}
"""What reduces an array by a function of two numbers."""


def reduce(operands: Any, init_values: Any, computation: Callable[..., Any], dimensions: Axes) -> Any:
    """Arrays reduced along axes by an associative function of two scalars.

    Args:
        operands: an array, or a pytree of arrays of one shape.
        init_values: a scalar, or a pytree of scalars: what is combined with the result.
        computation: `(scalar, scalar) -> scalar`, or of pytrees.
        dimensions: axes.

    Example:
        >>> reduce(np.arange(6.0).reshape(2, 3), 10.0, lambda x, y: x + y, (1,))
        array([13., 22.])
    """
    arrays = tree.map(as_array, operands)
    first = tree.leaves(arrays)[0]
    axes = _axes(first, dimensions)
    by_element = computation
    for _ in range(first.ndim - len(axes)):
        by_element = vmap(by_element)
    kept = [d for d in range(first.ndim) if d not in axes]
    start = tree.map(
        lambda v, x: fnp.full([x.shape[d] for d in kept], ew.convert(as_array(v), dtype=x.dtype)), init_values, arrays
    )
    reducer = MONOIDS.get(behind(computation))
    if first is arrays and reducer is not None:
        return by_element(start, reducer(first, axes))
    rows = tree.map(lambda x: fnp.transpose(x, (*axes, *kept)).reshape((-1, *(x.shape[d] for d in kept))), arrays)
    count = tree.leaves(rows)[0].shape[0]
    while count > 1:
        rows = _halved(vmap(by_element), rows, count)
        count -= count // 2
    return by_element(start, tree.map(lambda x: x[0], rows)) if count else start


def _halved(combine: Callable[..., Any], rows: Any, count: int) -> Any:
    """Neighbours combined; the last of an odd number stays."""
    end = count // 2 * 2
    pairs = combine(tree.map(lambda x: x[0:end:2], rows), tree.map(lambda x: x[1:end:2], rows))
    return tree.map(lambda p, x: fnp.concatenate([p, x[end:]]), pairs, rows) if count % 2 else pairs


# Running reductions


def cumsum(operand: Array, axis: int = 0, reverse: bool = False) -> Array:
    """Running sums along an axis, from its end with `reverse`, in the array's dtype.

    Example:
        >>> cumsum(np.arange(4), reverse=True)
        array([6, 6, 5, 3])
    """
    operand = as_array(operand)
    y = ops.cumsum(operand, axis=axis_of(axis, operand.ndim), reverse=reverse)
    return y if y.dtype == operand.dtype else ew.convert(y, dtype=operand.dtype)


def _running(operand: Array, axis: int, reverse: bool, run: Callable[[Array, int], Array]) -> Array:
    operand = as_array(operand)
    axis = axis_of(axis, operand.ndim)
    if not reverse:
        return run(operand, axis)
    return flip(run(flip(operand, axes=(axis,)), axis), axes=(axis,))


def cumprod(operand: Array, axis: int = 0, reverse: bool = False) -> Array:
    """Running products along an axis, in the array's dtype."""
    y = _running(operand, axis, reverse, lambda x, axis: ops.cumprod(x, axis=axis))
    dtype = as_array(operand).dtype
    return y if y.dtype == dtype else ew.convert(y, dtype=dtype)


def cummax(operand: Array, axis: int = 0, reverse: bool = False) -> Array:
    """The largest so far, along an axis."""
    return _running(operand, axis, reverse, lambda x, axis: accumulate(np.maximum, x, axis))


def cummin(operand: Array, axis: int = 0, reverse: bool = False) -> Array:
    """The smallest so far, along an axis."""
    return _running(operand, axis, reverse, lambda x, axis: accumulate(np.minimum, x, axis))


def cumlogsumexp(operand: Array, axis: int = 0, reverse: bool = False) -> Array:
    """The logarithm of running sums of exponentials, along an axis, without overflow.

    Example:
        >>> cumlogsumexp(np.array([1000.0, 1000.0])).round(4)
        array([1000.    , 1000.6931])
    """
    return _running(operand, axis, reverse, lambda x, axis: accumulate(np.logaddexp, x, axis))


def argmax(operand: Array, axis: int, index_dtype: Any = int) -> Array:
    """The place of the largest along an axis, the first of equal ones."""
    return ew.convert(fnp.argmax(as_array(operand), axis=axis), dtype=np.dtype(index_dtype))


def argmin(operand: Array, axis: int, index_dtype: Any = int) -> Array:
    """The place of the smallest along an axis, the first of equal ones."""
    return ew.convert(fnp.argmin(as_array(operand), axis=axis), dtype=np.dtype(index_dtype))


# Sorting


def sort(operand: Any, dimension: int = -1, is_stable: bool = True, num_keys: int = 1) -> Any:
    """An array sorted along an axis; or several arrays, all in the order of the first.

    Args:
        operand: an array, or a sequence of arrays of one shape.
        dimension: the axis.
        is_stable: equal ones always keep their order; the parameter is JAX's.
        num_keys: how many of the arrays decide, the first of them first.

    Example:
        >>> sort((np.array([2, 1, 2]), np.array([5, 6, 4])), num_keys=2)
        (array([1, 2, 2]), array([6, 4, 5]))
    """
    if not isinstance(operand, (list, tuple)):
        return fnp.sort(as_array(operand), axis=dimension)
    arrays = [as_array(x) for x in operand]
    if not 1 <= num_keys <= len(arrays):
        raise ValueError(f"sort: num_keys is {num_keys}, and there are {len(arrays)} arrays")
    for key in reversed(range(num_keys)):
        order = fnp.argsort(arrays[key], axis=dimension, kind="stable")
        arrays = [fnp.take_along_axis(x, order, dimension) for x in arrays]
    return tuple(arrays)


def sort_key_val(keys: Array, values: Array, dimension: int = -1, is_stable: bool = True) -> tuple[Array, Array]:
    """Keys sorted along an axis, and values in the same order."""
    return sort((keys, values), dimension, is_stable)


def top_k(operand: Array, k: int, *, axis: int = -1) -> tuple[Array, Array]:
    """The k largest along an axis, the largest first, and their places; of equal ones the first comes first.

    Example:
        >>> top_k(np.array([1.0, 5.0, 3.0]), 2)
        (array([5., 3.]), array([1, 2]))
    """
    operand = as_array(operand)
    axis = axis_of(axis, operand.ndim)
    n = operand.shape[axis]
    if not 0 <= k <= n:
        raise ValueError(f"top_k: {k} of {n} elements")
    rising = fnp.argsort(flip(operand, axes=(axis,)), axis=axis, kind="stable")
    order = (n - 1 - flip(rising, axes=(axis,)))[(slice(None),) * axis + (slice(k),)]
    return fnp.take_along_axis(operand, order, axis), order


# Products

Pair = tuple[Sequence[int], Sequence[int]]


def dot_general(
    lhs: Array,
    rhs: Array,
    dimension_numbers: tuple[Pair, Pair],
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Array:
    """The product summed over pairs of axes, stacked along others.

    Args:
        lhs, rhs: arrays.
        dimension_numbers: ``((lhs_contracting, rhs_contracting), (lhs_batch, rhs_batch))``.
        precision: JAX's; products here have the precision of their dtype.
        preferred_element_type: the dtype in which it is computed.

    Returns:
        The stacked axes, then the others of `lhs`, then those of `rhs`.

    Example:
        >>> dot_general(np.ones((5, 2, 3)), np.ones((5, 3, 4)), (((2,), (1,)), ((0,), (0,)))).shape
        (5, 2, 4)
    """
    lhs, rhs = as_array(lhs), as_array(rhs)
    if preferred_element_type is not None:
        lhs, rhs = (ew.convert(x, dtype=np.dtype(preferred_element_type)) for x in (lhs, rhs))
    summed, batch = (
        tuple(tuple(axis_of(a, x.ndim) for a in axes) for x, axes in zip((lhs, rhs), pair))
        for pair in dimension_numbers
    )
    return contract.dot_general(lhs, rhs, contract=summed, batch=batch)


def dot(lhs: Array, rhs: Array, precision: Any = None, preferred_element_type: Any = None) -> Array:
    """The product of vectors and matrices."""
    lhs, rhs = as_array(lhs), as_array(rhs)
    if not (1 <= lhs.ndim <= 2 and 1 <= rhs.ndim <= 2):
        raise TypeError(f"dot takes vectors and matrices, not shapes {lhs.shape} and {rhs.shape}")
    return dot_general(lhs, rhs, (((lhs.ndim - 1,), (0,)), ((), ())), precision, preferred_element_type)


def batch_matmul(lhs: Array, rhs: Array, precision: Any = None) -> Array:
    """The products of two stacks of matrices."""
    lhs, rhs = as_array(lhs), as_array(rhs)
    stack = tuple(range(lhs.ndim - 2))
    return dot_general(lhs, rhs, (((lhs.ndim - 1,), (rhs.ndim - 2,)), (stack, stack)), precision)
