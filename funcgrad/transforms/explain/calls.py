"""Which call of the user's an operation belongs to, and its name: the outermost public function that he called."""

from __future__ import annotations

import ast
import sys
from types import FrameType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.provenance import Loc, is_internal, is_users
from funcgrad.transforms.explain.sources import written

_WRAPPERS = frozenset(
    ("traced", "function", "of_traced", "wrapper", "wrapped", "inner", "apply", "call", "plainly", "logged",
     "array_function", "array_ufunc")
)
"""Functions around the one that was called."""
_OPERATORS = {
    "__floordiv__": "floor_divide",
    "__rfloordiv__": "floor_divide",
    "__mod__": "mod",
    "__rmod__": "mod",
    "__divmod__": "divmod",
    "__rdivmod__": "divmod",
    "__matmul__": "matmul",
    "__rmatmul__": "matmul",
    "__getitem__": "getitem",
    "_power": "power",
    "matrix_product": "matmul",
}
_MODULES = ("nn", "lax", "random", "scipy.special", "scipy.stats", "scipy.linalg", "scipy.ndimage", "scipy.signal")


class CallSite(NamedTuple):
    """A call of the user's: its line, and the name of what he called, "" where that is an operator.

    `owner` is the object whose method was called, where it matters: a random generator. `derived` says that it runs in
    a function that grad or another transformation of ours differentiates within the one that is explained.
    """

    loc: Loc | None
    name: str
    is_foreign: bool = False
    owner: Any = None
    derived: bool = False


class Calls:
    """The calls of one run, told apart as they happen: operations of one call have the same `CallSite`."""

    def __init__(self) -> None:
        self._base: FrameType | None = None
        self._last: tuple[Any, ...] = ()
        self._call = CallSite(None, "")

    def begin(self) -> None:
        """What the calling frame runs is the user's function: frames outside of it are not asked."""
        self._base = sys._getframe(1)

    def end(self) -> None:
        self._base, self._last = None, ()

    def now(self) -> CallSite:
        """The call that is running. One instruction may take several values out of the library: that is one call."""
        frame, inner = _users(sys._getframe(1), self._base)
        departs = inner is not None and inner.f_code.co_name in _CONVERSIONS
        key = (frame, frame and frame.f_lasti, None if departs else inner)
        if not self._is_last(key):
            self._last = key
            self._call = _call(frame, inner)._replace(derived=_is_derived(frame, self._base))
        return self._call

    def lines(self) -> tuple[Loc, ...]:
        """The lines of the user's that are running, the innermost first; none where another library calls his code."""
        found: list[Loc] = []
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame is not self._base:
            file = frame.f_code.co_filename
            if is_users(file):
                found.append((frame.f_code, frame.f_lasti))
            elif found and not is_internal(file):
                return ()
            frame = frame.f_back
        return tuple(found)

    def of_program(self, scope: object, loc: Loc | None) -> CallSite:
        """The call that an equation of a program was traced in; `scope` is one run of the program."""
        key = (scope, loc, None)
        if not self._is_last(key):
            self._last = key
            self._call = CallSite(loc, _written_name(loc))
        return self._call

    def _is_last(self, key: tuple[Any, ...]) -> bool:
        return len(self._last) == 3 and self._last[0] is key[0] and self._last[1:] == key[1:]


def _users(frame: FrameType | None, base: FrameType | None) -> tuple[FrameType | None, FrameType | None]:
    """The innermost frame that is the user's, or else a foreign one, and the one that it called."""
    inner: FrameType | None = None
    foreign: tuple[FrameType | None, FrameType | None] = None, None
    while frame is not None and frame is not base:
        file = frame.f_code.co_filename
        if is_users(file):
            return frame, inner
        if foreign[0] is None and not is_internal(file):
            foreign = frame, inner
        inner, frame = frame, frame.f_back
    return foreign


def _is_derived(frame: FrameType | None, base: FrameType | None) -> bool:
    while frame is not None and frame is not base:
        code = frame.f_code
        if is_internal(code.co_filename) and code.co_name in _DIFFERENTIATE:
            return True
        frame = frame.f_back
    return False


_DIFFERENTIATE = frozenset(("_value_and_grad", "vjp_of", "jvp_of", "linearize_of"))
"""The functions of `transforms.api` that run what they differentiate."""


