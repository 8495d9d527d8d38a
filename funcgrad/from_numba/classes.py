"""Classes compiled by numba (`jitclass`): while a function is traced, classes of Python that hold traced values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from funcgrad.core.provenance import at, here


def class_twin(kind: Any, run: Callable[[Any], Callable[..., Any]]) -> type:
    """A class with the methods of numba's class type; `run` makes of a method's source what runs it."""
    members: dict[str, Any] = {name: _method(run(f.py_func)) for name, f in kind.jit_methods.items()}
    members |= {name: staticmethod(run(f.py_func)) for name, f in kind.jit_static_methods.items()}
    for name, parts in kind.jit_props.items():
        get, put = [_method(run(parts[k].py_func)) if k in parts else None for k in ("get", "set")]
        members[name] = property(get, put)
    return type(kind.class_name, (), members)


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, *args, **kwargs: function(self, *args, **kwargs)


def instance_twin(x: Any, cls: type, given: Callable[[Any], Any]) -> Any:
    """An instance of the user's as one of the twin class, which cannot be changed: the user's would not be."""
    new: Any = object.__new__(type(cls.__name__, (cls,), {"__setattr__": _refuse}))
    for field in x._numba_type_.struct:
        object.__setattr__(new, field, given(getattr(x, field)))
    return new


def _refuse(self: Any, name: str, value: Any) -> NoReturn:
    raise TypeError(
        "Make the object inside of the function that is transformed, or return the new value. "
        f"`{name}` of a {type(self).__name__} was to be changed{at(here())}, of which its owner would see nothing, as "
        "the function is traced."
    )
