"""Arrays that are filled part by part: what is read of them, and what they are in the end, without the arrays between.

A program that fills an array element by element is a chain of whole arrays, `slice_set` upon `slice_set`, and its
gradient one of sums with zeros in which a part is not zero. Each pass here is a pure function from Graph to Graph,
which knows for each element of such an array the value it was stored with. Results keep their bits, the sign of zeros
included.
"""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import Any, NamedTuple

import numpy as np

from funcgrad.compile.patches import Part, Patches, index_of
from funcgrad.compile.stretches import STEPS
from funcgrad.core.graph import Atom, Eqn, Graph, Literal, Var
from funcgrad.core.trace import Primitive, Tracer
from funcgrad.ops.broadcasting import reshape
from funcgrad.ops.elementwise import add
from funcgrad.ops.index import Index, as_slices, slice_, slice_add, slice_set
from funcgrad.ops.structure import concatenate

FEWEST = 4
"""Chains of fewer stores stay: a kernel does one by a test for each element, and a join of few pieces too."""
LARGEST = 2**18
"""Arrays of more elements are not followed, as a number is kept for each of them."""
COPIED = 2**24
"""Elements copied, for arrays that are changed in more than one way, after which no more are followed: 0.1 s."""


def forward_reads(graph: Graph) -> Graph:
    """What is read of an array after stores: the value stored, or the array before."""
    return _Reads(graph).graph() if _has_stores(graph) else graph


def join_stores(graph: Graph) -> Graph:
    """Arrays after many stores, of which those between are not read: the values stored, put together once."""
    return _Joins(graph).graph() if _has_stores(graph) else graph


def _has_stores(graph: Graph) -> bool:
    return any(e.prim is slice_set for e in graph.eqns)


def _read_whole(graph: Graph) -> set[Atom]:
    """What is read by others than one `slice_set`."""
    stored = Counter(e.inputs[0] for e in graph.eqns if e.prim is slice_set)
    read = set(graph.outputs).union(*[e.inputs[1:] if e.prim is slice_set else e.inputs for e in graph.eqns])
    return read.union(a for a, n in stored.items() if n > 1)


def _stores(graph: Graph) -> dict[Eqn, _Store]:
    made = {v: e for e in graph.eqns for v in e.outputs}
    found = {e: _store(e, made) for e in graph.eqns}
    return {e: store for e, store in found.items() if store is not None}


def _sums(graph: Graph) -> set[Var]:
    """Arrays to which is added at the same places again and again: carries of a loop, which adds in place."""
    first: dict[Atom, Atom] = {}
    places: dict[Atom, Counter[Index]] = {}
    added: dict[Var, Atom] = {}
    for eqn, store in _stores(graph).items():
        start = eqn.outputs[0] if _is_zeros(store.array) else store.array
        array = first[eqn.outputs[0]] = first.get(start, start)
        if store.adds:
            places.setdefault(array, Counter())[store.place] += 1
            added[eqn.outputs[0]] = array
    sums = {array for array, counts in places.items() if counts.total() >= STEPS * len(counts)}
    return {v for v, array in added.items() if array in sums}


_ADD: Primitive = add.prim


class _Store(NamedTuple):
    """An equation that changes a part of an array. `adds`: to what is there; `zeros`: zeros to all else."""

    array: Atom
    value: Atom
    place: Index
    adds: bool
    zeros: bool


def _store(eqn: Eqn, made: dict[Var, Eqn]) -> _Store | None:
    """An equation as a store, where all has one dtype."""
    if eqn.prim is slice_set or eqn.prim is slice_add:
        array, value = eqn.inputs
        found = _Store(array, value, eqn.params["index"], eqn.prim is slice_add, False)
    elif eqn.prim is _ADD:
        put = next((k for k in (1, 0) if _is_put(eqn.inputs[k], made)), None)
        if put is None or eqn.inputs[0].aval.shape != eqn.inputs[1].aval.shape:
            return None
        part = made[eqn.inputs[put]]  # type: ignore[index]
        found = _Store(eqn.inputs[1 - put], part.inputs[1], part.params["index"], True, True)
    else:
        return None
    out = eqn.outputs[0].aval
    typed = all(a.aval.dtype == out.dtype and not a.aval.weak for a in (found.array, found.value, *eqn.inputs))
    return found if typed and out.dtype.kind in "iuf" and 0 < out.size <= LARGEST else None


