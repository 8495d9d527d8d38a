"""custom_jvp: a function with its own forward-mode rule, which reverse mode transposes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import Aval, aval_of, is_inexact
from funcgrad.core.tape import LinearTrace, Node, entries, linear_outputs, pull, push
from funcgrad.core.trace import register
from funcgrad.transforms.arguments import tangent_for
from funcgrad.transforms.calls import run_batched
from funcgrad.transforms.closure import refuse_hidden
from funcgrad.transforms.custom.rules import (
    BatchedCall,
    Call,
    CustomCall,
    CustomRule,
    fresh,
    read_only,
    show,
    unflatten_all,
)


class JvpCall(Call):
    def tangents(self, values: Sequence[Any], moving: Sequence[Any], out_avals: Sequence[Aval]) -> list[Any]:
        """The tangents of the flat outputs, by the user's rule, for tangents of all flat values."""
        (_, rule), fixed = self.parts(values)
        primals = unflatten_all(self.trees, [read_only(v) for v in values[: self.count]])
        given = unflatten_all(self.trees, [read_only(t) for t in moving[: self.count]])
        result = rule(*fixed, tuple(primals), tuple(given))
        name = f"the jvp rule of `{self.name}`"
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise TypeError(f"{name} must return (output, tangent), not {show(result)}")
        outs = [aval_of(y) for y in self.flatten_output(result[0])]
        if [(a.shape, a.dtype) for a in outs] != [(a.shape, a.dtype) for a in out_avals]:
            raise TypeError(f"{name} returned the output {outs}, but the function itself returns {list(out_avals)}")
        flat = tree.flatten_up_to(self.out_tree, result[1], f"{name}: the tangent")
        return [
            fresh(tangent_for(a, t, "a tangent", name)) if is_inexact(a.dtype) else None for a, t in zip(outs, flat)
        ]


class BatchedJvpCall(BatchedCall):
    def tangents(self, values: Sequence[Any], moving: Sequence[Any], out_avals: Sequence[Aval]) -> list[Any]:
        count = len(values)
        inner_avals = [Aval(a.shape[1:], a.dtype) for a in out_avals]

        def flat(*both: Any) -> list[Any]:
            return self.inner.tangents(both[:count], both[count:], inner_avals)

        return run_batched(flat, [*values, *moving], self.batched * 2, self.size)


class Linearized(NamedTuple):
    """The user's rule at `values`, run once: the linear map it has recorded, by its entries."""

    call: JvpCall | BatchedJvpCall
    values: Sequence[Any]
    out_avals: Sequence[Aval]
    inputs: Sequence[Node | None]
    outputs: Sequence[Node | None]


class CustomJvpCall(CustomCall):
    kind = "custom_jvp"
    over_batch = BatchedJvpCall

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        outs = self._outputs(values, tracked, params)
        moving = [t is not None for t in tracked]
        return outs, linearized(params["call"], values, moving, [aval_of(y) for y in outs])

    def _outputs(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        params["call"].refuse_captured(tracked, self.kind)
        outs = self(*values, **params)
        refuse_hidden(f"{self.kind} `{params['call'].name}`", values, outs)
        return outs

    def jvp(self, values: Sequence[Any], tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        """Forward mode runs the rule on the tangents themselves."""
        outs = self._outputs(values, tangents, params)
        full = [_zeros(v) if t is None else t for v, t in zip(values, tangents)]
        moved = params["call"].tangents(values, full, [aval_of(y) for y in outs])
        refuse_hidden(f"{self.kind} `{params['call'].name}`", [*values, *full], moved)
        return outs, tuple(moved)

    def push(self, saved: Linearized, tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        known = {n.seq: t for n, t in zip(saved.inputs, tangents) if n is not None and t is not None}
        push(entries(n for n in saved.outputs if n is not None), known)
        return tuple(None if n is None else known.get(n.seq) for n in saved.outputs)

    def pull(self, saved: Linearized, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        found = pull([(n, c) for n, c in zip(saved.outputs, ct) if n is not None and c is not None])
        return [None if n is None else found.get(n.seq) for n in saved.inputs]

    def relink(self, saved: Linearized, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        values = [wrap(v, p) for v, p in zip(saved.values, parents)]
        return linearized(saved.call, values, [n is not None for n in saved.inputs], saved.out_avals)


def linearized(
    call: JvpCall | BatchedJvpCall, values: Sequence[Any], moving: Sequence[bool], out_avals: Sequence[Aval]
) -> Linearized:
    """Run the rule of a call at its values, once, on tangents that are not known yet."""
    trace = LinearTrace()
    try:
        # all of them, as zeros times a value that is only traced would not be known to be zero
        given = [_tangent(v, trace) for v in values]
        outputs = linear_outputs(call.tangents(values, given, out_avals), trace, f"the jvp rule of `{call.name}`")
    finally:
        trace.end()
    inputs = [t.node if m else None for t, m in zip(given, moving)]
    return Linearized(call, values, out_avals, inputs, outputs)


def _tangent(x: Any, trace: LinearTrace) -> Any:
    aval = aval_of(x)
    return trace.leaf(Aval(aval.shape, aval.dtype)) if is_inexact(aval.dtype) else _zeros(x)


def _zeros(x: Any) -> Any:
    aval = aval_of(x)
    return np.zeros(aval.shape, aval.dtype)


custom_jvp_call = register(CustomJvpCall("custom_jvp_call"))


class custom_jvp(CustomRule):  # JAX's name
    """A function with its own forward-mode rule, which reverse mode transposes.

    Example:
        >>> import numpy as np
        >>> @custom_jvp
        ... def log_one_plus_exp(x):
        ...     return np.log1p(np.exp(x))
        >>> log_one_plus_exp.defjvps(lambda t, ans, x: t * (1.0 - np.exp(-ans)))
        >>> import funcgrad as fg
        >>> fg.grad(log_one_plus_exp)(0.0)
        np.float64(0.5)
    """

    kind = "custom_jvp"
    call = JvpCall
    primitive = custom_jvp_call

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()) -> None:
        super().__init__(fun, nondiff_argnums)
        self.rule: Callable[..., Any] | None = None

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """The rule: ``rule(*nondiff_args, primals, tangents)`` returns ``(output, tangent)``, linear in tangents.

        It runs where the function is called: in forward mode on the tangents, in reverse mode once, on tangents of
        which only shape and dtype are known. The output must have the shape and dtype that the function returns.
        """
        self.rule = rule
        return rule

    def defjvps(self, *rules: Callable[..., Any] | None) -> None:
        """Give one rule for each argument, ``rule(tangent, output, *primals)``; None where the derivative is zero."""
        if self.nondiff_argnums:
            raise TypeError("defjvps does not take nondiff_argnums: use defjvp")

        def rule(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
            out = self(*primals)
            terms = [r(t, out, *primals) for r, t in zip(rules, tangents, strict=True) if r is not None]
            if not terms:
                return out, tree.map(lambda y: np.zeros_like(y), out)
            return out, tree.map(lambda *parts: sum(parts[1:], parts[0]), *terms)

        self.rule = rule

    def _functions(self) -> tuple[Callable[..., Any], ...]:
        if self.rule is None:
            raise AttributeError(f"custom_jvp `{self.__name__}` has no rule yet: call its defjvp(rule)")
        return self.fun, self.rule
