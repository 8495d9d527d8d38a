"""Arrays with a border."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad.numpy.applying import apply_along_axis
from funcgrad.numpy.creation import linspace
from funcgrad.numpy.dispatch import Array, numpy_function
from funcgrad.numpy.quantiles import median
from funcgrad.numpy.reductions import max, min
from funcgrad.numpy.shaping import broadcast_to
from funcgrad.numpy.statistics import mean
from funcgrad.ops import broadcasting, structure
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import as_array

__all__ = ["pad"]

Widths = Sequence[tuple[int, int]]
_STATISTICS: dict[str, Callable[..., Array]] = {"maximum": max, "mean": mean, "median": median, "minimum": min}
_OPTIONS = {
    "constant": "constant_values",
    "linear_ramp": "end_values",
    **dict.fromkeys(_STATISTICS, "stat_length"),
    **dict.fromkeys(("reflect", "symmetric"), "reflect_type"),
    **dict.fromkeys(("edge", "empty", "wrap")),
}
"""The modes, and the keyword that each takes."""


@numpy_function(np)
def pad(array: Array, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Array:
    """The array with a border of `pad_width` elements, which are made as `mode` says, with NumPy's keywords.

    The mode "empty" fills with zeros. A function as mode gets each vector with zeros for its border, the widths of the
    border, the axis, and a dict of the other keywords; it writes the border, or returns a new vector as in JAX.

    Example:
        >>> import numpy as np
        >>> pad(np.array([1.0, 2.0]), (1, 2), mode="linear_ramp", end_values=5.0)
        array([5. , 1. , 2. , 3.5, 5. ])
    """
    array = as_array(array)
    widths = _widths(pad_width, array.ndim)
    if callable(mode):
        return _by_function(array, widths, mode, kwargs)
    if mode not in _OPTIONS:
        raise ValueError(f"mode '{mode}' is not supported")
    if set(kwargs) - {_OPTIONS[mode]}:
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {set(kwargs) - {_OPTIONS[mode]}}")
    if mode in ("constant", "empty"):
        return _with_constants(array, widths, kwargs.get("constant_values", 0))
    for axis, width in enumerate(widths):
        if array.size == 0 and array.shape[axis] == 0 and any(width):
            raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
    if array.size == 0:
        return structure.pad(array, widths=tuple(widths))
    if mode == "linear_ramp":
        return _with_ramps(array, widths, kwargs.get("end_values", 0))
    if mode in _STATISTICS:
        return _with_statistics(array, widths, mode, kwargs.get("stat_length"))
    odd = kwargs.get("reflect_type", "even") == "odd"
    for axis, width in enumerate(widths):
        if width != (0, 0):
            array = (_reflected_oddly if odd and array.shape[axis] > 1 else _by_index)(array, axis, width, mode)
    return array


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    if isinstance(pad_width, dict):
        pad_width = [pad_width.get(i, pad_width.get(i - ndim, (0, 0))) for i in range(ndim)]
        pad_width = [(w, w) if np.ndim(w) == 0 else w for w in pad_width]
    given = np.asarray(pad_width)
    if given.dtype.kind != "i":
        raise TypeError("`pad_width` must be of integral type.")
    if np.any(given < 0):
        raise ValueError("index can't contain negative values")
    return [(int(before), int(after)) for before, after in np.broadcast_to(given, (ndim, 2))]


def _joined(array: Array, axis: int, before: Array, after: Array) -> Array:
    return structure.concatenate(*(ew.convert(x, dtype=array.dtype) for x in (before, array, after)), axis=axis)


def _filled(array: Array, axis: int, n: int, value: Array) -> Array:
    """`n` times a value, or a part of length 1, along an axis."""
    return broadcasting.broadcast_to(value, shape=(*array.shape[:axis], n, *array.shape[axis + 1 :]))


def _part(array: Array, axis: int, start: int | None, stop: int | None) -> Array:
    return array[(slice(None),) * axis + (slice(start, stop),)]


def _by_function(array: Array, widths: Widths, mode: Callable[..., Any], options: dict[str, Any]) -> Array:
    def bordered(vector: Array, *args: Any) -> Array:
        y = mode(vector, *args)
        return vector if y is None else y

    array = structure.pad(array, widths=tuple(widths))
    for axis, width in enumerate(widths):
        array = apply_along_axis(bordered, axis, array, width, axis, options)
    return array


def _with_constants(array: Array, widths: Widths, values: Any) -> Array:
    values = as_array(values)
    if isinstance(values, np.ndarray) and not values.any():
        return structure.pad(array, widths=tuple(widths))
    values = broadcast_to(values, (array.ndim, 2))
    for axis, width in enumerate(widths):
        ends = (_filled(array, axis, n, value) for n, value in zip(width, values[axis]))
        array = _joined(array, axis, *ends)
    return array


def _with_ramps(array: Array, widths: Widths, ends: Any) -> Array:
    ends = broadcast_to(as_array(ends), (array.ndim, 2))
    for axis, (before, after) in enumerate(widths):
        first, last = array[(slice(None),) * axis + (0,)], array[(slice(None),) * axis + (-1,)]
        start = linspace(ends[axis, 0], first, before, False, dtype=array.dtype, axis=axis)
        stop = linspace(ends[axis, 1], last, after, False, dtype=array.dtype, axis=axis)
        array = _joined(array, axis, start, structure.flip(stop, axes=(axis,)))
    return array


def _with_statistics(array: Array, widths: Widths, mode: str, lengths: Any) -> Array:
    if lengths is not None:
        lengths = np.broadcast_to(np.asarray(lengths), (array.ndim, 2)).tolist()
    for axis, (before, after) in enumerate(widths):
        n = array.shape[axis]
        spans = [n, n] if lengths is None else [n if l is None or l > n else int(l) for l in lengths[axis]]
        if 0 in spans and mode in ("maximum", "minimum"):
            raise ValueError("stat_length of 0 yields no value for padding")
        ends = []
        for part, width in ((_part(array, axis, 0, spans[0]), before), (_part(array, axis, n - spans[1], n), after)):
            value = _STATISTICS[mode](part, axis=axis, keepdims=True)
            if array.dtype.kind in "iu":
                value = ew.rint(value)
            ends.append(_filled(array, axis, width, value))
        array = _joined(array, axis, *ends)
    return array


def _by_index(array: Array, axis: int, width: tuple[int, int], mode: str) -> Array:
    """The new elements are copies of old ones: NumPy pads the indices."""
    index = np.pad(np.arange(array.shape[axis]), width, mode=mode)  # type: ignore[call-overload]
    return array[(slice(None),) * axis + (index,)]


def _reflected_oddly(array: Array, axis: int, width: tuple[int, int], mode: str) -> Array:
    """Turned about the points at the ends, again until there is enough: twice the end minus the reflection."""
    before, after = width
    own = mode == "symmetric"
    reach = array.shape[axis] - (not own)
    while before or after:
        left, right = builtins.min(before, reach), builtins.min(after, reach)
        first, last = _part(array, axis, 0, 1), _part(array, axis, -1, None)
        skipped = 0 if own else 1
        n = array.shape[axis]
        start = 2 * first - structure.flip(_part(array, axis, skipped, skipped + left), axes=(axis,))
        stop = 2 * last - structure.flip(_part(array, axis, n - skipped - right, n - skipped), axes=(axis,))
        array = _joined(array, axis, start, stop)
        before, after = before - left, after - right
    return array
