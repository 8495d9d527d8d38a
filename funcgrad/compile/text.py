"""Loops as readable Python, which computes the same element by element: plain, and compiled by numba."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from funcgrad.compile.expressions import (
    CHOICE,
    INDICES,
    NOT,
    SUM,
    Block,
    Expressions,
    Part,
    constant,
    is_variable,
    key_of,
    operation,
    uses,
)
from funcgrad.compile.nest import Choose, For, While
from funcgrad.compile.scalars import Affine, Place, Scalar
from funcgrad.compile.scopes import plain_scope
from funcgrad.compile.segments import Segment
from funcgrad.compile.statements import FOLDS, Buffer, Write, identity
from funcgrad.core.avals import BOOL, Aval, short_dtype

_TOTALS = {"sum": "total", "prod": "product", "max": "largest", "min": "smallest", "any": "some", "all": "every"}


def kernel_text(segment: Segment, name: str) -> str:
    """The loops of a segment as the text of a Python function.

    It takes the inputs, the entries `slots(segment)` of the segment's table, and the outputs that are arrays, which it
    writes; scalars are NumPy's. Outputs of rank 0 are returned: one, or a tuple of several.
    """
    return _Writer(segment).function(name)


def slots(segment: Segment) -> list[int]:
    """The entries of a segment's table that its text takes, in their order."""
    return sorted(_slots(uses(segment.root)))


def interpret(segment: Segment, args: Iterable[Any]) -> tuple[Any, ...]:
    """The outputs of a segment, by its text in plain Python."""
    scope = plain_scope()
    exec(kernel_text(segment, "kernel"), scope)
    return call(scope["kernel"], segment, args)


def call(function: Callable[..., Any], segment: Segment, args: Iterable[Any]) -> tuple[Any, ...]:
    """The outputs of a segment, by a function with its text."""
    given = [np.asarray(x, a.aval.dtype, order="C")[()] for x, a in zip(args, segment.inputs)]
    table = [segment.table[slot] for slot in slots(segment)]
    numbers = [x if isinstance(x, np.ndarray) else (np.float64 if isinstance(x, float) else np.int64)(x) for x in table]
    arrays = {v: np.empty(v.aval.shape, v.aval.dtype) for v in segment.outputs if v.aval.shape}
    with np.errstate(all="ignore"):
        found = function(*given, *numbers, *arrays.values())
    returned = iter(found if isinstance(found, tuple) else (found,))
    return tuple([arrays[v] if v in arrays else _scalar(next(returned), v.aval) for v in segment.outputs])


def _scalar(value: Any, aval: Aval) -> Any:
    typed = aval.dtype.type(value)
    return typed.item() if aval.weak else typed


