"""Which names of a module are public, and what is said of one that it does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn


def public_names(module: Mapping[str, Any], *packages: str) -> list[str]:
    """`__all__` of a module that is made of imports: all its names but its files, and the packages named."""
    own = [name for name, x in module.items() if not name.startswith("_") and not isinstance(x, ModuleType)]
    return sorted({*own, *packages})


def missing(
    owner: str, name: str, there: Iterable[str], otherwise: str = "", instead: Mapping[str, str] | None = None
) -> str:
    """What is said of a name that does not exist: what to use, the nearest ones, or what else there is to say."""
    import difflib

    if instead and name in instead:
        return f"{owner} has no attribute {name!r}: use {instead[name]}"
    near = difflib.get_close_matches(name, [n for n in there if not n.startswith("_")], 3)
    offered = f". There is {' and '.join(near)}" if near else otherwise
    return f"{owner} has no attribute {name!r}{offered}"


def own_names(module: Mapping[str, Any]) -> list[str]:
    """`__all__` of a module that is written, not made of imports: its public names but those that it imports."""
    name = module["__name__"]
    return [n for n in public_names(module) if getattr(module[n], "__module__", name) == name]


def tells_nearest(
    module: str,
    there: Iterable[str],
    theirs: str = "",
    instead: Mapping[str, str] | None = None,
    otherwise: str = "",
) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a module with these names.

    `theirs` is the other library's that it stands beside, `instead` says what to use for names that it does not have:
    where it stands beside another one, what to write where a derivative is wanted.
    """

    def absent(name: str) -> NoReturn:
        message = missing(f"module {module!r}", name, there, otherwise, instead)
        if theirs and not name.startswith("_") and hasattr(import_module(theirs), name):
            written = (instead or {}).get(name)
            why = f"write {written} where a derivative is wanted" if written else "it has no derivative here"
            message = f"module {module!r} has no attribute {name!r}: {why}. {theirs}.{name} takes plain arrays only"
        raise AttributeError(message, name=name)

    return absent
