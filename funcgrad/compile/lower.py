"""A program as statements: which values get memory, and what each of their elements is made of.

A view, and an elementwise value that is used once or costs no more than a load, gets no memory: whoever asks for an
element of it asks its operands in turn. So a statement is a whole expression over elements of stored values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from funcgrad.compile.elements import KERNEL_DTYPES, Statement, is_argument, statement
from funcgrad.compile.scalars import Affine, Axis, Place, Scalar, Scalars, along, moved
from funcgrad.compile.simplify import uniform
from funcgrad.core.avals import BOOL, INT, Aval
from funcgrad.core.graph import Atom, Eqn, Graph, Literal, Var
from funcgrad.ops.families import Contraction, Statements, View

FOLDS = {"sum": "add", "prod": "mul", "max": "max", "min": "min", "any": "or", "all": "and"}
"""The reductions of kernels, and the operation that combines two elements."""
TINY = 4
"""Axes as short as this are written out."""
PARTS = 64
"""Elements of a statement that are written out at most."""
CHEAP = 3
"""What an element may cost to be computed at each of its uses: about what it costs to store and load it."""
DEPTH = 40
"""Equations computed within one expression at most, which bounds recursion."""
SMALL_PRODUCT = 40_000
"""Multiplications up to which a product is loops of its own kernel; then BLAS takes over (1 us a call, and packs)."""
STACKED_PRODUCT = 2_000_000
"""The same for each product of a stack."""


class Buffer:
    """Memory of a value: `place` is "input", "output", "constant", "scratch" or, once nests are made, "register"."""

    __slots__ = ("dropped", "dtype", "level", "place", "reused", "shape", "shares", "slot")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype, place: str) -> None:
        self.shape = shape
        self.dtype = dtype
        self.place = place
        self.level = 0
        self.slot = -1
        self.shares: Buffer | None = None
        self.dropped: frozenset[int] = frozenset()
        self.reused: frozenset[Axis] = frozenset()

    def shared(self) -> Buffer:
        """Another value in the same memory, which takes the place of this one."""
        found = Buffer(self.shape, self.dtype, self.place)
        found.shares = self
        found.level = self.level
        return found

    def strides(self) -> tuple[int, ...]:
        """In elements, of the dimensions that are kept."""
        strides = [0] * len(self.shape)
        step = 1
        for d in reversed(range(len(self.shape))):
            if d not in self.dropped:
                strides[d] = step
                step *= self.shape[d]
        return tuple(strides)

    def size(self) -> int:
        return math.prod([n for d, n in enumerate(self.shape) if d not in self.dropped])


class Write:
    """A statement: for all points of `axes`, elements of `buffer` at the indices of `parts` are set to their values.

    With a `fold`, they are combined over the axes in `over`; where there are none, with what stands there already.
    Such an update, and what is set at places computed when running, has its order.
    """

    __slots__ = ("axes", "buffer", "fold", "length", "over", "parts", "path")

    def __init__(
        self, buffer: Buffer, axes: list[Axis], parts: list[tuple[tuple[Place, ...], Scalar]],
        fold: str | None = None, over: frozenset[Axis] = frozenset(),
    ) -> None:  # fmt: skip
        self.buffer = buffer
        self.axes = axes
        self.parts = parts
        self.fold = fold
        self.over = over
        self.path: list[Any] = []
        self.length = 0

    def values(self) -> Iterator[Scalar]:
        """All that is computed."""
        for index, value in self.parts:
            yield from (p for p in index if isinstance(p, Scalar))
            yield value

    def loads(self) -> list[Scalar]:
        found: dict[Scalar, None] = {}
        seen: set[Scalar] = set()
        stack = list(self.values())
        while stack:
            x = stack.pop()
            if x in seen:
                continue
            seen.add(x)
            stack.extend(x.args)
            if x.op == "load":
                found[x] = None
        self.length = len(seen)
        return list(found)

    def rename(self, scalars: Scalars, places: dict[Axis, Affine]) -> None:
        done: dict[Scalar, Scalar] = {}
        other = lambda x: scalars.substitute(x, places, done)
        there = lambda p: moved(p, places) if isinstance(p, Affine) else other(p)
        self.parts = [(tuple([there(p) for p in index]), other(value)) for index, value in self.parts]
        renamed = {a: p.lone() for a, p in places.items()}
        self.axes = [renamed.get(a, a) for a in self.axes]  # type: ignore[misc]
        self.over = frozenset([renamed.get(a, a) for a in self.over])  # type: ignore[misc]


class Unfit(Exception):
    """An element cannot be asked for in this way: the value that is its argument needs memory."""


CONTROL = frozenset(("scan_call", "while_call", "switch_call"))


def way(eqn: Eqn) -> Any:
    """How a kernel does an equation: the first that fits it where its primitive's `lower` names several."""
    lower = eqn.prim.lower
    for one in lower if type(lower) is tuple else (lower,):
        if not isinstance(one, (View, Statements)) or one.fits is None:
            return one
        if one.fits(*(a.aval for a in eqn.inputs), **eqn.params):
            return one
    return None


