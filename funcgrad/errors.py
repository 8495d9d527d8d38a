"""Exception types. A message names the argument's path and the user's line, and says what to write instead.

There are two reasons why a traced value gives no concrete one: the derivative would be lost
(`TracerConversionError`), or the value is not known (`ConcretizationError`). JAX's names say what was asked for. What
we raise is a subclass of both, or an alias, so that JAX's names in `except` clauses catch here what they catch there.
"""

from __future__ import annotations

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
