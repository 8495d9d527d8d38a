"""Traced values that a function closes over, made into arguments."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

import numpy as np

from funcgrad import tree
from funcgrad.core.constants import guarded, keep
from funcgrad.core.graph import is_staging
from funcgrad.core.provenance import is_internal
from funcgrad.core.trace import Tracer, newest_trace


def refuse_hidden(kind: str, values: Sequence[Any], results: Sequence[Any]) -> None:
    """Raise where a function's results belong to a newer trace than its values: it found traced values elsewhere."""
    known, met = newest_trace(values), newest_trace(results)
    if met is not None and (known is None or met.age > known.age):
        raise TypeError(
            f"{kind}: the function or its rule uses a traced value that is neither an argument nor a variable it "
            "closes over (a global or an attribute?): pass it as an argument"
        )


class Captured:
    """The traced values in the closures of some functions, and how to put others in their place."""

    def __init__(self, functions: Sequence[Callable[..., Any] | None]) -> None:
        self.functions = functions
        self.names: list[str] = []
        self.values: list[Tracer] = []
        self._index: dict[int, int] = {}
        seen: set[int] = set()
        for fun in functions:
            self._collect(fun, seen)

    def _collect(self, fun: Any, seen: set[int]) -> None:
        if id(fun) in seen:
            return
        seen.add(id(fun))
        if isinstance(fun, partial):
            self._collect(fun.func, seen)
            for x in (*fun.args, *fun.keywords.values()):
                self._visit(getattr(fun, "holds", "an argument of functools.partial"), x, seen)
        elif isinstance(fun, FunctionType):
            for name, x in _cells(fun):
                self._visit(name, x, seen)
            for x in fun.__defaults__ or ():
                self._visit("a default argument", x, seen)

    def _visit(self, name: str, x: Any, seen: set[int]) -> None:
        for leaf in tree.leaves(x):
            if isinstance(leaf, (FunctionType, partial)):
                self._collect(leaf, seen)
            elif isinstance(leaf, Tracer) and id(leaf) not in self._index:
                self._index[id(leaf)] = len(self.values)
                self.values.append(leaf)
                self.names.append(name)

    def rebuilt(self, values: Sequence[Any]) -> list[Any]:
        """The functions, closing over `values` where they closed over traced values."""
        done: dict[int, Any] = {}
        return [self._rebuild(fun, values, done) for fun in self.functions]

    def _rebuild(self, fun: Any, values: Sequence[Any], done: dict[int, Any]) -> Any:
        if id(fun) in done:
            return done[id(fun)]
        if isinstance(fun, partial):
            args = [self._swap(x, values, done) for x in fun.args]
            keywords = {k: self._swap(x, values, done) for k, x in fun.keywords.items()}
            new: Any = partial(self._rebuild(fun.func, values, done), *args, **keywords)
        elif isinstance(fun, FunctionType) and not isinstance(fun, MethodType):
            cells = tuple(CellType() for _ in fun.__closure__ or ())
            defaults = fun.__defaults__ and tuple(self._swap(x, values, done) for x in fun.__defaults__)
            new = FunctionType(fun.__code__, fun.__globals__, fun.__name__, defaults, cells or None)
            new.__kwdefaults__ = fun.__kwdefaults__
            done[id(fun)] = new
            for cell, (_, x) in zip(cells, _cells(fun, skip_empty=False)):
                if x is not _EMPTY:
                    cell.cell_contents = self._swap(x, values, done)
        else:
            new = fun
        done[id(fun)] = new
        return new

    def _swap(self, x: Any, values: Sequence[Any], done: dict[int, Any]) -> Any:
        leaves, treedef = tree.flatten(x)
        swapped = [self._swap_leaf(leaf, values, done) for leaf in leaves]
        return x if all(a is b for a, b in zip(swapped, leaves)) else treedef.unflatten(swapped)

    def _swap_leaf(self, leaf: Any, values: Sequence[Any], done: dict[int, Any]) -> Any:
        if isinstance(leaf, (FunctionType, partial)):
            return self._rebuild(leaf, values, done) if Captured((leaf,)).values else leaf
        return values[self._index[id(leaf)]] if id(leaf) in self._index else leaf


_EMPTY = object()


