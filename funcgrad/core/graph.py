"""Programs: what a function does to values of given shapes and dtypes, as a flat list of equations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from funcgrad.core import provenance
from funcgrad.core.avals import INT, Aval, aval_of
from funcgrad.core.frames import OPERATIONS
from funcgrad.core.memory import copied
from funcgrad.core.printing import to_python
from funcgrad.core.provenance import Loc
from funcgrad.core.recent import Recent
from funcgrad.core.trace import Primitive, Tracer, is_traced
from funcgrad.errors import NotDifferentiableError


class Var:
    """A value of a program: the output of one equation, or an input."""

    __slots__ = ("aval",)

    def __init__(self, aval: Aval) -> None:
        self.aval = aval


class Literal:
    """A constant of a program: a Python scalar (weak), a NumPy scalar or an array."""

    __slots__ = ("aval", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.aval = aval_of(value)


Atom = Var | Literal


class Eqn:
    """`outputs = prim(*inputs, **params)`, from the user's line `loc`."""

    __slots__ = ("inputs", "loc", "outputs", "params", "prim")

    def __init__(
        self,
        prim: Primitive,
        inputs: tuple[Atom, ...],
        outputs: tuple[Var, ...],
        params: dict[str, Any],
        loc: Loc | None = None,
    ) -> None:
        self.prim = prim
        self.inputs = inputs
        self.outputs = outputs
        self.params = params
        self.loc = loc

    @property
    def outside(self) -> frozenset[str]:
        """Which kinds of calls of the user's Python it makes (`Primitive.outside`), its programs too."""
        if not self.prim.multiple:
            return NOTHING
        if self.prim.outside:
            return frozenset((self.prim.outside,))
        return outside_of(self.params)

    @property
    def has_effect(self) -> bool:
        """Whether it does more than compute: then it is neither left out, done twice, nor moved past another such."""
        return self.prim.multiple and bool(self.outside - PURE)


def outside_of(params: dict[str, Any]) -> frozenset[str]:
    """Which kinds of calls of the user's Python the programs among some parameters make."""
    return NOTHING.union(*[graph.outside for graph in programs_of(params)])


def programs_of(params: dict[str, Any]) -> list[Graph]:
    """The programs among some parameters."""
    values = [part for value in params.values() for part in (value if type(value) is tuple else (value,))]
    return [value for value in values if isinstance(value, Graph)]


def without_effects(params: dict[str, Any]) -> dict[str, Any]:
    """Parameters whose programs are run a second time, on the same values: what has been printed is not printed again.

    What `io_callback` gave once cannot be had again: NotDifferentiableError.
    """
    if "io" in outside_of(params):
        raise NotDifferentiableError(
            "Use jvp or vjp, or call io_callback outside and pass its result: linearize goes through a compiled "
            "function or loop by running it again on tangents, and an io_callback in it may give something else then"
        )
    swap = lambda value: _quiet(value) if isinstance(value, Graph) else value
    return {k: tuple(map(swap, v)) if type(v) is tuple else swap(v) for k, v in params.items()}


def _quiet(graph: Graph) -> Graph:
    if not graph.outside - PURE:
        return graph
    found = graph.cache.get("quiet")
    if found is None:
        kept = [e for e in graph.eqns if e.prim.outside != "debug"]
        eqns = [Eqn(e.prim, e.inputs, e.outputs, without_effects(e.params), e.loc) if e.has_effect else e for e in kept]
        found = graph.cache["quiet"] = Graph(graph.inputs, tuple(eqns), graph.outputs)
    return found


NOTHING: frozenset[str] = frozenset()
PURE = frozenset(("pure",))
DERIVED = 64
"""Programs kept that were derived from one: batched ones differ in their sizes."""


