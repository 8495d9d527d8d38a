"""The same as rowtext.py along an axis that others follow in memory: LANES rows at once, side by side.

What a row has one number of is a vector then. Folds go down the lanes in the same runs; where they are cut depends on
the length of the row alone, and no lane on its place. Behind the last full vector of rows come once more the last LANES
of them, computed by the thread that had those before, so that nothing needs a mask.
"""

from __future__ import annotations

from collections.abc import Sequence

from funcgrad.compile import ufuncs
from funcgrad.compile.rowtext import Pass, RowText, Step, indented
from funcgrad.core.avals import Aval
from funcgrad.core.graph import Atom, Eqn, Graph, Var
from funcgrad.ops.broadcasting import broadcast_to
from funcgrad.ops.large import LANES

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
  %vectors = sdiv i64 %m, {lanes}
  %full = mul i64 %vectors, {lanes}
  %left = sub i64 %m, %full
  %some = icmp sgt i64 %left, 0
  %last = sub i64 %vectors, 1
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
  %r = sdiv i64 %u, %vectors
  %b = srem i64 %u, %vectors
  %at = mul i64 %b, {lanes}
  %is.last = icmp eq i64 %b, %last
  %again = and i1 %is.last, %some
  br label %columns
columns:
  %column = phi i64 [ %at, %unit ], [ %before, %columns ]
  %repeat = phi i1 [ %again, %unit ], [ false, %columns ]
{places}
  call void @row({arguments}, i64 %n, i64 %m)
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
  %units = mul i64 %outer, %vectors
  ; as many vectors of rows as have the elements of a part
  %of.one = mul i64 %n, {lanes}
  %least = call i64 @llvm.smax.i64(i64 %of.one, i64 1)
  %fit = sdiv i64 {part}, %least
  %each = call i64 @llvm.smax.i64(i64 %fit, i64 1)
{context}
  %less = add i64 %each, -1
  %most = add i64 %units, %less
  %parts = sdiv i64 %most, %each
  %elements = mul i64 %units, %of.one
  %few = icmp sle i64 %elements, {alone}
""" + ufuncs.IN_PARTS + """done:
  %status = call i32 @feclearexcept(i32 63)
  ret void
}}
"""


class ColumnText(RowText):
    """The text of the functions of one program, for arrays `(n, m)` in C order, `m` at least LANES. Raises `Unfit`."""

    unit = 1
    extent = "i64 %n, i64 %m"

    def __init__(self, graph: Graph, passes: Sequence[Pass]) -> None:
        super().__init__(graph, passes)
        self.slot = self.vector
        self.frame.append("width")

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

    def _left(self, step: Step) -> str:
        return "  br label %done"

    def _extents(self) -> list[str]:
        return [
            f"%count.one = insertelement {self.vector} poison, {self.one} %count, i64 0",
            f"%counts = shufflevector {self.vector} %count.one, {self.vector} poison, <{LANES} x i32> zeroinitializer",
            f"store {self.vector} %counts, ptr %length",
            "store i64 %m, ptr %width",
        ]

    def _reads(self) -> list[str]:
        return ["%m = load i64, ptr %width"]

    def place(self, lines: list[str], v: Atom, index: str) -> str:
        offset, place = self._new(), self._new()
        lines.append(f"{offset} = mul i64 {index}, %m")
        lines.append(f"{place} = getelementptr {self.one}, ptr %{self.names[v]}, i64 {offset}")
        return place

    def _settled(self, lines: list[str], how: str, place: str) -> str:
        return f"{self.vector} {self.load(lines, place)}"

    def _parts(self) -> str:
        count = len(self.given)
        given, context = self._passed()
        places = []
        for k, name in enumerate(self.given):
            places += [f"%offset{k} = mul i64 %r, %step{k}", f"%row{k} = add i64 %array{k}, %offset{k}",
                       f"%place{k} = inttoptr i64 %row{k} to ptr",
                       f"%{name} = getelementptr {self.one}, ptr %place{k}, i64 %column"]  # fmt: skip
        for at, what in enumerate(("n", "m", "units", "each"), 2 * count):
            context += [f"%{what}.at = getelementptr i64, ptr %context, i64 {at}", f"store i64 %{what}, ptr %{what}.at"]
        return _PART.format(
            given=indented(given), places=indented(places), context=indented(context), n=2 * count, m=2 * count + 1,
            units=2 * count + 2, each=2 * count + 3, words=2 * count + 4, lanes=LANES, part=ufuncs.PART,
            alone=ufuncs.ALONE, arguments=", ".join(f"ptr %{name}" for name in self.given),
        )  # fmt: skip
