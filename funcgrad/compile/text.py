"""Loops as readable Python, which computes the same element by element: plain, and compiled by numba."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

import numpy as np

from funcgrad.compile.mathlib import PLAIN
from funcgrad.compile.nest import Choose, For, While
from funcgrad.compile.scalars import Affine, Axis, Place, Scalar
from funcgrad.compile.segments import Segment
from funcgrad.compile.statements import FOLDS, Buffer, Write, identity
from funcgrad.core.avals import BOOL, FLOAT, INT, Aval, short_dtype
from funcgrad.core.graph import names

WEIGHT = 8
"""Operations on one line; what is longer is cut into names."""
_INDICES = "ijklmnpq"
_TOTALS = {"sum": "total", "prod": "product", "max": "largest", "min": "smallest", "any": "some", "all": "every"}
_CHOICE, _OR, _AND, _NOT, _COMPARED, _SUM, _PRODUCT, _SIGN, _ATOM = 1, 2, 3, 4, 5, 9, 10, 11, 12
_COMPARE = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
_OPERATORS = {
    "add": ("+", _SUM), "sub": ("-", _SUM), "mul": ("*", _PRODUCT), "div": ("/", _PRODUCT),
    "bitor": ("|", 6), "bitxor": ("^", 7), "bitand": ("&", 8), "or": ("or", _OR), "and": ("and", _AND),
    **{op: (symbol, _COMPARED) for op, symbol in _COMPARE.items()},
}  # fmt: skip
_PYTHON_KEEPS = {*_OPERATORS, "neg", "abs", "fabs", "max", "min"}
"""What makes Python's own numbers of Python's own numbers."""
_DTYPES = [np.dtype(c).type for c in "bhilBHILfd"]
_EXACT = (FLOAT, np.dtype(np.float32), INT, BOOL)
"""The dtypes that numba's operators keep; it widens small integers."""

Facts = frozenset[tuple[Any, bool]]
"""Conditions that are known, and whether they are true. `place >= number` is `((place, number), True)`."""


def kernel_text(segment: Segment, name: str) -> str:
    """The loops of a segment as the text of a Python function.

    It takes the inputs, the entries `slots(segment)` of the segment's table, and the outputs that are arrays, which it
    writes; scalars are NumPy's. Outputs of rank 0 are returned: one, or a tuple of several.
    """
    return _Writer(segment).function(name)


def slots(segment: Segment) -> list[int]:
    """The entries of a segment's table that its text takes, in their order."""
    return sorted(_slots(_uses(segment.root)))


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


def plain_scope() -> dict[str, Any]:
    """What texts call, in plain Python."""
    own: dict[str, Any] = {f.__name__: f for f in (_place, _logistic, _softplus)}
    c_library = {name: _widened(getattr(math, name)) for name in ("erf", "erfc", "lgamma")}
    return {**_shared_scope(), **c_library, **{name[1:]: f for name, f in own.items()}}


def numba_scope(njit: Callable[..., Any]) -> dict[str, Any]:
    """The same for texts that numba compiles; `njit` is numba's, which the package does without."""
    own = {f.__name__[1:]: njit(f) for f in (_place, _logistic, _softplus)}
    return {**_shared_scope(), "erf": math.erf, "erfc": math.erfc, "lgamma": math.lgamma, **own}


def _shared_scope() -> dict[str, Any]:
    dtypes = {t.__name__: t for t in _DTYPES}
    return {**PLAIN, **dtypes, "bool_": np.bool_, "empty": np.empty, "inf": math.inf, "nan": math.nan}


def _place(index, size):
    if index < -size or index >= size:
        raise IndexError("index is out of bounds")
    return index + size if index < 0 else index


def _logistic(x):
    return 1 / (1 + np.exp(-x))


def _softplus(x):
    return np.logaddexp(x, type(x)(0))


def _widened(function: Callable[[float], float]) -> Callable[[Any], Any]:
    def of_number(x: Any) -> Any:
        try:
            return np.float64(function(x))
        except (ValueError, OverflowError):  # the poles of lgamma
            return np.float64(math.inf)

    return of_number


def constant(value: Any, dtype: np.dtype) -> str:
    """A number as text that has this dtype."""
    with np.errstate(all="ignore"):
        number = repr(np.asarray(value).astype(dtype).item())
    return number if dtype in (FLOAT, INT, BOOL) else f"{dtype.name}({number})"


class _Part(NamedTuple):
    """A piece of an expression, and how strongly its outermost operator binds."""

    text: str
    strength: int = _ATOM

    def within(self, strength: int) -> str:
        return self.text if self.strength >= strength else f"({self.text})"


