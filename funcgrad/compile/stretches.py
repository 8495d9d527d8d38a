"""Where a program repeats itself: stretches of equations that do the same to values in the same places.

A loop that Python has unrolled is such a run of stretches, and so are its derivatives. They are found by their text:
each equation has a number, which is the same for the same primitive, parameters and types, and equal stretches are a
run of numbers that are those of `period` equations before. All steps are linear in the length of the program, but a
sort.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from funcgrad.compile.keys import exact
from funcgrad.core.graph import Atom, Eqn, Var
from funcgrad.ops.index import slice_, slice_add, slice_set

STEPS = 8
"""Equal stretches of a run at least."""
BACK = 2
"""Stretches back that a value may come from: 2 for multistep methods, whose step has the two states before it."""
WINDOWS = (4, 16, 64)
"""Lengths of equal text by which periods are guessed: a step that repeats itself within needs the longer ones."""
GUESSES = 32
"""Periods that are tried."""


class Stretches(NamedTuple):
    """`turns` equal stretches of `period` equations each, of which the first is at `start`."""

    start: int
    period: int
    turns: int

    @property
    def end(self) -> int:
        return self.start + self.period * self.turns

    def place(self, at: int) -> tuple[int, int]:
        """The stretch of an equation, and its place in it."""
        return divmod(at - self.start, self.period)


Place = tuple[int, int]
"""A value of a stretch: the place of its equation, and which of the equation's outputs it is."""


def stretches(eqns: Sequence[Eqn], fewest: int) -> list[Stretches]:
    """Runs of equal stretches that do not overlap, in their order; all but one of each have `fewest` equations."""
    made = {v: (i, n) for i, e in enumerate(eqns) for n, v in enumerate(e.outputs)}
    kinds = _numbered([_kind(e) for e in eqns])
    free = np.ones(len(eqns), bool)
    found = []
    candidates = sorted(_candidates(kinds, fewest), key=lambda run: (-run.period * run.turns, run.period))
    for candidate in candidates:
        for start, end in _runs(free[candidate.start : candidate.end]):
            part = Stretches(candidate.start + start, candidate.period, (end - start) // candidate.period)
            if part.turns < STEPS or (part.turns - 1) * part.period < fewest:
                continue
            settled = _settled(eqns, made, part, candidate.start + end)
            if settled is not None and (settled.turns - 1) * settled.period >= fewest:
                found.append(settled)
                free[settled.start : settled.end] = False
    return sorted(found)


def is_row(eqn: Eqn) -> bool:
    """Whether an equation is about rows of an array whose numbers may differ by stretch."""
    return eqn.prim in (slice_, slice_add, slice_set) and any(type(entry) is int for entry in eqn.params["index"])


def _kind(eqn: Eqn) -> Any:
    """Equal for equations that are the same operation on values of the same types."""
    inputs = tuple([_type(a, eqn) for a in eqn.inputs])
    outputs = tuple([v.aval for v in eqn.outputs])
    if is_row(eqn):
        index = tuple([-1 if type(entry) is int else entry for entry in eqn.params["index"]])
        return eqn.prim, inputs, outputs, index
    return eqn.prim, inputs, outputs, tuple([(k, exact(v)) for k, v in sorted(eqn.params.items())])


def _type(atom: Atom, eqn: Eqn) -> Any:
    if isinstance(atom, Var):
        return atom.aval
    # a kernel computes a power by what its exponent is
    is_exponent = eqn.prim.lower == "{0} ** {1}" and not atom.aval.shape
    return atom.aval, exact(np.asarray(atom.value).item()) if is_exponent else None


def _numbered(keys: Sequence[Any]) -> np.ndarray:
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys])


def _candidates(kinds: np.ndarray, fewest: int) -> Iterator[Stretches]:
    """Maximal runs of equal text, for each period that is guessed."""
    for period in _periods(kinds):
        same = kinds[period:] == kinds[:-period]
        for start, end in _runs(same):
            count = (end - start) // period + 1
            if count >= STEPS and (count - 1) * period >= fewest:
                yield Stretches(start, period, count)


