"""`at`: new arrays in which some places are changed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.core import provenance
from funcgrad.core.trace import Tracer
from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops.bounds import get_within, mode_of, update_within
from funcgrad.ops.operands import as_array

__all__ = ["at"]

Mode = str | None


class At:
    """`at(x)[idx]`, and `x.at[idx]` of traced values: see `at`."""

    __slots__ = ("_x",)

    def __init__(self, x: Array) -> None:
        self._x = as_array(x)

    def __getitem__(self, idx: Any) -> Place:
        return Place(self._x, idx)

    def __repr__(self) -> str:
        return f"at({self._x!r})"


at = At
"""`at(x)[idx].set(v)` is a new array with `v` at the index; also `add`, `multiply`, `min`, `max`, `get`, ..."""


class Place:
    """An index into an array; the methods return new arrays and leave the old one as it is.

    Values broadcast against `x[idx]` and take the dtype of `x`. Where an index occurs several times, `set` keeps the
    last of the values, and all other methods count each of them.

    `mode` says what an integer out of bounds does. None and "promise_in_bounds": it raises IndexError, as in NumPy.
    "clip": it means the nearest place. "drop" and "fill", which are the same: updates leave it out, and `get` returns
    `fill_value` for it. In all modes negative ones count from the end first. JAX's `indices_are_sorted` and
    `unique_indices` are promises, which change nothing but where `apply` says so.

    Example:
        >>> import numpy as np
        >>> at(np.zeros(3))[1:].set(2.0)
        array([0., 2., 2.])
        >>> at(np.zeros(3))[np.array([0, 3])].add(1.0, mode="drop")
        array([1., 0., 0.])
    """

    __slots__ = ("_idx", "_x")

    def __init__(self, x: Array, idx: Any) -> None:
        self._x = x
        self._idx = idx

    def get(
        self,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Mode = None,
        fill_value: Any = None,
    ) -> Array:
        """The elements, as `x[idx]`.

        `fill_value` is cast to the dtype; with it, `mode` is "fill" unless it is given. By default it is NaN, for
        integers the lowest (unsigned: the highest), for truth values True.
        """
        return get_within(self._x, self._idx, mode_of(mode, fill_value), fill_value)

    def set(
        self, values: Array, /, *, indices_are_sorted: bool = False, unique_indices: bool = False, mode: Mode = None
    ) -> Array:
        """The array with `values` there."""
        return self._updated(values, "set", mode)

    def add(
        self, values: Array, /, *, indices_are_sorted: bool = False, unique_indices: bool = False, mode: Mode = None
    ) -> Array:
        """The array with `values` added there."""
        return self._updated(values, "add", mode)

    def subtract(
        self, values: Array, /, *, indices_are_sorted: bool = False, unique_indices: bool = False, mode: Mode = None
    ) -> Array:
        """The array with `values` subtracted there."""
        return self._updated(values, "subtract", mode)

    def multiply(
        self, values: Array, /, *, indices_are_sorted: bool = False, unique_indices: bool = False, mode: Mode = None
    ) -> Array:
        """The array multiplied by `values` there."""
        return self._updated(values, "multiply", mode)

    mul = multiply

    def divide(
        self, values: Array, /, *, indices_are_sorted: bool = False, unique_indices: bool = False, mode: Mode = None
    ) -> Array:
        """The array divided by `values` there; integers become floats."""
        return self._by_product(ew.div, values, mode_of(mode))

    def power(
        self, values: Array, /, *, indices_are_sorted: bool = False, unique_indices: bool = False, mode: Mode = None
    ) -> Array:
        """The array raised to the power `values` there."""
        return self._by_product(ew.pow, values, mode_of(mode))

    def min(
        self, values: Array, /, *, indices_are_sorted: bool = False, unique_indices: bool = False, mode: Mode = None
    ) -> Array:
        """The array with the smaller of its elements and `values` there."""
        return self._updated(values, "min", mode)

    def max(
        self, values: Array, /, *, indices_are_sorted: bool = False, unique_indices: bool = False, mode: Mode = None
    ) -> Array:
        """The array with the larger of its elements and `values` there."""
        return self._updated(values, "max", mode)

    def apply(
        self,
        func: Callable[[Any], Any],
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Mode = None,
    ) -> Array:
        """The array with `func` of its elements there, a function that maps elements; several times where `idx` does.

        Where index arrays are only traced, nobody knows how often they name a place: it takes `unique_indices=True`.
        """
        rule = mode_of(mode)
        counts = self._counts(rule, unique_indices)
        x = self._x
        for turn in range(int(counts.max(initial=0))):
            part = get_within(x, self._idx, rule, 1)
            new = ew.convert(as_array(func(part)), dtype=x.dtype)
            if turn:
                new = ew.where(get_within(counts, self._idx, rule, 0) > turn, new, part)
            x = update_within(x, self._idx, new, "set", rule)
        return x

    def _updated(self, values: Array, operation: str, mode: Mode) -> Array:
        out = update_within(self._x, self._idx, values, operation, mode_of(mode))
        if isinstance(out, Tracer) and not out._trace.sees_inside and provenance.is_thrown_away(sys._getframe(2)):
            raise TypeError(
                f"Write x = x.at[i].{operation}(v), or x[i] = v. The result of `at[].{operation}`"
                f"{provenance.at(provenance.here())} is thrown away: it is a new array, and the old one stays as it is."
            )
        return out

    def _counts(self, rule: str, unique: bool) -> np.ndarray:
        """How often the index names each place, or once all, where that is said or cannot be otherwise."""
        entries = self._idx if type(self._idx) is tuple else (self._idx,)
        unknown = [i for i in entries if isinstance(i, Tracer) and i._as_plain() is None]
        if unique or (unknown and all(i.size == 1 or i.dtype.kind == "b" for i in unknown)):
            return np.ones(self._x.shape, int)
        if unknown:
            raise TypeError(
                "Where the index names each place once, say unique_indices=True. `apply` at an index that is only "
                f"traced{provenance.at(provenance.here())}: how often it names a place is not known."
            )
        return update_within(np.zeros(self._x.shape, int), self._idx, 1, "add", rule)

    def _by_product(self, op: Callable[[Any, Any], Any], values: Array, rule: str) -> Array:
        """An operation whose repetition is the operation with a product, on the elements that are named only."""
        x = self._x
        factors = update_within(np.ones(x.shape, x.dtype), self._idx, values, "multiply", rule)
        new = op(get_within(x, self._idx, rule, 1), get_within(factors, self._idx, rule, 1))
        return update_within(x if new.dtype == x.dtype else ew.convert(x, dtype=new.dtype), self._idx, new, "set", rule)
