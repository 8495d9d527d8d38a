"""`torch.compiler`: what stands around `torch.compile`."""

from __future__ import annotations

from functools import partial, wraps
from typing import Any

from funcgrad.torch._compile.compiled import compile as compile
from funcgrad.torch._compile.compiled import forget_all, name_of, standing_for
from funcgrad.torch._compile.overlay import Unsupported, is_tracing

__all__ = ["compile", "disable", "is_compiling", "is_dynamo_compiling", "reset"]


def __dir__() -> list[str]:
    return __all__


def is_compiling() -> bool:
    """Whether the call is one that is traced to become a program."""
    return is_tracing()


is_dynamo_compiling = is_compiling


def reset() -> None:
    """Drop the programs of all compiled functions, which are traced again when they are called."""
    forget_all()


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """A function, or a module, which is never compiled: what is compiled and calls it runs as it is, with a warning.

    >>> import funcgrad.torch as torch
    >>> @torch.compiler.disable
    ... def noise(x):
    ...     return x + 1
    >>> noise(torch.ones(2))
    tensor([2., 2.])
    """
    if fn is None:
        return partial(disable, recursive=recursive, reason=reason)
    if not callable(fn):
        raise AssertionError("fn must be callable")

    @wraps(fn)
    def disabled(*args: Any, **kwargs: Any) -> Any:
        if is_tracing():
            raise Unsupported(f"it calls `{name_of(fn)}`, which is never compiled" + (f": {reason}" if reason else ""))
        return fn(*args, **kwargs)

    return standing_for(fn, disabled)
