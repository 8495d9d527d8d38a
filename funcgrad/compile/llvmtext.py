"""Straight-line floating-point code as LLVM text, written with Python's operators on `Value`.

One Python function gives the text for float64 and float32, scalars and vectors: `FloatKind` says which.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

Number = int | float
_ARITHMETIC = {
    "f": {"+": "fadd", "-": "fsub", "*": "fmul", "/": "fdiv"},
    "i": {"+": "add", "-": "sub", "*": "mul", "&": "and", "|": "or", "^": "xor", "<<": "shl", ">>": "lshr"},
    "m": {"&": "and", "|": "or", "^": "xor"},
}
_ORDER = {"f": {"<": "fcmp olt", "<=": "fcmp ole", "==": "fcmp oeq"}, "i": {"<": "icmp slt", "==": "icmp eq"}}


class FloatKind(NamedTuple):
    """The values that a function computes with: `lanes` numbers of `bits` bits."""

    bits: int
    lanes: int

    def type(self, sort: str) -> str:
        """LLVM's type of floating-point numbers ("f"), integers of their size ("i") and truth values ("m")."""
        one = {"f": "double" if self.bits == 64 else "float", "i": f"i{self.bits}", "m": "i1"}[sort]
        return one if self.lanes == 1 else f"<{self.lanes} x {one}>"

    def suffix(self, sort: str = "f") -> str:
        """What follows an intrinsic's name."""
        one = {"f": f"f{self.bits}", "i": f"i{self.bits}", "m": "i1"}[sort]
        return one if self.lanes == 1 else f"v{self.lanes}{one}"

    @property
    def mantissa(self) -> int:
        """The stored bits of a significand."""
        return 52 if self.bits == 64 else 23

    @property
    def bias(self) -> int:
        """The stored exponent of 1."""
        return 1023 if self.bits == 64 else 127

    @property
    def tiny(self) -> float:
        """The least normal number."""
        return 2.0 ** (1 - self.bias)

    @property
    def shifter(self) -> float:
        """Added to a small number, rounds it to an integer, which is then the sum's last bits."""
        return 1.5 * 2.0**self.mantissa

    def word(self, x: float) -> str:
        """A floating-point constant: LLVM writes both sizes as float64's bits."""
        if self.bits == 32:
            x = struct.unpack("f", struct.pack("f", x))[0]
        return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"


class Value:
    """The result of an instruction, an argument or a constant."""

    def __init__(self, body: Body, text: str, sort: str) -> None:
        self.body, self.text, self.sort = body, text, sort

    @property
    def typed(self) -> str:
        return f"{self.body.kind.type(self.sort)} {self.text}"

    def _binary(self, op: str, other: Value | Number) -> Value:
        return self._emit(_ARITHMETIC[self.sort][op], self.sort, other)

    def _compare(self, op: str, other: Value | Number) -> Value:
        return self._emit(_ORDER[self.sort][op], "m", other)

    def _emit(self, instruction: str, sort: str, other: Value | Number) -> Value:
        return self.body.emit(f"{instruction} {self.typed}, {self.body.value(other, self.sort).text}", sort)

    def __add__(self, other: Value | Number) -> Value:
        return self._binary("+", other)

    def __sub__(self, other: Value | Number) -> Value:
        return self._binary("-", other)

    def __mul__(self, other: Value | Number) -> Value:
        return self._binary("*", other)

    def __truediv__(self, other: Value | Number) -> Value:
        return self._binary("/", other)

    def __and__(self, other: Value | Number) -> Value:
        return self._binary("&", other)

    def __or__(self, other: Value | Number) -> Value:
        return self._binary("|", other)

    def __xor__(self, other: Value | Number) -> Value:
        return self._binary("^", other)

    def __lshift__(self, count: int) -> Value:
        return self._binary("<<", count)

    def __rshift__(self, count: int) -> Value:
        return self._binary(">>", count)

    def __lt__(self, other: Value | Number) -> Value:
        return self._compare("<", other)

    def __le__(self, other: Value | Number) -> Value:
        return self._compare("<=", other)

    def __gt__(self, other: Value | Number) -> Value:
        return self.body.value(other, self.sort) < self

    def __ge__(self, other: Value | Number) -> Value:
        return self.body.value(other, self.sort) <= self

    def equals(self, other: Value | Number) -> Value:
        return self._compare("==", other)

    def below(self, other: int) -> Value:
        """Whether an integer, taken as unsigned, is less."""
        return self._emit("icmp ult", "m", other)

    def is_nan(self) -> Value:
        return self._emit("fcmp uno", "m", self)

    def __invert__(self) -> Value:
        return self ^ (1 if self.sort == "m" else -1)

    def __neg__(self) -> Value:
        return self.body.emit(f"fneg {self.typed}", self.sort)

    def __abs__(self) -> Value:
        return self.body.intrinsic("fabs", self)

    def __radd__(self, other: Number) -> Value:
        return self + other

    def __rmul__(self, other: Number) -> Value:
        return self * other

    def __rsub__(self, other: Number) -> Value:
        return self.body.value(other, self.sort) - self

    def __rtruediv__(self, other: Number) -> Value:
        return self.body.value(other, self.sort) / self

    def integer(self) -> Value:
        """The same bits as an integer."""
        return self._bitcast("i")

    def floating(self) -> Value:
        """The same bits as a floating-point number."""
        return self._bitcast("f")

    def _bitcast(self, sort: str) -> Value:
        return self.body.emit(f"bitcast {self.typed} to {self.body.kind.type(sort)}", sort)


