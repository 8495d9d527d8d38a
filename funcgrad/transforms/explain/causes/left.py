"""D. Values that left the library: for a number of Python's, a plain array, text, a file."""

from __future__ import annotations

import ast
import importlib

import numpy as np

from funcgrad.core.provenance import Place, place
from funcgrad.transforms.explain.causes.registry import Finding, Reason, cause, cut_of, ends
from funcgrad.transforms.explain.evidence import End, Ending, Evidence
from funcgrad.transforms.explain.fate import Fate
from funcgrad.transforms.explain.remedies import BETWEEN, drawn, of_math, renamed
from funcgrad.transforms.explain.report import short
from funcgrad.transforms.explain.sources import Written, around, around_all, fitting, written
from funcgrad.transforms.explain.status import Status

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


def _twin(callee: str) -> str:
    """The function of `fnp` under the name of one of NumPy's, as it is called: `np.linalg.norm`; or ""."""
    module, _, path = callee.partition(".")
    return f"fnp.{path}" if module in ("np", "numpy") and _exists(f"funcgrad.numpy.{path}") else ""


def _is_index(where: Place) -> bool:
    """Whether what stands at a place is, or is part of, an index on its line."""
    outer = around_all(where, ast.Subscript)
    return any(s.slice.col_offset <= where.col and where.end_col <= s.slice.end_col_offset for s in outer)


_BRANCHES = frozenset(("cond", "switch", "while_loop"))


@ends(42, 75)
def stored(end: End) -> Reason | None:
    if end.kind is not Ending.LEFT or not end.stores:
        return None
    why = "a plain array keeps the number and not where it came from"
    where = place(end.loc)
    given = _with_out(where)
    op = "setitem" if given is None else f"{ast.unparse(given[0].func)}(out=)"
    remedy = "fnp.at(b)[i].set(x), or np.stack of a list" if given is None else "its result, without out="
    return Reason(why, remedy, *_update(where), op)


def _with_out(where: Place) -> tuple[ast.Call, Place] | None:
    """The call with `out=` that a place is in."""
    found = around(where, ast.Call)
    if found is None or not isinstance(found[0], ast.Call) or all(k.arg != "out" for k in found[0].keywords):
        return None
    return found[0], found[1]


def _returned(call: ast.Call, where: Place) -> tuple[str, Place | None]:
    """`f(x, out=b)` as an assignment, where it is a statement by itself; where its result is used, as `f(x)`."""
    code = ast.unparse(ast.Call(call.func, call.args, [k for k in call.keywords if k.arg != "out"]))
    out = next(k.value for k in call.keywords if k.arg == "out")
    statement = around(where, ast.Expr)
    if statement is None or statement[1] != where:
        return code, where
    if isinstance(out, ast.Name):
        return f"{out.id} = {code}", where
    if isinstance(out, ast.Subscript) and isinstance(out.value, ast.Name):
        return f"{out.value.id} = fnp.at({out.value.id})[{ast.unparse(out.slice)}].set({code})", where
    return "", None


_METHODS: dict[type, str] = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.Pow: "power"
}  # fmt: skip


def _update(where: Place) -> tuple[str, Place | None]:
    """`b[i] = x` and `b += x` as assignments of new arrays, and the span of the statement."""
    given = _with_out(where)
    if given is not None:
        return _returned(*given)
    found = around(where, ast.Assign) or around(where, ast.AugAssign)
    if found is None:
        return "", None
    statement, span = found
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        name = statement.target.id
        value = ast.BinOp(ast.Name(name), statement.op, statement.value)
        return f"{name} = {ast.unparse(value)}", span
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Subscript):
        method = _METHODS.get(type(statement.op))
        array, index = ast.unparse(statement.target.value), ast.unparse(statement.target.slice)
        return f"{array} = fnp.at({array})[{index}].{method}({ast.unparse(statement.value)})" if method else "", span
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
        return Reason(why, remedy, renamed(f"funcgrad.{end.called}", written(end.loc), of_module=True))
    return Reason(why, "a function of NumPy's or funcgrad's, or a rule of your own around it: fg.custom_vjp")


