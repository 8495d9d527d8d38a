"""Operations by the names that the user called, read from the source when a report asks."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from funcgrad.core.provenance import Loc, place
from funcgrad.core.tape import SELECT, Node
from funcgrad.torch._record.tape import note_of
from funcgrad.transforms.explain.sources import around

_SIGNS: dict[type, str] = {
    ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<=", ast.Eq: "==", ast.NotEq: "!=",
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.Invert: "~", ast.Not: "not",
}  # fmt: skip
_WORDS = {
    "getitem": "[]", "copy_slices": "[]=", "as_strided": "a view", "accumulate_grad": "a leaf",
    "native_layer_norm": "layer_norm", "native_batch_norm": "batch_norm", "native_group_norm": "group_norm",
    "unique2": "unique",
}  # fmt: skip
_VIEWS = frozenset(("reshape", "flatten", "ravel", "unflatten", "view_as", "reshape_as"))
_SHARED = {
    "mul": "multiply", "div": "divide", "pow": "power", "atan2": "arctan2", "linalg_vector_norm": "norm",
    "linalg_eigh": "eigh", "linalg_svd": "svd",
}  # fmt: skip


def statement(loc: Loc | None) -> ast.AST | None:
    """What an instruction stands for, where that is on one line: an expression, or an assignment in place."""
    where = place(loc)
    return None if where.col is None else _parsed(where.source[where.col : where.end_col].strip())


@lru_cache(256)
def _parsed(text: str) -> ast.AST | None:
    for mode in ("eval", "exec"):
        try:
            tree = ast.parse(text, mode=mode)
        except (SyntaxError, ValueError):
            continue
        return tree.body if isinstance(tree, ast.Expression) else tree.body[0] if len(tree.body) == 1 else None  # type: ignore[attr-defined]
    return None


def written(loc: Loc | None) -> str:
    """The function or operator that an instruction calls, as it is called: `detach`, `math.sin`, `>`, `+=`; or ""."""
    tree = statement(loc)
    if isinstance(tree, ast.Call):
        function = tree.func
        if isinstance(function, ast.Attribute):
            of_module = isinstance(function.value, ast.Name) and function.value.id == "math"
            return f"math.{function.attr}" if of_module else function.attr
        return function.id if isinstance(function, ast.Name) else ""
    if isinstance(tree, ast.Compare):
        return _SIGNS.get(type(tree.ops[0]), "")
    if isinstance(tree, ast.BinOp | ast.UnaryOp):
        return _SIGNS.get(type(tree.op), "")
    if isinstance(tree, ast.AugAssign):
        return _SIGNS.get(type(tree.op), "") + "="
    if isinstance(tree, ast.Attribute):
        return f".{tree.attr}"
    return "[]" if isinstance(tree, ast.Subscript) else ""


def snake(name: str) -> str:
    """`LeakyReluBackward0` as `leaky_relu`."""
    bare = re.sub(r"Backward\d*$", "", name)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", bare).lower()


def called(node: Node) -> str:
    """An operation on the tape by its name in PyTorch; of several that make one, by that of the whole."""
    entry: Node = node.parents[0] if node.prim is SELECT and node.parents[0] is not None else node
    note = note_of(entry) or note_of(node)
    if note is None:
        return written(entry.loc) or str(entry.prim) if entry.prim is not None else "a leaf"
    if note.own and getattr(entry.prim, "function", None) is not None:
        return str(entry.prim.function.__name__)  # type: ignore[union-attr]
    name = snake(note.name)
    if name == "hardtanh" and written(node.loc) == "relu6":
        return "relu6"
    if name == "addmm" and written(node.loc) != "addmm":
        return "linear"
    if name in ("view", "unsafe_view") and written(node.loc) in _VIEWS:
        return written(node.loc)
    if name == "to_copy":
        return written(node.loc) or "to"
    return _WORDS.get(name, name)


def shared(node: Node) -> str:
    """The name by which causes of both interfaces know an operation, where it is another."""
    name = called(node)
    return _SHARED.get(name, name)


def writer(loc: Loc | None) -> str:
    """What was written at a line: `x += 1`, `p.requires_grad = False`, `opt.step()`."""
    where = place(loc)
    whole = around(where, ast.stmt)
    text = ast.unparse(whole[0]) if whole is not None and isinstance(whole[0], ast.Assign | ast.AugAssign) else ""
    if not text:
        text = where.source[where.col : where.end_col].strip() if where.col is not None else where.source
    return text if text and len(text) <= SHOWN else written(loc) or "a write in place"


SHOWN = 48
"""How long what was written may be to be quoted."""
