"""What a transformation returns: a callable that pickles, works as a method, and hides the library's frames."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import reduce, update_wrapper
from types import MethodType
from typing import Any

from funcgrad.core import provenance
from funcgrad.errors import strip_frames


class Transformed:
    """`fun` under a transformation: calling it runs `run(fun, args, kwargs, **options)`."""

    def __init__(self, run: Callable[..., Any], fun: Callable[..., Any], **options: Any) -> None:
        if not callable(fun):
            raise TypeError(f"{_public_name(run)} takes a function, not {type(fun).__name__}")
        update_wrapper(self, fun)
        self._run = run
        self._fun = fun
        self._options = options

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self._run(self._fun, args, kwargs, **self._options)
        except Exception as error:
            raise strip_frames(error, provenance.is_internal)  # noqa: B904  (the cause stays as it is)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        return importable_name(self) or (_rebuild, (type(self), self._run, self._fun, self._options))

    def __repr__(self) -> str:
        return f"<{_public_name(self._run)} of {self._fun!r}>"


def importable_name(wrapper: Any) -> str | None:
    """The name under which a decorated function pickles: its module has it there, in place of the original."""
    module: Any = sys.modules.get(getattr(wrapper, "__module__", ""))
    name: str = getattr(wrapper, "__qualname__", "")
    try:
        return name if reduce(getattr, name.split("."), module) is wrapper else None
    except AttributeError:
        return None


def _public_name(run: Callable[..., Any]) -> str:
    return run.__name__.removeprefix("_")


def _rebuild(kind: type, run: Callable[..., Any], fun: Callable[..., Any], options: dict[str, Any]) -> Transformed:
    return kind(run, fun, **options)


def call_hiding_frames(run: Callable[..., Any], *args: Any) -> Any:
    """Call one of our own functions so that an error shows the user's frames only."""
    try:
        return run(*args)
    except Exception as error:
        raise strip_frames(error, provenance.is_internal)  # noqa: B904