class Body:
    """The instructions of one function, and what they need to be declared or defined."""

    def __init__(self, kind: FloatKind, fused: bool) -> None:
        self.kind, self.fused = kind, fused
        self.lines: list[str] = []
        self.declared: set[str] = set()
        self.rare: dict[str, Rare] = {}
        self.block = "entry"
        self._count = 0

    def argument(self, i: int) -> Value:
        return Value(self, f"%x{i}", "f")

    def value(self, x: Value | Number, sort: str = "f") -> Value:
        if isinstance(x, Value):
            return x
        one = self.kind.word(float(x)) if sort == "f" else str(int(x))
        if self.kind.lanes > 1:
            element = self.kind._replace(lanes=1).type(sort)
            one = "<" + ", ".join([f"{element} {one}"] * self.kind.lanes) + ">"
        return Value(self, one, sort)

    def name(self) -> str:
        self._count += 1
        return f"%t{self._count}"

    def emit(self, instruction: str, sort: str) -> Value:
        value = Value(self, self.name(), sort)
        self.lines.append(f"  {value.text} = {instruction}")
        return value

    def intrinsic(self, name: str, *args: Value) -> Value:
        result = self.kind.type(args[0].sort)
        symbol = f"@llvm.{name}.{self.kind.suffix(args[0].sort)}"
        self.declared.add(f"declare {result} {symbol}({', '.join([result] * len(args))})")
        return self.emit(f"call {result} {symbol}({', '.join(a.typed for a in args)})", args[0].sort)

    def any(self, mask: Value) -> str:
        """Whether a mask has a true lane, as an i1."""
        if self.kind.lanes == 1:
            return mask.text
        symbol = f"@llvm.vector.reduce.or.{self.kind.suffix('m')}"
        self.declared.add(f"declare i1 {symbol}({self.kind.type('m')})")
        result = self.name()
        self.lines.append(f"  {result} = call i1 {symbol}({mask.typed})")
        return result

    def patched(self, result: Value, bad: Value, rare: Rare, *args: Value) -> Value:
        """`result`, but that of another function in the lanes of a mask, which are rarely any."""
        return self.patched_together({rare: result}, bad, *args)[0]

    def patched_together(self, results: dict[Rare, Value], bad: Value, *args: Value) -> list[Value]:
        """Several results with one branch: a function for each."""
        any_lane, slow, done, before = self.any(bad), self.name(), self.name(), self.block
        own = self.kind.type("f")
        self.lines += [f"  br i1 {any_lane}, label {slow}, label {done}", f"{slow[1:]}:"]
        called = []
        for rare, result in results.items():
            self.rare[rare.name] = rare
            passed = ", ".join(a.typed for a in (*args, result, bad))
            called.append(self.emit(f"call {own} @{rare.symbol(self.kind)}({passed})", "f"))
        self.lines += [f"  br label {done}", f"{done[1:]}:"]
        self.block = done[1:]
        return [
            self.emit(f"phi {own} [ {result.text}, %{before} ], [ {other.text}, {slow} ]", "f")
            for result, other in zip(results.values(), called)
        ]


class Rare(NamedTuple):
    """A function that few arguments need: of the C library, for one lane, or made by `of`, for all."""

    name: str
    arity: int = 1
    of: Callable[..., Value] | None = None

    def symbol(self, kind: FloatKind) -> str:
        return f"fg_rare_{self.name}_f{kind.bits}x{kind.lanes}"


def fma(x: Value, y: Value | Number, z: Value | Number) -> Value:
    """x * y + z, rounded once where the machine can."""
    y, z = x.body.value(y), x.body.value(z)
    return x.body.intrinsic("fma", x, y, z) if x.body.fused else x * y + z


def where(mask: Value, x: Value | Number, y: Value | Number) -> Value:
    sort = next((v.sort for v in (x, y) if isinstance(v, Value)), "f")
    x, y = mask.body.value(x, sort), mask.body.value(y, sort)
    return mask.body.emit(f"select {mask.typed}, {x.typed}, {y.typed}", sort)


def at_most(x: Value, limit: Value | Number) -> Value:
    """The lesser, NaN where x is: one instruction of x86-64."""
    limit = x.body.value(limit)
    return where(limit < x, limit, x)


def at_least(x: Value, limit: Value | Number) -> Value:
    limit = x.body.value(limit)
    return where(limit > x, limit, x)


def sign_bit(x: Value) -> Value:
    return x.integer() & -(1 << (x.body.kind.bits - 1))


def with_sign(x: Value, sign: Value) -> Value:
    """A non-negative x (or one of that sign already) with a sign bit from `sign_bit`."""
    return (x.integer() | sign).floating()


def flipped(x: Value, sign: Value) -> Value:
    """x, negated where a sign bit from `sign_bit` is set."""
    return (x.integer() ^ sign).floating()


def polynomial(x: Value, coefficients: tuple[float, ...]) -> Value:
    """W. G. Horner's rule; where that waits long, for pairs of terms, and the square of x.

    G. Estrin's (1960), pairs of pairs to the end, waits least, but has more products and keeps more registers.
    """
    terms: list[Value | Number] = list(coefficients)
    while len(terms) > 5:
        pairs: list[Value | Number] = [fma(x, b, a) for a, b in zip(terms[::2], terms[1::2])]
        terms, x = pairs + terms[len(terms) & ~1 :], x * x
    result = x.body.value(terms[-1])
    for term in terms[-2::-1]:
        result = fma(x, result, term)
    return result


def careful(x: Value, coefficients: tuple[float, ...]) -> Value:
    """The same with one rounding of the size of the result, not two."""
    return fma(x, polynomial(x, coefficients[1:]), coefficients[0])
