"""Counting, distinct elements, and places in sorted ones. Nothing here has a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.torch._ops.table import named, returned
from funcgrad.torch._record.calls import Kind, call, flat, need_tensor
from funcgrad.torch._record.operands import number, promote, refuse
from funcgrad.torch._record.tape import raw
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor, fresh

COUNTS = "Counts of values"
DISTINCT = "How many elements differ"
ADVICE = "Count values that are known beforehand, and close over the result."

SEARCHSORTED, ISIN = Kind("searchsorted"), Kind("isin")


def _without_derivative(kind: Kind, x: Tensor, found: np.ndarray) -> Tensor:
    """Recorded where the tensor is: a backward pass that reaches it raises."""
    return call(kind, lambda v: fnp.where(np.False_, fnp.sum(v), found), x) if x.requires_grad else fresh(found)


# Distinct elements

UNIQUE = Kind("Unique2", "-", "the derivative for '_unique2' is not implemented.")
UNIQUE_DIM = Kind("UniqueDim", "-", "the derivative for 'unique_dim' is not implemented.")
CONSECUTIVE = Kind("UniqueConsecutive", "-", "the derivative for 'unique_consecutive' is not implemented.")


def _several(found: Tensor, inverse: Any, counts: Any, return_inverse: bool, return_counts: bool) -> Any:
    asked = [a for a, wanted in ((inverse, return_inverse), (counts, return_counts)) if wanted]
    more = [fresh(np.asarray(a, np.int64)) for a in asked]
    return (found, *more) if more else found


def _slices(x: Tensor, dim: int | None) -> int | None:
    """The dimension whose slices are compared, checked; None for the elements."""
    refuse(x, "c", "unique" if dim is None else "unique_dim")
    if dim is None:
        return None
    axis = dimension(dim, x.dim())
    if not x.dim():
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    if (x.shape[axis] and not x.numel()) or x.shape.count(0) > 1:
        raise RuntimeError("There are 0 sized dimensions, and they aren't selected, so unique cannot be applied")
    return axis


@named()
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements (or slices along `dim`) in order, where each element is among them, and their counts."""
    need_tensor(input, "unique")
    axis = _slices(input, dim)
    v = input._array(DISTINCT, ADVICE)
    found, inverse, counts = np.unique(v, return_inverse=True, return_counts=True, axis=axis, equal_nan=False)
    inverse = inverse.reshape(v.shape if axis is None else (-1,))
    kind = UNIQUE if axis is None else UNIQUE_DIM
    return _several(_without_derivative(kind, input, found), inverse, counts, return_inverse, return_counts)


@named()
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The elements (or slices along `dim`) that differ from the one before, as `unique`."""
    need_tensor(input, "unique_consecutive")
    axis = _slices(input, dim)
    v = input._array(DISTINCT, ADVICE)
    width = 1 if axis is None else v.size // max(v.shape[axis], 1)
    rows = v.reshape(-1, 1) if axis is None else np.moveaxis(v, axis, 0).reshape(v.shape[axis], width)
    new = np.concatenate([np.ones(min(1, len(rows)), bool), (rows[1:] != rows[:-1]).any(1)])
    starts = np.flatnonzero(new)
    counts = np.diff(np.append(starts, len(rows)))
    inverse = np.cumsum(new) - 1
    if axis is None:
        found, inverse = v.reshape(-1)[starts], inverse.reshape(v.shape)
    else:
        found = np.take(v, starts, axis)
    return _several(_without_derivative(CONSECUTIVE, input, found), inverse, counts, return_inverse, return_counts)


# Histograms


@named()
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each number from 0 occurs, or the sum of its weights."""
    need_tensor(input, "bincount")
    refuse(input, "bfc", "bincount_cpu")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    v = input._array(COUNTS, ADVICE)
    if v.ndim != 1 or (v.size and v.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is None or not v.size:
        return fresh(np.bincount(v, minlength=minlength))
    w = weights._array(COUNTS, ADVICE)
    if w.shape != v.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    kind = np.float32 if w.dtype == np.float32 else np.float64
    return flat("bincount", np.bincount(v, w.real, minlength).astype(kind), weights)


def _limits(v: np.ndarray, low: Any, high: Any, apart: float, function: str) -> tuple[Any, Any]:
    """The ends of the bins: those of the values where none are given, so far apart where all are equal."""
    if low == high and v.size:
        low, high = v.min(), v.max()
    elif low == high:
        return (low, low + 1)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"{function}: range of [{_shown(low)}, {_shown(high)}] is not finite")
    return (low - apart, high + apart) if low == high else (low, high)


