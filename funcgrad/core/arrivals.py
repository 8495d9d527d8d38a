"""Packages that this one never imports, and what is to be done once the user has.

A package that compiles functions (numba) hides their source from a trace. Who knows how to get at it says so here, for
the classes of such functions, as soon as that package is there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

awaited: dict[str, tuple[str, Callable[[], None]]] = {}
"""For each package, the attribute that it has when it is there, and what is to be done then."""
SOURCES: dict[type, Callable[[Any], Callable[..., Any]]] = {}
"""For each class of compiled functions, how to get one that can be traced."""


def await_package(name: str, attribute: str, prepare: Callable[[], None]) -> None:
    """Call `prepare` before the next function is traced after the package, with that attribute, has been imported."""
    awaited[name] = attribute, prepare


def greet() -> None:
    """Do what waits for packages that have come; 0.2 us where none has."""
    for name, (attribute, prepare) in list(awaited.items()):
        if hasattr(sys.modules.get(name), attribute):  # and no half of it, while it is being imported
            del awaited[name]
            prepare()


def has_come(name: str) -> bool:
    """Whether what waited for a package has been done."""
    greet()
    return name not in awaited


def traceable(fun: Any) -> Any:
    """`fun`, or what can be traced in its place where it is compiled code."""
    if awaited:
        greet()
    make = SOURCES.get(type(fun))
    return fun if make is None else make(fun)
