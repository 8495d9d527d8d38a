"""Rules written by users: custom_vjp and custom_jvp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import Aval, aval_of, is_inexact
from funcgrad.core.constants import guarded, keep, unguarded
from funcgrad.core.graph import evaluate
from funcgrad.core.tape import LinearTrace, Node, entries, linear_outputs, pull, push
from funcgrad.core.trace import Primitive, is_traced, register
from funcgrad.errors import NotDifferentiableError
from funcgrad.transforms.arguments import array_leaf, normalise_argnums, tangent_for
from funcgrad.transforms.batch import BatchTrace, stretch
from funcgrad.transforms.calls import batched_graph, derived, run_batched
from funcgrad.transforms.closure import Captured, frozen, refuse_hidden
from funcgrad.transforms.function import call_hiding_frames, importable_name
from funcgrad.transforms.results import memory_of


class CustomRule:
    """What custom_vjp and custom_jvp share: binding arguments, flattening, captured traced values."""

    kind = ""

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()) -> None:
        if not callable(fun):
            raise TypeError(f"{self.kind} takes a function, not {type(fun).__name__}")
        update_wrapper(self, fun, updated=())  # type: ignore[arg-type]
        self.__name__ = name_of(fun)
        self.fun = fun
        self.nondiff_argnums = (nondiff_argnums,) if isinstance(nondiff_argnums, int) else tuple(nondiff_argnums)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        raise TypeError(
            f"{self.kind} `{self.__name__}` is used as a method: write it as a function of the arrays it needs"
        )

    def __reduce_ex__(self, protocol: Any) -> Any:
        return importable_name(self) or super().__reduce_ex__(protocol)

    def __repr__(self) -> str:
        return f"<{self.kind} of {self.fun!r}>"

    def _bind(self, args: tuple, kwargs: dict) -> tuple[list[Any], list[int]]:
        """All arguments by position, and which positions are differentiated."""
        if kwargs or not isinstance(self.fun, FunctionType):
            from inspect import signature  # importing it takes 5 ms, and few calls need it

            bound = signature(self.fun).bind(*args, **kwargs)
            bound.apply_defaults()
            if bound.kwargs:
                raise TypeError(f"{self.kind}: `{self.__name__}` has keyword-only arguments, which cannot be bound")
            args = bound.args
        elif defaults := self.fun.__defaults__:
            missing = self.fun.__code__.co_argcount - len(args)
            args += defaults[-missing:] if 0 < missing <= len(defaults) else ()
        nondiff = set(normalise_argnums(self.nondiff_argnums, len(args), self.kind)) if self.nondiff_argnums else ()
        return list(args), [n for n in range(len(args)) if n not in nondiff]

    def _flat(self, args: list[Any], positions: list[int]) -> tuple[list[Any], list[tree.TreeDef]]:
        leaves: list[Any] = []
        trees = []
        for n in positions:
            flat, treedef = tree.flatten(args[n])
            for index, x in enumerate(flat):
                if array_leaf(x) is None:
                    path = list(tree.leaf_paths(treedef))[index]
                    raise TypeError(
                        f"{self.kind}: argument {n}{path} of `{self.__name__}` is {type(x).__name__}, not an array: "
                        "name its position in nondiff_argnums"
                    )
            leaves.extend(flat)
            trees.append(treedef)
        return leaves, trees


def name_of(fun: Any) -> str:
    """What a callable is called, be it a partial or an object."""
    while isinstance(fun, partial):
        fun = fun.func
    return getattr(fun, "__name__", type(fun).__name__)


def unflatten_all(trees: Sequence[tree.TreeDef], leaves: Sequence[Any]) -> list[Any]:
    """Several trees from the concatenation of their leaves."""
    rest = iter(leaves)
    return [t.unflatten([next(rest) for _ in range(t.num_leaves)]) for t in trees]


FIXED = "argument {} is in nondiff_argnums"


class Call:
    """One call of a function with a rule, on flat values: the function, its rule, and the trees around them.

    The flat values are the leaves of the differentiable arguments, then the traced values among the others, then
    those that the functions close over.
    """

    def __init__(self, owner: CustomRule, args: list[Any], positions: list[int], functions: Sequence[Any]) -> None:
        self.name = owner.__name__
        self.positions = positions
        self.leaves, self.trees = owner._flat(args, positions)
        self.count = len(self.leaves)
        self.fixed = [x for n, x in enumerate(args) if n not in positions]
        self.functions = tuple(functions)
        self.guards: list[Any] = []
        self.captured = Captured((*functions, *self._holders()))
        self.out_tree: Any = None  # known when the function or its rule has run

    def _holders(self) -> list[Any]:
        """The arguments that are not differentiated as something that a `Captured` looks into."""
        count = len(self.positions) + len(self.fixed)
        numbers = [n for n in range(count) if n not in self.positions]
        holders: list[Any] = [partial(_nothing, x) for x in self.fixed]
        for holder, n in zip(holders, numbers):
            holder.holds = FIXED.format(n)
        return holders

    @property
    def values(self) -> list[Any]:
        return [*self.leaves, *self.captured.values]

    def freeze(self) -> None:
        """From now on the functions run later than the call: they keep what they read as it is now."""
        self.functions = tuple(frozen(f, self.guards) for f in self.functions)
        self.captured = Captured((*self.functions, *self._holders()))

    def parts(self, values: Sequence[Any]) -> tuple[Sequence[Any], list[Any]]:
        """The user's functions and the arguments that are not differentiated, their traced values from `values`."""
        for guard in self.guards:
            unguarded(guard, self.name)
        if not self.captured.values:
            return self.functions, self.fixed
        rebuilt = self.captured.rebuilt(values[self.count :])
        count = len(self.functions)
        return rebuilt[:count], [holder.args[0] for holder in rebuilt[count:]]

    def arguments(self, values: Sequence[Any], fixed: Sequence[Any]) -> list[Any]:
        """All arguments of the function."""
        given = dict(zip(self.positions, unflatten_all(self.trees, [read_only(v) for v in values[: self.count]])))
        rest = iter(fixed)
        return [given[n] if n in given else next(rest) for n in range(len(given) + len(self.fixed))]

    def flatten_output(self, out: Any) -> list[Any]:
        flat, self.out_tree = tree.flatten(out)
        for y in flat:
            if array_leaf(y) is None:
                raise TypeError(f"`{self.name}` returned {type(y).__name__}, not an array")
        return flat

    def run(self, *values: Any) -> list[Any]:
        """The function itself, flat."""
        functions, fixed = self.parts(values)
        return self.flatten_output(functions[0](*self.arguments(values, fixed)))

    def refuse_captured(self, tracked: Sequence[Any], kind: str) -> None:
        for name, t in zip(self.captured.names, tracked[self.count :]):
            if t is not None and name.startswith(FIXED[:8]):
                raise NotDifferentiableError(
                    f"{kind} `{self.name}`: {name}, but is being differentiated. Take its position out of "
                    "nondiff_argnums, or stop_gradient it."
                )
            if t is not None:
                raise NotDifferentiableError(
                    f"{kind} `{self.name}` closes over `{name}`, which is being differentiated, and its rule says "
                    f"nothing about `{name}`. Pass it as an argument (or stop_gradient it)."
                )


