"""Gives traced values the methods and protocols of arrays. Importing it is what does so.

Operators, and what rules are written with besides, they have from `ops.arithmetic`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NoReturn

import numpy as np

from funcgrad.core import provenance, remedies
from funcgrad.core.buffers import Buffer
from funcgrad.core.frames import hide, hides, hiding
from funcgrad.core.reading import named
from funcgrad.core.staging import is_staging
from funcgrad.core.trace import Tracer
from funcgrad.numpy import (  # noqa: F401  (all of them, for what they enter in the tables)
    compositions,
    conversions,
    creation,
    elementwise,
    fft,
    linalg,
    protocols,
    statistics,
    writing,
)
from funcgrad.numpy.dispatch import IMPLEMENTATIONS, UFUNCS, Array
from funcgrad.numpy.places import At
from funcgrad.numpy.shaping import matrix_transpose
from funcgrad.ops import broadcasting, structure
from funcgrad.ops.views import flattened, fresh, note
from funcgrad.transforms.batch import SharedTracer

# fmt: off
_METHODS = (
    "all", "any", "argmax", "argmin", "argpartition", "argsort", "choose", "clip", "cumprod", "cumsum",
    "diagonal", "dot", "max", "mean", "min", "nonzero", "prod", "ravel", "repeat", "round", "searchsorted", "squeeze",
    "std", "sum", "swapaxes", "take", "trace", "var",
)
# fmt: on
"""Methods that are NumPy's functions."""
LONG = 1000
"""Steps of a loop over a value past which it warns while a program is traced: each is compiled."""


def _iterate(x: Any) -> Iterator[Array]:
    if not x.shape:
        raise TypeError(remedies.for_iteration())
    if x.shape[0] > LONG and is_staging() and not x.has_value:
        remedies.warn_of_length(x)
    return (x[i] for i in range(x.shape[0]))


def _contains(x: Tracer, value: Any) -> bool:
    return bool((x == value).any())


def _copy(x: Tracer, order: Any = "C") -> Array:
    """An array of its own, to be written into."""
    return fresh(x, ordered=order == "C")


def _transpose(x: Tracer, *axes: Any) -> Array:
    """The axes in another order, given as one tuple or as several ints."""
    if not axes or axes == (None,):
        return note(x, structure.transpose(x, axes=tuple(range(x.ndim))[::-1]), np.transpose)
    return IMPLEMENTATIONS[np.transpose](x, axes[0] if len(axes) == 1 and not hasattr(axes[0], "__index__") else axes)


def _compress(x: Tracer, condition: Any, axis: int | None = None, out: None = None) -> Array:
    """The parts along `axis` at which the condition holds."""
    return IMPLEMENTATIONS[np.compress](condition, x, axis, out)


def _flat(x: Tracer) -> Array:
    """The elements in one row, to iterate over, to index and to write."""
    return note(x, broadcasting.reshape(x, shape=(x.size,)), flattened)


def _flatten(x: Tracer, order: str = "C") -> Array:
    """All elements on one axis, copied."""
    return fresh(IMPLEMENTATIONS[np.ravel](x, order), ordered=True)


def _put(x: Tracer, indices: Any, values: Any, mode: str = "raise") -> None:
    """Set the elements of the flattened array at the indices."""
    IMPLEMENTATIONS[np.put](x, indices, values, mode)


def _set_flat(x: Tracer, values: Any) -> None:
    _put(x, np.arange(x.size), values)


def _set_imag(x: Tracer, value: Any) -> None:
    if x.dtype.kind != "c":
        raise TypeError("array does not have imaginary part to set")
    IMPLEMENTATIONS[np.imag](x)[...] = value


_PLAIN = np.zeros(())


def _namespace(x: Tracer, /, *, api_version: str | None = None) -> Any:
    """The array API's way to the functions for a value; ValueError for a version of it that NumPy does not have."""
    if api_version != np.__array_api_version__:  # which NumPy 2.5 refuses, and names
        _PLAIN.__array_namespace__(api_version=api_version)  # type: ignore[arg-type]
    return sys.modules["funcgrad.numpy"]


def _of_memory(name: str, instead: str) -> Any:
    def refuse(x: Tracer, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            f"Write x = {named(instead)}. `x.{name}` changes the memory of an array, and a traced value has none"
            f"{provenance.at(provenance.here())}."
        )

    return refuse


@hides
def _absent(x: Tracer, name: str) -> NoReturn:
    """The `__getattr__` of traced values."""
    try:
        from funcgrad.numpy.absent import words  # where there is something to say

        raise AttributeError(words(name), name=name, obj=x)
    except AttributeError as error:
        hide(error)
        raise


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
    "setitem": writing.set_item,
    "iter": _iterate,
    "contains": _contains,
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
    "copy": _copy,
    "fill": writing.fill,
    "flatten": _flatten,
    "item": conversions.item,
    "put": _put,
    "T": property(_transpose),
    "transpose": _transpose,
    "resize": _of_memory("resize", "np.resize(x, shape)"),
    "_set_dtype": _of_memory("_set_dtype", "x.astype(dtype)"),
    "_set_shape": _of_memory("_set_shape", "np.reshape(x, shape)"),
    "sort": writing.sort,
    "tolist": conversions.tolist,
    "mT": property(matrix_transpose),
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
    **{name: property(partial(_absent, name=name)) for name in ("ctypes", "data", "flags", "strides")},
    "at": property(At, doc="`x.at[idx].set(v)` and its like: see `funcgrad.numpy.at`."),
    "itemsize": property(lambda x: x.dtype.itemsize),
    "nbytes": property(lambda x: x.dtype.itemsize * x.size),
}
"""Methods and attributes that are no function of NumPy's on the array alone."""


def _shown(method: Any) -> Any:
    """A method whose errors show the user's frames only, as those of an escaped value outside of transformations."""
    return method if isinstance(method, property) or hasattr(method, "is_entrance") else hiding(method)


def _attach() -> None:
    for name, method in _SPECIAL.items():
        setattr(Tracer, f"__{name}__", _shown(method))
    for name in _METHODS:
        function = getattr(np, name)
        setattr(Tracer, name, IMPLEMENTATIONS.get(function) or UFUNCS[function])
    for name, method in _OWN.items():
        setattr(Tracer, name, _shown(method))
    Tracer.__getattr__ = _absent  # type: ignore[attr-defined]
    for name in _CONVERSIONS:
        setattr(Buffer, name, _of_held(name))
    Buffer.__array__ = conversions.buffer_array  # type: ignore[attr-defined]
    Buffer.__array_ufunc__ = protocols.buffer_ufunc  # type: ignore[attr-defined]
    Buffer.__array_function__ = protocols.buffer_function  # type: ignore[attr-defined]
    SharedTracer.__array_ufunc__ = protocols.shared_ufunc  # type: ignore[attr-defined]
    SharedTracer.__array_function__ = protocols.shared_function  # type: ignore[attr-defined]


_attach()
