"""A tape that also follows values past the operations that end a derivative: `explain` sees where they go.

Values that `grad` would track are `LiveTracer`s. What `grad` hands back as plain arrays (indices,
comparisons, `floor(x)`, `stop_gradient(x)`) are `PlainTracer`s here: they behave as the plain values do,
remember what they came from, and never carry a derivative. What `grad` would refuse, such as `float(x)`, is
refused here too at first, as the function may have an answer to that; then it is noted, and goes on.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import aval_of, is_inexact
from funcgrad.core.graph import Graph, Literal
from funcgrad.core.provenance import Loc, here, is_users, place
from funcgrad.core.tape import SELECT, Node, TapeTrace, TapeTracer
from funcgrad.core.trace import Primitive, Tracer, conversion_error
from funcgrad.errors import NotDifferentiableError, TracerConversionError
from funcgrad.ops.families.elementwise import Elementwise
from funcgrad.ops.families.general import General
from funcgrad.ops.families.linear import Linear
from funcgrad.transforms.explain.calls import Calls, CallSite


class Edge(Enum):
    """How an entry depends on another."""

    LIVE = "a derivative comes back along it"
    CUT = "the derivative ends here"
    PAST = "it had ended before"
    CHOICE = (
        "the value only chooses (an index, a condition): it counts where nothing else leads to the output"
    )


Edges = tuple[tuple[Node, Edge], ...]


class Entry(Node):
    """A tape entry with its further dependences and the call it belongs to.

    `born` is "nan" or "inf" where such a value appeared; `is_float` says that the result is no integer and no truth
    value, `is_mask` that it is one of a comparison, as truth values or as zeros and ones.
    """

    __slots__ = ("born", "call", "edges", "is_float", "is_mask")

    def __init__(
        self,
        prim: Primitive | None = None,
        params: dict[str, Any] | None = None,
        parents: tuple[Node | None, ...] = (),
        saved: Any = None,
        loc: Loc | None = None,
        edges: Edges = (),
    ) -> None:
        super().__init__(prim, params, parents, saved, loc)
        self.edges = edges
        self.call: CallSite | None = None
        self.born: str | None = None
        self.is_float = True
        self.is_mask = False


def differentiates(prim: Primitive, i: int) -> bool:
    """Whether an operation has a derivative along its argument i at all."""
    if isinstance(prim, Elementwise):
        return prim.partials is not None and prim.partials[i] is not None
    if isinstance(prim, Linear):
        return prim.linear is None or i in prim.linear
    if isinstance(prim, General):
        return prim.jvps is not None and i < len(prim.jvps) and prim.jvps[i] is not None
    return True


def masks(prim: Primitive, node: Node) -> bool:
    """Whether a factor only chooses between elements: it is the result of a comparison."""
    return prim.name == "mul" and isinstance(node, Entry) and node.is_mask


def _pairs(a: Any, b: Any) -> bool:
    """Whether one is a column and the other as many numbers, of which one is no traced value."""
    if isinstance(a, Tracer) is isinstance(b, Tracer):
        return False
    shapes = sorted((np.shape(a), np.shape(b)), key=len)
    return shapes[1] == (*shapes[0], 1) and len(shapes[0]) == 1 and shapes[0][0] > 1


def _is_mask(prim: Primitive, out: Any, nodes: Sequence[Node]) -> bool:
    if prim.multiple:
        return False
    same = prim.name in ("convert", "reshape", "broadcast_to", "mul")
    return aval_of(out).dtype.kind == "b" or (same and all(isinstance(n, Entry) and n.is_mask for n in nodes))


class Departure(Primitive):
    """A value that left for Python or NumPy."""


class FollowTrace(TapeTrace):
    """A run of the function; how near it keeps to `grad` is a matter of how far the function can be followed.

    `strict`: what `grad` refuses is refused, and `has_refused` says so. `follow`: values past a cut are followed, and
    `has_followed` says so; otherwise they are plain, exactly as under `grad`.

    `entries` holds all entries, oldest first; `departures` those at which a value left, `refused` those at
    which `grad` raises, as a derivative would be lost. `scope` and `loc` are the run of a program, and the line that
    its operation was traced in, where it is not the one that calls it. `checked` are the lines that ask for the type of
    a value, `paired` the differences in which each row of a followed column meets each element of a plain array.
    """

    __slots__ = (
        "calls",
        "checked",
        "departures",
        "entries",
        "follow",
        "has_followed",
        "has_refused",
        "loc",
        "paired",
        "refused",
        "scope",
        "strict",
    )
    name = "explain"
    sees_inside = True

    def __init__(self, *, strict: bool, follow: bool) -> None:
        super().__init__()
        self.strict = strict
        self.follow = follow
        self.has_refused = False
        self.has_followed = False
        self.entries: list[Entry] = []
        self.departures: list[Entry] = []
        self.refused: list[Entry] = []
        self.loc: Loc | None = None
        self.scope: object = None
        self.calls = Calls()
        self.checked: list[Loc] = []
        self.paired: list[Entry] = []

    def end(self) -> None:
        super().end()
        self.calls.end()

    def call(self) -> CallSite:
        """The user's call that is running now."""
        return self.calls.now() if self.loc is None else self.calls.of_program(self.scope, self.loc)

    def enter(self, entry: Entry) -> Entry:
        self.entries.append(entry)
        return entry

    def leaf(self, value: Any, loc: Loc | None = None) -> LiveTracer:
        return LiveTracer(self, value, self.enter(Entry(loc=loc)))

    def plain_leaf(self, value: Any) -> PlainTracer:
        """An argument that is not differentiated, to be followed all the same."""
        self.has_followed = True
        return PlainTracer(self, value, self.enter(Entry()))

    def mine(self, x: Any) -> bool:
        return isinstance(x, FollowTracer) and x._trace is self

    def value(self, x: Any) -> Any:
        return x.value if self.mine(x) else x

    def process(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        if prim.transparent or prim.explained:
            return prim.inside(args, params, self._inside)
        values = [self.value(a) for a in args]
        tracked = [a.node if type(a) is LiveTracer and a._trace is self else None for a in args]
        known = [(i, a) for i, a in enumerate(args) if self.mine(a)]
        if prim.multiple and not any(tracked):
            out, saved = prim(*values, **params), None
        else:
            out, saved = prim.record(values, tracked, params)
        out = tuple(map(self.value, out)) if prim.multiple else self.value(out)
        if saved is None:
            edges = [(a.node, Edge.CUT if type(a) is LiveTracer else Edge.PAST) for _, a in known]
        else:
            edges = [
                (a.node, Edge.PAST if differentiates(prim, i) and not masks(prim, a.node) else Edge.CHOICE)
                for i, a in known
                if type(a) is PlainTracer or not differentiates(prim, i)
            ]
        parents = tuple(tracked) if saved is not None else ()
        call = self.call()
        entry = self.enter(Entry(prim, params, parents, saved, call.loc, tuple(edges)))
        entry.call = call
        entry.born = _born(out if prim.multiple else (out,), values)
        entry.is_float = prim.multiple or is_inexact(aval_of(out).dtype)
        if prim.name == "sub" and _pairs(*args):
            self.paired.append(entry)
        entry.is_mask = _is_mask(prim, out, [a.node for _, a in known])
        if saved is None:
            return self.plain(out, entry)
        if not prim.multiple:
            return LiveTracer(self, out, entry)
        return tuple(self._output(y, i, len(out), entry) for i, y in enumerate(out))

    def _output(self, y: Any, i: int, of: int, entry: Entry) -> Any:
        if is_inexact(aval_of(y).dtype):
            node = self.enter(Entry(SELECT, {"index": i, "of": of}, (entry,), (), entry.loc))
            node.call = entry.call
            return LiveTracer(self, y, node)
        ends = tuple((p, Edge.CUT) for p in entry.parents if p is not None)
        plain = self.enter(Entry(entry.prim, entry.params, (), None, entry.loc, ends + entry.edges))
        plain.call = entry.call
        return self.plain(y, plain)

    def plain(self, out: Any, entry: Entry) -> Any:
        """What `grad` would see plain, as something to be followed."""
        if not self.follow:
            self.departures.append(entry)
            return out
        self.has_followed = True
        return tree.map(lambda y: PlainTracer(self, y, entry) if _is_number(y) else y, out)

    def _inside(self, graph: Graph, args: Sequence[Any]) -> tuple[Any, ...]:
        """Run a program operation by operation, each at the line it was written on."""
        env = dict(zip(graph.inputs, args))
        outside = self.scope, self.loc
        self.scope = object()
        try:
            for eqn in graph.eqns:
                self.loc = eqn.loc or outside[1]
                out = eqn.prim(
                    *(a.value if isinstance(a, Literal) else env[a] for a in eqn.inputs), **eqn.params
                )
                env.update(zip(eqn.outputs, out if eqn.prim.multiple else (out,)))
        finally:
            self.scope, self.loc = outside
        return tuple(a.value if isinstance(a, Literal) else env[a] for a in graph.outputs)

    def leave(self, x: FollowTracer, name: str, edge: Edge) -> Any:
        """The value of `x`, which leaves; the note of it."""
        if edge is Edge.CUT and self.strict:
            self.has_refused = True
            raise conversion_error(x, f"`{name}` of a traced value", "")
        self.departures.append(self._departure(name, ((x.node, edge),)))
        return x.value

    def _departure(self, name: str, edges: Edges) -> Entry:
        call = self.call()
        lines = self.calls.lines() if self.loc is None else ()
        entry = self.enter(Entry(Departure(name), {"lines": lines}, (), None, call.loc, edges))
        entry.call = call
        if any(edge is Edge.CUT for _, edge in edges):
            self.refused.append(entry)
        return entry

    def run_plain(self, fun: Callable[..., Any], args: Any, name: str) -> Any:
        """Run a function of NumPy on plain values; its result depends on them, without a derivative."""
        leaves, treedef = tree.flatten(args, is_leaf=lambda x: isinstance(x, FollowTracer))
        known = [x for x in leaves if self.mine(x)]
        out = fun(*treedef.unflatten([self.value(x) for x in leaves]))
        if name in _OF_SHAPES:
            return out
        edges = tuple((x.node, Edge.CUT if type(x) is LiveTracer else Edge.PAST) for x in known)
        entry = self._departure(name, edges)
        if name == "store":
            self.departures.append(entry)
            return out
        return self.plain(out, entry)


_OF_SHAPES = frozenset(("ndim", "shape", "size", "result_type", "iscomplexobj", "isrealobj", "may_share_memory"))
"""Functions of NumPy's whose results do not depend on values."""


def instruction(loc: Loc | None) -> str:
    """The name of the bytecode instruction at a location."""
    from opcode import opname

    return "" if loc is None else opname[loc[0].co_code[loc[1]]]


def reads_part(loc: Loc | None) -> bool:
    """Whether the user's code is at `array[index]`, 3.14 included."""
    if loc is None or not instruction(loc).startswith("BINARY_"):
        return False
    where = place(loc)
    return where.source[where.col : where.end_col].endswith("]")


def _is_number(y: Any) -> bool:
    return isinstance(y, (np.ndarray, np.generic, float, int, complex, Tracer))  # a Tracer: of a derivative around us


def _born(outs: Sequence[Any], values: Sequence[Any]) -> str | None:
    """ "nan" or "inf" where an operation makes one of values that have none."""
    for kind, test in (("nan", np.isnan), ("inf", np.isinf)):
        if any(_has(test, y) for y in outs) and not any(_has(test, v) for v in values):
            return kind
    return None


def _has(test: Any, x: Any) -> bool:
    return isinstance(x, (np.ndarray, np.floating, np.complexfloating, float, complex)) and bool(
        aval_of(x).dtype.kind in "fc" and test(x).any()
    )


class FollowTracer(TapeTracer):
    """Conversions that `grad` refuses are noted here."""

    __slots__ = ()
    _trace: FollowTrace
    edge = Edge.CUT

    def __bool__(self) -> bool:
        return bool(self._trace.leave(self, "bool", Edge.CHOICE))

    def __float__(self) -> float:
        return float(self._trace.leave(self, "float", self.edge))

    def __int__(self) -> int:
        return int(self._trace.leave(self, "int", self.edge))

    def __complex__(self) -> complex:
        return complex(self._trace.leave(self, "complex", self.edge))

    def __index__(self) -> int:
        index = operator.index(self.value)  # NumPy asks every index for it, and takes the array where this raises
        self._trace.leave(self, "int", self.edge)
        return index

    def __round__(self, ndigits: int | None = None) -> Any:
        return round(self._trace.leave(self, "round", self.edge), ndigits)

    def __format__(self, spec: str) -> str:
        if not spec and type(self) is LiveTracer:
            return repr(self)
        return format(self._trace.leave(self, "format", Edge.CHOICE), spec)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        # an index array goes into the result; other plain values may only be printed
        value = self._trace.leave(self, "numpy", Edge.PAST if reads_part(here()) else self.edge)
        return np.asarray(value, dtype) if copy is None else np.array(value, dtype, copy=copy)

    def item(self, *index: Any) -> Any:
        return np.asarray(self._trace.leave(self, "item", self.edge)).item(*index)

    def tolist(self) -> Any:
        return np.asarray(self._trace.leave(self, "tolist", self.edge)).tolist()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._trace.leave(self, "pickle", self.edge).__reduce_ex__(protocol)

    def __getitem__(self, idx: Any) -> Any:
        trace = self._trace
        parts = idx if type(idx) is tuple else (idx,)
        bounds = [b for i in parts if type(i) is slice for b in (i.start, i.stop, i.step)]
        indices = [i for i in (*parts, *bounds) if trace.mine(i)]
        if not indices:
            return super().__getitem__(idx)  # type: ignore[misc]
        out = super().__getitem__(_without(trace, idx))  # type: ignore[misc]
        edges = tuple((i.node, Edge.CHOICE if type(out) is LiveTracer else Edge.PAST) for i in indices)
        if trace.mine(out) and isinstance(out.node, Entry) and out.node is not self.node:
            out.node.edges += edges
        return out

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        name = "store" if options.get("out") is not None else ufunc.__name__

        def plain() -> Any:
            return self._trace.run_plain(
                lambda args, kwargs: getattr(ufunc, method)(*args, **kwargs), (inputs, options), name
            )

        if not _any_live((inputs, options), self._trace):
            return plain()
        try:
            return super().__array_ufunc__(ufunc, method, *inputs, **options)  # type: ignore[misc]
        except (NotDifferentiableError, TracerConversionError):
            if self._trace.strict:
                self._trace.has_refused = True
                raise
            return plain()

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        name = "store" if kwargs.get("out") is not None else func.__name__

        def plain() -> Any:
            return self._trace.run_plain(lambda args, kwargs: func(*args, **kwargs), (args, kwargs), name)

        if not _any_live((args, kwargs), self._trace):
            return plain()
        try:
            return super().__array_function__(func, types, args, kwargs)  # type: ignore[misc]
        except (NotDifferentiableError, TracerConversionError):
            if self._trace.strict:
                self._trace.has_refused = True
                raise
            return plain()


def _without(trace: FollowTrace, idx: Any) -> Any:
    if type(idx) is tuple:
        return tuple(_without(trace, i) for i in idx)
    if type(idx) is slice:
        return slice(trace.value(idx.start), trace.value(idx.stop), trace.value(idx.step))
    return trace.value(idx)


def _any_live(args: Any, trace: FollowTrace) -> bool:
    """Whether a value that grad tracks is among these, or one of a transformation inside, as vmap's."""
    leaves = tree.leaves(args, is_leaf=lambda x: isinstance(x, FollowTracer))
    return any(isinstance(x, LiveTracer) or (isinstance(x, Tracer) and x._trace.age > trace.age) for x in leaves)


class LiveTracer(FollowTracer):
    """A value that `grad` tracks."""

    __slots__ = ()

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """Asked for by `isinstance` of another class: the trace keeps the user's lines that do."""
        frame = sys._getframe(1)
        if is_users(frame.f_code.co_filename):
            self._trace.checked.append((frame.f_code, frame.f_lasti))
        return LiveTracer


class PlainTracer(FollowTracer):
    """A value that is plain under `grad`. To `isinstance` it is what it stands for, and it hashes like it."""

    __slots__ = ()
    edge = Edge.CHOICE

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self.value)

    def __hash__(self) -> int:
        return hash(self.value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # NumPy looks for __array_interface__, and would take the value past us
            raise AttributeError(name)
        return getattr(self._trace.leave(self, name, self.edge), name)
