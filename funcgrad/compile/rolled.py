"""A run of equal stretches as a loop: what each input of its equations is, and the program of one turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from funcgrad.compile.keys import exact
from funcgrad.compile.stretches import Place, Stretches, is_row
from funcgrad.core.avals import INT, Aval
from funcgrad.core.graph import Atom, Eqn, Graph, Literal, Var
from funcgrad.core.trace import Primitive
from funcgrad.ops.index import gather, scatter_add, scatter_set, slice_, slice_add, slice_set

COMPARED = 4096
"""Bytes of constant arrays that are compared; larger ones are the same where they are one object."""


class Rows(NamedTuple):
    """Rows of an array: parts by indexes that differ in the number in one dimension."""

    array: Atom
    part: tuple[Any, ...]
    dimension: int
    numbers: tuple[int, ...]

    @property
    def step(self) -> int | None:
        """By how much the numbers go on; None where that is not always the same."""
        first, second = self.numbers[:2]
        steps = range(first, first + (second - first) * len(self.numbers), second - first) if first != second else ()
        return second - first if self.numbers == tuple(steps) else None


class Numbers(NamedTuple):
    """Values that are constants, one for each stretch."""

    values: tuple[Any, ...]


class Made(NamedTuple):
    """Values that another loop made at a place of its stretches `first`, `first + step`, ..."""

    loop: Loop
    place: Place
    first: int
    step: int
    turns: int

    def kind(self) -> str:
        """Whether the loop stacks the values before its stretches, what they begin with among them, or after."""
        return "before" if min(self.first, self.first + self.step * (self.turns - 1)) < 0 else "after"


Source = Rows | Numbers | Made


class Loop:
    """One run of stretches, and what each input of its equations is. Raises `Unequal` where that is no loop's."""

    def __init__(
        self, eqns: Sequence[Eqn], made: Mapping[Any, Place], run: Stretches,
        source: Callable[[Sequence[Atom]], tuple[Source, range]],
    ) -> None:  # fmt: skip
        self.run = run
        self.eqns = eqns
        self.inputs: dict[tuple[int, int], Any] = {}
        self.scanned: dict[Any, Source] = {}
        self.begins: dict[Place, dict[int, Atom]] = {}
        self.constants: dict[Atom, None] = {}
        self.stacks: dict[tuple[str, Place], None] = {}
        self.lasts: dict[Place, None] = {}
        self.results: dict[Any, Var] = {}
        for j in range(run.period):
            if is_row(self.eqn(0, j)) and self._rows(j):
                continue
            for q in range(len(self.eqn(0, j).inputs)):
                self._find(made, source, j, q)
        for place, begin in self.begins.items():
            if any(-back not in begin for back in range(1, self.depth(place) + 1)):
                raise Unequal(run.turns, 0)

    def eqn(self, step: int, place: int) -> Eqn:
        return self.eqns[self.run.start + step * self.run.period + place]

    def depth(self, place: Place) -> int:
        """How many stretches a value is carried."""
        return -min(self.begins.get(place, {0: None}))

    def _rows(self, j: int) -> bool:
        """Rows that advance are scanned, and this is true. Of others the numbers are, where they differ."""
        eqns = [self.eqn(t, j) for t in range(self.run.turns)]
        first, *others = [e.params["index"] for e in eqns]
        moving = [d for d, entry in enumerate(first) if any(index[d] != entry for index in others)]
        if eqns[0].prim is slice_:
            with suppress(Unequal):
                self._scan((j, "row"), rows([(e.inputs[0], e.params["index"]) for e in eqns]))
                return True
        for d in moving:
            if None in first or len({a.aval.dtype for a in eqns[0].inputs}) > 1:
                raise Unequal(0, 0)  # no gather or scatter, or one that NumPy does
            self.scanned[j, d - len(first)] = Numbers(tuple([e.params["index"][d] for e in eqns]))
        return False

    def aval(self, place: Place) -> Aval:
        return self.eqn(0, place[0]).outputs[place[1]].aval

    def carries(self) -> list[tuple[Place, int]]:
        """The values that are carried, and from how many stretches before."""
        return [(place, back) for place in self.begins for back in range(1, self.depth(place) + 1)]

    def want(self, place: Place, step: int) -> tuple[Any, int | None]:
        """Which result of the loop has the value that a stretch made at a place, and in which row."""
        back = self.run.turns - step
        if back <= self.depth(place):
            return (place, back), None
        if ("before", place) in self.stacks and back > 1:
            return ("before", place), step + 1
        if back == 1 and ("after", place) not in self.stacks:
            self.lasts[place] = None
            return ("last", place), None
        self.stacks["after", place] = None
        return ("after", place), step

    def _scan(self, key: tuple[int, int | str], source: tuple[Source, range]) -> None:
        found, good = source
        if len(good) < self.run.turns:
            raise Unequal(good.start, good.stop)
        self.scanned[key] = found

    def _find(self, made: Mapping[Any, Place], source: Callable[..., Any], j: int, q: int) -> None:
        """What an input is."""
        run = self.run
        atoms = [self.eqn(t, j).inputs[q] for t in range(run.turns)]
        last = atoms[-1]
        at = made.get(last, (-1, 0))
        if at[0] >= run.start:
            step, place = run.place(at[0])
            back = run.turns - 1 - step
            self.inputs[j, q] = (place, at[1]), back
            begin = self.begins.setdefault((place, at[1]), {}) if back else {}
            for t in range(back):
                if begin.setdefault(t - back, atoms[t]) is not atoms[t]:
                    raise Unequal(1, run.turns)
        elif len({_identity(a) if isinstance(a, Literal) else a for a in atoms}) == 1:
            self.inputs[j, q] = last
            if isinstance(last, Var):
                self.constants[last] = None
        else:
            self._scan((j, q), source(atoms))


