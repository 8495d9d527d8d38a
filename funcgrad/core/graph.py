"""Programs: what a function does to values of given shapes and dtypes, as a flat list of equations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core import provenance
from funcgrad.core.avals import INT, PYTHON_SCALARS, Aval, aval_of, is_inexact
from funcgrad.core.buffers import Buffer, apply
from funcgrad.core.constants import SMALL, copied, keep, private
from funcgrad.core.provenance import Loc, here
from funcgrad.core.reading import named
from funcgrad.core.recent import Recent
from funcgrad.core.trace import Primitive, Trace, Tracer, as_argument, is_traced, known, unknown_in
from funcgrad.errors import ConcretizationError, NotDifferentiableError


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
            "linearize goes through a compiled function or loop by running it again on tangents, and an io_callback in "
            "it may give something else then: use jvp or vjp, or call io_callback outside and pass its result"
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
        return evaluate(self, args)

    def __str__(self) -> str:
        from funcgrad.core.printing import to_python

        return to_python(self)

    __repr__ = __str__


class StageTracer(Tracer):
    """A value of a program being traced."""

    __slots__ = ("loc", "variable")

    def __init__(self, trace: Trace, var: Var, loc: Loc | None) -> None:
        self._trace = trace
        self._place = None
        self.variable = var
        self.loc = loc

    @property
    def aval(self) -> Aval:
        return self.variable.aval

    def location(self) -> Loc | None:
        return self.loc


class StageTrace(Trace):
    """Writes down a program without computing it. `lacked`: the value that Python needed last, in words."""

    __slots__ = ("captured", "eqns", "lacked", "name")

    def __init__(self, name: str = "jit") -> None:
        super().__init__()
        self.name = name
        self.eqns: list[Eqn] = []
        self.captured: dict[int, tuple[Any, Literal]] = {}
        self.lacked = ""

    def input(self, aval: Aval) -> StageTracer:
        return as_argument(StageTracer(self, Var(aval), here()))

    def atom(self, x: Any) -> Atom:
        if type(x) is Buffer:
            x = x.value
        if isinstance(x, StageTracer) and x._trace is self:
            return x.variable
        if type(x) in PYTHON_SCALARS:
            return Literal(x)
        if isinstance(x, (Tracer, np.generic)):
            return self.captured.setdefault(id(x), (x, Literal(x)))[1]
        # a copy, as a program must not change when a captured array does; the user may even fill it again while tracing
        small = x.nbytes <= SMALL
        original = x if small else keep(x)
        _, known = self.captured.get(id(original), (None, None))
        if known is None or (small and not _same(x, known.value)):
            known = Literal(private(x) if small else original)
            self.captured[id(original)] = original, known
        return known

    def process(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        if prim.dissolves:
            return prim.inside(args, params, evaluate)
        loc = here()
        tracers = tuple(StageTracer(self, v, loc) for v in self.write(prim, args, params, loc))
        return tracers if prim.multiple else tracers[0]

    def write(
        self, prim: Primitive, args: Sequence[Any], params: dict[str, Any], loc: Loc | None
    ) -> tuple[Var, ...]:
        """Append an equation; its outputs."""
        atoms = tuple(self.atom(a) for a in args)
        params = prim.staged(params, lambda fun: self.program(fun, args))
        avals = prim.shape(*(a.aval for a in atoms), **params)
        outputs = tuple(Var(aval) for aval in (avals if prim.multiple else (avals,)))
        self.eqns.append(Eqn(prim, atoms, outputs, params, loc))
        return outputs

    def program(self, fun: Callable[..., Sequence[Any]], args: Sequence[Any]) -> Graph:
        """The program of a flat function of the arguments, for a call of it that is being written down."""
        return closed(*hoist(trace_graph(fun, [aval_of(a) for a in args])))


def _same(x: np.ndarray, kept: np.ndarray) -> bool:
    return x.shape == kept.shape and x.dtype == kept.dtype and x.tobytes() == kept.tobytes()


Keeps = Callable[[Eqn], Var | None]


class RecordTracer(StageTracer):
    """A value of a program being traced that is computed too; `ended`: it carries no derivative."""

    __slots__ = ("ended", "value")
    has_value = True

    def __init__(self, trace: Trace, var: Var, loc: Loc | None, value: Any, ended: bool) -> None:
        super().__init__(trace, var, loc)
        self.value = value
        self.ended = ended

    def _as_plain(self) -> np.ndarray | None:
        return np.asarray(self.value) if self.ended else None


class RecordTrace(StageTrace):
    """Writes down a program while it runs: Python's control flow may look at the values that are known.

    `does`: whether effects take place now; `keeps`: which variable has the result of an equation that is to be kept;
    `outer`: the program around it that is being written.
    """

    __slots__ = ("does", "keeps", "kept", "outer")

    def __init__(self, name: str, does: bool, keeps: Keeps | None = None) -> None:
        super().__init__(name)
        self.does = does
        self.keeps = keeps
        self.kept: dict[Var, Any] = {}
        self.outer = _staging.writer

    def argument(self, x: Any) -> StageTracer:
        """An input that stands for `x`, a value or an aval."""
        var, loc, value = Var(aval_of(x)), here(), None if isinstance(x, Aval) else known(x)
        if value is None:
            return as_argument(StageTracer(self, var, loc))
        return as_argument(RecordTracer(self, var, loc, value, not is_inexact(var.aval.dtype)))

    def program(self, fun: Callable[..., Sequence[Any]], args: Sequence[Any]) -> Graph:
        recorded = record_graph(fun, args, runs=False)
        return closed(recorded.graph, recorded.inputs[len(args) :])

    def process(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        loc = here()
        outputs = self.write(prim, args, params, loc)
        values = [known(a) for a in args]
        eqn = self.eqns[-1]
        if any(v is None for v in values) or (eqn.has_effect and not self.does):
            tracers = tuple(StageTracer(self, v, loc) for v in outputs)
        else:
            out = self._apart(eqn, values) if prim.multiple else run(eqn, values)
            results = out if prim.multiple else (out,)
            tracers = tuple(
                RecordTracer(self, v, loc, as_typed(y, v.aval), prim.is_flat or not is_inexact(v.aval.dtype))
                for v, y in zip(outputs, results)
            )
        if self.keeps is not None and not prim.multiple and (kept := self.keeps(eqn)) is not None:
            self.kept[kept] = known(tracers[0])
        return tracers if prim.multiple else tracers[0]

    def _apart(self, eqn: Eqn, values: Sequence[Any]) -> Any:
        """What an equation gives that may call the user's Python, which is not to be written down a second time."""
        with _writing(self.outer):
            return run(eqn, values)


