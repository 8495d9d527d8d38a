"""Lines of LLVM text: blocks, counted loops, and operators on values of one lane or several.

Values are names or constants. A line goes into the innermost loop, or into the one whose depth is its `level`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad.compile import vectormath
from funcgrad.compile.scalars import Axis, Scalar
from funcgrad.compile.statements import Buffer
from funcgrad.core.avals import BOOL, INT

COMPARE = {"lt": ("olt", "slt", "ult"), "le": ("ole", "sle", "ule"), "gt": ("ogt", "sgt", "ugt"),
            "ge": ("oge", "sge", "uge"), "eq": ("oeq", "eq", "eq"), "ne": ("une", "ne", "ne")}  # fmt: skip
_ARITHMETIC = {"add": ("fadd", "add"), "sub": ("fsub", "sub"), "mul": ("fmul", "mul"), "div": ("fdiv", "sdiv")}
_BITS = {"bitand": "and", "bitor": "or", "bitxor": "xor", "and": "and", "or": "or"}
_INTRINSICS = frozenset(("sqrt", "floor", "ceil", "trunc", "rint", "fabs", "copysign", "maximum", "minimum"))


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


class Block:
    """Lines of one loop body, and the values known in it."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.lines: list[str] = []
        self.known: dict[Any, str] = {}
        self.registers: dict[tuple[Buffer, tuple[int, ...]], str] = {}


class Lanes:
    """The loop that runs through several elements at once: `mask` is a constant vector, None for all."""

    def __init__(self, axis: Axis, count: int, mask: str | None) -> None:
        self.axis = axis
        self.count = count
        self.mask = mask


class Shared:
    """What the functions of one kernel have in common.

    `both`: the arguments of which it wants sine and cosine. `streamed`: the results that it writes past the cache.
    """

    def __init__(self, both: set[Scalar], streamed: frozenset[Buffer]) -> None:
        self.declared: set[str] = set()
        self.used: dict[vectormath.Use, None] = {}
        self.calls = 0
        self.both = both
        self.streamed = streamed