def _nothing(*args: Any) -> None:
    """Stands in for a function where only the arguments count."""


def read_only(x: Any) -> Any:
    """An array of the tape's as the user's functions get it: writing into it would change what others saved."""
    if type(x) is not np.ndarray:
        return x
    view = x.view()
    view.flags.writeable = False
    return view


class BatchedCall:
    """A `Call` for whole batches; it stands where a `Call` does."""

    def __init__(self, inner: Any, batched: list[bool], size: int) -> None:
        self.inner = inner
        self.batched = batched
        self.size = size
        self.name = inner.name

    def freeze(self) -> None:
        self.inner.freeze()

    def refuse_captured(self, tracked: Sequence[Any], kind: str) -> None:
        self.inner.refuse_captured(tracked, kind)

    def run(self, *values: Any) -> list[Any]:
        return run_batched(self.inner.run, values, self.batched, self.size)


class CustomCall(Primitive):
    """A `Call` on its flat values; `graph`, where it is written down, is the program of the function itself."""

    multiple = True
    kind: str
    over_batch: type[BatchedCall]

    def body(self, params: dict[str, Any]) -> Any:
        return params.get("graph")

    def staged(self, params: dict[str, Any], program: Callable[..., Any]) -> dict[str, Any]:
        call = params["call"]
        call.freeze()
        return {"call": call, "graph": program(call.run)}

    def impl(self, *values: Any, call: Call, graph: Any = None) -> tuple[Any, ...]:
        return tuple(call.run(*values) if graph is None else evaluate(graph, values))

    def shape(self, *avals: Aval, call: Call, graph: Any) -> tuple[Aval, ...]:
        return graph.out_avals

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> Any:
        raise NotDifferentiableError(f"{self.kind} `{params['call'].name}` has no transpose")

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        whole: dict[str, Any] = {"call": self.over_batch(params["call"], list(batched), size)}
        graph, mask = params.get("graph"), tuple(batched)
        if graph is not None:
            whole["graph"] = derived(graph, ("batch", mask, size), lambda: batched_graph(graph, mask, size))
        return self(*values, **whole)


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

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return call_hiding_frames(self._apply, args, kwargs)

    def _apply(self, args: tuple, kwargs: dict) -> Any:
        if self.fwd is None:
            raise AttributeError(f"custom_vjp `{self.__name__}` has no rule yet: call its defvjp(fwd, bwd)")
        full, positions = self._bind(args, kwargs)
        call = VjpCall(self, full, positions, (self.fun, self.fwd, self.bwd))
        if not is_traced(*call.values):
            return self.fun(*full)
        outs = custom_vjp_call(*call.values, call=call)
        return call.out_tree.unflatten(outs)


