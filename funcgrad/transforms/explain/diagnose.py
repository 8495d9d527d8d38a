"""What `explain` does: run the function on followed values, look at the paths, and say what there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import aval_of, is_inexact
from funcgrad.core.buffers import run
from funcgrad.core.frames import is_raised
from funcgrad.core.provenance import Loc, is_internal, place
from funcgrad.core.tape import Node, pull
from funcgrad.errors import NotDifferentiableError
from funcgrad.transforms.arguments import Argnums, array_leaf, normalise_argnums, parameter_name
from funcgrad.transforms.explain.causes import answer, remarks_on
from funcgrad.transforms.explain.diagnosis import Arrival, Spot, concrete, flow_back
from funcgrad.transforms.explain.ends import called, end_at, end_of
from funcgrad.transforms.explain.evidence import Around, End, Evidence, Whole
from funcgrad.transforms.explain.fate import Fate, fate
from funcgrad.transforms.explain.follow import Entry, FollowTrace, LiveTracer
from funcgrad.transforms.explain.outside import Outside, read_outside
from funcgrad.transforms.explain.paths import Paths, asked_for, joined
from funcgrad.transforms.explain.picture import picture
from funcgrad.transforms.explain.report import Report, short
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.straight import straight_through
from funcgrad.transforms.explain.through import ThroughTrace, stops_that_matter
from funcgrad.transforms.results import zeros_for


class Given(NamedTuple):
    """A leaf of an argument: its path, its value, its entry (None where it has no derivative)."""

    path: str
    position: int
    value: Any
    node: Node | None


class Run:
    """One run of the function on followed values."""

    def __init__(
        self,
        trace: FollowTrace,
        fun: Callable[..., Any],
        args: tuple,
        kwargs: dict,
        positions: Sequence[int],
        *,
        live: bool,
    ) -> None:
        self._trace = trace
        self.fun = fun
        self.given: list[Given] = []
        full = list(args)
        for n in positions:
            flat, treedef = tree.flatten(args[n])
            traced = []
            for path, x in zip(tree.leaf_paths(treedef), flat):
                value = array_leaf(concrete(x))
                differentiable = value is not None and aval_of(value).dtype.kind in "fc"
                t = (
                    (self._trace.leaf if live else self._trace.plain_leaf)(value)
                    if differentiable
                    else concrete(x)
                )
                self.given.append(Given(_path(fun, n, path), n, x, t.node if differentiable else None))
                traced.append(t)
            full[n] = treedef.unflatten(traced)
        trace.calls.begin()
        self.output = run(self._trace, fun, full, kwargs)
        self.outputs = [y for y in tree.leaves(self.output) if array_leaf(y) is not None]
        nodes = [y.node for y in self.outputs if self._trace.mine(y)]
        self.unsure = _unsure(trace) if any(type(y) is LiveTracer for y in self.outputs) else []
        known = [entry for entry in trace.departures if entry not in self.unsure]
        meant = straight_through(trace.entries)
        steps = joined(trace.entries, nodes)
        self._paths = lambda idle: Paths(steps, nodes, known, meant | idle)
        self.paths = self._paths(frozenset())

    def paths_without(self, stops_that_matter: frozenset[Loc | None] | None) -> Paths:
        """The paths but for those through a stop_gradient that leaves nothing out; all where that is not known."""
        if stops_that_matter is None:
            return self.paths
        stops = (entry for entry in self._trace.entries if asked_for(entry) and entry.loc not in stops_that_matter)
        return self._paths(frozenset(entry.seq for entry in stops))

    def seeds(self) -> list[tuple[Node, Any]]:
        """The derivative of the sum of all outputs by each."""
        live = [y for y in self.outputs if type(y) is LiveTracer and y._trace is self._trace]
        return [(y.node, np.ones(y.shape, y.dtype) if y.shape else y.dtype.type(1)) for y in live]


def _unsure(trace: FollowTrace) -> list[Entry]:
    """Where a number left that grad does not let go, and is not seen to come back."""
    fates: dict[Any, Fate] = {}
    for entry in trace.refused:
        assert entry.params is not None
        lines = entry.params["lines"]
        if lines not in fates:
            fates[lines] = fate(lines)
        entry.params["fate"] = fates[lines]
    return [entry for entry in trace.refused if entry.params and entry.params["fate"] is not Fate.RETURNED]


def _path(fun: Callable[..., Any], n: int, path: str) -> str:
    name = parameter_name(fun, n)
    return f"{name.strip(' `')}{path}" if path and name else f"argument {n}{name}{path}"


def diagnose(fun: Any, args: tuple, kwargs: dict, argnums: Argnums) -> Report:
    """The report on one call of `explain(fun, argnums)`."""
    positions = normalise_argnums(argnums, len(args), "explain")
    strict, follow = True, True
    notes: list[str] = []
    runs = 0
    while True:
        runs += 1
        trace = FollowTrace(strict=strict, follow=follow)
        try:
            return _report(trace, fun, args, kwargs, positions, notes, runs)
        except Exception as error:
            if trace.has_refused:
                strict = False
            elif trace.has_followed:
                follow = False
                notes = [_not_followed(error)]
            elif isinstance(error, NotDifferentiableError) and not _is_users(error):
                return _refused(fun, args, positions, error)
            else:
                raise


def _is_users(error: Exception) -> bool:
    """Whether a statement of the user's raised an error, and not what it called."""
    tb = _innermost(error)
    return not is_internal(tb.tb_frame.f_code.co_filename) and is_raised(tb)


