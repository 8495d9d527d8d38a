"""The text of `weigh`: some elements of a window times vectors of outputs, for all places.

Cotangents are turned beforehand, a few at a time, so that the outputs of a place are neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator

from funcgrad.compile.gridtext import DECLARED, GridText, halves
from funcgrad.compile.rowtext import indented
from funcgrad.ops.lines import OUTPUTS, RUN, UNIT, Weighing

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
define internal void @range{width}(ptr %array, ptr %offsets, i64 %low, i64 %high, ptr %turned, i64 %count,
    i64 %columns, i64 %column.step, i64 %row.jump, ptr %to, i64 %padded) noinline {{
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
  call void @sum{n}x{width}(ptr %array, ptr %offset, ptr %turned, i64 %count, i64 %columns,
    i64 %column.step, i64 %row.jump, ptr %own, i64 %padded)
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
  call void @range{n}(ptr %array, ptr %offsets, i64 %k.low, i64 %k.high, ptr %memory, i64 %count,
    i64 %columns, i64 %column.step, i64 %row.jump, ptr %to, i64 %padded)
  %o{n} = add i64 %o, {n}
  br label %next
"""


class WeighText(GridText):
    """The text of `weigh`: blocks of elements of a window and of OUTPUTS bytes of outputs, or a half or quarter."""

    def written(self) -> str:
        fields = Weighing._fields
        square = UNIT // self.size
        widths = [OUTPUTS // self.size, OUTPUTS // self.size // 2, square]
        texts = [DECLARED]
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
        blocks = [n for n in halves(8) if n * width // lanes <= 3 * self.count // 4]
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
        lines += self.totals(n, vectors, lanes)
        lines.append(f"%from = mul i64 %p, {width}")
        lines += self.vectors("%turned", "%from", vectors, lanes)
        for j in range(n):
            lines += self.multiplied(j, "%place", f"%offset{j}", vectors, lanes)
        lines += ["%c.more = add i64 %c, 1", "%ends = icmp eq i64 %c.more, %columns",
                  "%c.next = select i1 %ends, i64 0, i64 %c.more",
                  "%step = select i1 %ends, i64 %row.jump, i64 %column.step",
                  f"%place.next = getelementptr {self.t}, ptr %place, i64 %step",
                  "%p.next = add i64 %p, 1", "%more = icmp slt i64 %p.next, %count",
                  "br i1 %more, label %turn, label %done, !llvm.loop !0", "done:"]  # fmt: skip
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
