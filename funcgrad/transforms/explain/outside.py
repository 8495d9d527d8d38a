"""What a function reads from outside of itself: globals, closures, defaults, attributes, and what is in containers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dis import get_instructions
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.provenance import Place, is_users, place

_READS = frozenset(
    ("LOAD_DEREF", "LOAD_GLOBAL", "LOAD_NAME", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF", "LOAD_FAST")
)
_ATTRIBUTES = frozenset(("LOAD_ATTR", "LOAD_METHOD"))
MOST = 20_000
"""How many objects are looked at."""
DEEPEST = 6
"""How many attributes and indices lead to a value."""


class Outside(NamedTuple):
    """An array that a function reads: the name by which it is there (`self.w`, `params['b'][0]`), and the line."""

    name: str
    place: Place


Path = tuple[str, ...]
"""A variable, and the attributes and indices that lead on from it."""


class _Function(NamedTuple):
    """A function of the user's, and values that it is called with beyond its arguments (`self`, a partial's)."""

    function: Any
    bound: tuple[tuple[str, Any], ...]


def read_outside(fun: Any, value: Any) -> Outside | None:
    """Where a function, or one of the user's functions it calls, reads the very array `value` from outside."""
    if not isinstance(value, np.ndarray):  # equal Python numbers are often one object
        return None
    for function in _reachable(fun):
        code = function.function.__code__
        for name, x in _surroundings(function):
            for path in _Search(value).paths(x, name, DEEPEST):
                if _reads(code, path, x):
                    return Outside("".join(path), _reading(code, path))
    return None


def may_show(fun: Any) -> list[str]:
    """What a call of a function may do that another call of it shows: print, draw random numbers."""
    found: dict[str, None] = {}
    for function in _reachable(fun):
        names = function.function.__code__.co_names
        if "print" in names:
            found["print"] = None
        if "random" in names or "rng" in names or any(_draws(x) for _, x in _surroundings(function)):
            found["draw random numbers"] = None
    return list(found)


def _draws(x: Any) -> bool:
    return isinstance(x, np.random.Generator | np.random.RandomState)


class _Search:
    """The search for one array; what has been looked at once is not again."""

    def __init__(self, value: np.ndarray) -> None:
        self._value = value
        self._seen: set[int] = set()
        self._kept: list[Any] = []
        """Objects made on the way, so that none takes the identity of another."""

    def paths(self, x: Any, start: str, depth: int) -> Iterator[Path]:
        yield from self._paths(x, (start,), depth)

    def _paths(self, x: Any, path: Path, depth: int) -> Iterator[Path]:
        if x is self._value:
            yield path
            return
        if not depth or id(x) in self._seen or len(self._seen) > MOST:
            return
        if isinstance(x, FunctionType | ModuleType | type):
            return
        self._seen.add(id(x))
        self._kept.append(x)
        for key, inner in _parts(x):
            yield from self._paths(inner, (*path, key), depth - 1)


def _reads(code: CodeType, path: Path, x: Any) -> bool:
    """Whether code reads the value at a path, as far as its attributes and keys tell; a whole container may go on."""
    if len(path) == 1:
        return True
    if path[1].startswith("."):
        return path[1][1:] in code.co_names
    keys = [key for key in x if isinstance(key, str)] if isinstance(x, dict) else []
    named = [key for key in keys if key in code.co_consts]
    return not named or path[1] in [f"[{key!r}]" for key in named]


def _parts(x: Any) -> Iterator[tuple[str, Any]]:
    """What a container or an object of the user's holds; no code of his is run."""
    if isinstance(x, dict):
        yield from ((f"[{key!r}]", inner) for key, inner in dict.items(x))
    elif isinstance(x, list | tuple):
        names = getattr(type(x), "_fields", None)
        for i, inner in enumerate(list.__iter__(x) if isinstance(x, list) else tuple.__iter__(x)):
            yield (f".{names[i]}" if names and i < len(names) else f"[{i}]"), inner
    elif isinstance(x, partial):
        yield from ((f".args[{i}]", inner) for i, inner in enumerate(x.args))
    if _is_users_object(x):
        yield from ((f".{name}", inner) for name, inner in _attributes(x).items())