def _shown(x: Any) -> str:
    return f"{float(x):g}"


def _check_bins(bins: int) -> None:
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")


@named(out=True)
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements are in each of so many equal parts of [min, max] (of their own range by default)."""
    need_tensor(input, "histc")
    refuse(input, "b", "linspace_cpu")
    refuse(input, "c", "aminmax_cpu" if min == max else "linspace_cpu")
    refuse(input, "iu", "histogram_cpu")
    _check_bins(bins)
    v = input._array(COUNTS, ADVICE).reshape(-1)
    low, high = (v.dtype.type(end) for end in _limits(v, min, max, 1, "torch.histc"))
    if low > high:
        raise RuntimeError("torch.histc: max must be larger than min")
    inside = v[(v >= low) & (v <= high)]
    at = ((inside - low) * v.dtype.type(bins) / (high - low)).astype(np.int64)
    return flat("histc", np.bincount(np.minimum(at, bins - 1), minlength=bins).astype(v.dtype), input)


HISTOGRAM = Kind("NotImplemented", "-", "derivative for aten::histogram is not implemented")


@named(out=True)
def histogram(
    input: Tensor,
    bins: Any = 100,
    *,
    range: tuple[float, float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """How many elements are in each bin, and the bins' edges; `bins` is a number of equal bins, or the edges.

    Elements count as their weights; with `density` the integral is one.
    """
    need_tensor(input, "histogram")
    refuse(input, "biuc", "histogramdd")
    v = input._array(COUNTS, ADVICE).reshape(-1)
    if isinstance(bins, Tensor):
        if bins.dtype is not input.dtype:
            raise RuntimeError(
                "torch.histogramdd: input tensor and bins tensors should have the same dtype, but got input with dtype "
                f"{input.dtype.short} and bins for dimension 0 with dtype {bins.dtype.short}"
            )
        edges = bins._array(COUNTS, ADVICE)
        if edges.ndim != 1 or not edges.size:
            needed, there = ("at least 1 element", "0 elements")
            if edges.ndim != 1:
                needed, there = "one dimension", f"{edges.ndim} dimensions"
            raise RuntimeError(
                f"torch.histogramdd: bins tensor should have {needed}, but got {there} in the bins tensor for "
                "dimension 0"
            )
    else:
        _check_bins(bins)
        low, high = range or (0, 0)
        if range and low == high:
            low, high = low - 0.5, high + 0.5
        if low > high:
            raise RuntimeError(
                f"torch.histogramdd: min should not exceed max, but got min {_shown(low)} max {_shown(high)} for "
                "dimension 0"
            )
        edges = np.linspace(*_limits(v, low, high, 0.5, "torch.histogramdd"), bins + 1, dtype=v.dtype)
    found, _ = np.histogram(v, edges, weights=_weights(input, weight), density=density)
    return returned(
        "histogram", tuple([_without_derivative(HISTOGRAM, input, a.astype(v.dtype)) for a in (found, edges)])
    )


def _weights(x: Tensor, weight: Tensor | None) -> np.ndarray | None:
    if weight is None:
        return None
    if weight.dtype is not x.dtype:
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor should have the same "
            f"dtype, but got input({x.dtype.short}), and weight({weight.dtype.short})"
        )
    if weight.numel() != x.numel():
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided it should have the same shape as the input tensor "
            f"excluding its innermost dimension, but got input with shape [{x.numel()}, 1] and weight with shape "
            f"[{weight.numel()}]"
        )
    return weight._array(COUNTS, ADVICE).reshape(-1)


# Places in sorted elements


def _as_tensor(x: Any) -> Any:
    x = number(x)
    return x if isinstance(x, Tensor) else fresh(np.asarray(x, dtypes.of_number(x)))


def _insertions(edges: Any, v: Any, right: bool) -> Any:
    """Where values are to be inserted: rows of edges in all but the last dimension are those of the values.

    By halving, as PyTorch does it: what it finds in rows with NaN, or out of order, is the same too.
    """
    one_row, size = len(edges.shape) == 1, edges.shape[-1]
    start = fnp.zeros(v.shape, np.int64)
    end = fnp.full(v.shape, size)
    for _ in range(size.bit_length()):
        open_ = fnp.less(start, end)
        middle = fnp.where(open_, (start + end) // 2, 0)
        at = fnp.take(edges, middle) if one_row else fnp.take_along_axis(edges, middle, -1)
        reached = fnp.greater(at, v) if right else fnp.greater_equal(at, v)
        start, end = (
            fnp.where(fnp.logical_and(open_, fnp.logical_not(reached)), middle + 1, start),
            fnp.where(fnp.logical_and(open_, reached), middle, end),
        )
    return start


@named(method=False, out=True)
def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Where values are to be inserted so that the sequence, or each of its rows, stays sorted."""
    edges, v = sorted_sequence, _as_tensor(input)
    need_tensor(edges, "searchsorted")
    _check_sequence(edges, v)
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    ready = promote(edges, v)
    if v.numel():
        refuse(ready[0], "bc", "searchsorted_out_cpu")
    operands = ready if sorter is None else [*ready, _checked(sorter, edges)]

    def find(e: Any, x: Any, order: Any = None) -> Any:
        e = raw(e) if order is None else fnp.take_along_axis(raw(e), raw(order), -1)
        return _insertions(e, raw(x), right or side == "right").astype(np.int32 if out_int32 else np.int64)

    return call(SEARCHSORTED, find, *operands)


