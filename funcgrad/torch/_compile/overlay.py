"""What tensors are while a function is traced: those from outside keep their state, and show another one.

While a trace runs, some attributes of Tensor are descriptors. In the thread that traces, a tensor from outside shows
the state that the trace has given it; elsewhere, and for tensors made inside, the attributes are what they always are.
So nothing has to be restored, whatever the user's code raises, and other threads do not see the trace.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from funcgrad.core.trace import Tracer
from funcgrad.torch._ops.generator import Generator
from funcgrad.torch._record.tape import raw
from funcgrad.torch._tensor.tensor import Tensor


class Session(Protocol):
    """What a trace says of the objects that it meets."""

    def state_of(self, tensor: Tensor) -> dict[str, Any]:
        """The attributes of a tensor during the trace."""

    def grad_was_read(self, tensor: Tensor) -> None: ...

    def drawn(self, generator: Generator, method: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Random numbers."""


class Unsupported(BaseException):
    """Why a call cannot be a program; `lasts`: nor can others like it. (Users' `except Exception` is not for it.)"""

    def __init__(self, reason: str, lasts: bool = True) -> None:
        super().__init__(reason)
        self.lasts = lasts


class ValueNeeded(Unsupported):
    """Python needs a value, which is known at a call only."""


class _Current(threading.local):
    session: Any = None


_current = _Current()
_lock = threading.Lock()
_running: list[None] = []
_MISSING = object()


@contextmanager
def unseen() -> Iterator[None]:
    """Let this thread see tensors as they are outside."""
    before, _current.session = _current.session, None
    try:
        yield
    finally:
        _current.session = before


def is_tracing() -> bool:
    return _current.session is not None


class _Attribute:
    """An attribute of Tensor that a trace may see differently."""

    def __init__(self, name: str, default: Any) -> None:
        self.name, self.default = name, default

    def __get__(self, tensor: Tensor | None, owner: type | None = None) -> Any:
        if tensor is None:
            return self
        session = _current.session
        state = tensor.__dict__ if session is None else session.state_of(tensor)
        found = state.get(self.name, self.default)
        if found is _MISSING:
            raise AttributeError(self.name)
        if session is not None and self.name == "_grad":
            session.grad_was_read(tensor)
        return found

    def __set__(self, tensor: Tensor, value: Any) -> None:
        session = _current.session
        state = tensor.__dict__ if session is None else session.state_of(tensor)
        state[self.name] = value


class _State:
    """What a generator remembers, which a trace can neither read nor set: its random numbers are drawn at each call."""

    def __init__(self, name: str) -> None:
        self.name = name

    def _refuse(self) -> None:
        if _current.session is not None:
            raise Unsupported("it reads or sets the state of the random numbers")

    def __get__(self, generator: Generator | None, owner: type | None = None) -> Any:
        if generator is None:
            return self
        self._refuse()
        return generator.__dict__[self.name]

    def __set__(self, generator: Generator, value: Any) -> None:
        self._refuse()
        generator.__dict__[self.name] = value


MARK = "_trace"
"""The attribute of tensors that a trace has made: its number."""
STATES = ("words_of", "spare", "first")
ATTRIBUTES = {"_value": _MISSING, "_storage": _MISSING, "_seen": 0, "_view": None, "_grad": None, "_retains": False}
DRAWS = ("uniform", "long_words", "words", "normal", "doubles")


def _drawing(name: str) -> Callable[..., Any]:
    method = getattr(Generator, name)

    def draw(self: Generator, *args: Any) -> Any:
        session = _current.session
        return method(self, *args) if session is None else session.drawn(self, method, args)

    return draw


_repr = Tensor.__repr__


def _text(tensor: Tensor) -> str:
    if _current.session is not None and isinstance(raw(tensor._read()), Tracer):
        raise ValueNeeded("it prints a tensor, or makes a text of it")
    return _repr(tensor)


def _install() -> None:
    Tensor.__repr__ = _text
    for name, default in ATTRIBUTES.items():
        setattr(Tensor, name, _Attribute(name, default))
    for name in DRAWS:
        setattr(Generator, name, _drawing(name))
    for name in STATES:
        setattr(Generator, name, _State(name))


_PLAIN = {name: getattr(Generator, name) for name in DRAWS}


def _remove() -> None:
    Tensor.__repr__ = _repr
    for name, default in ATTRIBUTES.items():
        if default is _MISSING:
            delattr(Tensor, name)
        else:
            setattr(Tensor, name, default)
    for name, method in _PLAIN.items():
        setattr(Generator, name, method)
    for name in STATES:
        delattr(Generator, name)


@contextmanager
def shown(session: Session) -> Iterator[None]:
    """Let this thread see tensors as the session does."""
    with _lock:
        if not _running:
            _install()
        _running.append(None)
    _current.session = session
    try:
        yield
    finally:
        _current.session = None
        with _lock:
            _running.pop()
            if not _running:
                _remove()
