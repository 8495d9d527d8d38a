"""D. Values that left the library: for a number of Python's, a plain array, text, a file."""

from __future__ import annotations

import ast
import importlib

import numpy as np

from funcgrad.core.provenance import Place, place
from funcgrad.transforms.explain.causes.registry import Reason, ends
from funcgrad.transforms.explain.evidence import End, Ending
from funcgrad.transforms.explain.remedies import drawn, of_math, renamed
from funcgrad.transforms.explain.sources import around, written

_LEFT_AS = {
    "int": "a Python int",
    "float": "a Python float",
    "complex": "a Python complex",
    "item": "a Python number",
    "tolist": "a Python list",
    "round": "a rounded Python number",
    "format": "text",
    "pickle": "a pickled array",
}
_ITSELF = frozenset(("float", "complex", "item", "tolist"))
_STEPS = {
    "int": "{0} + fg.stop_gradient(np.trunc({0}) - {0})",
    "round": "{0} + fg.stop_gradient(np.round({0}) - {0})",
}
_CONVERSIONS = frozenset(
    ("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "require", "copy")
)


_BRANCHES = frozenset(("cond", "switch", "while_loop"))


@ends(42, 75)
def stored(end: End) -> Reason | None:
    if end.kind is not Ending.LEFT or not end.stores:
        return None
    why = "a plain array keeps the number and not where it came from"
    code, span = _update(place(end.loc))
    return Reason(why, "b = fnp.at(b)[i].set(x), or np.stack of a list", code, span, "setitem")


def _update(where: Place) -> tuple[str, Place | None]:
    """`b[i] = x` and `b += x` as assignments of new arrays, and the span of the statement."""
    found = around(where, ast.Call)
    if found is not None and isinstance(found[0], ast.Call) and any(k.arg == "out" for k in found[0].keywords):
        call = ast.Call(found[0].func, found[0].args, [k for k in found[0].keywords if k.arg != "out"])
        return ast.unparse(call), found[1]
    found = around(where, ast.Assign) or around(where, ast.AugAssign)
    if found is None:
        return "", None
    statement, span = found
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        name = statement.target.id
        value = ast.BinOp(ast.Name(name), statement.op, statement.value)
        return f"{name} = {ast.unparse(value)}", span
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if not isinstance(statement, ast.Assign) or not isinstance(target, ast.Subscript):
        return "", None
    array, index = ast.unparse(target.value), ast.unparse(target.slice)
    return f"{array} = fnp.at({array})[{index}].set({ast.unparse(statement.value)})", span


@ends(81)
def branch(end: End) -> Reason | None:
    if end.kind is not Ending.LEFT or not (end.as_ == "bool" or (end.as_ == "int" and end.called in _BRANCHES)):
        return None
    return Reason("the value only decides which branch runs", "np.where(condition, x, y)")


@ends(36)
def pythons_math(end: End) -> Reason | None:
    if end.kind is not Ending.LEFT or not end.called.startswith(("math.", "cmath.")):
        return None
    name = end.called.partition(".")[2]
    function = f"np.{name}" if hasattr(np, name) else "NumPy's functions"
    code = of_math(name, written(end.loc))
    return Reason("the value left as a Python number", f"{function}, which is followed", code)


@ends(51)
def drawn_by_numpy(end: End) -> Reason | None:
    """A generator of NumPy's, given a parameter that is differentiated."""
    if end.kind is not Ending.LEFT or end.call is None or end.call.owner is None:
        return None
    why = "a random draw does not say how it moves with its parameters"
    score = "fg.stop_gradient(f(draw)) * (the logarithm of its probability), whose derivative is the score's"
    return Reason(why, score, drawn(written(end.loc)))


@ends(43, 52)
def foreign(end: End) -> Reason | None:
    """A function of another library."""
    if end.kind is not Ending.LEFT or end.call is None or not end.call.is_foreign:
        return None
    why = f"`{end.called}` takes plain arrays only, and nothing is known of its derivative"
    if _exists(f"funcgrad.{end.called}"):
        remedy = f"funcgrad.{end.called}, which has a derivative"
        return Reason(why, remedy, renamed(f"funcgrad.{end.called}", written(end.loc)))
    return Reason(why, "a function of NumPy's or funcgrad's, or a rule of your own around it: fg.custom_vjp")


def _exists(path: str) -> bool:
    module, _, name = path.rpartition(".")
    try:
        return hasattr(importlib.import_module(module), name)
    except ImportError:
        return False


@ends(33, 34, 35, 37, 39, 41)
def conversion(end: End) -> Reason | None:
    if end.kind is not Ending.LEFT or end.as_ not in (*_LEFT_AS, "numpy"):
        return None
    call = written(end.loc)
    if isinstance(getattr(np, end.called, None), type) and call is not None and len(call.args) == 1:
        itself = "the value as it is"
        return Reason("the value left as a NumPy number", itself, call.args[0], tail=f", {itself}")
    if end.called in _CONVERSIONS:
        what = f"`{end.written or end.called}` takes a plain array"
        code = renamed(f"fnp.{end.called}", call) if hasattr(np, end.called) else ""
        return Reason(what, f"fnp.{end.called}, which takes traced values", code)
    if end.as_ == "numpy":
        what = f"`{end.written}` takes a plain array" if end.written else "the value left as a plain array"
        return Reason(what, "the value as it is, with the functions of NumPy or funcgrad")
    code = ""
    if call is not None and call.args and call.callee.rpartition(".")[2] == end.as_:
        code = call.args[0] if end.as_ in _ITSELF else _STEPS.get(end.as_, "").format(call.args[0])
    tail = ", the value as it is" if end.as_ in _ITSELF else ""
    remedy = "the value as it is, without the conversion"
    return Reason(f"the value left as {_LEFT_AS[end.as_]}", remedy, code, tail=tail)


@ends(44, 52)
def without_a_rule(end: End) -> Reason | None:
    if end.kind is not Ending.LEFT:
        return None
    return Reason(f"`{end.called}` has no derivative here", "a function that `dir(funcgrad.numpy)` lists")
