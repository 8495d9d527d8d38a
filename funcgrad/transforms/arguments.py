"""What users pass: which arguments are differentiated, their leaves, and the errors that name them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core import provenance
from funcgrad.core.avals import Aval, aval_of, is_inexact, refusal
from funcgrad.core.avals import array_leaf as array_leaf
from funcgrad.core.trace import Tracer
from funcgrad.errors import NotDifferentiableError

Argnums = int | Sequence[int]
FLOAT0 = np.dtype([("float0", np.void, 0)])
"""The dtype of the gradient of an integer (JAX's): it has no information, and nothing can be added to it."""


def check_argnums(argnums: Any, name: str) -> None:
    """Raise where what was given as `argnums` is no position: an argument of the function, in most cases."""
    for n in argnums if isinstance(argnums, Sequence) else (argnums,):
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
            raise TypeError(
                f"{name}: argnums must be an int or a sequence of ints, not {argnums!r}. Arguments go to the function "
                f"that {name} returns: {name}(f)(x)."
            )


def normalise_argnums(argnums: Argnums, count: int, name: str) -> tuple[int, ...]:
    """Argument positions as a tuple of non-negative ints; raises where one does not exist."""
    if type(argnums) is int and 0 <= argnums < count:
        return (argnums,)
    given = (argnums,) if isinstance(argnums, (int, np.integer)) else argnums
    check_argnums(argnums, name)
    found = []
    for n in given:
        if not -count <= n < count:
            hint = " Arguments given by keyword are not differentiated: pass them by position." if count == 0 else ""
            raise ValueError(
                f"{name}: argnums={argnums!r} asks for positional argument {n}, but the call has {count}.{hint}"
            )
        found.append(int(n) % count)
    if len(set(found)) != len(found):
        raise ValueError(f"{name}: argnums={argnums!r} names an argument twice")
    return tuple(found)


def parameter_name(fun: Callable[..., Any], position: int) -> str:
    """The name of a positional parameter, in backquotes, or nothing where it cannot be told."""
    code = getattr(fun, "__code__", None)
    if hasattr(fun, "__wrapped__") and (code is None or position >= code.co_argcount):
        return parameter_name(fun.__wrapped__, position)
    if hasattr(fun, "__self__"):
        position += 1
    if code is not None and position < code.co_argcount:
        return f" `{code.co_varnames[position]}`"
    return ""


def leaf_path(fun: Callable[..., Any], position: int, treedef: tree.TreeDef, index: int) -> str:
    """``argument 0 `params`, leaf ['w'][1]``, for messages."""
    path = list(tree.leaf_paths(treedef))[index]
    return f"argument {position}{parameter_name(fun, position)}" + (f", leaf {path}" if path else "")


def differentiable(
    fun: Callable[..., Any],
    position: int,
    treedef: tree.TreeDef,
    leaves: Sequence[Any],
    name: str,
    *,
    allow_int: bool = False,
    holomorphic: bool = False,
) -> list[Any]:
    """Check the leaves of one differentiated argument; raises NotDifferentiableError naming the leaf."""
    checked = []
    for index, leaf in enumerate(leaves):
        plainly_real = type(leaf) is float or (type(leaf) is np.ndarray and leaf.dtype.kind == "f")
        if not plainly_real or holomorphic:
            value = array_leaf(leaf)
            _refuse(value, leaf, name, allow_int, holomorphic, fun, position, treedef, index)
            leaf = value
        checked.append(leaf)
    return checked


def of_an_object(leaf: Any) -> str:
    """How the arrays that an object of the user's class holds become arguments."""
    kind = type(leaf)
    if not hasattr(leaf, "__dict__") or callable(leaf) or isinstance(leaf, np.ndarray):
        return ""
    return f"Pass its arrays, or register its class with fg.register_pytree_node({kind.__name__}, flatten, unflatten)."


def _apart(leaf: Any, path: str) -> str:
    """Where what has no derivative may stand."""
    _, dot, field = path.rpartition(".")
    is_field = bool(dot) and field.isidentifier()
    static = f"Write `{field}: ... = fg.tree.static()` in a dataclass for a field that is no array." if is_field else ""
    closed = "What is not differentiated may be closed over, or passed as an argument that argnums does not name."
    return " ".join(filter(None, (static, of_an_object(leaf), closed)))


def refused_output(y: Any, name: str, index: int, out_tree: tree.TreeDef) -> TypeError:
    """The error for a leaf of what a function returned that is no number."""
    path = list(tree.leaf_paths(out_tree))[index] if out_tree is not tree.LEAF else ""
    return TypeError(refusal(f"{name}: output{path} of the function", y, "Return arrays and numbers only."))


def _refuse(
    value: Any,
    leaf: Any,
    name: str,
    allow_int: bool,
    holomorphic: bool,
    fun: Callable[..., Any],
    position: int,
    treedef: tree.TreeDef,
    index: int,
) -> None:
    if value is None:
        raise NotDifferentiableError(
            refusal(
                f"{name}: {leaf_path(fun, position, treedef, index)}",
                leaf,
                _apart(leaf, list(tree.leaf_paths(treedef))[index]),
            )
        )
    dtype = aval_of(value).dtype
    if holomorphic and dtype.kind != "c":
        raise NotDifferentiableError(
            f"{name}: holomorphic=True needs complex inputs, but {leaf_path(fun, position, treedef, index)} has "
            f"dtype {dtype}"
        )
    if not is_inexact(dtype) and not allow_int:
        fix = "3.0" if isinstance(leaf, int) else ".astype(float)"
        what = "a bool" if dtype.kind == "b" else "an integer"
        raise NotDifferentiableError(
            f"{name}: {leaf_path(fun, position, treedef, index)} has dtype {dtype}, and {what} has no derivative. "
            f"Write a float ({fix}), or pass it as another argument that argnums does not name (allow_int=True "
            "returns a float0 array for it)."
        )


def scalar_output(out: Any, name: str, holomorphic: bool) -> Any:
    """Check that a function to be differentiated returned one real (or, where holomorphic, complex) number."""
    value = array_leaf(out)
    if value is None:
        needs = f"{name} needs a function that returns a scalar, but"
        if out is None:
            raise TypeError(f"{needs} it returned nothing (None). Did it forget to return?")
        hint = "For values beside the result, return (result, aux) and pass has_aux=True."
        raise TypeError(f"{refusal(f'{needs} what it returned', out)} {hint}")
    if getattr(value, "shape", ()) != ():
        raise TypeError(
            f"{name} needs a function that returns a scalar, but its output, computed{_made(out)}, has shape "
            f"{value.shape}. Reduce it (.sum(), .mean()), or use fg.jacobian, fg.vjp or fg.elementwise_grad."
        )
    kind = aval_of(value).dtype.kind
    if kind == ("f" if not holomorphic else "c"):
        return out
    if holomorphic:
        raise TypeError(f"{name}: holomorphic=True needs a complex output, but it, computed{_made(out)}, is real")
    if kind == "c":
        raise TypeError(
            f"{name} needs a real output, but it, computed{_made(out)}, is complex. Take its real part or abs, pass "
            "holomorphic=True for a holomorphic function, or use fg.vjp."
        )
    raise NotDifferentiableError(
        f"{name}: the function returned a value of dtype {aval_of(value).dtype}, which has no derivative. An operation "
        "like argmax, a comparison or a cast to int ended it: fg.explain(fun)(*args) names it."
    )


def is_float0(x: Any) -> bool:
    """Whether a tangent or cotangent says that its value does not move; None says so too."""
    return x is None or (isinstance(x, (np.ndarray, np.generic)) and x.dtype == FLOAT0)


def refuse_tangent(tangent: Any, where: str, name: str) -> None:
    """Check the tangent of an integer, which does not move: float0 or zeros."""
    if is_float0(tangent):
        return
    value = array_leaf(tangent)
    if value is None:
        raise TypeError(refusal(f"{name}: the tangent of {where}", tangent))
    if is_inexact(aval_of(value).dtype) or (not isinstance(value, Tracer) and np.any(value)):
        raise NotDifferentiableError(
            f"{name}: {where} is an integer or bool, which has no derivative, but was given a tangent. Write a float "
            "(3.0), or close over it."
        )


def integer_cotangent(primal: Aval, ct: Any, where: str, name: str) -> None:
    """Check the cotangent of an integer output, which counts for nothing: an integer of its shape, float0 or None."""
    if is_float0(ct):
        return
    value = array_leaf(ct)
    if value is None:
        raise TypeError(refusal(f"{name}: {where}", ct))
    aval = aval_of(value)
    if aval.shape != primal.shape:
        raise ValueError(f"{name}: {where} has shape {aval.shape}, but belongs to a value of shape {primal.shape}")
    if is_inexact(aval.dtype):
        raise TypeError(f"{name}: {where} has dtype {aval.dtype}, but belongs to a value of dtype {primal.dtype}")


def _made(out: Any) -> str:
    return provenance.at(out.location()) if isinstance(out, Tracer) else ""


def tangent_for(primal: Aval, tangent: Any, where: str, name: str) -> Any:
    """Check a tangent or cotangent against what it belongs to, and give it that dtype (NumPy's same-kind casts)."""
    value = array_leaf(tangent)
    if value is None:
        raise TypeError(refusal(f"{name}: {where}", tangent))
    aval = aval_of(value)
    if aval.shape != primal.shape:
        raise ValueError(f"{name}: {where} has shape {aval.shape}, but belongs to a value of shape {primal.shape}")
    if aval.dtype == primal.dtype and not aval.weak:
        return value
    if np.can_cast(aval.dtype, primal.dtype, "same_kind"):
        return value.astype(primal.dtype) if hasattr(value, "astype") else primal.dtype.type(value)
    raise TypeError(f"{name}: {where} has dtype {aval.dtype}, but belongs to a value of dtype {primal.dtype}")
