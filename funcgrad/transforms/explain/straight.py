"""Straight-through estimators: the value of a step, the derivative of the line through it."""

from __future__ import annotations

import ast

from funcgrad.core.provenance import Place, place
from funcgrad.transforms.explain.evidence import End, Evidence
from funcgrad.transforms.explain.sources import around_all, written


def without_straight_through(e: Evidence) -> None:
    """Take the cuts of `x + stop_gradient(g(x) - x)` away, where a derivative comes back along `x`."""
    spans = [span for span in map(_stopped, e.ends) if span is not None]
    if not e.live or not spans:
        return
    e.ends = tuple(end for end in e.ends if not any(_is_in(end, span) for span in spans))
    if not e.ends:
        e.total = e.live


def _stopped(end: End) -> Place | None:
    """The place of `stop_gradient(g - x)` or `(g - x).detach()`, where `x` is added to it."""
    call = written(end.loc) if end.called in ("stop_gradient", "detach") else None
    if call is None or not isinstance(call.node, ast.Call):
        return None
    function = call.node.func
    of_method = end.called == "detach" and isinstance(function, ast.Attribute)
    stopped = function.value if of_method else next(iter(call.node.args), None)  # type: ignore[attr-defined]
    if not isinstance(stopped, ast.BinOp) or not isinstance(stopped.op, ast.Sub):
        return None
    line = ast.unparse(stopped.right)
    sums = [s for s in around_all(call.place, ast.BinOp) if isinstance(s.op, ast.Add)]
    return call.place if any(line in (ast.unparse(s.left), ast.unparse(s.right)) for s in sums) else None


def _is_in(end: End, span: Place) -> bool:
    where = place(end.loc)
    if where[:2] != span[:2] or None in (where.col, where.end_col, span.col, span.end_col):
        return False
    return span.col <= where.col and where.end_col <= span.end_col  # type: ignore[operator]