def _call(frame: FrameType | None, inner: FrameType | None) -> CallSite:
    if frame is None:
        return CallSite(None, "")
    loc = frame.f_code, frame.f_lasti
    if inner is None or inner.f_code.co_name in _CONVERSIONS:
        name, is_foreign, owner = _callee(frame, loc)
        return CallSite(loc, name, is_foreign, owner)
    if not is_internal(inner.f_code.co_filename):
        name, is_foreign, owner = _callee(frame, loc)
        return CallSite(loc, name if is_foreign and name else _foreign_name(inner), True, owner)
    return CallSite(loc, _name(inner, frame))


_CONVERSIONS = frozenset(
    ("__array__", "__float__", "__int__", "__index__", "__bool__", "__complex__", "__round__", "__format__")
)
"""What functions of C call: which function that is stands on the line only."""


def _name(inner: FrameType, user: FrameType) -> str:
    """The public name of the function of ours, or NumPy's, that the user's frame has called."""
    code, variables = inner.f_code, inner.f_locals
    if code.co_name == "__array_function__":
        return str(variables["func"].__name__)
    if code.co_name == "__array_ufunc__":
        return str(variables["ufunc"].__name__) if variables.get("method") == "__call__" else ""
    if code.co_filename.endswith("places.py"):
        return f"at[].{code.co_name}"
    within: list[str] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame is not user:
        within.append(frame.f_code.co_name)
        frame = frame.f_back
    for name in reversed(within):
        if name in _OPERATORS:
            return _OPERATORS[name]
        if name.startswith(("_", "<")):
            return ""
        if name not in _WRAPPERS:
            return name
    return ""


def _foreign_name(inner: FrameType) -> str:
    """`scipy.linalg.solve`, `pandas.Series` of its `__init__`: by public modules, as near to the top as it is found."""
    module = str(inner.f_globals.get("__name__", ""))
    names = [part for part in inner.f_code.co_qualname.split(".") if not part.startswith("<")]
    if names[-1] in ("__init__", "__new__", "__call__") and len(names) > 1:
        names.pop()
    names = [name.strip("_") if name.startswith("__") else name for name in names]
    top = module.partition(".")[0]
    if hasattr(sys.modules.get(top), names[0]):
        return ".".join([top, *names])
    public = [part for part in (*module.split("."), *names[:-1]) if not part.startswith("_")]
    return ".".join([*public, names[-1]])


def _callee(frame: FrameType, loc: Loc) -> tuple[str, bool, Any]:
    """What stands to be called on a line: its name, whether it is another library's, and whose method it is."""
    written = callee_text(loc)
    if not written:
        return "", False, None
    parts = written.split(".")
    found: Any = _MISSING
    owner: Any = None
    for scope in (frame.f_locals, frame.f_globals, frame.f_builtins):
        if parts[0] in scope:
            found = scope[parts[0]]
            break
    for part in parts[1:]:
        owner = found
        if not isinstance(found, ModuleType | np.random.Generator | np.random.RandomState):
            return parts[-1], False, None  # looking further might run the user's code
        found = getattr(found, part, _MISSING)
    if found is _MISSING:
        return parts[-1], False, None
    module, name = str(getattr(found, "__module__", None) or ""), str(getattr(found, "__name__", parts[-1]))
    if isinstance(owner, np.random.Generator | np.random.RandomState):
        return written, False, owner
    top = module.partition(".")[0]
    if top == "builtins":
        return "", False, None
    if top in ("", "numpy", "funcgrad", "__main__"):
        if isinstance(owner, ModuleType) and owner.__name__ == "numpy.random":
            return written, False, owner
        return name, False, None
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is not None and is_users(file):
        return name, False, None
    public = ".".join(part for part in module.split(".") if not part.startswith("_"))
    return f"{public}.{name}", True, None


_MISSING = object()


def callee_text(loc: Loc | None) -> str:
    """The function that an instruction calls, as it stands in the source: `np.sin`, `self.net.forward`."""
    call = written(loc)
    return call.callee if call is not None and call.callee.replace(".", "").isidentifier() else ""


def _written_name(loc: Loc | None) -> str:
    """The name of a function of NumPy's or ours that stands to be called at a location of a program."""
    call = written(loc)
    if call is not None and isinstance(call.node, ast.Call) and isinstance(call.node.func, ast.Call):
        return ast.unparse(call.node.func.func).rpartition(".")[2]  # fg.jit(f)(x)
    name = callee_text(loc).rpartition(".")[2]
    modules = [np, *(sys.modules.get(f"funcgrad.{m}") for m in ("numpy", *_MODULES))]
    return name if name and any(hasattr(m, name) for m in modules if m is not None) else ""
