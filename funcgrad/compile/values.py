"""Expressions as LLVM text, each computed in the loop in which all that it depends on is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.compile.memory import Dynamic, Guard, Memory
from funcgrad.compile.nest import For, linear
from funcgrad.compile.operators import COMPARE, Shared, element_type, literal
from funcgrad.compile.scalars import Access, Place, Scalar, walk
from funcgrad.compile.statements import Buffer
from funcgrad.core.avals import BOOL


def both_wanted(root: For) -> set[Scalar]:
    """The arguments of which both sine and cosine are wanted."""
    found: dict[str, set[Scalar]] = {"sin": set(), "cos": set()}
    for x in walk(root.values()):
        if x.op in found:
            found[x.op].add(x.args[0])
    return found["sin"] & found["cos"]


class Values(Memory):
    """The expressions of a function. `flagged`: it may find that NumPy must run this again."""

    def __init__(self, shared: Shared, pointers: dict[Buffer, str]) -> None:
        super().__init__(shared, pointers)
        self.flagged = False
        self._levels: dict[Scalar, int] = {}
        self._branch = 0
        """The level of the innermost branch that is being written."""

    def _is_vector(self, x: Scalar) -> bool:
        return self._lanes is not None and self._lanes.axis in x.axes

    def _level(self, x: Scalar) -> int:
        """The depth of the loop in which a value is known: that of its innermost axis."""
        found = self._levels.get(x)
        if found is None:
            levels = [self._axis_levels[a] for a in x.axes]
            levels += map(self._level, x.args)
            if x.op == "load":
                levels.append(x.data.buffer.level)
            found = self._levels[x] = max(levels, default=0)
        return min(found, len(self._blocks) - 1)  # what a loop carries is read behind it too

    def _value(self, x: Scalar) -> str:
        if x.op == "const":
            return literal(x.data, x.dtype)
        own = self._level(x)
        level = max(own, self._branch)  # not where it would be computed for those who take another branch
        for block in self._blocks[own : level + 1]:
            if x in block.known:
                return block.known[x]
        found = self._blocks[level].known[x] = self._compute(x, level)
        return found

    def _widened(self, x: Scalar, lanes: int) -> str:
        """A value as a vector, where there are lanes."""
        if lanes == 1 or self._is_vector(x):
            return self._value(x)
        if x.op == "const":
            return f"<{', '.join([f'{element_type(x.dtype)} {literal(x.data, x.dtype)}'] * lanes)}>"
        level = max(self._level(x), self._branch)
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
            pointer = self.line(f"getelementptr i64, ptr %table, i64 {x.data}", level)
            return self.line(f"load {element_type(x.dtype)}, ptr {pointer}", level)
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
        if x.op in COMPARE:
            return self._compare(x.op, x.args[0].dtype, lanes, args, level)
        return self._operator(x.op, x.dtype, lanes, args, level)

    def _sine_and_cosine(self, x: Scalar, lanes: int, arg: str, level: int) -> str:
        known = self._blocks[level].known
        key = "sincos", x.args[0]
        kind = self._type(x.dtype, lanes)
        if key not in known:
            known[key] = self._function("sincos", x.dtype, lanes, [arg], level, f"{{{kind}, {kind}}}")
        return self.line(f"extractvalue {{{kind}, {kind}}} {known[key]}, {int(x.op == 'cos')}", level)

    def _load(self, x: Scalar, lanes: int, level: int) -> str:
        access = x.data
        buffer = access.buffer
        if buffer.place == "register":
            key = tuple([p.offset for d, p in enumerate(access.places) if d not in buffer.dropped])
            for block in reversed(self._blocks):
                if (buffer, key) in block.registers:
                    return block.registers[buffer, key]
            raise AssertionError(f"register {buffer.shape} {key} is not known")
        place = linear(buffer, access.places, access.flat)
        args = list(x.args)
        guard: Guard | None = None
        if access.guarded:
            condition = args.pop()
            guard = Guard(lambda count: self._widened(condition, count), self._is_vector(condition))
        return self._fetch(buffer, place, self._dynamic(access, args, lanes, level), guard, lanes, level)

    def _dynamic(self, access: Any, args: Sequence[Scalar], lanes: int, level: int) -> Dynamic | None:
        if not args:
            return None
        strides = (1,) if access.flat else access.buffer.strides()
        steps = [s for p, s in zip(access.places, strides) if p is None]
        vector = any(self._is_vector(a) for a in args)
        count = lanes if vector else 1
        total = ""
        for a, step in zip(args, steps):
            kind = self._type(a.dtype, count)
            text = self._widened(a, count)
            if step != 1:
                text = self.line(f"mul {kind} {text}, {self._splat_const(step, a.dtype, count)}", level)
            total = text if not total else self.line(f"add {kind} {total}, {text}", level)
        return Dynamic(total, vector)

    def _computed(self, buffer: Buffer, index: tuple[Place, ...]) -> Dynamic | None:
        """The part of a statement's place that is known when running: the same for all lanes."""
        args = [p for p in index if isinstance(p, Scalar)]
        known = tuple([None if isinstance(p, Scalar) else p for p in index])
        return self._dynamic(Access(buffer, known, False, False), args, 1, len(self._blocks) - 1)

    def _bounded(self, x: Scalar, lanes: int, level: int) -> str:
        """An index, negative ones counted from the end; out of bounds it is 0, and the kernel says so."""
        kind, size = self._type(x.dtype, lanes), x.data
        zero, length = (self._splat_const(n, x.dtype, lanes) for n in (0, size))
        index = self._widened(x.args[0], lanes)
        below = self.line(f"icmp slt {kind} {index}, {zero}", level)
        turned = self.line(f"add {kind} {index}, {length}", level)
        place = self.line(f"select {self._type(BOOL, lanes)} {below}, {kind} {turned}, {kind} {index}", level)
        bad = self.line(f"icmp uge {kind} {place}, {length}", level)
        truth = self._type(BOOL, lanes)
        safe = self.line(f"select {truth} {bad}, {kind} {zero}, {kind} {place}", level)
        self._fail(bad, [self._widened(a, lanes) for a in x.args[1:]], lanes, level)
        return safe

    def _whole(self, x: Scalar, lanes: int, level: int) -> str:
        """A float as an integer; NumPy decides about NaN and what is out of range."""
        old, limits = x.args[0].dtype, np.iinfo(x.dtype)
        value, truth = self._widened(x.args[0], lanes), self._type(BOOL, lanes)
        below = limits.min - 1 if x.dtype.itemsize * 8 <= np.finfo(old).nmant else limits.min
        low, high = (self._splat_const(float(n), old, lanes) for n in (below, limits.max + 1))
        enough = self._compare("gt" if below < limits.min else "ge", old, lanes, [value, low], level)
        fits = self.line(f"and {truth} {enough}, {self._compare('lt', old, lanes, [value, high], level)}", level)
        bad = self.line(f"xor {truth} {fits}, {self._splat_const(True, BOOL, lanes)}", level)
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
        self._fail(self.line(f"extractvalue {pair} {both}, 1", level), [], lanes, level)
        return self.line(f"extractvalue {pair} {both}, 0", level)

    def _fail(self, bad: str, guards: Sequence[str], lanes: int, level: int) -> None:
        """Say that NumPy must run this again where something is true, in lanes that count."""
        self.flagged = True
        truth = self._type(BOOL, lanes)
        if lanes > 1 and self._lanes is not None and self._lanes.mask:
            guards = [*guards, self._lanes.mask]
        for guard in guards:
            bad = self.line(f"and {truth} {bad}, {guard}", level)
        if lanes > 1:
            bad = self._some(bad, lanes, level)
        number = self.line(f"zext i1 {bad} to i32", level)
        before = self.line("load i32, ptr %flag", level)
        after = self.line(f"or i32 {before}, {number}", level)
        self._blocks[level].lines.append(f"store i32 {after}, ptr %flag")
