"""Functions along rows of large arrays, softmax, sums and their kin: one kernel for several of NumPy's functions.

As in `large.py` a function is traced, here over a row of `LANES` elements, and the compiler makes a universal function
of its program, which takes rows of any length (`compile/rows.py`); they are columns where other axes follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import gcd, inf, prod
from typing import Any

import numpy as np
from numpy import ndarray

from funcgrad.config import config
from funcgrad.core.avals import Aval
from funcgrad.core.staging import trace_graph
from funcgrad.ops.large import FLOATS, LEAST, compiled, keep_memory

LANES = 8
"""Of the row that a function is traced over."""
LINE, SETS = 64, 2**16
"""Bytes of a cache's line, and distance in bytes from which on lines compete for the same places of a core's cache."""
NEAR = 2**19
"""Bytes of the places that columns may take there, where neighbours are far apart: beyond, NumPy's functions, which go
from row to row, are up to 5 times as fast."""
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
            found = self._along_columns(xs, outer, behind, prod(inner))
        else:
            found = self._along_rows(xs, outer, len(axes))
        if type(found) is not tuple:
            return None if found is None else _shaped(found, first, outer, behind)
        return tuple([_shaped(y, first, outer, behind) for y in found])

    def _along_rows(self, xs: Sequence[Any], outer: int, many: int) -> Any:
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

    def _along_columns(self, xs: Sequence[Any], outer: int, behind: int, width: int) -> Any:
        dtype = xs[0].dtype
        length = prod(xs[0].shape[outer:behind])
        if width < LANES or length * max(LINE, gcd(width * dtype.itemsize, SETS)) > NEAR:
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


# ---- reductions ----

LEAST_REDUCED = 2**15
"""Elements from which on kernels reduce: what is around the call of one takes some 7 us."""
LONG = 512
"""Elements of a row up to which what NumPy does for each row counts."""
PART = 2**14
"""Elements of the parts of longer rows, about."""
WIDE = 64
"""Columns from which on NumPy goes down them, and as many or more as narrow ones become."""
DEEP = 8
"""Elements of such columns below which they are NumPy's too."""


class Reduction:
    """`ufunc.reduce(x, axes)` for a tuple of axes that rises, by kernels where they are faster (`bench/kernels.py`).

    To NumPy rows are sums one after another, with some 15 ns for each, and products go number by number. Long rows are
    cut, so that threads share them. Arrays of few columns are read as rows of several of their rows. Many columns stay
    NumPy's, which adds row to row as fast as memory gives them. Errors and warnings are NumPy's.

    `rule` is the primitive, for kernels to be traced. Rows of more than LONG elements are NumPy's where there are less
    than `least_long` in all.

    Kernels add and multiply in another order. Where that comes to an infinity or NaN, or on its way a product to what
    is below the normal numbers (kernels make zeros of it, see `rowtext.py`), NumPy computes the row: multiplied in
    pairs numbers may overflow, or lose digits, that do not one after another.
    """

    __slots__ = ("_least_long", "_rows", "_ufunc")

    def __init__(self, name: str, ufunc: np.ufunc, rule: Callable[..., Any], least_long: float) -> None:
        self._ufunc = ufunc
        self._rows = Rows(lambda x, count, axes: rule(x, axes=axes).reshape(1), name)
        self._least_long = least_long

    def __call__(self, x: Any, axes: Axes) -> Any:
        if type(x) is ndarray and x.size >= LEAST_REDUCED and x.dtype.char in FLOATS and axes and config._jit:
            keep_memory()
            if not x.flags.c_contiguous or self._is_worth(x, axes):
                y = self._by_kernel(x, axes)
                if y is not None:
                    return y
        return self._ufunc.reduce(x, axes)

    def _is_worth(self, x: ndarray, axes: Axes) -> bool:
        """Most of what `_by_kernel` finds out, sooner."""
        last = x.shape[-1]
        if axes[-1] < x.ndim - 1:
            return last < WIDE
        return x.size >= self._least_long or (last <= LONG and len(axes) < x.ndim)

    def _by_kernel(self, x: ndarray, axes: Axes) -> Any:
        """The last axes, if they are neighbours, by a kernel, and those before them then; None where NumPy does it."""
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

    def _of_rows(self, x: ndarray) -> ndarray | None:
        n = x.shape[1]
        count = max(1, n // PART)
        return None if n > LONG and x.size < self._least_long else self._parts(x, count, n // count, 1)

    def _of_columns(self, x: ndarray) -> ndarray | None:
        _, n, inner = x.shape
        several = -(-WIDE // inner)
        count = max(1, n * inner // PART)
        deep = n // (several * count)
        return self._parts(x, count, deep, several) if inner < WIDE and deep >= DEEP else None

    def _parts(self, x: ndarray, count: int, deep: int, several: int) -> ndarray | None:
        """What `count` parts of `several` columns come to, and what is left over, to be reduced along axis 1."""
        outer, n, inner = x.shape
        done = count * deep * several
        columns = (several * inner,) if several * inner > 1 else ()
        found = self._rows((2,), x[:, :done].reshape(outer, count, deep, *columns))
        if found is None:
            return None
        parts = found.reshape(outer, count * several, inner)
        return parts if done == n else np.concatenate([parts, x[:, done:]], 1)

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
            y[unsure] = ufunc.reduce(x[unsure], 1)
        return y
