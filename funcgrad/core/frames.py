"""Errors as a user should see them: without frames of the library's, and ours in place of what NumPy makes of it.

A frame that catches an error and says `raise`, with nothing behind it, adds no line to its traceback. So what users
call hides the frames below, and stays out of sight itself:

    except Exception as error:
        hide(error)
        raise

That costs nothing where nothing is raised.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from types import CodeType, FunctionType, TracebackType
from typing import Any, TypeVar

from funcgrad.config import config
from funcgrad.core.provenance import Loc, at, is_internal, is_ours, is_users, place
from funcgrad.errors import ConcretizationError, TracerConversionError

MISTAKES = AssertionError, AttributeError, KeyError, NameError, RecursionError, SystemError
"""What is a mistake of ours, to be looked for, where Python raises it inside of the library and no statement does."""


Function = TypeVar("Function", bound=Callable[..., Any])


class _Hidden(threading.local):
    """The kind and the words of our last error where NumPy puts errors of its own in its place: for a size."""

    error: tuple[type[Exception], str] | None = None


hidden = _Hidden()


def hide(error: BaseException) -> None:
    """Take the library's frames, and NumPy's, out of the traceback of an error that is being handled.

    So are those of SciPy's where the library has called it. `config.traceback` leaves all where they are.
    """
    _note_operation(error)
    if config.traceback == "full":
        return
    last = error.__traceback__
    kept: list[TracebackType] = []
    within = False
    tb = last
    while tb is not None:
        internal = is_internal(tb.tb_frame.f_code.co_filename)
        within = within or internal
        if not internal and not (within and _is_scipys(tb)):
            kept.append(tb)
        last, tb = tb, tb.tb_next
    if not kept and last is not None and _is_mistake(error, last):
        return
    chain: TracebackType | None = None
    for tb in reversed(kept):
        chain = TracebackType(chain, tb.tb_frame, tb.tb_lasti, tb.tb_lineno)
    error.__traceback__ = chain


OPERATIONS: dict[CodeType, Callable[[TracebackType], Loc | None]] = {}
"""For functions that run the operations of programs: the user's line of the one that a frame was at."""
LINES = "operations"
"""The name that the generated function of a program has these lines under, in its globals: by their numbers."""
IN_PROGRAM = "in a compiled program"


def _note_operation(error: BaseException) -> None:
    """Say which line of the user's an operation of a program comes from, where that has failed: no frame shows it."""
    loc: Loc | None = None
    tb = error.__traceback__
    while tb is not None:
        code = tb.tb_frame.f_code
        if code in OPERATIONS:
            loc = OPERATIONS[code](tb) or loc
        elif LINES in tb.tb_frame.f_globals:
            loc = tb.tb_frame.f_globals[LINES].get(tb.tb_lineno, loc)
        elif loc is not None and is_users(code.co_filename):
            loc = None
        tb = tb.tb_next
    noted = any(note.startswith(IN_PROGRAM) for note in getattr(error, "__notes__", ()))  # by a program inside of one
    if loc is not None and not noted and str(place(loc)) not in str(error):
        error.add_note(IN_PROGRAM + at(loc))


def _is_mistake(error: BaseException, last: TracebackType) -> bool:
    """Whether an error without a line of the user's is one to be looked for, with all frames."""
    if not isinstance(error, MISTAKES) or not is_ours(last.tb_frame.f_code.co_filename) or is_raised(last):
        return False
    owner = getattr(error, "obj", None)  # of an AttributeError: an argument of a wrong type, where it is not of ours
    return owner is None or type(owner).__module__.startswith("funcgrad")


def hides(fun: Function) -> Function:
    """A function that calls `hide` itself, so that nothing is put around it where users call it."""
    fun.is_entrance = True  # type: ignore[attr-defined]
    return fun


def hiding(fun: Function) -> Function:
    """A function or method as users call it: an error shows no frame of the library's. It takes 0.1 us more."""

    @wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return fun(*args, **kwargs)
        except Exception as error:
            hide(error)
            raise

    return hides(call)  # type: ignore[return-value]


def hide_in(kind: type, *names: str) -> None:
    """Let methods of a class hide the library's frames: its own ones by these names, or all public ones.

    A property by these names does so where it is set, and where it is read if it cannot be set.
    """
    for name, method in list(kind.__dict__.items()):
        if type(method) is property and name in names:
            if method.fset is not None:
                setattr(kind, name, method.setter(hiding(method.fset)))
            elif method.fget is not None:
                setattr(kind, name, method.getter(hiding(method.fget)))
        wanted = name in names if names else not name.startswith("_") or name in ("__init__", "__call__")
        if wanted and type(method) is FunctionType and not hasattr(method, "is_entrance"):
            setattr(kind, name, hiding(method))


hide_in(type(config), *[name for name, x in vars(type(config)).items() if type(x) is property])


def call_hiding_frames(run: Callable[..., Any], *args: Any) -> Any:
    """Call one of our own functions so that an error shows the user's frames only."""
    try:
        return run(*args)
    except Exception as error:
        try:
            raise instead_of(error)
        except Exception as shown:
            hide(shown)
            raise


def _is_scipys(tb: TracebackType) -> bool:
    return str(tb.tb_frame.f_globals.get("__name__")).startswith("scipy.")


def is_raised(tb: TracebackType) -> bool:
    """Whether a statement `raise` stands where the traceback ends."""
    from opcode import opname

    return opname[tb.tb_frame.f_code.co_code[tb.tb_lasti]] == "RAISE_VARARGS"


def instead_of(error: BaseException) -> BaseException:
    """The error to be raised for one that is being handled.

    Our error in NumPy's "setting an array element with a sequence" takes its place; any other error stays the one that
    was raised, with its cause, context and notes.
    """
    if hidden.error and type(error) is TypeError and "'Traced<" in str(error):
        if str(error).startswith("expected a sequence of integers or a single integer, got"):
            kind, words = hidden.error
            error = kind(words).with_traceback(error.__traceback__)
        hidden.error = None
    ours = error.__cause__
    if not isinstance(ours, (TracerConversionError, ConcretizationError)) or not _is_theirs(error):
        return error
    for note in getattr(error, "__notes__", ()):
        ours.add_note(note)
    # raising `ours` makes `error` its context: what came before moves behind it, and no cycle holds the frames
    ours.__suppress_context__ = ours.__context__ is None
    ours.__traceback__ = error.__traceback__
    error.__cause__, error.__context__, error.__traceback__ = None, ours.__context__, None
    error.__suppress_context__ = False
    return ours


def _is_theirs(error: BaseException) -> bool:
    """Whether NumPy could not store an element, or SciPy not use a value, and no `raise` of the user's is behind it."""
    if type(error) is SystemError:  # C code that calls the user's function
        return "returned a result with an exception set" in str(error)
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    if tb is not None and _is_scipys(tb):
        return True
    if type(error) is not ValueError or not str(error).startswith("setting an array element with a sequence"):
        return False
    return tb is None or not is_raised(tb)
