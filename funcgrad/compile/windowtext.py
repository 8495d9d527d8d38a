"""Products of an array's windows as generalised universal functions, which lay no windows out in memory.

`correlate` has some outputs times some vectors of places in registers, and goes through all elements of a window: each
is one distance in memory from the place, so vectors are loaded as they lie in the array, whatever the kernel's shape.
`weigh` has some elements of a window times vectors of outputs in registers, and goes through places: cotangents are
turned beforehand, a few at a time, so that the outputs of a place are neighbours.

Each number of a result is a sum in one order, by which lanes, block or thread it may be computed. How many registers
there are, and of what size, is the machine's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from funcgrad.compile import pool, ufuncs
from funcgrad.compile.machine import load, registers
from funcgrad.compile.rowtext import indented
from funcgrad.ops.lines import LINE, OUTPUTS, RUN, TILE, UNIT, Placing, Weighing

_DECLARED = """
declare i32 @feclearexcept(i32)
declare void @fg_parallel(ptr, ptr, i64)
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
"""
_LOOP = """
; args: a plan, two arrays, the result
define void @loop(ptr %context, ptr %dimensions, ptr %steps, ptr %data) {{
entry:
  %plan = load ptr, ptr %context
{plan}
  %few = icmp ne i64 %alone, 0
""" + ufuncs.IN_PARTS + """done:
  %status = call i32 @feclearexcept(i32 63)
  ret void
}}
"""
_PART = """
define internal void @part(ptr %context, i64 %part) {{
entry:
  %memory = alloca [{memory} x {t}], align 64
  %plan = load ptr, ptr %context
  %left.at = getelementptr ptr, ptr %context, i64 1
  %left.array = load ptr, ptr %left.at
  %right.at = getelementptr ptr, ptr %context, i64 2
  %right.array = load ptr, ptr %right.at
  %out.at = getelementptr ptr, ptr %context, i64 3
  %out = load ptr, ptr %out.at
{plan}
  %offsets = getelementptr i64, ptr %plan, i64 {fields}
  %slice.offsets = getelementptr i64, ptr %offsets, i64 %depth
"""


def ufunc(name: str, char: str) -> np.ufunc | None:
    """`correlate` or `weigh`, (p),(a),(b)->(c): a plan, `Placing` or `Weighing` with its offsets, and flat arrays.

    What a plan says is not checked. The results of `weigh` are added to what `out=` holds.
    """
    if not ufuncs.is_available():
        return None
    pool.address()
    dtype = np.dtype(char)
    text = {"correlate": _Correlate, "weigh": _Weigh}[name](dtype).written()
    return ufuncs.made(load(text), [np.dtype(np.int64), dtype, dtype, dtype], 3, name, "(p),(a),(b)->(c)")


def _loads(fields: Sequence[str]) -> str:
    """The numbers of a plan."""
    lines = []
    for k, name in enumerate(field.replace("_", ".") for field in fields):
        lines += [f"%{name}.at = getelementptr i64, ptr %plan, i64 {k}", f"%{name} = load i64, ptr %{name}.at"]
    return indented(lines)


def _halves(most: int) -> list[int]:
    """A power of two and all below it."""
    return [2**k for k in reversed(range(most.bit_length()))]


class _Text:
    """What both have: vectors of a type, and a grid of sums in registers."""

    def __init__(self, dtype: np.dtype) -> None:
        self.count, size = registers()
        self.size = dtype.itemsize
        self.t = "double" if self.size == 8 else "float"
        self.lanes = size // self.size
        self.vector, self.suffix = self.typed(self.lanes)

    def typed(self, lanes: int) -> tuple[str, str]:
        return f"<{lanes} x {self.t}>", f"v{lanes}f{8 * self.size}"

    def begun(self, plan: Sequence[str], memory: int) -> str:
        return _PART.format(memory=memory, t=self.t, plan=_loads(plan), fields=len(plan))

    def looped(self, plan: Sequence[str]) -> str:
        return _LOOP.format(plan=_loads(plan[:2]))

    def grid(self, label: str, before: str, rows: int, columns: int, lanes: int, first: str) -> Iterator[str]:
        """The sums of a loop, which begin as `first` where the loop is entered from `before`."""
        vector, _ = self.typed(lanes)
        for j in range(rows):
            for v in range(columns):
                begin = first.format(j=j, v=v)
                yield f"%{label}{j}.{v} = phi {vector} [ {begin}, %{before} ], [ %sum{j}.{v}, %turn ]"

    def many(self, name: str, place: str, index: str, columns: int, lanes: int) -> Iterator[str]:
        """Neighbouring vectors, from an element on."""
        vector, _ = self.typed(lanes)
        yield f"%{name}.at = getelementptr {self.t}, ptr {place}, i64 {index}"
        for v in range(columns):
            yield f"%{name}.at{v} = getelementptr {self.t}, ptr %{name}.at, i64 {v * lanes}"
            yield f"%{name}{v} = load {vector}, ptr %{name}.at{v}, align {self.size}"

    def multiplied(self, j: int, place: str, index: str, columns: int, lanes: int) -> Iterator[str]:
        """One number times the vectors %x, added to row j of the sums."""
        vector, suffix = self.typed(lanes)
        yield f"%one.at{j} = getelementptr {self.t}, ptr {place}, i64 {index}"
        yield f"%one{j} = load {self.t}, ptr %one.at{j}"
        yield f"%first{j} = insertelement {vector} poison, {self.t} %one{j}, i64 0"
        yield f"%all{j} = shufflevector {vector} %first{j}, {vector} poison, <{lanes} x i32> zeroinitializer"
        for v in range(columns):
            yield (f"%sum{j}.{v} = call {vector} @llvm.fmuladd.{suffix}"
                   f"({vector} %x{v}, {vector} %all{j}, {vector} %total{j}.{v})")  # fmt: skip


# ---- correlate ----

_ROWS = """
; what a line has of rows of the result: places `low` to `high` of some outputs
define internal void @rows(ptr %line, ptr %to, i64 %low, i64 %high, i64 %row, i64 %width, i64 %outputs, i64 %channel) noinline {{
entry:
  %first = sdiv i64 %low, %row
  br label %output
output:
  %j = phi i64 [ 0, %entry ], [ %j.next, %after ]
  %line.offset = mul i64 %j, {stride}
  %own = getelementptr {t}, ptr %line, i64 %line.offset
  %plane.offset = mul i64 %j, %channel
  %plane = getelementptr {t}, ptr %to, i64 %plane.offset
  br label %look
look:
  %r = phi i64 [ %first, %output ], [ %r.next, %copied ]
  %start = mul i64 %r, %row
  %begun = icmp slt i64 %start, %high
  br i1 %begun, label %copy, label %after
copy:
  %r.next = add i64 %r, 1
  %full = add i64 %start, %width
  %from = call i64 @llvm.smax.i64(i64 %start, i64 %low)
  %end = call i64 @llvm.smin.i64(i64 %full, i64 %high)
  %source.offset = sub i64 %from, %low
  %source = getelementptr {t}, ptr %own, i64 %source.offset
  %rows.before = mul i64 %r, %width
  %in.row = sub i64 %from, %start
  %target.offset = add i64 %rows.before, %in.row
  %target = getelementptr {t}, ptr %plane, i64 %target.offset
  %count = sub i64 %end, %from
  br label %vectors
vectors:
  %i = phi i64 [ 0, %copy ], [ %i.next, %vector ]
  %i.next = add i64 %i, {lanes}
  %fits = icmp sle i64 %i.next, %count
  %x.at = getelementptr {t}, ptr %source, i64 %i
  %y.at = getelementptr {t}, ptr %target, i64 %i
  br i1 %fits, label %vector, label %rest
vector:
  %x = load {vector}, ptr %x.at, align {size}
  store {vector} %x, ptr %y.at, align {size}
  br label %vectors
rest:
  %left = sub i64 %count, %i
  %any = icmp sgt i64 %left, 0
  br i1 %any, label %some, label %copied
some:
  %left.one = insertelement <{lanes} x i64> poison, i64 %left, i64 0
  %lefts = shufflevector <{lanes} x i64> %left.one, <{lanes} x i64> poison, <{lanes} x i32> zeroinitializer
  %inside = icmp ult <{lanes} x i64> <{numbers}>, %lefts
  %z = load {vector}, ptr %x.at, align {size}
  call void @llvm.masked.store.{suffix}.p0({vector} %z, ptr %y.at, i32 {size}, <{lanes} x i1> %inside)
  br label %copied
copied:
  br label %look
after:
  %j.next = add i64 %j, 1
  %again = icmp slt i64 %j.next, %outputs
  br i1 %again, label %output, label %done
done:
  ret void
}}
declare void @llvm.masked.store.{suffix}.p0({vector}, ptr, i32, <{lanes} x i1>)
"""
_PIECE = """  %line = getelementptr {t}, ptr %memory, i64 {tile}
  %p = srem i64 %part, %pieces
  %q = sdiv i64 %part, %pieces
  %s = srem i64 %q, %slices
  %n = sdiv i64 %q, %slices
  %slice.at = getelementptr i64, ptr %slice.offsets, i64 %s
  %slice = load i64, ptr %slice.at
  %image = mul i64 %n, %image.step
  %array.offset = add i64 %image, %slice
  %array = getelementptr {t}, ptr %left.array, i64 %array.offset
  %out.image = mul i64 %n, %out.step
  %out.slice = mul i64 %s, %slice.step
  %out.offset = add i64 %out.image, %out.slice
  %result = getelementptr {t}, ptr %out, i64 %out.offset
  %low = mul i64 %p, %piece
  %end = add i64 %low, %piece
  %high = call i64 @llvm.smin.i64(i64 %end, i64 %places)
  br label %look
look:
  %o = phi i64 [ 0, %entry ], {next}
  %left = sub i64 %outputs, %o
  %weights.offset = mul i64 %o, %depth
  %weights = getelementptr {t}, ptr %right.array, i64 %weights.offset
  %plane.offset = mul i64 %o, %channel
  %plane = getelementptr {t}, ptr %result, i64 %plane.offset
  br label %try{most}
{blocks}try0:
  ret void
}}
"""
_BLOCK = """try{n}:
  %enough{n} = icmp sge i64 %left, {n}
  br i1 %enough{n}, label %block{n}, label %try{less}
