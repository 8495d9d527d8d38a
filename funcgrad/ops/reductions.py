"""Reductions of large arrays by kernels: sums, products and extremes over any axes, places of extremes along one."""

from __future__ import annotations

from collections.abc import Callable
from math import fsum, inf, prod
from typing import Any

import numpy as np
from numpy import ndarray

from funcgrad.config import config
from funcgrad.core.avals import Aval
from funcgrad.core.staging import trace_graph
from funcgrad.ops.large import FLOATS, LANES, LARGEST, compiled, keep_memory

LEAST_REDUCED = 2**15
"""Elements from which on kernels reduce: what is around the call of one takes some 7 us."""
LONG = 512
"""Elements of a row up to which what NumPy does for each row counts."""
PART = 2**14
"""Elements of the parts of longer rows, about."""
WIDE = 64
"""Columns from which on NumPy goes down them as fast as a core can, and as many or more as narrow ones become."""
LEAST_WIDE = 2**18
"""Elements from which on kernels reduce them all the same, in blocks that threads share."""
DEEP = 8
"""Elements of such columns below which they are NumPy's too."""
LEAST_PLACED = 2**14
"""Elements from which on kernels look for the places of extremes."""
PLACED = 8
"""Elements of a row up to which they do, and columns from which on."""


class Reduction:
    """`ufunc.reduce(x, axes)` for a tuple of axes that rises, by kernels where they are faster (`bench/kernels.py`).

    To NumPy rows are sums one after another, with some 15 ns for each, and products go number by number. Long rows are
    cut, so that threads share them. Arrays of few columns are read as rows of several of their rows. Down many columns
    NumPy adds row to row, kernels do so in blocks, each in the nearest cache, which threads share. Errors and warnings
    are NumPy's.

    `rule` is the primitive, for kernels to be traced. Rows of more than LONG elements are NumPy's where there are less
    than `least_long` in all, or more than `longest` in one; so are more than `widest` columns, and whole arrays of less
    than `least_whole`.

    Kernels add and multiply in another order. Where that comes to an infinity or NaN, or on its way a product to what
    is below the normal numbers (kernels make zeros of it, see `rowtext.py`), NumPy computes the row: multiplied in
    pairs numbers may overflow, or lose digits, that do not one after another.
    """

    __slots__ = ("_found", "_least_long", "_least_whole", "_longest", "_rule", "_ufunc", "_widest")

    def __init__(
        self,
        ufunc: np.ufunc,
        rule: Callable[..., Any],
        least_long: float,
        least_whole: float,
        longest: float = inf,
        widest: float = inf,
    ) -> None:
        self._ufunc = ufunc
        self._rule = rule
        self._least_long = least_long
        self._least_whole = least_whole
        self._longest = longest
        self._widest = widest
        self._found: dict[tuple[str, bool], np.ufunc | None] = {}

    def __call__(self, x: Any, axes: tuple[int, ...]) -> Any:
        if type(x) is ndarray and x.size >= LEAST_REDUCED and self._is_worth(x, axes) and config._jit:
            keep_memory()
            y = self._by_kernel(x, axes)
            if y is not None:
                return y
        return self._ufunc.reduce(x, axes)

    def _is_worth(self, x: ndarray, axes: tuple[int, ...]) -> bool:
        """Most of what `_by_kernel` finds out, in less than 1 us."""
        if len(axes) == x.ndim:
            return x.size >= self._least_whole and x.dtype.char in FLOATS
        if not axes or x.dtype.char not in FLOATS:
            return False
        if not x.flags.c_contiguous:
            return x.flags.f_contiguous
        last = x.shape[-1]
        if axes[-1] < x.ndim - 1:
            return last < WIDE or (x.size >= LEAST_WIDE and last <= self._widest)
        return last <= LONG or (x.size >= self._least_long and last <= self._longest)

    def _by_kernel(self, x: ndarray, axes: tuple[int, ...]) -> Any:
        """The last axes, if they are neighbours, by a kernel, and those before them then; None where NumPy does it."""
        if len(axes) == x.ndim and self._ufunc is np.add:
            return self._sum_of_all(x)
        if not x.flags.c_contiguous:
            last = x.ndim - 1
            mirrored = tuple([last - a for a in reversed(axes)])
            y = self._by_kernel(x.T, mirrored) if x.flags.f_contiguous else None
            return None if y is None else y.T
        first = axes[-1]
        while first - 1 in axes:
            first -= 1
        before, behind, shape = axes[: axes.index(first)], axes[-1] + 1, x.shape
        if before and self._ufunc is np.multiply:
            return None
        n, inner = prod(shape[first:behind]), prod(shape[behind:])
        x = x.reshape(-1, n, inner)
        parts = self._of_rows(x) if inner == 1 else self._of_columns(x)
        if parts is None:
            return None
        y = self._settled(parts, x).reshape(shape[:first] + shape[behind:])
        return self(y, before) if before else y if y.ndim else y[()]

    def _sum_of_all(self, x: ndarray) -> Any:
        """None where it is not finite, or zero, which has a sign."""
        flat = x.ravel("K")
        count = flat.size // PART
        deep = flat.size // count
        kernel = self._kernel(x.dtype.char, False)
        if kernel is None:
            return None
        parts = kernel(flat[: count * deep].reshape(count, deep)).tolist()
        try:
            total = fsum([*parts, *flat[count * deep :].tolist()])
        except (OverflowError, ValueError):
            return None
        return x.dtype.type(total) if 0 < abs(total) <= LARGEST[x.dtype.char] else None

    def _of_rows(self, x: ndarray) -> ndarray | None:
        n = x.shape[1]
        count = max(1, n // PART)
        if n > LONG and (x.size < self._least_long or n > self._longest):
            return None
        return self._parts(x, count, n // count, 1)

    def _of_columns(self, x: ndarray) -> ndarray | None:
        _, n, inner = x.shape
        if inner >= WIDE:
            fits = n >= DEEP and x.size >= LEAST_WIDE and inner <= self._widest
            return self._parts(x, 1, n, 1) if fits else None
        several = -(-WIDE // inner)
        count = max(1, n * inner // PART)
        deep = n // (several * count)
        return self._parts(x, count, deep, several) if deep >= DEEP else None

    def _parts(self, x: ndarray, count: int, deep: int, several: int) -> ndarray | None:
        """What `count` parts of `several` columns come to, and what is left over, to be reduced along axis 1."""
        outer, n, inner = x.shape
        done = count * deep * several
        columns = (several * inner,) if several * inner > 1 else ()
        kernel = self._kernel(x.dtype.char, bool(columns))
        if kernel is None:
            return None
        parts = kernel(x[:, :done].reshape(outer, count, deep, *columns)).reshape(outer, count * several, inner)
        return parts if done == n else np.concatenate([parts, x[:, done:]], 1)

    def _kernel(self, char: str, columns: bool) -> np.ufunc | None:
        key = char, columns
        if key not in self._found:
            row, number = Aval((LANES,), np.dtype(char)), Aval((1,), np.dtype(char))
            graph = trace_graph(lambda x, count: (self._rule(x, axes=(0,)).reshape(1),), [row, number])
            self._found[key] = compiled("rows", graph, self._ufunc.__name__, columns)
        return self._found[key]

    def _settled(self, parts: ndarray, x: ndarray) -> ndarray:
        ufunc = self._ufunc
        steps = parts
        if parts.shape[1] > 1:
            with np.errstate(all="ignore"):
                steps = ufunc.accumulate(parts, 1) if ufunc is np.multiply else ufunc.reduce(parts, 1, keepdims=True)
        y = steps[:, -1]
        if ufunc is np.add:
            sure = np.isfinite(y)
        elif ufunc is np.multiply:
            size = np.abs(steps)
            sure = (size >= np.finfo(size.dtype).smallest_normal) & (size < inf)
        else:
            return y
        if not sure.all():
            unsure = ~sure.reshape(len(y), -1).all(1)
            y[unsure] = ufunc.reduce(x if unsure.all() else x[unsure], 1)
        return y


class Place:
    """`x.argmax(axis)`, or another method of that kind, by kernels down columns and along short rows.

    Down columns NumPy copies the array first; longer rows it searches as fast as a core reads memory.
    """

    __slots__ = ("_found", "_method")

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method
        self._found: dict[tuple[str, bool], np.ufunc | None] = {}

    def __call__(self, x: Any, axis: int) -> Any:
        if type(x) is ndarray and x.size >= LEAST_PLACED and x.dtype.char in FLOATS and config._jit:
            y = self._by_kernel(x, axis)
            if y is not None:
                return y
        return self._method(x if isinstance(x, ndarray) else np.asarray(x), axis)

    def _by_kernel(self, x: ndarray, axis: int) -> Any:
        if x.flags.f_contiguous and not x.flags.c_contiguous:
            y = self._by_kernel(x.T, x.ndim - 1 - axis)
            return None if y is None else y.T
        shape = x.shape
        inner = prod(shape[axis + 1 :])
        if inner < PLACED and (inner > 1 or shape[axis] > PLACED):
            return None
        kernel = self._kernel(x.dtype.char, inner > 1)
        if kernel is None:
            return None
        outer = shape[:axis]
        lines = np.ascontiguousarray(x).reshape(*outer, shape[axis], *((inner,) if inner > 1 else ()))
        return kernel(lines).reshape(outer + shape[axis + 1 :])

    def _kernel(self, char: str, down: bool) -> np.ufunc | None:
        key = char, down
        if key not in self._found:
            name = self._method.__name__
            self._found[key] = compiled("places", f"{name} down" if down else name, char)
        return self._found[key]