def _is_users_object(x: Any) -> bool:
    return not isinstance(x, str | bytes | int | float | complex | np.ndarray | np.generic | FunctionType | MethodType)


def _attributes(x: Any) -> Mapping[str, Any]:
    try:
        found = dict(object.__getattribute__(x, "__dict__"))
    except AttributeError:
        found = {}
    for kind in type(x).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            member = kind.__dict__.get(name)
            if type(member).__name__ == "member_descriptor":
                try:
                    found[name] = member.__get__(x)  # type: ignore[union-attr]
                except AttributeError:  # not set
                    continue
    return found


def _reachable(fun: Any) -> Iterator[_Function]:
    """The user's functions that a call may run: itself, what it refers to, and the methods it names."""
    seen: set[tuple[int, ...]] = set()
    waiting: list[Any] = [fun]
    while waiting and len(seen) < 1000:
        bound: list[tuple[str, Any]] = []
        function = waiting.pop(0)
        while not isinstance(function, FunctionType):
            inner = _inside(function, bound)
            if inner is None:
                break
            function = inner
        if not isinstance(function, FunctionType):
            continue
        key = (id(function), *(id(x) for _, x in bound))
        if key in seen or not is_users(function.__code__.co_filename):
            continue
        seen.add(key)
        found = _Function(function, tuple(bound))
        yield found
        for _, x in _surroundings(found):
            waiting += _callables(x, function.__code__)


def _inside(x: Any, bound: list[tuple[str, Any]]) -> Callable[..., Any] | None:
    """The function in a method, a partial, a wrapper, or an object that can be called."""
    if isinstance(x, MethodType):
        variables = x.__func__.__code__.co_varnames if isinstance(x.__func__, FunctionType) else ()
        bound.append((variables[0] if variables else "self", x.__self__))
        return x.__func__
    if isinstance(x, partial):
        code = getattr(x.func, "__code__", None)
        names = list(code.co_varnames) if isinstance(code, CodeType) else [f"argument {i}" for i in range(len(x.args))]
        bound += list(zip(names, x.args))
        bound += list(x.keywords.items())
        return x.func
    try:
        wrapped = object.__getattribute__(x, "__dict__").get("__wrapped__")
    except AttributeError:
        wrapped = None
    if wrapped is not None:
        return wrapped
    called = _method(type(x), "__call__")
    if isinstance(called, FunctionType) and is_users(called.__code__.co_filename):
        bound.append((called.__code__.co_varnames[0], x))
        return called
    return None


def _method(kind: type, name: str) -> Any:
    return next((base.__dict__[name] for base in kind.__mro__ if name in base.__dict__), None)


def _callables(x: Any, code: CodeType) -> list[Any]:
    """What code may call through a variable: the value itself, and the methods that it names."""
    if isinstance(x, ModuleType | type):
        return []
    methods = [_method(type(x), name) for name in code.co_names] if _is_users_object(x) else []
    return [*([x] if callable(x) else []), *(MethodType(m, x) for m in methods if isinstance(m, FunctionType))]


def _surroundings(found: _Function) -> Iterator[tuple[str, Any]]:
    """The variables of a function that are not its own, and what it is always called with."""
    function: FunctionType = found.function
    yield from found.bound
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    code = function.__code__
    defaults = function.__defaults__ or ()
    last = code.co_varnames[: code.co_argcount][len(code.co_varnames[: code.co_argcount]) - len(defaults) :]
    yield from zip(last, defaults)
    yield from (function.__kwdefaults__ or {}).items()
    for name in code.co_names:
        if name in function.__globals__:
            yield name, function.__globals__[name]


def _reading(code: CodeType, path: Path) -> Place:
    """The line on which code reads a variable, or the attribute of it that leads to the value."""
    instructions = list(get_instructions(code))
    attribute = path[1][1:] if len(path) > 1 and path[1].startswith(".") else ""
    by_attribute = [i.offset for i in instructions if i.opname in _ATTRIBUTES and i.argval == attribute]
    by_name = [i.offset for i in instructions if i.opname in _READS and i.argval == path[0]]
    return place((code, (by_attribute or by_name or [0])[0]))
