"""What a transformation returns: a callable that pickles, works as a method, and hides the library's frames."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import partial, reduce, update_wrapper
from types import MethodType
from typing import Any

from funcgrad.core.arrivals import traceable
from funcgrad.core.frames import call_hiding_frames, hide, instead_of
from funcgrad.core.trace import described
from funcgrad.transforms.arguments import check_argnums
from funcgrad.transforms.guests import HOSTS, host_of, hosted

Function = Callable[..., Any]


class Signature:
    """The signature of what is wrapped, for `inspect.getfullargspec`: what has `__get__` is a function of C to it."""

    def __get__(self, instance: Any, owner: Any = None) -> inspect.Signature | None:
        return None if instance is None else inspect.signature(instance.__wrapped__)


class Transformed:
    """`fun` under a transformation: calling it runs `run(fun, args, kwargs, **options)`."""

    __signature__ = Signature()

    def __init__(self, run: Function, fun: Function, **options: Any) -> None:
        if not callable(fun):
            raise TypeError(f"{options.get('name') or _public_name(run)} takes a function, not {described(fun)}")
        if "argnums" in options:
            check_argnums(options["argnums"], options.get("name") or _public_name(run))
        update_wrapper(self, fun, updated=())
        _lend_attributes(fun, self)
        self._run = run
        self._fun = traceable(fun)
        self._options = options

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            host = host_of((args, kwargs)) if HOSTS else None
            if host is None:
                return self._run(self._fun, args, kwargs, **self._options)
            call = lambda fun, given: self._run(fun, *given, **self._options)
            return host(_public_name(self._run), call, self._fun, (args, kwargs))
        except Exception as error:
            try:
                raise instead_of(error)
            except Exception as shown:
                hide(shown)
                raise

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        return importable_name(self) or (_rebuild, (type(self), self._run, self._fun, self._options))

    def __repr__(self) -> str:
        return f"<{_public_name(self._run)} of {self._fun!r}>"


def _lend_attributes(fun: Any, wrapper: Any) -> None:
    """Give a wrapper the function's own attributes, unless it has such itself, and a name where that has none."""
    for name, value in getattr(fun, "__dict__", {}).items():
        if not name.startswith("_") and not hasattr(type(wrapper), name):
            setattr(wrapper, name, value)
    if not hasattr(fun, "__name__"):
        inner = fun
        while isinstance(inner, partial):
            inner = inner.func
        wrapper.__name__ = wrapper.__qualname__ = getattr(inner, "__name__", type(inner).__name__)


def importable_name(wrapper: Any) -> str | None:
    """The name under which a decorated function pickles: its module has it there, in place of the original."""
    module: Any = sys.modules.get(getattr(wrapper, "__module__", ""))
    name: str = getattr(wrapper, "__qualname__", "")
    try:
        return name if reduce(getattr, name.split("."), module) is wrapper else None
    except AttributeError:
        return None


def _public_name(run: Function) -> str:
    return run.__name__.removeprefix("_").removesuffix("_of")


def _rebuild(kind: type, run: Function, fun: Function, options: dict[str, Any]) -> Transformed:
    return kind(run, fun, **options)


def transform(run: Function, fun: Function, given: Any, *options: Any) -> Any:
    """`run(fun, given, *options)`, a transformation of our own: hides its frames, and takes guests."""
    call = lambda fun, given: run(fun, given, *options)
    return call_hiding_frames(hosted, _public_name(run), call, traceable(fun), given)
