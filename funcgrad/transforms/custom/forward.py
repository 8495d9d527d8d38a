"""custom_jvp: a function with its own forward-mode rule, which reverse mode transposes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import Aval, aval_of, is_inexact
from funcgrad.core.graph import hoist
from funcgrad.core.linear import LinearTrace, LinearTracer, linear_outputs
from funcgrad.core.memory import copied, lent
from funcgrad.core.staging import is_interpreted, trace_graph, unseen
from funcgrad.core.tape import Node, entries, pull, push
from funcgrad.core.trace import Tracer, register, unknown_in
from funcgrad.transforms.arguments import tangent_for
from funcgrad.transforms.calls import run_batched
from funcgrad.transforms.closure import refuse_hidden
from funcgrad.transforms.custom.rules import (
    BatchedCall,
    CustomCall,
    CustomRule,
    RuleCall,
    show,
    unflatten_all,
)


class JvpCall(RuleCall):
    def rule_outputs(self, values: Sequence[Any], moving: Sequence[Any], out_avals: Sequence[Aval]) -> list[Any]:
        """The flat outputs by the user's rule, and behind them their tangents, for tangents of all flat values."""
        (*_, rule), fixed = self.parts(values)
        primals = unflatten_all(self.trees, [lent(v) for v in values[: self.count]])
        given = unflatten_all(self.trees, [lent(t) for t in moving[: self.count]])
        result = self.called(values, rule, *fixed, tuple(primals), tuple(given))
        name = f"the jvp rule of `{self.name}`"
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise TypeError(f"{name} must return (output, tangent), not {show(result)}")
        expected = self.out_tree
        values = self.flatten_output(result[0])
        if not self.out_tree.matches(expected):
            raise TypeError(f"{name} returned the output {self.out_tree}, but the function itself returns {expected}")
        outs = [aval_of(y) for y in values]
        if [(a.shape, a.dtype) for a in outs] != [(a.shape, a.dtype) for a in out_avals]:
            raise TypeError(f"{name} returned the output {outs}, but the function itself returns {list(out_avals)}")
        flat = tree.flatten_up_to(self.out_tree, result[1], f"{name}: the tangent")
        moved = [
            copied(tangent_for(a, t, "a tangent", name)) if is_inexact(a.dtype) else None for a, t in zip(outs, flat)
        ]
        return [*map(copied, values), *moved]


class BatchedJvpCall(BatchedCall):
    def rule_outputs(self, values: Sequence[Any], moving: Sequence[Any], out_avals: Sequence[Aval]) -> list[Any]:
        count = len(values)
        inner_avals = [Aval(a.shape[1:], a.dtype) for a in out_avals]
        moves = [is_inexact(a.dtype) for a in out_avals]

        def flat(*both: Any) -> list[Any]:
            outs = self.inner.rule_outputs(both[:count], both[count:], inner_avals)
            return [*outs[: len(moves)], *(t for t, m in zip(outs[len(moves) :], moves) if m)]

        outs = run_batched(flat, [*values, *moving], self.batched * 2, self.size)
        moved = iter(outs[len(moves) :])
        return [*outs[: len(moves)], *(next(moved) if m else None for m in moves)]


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
        out_avals = self._out_avals(values, tracked, params)
        return linearized(params["call"], values, [t is not None for t in tracked], out_avals)

    def _out_avals(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> list[Aval]:
        """What the function itself returns, which its rule must return too."""
        call = params["call"]
        call.refuse_captured(tracked, self.kind)
        if params.get("graph") is not None:
            return list(params["graph"].out_avals)
        hiding = next((trace for v in values if (trace := unknown_in(v)) is not None), None)
        if hiding is None:
            with unseen(self.kind) as trace:  # the rule runs in its place
                outs = self(*values, **params)
            returned = [y for y in outs if not (isinstance(y, Tracer) and y._trace is trace)]
            refuse_hidden(f"{self.kind} `{call.name}`", values, returned)
            return [aval_of(y) for y in outs]
        graph, captured = hoist(trace_graph(call.run, [aval_of(v) for v in values], is_interpreted(), hiding.name))
        refuse_hidden(f"{self.kind} `{call.name}`", values, captured)
        return list(graph.out_avals)

    def jvp(self, values: Sequence[Any], tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        """Forward mode runs the rule on the tangents themselves."""
        out_avals = self._out_avals(values, tangents, params)
        full = [zeros_of(v) if t is None else t for v, t in zip(values, tangents)]
        found = params["call"].rule_outputs(values, full, out_avals)
        refuse_hidden(f"{self.kind} `{params['call'].name}`", [*values, *full], found)
        return tuple(found[: len(out_avals)]), tuple(found[len(out_avals) :])

    def push(self, saved: Linearized, tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        known = {n.seq: t for n, t in zip(saved.inputs, tangents) if n is not None and t is not None}
        push(entries(n for n in saved.outputs if n is not None), known)
        return tuple(None if n is None else known.get(n.seq) for n in saved.outputs)

    def pull(self, saved: Linearized, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        found = pull([(n, c) for n, c in zip(saved.outputs, ct) if n is not None and c is not None])
        return [None if n is None else found.get(n.seq) for n in saved.inputs]

    def relink(self, saved: Linearized, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        values = [wrap(v, p) for v, p in zip(saved.values, parents)]
        return linearized(saved.call, values, [n is not None for n in saved.inputs], saved.out_avals)[1]


def linearized(
    call: JvpCall | BatchedJvpCall, values: Sequence[Any], moving: Sequence[bool], out_avals: Sequence[Aval]
) -> tuple[tuple[Any, ...], Linearized]:
    """Run the rule of a call at its values, once, on tangents that are not known yet: its outputs, and the map."""
    trace = LinearTrace()
    name = f"the jvp rule of `{call.name}`"
    try:
        # all of them, as zeros times a value that is only traced would not be known to be zero
        given = [_tangent(v, trace) for v in values]
        found = call.rule_outputs(values, given, out_avals)
        outs, moved = found[: len(out_avals)], found[len(out_avals) :]
        if any(isinstance(y, LinearTracer) and y._trace is trace for y in outs):
            raise TypeError(f"{name} returned an output that depends on its tangents")
        refuse_hidden(f"custom_jvp `{call.name}`", values, outs)
        outputs = linear_outputs(moved, trace, name)
    finally:
        trace.end()
    inputs = [t.node if m else None for t, m in zip(given, moving)]
    return tuple(outs), Linearized(call, values, out_avals, inputs, outputs)


def _tangent(x: Any, trace: LinearTrace) -> Any:
    aval = aval_of(x)
    return trace.leaf(Aval(aval.shape, aval.dtype)) if is_inexact(aval.dtype) else zeros_of(x)


def zeros_of(x: Any) -> Any:
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
