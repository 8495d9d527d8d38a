"""JAX's `jax.ops`: the parts of an array that belong together, each reduced to one element."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.provenance import at, here
from funcgrad.core.staging import concretization_error
from funcgrad.core.trace import Tracer, known
from funcgrad.ops.bounds import CLIP, FILL, mode_of, update_within
from funcgrad.ops.elementwise import clip, convert, stop_gradient, where
from funcgrad.ops.operands import as_array

__all__ = ["segment_max", "segment_min", "segment_prod", "segment_sum"]


def segment_sum(
    data: Any,
    segment_ids: Any,
    num_segments: int | None = None,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    bucket_size: int | None = None,
    mode: str | None = None,
) -> Any:
    """The sum of the elements along the leading axis that have the same number in `segment_ids`.

    Args:
        data: an array of shape ``(n, ...)``.
        segment_ids: integers of shape ``(n,)``, in any order. Elements whose number is out of bounds are left out.
        num_segments: how many there are; by default as many as the largest number says, which must be known: under
            `jit` and `vmap` give it.
        indices_are_sorted, unique_indices, bucket_size: JAX's, which change nothing here.
        mode: "clip" counts numbers out of bounds to the nearest segment.

    Returns:
        An array of shape ``(num_segments, ...)`` and the dtype of `data`; 0 where a segment has no elements.

    Raises:
        TypeError: `segment_ids` are no integers.
        ValueError: `segment_ids` have not one number for each element along the leading axis.
        ConcretizationError: `num_segments` is not given, and `segment_ids` are only traced.

    Example:
        >>> import numpy as np
        >>> segment_sum(np.array([1.0, 2.0, 4.0]), np.array([0, 2, 0]), 4)
        array([5., 0., 2., 0.])
    """
    return _reduced("segment_sum", "add", data, segment_ids, num_segments, mode)


def segment_prod(
    data: Any,
    segment_ids: Any,
    num_segments: int | None = None,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    bucket_size: int | None = None,
    mode: str | None = None,
) -> Any:
    """The product where `segment_sum` has the sum; 1 where a segment has no elements.

    Example:
        >>> import numpy as np
        >>> segment_prod(np.array([3.0, 2.0, 4.0]), np.array([0, 1, 0]))
        array([12.,  2.])
    """
    return _reduced("segment_prod", "multiply", data, segment_ids, num_segments, mode)


def segment_max(
    data: Any,
    segment_ids: Any,
    num_segments: int | None = None,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    bucket_size: int | None = None,
    mode: str | None = None,
) -> Any:
    """The largest element where `segment_sum` has the sum; -inf, or the lowest integer, where there is none.

    Equal elements share the derivative.

    Example:
        >>> import numpy as np
        >>> segment_max(np.array([3.0, 2.0, 4.0]), np.array([0, 1, 0]))
        array([4., 2.])
    """
    return _reduced("segment_max", "max", data, segment_ids, num_segments, mode)


def segment_min(
    data: Any,
    segment_ids: Any,
    num_segments: int | None = None,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    bucket_size: int | None = None,
    mode: str | None = None,
) -> Any:
    """The smallest element where `segment_sum` has the sum; inf, or the highest integer, where there is none.

    Equal elements share the derivative.

    Example:
        >>> import numpy as np
        >>> segment_min(np.array([3.0, 2.0, 4.0]), np.array([0, 1, 0]))
        array([3., 2.])
    """
    return _reduced("segment_min", "min", data, segment_ids, num_segments, mode)


def _reduced(name: str, operation: str, data: Any, ids: Any, count: int | None, mode: str | None) -> Any:
    data, ids, rule = as_array(data), as_array(ids), FILL if mode is None else mode_of(mode)
    if ids.dtype.kind not in "iu":
        raise TypeError(f"{name}: segment_ids must be integers, not {ids.dtype}: write ids.astype(int){at(here())}")
    if ids.ndim != 1 or data.shape[:1] != ids.shape:
        raise ValueError(
            f"{name}: segment_ids must have one number for each element along the leading axis of data, but the shapes "
            f"are {ids.shape} and {data.shape}{at(here())}"
        )
    if data.dtype.kind == "b" and operation in ("add", "multiply"):
        data = convert(data, dtype=np.dtype(np.intp))
    size = _size(name, ids, count)
    start = np.full((size, *data.shape[1:]), _first(name, operation, data.dtype), data.dtype)
    ids = convert(ids, dtype=np.dtype(np.intp))
    # negative numbers are out of bounds too, and do not count from the end
    ids = clip(ids, 0, max(size - 1, 0)) if rule == CLIP else where(ids < 0, size, ids)
    return update_within(start, ids, data, operation, rule)


def _size(name: str, ids: Any, count: int | None) -> int:
    if isinstance(count, Tracer) and known(count) is None:
        raise concretization_error(count, f"num_segments of `{name}`", "Make num_segments a static argument of jit.")
    if count is None:
        numbers = known(ids)
        if numbers is None:
            remedy = "Give num_segments, a size that Python knows."
            raise concretization_error(stop_gradient(ids), f"how many segments `{name}` has", remedy)
        return int(np.max(numbers, initial=-1)) + 1
    count = int(known(count))
    if count < 0:
        raise ValueError(f"{name}: num_segments must not be negative, but is {count}{at(here())}")
    return count


def _first(name: str, operation: str, dtype: np.dtype) -> Any:
    """What an operation begins with."""
    if operation in ("add", "multiply"):
        return int(operation == "multiply")
    if dtype.kind == "c":
        raise TypeError(f"{name}: complex numbers have no order{at(here())}")
    lowest = operation == "max"
    if dtype.kind == "f":
        return -np.inf if lowest else np.inf
    if dtype.kind == "b":
        return not lowest
    return np.iinfo(dtype).min if lowest else np.iinfo(dtype).max
