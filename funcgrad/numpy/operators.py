"""Gives traced values the operators, methods and protocols of arrays. Importing it is what does so.

Operators are the operations themselves where the order of arguments allows: one call layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from funcgrad.core import provenance, remedies
from funcgrad.core.buffers import Buffer
from funcgrad.core.staging import is_staging
from funcgrad.core.trace import Tracer
from funcgrad.numpy import (  # noqa: F401  (all of them, for what they enter in the tables)
    conversions,
    creation,
    elementwise,
    fft,
    linalg,
    protocols,
    statistics,
    writing,
)
from funcgrad.numpy.contractions import matrix_product
from funcgrad.numpy.dispatch import IMPLEMENTATIONS, Array
from funcgrad.numpy.places import At
from funcgrad.numpy.shaping import matrix_transpose
from funcgrad.numpy.views import flattened, fresh, note
from funcgrad.ops import elementwise as ew
from funcgrad.ops import structure
from funcgrad.ops.subscript import getitem
from funcgrad.transforms.batch import SharedTracer

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
# fmt: off
_METHODS = (
    "all", "any", "argmax", "argmin", "argpartition", "argsort", "choose", "clip", "conj", "cumprod", "cumsum",
    "diagonal", "dot", "max", "mean", "min", "nonzero", "prod", "ravel", "repeat", "round", "searchsorted", "squeeze",
    "std", "sum", "swapaxes", "take", "trace", "var",
)
# fmt: on
"""Methods that are NumPy's functions."""
_UNARY = {"neg": ew.neg, "abs": ew.abs, "invert": ew.bitwise_not}


def _operator(op: Any, name: str) -> Any:
    """`op` as a method: functions bind to the value on the left, other callables need one around them."""
    if hasattr(op, "__get__"):
        return op

    def apply(*args: Any) -> Array:
        return op(*args)

    apply.__name__ = name
    return apply


def _reflected(op: Any) -> Any:
    def apply(x: Tracer, y: Any) -> Array:
        return op(y, x)

    return apply


def _power(x: Tracer, n: Any) -> Array:
    if type(n) is int and n == 2 and not x.aval.weak:
        return ew.square(x)
    return ew.pow(x, n)


def _divmod(x: Array, y: Array) -> tuple[Array, Array]:
    return ew.floor_divide(x, y), ew.mod(x, y)


LONG = 1000
"""Steps of a loop over a value past which it warns while a program is traced: each is compiled."""


def _iterate(x: Tracer) -> Iterator[Array]:
    if not x.shape:
        raise TypeError(remedies.for_iteration())
    if x.shape[0] > LONG and is_staging() and not x.has_value:
        remedies.warn_of_length(x)
    return (_getitem(x, i) for i in range(x.shape[0]))


def _contains(x: Tracer, value: Any) -> bool:
    return bool((x == value).any())


def _conj(x: Tracer) -> Array:
    """The complex conjugate; a real array as it is."""
    return ew.conj(x) if x.dtype.kind == "c" else x


def _copy(x: Tracer, order: Any = "C") -> Array:
    """An array of its own, to be written into."""
    return fresh(x, ordered=order == "C")


def _copied(x: Tracer, *args: Any) -> Array:
    """`+x`, `copy.copy(x)` and `copy.deepcopy(x)`."""
    return fresh(x)


def _getitem(x: Tracer, idx: Any) -> Array:
    """`x[idx]`, a view where the index is basic."""
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


_BASIC = frozenset((int, slice, type(None), type(...)))


def _reshape(x: Tracer, *shape: Any, order: str = "C", copy: bool | None = None) -> Array:
    """The elements in another shape, given as one tuple or as several ints."""
    if order == "C" and len(shape) == 1 and type(shape[0]) is tuple and -1 not in shape[0]:
        return note(x, structure.reshape(x, shape=shape[0]), np.reshape, shape)
    return IMPLEMENTATIONS[np.reshape](x, shape[0] if len(shape) == 1 else shape, order=order)


def _transpose(x: Tracer, *axes: Any) -> Array:
    """The axes in another order, given as one tuple or as several ints."""
    if not axes or axes == (None,):
        return note(x, structure.transpose(x, axes=tuple(range(x.ndim))[::-1]), np.transpose)
    return IMPLEMENTATIONS[np.transpose](x, axes[0] if len(axes) == 1 and not hasattr(axes[0], "__index__") else axes)


def _astype(
    x: Tracer, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
) -> Array:
    """The values in another dtype."""
    dtype = np.dtype(dtype)
    if x.dtype == dtype and not x.aval.weak:
        return fresh(x) if copy else x
    return ew.convert(x, dtype=dtype)


def _compress(x: Tracer, condition: Any, axis: int | None = None, out: None = None) -> Array:
    """The parts along `axis` at which the condition holds."""
    return IMPLEMENTATIONS[np.compress](condition, x, axis, out)


def _flat(x: Tracer) -> Array:
    """The elements in one row, to iterate over, to index and to write."""
    return note(x, structure.reshape(x, shape=(x.size,)), flattened)


def _flatten(x: Tracer, order: str = "C") -> Array:
    """All elements on one axis, copied."""
    return fresh(IMPLEMENTATIONS[np.ravel](x, order), ordered=True)


def _put(x: Tracer, indices: Any, values: Any, mode: str = "raise") -> None:
    """Set the elements of the flattened array at the indices."""
    IMPLEMENTATIONS[np.put](x, indices, values, mode)


def _set_flat(x: Tracer, values: Any) -> None:
    _put(x, np.arange(x.size), values)


