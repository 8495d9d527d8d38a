"""Whether operations are recorded: no_grad, enable_grad, set_grad_enabled, inference_mode.

One state a thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import wraps
from typing import Any

import numpy as np


class _Mode(threading.local):
    """`quiet(fun, *args)` calls without NumPy's floating-point warnings, which PyTorch does not have.

    It enters a context made once, where they are off: 0.1 us, where `np.errstate` takes 0.9.
    """

    def __init__(self) -> None:
        self.enabled = True
        context = copy_context()
        context.run(np.seterr, all="ignore")
        self.quiet = context.run


mode = _Mode()


def is_grad_enabled() -> bool:
    return mode.enabled


class _GradMode:
    """A context manager, and a decorator with and without parentheses."""

    enabled = False

    def __new__(cls, fun: Callable[..., Any] | None = None) -> Any:
        self = super().__new__(cls)
        if fun is None:
            return self
        self.__init__()  # type: ignore[misc]
        return self(fun)

    def __init__(self) -> None:
        self.before: list[bool] = []

    def __enter__(self) -> None:
        self.before.append(mode.enabled)
        mode.enabled = self.enabled

    def __exit__(self, *error: object) -> None:
        mode.enabled = self.before.pop()

    def __call__(self, fun: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(fun)
        def inside(*args: Any, **kwargs: Any) -> Any:
            before = mode.enabled
            mode.enabled = self.enabled
            try:
                return fun(*args, **kwargs)
            finally:
                mode.enabled = before

        return inside


class no_grad(_GradMode):
    """Results require no gradient inside, whatever they are computed from."""


class enable_grad(_GradMode):
    """Operations are recorded again, inside a `no_grad`."""

    enabled = True


class set_grad_enabled(_GradMode):
    """Sets the mode at once; as a context manager it gives the previous one back at the end."""

    def __new__(cls, enabled: bool) -> set_grad_enabled:
        return object.__new__(cls)

    def __init__(self, enabled: bool) -> None:
        self.before = [mode.enabled]
        self.enabled = enabled
        mode.enabled = enabled

    def __enter__(self) -> None:
        mode.enabled = self.enabled

    def __call__(self, fun: Callable[..., Any]) -> Callable[..., Any]:
        mode.enabled = self.before[-1]
        return super().__call__(fun)


class inference_mode(_GradMode):
    """As `no_grad`."""

    def __new__(cls, mode: Any = True) -> Any:
        return super().__new__(cls, mode if callable(mode) else None)

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.enabled = not mode
