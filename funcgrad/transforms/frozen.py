"""Functions of the user's that will run later, with what they read as it was when they were called."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from functools import lru_cache, partial
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.constants import keep
from funcgrad.core.memory import lent
from funcgrad.core.provenance import is_internal
from funcgrad.transforms.closure import EMPTY, cells_of


def frozen(fun: Any) -> Any:
    """A function of the user's that will run later, with the variables it reads as they are now.

    Variables that it assigns to stay shared, and so do arrays where it writes into arrays. Other arrays, and those
    in tuples, lists and dicts, are kept as constants are. What it reads through attributes, and what functions that it
    calls read, is read then.
    """
    return _frozen(fun, {})


def _frozen(fun: Any, done: dict[int, Any]) -> Any:
    if id(fun) in done:
        return done[id(fun)]
    if isinstance(fun, partial):
        return partial(_frozen(fun.func, done), *fun.args, **fun.keywords)
    if isinstance(fun, MethodType):
        return MethodType(_frozen(fun.__func__, done), fun.__self__)
    if not isinstance(fun, FunctionType):
        return fun
    code = fun.__code__
    use = _uses(code)
    keep_array = (lambda x: x) if use.writes else _kept
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
    for name, cell, (_, x) in zip(code.co_freevars, cells, cells_of(fun)):
        if name not in use.assigned and x is not EMPTY:
            cell.cell_contents = _frozen_value(x, keep_array, done)
    return new


def _frozen_value(x: Any, keep_array: Callable[[Any], Any], done: dict[int, Any]) -> Any:
    return keep_array(x) if type(x) in _KEPT else _frozen(x, done)


_KEPT = frozenset((np.ndarray, tuple, list, dict))
LOOKED_INTO = 64
"""Entries of a container that is kept with what is in it; a larger one is shared, as each call would go through it."""
_CHANGES = frozenset(
    ("add", "append", "clear", "extend", "fill", "insert", "pop", "popitem", "put", "remove", "reverse", "setdefault")
) | {"sort", "update"}
"""Methods that change what they are called on."""


def _kept(x: Any) -> Any:
    """An array, or what containers hold, as it is now."""
    kind = type(x)
    if kind is np.ndarray:
        return lent(keep(x))
    if kind in (tuple, list) and len(x) <= LOOKED_INTO:
        return kind([_frozen_value(y, _kept, {}) for y in x])
    if kind is dict and len(x) <= LOOKED_INTO:
        return {key: _frozen_value(y, _kept, {}) for key, y in x.items()}
    return x


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
    instructions = list(get_instructions(code))
    for instruction, then in zip(instructions, [*instructions[1:], None]):
        name = instruction.opname
        if name in ("LOAD_GLOBAL", "LOAD_NAME"):
            read.add(instruction.argval)
        elif name in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            assigns_globals = True
        elif name in ("STORE_DEREF", "DELETE_DEREF"):
            assigned.add(instruction.argval)
        elif name in ("STORE_SUBSCR", "STORE_SLICE") or instruction.argval in _CHANGES:
            writes = True
        elif name == "BINARY_OP" and instruction.argrepr.endswith("="):  # `x += ...` of a variable of its own is none
            writes = writes or then is None or not then.opname.startswith("STORE_FAST")
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            use = _uses(inner)
            read.update(use.globals)
            assigned.update(use.assigned)
            writes |= use.writes
            assigns_globals |= use.assigns_globals
    return _Uses(tuple(sorted(read)), frozenset(assigned), writes, assigns_globals)