def _is_put(atom: Atom, made: dict[Var, Eqn]) -> bool:
    """Whether it is zeros but for a part."""
    eqn = made.get(atom) if isinstance(atom, Var) else None
    return eqn is not None and eqn.prim is slice_add and _is_zeros(eqn.inputs[0])


def _is_zeros(atom: Atom) -> bool:
    if not isinstance(atom, Literal) or isinstance(atom.value, Tracer):
        return False
    value = np.asarray(atom.value)
    one = value[(slice(1),) * value.ndim] if not any(value.strides) else value
    return value.dtype.kind in "iuf" and not one.any() and not np.signbit(one).any()


class _Copy:
    """A program while it is copied, with what is known of the arrays in it."""

    def __init__(self, old: Graph) -> None:
        self.old = old
        self.last: dict[Atom, Eqn] = {a: e for e in old.eqns for a in e.inputs}
        self.made: dict[Var, Eqn] = {}
        self.known: dict[Atom, Atom] = {}
        self.patches: dict[Atom, Patches] = {}
        self.copied = 0
        self.eqns: list[Eqn] = []

    def graph(self) -> Graph:
        for eqn in self.old.eqns:
            inputs = tuple([self.known.get(a, a) for a in eqn.inputs])
            now = eqn if inputs == eqn.inputs else Eqn(eqn.prim, inputs, eqn.outputs, eqn.params, eqn.loc)
            if not self._replaces(now, self.last.get(now.inputs[0]) is eqn if inputs else False):
                self._keep(now)
        return Graph(self.old.inputs, tuple(self.eqns), tuple([self.known.get(a, a) for a in self.old.outputs]))

    def _replaces(self, eqn: Eqn, is_last: bool) -> bool:
        """Whether what an equation makes is known without it. `is_last`: none that follows reads its first input."""
        raise NotImplementedError

    def _keep(self, eqn: Eqn) -> None:
        self.eqns.append(eqn)
        self.made.update((v, eqn) for v in eqn.outputs)

    def _take_over(self, array: Atom, is_last: bool) -> Patches | None:
        """What is known of an array, to be changed; a copy unless this is its last user."""
        if is_last and array in self.patches:
            return self.patches.pop(array)
        self.copied += array.aval.size
        if self.copied > COPIED:
            return None
        return self.patches[array].copy() if array in self.patches else Patches(array)

    def _part(self, part: Part, like: Eqn) -> Atom | None:
        """The atom for a part of a value."""
        index = index_of(part.at, part.value.aval.shape)
        return None if index is None else self._take(part.value, index, like)

    def _take(self, value: Atom, index: Index, like: Eqn) -> Atom:
        if all(entry == (0, n, 1) for entry, n in zip(index, value.aval.shape)):
            return value
        if isinstance(value, Literal) and not isinstance(value.value, Tracer):
            return Literal(value.value[as_slices(index)])
        return self._equation(slice_, (value,), {"index": index}, like)

    def _reshaped(self, atom: Atom, shape: tuple[int, ...], like: Eqn) -> Atom:
        if atom.aval.shape == shape:
            return atom
        if isinstance(atom, Literal) and not isinstance(atom.value, Tracer):
            return Literal(np.reshape(atom.value, shape))
        return self._equation(reshape, (atom,), {"shape": shape}, like)

    def _equation(self, prim: Primitive, inputs: tuple[Atom, ...], params: dict[str, Any], like: Eqn) -> Var:
        out = Var(prim.shape(*[a.aval for a in inputs], **params))
        self._keep(Eqn(prim, inputs, (out,), params, like.loc))
        return out


