"""Numbers as a kernel computes them: expressions over loop axes, each made once, and the text of `lower` parsed."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.avals import BOOL, INT

_numbers = itertools.count()


class Axis:
    """What one loop runs along; two axes are the same only if they are one object."""

    __slots__ = ("number", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.number = next(_numbers)

    def __repr__(self) -> str:
        return f"Axis({self.size}, number={self.number})"


class Affine(NamedTuple):
    """`offset + sum(axis * step)`: where an access stands within one dimension."""

    offset: int
    terms: tuple[tuple[Axis, int], ...] = ()

    def plus(self, other: int | Affine) -> Affine:
        if isinstance(other, int):
            return Affine(self.offset + other, self.terms)
        if not (self.terms and other.terms):
            return Affine(self.offset + other.offset, self.terms or other.terms)
        steps = dict(self.terms)
        for axis, step in other.terms:
            steps[axis] = steps.get(axis, 0) + step
        return Affine(self.offset + other.offset, _ordered(steps))

    def times(self, factor: int) -> Affine:
        if factor == 0:
            return Affine(0)
        return Affine(self.offset * factor, tuple([(axis, step * factor) for axis, step in self.terms]))

    def limits(self) -> tuple[int, int]:
        """The smallest and the largest value."""
        low = high = self.offset
        for axis, step in self.terms:
            reach = step * (axis.size - 1)
            low, high = low + min(reach, 0), high + max(reach, 0)
        return low, high

    def axes(self) -> set[Axis]:
        return {axis for axis, _ in self.terms}

    def step(self, axis: Axis) -> int:
        return next((step for a, step in self.terms if a is axis), 0)

    def lone(self) -> Axis | None:
        """The axis that this is, where it is one."""
        if self.offset == 0 and len(self.terms) == 1 and self.terms[0][1] == 1:
            return self.terms[0][0]
        return None


def _ordered(steps: Mapping[Axis, int]) -> tuple[tuple[Axis, int], ...]:
    terms = [term for term in steps.items() if term[1]]
    if len(terms) > 1:
        terms.sort(key=lambda term: term[0].number)
    return tuple(terms)


def weighted(places: Iterable[tuple[Affine, int]], offset: int = 0) -> Affine:
    """The sum of places times factors, and of an offset."""
    steps: dict[Axis, int] = {}
    for place, factor in places:
        offset += place.offset * factor
        for axis, step in place.terms:
            steps[axis] = steps.get(axis, 0) + step * factor
    return Affine(offset, _ordered(steps))


def affine_of(axis: Axis) -> Affine:
    return Affine(0, ((axis, 1),))


class Scalar:
    """One number at each point of the loops over `axes`.

    `op` is `const`, `number` (a captured constant, `data` its place in the table), `position` (`data` an Affine),
    `load` (`data` an Access, `args` its dynamic indices and guard), `cast`, an operator, or a function's name.
    """

    __slots__ = ("args", "axes", "data", "dtype", "op")

    def __init__(self, op: str, dtype: np.dtype, args: tuple[Scalar, ...], data: Any, axes: frozenset[Axis]) -> None:
        self.op = op
        self.dtype = dtype
        self.args = args
        self.data = data
        self.axes = axes

    def __repr__(self) -> str:
        inner = ", ".join(map(repr, self.args)) if self.args else repr(self.data)
        return f"{self.op}({inner})"


def walk(values: Iterable[Scalar], seen: set[Scalar] | None = None) -> list[Scalar]:
    """The expressions and all that they are made of, each once, and none that is in `seen`."""
    seen = set() if seen is None else seen
    found = []
    stack = list(values)
    while stack:
        x = stack.pop()
        if x not in seen:
            seen.add(x)
            found.append(x)
            if x.args:
                stack += x.args
    return found


_NO_AXES: frozenset[Axis] = frozenset()

Place = Affine | Scalar
"""Where an access stands in one dimension: known when compiling, or an integer computed when running."""


class Access(NamedTuple):
    """One element of a buffer. `places` has one for each dimension, None standing for the next of `args`.

    `flat`: the one place counts elements in memory order. `guarded`: the last of `args` says whether the element is
    read at all; zero stands for it otherwise.
    """

    buffer: Any
    places: tuple[Affine | None, ...]
    flat: bool
    guarded: bool


class Scalars:
    """Makes expressions; equal ones are one object."""

    def __init__(self) -> None:
        self._made: dict[Any, Scalar] = {}

    def make(self, op: str, dtype: np.dtype, args: Sequence[Scalar] = (), data: Any = None) -> Scalar:
        args = tuple(args)
        key = op, dtype, data, args
        found = self._made.get(key)
        if found is None:
            axes = _NO_AXES
            for a in args:
                if not a.axes <= axes:  # most often all have the same, which needs no set of its own
                    axes = axes | a.axes if axes else a.axes
            if op == "position":
                axes |= {axis for axis, _ in data.terms}
            elif op == "load":
                axes |= {axis for place in data.places if place is not None for axis, _ in place.terms}
            found = self._made[key] = Scalar(op, dtype, args, data, axes)
        return found

    def const(self, value: Any, dtype: np.dtype) -> Scalar:
        with np.errstate(all="ignore"):
            number = np.asarray(value).astype(dtype)
        # by its bits: 0.0 and -0.0 are equal, NaN is not equal to itself
        return self.make("const", dtype, (), number.tobytes())

    def cast(self, x: Scalar, dtype: np.dtype) -> Scalar:
        if x.dtype == dtype:
            return x
        if x.op == "const":
            return self.const(np.frombuffer(x.data, x.dtype)[0], dtype)
        return self.make("cast", dtype, (x,))

    def position(self, place: Affine) -> Scalar:
        return self.const(place.offset, INT) if not place.terms else self.make("position", INT, (), place)

    def integer(self, place: Place) -> Scalar:
        return place if isinstance(place, Scalar) else self.position(place)

    def load(self, buffer: Any, index: Sequence[Place], flat: bool = False, guard: Scalar | None = None) -> Scalar:
        args = [p for p in index if isinstance(p, Scalar)]
        if guard is not None:
            args.append(guard)
        known = tuple([None if isinstance(p, Scalar) else p for p in index])
        return self.make("load", buffer.dtype, args, Access(buffer, known, flat, guard is not None))

    def both(self, x: Scalar | None, y: Scalar | None) -> Scalar | None:
        if x is None or y is None:
            return y if x is None else x
        return self.make("and", BOOL, (x, y))

    def inside(self, place: Affine, low: int, high: int) -> bool | Scalar:
        """Whether `low <= place < high`."""
        least, most = place.limits()
        if least >= low and most < high:
            return True
        if most < low or least >= high:
            return False
        x = self.position(place)
        above = None if least >= low else self.make("ge", BOOL, (x, self.const(low, INT)))
        below = None if most < high else self.make("lt", BOOL, (x, self.const(high, INT)))
        found = self.both(above, below)
        assert found is not None
        return found

    def select(self, condition: Scalar, x: Scalar, y: Scalar) -> Scalar:
        return x if x is y else self.make("select", x.dtype, (condition, x, y))

    def template(self, text: str, args: Sequence[Scalar], want: np.dtype) -> Scalar:
        """A primitive's `lower` on these arguments."""
        return self._build(_parsed(text), args, want)

    def _build(self, node: tuple[Any, ...], args: Sequence[Scalar], want: np.dtype) -> Scalar:
        kind = node[0]
        if kind == "arg":
            return args[node[1]]
        if kind == "number":
            return self.const(node[1], want)
        if kind == "if":
            condition = self._truth(self._build(node[1], args, BOOL))
            x, y = self._pair(node[2], node[3], args, want)
            return self.select(condition, x, y)
        if kind in _COMPARISONS:
            return self.make(kind, BOOL, self._pair(node[1], node[2], args, want))
        if kind in ("and", "or"):
            return self.make(kind, BOOL, [self._truth(self._build(n, args, BOOL)) for n in node[1:]])
        if kind == "not":
            return self.make("not", BOOL, (self._truth(self._build(node[1], args, BOOL)),))
        if len(node) == 3:
            x, y = self._pair(node[1], node[2], args, want)
            return self.operation(kind, x, y)
        return self.operation(kind, self._build(node[1], args, want))

    def _pair(self, a: tuple, b: tuple, args: Sequence[Scalar], want: np.dtype) -> tuple[Scalar, Scalar]:
        """Two operands; a number has the dtype of the other one."""
        if a[0] == "number" and b[0] != "number":
            y = self._build(b, args, want)
            return self._build(a, args, y.dtype), y
        x = self._build(a, args, want)
        return x, self._build(b, args, x.dtype)

    def _truth(self, x: Scalar) -> Scalar:
        return x if x.dtype == BOOL else self.make("ne", BOOL, (x, self.const(0, x.dtype)))

    def operation(self, name: str, *args: Scalar) -> Scalar:
        """An operator or a function on arguments of one dtype."""
        dtype = args[0].dtype
        if dtype == BOOL:
            # NumPy's sum of truth values is their `or`
            name = {"add": "or", "mul": "and", "bitand": "and", "bitor": "or", "bitxor": "ne", "max": "or",
                    "min": "and", "prod": "and"}.get(name, name)  # fmt: skip
        if name == "abs" and dtype.kind == "f":
            name = "fabs"
        return self.make(name, dtype, args)