def as_typed(y: Any, aval: Aval) -> Any:
    """A result of NumPy's, which is never weak, as a program has it."""
    return y.item() if aval.weak and isinstance(y, np.generic) else y


class _Staging(threading.local):
    """How many programs are being traced in a thread, one inside the other; `interpreted`: to be run as they are."""

    depth = 0
    interpreted = True
    writer: StageTrace | None = None


_staging = _Staging()


def writer() -> StageTrace | None:
    """The program that is being written in this thread, the innermost: where calls of the user's Python belong."""
    return _staging.writer


def is_written(outside: Collection[str]) -> bool:
    """Whether an operation that calls the user's Python is to be written down, even if all its values are known."""
    return bool(outside) and _staging.writer is not None


@contextmanager
def unseen(name: str) -> Iterator[Trace]:
    """What runs here is not what the user asked for: its effects do not take place. The trace of what they return."""
    trace = RecordTrace(name, False)
    with _writing(trace):
        yield trace
    trace.end()


@contextmanager
def _writing(trace: StageTrace | None) -> Iterator[None]:
    before = _staging.writer
    _staging.writer = trace
    try:
        yield
    finally:
        _staging.writer = before


def is_staging() -> bool:
    """Whether a program is being traced: loops are then written down once, and not step by step."""
    return _staging.depth > 0


def is_interpreted() -> bool:
    """Whether operations written here and now are run by `evaluate`: nobody is tracing a program to compile it."""
    return _staging.interpreted


