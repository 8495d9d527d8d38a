"""Loops that Python has unrolled, rolled again: equal stretches of a program become the body of a `scan_call`.

What a stretch takes is, at the same place of each: a value of its own; one of the stretch before (a carry); one from
outside, always the same (a constant); or one from outside that advances, element by element of an array (scanned): rows
of an array, numbers, or what the stretches of another loop have made, as the gradient takes the values of the loop
itself in the reverse order. All operations stay as they are and in their order, so results do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad.compile.rolled import Body, Loop, Made, Numbers, Rows, Source, Unequal, longest, rows
from funcgrad.compile.stretches import STEPS, Place, Stretches, stretches
from funcgrad.compile.ways import is_blas
from funcgrad.core.avals import Aval
from funcgrad.core.graph import Atom, Eqn, Graph, Literal, Var, evaluate
from funcgrad.core.trace import Primitive
from funcgrad.ops.broadcasting import reshape
from funcgrad.ops.index import Index, gather, slice_, slice_add, slice_set, sliced_shape
from funcgrad.ops.structure import concatenate, transpose
from funcgrad.transforms.calls import pruned
from funcgrad.transforms.control.scans import Steps, scan_call

FEWEST = 150
"""Equations that a loop saves at least."""
CHAIN, LONGEST_CHAIN = 512, 1500
"""Elementwise steps on arrays of more elements than the first are not rolled, unless they are more equations than the
second: not rolled they keep an element in registers from step to step, and run on all threads. Gradients of 200 steps
`x - 0.01 * f(x)`, time not rolled over rolled, for f = sin, tanh, square: n = 100: 2.7, 3.3, 1.8; 300: 1.9, 1.7, 1.4;
1000: 1.0, 1.4, 1.0; 3000: 0.8, 2.3, 0.5."""


def roll(graph: Graph, kind_of: Callable[[Eqn], str]) -> Graph:
    """Equal stretches as loops. `kind_of` says what an equation is to a kernel."""
    if len(graph.eqns) <= FEWEST:
        return graph
    graph = together(with_rows(graph))
    rolling = _Rolling(graph)
    for run in stretches(graph.eqns, FEWEST):
        if _fits(graph.eqns[run.start : run.start + run.period], run, kind_of):
            rolling.add(run)
    return pruned(rolling.graph()) if rolling.loops else graph


def together(graph: Graph) -> Graph:
    """With the cosine of a value right behind its sine, or the other way round: kernels compute both at once.

    The gradient's loop then scans what the loop itself has computed.
    """
    kept: dict[Any, list[Eqn]] = {}
    for eqn in graph.eqns:
        home: Any = eqn
        if eqn.prim.lower in ("sin", "cos"):
            home = eqn.inputs[0]
        kept.setdefault(home, []).append(eqn)
    return Graph(graph.inputs, tuple([e for eqns in kept.values() for e in eqns]), graph.outputs)


def with_rows(graph: Graph) -> Graph:
    """Parts of one element along an axis, which is taken off or was put there, as rows."""
    made = {e.outputs[0]: e for e in graph.eqns if e.prim is slice_ or e.prim is reshape}
    kept = []
    for eqn in graph.eqns:
        first, last = eqn.inputs[:1], eqn.inputs[-1:]
        if eqn.prim is reshape and first[0] in made and (part := made[first[0]]).prim is slice_:
            index = _row_of(part.params["index"], first[0].aval.shape, eqn.outputs[0].aval.shape)
            if index is not None:
                eqn = Eqn(slice_, part.inputs, eqn.outputs, {"index": index}, eqn.loc)
                made[eqn.outputs[0]] = eqn
        elif eqn.prim in (slice_add, slice_set) and last[0] in made and (put := made[last[0]]).prim is reshape:
            index = _row_of(eqn.params["index"], last[0].aval.shape, put.inputs[0].aval.shape)
            if index is not None:
                eqn = Eqn(eqn.prim, (eqn.inputs[0], put.inputs[0]), eqn.outputs, {"index": index}, eqn.loc)
        kept.append(eqn)
    return pruned(Graph(graph.inputs, tuple(kept), graph.outputs))


def _row_of(index: Index, shape: tuple[int, ...], row: tuple[int, ...]) -> Index | None:
    """The index of a row, where another takes it with an axis of length 1."""
    axis = _unit(shape, row)
    if axis is None or axis >= len(index) or any(type(entry) is not tuple for entry in index):
        return None
    return (*index[:axis], index[axis][0], *index[axis + 1 :])  # type: ignore[index]


def _fits(body: Sequence[Eqn], run: Stretches, kind_of: Callable[[Eqn], str]) -> bool:
    """Whether a loop of the kernel does what the equations do, and no slower."""
    kinds = [kind_of(e) for e in body]
    if any(kind == "host" or (kind == "dot" and is_blas(e)) for kind, e in zip(kinds, body)):
        return False
    if all(kind == "view" for kind in kinds):
        return False
    is_chain = all(kind == "map" for kind in kinds) and max(e.outputs[0].aval.size for e in body) > CHAIN
    return not is_chain or run.period * run.turns > LONGEST_CHAIN


_Home = tuple[Loop, Place, int]
"""Where a value was made: in which loop, at which place, in which turn."""


class _Rolling:
    """The loops of a program, and the program that has them."""

    def __init__(self, graph: Graph) -> None:
        self.old = graph
        self.eqns = graph.eqns
        self.made = {v: (i, n) for i, e in enumerate(graph.eqns) for n, v in enumerate(e.outputs)}
        self.loops: list[Loop] = []
        self.homes: dict[Atom, _Home] = {}
        self.renamed: dict[Atom, Atom] = {}
        self.joined: dict[Eqn, Sequence[Atom | Made]] = {}
        self.written: list[Eqn] = []

    def add(self, run: Stretches) -> None:
        """Make a loop of a run, or of that part of it which is one."""
        while run.turns >= STEPS and (run.turns - 1) * run.period >= FEWEST:
            try:
                loop = Loop(self.eqns, self.made, run, self.source)
            except Unequal as part:
                first, last = part.args
                run = Stretches(run.start + first * run.period, run.period, min(last, run.turns) - first)
                continue
            self.loops.append(loop)
            for at in range(run.start, run.end):
                step, place = run.place(at)
                for n, v in enumerate(self.eqns[at].outputs):
                    self.homes[v] = loop, (place, n), step
            return

    def source(self, atoms: Sequence[Atom]) -> tuple[Source, range]:
        """The source of values from outside, and for which stretches it is that."""
        if all(isinstance(a, Literal) for a in atoms):
            values = tuple([a.value for a in atoms if isinstance(a, Literal)])
            return Numbers(values), range(len(values) if np.asarray(values).dtype == atoms[0].aval.dtype else 0)
        taken = [self._row(a) for a in atoms]
        middle = len(atoms) // 2
        if taken[middle] is not None:
            return rows(taken)
        return self._made([self.homes.get(a) for a in atoms], atoms)

    def _row(self, atom: Atom) -> tuple[Atom, tuple[Any, ...]] | None:
        """The array and the index where a value from outside is a row of an array."""
        eqn = self._eqn(atom)
        return (eqn.inputs[0], eqn.params["index"]) if eqn is not None and eqn.prim is slice_ else None

    def _eqn(self, atom: Atom) -> Eqn | None:
        """The equation that makes a value, outside of the loops."""
        if atom in self.homes or atom not in self.made:
            return None
        return self.eqns[self.made[atom][0]]

    def _made(self, homes: Sequence[_Home | None], atoms: Sequence[Atom]) -> tuple[Made, range]:
        middle = len(atoms) // 2
        one, other = homes[middle : middle + 2]
        if one is None or other is None or one[:2] != other[:2] or one[2] == other[2]:
            raise Unequal(0, 0)
        loop, place, _ = one
        step = other[2] - one[2]
        first = one[2] - step * middle
        begin = loop.begins.get(place, {}).get(-1)
        fits = [
            home == (loop, place, first + step * t) or (first + step * t == -1 and atom is begin)
            for t, (home, atom) in enumerate(zip(homes, atoms))
        ]
        if fits[0] and fits[-1] and {first, first + step * (len(atoms) - 1)} == {-1, loop.run.turns - 1}:
            fits[-1] = False  # no scan stacks what it begins with and what it ends with
        return Made(loop, place, first, step, len(atoms)), longest(fits)

    # ---- the program with loops ----

    def graph(self) -> Graph:
        """The program with its loops in the place of the equations."""
        starts = {loop.run.start: loop for loop in self.loops}
        for loop in self.loops:
            for source in loop.scanned.values():
                if isinstance(source, Made):
                    source.loop.stacks[source.kind(), source.place] = None
        outside = [i for i, e in enumerate(self.eqns) if self.homes.keys().isdisjoint(e.outputs)]
        for i in outside:
            if self.eqns[i].prim is concatenate:
                self._find_joined(self.eqns[i])
        for atom in self._read(outside):
            if atom in self.homes:
                loop, place, step = self.homes[atom]
                loop.want(place, step)
        at = 0
        while at < len(self.eqns):
            if at in starts:
                self._write(starts[at])
                at = starts[at].run.end
            else:
                eqn = self.eqns[at]
                pieces = self.joined.get(eqn, eqn.inputs)
                inputs = tuple([self._join(a, eqn) if isinstance(a, Made) else self._now(a) for a in pieces])
                self.written.append(eqn if inputs == eqn.inputs else Eqn(eqn.prim, inputs, *_rest(eqn)))
                at += 1
        outputs = tuple(map(self._now, self.old.outputs))
        return Graph(self.old.inputs, tuple(self.written), outputs)

    def _read(self, outside: Sequence[int]) -> dict[Atom, None]:
        """What is read outside of the stretches."""
        read = dict.fromkeys((*self.old.outputs, *(a for i in outside for a in self.eqns[i].inputs)))
        for loop in self.loops:
            read.update(loop.constants)
            read.update((a, None) for begin in loop.begins.values() for a in begin.values())
            read.update((s.array, None) for s in loop.scanned.values() if isinstance(s, Rows))
        return read

    def _find_joined(self, eqn: Eqn) -> None:
        """Find what stretches have made in equal steps, the first to the last or back, among the pieces of an array."""
        axis = eqn.params["axis"]
        homes = [self._piece(a, axis) for a in eqn.inputs]
        pieces: list[Atom | Made] = []
        at = 0
        while at < len(homes):
            step = _between(homes[at], homes[at + 1]) if at + 1 < len(homes) else 0
            end = at + 1
            while end < len(homes) and step and _between(homes[end - 1], homes[end]) == step:
                end += 1
            home = homes[at]
            if home is not None and end - at >= STEPS:
                pieces.append(Made(home[0], home[1], home[2], step, end - at))
                home[0].stacks["after", home[1]] = None
            else:
                pieces += eqn.inputs[at:end]
            at = end
        self.joined[eqn] = pieces

    def _piece(self, atom: Atom, axis: int) -> _Home | None:
        """Where a piece of an array was made, or that of which it is one with an axis of length 1."""
        eqn = self._eqn(atom)
        if eqn is not None and eqn.prim is reshape:
            shape = atom.aval.shape
            if shape[axis] == 1 and shape[:axis] + shape[axis + 1 :] == eqn.inputs[0].aval.shape:
                return self.homes.get(eqn.inputs[0])
        return self.homes.get(atom)

    def _join(self, piece: Made, eqn: Eqn) -> Atom:
        """What a loop has made of an array that is put together."""
        axis, like = eqn.params["axis"], eqn.outputs[0].aval
        made = piece.loop.aval(piece.place)
        array = self._stacked(piece, piece.turns, made)
        if axis:
            axes = (*range(1, axis + 1), 0, *range(axis + 1, array.aval.ndim))
            array = self._view(transpose, array, tuple([array.aval.shape[a] for a in axes]), {"axes": axes})
        length = piece.turns * (made.shape[axis] if made.ndim == like.ndim else 1)
        shape = (*like.shape[:axis], length, *like.shape[axis + 1 :])
        return array if array.aval.shape == shape else self._view(reshape, array, shape, {"shape": shape})

    def _now(self, atom: Atom) -> Atom:
        """What a value of the old program is in the new one."""
        if atom not in self.homes:
            return atom
        if atom not in self.renamed:
            loop, place, step = self.homes[atom]
            kind, row = loop.want(place, step)
            found = loop.results[kind]
            self.renamed[atom] = found if row is None else self._view(slice_, found, atom.aval.shape, {"index": (row,)})
        return self.renamed[atom]

    def _view(self, prim: Primitive, array: Atom, shape: tuple[int, ...], params: dict[str, Any], *places: Atom) -> Var:
        out = Var(Aval(shape, array.aval.dtype))
        self.written.append(Eqn(prim, (array, *places), (out,), params))
        return out

    def _stacked(self, source: Source, count: int, aval: Aval) -> Atom:
        """The array that a loop scans."""
        if isinstance(source, Numbers):
            return Literal(np.stack([np.asarray(v, aval.dtype) for v in source.values]))
        if isinstance(source, Made):
            kind = source.kind()
            first = source.first + (kind == "before")
            array: Atom = source.loop.results[kind, source.place]
            span = _span(first, source.step, count)
            if span == (0, array.aval.shape[0], 1):
                return array
            return self._view(slice_, array, (count, *aval.shape), {"index": (span,)})
        array, d = self._now(source.array), source.dimension
        length = array.aval.shape[sum(entry is not None for entry in source.part[:d])]
        span = (0, length, 1) if source.step is None else _span(source.numbers[0], source.step, count)
        index = (*source.part[:d], span, *source.part[d + 1 :])
        found = self._view(slice_, array, sliced_shape(array.aval.shape, index), {"index": index})
        front = sum(type(entry) is not int for entry in source.part[:d])
        if front:
            axes = (front, *(axis for axis in range(found.aval.ndim) if axis != front))
            found = self._view(transpose, found, tuple([found.aval.shape[axis] for axis in axes]), {"axes": axes})
        if source.step is None:
            places = Literal(np.array(source.numbers))
            found = self._view(gather, found, (count, *found.aval.shape[1:]), {}, places)
        return found

    def _write(self, loop: Loop) -> None:
        body = Body(loop)
        count = loop.run.turns
        begins = [self._now(loop.begins[place][-back]) for place, back in loop.carries()]
        begins += [_zeros(loop.aval(place)) for place in loop.lasts]
        scanned = [self._stacked(source, count, var.aval) for source, var in body.scanned]
        constants = [self._now(a) for a in loop.constants]
        steps = Steps(len(begins), len(scanned), count, False)
        stacked = [Var(Aval((count, *loop.aval(place).shape), loop.aval(place).dtype)) for _, place in loop.stacks]
        outputs = (*(Var(a.aval) for a in begins), *stacked)
        loop.results = dict(zip([*loop.carries(), *(("last", p) for p in loop.lasts), *loop.stacks], outputs))
        params = {"body": body.graph, "steps": steps, "run": evaluate}
        loc = self.eqns[loop.run.start].loc
        self.written.append(Eqn(scan_call, (*begins, *scanned, *constants), outputs, params, loc))


def _rest(eqn: Eqn) -> Any:
    return eqn.outputs, eqn.params, eqn.loc


def _between(one: _Home | None, other: _Home | None) -> int:
    """How many turns after a value a loop has made another at the same place; 0 where that is not so."""
    return other[2] - one[2] if one is not None and other is not None and one[:2] == other[:2] else 0


def _span(first: int, step: int, count: int) -> tuple[int, int | None, int]:
    """The slice `first, first + step, ...`."""
    end = first + step * (count - 1) + (1 if step > 0 else -1)
    return first, None if end < 0 else end, step


def _zeros(aval: Aval) -> Literal:
    zero = aval.dtype.type(0)
    return Literal(zero.item() if aval.weak else np.broadcast_to(zero, aval.shape) if aval.shape else zero)


def _unit(shape: tuple[int, ...], without: tuple[int, ...]) -> int | None:
    """The axis of length 1 that a shape has and another has not."""
    axes = [d for d, n in enumerate(shape) if n == 1 and shape[:d] + shape[d + 1 :] == without]
    return axes[0] if axes else None