def _cells(fun: FunctionType, skip_empty: bool = True) -> list[tuple[str, Any]]:
    found = []
    for name, cell in zip(fun.__code__.co_freevars, fun.__closure__ or ()):
        try:
            found.append((name, cell.cell_contents))
        except ValueError:  # not assigned yet
            if not skip_empty:
                found.append((name, _EMPTY))
    return found


def frozen(fun: Any, guards: list[Any]) -> Any:
    """A function of the user's that will run later, with the variables it reads as they are now.

    Variables that it assigns to stay shared, and so do arrays where it writes into arrays. Other arrays are kept as
    constants are: the guards of large ones are appended to `guards`. What it reads through attributes is read then.
    """
    return _frozen(fun, guards, {})


def _frozen(fun: Any, guards: list[Any], done: dict[int, Any]) -> Any:
    if id(fun) in done:
        return done[id(fun)]
    if isinstance(fun, partial):
        return partial(_frozen(fun.func, guards, done), *fun.args, **fun.keywords)
    if isinstance(fun, MethodType):
        return MethodType(_frozen(fun.__func__, guards, done), fun.__self__)
    if not isinstance(fun, FunctionType):
        return fun
    code = fun.__code__
    use = _uses(code)
    keep_array = (lambda x: x) if use.writes else (lambda x: _kept(x, guards))
    scope = fun.__globals__
    if use.globals and not use.assigns_globals and not is_internal(code.co_filename):
        scope = {n: keep_array(scope[n]) for n in use.globals if n in scope}
        scope["__builtins__"] = fun.__globals__.get("__builtins__", builtins)
        scope["__name__"] = fun.__globals__.get("__name__")
    cells = tuple(
        cell if name in use.assigned else CellType() for name, cell in zip(code.co_freevars, fun.__closure__ or ())
    )
    defaults = fun.__defaults__ and tuple(map(keep_array, fun.__defaults__))
    new = FunctionType(code, scope, fun.__name__, defaults, cells or None)
    new.__kwdefaults__ = fun.__kwdefaults__
    done[id(fun)] = new
    for name, cell, (_, x) in zip(code.co_freevars, cells, _cells(fun, skip_empty=False)):
        if name not in use.assigned and x is not _EMPTY:
            cell.cell_contents = _frozen_value(x, keep_array, guards, done)
    return new


def _frozen_value(x: Any, keep_array: Callable[[Any], Any], guards: list[Any], done: dict[int, Any]) -> Any:
    if type(x) is tuple:
        return tuple([_frozen_value(y, keep_array, guards, done) for y in x])
    return keep_array(x) if type(x) is np.ndarray else _frozen(x, guards, done)


def _kept(x: Any, guards: list[Any]) -> Any:
    if type(x) is not np.ndarray:
        return x
    if is_staging():  # for a program, which may run long after
        return x.copy()
    kept = keep(x)
    guard = guarded(None, [kept])
    if guard is not None:
        guards.append(guard)
    return kept


class _Uses(NamedTuple):
    """What a function's code does to variables that are not its own.

    `globals` are the names it reads, `assigned` the closed-over variables it assigns
    to; `writes`: it may write into an array; `assigns_globals`: to a global.
    """

    globals: tuple[str, ...]
    assigned: frozenset[str]
    writes: bool
    assigns_globals: bool


@lru_cache(maxsize=1024)
def _uses(code: CodeType) -> _Uses:
    from dis import get_instructions

    read: set[str] = set()
    assigned: set[str] = set()
    writes = assigns_globals = False
    for instruction in get_instructions(code):
        name = instruction.opname
        if name in ("LOAD_GLOBAL", "LOAD_NAME"):
            read.add(instruction.argval)
        elif name in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            assigns_globals = True
        elif name in ("STORE_DEREF", "DELETE_DEREF"):
            assigned.add(instruction.argval)
        elif name in ("STORE_SUBSCR", "STORE_SLICE") or (name == "BINARY_OP" and instruction.argrepr.endswith("=")):
            writes = True
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            use = _uses(inner)
            read.update(use.globals)
            assigned.update(use.assigned)
            writes |= use.writes
            assigns_globals |= use.assigns_globals
    return _Uses(tuple(sorted(read)), frozenset(assigned), writes, assigns_globals)