def is_inline(eqn: Eqn) -> bool:
    """Whether statements compute the elements of their operands where they use them."""
    inline = way(eqn).inline
    return inline is None or inline(*(a.aval for a in eqn.inputs), **eqn.params)


def kind_of(eqn: Eqn) -> str:
    """What an equation is to a kernel, `host` where NumPy runs it.

    `map`, `view`, `fold`, `dot` are single statements or part of one; `statements` and `control` are several.
    """
    if eqn.prim.multiple:
        from funcgrad.compile.control import fits_kernel

        return "control" if eqn.prim.name in CONTROL and fits_kernel(eqn) else "host"
    out = eqn.outputs[0].aval
    if out.dtype not in KERNEL_DTYPES or not all(a.aval.dtype in KERNEL_DTYPES for a in eqn.inputs):
        return "host"
    lower = way(eqn)
    if isinstance(lower, View):
        return "view"
    if isinstance(lower, Statements):
        return "statements"
    if isinstance(lower, Contraction):
        return "dot" if out.dtype.kind == "f" and all(a.aval.dtype == out.dtype for a in eqn.inputs) else "host"
    if lower in FOLDS and "axes" in eqn.params and len(eqn.inputs) == 1:
        aval = eqn.inputs[0].aval
        if lower in ("max", "min") and (0 in aval.shape or aval.dtype == BOOL):
            return "host"
        return "fold"
    return "map" if statement(eqn) is not None else "host"


