"""The user's expression at a location, taken apart, so that a remedy can be written with his own names."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import Any

from funcgrad.core.provenance import Loc, Place, place
from funcgrad.transforms.explain.report import Fix

MODULES = frozenset(
    (
        *("np", "numpy", "fnp", "jnp", "fg", "funcgrad", "nn", "lax", "random", "math", "cmath", "scipy", "special"),
        *("torch", "F"),
    )
)
_ATOMS = (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.List, ast.Tuple)


class Written:
    """The expression of an instruction: `text`, its operands or arguments `args`, and keyword arguments.

    The array of a method (`x.astype(int)`) is its first argument. Operands are in parentheses where they need them.
    """

    def __init__(self, node: ast.expr, where: Place, text: str) -> None:
        self.node = node
        self.place = where
        self.text = text
        self.keywords: dict[str, str] = {}
        as_written = lambda x: ast.get_source_segment(text, x) or ast.unparse(x)
        operands: list[ast.expr] = []
        if isinstance(node, ast.Call):
            operands = list(node.args)
            self.keywords = {k.arg: as_written(k.value) for k in node.keywords if k.arg}
            if isinstance(node.func, ast.Attribute) and root(node.func.value) not in MODULES:
                operands.insert(0, node.func.value)
        elif isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
        elif isinstance(node, ast.BinOp):
            operands = [node.left, node.right]
        elif isinstance(node, ast.Subscript):
            operands = [node.value, node.slice]
        elif isinstance(node, ast.UnaryOp):
            operands = [node.operand]
        self.bare = [as_written(x) for x in operands]
        self.args = [text if isinstance(x, _ATOMS) else f"({text})" for x, text in zip(operands, self.bare)]

    @property
    def callee(self) -> str:
        return ast.unparse(self.node.func) if isinstance(self.node, ast.Call) else ""

    @property
    def is_method(self) -> bool:
        return isinstance(self.node, ast.Call) and len(self.args) > len(self.node.args)


def in_parentheses(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if isinstance(node, _ATOMS) else f"({text})"


def fitting(where: Place, code: str) -> Fix:
    """Code for a place, in parentheses where what stands beside it would bind more closely."""
    before = where.source[: where.col].rstrip()
    after = where.source[where.end_col :].partition("#")[0].strip()
    alone = (not before or before.endswith(("(", "[", "{", ",", "=", ":", "return"))) and (
        not after or after[0] in ")]},:;" or after.startswith(("if ", "for "))
    )
    try:
        node: ast.expr | None = ast.parse(code, mode="eval").body
    except SyntaxError:  # a statement
        node = None
    return Fix(where, code if alone or node is None or isinstance(node, _ATOMS) else f"({code})")


def root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def written(loc: Loc | None) -> Written | None:
    """The expression of an instruction; None where it is none, or goes over several lines."""
    where = place(loc)
    if where.col is None:
        return None
    text = where.source[where.col : where.end_col].strip()
    try:
        return Written(ast.parse(text, mode="eval").body, where, text)
    except (SyntaxError, ValueError):
        return None


def around(where: Place, kind: type[ast.AST]) -> tuple[ast.AST, Place] | None:
    """The smallest construct of a kind on the line around a place, and its own place."""
    if where.col is None or where.end_col is None:
        return None
    best = None
    for node in _of_line(where.source):
        start, end = getattr(node, "col_offset", None), getattr(node, "end_col_offset", None)
        if isinstance(node, kind) and start is not None and end is not None:
            if start <= where.col and end >= where.end_col:
                if best is None or end - start < best[1] - best[0]:
                    best = start, end, node
    return None if best is None else (best[2], where._replace(col=best[0], end_col=best[1]))


def around_all(where: Place, kind: type[ast.AST]) -> list[Any]:
    """The constructs of a kind on the line around a place, the smallest first."""
    if where.col is None or where.end_col is None:
        return []
    found: list[Any] = [n for n in _of_line(where.source) if isinstance(n, kind) and hasattr(n, "end_col_offset")]
    wider = [n for n in found if n.col_offset <= where.col and n.end_col_offset >= where.end_col]
    return sorted(wider, key=lambda n: n.end_col_offset - n.col_offset)


_TRUTHS = (ast.BitAnd, ast.BitOr, ast.BitXor, ast.Invert)


def joins_truths(where: Place) -> bool:
    """Whether what stands at a place is joined with truth values, by `&`, `|` or `~`: no number can be in its place."""
    outer = [n for n in around_all(where, ast.expr) if (n.col_offset, n.end_col_offset) != (where.col, where.end_col)]
    return bool(outer) and isinstance(getattr(outer[0], "op", None), _TRUTHS)


@lru_cache(64)
def _of_line(source: str) -> list[ast.AST]:
    if not source.isascii():  # columns would count bytes
        return []
    for text in (source, f"{source} pass"):  # `if x > 0:` alone on its line
        try:
            return list(ast.walk(ast.parse(text)))
        except (SyntaxError, ValueError):
            continue
    return []


