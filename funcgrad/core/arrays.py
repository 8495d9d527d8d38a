"""What to write where code wants a plain array, or writes into one: read from the user's line."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import numpy as np

from funcgrad.core.reading import around, called, calls, nodes, outward_to_users, range_of, short, users_frame

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
    inner, frame = outward_to_users(sys._getframe(2))
    if inner is not None and inner.f_code.co_filename.startswith(_NUMPY):
        owner = type(inner.f_locals.get("self")).__name__
        name = _CLASSES.get(owner, inner.f_code.co_name if owner == "NoneType" else None)
        if name is None or " " in name:
            return name
        if name == "__new__":
            return None
        return _for_numpys(frame, name)
    for found in around(frame, calls):
        assert isinstance(found.node, ast.Call)
        name = called(found.node)
        if isinstance(getattr(np, name, None), type) and issubclass(getattr(np, name), np.generic):
            return f"In place of np.{name}(x), write x.astype(np.{name}), which keeps the derivative."
        if name in _CONVERSIONS:
            return _for_call(found.node, name)
        if frame is not None and _draws(frame, found.node.func):
            return _RANDOM
    return None


def for_index(mask: bool) -> str | None:
    """What to write where a plain array, which takes no traced index, is indexed by one, or by a traced mask."""
    frame = users_frame()
    found = next(iter(around(frame, _subscript)), None)
    if frame is None or found is None:
        return None
    node = found.node
    assert isinstance(node, ast.Subscript)
    indexed = _value(frame, node.value)
    if indexed is not None and not isinstance(indexed, np.ndarray):
        return None  # np.r_, np.c_
    array, index = short(node.value), short(node.slice)
    if isinstance(node.slice, ast.Tuple):
        instead = f"fnp.at({array})[{index.strip('()')}].get()"
    else:
        instead = f"np.where({index}, {array}, 0)" if mask else f"fnp.take({array}, {index}, axis=0)"
    return f"In place of `{short(node)}`, write `{instead}`: a plain array takes no traced index."


def _subscript(node: ast.AST, at: tuple) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and range_of(node) == at:
        yield "index", node


def _for_call(call: ast.Call, name: str) -> str:
    """What to write in place of `np.array(...)`."""
    given = call.args[0] if call.args else None
    if isinstance(given, (ast.List, ast.Tuple)) and len(call.args) == 1 and not call.keywords:
        nested = any(isinstance(x, (ast.List, ast.Tuple, ast.Starred)) for x in given.elts)
        instead = f"fnp.array({short(given)})" if nested else f"np.stack({short(given)})"
        return f"In place of `{short(call)}`, write `{instead}`."
    instead = short(_of(call, "fnp", name))
    return f"In place of `{short(call)}`, write `{instead}`, which takes traced values; or use them as they are."


_RANDOM = (
    "Draw numbers that do not depend on the traced value, and compute with them: mean + scale * rng.normal(size=n)."
)


def _draws(frame: FrameType, function: ast.expr) -> bool:
    """Whether it is a method of one of NumPy's generators of random numbers, the hidden one included."""
    owner = getattr(_value(frame, function), "__self__", None)
    return isinstance(owner, (np.random.Generator, np.random.RandomState))


def _for_numpys(frame: FrameType | None, name: str) -> str:
    """What to write in place of a function of NumPy's: the user's call, where it is in sight."""
    found = (f.node for f in around(frame, calls))
    call = next((c for c in found if isinstance(c, ast.Call) and called(c) == name), None)
    if call is not None and isinstance(call.func, ast.Attribute):
        space = "fnp.linalg" if ".linalg." in ast.unparse(call.func) else "fnp"
        if not _is_there(space, name):
            return (
                f"In place of `{short(call)}`, which takes plain arrays only, write what it computes with functions "
                "that take traced values, or give it fg.stop_gradient(x) where it has no part in the result."
            )
        return f"In place of `{short(call)}`, write `{short(_of(call, space, name))}`, which takes traced values."
    return f"In place of np.{name}, write fnp.{name}, which takes traced values."