def _check_sequence(edges: Tensor, v: Tensor) -> None:
    if not v.dim() and edges.dim() != 1:
        raise RuntimeError(
            "torch.searchsorted(): input value can be a scalar only when boundaries tensor dimension is 1, but we got "
            f"boundaries tensor dim({edges.dim()}) and input value's dim(0) numel(1)"
        )
    if not edges.dim():
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 dimension"
        )
    if edges.dim() > 1 and edges.shape[:-1] != v.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
            f"tensor and input value tensor must match, but we got boundaries tensor {list(edges.shape)} and input "
            f"value tensor {list(v.shape)}"
        )


def _checked(sorter: Tensor, edges: Tensor) -> Tensor:
    if sorter.shape != edges.shape:
        raise RuntimeError(
            "torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor "
            f"{list(edges.shape)}and got sorter tensor {list(sorter.shape)}"
        )
    places = raw(sorter._read())
    if isinstance(places, np.ndarray) and places.size and not (0 <= places.min() <= places.max() < places.shape[-1]):
        raise RuntimeError("torch.searchsorted(): sorter index out of range")
    return sorter


@named(method=False, out=True)
def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """Which of the parts between sorted boundaries values are in: boundaries in the one below, or above (`right`)."""
    need_tensor(boundaries, "bucketize")
    if boundaries.dim() != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.dim()})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


@named(method=False, out=True)
def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each element is among the others."""
    x, y = _as_tensor(elements), _as_tensor(test_elements)
    for t in (x, y):
        if t._read().dtype.kind in "bc":
            raise RuntimeError(f"Unsupported input type encountered for isin(): {t.dtype.title}")
    return call(ISIN, lambda a, b: fnp.isin(raw(a), raw(b), invert=invert), x, y)