class _Block:
    """The lines of one loop's body, and what has a name there."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.named: dict[Scalar, str] = {}


class _Writer:
    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        reserved = plain_scope().keys() | {*_INDICES, "abs", "max", "min", "range"}
        self._fresh = (n for n in names() if n not in reserved)
        self._blocks = [_Block()]
        self._axis_levels: dict[Axis, int] = {}
        self._letters: dict[Axis, str] = {}
        self._depth = 0
        self._levels: dict[Scalar, int] = {}
        self._branch = 0
        self._weights: dict[Scalar, int] = {}
        self._untyped: dict[Scalar, bool] = {}
        self._untyped_variables: set[str] = set()
        self._arrays: dict[Buffer, str] = {}
        self._flats: dict[Buffer, str] = {}
        self._variables: dict[tuple[Buffer, tuple[int, ...]], str] = {}
        self._accumulators: dict[tuple[Write, int], str] = {}
        self._slots: dict[int, str] = {}
        self._origins: dict[str, Scalar] = {}
        self._top: list[str] = []
        self._totals: dict[str, Iterator[str]] = {
            n: itertools.chain([n], map(f"{n}_{{}}".format, itertools.count(1))) for n in _TOTALS.values()
        }
        self._uses = _uses(segment.root)
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

    # loops

    def _line(self, text: str, level: int = -1) -> None:
        self._blocks[level].lines.append(text)

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
        self._blocks.append(_Block())
        self._scope(scope, level)
        return _indented(self._blocks.pop().lines)

    def _loop(self, scope: For, level: int) -> None:
        assert scope.axis is not None
        self._axis_levels[scope.axis] = level
        index = _INDICES[self._depth] if self._depth < len(_INDICES) else f"i{self._depth}"
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
        self._blocks.append(_Block())
        self._scope(scope.check, level)
        taken = self._taken(scope.test)
        test = self._operand(scope.test, level) if taken is None else _Part(taken, _CHOICE)
        lines = self._blocks[-1].lines
        head = f"while {'True' if lines else test.text}:"
        if lines:
            lines += [f"if not {test.within(_NOT)}:", "    break"]
        self._scope(scope, level)
        self._blocks[-2].lines += [head, *_indented(lines)]
        self._blocks.pop()

    def _choose(self, scope: Choose, level: int) -> None:
        name = self._operand(scope.index, level - 1).within(_SUM)
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
                if _is_variable(w.buffer):
                    self._origins[self._variables[w.buffer, _key(w.buffer, index)]] = value
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
                self._line(f"{element} = {self._combined(w, element, _Part(total))}")
            elif _is_variable(w.buffer):
                self._set(w.buffer, index, total, untyped)
            else:
                self._store(w.buffer, index, total, untyped)

    def _store(self, buffer: Buffer, index: Sequence[Place], text: str, untyped: bool) -> None:
        if _is_variable(buffer):
            name = self._variables.get((buffer, _key(buffer, index))) or next(self._fresh)
            self._set(buffer, index, name, untyped)
            self._line(f"{name} = {text}")
        else:
            self._line(f"{self._made(buffer, index)} = {text}")

    def _taken(self, x: Scalar) -> str | None:
        """What the line before sets a variable to that is used only here; the line goes."""
        if x.op != "load" or not _is_variable(x.data.buffer) or x.data.buffer.place == "output":
            return None
        if self._uses[x] > 1 or self._writers[x.data.buffer] > 1:
            return None
        head, lines = f"{self._load(x, 0, frozenset()).text} = ", self._blocks[-1].lines
        return lines.pop()[len(head) :] if lines and lines[-1].startswith(head) else None

    def _set(self, buffer: Buffer, index: Sequence[Place], name: str, untyped: bool) -> None:
        self._variables[buffer, _key(buffer, index)] = name
        if untyped or self._writers[buffer] > 1:
            self._untyped_variables.add(name)

    def _combine(self, w: Write, total: str, value: Scalar) -> None:
        level, op = len(self._blocks) - 1, FOLDS[str(w.fold)]
        if op == "add" and value.op == "neg" and self._is_inline(value, level):
            op, (value,) = "sub", value.args
        self._line(f"{total} = {self._combined(w, total, self._whole(value), op)}")

    def _combined(self, w: Write, total: str, part: _Part, op: str = "") -> str:
        dtype = w.buffer.dtype
        return _operation(op or FOLDS[str(w.fold)], dtype, dtype, [_Part(total), part]).text

    # places

    def _made(self, buffer: Buffer, index: Sequence[Place]) -> str:
        """The element that a statement sets."""
        level = len(self._blocks) - 1
        places = [self._operand(p, level).text for p in index if isinstance(p, Scalar)]
        return self._element(buffer, _known(index), places)

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

    def _place(self, place: Affine) -> _Part:
        terms = [(step, self._letters[axis]) for axis, step in place.terms]
        pieces = [(step, name if abs(step) == 1 else f"{abs(step)} * {name}") for step, name in terms]
        if place.offset or not pieces:
            pieces.append((place.offset, str(abs(place.offset))))
        pieces.sort(key=lambda piece: piece[0] < 0)
        (first, text), *rest = pieces
        text = ("-" if first < 0 else "") + text
        if rest:
            return _Part(text + "".join(f" {'-' if sign < 0 else '+'} {piece}" for sign, piece in rest), _SUM)
        return _Part(text, _PRODUCT if " " in text else _SIGN if first < 0 else _ATOM)

    def _array(self, buffer: Buffer) -> str:
        return self._arrays[buffer.shares or buffer]

    def _flat(self, buffer: Buffer) -> str:
        if buffer not in self._flats:
            self._flats[buffer] = name = f"{self._array(buffer)}_flat"
            self._top.append(f"{name} = {self._array(buffer)}.reshape(-1)")
        return self._flats[buffer]

    # values

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

    def _whole(self, x: Scalar) -> _Part:
        """What a statement's line consists of, however long."""
        level = len(self._blocks) - 1
        is_own = self._uses[x] == 1 and x.op != "bounded" and self._level(x) == level
        return self._expression(x, level, frozenset()) if is_own else self._operand(x, level)

    def _operand(self, x: Scalar, level: int, facts: Facts = frozenset()) -> _Part:
        """A value where it is used: as an expression, or by its name. `facts` are conditions known there."""
        x = _chosen(x, facts)
        if self._is_inline(x, level):
            return self._expression(x, level, facts)
        own = self._level(x)
        for block in self._blocks[: own + 1]:
            if x in block.named:
                return _Part(block.named[x])
        text = self._expression(x, own, frozenset()).text
        self._blocks[own].named[x] = name = self._name(x)
        self._line(f"{name} = {text}", own)
        return _Part(name)

    def _name(self, x: Scalar) -> str:
        """`a_i0` for the element `a[i, 0]`, a new letter for all else."""
        if x.op == "load" and not x.data.flat and None not in x.data.places and not x.data.guarded:
            buffer, index = x.data.buffer, x.data.places
            kept = [p for d, p in enumerate(index) if buffer.shape[d] != 1 and d not in buffer.dropped]
            places = [self._place(p).text for p in kept]
            if places and all(len(p) == 1 for p in places):
                return f"{self._array(buffer)}_{''.join(places)}"
        return next(self._fresh)

    def _expression(self, x: Scalar, level: int, facts: Facts) -> _Part:
        if x.op == "const":
            return _number(np.frombuffer(x.data, x.dtype)[0], x.dtype)
        if x.op == "number":
            return _Part(self._slots[x.data])
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
        if bound := _bound(x):
            return _Part(f"{self._place(bound[0]).within(_SUM)} {_COMPARE[x.op]} {bound[1]}", _COMPARED)
        operands = [_chosen(a, facts) for a in x.args]
        if x.op == "add" and operands[1].op == "neg" and self._is_inline(operands[1], level):
            return self._difference(x, operands, level, facts)
        args = [self._operand(a, level, facts) for a in operands]
        if x.op in ("cast", "whole"):
            return self._cast(x, args[0])
        if x.op == "div" and all(map(self._is_untyped, operands)) and not _is_nonzero(operands[1]):
            args[1] = _Part(f"float64({args[1].text})")  # Python's own numbers raise an error
        return _operation(x.op, x.dtype, x.args[0].dtype, args)

    def _condition(self, x: Scalar, level: int, facts: Facts) -> _Part:
        """What of a condition is not known already, `6 <= i < 10 and not p`."""
        groups: dict[Any, dict[bool, int]] = {}
        for subject, truth in _conjuncts(x, True):
            if (subject, truth) not in facts:
                place, number = subject if isinstance(subject, tuple) else (subject, 0)
                found = groups.setdefault(place, {})
                found[truth] = (max if truth else min)(number, found.get(truth, number))
        parts = [
            self._between(subject, found) if isinstance(subject, Affine) else self._truth(subject, truth, level, facts)
            for subject, found in groups.items()
            for truth in ([True] if isinstance(subject, Affine) else found)
        ]
        return parts[0] if len(parts) == 1 else _Part(" and ".join([p.within(_AND) for p in parts]) or "True", _AND)

    def _between(self, place: Affine, bounds: Mapping[bool, int]) -> _Part:
        low, high = bounds.get(True), bounds.get(False)
        text = self._place(place).within(_SUM)
        if low is not None and high is not None:
            return _Part(f"{low} <= {text} < {high}", _COMPARED)
        return _Part(f"{text} < {high}" if low is None else f"{text} >= {low}", _COMPARED)

    def _truth(self, x: Scalar, truth: bool, level: int, facts: Facts) -> _Part:
        part = self._operand(x, level, facts)
        return part if truth else _Part(f"not {part.within(_NOT)}", _NOT)

    def _difference(self, x: Scalar, operands: Sequence[Scalar], level: int, facts: Facts) -> _Part:
        """`x + -y` as `x - y`."""
        args = [self._operand(a, level, facts) for a in (operands[0], *operands[1].args)]
        return _operation("sub", x.dtype, x.dtype, args)

    def _load(self, x: Scalar, level: int, facts: Facts) -> _Part:
        buffer, index, flat, guarded = x.data
        if _is_variable(buffer):
            return _Part(self._variables[buffer, _key(buffer, index)])
        if not buffer.shape:
            return _Part(self._array(buffer))
        args, guard = (x.args[:-1], x.args[-1]) if guarded else (x.args, None)
        places = [self._operand(a, level).text for a in args]
        if flat:
            (place,) = index
            text = f"{self._flat(buffer)}[{places[0] if place is None else self._place(place).text}]"
        else:
            text = self._element(buffer, index, places)
        return self._guarded(_Part(text), guard, constant(0, buffer.dtype), level, facts)

    def _guarded(self, part: _Part, guard: Scalar | None, otherwise: str, level: int, facts: Facts) -> _Part:
        if guard is None or _facts(guard, True) <= facts:
            return part
        return _Part(f"{part.text} if {self._operand(guard, level, facts).within(_OR)} else {otherwise}", _CHOICE)

    def _bounded(self, x: Scalar, level: int) -> _Part:
        index, *guard = x.args
        part = _Part(f"place({self._operand(index, level).text}, {x.data})")
        return self._guarded(part, guard[0] if guard else None, "0", level, frozenset())

    def _select(self, x: Scalar, level: int, facts: Facts) -> _Part:
        condition, then, otherwise = x.args
        shown = self._operand(condition, level, facts).within(_OR)
        yes = self._operand(then, level, facts | _facts(condition, True)).within(_OR)
        no = self._operand(otherwise, level, facts | _facts(condition, False)).text
        return _Part(f"{yes} if {shown} else {no}", _CHOICE)

    def _cast(self, x: Scalar, part: _Part) -> _Part:
        old = x.args[0]
        if x.dtype == BOOL:
            return _Part(f"{part.within(_SUM)} != 0", _COMPARED)
        if x.dtype.kind in "iu" and old.dtype == INT and x.dtype != INT and self._is_untyped(old):
            part = _Part(f"int64({part.text})")  # Python's own integers are not cut off
        return _Part(f"{x.dtype.name}({part.text})")

    def _is_untyped(self, x: Scalar) -> bool:
        """Whether plain Python may have one of its own numbers here, with other rules than NumPy's."""
        found = self._untyped.get(x)
        if found is None:
            found = self._untyped[x] = self._find_untyped(x)
        return found

    def _find_untyped(self, x: Scalar) -> bool:
        if x.op == "load":
            buffer, index, _, guarded = x.data
            is_variable = _is_variable(buffer)
            return guarded or (is_variable and self._variables[buffer, _key(buffer, index)] in self._untyped_variables)
        if x.op == "select":
            return any(map(self._is_untyped, x.args[1:]))
        if x.op in ("const", "position", "bounded", "not", "and", "or"):
            return True
        return x.op.removeprefix("exact_") in _PYTHON_KEEPS and all(map(self._is_untyped, x.args))


