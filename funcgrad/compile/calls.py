"""What a compiled program has to know of an operation that NumPy runs: why, whether it can warn, where it may write."""

from __future__ import annotations

import numpy as np

from funcgrad.compile.elements import KERNEL_DTYPES
from funcgrad.compile.kinds import CONTROL, bodies, kind_of, rolled
from funcgrad.compile.plan import FREE_VIEWS
from funcgrad.compile.statements import FOLDS
from funcgrad.compile.ways import way
from funcgrad.core.avals import Aval
from funcgrad.core.graph import Eqn, on_integers
from funcgrad.ops.contract import flat
from funcgrad.ops.families.lowering import Contraction, View
from funcgrad.ops.large import numpys
from funcgrad.transforms.control.programs import ControlCall

_SILENT = frozenset(("sort", "argsort", "where"))
"""Operations for which NumPy looks at no floating-point flags. It does for products, `np.dot` too."""
_SILENT_IN_DOUBLE = frozenset(("solve", "inv", "cholesky", "qr", "eigh", "svd"))
"""Those whose warnings it turns off itself; but what is given in single precision is computed in double, and cast."""


def may_warn(eqn: Eqn) -> bool:
    """Whether NumPy may give a floating-point warning, as universal functions and casts do. Unknown ones may."""
    if eqn.prim.name in _SILENT or isinstance(eqn.prim, ControlCall) or eqn.prim.outside:
        return False
    dtypes = {a.aval.dtype for a in (*eqn.inputs, *eqn.outputs)}
    if eqn.prim.name in _SILENT_IN_DOUBLE:
        return any(d.char in "fF" for d in dtypes)
    return not isinstance(way(eqn), View) or len({d for d in dtypes if d.kind in "fc"}) > 1


def is_product(eqn: Eqn) -> bool:
    return isinstance(eqn.prim.lower, Contraction)


def is_alias(eqn: Eqn) -> bool:
    """Whether the result is the first operand's memory, or a copy of it, and nothing else is kept."""
    return eqn.prim.name in FREE_VIEWS


def is_fresh(eqn: Eqn) -> bool:
    """Whether the result is certainly C-contiguous memory of its own."""
    if not is_product(eqn) or not eqn.outputs[0].aval.shape:
        return False
    return bool(eqn.params["contract"][0]) and not eqn.params["batch"][0]  # those of np.dot


def writes(eqn: Eqn) -> bool:
    """Whether NumPy can compute the result in an array that is given, and keeps nothing of its operands."""
    if eqn.prim.multiple or on_integers(eqn):
        return False
    (out,) = eqn.outputs
    if not out.aval.shape or out.aval.dtype.char not in "fdFD":
        return False
    if is_product(eqn):
        return all(a.aval.dtype == out.aval.dtype for a in eqn.inputs)
    function = numpys(eqn.prim)
    return isinstance(function, np.ufunc) and function.nout == 1 and not eqn.params


def turned(eqn: Eqn) -> tuple[bool, bool] | None:
    """For a product of vectors and matrices: which of them are transposed."""
    x, y = (a.aval for a in eqn.inputs)
    return flat(x.ndim, y.ndim, **eqn.params)


def reason(eqn: Eqn) -> str:
    """In a few words, why a kernel does not do an operation."""
    return f"{eqn.prim.name}: {_cause(eqn)}"


def _cause(eqn: Eqn) -> str:
    if eqn.prim.name in CONTROL:
        return _cause_within(eqn)
    if isinstance(eqn.prim, ControlCall):
        return "Python runs its programs"
    if eqn.prim.outside:
        return "it is Python"
    avals = [a.aval for a in (*eqn.inputs, *eqn.outputs)]
    foreign = next((a for a in avals if a.dtype not in KERNEL_DTYPES), None)
    if foreign is not None:
        return f"{foreign.dtype} has no kernels"
    if is_product(eqn):
        return _cause_of_product(eqn)
    done = way(eqn)
    if isinstance(done, View):
        return "only NumPy reads this view"
    if done in FOLDS:
        return "it has an empty axis, or truth values"
    if not isinstance(done, str):
        return "no kernel"
    if on_integers(eqn):
        return "Python's integers have no largest one"
    return f"kernels have other rules for {', '.join(dict.fromkeys(str(a.dtype) for a in avals[:-1]))}"


def _cause_within(eqn: Eqn) -> str:
    for graph in map(rolled, bodies(eqn)):
        for aval in (*graph.in_avals, *graph.out_avals):
            if aval.dtype not in KERNEL_DTYPES:
                return f"{aval.dtype} has no kernels"
        for inner in graph.eqns:
            if kind_of(inner) == "host":
                return f"`{inner.prim.name}` in its body ({_cause(inner)})"
    raise AssertionError("a kernel could do it")


def _cause_of_product(eqn: Eqn) -> str:
    x, y = (a.aval for a in eqn.inputs)
    if eqn.outputs[0].aval.dtype.kind != "f" or x.dtype != y.dtype:
        return f"no kernel for {x.dtype} times {y.dtype}"
    return f"BLAS is faster for {_lengths(x)} times {_lengths(y)}"


def _lengths(aval: Aval) -> str:
    return " x ".join(map(str, aval.shape))