class Plan:
    """Which values are stored, and in which segment of kernel code each is made.

    Segment k runs before the k-th group of NumPy calls.
    """

    def __init__(self, graph: Graph, forced: set[Atom], within: bool = False) -> None:
        self.graph = graph
        self.forced = forced
        self.used: set[Atom] = {*graph.outputs, *(a for e in graph.eqns for a in e.inputs)}
        self.maker: dict[Atom, Eqn] = {v: e for e in graph.eqns for v in e.outputs}
        self.kinds = {e: kind_of(e) for e in graph.eqns}
        self.statements: dict[Eqn, Statement] = {}
        self.costs: dict[Atom, float] = {}
        self.depths: dict[Atom, int] = {}
        self.stored: set[Atom] = set(graph.inputs)
        self.segments: dict[Eqn, int] = {}
        if not within:
            self._big_products()
            self._host_views()
        self._choose()
        self._cut()

    def _big_products(self) -> None:
        for eqn, kind in self.kinds.items():
            if kind == "dot" and _is_blas(eqn):
                self.kinds[eqn] = "host"

    def _users(self) -> dict[Atom, list[Eqn]]:
        users: dict[Atom, list[Eqn]] = {}
        for eqn in self.graph.eqns:
            for atom in dict.fromkeys(eqn.inputs):
                users.setdefault(atom, []).append(eqn)
        return users

    def _host_views(self) -> None:
        """Views that only NumPy calls look at are NumPy's own."""
        users, outputs = self._users(), set(self.graph.outputs)
        for eqn in reversed(self.graph.eqns):
            if self.kinds[eqn] == "view" and eqn.prim.name in _FREE_VIEWS:
                (out,) = eqn.outputs
                if out not in outputs and all(self.kinds[u] == "host" for u in users.get(out, ())):
                    self.kinds[eqn] = "host"

    def _choose(self) -> None:
        """Costs, and with them what is stored."""
        users, outputs = self._users(), set(self.graph.outputs)
        uses = self._uses(users)
        for eqn in self.graph.eqns:
            kind = self.kinds[eqn]
            for v in eqn.outputs:
                self.costs[v], self.depths[v] = self._cost(eqn, kind)
                if kind not in ("map", "view"):
                    keep = kind not in ("fold", "dot") or not self._is_short(eqn)
                    self.costs[v] = self.costs[v] if not keep else 1
                else:
                    keep = False
                keep = keep or v in outputs or any(self._needs_memory(u, v) for u in users.get(v, ()))
                keep = keep or self.depths[v] >= DEPTH or v in self.forced
                if not keep and kind != "view" and self.costs[v] > CHEAP:
                    keep = uses.get(v, 0) > 1 or self._is_spread(v, users)
                if keep:
                    self.stored.add(v)
                    self.depths[v] = 0

    def _needs_memory(self, user: Eqn, v: Atom) -> bool:
        """Whether a value must stand in memory for one of its users. A loop copies what it begins with anyway."""
        if self.kinds[user] == "control" and self.costs[v] <= CHEAP:
            carries = range(len(user.inputs))[carried(user)]
            return any(a is v and i not in carries for i, a in enumerate(user.inputs))
        if self.kinds[user] == "statements":
            return self.costs[v] > CHEAP and not is_inline(user)
        return self.kinds[user] in ("host", "control")

    def _uses(self, users: dict[Atom, list[Eqn]]) -> dict[Atom, int]:
        """How often an element is asked for; a view's uses are its operand's."""
        uses: dict[Atom, int] = {}
        for eqn in reversed(self.graph.eqns):
            for v in eqn.outputs:
                uses[v] = sum(
                    uses.get(u.outputs[0], 1) if self.kinds[u] == "view" else 1 for u in users.get(v, ())
                )
        return uses

    def _cost(self, eqn: Eqn, kind: str) -> tuple[float, int]:
        """Of one element, in additions, with what is computed for it; and how deep the expression is."""
        inner = [1 if a in self.stored or isinstance(a, Literal) else self.costs[a] for a in eqn.inputs]
        depth = 1 + max([self.depths.get(a, 0) for a in eqn.inputs if a not in self.stored], default=0)
        if kind == "map":
            made = statement(eqn)
            assert made is not None
            self.statements[eqn] = made
            return sum(inner) + _template_cost(made.expression), depth
        if kind == "view":
            return sum(inner), depth
        if kind == "fold":
            return (inner[0] + 1) * folded(eqn), depth
        if kind == "dot":
            return (inner[0] + inner[1] + 1) * folded(eqn), depth
        return 1, 0

    def _is_short(self, eqn: Eqn) -> bool:
        """Whether a fold is written out within the expressions that use it."""
        return folded(eqn) <= TINY and self.costs[eqn.outputs[0]] <= 4 * CHEAP

    def _is_spread(self, v: Atom, users: dict[Atom, list[Eqn]]) -> bool:
        """Whether the elements are used again and again along an axis that they do not have."""
        for u in users.get(v, ()):
            if self.kinds[u] == "statements" and is_inline(u):
                continue
            if self.kinds[u] == "dot" or u.outputs[0].aval.size > max(v.aval.size, 1):
                return True
            if self.kinds[u] == "view" and u.outputs[0] not in self.stored and self._is_spread(u.outputs[0], users):
                return True
        return False

    def _cut(self) -> None:
        """Segments: a value that NumPy makes is there from the next one on."""
        ready: dict[Atom, int] = {}
        for eqn in self.graph.eqns:
            segment = max([ready.get(a, 0) for a in eqn.inputs], default=0)
            self.segments[eqn] = segment
            for v in eqn.outputs:
                ready[v] = segment + (self.kinds[eqn] == "host")


