"""Linear equations between matrices, whose derivatives follow from how their coefficients enter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcgrad.core.avals import Aval, aval_of
from funcgrad.core.constants import keep
from funcgrad.core.linear import not_linear, transpose
from funcgrad.core.trace import Primitive, register
from funcgrad.ops.broadcasting import with_batch
from funcgrad.ops.families.linear import cast
from funcgrad.ops.linalg.shared import solve_as_columns


class Equation(Primitive):
    """`solution(*coefficients, b)`: the `x` of an equation that is linear in it, with `b` on its right side.

    `terms[i](*coefficients, x, **params)` is what of the left side depends on coefficient i; it is linear in that and
    in x. So `dx` solves the same equation with `db` less all terms of the coefficients' tangents. The transposed
    equation is the same with the coefficients `turned(*coefficients, **params)` and the parameters
    `turned_params(params)`: one solve gives all cotangents.

    `pulls`, where given, are the terms' transposes in their coefficients, `pulls[i](y, x, **params)`: a tape finds them
    too, but takes a third of the time of a gradient through a small matrix.

    All have the same stack before their last axes: two of `b`, `rank` of the coefficient where there is only one.
    """

    def __init__(
        self,
        name: str,
        impl: Callable[..., Any],
        *,
        shape: Callable[..., Aval],
        terms: Sequence[Callable[..., Any]],
        turned: Callable[..., Sequence[Any]],
        turned_params: Callable[[dict[str, Any]], dict[str, Any]] = dict,
        pulls: Sequence[Callable[..., Any]] | None = None,
        rank: int = 2,
    ) -> None:
        super().__init__(name)
        self.impl = impl
        self.shape = shape
        self.terms = terms
        self.turned = turned
        self.turned_params = turned_params
        self.pulls = pulls
        self.rank = rank
        register(self)

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        x = self(*values, **params)
        *coefficients, b = values
        moving = any(t is not None for t in tracked[:-1])
        kept = [c if t is not None else keep(c) for c, t in zip(coefficients, tracked)]
        return x, (kept, x if moving else None, aval_of(b).dtype)

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        if any(t is not None for t in tracked[:-1]):
            raise not_linear(self)
        *coefficients, b = values
        return self.shape(*map(aval_of, coefficients), b, **params), ([keep(c) for c in coefficients], None, b.dtype)

    def _moved(self, i: int, t: Any, coefficients: Sequence[Any], x: Any, params: dict[str, Any]) -> Any:
        return self.terms[i](*coefficients[:i], t, *coefficients[i + 1 :], x, **params)

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        coefficients, x, _ = saved
        *moving, side = tangents
        for i, t in enumerate(moving):
            if t is not None:
                moved = self._moved(i, t, coefficients, x, params)
                side = -moved if side is None else side - moved
        return self(*coefficients, side, **params)

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        coefficients, x, b_dtype = saved
        y = self(*self.turned(*coefficients, **params), ct, **self.turned_params(params))
        cts: list[Any] = [None] * len(tracked)
        for i, c in enumerate(coefficients):
            if tracked[i] is None:
                continue
            if self.pulls is not None:
                cts[i] = cast(self.pulls[i](-y, x, **params), c.dtype)
            else:
                (cts[i],) = transpose(lambda t, i=i: self._moved(i, t, coefficients, x, params), [aval_of(c)], -y)
        if tracked[-1] is not None:
            cts[-1] = cast(y, b_dtype)
        return cts

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        coefficients, x, b_dtype = saved
        return [wrap(c, p) for c, p in zip(coefficients, parents)], wrap(x, node), b_dtype

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        if len(values) == 2 and not batched[0]:
            a, b = values
            return solve_as_columns(self, a, b, params, self.rank)
        return self(*(with_batch(v, b, size) for v, b in zip(values, batched)), **params)
