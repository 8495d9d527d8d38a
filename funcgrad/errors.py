"""Exception types. A message names the argument's path and the user's line, and says what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType


class TracerConversionError(TypeError):
    """A traced value was asked for a concrete one: ``float(x)``, ``x.item()``, ``np.asarray(x)``, ``b[0] = x``."""


class ConcretizationError(TypeError):
    """A value that is unknown while a program is traced (``jit``, ``vmap``) was needed by Python."""


class EscapedTracerError(RuntimeError):
    """A traced value was used after the transformation that made it had ended."""


class NotDifferentiableError(TypeError):
    """There is no derivative here: an integer input, an operation without a rule, a rule of the wrong kind."""


class UnbatchedPrimitiveWarning(UserWarning):
    """``vmap`` ran a primitive without a batching rule as a loop."""


def strip_frames(error: BaseException, is_internal: Callable[[str], bool]) -> BaseException:
    """The error as a user should see it: without the frames of files for which ``is_internal(filename)`` holds.

    Where NumPy has wrapped our error in "setting an array element with a sequence", it is unwrapped.
    """
    if type(error) is ValueError and isinstance(error.__cause__, (TracerConversionError, ConcretizationError)):
        error = error.__cause__
    kept: list[TracebackType] = []
    tb = error.__traceback__
    while tb is not None:
        if not is_internal(tb.tb_frame.f_code.co_filename):
            kept.append(tb)
        tb = tb.tb_next
    chain: TracebackType | None = None
    for tb in reversed(kept):
        chain = TracebackType(chain, tb.tb_frame, tb.tb_lasti, tb.tb_lineno)
    return error.with_traceback(chain) if chain is not None else error
