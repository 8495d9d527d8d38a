"""The text of `correlate`: some outputs times some vectors of places, for all elements of a window.

An element is one distance in memory from the place, so vectors are loaded as they lie in the array, whatever the shape
of the window.
"""

from __future__ import annotations

from funcgrad.compile.gridtext import DECLARED, GridText, halves
from funcgrad.compile.rowtext import indented
from funcgrad.ops.lines import LINE, TILE, Placing

_ROWS = """
; what a line has of rows of the result: places `low` to `high` of some outputs
define internal void @rows(ptr %line, ptr %to, i64 %low, i64 %high, i64 %row, i64 %width, i64 %outputs,
    i64 %channel) noinline {{
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
define internal void @line{n}(ptr %array, ptr %weights, ptr %offsets, i64 %depth, ptr %line, i64 %low,
    i64 %high) noinline {{
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


class LineText(GridText):
    """The text of `correlate`: blocks of outputs and vectors of places, for three quarters of the registers.

    It has 0.85 of the multiply-adds a second that the machine can do, at best; of 2 vectors 0.7.
    """

    most = 3
    """Vectors of places in registers."""

    def written(self) -> str:
        blocks = [*halves(self.count // 4)[:-2], 3, 2, 1]  # 3, as images have colours
        tile, stride = self.most * self.lanes, LINE + TILE
        assert tile <= TILE
        numbers = ", ".join(f"i64 {i}" for i in range(self.lanes))
        common = {"t": self.t, "vector": self.vector, "suffix": self.suffix, "lanes": self.lanes, "size": self.size}
        functions = [self._tile(n, v) for n in blocks for v in range(1, self.most + 1)]
        lines = [self._line(n, tile) for n in blocks]
        tries = "".join(_BLOCK.format(n=n, less=less) for n, less in zip(blocks, [*blocks[1:], 0]))
        nexts = ", ".join(f"[ %o{n}, %block{n} ]" for n in blocks)
        part = _PIECE.format(t=self.t, tile=TILE, most=blocks[0], blocks=tries, next=nexts)
        rows = _ROWS.format(stride=stride, numbers=numbers, **common)
        fma = f"declare {self.vector} @llvm.fmuladd.{self.suffix}({self.vector}, {self.vector}, {self.vector})"
        fields = Placing._fields
        begun = self.begun(fields, TILE + blocks[0] * stride)
        return "\n".join([DECLARED, fma, *functions, *lines, rows, begun + part, self.looped(fields)])

    def _line(self, n: int, tile: int) -> str:
        def call(vectors: int, place: str) -> str:
            return (
                f"  %to{place} = sub i64 %{place}, %low\n"
                f"  %to.{place} = getelementptr {self.t}, ptr %line, i64 %to{place}\n"
                f"  %from.{place} = getelementptr {self.t}, ptr %array, i64 %{place}\n"
                f"  call void @tile{n}x{vectors}(ptr %from.{place}, ptr %weights, ptr %offsets, i64 %depth, "
                f"ptr %to.{place})\n"
            )

        some = range(1, self.most + 1)
        rests = "".join(
            f"rest{v}:\n  %last{v} = sub i64 %high, {v * self.lanes}\n{call(v, f'last{v}')}  br label %done\n"
            for v in some
        )
        return _LINE.format(
            n=n, tile=tile, less=self.lanes - 1, lanes=self.lanes, full=call(self.most, "i"), rests=rests,
            cases=" ".join(f"i64 {v}, label %rest{v}" for v in some),
        )  # fmt: skip

    def _tile(self, n: int, vectors: int) -> str:
        """Some outputs at the places of some vectors."""
        lines = [f"%row{j} = mul i64 %depth, {j}" for j in range(n)]
        lines += ["br label %turn", "turn:", "%k = phi i64 [ 0, %entry ], [ %k.next, %turn ]"]
        lines += self.totals(n, vectors, self.lanes)
        lines += ["%offset.at = getelementptr i64, ptr %offsets, i64 %k", "%offset = load i64, ptr %offset.at",
                  f"%weight = getelementptr {self.t}, ptr %weights, i64 %k"]  # fmt: skip
        lines += self.vectors("%array", "%offset", vectors, self.lanes)
        for j in range(n):
            lines += self.multiplied(j, "%weight", f"%row{j}", vectors, self.lanes)
        lines += ["%k.next = add i64 %k, 1", "%more = icmp slt i64 %k.next, %depth",
                  "br i1 %more, label %turn, label %done, !llvm.loop !0", "done:"]  # fmt: skip
        for j in range(n):
            for v in range(vectors):
                offset = j * (LINE + TILE) + v * self.lanes
                lines.append(f"%to{j}.{v} = getelementptr {self.t}, ptr %to, i64 {offset}")
                lines.append(f"store {self.vector} %sum{j}.{v}, ptr %to{j}.{v}, align {self.size}")
        head = f"@tile{n}x{vectors}(ptr %array, ptr %weights, ptr %offsets, i64 %depth, ptr %to)"
        return f"define internal void {head} noinline {{\nentry:\n{indented(lines)}\n  ret void\n}}"