def _periods(kinds: np.ndarray) -> list[int]:
    """The distances that most often lie between equal windows of text and the equal ones before them."""
    random = np.random.default_rng(0).integers(0, 2**63, len(kinds), np.uint64)
    found: dict[int, int] = {}
    for width in WINDOWS:
        hashes, length = random[kinds], 1
        while length < width and len(hashes) > length:
            hashes = hashes[:-length] * np.uint64(0x9E3779B97F4A7C15 + 2 * length) + hashes[length:]
            length *= 2
        order = np.argsort(hashes, kind="stable")
        equal = hashes[order][1:] == hashes[order][:-1]
        distances, counts = np.unique(np.diff(order)[equal], return_counts=True)
        for distance, count in zip(distances.tolist(), counts.tolist()):
            found[distance] = max(found.get(distance, 0), count)
    likely = sorted((d for d, count in found.items() if count >= STEPS - 1), key=lambda d: (-found[d], d))
    return likely[:GUESSES]


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Where flags are set: start and end of each run."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist()))


_Links = tuple[tuple[int, int] | None, ...]
"""Of an equation's inputs: how many equations before it each was made, and which output it is; None from outside."""


def _settled(eqns: Sequence[Eqn], made: dict[Var, tuple[int, int]], run: Stretches, end: int) -> Stretches | None:
    """The stretches of a run that are also connected in the same way, cut where fewest values go from one to the next.

    The values that first stretches get from those before them may come from outside: they are what carries begin with.
    """
    period, first = run.period, run.start

    def link(atom: Atom, at: int) -> tuple[int, int] | None:
        place = made.get(atom) if isinstance(atom, Var) else None
        if place is None or place[0] < first or at - place[0] > BACK * period:
            return None
        return at - place[0], place[1]

    links: list[_Links] = [tuple([link(a, i) for a in eqns[i].inputs]) for i in range(first, end)]
    numbers = _numbered(links)
    steady = max(_runs(numbers[period:] == numbers[:-period]), key=lambda r: r[1] - r[0], default=(0, 0))
    if steady[1] - steady[0] < period:
        return None
    starts = _starts(links, steady[0], period)
    crossing = _crossing(eqns[first:end], links, steady[0], period)
    start = min(starts, key=lambda s: (crossing[s % period], s))
    run = Stretches(first + start, period, (steady[1] + period - start) // period)
    while run.turns >= STEPS:
        latest = _latest_outer(eqns, made, links[run.start - first :], run)
        if latest < run.start:
            return run
        later = -((run.start - latest - 1) // period)
        run = Stretches(run.start + later * period, period, run.turns - later)
    return None


def _starts(links: Sequence[_Links], steady: int, period: int) -> list[int]:
    """Where a first stretch may start: in the steady part, or before it where only values from outside differ."""
    starts = list(range(steady, steady + period))
    lowest = 0
    for at in range(steady - 1, max(steady - period, 0) - 1, -1):
        for one, next_one in zip(links[at], links[at + period]):
            if one == next_one:
                continue
            if one is not None or next_one is None:
                return starts
            lowest = max(lowest, at - next_one[0] + 1)
        if at >= lowest:
            starts.append(at)
    return starts


def _crossing(eqns: Sequence[Eqn], links: Sequence[_Links], steady: int, period: int) -> list[int]:
    """For each place the bytes that go over to the next stretch if stretches start there."""
    longest: dict[tuple[int, int], int] = {}
    for at in range(steady, steady + period):
        for link in links[at + period]:
            if link is not None:
                made = (at - link[0]) % period, link[1]
                longest[made] = max(longest.get(made, 0), link[0])
    total = [0] * period
    for (place, output), length in longest.items():
        at = steady + (place - steady) % period
        aval = eqns[at].outputs[output].aval
        for crossed in range(place + 1, place + length + 1):
            total[crossed % period] += aval.size * aval.dtype.itemsize
    return total


def _latest_outer(eqns: Sequence[Eqn], made: dict[Var, Place], links: Sequence[_Links], run: Stretches) -> int:
    """The last equation that makes what a run takes from outside."""
    latest = -1
    for at in range(run.start, run.end):
        for atom, link in zip(eqns[at].inputs, links[at - run.start]):
            if link is None and isinstance(atom, Var):
                latest = max(latest, made.get(atom, (-1, 0))[0])
    return latest
