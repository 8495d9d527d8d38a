"""Segments along a dimension, each reduced to one element."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.torch._ops import kinks
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.operands import refuse
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor

SEGMENT_REDUCE = Kind("SegmentReduce", "xr")
IMPROVED = "(Could this error message be improved?  If so, please report an enhancement request to PyTorch.)"


def _total(part: Any, start: Any) -> Any:
    return fnp.sum(part, axis=0) + (0 if start is None else start)


def _mean(part: Any, start: Any) -> Any:
    count = part.shape[0]
    if not count:
        return fnp.full(part.shape[1:], np.nan if start is None else start, part.dtype)
    return _total(part, start) / count


def _product(part: Any, start: Any) -> Any:
    found = fnp.prod(part, axis=0)
    return found if start is None else found * part.dtype.type(start)


def _extreme(fun: Callable[..., Any], worst: float, better: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def reduced(part: Any, start: Any) -> Any:
        begin = worst if start is None else start
        if not part.shape[0]:
            return fnp.full(part.shape[1:], begin, part.dtype)
        found = kinks.shared_by_nans(lambda v: fun(v, axis=0), part, 0)
        return fnp.where(better(begin, found), part.dtype.type(begin), found)

    return reduced


_largest = _extreme(fnp.max, -np.inf, fnp.greater)
_smallest = _extreme(fnp.min, np.inf, fnp.less)
REDUCED: dict[str, Callable[[Any, Any], Any]] = {
    "sum": _total, "mean": _mean, "prod": _product, "max": _largest, "amax": _largest, "min": _smallest,
    "amin": _smallest,
}  # fmt: skip


def _by_segments(v: Any, reduce: str, edges: np.ndarray, start: float | None) -> Any:
    """``(rows, n, *)`` to ``(rows, segments, *)``; `edges` has the places at which a row's segments begin and end."""
    rows = []
    for row, ends in enumerate(edges):
        parts = [REDUCED[reduce](v[row, a:b], start) for a, b in pairwise(ends)]
        rows.append(fnp.stack(parts) if parts else v[row, :0])
    return fnp.stack(rows) if rows else fnp.reshape(v, (0, edges.shape[1] - 1, *v.shape[2:]))


@named(method=False)
def segment_reduce(
    data: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    indices: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: Any = None,
) -> Tensor:
    """Each segment along `axis` reduced to its sum, mean, product, maximum or minimum.

    `lengths` says how long segments are, `offsets` where they begin and the last one ends; both have a row for each of
    the dimensions before `axis`. `initial` is a further element of each segment, which a mean does not count.
    """
    axis = dimension(axis, data.dim())
    if reduce not in REDUCED:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported yet.")
    given, name = (lengths, "lengths") if offsets is None else (offsets, "offsets")
    if given is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    places = given._array("`segment_reduce`")
    if data.dim() < given.dim():
        raise RuntimeError(f"Expected data.dim() >= {name}_value.dim() to be true, but got false.  {IMPROVED}")
    if given.dim() - 1 != axis:
        raise RuntimeError(f"segment_reduce(): Expected axis to be the last dimension of {name} but got {axis}.")
    refuse(data, "iubc", "_segment_reduce_cpu")
    n = data.shape[axis]
    if name == "lengths":
        refuse(given, "fcb", "_segment_reduce_lengths_cpu_kernel1")
        if not unsafe and places.size and places.min() < 0:
            raise RuntimeError("lengths contains negative value!")
        if not unsafe and np.any(places.sum(-1) != n):
            raise RuntimeError(
                "segment_reduce(): Expected all rows of lengths along axis to sum to data.size(lengths.dim()-1) when "
                "!unsafe."
            )
        places = np.concatenate([np.zeros((*places.shape[:-1], 1), np.int64), np.cumsum(places, -1)], -1)
    ahead, rest = tuple(data.shape[:axis]), tuple(data.shape[axis + 1 :])
    edges = places.reshape(-1, places.shape[-1])

    def by_rows(v: Any) -> Any:
        found = _by_segments(fnp.reshape(v, (len(edges), n, *rest)), reduce, edges, initial)
        return fnp.reshape(found, (*ahead, edges.shape[1] - 1, *rest))

    return call(SEGMENT_REDUCE, by_rows, data)