def _span(place: Affine) -> str:
    """All places along an axis."""
    ((_, step),) = place.terms
    return ":" if place == (0, place.terms) and step == 1 else f"{place.offset}::{step}"


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


def _uses(root: For) -> dict[Scalar, int]:
    """How many expressions and statements each expression is part of."""
    uses: dict[Scalar, int] = {}
    stack = list(root.values())
    while stack:
        x = stack.pop()
        uses[x] = uses.get(x, 0) + 1
        if uses[x] == 1:
            stack.extend(x.args)
    return uses


def _slots(expressions: Iterable[Scalar]) -> dict[int, Scalar]:
    """The entries of the table that are used, and an expression that each is used in."""
    found: dict[int, Scalar] = {}
    for x in expressions:
        if x.op == "number":
            found[x.data] = x
        elif x.op == "load" and x.data.buffer.place == "constant":
            found[x.data.buffer.slot] = x
    return found


def _is_variable(buffer: Buffer) -> bool:
    return buffer.place == "register" or (not buffer.shape and buffer.place in ("output", "scratch"))


def _known(index: Sequence[Place]) -> list[Affine | None]:
    """The places that are known when compiling."""
    return [p if isinstance(p, Affine) else None for p in index]


def _key(buffer: Buffer, index: Sequence[Any]) -> tuple[int, ...]:
    return tuple([p.offset for d, p in enumerate(index) if d not in buffer.dropped])