block{n}:
  call void @line{n}(ptr %array, ptr %weights, ptr %offsets, i64 %depth, ptr %line, i64 %low, i64 %high)
  call void @rows(ptr %line, ptr %plane, i64 %low, i64 %high, i64 %row, i64 %width, i64 {n}, i64 %channel)
  %o{n} = add i64 %o, {n}
  br label %look
"""
_LINE = """
; places `low` to `high` of a line; what is left behind the full tiles begins with some that are computed again
define internal void @line{n}(ptr %array, ptr %weights, ptr %offsets, i64 %depth, ptr %line, i64 %low, i64 %high) noinline {{
entry:
  br label %look
look:
  %i = phi i64 [ %low, %entry ], [ %i.next, %full ]
  %i.next = add i64 %i, {tile}
  %fits = icmp sle i64 %i.next, %high
  br i1 %fits, label %full, label %rest
full:
{full}  br label %look
rest:
  %left = sub i64 %high, %i
  %up = add i64 %left, {less}
  %vectors = sdiv i64 %up, {lanes}
  switch i64 %vectors, label %done [ {cases} ]
{rests}done:
  ret void
}}
"""


class _Correlate(_Text):
    """The text of `correlate`: blocks of outputs and vectors of places, for three quarters of the registers.

    It has 0.85 of the multiply-adds a second that the machine can do, at best; of 2 vectors 0.7.
    """

    vectors = 3

    def written(self) -> str:
        blocks = _halves(self.count // 4)
        tile, stride = self.vectors * self.lanes, LINE + TILE
        assert tile <= TILE
        numbers = ", ".join(f"i64 {i}" for i in range(self.lanes))
        common = {"t": self.t, "vector": self.vector, "suffix": self.suffix, "lanes": self.lanes, "size": self.size}
        functions = [self._tile(n, v) for n in blocks for v in range(1, self.vectors + 1)]
        lines = [self._line(n, tile) for n in blocks]
        tries = "".join(_BLOCK.format(n=n, less=n // 2) for n in blocks)
        nexts = ", ".join(f"[ %o{n}, %block{n} ]" for n in blocks)
        part = _PIECE.format(t=self.t, tile=TILE, most=blocks[0], blocks=tries, next=nexts)
        rows = _ROWS.format(stride=stride, numbers=numbers, **common)
        fma = f"declare {self.vector} @llvm.fmuladd.{self.suffix}({self.vector}, {self.vector}, {self.vector})"
        fields = Placing._fields
        begun = self.begun(fields, TILE + blocks[0] * stride)
        return "\n".join([_DECLARED, fma, *functions, *lines, rows, begun + part, self.looped(fields)])

    def _line(self, n: int, tile: int) -> str:
        def call(vectors: int, place: str) -> str:
            return (
                f"  %to{place} = sub i64 %{place}, %low\n"
                f"  %to.{place} = getelementptr {self.t}, ptr %line, i64 %to{place}\n"
                f"  %from.{place} = getelementptr {self.t}, ptr %array, i64 %{place}\n"
                f"  call void @tile{n}x{vectors}(ptr %from.{place}, ptr %weights, ptr %offsets, i64 %depth, "
                f"ptr %to.{place})\n"
            )

        some = range(1, self.vectors + 1)
        rests = "".join(
            f"rest{v}:\n  %last{v} = sub i64 %high, {v * self.lanes}\n{call(v, f'last{v}')}  br label %done\n"
            for v in some
        )
        return _LINE.format(
            n=n, tile=tile, less=self.lanes - 1, lanes=self.lanes, full=call(self.vectors, "i"), rests=rests,
            cases=" ".join(f"i64 {v}, label %rest{v}" for v in some),
        )  # fmt: skip

    def _tile(self, n: int, vectors: int) -> str:
        """Some outputs at the places of some vectors."""
        lines = [f"%row{j} = mul i64 %depth, {j}" for j in range(n)]
        lines += ["br label %turn", "turn:", "%k = phi i64 [ 0, %entry ], [ %k.next, %turn ]"]
        lines += self.grid("total", "entry", n, vectors, self.lanes, "zeroinitializer")
        lines += ["%offset.at = getelementptr i64, ptr %offsets, i64 %k", "%offset = load i64, ptr %offset.at",
                  f"%weight = getelementptr {self.t}, ptr %weights, i64 %k"]  # fmt: skip
        lines += self.many("x", "%array", "%offset", vectors, self.lanes)
        for j in range(n):
            lines += self.multiplied(j, "%weight", f"%row{j}", vectors, self.lanes)
        lines += ["%k.next = add i64 %k, 1", "%more = icmp slt i64 %k.next, %depth",
                  "br i1 %more, label %turn, label %done", "done:"]  # fmt: skip
        for j in range(n):
            for v in range(vectors):
                offset = j * (LINE + TILE) + v * self.lanes
                lines.append(f"%to{j}.{v} = getelementptr {self.t}, ptr %to, i64 {offset}")
                lines.append(f"store {self.vector} %sum{j}.{v}, ptr %to{j}.{v}, align {self.size}")
        head = f"@tile{n}x{vectors}(ptr %array, ptr %weights, ptr %offsets, i64 %depth, ptr %to)"
        return f"define internal void {head} noinline {{\nentry:\n{indented(lines)}\n  ret void\n}}"


# ---- weigh ----

_TURNED = """
; cotangents of places, turned: those of {width} outputs are neighbours, zeros where there are fewer
define internal void @turn{width}(ptr %from, i64 %channel, i64 %outputs, i64 %count, ptr %to) noinline {{
entry:
  br label %column
column:
  %j = phi i64 [ 0, %entry ], [ %j.next, %after ]
  %j.next = add i64 %j, {square}
  %whole = icmp sle i64 %j.next, %outputs
  %first = mul i64 %j, %channel
  %source = getelementptr {t}, ptr %from, i64 %first
  %target = getelementptr {t}, ptr %to, i64 %j
  br label %look
look:
  %p = phi i64 [ 0, %column ], [ %p.next, %square ], [ %some.next, %some.done ]
  %more = icmp slt i64 %p, %count
  br i1 %more, label %choose, label %after
choose:
  %p.next = add i64 %p, {square}
  %fits = icmp sle i64 %p.next, %count
  %square.fits = and i1 %fits, %whole
  %some.next = add i64 %p, 1
  %x.at = getelementptr {t}, ptr %source, i64 %p
  %y.offset = mul i64 %p, {width}
  %y.at = getelementptr {t}, ptr %target, i64 %y.offset
  br i1 %square.fits, label %square, label %some
square:
{squared}
  br label %look
some:
  %i = phi i64 [ 0, %choose ], [ %i.next, %one ]
  %output = add i64 %j, %i
  %is.there = icmp slt i64 %output, %outputs
  %z.offset = mul i64 %i, %channel
  %z.at = getelementptr {t}, ptr %x.at, i64 %z.offset
  br i1 %is.there, label %read, label %one
read:
  %z = load {t}, ptr %z.at
  br label %one
one:
  %value = phi {t} [ %z, %read ], [ 0.0, %some ]
  %value.at = getelementptr {t}, ptr %y.at, i64 %i
  store {t} %value, ptr %value.at
  %i.next = add i64 %i, 1
  %again = icmp slt i64 %i.next, {square}
  br i1 %again, label %some, label %some.done
some.done:
  br label %look
after:
  %finished = icmp sge i64 %j.next, {width}
  br i1 %finished, label %done, label %column
done:
  ret void
}}
"""
_RANGE = """
; some elements of a window, for {width} outputs, of a run of places
define internal void @range{width}(ptr %array, ptr %offsets, i64 %low, i64 %high, ptr %turned, i64 %count, i64 %columns, i64 %column.step, i64 %row.jump, ptr %to, i64 %padded) noinline {{
entry:
  br label %look
look:
  %k = phi i64 [ %low, %entry ], {next}
  %left = sub i64 %high, %k
  %offset = getelementptr i64, ptr %offsets, i64 %k
  %to.offset = mul i64 %k, %padded
  %own = getelementptr {t}, ptr %to, i64 %to.offset
  br label %try{most}
{blocks}try0:
  ret void
}}
"""
_SOME = """try{n}:
  %enough{n} = icmp sge i64 %left, {n}
  br i1 %enough{n}, label %block{n}, label %try{less}
