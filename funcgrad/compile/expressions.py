"""Expressions of elements as Python: where a value is known, what gets a name, and what stands on one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple

import numpy as np

from funcgrad.compile.facts import COMPARISONS, Facts, bound_of, chosen, conjuncts, facts_of
from funcgrad.compile.nest import For
from funcgrad.compile.scalars import Affine, Axis, Scalar
from funcgrad.compile.scopes import plain_scope
from funcgrad.compile.segments import Segment
from funcgrad.compile.statements import Buffer
from funcgrad.core.avals import BOOL, FLOAT, INT
from funcgrad.core.printing import names

WEIGHT = 8
"""Operations on one line; what is longer is cut into names."""
INDICES = "ijklmnpq"
CHOICE, OR, AND, NOT, COMPARED, SUM, PRODUCT, SIGN, ATOM = 1, 2, 3, 4, 5, 9, 10, 11, 12
_OPERATORS = {
    "add": ("+", SUM), "sub": ("-", SUM), "mul": ("*", PRODUCT), "div": ("/", PRODUCT),
    "bitor": ("|", 6), "bitxor": ("^", 7), "bitand": ("&", 8), "or": ("or", OR), "and": ("and", AND),
    **{op: (symbol, COMPARED) for op, symbol in COMPARISONS.items()},
}  # fmt: skip
_PYTHON_KEEPS = {*_OPERATORS, "neg", "abs", "fabs", "max", "min"}
"""What makes Python's own numbers of Python's own numbers."""
_EXACT = (FLOAT, np.dtype(np.float32), INT, BOOL)
"""The dtypes that numba's operators keep; it widens small integers."""

def constant(value: Any, dtype: np.dtype) -> str:
    """A number as text that has this dtype."""
    with np.errstate(all="ignore"):
        number = repr(np.asarray(value).astype(dtype).item())
    return number if dtype in (FLOAT, INT, BOOL) else f"{dtype.name}({number})"


class Part(NamedTuple):
    """A piece of an expression, and how strongly its outermost operator binds."""

    text: str
    strength: int = ATOM

    def within(self, strength: int) -> str:
        return self.text if self.strength >= strength else f"({self.text})"