def _is_simple(x: Scalar) -> bool:
    """Whether an expression is as short as its name."""
    if x.op == "load":
        return _is_variable(x.data.buffer) or not x.data.buffer.shape
    if x.op in ("const", "number", "position") or (x.op == "cast" and x.args[0].op == "number"):
        return True
    return x.dtype == BOOL and (x.op in _COMPARE or x.op in ("and", "not")) and all(
        a.op in ("const", "position") or (a.dtype == BOOL and _is_simple(a)) for a in x.args
    )  # fmt: skip


def _conjuncts(condition: Scalar, truth: bool) -> list[tuple[Any, bool]]:
    """What is known where a condition is true, or not."""
    if condition.op == "not":
        return _conjuncts(condition.args[0], not truth)
    if condition.op == ("and" if truth else "or"):
        return [found for a in condition.args for found in _conjuncts(a, truth)]
    if condition.op in ("ge", "lt") and (bound := _bound(condition)):
        return [(bound, truth == (condition.op == "ge"))]
    return [(condition, truth)]


def _facts(condition: Scalar, truth: bool) -> Facts:
    return frozenset(_conjuncts(condition, truth))


def _condition(index: Scalar) -> Scalar | None:
    """The truth value that the number of a branch is made of."""
    x = index.args[0] if index.op == "cast" else index
    while x.op in ("ne", "cast") and x.args[0].op == "cast" and x.args[0].args[0].dtype == BOOL:
        x = x.args[0].args[0]
    return x if x.dtype == BOOL else None


