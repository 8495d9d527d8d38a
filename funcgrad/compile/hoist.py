"""What need not be done step by step is done once: before a scan, or behind it. Passes from Graph to Graph.

Only of scans that make a step, so that nothing is done, and nothing raises, which would not without this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from funcgrad.compile.loops import Carry, Column, Row, Scan, is_scan
from funcgrad.compile.ways import multiplications, way
from funcgrad.core.avals import Aval
from funcgrad.core.graph import Atom, Eqn, Graph, Literal, Var
from funcgrad.ops import elementwise
from funcgrad.ops.contract import dot_general
from funcgrad.ops.families.lowering import View
from funcgrad.transforms.calls import batched_graph, pruned

BATCHED = 1024
"""Multiplications of a step from which one product for all steps, before the loop, is faster than one in each."""
GATHERED = 512
"""The same for products that the steps add up: elements of the sum, which is read and written at each step."""
ROOM = 1 << 16
"""Elements that may be stored for this in any case; beyond, 4 times as many as the scan's arrays have."""
_ADD = elementwise.add.prim


def around(change: Callable[[Scan], tuple[Sequence[Eqn], Sequence[Eqn]]]) -> Callable[[Graph], Graph]:
    """A pass that changes each scan, and puts equations before and behind it."""

    def improve(graph: Graph) -> Graph:
        eqns: list[Eqn] = []
        for eqn in graph.eqns:
            if not is_scan(eqn):
                eqns.append(eqn)
                continue
            scan = Scan.of(eqn)
            before, behind = change(scan)
            eqns += [*before, scan.made() if before or behind else eqn, *behind]
        return Graph(graph.inputs, tuple(eqns), graph.outputs)

    return improve


def _given(scan: Scan, eqns: Sequence[Eqn]) -> tuple[list[Eqn], dict[Atom, Atom]]:
    """Equations of a body that read constants only as equations outside, and what their values are there."""
    there: dict[Atom, Atom] = {row.var: row.array for row in scan.constants}
    outside = []
    for eqn in eqns:
        outputs = tuple([Var(v.aval) for v in eqn.outputs])
        outside.append(Eqn(eqn.prim, tuple([there.get(a, a) for a in eqn.inputs]), outputs, eqn.params, eqn.loc))
        there.update(zip(eqn.outputs, outputs))
    return outside, there


def _reading(eqns: Sequence[Eqn], known: Sequence[Atom]) -> list[Eqn]:
    """The equations that need nothing but what is known, and constants of the program.

    None that calls the user's Python: that is called at each step, and `vmap` may not know how.
    """
    ready = set(known)
    found = []
    for eqn in eqns:
        if not eqn.outside and all(isinstance(a, Literal) or a in ready for a in eqn.inputs):
            found.append(eqn)
            ready.update(eqn.outputs)
    return found


def _invariant(scan: Scan) -> tuple[list[Eqn], list[Eqn]]:
    """What depends on constants only is computed before the loop. Views stay where they are looked at."""
    fixed = _reading(scan.eqns, [row.var for row in scan.constants])
    if all(isinstance(way(e), View) for e in fixed):
        return [], []
    outside, there = _given(scan, fixed)
    moved = {e for e in fixed if not isinstance(way(e), View)}
    scan.eqns = [e for e in scan.eqns if e not in moved]
    read = {a for e in scan.eqns for a in e.inputs} | {c.after for c in scan.carries} | {c.value for c in scan.columns}
    scan.constants += [Row(there[v], v) for e in fixed if e in moved for v in e.outputs if v in read]
    return outside, []


def _batched(scan: Scan) -> tuple[list[Eqn], list[Eqn]]:
    """Products of what a step takes with a constant matrix: one product for all steps, before the loop."""
    constants, rows = ([r.var for r in part] for part in (scan.constants, scan.rows))
    fixed = {*constants, *(v for e in _reading(scan.eqns, constants) for v in e.outputs)}
    early = tuple(_reading(scan.eqns, [*rows, *constants]))
    products = []
    for e in early:
        if e.prim is dot_general and sum(a in fixed or isinstance(a, Literal) for a in e.inputs) == 1:
            needed = pruned(Graph((), early, e.outputs)).eqns
            size = sum(v.aval.size for n in needed if not isinstance(way(n), View) for v in n.outputs)
            if multiplications(e) >= BATCHED and _has_room(scan, size):
                products.append(e)
    if not products:
        return [], []
    values = tuple([e.outputs[0] for e in products])
    step = pruned(Graph((*rows, *constants), early, values))
    whole = batched_graph(step, [True] * len(rows) + [False] * len(constants), scan.length)
    names: dict[Atom, Atom] = dict(zip(whole.inputs, [r.array for r in (*scan.rows, *scan.constants)]))
    before = [Eqn(e.prim, tuple([names.get(a, a) for a in e.inputs]), e.outputs, e.params, e.loc) for e in whole.eqns]
    scan.eqns = [e for e in scan.eqns if e not in products]
    scan.rows += [Row(names.get(a, a), v) for a, v in zip(whole.outputs, values)]
    return before, []


def _has_room(scan: Scan, size: int) -> bool:
    """Whether as many elements of each step may be stored."""
    taken = sum(r.var.aval.size for r in scan.rows) + sum(c.value.aval.size for c in scan.columns)
    return size * scan.length <= ROOM or size <= 4 * taken