class Block:
    """The lines of one loop's body, and what has a name there."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.named: dict[Scalar, str] = {}


class Expressions:
    """The lines written so far, loop within loop, and the expressions in them."""

    def __init__(self, segment: Segment) -> None:
        reserved = plain_scope().keys() | {*INDICES, "abs", "max", "min", "range"}
        self._fresh = (n for n in names() if n not in reserved)
        self._blocks = [Block()]
        self._axis_levels: dict[Axis, int] = {}
        self._letters: dict[Axis, str] = {}
        self._levels: dict[Scalar, int] = {}
        self._branch = 0
        self._weights: dict[Scalar, int] = {}
        self._untyped: dict[Scalar, bool] = {}
        self._untyped_variables: set[str] = set()
        self._arrays: dict[Buffer, str] = {}
        self._flats: dict[Buffer, str] = {}
        self._variables: dict[tuple[Buffer, tuple[int, ...]], str] = {}
        self._slots: dict[int, str] = {}
        self._top: list[str] = []
        self._uses = uses(segment.root)

    def _line(self, text: str, level: int = -1) -> None:
        self._blocks[level].lines.append(text)

    def _element(
        self, buffer: Buffer, index: Sequence[Affine | None], args: Iterable[str] = (), filled: Set[Axis] = frozenset()
    ) -> str:
        """An element of an array; all elements along the axes in `filled`."""
        dynamic = iter(args)
        spans = lambda p: p.terms and p.axes() <= filled
        places = [
            next(dynamic) if p is None else _span(p) if spans(p) else self._place(p).text
            for d, p in enumerate(index)
            if d not in buffer.dropped
        ]
        return f"{self._array(buffer)}[{', '.join(places)}]"

    def _place(self, place: Affine) -> Part:
        terms = [(step, self._letters[axis]) for axis, step in place.terms]
        pieces = [(step, name if abs(step) == 1 else f"{abs(step)} * {name}") for step, name in terms]
        if place.offset or not pieces:
            pieces.append((place.offset, str(abs(place.offset))))
        pieces.sort(key=lambda piece: piece[0] < 0)
        (first, text), *rest = pieces
        text = ("-" if first < 0 else "") + text
        if rest:
            return Part(text + "".join(f" {'-' if sign < 0 else '+'} {piece}" for sign, piece in rest), SUM)
        return Part(text, PRODUCT if " " in text else SIGN if first < 0 else ATOM)

    def _array(self, buffer: Buffer) -> str:
        return self._arrays[buffer.shares or buffer]

    def _flat(self, buffer: Buffer) -> str:
        if buffer not in self._flats:
            self._flats[buffer] = name = f"{self._array(buffer)}_flat"
            self._top.append(f"{name} = {self._array(buffer)}.reshape(-1)")
        return self._flats[buffer]

    def _level(self, x: Scalar) -> int:
        """The depth of the loop in which a value is known: that of its innermost axis."""
        found = self._levels.get(x)
        if found is None:
            depths = [*map(self._level, x.args), *(self._axis_levels[a] for a in x.axes)]
            if x.op == "load":
                depths.append(x.data.buffer.level)
            found = self._levels[x] = max(depths, default=0)
        # what a loop carries is read behind it too; what a branch needs is not computed for those who take another
        return max(min(found, len(self._blocks) - 1), self._branch)

    def _weight(self, x: Scalar) -> int:
        """How many operations its line would have."""
        found = self._weights.get(x)
        if found is None:
            level = self._level(x)
            inner = [a for a in x.args if not _is_simple(a)]
            found = self._weights[x] = 1 + sum(self._weight(a) if self._is_inline(a, level) else 1 for a in inner)
        return found

    def _is_inline(self, x: Scalar, level: int) -> bool:
        if _is_simple(x):
            return True
        # an index out of bounds must be seen also where a condition skips the line's rest
        return self._uses[x] == 1 and x.op != "bounded" and self._level(x) == level and self._weight(x) <= WEIGHT

    def _whole(self, x: Scalar) -> Part:
        """What a statement's line consists of, however long."""
        level = len(self._blocks) - 1
        is_own = self._uses[x] == 1 and x.op != "bounded" and self._level(x) == level
        return self._expression(x, level, frozenset()) if is_own else self._operand(x, level)

    def _operand(self, x: Scalar, level: int, facts: Facts = frozenset()) -> Part:
        """A value where it is used: as an expression, or by its name. `facts` are conditions known there."""
        x = chosen(x, facts)
        if self._is_inline(x, level):
            return self._expression(x, level, facts)
        own = self._level(x)
        for block in self._blocks[: own + 1]:
            if x in block.named:
                return Part(block.named[x])
        text = self._expression(x, own, frozenset()).text
        self._blocks[own].named[x] = name = self._name(x)
        self._line(f"{name} = {text}", own)
        return Part(name)

    def _name(self, x: Scalar) -> str:
        """`a_i0` for the element `a[i, 0]`, a new letter for all else."""
        if x.op == "load" and not x.data.flat and None not in x.data.places and not x.data.guarded:
            buffer, index = x.data.buffer, x.data.places
            kept = [p for d, p in enumerate(index) if buffer.shape[d] != 1 and d not in buffer.dropped]
            places = [self._place(p).text for p in kept]
            if places and all(len(p) == 1 for p in places):
                return f"{self._array(buffer)}_{''.join(places)}"
        return next(self._fresh)

    def _expression(self, x: Scalar, level: int, facts: Facts) -> Part:
        if x.op == "const":
            return _number(np.frombuffer(x.data, x.dtype)[0], x.dtype)
        if x.op == "number":
            return Part(self._slots[x.data])
        if x.op == "position":
            return self._place(x.data)
        if x.op == "load":
            return self._load(x, level, facts)
        if x.op == "bounded":
            return self._bounded(x, level)
        if x.op == "select":
            return self._select(x, level, facts)
        if x.op in ("and", "not") and _is_simple(x):
            return self._condition(x, level, facts)
        if bound := bound_of(x):
            return Part(f"{self._place(bound[0]).within(SUM)} {COMPARISONS[x.op]} {bound[1]}", COMPARED)
        operands = [chosen(a, facts) for a in x.args]
        if x.op == "add" and operands[1].op == "neg" and self._is_inline(operands[1], level):
            return self._difference(x, operands, level, facts)
        args = [self._operand(a, level, facts) for a in operands]
        if x.op in ("cast", "whole"):
            return self._cast(x, args[0])
        if x.op == "div" and all(map(self._is_untyped, operands)) and not _is_nonzero(operands[1]):
            args[1] = Part(f"float64({args[1].text})")  # Python's own numbers raise an error
        return operation(x.op, x.dtype, x.args[0].dtype, args)

    def _condition(self, x: Scalar, level: int, facts: Facts) -> Part:
        """What of a condition is not known already, `6 <= i < 10 and not p`."""
        groups: dict[Any, dict[bool, int]] = {}
        for subject, truth in conjuncts(x, True):
            if (subject, truth) not in facts:
                place, number = subject if isinstance(subject, tuple) else (subject, 0)
                found = groups.setdefault(place, {})
                found[truth] = (max if truth else min)(number, found.get(truth, number))
        parts = [
            self._between(subject, found) if isinstance(subject, Affine) else self._truth(subject, truth, level, facts)
            for subject, found in groups.items()
            for truth in ([True] if isinstance(subject, Affine) else found)
        ]
        return parts[0] if len(parts) == 1 else Part(" and ".join([p.within(AND) for p in parts]) or "True", AND)

    def _between(self, place: Affine, bounds: Mapping[bool, int]) -> Part:
        low, high = bounds.get(True), bounds.get(False)
        text = self._place(place).within(SUM)
        if low is not None and high is not None:
            return Part(f"{low} <= {text} < {high}", COMPARED)
        return Part(f"{text} < {high}" if low is None else f"{text} >= {low}", COMPARED)

    def _truth(self, x: Scalar, truth: bool, level: int, facts: Facts) -> Part:
        part = self._operand(x, level, facts)
        return part if truth else Part(f"not {part.within(NOT)}", NOT)

    def _difference(self, x: Scalar, operands: Sequence[Scalar], level: int, facts: Facts) -> Part:
        """`x + -y` as `x - y`."""
        args = [self._operand(a, level, facts) for a in (operands[0], *operands[1].args)]
        return operation("sub", x.dtype, x.dtype, args)

    def _load(self, x: Scalar, level: int, facts: Facts) -> Part:
        buffer, index, flat, guarded = x.data
        if is_variable(buffer):
            return Part(self._variables[buffer, key_of(buffer, index)])
        if not buffer.shape:
            return Part(self._array(buffer))
        args, guard = (x.args[:-1], x.args[-1]) if guarded else (x.args, None)
        places = [self._operand(a, level).text for a in args]
        if flat:
            (place,) = index
            text = f"{self._flat(buffer)}[{places[0] if place is None else self._place(place).text}]"
        else:
            text = self._element(buffer, index, places)
        return self._guarded(Part(text), guard, constant(0, buffer.dtype), level, facts)

    def _guarded(self, part: Part, guard: Scalar | None, otherwise: str, level: int, facts: Facts) -> Part:
        if guard is None or facts_of(guard, True) <= facts:
            return part
        return Part(f"{part.text} if {self._operand(guard, level, facts).within(OR)} else {otherwise}", CHOICE)

    def _bounded(self, x: Scalar, level: int) -> Part:
        index, *guard = x.args
        part = Part(f"place({self._operand(index, level).text}, {x.data})")
        return self._guarded(part, guard[0] if guard else None, "0", level, frozenset())

    def _select(self, x: Scalar, level: int, facts: Facts) -> Part:
        condition, then, otherwise = x.args
        shown = self._operand(condition, level, facts).within(OR)
        yes = self._operand(then, level, facts | facts_of(condition, True)).within(OR)
        no = self._operand(otherwise, level, facts | facts_of(condition, False)).text
        return Part(f"{yes} if {shown} else {no}", CHOICE)

    def _cast(self, x: Scalar, part: Part) -> Part:
        old = x.args[0]
        if x.dtype == BOOL:
            return Part(f"{part.within(SUM)} != 0", COMPARED)
        if x.dtype.kind in "iu" and old.dtype == INT and x.dtype != INT and self._is_untyped(old):
            part = Part(f"int64({part.text})")  # Python's own integers are not cut off
        return Part(f"{x.dtype.name}({part.text})")

    def _is_untyped(self, x: Scalar) -> bool:
        """Whether plain Python may have one of its own numbers here, with other rules than NumPy's."""
        found = self._untyped.get(x)
        if found is None:
            found = self._untyped[x] = self._find_untyped(x)
        return found

    def _find_untyped(self, x: Scalar) -> bool:
        if x.op == "load":
            buffer, index, _, guarded = x.data
            if guarded or not is_variable(buffer):
                return guarded
            return self._variables[buffer, key_of(buffer, index)] in self._untyped_variables
        if x.op == "select":
            return any(map(self._is_untyped, x.args[1:]))
        if x.op in ("const", "position", "bounded", "not", "and", "or"):
            return True
        return x.op.removeprefix("exact_") in _PYTHON_KEEPS and all(map(self._is_untyped, x.args))