class Backward(NamedTuple):
    """What the pass needs of a call of custom_vjp: the user's bwd, its first arguments and the residuals."""

    bwd: Callable[..., Any]
    fixed: Sequence[Any]
    residuals: Any
    guards: Sequence[Any]


class VjpCall(Call):
    def forward(self, values: Sequence[Any]) -> tuple[list[Any], Backward]:
        """Flat outputs by the user's fwd, and what its bwd will need."""
        (_, fwd, bwd), fixed = self.parts(values)
        args = self.arguments(values, fixed)
        result = fwd(*args)
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise TypeError(f"the fwd rule of `{self.name}` must return (output, residuals), not {_show(result)}")
        safe = memory_of(tree.leaves(args))
        outs = [y if owner_of(y) in safe else _fresh(y) for y in self.flatten_output(result[0])]
        residuals, guards = kept_tree(result[1], safe)
        return outs, Backward(frozen(bwd, guards), fixed, residuals, guards)

    def backward(self, back: Backward, cts: Sequence[Any], avals: Sequence[Aval], tracked: Sequence[bool]) -> list[Any]:
        """Flat cotangents by the user's bwd, checked."""
        for guard in back.guards:
            unguarded(guard, self.name)
        given = back.bwd(*back.fixed, back.residuals, self.out_tree.unflatten([read_only(c) for c in cts]))
        if not isinstance(given, (tuple, list)) or len(given) != len(self.positions):
            raise TypeError(
                f"the bwd rule of `{self.name}` must return a tuple with a cotangent for each of its "
                f"{len(self.positions)} differentiable arguments, but it returned {_show(given)}"
            )
        found: list[Any] = []
        for n, treedef, ct in zip(self.positions, self.trees, given):
            start = len(found)
            mine = range(start, start + treedef.num_leaves)
            if ct is None and treedef.num_leaves:
                if any(tracked[i] for i in mine):
                    raise TypeError(
                        f"the bwd rule of `{self.name}` returned None for argument {n}, which needs a cotangent. "
                        f"Return zeros (np.zeros_like) where that is meant"
                    )
                found.extend(None for _ in mine)
                continue
            for i, c in zip(mine, tree.flatten_up_to(treedef, ct)):
                where = f"the cotangent of argument {n}"
                if is_inexact(avals[i].dtype) and tracked[i]:
                    found.append(_fresh(tangent_for(avals[i], c, where, f"the bwd rule of `{self.name}`")))
                else:
                    found.append(None)
        return found + [None] * len(self.captured.values)


