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

from funcgrad.core.provenance import here
from funcgrad.core.warned import hush
from funcgrad.torch._record.story import Off
from funcgrad.torch._record.tape import BASE, Tape, constant, unrecorded
from funcgrad.torch._tensor.storage import inside, scope

_is_quiet = ContextVar("_is_quiet", default=False)


class _Mode(threading.local):
    """The state of a thread. In `inference` mode recording stays off.

    What is recorded on tapes older than `floor` is a constant. `direct`: recording is on, and on the base tape, so
    that an operation asks nothing. `usual`: one on arrays that are on no tape asks nothing. `off` says why it is off.

    `savers` are the contexts of hooks on what operations save, the innermost last, which is `saver`; `hooks_refused` is
    the error of one that begins. With any, no operation takes its short way.

    `composing` counts who wants operations that PyTorch composes recorded as these: savers, and `composed`.

    `quiet(fun, *args)` calls without NumPy's floating-point warnings, which PyTorch does not have. It enters a
    context made once, where they are off: 0.1 us, where `np.errstate` takes 0.9. It cannot be entered twice, see
    `quietly`.
    """

    def __init__(self) -> None:
        self._enabled = self.direct = self.usual = True
        self.inference = False
        self.off: Off | None = None
        self._savers: tuple[Any, ...] = ()
        self.saver: Any = None
        self.composing = 0
        self.hooks_refused: str | None = None
        self._tape = BASE
        self.floor: float = 0
        context = copy_context()
        context.run(hush)
        context.run(_is_quiet.set, True)
        self.quiet = context.run

    @property
    def enabled(self) -> bool:
        return self._enabled

    @enabled.setter
    def enabled(self, enabled: bool) -> None:
        self._enabled = enabled = enabled and not self.inference
        self.direct = enabled and self._tape is BASE and self.saver is None
        self.usual = not self.inference and self._tape is BASE

    @property
    def tape(self) -> Tape:
        return self._tape

    @tape.setter
    def tape(self, tape: Tape) -> None:
        self._tape = tape
        self.direct = self._enabled and tape is BASE and self.saver is None
        self.usual = not self.inference and tape is BASE

    @property
    def savers(self) -> tuple[Any, ...]:
        return self._savers

    @savers.setter
    def savers(self, savers: tuple[Any, ...]) -> None:
        self.composing += len(savers) - len(self._savers)
        self._savers = savers
        self.saver = savers[-1] if savers else None
        self.direct = self._enabled and self._tape is BASE and self.saver is None


mode = _Mode()


def quietly(fun: Callable[..., Any], *args: Any, **params: Any) -> Any:
    """`mode.quiet`, also inside of itself: an operation that a signal handler or a finalizer begins inside another."""
    return fun(*args, **params) if _is_quiet.get() else mode.quiet(fun, *args, **params)


@contextmanager
def composed() -> Iterator[None]:
    """What is one entry here is recorded as the operations that PyTorch composes it of, so that each can be hooked."""
    mode.composing += 1
    try:
        yield
    finally:
        mode.composing -= 1


@contextmanager
def own_tape(constants: bool = True) -> Iterator[None]:
    """A new tape, recording, ended on the way out; values of older ones are constants inside, unless they are not."""
    tape = Tape()
    before = mode.tape, mode.enabled, mode.floor
    mode.tape, mode.enabled = tape, True
    if constants:
        mode.floor = tape.age
    try:
        with inside():
            yield
    finally:
        mode.tape, mode.enabled, mode.floor = before
        tape.end()


def cut_off(value: Any) -> Any:
    """A value as an operation takes it while recording is off.

    In `torch.func` that leaves forward mode alone, as in PyTorch. In functions that `to_functional` makes, as in
    `backward`, there is no derivative in any mode.
    """
    return unrecorded(value) if scope.forward and not mode.inference else constant(value)


def is_grad_enabled() -> bool:
    return mode.enabled


State = tuple[bool, bool, Off | None]
"""Whether operations are recorded, whether it is inference mode, and why recording is off."""


def _set(state: State) -> None:
    enabled, mode.inference, mode.off = state
    mode.enabled = enabled


def _now() -> State:
    return mode.enabled, mode.inference, mode.off


def is_inference_mode_enabled() -> bool:
    return mode.inference


def within(state: State, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    before = _now()
    _set(state)
    try:
        return fun(*args, **kwargs)
    finally:
        _set(before)


def _stepwise(state: State, generator: Any) -> Generator[Any, Any, Any]:
    """A generator, whose body runs in the mode and its caller's, between the values, does not."""
    step, given = generator.send, None
    while True:
        try:
            value = within(state, step, given)
        except StopIteration as end:
            return end.value
        try:
            step, given = generator.send, (yield value)
        except GeneratorExit:
            within(state, generator.close)
            raise
        except BaseException as error:
            step, given = generator.throw, error


class _GradMode:
    """A context manager, and a decorator with and without parentheses, also of generators.

    As in PyTorch, it has no part in what a decorated coroutine does while it is awaited.
    """

    enabled = False

    def __new__(cls, fun: Callable[..., Any] | None = None) -> Any:
        self = super().__new__(cls)
        if fun is None:
            return self
        self.__init__()  # type: ignore[misc]
        return self(fun)

    def __init__(self) -> None:
        self.before: list[State] = []

    def state(self, off: Off | None) -> State:
        """What is set, and by whom."""
        return self.enabled, mode.inference, off

    def __enter__(self) -> None:
        self.before.append(_now())
        _set(self.state(Off(type(self).__name__, here())))

    def __exit__(self, *error: object) -> None:
        _set(self.before.pop())

    def __call__(self, fun: Callable[..., Any]) -> Callable[..., Any]:
        code = getattr(fun, "__code__", None)
        off = Off(type(self).__name__, None if code is None else (code, 0), getattr(fun, "__name__", ""))

        @wraps(fun)
        def inside(*args: Any, **kwargs: Any) -> Any:
            return within(self.state(off), fun, *args, **kwargs)

        @wraps(fun)
        def steps(*args: Any, **kwargs: Any) -> Any:
            return (yield from _stepwise(self.state(off), fun(*args, **kwargs)))

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
        self.before = [_now()]
        self.enabled = enabled
        self.off = Off("set_grad_enabled", here())
        _set(self.state(self.off))

    def __enter__(self) -> None:
        _set(self.state(self.off))

    def __call__(self, fun: Callable[..., Any]) -> Callable[..., Any]:
        _set(self.before[-1])
        return super().__call__(fun)


class inference_mode(_GradMode):
    """As `no_grad`; and tensors made inside can neither be written outside, nor saved for a backward pass."""

    def __new__(cls, mode: Any = True) -> Any:
        return super().__new__(cls, mode if callable(mode) else None)

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.inference = mode

    def state(self, off: Off | None) -> State:
        return not self.inference, self.inference, off