class Move:
    """Places and expressions with other places for some axes. Each is moved once, however often it is asked for."""

    def __init__(self, scalars: Scalars, axes: Mapping[Axis, Affine]) -> None:
        self._scalars = scalars
        self._axes = axes
        self._places: dict[Affine, Affine] = {}
        self._moved: dict[Scalar, Scalar] = {}

    def __call__(self, x: Place) -> Place:
        return self.place(x) if isinstance(x, Affine) else self.scalar(x)

    def place(self, place: Affine) -> Affine:
        found = self._places.get(place)
        if found is None:
            terms = [(self._axes.get(axis, affine_of(axis)), step) for axis, step in place.terms]
            found = self._places[place] = weighted(terms, place.offset)
        return found

    def scalar(self, x: Scalar) -> Scalar:
        if x.axes.isdisjoint(self._axes):
            return x
        found = self._moved.get(x)
        if found is None:
            found = self._moved[x] = self._made(x)
        return found

    def _made(self, x: Scalar) -> Scalar:
        args = [self.scalar(a) for a in x.args]
        if x.op == "position":
            return self._scalars.position(self.place(x.data))
        data: Any = x.data
        if x.op == "load":
            data = data._replace(places=tuple([None if p is None else self.place(p) for p in data.places]))
        return self._scalars.make(x.op, x.dtype, args, data)


