"""The text of a function along rows: loops over rows, parts of rows for the pool's threads, and a row's elements.

Sums are pairwise, as NumPy's are: runs in which a lane adds `IN_A_LANE` elements, and sums of two sums; where they are
cut depends on the length of the row alone. So the bits are the same for any number of threads and any place in memory.
What is left over at the end of a row is read and written under a mask.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from funcgrad.compile import ufuncs
from funcgrad.compile.gate import words_of
from funcgrad.compile.segments import Segment, split
from funcgrad.compile.simplify import simplify
from funcgrad.core.graph import Atom, Eqn, Graph, Var
from funcgrad.ops.large import LANES, SLOW

IN_A_LANE = 16
TOGETHER = 4
"""Vectors whose folds do not wait for each other, where no function is called that takes longer than they do."""
FOLDS = {"sum": ("fadd", -0.0), "prod": ("fmul", 1.0), "max": ("ogt", -np.inf), "min": ("olt", np.inf)}
"""Instructions, or comparisons for which the first is kept, and what changes nothing."""


class Pass(NamedTuple):
    """One way along a row."""

    numbers: list[Eqn]
    """What is computed of a row's numbers before it."""
    eqns: list[Eqn]
    """What is computed of its elements."""
    folds: dict[Var, tuple[str, Atom]]
    """What is folded, and how, by what it gives."""
    stored: list[Var]


class Unfit(Exception):
    """No kernel does it."""


class _KernelCall(NamedTuple):
    """A kernel: its name, and what its pointers point to."""

    name: str
    inputs: list[Atom]
    outputs: list[Atom]

    def to(self, pointers: Sequence[str]) -> str:
        return f"call i32 @{self.name}({', '.join(f'ptr {p}' for p in pointers)}, ptr @{self.name}.table, ptr null)"


def together_in(p: Pass) -> int:
    return 1 if any(e.prim.lower in SLOW for e in p.eqns) else TOGETHER


def is_row(v: Atom) -> bool:
    return v.aval.shape == (LANES,)


_PART = """
define internal void @part(ptr %context, i64 %part) {{
entry:
{given}
  %n.at = getelementptr i64, ptr %context, i64 {n}
  %n = load i64, ptr %n.at
  %rows.at = getelementptr i64, ptr %context, i64 {rows}
  %rows = load i64, ptr %rows.at
  %each.at = getelementptr i64, ptr %context, i64 {each}
  %each = load i64, ptr %each.at
  %low = mul i64 %part, %each
  %end = add i64 %low, %each
  %high = call i64 @llvm.smin.i64(i64 %end, i64 %rows)
  br label %look
look:
  %r = phi i64 [ %low, %entry ], [ %next, %row ]
  %more = icmp slt i64 %r, %high
  br i1 %more, label %row, label %done
row:
{places}
  call void @row({arguments}, i64 %n)
  %next = add i64 %r, 1
  br label %look
done:
  ret void
}}
define void @loop(ptr %args, ptr %dimensions, ptr %steps, ptr %data) {{
entry:
  %context = alloca [{words} x i64]
  %rows = load i64, ptr %dimensions
  %n.from = getelementptr i64, ptr %dimensions, i64 1
  %n = load i64, ptr %n.from
  ; as many rows as have the elements of a part
  %least = call i64 @llvm.smax.i64(i64 %n, i64 1)
  %fit = sdiv i64 {part}, %least
  %each = call i64 @llvm.smax.i64(i64 %fit, i64 1)
{context}
  %less = add i64 %each, -1
  %most = add i64 %rows, %less
  %parts = sdiv i64 %most, %each
  %elements = mul i64 %rows, %n
  %few = icmp sle i64 %elements, {alone}
""" + ufuncs.IN_PARTS + """done:
  %status = call i32 @feclearexcept(i32 63)
  ret void
}}
"""
HALVES = """
define internal void @pass{s}(ptr %frame, i64 %low, i64 %high, ptr %folded) noinline {{
entry:
{second}
  %size = sub i64 %high, %low
  %long = icmp sgt i64 %size, {run}
  br i1 %long, label %halves, label %run
halves:
  %pairs = sdiv i64 %size, {two_steps}
  %half = mul i64 %pairs, {step}
  %middle = add i64 %low, %half
  call void @pass{s}(ptr %frame, i64 %low, i64 %middle, ptr %folded)
  call void @pass{s}(ptr %frame, i64 %middle, i64 %high, ptr %second)
{joined}
  ret void
run:
  call void @run{s}(ptr %frame, i64 %low, i64 %high, ptr %folded)
  ret void
}}
"""
"""A pass over a long row: the folds of its halves, joined."""
_PASS = HALVES + """define internal void @run{s}(ptr %frame, i64 %low, i64 %high, ptr %folded) alwaysinline {{
entry:
{entry}
{neutral}
  br label %look
look:
  %i = phi i64 [ %low, %entry ], [ %i.next, %turn ]
  %i.next = add i64 %i, {step}
  %more = icmp sle i64 %i.next, %high
  br i1 %more, label %turn, label %few
turn:
{turn}
  br label %look
few:
  %j = phi i64 [ %i, %look ], [ %j.next, %vector ]
  %j.next = add i64 %j, {unit}
  %whole = icmp sle i64 %j.next, %high
  br i1 %whole, label %vector, label %left
vector:
{vector}
  br label %few
left:
{left}
done:
{result}
  ret void
}}
"""
_LEFT = """
  %count = sub i64 %high, %j
  %any = icmp sgt i64 %count, 0
  br i1 %any, label %rest, label %done
rest:
  %count.one = insertelement <{lanes} x i64> poison, i64 %count, i64 0
  %counts = shufflevector <{lanes} x i64> %count.one, <{lanes} x i64> poison, <{lanes} x i32> zeroinitializer
  %inside = icmp ult <{lanes} x i64> <{numbers}>, %counts
{rest}
  br label %done"""


