"""What to write where code wants a plain array, or writes into one: read from the user's line."""

from __future__ import annotations

import ast
import os
import sys
from types import FrameType

import numpy as np

from funcgrad.core.provenance import is_internal
from funcgrad.core.reading import around, called, calls, nodes, short, users_frame

_NUMPY = os.path.dirname(np.__file__) + os.sep
_CLASSES = {
    "RClass": "r_",
    "CClass": "c_",
    "MGridClass": "mgrid",
    "OGridClass": "ogrid",
    "vectorize": "vectorize",
    "ndenumerate": "In place of np.ndenumerate(x), write np.ndindex(x.shape), and x[index].",
}
"""Classes of NumPy's, and the name to write in place of theirs, or what else."""
_CONVERSIONS = frozenset(("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "require"))
_CREATIONS = frozenset(
    ("zeros", "empty", "ones", "full", "array", "zeros_like", "empty_like", "ones_like", "full_like")
)
MAKE = (
    "Make the array inside of the function with fnp.zeros, empty, ones, full, array or copy in place of np.zeros: such "
    "arrays can be written."
)


def for_conversion() -> str | None:
    """What to write in place of NumPy's code that asks for an array, which no protocol of NumPy's tells us of."""
    frame: FrameType | None = sys._getframe(2)
    inner = None
    while frame is not None and is_internal(frame.f_code.co_filename):
        inner, frame = frame, frame.f_back
    if inner is not None and inner.f_code.co_filename.startswith(_NUMPY):
        owner = type(inner.f_locals.get("self")).__name__
        name = _CLASSES.get(owner, inner.f_code.co_name if owner == "NoneType" else None)
        if name is None or " " in name:
            return name
        return f"In place of np.{name}, write fnp.{name}, which takes traced values."
    for found in around(frame, calls):
        assert isinstance(found.node, ast.Call)
        name = called(found.node)
        if isinstance(getattr(np, name, None), type) and issubclass(getattr(np, name), np.generic):
            return f"In place of np.{name}(x), write x.astype(np.{name}), which keeps the derivative."
        if name in _CONVERSIONS:
            return _for_call(found.node, name)
    return None


def _for_call(call: ast.Call, name: str) -> str:
    """What to write in place of `np.array(...)`."""
    given = call.args[0] if call.args else None
    if isinstance(given, (ast.List, ast.Tuple)) and len(call.args) == 1 and not call.keywords:
        nested = any(isinstance(x, (ast.List, ast.Tuple, ast.Starred)) for x in given.elts)
        instead = f"fnp.array({short(given)})" if nested else f"np.stack({short(given)})"
        return f"In place of `{short(call)}`, write `{instead}`."
    return f"In place of np.{name}, write fnp.{name}, which takes traced values; or use them as they are."


def for_store(array: str) -> str:
    """What to write where a traced value is stored into the plain array of a name: how to make that array."""
    frame = users_frame()
    if frame is None:
        return MAKE
    made = None
    for node in nodes(frame.f_code.co_filename):
        if not isinstance(node, ast.Assign) or not frame.f_code.co_firstlineno <= node.lineno <= frame.f_lineno:
            continue
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if array in names and isinstance(node.value, ast.Call) and called(node.value) in _CREATIONS:
            made = node if made is None or node.lineno > made.lineno else made
    if made is None or not isinstance(made.value, ast.Call) or not isinstance(made.value.func, ast.Attribute):
        return MAKE
    call = ast.Call(ast.Attribute(ast.Name("fnp"), made.value.func.attr), made.value.args, made.value.keywords)
    return (
        f"In place of `{array} = {short(made.value)}` in line {made.lineno}, write `{array} = {short(call)}`: such an "
        "array can hold traced values."
    )
