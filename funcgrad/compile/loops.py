"""Scans made smaller. Each pass is a pure function from Graph to Graph, as those of `simplify`, which calls them.

What no result needs goes, carries that are always equal are one, and a scan is left out that another one repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from funcgrad.compile.passes import identity, share, simplified_body
from funcgrad.core.graph import Atom, Eqn, Graph, Literal, Var
from funcgrad.transforms.calls import pruned
from funcgrad.transforms.control.scans import Steps


class Carry(NamedTuple):
    """What a scan carries: its first value, its name in the body, the next value there, and the scan's result."""

    first: Atom
    var: Var
    after: Atom
    last: Var


class Row(NamedTuple):
    """An array whose elements a scan takes in turn, or a constant, and its name in the body."""

    array: Atom
    var: Var


class Column(NamedTuple):
    """What each step leaves, and the array of these."""

    value: Atom
    array: Var


@dataclass
class Scan:
    """A `scan_call`, taken apart; its body is simplified."""

    eqn: Eqn
    carries: list[Carry]
    rows: list[Row]
    constants: list[Row]
    columns: list[Column]
    eqns: list[Eqn]

    @classmethod
    def of(cls, eqn: Eqn) -> Scan:
        body, steps = simplified_body(eqn.params["body"]), eqn.params["steps"]
        (first, rows, constants), (var, row_vars, constant_vars) = map(steps.parts, (eqn.inputs, body.inputs))
        count = steps.carries
        return cls(
            eqn,
            list(map(Carry, first, var, body.outputs, eqn.outputs)),
            list(map(Row, rows, row_vars)),
            list(map(Row, constants, constant_vars)),
            list(map(Column, body.outputs[count:], eqn.outputs[count:])),
            list(body.eqns),
        )

    @property
    def length(self) -> int:
        return self.eqn.params["steps"].length

    @property
    def reverse(self) -> bool:
        return self.eqn.params["steps"].reverse

    def body(self) -> Graph:
        """The program of a step, without what it does not need."""
        inputs = [c.var for c in self.carries] + [r.var for r in (*self.rows, *self.constants)]
        outputs = [c.after for c in self.carries] + [c.value for c in self.columns]
        graph = pruned(Graph(tuple(inputs), tuple(self.eqns), tuple(outputs)))
        graph.cache["simplified"] = graph
        return graph

    def made(self) -> Eqn:
        """The equation of what this has become."""
        steps = Steps(len(self.carries), len(self.rows), self.length, self.reverse)
        inputs = [c.first for c in self.carries] + [r.array for r in (*self.rows, *self.constants)]
        outputs = [c.last for c in self.carries] + [c.array for c in self.columns]
        params = {**self.eqn.params, "body": self.body(), "steps": steps}
        return Eqn(self.eqn.prim, tuple(inputs), tuple(outputs), params, self.eqn.loc)

    def rename(self, names: dict[Var, Atom]) -> None:
        """Put other values in the place of some."""
        swap = lambda a: names.get(a, a) if isinstance(a, Var) else a
        self.eqns = [Eqn(e.prim, tuple(map(swap, e.inputs)), e.outputs, e.params, e.loc) for e in self.eqns]
        self.carries = [c._replace(after=swap(c.after)) for c in self.carries]
        self.columns = [c._replace(value=swap(c.value)) for c in self.columns]


def is_scan(eqn: Eqn) -> bool:
    """Whether an equation is a scan that makes any step: what stands in it may then be done before it."""
    return eqn.prim.name == "scan_call" and eqn.params["steps"].length > 0


def _used(graph: Graph) -> set[Atom]:
    return {*graph.outputs, *(a for e in graph.eqns for a in e.inputs)}


