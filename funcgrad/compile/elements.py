"""What an elementwise equation does to one element, where kernels do it as NumPy does."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from funcgrad.compile.mathlib import EXACT, expression, is_arithmetic
from funcgrad.compile.passes import is_elementwise
from funcgrad.core.avals import BOOL
from funcgrad.core.graph import Atom, Eqn, Literal, Var, on_integers

KERNEL_DTYPES = frozenset(map(np.dtype, ["?", "b", "h", "i", "q", "B", "H", "I", "Q", "l", "L", "f", "d"]))
IN_TEXT = frozenset((0, 0.5, 1, 2, 3, 4, math.inf))
"""Numbers (or their negatives) that stand in a kernel's text. All others are arguments: programs that differ in them
only, as those that capture a number do, share their kernels."""


class Statement(NamedTuple):
    """`target = expression(*args)` for one element; `args` are cast to `dtypes` first (None: as they are)."""

    target: Var
    expression: str
    args: tuple[Atom, ...]
    dtypes: tuple[np.dtype | None, ...]


def is_argument(number: Literal) -> bool:
    """Whether a constant of rank 0 is given to a kernel when it is called."""
    aval, value = number.aval, number.value
    if aval.dtype.kind in "iu":
        return abs(int(value)) not in IN_TEXT and -(2**63) <= value < 2**63
    return aval.dtype.kind == "f" and value == value and abs(value) not in IN_TEXT


def statement(eqn: Eqn) -> Statement | None:
    """An equation as a statement about elements; None where kernels cannot do it as NumPy does."""
    if not is_elementwise(eqn):
        return None
    out = eqn.outputs[0]
    second = eqn.inputs[1] if len(eqn.inputs) > 1 else None
    if on_integers(eqn):
        template = EXACT.get(eqn.prim.lower)
    else:
        template = expression(eqn.prim.lower, second.value if isinstance(second, Literal) else None)
    if template is None or not all(a.aval.dtype in KERNEL_DTYPES for a in (*eqn.inputs, out)):
        return None
    dtypes = _computing_dtypes(eqn, template)
    if dtypes is None or not all(map(_is_safe, eqn.inputs, dtypes)):
        return None
    given = [a.aval.dtype if d is None else d for a, d in zip(eqn.inputs, dtypes)]
    if out.aval.dtype == BOOL and {d.kind for d in given} == {"i", "u"}:
        return None  # NumPy compares int64 with uint64 exactly, machine code as floats
    if not is_arithmetic(template) and not all(d.kind == "f" for d in given):
        return None
    if "abs" in template and any(d.kind in "bu" for d in given):
        return None
    if any(d.kind == "f" for d in given) and out.aval.dtype.kind in "iu" and template != "{0}":
        return None
    return Statement(out, template, eqn.inputs, dtypes)


def _is_safe(atom: Atom, dtype: np.dtype | None) -> bool:
    """Whether a number keeps its value in a kernel and in a dtype; NumPy decides where it does not."""
    aval = atom.aval
    if aval.shape:
        return True
    if aval.weak and aval.dtype.kind == "i" and dtype is not None and dtype.kind in "iu":
        if isinstance(atom, Var):
            return dtype == np.int64
        limits = np.iinfo(dtype)
        return bool(limits.min <= atom.value <= limits.max)
    return isinstance(atom, Literal) or aval.dtype != np.uint64


def _computing_dtypes(eqn: Eqn, template: str) -> tuple[np.dtype | None, ...] | None:
    """The dtypes that NumPy computes in."""
    out = eqn.outputs[0].aval.dtype
    ufunc = getattr(eqn.prim.impl, "like", eqn.prim.impl)
    if isinstance(ufunc, np.ufunc):
        given: list[Any] = [
            type(a.aval.dtype.type(0).item()) if a.aval.weak else a.aval.dtype for a in eqn.inputs
        ]
        try:
            dtypes = ufunc.resolve_dtypes((*given, None))[:-1]
        except TypeError:
            return None
        return dtypes if all(d in KERNEL_DTYPES for d in dtypes) else None
    if template == "{0}":
        return (None,)
    if template == "({1} if {0} else {2})":
        return None, out, out
    return (out,) * len(eqn.inputs)
