"""What a function reads from outside of itself."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.provenance import Place, is_internal, place

_READS = ("LOAD_DEREF", "LOAD_GLOBAL", "LOAD_NAME", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF")


def read_outside(fun: Any, value: Any) -> tuple[str, Place] | None:
    """Where a function, or one of the user's functions it calls, reads the very array `value` from outside.

    Returns the variable's name, and the line.
    """
    if not isinstance(value, np.ndarray):  # equal Python numbers are often one object
        return None
    for function in _reachable(fun):
        for name, x in _surroundings(function):
            if not isinstance(x, FunctionType) and any(leaf is value for leaf in _leaves(x)):
                return name, _reading(function.__code__, name)
    return None


def _reachable(fun: Any) -> Iterator[FunctionType]:
    seen: set[int] = set()
    waiting = [fun]
    while waiting:
        function = waiting.pop()
        function = getattr(function, "__wrapped__", function)
        if not isinstance(function, FunctionType) or id(function) in seen:
            continue
        seen.add(id(function))
        if is_internal(function.__code__.co_filename):
            continue
        yield function
        waiting += [x for _, x in _surroundings(function) if isinstance(x, FunctionType)]


def _surroundings(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """The variables of a function that are not its own."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for name in function.__code__.co_names:
        if name in function.__globals__:
            yield name, function.__globals__[name]


def _leaves(x: Any) -> list[Any]:
    try:
        return tree.leaves(x)
    except (TypeError, ValueError, RecursionError):  # anything may be there: no tree, or one that contains itself
        return []


def _reading(code: CodeType, name: str) -> Place:
    from dis import get_instructions

    offsets = [i.offset for i in get_instructions(code) if i.opname in _READS and i.argval == name]
    return place((code, offsets[0] if offsets else 0))
