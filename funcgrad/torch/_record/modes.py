"""Whether operations are recorded, and on which tape: no_grad, enable_grad, set_grad_enabled, inference_mode.

One state a thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any

import numpy as np

from funcgrad.torch._record.tape import BASE, Tape

_is_quiet = ContextVar("_is_quiet", default=False)


class _Mode(threading.local):
    """The state of a thread. `direct`: recording is on, and on the base tape, so that an operation asks nothing.

    `quiet(fun, *args)` calls without NumPy's floating-point warnings, which PyTorch does not have. It enters a
    context made once, where they are off: 0.1 us, where `np.errstate` takes 0.9. It cannot be entered twice, see
    `quietly`.
    """

    def __init__(self) -> None:
        self._enabled = self.direct = True
        self._tape = BASE
        context = copy_context()
        context.run(np.seterr, all="ignore")
        context.run(_is_quiet.set, True)
        self.quiet = context.run

    @property
    def enabled(self) -> bool:
        return self._enabled

    @enabled.setter
    def enabled(self, enabled: bool) -> None:
        self._enabled = enabled
        self.direct = enabled and self._tape is BASE

    @property
    def tape(self) -> Tape:
        return self._tape

    @tape.setter
    def tape(self, tape: Tape) -> None:
        self._tape = tape
        self.direct = self._enabled and tape is BASE


mode = _Mode()


def quietly(fun: Callable[..., Any], *args: Any, **params: Any) -> Any:
    """`mode.quiet`, also inside of itself: an operation that a signal handler or a finalizer begins inside another."""
    return fun(*args, **params) if _is_quiet.get() else mode.quiet(fun, *args, **params)


@contextmanager
def own_tape() -> Iterator[None]:
    """A new tape, recording, ended on the way out; values of older ones are constants inside."""
    tape = Tape()
    before = mode.tape, mode.enabled
    mode.tape, mode.enabled = tape, True
    try:
        yield
    finally:
        mode.tape, mode.enabled = before
        tape.end()


def is_grad_enabled() -> bool:
    return mode.enabled


def _within(enabled: bool, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    before = mode.enabled
    mode.enabled = enabled
    try:
        return fun(*args, **kwargs)
    finally:
        mode.enabled = before


def _stepwise(enabled: bool, generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """The generator, whose body runs in the mode and its caller's, between the values, does not."""
    step, given = generator.send, None
    while True:
        try:
            value = _within(enabled, step, given)
        except StopIteration as end:
            return end.value
        try:
            step, given = generator.send, (yield value)
        except GeneratorExit:
            _within(enabled, generator.close)
            raise
        except BaseException as error:
            step, given = generator.throw, error


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
        enabled = self.enabled

        @wraps(fun)
        def inside(*args: Any, **kwargs: Any) -> Any:
            return _within(enabled, fun, *args, **kwargs)

        @wraps(fun)
        def steps(*args: Any, **kwargs: Any) -> Any:
            return (yield from _stepwise(enabled, fun(*args, **kwargs)))

        return steps if isgeneratorfunction(fun) else inside


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
