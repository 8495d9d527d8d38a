"""Functions along rows of large arrays, softmax and its kin: one kernel in place of several of NumPy's functions.

As in `large.py` a function is traced, here over a row of `LANES` elements, and the compiler makes a universal function
of its program, which takes rows of any length (`compile/rows.py`); they are columns where other axes follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from funcgrad.config import config
from funcgrad.core.avals import Aval
from funcgrad.core.staging import trace_graph
from funcgrad.ops.large import FLOATS, LANES, LEAST, compiled

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
        self._found: dict[tuple[str, bool], np.ufunc | None] = {}

    def __call__(self, axes: Axes, *xs: Any) -> Any:
        """The results for arrays, the first of them of rows, and floats; None where NumPy is to compute them."""
        first = xs[0]
        if type(first) is not ndarray or first.size < LEAST or not axes or not config._jit:
            return None
        outer = axes[0]
        behind = outer + len(axes)
        if axes[-1] != behind - 1:
            return None
        inner = first.shape[behind:]
        if inner:
            found = self._of_columns(xs, outer, behind, prod(inner))
        else:
            found = self._of_rows(xs, outer, len(axes))
        if type(found) is not tuple:
            return None if found is None else _shaped(found, first, outer, behind)
        return tuple([_shaped(y, first, outer, behind) for y in found])

    def _of_rows(self, xs: Sequence[Any], outer: int, many: int) -> Any:
        dtype = xs[0].dtype
        given: list[Any] = []
        for k, x in enumerate(xs):
            if type(x) is float:
                x = dtype.type(x)
            elif type(x) is not ndarray or x.dtype.char != dtype.char:
                return None
            elif k in self._numbers:
                x = x.reshape(x.shape[:outer])
            else:
                x = x if many == 1 else x.reshape(*x.shape[:outer], -1)
                x = x if x.strides[-1] == x.itemsize else np.ascontiguousarray(x)
            given.append(x)
        kernel = self._kernel(dtype.char, len(xs), False)
        return None if kernel is None else kernel(*given)

    def _of_columns(self, xs: Sequence[Any], outer: int, behind: int, width: int) -> Any:
        dtype = xs[0].dtype
        if width < LANES:
            return None
        given: list[Any] = []
        for k, x in enumerate(xs):
            if type(x) is float:
                x = np.full(width, x, dtype)
            elif type(x) is not ndarray or x.dtype.char != dtype.char:
                return None
            elif k in self._numbers:
                x = np.ascontiguousarray(x).reshape(*x.shape[:outer], width)
            else:
                x = np.ascontiguousarray(x).reshape(*x.shape[:outer], -1, width)
            given.append(x)
        kernel = self._kernel(dtype.char, len(xs), True)
        return None if kernel is None else kernel(*given)

    def _kernel(self, char: str, count: int, columns: bool) -> np.ufunc | None:
        try:
            return self._found[char, columns]
        except KeyError:
            kernel = self._found[char, columns] = self._make(char, count, columns)
            return kernel

    def _make(self, char: str, count: int, columns: bool) -> np.ufunc | None:
        if char not in FLOATS:
            return None
        dtype = np.dtype(char)
        row, number = Aval((LANES,), dtype), Aval((1,), dtype)

        def whole(*xs: Any) -> tuple[Any, ...]:
            out = self._fun(*xs, axes=(0,))
            return out if type(out) is tuple else (out,)

        avals = [number if k in self._numbers else row for k in range(count)]
        return compiled("rows", trace_graph(whole, [*avals, number]), self._name, columns)


def _shaped(y: Any, first: ndarray, outer: int, behind: int) -> Any:
    """A result with the axes of a row, of length 1 where it is one number."""
    shape = first.shape
    if y.size != first.size or y.ndim == outer:
        return y.reshape(shape[:outer] + (1,) * (behind - outer) + shape[behind:])
    return y if y.ndim == len(shape) else y.reshape(shape)
