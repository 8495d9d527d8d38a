"""The same as rowtext.py along an axis that others follow in memory: blocks of rows side by side, LANES at once.

What a row has one number of is a vector for each LANES of them then. A pass goes down a block, in each line from one
vector to the next, so that it reads memory as it lies; folds go down the lanes in the same runs. Where they are cut
depends on the length of the row alone, and no lane on its place. Behind the last full vector of rows come once more the
last LANES of them, computed by the thread that had those before, so that nothing needs a mask.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from funcgrad.compile import ufuncs
from funcgrad.compile.rowtext import HALVES, Pass, RowText, Step, indented, together_in
from funcgrad.core.avals import Aval
from funcgrad.core.graph import Atom, Eqn, Graph, Var
from funcgrad.ops.broadcasting import broadcast_to
from funcgrad.ops.large import LANES

WIDE = 1024
"""Bytes of a block's lines, about: long enough to be read as a stream, while what its rows have one number of stays in
the nearest cache. From 512 to 4096 it is as fast, with 256 half as fast where lines compete for places of the cache."""
FEW, NARROW = 4, 3
"""Blocks that there are at least, for threads to share, and vectors that each has at least, while caches hold them."""
TALL = 2**18
"""Elements of columns from which on a block has at least half of WIDE: of less than 200 bytes from each line of 20 000,
down which cores go side by side, memory gives half as much as of whole lines to one of them."""

_PART = """
define internal void @part(ptr %context, i64 %part) {{
entry:
{given}
  %n.at = getelementptr i64, ptr %context, i64 {n}
  %n = load i64, ptr %n.at
  %m.at = getelementptr i64, ptr %context, i64 {m}
  %m = load i64, ptr %m.at
  %units.at = getelementptr i64, ptr %context, i64 {units}
  %units = load i64, ptr %units.at
  %each.at = getelementptr i64, ptr %context, i64 {each}
  %each = load i64, ptr %each.at
  %wide.at = getelementptr i64, ptr %context, i64 {wide}
  %wide = load i64, ptr %wide.at
  %blocks.at = getelementptr i64, ptr %context, i64 {blocks}
  %blocks = load i64, ptr %blocks.at
  %left = srem i64 %m, {lanes}
  %full = sub i64 %m, %left
  %some = icmp sgt i64 %left, 0
  %last = sub i64 %blocks, 1
  %before = sub i64 %m, {lanes}
  %low = mul i64 %part, %each
  %end = add i64 %low, %each
  %high = call i64 @llvm.smin.i64(i64 %end, i64 %units)
  br label %look
look:
  %u = phi i64 [ %low, %entry ], [ %next, %did ]
  %more = icmp slt i64 %u, %high
  br i1 %more, label %unit, label %done
unit:
  %next = add i64 %u, 1
  %r = sdiv i64 %u, %blocks
  %b = srem i64 %u, %blocks
  %at = mul i64 %b, %wide
  %there = sub i64 %full, %at
  %here = call i64 @llvm.smin.i64(i64 %there, i64 %wide)
  %is.last = icmp eq i64 %b, %last
  %again = and i1 %is.last, %some
  br label %columns
columns:
  %column = phi i64 [ %at, %unit ], [ %before, %columns ]
  %width = phi i64 [ %here, %unit ], [ {lanes}, %columns ]
  %repeat = phi i1 [ %again, %unit ], [ false, %columns ]
{places}
  call void @block({arguments}, i64 %n, i64 %m, i64 %width)
  br i1 %repeat, label %columns, label %did
did:
  br label %look
done:
  ret void
}}
define void @loop(ptr %args, ptr %dimensions, ptr %steps, ptr %data) {{
entry:
  %context = alloca [{words} x i64]
  %outer = load i64, ptr %dimensions
  %n.from = getelementptr i64, ptr %dimensions, i64 1
  %n = load i64, ptr %n.from
  %m.from = getelementptr i64, ptr %dimensions, i64 2
  %m = load i64, ptr %m.from
  %vectors = sdiv i64 %m, {lanes}
  %streams = sdiv i64 %vectors, {stream}
  %of.these = mul i64 %n, %m
  %tall = icmp sge i64 %of.these, {tall}
  %narrow = select i1 %tall, i64 {half}, i64 {narrow}
  %shares = sdiv i64 %vectors, %narrow
  %shared = call i64 @llvm.smin.i64(i64 %shares, i64 {few})
  %several = call i64 @llvm.smax.i64(i64 %streams, i64 %shared)
  %count = call i64 @llvm.smax.i64(i64 %several, i64 1)
  %vectors.more = add i64 %vectors, %count
  %vectors.most = sub i64 %vectors.more, 1
  %each.vectors = sdiv i64 %vectors.most, %count
  %wide = mul i64 %each.vectors, {lanes}
  %blocks.more = add i64 %vectors, %each.vectors
  %blocks.most = sub i64 %blocks.more, 1
  %blocks = sdiv i64 %blocks.most, %each.vectors
  %units = mul i64 %outer, %blocks
  ; as many blocks as have the elements of a part
  %of.one = mul i64 %n, %wide
  %least = call i64 @llvm.smax.i64(i64 %of.one, i64 1)
  %fit = sdiv i64 {part}, %least
  %each = call i64 @llvm.smax.i64(i64 %fit, i64 1)
{context}
  %less = add i64 %each, -1
  %most = add i64 %units, %less
  %parts = sdiv i64 %most, %each
  %of.all = mul i64 %outer, %n
  %elements = mul i64 %of.all, %m
  %few = icmp sle i64 %elements, {alone}
""" + ufuncs.IN_PARTS + """done:
  %status = call i32 @feclearexcept(i32 63)
  ret void
}}
"""
_SECOND = """  %second = alloca [{folds} x [{widest} x {one}]], align 64
  %width.at = getelementptr ptr, ptr %frame, i64 {width}
  %width = load ptr, ptr %width.at
  %wide = load i64, ptr %width"""
_PASS = HALVES + """define internal void @run{s}(ptr %frame, i64 %low, i64 %high, ptr %folded) noinline {{
entry:
{entry}
{neutral}
  br label %begin
begin:
  br label %look
look:
  %i = phi i64 [ %low, %begin ], [ %i.next, %turn.end ]
  %i.next = add i64 %i, {step}
  %more = icmp sle i64 %i.next, %high
  br i1 %more, label %row, label %few
row:
{turn}
  br label %look
few:
  %j = phi i64 [ %i, %look ], [ %j.next, %line.end ]
  %j.next = add i64 %j, 1
  %whole = icmp sle i64 %j.next, %high
  br i1 %whole, label %one, label %done
one:
{line}
  br label %few
done:
  ret void
}}
"""


class ColumnText(RowText):
    """The text of the functions of one program, for arrays `(n, m)` in C order, `m` at least LANES. Raises `Unfit`."""

    unit = 1

    def __init__(self, graph: Graph, passes: Sequence[Pass]) -> None:
        super().__init__(graph, passes)
        self.stream = WIDE * 8 // (self.bits * LANES)
        self.widest = self.stream // FEW * (FEW + 1) * LANES
        self.slot = f"[{self.widest} x {self.one}]"
        self.frame += ["stride", "width"]

    def _program(self, inputs: Sequence[Var], eqns: Sequence[Eqn], outputs: Sequence[Atom]) -> Graph:
        """The equations with vectors for all values."""
        wide: dict[Atom, Atom] = {}

        def of(a: Atom) -> Atom:
            return wide.setdefault(a, Var(Aval((LANES,), a.aval.dtype))) if isinstance(a, Var) else a

        found = []
        for e in eqns:
            (out,) = e.outputs
            if e.prim is broadcast_to:
                wide[out] = of(e.inputs[0])
            else:
                found.append(Eqn(e.prim, tuple(map(of, e.inputs)), (of(out),), e.params, e.loc))  # type: ignore[arg-type]
        return Graph(tuple(map(of, inputs)), tuple(found), tuple(map(of, outputs)))  # type: ignore[arg-type]

    # ---- a pass ----

    def _pass(self, s: int, p: Pass) -> str:
        if not p.folds and not p.stored:
            return ""
        call = self._kernel(f"step{s}", p.eqns, [*p.stored, *(v for _, v in p.folds.values())])
        together = together_in(p)
        entry = [*self.framed(), "%m = load i64, ptr %stride", "%wide = load i64, ptr %width"]
        step = Step(self, p, call, entry)
        turn = [f"%i{u} = add i64 %i, {u}" for u in range(together)]
        turned = [step.values(turn, f"%i{u}") for u in range(together)]
        line: list[str] = []
        lined = [step.values(line, "%j")]
        neutral: list[str] = []
        joined: list[str] = []
        for f, (how, _) in enumerate(p.folds.values()):
            at = self._offset(neutral, "%folded", f)
            neutral.append(f"store {self.vector} {self._neutral(how)}, ptr {at}, align {self.bits // 8}")
            places = [self._offset(joined, name, f) for name in ("%folded", "%second")]
            self._join(joined, how, places, places[0])
            for lines, values in ((turn, turned), (line, lined)):
                self._into(lines, how, [x[f] for x in values], self._offset(lines, "%folded", f))
        second = _SECOND.format(folds=len(p.folds), widest=self.widest, one=self.one, width=len(self.frame) - 1)
        return _PASS.format(
            s=s, run=self._run(p), two_steps=2 * together, step=together, second=second, entry=indented(entry),
            joined=indented(_each("join", joined)), neutral=indented(_each("fill", neutral)),
            turn=indented(_each("turn", turn)), line=indented(_each("line", line)),
        )  # fmt: skip

    def _offset(self, lines: list[str], name: str, f: int) -> str:
        """Where the vector of a fold is, of those of all."""
        place, index = self._new(), self._new()
        lines.append(f"{index} = add i64 %v, {f * self.widest}")
        lines.append(f"{place} = getelementptr {self.one}, ptr {name}, i64 {index}")
        return place

    def _into(self, lines: list[str], how: str, values: list[str], place: str) -> None:
        """Fold values into what is at a place."""
        total = self.folded(lines, how, self.load(lines, place), self.paired(lines, how, values))
        lines.append(f"store {self.vector} {total}, ptr {place}, align {self.bits // 8}")

    def place(self, lines: list[str], v: Atom, index: str) -> str:
        row, offset, place = self._new(), self._new(), self._new()
        lines.append(f"{row} = mul i64 {index}, %m")
        lines.append(f"{offset} = add i64 {row}, %v")
        lines.append(f"{place} = getelementptr {self.one}, ptr %{self.names[v]}, i64 {offset}")
        return place

    def number(self, lines: list[str], v: Atom) -> str:
        name = self.names[v]
        if name == "length":
            return "%length"
        place = self._new()
        lines.append(f"{place} = getelementptr {self.one}, ptr %{name}, i64 %v")
        return place

    # ---- a block of rows ----

    def _row(self, before: Sequence[Sequence[str]]) -> str:
        folds = max(len(p.folds) for p in self.passes)
        numbers = [name for name in self.frame[:-2] if name not in self.given]
        lines = [
            f"%frame = alloca [{len(self.frame)} x ptr]", f"%folded = alloca [{folds} x {self.slot}], align 64",
            *[f"%{name} = alloca {self.slot}, align 64" for name in numbers],
            "%stride = alloca i64", "%width = alloca i64", "store i64 %m, ptr %stride", "store i64 %wide, ptr %width",
            f"%count = sitofp i64 %n to {self.one}",
            f"%count.one = insertelement {self.vector} poison, {self.one} %count, i64 0",
            f"%counts = shufflevector {self.vector} %count.one, {self.vector} poison, <{LANES} x i32> zeroinitializer",
            f"store {self.vector} %counts, ptr %length",
        ]  # fmt: skip
        for k, name in enumerate(self.frame):
            lines += [f"%{name}.at = getelementptr ptr, ptr %frame, i64 {k}", f"store ptr %{name}, ptr %{name}.at"]
        for s, p in enumerate(self.passes):
            lines += _each(f"numbers{s}", before[s])
            if p.folds or p.stored:
                lines.append(f"call void @{'pass' if p.folds else 'run'}{s}(ptr %frame, i64 0, i64 %n, ptr %folded)")
            settled: list[str] = []
            for f, v in enumerate(p.folds):
                value = self.load(settled, self._offset(settled, "%folded", f))
                place = self.number(settled, v)
                settled.append(f"store {self.vector} {value}, ptr {place}, align {self.bits // 8}")
            lines += _each(f"settled{s}", settled)
        given = ", ".join(f"ptr %{name}" for name in self.given)
        head = f"define internal void @block({given}, i64 %n, i64 %m, i64 %wide) {{\nentry:"
        return f"{head}\n{indented(lines)}\n  ret void\n}}"

    def _parts(self) -> str:
        count = len(self.given)
        given, context = self._passed()
        places = []
        for k, name in enumerate(self.given):
            places += [f"%offset{k} = mul i64 %r, %step{k}", f"%row{k} = add i64 %array{k}, %offset{k}",
                       f"%place{k} = inttoptr i64 %row{k} to ptr",
                       f"%{name} = getelementptr {self.one}, ptr %place{k}, i64 %column"]  # fmt: skip
        for at, what in enumerate(("n", "m", "units", "each", "wide", "blocks"), 2 * count):
            context += [f"%{what}.at = getelementptr i64, ptr %context, i64 {at}", f"store i64 %{what}, ptr %{what}.at"]
        return _PART.format(
            given=indented(given), places=indented(places), context=indented(context), n=2 * count, m=2 * count + 1,
            units=2 * count + 2, each=2 * count + 3, wide=2 * count + 4, blocks=2 * count + 5,
            words=2 * count + 6, lanes=LANES, part=ufuncs.PART, stream=self.stream, few=FEW,
            narrow=NARROW, tall=TALL, half=self.stream // 2,
            alone=ufuncs.ALONE, arguments=", ".join(f"ptr %{name}" for name in self.given)
        )  # fmt: skip


_COLUMN = re.compile(r"%v\b")


def _each(name: str, body: Sequence[str]) -> list[str]:
    """A loop that does the lines for each vector of a block, whose first column is `%v` there."""
    if not body:
        return []
    v = f"%{name}.v"
    return [
        f"br label %{name}.begin", f"{name}.begin:", f"br label %{name}", f"{name}:",
        f"{v} = phi i64 [ 0, %{name}.begin ], [ {v}.next, %{name} ]",
        *[_COLUMN.sub(v, line) for line in body],
        f"{v}.next = add i64 {v}, {LANES}", f"{v}.more = icmp slt i64 {v}.next, %wide",
        f"br i1 {v}.more, label %{name}, label %{name}.end", f"{name}.end:",
    ]  # fmt: skip
