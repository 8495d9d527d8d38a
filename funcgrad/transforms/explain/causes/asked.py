"""A. Never asked to be differentiated."""

from __future__ import annotations

import ast

from funcgrad.core.provenance import Place, place
from funcgrad.transforms.explain.causes.registry import Finding, cause
from funcgrad.transforms.explain.evidence import Evidence
from funcgrad.transforms.explain.report import Fix, short
from funcgrad.transforms.explain.sources import around
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.wording import in_order

_NOTHING = "The output does not depend on it."


@cause(5, 9, status=Status.NOT_DIFFERENTIABLE)
def no_float(e: Evidence) -> Finding | None:
    if e.is_differentiable or e.history is not None:
        return None
    if not e.is_number:
        kind = type(e.value).__name__
        return Finding(
            f"It is a {kind}, which is not a number, so grad refuses it. "
            "Close over it, or pass it as another argument that argnums does not name."
        )
    dtype = e.dtype
    what = "a bool" if dtype.kind == "b" else "an integer"
    instead = f"{float(e.value)}" if type(e.value) in (int, bool) else "x.astype(float)"
    return Finding(
        f"It has dtype {dtype}, and {what} has no derivative, so grad refuses it. "
        f"Write a float ({instead}), or pass it as another argument that argnums does not name."
    )


@cause(7, status=Status.UNUSED)
def read_from_outside(e: Evidence) -> Finding | None:
    found = None if e.total or e.around is None else e.around.same_array()
    if found is None:
        return None
    name, where = found
    text = f"{_NOTHING} The function reads `{name}`, the same array, from outside at {short(where)}: use the argument "
    return Finding(f"{text}there instead.", "", (where,))


@cause(57, status=Status.UNUSED)
def thrown_away(e: Evidence) -> Finding | None:
    """A result that is computed from it and not used, such as that of an update."""
    last = None if e.total or e.around is None else e.around.dropped()
    if last is None:
        return None
    where = place(last.loc)
    text = f"{_NOTHING} The result of `{e.called(last)}` at {short(where)} comes from it, and is not used."
    used = e.around.used_instead() if e.around is not None else []
    if used:
        text += f" What the output depends on is {in_order(used)}."
    fix = _assigned(where) if e.called(last).startswith("at[]") else None
    return Finding(text, "", (where,), () if fix is None else (fix,))


def _assigned(where: Place) -> Fix | None:
    """`b.at[i].set(x)` as `b = ...`, where it is a statement by itself."""
    found = around(where, ast.Expr)
    if found is None:
        return None
    node = found[0]
    assert isinstance(node, ast.Expr)
    inner: ast.AST = node.value
    while isinstance(inner, ast.Call | ast.Attribute | ast.Subscript):
        array = None
        if isinstance(inner, ast.Attribute) and inner.attr == "at":
            array = inner.value
        elif isinstance(inner, ast.Call) and ast.unparse(inner.func).endswith("np.at") and inner.args:
            array = inner.args[0]
        if array is not None:
            return Fix(found[1], f"{ast.unparse(array)} = {ast.unparse(node)}")
        inner = inner.func if isinstance(inner, ast.Call) else inner.value
    return None


@cause(6, 79, status=Status.UNUSED)
def other_argument(e: Evidence) -> Finding | None:
    """What the output depends on is another argument, or another entry of the same."""
    if e.total or e.around is None:
        return None
    beside = e.around.used_beside()
    if beside:
        return Finding(f"{_NOTHING} No operation was applied to it. What the output depends on is {in_order(beside)}.")
    used = e.around.used_instead()
    if not used:
        return None
    return Finding(f"{_NOTHING} What it depends on is {in_order(used)}: does argnums name the right argument?")


@cause(60, status=Status.UNUSED)
def no_path(e: Evidence) -> Finding | None:
    if e.total or e.around is None:
        return None
    return Finding(f"{_NOTHING} No operation was applied to it.")
