"""Loops as LLVM text.

Values that do not change in a loop are computed before it; a loop with lanes computes on vectors, and what is left over
at its end once more, masked. Accumulators are stack memory, of which LLVM makes registers.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from funcgrad.compile import vectormath
from funcgrad.compile.lower import FOLDS, Buffer, Write, identity
from funcgrad.compile.nest import Choose, For, While, linear
from funcgrad.compile.scalars import Access, Affine, Axis, Place, Scalar
from funcgrad.core.avals import BOOL

BLOCK = 64
"""Vectors that a sum adds up before the compensated addition; as many roundings as NumPy's pairwise sum has."""
LOADED = 32
"""Bytes of a masked load at most. LLVM 22 splits longer ones itself, and loads all of a half whose mask is false (AVX2)."""
_COMPARE = {"lt": ("olt", "slt", "ult"), "le": ("ole", "sle", "ule"), "gt": ("ogt", "sgt", "ugt"),
            "ge": ("oge", "sge", "uge"), "eq": ("oeq", "eq", "eq"), "ne": ("une", "ne", "ne")}  # fmt: skip
_ARITHMETIC = {"add": ("fadd", "add"), "sub": ("fsub", "sub"), "mul": ("fmul", "mul"), "div": ("fdiv", "sdiv")}
_BITS = {"bitand": "and", "bitor": "or", "bitxor": "xor", "and": "and", "or": "or"}
_INTRINSICS = {"sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "rint": "rint", "fabs": "fabs",
               "copysign": "copysign", "maximum": "maximum", "minimum": "minimum"}  # fmt: skip


def element_type(dtype: np.dtype) -> str:
    if dtype == BOOL:
        return "i1"
    if dtype.kind == "f":
        return "double" if dtype.itemsize == 8 else "float"
    return f"i{dtype.itemsize * 8}"


def stored_type(dtype: np.dtype) -> str:
    return "i8" if dtype == BOOL else element_type(dtype)


def literal(data: bytes, dtype: np.dtype) -> str:
    value = np.frombuffer(data, dtype)[0]
    if dtype == BOOL:
        return "true" if value else "false"
    if dtype.kind == "f":  # LLVM writes both in the bits of a double
        return f"0x{struct.unpack('<Q', struct.pack('<d', float(value)))[0]:016X}"
    return str(int(value))


