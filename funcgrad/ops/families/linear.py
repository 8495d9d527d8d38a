"""Linear functions, given by their transpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval, aval_of, is_inexact
from funcgrad.core.constants import keep
from funcgrad.core.linear import affine, is_zero, not_linear
from funcgrad.core.provenance import here
from funcgrad.core.tape import TapeTracer, recorded
from funcgrad.core.trace import Primitive, Trace, register


def cast(ct: Any, dtype: np.dtype) -> Any:
    """A cotangent in its argument's dtype: the transpose of a promotion (real part, where that made it complex)."""
    if ct.dtype == dtype:
        return ct
    if ct.dtype.kind == "c" and dtype.kind == "f":
        ct = ct.real
    return ct.astype(dtype)


def require_linear(
    prim: Primitive, positions: Sequence[int], jointly: bool, values: Sequence[Any], moving: Sequence[bool]
) -> None:
    """Raise unless a primitive that is linear at some positions is so in the moving arguments, the others fixed."""
    if any(m and i not in positions for i, m in enumerate(moving)) or (sum(moving) > 1 and not jointly):
        raise not_linear(prim)
    if jointly and not all(moving[i] or is_zero(values[i]) for i in positions):
        raise affine(prim)


class Linear(Primitive):
    """A primitive that is linear in the arguments `linear`: `jointly`, or in each with the others fixed.

    - `impl(*args, **params)`, `shape(*avals, **params)`.
    - `pull(ct, i, *args, **params)`: the cotangent of argument i. Arguments whose values it cannot need are given as
      avals: all linear ones where the primitive is jointly linear, argument i itself otherwise.
    - `batch(values, batched, size, params)`.
    """

    def __init__(
        self,
        name: str,
        impl: Callable[..., Any],
        *,
        shape: Callable[..., Aval],
        pull: Callable[..., Any],
        batch: Callable[..., Any] | None = None,
        linear: tuple[int, ...] | None = (0,),
        jointly: bool = True,
        lower: Any = None,
    ) -> None:
        super().__init__(name)
        self.impl = impl
        self.shape = shape
        self.transposed = pull
        self.linear = linear
        self.jointly = jointly
        self.lower = lower
        self._needed: dict[tuple[bool, ...], tuple[bool, ...] | None] = {}
        if batch is not None:
            self.batch = batch
        register(self)

    def _is_linear(self, i: int) -> bool:
        return self.linear is None or i in self.linear

    def _saved(self, values: Sequence[Any], tracked: Sequence[Any]) -> Any:
        """What the pull needs of each argument, its value or its aval; None: no derivative is asked for."""
        key = tuple([t is not None for t in tracked])
        try:
            needed = self._needed[key]
        except KeyError:
            needed = self._needed[key] = self._needs(key)
        if needed is None:
            return None
        return [aval_of(v) if not n else v if t is not None else keep(v) for v, n, t in zip(values, needed, tracked)]

    def _needs(self, tracked: tuple[bool, ...]) -> tuple[bool, ...] | None:
        moving = [i for i, t in enumerate(tracked) if t and self._is_linear(i)]
        if not moving:
            return None
        return tuple(
            not self._is_linear(i) or (not self.jointly and any(j != i for j in moving)) for i in range(len(tracked))
        )

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        y = self(*values, **params)
        return y, self._saved(values, tracked) if y.dtype.kind in "fc" else None

    def entry(self, trace: Trace, x: Any, *others: Any, **params: Any) -> TapeTracer:
        """The result of an update with its entry on a tape, where the array of `x` holds it already."""
        args = (x, *others)
        on_it = [type(a) is TapeTracer and a._trace is trace for a in args]
        values = [a.value if on else a for a, on in zip(args, on_it)]
        parents = tuple([a.node if on else None for a, on in zip(args, on_it)])
        return recorded(trace, values[0], self, params, parents, self._saved(values, parents), here())

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        positions = range(len(values)) if self.linear is None else self.linear
        require_linear(self, positions, self.jointly, values, [t is not None for t in tracked])
        out = self.shape(*(v if t is not None else aval_of(v) for v, t in zip(values, tracked)), **params)
        if not is_inexact(out.dtype):
            raise not_linear(self)
        return out, self._saved(values, tracked)

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        if self.jointly:
            if all(t is None for i, t in enumerate(tangents) if self._is_linear(i)):
                return None
            args = [
                (np.zeros(s.shape, s.dtype) if t is None else t) if self._is_linear(i) else s
                for i, (s, t) in enumerate(zip(saved, tangents))
            ]
            return self(*args, **params)
        total = None
        for i, t in enumerate(tangents):
            if t is not None and self._is_linear(i):
                term = self(*(t if j == i else s for j, s in enumerate(saved)), **params)
                total = term if total is None else total + term
        return total

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        cts: list[Any] = []
        for i, t in enumerate(tracked):
            if t is None or not self._is_linear(i):
                cts.append(None)
                continue
            c = self.transposed(ct, i, *saved, **params)
            dtype = saved[i].dtype
            cts.append(c if c is None or not hasattr(c, "dtype") or c.dtype == dtype else cast(c, dtype))
        return cts

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        return [wrap(v, p) for v, p in zip(saved, parents)]
