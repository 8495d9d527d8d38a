"""Convolutions and reductions over sliding windows.

A convolution is a product of the array's windows with the kernel (`ops/correlate.py`). Of several groups it is one of
windows, which are a view, and its derivatives are such products too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, prod
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.entrance import behind
from funcgrad.lax.operators import matched
from funcgrad.lax.reductions import MONOIDS, reduce, reduce_max, reduce_min
from funcgrad.lax.shaping import full_like, pad
from funcgrad.numpy import argmax, argmin, take_along_axis
from funcgrad.numpy.dispatch import Array
from funcgrad.ops import contract
from funcgrad.ops import elementwise as ew
from funcgrad.ops.broadcasting import reshape
from funcgrad.ops.correlate import correlate
from funcgrad.ops.operands import as_array
from funcgrad.ops.structure import flip, inverse, transpose
from funcgrad.ops.windows import windows

Ints = Sequence[int]
Padding = str | Sequence[tuple[int, int]]


class ConvDimensionNumbers(NamedTuple):
    """Where the axes of a convolution stand.

    `lhs_spec` and `out_spec` name the axes of batch, features and space; `rhs_spec` those of output features, input
    features and space.
    """

    lhs_spec: tuple[int, ...]
    rhs_spec: tuple[int, ...]
    out_spec: tuple[int, ...]


def conv_dimension_numbers(lhs_shape: Ints, rhs_shape: Ints, dimension_numbers: Any) -> ConvDimensionNumbers:
    """Axes from letters: N batch, C features, O and I output and input features of the kernel, any others space.

    Example:
        >>> conv_dimension_numbers((1, 5, 5, 2), (3, 3, 2, 4), ("NHWC", "HWIO", "NHWC")).lhs_spec
        (0, 3, 1, 2)
    """
    rank = len(lhs_shape)
    if len(rhs_shape) != rank:
        raise ValueError(f"a convolution needs arrays of one rank, not of shapes {lhs_shape} and {rhs_shape}")
    if dimension_numbers is None:
        return ConvDimensionNumbers(*(tuple(range(rank)),) * 3)
    if isinstance(dimension_numbers, ConvDimensionNumbers):
        return dimension_numbers
    left, right, out = dimension_numbers
    if not isinstance(left, str):
        return ConvDimensionNumbers(tuple(left), tuple(right), tuple(out))
    space = [letter for letter in right if letter not in "OI"]
    for spec, first in ((left, "NC"), (right, "OI"), (out, "NC")):
        if sorted(spec) != sorted([*first, *space]) or len(spec) != rank:
            raise ValueError(f"{dimension_numbers} do not name the {rank} axes of a convolution each once")
    specs = [
        tuple(spec.index(c) for c in (*first, *space)) for spec, first in ((left, "NC"), (right, "OI"), (out, "NC"))
    ]
    return ConvDimensionNumbers(*specs)


def padtype_to_pads(in_shape: Ints, window_shape: Ints, window_strides: Ints, padding: str) -> list[tuple[int, int]]:
    """How much is added before and behind each axis for "VALID" (nothing), "SAME" (as many windows as strides fit) or
    "SAME_LOWER" (with the odd one before).

    Example:
        >>> padtype_to_pads((5,), (4,), (1,), "SAME")
        [(1, 2)]
    """
    if padding.upper() == "VALID":
        return [(0, 0)] * len(in_shape)
    if padding.upper() not in ("SAME", "SAME_LOWER"):
        raise ValueError(f"padding must be 'VALID', 'SAME', 'SAME_LOWER' or pairs, not {padding!r}")
    totals = [max((ceil(n / s) - 1) * s + k - n, 0) for n, k, s in zip(in_shape, window_shape, window_strides)]
    lower = padding.upper() == "SAME_LOWER"
    return [(t - t // 2, t // 2) if lower else (t // 2, t - t // 2) for t in totals]


def _reach(sizes: Ints, dilations: Ints) -> list[int]:
    """How far windows extend."""
    return [(k - 1) * d + 1 if k else 0 for k, d in zip(sizes, dilations)]


def conv_general_dilated(
    lhs: Array,
    rhs: Array,
    window_strides: Ints,
    padding: Padding,
    lhs_dilation: Ints | None = None,
    rhs_dilation: Ints | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Array:
    """The convolution of an array with a kernel, which is not flipped, in any number of dimensions.

    Args:
        lhs: the array, ``(N, C, *space)`` unless `dimension_numbers` says otherwise.
        rhs: the kernel, ``(O, I, *window)``.
        window_strides: how far the window moves, for each dimension of space.
        padding: "SAME", "VALID", "SAME_LOWER", or for each dimension how many zeros come before and behind; negative
            numbers cut elements off.
        lhs_dilation: the distance that neighbours in the array get, zeros between them.
        rhs_dilation: the same of the kernel.
        dimension_numbers: three strings such as ``("NHWC", "HWIO", "NHWC")``, or `ConvDimensionNumbers`.
        feature_group_count: into how many groups the features are divided, each convolved with its part of the kernel:
            ``C == feature_group_count * I``.
        batch_group_count: the same of the batch.
        precision: JAX's; sums here have the precision of their dtype.
        preferred_element_type: the dtype in which it is computed.

    Returns:
        ``(N, O, *space)`` unless `dimension_numbers` says otherwise.

    Raises:
        TypeError: the dtypes differ.
        ValueError: the shapes do not fit together.

    Example:
        >>> conv_general_dilated(np.arange(5.0).reshape(1, 1, 5), np.ones((1, 1, 2)), (2,), "VALID")
        array([[[1., 5.]]])
    """
    lhs, rhs = as_array(lhs), as_array(rhs)
    if preferred_element_type is not None:
        lhs, rhs = (ew.convert(x, dtype=np.dtype(preferred_element_type)) for x in (lhs, rhs))
    if lhs.dtype != rhs.dtype:
        raise TypeError(f"a convolution needs arrays of one dtype, not {lhs.dtype} and {rhs.dtype}")
    specs = conv_dimension_numbers(lhs.shape, rhs.shape, dimension_numbers)
    lhs, rhs = transpose(lhs, axes=specs.lhs_spec), transpose(rhs, axes=specs.rhs_spec)
    space = lhs.ndim - 2
    near, far = (tuple(d) if d is not None else (1,) * space for d in (lhs_dilation, rhs_dilation))
    groups, batches = feature_group_count, batch_group_count
    if (
        lhs.shape[1] != groups * rhs.shape[1]
        or rhs.shape[0] % (groups * batches)
        or lhs.shape[0] % batches
        or min(groups, batches) != 1
    ):
        raise ValueError(
            f"arrays of shapes (N, C, ...) {lhs.shape} and (O, I, ...) {rhs.shape} do not fit together with "
            f"feature_group_count {groups} and batch_group_count {batches}"
        )
    if isinstance(padding, str):
        stretched = _reach(lhs.shape[2:], near)
        padding = padtype_to_pads(stretched, _reach(rhs.shape[2:], far), window_strides, padding)
    config = [(0, 0, 0), (0, 0, 0), *((low, high, d - 1) for (low, high), d in zip(padding, near, strict=True))]
    lhs = pad(lhs, lhs.dtype.type(0), config)
    strides = tuple(window_strides)
    if groups * batches == 1:
        out = correlate(lhs, rhs, strides=strides, dilations=far)
    else:
        found = windows(lhs, axes=tuple(range(2, 2 + space)), sizes=rhs.shape[2:], strides=strides, dilations=far)
        out = _product(found, rhs, groups, batches)
    return transpose(out, axes=inverse(specs.out_spec))


def _product(found: Array, rhs: Array, groups: int, batches: int) -> Array:
    """Windows `(N, C, *counts, *window)` times a kernel `(O, I, *window)` of several groups, as `(N, O, *counts)`."""
    space = rhs.ndim - 2
    n, c, *rest = found.shape
    many = groups * batches
    kernel = reshape(rhs, shape=(many, rhs.shape[0] // many, *rhs.shape[1:]))
    if groups > 1:
        found, axis = reshape(found, shape=(n, groups, c // groups, *rest)), 1
    else:
        found, axis = reshape(found, shape=(batches, n // batches, c, *rest)), 0
    summed = (2, *range(3 + space, 3 + 2 * space)), tuple(range(2, 3 + space))
    out = contract.dot_general(found, kernel, contract=summed, batch=((axis,), (0,)))  # (many, N', *counts, O')
    out = transpose(out, axes=(1, 0, 2 + space, *range(2, 2 + space)))
    return reshape(out, shape=(out.shape[0], rhs.shape[0], *out.shape[3:]))


def conv(lhs: Array, rhs: Array, window_strides: Ints, padding: Padding, precision: Any = None) -> Array:
    """`conv_general_dilated` with the axes `(N, C, *space)` and `(O, I, *window)`."""
    return conv_general_dilated(lhs, rhs, window_strides, padding)


def conv_with_general_padding(
    lhs: Array,
    rhs: Array,
    window_strides: Ints,
    padding: Padding,
    lhs_dilation: Ints | None,
    rhs_dilation: Ints | None,
    precision: Any = None,
) -> Array:
    """`conv` with dilations."""
    return conv_general_dilated(lhs, rhs, window_strides, padding, lhs_dilation, rhs_dilation)


def conv_transpose(
    lhs: Array,
    rhs: Array,
    strides: Ints,
    padding: Padding,
    rhs_dilation: Ints | None = None,
    dimension_numbers: Any = None,
    transpose_kernel: bool = False,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Array:
    """A convolution with strides between elements of the array: a "deconvolution", which makes arrays larger.

    Args:
        lhs: ``(N, *space, C)`` unless `dimension_numbers` says otherwise.
        rhs: the kernel, ``(*window, I, O)``.
        strides: how far apart neighbours in the array are in the result.
        padding: "SAME" (as long as `strides` times the array), "VALID", or pairs as in `conv_general_dilated`.
        rhs_dilation: the distance of neighbours in the kernel.
        dimension_numbers: as in `conv_general_dilated`.
        transpose_kernel: flip the kernel and exchange its inputs and outputs: then it is the transpose, in the sense of
            linear algebra, of the convolution with that kernel.
        precision, preferred_element_type: as in `conv_general_dilated`.

    Example:
        >>> conv_transpose(np.ones((1, 3, 1)), np.ones((2, 1, 1)), (2,), "SAME").shape
        (1, 6, 1)
    """
    lhs, rhs = as_array(lhs), as_array(rhs)
    space = lhs.ndim - 2
    if dimension_numbers is None:
        letters = "DHW"[3 - space :] if space <= 3 else ""
        dimension_numbers = f"N{letters}C", f"{letters}IO", f"N{letters}C"
    specs = conv_dimension_numbers(lhs.shape, rhs.shape, dimension_numbers)
    far = (1,) * space if rhs_dilation is None else tuple(rhs_dilation)
    if isinstance(padding, str):
        sizes = _reach([rhs.shape[axis] for axis in specs.rhs_spec[2:]], far)
        padding = [_transposed_padding(k, s, padding) for k, s in zip(sizes, strides)]
    if transpose_kernel:
        outputs, inputs, *axes = specs.rhs_spec
        rhs = flip(rhs, axes=tuple(sorted(axes)))
        order = list(range(rhs.ndim))
        order[outputs], order[inputs] = inputs, outputs
        rhs = transpose(rhs, axes=tuple(order))
    return conv_general_dilated(
        lhs, rhs, (1,) * space, padding, strides, far, specs, preferred_element_type=preferred_element_type
    )


def _transposed_padding(size: int, stride: int, padding: str) -> tuple[int, int]:
    if padding == "SAME":
        total = size + stride - 2
        before = size - 1 if stride > size - 1 else ceil(total / 2)
    elif padding == "VALID":
        total = size + stride - 2 + max(size - stride, 0)
        before = size - 1
    else:
        raise ValueError(f"padding must be 'SAME', 'VALID' or pairs, not {padding!r}")
    return before, total - before


def _first_extreme(x: Array, axes: tuple[int, ...], choose: Callable[..., Array]) -> Array:
    """The largest or smallest of each window; the first of equal ones has the derivative, as in JAX."""
    flat = reshape(x, shape=(*x.shape[: axes[0]], prod(x.shape[axes[0] :])))
    if not x.size:
        return flat.sum(axis=-1)
    return take_along_axis(flat, choose(ew.stop_gradient(flat), axis=-1)[..., None], -1)[..., 0]


def reduce_window(
    operand: Array,
    init_value: Array,
    computation: Callable[..., Array],
    window_dimensions: Ints,
    window_strides: Ints,
    padding: Padding,
    base_dilation: Ints | None = None,
    window_dilation: Ints | None = None,
) -> Array:
    """The elements of each window combined by an associative function of two scalars.

    Args:
        operand: an array.
        init_value: what the windows are combined with, and what stands where the array is padded.
        computation: `lax.add`, `mul`, `max`, `min` (or NumPy's functions, or others, which take longer).
        window_dimensions, window_strides: the window's length along every axis, and how far it moves.
        padding: as in `conv_general_dilated`, for all axes.
        base_dilation, window_dilation: the distance of neighbours in the array and in the window.

    Example:
        >>> from funcgrad import lax
        >>> reduce_window(np.array([3.0, 1.0, 2.0, 5.0]), -np.inf, lax.max, (2,), (2,), "VALID")
        array([3., 5.])
    """
    operand, init = matched("reduce_window", operand, init_value)
    rank = operand.ndim
    near, far = (tuple(d) if d is not None else (1,) * rank for d in (base_dilation, window_dilation))
    if isinstance(padding, str):
        stretched = _reach(operand.shape, near)
        padding = padtype_to_pads(stretched, _reach(window_dimensions, far), window_strides, padding)
    operand = pad(operand, init, [(low, high, d - 1) for (low, high), d in zip(padding, near, strict=True)])
    found = windows(
        operand,
        axes=tuple(range(rank)),
        sizes=tuple(window_dimensions),
        strides=tuple(window_strides),
        dilations=far,
    )
    axes = tuple(range(rank, 2 * rank))
    reducer = MONOIDS.get(behind(computation))
    if reducer is None:
        return reduce(found, init, computation, axes)
    if reducer in (reduce_max, reduce_min):
        reduced = _first_extreme(found, axes, argmax if reducer is reduce_max else argmin)
    else:
        reduced = reducer(found, axes)
    return computation(reduced, full_like(reduced, init))
