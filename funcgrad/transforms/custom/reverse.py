"""custom_vjp: a function with its own reverse-mode rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import Aval, aval_of, is_inexact
from funcgrad.core.constants import keep
from funcgrad.core.memory import copied, lent, owner_of, taken_by
from funcgrad.core.trace import described, register
from funcgrad.errors import NotDifferentiableError
from funcgrad.transforms.arguments import tangent_for
from funcgrad.transforms.batch import BatchTrace, stretch
from funcgrad.transforms.closure import refuse_hidden
from funcgrad.transforms.custom.rules import BatchedCall, CustomCall, CustomRule, RuleCall
from funcgrad.transforms.frozen import frozen


class Backward(NamedTuple):
    """What the pass needs of a call of custom_vjp: the user's bwd, its first arguments and the residuals.

    `indices` are those along the axes that have names.
    """

    bwd: Callable[..., Any]
    fixed: Sequence[Any]
    residuals: Any
    indices: Sequence[Any]


class VjpCall(RuleCall):
    def forward(self, values: Sequence[Any]) -> tuple[list[Any], Backward]:
        """Flat outputs by the user's fwd, and what its bwd will need."""
        (_, fwd, bwd, *_), fixed = self.parts(values)
        args = self.arguments(values, fixed)
        result = self.called(values, fwd, *args)
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise TypeError(f"the fwd rule of `{self.name}` must return (output, residuals), not {described(result)}")
        safe = taken_by(tree.leaves(args))
        outs = [y if owner_of(y) in safe else copied(y) for y in self.flatten_output(result[0])]
        residuals = tree.map(lambda x: x if owner_of(x) in safe else keep(x), result[1])
        indices = values[len(values) - len(self.axes) :]
        return outs, Backward(frozen(bwd), [keep(x) for x in fixed], residuals, indices)

    def backward(self, back: Backward, cts: Sequence[Any], avals: Sequence[Aval], tracked: Sequence[bool]) -> list[Any]:
        """Flat cotangents by the user's bwd, checked."""
        cts = self.out_tree.unflatten([lent(c) for c in cts])
        given = self.called(back.indices, back.bwd, *back.fixed, back.residuals, cts)
        if not isinstance(given, (tuple, list)) or len(given) != len(self.positions):
            raise TypeError(
                f"the bwd rule of `{self.name}` must return a tuple with a cotangent for each of its "
                f"{len(self.positions)} differentiable arguments, but it returned {described(given)}"
            )
        found: list[Any] = []
        for n, treedef, ct in zip(self.positions, self.trees, given):
            start = len(found)
            mine = range(start, start + treedef.num_leaves)
            if ct is None and treedef.num_leaves:
                if any(tracked[i] for i in mine):
                    raise TypeError(
                        f"Return zeros (np.zeros_like) where they are meant: the bwd rule of `{self.name}` returned "
                        f"None for argument {n}, which needs a cotangent"
                    )
                found.extend(None for _ in mine)
                continue
            rule, where = f"the bwd rule of `{self.name}`", f"the cotangent of argument {n}"
            for i, c in zip(mine, tree.flatten_up_to(treedef, ct, f"{rule}: {where}")):
                if is_inexact(avals[i].dtype) and tracked[i]:
                    found.append(copied(tangent_for(avals[i], c, where, rule)))
                else:
                    found.append(None)
        return found + [None] * (len(self.captured.values) + len(self.axes))


class BatchedVjpCall(BatchedCall):
    def forward(self, values: Sequence[Any]) -> tuple[list[Any], Any]:
        trace = BatchTrace(self.size)  # never ended: the residuals are its values
        outs, back = self.inner.forward([trace.input(v) if m else v for v, m in zip(values, self.batched)])
        return [_stretched(y, trace, self.size) for y in outs], (back, trace)

    def backward(self, residuals: Any, cts: Sequence[Any], avals: Sequence[Aval], tracked: Sequence[bool]) -> list[Any]:
        inner_residuals, trace = residuals
        avals = [Aval(a.shape[1:], a.dtype) if m else a for a, m in zip(avals, self.batched)]
        found = self.inner.backward(inner_residuals, [trace.input(c) for c in cts], avals, tracked)
        results: list[Any] = []
        for c, m in zip(found, self.batched):
            if c is None:
                results.append(None)
                continue
            value, is_batched = trace.unwrap(c)
            if m:
                results.append(value if is_batched else stretch(value, self.size))
            else:
                results.append(value.sum(axis=0) if is_batched else value * self.size)
        return results