def _innermost(error: Exception) -> TracebackType:
    """Where an error that is being handled arose, as far as its frames are shown."""
    tb = error.__traceback__
    assert tb is not None
    while tb.tb_next is not None:
        tb = tb.tb_next
    return tb


def _refused(fun: Any, args: tuple, positions: Sequence[int], error: Exception) -> Report:
    """The report where grad refuses what the function does, and nothing can be followed beyond it."""
    evidence = [
        Evidence(_path(fun, n, path), x, called, refused=error)
        for n in positions
        for path, x in zip(tree.leaf_paths(tree.flatten(args[n])[1]), tree.flatten(args[n])[0])
    ]
    return Report(_title(fun), list(map(answer, evidence)))


def _title(fun: Any) -> str:
    return f"Gradient of `{getattr(fun, '__name__', type(fun).__name__)}`"


def _not_followed(error: Exception) -> str:
    """The note on an error that a followed value may have caused, where only a plain one can stand."""
    where = ""
    tb = error.__traceback__
    while tb is not None:
        if not is_internal(tb.tb_frame.f_code.co_filename):
            where = f" at {short(place((tb.tb_frame.f_code, tb.tb_lasti)))}"
        tb = tb.tb_next
    return f"Values past a cut are not followed: where they were, {type(error).__name__} was raised{where}."


def _report(
    trace: FollowTrace, fun: Any, args: tuple, kwargs: dict, positions: Sequence[int], notes: Sequence[str], runs: int
) -> Report:
    try:
        run = Run(trace, fun, args, kwargs, positions, live=True)
        try:
            cts = pull(run.seeds())
            arrivals = flow_back(run.seeds())
        except TypeError as error:
            if not is_internal(_innermost(error).tb_frame.f_code.co_filename):
                raise
            return _refused(fun, args, positions, error)  # what a rule of the user's gave
    finally:
        trace.end()
    has_gradient = not trace.refused and all(is_inexact(aval_of(y).dtype) for y in run.outputs)
    is_real = all(aval_of(y).dtype.kind != "c" for y in run.outputs)
    leaves = []
    others = _Others(fun, args, kwargs, positions)
    stops = _Stops(fun, args, kwargs, positions)
    for i, given in enumerate(run.given):
        around = _Around(run, given, others)
        evidence = _evidence(run, given, cts, arrivals, around, partial(stops.that_matter, i))
        if not is_real:
            evidence.gradient = evidence.arrival = None
        leaf = answer(evidence)
        leaves.append(leaf if has_gradient else leaf._replace(grad=None))
    nodes = [(given.path, given.node) for given in run.given if given.node is not None]
    outputs = [y.node for y in run.outputs if run._trace.mine(y)]
    told = any(leaf.status in ("nan", "inf") for leaf in leaves)
    born = None if told else _born(run)
    whole = Whole(
        fun=fun,
        output=run.output,
        outputs=run.outputs,
        refused=tuple(map(end_of, trace.refused)),
        checked=tuple(trace.checked),
        paired=tuple((called(e), e.loc) for e in trace.paired),
        born=None if born is None else (called(born[0].node), born[0].line, born[1]),
        runs=runs + others.runs + stops.runs,
    )
    if all(leaf.status == Status.FLOWS.value for leaf in leaves):  # there is no cut
        notes = ()
    return Report(_title(fun), leaves, [*remarks_on(whole), *notes], picture(run.paths, nodes, outputs))


