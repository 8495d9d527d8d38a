"""SciPy's functions given traced values: which of them the user called, and what to write in its place.

SciPy asks for plain arrays deep inside of its own code, where the error arises. The stack is read only for an error.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import FrameType, FunctionType
from typing import Any, NamedTuple

from funcgrad.core.provenance import Loc, is_internal


class Called(NamedTuple):
    """A function of SciPy's, by its package and its name there, and the user's line that called it."""

    package: str
    name: str
    loc: Loc | None

    @property
    def what(self) -> str:
        return f"a traced value in `scipy.{self.package}.{self.name}`"

    @property
    def remedy(self) -> str:
        if _is_ours(self.package, self.name):
            path = f"{self.package}.{self.name}"
            return f"In place of scipy.{path}, write funcgrad.scipy.{path}, which takes traced values."
        if instead := _instead(self.package, self.name):
            names = ", with names of funcgrad.scipy" if "special." in instead or "logpdf" in instead else ""
            return f"In place of scipy.{self.package}.{self.name}, write {instead}{names}."
        return (
            f"SciPy computes with plain arrays only, and there is no funcgrad.scipy.{self.package}.{self.name}: "
            "fg.custom_vjp gives a function of yours that calls it a derivative."
        )


def scipys() -> Called | None:
    """The function of SciPy's that the user's code has called, where we are inside of one."""
    frame: FrameType | None = sys._getframe(1)
    inside: list[FrameType] = []
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if module.startswith("scipy."):
            inside.append(frame)
        elif inside and module.startswith("funcgrad.scipy."):
            return None
        elif not is_internal(frame.f_code.co_filename):
            break
        frame = frame.f_back
    if frame is None:
        return None
    for candidate in reversed(inside):
        found = _public(candidate)
        if found is not None:
            return Called(*found, (frame.f_code, frame.f_lasti))
    return None


def _public(frame: FrameType) -> tuple[str, str] | None:
    """The package and name under which users know the function that a frame runs; None where they do not."""
    package, name = _package(str(frame.f_globals["__name__"])), frame.f_code.co_name
    module = sys.modules.get(f"scipy.{package}")
    owner: Any = frame.f_locals.get("self")
    if not package:  # a decorator of SciPy's, around the function
        around = (f for f in frame.f_locals.values() if isinstance(f, FunctionType))
        names = ((_package(str(f.__module__)), f.__name__) for f in around)
        return next((found for found in names if found[0]), None)
    if owner is None:
        return (package, name) if not name.startswith("_") and hasattr(module, name) else None
    kind = type(owner).__name__
    variable = next((n for n, x in vars(module).items() if type(x) is type(owner) and not n.startswith("_")), None)
    if variable is not None and f"{variable}_gen" == kind:  # scipy.stats.norm, which `norm(0, 1)` copies
        return package, variable if name.startswith("_") else f"{variable}.{name}"
    known = (k.__name__ for k in type(owner).__mro__ if getattr(module, k.__name__, None) is k)
    return next(((package, name) for name in known), None)


def _package(module: str) -> str:
    """The public package of a module of SciPy's: "sparse.linalg" of scipy.sparse.linalg._isolve.iterative."""
    parts = module.split(".")
    private = next((n for n, part in enumerate(parts) if part.startswith("_")), len(parts))
    return ".".join(parts[1:private]) if parts[0] == "scipy" else ""


def _instead(package: str, name: str) -> str:
    tables = vars(import_module("funcgrad.scipy.absent"))
    return tables.get(package.partition(".")[0].upper(), {}).get(name.partition(".")[0], "")


def _is_ours(package: str, name: str) -> bool:
    try:
        found = import_module(f"funcgrad.scipy.{package}")
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return False
    return True