def tidy(graph: Graph) -> Graph:
    """Scans without what nobody needs, and without carries that never change or are equal to others.

    A scan of no steps is none.
    """
    names: dict[Var, Atom] = {}
    swap = lambda a: names.get(a, a) if isinstance(a, Var) else a
    used = _used(graph)
    eqns = []
    for eqn in graph.eqns:
        eqn = Eqn(eqn.prim, tuple(map(swap, eqn.inputs)), eqn.outputs, eqn.params, eqn.loc)
        if is_scan(eqn):
            scan = Scan.of(eqn)
            names |= tidied(scan, used)
            eqn = scan.made()
        elif eqn.prim.name == "scan_call" and all(a.aval == v.aval for a, v in zip(eqn.inputs, _carried(eqn))):
            names |= dict(zip(_carried(eqn), eqn.inputs))
            columns = eqn.outputs[len(_carried(eqn)) :]
            names |= {v: Literal(np.zeros(v.aval.shape, v.aval.dtype)) for v in columns}
            continue
        eqns.append(eqn)
    return Graph(graph.inputs, tuple(eqns), tuple(map(swap, graph.outputs)))


def _carried(eqn: Eqn) -> tuple[Var, ...]:
    return eqn.outputs[: eqn.params["steps"].carries]


def tidied(scan: Scan, used: set[Atom]) -> dict[Var, Atom]:
    """Make a scan smaller; what stands for those of its results that it does not give any more."""
    names: dict[Var, Atom] = {}
    _once(scan)
    still = [c for c in scan.carries if c.after is c.var and c.first.aval == c.last.aval]
    scan.carries = [c for c in scan.carries if c not in still]
    scan.constants += [Row(c.first, c.var) for c in still]
    names |= {c.last: c.first for c in still}
    equal = _equal_carries(scan)
    if equal:
        names |= {c.last: equal[c].last for c in equal}
        used |= {first.last for c, first in equal.items() if c.last in used}
        scan.rename({c.var: first.var for c, first in equal.items()})
        scan.carries = [c for c in scan.carries if c not in equal]
        _shared(scan)
    _needed_only(scan, used)
    arrays: dict[object, Var] = {}
    names |= {c.array: arrays.setdefault(identity(c.value), c.array) for c in scan.columns}
    scan.columns = [c for c in scan.columns if names[c.array] is c.array]
    return names


def _once(scan: Scan) -> None:
    """Arrays and constants that are given twice, given once."""
    names: dict[Var, Atom] = {}
    for rows in (scan.rows, scan.constants):
        seen: dict[object, Var] = {}
        for row in list(rows):
            first = seen.setdefault((identity(row.array), row.var.aval), row.var)
            if first is not row.var:
                names[row.var] = first
                rows.remove(row)
    if names:
        scan.rename(names)
        _shared(scan)


def _shared(scan: Scan) -> None:
    body = share(scan.body())
    scan.eqns = list(body.eqns)
    count = len(scan.carries)
    scan.carries = [c._replace(after=a) for c, a in zip(scan.carries, body.outputs)]
    scan.columns = [c._replace(value=a) for c, a in zip(scan.columns, body.outputs[count:])]


def _equal_carries(scan: Scan) -> dict[Carry, Carry]:
    """Carries that are equal to an earlier one at each step.

    All that begin with the same value are taken for equal, until a step says otherwise.
    """
    groups = list(_grouped(scan.carries, lambda c: (identity(c.first), c.var.aval)))
    while any(len(group) > 1 for group in groups):
        tried = Scan(scan.eqn, list(scan.carries), scan.rows, scan.constants, scan.columns, scan.eqns)
        tried.rename({c.var: group[0].var for group in groups for c in group})
        _shared(tried)
        after = [identity(c.after) for c in tried.carries]
        keys = dict(zip([c.var for c in scan.carries], after))
        finer = [part for group in groups for part in _grouped(group, partial(_named, keys))]
        if len(finer) == len(groups):
            break
        groups = finer
    return {c: group[0] for group in groups for c in group[1:]}


def _named(keys: dict[Var, Any], carry: Carry) -> Any:
    return keys[carry.var]


def _grouped(carries: Iterable[Carry], key: Callable[[Carry], object]) -> Iterable[list[Carry]]:
    groups: dict[object, list[Carry]] = {}
    for c in carries:
        groups.setdefault(key(c), []).append(c)
    return groups.values()


