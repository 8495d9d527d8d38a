"""Words that sentences about what a tensor remembers are made of."""

from __future__ import annotations

from collections.abc import Iterable

from funcgrad.core.provenance import Loc, Place, place
from funcgrad.transforms.explain.history import Going
from funcgrad.transforms.explain.places import short


def at(loc: Loc | None) -> str:
    """" at f.py:3", or nothing where it is not known."""
    return f" at {short(place(loc))}" if loc is not None else ""


def places(*locs: Loc | None) -> tuple[Place, ...]:
    return tuple(place(loc) for loc in locs if loc is not None)


def pass_of(going: Going) -> str:
    """"`backward()` at f.py:9"."""
    name = going.called if going.called.endswith(")") else f"{going.called}()"
    return f"`{'autograd.' if going.called == 'grad' else ''}{name}`{at(going.loc)}"


def function_of(loc: Loc | None) -> str:
    """The name of a function, by its code."""
    return "a function" if loc is None else loc[0].co_qualname.rpartition("<locals>.")[2]


def variables(found: Iterable[tuple[str, Loc | None]]) -> list[str]:
    return [f"`{name}`{f' ({short(place(loc))})' if loc is not None else ''}" for name, loc in found]
