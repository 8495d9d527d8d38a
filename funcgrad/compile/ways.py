"""How a kernel does an equation, and how much there is to do."""

from __future__ import annotations

import math
from typing import Any

from funcgrad.core.graph import Eqn
from funcgrad.ops.families.lowering import Statements, View

TINY = 4
"""Axes as short as this are written out."""
SMALL_PRODUCT = 40_000
"""Multiplications up to which a product is loops of its own kernel; then BLAS takes over (1 us a call, and packs)."""
STACKED_PRODUCT = 2_000_000
"""The same for each product of a stack."""


def way(eqn: Eqn) -> Any:
    """How a kernel does an equation: the first that fits it where its primitive's `lower` names several."""
    lower = eqn.prim.lower
    for one in lower if type(lower) is tuple else (lower,):
        if not isinstance(one, (View, Statements)) or one.fits is None:
            return one
        if one.fits(*(a.aval for a in eqn.inputs), **eqn.params):
            return one
    return None


def is_inline(eqn: Eqn) -> bool:
    """Whether statements compute the elements of their operands where they use them."""
    inline = way(eqn).inline
    return inline is None or inline(*(a.aval for a in eqn.inputs), **eqn.params)


def multiplications(eqn: Eqn) -> int:
    return eqn.outputs[0].aval.size * folded(eqn)


def is_blas(eqn: Eqn) -> bool:
    """Whether a product is large enough for BLAS, which reads a matrix no faster for the sake of one vector.

    NumPy makes a call of each matrix of a stack, and copies many. A sum of a few products is arithmetic on elements,
    which a kernel need not store.
    """
    if folded(eqn) <= TINY:
        return False
    size = multiplications(eqn)
    x, y = (a.aval for a in eqn.inputs)
    shared = len(eqn.params["contract"][0]) + len(eqn.params["batch"][0])
    if x.ndim == shared or y.ndim == shared:
        return False
    stack = math.prod([x.shape[a] for a in eqn.params["batch"][0]])
    return size > SMALL_PRODUCT and size > STACKED_PRODUCT * stack * (stack > 1)


def folded(eqn: Eqn) -> int:
    """How many elements one element of a fold or product combines."""
    x = eqn.inputs[0].aval
    axes = eqn.params["axes"] if "axes" in eqn.params else eqn.params["contract"][0]
    return math.prod([x.shape[a] for a in axes])
