"""Abstract values: shape, dtype, and whether a dtype is weak (a Python scalar's, which yields to any array's)."""

from __future__ import annotations

from typing import Any

import numpy as np

PYTHON_SCALARS = frozenset((float, int, complex, bool))
_WEAK_DTYPE = {float: np.dtype(np.float64), int: np.dtype(np.int64), complex: np.dtype(np.complex128)}
BOOL = np.dtype(bool)
FLOAT = np.dtype(np.float64)
INT = np.dtype(np.int64)


class Aval:
    """What is known of a value before it is computed.

    `shape` is a tuple of ints, `dtype` a NumPy dtype; `weak` marks the dtype of a Python scalar (NEP 50).
    """

    __slots__ = ("dtype", "shape", "weak")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype, weak: bool = False) -> None:
        self.shape = shape
        self.dtype = dtype
        self.weak = weak

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        size = 1
        for n in self.shape:
            size *= n
        return size

    def update(self, shape: tuple[int, ...] | None = None, dtype: Any = None) -> Aval:
        """The same with another shape or dtype; a dtype that is set is no longer weak."""
        return Aval(
            self.shape if shape is None else tuple(shape),
            self.dtype if dtype is None else np.dtype(dtype),
            self.weak if dtype is None else False,
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Aval)
            and self.shape == other.shape
            and self.dtype == other.dtype
            and self.weak == other.weak
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype, self.weak))

    def __repr__(self) -> str:
        return f"{short_dtype(self.dtype)}[{','.join(map(str, self.shape))}]"


def short_dtype(dtype: np.dtype) -> str:
    """`f64`, `i32`, `bool`, `c128`, as programs are printed."""
    if dtype == BOOL:
        return "bool"
    return f"{dtype.kind}{dtype.itemsize * 8}" if dtype.kind in "fiuc" else str(dtype)


def aval_of(x: Any) -> Aval:
    """The aval of a traced value, an array, a NumPy scalar or a Python scalar; an aval is its own."""
    kind = type(x)
    if kind is np.ndarray:
        return Aval(x.shape, x.dtype)
    if kind in _WEAK_DTYPE:
        return Aval((), _WEAK_DTYPE[kind], True)
    if kind is bool:
        return Aval((), BOOL)
    if kind is Aval:
        return x
    if kind is Aval:
        return x
    aval = getattr(x, "aval", None)
    if aval is not None:
        return aval
    x = plain(x)
    return Aval(tuple(x.shape), x.dtype)


def plain(x: Any) -> Any:
    """A constant operand as an ndarray or NumPy scalar; raises TypeError for a masked array."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError("a masked array among traced values would lose its mask: use np.where(mask, other, x.data)")
    return x if isinstance(x, np.generic) else np.asarray(x)


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that arrays broadcast to. NumPy's own function takes 32 axes at most, its arrays have up to 64."""
    rank = max(map(len, shapes), default=0)
    sizes = [{n for n in axis if n != 1} for axis in zip(*((1,) * (rank - len(s)) + tuple(s) for s in shapes))]
    if any(len(found) > 1 for found in sizes):
        return np.broadcast_shapes(*shapes)  # raises
    return tuple([found.pop() if found else 1 for found in sizes])


def is_inexact(dtype: np.dtype) -> bool:
    """Whether values of this dtype have derivatives (float or complex)."""
    return dtype.kind in "fc"
