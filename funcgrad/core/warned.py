"""NumPy's floating-point warnings at the user's line. NumPy names the line of Python that called it, which is ours.

While a function of the user's is being transformed, and in public functions, NumPy hands the text of a warning to us
(its mode "log") where it would warn itself, and we warn at the user's line: filters, `-W error` and "once for each
location" see that one. `np.errstate` of the user's holds as ever: "ignore", "raise" and "call" are left alone.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context, ContextVar
from types import FrameType
from typing import Any

import numpy as np
from numpy._core import umath

from funcgrad.core.provenance import is_internal, is_users

_variable: ContextVar[Any] = getattr(umath, "_extobj_contextvar", None) or ContextVar("state", default=None)
"""What `np.errstate` sets too, which takes 1.3 us for that where this takes 0.2. Without it NumPy names our line."""
state, set_state = _variable.get, _variable.set


class _Log:
    """What NumPy writes its warnings to."""

    def write(self, text: str) -> None:
        frame = sys._getframe(1)
        where = _users(frame) if is_internal(frame.f_code.co_filename) else frame
        _warn_at(where, text.removeprefix("Warning: ").rstrip(), RuntimeWarning)


_LOG = _Log()


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """`warnings.warn` at the user's line, however many calls of ours are in between."""
    _warn_at(_users(sys._getframe(1)), message, category)


def _warn_at(frame: FrameType, message: str, category: type[Warning]) -> None:
    names = frame.f_globals
    warnings.warn_explicit(
        message,
        category,
        frame.f_code.co_filename,
        frame.f_lineno,
        module=names.get("__name__", "<string>"),  # as Python has it
        registry=names.setdefault("__warningregistry__", {}),
    )


def _users(frame: FrameType) -> FrameType:
    """The innermost frame of the user's around one; that of the library that calls us where none is."""
    found: FrameType | None = None
    outer: FrameType | None = frame
    while outer is not None:
        if is_users(outer.f_code.co_filename):
            return outer
        if found is None and not is_internal(outer.f_code.co_filename):
            found = outer
        outer = outer.f_back
    return found or frame


def _logging() -> Any:
    """NumPy's state with our log where it warns; None where it does not, or a function of the user's is called."""
    warned = [kind for kind, how in np.geterr().items() if how == "warn"]
    if not warned or np.geterrcall() is not None:
        return None
    with np.errstate(call=_LOG, **dict.fromkeys(warned, "log")):  # type: ignore[arg-type]
        return state()


def _silence() -> Any:
    with np.errstate(all="ignore"):
        return state()


SILENT = Context().run(_silence)
"""NumPy's state while it does not warn, one object by which that is known. It is set in a `try` whose `finally` sets
the state before again: `np.errstate` takes 1 us more, and where an interrupt comes on its way in or out, it stays."""
UNSET, _ours = Context().run(lambda: (state(), _logging()))
"""NumPy's state where nobody has set any, and what takes its place."""
_last = UNSET, _ours
"""The same for the state that was met last."""


def logged(fun: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A call in which warnings name the user's line. NumPy's state is again what it was, or what the user has set."""
    global _last
    before = after = state()
    known, ours = _last
    if before is not known:
        if before is ours or before is SILENT:
            return fun(*args, **kwargs)
        ours = _logging()
        _last = before, ours
    if ours is None:
        return fun(*args, **kwargs)
    try:  # wherever an interrupt comes, the outer `finally` has one call to do
        set_state(ours)
        try:
            return fun(*args, **kwargs)
        finally:
            now = state()
            if now is not ours:
                after = now
    finally:
        set_state(after)


def hush() -> None:
    """From now on NumPy does not warn, in a context made for that."""
    np.seterr(all="ignore")
    if SILENT is not None:
        set_state(SILENT)


def plainly(fun: Callable[..., Any], *args: Any) -> Any:
    """`logged` for a call of NumPy's function, or of ours over it, where `state()` is UNSET: 0.2 us."""
    try:
        set_state(_ours)
        return fun(*args)
    finally:
        set_state(UNSET)