def _needed_only(scan: Scan, used: set[Atom]) -> None:
    """Without the results, carries and arrays that no result needs which is used."""
    scan.columns = [c for c in scan.columns if c.array in used]
    carries = [c for c in scan.carries if c.last in used]
    while True:
        outputs = [*(c.after for c in carries), *(c.value for c in scan.columns)]
        body = pruned(Graph((), tuple(scan.eqns), tuple(outputs)))
        read = _used(body)
        more = [c for c in scan.carries if c in carries or c.var in read]
        if len(more) == len(carries):
            break
        carries = more
    scan.carries, scan.eqns = carries, list(body.eqns)
    scan.rows = [r for r in scan.rows if r.var in read]
    scan.constants = [r for r in scan.constants if r.var in read]


def merge(graph: Graph) -> Graph:
    """A scan whose carries another one has too, of the same steps, is left out: the other gives its results.

    So values and tangents that were asked for one after the other (`linearize`, `jacfwd`) take one loop.
    """
    scans = [Scan.of(e) for e in graph.eqns if is_scan(e)]
    starts = [{identity(c.first) for c in scan.carries} for scan in scans]
    for n, second in enumerate(scans):
        for m, first in enumerate(scans[:n]):
            alike = (first.length, first.reverse) == (second.length, second.reverse)
            if alike and starts[m] and starts[n] and (starts[m] <= starts[n] or starts[n] <= starts[m]):
                merged = _merged(graph, first, second)
                if merged is not None:
                    return merge(merged)
    return graph


def _merged(graph: Graph, first: Scan, second: Scan) -> Graph | None:
    """The program with one scan for two, where one of them repeats the other."""
    later = _depending(graph, first.eqn)
    if second.eqn in later:
        return None
    a, b = _copied(first), second
    rows, constants, columns = b.rows + a.rows, b.constants + a.constants, b.columns + a.columns
    both = Scan(b.eqn, b.carries + a.carries, rows, constants, columns, b.eqns + a.eqns)
    names = tidied(both, _used(graph))
    if len(both.carries) > max(len(a.carries), len(b.carries)):
        return None
    swap = lambda x: names.get(x, x) if isinstance(x, Var) else x
    eqns: list[Eqn] = []
    waiting: list[Eqn] = []
    passed = False
    for eqn in graph.eqns:
        if eqn is second.eqn:
            eqns += [both.made(), *waiting]
            passed = True
        elif eqn is not first.eqn:
            moved = Eqn(eqn.prim, tuple(map(swap, eqn.inputs)), eqn.outputs, eqn.params, eqn.loc)
            (waiting if eqn in later and not passed else eqns).append(moved)
    if [id(e.params) for e in eqns if e.has_effect] != [id(e.params) for e in graph.eqns if e.has_effect]:
        return None  # they would take place in another order
    return Graph(graph.inputs, tuple(eqns), tuple(map(swap, graph.outputs)))


def _depending(graph: Graph, first: Eqn) -> set[Eqn]:
    """The equations that need a result of one."""
    made = set(first.outputs)
    found = set()
    for eqn in graph.eqns:
        if not made.isdisjoint(eqn.inputs):
            found.add(eqn)
            made.update(eqn.outputs)
    return found


def _copied(scan: Scan) -> Scan:
    """The same with variables of its own."""
    names: dict[Var, Var] = {}

    def new(var: Var) -> Var:
        return names.setdefault(var, Var(var.aval))

    swap = lambda a: names.get(a, a) if isinstance(a, Var) else a
    carries = [(c, new(c.var)) for c in scan.carries]
    rows, constants = ([Row(r.array, new(r.var)) for r in part] for part in (scan.rows, scan.constants))
    eqns = [Eqn(e.prim, tuple(map(swap, e.inputs)), tuple(map(new, e.outputs)), e.params, e.loc) for e in scan.eqns]
    columns = [Column(swap(c.value), c.array) for c in scan.columns]
    carried = [Carry(c.first, var, swap(c.after), c.last) for c, var in carries]
    return Scan(scan.eqn, carried, rows, constants, columns, eqns)


PASSES: tuple[Callable[[Graph], Graph], ...] = (tidy, merge)
