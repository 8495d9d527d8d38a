"""Convolutions of large arrays by kernels, which read windows where they lie (`compile/windowed.py`).

A plane of an array is a line to them, rows one after another: each element of a window is one distance from its place,
on whatever row that is. Places whose windows would go over the end of a row are computed with the others and dropped.
So a convolution with strides is one of arrays that are put apart beforehand, and a transposed one is one of the
cotangent between zeros, with the kernel turned round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import product
from math import gcd, prod
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from funcgrad.config import config
from funcgrad.ops.large import FLOATS, compiled
from funcgrad.ops.windows import window_counts

Ints = tuple[int, ...]
LEAST = 2**16
"""Products from which on kernels compute a convolution, which they do faster of any size: fewer are not worth what the
first one costs, the compile, some 0.2 s."""
ALONE = 2**22
"""Products up to which one thread does it all."""
PARTS = 16
"""Into how many parts work is divided at least, where it can be."""
TILE = 48
"""Places of a line that a kernel computes together, at most, and so those of the shortest lines."""
VECTOR = 16
"""Places of a vector, of the shorter numbers and largest registers."""
LINE = 21 * TILE
"""Places of a part at most: its results are kept in the cache before they become rows."""
RUN = 128
"""Places whose cotangents are turned together."""
OUTPUTS, UNIT = 128, 32
"""Bytes of cotangents of a place that are turned together, and that they are a multiple of."""
DEPTH = 64
"""Elements of windows at least for which cotangents are turned."""
LONG = 512
"""Places at least of which there is a sum of its own."""
USED = 0.4
"""The share of what kernels compute that must be wanted."""
FEW = 80
"""Outputs for which laying windows out takes BLAS as long as a product: kernels may drop half of what they compute."""
APART = 0.9
"""How fast a transposed convolution with strides is, for what it computes, as one without."""


class Placing(NamedTuple):
    """What the kernel `correlate` is told, before the distances of the elements of a window and of slices.

    A slice is what two axes of an image have; steps are distances in memory, in numbers.
    """

    parts: int
    alone: int
    depth: int
    outputs: int
    places: int
    row: int
    width: int
    pieces: int
    piece: int
    slices: int
    image_step: int
    out_step: int
    channel: int
    slice_step: int


class Weighing(NamedTuple):
    """What the kernel `weigh` is told, as `Placing`. Parts have some of the images, of a window's elements, of outputs.

    They go through runs of places: `run_columns` in each of `run_rows` rows.
    """

    parts: int
    alone: int
    depth: int
    outputs: int
    padded: int
    width: int
    height: int
    run_columns: int
    run_rows: int
    slices: int
    images: int
    each: int
    ranges: int
    range: int
    tiles: int
    image_step: int
    row_step: int
    column_step: int
    out_step: int
    channel: int
    slice_step: int


class _Phase(NamedTuple):
    """Along an axis: the places of an array at one distance from a multiple of the stride, and what comes to them."""

    start: int
    length: int
    first: int
    every: int
    taps: int
    dilation: int
    shift: int
    apart: bool


def correlated(x: ndarray, w: ndarray, strides: Ints, dilations: Ints) -> ndarray | None:
    """Windows of `x`, `(N, C, *space)`, times a kernel `(O, C, *sizes)`; None where no kernel is faster."""
    known = _placing(x.shape, w.shape, strides, dilations) if _are_fit(x, w) else None
    kernel = None if known is None else _kernel("correlate", x.dtype.char)
    if known is None or kernel is None:
        return None
    plan, counts = known
    return _run(kernel, plan, _apart(x, strides), w, np.empty((len(x), len(w), *counts), x.dtype))


def spread(ct: ndarray, w: ndarray, shape: Ints, strides: Ints, dilations: Ints) -> ndarray | None:
    """The transpose of `correlated` in `x`, whose space has the lengths `shape`; None where no kernel is faster.

    It puts zeros around the cotangent, which must not meet what is not finite.
    """
    if not _are_fit(ct, w):
        return None
    axes = [list(_phases(*axis)) for axis in zip(shape, w.shape[2:], strides, dilations)]
    phases = [phase for phase in product(*axes) if all(axis.taps for axis in phase)]
    plans = [known for known in (_spreading(ct.shape, w.shape, phase) for phase in phases) if known is not None]
    kernel = _kernel("correlate", ct.dtype.char) if plans and len(plans) == len(phases) else None
    if kernel is None or not np.isfinite(w).all():
        return None
    n, c = len(ct), w.shape[1]
    out = np.zeros((n, c, *shape), ct.dtype) if prod(strides) > 1 else None
    for phase, (plan, counts) in zip(phases, plans):
        part = np.empty((n, c, *counts), ct.dtype)
        _run(kernel, plan, _around(ct, phase), _turned(w, phase), part)
        if out is None:
            return part
        index: tuple[Any, ...] = (..., *(slice(axis.start, None, s) for axis, s in zip(phase, strides)))
        out[index] = part
    return out


def weighed(x: ndarray, ct: ndarray, sizes: Ints, strides: Ints, dilations: Ints) -> ndarray | None:
    """The transpose of `correlated` in `w`, whose windows have the lengths `sizes`; None where no kernel is faster."""
    known = _weighing(x.shape, ct.shape, sizes, strides, dilations, x.itemsize) if _are_fit(x, ct) else None
    kernel = None if known is None else _kernel("weigh", x.dtype.char)
    if known is None or kernel is None:
        return None
    plan, groups, depth, padded = known
    sums = _run(kernel, plan, x, ct, np.zeros((groups, depth, padded), x.dtype))
    total = sums[0] if groups == 1 else sums.sum(axis=0)
    return np.ascontiguousarray(total[:, : ct.shape[1]].T).reshape(ct.shape[1], x.shape[1], *sizes)


def _are_fit(a: ndarray, b: ndarray) -> bool:
    dtype = a.dtype
    return config._jit and dtype == b.dtype and dtype.char in FLOATS and dtype.isnative and a.ndim > 2


@cache
def _kernel(name: str, char: str) -> np.ufunc | None:
    return compiled("windowed", name, char)


def _run(kernel: np.ufunc, plan: ndarray, a: ndarray, b: ndarray, out: ndarray) -> ndarray:
    kernel(plan, np.ascontiguousarray(a).reshape(-1), np.ascontiguousarray(b).reshape(-1), out.reshape(-1))
    return out


def _rows(lengths: Ints) -> int:
    return lengths[-2] if len(lengths) > 1 else 1


def _steps(shape: Ints) -> list[int]:
    """Distances in memory of neighbours along each axis of an array in C order."""
    return [prod(shape[axis + 1 :]) for axis in range(len(shape))]


def _distances(counts: Ints, steps: Sequence[int]) -> ndarray:
    """The distances of all elements of a grid from its first, in C order."""
    grid = np.zeros(counts, np.int64)
    for axis, (count, step) in enumerate(zip(counts, steps)):
        grid += (step * np.arange(count)).reshape(-1, *(1,) * (len(counts) - axis - 1))
    return grid.reshape(-1)


# ---- correlate ----


@lru_cache(256)
def _placing(x_shape: Ints, w_shape: Ints, strides: Ints, dilations: Ints) -> tuple[ndarray, Ints] | None:
    """A plan, and the lengths of the result's space; None where no kernel is faster."""
    counts = window_counts(x_shape, tuple(range(2, len(x_shape))), w_shape[2:], strides, dilations)
    return _planned(x_shape, w_shape, strides, dilations, counts, prod(counts), w_shape[0])


