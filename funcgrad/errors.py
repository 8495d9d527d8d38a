"""Exception types. A message names the argument's path and the user's line, and says what to write instead.

There are two reasons why a traced value gives no concrete one: the derivative would be lost
(`TracerConversionError`), or the value is not known (`ConcretizationError`). JAX's names say what was asked for. What
we raise is a subclass of both, or an alias, so that JAX's names in `except` clauses catch here what they catch there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

__all__ = [
    "ConcretizationError",
    "ConcretizationTypeError",
    "EscapedTracerError",
    "JAXIndexError",
    "JAXTypeError",
    "LongLoopWarning",
    "NonConcreteBooleanIndexError",
    "NotDifferentiableError",
    "TracedArrayError",
    "TracerArrayConversionError",
    "TracerBoolConversionError",
    "TracerConversionError",
    "TracerIntegerConversionError",
    "UnbatchedPrimitiveWarning",
    "UnexpectedTracerError",
    "UnknownArrayError",
]


def __dir__() -> list[str]:
    return __all__


class JAXTypeError(TypeError):
    """JAX's name for all that is asked of traced values in vain."""


class JAXIndexError(IndexError):
    """JAX's name for indices that traced values cannot be."""


class ConcretizationTypeError(JAXTypeError):
    """JAX's name for both: a concrete value was needed of a traced one."""


class TracerConversionError(ConcretizationTypeError):
    """A traced value was asked for a concrete one: ``float(x)``, ``x.item()``, ``np.asarray(x)``, ``b[0] = x``."""


class ConcretizationError(ConcretizationTypeError):
    """A value that is unknown while a program is traced (``jit``, ``vmap``) was needed by Python."""


class TracerBoolConversionError(ConcretizationError):
    """The truth of a value that is not known was needed: ``if x > 0``."""


class TracerIntegerConversionError(ConcretizationError):
    """A value that is not known was needed as an integer of Python's: ``range(n)``, ``a_list[i]``."""


class NonConcreteBooleanIndexError(ConcretizationError, JAXIndexError):
    """An array was indexed by a mask that is not known: ``x[x > 0]``."""


class TracerArrayConversionError(TypeError):
    """A plain array of a traced value was needed: ``np.asarray(x)``."""


class TracedArrayError(TracerConversionError, TracerArrayConversionError):
    """``np.asarray(x)``, where the derivative would be lost."""


class UnknownArrayError(ConcretizationError, TracerArrayConversionError):
    """``np.asarray(x)``, where the value is not known."""


class EscapedTracerError(RuntimeError, JAXTypeError):
    """A traced value was used after the transformation that made it had ended."""


UnexpectedTracerError = EscapedTracerError
"""JAX's name."""


class NotDifferentiableError(TypeError):
    """There is no derivative here: an integer input, an operation without a rule, a rule of the wrong kind."""


class UnbatchedPrimitiveWarning(UserWarning):
    """``vmap`` ran a primitive without a batching rule as a loop."""


class LongLoopWarning(UserWarning):
    """A loop of Python's over a traced value was written down step by step, and is long."""


class _Hidden(threading.local):
    """The kind and the words of our last error where NumPy puts errors of its own in its place: for a size."""

    error: tuple[type[Exception], str] | None = None


hidden = _Hidden()


def strip_frames(error: BaseException, is_internal: Callable[[str], bool]) -> BaseException:
    """The error as a user should see it: without the frames of files for which ``is_internal(filename)`` holds.

    To be raised while ``error`` is handled. Our error in NumPy's "setting an array element with a sequence" takes
    its place; any other error stays the one that was raised, with its cause, context and notes.
    """
    tb = error.__traceback__
    if hidden.error and type(error) is TypeError and "'Traced<" in str(error):
        if str(error).startswith("expected a sequence of integers or a single integer, got"):
            kind, words = hidden.error
            error = kind(words)
        hidden.error = None
    error = _unwrapped(error)
    kept: list[TracebackType] = []
    last = tb
    while tb is not None:
        if not is_internal(tb.tb_frame.f_code.co_filename):
            kept.append(tb)
        last, tb = tb, tb.tb_next
    if not kept and not _is_said(error, last):
        return error
    chain: TracebackType | None = None
    for tb in reversed(kept):
        chain = TracebackType(chain, tb.tb_frame, tb.tb_lasti, tb.tb_lineno)
    return error.with_traceback(chain)


def _is_said(error: BaseException, last: TracebackType | None) -> bool:
    """Whether an error from inside of the library is one that we raise, and no mistake of ours to be looked for."""
    return not isinstance(error, AssertionError) and last is not None and _raises(last)


def _raises(tb: TracebackType) -> bool:
    from opcode import opname

    return opname[tb.tb_frame.f_code.co_code[tb.tb_lasti]] == "RAISE_VARARGS"


def _unwrapped(error: BaseException) -> BaseException:
    """Our error where NumPy or SciPy has put its own around it, with what had been attached to theirs."""
    ours = error.__cause__
    if not isinstance(ours, (TracerConversionError, ConcretizationError)) or not _is_theirs(error):
        return error
    for note in getattr(error, "__notes__", ()):
        ours.add_note(note)
    # raising `ours` makes `error` its context: what came before moves behind it, and no cycle holds the frames
    ours.__suppress_context__ = ours.__context__ is None
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
    if tb is not None and str(tb.tb_frame.f_globals.get("__name__")).startswith("scipy."):
        return True
    if type(error) is not ValueError or not str(error).startswith("setting an array element with a sequence"):
        return False
    return tb is None or not _raises(tb)
