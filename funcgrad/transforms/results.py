"""What users get: plain arrays that are theirs to write into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import aval_of, is_inexact
from funcgrad.core.constants import private
from funcgrad.core.tape import TapeTracer
from funcgrad.core.trace import Trace, Tracer, escaped
from funcgrad.transforms.arguments import FLOAT0

ndarray = np.ndarray


def lower(x: Any, trace: Trace) -> Any:
    """A value without the layer that `trace` put around it."""
    if isinstance(x, Tracer):
        if x._trace is trace:
            return x.value  # type: ignore[attr-defined]
        if not x._trace.alive:
            raise escaped((x,))
    return x


def own_tree(x: Any, trace: Trace, taken: set[int]) -> Any:
    """`lower` for every leaf of a pytree, those that were traced sharing memory with nothing in `taken`."""
    if type(x) is TapeTracer:
        return own(lower(x, trace), None, taken)
    return tree.map(lambda leaf: own(lower(leaf, trace), None, taken) if isinstance(leaf, Tracer) else leaf, x)


def copied_tree(x: Any, trace: Trace) -> Any:
    """`lower` for every leaf of a pytree, those that were traced copied, as the tape may have saved them."""

    def copied(leaf: Any) -> Any:
        value = lower(leaf, trace)
        if leaf is value:
            return value
        return value.copy(order="C") if type(value) is ndarray else private(value)

    return tree.map(copied, x)


def own(ct: Any, like: Any, taken: set[int]) -> Any:
    """A cotangent or tangent as a result: C-contiguous, writable, sharing memory with nothing in `taken`.

    One of a number `like` is a number of NumPy's, whatever the operations were.
    """
    if type(ct) is ndarray:
        if not ct.ndim and like is not None and type(like) is not ndarray:
            return ct[()]
        base = ct.base
        owner = id(ct if base is None else base)
        flags = ct.flags
        if owner in taken or not flags.c_contiguous or not flags.writeable:
            ct = ct.copy(order="C")
            owner = id(ct)
        taken.add(owner)
        return ct
    if isinstance(ct, Tracer):
        return ct.snapshot()
    return np.asarray(ct) if type(like) is ndarray else ct


def memory_of(values: Iterable[Any]) -> set[int]:
    """The memory that results must not share."""
    found = set()
    for v in values:
        if type(v) is ndarray:
            found.add(id(v))
            if v.base is not None:
                found.add(id(v.base))
    return found


def zeros_for(leaf: Any) -> Any:
    """The zero gradient of a leaf (of dtype float0 for an integer)."""
    aval = aval_of(leaf)
    return np.zeros(aval.shape, aval.dtype if is_inexact(aval.dtype) else FLOAT0)


def gradients(leaves: Sequence[Any], cts: Sequence[Any], taken: set[int]) -> list[Any]:
    """The gradients of leaves from their cotangents (None for zero)."""
    results = []
    for leaf, ct in zip(leaves, cts):
        if ct is None:
            ct = zeros_for(leaf)
            results.append(ct if type(leaf) is ndarray or isinstance(leaf, Tracer) else ct[()])
        else:
            results.append(own(ct, leaf, taken))
    return results


def read_only(x: Any) -> Any:
    """An array as the user's functions get one that is not theirs: writing into it would change what others have."""
    if type(x) is not np.ndarray:
        return x.snapshot() if isinstance(x, Tracer) else x
    view = x.view()
    view.flags.writeable = False
    return view