def _exists(path: str) -> bool:
    module, _, name = path.rpartition(".")
    try:
        return hasattr(importlib.import_module(module), name)
    except ImportError:
        return False


_READS = frozenset(("take", "take_along_axis", "choose", "repeat"))


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
    if end.as_ in ("float", "complex") and call is not None and (twin := _twin(call.callee)):
        what = f"`{call.callee}` makes a plain array of what it is given, as a list of values"
        return Reason(what, f"{twin}, which takes traced values", renamed(twin, call))
    if end.as_ == "numpy" and end.called in _READS:
        return Reason("it reads at places, which are integers and move in steps", BETWEEN)
    if end.as_ == "numpy":
        what = f"`{end.written}` takes a plain array" if end.written else "the value left as a plain array"
        return Reason(what, "the value as it is, with the functions of NumPy or funcgrad")
    if end.as_ in _STEPS and call is not None and _is_index(call.place):
        why = f"the value left as {_LEFT_AS[end.as_]} for an index, which moves in steps"
        return Reason(why, BETWEEN)
    code = ""
    if call is not None and call.args and call.callee.rpartition(".")[2] == end.as_ and _may_stay(end, call):
        code = call.args[0] if end.as_ in _ITSELF else _STEPS.get(end.as_, "").format(call.args[0])
    tail = ", the value as it is" if end.as_ in _ITSELF else ""
    remedy = "the value as it is, without the conversion"
    return Reason(f"the value left as {_LEFT_AS[end.as_]}", remedy, code, tail=tail)


@cause(33, 34, status=Status.REFUSED)
def looked_at(e: Evidence) -> Finding | None:
    """A number that left, for all that is known to be looked at only, beside the derivative that flows."""
    if not e.left or e.ends:
        return None
    end = e.left[0]
    cut, call = cut_of(end), written(end.loc)
    value = _shown(call) if call is not None and not end.stores else "x"
    taken = f"grad refuses `{cut.op}` at {short(cut.place)}: {cut.why}"
    places = tuple(dict.fromkeys(cut_of(each).place for each in e.left))
    if end.fate is Fate.UNKNOWN:
        return Finding(
            f"{taken}. If the output is made of it, the derivative is lost there; write {cut.remedy}. If it is only "
            f"looked at, take it from `fg.stop_gradient({value})`, which is plain.",
            "",
            places,
        )
    text = f"{taken}. It is only printed, for which `fg.stop_gradient({value})` gives the plain value"
    if call is None or value == "x" or call.text.count(value) != 1:
        return Finding(f"{text}.", "", places)
    fix = fitting(call.place, call.text.replace(value, f"fg.stop_gradient({value})"))
    return Finding(f"{text}.", "", places, (fix,))


def _shown(call: Written) -> str:
    """What is converted on a line: of `"%.2f" % x` the value behind it."""
    if isinstance(call.node, ast.BinOp) and isinstance(call.node.left, ast.Constant | ast.JoinedStr):
        return "x" if isinstance(call.node.right, ast.Tuple | ast.Dict) else call.bare[1]
    return call.bare[0] if call.bare else "x"


_NUMBERS_ONLY = frozenset(("range", "dump", "dumps", "str", "repr", "hash", "Decimal", "Fraction", "pack"))


def _may_stay(end: End, call: Written) -> bool:
    """Whether a traced value can stand where the number did, as far as the line says: for no size, in no text."""
    if end.as_ == "int" and end.fate is not Fate.RETURNED:
        return False
    outer = around_all(call.place, ast.Call)
    return all(ast.unparse(each.func).rpartition(".")[2] not in _NUMBERS_ONLY for each in outer)


@ends(44, 52)
def without_a_rule(end: End) -> Reason | None:
    if end.kind is not Ending.LEFT:
        return None
    return Reason(f"`{end.called}` has no derivative here", "a function that `dir(funcgrad.numpy)` lists")
