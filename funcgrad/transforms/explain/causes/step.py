"""E. The operation carries no derivative."""

from __future__ import annotations

import ast

from funcgrad.core.provenance import Place, place
from funcgrad.transforms.explain.causes.registry import Reason, ends
from funcgrad.transforms.explain.evidence import End, Ending
from funcgrad.transforms.explain.remedies import BETWEEN, TEMPLATES, WORDS, code_for
from funcgrad.transforms.explain.report import short
from funcgrad.transforms.explain.sources import Written, around, in_parentheses, written

_DRAWS = frozenset(
    ("bernoulli", "categorical", "poisson", "binomial", "geometric", "multinomial", "choice", "randint", "permutation")
)


@ends(50)
def index_from_data(end: End) -> Reason | None:
    """A number that is rounded, and only says which elements are read."""
    if end.kind is not Ending.FLAT or end.used_at is None or end.called in _DRAWS:
        return None
    call, where = written(end.loc), place(end.used_at)
    code, span = _interpolated(call, where)
    why = f"its result is only an index at {short(where)}, which moves in steps"
    return Reason(why, BETWEEN, code, span)


def _interpolated(call: Written | None, where: Place) -> tuple[str, Place | None]:
    """`t[x.astype(int)]` as an interpolation, where that is one expression."""
    found = None if call is None or not call.args else around(call.place, ast.Subscript)
    if call is None or found is None or call.place[:2] != where[:2]:
        return "", None
    subscript, span = found
    assert isinstance(subscript, ast.Subscript)
    table = in_parentheses(subscript.value)
    if ast.unparse(subscript.slice) != call.text:
        return "", None
    return f"np.interp({call.bare[0]}, np.arange(len({table})), {table})", span


@ends(81)
def decides(end: End) -> Reason | None:
    """A comparison that only decides which way Python goes."""
    if end.kind is not Ending.FLAT or end.branch is None:
        return None
    why = f"its result only decides which branch runs at {short(place(end.branch))}"
    remedy = "a smooth choice between what the branches give, s * a + (1 - s) * b with s = fg.nn.sigmoid(...)"
    return Reason(why, remedy)


@ends(46)
def cast(end: End) -> Reason | None:
    if end.kind is not Ending.FLAT or end.prim is None or end.prim.name != "convert":
        return None
    why = f"it casts to {end.dtype}, and {end.prim.flat}"
    if end.whole:
        return Reason(why, _in_place_of(end.whole))
    return Reason(why, end.prim.remedy or "a floating-point dtype", code_for("astype", written(end.loc)))


def _in_place_of(name: str) -> str:
    if name in ("int", "numpy", "getitem"):
        return "a smooth function also in place of the index that is made of it"
    return f"a smooth function also in place of `{name}`, which takes integers or truth values only"


@ends(51)
def drawn(end: End) -> Reason | None:
    if end.kind is not Ending.FLAT or end.called not in _DRAWS:
        return None
    remedy = WORDS.get(end.called) or (end.prim.remedy if end.prim is not None else None) or WORDS["categorical"]
    return Reason("a random draw from a distribution of whole numbers moves in steps", remedy)


@ends(47, 48, 49, 52, 53)
def flat(end: End) -> Reason | None:
    """Operations that say themselves why they have no derivative."""
    if end.kind is not Ending.FLAT:
        return None
    prim = end.prim if end.prim is not None and end.prim.name != "stop_gradient" else None
    why = prim.flat if prim is not None else "its result moves in steps" if end.called in TEMPLATES else None
    remedy = WORDS.get(end.called) or (prim.remedy if prim is not None else None)
    why = why or f"what `{end.called}` gives moves with it in steps, or not at all"
    call = written(end.loc)
    if end.whole:
        return Reason(why, _in_place_of(end.whole), op=end.called)
    op = "divmod" if call is not None and call.callee == "divmod" else ""
    return Reason(why, remedy or "an operation that has a derivative", code_for(end.called, call), op=op)
