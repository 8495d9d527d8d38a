"""Results that take several statements, as the `make` of a primitive's `Statements` says them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from funcgrad.compile.lower import Draw, Lowering
from funcgrad.compile.nest import For, choose_lanes, insert, place
from funcgrad.compile.scalars import Affine, Axis, Place, Scalar, affine_of
from funcgrad.compile.statements import FOLDS, Buffer
from funcgrad.core.avals import Aval
from funcgrad.core.graph import Eqn

if TYPE_CHECKING:
    from funcgrad.compile.control import Maker

Index = tuple[Place, ...]
Element = Callable[[Draw, Index], Scalar]
Rule = Callable[[Draw, Index], tuple[Sequence[Place], Scalar]]
"""Gives, for a place, one in the result, and a value for it."""


class Build:
    """The statements of an equation's result, in a scope at a depth."""

    def __init__(self, maker: Maker, scope: For, lowering: Lowering, eqn: Eqn, depth: int) -> None:
        self._maker = maker
        self._scope = scope
        self._lowering = lowering
        self._draw = Draw(lowering, eqn, None)
        self._depth = depth
        self._target = lowering.buffer(eqn.outputs[0])

    def all(self, element: Element) -> None:
        """Set all elements, before statements that change them; those that stand in the result's memory already do."""
        if self._target.shares is None:
            self.part(self._target.shape, lambda draw, index: (index, element(draw, index)))

    def part(self, shape: Sequence[int], rule: Rule) -> None:
        """Set elements, each of which no other statement sets, for all places of a shape."""
        self._state(self._scope, self._target, shape, lambda index: rule(self._draw, index), alone=False)

    def update(self, shape: Sequence[int], rule: Rule, fold: str | None = None) -> None:
        """Set elements, or combine with them, for all places of a shape in their order.

        That order matters along axes on which computed places depend; they are the outer loops, so that the others may
        have lanes.
        """
        if 0 in shape:
            return
        axes = [Axis(n) for n in shape]
        index = tuple([Affine(0) if a.size == 1 else affine_of(a) for a in axes])
        places, _ = rule(self._draw, index)
        computed = frozenset[Axis]().union(*[p.axes for p in places if isinstance(p, Scalar)])
        apart = {p.terms[0][0] for p in places if isinstance(p, Affine) and len(p.terms) == 1} - computed
        scope = self._loops(self._scope, [a for a in axes if a not in apart])

        def inner(free: Index) -> tuple[Sequence[Place], Scalar]:
            rest = iter(free)
            return rule(self._draw, tuple([next(rest) if a in apart else p for a, p in zip(axes, index)]))

        self._state(scope, self._target, [a.size for a in axes if a in apart], inner, fold)
        choose_lanes(scope, self._maker.widest)

    def running(self, axis: int, fold: str, element: Element, reverse: bool = False) -> None:
        """Each element combined with those before it along an axis, one after the other."""
        made, target = self._lowering.scalars, self._target
        outer, count, inner = target.shape[:axis], target.shape[axis], target.shape[axis + 1 :]
        axes = [Axis(n) for n in outer]
        prefix = tuple([Affine(0) if a.size == 1 else affine_of(a) for a in axes])
        scope = self._loops(self._scope, axes)
        is_row = bool(set(inner) - {1})
        # one number is a register, but LLVM would not make one of the element before
        carried = target if is_row else self._maker.memory(Aval((), target.dtype), self._depth + len(axes) + 1)

        def step(scope: For, at: Affine, before: Affine | None) -> None:
            def value(index: Index) -> Scalar:
                new = made.cast(element(self._draw, (*prefix, at, *index)), target.dtype)
                if before is None:
                    return new
                old = made.load(carried, (*prefix, before, *index) if is_row else ())
                return made.operation(FOLDS[fold], old, new)

            self._state(scope, target, inner, lambda index: ((*prefix, at, *index), value(index)))
            if not is_row:
                self._state(scope, carried, (), lambda index: ((), value((Affine(0),) * len(inner))))
            choose_lanes(scope, self._maker.widest)

        turned = lambda place: place.times(-1).plus(count - 1) if reverse else place
        step(scope, turned(Affine(0)), None)
        rest = Axis(count - 1)
        last = Affine(0) if rest.size == 1 else affine_of(rest)
        step(self._loops(scope, [rest]), turned(last.plus(1)), turned(last))

    def fold(self, fold: str, axis: int, size: int, element: Element) -> None:
        """Fold elements along an axis that the result does not have."""
        self._fold(self._target, fold, axis, size, element)

    def folded(self, fold: str, axis: int, size: int, element: Element, dtype: np.dtype) -> Callable[[Index], Scalar]:
        """The same for a value that statements to come read, as a function of a place in the result."""
        buffer = Buffer(self._target.shape, dtype, "scratch")
        self._maker.made.setdefault(self._scope, []).append(buffer)
        self._fold(buffer, fold, axis, size, element)
        return lambda index: self._lowering.scalars.load(buffer, index)

    def _fold(self, buffer: Buffer, fold: str, axis: int, size: int, element: Element) -> None:
        def inner(kept: Index, over: Sequence[Place], guard: Scalar | None = None) -> Scalar:
            return element(self._draw, (*kept[:axis], *over, *kept[axis:]))

        axes = [Axis(n) for n in buffer.shape]
        place(self._scope, self._lowering.folding(buffer, axes, fold, [Axis(size)], inner), self._lowering.scalars)

    def _loops(self, scope: For, axes: Sequence[Axis]) -> For:
        """Loops within each other that keep their order."""
        for axis in axes:
            if axis.size != 1:
                loop = For(axis, ordered=True)
                insert(scope, loop, [self._target])
                scope = loop
        return scope

    def _state(
        self, scope: For, target: Buffer, shape: Sequence[int], rule: Callable[[Index], tuple[Sequence[Place], Scalar]],
        fold: str | None = None, alone: bool = True,
    ) -> None:  # fmt: skip
        made = self._lowering.scalars

        def typed(index: Index) -> tuple[Index, Scalar]:
            at, value = rule(index)
            return tuple(at), made.cast(value, target.dtype)

        if 0 not in shape:
            place(scope, self._lowering.statement(target, [Axis(n) for n in shape], typed, fold=fold), made, alone)
