"""Products of an array's windows with a kernel: what a convolution is, and its two derivatives.

Each of the three is linear in each argument, and the derivatives of each are the other two. Eager they are products of
BLAS with windows laid out in memory; that is in runs as long as the rows of the array, not as those of the kernel.
Programs have windows, a product and their transposes instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.core.linear import transpose as transposed
from funcgrad.ops.broadcasting import reshape
from funcgrad.ops.contract import dot_general
from funcgrad.ops.elementwise import convert
from funcgrad.ops.families.linear import Linear
from funcgrad.ops.structure import transpose
from funcgrad.ops.windows import overlap_add, window_counts, windows

Ints = tuple[int, ...]
FEW = 256
"""Windows of one array below which those of several are one matrix: products of small matrices are slow, and
exchanging the first two axes of large ones."""
MATRIX = 2**16
"""Elements of a matrix of windows below which it is not worth a product of its own."""


@cache
def _lines() -> Any:
    """The kernels of large arrays."""
    from funcgrad.ops import lines  # which who has no convolutions need not load

    return lines


def _windows(x: np.ndarray, sizes: Ints, strides: Ints, dilations: Ints) -> np.ndarray:
    """Elements of windows before the windows: a view `(N, C, *sizes, *counts)`."""
    space = len(sizes)
    found = windows.impl(x, axes=tuple(range(2, 2 + space)), sizes=sizes, strides=strides, dilations=dilations)
    return found.transpose(0, 1, *range(2 + space, 2 + 2 * space), *range(2, 2 + space))


def _first(x: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """A matrix of an array with its first axis behind `rows` others."""
    return np.moveaxis(x, 0, rows).reshape(prod(x.shape[1 : 1 + rows]), columns)


def _matrices(found: np.ndarray, rows: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Windows as matrices, a window in each column, of one array or some: which, and their matrix.

    They have FEW windows and MATRIX elements, where there are as many, and one memory: it stays in the cache.
    """
    n, depth, places = len(found), prod(found.shape[1 : 1 + rows]), prod(found.shape[1 + rows :])
    if n and places >= FEW and found[0].flags.c_contiguous:  # each element is a window
        yield from ((slice(i, i + 1), found[i].reshape(depth, places)) for i in range(n))
        return
    many = max(1, min(n, max(-(-FEW // max(places, 1)), MATRIX // max(depth * places, 1))))
    memory = np.empty(depth * many * places, found.dtype)
    for start in range(0, n, many):
        some = slice(start, min(n, start + many))
        part = np.moveaxis(found[some], 0, rows)
        matrix = memory[: part.size].reshape(depth, (some.stop - start) * places)
        matrix.reshape(part.shape)[...] = part
        yield some, matrix


def _correlate(x: np.ndarray, w: np.ndarray, strides: Ints, dilations: Ints) -> np.ndarray:
    by_kernel = _lines().correlated(x, w, strides, dilations)
    if by_kernel is not None:
        return by_kernel
    found = _windows(x, w.shape[2:], strides, dilations)
    counts, o = found.shape[w.ndim :], w.shape[0]
    kernel = w.reshape(o, prod(w.shape[1:]))
    out = np.empty((len(x), o, *counts), np.result_type(x.dtype, w.dtype))
    for some, matrix in _matrices(found, w.ndim - 1):
        if some.stop - some.start == 1:
            np.dot(kernel, matrix, out[some].reshape(o, matrix.shape[1]))
        else:
            out[some] = np.dot(kernel, matrix).reshape(o, some.stop - some.start, *counts).swapaxes(0, 1)
    return out


def _weigh(x: np.ndarray, ct: np.ndarray, sizes: Ints, strides: Ints, dilations: Ints) -> np.ndarray:
    by_kernel = _lines().weighed(x, ct, sizes, strides, dilations)
    if by_kernel is not None:
        return by_kernel
    found = _windows(x, sizes, strides, dilations)
    terms = (
        np.dot(_first(ct[some], 1, matrix.shape[1]), matrix.T) for some, matrix in _matrices(found, 1 + len(sizes))
    )
    product = next(terms, np.zeros((ct.shape[1], x.shape[1] * prod(sizes)), np.result_type(x.dtype, ct.dtype)))
    for term in terms:
        product += term
    return product.reshape(ct.shape[1], x.shape[1], *sizes)


def _spread(ct: np.ndarray, w: np.ndarray, shape: Ints, strides: Ints, dilations: Ints) -> np.ndarray:
    by_kernel = _lines().spread(ct, w, shape, strides, dilations)
    if by_kernel is not None:
        return by_kernel
    (n, o), counts, sizes = ct.shape[:2], ct.shape[2:], w.shape[2:]
    inner = shape[1:]
    # rows as long as those of the result: a place in a window is one distance then. What fills them up must stay zero
    dense = all(s == 1 for s in strides) and np.isfinite(w).all()
    if dense and counts[1:] != inner:
        longer = np.zeros((n, o, counts[0], *inner), ct.dtype)
        longer[(slice(None), slice(None), *map(slice, counts))] = ct
        ct, counts = longer, (counts[0], *inner)
    places = prod(counts)
    kernel = w.reshape(o, prod(w.shape[1:])).T
    if places >= FEW:
        terms = np.matmul(kernel, ct.reshape(n, o, places)).reshape(n, w.shape[1], *sizes, *counts)
    else:
        terms = np.moveaxis(
            np.dot(kernel, _first(ct, 1, n * places)).reshape(*w.shape[1:], n, *counts), w.ndim - 1, 0
        )
    if dense:
        return _sums(terms, sizes, shape, dilations)
    space = len(sizes)
    terms = terms.transpose(0, 1, *range(2 + space, 2 + 2 * space), *range(2, 2 + space))
    return overlap_add.impl(
        terms, shape=(n, w.shape[1], *shape), axes=tuple(range(2, 2 + space)), sizes=sizes, strides=strides,
        dilations=dilations,
    )  # fmt: skip


def _sums(terms: np.ndarray, sizes: Ints, shape: Ints, dilations: Ints) -> np.ndarray:
    """Terms `(N, C, *sizes, *counts)`, in rows as long as the result's, added where the windows have them."""
    n, c = terms.shape[:2]
    length, total = prod(terms.shape[2 + len(sizes) :]), prod(shape)
    terms = terms.reshape(n, c, *sizes, length)
    steps = [d * prod(shape[axis + 1 :]) for axis, d in enumerate(dilations)]
    reach = sum((k - 1) * step for k, step in zip(sizes, steps)) + length
    out = np.zeros((n, c, max(total, reach)), terms.dtype)  # behind the last row come zeros that were put there
    for offsets in np.ndindex(*sizes):
        start = sum(k * step for k, step in zip(offsets, steps))
        target = out[:, :, start : start + length]
        np.add(target, terms[(slice(None), slice(None), *offsets)], target)
    return out[:, :, :total].reshape(n, c, *shape)


# ---- as operations of the language ----


def _composed(x: Any, w: Any, strides: Ints, dilations: Ints, stack: int = 0) -> Any:
    """`correlate` of other operations; with `stack` 1 both arguments have one more axis in front."""
    rank = w.ndim - 1 - stack
    first = 1 + stack
    found = windows(
        x, axes=tuple(range(first + 1, first + rank)), sizes=w.shape[first + 1 :], strides=strides, dilations=dilations
    )
    summed = (first, *range(first + rank, first + 2 * rank - 1)), tuple(range(first, first + rank))
    lead = tuple(range(stack))
    out = dot_general(found, w, contract=summed, batch=(lead, lead))  # (..., N, *counts, O)
    return transpose(out, axes=(*lead, stack, out.ndim - 1, *range(first, out.ndim - 1)))


def _alike(*xs: Any) -> list[Any]:
    dtype = np.result_type(*[x.dtype for x in xs])
    return [x if x.dtype == dtype else convert(x, dtype=dtype) for x in xs]


def _composed_spread(ct: Any, w: Any, shape: Ints, strides: Ints, dilations: Ints, stack: int = 0) -> Any:
    ct, w = _alike(ct, w)
    aval = Aval((*ct.shape[: stack + 1], w.shape[stack + 1], *shape), ct.dtype)
    return transposed(lambda x: _composed(x, w, strides, dilations, stack), [aval], ct)[0]


def _composed_weigh(x: Any, ct: Any, sizes: Ints, strides: Ints, dilations: Ints, stack: int = 0) -> Any:
    x, ct = _alike(x, ct)
    aval = Aval((*ct.shape[:stack], ct.shape[stack + 1], x.shape[stack + 1], *sizes), ct.dtype)
    return transposed(lambda w: _composed(x, w, strides, dilations, stack), [aval], ct)[0]


class _Correlation(Linear):
    """`merged` says for each argument with which of its axes that of a batch becomes one, and where it is in the
    result then."""

    dissolves = True

    def __init__(
        self,
        name: str,
        impl: Callable[..., Any],
        composed: Callable[..., Any],
        shape: Callable[..., Aval],
        pull: Callable[..., Any],
        merged: Sequence[tuple[int, int]],
    ) -> None:
        super().__init__(name, impl, shape=shape, pull=pull, linear=(0, 1), jointly=False)
        self.composed = composed
        self.merged = merged

    def inside(self, args: Sequence[Any], params: dict[str, Any], run: Callable[..., Any]) -> Any:
        return self.composed(*args, **params)

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        if all(batched):
            return self.composed(*values, **params, stack=1)
        of = 1 if batched[1] else 0
        into, out = self.merged[of]
        v, given = values[of], list(values)
        v = transpose(v, axes=(*range(1, into + 1), 0, *range(into + 1, v.ndim)))
        given[of] = reshape(v, shape=(*v.shape[:into], size * v.shape[into + 1], *v.shape[into + 2 :]))
        y = self(*given, **params)
        y = reshape(y, shape=(*y.shape[:out], size, y.shape[out] // size, *y.shape[out + 1 :]))
        return transpose(y, axes=(out, *range(out), *range(out + 1, y.ndim)))


def _shape(x: Aval, w: Aval, strides: Ints, dilations: Ints) -> Aval:
    counts = window_counts(x.shape, tuple(range(2, len(x.shape))), w.shape[2:], strides, dilations)
    return Aval((x.shape[0], w.shape[0], *counts), np.result_type(x.dtype, w.dtype))


correlate: _Correlation = _Correlation(
    "correlate",
    _correlate,
    _composed,
    _shape,
    lambda ct, i, x, w, **params: (
        correlate_spread(ct, w, shape=x.shape[2:], **params)
        if i == 0
        else correlate_weigh(x, ct, sizes=w.shape[2:], **params)
    ),
    ((0, 0), (0, 1)),
)
"""`correlate(x, w, strides, dilations)`: windows of `x`, `(N, C, *space)`, times a kernel `(O, C, *sizes)`, as
`(N, O, *counts)`. Both have one dtype."""

correlate_spread: _Correlation = _Correlation(
    "correlate_spread",
    _spread,
    _composed_spread,
    lambda ct, w, shape, **params: Aval((ct.shape[0], w.shape[1], *shape), np.result_type(ct.dtype, w.dtype)),
    lambda g, i, ct, w, shape, **params: (
        correlate(g, w, **params) if i == 0 else correlate_weigh(g, ct, sizes=w.shape[2:], **params)
    ),
    ((0, 0), (1, 1)),
)
"""The transpose of `correlate` in `x`, whose space has the lengths `shape`."""

correlate_weigh: _Correlation = _Correlation(
    "correlate_weigh",
    _weigh,
    _composed_weigh,
    lambda x, ct, sizes, **params: Aval(
        (ct.shape[1], x.shape[1], *sizes), np.result_type(x.dtype, ct.dtype)
    ),
    lambda g, i, x, ct, sizes, **params: (
        correlate_spread(ct, g, shape=x.shape[2:], **params) if i == 0 else correlate(x, g, **params)
    ),
    ((1, 1), (1, 0)),
)
"""The transpose of `correlate` in `w`, whose windows have the lengths `sizes`."""
