"""The user's own `autograd.Function`s, by the code of their `forward`."""

from __future__ import annotations

from collections.abc import Iterator

from funcgrad.core.provenance import Loc
from funcgrad.torch._pass.function import Function


def rule_around(loc: Loc | None) -> str:
    """The name of the Function in whose `forward` a line is; or ""."""
    if loc is None or loc[0].co_name != "forward":
        return ""
    return next((f.__name__ for f in _functions(Function) if getattr(f.forward, "__code__", None) is loc[0]), "")


def _functions(of: type[Function]) -> Iterator[type[Function]]:
    for function in of.__subclasses__():
        yield function
        yield from _functions(function)
