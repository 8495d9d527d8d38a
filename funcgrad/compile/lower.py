"""A program as statements: what each element of a stored value is made of, an expression over stored values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from funcgrad.compile.elements import Statement, is_argument
from funcgrad.compile.nest import WIDEST, linear
from funcgrad.compile.passes import uniform
from funcgrad.compile.plan import LANES, Plan
from funcgrad.compile.scalars import Affine, Axis, Place, Scalar, Scalars, affine_of, walk, weighted
from funcgrad.compile.statements import FOLDS, Buffer, Write, identity
from funcgrad.compile.ways import TINY, folded, multiplications, way
from funcgrad.core.avals import BOOL, INT
from funcgrad.core.graph import Atom, Eqn, Literal, Var

PARTS = 64
"""Elements of a statement that are written out at most."""


class Tile(NamedTuple):
    """Several elements along an axis at each point: neighbours, or `apart`, each with its neighbours in the lanes.

    A vector times a matrix has a sum in each lane, whose additions wait for each other; several sums wait together.
    A step of a loop with 32 sums of 32 products, and their tanh, takes 140 ns in place of 207.
    """

    axis: Axis
    elements: int
    apart: bool


class Unfit(Exception):
    """An element cannot be asked for in this way: the value that is its argument needs memory."""


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

    def sum(self, first: Place, second: Place) -> Place:
        if isinstance(first, Affine) and isinstance(second, Affine):
            return first.plus(second)
        return self._lowering.scalars.make("add", INT, (self.number(first), self.number(second)))

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
            if isinstance(place, Scalar) and place not in walk((value,)):
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
        if 1 in shape:
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
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self.computed(self.plan.maker[atom], index, guard)
        return known

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
        """A statement over all points of axes, of which tiny ones are written out; a row of LANES elements is a loop.

        `rule(index)` gives a place in the buffer, and what is set there.
        """
        split = _written_out(axes, cost)
        has_row = bool(split) and split[-1] is axes[-1] and axes[-1].size == LANES
        parts = _parts(axes, split[:-1] if has_row else split, rule)
        if has_row and _is_side_by_side(buffer, parts, axes[-1]):
            split = split[:-1]
        elif has_row:
            parts = _parts(axes, split, rule)
        looped = [a for a in axes if a not in split and a.size != 1]
        return Write(buffer, [*looped, *over], parts, fold, frozenset(over))

    def folding(
        self, buffer: Buffer, axes: Sequence[Axis], fold: str, over: Sequence[Axis], inner: Callable[..., Scalar],
        cost: float = 1,
    ) -> Write:  # fmt: skip
        """A statement that folds `inner(kept places, folded places)`."""
        longer = [a for a in over if a.size > TINY]
        rule = lambda index: (index, self._folded(fold, index, over, inner, buffer.dtype))
        return self.statement(buffer, axes, rule, cost, fold if longer else None, longer)

    def _tiled(self, eqn: Eqn, axes: Sequence[Axis], split: Sequence[Axis]) -> Tile | None:
        """Which elements of a product are computed side by side, sharing what they load."""
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
                    return Tile(axis, count, False)
        if not rows and columns and y.ndim - 1 not in contract[1]:
            for count in (4, 3, 5, 2):
                if axes[-1].size % (count * WIDEST) == 0:
                    return Tile(axes[-1], count, True)
        return None

    def _tiles(
        self, v: Var, axes: Sequence[Axis], tile: Tile, over: Sequence[Axis], inner: Callable[..., Scalar]
    ) -> Write:
        """A product with `count` elements along an axis at each point."""
        axis, count, apart = tile
        outer = Axis(axis.size // count)
        at = lambda k: affine_of(outer).plus(k * outer.size) if apart else affine_of(outer).times(count).plus(k)
        parts: list[tuple[tuple[Place, ...], Scalar]] = []
        for k in range(count):
            places = [Affine(0) if a.size == 1 else at(k) if a is axis else affine_of(a) for a in axes]
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
            x = inner(index, [fixed.get(a, affine_of(a)) for a in over])
            total = x if total is None else self.scalars.operation(FOLDS[fold], total, x)
        return self.scalars.const(identity(fold, dtype), dtype) if total is None else total


def _parts(
    axes: Sequence[Axis], split: Sequence[Axis],
    rule: Callable[[tuple[Place, ...]], tuple[tuple[Place, ...], Scalar]],
) -> list[tuple[tuple[Place, ...], Scalar]]:  # fmt: skip
    """What is set at each point of the axes that are written out."""
    parts = []
    for point in np.ndindex(*(a.size for a in split)):
        fixed = {a: Affine(int(p)) for a, p in zip(split, point)}
        parts.append(rule(tuple([Affine(0) if a.size == 1 else fixed.get(a, affine_of(a)) for a in axes])))
    return parts


def _is_side_by_side(buffer: Buffer, parts: Sequence[tuple[tuple[Place, ...], Scalar]], axis: Axis) -> bool:
    """Whether all that is read and set along an axis is one element, or elements beside each other."""
    if any(isinstance(p, Scalar) for index, _ in parts for p in index):
        return False
    if any(linear(buffer, index).step(axis) != 1 for index, _ in parts):
        return False
    for x in walk([value for _, value in parts]):
        if axis in x.axes and x.op == "position":
            return False
        if axis in x.axes and x.op == "load":
            access = x.data
            if None in access.places or linear(access.buffer, access.places, access.flat).step(axis) not in (0, 1):
                return False
    return True


def _written_out(axes: Sequence[Axis], cost: float) -> list[Axis]:
    """The tiny axes that become statements side by side, from the last one on."""
    split: list[Axis] = []
    count = 1
    for axis in reversed(axes):
        if 1 < axis.size <= TINY and count * axis.size <= PARTS and count * axis.size * cost <= 2000:
            split.insert(0, axis)
            count *= axis.size
    return split


def _flat(index: Sequence[Affine], shape: Sequence[int]) -> Affine:
    steps = [1]
    for n in shape[:0:-1]:
        steps.append(steps[-1] * n)
    return weighted(zip(reversed(index), steps))


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