block{n}:
  call void @sum{n}x{width}(ptr %array, ptr %offset, ptr %turned, i64 %count, i64 %columns, i64 %column.step, i64 %row.jump, ptr %own, i64 %padded)
  %k{n} = add i64 %k, {n}
  br label %look
"""
_RUNS = """  %t = srem i64 %part, %tiles
  %q = sdiv i64 %part, %tiles
  %r = srem i64 %q, %ranges
  %g = sdiv i64 %q, %ranges
  %k.low = mul i64 %r, %range
  %k.end = add i64 %k.low, %range
  %k.high = call i64 @llvm.smin.i64(i64 %k.end, i64 %depth)
  %first = mul i64 %g, %each
  %o.low = mul i64 %t, {width}
  %o.end = add i64 %o.low, {width}
  %o.high = call i64 @llvm.smin.i64(i64 %o.end, i64 %padded)
  %group = mul i64 %depth, %padded
  %group.offset = mul i64 %g, %group
  %result = getelementptr {t}, ptr %out, i64 %group.offset
  %columns.less = sub i64 %run.columns, 1
  %columns.most = add i64 %width, %columns.less
  %in.row = sdiv i64 %columns.most, %run.columns
  %rows.less = sub i64 %run.rows, 1
  %rows.most = add i64 %height, %rows.less
  %in.column = sdiv i64 %rows.most, %run.rows
  %after.first = add i64 %first, %each
  %last = call i64 @llvm.smin.i64(i64 %after.first, i64 %images)
  %some = sub i64 %last, %first
  %of.image = mul i64 %in.row, %in.column
  %of.slices = mul i64 %of.image, %slices
  %runs = mul i64 %some, %of.slices
  br label %look
