"""What becomes of a number that left: read from the source of the function that took it out, which is never run for it.

Names are followed through the assignments of one function, then on to the line that called it, up to the function that
is explained. What a name in between stands for is not known, so a number that is not seen to come back only "may".
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from functools import lru_cache

import numpy as np

from funcgrad.core.provenance import Loc, lines_of
from funcgrad.transforms.explain.sources import MODULES, root


class Fate(Enum):
    RETURNED = "it goes into what the function returns"
    SHOWN = "it is only printed"
    UNKNOWN = "it may be either"


_SHOWS = frozenset(("print", "debug", "info", "warning", "warn", "error"))
Span = tuple[int, int, int, int]


def fate(locs: Sequence[Loc]) -> Fate:
    """What becomes of a number that left at the first of these lines, each called by the next.

    The last is a line of the function that is explained.
    """
    for loc in locs:
        found = _within(loc)
        if found is not Fate.RETURNED:
            return found
    return Fate.RETURNED if locs else Fate.UNKNOWN


def _within(loc: Loc) -> Fate:
    """What becomes of the value of an instruction in its own function."""
    at, function = _span(loc), _function(loc)
    if at is None or function is None:
        return Fate.UNKNOWN
    if isinstance(function, ast.Lambda):
        return Fate.RETURNED
    own = _locals(function)
    statements = list(_statements(function.body))
    names, escapes, known = set[str](), False, -1
    while len(names) != known:
        known = len(names)
        for statement in (s for s in statements if _holds(s, at, names)):
            into = _written(statement)
            names |= into & own
            escapes = escapes or not into <= own
    if any(isinstance(s, ast.Return) and _holds(s, at, names) for s in statements):
        return Fate.RETURNED
    uses = [s for s in statements if _holds(s, at, names, ast.walk)]
    shown = all(_shows(s) or (isinstance(s, ast.Assign) and _holds(s, at, names)) for s in uses)
    return Fate.SHOWN if uses and shown and not escapes else Fate.UNKNOWN


def _span(loc: Loc) -> Span | None:
    code, lasti = loc
    for i, (line, end_line, col, end_col) in enumerate(code.co_positions()):
        if i == lasti // 2:
            if line is None or end_line is None or col is None or end_col is None:
                return None
            return line, col, end_line, end_col
    return None


def _function(loc: Loc) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None:
    """The function whose code a location is in."""
    code, at = loc[0], _span(loc)
    tree = _tree(code.co_filename, "".join(lines_of(code.co_filename)))
    if tree is None or at is None:
        return None
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and _in(at, _span_of(node))
    ]
    inner = max(around, key=lambda node: _span_of(node)[:2], default=None)
    name = "<lambda>" if isinstance(inner, ast.Lambda) else getattr(inner, "name", "")
    return inner if name == code.co_name or code.co_name.startswith("<") else None


def code_around(loc: Loc | None) -> ast.AST | None:
    """The function that a location is in, or the whole file where it is in none."""
    if loc is None:
        return None
    filename = loc[0].co_filename
    return _function(loc) or _tree(filename, "".join(lines_of(filename)))


@lru_cache(8)
def _tree(filename: str, source: str) -> ast.AST | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


def _span_of(node: ast.AST) -> Span:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]


def _in(inner: Span, outer: Span) -> bool:
    return outer[:2] <= inner[:2] and inner[2:] <= outer[2:]


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a function, those in loops and branches included; not of functions within it."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for field in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, field, []))
        for part in (*getattr(statement, "handlers", []), *getattr(statement, "cases", [])):
            yield from _statements(part.body)


def _heads(statement: ast.stmt) -> list[ast.AST]:
    """The parts of a statement that are no statements themselves."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement]
    return [n for n in ast.iter_child_nodes(statement) if not isinstance(n, ast.stmt | ast.excepthandler)]


def _holds(
    statement: ast.stmt, at: Span, names: set[str], walk: Callable[[ast.AST], Iterable[ast.AST]] | None = None
) -> bool:
    """Whether a statement computes with the value at a place, or one of these names; with `ast.walk`: has them."""
    for head in _heads(statement):
        for node in (walk or _operands)(head):
            if isinstance(node, ast.expr) and _span_of(node) == at:
                return True
            if isinstance(node, ast.Name) and node.id in names and not isinstance(node.ctx, ast.Store):
                return True
    return False


_PASS_ON = frozenset(
    (
        *("sum", "abs", "min", "max", "pow", "round", "float", "int", "complex", "list", "tuple", "sorted", "zip"),
        *("enumerate", "reversed", "map"),
    )
)


def _operands(node: ast.AST) -> Iterator[ast.AST]:
    """An expression and its parts, but for those that only choose, and what unknown functions are given."""
    yield node
    if isinstance(node, ast.Compare):
        return
    unknown = isinstance(node, ast.Call) and not _is_numeric(node.func)
    for name, value in ast.iter_fields(node):
        if (isinstance(node, ast.IfExp) and name == "test") or (isinstance(node, ast.Subscript) and name == "slice"):
            continue
        if unknown and name != "func":
            continue
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, ast.AST):
                yield from _operands(inner)


def _is_numeric(function: ast.expr) -> bool:
    """Whether a function computes with the numbers it is given, as far as its name says."""
    if isinstance(function, ast.Name):
        return function.id in _PASS_ON
    if not isinstance(function, ast.Attribute):
        return False
    return root(function) in MODULES or hasattr(np.ndarray, function.attr) or function.attr == "append"


def _written(statement: ast.stmt) -> set[str]:
    """What a statement writes into, by assignment, an item, a loop, a method, `out=`; attributes as they stand."""
    targets: list[ast.AST] = []
    if isinstance(statement, ast.Assign):
        targets += statement.targets
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign | ast.For):
        targets.append(statement.target)
    for head in _heads(statement):
        for node in ast.walk(head):
            if isinstance(node, ast.NamedExpr):
                targets.append(node.target)
            elif isinstance(node, ast.Call):
                targets += [k.value for k in node.keywords if k.arg == "out"]
    call = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and not _shows(statement):
        targets.append(call.func.value)
    return {name for target in targets for name in _roots(target)}


def _roots(target: ast.AST) -> Iterator[str]:
    if isinstance(target, ast.Tuple | ast.List):
        for inner in target.elts:
            yield from _roots(inner)
    elif isinstance(target, ast.Starred | ast.Subscript):
        yield from _roots(target.value)
    else:
        yield ast.unparse(target)


def _shows(statement: ast.stmt) -> bool:
    """Whether a statement only prints, or writes to a logger."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] in _SHOWS


def _locals(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """The variables that a function assigns itself, and no other function reads."""
    stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    shared = {name for n in ast.walk(function) if isinstance(n, ast.Global | ast.Nonlocal) for name in n.names}
    return stored - shared
