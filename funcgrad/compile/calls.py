"""What a compiled program has to know of an operation that NumPy runs: why, whether it can warn, where it may write."""

from __future__ import annotations

import numpy as np

from funcgrad.compile.control import bodies, simplified
from funcgrad.compile.elements import KERNEL_DTYPES
from funcgrad.compile.plan import CONTROL, FREE_VIEWS, kind_of, way
from funcgrad.compile.statements import FOLDS
from funcgrad.core.avals import Aval
from funcgrad.core.graph import Eqn, on_integers
from funcgrad.ops.contract import flat
from funcgrad.ops.families import Contraction, View
from funcgrad.transforms.control.programs import ControlCall

_SILENT = frozenset(("sort", "argsort", "where", "solve", "inv", "cholesky", "qr", "eigh", "svd"))
"""NumPy's functions that look at no floating-point flags, or turn warnings off themselves."""


def may_warn(eqn: Eqn) -> bool:
    """Whether NumPy may give a floating-point warning, as universal functions and casts do. Unknown ones may."""
    if eqn.prim.name in _SILENT or isinstance(eqn.prim, ControlCall):
        return False
    if is_product(eqn):
        return not eqn.params["contract"][0] or bool(eqn.params["batch"][0])
    if not isinstance(way(eqn), View):
        return True
    dtype = eqn.outputs[0].aval.dtype
    return any(a.aval.dtype.kind in "fc" and a.aval.dtype != dtype for a in eqn.inputs)


def is_product(eqn: Eqn) -> bool:
    return isinstance(eqn.prim.lower, Contraction)


def is_alias(eqn: Eqn) -> bool:
    """Whether the result is the first operand's memory, or a copy of it, and nothing else is kept."""
    return eqn.prim.name in FREE_VIEWS


def is_fresh(eqn: Eqn) -> bool:
    """Whether the result is certainly C-contiguous memory of its own."""
    return is_product(eqn) and not may_warn(eqn) and bool(eqn.outputs[0].aval.shape)


def writes(eqn: Eqn) -> bool:
    """Whether NumPy can compute the result in an array that is given, and keeps nothing of its operands."""
    if eqn.prim.multiple or on_integers(eqn):
        return False
    (out,) = eqn.outputs
    if not out.aval.shape or out.aval.dtype.char not in "fdFD":
        return False
    if is_product(eqn):
        return all(a.aval.dtype == out.aval.dtype for a in eqn.inputs)
    return isinstance(eqn.prim.impl, np.ufunc) and eqn.prim.impl.nout == 1 and not eqn.params


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
    if avals[0].dtype.kind == "f" and avals[-1].dtype.kind in "iu":
        return f"{avals[0].dtype} to {avals[-1].dtype}, where NaN and large numbers mean nothing in C"
    return f"kernels have other rules for {', '.join(dict.fromkeys(str(a.dtype) for a in avals[:-1]))}"


def _cause_within(eqn: Eqn) -> str:
    for graph in map(simplified, bodies(eqn)):
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