class RowText:
    """The text of the functions of one program. Raises `Unfit`."""

    unit = LANES
    """How many of a row's elements a vector has."""
    slot = "i64"
    """The memory of a number of a row's."""

    def __init__(self, graph: Graph, passes: Sequence[Pass]) -> None:
        self.graph = graph
        self.passes = passes
        self.bits = 8 * graph.inputs[0].aval.dtype.itemsize
        self.one = "double" if self.bits == 64 else "float"
        self.vector = f"<{LANES} x {self.one}>"
        self.mask = f"<{LANES} x i1>"
        self.suffix = f"v{LANES}f{self.bits}"
        self.beside: dict[str, None] = {}
        self.kernels: list[str] = []
        self.given = [f"in{k}" for k in range(len(graph.inputs) - 1)] + [f"out{k}" for k in range(len(graph.outputs))]
        self.names: dict[Atom, str] = dict(zip([*graph.inputs[:-1], *graph.outputs], self.given))
        self.names[graph.inputs[-1]] = "length"
        free = [v for v in passes[-1].stored if v in graph.outputs]
        for p in passes:
            for v in [*(e.outputs[0] for e in p.numbers), *p.folds]:
                self.names.setdefault(v, f"number{len(self.names)}")
            for v in p.stored:
                if v not in self.names:
                    if not free:
                        raise Unfit
                    self.names[v] = self.names[free.pop()]  # where a row of results will be, after the last reads
        self.frame = list(dict.fromkeys(self.names.values()))
        self._count = 0

    def written(self) -> str:
        before = [self._numbers(s, p) for s, p in enumerate(self.passes)]
        bodies = [self._pass(s, p) for s, p in enumerate(self.passes)]
        declared = [
            "declare i32 @feclearexcept(i32)", "declare void @fg_parallel(ptr, ptr, i64)",
            "declare i64 @llvm.smin.i64(i64, i64)", "declare i64 @llvm.smax.i64(i64, i64)",
            f"declare {self.vector} @llvm.fabs.{self.suffix}({self.vector})",
            f"declare {self.vector} @llvm.masked.load.{self.suffix}.p0(ptr, i32, {self.mask}, {self.vector})",
            f"declare void @llvm.masked.store.{self.suffix}.p0({self.vector}, ptr, i32, {self.mask})",
        ]  # fmt: skip
        texts = [*dict.fromkeys([*self.beside, *declared]), *self.kernels, *bodies]
        return "\n".join([*texts, self._row(before), self._parts()])

    def _new(self) -> str:
        self._count += 1
        return f"%t{self._count}"

    # ---- kernels of elements and of numbers ----

    def _kernel(self, name: str, eqns: Sequence[Eqn], wanted: Iterable[Atom]) -> _KernelCall | None:
        """The kernel that makes what is wanted of the equations; None where that is nothing."""
        made = {v for e in eqns for v in e.outputs}
        outputs = [v for v in dict.fromkeys(wanted) if v in made]
        if not outputs:
            return None
        inputs = list(dict.fromkeys(a for e in eqns for a in e.inputs if isinstance(a, Var) and a not in made))
        simple = simplify(self._program(inputs, eqns, outputs))
        steps = split(simple)
        segment = steps[0] if len(steps) == 1 else None
        if not isinstance(segment, Segment) or segment.work or "@nest" in segment.kernel:
            raise Unfit
        if {*segment.outputs} != {*simple.outputs} or len(segment.outputs) != len(outputs):
            raise Unfit
        if any(isinstance(x, np.ndarray) for x in segment.table):
            raise Unfit
        words = words_of(segment.table)
        head, _, body = segment.kernel.partition(" {\n")
        # elements may be written over by what is made of them
        head = head.replace("@kernel(", f"@{name}(").replace("ptr noalias", "ptr")
        table = f"@{name}.table = internal constant [{len(words)} x i64] [{', '.join(f'i64 {w}' for w in words)}]"
        self.kernels += [table, f"{head} alwaysinline {{\n{body}"]
        self.beside |= dict.fromkeys(segment.beside)
        own = dict(zip([*simple.inputs, *simple.outputs], [*inputs, *outputs]))
        return _KernelCall(name, [own[v] for v in segment.inputs], [own[v] for v in segment.outputs])

    def _program(self, inputs: Sequence[Var], eqns: Sequence[Eqn], outputs: Sequence[Atom]) -> Graph:
        return Graph(tuple(inputs), tuple(eqns), tuple(outputs))

    def _numbers(self, s: int, p: Pass) -> list[str]:
        """The call that computes a row's numbers before a pass."""
        own = [v for e in p.numbers for v in e.outputs]
        read = {a for q in self.passes for e in (*q.eqns, *(q.numbers if q is not p else ())) for a in e.inputs}
        call = self._kernel(f"numbers{s}", p.numbers, [v for v in own if v in read or v in self.graph.outputs])
        if call is None:
            return []
        lines: list[str] = []
        lines.append(call.to([self.number(lines, v) for v in (*call.inputs, *call.outputs)]))
        return lines

    # ---- a pass ----

    def _pass(self, s: int, p: Pass) -> str:
        if not p.folds and not p.stored:
            return ""
        call = self._kernel(f"step{s}", p.eqns, [*p.stored, *(v for _, v in p.folds.values())])
        together = together_in(p)
        entry = self.framed()
        second = [f"%second = alloca [{len(p.folds)} x {self.vector}]"]
        step = Step(self, p, call, entry)
        neutral: list[str] = []
        joined: list[str] = []
        result: list[str] = []
        for f, (how, _) in enumerate(p.folds.values()):
            places = [f"%fold{f}.{u}" for u in range(together)]
            entry += [f"{place} = alloca {self.vector}" for place in places]
            neutral += [f"store {self.vector} {self._neutral(how)}, ptr {place}" for place in places]
            size = LANES * self.bits // 8
            entry.append(f"%folded{f} = getelementptr i8, ptr %folded, i64 {f * size}")
            second += [f"%{at}{f} = getelementptr i8, ptr %{at}, i64 {f * size}" for at in ("folded", "second")]
            self._join(joined, how, [f"%folded{f}", f"%second{f}"], f"%folded{f}")
            self._join(result, how, places, f"%folded{f}")
        turn = [line for u in range(together) for line in step.at(f"%i{u}", u)]
        steps = [f"%i{u} = add i64 %i, {u * self.unit}" for u in range(together)]
        return _PASS.format(
            s=s, run=self._run(p), two_steps=2 * together * self.unit, step=together * self.unit,
            unit=self.unit, turn=indented([*steps, *turn]), vector=indented(step.at("%j", 0)), left=self._left(step),
            entry=indented(entry), second=indented(second), joined=indented(joined), neutral=indented(neutral),
            result=indented(result),
        )  # fmt: skip

    def framed(self) -> list[str]:
        """How a pass reads its pointers from the frame."""
        lines = []
        for k, name in enumerate(self.frame):
            lines += [f"%{name}.at = getelementptr ptr, ptr %frame, i64 {k}", f"%{name} = load ptr, ptr %{name}.at"]
        return lines

    def _run(self, p: Pass) -> int:
        """How many elements of a row are folded without halves: rows of no more need no call, 20 ns for a pass."""
        return IN_A_LANE * together_in(p) * self.unit

    def _left(self, step: Step) -> str:
        """What is less than a vector."""
        numbers = ", ".join(f"i64 {k}" for k in range(LANES))
        return _LEFT.format(lanes=LANES, numbers=numbers, rest=indented(step.masked("%j")))

    def _neutral(self, how: str) -> str:
        return f"<{', '.join([f'{self.one} {_literal(FOLDS[how][1])}'] * LANES)}>"

    def folded(self, lines: list[str], how: str, x: str, y: str) -> str:
        name, do, v, mask = self._new(), FOLDS[how][0], self.vector, self.mask
        if do == "fadd":
            lines.append(f"{name} = {do} {v} {x}, {y}")
            return name
        if do == "fmul":
            # what has lost digits says so: it stays zero
            product, size, small = (self._new() for _ in range(3))
            least = float(np.finfo(f"f{self.bits // 8}").smallest_normal)
            lines += [
                f"{product} = {do} {v} {x}, {y}", f"{size} = call {v} @llvm.fabs.{self.suffix}({v} {product})",
                f"{small} = fcmp olt {v} {size}, splat ({self.one} {_literal(least)})",
                f"{name} = select {mask} {small}, {v} zeroinitializer, {v} {product}",
            ]  # fmt: skip
            return name
        # three instructions, half as many as `llvm.maximum`, which orders zeros; NaN is kept, and taken
        before, one, none = (self._new() for _ in range(3))
        lines += [
            f"{before} = fcmp {do} {v} {x}, {y}", f"{one} = select {mask} {before}, {v} {x}, {v} {y}",
            f"{none} = fcmp uno {v} {x}, {x}", f"{name} = select {mask} {none}, {v} {x}, {v} {one}",
        ]  # fmt: skip
        return name

    def load(self, lines: list[str], place: str) -> str:
        name = self._new()
        lines.append(f"{name} = load {self.vector}, ptr {place}, align {self.bits // 8}")
        return name

    def _join(self, lines: list[str], how: str, places: Sequence[str], target: str) -> None:
        """Fold vectors in memory, in pairs."""
        value = self.paired(lines, how, [self.load(lines, place) for place in places])
        lines.append(f"store {self.vector} {value}, ptr {target}, align {self.bits // 8}")

    def paired(self, lines: list[str], how: str, values: Sequence[str]) -> str:
        """Values folded in pairs: as many as a power of two."""
        while len(values) > 1:
            values = [self.folded(lines, how, x, y) for x, y in zip(values[::2], values[1::2])]
        return values[0]

    # ---- a row ----

    def _row(self, before: Sequence[Sequence[str]]) -> str:
        folds = max(len(p.folds) for p in self.passes)
        lines = [f"%frame = alloca [{len(self.frame)} x ptr]", f"%folded = alloca [{folds} x {self.vector}], align 64"]
        lines += [f"%{name} = alloca {self.slot}, align 64" for name in self.frame if name not in self.given]
        lines += [f"%count = sitofp i64 %n to {self.one}", f"store {self.one} %count, ptr %length"]
        for k, name in enumerate(self.frame):
            lines += [f"%{name}.at = getelementptr ptr, ptr %frame, i64 {k}", f"store ptr %{name}, ptr %{name}.at"]
        for s, p in enumerate(self.passes):
            lines += before[s]
            if p.folds or p.stored:
                arguments = "(ptr %frame, i64 0, i64 %n, ptr %folded)"
                lines += [
                    f"%short{s} = icmp sle i64 %n, {self._run(p)}", f"br i1 %short{s}, label %run{s}, label %pass{s}",
                    f"run{s}:", f"call void @run{s}{arguments}", f"br label %done{s}",
                    f"pass{s}:", f"call void @pass{s}{arguments}", f"br label %done{s}", f"done{s}:",
                ]  # fmt: skip
            for f, (v, (how, _)) in enumerate(p.folds.items()):
                place = self._new()
                lines.append(f"{place} = getelementptr i8, ptr %folded, i64 {f * LANES * self.bits // 8}")
                total = self._total(lines, how, place)
                lines.append(f"store {self.one} {total}, ptr %{self.names[v]}, align {self.bits // 8}")
        parameters = ", ".join(f"ptr %{name}" for name in self.given)
        return f"define internal void @row({parameters}, i64 %n) {{\nentry:\n{indented(lines)}\n  ret void\n}}"

    def place(self, lines: list[str], v: Atom, index: str) -> str:
        """Where a row has the vector at an index."""
        place = self._new()
        lines.append(f"{place} = getelementptr {self.one}, ptr %{self.names[v]}, i64 {index}")
        return place

    def number(self, lines: list[str], v: Atom) -> str:
        """Where a number of the row's is."""
        return f"%{self.names[v]}"

    def _total(self, lines: list[str], how: str, place: str) -> str:
        """The lanes of a vector folded, in halves."""
        value, half = self.load(lines, place), LANES // 2
        while half:
            picked = ", ".join(f"i32 {half + k if k < half else k}" for k in range(LANES))
            other = self._new()
            mask = f"<{LANES} x i32> <{picked}>"
            lines.append(f"{other} = shufflevector {self.vector} {value}, {self.vector} poison, {mask}")
            value = self.folded(lines, how, value, other)
            half //= 2
        name = self._new()
        lines.append(f"{name} = extractelement {self.vector} {value}, i64 0")
        return name

    def _passed(self) -> tuple[list[str], list[str]]:
        """How a part reads the arrays and their steps from the context, and how they come to be there."""
        count = len(self.given)
        given, context = [], []
        for k in range(count):
            for what, at in (("array", k), ("step", count + k)):
                given += [f"%{what}{k}.at = getelementptr i64, ptr %context, i64 {at}",
                          f"%{what}{k} = load i64, ptr %{what}{k}.at"]  # fmt: skip
                table = "args" if what == "array" else "steps"
                context += [f"%{what}{k}.from = getelementptr i64, ptr %{table}, i64 {k}",
                            f"%{what}{k} = load i64, ptr %{what}{k}.from",
                            f"%{what}{k}.at = getelementptr i64, ptr %context, i64 {at}",
                            f"store i64 %{what}{k}, ptr %{what}{k}.at"]  # fmt: skip
        return given, context

    def _parts(self) -> str:
        count = len(self.given)
        given, context = self._passed()
        places = []
        for k, name in enumerate(self.given):
            places += [f"%offset{k} = mul i64 %r, %step{k}", f"%place{k} = add i64 %array{k}, %offset{k}",
                       f"%{name} = inttoptr i64 %place{k} to ptr"]  # fmt: skip
        for at, what in enumerate(("n", "rows", "each"), 2 * count):
            context += [f"%{what}.at = getelementptr i64, ptr %context, i64 {at}", f"store i64 %{what}, ptr %{what}.at"]
        return _PART.format(
            given=indented(given), places=indented(places), context=indented(context), n=2 * count, rows=2 * count + 1,
            each=2 * count + 2, words=2 * count + 3, arguments=", ".join(f"ptr %{name}" for name in self.given),
            part=ufuncs.PART, alone=ufuncs.ALONE,
        )  # fmt: skip