def _set_real(x: Tracer, value: Any) -> None:
    IMPLEMENTATIONS[np.real](x)[...] = value


def _set_imag(x: Tracer, value: Any) -> None:
    if x.dtype.kind != "c":
        raise TypeError("array does not have imaginary part to set")
    IMPLEMENTATIONS[np.imag](x)[...] = value


_PLAIN = np.zeros(())


def _namespace(x: Tracer, /, *, api_version: str | None = None) -> Any:
    """The array API's way to the functions for a value; ValueError for a version of it that NumPy does not have."""
    import funcgrad.numpy

    _PLAIN.__array_namespace__(api_version=api_version)  # type: ignore[arg-type]
    return funcgrad.numpy


def _of_memory(name: str, instead: str) -> Any:
    def refuse(x: Tracer, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            f"`x.{name}` changes the memory of an array, and a traced value has none"
            f"{provenance.at(provenance.here())}. Write `x = {instead}`."
        )

    return refuse


_CONVERSIONS = (
    "__bool__", "__float__", "__int__", "__complex__", "__index__", "__trunc__", "__round__", "__format__", "item",
    "tolist", "tobytes",
)  # fmt: skip
"""What asks for a number or for something of Python's; a buffer answers as what it holds."""


def _of_held(name: str) -> Any:
    def convert(x: Buffer, *args: Any) -> Any:
        return getattr(x.value, name)(*args)

    convert.__name__ = name
    return convert


_SPECIAL: dict[str, Callable[..., Any]] = {
    "pow": _power,
    "rpow": _reflected(ew.pow),
    "divmod": _divmod,
    "rdivmod": _reflected(_divmod),
    "pos": _copied,
    "getitem": _getitem,
    "setitem": writing.set_item,
    "iter": _iterate,
    "contains": _contains,
    "copy": _copied,
    "deepcopy": _copied,
    "bool": conversions.truth,
    "float": conversions.to_float,
    "int": conversions.to_int,
    "complex": conversions.to_complex,
    "index": conversions.to_index,
    "trunc": conversions.to_trunc,
    "round": conversions.rounded,
    "format": conversions.formatted,
    "array": conversions.to_array,
    "array_namespace": _namespace,
    "dlpack": conversions.to_dlpack,
    "dlpack_device": lambda x: _PLAIN.__dlpack_device__(),
    "array_ufunc": protocols.array_ufunc,
    "array_function": protocols.array_function,
}
"""Methods with two underscores on each side, which are not here."""
_OWN: dict[str, Any] = {
    "astype": _astype,
    "conj": _conj,
    "conjugate": _conj,
    "copy": _copy,
    "fill": writing.fill,
    "flatten": _flatten,
    "item": conversions.item,
    "put": _put,
    "reshape": _reshape,
    "resize": _of_memory("resize", "np.resize(x, shape)"),
    "sort": writing.sort,
    "tolist": conversions.tolist,
    "transpose": _transpose,
    "T": property(_transpose),
    "mT": property(matrix_transpose),
    "real": property(IMPLEMENTATIONS[np.real], _set_real),
    "imag": property(IMPLEMENTATIONS[np.imag], _set_imag),
    "compress": _compress,
    "partition": writing.partition,
    "setfield": _of_memory("setfield", "x.at[...].set(value)"),
    "setflags": conversions.set_flags,
    "to_device": conversions.to_device,
    "view": conversions.view,
    "base": property(lambda x: None),
    "device": property(lambda x: "cpu"),
    "flat": property(_flat, _set_flat),
    **conversions.AS_BYTES,
    **{name: conversions.memory(name) for name in conversions.MEMORY},
    "at": property(At, doc="`x.at[idx].set(v)` and its like: see `funcgrad.numpy.at`."),
    "itemsize": property(lambda x: x.dtype.itemsize),
    "nbytes": property(lambda x: x.dtype.itemsize * x.size),
}
"""Methods and attributes that are no function of NumPy's on the array alone."""


def _attach() -> None:
    for name, op in _BINARY.items():
        setattr(Tracer, f"__{name}__", _operator(op, name))
        setattr(Tracer, f"__r{name}__", _operator(op, name) if name in _COMMUTATIVE else _reflected(op))
        setattr(Tracer, f"__i{name}__", writing.in_place(op, _UFUNCS[name]))
    Tracer.__ipow__ = writing.in_place(_power, np.power)  # type: ignore[attr-defined]
    for name, op in (*_COMPARISONS.items(), *_UNARY.items()):
        setattr(Tracer, f"__{name}__", _operator(op, name))
    for name, method in _SPECIAL.items():
        setattr(Tracer, f"__{name}__", method)
    for name in _METHODS:
        function = getattr(np, name)
        setattr(Tracer, name, IMPLEMENTATIONS.get(function) or protocols.UFUNCS[function])
    for name, method in _OWN.items():
        setattr(Tracer, name, method)
    for name in _CONVERSIONS:
        setattr(Buffer, name, _of_held(name))
    Buffer.__array__ = conversions.buffer_array  # type: ignore[attr-defined]
    Buffer.__array_ufunc__ = protocols.buffer_ufunc  # type: ignore[attr-defined]
    Buffer.__array_function__ = protocols.buffer_function  # type: ignore[attr-defined]
    SharedTracer.__array_ufunc__ = protocols.shared_ufunc  # type: ignore[attr-defined]
    SharedTracer.__array_function__ = protocols.shared_function  # type: ignore[attr-defined]


_attach()