def _bound(x: Scalar) -> tuple[Affine, int] | None:
    """A comparison of a place with a number, `i - 1 >= 0` as `i >= 1`."""
    if x.op not in _COMPARE or x.args[0].op != "position" or x.args[1].op != "const":
        return None
    place, number = x.args[0].data, int(np.frombuffer(x.args[1].data, x.args[1].dtype)[0])
    if all(step < 0 for _, step in place.terms):
        return place, number
    return place._replace(offset=0), number - place.offset


def _chosen(x: Scalar, facts: Facts) -> Scalar:
    """The branch that is known to be taken."""
    while x.op == "select" and facts:
        if _facts(x.args[0], True) <= facts:
            x = x.args[1]
        elif _facts(x.args[0], False) <= facts:
            x = x.args[2]
        else:
            break
    return x


def _is_nonzero(x: Scalar) -> bool:
    return x.op == "const" and bool(np.frombuffer(x.data, x.dtype)[0] != 0)


def _number(value: Any, dtype: np.dtype) -> _Part:
    text = constant(value, dtype)
    return _Part(text, _SIGN if text.startswith("-") else _ATOM)


def _operation(op: str, dtype: np.dtype, given: np.dtype, args: Sequence[_Part]) -> _Part:
    """An operator or a function of arguments of the dtype `given`."""
    op = op.removeprefix("exact_")
    if op in _OPERATORS:
        symbol, strength = _OPERATORS[op]
        left = strength + (strength == _COMPARED)
        part = _Part(f"{args[0].within(left)} {symbol} {args[1].within(strength + 1)}", strength)
    elif op == "not":
        part = _Part(f"not {args[0].within(_NOT)}", _NOT)
    elif op == "neg":
        part = _Part(f"-{args[0].within(_SIGN)}", _SIGN)
    else:
        name = "abs" if op == "fabs" else f"{op}imum" if op in ("max", "min") and given.kind == "f" else op
        part = _Part(f"{name}({', '.join([a.text for a in args])})")
        if name in ("erf", "erfc", "lgamma", "logistic", "softplus") and dtype != FLOAT:
            return _Part(f"{dtype.name}({part.text})")
    return part if dtype in _EXACT else _Part(f"{dtype.name}({part.text})")


__all__ = ["call", "constant", "interpret", "kernel_text", "numba_scope", "plain_scope", "slots"]