class _Product(NamedTuple):
    """A product that a step adds to a carry, and the views of it."""

    eqn: Eqn
    views: list[Eqn]


def _gathered(scan: Scan) -> tuple[list[Eqn], list[Eqn]]:
    """Products that are only added up, as the gradients of weights are: one product behind the loop.

    The factors of all steps are stored, where they are not there already. The order of the sum is that of the product.
    """
    uses = Counter(a for e in scan.eqns for a in e.inputs)
    uses.update([c.after for c in scan.carries] + [c.value for c in scan.columns])
    made: dict[Atom, Eqn] = {v: e for e in scan.eqns for v in e.outputs}
    behind: list[Eqn] = []
    for carry in list(scan.carries):
        terms = _terms(carry, made, uses)
        products = [(t, p) for t in terms if (p := _product(scan, t, made, uses)) is not None]
        if products:
            behind += _moved_behind(scan, carry, terms, products)
    return [], behind


def _terms(carry: Carry, made: dict[Atom, Eqn], uses: Counter[Atom]) -> list[Atom]:
    """What a step adds to a carry, where it does nothing else with it."""
    terms: list[Atom] = []
    waiting = [carry.after]
    while waiting:
        atom = waiting.pop()
        eqn = made.get(atom)
        is_sum = eqn is not None and eqn.prim.lower == "{0} + {1}" and uses[atom] == 1
        if eqn is not None and is_sum and all(a.aval == atom.aval for a in eqn.inputs):
            waiting += eqn.inputs
        else:
            terms.append(atom)
    return [t for t in terms if t is not carry.var] if terms.count(carry.var) == uses[carry.var] == 1 else []


def _product(scan: Scan, term: Atom, made: dict[Atom, Eqn], uses: Counter[Atom]) -> _Product | None:
    """The product that a term is, if one for all steps is better."""
    views: list[Eqn] = []
    eqn = made.get(term)
    while eqn is not None and eqn.prim.name in ("transpose", "reshape") and uses[eqn.outputs[0]] == 1:
        views.insert(0, eqn)
        eqn = made.get(eqn.inputs[0])
    if eqn is None or eqn.prim is not dot_general or uses[eqn.outputs[0]] != 1:
        return None
    constants = {r.var for r in scan.constants}
    there = {r.var for r in scan.rows} | {c.value for c in scan.columns}
    stored = sum(a.aval.size for a in eqn.inputs if a not in there)
    if any(isinstance(a, Literal) or a in constants for a in eqn.inputs):
        return None
    return _Product(eqn, views) if eqn.outputs[0].aval.size >= GATHERED and _has_room(scan, stored) else None


def _moved_behind(
    scan: Scan, carry: Carry, terms: Sequence[Atom], products: Sequence[tuple[Atom, _Product]]
) -> list[Eqn]:
    """The equations that add products to a carry when all steps are done."""
    taken = {term for term, _ in products}
    rest = [t for t in terms if t not in taken]
    total: Atom | None = carry.first
    at = scan.carries.index(carry)
    if rest:
        after: Atom = carry.var
        for term in rest:
            after, before = Var(carry.var.aval), after
            scan.eqns.append(Eqn(_ADD, (before, term), (after,), {}, scan.eqn.loc))
        total = Var(carry.last.aval)
        scan.carries[at] = Carry(carry.first, carry.var, after, total)
    else:
        del scan.carries[at]
        if isinstance(total, Literal) and not np.any(total.value):
            total = None
    behind: list[Eqn] = []
    for _, product in products:
        made = _after_all(scan, product)
        behind += made
        (found,) = made[-1].outputs
        if total is not None:
            grown = Var(carry.last.aval)
            behind.append(Eqn(_ADD, (total, found), (grown,), {}, product.eqn.loc))
            found = grown
        total = found
    last = behind[-1]
    behind[-1] = Eqn(last.prim, last.inputs, (carry.last,), last.params, last.loc)
    return behind


def _after_all(scan: Scan, product: _Product) -> list[Eqn]:
    """The sum of a product over all steps."""
    eqn, views = product
    (a, b), (c, d) = eqn.params["contract"], eqn.params["batch"]
    later = lambda axes: tuple([axis + 1 for axis in axes])
    params = {"contract": ((0, *later(a)), (0, *later(b))), "batch": (later(c), later(d))}
    factors = tuple([_stacked(scan, x) for x in eqn.inputs])
    made = [Eqn(dot_general, factors, (Var(eqn.outputs[0].aval),), params, eqn.loc)]
    for view in views:
        made.append(Eqn(view.prim, made[-1].outputs, (Var(view.outputs[0].aval),), view.params, view.loc))
    return made


def _stacked(scan: Scan, value: Atom) -> Atom:
    """The array of a value at all steps."""
    for row in scan.rows:
        if row.var is value:
            return row.array
    for column in scan.columns:
        if column.value is value:
            return column.array
    array = Var(Aval((scan.length, *value.aval.shape), value.aval.dtype))
    scan.columns.append(Column(value, array))
    return array


PASSES: tuple[Callable[[Graph], Graph], ...] = tuple(map(around, (_invariant, _batched, _gathered)))