def _span(place: Affine) -> str:
    """All places along an axis."""
    ((_, step),) = place.terms
    return ":" if place == (0, place.terms) and step == 1 else f"{place.offset}::{step}"


def uses(root: For) -> dict[Scalar, int]:
    """How many expressions and statements each expression is part of."""
    found: dict[Scalar, int] = {}
    stack = list(root.values())
    while stack:
        x = stack.pop()
        found[x] = found.get(x, 0) + 1
        if found[x] == 1:
            stack.extend(x.args)
    return found


def is_variable(buffer: Buffer) -> bool:
    return buffer.place == "register" or (not buffer.shape and buffer.place in ("output", "scratch"))


def key_of(buffer: Buffer, index: Sequence[Any]) -> tuple[int, ...]:
    return tuple([p.offset for d, p in enumerate(index) if d not in buffer.dropped])


def _is_simple(x: Scalar) -> bool:
    """Whether an expression is as short as its name."""
    if x.op == "load":
        return is_variable(x.data.buffer) or not x.data.buffer.shape
    if x.op in ("const", "number", "position") or (x.op == "cast" and x.args[0].op == "number"):
        return True
    return x.dtype == BOOL and (x.op in COMPARISONS or x.op in ("and", "not")) and all(
        a.op in ("const", "position") or (a.dtype == BOOL and _is_simple(a)) for a in x.args
    )  # fmt: skip