class Lines:
    """The lines of a function, in the making. `line` makes a value, `do` does not."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.entry: list[str] = []
        self._count = 0
        self._positions: dict[Axis, str] = {}
        self._lanes: Lanes | None = None
        self._blocks = [Block("entry")]

    def lines(self) -> list[str]:
        return [*self.entry, *self._blocks[0].lines]

    def _new(self) -> str:
        self._count += 1
        return f"%v{self._count}"

    def line(self, text: str, level: int | None = None) -> str:
        name = self._new()
        self._blocks[-1 if level is None else level].lines.append(f"{name} = {text}")
        return name

    def do(self, text: str) -> None:
        self._blocks[-1].lines.append(text)

    def _call(self, name: str, result: str, args: Sequence[tuple[str, str]], level: int | None = None) -> str:
        types = ", ".join(t for t, _ in args)
        self.shared.declared.add(f"declare {result} @{name}({types})")
        return self.line(f"call {result} @{name}({', '.join(f'{t} {v}' for t, v in args)})", level)

    def _type(self, dtype: np.dtype, lanes: int = 1, stored: bool = False) -> str:
        name = stored_type(dtype) if stored else element_type(dtype)
        return f"<{lanes} x {name}>" if lanes > 1 else name

    @staticmethod
    def _suffix(dtype: np.dtype, lanes: int = 1, stored: bool = False) -> str:
        name = f"f{dtype.itemsize * 8}" if dtype.kind == "f" else (stored_type if stored else element_type)(dtype)
        return f"v{lanes}{name}" if lanes > 1 else name

    def _splat_const(self, value: Any, dtype: np.dtype, lanes: int) -> str:
        with np.errstate(all="ignore"):
            text = literal(np.asarray(value).astype(dtype).tobytes(), dtype)
        return text if lanes == 1 else f"<{', '.join([f'{element_type(dtype)} {text}'] * lanes)}>"

    @staticmethod
    def _all(count: int) -> str:
        return f"<{', '.join(['i1 true'] * count)}>"

    def _splat_integer(self, value: str, lanes: int, level: int) -> str:
        return self._splat(value, INT, lanes, level)

    def _splat(self, value: str, dtype: np.dtype, lanes: int, level: int | None = None) -> str:
        kind = self._type(dtype, lanes)
        one = self.line(f"insertelement {kind} poison, {element_type(dtype)} {value}, i64 0", level)
        return self.line(f"shufflevector {kind} {one}, {kind} poison, <{lanes} x i32> zeroinitializer", level)

    def _part(self, value: str, dtype: np.dtype, lanes: int, start: int, level: int | None = None) -> str:
        """Half of the lanes, from `start` on."""
        kind, half = self._type(dtype, lanes), lanes // 2
        picked = ", ".join(f"i32 {start + i}" for i in range(half))
        return self.line(f"shufflevector {kind} {value}, {kind} poison, <{half} x i32> <{picked}>", level)

    def _repeat(
        self, axis: Axis, turns: int, lanes: int, start: int, body: Callable[[], None], divided: bool = False
    ) -> None:
        """A loop over an axis, which `body` fills; one turn is no loop. `divided`: its turns are `%low` to `%high`."""
        parent = self._blocks[-1]
        self._count += 1
        number = self._count
        inner = Block(f"loop{number}" if turns > 1 else parent.label)
        self._blocks.append(inner)
        self._positions[axis] = f"%i{number}" if turns > 1 else str(start)
        body()
        self._blocks.pop()
        if turns == 1:
            parent.lines += inner.lines
            parent.label = inner.label
            return
        low, high = "0", str(turns * lanes)
        if divided:
            low, high = self.line(f"mul i64 %low, {lanes}"), self.line(f"mul i64 %high, {lanes}")
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


class Operators(Lines):
    """Operators, casts and functions."""

    def _operator(self, op: str, dtype: np.dtype, lanes: int, args: Sequence[str], level: int) -> str:
        kind = self._type(dtype, lanes)
        is_float = dtype.kind == "f"
        if op in ("max", "min") and is_float:
            op += "imum"
        if op in _ARITHMETIC:
            return self.line(f"{_ARITHMETIC[op][not is_float]} {kind} {args[0]}, {args[1]}", level)
        if op in _BITS:
            return self.line(f"{_BITS[op]} {kind} {args[0]}, {args[1]}", level)
        if op == "select":
            condition = self._type(BOOL, lanes)
            return self.line(f"select {condition} {args[0]}, {kind} {args[1]}, {kind} {args[2]}", level)
        if op == "not":
            return self.line(f"xor {kind} {args[0]}, {self._splat_const(True, BOOL, lanes)}", level)
        if op == "neg":
            zero = self._splat_const(0, dtype, lanes)
            return self.line(f"fneg {kind} {args[0]}" if is_float else f"sub {kind} {zero}, {args[0]}", level)
        if op in _INTRINSICS:
            name = f"llvm.{op}.{self._suffix(dtype, lanes)}"
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

    def _compare(self, op: str, dtype: np.dtype, lanes: int, args: Sequence[str], level: int) -> str:
        ordered, signed, unsigned = COMPARE[op]
        instruction = "fcmp" if dtype.kind == "f" else "icmp"
        how = ordered if dtype.kind == "f" else signed if dtype.kind == "i" else unsigned
        return self.line(f"{instruction} {how} {self._type(dtype, lanes)} {args[0]}, {args[1]}", level)

    def _function(
        self, name: str, dtype: np.dtype, lanes: int, args: Sequence[str], level: int, result: str | None = None
    ) -> str:
        self.shared.used[name, dtype, lanes] = None
        self.shared.calls += 1
        kind = self._type(dtype, lanes)
        given = ", ".join(f"{kind} {a}" for a in args)
        return self.line(f"call {result or kind} @{vectormath.symbol(name, dtype, lanes)}({given})", level)

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
        trap = self.line(f"or {truth} {is_zero}, {is_minus}", level) if sign == "s" else is_zero
        safe = do("select", trap, one, y)
        rest = self.line(f"{sign}rem {kind} {x}, {safe}", level)
        wrong = compare("lt", do("bitxor", rest, y), zero)
        wrong = self.line(f"and {truth} {wrong}, {compare('ne', rest, zero)}", level)
        if op == "remainder":
            return do("select", wrong, do("add", rest, y), rest)
        quotient = self.line(f"{sign}div {kind} {x}, {safe}", level)
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
        fits = self.line(f"icmp ule {kind} {y}, {last}", level)
        few = self.line(f"select {truth} {fits}, {kind} {y}, {kind} {zero}", level)
        shifted = self.line(f"{how} {kind} {x}, {few}", level)
        left = self.line(f"ashr {kind} {x}, {last}", level) if how == "ashr" else zero
        return self.line(f"select {truth} {fits}, {kind} {shifted}, {kind} {left}", level)

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
        return self.line(f"{how} {self._type(old, lanes)} {value} to {self._type(new, lanes)}", level)
