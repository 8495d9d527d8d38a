"""The source of a compiled function as Python that can be traced: its twin.

The code object is that of the user's function, so errors and reports name the user's lines. Its globals are a few of
the module's, with other meanings (`names.py`); the module itself stays as it is. Compiled functions among them are
replaced by their own twins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import update_wrapper
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.arrivals import SOURCES, traceable
from funcgrad.core.avals import NUMERIC
from funcgrad.core.buffers import Buffer, buffered, running
from funcgrad.core.recent import Recent
from funcgrad.errors import ConcretizationError
from funcgrad.from_numba.classes import class_twin, instance_twin
from funcgrad.from_numba.names import BUILTINS, meaning
from funcgrad.from_numba.overloads import Overloaded, is_overloaded
from funcgrad.ops.operands import any_traced

GIVEN = (
    "it is an array that the compiled function was given, or a view of one, and its owner would not see the change. "
    "Where the function is to fill it, make it inside of the function that is transformed (fnp.zeros)"
)

NEEDS_VALUES = (
    "is compiled by numba and was traced through its source. What needs a value, as this line does, runs under grad, "
    "vjp and jvp alone; under jit and vmap write np.where, pass the bound of a loop as a static argument, make a "
    "function of numbers elementwise (fg.elementwise), or give the function a rule of its own: fg.custom_vjp around "
    "fg.pure_callback."
)


class Running:
    """The source of a function, run with other meanings for its names."""

    def __init__(self, fun: FunctionType) -> None:
        update_wrapper(self, fun, updated=())
        self._fun = fun
        self._source: Source | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        source = self._source
        if source is None or not source.is_current():
            source = self._source = rebuilt(self._fun)
        source.show_arrays()
        return source.function(*map(given, args), **{name: given(x) for name, x in kwargs.items()})


class Twin:
    """A compiled function: it is traced through its source where an argument is traced, and runs otherwise."""

    def __init__(self, compiled: Any) -> None:
        update_wrapper(self, compiled.py_func, updated=())
        self.compiled = compiled
        self._source = made_once(compiled.py_func, Running)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if any_traced(args) or any_traced(kwargs.values()):
            return self.traced(*args, **kwargs)
        y = self.compiled(*args, **kwargs)
        return y if running() is None else buffered(y)

    def traced(self, *args: Any, **kwargs: Any) -> Any:
        """Run the source."""
        try:
            return self._source(*args, **kwargs)
        except ConcretizationError as error:
            if not getattr(error, "__notes__", None):
                error.add_note(f"`{self.__name__}` {NEEDS_VALUES}")  # type: ignore[attr-defined]
            raise

    def __reduce__(self) -> Any:
        return traceable, (self.compiled,)

    def __repr__(self) -> str:
        return f"<the source of {self.compiled!r}>"


_made = Recent(512)
"""What has been made of functions and classes; a table without bounds would keep all that are defined in functions."""


def twin(compiled: Any) -> Twin:
    """The twin of one of numba's dispatchers."""
    return made_once(compiled, Twin)


def made_once(x: Any, make: Callable[[Any], Any]) -> Any:
    """`make(x)`, kept for the next time."""
    found = _made.get((make, x))
    return _made.setdefault((make, x), make(x)) if found is None else found


def given(x: Any) -> Any:
    """An argument: a plain array as one that cannot be written itself, while what is computed of it can."""
    if type(x) is tuple:
        return tuple(map(given, x))
    if type(x) is np.ndarray and x.dtype.names:
        return x.view(np.recarray)  # `x[i].name`, as in numba
    if not _is_array(x):
        kind = getattr(getattr(type(x), "_numba_type_", None), "class_type", None)
        return x if kind is None else instance_twin(x, made_once(kind, _class_twin), given)
    scope = running()
    if scope is None:
        return x
    buffer = Buffer(x, scope, x.flags.c_contiguous)
    buffer._place = GIVEN
    return buffer


def _is_array(x: Any) -> bool:
    return type(x) is np.ndarray and x.ndim > 0 and x.dtype.kind in NUMERIC


def _is_shown(x: Any) -> bool:
    """Whether a global is shown to each run anew, as an argument is."""
    return type(x) is np.ndarray and (x.dtype.names is not None or _is_array(x))


class Source(NamedTuple):
    """A function whose names have other meanings.

    `scope` are its globals, `seen` those that it was made of; `arrays` and `cells` the global and closed-over arrays,
    which are shown to each run as arguments are.
    """

    function: FunctionType
    scope: dict[str, Any]
    seen: list[tuple[dict[str, Any], str, Any]]
    arrays: dict[str, np.ndarray]
    cells: list[tuple[CellType, np.ndarray]]

    def is_current(self) -> bool:
        return all(scope.get(name) is x for scope, name, x in self.seen)

    def show_arrays(self) -> None:
        for name, array in self.arrays.items():
            self.scope[name] = given(array)
        for cell, array in self.cells:
            cell.cell_contents = given(array)


def rebuilt(fun: FunctionType) -> Source:
    """A function with other meanings for its names."""
    scope: dict[str, Any] = {"__builtins__": BUILTINS, "__name__": fun.__globals__.get("__name__")}
    theirs = fun.__globals__
    names = [name for name in _names(fun.__code__) if name in theirs]
    scope.update((name, stand_in(theirs[name], fun)) for name in names)
    contents = [(_new_cell(cell, fun), _content(cell)) for cell in fun.__closure__ or ()]
    new = FunctionType(
        fun.__code__, scope, fun.__name__, fun.__defaults__, tuple([cell for cell, _ in contents]) or None
    )
    new.__kwdefaults__ = fun.__kwdefaults__
    arrays = {name: theirs[name] for name in names if _is_shown(theirs[name])}
    seen = [(theirs, name, theirs[name]) for name in names]
    return Source(new, scope, seen, arrays, [(cell, x) for cell, x in contents if _is_shown(x)])


def _names(code: CodeType) -> Iterator[str]:
    """The names of globals (and attributes) in a function and in those that it defines."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _new_cell(old: CellType, user: FunctionType) -> CellType:
    x = _content(old)
    new = stand_in(x, user)
    return old if new is x and not _is_shown(x) else CellType(new)


def stand_in(x: Any, user: FunctionType) -> Any:
    """What a name in the source of `user` stands for; helpers in Python, of its package, are run as it is."""
    if type(x) in SOURCES:
        return traceable(x)
    if isinstance(x, type) and (kind := getattr(x, "class_type", None)) is not None:
        return made_once(kind, _class_twin)
    if type(x) is ModuleType and x.__name__.partition(".")[0] == _package(user):
        return OwnModule(x, user)
    if type(x) is tuple:
        return tuple([stand_in(part, user) for part in x])
    found = meaning(x)
    if found is x and type(x) is FunctionType and _package(x) != "numpy":
        if is_overloaded(x):
            return made_once(x, _overloaded)
        if _package(x) == _package(user):
            return made_once(x, Running)
    return found


def _overloaded(fun: FunctionType) -> Overloaded:
    return Overloaded(fun, lambda code: made_once(code, Running))


class OwnModule:
    """A module of the user's, whose names have other meanings too."""

    def __init__(self, module: ModuleType, user: FunctionType) -> None:
        self._found = module, user

    def __getattr__(self, name: str) -> Any:
        module, user = self._found
        return stand_in(getattr(module, name), user)


def _class_twin(kind: Any) -> type:
    return class_twin(kind, Running)


def _package(fun: FunctionType) -> str:
    return str(fun.__module__).partition(".")[0]