class Graph:
    """A program. `cache` keeps what transformations derive from it (compiled programs, its derivative)."""

    __slots__ = ("__weakref__", "_outside", "cache", "eqns", "inputs", "outputs")

    def __init__(self, inputs: tuple[Var, ...], eqns: tuple[Eqn, ...], outputs: tuple[Atom, ...]) -> None:
        self.inputs = inputs
        self.eqns = eqns
        self.outputs = outputs
        self.cache = Recent(DERIVED)
        self._outside: frozenset[str] | None = None

    @property
    def outside(self) -> frozenset[str]:
        """Which kinds of calls of the user's Python it makes."""
        if self._outside is None:
            self._outside = NOTHING.union(*[eqn.outside for eqn in self.eqns if eqn.prim.multiple])
        return self._outside

    @property
    def in_avals(self) -> tuple[Aval, ...]:
        return tuple(v.aval for v in self.inputs)

    @property
    def out_avals(self) -> tuple[Aval, ...]:
        return tuple(v.aval for v in self.outputs)

    def check(self) -> Graph:
        """Raise ValueError unless every variable is defined once, before its uses, with the type its rule gives."""
        defined = set(self.inputs)
        if len(defined) != len(self.inputs):
            raise ValueError("an input stands twice")
        for eqn in self.eqns:
            for atom in eqn.inputs:
                if isinstance(atom, Var) and atom not in defined:
                    raise ValueError(f"`{eqn.prim}` uses a variable before it is defined")
            avals = eqn.prim.shape(*(a.aval for a in eqn.inputs), **eqn.params)
            for var, aval in zip(eqn.outputs, avals if eqn.prim.multiple else (avals,), strict=True):
                if var in defined:
                    raise ValueError(f"`{eqn.prim}` defines a variable again")
                if (var.aval.shape, var.aval.dtype) != (aval.shape, aval.dtype):
                    raise ValueError(f"`{eqn.prim}` gives {aval} but its output is typed {var.aval}")
                defined.add(var)
        for atom in self.outputs:
            if isinstance(atom, Var) and atom not in defined:
                raise ValueError("an output is not defined")
        return self

    def __call__(self, *args: Any) -> list[Any]:
        return list(map(copied, evaluate(self, args)))

    def __str__(self) -> str:
        return to_python(self)

    __repr__ = __str__


def as_typed(y: Any, aval: Aval) -> Any:
    """A result of NumPy's, which is never weak, as a program has it."""
    return y.item() if aval.weak and isinstance(y, np.generic) else y


def closed(graph: Graph, captured: Sequence[Tracer]) -> Graph:
    """A program that has captured no traced values; TypeError where it has."""
    if captured:
        raise TypeError(
            "Pass what a function uses as an argument; fg.closure_convert(fun, *args) makes arguments of such values. "
            f"A function or its rule uses a traced value (made{provenance.at(captured[0].location())}) that is neither "
            "an argument nor a variable it closes over (a global, an attribute, or inside of another function?)"
        )
    return graph


def hoist(graph: Graph, wanted: Callable[[Any], bool] = lambda x: isinstance(x, Tracer)) -> tuple[Graph, list[Any]]:
    """Make the constants of a program that are `wanted`, which are traced values, into further inputs; return them."""
    consts: dict[int, tuple[Any, Var]] = {}

    def swap(atom: Atom) -> Atom:
        if isinstance(atom, Literal) and wanted(atom.value):
            return consts.setdefault(id(atom.value), (atom.value, Var(atom.aval)))[1]
        return atom

    used = (*graph.outputs, *(a for e in graph.eqns for a in e.inputs))
    if not any(isinstance(a, Literal) and wanted(a.value) for a in used):
        return graph, []
    eqns = tuple([Eqn(e.prim, tuple(map(swap, e.inputs)), e.outputs, e.params, e.loc) for e in graph.eqns])
    outputs = tuple(map(swap, graph.outputs))
    values, variables = zip(*consts.values())
    return Graph(graph.inputs + variables, eqns, outputs), list(values)


def on_integers(eqn: Eqn) -> bool:
    """Whether an equation is Python's operator on Python's integers, which have no largest one."""
    return eqn.prim.python is not None and all(a.aval.weak and a.aval.dtype == INT for a in eqn.inputs)


def run(eqn: Eqn, values: Sequence[Any]) -> Any:
    """What an equation gives for arrays or traced values."""
    if on_integers(eqn) and not is_traced(*values):
        return eqn.prim.python(*values)  # type: ignore[misc]
    return eqn.prim(*values, **eqn.params)


def evaluate(graph: Graph, args: Sequence[Any]) -> list[Any]:
    """Run a program on arrays or traced values, one primitive at a time; values are dropped after their last use."""
    env: dict[Var, Any] = dict(zip(graph.inputs, args, strict=True))
    last: dict[Var, int] = {}
    for index, eqn in enumerate(graph.eqns):
        for atom in eqn.inputs:
            if isinstance(atom, Var):
                last[atom] = index
    kept = {atom for atom in graph.outputs if isinstance(atom, Var)}
    del args
    for index, eqn in enumerate(graph.eqns):
        values = [env[a] if isinstance(a, Var) else a.value for a in eqn.inputs]
        out = run(eqn, values)
        for var, y in zip(eqn.outputs, out if eqn.prim.multiple else (out,), strict=True):
            env[var] = as_typed(y, var.aval)
        del values, out
        for atom in eqn.inputs:
            if isinstance(atom, Var) and last[atom] == index and atom not in kept:
                env.pop(atom, None)
    return [env[a] if isinstance(a, Var) else a.value for a in graph.outputs]


def _evaluated(tb: TracebackType) -> Loc | None:
    eqn = tb.tb_frame.f_locals.get("eqn")
    return None if eqn is None else eqn.loc


OPERATIONS[evaluate.__code__] = _evaluated