def _planned(
    x_shape: Ints, w_shape: Ints, strides: Ints, dilations: Ints, counts: Ints, wanted: float, outputs: int
) -> tuple[ndarray, Ints] | None:
    """The same, where BLAS would compute so many places of an image, with so many products for what it writes."""
    n, o, depth = x_shape[0], w_shape[0], prod(w_shape[1:])
    products = n * o * depth * prod(counts)
    if products < LEAST:
        return None
    shape, offsets = _reach(x_shape, w_shape, strides, dilations)
    row, width, height = shape[-1], counts[-1], _rows(counts)
    places = (height - 1) * row + width
    slices = _distances(counts[:-2], [s * t for s, t in zip(strides, _steps(shape)[2:])])
    computed = -(-places // VECTOR) * VECTOR * len(slices)
    if places < TILE or wanted < max(USED, outputs / (outputs + FEW)) * computed:
        return None
    if row == width:
        row = width = places
    alone = products <= ALONE
    tiles = -(-places // TILE)
    shares = 1 if alone else -(-PARTS // (n * len(slices)))
    each = -(-tiles // max(-(-tiles * TILE // LINE), min(shares, tiles))) * TILE
    pieces = -(-places // each)
    plan = Placing(
        n * len(slices) * pieces, alone, depth, o, places, row, width, pieces, each, len(slices),
        prod(shape[1:]), o * prod(counts), prod(counts), height * counts[-1],
    )  # fmt: skip
    return np.concatenate([np.array(plan, np.int64), offsets, slices]), counts


def _reach(x_shape: Ints, w_shape: Ints, strides: Ints, dilations: Ints) -> tuple[Ints, ndarray]:
    """The shape of what windows are in (`_apart`), and how far the elements of the first are from its first."""
    shape = _apart_shape(x_shape, strides)
    steps = _steps(shape)
    inner = min(2, len(strides))
    outer = len(strides) - inner
    grid = _distances(w_shape[1 : 2 + outer], [steps[1], *(d * t for d, t in zip(dilations, steps[2:]))])
    own = zip(w_shape[2 + outer :], strides[outer:], dilations[outer:], steps[2 + outer : -inner], steps[-inner:])
    for size, stride, dilation, phase, step in own:
        places = dilation * np.arange(size)
        grid = (grid[:, None] + (places % stride * phase + places // stride * step)).reshape(-1)
    return shape, grid


def _apart_shape(x_shape: Ints, strides: Ints) -> Ints:
    inner = len(strides[-2:])
    lengths = [-(-length // s) for length, s in zip(x_shape[-inner:], strides[-inner:])]
    return (*x_shape[:-inner], *strides[-inner:], *lengths)


def _apart(x: ndarray, strides: Ints) -> ndarray:
    """An array whose windows have strides, as one whose windows have none along the last two axes.

    It has a plane for each phase of those, with zeros where the last places have none.
    """
    inner = strides[-2:]
    if all(s == 1 for s in inner):
        return x
    exact = all(length % s == 0 for length, s in zip(x.shape[-len(inner) :], inner))
    out = (np.empty if exact else np.zeros)(_apart_shape(x.shape, strides), x.dtype)
    for starts in np.ndindex(*inner):
        index: tuple[Any, ...] = (..., *(slice(start, None, s) for start, s in zip(starts, inner)))
        part = x[index]
        index = (..., *starts, *map(slice, part.shape[-len(inner) :]))
        out[index] = part
    return out


# ---- spread ----


def _phases(length: int, size: int, stride: int, dilation: int) -> Iterator[_Phase]:
    """An axis of an array of that length, on which windows of that size have a stride and a dilation."""
    every = stride // gcd(stride, dilation)
    for start in range(min(stride, length)):
        taps = range(size)[next((k for k in range(size) if k * dilation % stride == start), size) :: every]
        yield _Phase(
            start, -(-(length - start) // stride), taps.start, every, len(taps), dilation * every // stride,
            (taps.start * dilation - start) // stride, stride > 1,
        )  # fmt: skip


@lru_cache(256)
def _spreading(ct_shape: Ints, w_shape: Ints, phase: tuple[_Phase, ...]) -> tuple[ndarray, Ints] | None:
    around = (*ct_shape[:2], *(axis.length + (axis.taps - 1) * axis.dilation for axis in phase))
    turned = (w_shape[1], w_shape[0], *(axis.taps for axis in phase))
    dilations, counts = tuple(axis.dilation for axis in phase), tuple(axis.length for axis in phase)
    wanted = prod(ct_shape[2:]) * (APART if any(axis.apart for axis in phase) else 1.0)
    return _planned(around, turned, (1,) * len(phase), dilations, counts, wanted, ct_shape[1])


def _around(ct: ndarray, phase: Sequence[_Phase]) -> ndarray:
    """A cotangent with the zeros around it that windows reach."""
    lengths = [axis.length + (axis.taps - 1) * axis.dilation for axis in phase]
    starts = [axis.shift + (axis.taps - 1) * axis.dilation for axis in phase]
    if lengths == [*ct.shape[2:]] and not any(starts):
        return ct
    out = np.zeros((*ct.shape[:2], *lengths), ct.dtype)
    ends = [min(length, start + count) for length, start, count in zip(lengths, starts, ct.shape[2:])]
    if all(end > start for start, end in zip(starts, ends)):
        target: tuple[Any, ...] = (..., *map(slice, starts, ends))
        source: tuple[Any, ...] = (..., *(slice(end - start) for start, end in zip(starts, ends)))
        out[target] = ct[source]
    return out


def _turned(w: ndarray, phase: Sequence[_Phase]) -> ndarray:
    """A kernel's elements of a phase, the last first, with inputs for outputs."""
    own = (slice(None), slice(None), *(slice(axis.first, None, axis.every) for axis in phase))
    return np.flip(w[own].swapaxes(0, 1), tuple(range(2, w.ndim)))


# ---- weigh ----


@lru_cache(256)
def _weighing(
    x_shape: Ints, ct_shape: Ints, sizes: Ints, strides: Ints, dilations: Ints, itemsize: int
) -> tuple[ndarray, int, int, int] | None:
    """A plan, and how many sums it makes: groups of images, elements of a window, outputs and what fills them up."""
    (n, o), counts, depth = ct_shape[:2], ct_shape[2:], x_shape[1] * prod(sizes)
    products = n * o * depth * prod(counts)
    unit = UNIT // itemsize
    padded = -(-o // unit) * unit
    if products < LEAST or o < USED * padded:
        return None
    width, height = counts[-1], _rows(counts)
    columns = -(-width // -(-width // RUN))
    alone = products <= ALONE
    tiles = -(-padded * itemsize // OUTPUTS)
    wanted = 1 if alone else -(-PARTS // tiles)
    each = -(-n // max(1, min(n, wanted, n * prod(counts) // LONG)))
    groups = -(-n // each)
    of_range = -(-depth // max(1, min(depth // DEPTH, -(-wanted // groups))) // 8) * 8
    ranges = -(-depth // of_range)
    steps = _steps(x_shape)
    offsets = _distances((x_shape[1], *sizes), [steps[1], *(d * t for d, t in zip(dilations, steps[2:]))])
    slices = _distances(counts[:-2], [s * t for s, t in zip(strides, steps[2:])])
    plan = Weighing(
        groups * ranges * tiles, alone, depth, o, padded, width, height, columns, max(1, RUN // width), len(slices),
        n, each, ranges, of_range, tiles, steps[0], strides[-2] * steps[-2] if len(sizes) > 1 else 0, strides[-1],
        o * prod(counts), prod(counts), height * width,
    )  # fmt: skip
    return np.concatenate([np.array(plan, np.int64), offsets, slices]), groups, depth, padded