class _Block:
    """Lines of one loop body, and the values known in it."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.lines: list[str] = []
        self.known: dict[Any, str] = {}
        self.registers: dict[tuple[Buffer, tuple[int, ...]], str] = {}


class _Lanes:
    """The loop that runs through several elements at once: `mask` is a constant vector, None for all."""

    def __init__(self, axis: Axis, count: int, mask: str | None) -> None:
        self.axis = axis
        self.count = count
        self.mask = mask


class _Accumulator:
    """Stack memory in which elements of a fold are combined; `total` and `lost` make up a compensated sum."""

    def __init__(self, names: tuple[str, ...], kind: str, dtype: np.dtype, lanes: int, flushes: bool) -> None:
        self.part, self.total, self.lost = names
        self.kind = kind
        self.dtype = dtype
        self.lanes = lanes
        self.flushes = flushes


class Shared:
    """What the functions of one kernel have in common."""

    def __init__(self, root: For) -> None:
        self.declared: set[str] = set()
        self.used: set[tuple[str, np.dtype, int]] = set()
        self.calls = 0
        self.both = _wanted_both(root)


def _wanted_both(root: For) -> set[Scalar]:
    """The arguments of which both sine and cosine are wanted."""
    found: dict[str, set[Scalar]] = {"sin": set(), "cos": set()}
    seen: set[Scalar] = set()
    stack = list(root.values())
    while stack:
        x = stack.pop()
        if x not in seen:
            seen.add(x)
            stack.extend(x.args)
            if x.op in found:
                found[x.op].add(x.args[0])
    return found["sin"] & found["cos"]


class Bounds(NamedTuple):
    """The turns of a loop that one of `count` parts of it runs: `%low` to `%high`, `%part` being its number."""

    scope: For
    count: int


class Function:
    """One function of a kernel, in the making. `pointers` are the buffers that it has got; others are asked for."""

    def __init__(self, shared: Shared, pointers: dict[Buffer, str], bounds: Bounds | None = None) -> None:
        self.shared = shared
        self.flagged = False
        self.entry: list[str] = []
        self.pointers = pointers
        self.partials: dict[tuple[Write, int], str] = {}
        """Where a part of a loop leaves what it has folded."""
        self._bounds = bounds
        self._count = 0
        self._levels: dict[Scalar, int] = {}
        self._axis_levels: dict[Axis, int] = {}
        self._positions: dict[Axis, str] = {}
        self._lanes: _Lanes | None = None
        self._accumulators: dict[tuple[Write, int], _Accumulator] = {}
        self._blocks = [_Block("entry")]

    def lines(self) -> list[str]:
        return [*self.entry, *self._blocks[0].lines]

    def pointer(self, buffer: Buffer) -> str:
        buffer = buffer.shares or buffer
        if buffer not in self.pointers:
            self.pointers[buffer] = name = f"%c{buffer.slot}"
            self.entry += [f"{name}p = getelementptr ptr, ptr %table, i64 {buffer.slot}", f"{name} = load ptr, ptr {name}p"]
        return self.pointers[buffer]

    # lines

    def _new(self) -> str:
        self._count += 1
        return f"%v{self._count}"

    def _line(self, text: str, level: int | None = None) -> str:
        name = self._new()
        self._blocks[-1 if level is None else level].lines.append(f"{name} = {text}")
        return name

    def value(self, text: str) -> str:
        return self._line(text)

    def do(self, text: str) -> None:
        self._do(text)

    def _do(self, text: str) -> None:
        self._blocks[-1].lines.append(text)

    def _call(self, name: str, result: str, args: Sequence[tuple[str, str]], level: int | None = None) -> str:
        types = ", ".join(t for t, _ in args)
        self.shared.declared.add(f"declare {result} @{name}({types})")
        return self._line(f"call {result} @{name}({', '.join(f'{t} {v}' for t, v in args)})", level)

    def _type(self, dtype: np.dtype, lanes: int = 1, stored: bool = False) -> str:
        name = stored_type(dtype) if stored else element_type(dtype)
        return f"<{lanes} x {name}>" if lanes > 1 else name

    @staticmethod
    def _suffix(dtype: np.dtype, lanes: int = 1, stored: bool = False) -> str:
        name = f"f{dtype.itemsize * 8}" if dtype.kind == "f" else (stored_type if stored else element_type)(dtype)
        return f"v{lanes}{name}" if lanes > 1 else name

    # loops

    def _scope(self, scope: For, level: int) -> None:
        for item in scope.items:
            self.item(item, level)

    def item(self, item: For | Write, level: int) -> None:
        """A statement or a loop within the loop at a level."""
        if isinstance(item, While):
            self._while(item, level + 1)
        elif isinstance(item, Choose):
            self._choose(item, level + 1)
        elif isinstance(item, For):
            self._loop(item, level + 1)
        else:
            self._write(item)

    def _while(self, scope: While, level: int) -> None:
        self._count += 1
        number = self._count
        parent, inner = self._blocks[-1], _Block(f"while{number}")
        self._blocks.append(inner)
        self._scope(scope.check, level)
        self._do(f"br i1 {self._value(scope.test)}, label %do{number}, label %done{number}")
        self._do(f"do{number}:")
        inner.label = f"do{number}"
        self._scope(scope, level)
        self._blocks.pop()
        head = [f"br label %next{number}", f"next{number}:"]
        if self.flagged:  # with an index out of bounds, which was taken for 0, it might never end
            flag, fine = self._new(), self._new()
            head += [f"{flag} = load i32, ptr %flag", f"{fine} = icmp eq i32 {flag}, 0",
                     f"br i1 {fine}, label %while{number}, label %done{number}"]  # fmt: skip
        else:
            head.append(f"br label %while{number}")
        parent.lines += [*head, f"while{number}:", *inner.lines, f"br label %next{number}", f"done{number}:"]
        parent.label = f"done{number}"

    def _choose(self, scope: Choose, level: int) -> None:
        self._count += 1
        number = self._count
        parent = self._blocks[-1]
        index = self._value(scope.index)
        bodies = []
        for k, branch in enumerate(scope.branches):
            inner = _Block(f"case{number}.{k}")
            self._blocks.append(inner)
            self._scope(branch, level)
            self._blocks.pop()
            bodies += [f"case{number}.{k}:", *inner.lines, f"br label %after{number}"]
        last = len(scope.branches) - 1
        cases = " ".join(f"i64 {k}, label %case{number}.{k}" for k in range(last))
        parent.lines += [f"switch i64 {index}, label %case{number}.{last} [ {cases} ]", *bodies, f"after{number}:"]
        parent.label = f"after{number}"

    def _loop(self, scope: For, level: int) -> None:
        axis = scope.axis
        assert axis is not None
        self._axis_levels[axis] = level
        statements = [] if scope.ordered else list(scope.statements())
        for w in statements:
            self._begin(w, scope)
        if scope.lanes > 1:
            full, rest = divmod(axis.size, scope.lanes)
            if full:
                self._run(scope, level, full, scope.lanes, None, 0)
            if rest:
                mask = ", ".join(f"i1 {'true' if i < rest else 'false'}" for i in range(scope.lanes))
                self._last(scope, level, f"<{mask}>", full * scope.lanes)
            self._lanes = None
        elif axis.size:
            self._run(scope, level, axis.size, 1, None, 0)
        for w in statements:
            self._end(w, scope)

    def _last(self, scope: For, level: int, mask: str, start: int) -> None:
        """What is left over behind the full vectors, which is the last part's."""
        if self._bounds is None or self._bounds.scope is not scope:
            self._run(scope, level, 1, scope.lanes, mask, start)
            return
        last = self._line(f"icmp eq i64 %part, {self._bounds.count - 1}")
        self._do(f"br i1 {last}, label %rest, label %end")
        self._do("rest:")
        self._blocks[-1].label = "rest"
        self._run(scope, level, 1, scope.lanes, mask, start)
        self._do("br label %end")
        self._do("end:")
        self._blocks[-1].label = "end"

    def _run(self, scope: For, level: int, turns: int, lanes: int, mask: str | None, start: int) -> None:
        axis = scope.axis
        assert axis is not None
        parent = self._blocks[-1]
        if scope.lanes > 1:
            self._lanes = _Lanes(axis, lanes, mask)
        self._count += 1
        number = self._count
        inner = _Block(f"loop{number}" if turns > 1 else parent.label)
        self._blocks.append(inner)
        self._positions[axis] = f"%i{number}" if turns > 1 else str(start)
        self._scope(scope, level)
        if turns > 1:
            self._flush(scope, f"%i{number}")
        self._blocks.pop()
        if turns == 1:
            parent.lines += inner.lines
            parent.label = inner.label
            return
        low, high = "0", str(turns * lanes)
        if self._bounds is not None and self._bounds.scope is scope:
            low, high = self._line(f"mul i64 %low, {lanes}"), self._line(f"mul i64 %high, {lanes}")
        parent.lines += [
            f"br label %loop{number}",
            f"loop{number}:",
            f"%i{number} = phi i64 [ {low}, %{parent.label} ], [ %n{number}, %{inner.label} ]",
            *inner.lines,
            f"%n{number} = add nuw nsw i64 %i{number}, {lanes}",
            f"%d{number} = icmp ult i64 %n{number}, {high}",
            f"br i1 %d{number}, label %loop{number}, label %exit{number}",
            f"exit{number}:",
        ]
        parent.label = f"exit{number}"

    # folds

    @staticmethod
    def fold_shape(w: Write) -> tuple[int, int]:
        """Where, in a statement's path, its first fold loop stands, and the first of the loops inside which all fold."""
        over = [scope.axis in w.over for scope in w.path[1:]]
        inner = len(over)
        while inner and over[inner - 1]:
            inner -= 1
        return over.index(True) + 1, inner + 1

    def _begin(self, w: Write, scope: For) -> None:
        """Before the first loop that folds: set accumulators to the identity."""
        if not w.over:
            return
        first, inner = self.fold_shape(w)
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
            steps *= -(-s.axis.size // max(s.lanes, 1))  # type: ignore[union-attr]
        flushes = kind == "sum" and dtype.kind == "f" and folds_lanes and steps > BLOCK
        names = []
        for _ in range(3 if flushes else 1):
            name = self._new()
            self.entry.append(f"{name} = alloca {self._type(dtype, lanes)}")
            start = self._splat_const(identity(kind, dtype), dtype, lanes)
            self._do(f"store {self._type(dtype, lanes)} {start}, ptr {name}")
            names.append(name)
        part, total, lost = names if flushes else (names[0], "", "")
        return _Accumulator((part, total, lost), kind, dtype, lanes, flushes)

    def _splat_const(self, value: Any, dtype: np.dtype, lanes: int) -> str:
        with np.errstate(all="ignore"):
            text = literal(np.asarray(value).astype(dtype).tobytes(), dtype)
        return text if lanes == 1 else f"<{', '.join([f'{element_type(dtype)} {text}'] * lanes)}>"

    def _fill(self, w: Write, index: tuple[Place, ...], first: int) -> None:
        """Set the accumulators that are an array to the identity."""
        kept = [s for s in w.path[first:] if s.axis not in w.over]
        loops = [For(s.axis) for s in kept]
        dtype = w.buffer.dtype
        sizes = [s.axis.size for s in kept]  # type: ignore[union-attr]
        if 0 in sizes:
            return
        place = linear(w.buffer, index)
        steps = [place.step(s.axis) for s in kept]  # type: ignore[arg-type]
        count = 1
        for n, step in sorted(zip(sizes, steps), key=lambda pair: pair[1]):
            if step != count:
                break
            count *= n
        else:
            if w.fold in ("sum", "any") and not (self._lanes is not None and place.step(self._lanes.axis)):
                base = Affine(place.offset, tuple([(a, s) for a, s in place.terms if a not in {x.axis for x in kept}]))
                size = count * dtype.itemsize
                self._do("call void @llvm.memset.p0.i64(ptr "
                         f"{self._address(w.buffer, base, len(self._blocks) - 1)}, i8 0, i64 {size}, i1 false)")  # fmt: skip
                self.shared.declared.add("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
                return
        self._fill_loops(w, place, loops)

    def _fill_loops(self, w: Write, place: Affine, loops: Sequence[For]) -> None:
        if not loops:
            dtype = w.buffer.dtype
            lanes = self._lanes.count if self._lanes is not None and place.step(self._lanes.axis) else 1
            value = self._splat_const(identity(str(w.fold), dtype), dtype, lanes)
            self._store(w.buffer, place, value, dtype)
            return
        outer, *rest = loops
        assert outer.axis is not None
        level = len(self._blocks)
        self._axis_levels[outer.axis] = level

        def body(scope: For, at: int) -> None:
            self._fill_loops(w, place, rest)

        keep = self._scope
        self._scope = body  # type: ignore[method-assign]
        try:
            self._run(outer, level, outer.axis.size, 1, None, 0)
        finally:
            self._scope = keep  # type: ignore[method-assign]

    def _write(self, w: Write) -> None:
        for number, (index, value) in enumerate(w.parts):
            if w.fold is None:
                self._finish(w, index, self._value(value), self._is_vector(value))
                continue
            acc = self._accumulators.get((w, number))
            if acc is None:
                self._combine_into(w, index, self._value(value), self._is_vector(value))
            else:
                self._accumulate(w, acc, value)

    def _accumulate(self, w: Write, acc: _Accumulator, value: Scalar) -> None:
        kind = self._type(acc.dtype, acc.lanes)
        before = self._line(f"load {kind}, ptr {acc.part}")
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
                new = self._line(f"select <{acc.lanes} x i1> {mask}, {kind} {new}, {kind} {start}")
            after = self._combined(acc.kind, acc.dtype, acc.lanes, before, new)
        self._do(f"store {kind} {after}, ptr {acc.part}")

    def _combined(self, kind: str, dtype: np.dtype, lanes: int, x: str, y: str) -> str:
        return self._operator(FOLDS[kind], dtype, lanes, [x, y], len(self._blocks) - 1)

    def _flush(self, scope: For, position: str) -> None:
        """Every BLOCK vectors, and at the end of the loop with lanes: the compensated addition."""
        accs = [a for (w, _), a in self._accumulators.items() if a.flushes and scope in w.path and scope.lanes > 1]
        if not accs or scope.axis.size // scope.lanes <= BLOCK:  # type: ignore[union-attr]
            return
        self._count += 1
        number = self._count
        bits = self._line(f"and i64 {position}, {BLOCK * scope.lanes - 1}")
        full = self._line(f"icmp eq i64 {bits}, {(BLOCK - 1) * scope.lanes}")
        self._do(f"br i1 {full}, label %flush{number}, label %on{number}")
        self._do(f"flush{number}:")
        for acc in accs:
            self._add_block(acc)
        self._do(f"br label %on{number}")
        self._do(f"on{number}:")
        self._blocks[-1].label = f"on{number}"

    def _add_block(self, acc: _Accumulator) -> None:
        kind = self._type(acc.dtype, acc.lanes)
        part, total, lost = (self._line(f"load {kind}, ptr {p}") for p in (acc.part, acc.total, acc.lost))
        grown = self._line(f"fadd {kind} {total}, {part}")
        gain = self._line(f"fsub {kind} {grown}, {total}")
        rest = self._line(f"fsub {kind} {grown}, {gain}")
        a = self._line(f"fsub {kind} {total}, {rest}")
        b = self._line(f"fsub {kind} {part}, {gain}")
        error = self._line(f"fadd {kind} {a}, {b}")
        more = self._line(f"fadd {kind} {lost}, {error}")
        self._do(f"store {kind} {grown}, ptr {acc.total}")
        self._do(f"store {kind} {more}, ptr {acc.lost}")
        self._do(f"store {kind} {self._splat_const(0, acc.dtype, acc.lanes)}, ptr {acc.part}")

    def _end(self, w: Write, scope: For) -> None:
        """Behind the loops that fold: the results."""
        if not w.over:
            return
        first, inner = self.fold_shape(w)
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
            part = self._line(f"load {kind}, ptr {acc.part}")
            return self._across(acc, part) if folds_lanes else part
        scalar = self._type(acc.dtype)
        total, lost = (self._across(acc, self._line(f"load {kind}, ptr {p}")) for p in (acc.total, acc.lost))
        # infinities lose nothing, although inf - inf says so
        difference = self._line(f"fsub {scalar} {lost}, {lost}")
        finite = self._line(f"fcmp oeq {scalar} {difference}, 0.0")
        both = self._line(f"fadd {scalar} {total}, {lost}")
        return self._line(f"select i1 {finite}, {scalar} {both}, {scalar} {total}")

    def _across(self, acc: _Accumulator, vector: str) -> str:
        """The lanes combined, by halves."""
        lanes = acc.lanes
        while lanes > 1:
            kind = self._type(acc.dtype, lanes)
            half = lanes // 2
            sides = []
            for start in (0, half):
                picked = ", ".join(f"i32 {start + i}" for i in range(half))
                if half == 1:
                    sides.append(self._line(f"extractelement {kind} {vector}, i64 {start}"))
                else:
                    sides.append(self._line(f"shufflevector {kind} {vector}, {kind} poison, <{half} x i32> <{picked}>"))
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

    def _computed(self, buffer: Buffer, index: tuple[Place, ...]) -> tuple[str, bool] | None:
        """The part of a statement's place that is known when running: the same for all lanes."""
        args = [p for p in index if isinstance(p, Scalar)]
        known = tuple([None if isinstance(p, Scalar) else p for p in index])
        return self._dynamic(Access(buffer, known, False, False), args, 1, len(self._blocks) - 1)

    def put(self, pointer: str, value: str, dtype: np.dtype) -> None:
        if dtype == BOOL:
            value = self._line(f"zext i1 {value} to i8")
        self._do(f"store {stored_type(dtype)} {value}, ptr {pointer}, align {dtype.itemsize}")

    def combine(self, w: Write, number: int, pointers: Sequence[str]) -> None:
        """What the parts of a loop have folded, in their order."""
        dtype, level = w.buffer.dtype, len(self._blocks) - 1
        total = ""
        for pointer in pointers:
            x = self._line(f"load {stored_type(dtype)}, ptr {pointer}, align {dtype.itemsize}")
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
        self._do(f"br label %sum{number}")
        self._do(f"sum{number}:")
        self._do(f"%i{number} = phi i64 [ 0, %{parent} ], [ %n{number}, %sum{number} ]")
        offset = self._line(f"mul i64 %i{number}, {dtype.itemsize}")
        total = ""
        for part in range(count):
            at = self._line(f"add i64 {offset}, {part * stride}")
            pointer = self._line(f"getelementptr i8, ptr {parts}, i64 {at}")
            x = self._line(f"load {stored}, ptr {pointer}, align {dtype.itemsize}")
            x = self._truth(x, dtype, lanes, len(self._blocks) - 1)
            total = self._combined(str(w.fold), dtype, lanes, total, x) if total else x
        if dtype == BOOL:
            total = self._line(f"zext {kind} {total} to {stored}")
        target = self._line(f"getelementptr i8, ptr {self.pointer(w.buffer)}, i64 {offset}")
        self._do(f"store {stored} {total}, ptr {target}, align {dtype.itemsize}")
        self._do(f"%n{number} = add nuw nsw i64 %i{number}, {lanes}")
        more = self._line(f"icmp ult i64 %n{number}, {size}")
        self._do(f"br i1 {more}, label %sum{number}, label %summed{number}")
        self._do(f"summed{number}:")
        self._blocks[-1].label = f"summed{number}"

    def _combine_into(self, w: Write, index: tuple[Place, ...], value: str, vector: bool) -> None:
        """Combine with what stands in memory."""
        buffer, place = w.buffer, linear(w.buffer, index)
        lanes = self._lanes.count if self._lanes is not None and place.step(self._lanes.axis) else 1
        if lanes > 1 and not vector:
            value = self._splat(value, buffer.dtype, lanes)
        dynamic = self._computed(buffer, index)
        before = self._fetch(buffer, place, None, dynamic)
        after = self._combined(str(w.fold), buffer.dtype, lanes, before, value)
        self._store(buffer, place, after, buffer.dtype, dynamic)

    # addresses

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
            text = self._line(f"mul i64 {text}, {step}", level)
        base = Affine(place.offset, tuple(outer))
        if base != Affine(0):
            text = self._line(f"add i64 {text}, {self._linear(base, level)}", level)
        known[place] = text
        return text

    def _address(self, buffer: Buffer, place: Affine, level: int, dynamic: tuple[str, bool] | None = None) -> str:
        pointer = self.pointer(buffer)
        if dynamic is not None:
            offset = self._offset(place, dynamic, level)
            return self._line(f"getelementptr {stored_type(buffer.dtype)}, ptr {pointer}, i64 {offset}", level)
        if place == Affine(0):
            return pointer
        known = self._blocks[level].known
        key = buffer, place
        if key not in known:
            known[key] = self._line(
                f"getelementptr {stored_type(buffer.dtype)}, ptr {pointer}, i64 {self._linear(place, level)}", level
            )
        return known[key]

    def _store(
        self, buffer: Buffer, place: Affine, value: str, dtype: np.dtype, dynamic: tuple[str, bool] | None = None
    ) -> None:
        level = len(self._blocks) - 1
        lanes = self._lanes
        step = place.step(lanes.axis) if lanes is not None else 0
        count = lanes.count if lanes is not None and step else 1
        kind = self._type(dtype, count, stored=True)
        if dtype == BOOL:
            value = self._line(f"zext {self._type(dtype, count)} {value} to {kind}")
        align = dtype.itemsize
        if count == 1:
            self._do(f"store {kind} {value}, ptr {self._address(buffer, place, level, dynamic)}, align {align}")
            return
        assert lanes is not None
        if step == 1 and lanes.mask is None:
            self._do(f"store {kind} {value}, ptr {self._address(buffer, place, level, dynamic)}, align {align}")
        elif step == 1:
            name = f"llvm.masked.store.{self._suffix(dtype, count, True)}.p0"
            self.shared.declared.add(f"declare void @{name}({kind}, ptr, i32, <{count} x i1>)")
            self._do(f"call void @{name}({kind} {value}, ptr {self._address(buffer, place, level, dynamic)}, "
                     f"i32 {align}, <{count} x i1> {lanes.mask})")  # fmt: skip
        else:
            name = f"llvm.masked.scatter.{self._suffix(dtype, count, True)}.v{count}p0"
            self.shared.declared.add(f"declare void @{name}({kind}, <{count} x ptr>, i32, <{count} x i1>)")
            offsets = self._vector_place(place, level)
            if dynamic is not None:
                more = self._splat_integer(dynamic[0], count, level)
                offsets = self._line(f"add <{count} x i64> {offsets}, {more}")
            pointer = f"ptr {self.pointer(buffer)}"
            pointers = self._line(f"getelementptr {stored_type(dtype)}, {pointer}, <{count} x i64> {offsets}")
            self._do(f"call void @{name}({kind} {value}, <{count} x ptr> {pointers}, i32 {align}, "
                     f"<{count} x i1> {lanes.mask or self._all(count)})")  # fmt: skip

    @staticmethod
    def _all(count: int) -> str:
        return f"<{', '.join(['i1 true'] * count)}>"

    def _vector_place(self, place: Affine, level: int) -> str:
        """The places of all lanes."""
        assert self._lanes is not None
        lanes, step = self._lanes.count, place.step(self._lanes.axis)
        base = self._splat_integer(self._linear(place, level), lanes, level)
        offsets = ", ".join(f"i64 {i * step}" for i in range(lanes))
        return self._line(f"add <{lanes} x i64> {base}, <{offsets}>", level)

    def _splat_integer(self, value: str, lanes: int, level: int) -> str:
        one = self._line(f"insertelement <{lanes} x i64> poison, i64 {value}, i64 0", level)
        return self._line(f"shufflevector <{lanes} x i64> {one}, <{lanes} x i64> poison, <{lanes} x i32> zeroinitializer", level)

    def _splat(self, value: str, dtype: np.dtype, lanes: int, level: int | None = None) -> str:
        kind = self._type(dtype, lanes)
        one = self._line(f"insertelement {kind} poison, {element_type(dtype)} {value}, i64 0", level)
        return self._line(f"shufflevector {kind} {one}, {kind} poison, <{lanes} x i32> zeroinitializer", level)

    # values

    def _is_vector(self, x: Scalar) -> bool:
        return self._lanes is not None and self._lanes.axis in x.axes

    def _level(self, x: Scalar) -> int:
        """The depth of the loop in which a value is known: that of its innermost axis."""
        found = self._levels.get(x)
        if found is None:
            found = max([self._level(a) for a in x.args], default=0)
            found = max([found, *(self._axis_levels[a] for a in x.axes)])
            if x.op == "load":
                found = max(found, x.data.buffer.level)
            self._levels[x] = found
        return min(found, len(self._blocks) - 1)  # what a loop carries is read behind it too

    def _value(self, x: Scalar) -> str:
        if x.op == "const":
            return literal(x.data, x.dtype)
        level = self._level(x)
        block = self._blocks[level]
        found = block.known.get(x)
        if found is None:
            found = block.known[x] = self._compute(x, level)
        return found

    def _widened(self, x: Scalar, lanes: int) -> str:
        """A value as a vector, where there are lanes."""
        if lanes == 1 or self._is_vector(x):
            return self._value(x)
        if x.op == "const":
            return f"<{', '.join([f'{element_type(x.dtype)} {literal(x.data, x.dtype)}'] * lanes)}>"
        level = self._level(x)
        known = self._blocks[level].known
        key = x, lanes
        if key not in known:
            known[key] = self._splat(self._value(x), x.dtype, lanes, level)
        return known[key]

    def _compute(self, x: Scalar, level: int) -> str:
        lanes = self._lanes.count if self._is_vector(x) else 1  # type: ignore[union-attr]
        if x.op == "load":
            return self._load(x, lanes, level)
        if x.op == "number":
            pointer = self._line(f"getelementptr i64, ptr %table, i64 {x.data}", level)
            return self._line(f"load {element_type(x.dtype)}, ptr {pointer}", level)
        if x.op == "position":
            return self._vector_place(x.data, level) if lanes > 1 else self._linear(x.data, level)
        if x.op == "bounded":
            return self._bounded(x, lanes, level)
        if x.op == "whole":
            return self._whole(x, lanes, level)
        if x.op.startswith("exact_"):
            return self._exact(x, lanes, level)
        args = [self._widened(a, lanes) for a in x.args]
        if x.op == "cast":
            return self._cast(x.args[0].dtype, x.dtype, lanes, args[0], level)
        if x.op in ("sin", "cos") and x.args[0] in self.shared.both:
            return self._sine_and_cosine(x, lanes, args[0], level)
        if x.op in _COMPARE:
            return self._compare(x.op, x.args[0].dtype, lanes, args, level)
        return self._operator(x.op, x.dtype, lanes, args, level)

    def _sine_and_cosine(self, x: Scalar, lanes: int, arg: str, level: int) -> str:
        known = self._blocks[level].known
        key = "sincos", x.args[0]
        kind = self._type(x.dtype, lanes)
        if key not in known:
            known[key] = self._function("sincos", x.dtype, lanes, [arg], level, f"{{{kind}, {kind}}}")
        return self._line(f"extractvalue {{{kind}, {kind}}} {known[key]}, {int(x.op == 'cos')}", level)

    def _function(
        self, name: str, dtype: np.dtype, lanes: int, args: Sequence[str], level: int, result: str | None = None
    ) -> str:
        self.shared.used.add((name, dtype, lanes))
        self.shared.calls += 1
        kind = self._type(dtype, lanes)
        given = ", ".join(f"{kind} {a}" for a in args)
        return self._line(f"call {result or kind} @{vectormath.symbol(name, dtype, lanes)}({given})", level)

    def _compare(self, op: str, dtype: np.dtype, lanes: int, args: Sequence[str], level: int) -> str:
        ordered, signed, unsigned = _COMPARE[op]
        instruction = "fcmp" if dtype.kind == "f" else "icmp"
        how = ordered if dtype.kind == "f" else signed if dtype.kind == "i" else unsigned
        return self._line(f"{instruction} {how} {self._type(dtype, lanes)} {args[0]}, {args[1]}", level)

    def _operator(self, op: str, dtype: np.dtype, lanes: int, args: Sequence[str], level: int) -> str:
        kind = self._type(dtype, lanes)
        is_float = dtype.kind == "f"
        if op in ("max", "min") and is_float:
            op += "imum"
        if op in _ARITHMETIC:
            return self._line(f"{_ARITHMETIC[op][not is_float]} {kind} {args[0]}, {args[1]}", level)
        if op in _BITS:
            return self._line(f"{_BITS[op]} {kind} {args[0]}, {args[1]}", level)
        if op == "select":
            condition = self._type(BOOL, lanes)
            return self._line(f"select {condition} {args[0]}, {kind} {args[1]}, {kind} {args[2]}", level)
        if op == "not":
            return self._line(f"xor {kind} {args[0]}, {self._splat_const(True, BOOL, lanes)}", level)
        if op == "neg":
            zero = self._splat_const(0, dtype, lanes)
            return self._line(f"fneg {kind} {args[0]}" if is_float else f"sub {kind} {zero}, {args[0]}", level)
        if op in _INTRINSICS:
            name = f"llvm.{_INTRINSICS[op]}.{self._suffix(dtype, lanes)}"
            return self._call(name, kind, [(kind, a) for a in args], level)
        if op in ("max", "min"):
            how = ("s" if dtype.kind == "i" else "u") + op
            return self._call(f"llvm.{how}.{self._suffix(dtype, lanes)}", kind, [(kind, a) for a in args], level)
        if op == "abs":
            negative = self._operator("neg", dtype, lanes, args, level)
            below = self._compare("lt", dtype, lanes, [args[0], self._splat_const(0, dtype, lanes)], level)
            return self._operator("select", dtype, lanes, [below, negative, args[0]], level)
        if op == "ne":
            return self._compare("ne", dtype, lanes, args, level)
        if op in ("floor_divide", "remainder"):
            return (self._divide if is_float else self._divide_integers)(op, dtype, lanes, args, level)
        if op in ("left_shift", "right_shift"):
            return self._shift(op, dtype, lanes, args, level)
        return self._function(op, dtype, lanes, args, level)

    def _divide(self, op: str, dtype: np.dtype, lanes: int, args: Sequence[str], level: int) -> str:
        """NumPy's floor division and remainder, as its `npy_divmod` has them."""
        do = lambda name, *xs: self._operator(name, dtype, lanes, xs, level)
        compare = lambda name, *xs: self._compare(name, dtype, lanes, xs, level)
        x, y = args
        zero, one, half = (self._splat_const(n, dtype, lanes) for n in (0, 1, 0.5))
        rest = do("fmod", x, y)
        signs = [compare("lt", rest, zero), compare("lt", y, zero)]
        wrong = self._compare("ne", BOOL, lanes, signs, level)
        is_whole = compare("eq", rest, zero)
        if op == "remainder":
            moved = do("select", wrong, do("add", rest, y), rest)
            return do("select", is_whole, do("copysign", zero, y), moved)
        quotient, whole = do("div", x, y), do("div", do("sub", x, rest), y)
        moved = do("select", is_whole, whole, do("select", wrong, do("sub", whole, one), whole))
        floor = do("floor", moved)
        rounded = do("select", compare("gt", do("sub", moved, floor), half), do("add", floor, one), floor)
        found = do("select", compare("eq", moved, zero), do("copysign", zero, quotient), rounded)
        return do("select", compare("eq", y, zero), quotient, found)

    def _divide_integers(self, op: str, dtype: np.dtype, lanes: int, args: Sequence[str], level: int) -> str:
        """The same of integers: by zero it is zero, and the smallest by -1 is itself, which are traps of machines."""
        do = lambda name, *xs: self._operator(name, dtype, lanes, xs, level)
        compare = lambda name, *xs: self._compare(name, dtype, lanes, xs, level)
        kind, truth, sign = self._type(dtype, lanes), self._type(BOOL, lanes), "s" if dtype.kind == "i" else "u"
        x, y = args
        zero, one, minus = (self._splat_const(n, dtype, lanes) for n in (0, 1, -1))
        is_zero, is_minus = compare("eq", y, zero), compare("eq", y, minus)
        trap = self._line(f"or {truth} {is_zero}, {is_minus}", level) if sign == "s" else is_zero
        safe = do("select", trap, one, y)
        rest = self._line(f"{sign}rem {kind} {x}, {safe}", level)
        wrong = compare("lt", do("bitxor", rest, y), zero)
        wrong = self._line(f"and {truth} {wrong}, {compare('ne', rest, zero)}", level)
        if op == "remainder":
            return do("select", wrong, do("add", rest, y), rest)
        quotient = self._line(f"{sign}div {kind} {x}, {safe}", level)
        quotient = do("select", wrong, do("sub", quotient, one), quotient)
        if sign == "s":
            quotient = do("select", is_minus, do("neg", x), quotient)
        return do("select", is_zero, zero, quotient)

    def _shift(self, op: str, dtype: np.dtype, lanes: int, args: Sequence[str], level: int) -> str:
        """By as many bits as there are, or more, nothing is left but the sign."""
        kind, truth, bits = self._type(dtype, lanes), self._type(BOOL, lanes), dtype.itemsize * 8
        x, y = args
        zero, last = (self._splat_const(n, dtype, lanes) for n in (0, bits - 1))
        how = "shl" if op == "left_shift" else "ashr" if dtype.kind == "i" else "lshr"
        fits = self._line(f"icmp ule {kind} {y}, {last}", level)
        few = self._line(f"select {truth} {fits}, {kind} {y}, {kind} {zero}", level)
        shifted = self._line(f"{how} {kind} {x}, {few}", level)
        left = self._line(f"ashr {kind} {x}, {last}", level) if how == "ashr" else zero
        return self._line(f"select {truth} {fits}, {kind} {shifted}, {kind} {left}", level)

    def _cast(self, old: np.dtype, new: np.dtype, lanes: int, value: str, level: int) -> str:
        if new == BOOL:
            return self._compare("ne", old, lanes, [value, self._splat_const(0, old, lanes)], level)
        if old.kind == "f":
            how = ("fpext" if new.itemsize > old.itemsize else "fptrunc") if new.kind == "f" else (
                "fptosi" if new.kind == "i" else "fptoui")  # fmt: skip
        elif new.kind == "f":
            how = "sitofp" if old.kind == "i" else "uitofp"
        elif old == BOOL or new.itemsize > old.itemsize:
            how = "sext" if old.kind == "i" else "zext"
        elif new.itemsize < old.itemsize:
            how = "trunc"
        else:
            return value
        return self._line(f"{how} {self._type(old, lanes)} {value} to {self._type(new, lanes)}", level)

    def _bounded(self, x: Scalar, lanes: int, level: int) -> str:
        """An index, negative ones counted from the end; out of bounds it is 0, and the kernel says so."""
        kind, size = self._type(x.dtype, lanes), x.data
        zero, length = (self._splat_const(n, x.dtype, lanes) for n in (0, size))
        index = self._widened(x.args[0], lanes)
        below = self._line(f"icmp slt {kind} {index}, {zero}", level)
        turned = self._line(f"add {kind} {index}, {length}", level)
        place = self._line(f"select {self._type(BOOL, lanes)} {below}, {kind} {turned}, {kind} {index}", level)
        bad = self._line(f"icmp uge {kind} {place}, {length}", level)
        truth = self._type(BOOL, lanes)
        safe = self._line(f"select {truth} {bad}, {kind} {zero}, {kind} {place}", level)
        self._fail(bad, [self._widened(a, lanes) for a in x.args[1:]], lanes, level)
        return safe

    def _whole(self, x: Scalar, lanes: int, level: int) -> str:
        """A float as an integer; NumPy decides about NaN and what is out of range."""
        old, limits = x.args[0].dtype, np.iinfo(x.dtype)
        value, truth = self._widened(x.args[0], lanes), self._type(BOOL, lanes)
        below = limits.min - 1 if x.dtype.itemsize * 8 <= np.finfo(old).nmant else limits.min
        low, high = (self._splat_const(float(n), old, lanes) for n in (below, limits.max + 1))
        enough = self._compare("gt" if below < limits.min else "ge", old, lanes, [value, low], level)
        fits = self._line(f"and {truth} {enough}, {self._compare('lt', old, lanes, [value, high], level)}", level)
        bad = self._line(f"xor {truth} {fits}, {self._splat_const(True, BOOL, lanes)}", level)
        self._fail(bad, [self._widened(a, lanes) for a in x.args[1:]], lanes, level)
        safe = self._operator("select", old, lanes, [fits, value, self._splat_const(0, old, lanes)], level)
        return self._cast(old, x.dtype, lanes, safe, level)

    def _exact(self, x: Scalar, lanes: int, level: int) -> str:
        """Python's arithmetic on Python's integers."""
        kind, truth = self._type(x.dtype, lanes), self._type(BOOL, lanes)
        op = x.op.removeprefix("exact_")
        if op in ("floor_divide", "remainder"):
            args = [self._widened(a, lanes) for a in x.args]
            for number in (0, -1):  # an error, and what may be too large
                divisor = self._splat_const(number, x.dtype, lanes)
                self._fail(self._compare("eq", x.dtype, lanes, [args[1], divisor], level), [], lanes, level)
            return self._operator(op, x.dtype, lanes, args, level)
        name = f"llvm.s{op}.with.overflow.{self._suffix(x.dtype, lanes)}"
        pair = f"{{{kind}, {truth}}}"
        both = self._call(name, pair, [(kind, self._widened(a, lanes)) for a in x.args], level)
        self._fail(self._line(f"extractvalue {pair} {both}, 1", level), [], lanes, level)
        return self._line(f"extractvalue {pair} {both}, 0", level)

    def _fail(self, bad: str, guards: Sequence[str], lanes: int, level: int) -> None:
        """Say that NumPy must run this again where something is true, in lanes that count."""
        self.flagged = True
        truth = self._type(BOOL, lanes)
        if lanes > 1 and self._lanes is not None and self._lanes.mask:
            guards = [*guards, self._lanes.mask]
        for guard in guards:
            bad = self._line(f"and {truth} {bad}, {guard}", level)
        if lanes > 1:
            bad = self._call(f"llvm.vector.reduce.or.v{lanes}i1", "i1", [(truth, bad)], level)
        number = self._line(f"zext i1 {bad} to i32", level)
        before = self._line("load i32, ptr %flag", level)
        after = self._line(f"or i32 {before}, {number}", level)
        self._blocks[level].lines.append(f"store i32 {after}, ptr %flag")

    # loads

    def _load(self, x: Scalar, lanes: int, level: int) -> str:
        access = x.data
        buffer = access.buffer
        if buffer.place == "register":
            key = tuple([p.offset for d, p in enumerate(access.index) if d not in buffer.dropped])
            for block in reversed(self._blocks):
                if (buffer, key) in block.registers:
                    return block.registers[buffer, key]
            raise AssertionError(f"register {buffer.shape} {key} is not known")
        place = linear(buffer, access.index, access.flat)
        args = list(x.args)
        guard = args.pop() if access.guarded else None
        dynamic = self._dynamic(access, args, lanes, level)
        return self._fetch(buffer, place, guard, dynamic, level, lanes)

    def _dynamic(self, access: Any, args: Sequence[Scalar], lanes: int, level: int) -> tuple[str, bool] | None:
        """The part of a place that is known when running, and whether it differs between lanes."""
        if not args:
            return None
        strides = (1,) if access.flat else access.buffer.strides()
        steps = [s for p, s in zip(access.index, strides) if p is None]
        vector = any(self._is_vector(a) for a in args)
        count = lanes if vector else 1
        total = ""
        for a, step in zip(args, steps):
            kind = self._type(a.dtype, count)
            text = self._widened(a, count)
            if step != 1:
                text = self._line(f"mul {kind} {text}, {self._splat_const(step, a.dtype, count)}", level)
            total = text if not total else self._line(f"add {kind} {total}, {text}", level)
        return total, vector

    def _fetch(
        self, buffer: Buffer, place: Affine, guard: Scalar | None, dynamic: tuple[str, bool] | None,
        level: int | None = None, lanes: int | None = None,
    ) -> str:  # fmt: skip
        """Load elements, zeros where the guard or the lanes' mask says so."""
        level = len(self._blocks) - 1 if level is None else level
        state = self._lanes
        step = place.step(state.axis) if state is not None else 0
        if lanes is None:
            lanes = state.count if state is not None and step else 1
        dtype = buffer.dtype
        scalar = stored_type(dtype)
        if lanes == 1:
            offset = self._offset(place, dynamic, level)
            if guard is not None:
                offset = self._line(f"select i1 {self._value(guard)}, i64 {offset}, i64 0", level)
            elif dynamic is None:
                return self._truth(self._line(
                    f"load {scalar}, ptr {self._address(buffer, place, level)}, align {dtype.itemsize}", level), dtype, 1, level)  # fmt: skip
            pointer = self._line(f"getelementptr {scalar}, ptr {self.pointer(buffer)}, i64 {offset}", level)
            return self._truth(self._line(f"load {scalar}, ptr {pointer}, align {dtype.itemsize}", level), dtype, 1, level)
        assert state is not None
        kind = self._type(dtype, lanes, stored=True)
        mask = state.mask
        if guard is not None:
            given = self._widened(guard, lanes)
            mask = given if mask is None else self._line(f"and <{lanes} x i1> {mask}, {given}", level)
        scattered = step not in (0, 1) or (dynamic is not None and dynamic[1])
        if scattered:
            offsets = self._vector_place(place, level) if place.terms or not dynamic else self._splat_const(
                place.offset, np.dtype(np.int64), lanes)  # fmt: skip
            if dynamic is not None:
                more = dynamic[0] if dynamic[1] else self._splat_integer(dynamic[0], lanes, level)
                offsets = self._line(f"add <{lanes} x i64> {offsets}, {more}", level)
            pointers = self._line(f"getelementptr {scalar}, ptr {self.pointer(buffer)}, <{lanes} x i64> {offsets}", level)
            name = f"llvm.masked.gather.{self._suffix(dtype, lanes, True)}.v{lanes}p0"
            self.shared.declared.add(f"declare {kind} @{name}(<{lanes} x ptr>, i32, <{lanes} x i1>, {kind})")
            found = self._line(f"call {kind} @{name}(<{lanes} x ptr> {pointers}, i32 {dtype.itemsize}, "
                               f"<{lanes} x i1> {mask or self._all(lanes)}, {kind} zeroinitializer)", level)  # fmt: skip
            return self._truth(found, dtype, lanes, level)
        if step == 0:  # one element for all lanes, but the guard differs between them
            one = self._fetch_one(buffer, place, dynamic, guard, level)
            return self._splat(one, dtype, lanes, level)
        pointer = self._address(buffer, place, level, dynamic)
        if mask is None:
            found = self._line(f"load {kind}, ptr {pointer}, align {dtype.itemsize}", level)
        else:
            found = self._masked(pointer, dtype, lanes, mask, level)
        return self._truth(found, dtype, lanes, level)

    def _masked(self, pointer: str, dtype: np.dtype, lanes: int, mask: str, level: int) -> str:
        """Elements where a mask says so, and zeros."""
        kind = self._type(dtype, lanes, stored=True)
        if lanes * dtype.itemsize <= LOADED:
            name = f"llvm.masked.load.{self._suffix(dtype, lanes, True)}.p0"
            self.shared.declared.add(f"declare {kind} @{name}(ptr, i32, <{lanes} x i1>, {kind})")
            return self._line(f"call {kind} @{name}(ptr {pointer}, i32 {dtype.itemsize}, <{lanes} x i1> {mask}, "
                              f"{kind} zeroinitializer)", level)  # fmt: skip
        half = lanes // 2
        halves = []
        for start in (0, half):
            picked = ", ".join(f"i32 {start + i}" for i in range(half))
            part = self._line(f"shufflevector <{lanes} x i1> {mask}, <{lanes} x i1> poison, <{half} x i32> <{picked}>", level)
            at = self._line(f"getelementptr {stored_type(dtype)}, ptr {pointer}, i64 {start}", level)
            halves.append(self._masked(at, dtype, half, part, level))
        one, order = self._type(dtype, half, stored=True), ", ".join(f"i32 {i}" for i in range(lanes))
        return self._line(f"shufflevector {one} {halves[0]}, {one} {halves[1]}, <{lanes} x i32> <{order}>", level)

    def _fetch_one(
        self, buffer: Buffer, place: Affine, dynamic: tuple[str, bool] | None, guard: Scalar | None, level: int
    ) -> str:
        offset = self._offset(place, dynamic, level)
        if guard is not None:
            lanes = self._lanes.count  # type: ignore[union-attr]
            some = self._call(f"llvm.vector.reduce.or.v{lanes}i1", "i1", [(f"<{lanes} x i1>", self._widened(guard, lanes))], level)
            offset = self._line(f"select i1 {some}, i64 {offset}, i64 0", level)
        pointer = self._line(f"getelementptr {stored_type(buffer.dtype)}, ptr {self.pointer(buffer)}, i64 {offset}", level)
        found = self._line(f"load {stored_type(buffer.dtype)}, ptr {pointer}, align {buffer.dtype.itemsize}", level)
        return self._truth(found, buffer.dtype, 1, level)

    def _offset(self, place: Affine, dynamic: tuple[str, bool] | None, level: int) -> str:
        known = self._linear(place, level)
        if dynamic is None:
            return known
        return self._line(f"add i64 {dynamic[0]}, {known}", level)

    def _truth(self, value: str, dtype: np.dtype, lanes: int, level: int) -> str:
        """Truth values are bytes in memory."""
        if dtype != BOOL:
            return value
        kind = self._type(dtype, lanes, stored=True)
        zero = "0" if lanes == 1 else "zeroinitializer"
        return self._line(f"icmp ne {kind} {value}, {zero}", level)
