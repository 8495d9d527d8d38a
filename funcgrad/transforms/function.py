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
            raise TypeError(f"{run.__name__} takes a function, not {type(fun).__name__}")
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
        # a decorated function is found under its own name, where its original is no longer
        module: Any = sys.modules.get(getattr(self, "__module__", ""))
        name = getattr(self, "__qualname__", "")
        try:
            if reduce(getattr, name.split("."), module) is self:
                return name
        except AttributeError:
            pass
        return _rebuild, (type(self), self._run, self._fun, self._options)

    def __repr__(self) -> str:
        return f"<{self._run.__name__} of {self._fun!r}>"


def _rebuild(kind: type, run: Callable[..., Any], fun: Callable[..., Any], options: dict[str, Any]) -> Transformed:
    return kind(run, fun, **options)


def call_hiding_frames(run: Callable[..., Any], *args: Any) -> Any:
    """Call one of our own functions so that an error shows the user's frames only."""
    try:
        return run(*args)
    except Exception as error:
        raise strip_frames(error, provenance.is_internal)  # noqa: B904
