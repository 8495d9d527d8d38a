"""Folds as LLVM text. Accumulators are stack memory, of which LLVM makes registers, or the result's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from funcgrad.compile.nest import For, linear
from funcgrad.compile.operators import Shared, stored_type
from funcgrad.compile.scalars import Affine, Axis, Place, Scalar
from funcgrad.compile.statements import FOLDS, Buffer, Write, identity
from funcgrad.compile.values import Values
from funcgrad.core.avals import BOOL

BLOCK = 64
"""Vectors that a sum adds up before the compensated addition; as many roundings as NumPy's pairwise sum has."""


class _Accumulator:
    """Stack memory in which elements of a fold are combined; `total` and `lost` make up a compensated sum."""

    def __init__(self, names: tuple[str, ...], kind: str, dtype: np.dtype, lanes: int, flushes: bool) -> None:
        self.part, self.total, self.lost = names
        self.kind = kind
        self.dtype = dtype
        self.lanes = lanes
        self.flushes = flushes


class Folds(Values):
    """The accumulators of a function."""

    def __init__(self, shared: Shared, pointers: dict[Buffer, str]) -> None:
        super().__init__(shared, pointers)
        self.partials: dict[tuple[Write, int], str] = {}
        """Where a part of a loop leaves what it has folded."""
        self._accumulators: dict[tuple[Write, int], _Accumulator] = {}

    def _begin(self, w: Write, scope: For) -> None:
        """Before the first loop that folds: set accumulators to the identity."""
        if not w.over:
            return
        first, inner = w.fold_loops()
        if w.path[first] is scope and inner != first:
            for index, _ in w.parts:
                self._fill(w, index, first)
        if inner < len(w.path) and w.path[inner] is scope:
            for number in range(len(w.parts)):
                self._accumulators[w, number] = self._accumulator(w, inner)

    def _accumulator(self, w: Write, inner: int) -> _Accumulator:
        lanes = max([s.lanes for s in w.path], default=0)
        folds_lanes = any(s.lanes > 1 for s in w.path[inner:])
        dtype, kind = w.buffer.dtype, str(w.fold)
        lanes = max(lanes, 1)
        steps = 1
        for s in w.path[inner:]:
            steps *= -(-s.axis.size // max(s.lanes, 1))
        flushes = kind == "sum" and dtype.kind == "f" and folds_lanes and steps > BLOCK
        names = []
        for _ in range(3 if flushes else 1):
            name = self._new()
            self.entry.append(f"{name} = alloca {self._type(dtype, lanes)}")
            start = self._splat_const(identity(kind, dtype), dtype, lanes)
            self.do(f"store {self._type(dtype, lanes)} {start}, ptr {name}")
            names.append(name)
        part, total, lost = names if flushes else (names[0], "", "")
        return _Accumulator((part, total, lost), kind, dtype, lanes, flushes)

    def _fill(self, w: Write, index: tuple[Place, ...], first: int) -> None:
        """Set the accumulators that are an array to the identity."""
        kept = [s.axis for s in w.path[first:] if s.axis not in w.over]
        sizes = [axis.size for axis in kept]
        if 0 in sizes:
            return
        dtype = w.buffer.dtype
        place = linear(w.buffer, index)
        steps = [place.step(axis) for axis in kept]
        count = 1
        for n, step in sorted(zip(sizes, steps), key=lambda pair: pair[1]):
            if step != count:
                break
            count *= n
        else:
            if w.fold in ("sum", "any") and not (self._lanes is not None and place.step(self._lanes.axis)):
                base = Affine(place.offset, tuple([(a, s) for a, s in place.terms if a not in kept]))
                start = self._address(w.buffer, base, len(self._blocks) - 1)
                self.do(f"call void @llvm.memset.p0.i64(ptr {start}, i8 0, i64 {count * dtype.itemsize}, i1 false)")
                self.shared.declared.add("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
                return
        self._fill_loops(w, place, kept)

    def _fill_loops(self, w: Write, place: Affine, axes: Sequence[Axis]) -> None:
        if not axes:
            dtype = w.buffer.dtype
            lanes = self._lanes.count if self._lanes is not None and place.step(self._lanes.axis) else 1
            value = self._splat_const(identity(str(w.fold), dtype), dtype, lanes)
            self._store(w.buffer, place, value, dtype)
            return
        outer, *rest = axes
        self._axis_levels[outer] = len(self._blocks)
        self._repeat(outer, outer.size, 1, 0, lambda: self._fill_loops(w, place, rest))

    def _accumulate(self, w: Write, acc: _Accumulator, value: Scalar) -> None:
        kind = self._type(acc.dtype, acc.lanes)
        before = self.line(f"load {kind}, ptr {acc.part}")
        folds_lanes = self._lanes is not None and self._lanes.axis in w.over
        mask = self._lanes.mask if self._lanes is not None and folds_lanes else None
        if acc.kind == "sum" and acc.dtype.kind == "f" and value.op == "mul" and mask is None:
            x, y = (self._widened(a, acc.lanes) for a in value.args)
            after = self._call(f"llvm.fmuladd.{self._suffix(acc.dtype, acc.lanes)}", kind,
                               [(kind, x), (kind, y), (kind, before)])  # fmt: skip
        else:
            new = self._widened(value, acc.lanes)
            if mask is not None:
                start = self._splat_const(identity(acc.kind, acc.dtype), acc.dtype, acc.lanes)
                new = self.line(f"select <{acc.lanes} x i1> {mask}, {kind} {new}, {kind} {start}")
            after = self._combined(acc.kind, acc.dtype, acc.lanes, before, new)
        self.do(f"store {kind} {after}, ptr {acc.part}")

    def _combined(self, kind: str, dtype: np.dtype, lanes: int, x: str, y: str) -> str:
        return self._operator(FOLDS[kind], dtype, lanes, [x, y], len(self._blocks) - 1)

    def _flush(self, scope: For, position: str) -> None:
        """Every BLOCK vectors, and at the end of the loop with lanes: the compensated addition."""
        accs = [a for (w, _), a in self._accumulators.items() if a.flushes and scope in w.path and scope.lanes > 1]
        if not accs or scope.axis is None or scope.axis.size // scope.lanes <= BLOCK:
            return
        self._count += 1
        number = self._count
        bits = self.line(f"and i64 {position}, {BLOCK * scope.lanes - 1}")
        full = self.line(f"icmp eq i64 {bits}, {(BLOCK - 1) * scope.lanes}")
        self.do(f"br i1 {full}, label %flush{number}, label %on{number}")
        self.do(f"flush{number}:")
        for acc in accs:
            self._add_block(acc)
        self.do(f"br label %on{number}")
        self.do(f"on{number}:")
        self._blocks[-1].label = f"on{number}"

    def _add_block(self, acc: _Accumulator) -> None:
        kind = self._type(acc.dtype, acc.lanes)
        part, total, lost = (self.line(f"load {kind}, ptr {p}") for p in (acc.part, acc.total, acc.lost))
        grown = self.line(f"fadd {kind} {total}, {part}")
        gain = self.line(f"fsub {kind} {grown}, {total}")
        rest = self.line(f"fsub {kind} {grown}, {gain}")
        a = self.line(f"fsub {kind} {total}, {rest}")
        b = self.line(f"fsub {kind} {part}, {gain}")
        error = self.line(f"fadd {kind} {a}, {b}")
        more = self.line(f"fadd {kind} {lost}, {error}")
        self.do(f"store {kind} {grown}, ptr {acc.total}")
        self.do(f"store {kind} {more}, ptr {acc.lost}")
        self.do(f"store {kind} {self._splat_const(0, acc.dtype, acc.lanes)}, ptr {acc.part}")

    def _end(self, w: Write, scope: For) -> None:
        """Behind the loops that fold: the results."""
        if not w.over:
            return
        first, inner = w.fold_loops()
        for number in range(len(w.parts)):
            acc = self._accumulators.get((w, number))
            if acc is None:
                continue
            if acc.flushes and scope.lanes > 1:
                self._add_block(acc)
            if w.path[inner] is not scope:
                continue
            del self._accumulators[w, number]
            folds_lanes = any(s.lanes > 1 for s in w.path[inner:])
            result = self._result(acc, folds_lanes)
            index = w.parts[number][0]
            vector = acc.lanes > 1 and not folds_lanes
            if (w, number) in self.partials:
                self.put(self.partials[w, number], result, acc.dtype)
            elif inner == first:
                self._finish(w, index, result, vector)
            else:
                self._combine_into(w, index, result, vector)

    def _result(self, acc: _Accumulator, folds_lanes: bool) -> str:
        kind = self._type(acc.dtype, acc.lanes)
        if not acc.flushes:
            part = self.line(f"load {kind}, ptr {acc.part}")
            return self._across(acc, part) if folds_lanes else part
        scalar = self._type(acc.dtype)
        total, lost = (self._across(acc, self.line(f"load {kind}, ptr {p}")) for p in (acc.total, acc.lost))
        # infinities lose nothing, although inf - inf says so
        difference = self.line(f"fsub {scalar} {lost}, {lost}")
        finite = self.line(f"fcmp oeq {scalar} {difference}, 0.0")
        both = self.line(f"fadd {scalar} {total}, {lost}")
        return self.line(f"select i1 {finite}, {scalar} {both}, {scalar} {total}")

    def _across(self, acc: _Accumulator, vector: str) -> str:
        """The lanes combined, by halves."""
        lanes = acc.lanes
        while lanes > 1:
            kind = self._type(acc.dtype, lanes)
            half = lanes // 2
            sides = []
            for start in (0, half):
                if half == 1:
                    sides.append(self.line(f"extractelement {kind} {vector}, i64 {start}"))
                else:
                    sides.append(self._part(vector, acc.dtype, lanes, start))
            lanes = half
            vector = self._combined(acc.kind, acc.dtype, lanes, *sides)
        return vector

    def _finish(self, w: Write, index: tuple[Place, ...], value: str, vector: bool) -> None:
        buffer = w.buffer
        known = [p for p in index if isinstance(p, Affine)]
        if not vector and self._lanes is not None and any(p.step(self._lanes.axis) for p in known):
            value = self._splat(value, buffer.dtype, self._lanes.count)
        if buffer.place == "register":
            key = tuple([p.offset for d, p in enumerate(known) if d not in buffer.dropped])
            self._blocks[-1].registers[buffer, key] = value
            return
        self._store(buffer, linear(buffer, index), value, buffer.dtype, self._computed(buffer, index))

    def _combine_into(self, w: Write, index: tuple[Place, ...], value: str, vector: bool) -> None:
        """Combine with what stands in memory."""
        buffer, place = w.buffer, linear(w.buffer, index)
        lanes = self._lanes.count if self._lanes is not None and place.step(self._lanes.axis) else 1
        if lanes > 1 and not vector:
            value = self._splat(value, buffer.dtype, lanes)
        dynamic = self._computed(buffer, index)
        before = self._fetch(buffer, place, dynamic, None, lanes, len(self._blocks) - 1)
        after = self._combined(str(w.fold), buffer.dtype, lanes, before, value)
        self._store(buffer, place, after, buffer.dtype, dynamic)

    def combine(self, w: Write, number: int, pointers: Sequence[str]) -> None:
        """What the parts of a loop have folded, in their order."""
        dtype, level = w.buffer.dtype, len(self._blocks) - 1
        total = ""
        for pointer in pointers:
            x = self.line(f"load {stored_type(dtype)}, ptr {pointer}, align {dtype.itemsize}")
            x = self._truth(x, dtype, 1, level)
            total = self._combined(str(w.fold), dtype, 1, total, x) if total else x
        self._finish(w, w.parts[number][0], total, False)

    def combine_arrays(self, w: Write, parts: str, count: int, stride: int) -> None:
        """The same for accumulators that are arrays, `stride` bytes from part to part."""
        dtype, size = w.buffer.dtype, w.buffer.size()
        lanes = next(n for n in (8, 4, 2, 1) if size % n == 0)
        kind, stored = self._type(dtype, lanes), self._type(dtype, lanes, stored=True)
        self._count += 1
        number = self._count
        parent = self._blocks[-1].label
        self.do(f"br label %sum{number}")
        self.do(f"sum{number}:")
        self.do(f"%i{number} = phi i64 [ 0, %{parent} ], [ %n{number}, %sum{number} ]")
        offset = self.line(f"mul i64 %i{number}, {dtype.itemsize}")
        total = ""
        for part in range(count):
            at = self.line(f"add i64 {offset}, {part * stride}")
            pointer = self.line(f"getelementptr i8, ptr {parts}, i64 {at}")
            x = self.line(f"load {stored}, ptr {pointer}, align {dtype.itemsize}")
            x = self._truth(x, dtype, lanes, len(self._blocks) - 1)
            total = self._combined(str(w.fold), dtype, lanes, total, x) if total else x
        if dtype == BOOL:
            total = self.line(f"zext {kind} {total} to {stored}")
        target = self.line(f"getelementptr i8, ptr {self.pointer(w.buffer)}, i64 {offset}")
        self.do(f"store {stored} {total}, ptr {target}, align {dtype.itemsize}")
        self.do(f"%n{number} = add nuw nsw i64 %i{number}, {lanes}")
        more = self.line(f"icmp ult i64 %n{number}, {size}")
        self.do(f"br i1 {more}, label %sum{number}, label %summed{number}")
        self.do(f"summed{number}:")
        self._blocks[-1].label = f"summed{number}"
