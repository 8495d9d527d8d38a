"""Functions of matrices that come with their derivatives along given directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcgrad.core.avals import Aval, aval_of
from funcgrad.core.constants import keep
from funcgrad.core.linear import not_linear
from funcgrad.core.trace import Primitive, register
from funcgrad.ops.broadcasting import with_batch
from funcgrad.ops.families.linear import cast


class Directional(Primitive):
    """`f(a)`, and by `f(a, *ts)` its derivative along each of `ts`, which are shaped like `a`.

    So the derivative in `a` is `f` with one more direction, at any order. The transpose of the linear map from one
    direction is the same map at `turned` arguments.
    """

    def __init__(
        self,
        name: str,
        impl: Callable[..., Any],
        *,
        shape: Callable[..., Aval],
        turned: Callable[[Any], Any],
    ) -> None:
        super().__init__(name)
        self.impl = impl
        self.shape = shape
        self.turned = turned
        register(self)

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        return self(*values), [v if t is not None else keep(v) for v, t in zip(values, tracked)]

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        if tracked[0] is not None or sum(t is not None for t in tracked) > 1:
            raise not_linear(self)
        saved = [v if t is not None else keep(v) for v, t in zip(values, tracked)]
        return self.shape(*map(aval_of, values)), saved

    def _along(self, args: Sequence[Any], i: int, t: Any) -> Any:
        """The derivative in argument i along `t`."""
        a, *ts = args
        return self(a, *ts, t) if i == 0 else self(a, *ts[: i - 1], t, *ts[i:])

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        terms = [self._along(saved, i, t) for i, t in enumerate(tangents) if t is not None]
        return sum(terms[1:], start=terms[0])

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        turned = [self.turned(v) for v in saved]
        return [
            None if t is None else cast(self._along(turned, i, ct), v.dtype)
            for i, (t, v) in enumerate(zip(tracked, saved))
        ]

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        return [wrap(v, p) for v, p in zip(saved, parents)]

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        return self(*(with_batch(v, b, size) for v, b in zip(values, batched)))
