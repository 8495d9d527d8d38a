"""What texts of products of an array's windows have in common: sums in registers, in a grid, and the parts of the work.

How many registers there are, and of what size, is the machine's. Each number of a result is a sum in one order, by
which lanes, block or thread it may be computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from funcgrad.compile import ufuncs
from funcgrad.compile.machine import registers
from funcgrad.compile.rowtext import indented

DECLARED = """
declare i32 @feclearexcept(i32)
declare void @fg_parallel(ptr, ptr, i64)
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
!0 = distinct !{!0, !1}
!1 = !{!"llvm.loop.unroll.disable"}
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


def _loads(fields: Sequence[str]) -> str:
    """The numbers of a plan."""
    lines = []
    for k, name in enumerate(field.replace("_", ".") for field in fields):
        lines += [f"%{name}.at = getelementptr i64, ptr %plan, i64 {k}", f"%{name} = load i64, ptr %{name}.at"]
    return indented(lines)


def halves(most: int) -> list[int]:
    """A power of two and all below it."""
    return [2**k for k in reversed(range(most.bit_length()))]


class GridText:
    """What both have: vectors of a type, and a grid of sums in registers."""

    def __init__(self, dtype: np.dtype) -> None:
        self.count, size = registers()
        self.size = dtype.itemsize
        self.t = "double" if self.size == 8 else "float"
        self.lanes = size // self.size
        self.vector, self.suffix = self.typed(self.lanes)

    def written(self) -> str:
        raise NotImplementedError

    def typed(self, lanes: int) -> tuple[str, str]:
        return f"<{lanes} x {self.t}>", f"v{lanes}f{8 * self.size}"

    def begun(self, plan: Sequence[str], memory: int) -> str:
        return _PART.format(memory=memory, t=self.t, plan=_loads(plan), fields=len(plan))

    def looped(self, plan: Sequence[str]) -> str:
        return _LOOP.format(plan=_loads(plan[:2]))

    def totals(self, rows: int, columns: int, lanes: int) -> Iterator[str]:
        """The sums of the loop `turn`, which %sum will be."""
        vector, _ = self.typed(lanes)
        for j in range(rows):
            for v in range(columns):
                yield f"%total{j}.{v} = phi {vector} [ zeroinitializer, %entry ], [ %sum{j}.{v}, %turn ]"

    def vectors(self, place: str, index: str, columns: int, lanes: int) -> Iterator[str]:
        """Neighbouring vectors %x, from an element on."""
        vector, _ = self.typed(lanes)
        yield f"%x.at = getelementptr {self.t}, ptr {place}, i64 {index}"
        for v in range(columns):
            yield f"%x.at{v} = getelementptr {self.t}, ptr %x.at, i64 {v * lanes}"
            yield f"%x{v} = load {vector}, ptr %x.at{v}, align {self.size}"

    def multiplied(self, j: int, place: str, index: str, columns: int, lanes: int) -> Iterator[str]:
        """One number times the vectors %x, added to row j of the sums."""
        vector, suffix = self.typed(lanes)
        yield f"%one{j}.at = getelementptr {self.t}, ptr {place}, i64 {index}"
        yield f"%one{j} = load {self.t}, ptr %one{j}.at"
        yield f"%first{j} = insertelement {vector} poison, {self.t} %one{j}, i64 0"
        yield f"%all{j} = shufflevector {vector} %first{j}, {vector} poison, <{lanes} x i32> zeroinitializer"
        for v in range(columns):
            yield (f"%sum{j}.{v} = call {vector} @llvm.fmuladd.{suffix}"
                   f"({vector} %x{v}, {vector} %all{j}, {vector} %total{j}.{v})")  # fmt: skip