def trace_graph(
    fun: Callable[..., Sequence[Any]], avals: Sequence[Aval], interpreted: bool = False, name: str = "jit"
) -> Graph:
    """The program of `fun`, which takes values of the given avals and returns a flat sequence of values.

    Constants that are traced values of outer traces stay in the program as literals; `hoist` makes them inputs.
    `interpreted` says that the program serves an eager computation, for which compiling it would take longer; `name`
    is what errors say of who traces.
    """
    return trace_open(lambda new: fun(*map(new, avals)), interpreted, name)


def trace_open(
    fun: Callable[[Callable[[Aval], StageTracer]], Sequence[Any]], interpreted: bool = False, name: str = "jit"
) -> Graph:
    """`trace_graph` of a function that finds its inputs while it runs: it is given what makes one more of an aval."""
    trace = StageTrace(name)
    variables: list[Var] = []  # the function may write into its arguments

    def new(aval: Aval) -> StageTracer:
        tracer = trace.input(aval)
        variables.append(tracer.variable)
        return tracer

    before = _staging.interpreted
    _staging.depth += 1
    _staging.interpreted = interpreted
    try:
        with _writing(trace):
            outputs = apply(trace, fun, [new])
        atoms = tuple(trace.atom(y) for y in outputs)
    finally:
        _staging.depth -= 1
        _staging.interpreted = before
    return Graph(tuple(variables), tuple(trace.eqns), atoms)


class Recorded(NamedTuple):
    """A program made by one run of a function: its inputs' values, and the results where they are known.

    The first inputs are those asked for, behind them come the traced values that the function found elsewhere.
    """

    graph: Graph
    inputs: list[Any]
    results: list[Any] | None


def record_graph(
    fun: Callable[..., Sequence[Any]],
    values: Sequence[Any],
    name: str = "checkpoint",
    runs: bool = True,
    keeps: Keeps | None = None,
) -> Recorded:
    """Run the flat function `fun` on values once, computing what is known, and keep the program.

    Effects take place where all values are known, and not if the program is run in any case (`runs` is False). Results
    of equations that `keeps` says are further outputs.
    """
    hiding = next((hidden for v in values if (hidden := unknown_in(v)) is not None), None)
    is_known = hiding is None and not any(isinstance(v, Aval) for v in values)
    trace = RecordTrace(name if hiding is None else hiding.name, runs and is_known, keeps)
    inputs = [trace.argument(v) for v in values]
    variables = tuple([x.variable for x in inputs])
    with _writing(trace):
        outputs = apply(trace, fun, inputs)
    atoms = tuple(trace.atom(y) for y in outputs)
    # what the function has not computed may be the user's array, to be written into
    results = [known(y) if isinstance(y, RecordTracer) and y._trace is trace else copied(known(y)) for y in outputs]
    results += trace.kept.values()
    graph, captured = hoist(Graph(variables, tuple(trace.eqns), (*atoms, *trace.kept)))
    return Recorded(graph, [*values, *captured], None if any(y is None for y in results) else results)


def closed(graph: Graph, captured: Sequence[Tracer]) -> Graph:
    """A program that has captured no traced values; TypeError where it has."""
    if captured:
        raise TypeError(
            f"a function or its rule uses a traced value (made{provenance.at(captured[0].location())}) that is neither "
            "an argument nor a variable it closes over (a global or an attribute?): pass it as an argument"
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


def concretization_error(
    x: Tracer,
    needed: str,
    remedy: str,
    kind: type[ConcretizationError] = ConcretizationError,
    loc: Loc | None = None,
) -> ConcretizationError:
    """The error for needing the value of something that is only being traced, at the user's line here or at `loc`."""
    where, made = provenance.at(loc or provenance.here()), provenance.at(x.location())
    reason = (
        f"{needed[:1].upper()}{needed[1:]}{where} needs the value of {x.aval}, made{made}, which is not known while "
        f"{x._trace.name} traces the function."
    )
    message = f"{named(remedy)} {reason}" if remedy else reason
    if isinstance(x._trace, StageTrace):
        x._trace.lacked = message
    return kind(message)
