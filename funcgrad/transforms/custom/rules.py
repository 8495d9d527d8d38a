"""What custom_vjp and custom_jvp share: calls of the user's functions on flat values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from types import FunctionType
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import Aval, refusal
from funcgrad.core.buffers import settled
from funcgrad.core.constants import keep
from funcgrad.core.frames import call_hiding_frames
from funcgrad.core.graph import evaluate
from funcgrad.core.memory import lent
from funcgrad.core.trace import Primitive, is_traced
from funcgrad.errors import NotDifferentiableError
from funcgrad.transforms.arguments import array_leaf, normalise_argnums
from funcgrad.transforms.axes import Axis, bound_axes, with_axes
from funcgrad.transforms.calls import batched_graph, derived, run_batched
from funcgrad.transforms.closure import Captured
from funcgrad.transforms.frozen import frozen
from funcgrad.transforms.function import Signature, importable_name


class CustomRule:
    """What custom_vjp and custom_jvp share: binding arguments, flattening, captured traced values."""

    kind = ""
    call: type[RuleCall]
    primitive: Primitive
    __signature__ = Signature()

    def __new__(cls, *args: Any, **options: Any) -> Any:
        if options.keys() == {"nondiff_argnums"} and not args:  # `@custom_vjp(nondiff_argnums=0)`
            return partial(cls, **options)
        return super().__new__(cls)

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()) -> None:
        if not callable(fun):
            raise TypeError(f"{self.kind} takes a function, not {type(fun).__name__}")
        update_wrapper(self, fun, updated=())
        self.__name__ = name_of(fun)
        self.fun = fun
        self.nondiff_argnums = (nondiff_argnums,) if isinstance(nondiff_argnums, int) else tuple(nondiff_argnums)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        raise TypeError(
            f"Write a function of the arrays it needs: {self.kind} `{self.__name__}` is used as a method"
        )

    def __reduce_ex__(self, protocol: Any) -> Any:
        return importable_name(self) or super().__reduce_ex__(protocol)

    def __repr__(self) -> str:
        return f"<{self.kind} of {self.fun!r}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return call_hiding_frames(self._apply, args, kwargs)

    def _apply(self, args: tuple, kwargs: dict) -> Any:
        functions = self._functions()
        full, positions = self._bind(args, kwargs)
        call = self.call(self, full, positions, functions)
        values = call.taken_values()
        if not is_traced(*values):
            return self.fun(*full)
        outs = self.primitive(*values, call=call)
        return call.out_tree.unflatten(outs)

    def _functions(self) -> tuple[Callable[..., Any], ...]:
        """The function and its rule; AttributeError where there is none yet."""
        raise NotImplementedError

    def _bind(self, args: tuple, kwargs: dict) -> tuple[list[Any], list[int]]:
        """All arguments by position, and which positions are differentiated."""
        if isinstance(self.fun, FunctionType) and not kwargs:
            if defaults := self.fun.__defaults__:
                missing = self.fun.__code__.co_argcount - len(args)
                args += defaults[-missing:] if 0 < missing <= len(defaults) else ()
        elif kwargs or not isinstance(self.fun, np.ufunc):  # which have no signature before NumPy 2.4
            from inspect import signature  # importing it takes 5 ms, and few calls need it

            bound = signature(self.fun).bind(*args, **kwargs)
            if bound.kwargs:
                raise TypeError(f"{self.kind}: `{self.__name__}` has keyword-only arguments, which cannot be bound")
            if not _is_numpys(self.fun):  # whose defaults (out=None, where) are no arrays
                bound.apply_defaults()
            args = bound.args
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
                    where = f"{self.kind}: argument {n}{path} of `{self.__name__}`"
                    raise TypeError(refusal(where, x, f"Name what is no array: nondiff_argnums=({n},)."))
            leaves.extend(flat)
            trees.append(treedef)
        return leaves, trees


def _is_numpys(fun: Any) -> bool:
    return isinstance(fun, np.ufunc) or str(getattr(fun, "__module__", "")).partition(".")[0] == "numpy"


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


class RuleCall:
    """One call of a function with a rule, on flat values: the function, its rule, and the trees around them.

    The flat values are the leaves of the differentiable arguments, then the traced values among the others, then
    those that the functions close over, and the indices along the axes that have names.
    """

    def __init__(self, owner: CustomRule, args: list[Any], positions: list[int], functions: Sequence[Any]) -> None:
        self.name = owner.__name__
        self.positions = positions
        self.leaves, self.trees = owner._flat(args, positions)
        self.count = len(self.leaves)
        self.fixed = [x for n, x in enumerate(args) if n not in positions]
        self.functions = tuple(functions)
        self.captured = Captured((*functions, *self._holders()))
        self.indices = [axis.take() for axis in bound_axes()]
        self.axes = [axis.key for axis in bound_axes()]
        self.out_tree: Any = None  # known when the function or its rule has run

    def _holders(self) -> list[Any]:
        """The arguments that are not differentiated as something that a `Captured` looks into."""
        count = len(self.positions) + len(self.fixed)
        numbers = [n for n in range(count) if n not in self.positions]
        holders: list[Any] = [partial(_nothing, x) for x in self.fixed]
        for holder, n in zip(holders, numbers):
            holder.holds = FIXED.format(n)
        return holders

    def taken_values(self) -> list[Any]:
        """The flat values, once: a program that holds this must not be held by its own values."""
        values = [*self.leaves, *self.captured.values, *self.indices]
        self.leaves, self.indices = [], []
        return values

    def freeze(self) -> None:
        """From now on the functions run later than the call: they keep what they read as it is now."""
        self.functions = tuple(map(frozen, self.functions))
        self.fixed = [keep(x) for x in self.fixed]
        self.captured = Captured((*self.functions, *self._holders()))

    def parts(self, values: Sequence[Any]) -> tuple[Sequence[Any], list[Any]]:
        """The user's functions and the arguments that are not differentiated, their traced values from `values`."""
        if not self.captured.values:
            return self.functions, self.fixed
        rebuilt = self.captured.rebuilt(values[self.count :])
        count = len(self.functions)
        return rebuilt[:count], [holder.args[0] for holder in rebuilt[count:]]

    def called(self, indices: Sequence[Any], fun: Callable[..., Any], *args: Any) -> Any:
        """What one of the user's functions returns; `indices` are the last of the flat values."""
        axes = map(Axis, self.axes, indices[len(indices) - len(self.axes) :])
        return settled(with_axes(list(axes), fun, *args))

    def arguments(self, values: Sequence[Any], fixed: Sequence[Any]) -> list[Any]:
        """All arguments of the function."""
        given = dict(zip(self.positions, unflatten_all(self.trees, [lent(v) for v in values[: self.count]])))
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
        return self.flatten_output(self.called(values, functions[0], *self.arguments(values, fixed)))

    def refuse_captured(self, tracked: Sequence[Any], kind: str) -> None:
        for name, t in zip(self.captured.names, tracked[self.count :]):
            if t is not None and name.startswith(FIXED[:8]):
                raise NotDifferentiableError(
                    "Take its position out of nondiff_argnums, or stop_gradient it. "
                    f"{kind} `{self.name}`: {name}, but is being differentiated."
                )
            if t is not None:
                raise NotDifferentiableError(
                    f"Pass `{name}` as an argument (or stop_gradient it). {kind} `{self.name}` closes over "
                    f"`{name}`, which is being differentiated, and its rule says nothing about it."
                )


