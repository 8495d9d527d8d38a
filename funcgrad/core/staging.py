"""Writing programs down: traces that record what a function does, and which are being written in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core import provenance
from funcgrad.core.avals import PYTHON_SCALARS, Aval, aval_of, is_inexact
from funcgrad.core.buffers import Buffer, apply
from funcgrad.core.constants import SMALL, keep
from funcgrad.core.graph import Atom, Eqn, Graph, Literal, Var, as_typed, closed, evaluate, hoist, run
from funcgrad.core.memory import copied, private
from funcgrad.core.provenance import Loc, here
from funcgrad.core.reading import named
from funcgrad.core.trace import Primitive, Trace, Tracer, as_argument, known, unknown_in
from funcgrad.errors import ConcretizationError


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
    fun: Callable[[Callable[[Aval], StageTracer]], Sequence[Any]],
    interpreted: bool = False,
    name: str = "jit",
    trace: StageTrace | None = None,
) -> Graph:
    """`trace_graph` of a function that finds its inputs while it runs: it is given what makes one more of an aval."""
    trace = StageTrace(name) if trace is None else trace
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
