"""A compiled function that is called with a traced value: numba is told what to run then.

numba asks for the type of an argument that it does not know by `typeof_impl`, which others may extend, and then looks
among the function's `overloads` for code compiled for such types. For a traced argument it finds the twin there, for
the time of that look. Nothing of numba is replaced.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from funcgrad.core import provenance
from funcgrad.core.arrivals import SOURCES
from funcgrad.core.trace import Tracer
from funcgrad.errors import TracerConversionError
from funcgrad.from_numba.generalised import Generalised
from funcgrad.from_numba.scalars import ScalarFunction
from funcgrad.from_numba.twins import made_once, twin

_VARARGS = 0x04


def prepare() -> None:
    """Teach numba, which has been imported, what a traced value is."""
    numba: Any = sys.modules["numba"]
    dispatcher: Any = sys.modules["numba.core.dispatcher"]
    SOURCES[sys.modules["numba.core.registry"].CPUDispatcher] = twin
    SOURCES[sys.modules["numba.np.ufunc.dufunc"].DUFunc] = lambda f: made_once(f, ScalarFunction)
    SOURCES[sys.modules["numba.np.ufunc.gufunc"].GUFunc] = lambda f: made_once(f, Generalised)

    provenance.hide(os.path.dirname(numba.__file__))

    class Traced(numba.types.Type):
        """The type of traced values in one thread: what is entered under it, no other thread finds."""

        def __init__(self) -> None:
            super().__init__(name=f"traced in thread {threading.get_ident()}")

    base = dispatcher.Dispatcher
    asked, compiling = base.typeof_pyval.__code__, base._compile_for_args.__code__
    omitted: Any = dispatcher.OmittedArg

    def type_of(x: Any, context: Any) -> Any:
        if context.purpose.name == "constant":
            raise refused(x, None, is_constant=True)
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code is not asked:
            frame = frame.f_back
        if frame is None or frame.f_back is None:
            raise refused(x, None)
        called, caller = frame.f_locals["self"], frame.f_back
        if not getattr(called, "_can_compile", True):
            raise refused(x, called)
        if caller.f_code is compiling:
            args = caller.f_locals["args"]
            types = [numba.types.Omitted(a.value) if isinstance(a, omitted) else called.typeof_pyval(a) for a in args]
            _enter(called, tuple(types), omitted)
        return Traced()

    sys.modules["numba.extending"].typeof_impl.register(Tracer)(type_of)


def _enter(called: Any, types: tuple[Any, ...], omitted: Any) -> None:
    """Let numba find the twin among the overloads of a dispatcher, once."""

    def run(*args: Any) -> Any:
        values = [a.value if isinstance(a, omitted) else a for a in args]
        if called.py_func.__code__.co_flags & _VARARGS:
            values[-1:] = values[-1]
        return twin(called).traced(*values)

    called.overloads[types] = Once(lambda: called.overloads.pop(types, None), run)


class Once:
    """What numba finds as compiled code; it is gone when it has been taken."""

    objectmode = False

    def __init__(self, taken: Callable[[], Any], run: Callable[..., Any]) -> None:
        self._taken = taken
        self._run = run

    @property
    def entry_point(self) -> Callable[..., Any]:
        self._taken()
        return self._run


def refused(x: Tracer, called: Any, is_constant: bool = False) -> TracerConversionError:
    """The error for a compiled function that cannot be traced where it stands."""
    where = provenance.at(provenance.here_past(("functools",)))
    name = getattr(getattr(called, "py_func", None), "__name__", "")
    if is_constant:
        what, remedy = "A function compiled by numba uses", "Pass the value as an argument, so that it can be traced."
    elif name:
        what = f"`{name}` has been compiled for the signatures in its decorator only, and was given"
        remedy = f"In place of `{name}`, write fg.jit({name}), which traces its source; or leave the signatures out."
    else:
        what = "Numba was given"
        remedy = "Give a function that calls it a derivative by fg.custom_vjp: numba computes with numbers only."
    return TracerConversionError(f"{remedy} {what} a traced value ({x.aval}){where}.")
