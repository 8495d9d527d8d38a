"""The arithmetic of traced values: importing this gives them the operators that arrays have, and their parts.

An operator is an operation of the language itself where the order of arguments allows: one call layer. Derivatives,
transposes and rules for batches are written with them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.core.frames import hide
from funcgrad.core.trace import Tracer
from funcgrad.ops import elementwise as ew
from funcgrad.ops.broadcasting import reshape
from funcgrad.ops.products import matrix_product
from funcgrad.ops.structure import reshaped
from funcgrad.ops.subscript import getitem
from funcgrad.ops.views import assign, fresh, is_number, note

_BINARY = {
    "add": ew.add,
    "sub": ew.sub,
    "mul": ew.mul,
    "truediv": ew.div,
    "floordiv": ew.floor_divide,
    "mod": ew.mod,
    "and": ew.bitwise_and,
    "or": ew.bitwise_or,
    "xor": ew.bitwise_xor,
    "lshift": ew.left_shift,
    "rshift": ew.right_shift,
    "matmul": matrix_product,
}
_UFUNCS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "lshift": np.left_shift,
    "rshift": np.right_shift,
    "matmul": np.matmul,
}
_COMMUTATIVE = frozenset(("add", "mul"))
_COMPARISONS = {"eq": ew.eq, "ne": ew.ne, "lt": ew.lt, "le": ew.le, "gt": ew.gt, "ge": ew.ge}
_UNARY = {"neg": ew.neg, "abs": ew.abs, "invert": ew.bitwise_not}


def _operator(op: Any, name: str) -> Any:
    """`op` as a method: functions bind to the value on the left, other callables need one around them."""
    if hasattr(op, "__get__"):
        return op

    def apply(*args: Any) -> Any:
        try:
            return op(*args)
        except Exception as error:
            hide(error)
            raise

    apply.__name__ = name
    return apply


def _reflected(op: Any) -> Any:
    def apply(x: Tracer, y: Any) -> Any:
        try:
            return op(y, x)
        except Exception as error:
            hide(error)
            raise

    return apply


def _power(x: Tracer, n: Any) -> Any:
    if type(n) is int and n == 2 and not x.aval.weak:
        return ew.square(x)
    return ew.pow(x, n)


def _divmod(x: Any, y: Any) -> tuple[Any, Any]:
    return ew.floor_divide(x, y), ew.mod(x, y)


def in_place(op: Callable[[Any, Any], Any], ufunc: np.ufunc) -> Callable[[Tracer, Any], Any]:
    """The operator `x += y` for an operation: an array is written, a number replaced."""

    def apply(x: Tracer, y: Any) -> Any:
        try:
            new = op(x, y)
            if new is NotImplemented or is_number(x):
                return new
            return assign(x, new, ufunc)
        except Exception as error:
            hide(error)
            raise

    apply.__name__ = ufunc.__name__
    return apply


def _copied(x: Tracer, *args: Any) -> Any:
    """`+x`, `copy.copy(x)` and `copy.deepcopy(x)`."""
    return fresh(x)


def _getitem(x: Tracer, idx: Any) -> Any:
    """`x[idx]`, a view where the index is basic."""
    try:
        y = getitem(x, idx)
        kind = type(idx)
        if kind is slice:
            return note(x, y, getitem, (idx,))
        if kind is int:
            return note(x, y, getitem, (idx,)) if len(x.shape) > 1 else y
        parts = idx if kind is tuple else (idx,)
        for part in parts:
            if type(part) not in _BASIC and not (
                isinstance(part, (np.integer, Tracer)) and not part.shape and part.dtype.kind in "iu"
            ):
                return y
        return note(x, y, getitem, (idx,)) if y.shape or any(part is ... for part in parts) else y
    except Exception as error:
        hide(error)
        raise


_BASIC = frozenset((int, slice, type(None), type(...)))


def _reshape(x: Tracer, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
    """The elements in another shape, given as one tuple or as several ints."""
    try:
        if order == "C" and len(shape) == 1 and type(shape[0]) is tuple and -1 not in shape[0]:
            return note(x, reshape(x, shape=shape[0]), np.reshape, shape)
        wanted = shape[0] if len(shape) == 1 else shape
        return note(x, reshaped(x, wanted, order), np.reshape, (wanted,), {"order": order})
    except Exception as error:
        hide(error)
        raise


def _astype(
    x: Tracer, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
) -> Any:
    """The values in another dtype."""
    dtype = np.dtype(dtype)
    if x.dtype == dtype and not x.aval.weak:
        return fresh(x) if copy else x
    return ew.convert(x, dtype=dtype)


def _conj(x: Tracer) -> Any:
    """The complex conjugate; a real array as it is."""
    return ew.conj(x) if x.dtype.kind == "c" else x


def _real(x: Tracer) -> Any:
    """The real part, a view of a complex array; a real array as it is."""
    return note(x, ew.real(x), np.real) if x.dtype.kind == "c" else x


def _set_real(x: Tracer, value: Any) -> None:
    _real(x)[...] = value


_METHODS: dict[str, Any] = {
    "__ipow__": in_place(_power, np.power),
    "__pow__": _power,
    "__rpow__": _reflected(ew.pow),
    "__divmod__": _divmod,
    "__rdivmod__": _reflected(_divmod),
    "__pos__": _copied,
    "__copy__": _copied,
    "__deepcopy__": _copied,
    "__getitem__": _getitem,
    "astype": _astype,
    "conj": _conj,
    "conjugate": _conj,
    "real": property(_real, _set_real),
    "reshape": _reshape,
}


def _attach() -> None:
    for name, op in _BINARY.items():
        setattr(Tracer, f"__{name}__", _operator(op, name))
        setattr(Tracer, f"__r{name}__", _operator(op, name) if name in _COMMUTATIVE else _reflected(op))
        setattr(Tracer, f"__i{name}__", in_place(op, _UFUNCS[name]))
    for name, op in (*_COMPARISONS.items(), *_UNARY.items()):
        setattr(Tracer, f"__{name}__", _operator(op, name))
    for name, method in _METHODS.items():
        setattr(Tracer, name, method)


_attach()
