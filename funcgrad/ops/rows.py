"""Functions along rows of large arrays, softmax and its kin: one kernel in place of several of NumPy's functions.

As in `large.py` a function is traced, here over a row of `LANES` elements, and the compiler makes a universal function
of its program, which takes rows of any length (`compile/rows.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from funcgrad.config import config
from funcgrad.core.avals import Aval
from funcgrad.core.graph import trace_graph
from funcgrad.ops.large import FLOATS, LEAST, compiled

LANES = 8
"""Of the row that a function is traced over."""
Axes = tuple[int, ...]


class Rows:
    """A function along rows as universal functions, one for each dtype: `fun(*arrays, count, axes)`.

    It is traced. Arrays have their axes, of length 1 where they have one number for each row: so it must give its
    results, and so it gets the arguments at the positions `numbers`, and `count`, how many elements a row has.
    """

    __slots__ = ("_found", "_fun", "_name", "_numbers")

    def __init__(self, fun: Callable[..., Any], name: str, numbers: Sequence[int] = ()) -> None:
        self._fun = fun
        self._name = name
        self._numbers = numbers
        self._found: dict[str, np.ufunc | None] = {}

    def __call__(self, axes: Axes, *xs: Any) -> Any:
        """The results for arrays, the first of them of rows, and floats; None where NumPy is to compute them."""
        first = xs[0]
        if type(first) is not np.ndarray or first.size < LEAST or not axes or not config.jit:
            return None
        rank, char = first.ndim, first.dtype.char
        if axes[0] != rank - len(axes) or not all(type(x) is float or _is_array(x, char) for x in xs):
            return None
        try:
            kernel = self._found[char]
        except KeyError:
            kernel = self._found[char] = self._make(char, len(xs))
        if kernel is None:
            return None
        outer = first.shape[: axes[0]]
        row = (*outer, first.size // max(prod(outer), 1))
        out = kernel(*[self._given(k, x, first.dtype, outer, row) for k, x in enumerate(xs)])
        shapes = {len(outer): outer + (1,) * len(axes), len(row): first.shape}
        if type(out) is tuple:
            return tuple([y.reshape(shapes[y.ndim]) for y in out])
        return np.reshape(out, shapes[out.ndim])

    def _given(self, k: int, x: Any, dtype: np.dtype, outer: tuple[int, ...], row: tuple[int, ...]) -> Any:
        """A float, numbers of rows, or rows that are contiguous along one axis."""
        if type(x) is float:
            return dtype.type(x)
        if k in self._numbers:
            return x.reshape(outer)
        x = x.reshape(row)
        return x if x.strides[-1] == x.itemsize else np.ascontiguousarray(x)

    def _make(self, char: str, count: int) -> np.ufunc | None:
        if char not in FLOATS:
            return None
        dtype = np.dtype(char)
        row, number = Aval((LANES,), dtype), Aval((1,), dtype)

        def whole(*xs: Any) -> tuple[Any, ...]:
            out = self._fun(*xs, axes=(0,))
            return out if type(out) is tuple else (out,)

        avals = [number if k in self._numbers else row for k in range(count)]
        return compiled("rows", trace_graph(whole, [*avals, number]), self._name)


def _is_array(x: Any, char: str) -> bool:
    return type(x) is np.ndarray and x.dtype.char == char