def _stretched(y: Any, trace: BatchTrace, size: int) -> Any:
    value, is_batched = trace.unwrap(y)
    return value if is_batched else stretch(value, size)


class Kept(NamedTuple):
    """What is saved of a call of custom_vjp."""

    back: Any
    out_avals: Sequence[Aval]
    avals: Sequence[Aval]
    moving: Sequence[bool]


class CustomVjpCall(CustomCall):
    kind = "custom_vjp"
    over_batch = BatchedVjpCall

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        call = params["call"]
        call.refuse_captured(tracked, self.kind)
        # with what is not the tape's in memory of its own, nobody can write into any of the values
        outs, back = call.forward([keep(x) if t is None else x for x, t in zip(values, tracked)])
        refuse_hidden(f"{self.kind} `{call.name}`", values, outs)
        self._check_outputs(outs, params)
        moving = [t is not None for t in tracked]
        return tuple(outs), Kept(back, [aval_of(y) for y in outs], [aval_of(v) for v in values], moving)

    @staticmethod
    def _check_outputs(outs: Sequence[Any], params: dict[str, Any]) -> None:
        """TypeError where fwd does not return what the function itself does, as far as that is known."""
        graph = params.get("graph")
        if graph is None:
            return
        found, expected = [aval_of(y) for y in outs], graph.out_avals
        if [(a.shape, a.dtype) for a in found] != [(a.shape, a.dtype) for a in expected]:
            raise TypeError(
                f"the fwd rule of `{params['call'].name}` returned the output {found}, but the function itself returns "
                f"{list(expected)}"
            )

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        raise NotDifferentiableError(
            "Use reverse mode, or write the rule with custom_jvp, which serves both: forward mode (jvp, jacfwd, "
            f"hessian, linearize) reached custom_vjp `{params['call'].name}`, which has a reverse-mode rule only"
        )

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        cts = [np.zeros(a.shape, a.dtype) if c is None else c for c, a in zip(ct, saved.out_avals)]
        return params["call"].backward(saved.back, cts, saved.avals, saved.moving)

    def relink(self, saved: Kept, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        raise NotDifferentiableError(
            "a pass with create_graph reached a custom_vjp, whose residuals are constants of that pass: "
            "funcgrad.grad of funcgrad.grad differentiates them too"
        )


custom_vjp_call = register(CustomVjpCall("custom_vjp_call"))


class custom_vjp(CustomRule):  # JAX's name
    """A function with its own reverse-mode rule.

    `nondiff_argnums` are positions of arguments that are no arrays, or are not differentiated; the rule gets them as
    they are. Forward mode is not defined for such a function.

    Example:
        >>> import numpy as np
        >>> @custom_vjp
        ... def clipped_gradient(x):
        ...     return x
        >>> clipped_gradient.defvjp(lambda x: (x, None), lambda res, ct: (np.clip(ct, -1.0, 1.0),))
        >>> import funcgrad as fg
        >>> fg.grad(lambda x: np.sum(100.0 * clipped_gradient(x)))(np.ones(2))
        array([1., 1.])
    """

    kind = "custom_vjp"
    call = VjpCall
    primitive = custom_vjp_call

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()) -> None:
        super().__init__(fun, nondiff_argnums)
        self.fwd: Callable[..., Any] | None = None
        self.bwd: Callable[..., Any] | None = None

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Give the rule.

        ``fwd(*args)`` returns ``(output, residuals)``, residuals being any pytree. ``bwd(*nondiff_args, residuals,
        ct)`` returns a tuple with the cotangent of each other argument.

        ``fwd`` runs in place of the function where it is differentiated, ``bwd`` in the backward pass. Arrays that they
        get are read-only. ``bwd`` finds residuals, the variables that it closes over and the globals that it names as
        they were at the call; variables that it assigns to, and arrays where it writes into arrays, are the user's own,
        and attributes are read when it runs.
        """
        self.fwd = fwd
        self.bwd = bwd

    def _functions(self) -> tuple[Callable[..., Any], ...]:
        if self.fwd is None or self.bwd is None:
            raise AttributeError(f"custom_vjp `{self.__name__}` has no rule yet: call its defvjp(fwd, bwd)")
        return self.fun, self.fwd, self.bwd
