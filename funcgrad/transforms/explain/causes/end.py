"""I. The end of the function: what is refused, and that all is well."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

import numpy as np

from funcgrad.core.avals import aval_of, is_inexact
from funcgrad.core.provenance import Loc, Place, is_users, place
from funcgrad.transforms.explain.causes.registry import Finding, cause, cut_of, remark
from funcgrad.transforms.explain.causes.zero import FLAT_PARTS
from funcgrad.transforms.explain.evidence import Evidence, Whole
from funcgrad.transforms.explain.fate import Fate
from funcgrad.transforms.explain.outside import may_show
from funcgrad.transforms.explain.report import short
from funcgrad.transforms.explain.sources import Written, written
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.wording import gradient_summary, in_order, lead


@cause(45, 59, status=Status.REFUSED)
def refused(e: Evidence) -> Finding | None:
    """grad raises, and its error says where and what to write: a callback or a rule without a derivative."""
    return None if e.refused is None else Finding(str(e.refused), "", lines_of(e.refused))


@cause(0, status=Status.FLOWS)
def flows(e: Evidence) -> Finding | None:
    text = f"{lead(e.live)} to the output."
    if e.gradient is None:
        return Finding(text)
    text = f"{text} {gradient_summary(e.gradient)}"
    spot = e.arrival.masked if e.arrival is not None else None
    if spot is None or e.gradient.all() or e.called(spot.node) not in FLAT_PARTS:
        return Finding(text)
    where = place(spot.line)
    return Finding(f"{text} Where it is zero, `{e.called(spot.node)}` at {short(where)} may be flat.", "", (where,))


def lines_of(error: BaseException) -> tuple[Place, ...]:
    """The innermost line of the user's in a traceback."""
    found: tuple[Place, ...] = ()
    tb = error.__traceback__
    while tb is not None:
        if is_users(tb.tb_frame.f_code.co_filename):
            found = (place((tb.tb_frame.f_code, tb.tb_lasti)),)
        tb = tb.tb_next
    return found


@remark(60)
def returned_nothing(w: Whole) -> str | None:
    if w.output is None:
        return "The function returned None: did it forget to return?"
    return None if w.outputs else f"The function returned {type(w.output).__name__}, which is not a number."


@remark(76)
def no_scalar(w: Whole) -> str | None:
    if len(w.outputs) > 1:
        return f"The function returns {len(w.outputs)} arrays: explained is the sum of all their elements."
    shape = np.shape(w.outputs[0]) if w.outputs else ()
    return f"The output has shape {shape}, and grad needs a scalar: explained is its sum." if shape else None


@remark(53)
def no_derivative(w: Whole) -> str | None:
    dtypes = sorted({str(aval_of(y).dtype) for y in w.outputs if not is_inexact(aval_of(y).dtype)})
    if not dtypes:
        return None
    return f"The output has dtype {in_order(dtypes)}, which has no derivative: grad refuses it."


@remark(78)
def complex_output(w: Whole) -> str | None:
    if not any(aval_of(y).dtype.kind == "c" for y in w.outputs):
        return None
    return (
        "The output is complex, and grad refuses it: take its real part or abs, or holomorphic=True. The gradient of a "
        "real function of complex x = a + ib is df/da - i df/db, as in JAX; PyTorch's is the conjugate."
    )


@remark(33)
def refuses(w: Whole) -> str | None:
    if not w.refused:
        return None
    first = cut_of(w.refused[0])
    would = "would" if w.refused[0].fate is Fate.RETURNED else "may"
    return f"grad refuses to run this function: `{first.op}` at {short(first.place)} {would} lose the derivative."


def _asks_for_pairs(call: Written | None) -> bool:
    """Whether a column is made of numbers in the very expression that pairs them."""
    return call is not None and _makes_a_column(call.node)


def _makes_a_column(node: ast.AST) -> bool:
    """Whether an expression has a column in it, but for the factors of a product of matrices."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return False
    if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _PRODUCTS:
        return False
    if isinstance(node, ast.Subscript | ast.Call) and _COLUMN.search(ast.unparse(node)):
        return True
    return any(map(_makes_a_column, ast.iter_child_nodes(node)))


_PRODUCTS = ("matmul", "mm", "mv", "dot", "einsum", "linear")
_COLUMN = re.compile(r", (None|[\w.]*newaxis)\]$|\(-1, 1\)\)?$|\b(expand_dims|unsqueeze)\(")


@remark(77)
def pairs_all(w: Whole) -> str | None:
    return in_pairs(w.paired)


def in_pairs(paired: Sequence[tuple[str, Loc | None]]) -> str | None:
    """What is said of operations that pair a column with a row, by name and line."""
    unasked = [(name, loc, call) for name, loc in paired if not _asks_for_pairs(call := written(loc))]
    if not unasked:
        return None
    name, loc, call = unasked[0]
    column = f"{call.args[0]} or {call.args[1]}" if call is not None and len(call.args) == 2 else "one of them"
    return (
        f"`{name}` at {short(place(loc))} may pair every row with every element: a column of shape (n, 1) and n "
        f"numbers give (n, n). If it is to be one difference a row: {column}, whichever is the column, .reshape(-1)."
    )


@remark(0)
def ran_again(w: Whole) -> str | None:
    if w.runs < 2:
        return None
    shows = may_show(w.fun)
    return f"The function was run {w.runs} times, and may {in_order(shows)} each time." if shows else None