_FREE_VIEWS = frozenset(("reshape", "transpose", "broadcast_to", "slice_", "flip"))


def carried(eqn: Eqn) -> slice:
    """The inputs of a loop or branch that it begins with."""
    if eqn.prim.name == "scan_call":
        return slice(0, eqn.params["steps"].carries)
    return slice(0, len(eqn.outputs) if eqn.prim.name == "while_call" else 0)


def multiplications(eqn: Eqn) -> int:
    return eqn.outputs[0].aval.size * folded(eqn)


def _is_blas(eqn: Eqn) -> bool:
    """Whether a product is large enough for BLAS; NumPy makes a call of each matrix of a stack, and copies many."""
    size = multiplications(eqn)
    stack = math.prod([eqn.inputs[0].aval.shape[a] for a in eqn.params["batch"][0]])
    return size > SMALL_PRODUCT and size > STACKED_PRODUCT * stack * (stack > 1)


def folded(eqn: Eqn) -> int:
    """How many elements one element of a fold or product combines."""
    x = eqn.inputs[0].aval
    axes = eqn.params["axes"] if "axes" in eqn.params else eqn.params["contract"][0]
    return math.prod([x.shape[a] for a in axes])


def _template_cost(text: str) -> float:
    from funcgrad.compile.mathlib import functions

    operators = sum(text.count(c) for c in "+-*<>=|&^") + 3 * text.count("/") + text.count("if")
    return operators + sum(5 if name in _QUICK else 12 for name in functions(text))


_QUICK = frozenset(("sqrt", "floor", "ceil", "trunc", "rint", "fabs", "copysign", "maximum", "minimum"))


def _flat(index: Sequence[Affine], shape: Sequence[int]) -> Affine:
    total, step = Affine(0), 1
    for place, n in zip(reversed(index), reversed(shape)):
        total = total.plus(place.times(step))
        step *= n
    return total


