"""Functions whose code for numba is given by `numba.extending.overload`: that is traced, as their own body is not run.

The body of such a function is often empty. numba asks the overload for code by the types of the arguments; so it is
asked here, with the types that the values would have.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import update_wrapper
from types import FunctionType
from typing import Any

from funcgrad.core import arrivals, provenance
from funcgrad.core.trace import Tracer
from funcgrad.errors import TracerConversionError


def is_overloaded(fun: FunctionType) -> bool:
    """Whether a function of the user's, or of a package, has such code."""
    return arrivals.has_come("numba") and next(_overloads(fun), None) is not None


def _overloads(fun: FunctionType) -> Iterator[Callable[..., Any]]:
    for key, kind in sys.modules["numba.core.typing.templates"].builtin_registry.globals:
        if key is fun:
            yield from (t._overload_func for t in kind.templates if hasattr(t, "_overload_func"))


class Overloaded:
    """Such a function: what an overload gives for the types of its arguments, run by `make`."""

    def __init__(self, fun: FunctionType, make: Callable[[FunctionType], Callable[..., Any]]) -> None:
        update_wrapper(self, fun, updated=())
        self._fun = fun
        self._make = make
        self._made: dict[Any, Callable[..., Any]] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            types = tuple(map(_type_of, args)), tuple([(name, _type_of(x)) for name, x in kwargs.items()])
            run = self._made.get(types)
            if run is None:
                run = self._made[types] = self._chosen(*types[0], **dict(types[1]))
        except TracerConversionError:
            raise
        except Exception as error:
            raise self._refused(f" ({error})") from None
        return run(*args, **kwargs)

    def _chosen(self, *types: Any, **named: Any) -> Callable[..., Any]:
        for overload in _overloads(self._fun):
            found = overload(*types, **named)
            if isinstance(found, FunctionType):
                return self._make(found)
        raise self._refused("")

    def _refused(self, why: str) -> TracerConversionError:
        return TracerConversionError(
            f"Give a function that calls `{self._fun.__name__}` a derivative by fg.custom_vjp, or write it with "
            f"numba.njit. It has code for numba by an overload, none of which can be traced for these arguments"
            f"{provenance.at(provenance.here())}{why}."
        )


def _type_of(x: Any) -> Any:
    """numba's type of a value; of a traced one, that of the array or number that it stands for."""
    numba = sys.modules["numba"]
    if type(x) is tuple:
        return numba.types.Tuple(tuple(map(_type_of, x)))
    if not isinstance(x, Tracer):
        return numba.typeof(x)
    kind = numba.from_dtype(x.dtype)
    return numba.types.Array(kind, x.ndim, "A") if x.ndim else kind
