"""Linear functions: recorded without being computed, to be transposed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.core.provenance import Loc, at, here
from funcgrad.core.tape import Node, pull, selected
from funcgrad.core.trace import Primitive, Trace, Tracer, as_argument, known
from funcgrad.errors import NotDifferentiableError


class LinearTracer(Tracer):
    """A tangent without a value: only its shape, dtype and tape entry exist."""

    __slots__ = ("_aval", "node")

    def __init__(self, trace: Trace, aval: Aval, node: Node) -> None:
        self._trace = trace
        self._place = None
        self._aval = aval
        self.node = node

    @property
    def aval(self) -> Aval:
        return self._aval

    def location(self) -> Loc | None:
        return self.node.loc


class LinearTrace(Trace):
    """Records a linear function without computing it, to be transposed."""

    __slots__ = ()
    name = "linear_transpose"

    def leaf(self, aval: Aval) -> LinearTracer:
        return as_argument(LinearTracer(self, aval, Node()))

    def process(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        if prim.transparent:
            return prim.impl(*args, **params)
        values: list[Any] = []
        parents: list[Node | None] = []
        for a in args:
            if isinstance(a, LinearTracer) and a._trace is self:
                values.append(a._aval)
                parents.append(a.node)
            else:
                values.append(a)
                parents.append(None)
        loc = here()
        aval, saved = prim.record_linear(values, parents, params)
        node = Node(prim, params, tuple(parents), saved, loc)
        if not prim.multiple:
            return LinearTracer(self, aval, node)
        return tuple(LinearTracer(self, a, selected(node, i, len(aval))) for i, a in enumerate(aval))


def transpose(fun: Callable[..., Any], avals: Sequence[Aval], ct: Any) -> list[Any]:
    """The cotangents of the arguments of a linear function of arrays; None where they do not matter.

    The function may return a tuple; `ct` is then a sequence, with None for zero.
    """
    trace = LinearTrace()
    try:
        xs = [trace.leaf(aval) for aval in avals]
        out = fun(*xs)
    finally:
        trace.end()
    outs, cts = (out, ct) if isinstance(out, tuple) else ((out,), (ct,))
    nodes = linear_outputs(outs, trace, "the derivative of an operation")
    found = pull([(node, c) for node, c in zip(nodes, cts) if node is not None and c is not None])
    return [found.get(x.node.seq) for x in xs]


def linear_outputs(outs: Iterable[Any], trace: LinearTrace, what: str) -> list[Node | None]:
    """The entries of what a linear function returned; None for zeros. Raises where it is something else."""
    nodes: list[Node | None] = []
    for y in outs:
        if isinstance(y, LinearTracer) and y._trace is trace:
            nodes.append(y.node)
        elif y is None or (known(y) is not None and is_zero(y)):
            nodes.append(None)
        else:
            raise NotDifferentiableError(
                f"{what} returned {'a value of ' + y._trace.name if isinstance(y, Tracer) else 'a constant'} that does "
                "not depend linearly on its tangents, so it has no transpose"
            )
    return nodes


def is_zero(x: Any) -> bool:
    """Whether a value is zero everywhere, as far as is known."""
    if type(x) is float:
        return x == 0
    value = known(x)
    # where only the shape is known, as of the zeros that rules make while a program is traced: it may be
    return value is None or not np.any(value)


def not_linear(prim: Primitive) -> NotDifferentiableError:
    return NotDifferentiableError(
        f"`{prim}`{at(here())} is not linear in its argument, so the function has no transpose"
    )


def affine(prim: Primitive) -> NotDifferentiableError:
    """The error for what `prim` adds to a linear value: a function that is not zero at zero has no transpose."""
    return NotDifferentiableError(
        f"`{prim}` adds a constant{at(here())}: the function is affine, not linear, so it has no transpose"
    )