class _Writer(Expressions):
    def __init__(self, segment: Segment) -> None:
        super().__init__(segment)
        self._segment = segment
        self._depth = 0
        self._accumulators: dict[tuple[Write, int], str] = {}
        self._origins: dict[str, Scalar] = {}
        self._totals: dict[str, Iterator[str]] = {
            n: itertools.chain([n], map(f"{n}_{{}}".format, itertools.count(1))) for n in _TOTALS.values()
        }
        self._writers = Counter(w.buffer for w in _writes(segment.root))

    def function(self, name: str) -> str:
        segment = self._segment
        params = [self._parameter(segment._buffers[a], "") for a in segment.inputs]
        used = sorted(_slots(self._uses).items())
        for slot, x in used:
            if x.op == "load":
                params.append(self._parameter(x.data.buffer, ""))
            else:
                self._slots[slot] = next(self._fresh)
                params.append(f"{self._slots[slot]}: '{short_dtype(x.dtype)}'")
        outputs = [segment._buffers[v] for v in segment.outputs]
        params += [self._parameter(buffer, "out ") for buffer in outputs if buffer.shape]
        for buffer in segment.scratch:
            if buffer.shape:
                self._allocate(buffer)
        self._scope(segment.root, 0)
        lines = [*self._top, *self._blocks[0].lines]
        returned = [self._variables[b, ()] for b in outputs if not b.shape]
        if returned:
            lines.append(f"return {', '.join(returned)}")
        return "".join(f"{line}\n" for line in [f"def {name}({', '.join(params)}):", *_indented(lines)])

    def _parameter(self, buffer: Buffer, out: str) -> str:
        self._arrays[buffer] = name = next(self._fresh)
        shape = f"[{','.join(map(str, buffer.shape))}]" if buffer.shape else ""
        return f"{name}: '{out}{short_dtype(buffer.dtype)}{shape}'"

    def _allocate(self, buffer: Buffer) -> None:
        self._arrays[buffer] = name = next(self._fresh)
        shape = tuple([n for d, n in enumerate(buffer.shape) if d not in buffer.dropped])
        dtype = "bool_" if buffer.dtype == BOOL else buffer.dtype.name
        self._top.append(f"{name} = empty({shape}, {dtype})")

    def _scope(self, scope: For, level: int) -> None:
        for item in scope.items:
            if isinstance(item, While):
                self._while(item, level + 1)
            elif isinstance(item, Choose):
                self._choose(item, level + 1)
            elif isinstance(item, For):
                self._loop(item, level + 1)
            else:
                self._write(item)

    def _body(self, scope: For, level: int) -> list[str]:
        self._blocks.append(Block())
        self._scope(scope, level)
        return _indented(self._blocks.pop().lines)

    def _loop(self, scope: For, level: int) -> None:
        assert scope.axis is not None
        self._axis_levels[scope.axis] = level
        index = INDICES[self._depth] if self._depth < len(INDICES) else f"i{self._depth}"
        self._letters[scope.axis] = index
        statements = [] if scope.ordered else list(scope.statements())
        for w in statements:
            self._begin(w, scope)
        self._depth += 1
        lines = self._body(scope, level)
        self._depth -= 1
        self._blocks[-1].lines += [f"for {index} in range({scope.axis.size}):", *lines]
        for w in statements:
            self._end(w, scope)

    def _while(self, scope: While, level: int) -> None:
        self._blocks.append(Block())
        self._scope(scope.check, level)
        taken = self._taken(scope.test)
        test = self._operand(scope.test, level) if taken is None else Part(taken, CHOICE)
        lines = self._blocks[-1].lines
        head = f"while {'True' if lines else test.text}:"
        if lines:
            lines += [f"if not {test.within(NOT)}:", "    break"]
        self._scope(scope, level)
        self._blocks[-2].lines += [head, *_indented(lines)]
        self._blocks.pop()

    def _choose(self, scope: Choose, level: int) -> None:
        name = self._operand(scope.index, level - 1).within(SUM)
        value = self._origins.get(name, scope.index)
        condition = _condition(value)
        if condition is not None and (value is scope.index or self._taken(scope.index) is not None):
            tests, order = [self._operand(condition, level - 1).text], [1, 0]
        else:
            tests, order = [f"{name} == {k}" for k in range(len(scope.branches) - 1)], [*range(len(scope.branches))]
        heads = [f"{'elif' if k else 'if'} {test}:" for k, test in enumerate(tests)] + ["else:"]
        outer, self._branch = self._branch, len(self._blocks)
        bodies = [self._body(scope.branches[k], level) for k in order]
        self._branch = outer
        if not tests:
            heads = ["if True:"]
        for head, lines in zip(heads, bodies):
            self._blocks[-1].lines += [head, *lines]

    # statements

    def _write(self, w: Write) -> None:
        for number, (index, value) in enumerate(w.parts):
            total = self._accumulators.get((w, number))
            if w.fold is None:
                text = self._taken(value) or self._whole(value).text
                self._store(w.buffer, index, text, self._is_untyped(value))
                if is_variable(w.buffer):
                    self._origins[self._variables[w.buffer, key_of(w.buffer, index)]] = value
            else:
                self._combine(w, total or self._made(w.buffer, index), value)

    def _begin(self, w: Write, scope: For) -> None:
        """Before the first loop that folds: what starts at the identity."""
        if not w.over:
            return
        first, inner = w.fold_loops()
        start = constant(identity(str(w.fold), w.buffer.dtype), w.buffer.dtype)
        if w.path[first] is scope and inner != first:
            filled = {s.axis for s in w.path[first:]}
            for index, _ in w.parts:
                self._line(f"{self._element(w.buffer, _known(index), filled=filled)} = {start}")
        if inner < len(w.path) and w.path[inner] is scope:
            for number in range(len(w.parts)):
                total = self._accumulators[w, number] = next(self._totals[_TOTALS[str(w.fold)]])
                self._line(f"{total} = {start}")

    def _end(self, w: Write, scope: For) -> None:
        """Behind the loops that fold: the results."""
        if not w.over:
            return
        first, inner = w.fold_loops()
        if inner == len(w.path) or w.path[inner] is not scope:
            return
        for number, (index, value) in enumerate(w.parts):
            total = self._accumulators.pop((w, number))
            untyped = self._is_untyped(value) or any(a.size == 0 for a in w.over)
            if inner != first:
                element = self._element(w.buffer, _known(index))
                self._line(f"{element} = {self._combined(w, element, Part(total))}")
            elif is_variable(w.buffer):
                self._set(w.buffer, index, total, untyped)
            else:
                self._store(w.buffer, index, total, untyped)

    def _store(self, buffer: Buffer, index: Sequence[Place], text: str, untyped: bool) -> None:
        if is_variable(buffer):
            name = self._variables.get((buffer, key_of(buffer, index))) or next(self._fresh)
            self._set(buffer, index, name, untyped)
            self._line(f"{name} = {text}")
        else:
            self._line(f"{self._made(buffer, index)} = {text}")

    def _taken(self, x: Scalar) -> str | None:
        """What the line before sets a variable to that is used only here; the line goes."""
        if x.op != "load" or not is_variable(x.data.buffer) or x.data.buffer.place == "output":
            return None
        if self._uses[x] > 1 or self._writers[x.data.buffer] > 1:
            return None
        head, lines = f"{self._load(x, 0, frozenset()).text} = ", self._blocks[-1].lines
        return lines.pop()[len(head) :] if lines and lines[-1].startswith(head) else None

    def _set(self, buffer: Buffer, index: Sequence[Place], name: str, untyped: bool) -> None:
        self._variables[buffer, key_of(buffer, index)] = name
        if untyped or self._writers[buffer] > 1:
            self._untyped_variables.add(name)

    def _combine(self, w: Write, total: str, value: Scalar) -> None:
        level, op = len(self._blocks) - 1, FOLDS[str(w.fold)]
        if op == "add" and value.op == "neg" and self._is_inline(value, level):
            op, (value,) = "sub", value.args
        self._line(f"{total} = {self._combined(w, total, self._whole(value), op)}")

    def _combined(self, w: Write, total: str, part: Part, op: str = "") -> str:
        dtype = w.buffer.dtype
        return operation(op or FOLDS[str(w.fold)], dtype, dtype, [Part(total), part]).text

    def _made(self, buffer: Buffer, index: Sequence[Place]) -> str:
        """The element that a statement sets."""
        level = len(self._blocks) - 1
        places = [self._operand(p, level).text for p in index if isinstance(p, Scalar)]
        return self._element(buffer, _known(index), places)


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines or ["pass"]]


def _writes(scope: For) -> Iterator[Write]:
    """All statements, also those of the programs within."""
    if isinstance(scope, While):
        yield from _writes(scope.check)
    for item in scope.branches if isinstance(scope, Choose) else scope.items:
        if isinstance(item, Write):
            yield item
        else:
            yield from _writes(item)


def _slots(expressions: Iterable[Scalar]) -> dict[int, Scalar]:
    """The entries of the table that are used, and an expression that each is used in."""
    found: dict[int, Scalar] = {}
    for x in expressions:
        if x.op == "number":
            found[x.data] = x
        elif x.op == "load" and x.data.buffer.place == "constant":
            found[x.data.buffer.slot] = x
    return found


def _known(index: Sequence[Place]) -> list[Affine | None]:
    """The places that are known when compiling."""
    return [p if isinstance(p, Affine) else None for p in index]


def _condition(index: Scalar) -> Scalar | None:
    """The truth value that the number of a branch is made of."""
    x = index.args[0] if index.op == "cast" else index
    while x.op in ("ne", "cast") and x.args[0].op == "cast" and x.args[0].args[0].dtype == BOOL:
        x = x.args[0].args[0]
    return x if x.dtype == BOOL else None