def _literal(x: float) -> str:
    return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"


class Step:
    """The lines for LANES elements of a pass."""

    def __init__(self, text: RowText, p: Pass, call: _KernelCall | None, entry: list[str]) -> None:
        self.text, self.p, self.call = text, p, call
        made = call.outputs if call else []
        folded = [v for _, v in p.folds.values()]
        read = [*(call.inputs if call else []), *folded]
        self.read = list(dict.fromkeys(v for v in read if is_row(v) and v not in made))
        self.kept = {v: f"%made{k}" for k, v in enumerate(made)}
        """Where elements are that go nowhere else."""
        self.buffers = {v: f"%read{k}" for k, v in enumerate(self.read)}
        entry += [f"{place} = alloca {text.vector}" for place in (*self.kept.values(), *self.buffers.values())]

    def values(self, lines: list[str], index: str) -> list[str]:
        """Writes down what is computed of a vector; what of that is folded."""
        places = {v: self.text.place(lines, v, index) for v in dict.fromkeys([*self.read, *self.p.stored])}
        self._do(lines, places)
        return [self.text.load(lines, places.get(v) or self.kept[v]) for _, v in self.p.folds.values()]

    def at(self, index: str, u: int) -> list[str]:
        lines: list[str] = []
        for f, (value, (how, _)) in enumerate(zip(self.values(lines, index), self.p.folds.values())):
            self._fold(lines, how, value, f"%fold{f}.{u}")
        return lines

    def masked(self, index: str) -> list[str]:
        """The same for less than LANES, the first of which stand for what is missing."""
        text = self.text
        lines: list[str] = []
        vector, align = text.vector, text.bits // 8
        for v in self.read:
            place, first, one, all_, value = self.text.place(lines, v, index), *[text._new() for _ in range(4)]
            lines += [
                f"{first} = load {text.one}, ptr {place}",
                f"{one} = insertelement {vector} poison, {text.one} {first}, i64 0",
                f"{all_} = shufflevector {vector} {one}, {vector} poison, <{LANES} x i32> zeroinitializer",
                f"{value} = call {vector} @llvm.masked.load.{text.suffix}.p0"
                f"(ptr {place}, i32 {align}, {text.mask} %inside, {vector} {all_})",
                f"store {vector} {value}, ptr {self.buffers[v]}, align {align}",
            ]
        self._do(lines, self.buffers)
        for f, (how, v) in enumerate(self.p.folds.values()):
            value, chosen = text.load(lines, self.buffers.get(v) or self.kept[v]), text._new()
            lines.append(f"{chosen} = select {text.mask} %inside, {vector} {value}, {vector} {text._neutral(how)}")
            self._fold(lines, how, chosen, f"%fold{f}.0")
        for v in self.p.stored:
            value, place = text.load(lines, self.kept[v]), self.text.place(lines, v, index)
            lines.append(f"call void @llvm.masked.store.{text.suffix}.p0"
                         f"({vector} {value}, ptr {place}, i32 {align}, {text.mask} %inside)")  # fmt: skip
        return lines

    def _do(self, lines: list[str], places: dict[Atom, str]) -> None:
        call = self.call
        if call is not None:
            numbers = {v: self.text.number(lines, v) for v in call.inputs if not is_row(v)}
            known = {**self.kept, **numbers, **places}
            lines.append(call.to([known[v] for v in (*call.inputs, *call.outputs)]))

    def _fold(self, lines: list[str], how: str, value: str, place: str) -> None:
        text = self.text
        total = text.folded(lines, how, text.load(lines, place), value)
        lines.append(f"store {text.vector} {total}, ptr {place}, align {text.bits // 8}")


def indented(lines: Sequence[str]) -> str:
    return "\n".join(line if line.endswith(":") else f"  {line}" for line in lines)