look:
  %u = phi i64 [ 0, %entry ], [ %u.next, %try0 ]
  %more = icmp slt i64 %u, %runs
  br i1 %more, label %run, label %done
run:
  %u.next = add i64 %u, 1
  %c = srem i64 %u, %in.row
  %u.rows = sdiv i64 %u, %in.row
  %h = srem i64 %u.rows, %in.column
  %u.slices = sdiv i64 %u.rows, %in.column
  %s = srem i64 %u.slices, %slices
  %u.image = sdiv i64 %u.slices, %slices
  %n = add i64 %first, %u.image
  %column = mul i64 %c, %run.columns
  %row = mul i64 %h, %run.rows
  %columns.left = sub i64 %width, %column
  %columns = call i64 @llvm.smin.i64(i64 %columns.left, i64 %run.columns)
  %rows.left = sub i64 %height, %row
  %rows = call i64 @llvm.smin.i64(i64 %rows.left, i64 %run.rows)
  %count = mul i64 %rows, %columns
  %turns = sub i64 %columns, 1
  %back = mul i64 %turns, %column.step
  %row.jump = sub i64 %row.step, %back
  %slice.at = getelementptr i64, ptr %slice.offsets, i64 %s
  %slice = load i64, ptr %slice.at
  %image = mul i64 %n, %image.step
  %image.slice = add i64 %image, %slice
  %down = mul i64 %row, %row.step
  %image.row = add i64 %image.slice, %down
  %along = mul i64 %column, %column.step
  %array.offset = add i64 %image.row, %along
  %array = getelementptr {t}, ptr %left.array, i64 %array.offset
  %ct.image = mul i64 %n, %out.step
  %ct.slice = mul i64 %s, %slice.step
  %ct.sum = add i64 %ct.image, %ct.slice
  %ct.row = mul i64 %row, %width
  %ct.down = add i64 %ct.sum, %ct.row
  %ct.offset = add i64 %ct.down, %column
  %ct = getelementptr {t}, ptr %right.array, i64 %ct.offset
  br label %next