def _nothing(*args: Any) -> None:
    """Stands in for a function where only the arguments count."""


class BatchedCall:
    """A `RuleCall` for whole batches; it stands where a `RuleCall` does."""

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
    """A `RuleCall` on its flat values; `graph`, where it is written down, is the program of the function itself."""

    multiple = True
    kind: str
    over_batch: type[BatchedCall]

    def body(self, params: dict[str, Any]) -> Any:
        return params.get("graph")

    def staged(self, params: dict[str, Any], program: Callable[..., Any]) -> dict[str, Any]:
        call = params["call"]
        call.freeze()
        return {"call": call, "graph": program(call.run)}

    def impl(self, *values: Any, call: RuleCall, graph: Any = None) -> tuple[Any, ...]:
        return tuple(call.run(*values) if graph is None else evaluate(graph, values))

    def shape(self, *avals: Aval, call: RuleCall, graph: Any) -> tuple[Aval, ...]:
        return graph.out_avals

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> Any:
        raise NotDifferentiableError(f"{self.kind} `{params['call'].name}` has no transpose")

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        whole: dict[str, Any] = {"call": self.over_batch(params["call"], list(batched), size)}
        graph, mask = params.get("graph"), tuple(batched)
        if graph is not None:
            whole["graph"] = derived(graph, ("batch", mask, size), lambda: batched_graph(graph, mask, size))
        return self(*values, **whole)