class _Reads(_Copy):
    """Reads of what stores have made."""

    def __init__(self, old: Graph) -> None:
        super().__init__(old)
        self.sums = _sums(old)
        self.positive: set[Atom] = set()

    def _keep(self, eqn: Eqn) -> None:
        super()._keep(eqn)
        if (eqn.prim is _ADD or eqn.prim is slice_) and any(map(self._is_positive, eqn.inputs)):
            self.positive.add(eqn.outputs[0])

    def _replaces(self, eqn: Eqn, is_last: bool) -> bool:
        if eqn.prim is slice_:
            array = eqn.inputs[0]
            patches = self._take_over(array, False) if _is_put(array, self.made) else self.patches.get(array)
            found = self._read(patches, eqn.params["index"], eqn) if patches is not None else None
            if found is not None:
                self.known[eqn.outputs[0]] = found
            return found is not None
        store = _store(eqn, self.made)
        if store is not None and eqn.outputs[0] not in self.sums and not (store.adds and _is_zeros(store.array)):
            patches = self._take_over(store.array, is_last and store.array is eqn.inputs[0])
            if patches is not None and self._follow(store, patches, eqn):
                self.patches[eqn.outputs[0]] = patches
        return False

    def _take_over(self, array: Atom, is_last: bool) -> Patches | None:
        """The same; zeros but for a part are looked at here only, as most are added to something at once."""
        put = self.made[array] if _is_put(array, self.made) else None  # type: ignore[index]
        if put is None:
            return super()._take_over(array, is_last)
        store = _store(put, self.made)
        patches = super()._take_over(put.inputs[0], False) if store is not None else None
        if patches is not None:
            patches.store(self._with_zero(put.inputs[1], put), put.params["index"])
        return patches

    def _read(self, patches: Patches, place: Index, like: Eqn) -> Atom | None:
        part = patches.read(place)
        value = self._part(part, like) if part is not None else None
        return self._with_zero(value, like) if value is not None and part.plus else value  # type: ignore[union-attr]

    def _follow(self, store: _Store, patches: Patches, eqn: Eqn) -> bool:
        """Store a value in what is known of an array."""
        value = store.value
        if store.adds and value.aval.size:
            before = self._read(patches, store.place, eqn)
            if before is None:
                return False
            if store.zeros and not self._is_positive(before):
                value = self._with_zero(value, eqn)
            value = self._sum(before, value, eqn)
        if store.zeros:
            patches.plus[...] = True
        patches.store(value, store.place)
        return True

    def _sum(self, x: Atom, y: Atom, like: Eqn) -> Atom:
        if _is_zeros(x):
            return self._with_zero(y, like)
        return self._with_zero(x, like) if _is_zeros(y) else self._equation(_ADD, (x, y), {}, like)

    def _with_zero(self, x: Atom, like: Eqn) -> Atom:
        """A value plus zero, which is another where it is -0.0."""
        return x if self._is_positive(x) else self._equation(_ADD, (x, Literal(x.aval.dtype.type(0))), {}, like)

    def _is_positive(self, atom: Atom) -> bool:
        """Whether no element is -0.0, for certain."""
        return atom.aval.dtype.kind in "iu" or atom in self.positive or _is_zeros(atom)


class _Joins(_Copy):
    """Arrays that are read whole after stores."""

    def __init__(self, old: Graph) -> None:
        super().__init__(old)
        self.whole = _read_whole(old)

    def _replaces(self, eqn: Eqn, is_last: bool) -> bool:
        store = _store(eqn, self.made) if eqn.prim is slice_set else None
        patches = self._take_over(store.array, is_last) if store is not None else None
        if store is None or patches is None:
            return False
        patches.store(store.value, store.place)
        if eqn.outputs[0] not in self.whole:
            self.patches[eqn.outputs[0]] = patches
            return False
        return patches.count >= FEWEST and self._join(patches, eqn)

    def _join(self, patches: Patches, eqn: Eqn) -> bool:
        """Write an array as its pieces put together, where they are not many more than the stores."""
        shape = eqn.outputs[0].aval.shape
        for axes in sorted([range(a, b) for a in range(len(shape)) for b in range(a + 1, len(shape) + 1)], key=len):
            pieces = patches.cut(axes, 2 * patches.count + 1)
            found = pieces and self._pieces(pieces, shape, axes, eqn)
            if not found:
                continue
            joined = (
                found[0] if len(found) == 1 else self._equation(concatenate, tuple(found), {"axis": axes.start}, eqn)
            )
            self.known[eqn.outputs[0]] = self._reshaped(joined, shape, eqn)
            return True
        return False

    def _pieces(self, pieces: list[Part], shape: tuple[int, ...], axes: range, like: Eqn) -> list[Atom] | None:
        """The pieces along some axes taken as one."""
        before, after = shape[: axes.start], shape[axes.stop :]
        merged = (*before, prod(shape[axes.start : axes.stop]), *after)
        found = []
        for piece in pieces:
            count = piece.at.shape[axes.start]
            value = self._reshaped(piece.value, merged, like) if piece.value.aval.shape == shape else piece.value
            atom = self._part(Part(value, piece.at, False), like)
            if atom is None and count == 1:
                atom = self._part(Part(value, piece.at.reshape(before + after), False), like)
            if atom is None:
                return None
            found.append(self._reshaped(atom, (*before, count, *after), like))
        return found
