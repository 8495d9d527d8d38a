"""Functions that are given by their forward derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcgrad.core.avals import aval_of
from funcgrad.core.constants import keep
from funcgrad.core.linear import not_linear, transpose
from funcgrad.core.tape import selected
from funcgrad.core.trace import Primitive, register


class General(Primitive):
    """A primitive given by forward derivatives.

    `jvps[i](t, y, *args, **params)` is the tangent of the output (a tuple where the primitive has several) for the
    tangent `t` of argument i, linear in `t`; None where argument i has no derivative, and `jvps=None` where none has.
    """

    def __init__(
        self,
        name: str,
        impl: Callable[..., Any],
        *,
        shape: Callable[..., Any],
        jvps: Sequence[Callable[..., Any] | None] | None,
        batch: Callable[..., Any] | None = None,
        multiple: bool = False,
        lower: Any = None,
        flat: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(name)
        self.impl = impl
        self.shape = shape
        self.jvps = jvps
        self.is_flat = jvps is None
        self.multiple = multiple
        self.lower = lower
        self.flat = flat
        self.remedy = remedy
        if batch is not None:
            self.batch = batch
        register(self)

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        y = self(*values, **params)
        if self.jvps is None or all(t is None or self._rule(i) is None for i, t in enumerate(tracked)):
            return y, None
        return y, (y, [keep(v) if t is None else v for v, t in zip(values, tracked)])

    def _rule(self, i: int) -> Callable[..., Any] | None:
        return self.jvps[i] if i < len(self.jvps) else None  # type: ignore[index,arg-type]

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        raise not_linear(self)

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        y, xs = saved
        total: Any = None
        for i, t in enumerate(tangents):
            rule = self._rule(i)
            if t is None or rule is None:
                continue
            term = rule(t, y, *xs, **params)
            if total is None:
                total = term
            elif self.multiple:
                total = tuple(map(_add, total, term))
            else:
                total = total + term
        return total

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        y, xs = saved
        if self.multiple:
            ct = tuple(ct)
        cts: list[Any] = []
        for i, t in enumerate(tracked):
            rule = self._rule(i)
            if t is None or rule is None:
                cts.append(None)
            else:
                cts.extend(transpose(lambda u, rule=rule: rule(u, y, *xs, **params), [aval_of(xs[i])], ct))
        return cts

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        y, xs = saved
        if self.multiple:
            y = tuple([wrap(v, selected(node, i, len(y))) for i, v in enumerate(y)])
        else:
            y = wrap(y, node)
        return y, [wrap(v, p) for v, p in zip(xs, parents)]


def _add(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return b if a is None else a
    return a + b
