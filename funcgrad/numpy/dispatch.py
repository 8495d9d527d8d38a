"""How a call finds NumPy or us: plain arguments go to NumPy itself, traced ones to the function written here.

A function of this package that has the name of a NumPy function implements both: `funcgrad.numpy.sum(x)` and,
through NumPy's protocols, `np.sum(x)`. On plain arrays values and errors are NumPy's, because NumPy runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
from numpy.exceptions import AxisError
from numpy.lib import NumpyVersion
from numpy.lib.array_utils import normalize_axis_tuple

from funcgrad.core import provenance
from funcgrad.core.buffers import buffered, held, running
from funcgrad.core.frames import hide, hides
from funcgrad.core.trace import Tracer
from funcgrad.core.warned import logged
from funcgrad.errors import NotDifferentiableError, TracerConversionError
from funcgrad.numpy.relations import ITSELF, relation
from funcgrad.ops.operands import any_traced
from funcgrad.ops.views import assign, fresh

Array = Any
"""An `ndarray`, a NumPy scalar, a Python scalar or a traced value."""
Axis = int | None
Axes = int | Sequence[int] | None
Function = TypeVar("Function", bound=Callable[..., Any])

IMPLEMENTATIONS: dict[Any, Callable[..., Any]] = {}
"""For each function of NumPy that takes traced values, what it runs on them."""
UFUNCS: dict[Any, Callable[..., Any]] = {}
"""The same for universal functions; they are called without keywords."""
CALLED: dict[Any, Callable[..., Any]] = {}
"""The same for those of one argument, for `array_ufunc` alone to call."""

_NEVER = 1 << 30
_IGNORED = frozenset(("order", "subok", "copy", "casting", "like", "kind", "device"))
"""Keywords about memory and casts that have no meaning for a traced value."""


def since(module: ModuleType, release: str) -> bool:
    """Whether NumPy, or SciPy, is of this release or a later one: dtypes and errors are those of the installed one."""
    return NumpyVersion(module.__version__) >= release


def numpy_function(
    original: Any, *, creates: bool = False, extra: Sequence[str] = ()
) -> Callable[[Function], Function]:
    """Decorate what runs on traced arguments; the result runs `original` on all others.

    `original` is a function of NumPy, or the module that has one of the same name. One that `creates` arrays makes such
    as can be written where a function is being transformed. `extra` are keywords that NumPy's does not have: with one
    of them what is decorated runs on plain arguments too.
    """
    ours = frozenset(extra)

    def decorate(fun: Function) -> Function:
        numpys = getattr(original, fun.__name__) if isinstance(original, ModuleType) else original
        code = fun.__code__
        parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        positional = parameters[: code.co_argcount]
        out_position = positional.index("out") if "out" in positional else _NEVER
        takes_all = bool(code.co_flags & inspect.CO_VARKEYWORDS)
        related, whole = relation(numpys), numpys in ITSELF

        def traced(*args: Any, **kwargs: Any) -> Any:
            try:
                if len(args) > out_position and args[out_position] is not None:
                    kwargs["out"] = args[out_position]
                    args = (*args[:out_position], None, *args[out_position + 1 :])
                if kwargs and isinstance(kwargs.get("out"), Tracer):
                    out = kwargs.pop("out")
                    return assign(out, function(*args, **kwargs))
                scope = running()
                if scope is None or not scope.has_buffers or whole:
                    plain, options = args, kwargs
                else:
                    plain, options = held(args), held(kwargs)
                    if not any_traced(plain) and not any_traced(options.values()) and ours.isdisjoint(options):
                        return related(args, kwargs, buffered(numpys(*plain, **options)))
                if options and not takes_all:
                    options = _accepted(fun.__name__, parameters, options)
                y = related(args, options, fun(*plain, **options))
                return fresh(y) if creates and isinstance(y, Tracer) else y
            except Exception as error:
                hide(error)
                raise

        def of_traced(*args: Any, **kwargs: Any) -> Any:
            if any_traced(args) or (kwargs and (any_traced(kwargs.values()) or not ours.isdisjoint(kwargs))):
                return traced(*args, **kwargs)
            y = numpys(*args, **kwargs)
            return buffered(y) if creates else y

        @wraps(fun)
        def function(*args: Any, **kwargs: Any) -> Any:
            try:
                return logged(of_traced, args, kwargs)
            except Exception as error:
                hide(error)
                raise

        IMPLEMENTATIONS[numpys] = hides(traced)
        return hides(function)  # type: ignore[return-value]

    return decorate


def _accepted(name: str, parameters: tuple[str, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The keywords that say something; those of NumPy without a meaning here are refused."""
    accepted = {}
    for key, value in kwargs.items():
        if value is np._NoValue or (value is None and key == "out"):
            continue
        if key == "out":
            raise out_error(name)
        if key in parameters:
            accepted[key] = value
        elif value is not None and key not in _IGNORED:
            known = ", ".join(p for p in parameters if p != "out")
            raise TypeError(
                f"`{name}` of a traced value does not take `{key}`{provenance.at(provenance.here())}; "
                f"it takes {known}"
            )
    return accepted


def out_error(name: str, buffer: Any = None) -> TracerConversionError:
    """The error for writing the result of an operation on traced values into an array."""
    where = provenance.at(provenance.here())
    form = (
        f"y = np.{name}(...)" if buffer is None else f"b = np.{name}(b, ...) (b = b + x in place of b += x)"
    )
    return TracerConversionError(
        f"`{name}` was to write a traced value into a plain array{where}, "
        f"where its derivative would be lost. Make a new array instead: {form}"
    )


def unsupported(name: str, hint: str = "") -> NotDifferentiableError:
    """The error for a function of NumPy that has no counterpart here."""
    return NotDifferentiableError(
        f"`{name}` is not supported for traced values{provenance.at(provenance.here())}: "
        f"it has no derivative here.{hint} "
        "A function of yours can be given one with fg.custom_vjp; fg.stop_gradient(x) first cuts it."
    )


def axis_of(axis: int, ndim: int) -> int:
    """A non-negative axis; AxisError where there is none."""
    if type(axis) is not int:
        axis = axis.__index__()
    if not -ndim <= axis < ndim:
        raise AxisError(axis, ndim)
    return axis + ndim if axis < 0 else axis


def axes_of(axis: Axes, ndim: int) -> tuple[int, ...]:
    """The axes of a reduction, sorted and non-negative; None stands for all."""
    if axis is None:
        return tuple(range(ndim))
    if type(axis) is int:
        return (axis_of(axis, ndim),)
    return tuple(sorted(normalize_axis_tuple(axis, ndim)))