class Unequal(Exception):
    """Only the stretches from the first to the second number are a loop."""


class Body:
    """The program of one stretch: `scanned` are the sources of its scanned inputs."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.scanned: list[tuple[Source, Var]] = []
        self._values: dict[Any, Atom] = {key: Var(loop.aval(key[0])) for key in loop.carries()}
        carries = [*self._values.values(), *(Var(loop.aval(place)) for place in loop.lasts)]
        constants = [self._values.setdefault(a, Var(a.aval)) for a in loop.constants]
        eqns = []
        for j in range(loop.run.period):
            eqn = loop.eqn(0, j)
            if (j, "row") in loop.scanned:
                self._values[(j, 0), 0] = self._element((j, "row"), eqn.outputs[0].aval)
                continue
            inputs = tuple([self._input(j, q, a) for q, a in enumerate(eqn.inputs)])
            outputs = tuple([Var(v.aval) for v in eqn.outputs])
            self._values.update((((j, n), 0), v) for n, v in enumerate(outputs))
            eqns.append(self._indexed(j, Eqn(eqn.prim, inputs, outputs, eqn.params, eqn.loc)))
        value = lambda place, back: self._values[place, back]
        results = [value(place, back - 1) for place, back in loop.carries()]
        results += [value(place, 0) for place in loop.lasts]
        results += [value(place, int(kind == "before")) for kind, place in loop.stacks]
        inputs = (*carries, *(v for _, v in self.scanned), *constants)
        self.graph = Graph(inputs, tuple(eqns), tuple(results))  # type: ignore[arg-type]

    def _input(self, j: int, q: int, atom: Atom) -> Atom:
        if (j, q) in self.loop.scanned:
            return self._element((j, q), atom.aval)
        found = self.loop.inputs[j, q]
        return self._values[found] if isinstance(found, tuple) or found in self._values else found

    def _indexed(self, j: int, eqn: Eqn) -> Eqn:
        """An equation about a row whose number is scanned as one of computed indexes."""
        index = eqn.params.get("index", ())
        keys = [(j, d - len(index)) for d in range(len(index))]
        if self.loop.scanned.keys().isdisjoint(keys):
            return eqn
        rank = sum(type(entry) is tuple for entry in index)
        places: list[Atom] = []
        for key, entry in zip(keys, index):
            if type(entry) is tuple:
                start, stop, step = entry
                rank -= 1
                taken = np.arange(start, -1 if stop is None else stop, step).reshape(-1, *(1,) * rank)
                places.append(Literal(taken))
            else:
                scanned = key in self.loop.scanned
                places.append(self._element(key, Aval((), INT)) if scanned else Literal(np.int64(entry)))
        return Eqn(_COMPUTED[eqn.prim], (*eqn.inputs, *places), eqn.outputs, {}, eqn.loc)

    def _element(self, key: tuple[int, int | str], aval: Aval) -> Var:
        source = self.loop.scanned[key]
        for one, var in self.scanned:
            if not isinstance(source, Numbers) and one == source:
                return var
        var = Var(aval)
        self.scanned.append((source, var))
        return var


def rows(taken: Sequence[tuple[Atom, tuple[Any, ...]] | None]) -> tuple[Rows, range]:
    """Parts of one array by indexes that differ in one number, and for which turns they are that."""
    middle = len(taken) // 2
    one, *others = taken[middle : middle + 2]
    if one is None or None in others:
        raise Unequal(0, 0)
    array, part = one
    fits = [p is not None and p[0] is array and len(p[1]) == len(part) for p in taken]
    indexes = [p[1] for p, fit in zip(taken, fits) if p is not None and fit]
    moving = [d for d, entry in enumerate(part) if any(index[d] != entry for index in indexes)]
    if len(moving) != 1 or not all(type(index[moving[0]]) is int for index in indexes):
        raise Unequal(0, 0)
    found = Rows(array, part, moving[0], tuple([index[moving[0]] for index in indexes]))
    return found, longest(fits)


def longest(flags: Sequence[bool]) -> range:
    best = start = 0
    found = range(0)
    for end, flag in enumerate([*flags, False]):
        if flag:
            continue
        if end - start > best:
            best, found = end - start, range(start, end)
        start = end + 1
    return found


def _identity(constant: Literal) -> Any:
    """Equal for constants that are the same bits, but for large ones that are different arrays."""
    value = constant.value
    if not isinstance(value, np.ndarray):
        return exact(value)
    if not any(value.strides):
        value = value[(slice(1),) * value.ndim]
    return value.tobytes() if value.nbytes <= COMPARED else id(constant.value)


_COMPUTED: dict[Primitive, Primitive] = {slice_: gather, slice_add: scatter_add, slice_set: scatter_set}