def _unravel(flat: Affine, shape: Sequence[int]) -> list[Affine] | None:
    """The places in each dimension of an element whose place in memory is known; None where they are not affine."""
    result: list[Affine] = []
    rest = flat
    step = math.prod(shape)
    for n in shape:
        if n == 1:
            result.append(Affine(0))
            continue
        step //= n
        whole = [(a, s // step) for a, s in rest.terms if s % step == 0]
        left = [(a, s) for a, s in rest.terms if s % step != 0]
        quotient, remainder = divmod(rest.offset, step)
        rest = Affine(remainder, tuple(left))
        low, high = rest.limits()
        if low < 0 or high >= step:
            return None
        result.append(Affine(quotient, tuple(whole)))
    return result


def _contains(x: Scalar, part: Scalar) -> bool:
    stack, seen = [x], {x}
    while stack:
        y = stack.pop()
        if y is part:
            return True
        stack += [a for a in y.args if a not in seen]
        seen.update(y.args)
    return False


class Draw:
    """What a view's rule is given: elements of the operands at other places."""

    def __init__(self, lowering: Lowering, eqn: Eqn, guard: Scalar | None) -> None:
        self._lowering = lowering
        self._eqn = eqn
        self._guard = guard

    def __call__(self, k: int, index: Sequence[Place], cast: bool = False) -> Scalar:
        """The element of operand k, `cast` to the dtype of the result; dimensions of length 1 have one place."""
        found = self._lowering.element(self._eqn.inputs[k], tuple(index), self._guard)
        return self._lowering.scalars.cast(found, self._eqn.outputs[0].aval.dtype) if cast else found

    def at(self, place: Place, offset: int, step: int = 1) -> Place:
        """`offset + step * place`."""
        if isinstance(place, Affine):
            return place.times(step).plus(offset)
        make, const = self._lowering.scalars.make, self._lowering.scalars.const
        scaled = place if step == 1 else make("mul", INT, (place, const(step, INT)))
        return scaled if offset == 0 else make("add", INT, (scaled, const(offset, INT)))

    def fixed(self, number: int) -> Place:
        return Affine(number)

    def reshaped(self, k: int, index: Sequence[Place], shape: Sequence[int]) -> Scalar:
        """The element of operand k that stands in memory where `index` does in an array of `shape`."""
        return self._lowering.reshaped(self._eqn.inputs[k], tuple(index), tuple(shape), self._guard)

    def integer(self, k: int, index: Sequence[Place], size: int) -> Place:
        """The element of operand k as a place in a dimension of `size`: negative ones count from its end."""
        made = self._lowering.scalars
        found = self(k, index)
        if found.op == "const":
            number = int(np.frombuffer(found.data, found.dtype)[0])
            if -size <= number < size:
                return Affine(number % size)
        wide = made.cast(found, INT)
        args = (wide,) if self._guard is None else (wide, self._guard)
        return made.make("bounded", INT, args, size)

    def checked(self, value: Scalar, places: Sequence[Place]) -> Scalar:
        """A value that also looks at places which it does not need: an index into what is the same everywhere."""
        made = self._lowering.scalars
        for place in places:
            if isinstance(place, Scalar) and not _contains(value, place):
                looked_at = made.make("ge", BOOL, (place, made.const(0, INT)))
                value = made.make("select", value.dtype, (looked_at, value, value))
        return value

    def inside(
        self, tests: Sequence[tuple[Place, int, int]], then: Callable[[Draw], Scalar],
        otherwise: Callable[[Draw], Scalar],
    ) -> Scalar:  # fmt: skip
        """`then` where `low <= place < high` for all tests, `otherwise` elsewhere; each is given a Draw of its own."""
        made = self._lowering.scalars
        condition: Scalar | None = None
        for place, low, high in tests:
            if isinstance(place, Scalar):
                found: bool | Scalar | None = made.both(
                    made.make("ge", BOOL, (place, made.const(low, INT))),
                    made.make("lt", BOOL, (place, made.const(high, INT))),
                )
            else:
                found = made.inside(place, low, high)
            if found is False:
                return otherwise(self)
            condition = made.both(condition, None if found is True else found)
        if condition is None:
            return then(self)
        within = Draw(self._lowering, self._eqn, made.both(self._guard, condition))
        outside = Draw(self._lowering, self._eqn, made.both(self._guard, made.make("not", BOOL, (condition,))))
        return made.select(condition, then(within), otherwise(outside))

    def zero(self) -> Scalar:
        return self._lowering.scalars.const(0, self._eqn.outputs[0].aval.dtype)

    def number(self, place: Place) -> Scalar:
        """A place as the integer that it is."""
        return self._lowering.scalars.integer(place)

    def operation(self, name: str, *args: Scalar) -> Scalar:
        return self._lowering.scalars.operation(name, *args)

    def expression(self, text: str, *args: Scalar) -> Scalar:
        """What a primitive's `lower` would say, of the result's dtype."""
        return self._lowering.scalars.template(text, args, self._eqn.outputs[0].aval.dtype)


class Lowering:
    """The elements of the values of a program, as expressions over stored values."""

    def __init__(
        self, plan: Plan, buffer: Callable[[Atom], Buffer], number: Callable[[Literal], int],
        scalars: Scalars, given: dict[Atom, tuple[Lowering, Atom, tuple[Affine, ...]]] | None = None,
    ) -> None:  # fmt: skip
        self.plan = plan
        self.scalars = scalars
        self.buffer = buffer
        self.number = number
        self._given = given or {}
        self._known: dict[Any, Scalar] = {}
        self._uniform: dict[Literal, Literal] = {}

    def element(self, atom: Atom, index: tuple[Place, ...], guard: Scalar | None = None) -> Scalar:
        shape = atom.aval.shape
        if 0 in shape:  # which nobody looks at
            return self.scalars.const(0, atom.aval.dtype)
        index = tuple([Affine(0) if n == 1 else p for n, p in zip(shape, index, strict=True)])
        if isinstance(atom, Literal):
            return self._constant(atom, index, guard)
        if atom in self._given:
            outer, source, prefix = self._given[atom]
            found = outer.element(source, (*prefix, *index), guard)
            return self.scalars.cast(found, atom.aval.dtype)
        if atom in self.plan.stored:
            return self.scalars.load(self.buffer(atom), index, guard=guard)
        key = atom, index, guard
        if key not in self._known:
            self._known[key] = self.computed(self.plan.maker[atom], index, guard)
        return self._known[key]

    def _constant(self, atom: Literal, index: tuple[Place, ...], guard: Scalar | None) -> Scalar:
        if not atom.aval.shape:
            dtype = atom.aval.dtype
            if is_argument(atom):
                raw = np.dtype(np.float64) if dtype.kind == "f" else INT
                return self.scalars.cast(self.scalars.make("number", raw, (), self.number(atom)), dtype)
            return self.scalars.const(atom.value, dtype)
        if atom not in self._uniform:
            self._uniform[atom] = uniform(atom)
        if self._uniform[atom] is not atom:
            return self.scalars.const(self._uniform[atom].value, atom.aval.dtype)
        return self.scalars.load(self.buffer(atom), index, guard=guard)

    def reshaped(self, atom: Atom, index: tuple[Place, ...], shape: tuple[int, ...], guard: Scalar | None) -> Scalar:
        if any(isinstance(p, Scalar) for p in index):
            return self._flat_element(atom, self._computed_place(index, shape), guard)
        flat = _flat(index, shape)  # type: ignore[arg-type]
        old = _unravel(flat, atom.aval.shape)
        if old is not None:
            return self.element(atom, tuple(old), guard)
        return self._flat_element(atom, flat, guard)

    def _computed_place(self, index: Sequence[Place], shape: Sequence[int]) -> Scalar:
        """A place in memory that is known when running."""
        total, step = self.scalars.const(0, INT), 1
        for place, n in zip(reversed(index), reversed(shape)):
            scaled = self.scalars.make("mul", INT, (self.scalars.integer(place), self.scalars.const(step, INT)))
            total = self.scalars.make("add", INT, (total, scaled))
            step *= n
        return total

    def _flat_element(self, atom: Atom, flat: Place, guard: Scalar | None) -> Scalar:
        if 0 in atom.aval.shape:
            return self.scalars.const(0, atom.aval.dtype)
        if atom in self._given:
            outer, source, prefix = self._given[atom]
            for p in prefix:
                ahead = p.times(atom.aval.size)
                if isinstance(flat, Scalar):
                    flat = self.scalars.make("add", INT, (flat, self.scalars.position(ahead)))
                else:
                    flat = ahead.plus(flat)
            return self.scalars.cast(outer._flat_element(source, flat, guard), atom.aval.dtype)
        if atom in self.plan.stored or isinstance(atom, Literal):
            return self.scalars.load(self.buffer(atom), (flat,), flat=True, guard=guard)
        raise Unfit(atom)

    def computed(self, eqn: Eqn, index: tuple[Place, ...], guard: Scalar | None = None) -> Scalar:
        """An element of an equation's result."""
        kind = self.plan.kinds[eqn]
        if kind == "map":
            return self._mapped(self.plan.statements[eqn], index, guard)
        if kind == "view":
            return way(eqn).element(
                Draw(self, eqn, guard), index, *(a.aval for a in eqn.inputs), **eqn.params
            )
        axes, inner = self.inner(eqn)
        points = [()] if not axes else np.ndindex(*(a.size for a in axes))
        total: Scalar | None = None
        combine = FOLDS[eqn.prim.lower] if kind == "fold" else "add"
        for point in points:
            x = inner(index, [Affine(int(p)) for p in point], guard)
            total = x if total is None else self.scalars.operation(combine, total, x)
        if total is None:
            total = self.scalars.const(identity(eqn.prim.lower if kind == "fold" else "sum", eqn.outputs[0].aval.dtype),
                                       eqn.outputs[0].aval.dtype)  # fmt: skip
        return total

    def _mapped(self, made: Statement, index: tuple[Place, ...], guard: Scalar | None) -> Scalar:
        args = []
        for atom, dtype in zip(made.args, made.dtypes):
            rank = len(atom.aval.shape)
            if dtype is not None and isinstance(atom, Literal) and not rank and not is_argument(atom):
                args.append(self.scalars.const(atom.value, dtype))  # at once: an int may be larger than int64
                continue
            x = self.element(atom, index[len(index) - rank :] if rank else (), guard)
            args.append(x if dtype is None else self.scalars.cast(x, dtype))
        out = made.target.aval.dtype
        value = self.scalars.template(made.expression, args, out)
        if value.dtype.kind == "f" and out.kind in "iu":
            return self.scalars.make("whole", out, (value,) if guard is None else (value, guard))
        return self.scalars.cast(value, out)

    def inner(self, eqn: Eqn) -> tuple[list[Axis], Callable[..., Scalar]]:
        """The axes that an equation folds over, and what it folds: a function of the kept places and of those."""
        out = eqn.outputs[0].aval.dtype
        if self.plan.kinds[eqn] == "fold":
            (x,) = eqn.inputs
            over = eqn.params["axes"]

            def operand(kept: Sequence[Place], folded: Sequence[Place], guard: Scalar | None = None) -> Scalar:
                outer, deeper = iter(kept), iter(folded)
                index = [next(deeper) if d in over else next(outer) for d in range(len(x.aval.shape))]
                value = self.element(x, tuple(index), guard)
                if eqn.prim.lower in ("any", "all") and value.dtype != BOOL:
                    return self.scalars.make("ne", BOOL, (value, self.scalars.const(0, value.dtype)))
                return self.scalars.cast(value, out)

            return [Axis(x.aval.shape[a]) for a in over], operand
        x, y = eqn.inputs
        contract, batch = eqn.params["contract"], eqn.params["batch"]

        def product(kept: Sequence[Place], folded: Sequence[Place], guard: Scalar | None = None) -> Scalar:
            stack = len(batch[0])
            free = list(kept[stack:])
            found = []
            for atom, paired, stacked in ((x, contract[0], batch[0]), (y, contract[1], batch[1])):
                index: list[Place] = []
                for d in range(len(atom.aval.shape)):
                    if d in paired:
                        index.append(folded[paired.index(d)])
                    elif d in stacked:
                        index.append(kept[stacked.index(d)])
                    else:
                        index.append(free.pop(0))
                found.append(self.element(atom, tuple(index), guard))
            return self.scalars.operation("mul", *found)

        return [Axis(x.aval.shape[a]) for a in contract[0]], product

    def write(self, v: Var) -> Write:
        """The statement that makes a stored value."""
        eqn = self.plan.maker[v]
        kind, cost = self.plan.kinds[eqn], self.plan.costs[v]
        axes = [Axis(n) for n in v.aval.shape]
        if kind not in ("fold", "dot"):
            return self.statement(self.buffer(v), axes, lambda index: (index, self.computed(eqn, index)), cost)
        over, inner = self.inner(eqn)
        tile = self._tiled(eqn, axes, _written_out(axes, cost)) if kind == "dot" else None
        if tile is not None:
            return self._tiles(v, axes, tile, over, inner)
        return self.folding(self.buffer(v), axes, eqn.prim.lower if kind == "fold" else "sum", over, inner, cost)

    def statement(
        self, buffer: Buffer, axes: Sequence[Axis],
        rule: Callable[[tuple[Place, ...]], tuple[tuple[Place, ...], Scalar]],
        cost: float = 1, fold: str | None = None, over: Sequence[Axis] = (),
    ) -> Write:  # fmt: skip
        """A statement over all points of axes, of which tiny ones are written out.

        `rule(index)` gives a place in the buffer, and what is set there.
        """
        split = _written_out(axes, cost)
        looped = [a for a in axes if a not in split and a.size != 1]
        parts = []
        for point in np.ndindex(*(a.size for a in split)):
            fixed = {a: Affine(int(p)) for a, p in zip(split, point)}
            parts.append(rule(tuple([Affine(0) if a.size == 1 else fixed.get(a, along(a)) for a in axes])))
        return Write(buffer, [*looped, *over], parts, fold, frozenset(over))

    def folding(
        self, buffer: Buffer, axes: Sequence[Axis], fold: str, over: Sequence[Axis], inner: Callable[..., Scalar],
        cost: float = 1,
    ) -> Write:  # fmt: skip
        """A statement that folds `inner(kept places, folded places)`."""
        longer = [a for a in over if a.size > TINY]
        rule = lambda index: (index, self._folded(fold, index, over, inner, buffer.dtype))
        return self.statement(buffer, axes, rule, cost, fold if longer else None, longer)

    def _tiled(self, eqn: Eqn, axes: Sequence[Axis], split: Sequence[Axis]) -> tuple[Axis, int] | None:
        """The axis of a product, and how many of its elements are computed side by side, sharing what they load."""
        x, y = (a.aval for a in eqn.inputs)
        contract, batch = eqn.params["contract"], eqn.params["batch"]
        if not contract[0] or folded(eqn) <= TINY or multiplications(eqn) < 256 or split:
            return None
        rows = x.ndim - len(contract[0]) - len(batch[0])
        columns = y.ndim - len(contract[1]) - len(batch[1])
        candidates = list(axes[len(batch[0]) : len(batch[0]) + rows])
        if not columns and x.ndim - 1 not in contract[0]:
            candidates = []
        if not rows and columns and y.ndim - 1 in contract[1]:
            candidates = list(axes[len(batch[0]) :])
        for axis in reversed(candidates):
            for count in (4, 3, 5, 2):
                if axis.size % count == 0 and axis.size > count:
                    return axis, count
        return None

    def _tiles(
        self, v: Var, axes: Sequence[Axis], tile: tuple[Axis, int],
        over: Sequence[Axis], inner: Callable[..., Scalar],
    ) -> Write:  # fmt: skip
        """A product with `count` elements along an axis at each point."""
        axis, count = tile
        outer = Axis(axis.size // count)
        parts: list[tuple[tuple[Place, ...], Scalar]] = []
        for k in range(count):
            places = [
                Affine(0) if a.size == 1 else along(outer).times(count).plus(k) if a is axis else along(a) for a in axes
            ]
            parts.append((tuple(places), self._folded("sum", tuple(places), over, inner, v.aval.dtype)))
        looped = [outer if a is axis else a for a in axes if a.size != 1]
        looped_over = [a for a in over if a.size > TINY]
        if not looped_over:
            return Write(self.buffer(v), looped, parts)
        return Write(self.buffer(v), [*looped, *looped_over], parts, "sum", frozenset(looped_over))

    def _folded(
        self, fold: str, index: tuple[Place, ...], over: Sequence[Axis], inner: Callable[..., Scalar], dtype: np.dtype
    ) -> Scalar:
        """What is combined along the longer axes, already combined along the tiny ones."""
        tiny = [a for a in over if a.size <= TINY]
        total: Scalar | None = None
        for point in np.ndindex(*(a.size for a in tiny)):
            fixed = {a: Affine(int(p)) for a, p in zip(tiny, point)}
            x = inner(index, [fixed.get(a, along(a)) for a in over])
            total = x if total is None else self.scalars.operation(FOLDS[fold], total, x)
        return self.scalars.const(identity(fold, dtype), dtype) if total is None else total


def _written_out(axes: Sequence[Axis], cost: float) -> list[Axis]:
    """The tiny axes that become statements side by side, from the last one on."""
    split: list[Axis] = []
    count = 1
    for axis in reversed(axes):
        if 1 < axis.size <= TINY and count * axis.size <= PARTS and count * axis.size * cost <= 2000:
            split.insert(0, axis)
            count *= axis.size
    return split


def identity(fold: str, dtype: np.dtype) -> Any:
    """What a fold gives for no elements."""
    if fold in ("sum", "any"):
        return 0
    if fold in ("prod", "all"):
        return 1
    if dtype.kind == "f":
        return -math.inf if fold == "max" else math.inf
    limits = np.iinfo(dtype)
    return limits.min if fold == "max" else limits.max


__all__ = ["Aval", "Buffer", "Lowering", "Plan", "Write", "identity"]