class _Around(Around):
    """Further questions to a run about one leaf."""

    def __init__(self, run: Run, given: Given, others: _Others) -> None:
        self._run, self._given, self._others = run, given, others

    def used_instead(self) -> list[str]:
        return self._others.found()

    def same_array(self) -> Outside | None:
        return read_outside(self._run.fun, self._given.value)

    def used_beside(self) -> list[str]:
        mine = self._given.position
        counts = [(g.path, self._run.paths.counts(g.node)[2]) for g in self._run.given if g.node and g.position == mine]
        return [path for path, chosen in counts if chosen]

    def dropped(self) -> Node | None:
        assert self._given.node is not None
        computed = self._run.paths.downstream([self._given.node])
        used = {link.parent.seq for step in computed for link in step.links}
        return next((step.node for step in reversed(computed) if step.node.seq not in used), None)


def _evidence(
    run: Run,
    given: Given,
    cts: dict[int, Any],
    arrivals: dict[int, Arrival],
    around: _Around,
    that_matter: Callable[[], frozenset[Loc | None] | None],
) -> Evidence:
    if given.node is None:
        return Evidence(given.path, given.value, called)
    ct, arrival = cts.get(given.node.seq), arrivals.get(given.node.seq)
    paths = run.paths
    total, cut = paths.of_leaf(given.node)
    if 0 < cut < total and any(asked_for(step.node) for step, _ in paths.cuts(given.node)):
        paths = run.paths_without(that_matter())
        total, cut = paths.of_leaf(given.node)
    gradient = zeros_for(concrete(given.value)) if ct is None else np.array(concrete(ct))
    return Evidence(
        path=given.path,
        value=given.value,
        called=called,
        total=total,
        live=total - cut,
        ends=tuple(end_at(paths, step, link) for step, link in paths.cuts(given.node)) if cut else (),
        left=_left(run, given.node),
        gradient=gradient,
        arrival=arrival,
        born=_born(run),
        around=around,
    )


def _left(run: Run, leaf: Node) -> tuple[End, ...]:
    if not run.unsure:
        return ()
    unsure = {entry.seq for entry in run.unsure}
    return tuple(end_of(step.node) for step in run.paths.downstream([leaf]) if step.node.seq in unsure)


def _born(run: Run) -> tuple[Spot, str] | None:
    """The operation in which a value on the way stopped being finite, where an output is not."""
    if all(np.isfinite(concrete(y)).all() for y in run.outputs):
        return None
    for entry in run._trace.entries:
        if isinstance(entry, Entry) and entry.prim and entry.born and run.paths.counts(entry)[2]:
            return Spot(entry), entry.born
    return None


class _Others:
    """The other arguments on which the output depends; to find them the function runs again."""

    def __init__(self, fun: Any, args: tuple, kwargs: dict, positions: Sequence[int]) -> None:
        self._call = fun, args, kwargs
        self._rest = [n for n in range(len(args)) if n not in positions]
        self._found: list[str] | None = None
        self.runs = 0

    def found(self) -> list[str]:
        if self._found is None:
            self._found = self._look() if self._rest else []
        return self._found

    def _look(self) -> list[str]:
        fun, args, kwargs = self._call
        trace = FollowTrace(strict=False, follow=True)
        self.runs += 1
        try:
            run = Run(trace, fun, args, kwargs, self._rest, live=False)
        except Exception:
            run = None
        finally:
            trace.end()
        if run is None:
            self.runs += 1
            fun(*args, **kwargs)  # an error of the user's own comes again, and is not swallowed
            return []
        return [g.path for g in run.given if g.node is not None and run.paths.counts(g.node)[1]]


class _Stops:
    """Which stop_gradients leave something out; to find them the function runs again."""

    def __init__(self, *call: Any) -> None:
        self._call = call
        self._found: list[frozenset[Loc | None]] | None = None
        self.runs = 0

    def that_matter(self, leaf: int) -> frozenset[Loc | None] | None:
        """The lines of those that do for a leaf; None where the function cannot be run so."""
        if not self.runs:
            trace = ThroughTrace()
            self.runs += 1
            try:
                run = Run(trace, *self._call, live=True)
                self._found = stops_that_matter(trace, [given.node for given in run.given], run.seeds())
            except Exception:  # of a value that has a derivative here only: the report is on the run before
                self._found = None
            finally:
                trace.end()
        return None if self._found is None else self._found[leaf]
