"""The user's line, parsed, and the names that their file has: for the words of an error, and only then."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import FrameType, ModuleType
from typing import NamedTuple

from funcgrad.core.provenance import Loc, is_internal, is_users, lines_of

LONGEST = 60
"""How much of the user's expression a remedy repeats."""
_MODULES = {"np": "numpy", "fnp": "funcgrad.numpy", "fg": "funcgrad"}
"""How our texts call modules."""
_CALLED = re.compile(rf"(?<![\w.])({'|'.join(_MODULES)})\.(?=\w)")


class Found(NamedTuple):
    """A construct of Python's that needs a value: its kind, itself, and the expression that it looks at."""

    kind: str
    node: ast.AST
    test: ast.AST


Parts = Callable[[ast.AST, tuple], Iterator[tuple[str, ast.AST]]]
"""The parts of a node that a reader is interested in, by kind, for an instruction at a range of the text."""


def users_frame() -> FrameType | None:
    """The innermost frame of the user's, of those that call the caller."""
    return outward_to_users(sys._getframe(2))[1]


def outward_to_users(frame: FrameType | None) -> tuple[FrameType | None, FrameType | None]:
    """The first frame of the user's from there outwards, and the one that it calls before it.

    Where no frame is the user's, it is that of the library that calls us.
    """
    foreign: tuple[FrameType | None, FrameType | None] = None, None
    inner = None
    while frame is not None and not is_users(frame.f_code.co_filename):
        if foreign[1] is None and not is_internal(frame.f_code.co_filename):
            foreign = inner, frame
        inner, frame = frame, frame.f_back
    return foreign if frame is None else (inner, frame)


def nodes(filename: str) -> list[ast.AST]:
    """All nodes of a file; none where its text cannot be found."""
    return _parsed("".join(lines_of(filename)))


@lru_cache(16)
def _parsed(source: str) -> list[ast.AST]:
    try:
        return list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        return []


def around(frame: FrameType | None, parts: Parts) -> list[Found]:
    """What stands around the instruction that a frame is at, from the inside."""
    return [] if frame is None else around_place((frame.f_code, frame.f_lasti), parts)


def around_place(loc: Loc, parts: Parts) -> list[Found]:
    code, last = loc
    where = next((p for n, p in enumerate(code.co_positions()) if n == last // 2), None)
    if where is None or None in where:
        return []
    line, end_line, col, end_col = where
    start, end = (line, col), (end_line, end_col)
    found: list[tuple[tuple[int, int, int], Found]] = []
    for node in nodes(code.co_filename):
        for kind, looked_at in parts(node, (start, end)):
            first, past = range_of(looked_at)
            if first <= start and end <= past:
                size = past[0] - first[0], past[1] - first[1], -len(found)  # of equal ones the inner one stands later
                found.append((size, Found(kind, node, getattr(looked_at, "test", looked_at))))
    return [f for _, f in sorted(found, key=lambda pair: pair[0])]


def range_of(node: ast.AST) -> tuple[tuple, tuple]:
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]


def calls(node: ast.AST, at: tuple) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Call):
        yield "call", node


def stores(node: ast.AST, at: tuple) -> Iterator[tuple[str, ast.AST]]:
    """Assignments to elements, `a[i] = x` and `a[i] += x`; of `a[0], a[1] = x, y` the one at the instruction."""
    if isinstance(node, ast.AugAssign):
        yield "store", node
    for target in node.targets if isinstance(node, ast.Assign) else ():
        if isinstance(target, ast.Subscript):
            yield "store", node
        elif isinstance(target, ast.Tuple) and isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            for part, value in zip(target.elts, node.value.elts):
                if range_of(part) == at:
                    yield "store", ast.copy_location(ast.Assign([part], value), part)


def called(call: ast.Call) -> str:
    """The name of a function that is called, without what stands before it."""
    return getattr(call.func, "id", "") or getattr(call.func, "attr", "")


def short(node: ast.AST, otherwise: str = "...") -> str:
    """An expression as text; `otherwise` where it is long."""
    try:
        text = ast.unparse(node)
    except ValueError:
        return otherwise
    return text if len(text) <= LONGEST and "\n" not in text else otherwise


def named(text: str) -> str:
    """A text of ours with the names that the user's file has for modules; where it has none, with the import."""
    frame = users_frame()
    if frame is None:
        return text
    theirs: dict[str, str] = {}
    for name, x in (*frame.f_globals.items(), *frame.f_locals.items()):
        if isinstance(x, ModuleType):
            theirs.setdefault(x.__name__, name)
    if "numpy" not in theirs and "funcgrad.numpy" in theirs:  # which has NumPy's names
        theirs["numpy"] = theirs["funcgrad.numpy"]
    lacking = [m for m in dict.fromkeys(_CALLED.findall(text)) if _MODULES[m] not in theirs]
    text = _CALLED.sub(lambda m: f"{theirs.get(_MODULES[m[1]], m[1])}.", text)
    imports = ", ".join(f"import {_MODULES[name]} as {name}" for name in lacking)
    return f"{text} ({imports})" if imports else text
