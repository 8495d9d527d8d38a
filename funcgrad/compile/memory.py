"""Elements in memory as LLVM text: addresses, loads and stores, of one lane or several."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from funcgrad.compile.operators import Operators, Shared, stored_type
from funcgrad.compile.scalars import Affine, Axis
from funcgrad.compile.statements import Buffer
from funcgrad.compile.streams import ALIGNMENT
from funcgrad.core.avals import BOOL, INT

LOADED = 32
"""Bytes of a masked load at most. LLVM 22 splits longer ones itself, and loads all of a half whose mask is false."""


class Guard(NamedTuple):
    """Whether an element is wanted, which `write` writes for so many lanes, and whether it differs between lanes."""

    write: Callable[[int], str]
    differs: bool


class Dynamic(NamedTuple):
    """The part of a place that is known when running, and whether it differs between lanes."""

    place: str
    differs: bool


class Memory(Operators):
    """What a function loads and stores. `pointers` are the buffers that it has got; others are asked for."""

    def __init__(self, shared: Shared, pointers: dict[Buffer, str]) -> None:
        super().__init__(shared)
        self.pointers = pointers
        self._axis_levels: dict[Axis, int] = {}
        self._streams = False

    def pointer(self, buffer: Buffer) -> str:
        buffer = buffer.shares or buffer
        if buffer not in self.pointers:
            self.pointers[buffer] = name = f"%c{buffer.slot}"
            self.entry.append(f"{name}p = getelementptr ptr, ptr %table, i64 {buffer.slot}")
            self.entry.append(f"{name} = load ptr, ptr {name}p")
        return self.pointers[buffer]

    def allocate(self, buffer: Buffer) -> None:
        """Memory on the stack, whose lifetime is said to begin.

        If not, LLVM 22 joins vectors that are stored in it side by side, and loaded as one, where the one of the
        highest address is stored: in front of those that come later. Code of that ends the process.
        """
        self.pointers[buffer] = name = f"%m{len(self.pointers)}"
        self.entry.append(f"{name} = alloca [{buffer.size()} x {stored_type(buffer.dtype)}], align 64")
        self.shared.declared.add("declare void @llvm.lifetime.start.p0(i64, ptr)")
        size = buffer.size() * buffer.dtype.itemsize
        self.entry.append(f"call void @llvm.lifetime.start.p0(i64 {size}, ptr {name})")

    # what is written past the cache

    def refuse_misaligned(self) -> None:
        """Leave a kernel, which NumPy runs then, where a result is not where an allocator of the system puts it."""
        if not self.shared.streamed:
            return
        self.shared.declared.add("!0 = !{i32 1}")
        bits = "0"
        for pointer in [p for b, p in self.pointers.items() if b in self.shared.streamed]:
            place = self.line(f"ptrtoint ptr {pointer} to i64")
            bits = self.line(f"or i64 {bits}, {place}")
        bits = self.line(f"and i64 {bits}, {ALIGNMENT - 1}")
        for text in (f"br i1 {self.line(f'icmp eq i64 {bits}, 0')}, label %aligned, label %misaligned",
                     "misaligned:", "ret i32 1", "aligned:"):  # fmt: skip
            self.do(text)
        self._blocks[-1].label = "aligned"

    def written(self) -> list[str]:
        """The end of a function, behind which other threads see what it has written past the cache."""
        return ["fence seq_cst"] if self._streams else []

    # places

    def _linear(self, place: Affine, level: int) -> str:
        """An integer for the place of the first lane."""
        known = self._blocks[level].known
        if place in known:
            return known[place]
        terms = sorted(place.terms, key=lambda t: self._axis_levels[t[0]])
        if not terms:
            return str(place.offset)
        *outer, (axis, step) = terms
        deepest = self._axis_levels[axis]
        if deepest < level:
            return self._linear(place, deepest)
        text = self._positions[axis]
        if step != 1:
            text = self.line(f"mul i64 {text}, {step}", level)
        base = Affine(place.offset, tuple(outer))
        if base != Affine(0):
            text = self.line(f"add i64 {text}, {self._linear(base, level)}", level)
        known[place] = text
        return text

    def _vector_place(self, place: Affine, level: int) -> str:
        """The places of all lanes."""
        assert self._lanes is not None
        lanes, step = self._lanes.count, place.step(self._lanes.axis)
        base = self._splat_integer(self._linear(place, level), lanes, level)
        offsets = ", ".join(f"i64 {i * step}" for i in range(lanes))
        return self.line(f"add <{lanes} x i64> {base}, <{offsets}>", level)

    def _offset(self, place: Affine, dynamic: Dynamic | None, level: int) -> str:
        known = self._linear(place, level)
        if dynamic is None:
            return known
        return self.line(f"add i64 {dynamic.place}, {known}", level)

    def _address(self, buffer: Buffer, place: Affine, level: int, dynamic: Dynamic | None = None) -> str:
        pointer = self.pointer(buffer)
        if dynamic is not None:
            offset = self._offset(place, dynamic, level)
            return self.line(f"getelementptr {stored_type(buffer.dtype)}, ptr {pointer}, i64 {offset}", level)
        if place == Affine(0):
            return pointer
        known = self._blocks[level].known
        key = buffer, place
        if key not in known:
            known[key] = self.line(
                f"getelementptr {stored_type(buffer.dtype)}, ptr {pointer}, i64 {self._linear(place, level)}", level
            )
        return known[key]

    # loads

    def _fetch(
        self, buffer: Buffer, place: Affine, dynamic: Dynamic | None, guard: Guard | None, lanes: int, level: int
    ) -> str:
        """Load elements; where the guard is false any, where the lanes' mask is zeros."""
        if lanes == 1:
            wanted = None if guard is None else lambda: guard.write(1)
            return self._fetch_one(buffer, place, dynamic, wanted, level)
        state, dtype = self._lanes, buffer.dtype
        assert state is not None
        step, mask = place.step(state.axis), state.mask
        beside = step == 1 and (dynamic is None or not dynamic.differs)
        if guard is not None and beside and not guard.differs and buffer.size() >= lanes:
            found = self._fetch_beside(buffer, self._first_of(buffer, place, dynamic, guard, level), mask, lanes, level)
            return self._truth(found, dtype, lanes, level)
        if guard is not None:
            given = guard.write(lanes)
            mask = given if mask is None else self.line(f"and <{lanes} x i1> {mask}, {given}", level)
        if beside:
            found = self._fetch_beside(buffer, self._address(buffer, place, level, dynamic), mask, lanes, level)
        elif step != 0 or (dynamic is not None and dynamic.differs):
            found = self._gather(buffer, place, dynamic, mask, lanes, level)
        else:  # one element for all lanes, but the guard differs between them
            one = self._fetch_one(buffer, place, dynamic, lambda: self._some(given, lanes, level), level)
            return self._splat(one, dtype, lanes, level)
        return self._truth(found, dtype, lanes, level)

    def _first_of(
        self, buffer: Buffer, place: Affine, dynamic: Dynamic | None, guard: Guard, level: int
    ) -> str:  # fmt: skip
        """The address of elements that all lanes want, or none: then those at the buffer's beginning are as good.

        A masked load of them would not get what has just been stored from the processor's store buffer.
        """
        offset = self._offset(place, dynamic, level)
        offset = self.line(f"select i1 {guard.write(1)}, i64 {offset}, i64 0", level)
        return self.line(f"getelementptr {stored_type(buffer.dtype)}, ptr {self.pointer(buffer)}, i64 {offset}", level)

    def _fetch_beside(self, buffer: Buffer, pointer: str, mask: str | None, lanes: int, level: int) -> str:
        """Load elements that stand beside each other."""
        dtype = buffer.dtype
        if mask is not None:
            return self._masked(pointer, dtype, lanes, mask, level)
        return self.line(f"load {self._type(dtype, lanes, stored=True)}, ptr {pointer}, align {dtype.itemsize}", level)

    def _fetch_one(
        self, buffer: Buffer, place: Affine, dynamic: Dynamic | None, wanted: Callable[[], str] | None, level: int
    ) -> str:
        """Load one element: the first one where `wanted` is false."""
        dtype, scalar = buffer.dtype, stored_type(buffer.dtype)
        offset = self._offset(place, dynamic, level)
        if wanted is None and dynamic is None:
            pointer = self._address(buffer, place, level)
        else:
            if wanted is not None:
                offset = self.line(f"select i1 {wanted()}, i64 {offset}, i64 0", level)
            pointer = self.line(f"getelementptr {scalar}, ptr {self.pointer(buffer)}, i64 {offset}", level)
        return self._truth(self.line(f"load {scalar}, ptr {pointer}, align {dtype.itemsize}", level), dtype, 1, level)

    def _gather(
        self, buffer: Buffer, place: Affine, dynamic: Dynamic | None, mask: str | None, lanes: int, level: int
    ) -> str:
        """Load elements that are not beside each other."""
        dtype, scalar = buffer.dtype, stored_type(buffer.dtype)
        kind = self._type(dtype, lanes, stored=True)
        if place.terms or dynamic is None:
            offsets = self._vector_place(place, level)
        else:
            offsets = self._splat_const(place.offset, INT, lanes)
        if dynamic is not None:
            more = dynamic.place if dynamic.differs else self._splat_integer(dynamic.place, lanes, level)
            offsets = self.line(f"add <{lanes} x i64> {offsets}, {more}", level)
        pointers = self.line(f"getelementptr {scalar}, ptr {self.pointer(buffer)}, <{lanes} x i64> {offsets}", level)
        name = f"llvm.masked.gather.{self._suffix(dtype, lanes, True)}.v{lanes}p0"
        self.shared.declared.add(f"declare {kind} @{name}(<{lanes} x ptr>, i32, <{lanes} x i1>, {kind})")
        given = f"<{lanes} x ptr> {pointers}, i32 {dtype.itemsize}, <{lanes} x i1> {mask or self._all(lanes)}"
        return self.line(f"call {kind} @{name}({given}, {kind} zeroinitializer)", level)

    def _some(self, truth: str, lanes: int, level: int) -> str:
        """Whether something is true in any lane."""
        return self._call(f"llvm.vector.reduce.or.v{lanes}i1", "i1", [(self._type(BOOL, lanes), truth)], level)

    def _masked(self, pointer: str, dtype: np.dtype, lanes: int, mask: str, level: int) -> str:
        """Elements where a mask says so, and zeros."""
        kind = self._type(dtype, lanes, stored=True)
        if lanes * dtype.itemsize <= LOADED:
            name = f"llvm.masked.load.{self._suffix(dtype, lanes, True)}.p0"
            self.shared.declared.add(f"declare {kind} @{name}(ptr, i32, <{lanes} x i1>, {kind})")
            return self.line(f"call {kind} @{name}(ptr {pointer}, i32 {dtype.itemsize}, <{lanes} x i1> {mask}, "
                              f"{kind} zeroinitializer)", level)  # fmt: skip
        half = lanes // 2
        halves = []
        for start in (0, half):
            part = self._part(mask, BOOL, lanes, start, level)
            at = self.line(f"getelementptr {stored_type(dtype)}, ptr {pointer}, i64 {start}", level)
            halves.append(self._masked(at, dtype, half, part, level))
        one, order = self._type(dtype, half, stored=True), ", ".join(f"i32 {i}" for i in range(lanes))
        return self.line(f"shufflevector {one} {halves[0]}, {one} {halves[1]}, <{lanes} x i32> <{order}>", level)

    def _truth(self, value: str, dtype: np.dtype, lanes: int, level: int) -> str:
        """Truth values are bytes in memory."""
        if dtype != BOOL:
            return value
        kind = self._type(dtype, lanes, stored=True)
        zero = "0" if lanes == 1 else "zeroinitializer"
        return self.line(f"icmp ne {kind} {value}, {zero}", level)

    # stores

    def _store(
        self, buffer: Buffer, place: Affine, value: str, dtype: np.dtype, dynamic: Dynamic | None = None
    ) -> None:
        level = len(self._blocks) - 1
        lanes = self._lanes
        step = place.step(lanes.axis) if lanes is not None else 0
        count = lanes.count if lanes is not None and step else 1
        kind = self._type(dtype, count, stored=True)
        if dtype == BOOL:
            value = self.line(f"zext {self._type(dtype, count)} {value} to {kind}")
        align = dtype.itemsize
        if count == 1:
            self.do(f"store {kind} {value}, ptr {self._address(buffer, place, level, dynamic)}, align {align}")
            return
        assert lanes is not None
        if step == 1 and lanes.mask is None:
            at = self._address(buffer, place, level, dynamic)
            if buffer in self.shared.streamed:
                self._streams = True
                self.do(f"store {kind} {value}, ptr {at}, align {ALIGNMENT}, !nontemporal !0")
            else:
                self.do(f"store {kind} {value}, ptr {at}, align {align}")
        elif step == 1:
            name = f"llvm.masked.store.{self._suffix(dtype, count, True)}.p0"
            self.shared.declared.add(f"declare void @{name}({kind}, ptr, i32, <{count} x i1>)")
            self.do(f"call void @{name}({kind} {value}, ptr {self._address(buffer, place, level, dynamic)}, "
                     f"i32 {align}, <{count} x i1> {lanes.mask})")  # fmt: skip
        else:
            name = f"llvm.masked.scatter.{self._suffix(dtype, count, True)}.v{count}p0"
            self.shared.declared.add(f"declare void @{name}({kind}, <{count} x ptr>, i32, <{count} x i1>)")
            offsets = self._vector_place(place, level)
            if dynamic is not None:
                more = self._splat_integer(dynamic.place, count, level)
                offsets = self.line(f"add <{count} x i64> {offsets}, {more}")
            pointer = f"ptr {self.pointer(buffer)}"
            pointers = self.line(f"getelementptr {stored_type(dtype)}, {pointer}, <{count} x i64> {offsets}")
            self.do(f"call void @{name}({kind} {value}, <{count} x ptr> {pointers}, i32 {align}, "
                     f"<{count} x i1> {lanes.mask or self._all(count)})")  # fmt: skip

    def put(self, pointer: str, value: str, dtype: np.dtype) -> None:
        if dtype == BOOL:
            value = self.line(f"zext i1 {value} to i8")
        self.do(f"store {stored_type(dtype)} {value}, ptr {pointer}, align {dtype.itemsize}")