def kept_tree(x: Any, safe: set[int]) -> tuple[Any, list[Any]]:
    """A pytree with its arrays kept as constants are, and guards for those that are too large to copy.

    Arrays whose memory is among `safe` are written by nobody.
    """
    leaves, treedef = tree.flatten(x)
    kept = [v if owner_of(v) in safe else keep(v) for v in leaves]
    guard = guarded(None, [v for v in kept if owner_of(v) not in safe])
    return treedef.unflatten(kept), [] if guard is None else [guard]


def owner_of(x: Any) -> int:
    """Whose memory an array uses."""
    return id(x.base if type(x) is np.ndarray and x.base is not None else x)


def _fresh(x: Any) -> Any:
    """What a rule returned, which may be an argument or an array of the user's, with memory of its own."""
    return x.copy() if type(x) is np.ndarray else x


def _show(x: Any) -> str:
    return f"a {type(x).__name__} of length {len(x)}" if isinstance(x, (tuple, list)) else f"{type(x).__name__}"


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
        outs, back = call.forward(values)
        refuse_hidden(f"{self.kind} `{call.name}`", values, outs)
        moving = [t is not None for t in tracked]
        return tuple(outs), Kept(back, [aval_of(y) for y in outs], [aval_of(v) for v in values], moving)

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        raise NotDifferentiableError(
            f"forward mode (jvp, jacfwd, hessian, linearize) reached custom_vjp `{params['call'].name}`, which has a "
            "reverse-mode rule only: use reverse mode, or write the rule with custom_jvp, which serves both"
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

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()) -> None:
        super().__init__(fun, nondiff_argnums)
        self.rule: Callable[..., Any] | None = None

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """The rule: ``rule(*nondiff_args, primals, tangents)`` returns ``(output, tangent)``, linear in tangents.

        It runs where the function is called: in forward mode on the tangents, in reverse mode once, on tangents of which
        only shape and dtype are known. The output must have the shape and dtype that the function returns.
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

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return call_hiding_frames(self._apply, args, kwargs)

    def _apply(self, args: tuple, kwargs: dict) -> Any:
        if self.rule is None:
            raise AttributeError(f"custom_jvp `{self.__name__}` has no rule yet: call its defjvp(rule)")
        full, positions = self._bind(args, kwargs)
        call = JvpCall(self, full, positions, (self.fun, self.rule))
        if not is_traced(*call.values):
            return self.fun(*full)
        outs = custom_jvp_call(*call.values, call=call)
        return call.out_tree.unflatten(outs)


class JvpCall(Call):
    def tangents(self, values: Sequence[Any], moving: Sequence[Any], out_avals: Sequence[Aval]) -> list[Any]:
        """The tangents of the flat outputs, by the user's rule, for tangents of all flat values."""
        (_, rule), fixed = self.parts(values)
        primals = unflatten_all(self.trees, [read_only(v) for v in values[: self.count]])
        given = unflatten_all(self.trees, [read_only(t) for t in moving[: self.count]])
        result = rule(*fixed, tuple(primals), tuple(given))
        name = f"the jvp rule of `{self.name}`"
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise TypeError(f"{name} must return (output, tangent), not {_show(result)}")
        outs = [aval_of(y) for y in self.flatten_output(result[0])]
        if [(a.shape, a.dtype) for a in outs] != [(a.shape, a.dtype) for a in out_avals]:
            raise TypeError(f"{name} returned the output {outs}, but the function itself returns {list(out_avals)}")
        flat = tree.flatten_up_to(self.out_tree, result[1])
        return [
            _fresh(tangent_for(a, t, "a tangent", name)) if is_inexact(a.dtype) else None for a, t in zip(outs, flat)
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