_COMPARISONS = frozenset(("lt", "le", "gt", "ge", "eq", "ne"))
_OPERATORS: dict[type, str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.USub: "neg", ast.Not: "not",
    ast.BitAnd: "bitand", ast.BitOr: "bitor", ast.BitXor: "bitxor", ast.And: "and", ast.Or: "or",
    ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne",
}  # fmt: skip


@lru_cache(maxsize=1024)
def _parsed(text: str) -> tuple[Any, ...]:
    """A template as nested tuples: ("arg", 0), ("number", 1.0), ("add", x, y), ("if", condition, x, y), ..."""
    numbered = text
    for i in range(4):
        numbered = numbered.replace(f"{{{i}}}", f"_{i}")
    return _tuples(ast.parse(numbered, mode="eval").body)


def _tuples(node: Any) -> tuple[Any, ...]:
    if isinstance(node, ast.Name):
        return "arg", int(node.id[1:])
    if isinstance(node, ast.Constant):
        return "number", node.value
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)], _tuples(node.left), _tuples(node.right)
    if isinstance(node, ast.UnaryOp):
        operand = _tuples(node.operand)
        if isinstance(node.op, ast.USub) and operand[0] == "number":
            return "number", -operand[1]
        return _OPERATORS[type(node.op)], operand
    if isinstance(node, ast.Compare):
        return _OPERATORS[type(node.ops[0])], _tuples(node.left), _tuples(node.comparators[0])
    if isinstance(node, ast.BoolOp):
        first, *rest = map(_tuples, node.values)
        for other in rest:
            first = _OPERATORS[type(node.op)], first, other
        return first
    if isinstance(node, ast.IfExp):
        return "if", _tuples(node.test), _tuples(node.body), _tuples(node.orelse)
    if isinstance(node, ast.Call):
        return (node.func.id, *map(_tuples, node.args))  # type: ignore[attr-defined]
    raise ValueError(f"a kernel has no {ast.dump(node)}")
