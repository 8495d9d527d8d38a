"""Functions that take the arguments of a call apart and put its result together, written for one structure.

Flattening a dictionary of 20 arrays costs 12 us whatever is in it; a function that knows what it will find takes 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import Aval

_WEAK = {"i": int, "f": float, "c": complex}


def wrapper(
    arguments: tree.TreeDef,
    result: tree.TreeDef,
    avals: Sequence[Aval] | None,
    run: Callable[..., tuple[Any, ...] | None],
    otherwise: Callable[..., Any],
) -> Callable[..., Any] | None:
    """`run` on the leaves of arguments of one structure, or None if that is not only of plain containers.

    Arguments of another structure, or other avals (None: `run` looks itself and returns None for others), go to
    `otherwise`.
    """
    writer = _Writer()
    try:
        leaves = writer.taken("args", arguments)
    except _NotPlain:
        return None
    try:
        shown = _built(result, iter(range(result.num_leaves)))
    except _NotPlain:
        shown = "result(out)"
    scope: dict[str, Any] = {
        "run": run, "otherwise": otherwise, "result": result.unflatten, "ndarray": np.ndarray, **writer.names,
    }  # fmt: skip
    tests = list(writer.tests)
    if avals is not None:
        tests += [_fits(leaf, aval, k, scope) for k, (leaf, aval) in enumerate(zip(leaves, avals))]
    lines = ["def call(*args):", f"    if {' and '.join(tests)}:", f"        out = run({', '.join(leaves)})"]
    lines += ["        if out is not None:", f"            return {shown}", "    return otherwise(*args)"]
    # a file name inside the package, so that errors do not show the generated frames
    exec(compile("\n".join(lines), f"{__file__}:call", "exec", dont_inherit=True), scope)
    return scope["call"]


class _NotPlain(Exception):
    """A container of a class of its own."""


class _Writer:
    """Expressions for the leaves of a value, and the tests that it has the structure; those before hold in each."""

    def __init__(self) -> None:
        self.tests: list[str] = []
        self.names: dict[str, Any] = {}

    def taken(self, value: str, treedef: tree.TreeDef) -> list[str]:
        if treedef is tree.LEAF:
            return [value]
        kind = treedef.kind.cls  # type: ignore[union-attr]
        if kind is type(None):
            self.tests.append(f"{value} is None")
            return []
        if kind in (tuple, list) and treedef.aux is None:  # a named tuple's aux is its class
            self.tests.append(f"type({value}) is {kind.__name__} and len({value}) == {len(treedef.children)}")
            places: Sequence[Any] = range(len(treedef.children))
        elif kind is dict:
            places, ordered = treedef.aux
            if not all(type(key) is str for key in places):
                raise _NotPlain
            name = f"keys_{len(self.names)}"
            self.names[name] = ordered
            self.tests.append(f"type({value}) is dict and tuple({value}) == {name}")
        else:
            raise _NotPlain
        leaves = []
        for place, child in zip(places, treedef.children, strict=True):
            leaves += self.taken(f"{value}[{place!r}]", child)
        return leaves


def _built(treedef: tree.TreeDef, numbers: Any) -> str:
    """An expression for the result, of the outputs `out`."""
    if treedef is tree.LEAF:
        return f"out[{next(numbers)}]"
    kind = treedef.kind.cls  # type: ignore[union-attr]
    if kind is dict:
        places, ordered = treedef.aux
        if not all(type(key) is str for key in places):
            raise _NotPlain
        values = {key: _built(child, numbers) for key, child in zip(places, treedef.children, strict=True)}
        return "{" + ", ".join(f"{key!r}: {values[key]}" for key in ordered) + "}"
    if kind is type(None):
        return "None"
    inner = [_built(child, numbers) for child in treedef.children]
    if treedef.aux is not None:
        raise _NotPlain
    if kind is list:
        return f"[{', '.join(inner)}]"
    if kind is tuple:
        return f"({', '.join(inner)}{',' * (len(inner) == 1)})"
    raise _NotPlain


def _fits(leaf: str, aval: Aval, number: int, scope: dict[str, Any]) -> str:
    """The test that a leaf has an aval."""
    if aval.weak:
        scope[f"kind_{number}"] = _WEAK[aval.dtype.kind]
        return f"type({leaf}) is kind_{number}"
    scope[f"dtype_{number}"] = aval.dtype
    if not aval.shape:
        scope[f"kind_{number}"] = aval.dtype.type
        return f"(type({leaf}) is kind_{number})"
    return f"type({leaf}) is ndarray and {leaf}.shape == {aval.shape} and {leaf}.dtype is dtype_{number}"