next:
  %o = phi i64 [ %o.low, %run ], {next}
  %left = sub i64 %o.high, %o
  %there = sub i64 %outputs, %o
  %channel.offset = mul i64 %o, %channel
  %own = getelementptr {t}, ptr %ct, i64 %channel.offset
  %to = getelementptr {t}, ptr %result, i64 %o
  br label %try{width}
{blocks}try0:
  br label %look
done:
  ret void
}}
"""
_OUTPUTS = """try{n}:
  %enough{n} = icmp sge i64 %left, {n}
  br i1 %enough{n}, label %block{n}, label %try{less}
block{n}:
  call void @turn{n}(ptr %own, i64 %channel, i64 %there, i64 %count, ptr %memory)
  call void @range{n}(ptr %array, ptr %offsets, i64 %k.low, i64 %k.high, ptr %memory, i64 %count, i64 %columns, i64 %column.step, i64 %row.jump, ptr %to, i64 %padded)
  %o{n} = add i64 %o, {n}
  br label %next
"""


class _Weigh(_Text):
    """The text of `weigh`: blocks of elements of a window and of OUTPUTS bytes of outputs, or a half or quarter."""

    def written(self) -> str:
        fields = Weighing._fields
        square = UNIT // self.size
        widths = [OUTPUTS // self.size, OUTPUTS // self.size // 2, square]
        texts = [_DECLARED]
        declared = {min(w, self.lanes) for w in widths}
        texts += [f"declare {v} @llvm.fmuladd.{s}({v}, {v}, {v})" for v, s in map(self.typed, declared)]
        for width in widths:
            texts += self._of_width(width, square)
        blocks = "".join(_OUTPUTS.format(n=n, less=0 if n == square else n // 2) for n in widths)
        nexts = ", ".join(f"[ %o{n}, %block{n} ]" for n in widths)
        part = _RUNS.format(t=self.t, width=widths[0], blocks=blocks, next=nexts)
        return "\n".join([*texts, self.begun(fields, widths[0] * RUN) + part, self.looped(fields)])

    def _of_width(self, width: int, square: int) -> Iterator[str]:
        lanes = min(width, self.lanes)
        blocks = [n for n in _halves(8) if n * width // lanes <= 3 * self.count // 4]
        for n in blocks:
            yield self._sum(n, width, lanes)
        yield _TURNED.format(t=self.t, width=width, square=square, squared=self._squared(square, width))
        nexts = ", ".join(f"[ %k{n}, %block{n} ]" for n in blocks)
        some = "".join(_SOME.format(n=n, less=n // 2, width=width) for n in blocks)
        yield _RANGE.format(t=self.t, width=width, most=blocks[0], blocks=some, next=nexts)

    def _squared(self, square: int, width: int) -> str:
        """A square of numbers turned: rows i and i + half shuffled into one another, until each has been with each."""
        vector, _ = self.typed(square)
        lines = []
        for i in range(square):
            lines += [f"%x{i}.offset = mul i64 %channel, {i}",
                      f"%x{i}.at = getelementptr {self.t}, ptr %x.at, i64 %x{i}.offset",
                      f"%s0.{i} = load {vector}, ptr %x{i}.at, align {self.size}"]  # fmt: skip
        half, turns = square // 2, square.bit_length() - 1
        for turn in range(turns):
            for i in range(half):
                for k, start in enumerate((0, half)):
                    picked = ", ".join(f"i32 {start + n}, i32 {square + start + n}" for n in range(half))
                    lines.append(f"%s{turn + 1}.{2 * i + k} = shufflevector {vector} %s{turn}.{i}, "
                                 f"{vector} %s{turn}.{i + half}, <{square} x i32> <{picked}>")  # fmt: skip
        for i in range(square):
            lines += [f"%y{i}.at = getelementptr {self.t}, ptr %y.at, i64 {i * width}",
                      f"store {vector} %s{turns}.{i}, ptr %y{i}.at, align {self.size}"]  # fmt: skip
        return indented(lines)

    def _sum(self, n: int, width: int, lanes: int) -> str:
        vectors = width // lanes
        vector, _ = self.typed(lanes)
        lines = []
        for j in range(n):
            lines += [f"%offset.at{j} = getelementptr i64, ptr %offsets, i64 {j}",
                      f"%offset{j} = load i64, ptr %offset.at{j}"]  # fmt: skip
        lines += ["br label %turn", "turn:", "%p = phi i64 [ 0, %entry ], [ %p.next, %turn ]",
                  "%c = phi i64 [ 0, %entry ], [ %c.next, %turn ]",
                  "%place = phi ptr [ %array, %entry ], [ %place.next, %turn ]"]  # fmt: skip
        lines += self.grid("total", "entry", n, vectors, lanes, "zeroinitializer")
        lines.append(f"%from = mul i64 %p, {width}")
        lines += self.many("x", "%turned", "%from", vectors, lanes)
        for j in range(n):
            lines += self.multiplied(j, "%place", f"%offset{j}", vectors, lanes)
        lines += ["%c.more = add i64 %c, 1", "%ends = icmp eq i64 %c.more, %columns",
                  "%c.next = select i1 %ends, i64 0, i64 %c.more",
                  "%step = select i1 %ends, i64 %row.jump, i64 %column.step",
                  f"%place.next = getelementptr {self.t}, ptr %place, i64 %step",
                  "%p.next = add i64 %p, 1", "%more = icmp slt i64 %p.next, %count",
                  "br i1 %more, label %turn, label %done", "done:"]  # fmt: skip
        for j in range(n):
            lines += [f"%to.offset{j} = mul i64 %padded, {j}",
                      f"%to{j} = getelementptr {self.t}, ptr %to, i64 %to.offset{j}"]  # fmt: skip
            for v in range(vectors):
                lines += [f"%to{j}.{v} = getelementptr {self.t}, ptr %to{j}, i64 {v * lanes}",
                          f"%before{j}.{v} = load {vector}, ptr %to{j}.{v}, align {self.size}",
                          f"%now{j}.{v} = fadd {vector} %before{j}.{v}, %sum{j}.{v}",
                          f"store {vector} %now{j}.{v}, ptr %to{j}.{v}, align {self.size}"]  # fmt: skip
        arguments = ("ptr %array, ptr %offsets, ptr %turned, i64 %count, i64 %columns, i64 %column.step, "
                     "i64 %row.jump, ptr %to, i64 %padded")  # fmt: skip
        head = f"@sum{n}x{width}({arguments})"
        return f"define internal void {head} noinline {{\nentry:\n{indented(lines)}\n  ret void\n}}"