def _is_there(space: str, name: str) -> bool:
    module = sys.modules.get(space.replace("fnp", "funcgrad.numpy"))
    return module is None or name in module.__all__


def _of(call: ast.Call, module: str, name: str) -> ast.Call:
    """The call, of a function of that module."""
    return ast.Call(ast.Attribute(ast.Name(module), name), call.args, call.keywords)


def for_float(shape: tuple[int, ...], otherwise: str) -> str:
    """What to write in place of `float(x)`, `x.item()` or a function of `math`, of an array of that shape."""
    frame = users_frame()
    form = next((f.node for f in around(frame, _formats)), None)
    if form is not None:
        return f"In place of `{short(form)}`, write an f-string, f\"{{x:.2f}}\", which shows the value."
    call = next((f.node for f in around(frame, calls)), None)
    if frame is None or not isinstance(call, ast.Call):
        return otherwise
    name, of = called(call), call.func
    if name == "item" and isinstance(of, ast.Attribute):
        if call.args:
            value, at = short(of.value, "x"), ", ".join(map(short, call.args))
            value = f"np.ravel({value})" if len(call.args) == 1 and len(shape) > 1 else value
            return f"In place of `{short(call)}`, write `{value}[{at}]`."
        return _as_it_is(call, of.value, shape)
    if name in ("float", "complex") and isinstance(of, ast.Name) and len(call.args) == 1:
        return _as_it_is(call, call.args[0], shape)
    found = _value(frame, of)
    if getattr(found, "__module__", None) in ("math", "cmath"):
        name = found.__name__
        space, instead = _MATH.get(name, ("np", name))
        if space != "np" or hasattr(np, instead):
            return f"In place of `{short(call)}`, write `{short(_of(call, space, instead))}`."
    return otherwise


def _formats(node: ast.AST, at: tuple) -> Iterator[tuple[str, ast.AST]]:
    """`"%.2f" % x`, where the instruction is that operator."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and range_of(node) == at:
        yield "format", node


_MATH = {
    **{name: ("np", f"arc{name[1:]}") for name in ("acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh")},
    **{name: ("fg.lax", name) for name in ("erf", "erfc", "lgamma")},
    "fabs": ("np", "abs"),
    "fsum": ("np", "sum"),
    "pow": ("np", "power"),
    "gamma": ("fg.scipy.special", "gamma"),
}
"""Functions of Python's `math` that have another name elsewhere."""


def _as_it_is(call: ast.Call, value: ast.expr, shape: tuple[int, ...]) -> str:
    text = short(value, "x")
    return f"In place of `{short(call)}`, write `{text if shape == () else f'np.reshape({text}, ())'}`."


def _value(frame: FrameType, node: ast.expr) -> Any:
    """What a name, or an attribute of one, is bound to."""
    if isinstance(node, ast.Attribute):
        return getattr(_value(frame, node.value), node.attr, None)
    name = getattr(node, "id", "")
    return frame.f_locals.get(name, frame.f_globals.get(name))


def for_store(array: str) -> str:
    """What to write where a traced value is stored into the plain array of a name: how to make that array."""
    frame = users_frame()
    if frame is None:
        return MAKE
    made = None
    for node in nodes(frame.f_code.co_filename):
        if not isinstance(node, ast.Assign) or not frame.f_code.co_firstlineno <= node.lineno <= frame.f_lineno:
            continue
        names = [ast.unparse(target) for target in node.targets]
        if array in names and isinstance(node.value, ast.Call) and called(node.value) in _CREATIONS:
            made = node if made is None or node.lineno > made.lineno else made
    if made is None or not isinstance(made.value, ast.Call) or not isinstance(made.value.func, ast.Attribute):
        return MAKE
    call = _of(made.value, "fnp", made.value.func.attr)
    return (
        f"In place of `{array} = {short(made.value)}` in line {made.lineno}, write `{array} = {short(call)}`: such an "
        "array can hold traced values."
    )
