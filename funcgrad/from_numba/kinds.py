"""A function of numbers as a primitive, for arguments of given dtypes."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from funcgrad.core.avals import Aval, broadcast_shapes, is_inexact
from funcgrad.core.graph import Graph, evaluate
from funcgrad.core.provenance import at, here
from funcgrad.core.trace import primitives
from funcgrad.errors import ConcretizationTypeError, NotDifferentiableError
from funcgrad.from_numba.formulas import formula, on_arrays
from funcgrad.from_numba.paths import Slope, in_parts, one_by_one, program, without_captured
from funcgrad.ops import large
from funcgrad.ops.families.elementwise import Elementwise, Factor, Plan

_named: WeakValueDictionary[str, OfNumbers] = WeakValueDictionary()
_naming = threading.Lock()


def _name(prim: OfNumbers, wanted: str) -> str:
    """A name that no other primitive has, as programs and the compiler tell them apart by it."""
    with _naming:
        taken = {*primitives(), *_named}
        numbered = (f"{wanted}_{n}" for n in itertools.count(2))
        name = next(n for n in itertools.chain((wanted,), numbered) if n not in taken)
        _named[name] = prim
    return name


class OfNumbers(Elementwise):
    """The primitive of a `ScalarFunction` for arguments of the dtypes given.

    `graph` is its program on numbers, None where it has none; `lower` the same as an expression for kernels.
    """

    def __init__(self, owner: Any, dtypes: tuple[np.dtype, ...]) -> None:
        self.owner = owner
        self.dtypes = dtypes
        self.graph = self._traced()
        lower = None if self.graph is None else formula(self.graph)
        partials = [self._factor(i) for i in range(owner.nin)]
        super().__init__(
            _name(self, owner.name), self._computed, partials, linear=None, jointly=False, lower=lower,
            python=None, flat=None, remedy=None,
        )  # fmt: skip
        self._on_arrays = None if self.graph is None else on_arrays(self.graph)
        self._refuses_traced = False  # as functions of other packages do, which compute numbers only
        self._kernels = large.Kernels(self, owner.name)

    def _traced(self) -> Graph | None:
        try:
            graph = program(self.owner.source, [Aval((), d) for d in self.dtypes])
        except Exception:  # of whatever kind: of a way that no element goes, or a value that is not known
            return None
        return without_captured(graph)

    def _factor(self, i: int) -> Factor | None:
        if not is_inexact(self.dtypes[i]):
            return None
        return Factor(lambda y, *xs: self.owner.partials[i](*xs))

    def shape(self, *avals: Aval, **params: Any) -> Aval:
        if self.graph is None or self.owner.universal is not None:
            return super().shape(*avals, **params)
        return Aval(broadcast_shapes(*(a.shape for a in avals)), self.graph.outputs[0].aval.dtype)

    def _computed(self, *xs: Any) -> Any:
        """The values for plain arrays."""
        if self.owner.universal is not None:
            return self.owner.universal(*xs)
        with np.errstate(all="ignore"):  # of ways that an element does not go
            if self.lower is not None and any(np.size(x) >= large.LEAST for x in xs):
                y = self._kernels([np.asarray(x) for x in xs])
                if y is not None:
                    return y
            if self.graph is None:
                return self._run(xs)
            if self._on_arrays is None:
                return in_parts(lambda *ys: evaluate(self.graph, ys)[0], xs)  # type: ignore[arg-type]
            return self._own(self._on_arrays(*xs), xs)

    def _run(self, xs: Sequence[Any]) -> Any:
        """The values by the function itself."""
        if self.owner.compiled is not None:
            return self.owner.compiled(*xs)
        if self._refuses_traced:
            return one_by_one(self.owner.function, xs)
        try:
            return in_parts(self.owner.source, xs)
        except (ConcretizationTypeError, NotDifferentiableError):
            if isinstance(self.owner.function, Slope):
                raise
            self._refuses_traced = True
        return one_by_one(self.owner.function, xs)

    def _own(self, y: Any, xs: Sequence[Any]) -> Any:
        """A result in memory of its own, and of the shape that it has where an argument does not matter."""
        shape = broadcast_shapes(*map(np.shape, xs))
        if np.shape(y) != shape or any(y is x for x in xs) or not hasattr(y, "dtype"):
            y = np.array(np.broadcast_to(y, shape), self.graph.outputs[0].aval.dtype)  # type: ignore[union-attr]
        return y[()]

    def _make_plan(self, tracked: Sequence[bool]) -> Plan | None:
        if self.graph is None and not self.owner.is_differentiable:
            raise NotDifferentiableError(
                f"Give `{self.owner.name}` a derivative, fg.elementwise(f, derivative=...): it has none{at(here())}, "
                "as its source is not known."
            )
        partials = zip(self.partials or (), self.owner.partials)
        terms = tuple([(i, p) for i, (p, d) in enumerate(partials) if tracked[i] and p is not None and d is not None])
        copied = tuple([i + 1 for i, t in enumerate(tracked) if not t])
        return Plan(terms, (False, *[True] * len(tracked)), copied) if terms else None

    def __reduce__(self) -> Any:
        return _of_numbers, (self.owner, self.dtypes)


def _of_numbers(owner: Any, dtypes: tuple[np.dtype, ...]) -> OfNumbers:
    found: OfNumbers = owner.of(dtypes)
    return found