def _is_nonzero(x: Scalar) -> bool:
    return x.op == "const" and bool(np.frombuffer(x.data, x.dtype)[0] != 0)


def _number(value: Any, dtype: np.dtype) -> Part:
    text = constant(value, dtype)
    return Part(text, SIGN if text.startswith("-") else ATOM)


def operation(op: str, dtype: np.dtype, given: np.dtype, args: Sequence[Part]) -> Part:
    """An operator or a function of arguments of the dtype `given`."""
    op = op.removeprefix("exact_")
    if op in _OPERATORS:
        symbol, strength = _OPERATORS[op]
        left = strength + (strength == COMPARED)
        part = Part(f"{args[0].within(left)} {symbol} {args[1].within(strength + 1)}", strength)
    elif op == "not":
        part = Part(f"not {args[0].within(NOT)}", NOT)
    elif op == "neg":
        part = Part(f"-{args[0].within(SIGN)}", SIGN)
    else:
        name = "abs" if op == "fabs" else f"{op}imum" if op in ("max", "min") and given.kind == "f" else op
        part = Part(f"{name}({', '.join([a.text for a in args])})")
        if name in ("erf", "erfc", "lgamma", "logistic", "softplus") and dtype != FLOAT:
            return Part(f"{dtype.name}({part.text})")
    return part if dtype in _EXACT else Part(f"{dtype.name}({part.text})")
