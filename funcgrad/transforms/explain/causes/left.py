"""D. Values that left the library: for a number of Python's, a plain array, text, a file."""

from __future__ import annotations

from funcgrad.transforms.explain.causes.registry import Reason, ends
from funcgrad.transforms.explain.evidence import End, Ending

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


@ends(42)
def stored(end: End) -> Reason | None:
    if end.kind is not Ending.LEFT or not end.stores:
        return None
    remedy = "b = fnp.at(b)[i].set(x), or np.stack of a list"
    return Reason("a plain array keeps the number and not where it came from", remedy, "setitem")


@ends(81)
def branch(end: End) -> Reason | None:
    if end.kind is not Ending.LEFT or end.as_ != "bool":
        return None
    return Reason("the value only decides which branch runs", "np.where(condition, x, y)")


@ends(36)
def pythons_math(end: End) -> Reason | None:
    if end.kind is not Ending.LEFT or not end.written.startswith("math."):
        return None
    remedy = f"np.{end.written[5:]}, which is followed"
    return Reason("the value left as a Python number", remedy, end.written)


@ends(35, 41)
def plain_array(end: End) -> Reason | None:
    if end.kind is not Ending.LEFT or end.as_ != "numpy":
        return None
    what = f"`{end.written}` takes a plain array" if end.written else "the value left as a plain array"
    return Reason(what, "the value as it is, with the functions of NumPy or funcgrad")


@ends(33, 34, 37, 44)
def conversion(end: End) -> Reason | None:
    if end.kind is not Ending.LEFT or end.as_ not in _LEFT_AS:
        return None
    return Reason(
        f"the value left as {_LEFT_AS[end.as_]}", "the value as it is, without the conversion"
    )


@ends(43, 52)
def foreign(end: End) -> Reason | None:
    if end.kind is not Ending.LEFT:
        return None
    return Reason(f"`{end.called}` has no derivative here", "a function that `dir(funcgrad.numpy)` lists")
