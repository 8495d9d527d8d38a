"""The user's functions in control flow as flat programs, and the errors where what they take and give does not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import Aval, aval_of, refusal
from funcgrad.core.buffers import buffered
from funcgrad.core.graph import Graph, Var, evaluate, hoist
from funcgrad.core.memory import copied, lent, returned
from funcgrad.core.provenance import at, here
from funcgrad.core.staging import is_interpreted, record_graph, trace_graph
from funcgrad.core.trace import Tracer
from funcgrad.numpy.joining import stack
from funcgrad.ops.elementwise import convert
from funcgrad.transforms.arguments import array_leaf, of_an_object


def leaves_of(x: Any, what: str) -> tuple[list[Any], tree.TreeDef]:
    """The leaves of a pytree of arrays; TypeError naming the one that is none."""
    flat, treedef = tree.flatten(x)
    for index, leaf in enumerate(flat):
        if array_leaf(leaf) is None:
            path = list(tree.leaf_paths(treedef))[index]
            raise TypeError(
                refusal(f"{what}{path}{at(here())}", leaf, of_an_object(leaf) or "Close over what is no array.")
            )
    return flat, treedef


def as_array(x: Any) -> Any:
    """A leaf with a shape and a dtype."""
    return x if isinstance(x, (Tracer, np.ndarray, np.generic)) else np.asarray(x)[()]


def owned(x: Any) -> Any:
    """A pytree built anew, with arrays of its own: bodies write into what they get, and use what they return again."""
    return tree.map(own, x)


def own(x: Any) -> Any:
    """A value in memory of its own, to be written into."""
    return buffered(copied(x))


def run_on_loan(branch: Callable[..., Any], operands: tuple) -> Any:
    """Call a branch on operands built anew, with their arrays lent: it gets them whole, and need not copy them."""
    out = branch(*tree.map(lent, operands))
    return tree.map(returned, out)


class Columns:
    """The ys of a loop: for each leaf its values, step by step, all of one type."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.treedef: tree.TreeDef | None = None
        self.columns: list[list[Any]] = []

    def add(self, y: Any) -> None:
        """Take the values of one step; TypeError where they differ from those before, naming the leaf."""
        flat, treedef = leaves_of(y, self.what)
        if self.treedef is None:
            self.treedef, self.columns = treedef, [[] for _ in flat]
        elif not treedef.matches(self.treedef):
            raise TypeError(f"{self.what} changes its structure{at(here())}: it was {self.treedef}, and is {treedef}")
        for index, (column, leaf) in enumerate(zip(self.columns, flat)):
            if column:
                self._check(index, aval_of(column[-1]), aval_of(leaf))
            column.append(copied(leaf))

    def _check(self, index: int, before: Aval, now: Aval) -> None:
        if now.shape != before.shape or (now.dtype != before.dtype and not now.weak and not before.weak):
            path = list(tree.leaf_paths(self.treedef))[index]
            raise TypeError(f"{self.what}{path} was {before}, and is {now}{at(here())}: ys keep their type")

    def stacked(self, reverse: bool) -> Any:
        assert self.treedef is not None
        return self.treedef.unflatten([_stacked(c[::-1] if reverse else c) for c in self.columns])


def _stacked(column: Sequence[Any]) -> Any:
    """The values of all steps as one array; Python numbers yield to arrays' dtypes, as in arithmetic."""
    avals = [aval_of(y) for y in column]
    dtypes = {a.dtype for a in avals if not a.weak}
    if len(dtypes) == 1 and any(a.weak for a in avals):
        (dtype,) = dtypes
        return stack([convert(as_array(y), dtype=dtype) if a.weak else y for y, a in zip(column, avals)])
    return stack(column)


def strong(aval: Aval) -> Aval:
    return Aval(aval.shape, aval.dtype)


class Program:
    """A user's function of pytrees as a program: what it returned, and the traced values it closed over.

    For values in place of `avals` it is the program that the function runs at these. `tracing` is what errors say of
    who traces.
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        treedefs: Sequence[tree.TreeDef],
        avals: Sequence[Any],
        what: str,
        tracing: str = "jit",
    ):
        trees: list[tree.TreeDef] = []

        def flat(*inputs: Any) -> list[Any]:
            rest = iter(inputs)
            args = [t.unflatten([next(rest) for _ in range(t.num_leaves)]) for t in treedefs]
            outs, out_tree = leaves_of(fun(*args), f"{what}: output")
            trees.append(out_tree)
            return outs

        if all(type(a) is Aval for a in avals):
            self.graph, self.captured = hoist(trace_graph(flat, avals, is_interpreted(), tracing))
        else:
            recorded = record_graph(flat, avals, what.partition(":")[0])
            self.graph, self.captured = recorded.graph, recorded.inputs[len(avals) :]
        self.out_tree = trees[0]

    @property
    def out_avals(self) -> tuple[Aval, ...]:
        return self.graph.out_avals


def sharing(programs: Sequence[Program]) -> tuple[list[Graph], list[Tracer]]:
    """The graphs with the captured values of all of them as their last inputs, and these values."""
    captured = {id(x): x for p in programs for x in p.captured}
    graphs = []
    for p in programs:
        own = dict(zip(map(id, p.captured), p.graph.inputs[len(p.graph.inputs) - len(p.captured) :]))
        first = p.graph.inputs[: len(p.graph.inputs) - len(p.captured)]
        last = tuple(own.get(key) or Var(aval_of(x)) for key, x in captured.items())
        graphs.append(Graph(first + last, p.graph.eqns, p.graph.outputs))
    return graphs, list(captured.values())


def returning(graph: Graph, avals: Sequence[Aval]) -> Graph:
    """A program with its outputs in the dtypes of `avals`."""
    if all(not a.aval.weak and a.aval.dtype == t.dtype for a, t in zip(graph.outputs, avals)):
        return graph

    def cast(*inputs: Any) -> list[Any]:
        outs = evaluate(graph, inputs)
        return [y if _is(y, t) else convert(y, dtype=t.dtype) for y, t in zip(outs, avals)]

    return trace_graph(cast, graph.in_avals)


def _is(y: Any, aval: Aval) -> bool:
    own = aval_of(y)
    return own.dtype == aval.dtype and not own.weak


def common_avals(branches: dict[str, Program], what: str) -> list[Aval]:
    """What branches all return; a Python number yields to an array's dtype. TypeError where they differ."""
    name, first = next(iter(branches.items()))
    for other, p in branches.items():
        if not p.out_tree.matches(first.out_tree):
            raise TypeError(
                f"{what}: branches must return the same structure{at(here())}, but {name} returns {first.out_tree} "
                f"and {other} {p.out_tree}"
            )
    found = []
    for index, avals in enumerate(zip(*(p.out_avals for p in branches.values()))):
        decided = {a.dtype for a in avals if not a.weak} or {np.result_type(*(a.dtype for a in avals))}
        if len(decided) > 1 or len({a.shape for a in avals}) > 1 or not _yields(avals, next(iter(decided))):
            path = list(tree.leaf_paths(first.out_tree))[index]
            shown = " and ".join(f"{a} ({n})" for n, a in zip(branches, avals))
            raise TypeError(f"{what}: output{path} is {shown}: branches must return the same types{at(here())}")
        found.append(Aval(avals[0].shape, decided.pop()))
    return found


def _yields(avals: Sequence[Aval], dtype: np.dtype) -> bool:
    """Whether the Python numbers among the values may take on a dtype."""
    return all(not a.weak or np.result_type(type(a.dtype.type(0).item())(0), dtype) == dtype for a in avals)


def carried(avals: Sequence[Aval], outs: Sequence[Aval]) -> list[Aval] | None:
    """The carries' types for the next attempt, where Python numbers yield to what the body returns; None: it fits."""
    fits = True
    found = []
    for a, out in zip(avals, outs):
        if a.weak and a.shape == out.shape and (out.dtype != a.dtype or not out.weak):
            fits = False
            found.append(strong(out) if not out.weak else Aval((), np.result_type(a.dtype, out.dtype)))
        else:
            found.append(a)
    return None if fits else found


def check_carry(
    what: str, in_tree: tree.TreeDef, avals: Sequence[Aval], out_tree: tree.TreeDef, outs: Sequence[Aval]
) -> None:
    """TypeError where a body does not return a carry of the types that it takes, naming the leaf."""
    if not out_tree.matches(in_tree):
        raise TypeError(
            f"{what}: the body must return a carry of the structure it takes{at(here())}: it takes {in_tree} and "
            f"returns {out_tree}"
        )
    for index, (a, out) in enumerate(zip(avals, outs)):
        same_dtype = a.dtype == out.dtype or (out.weak and np.can_cast(out.dtype, a.dtype, "same_kind"))
        if a.shape != out.shape or not same_dtype:
            path = list(tree.leaf_paths(in_tree))[index]
            raise TypeError(
                f"{what}: the carry{path} comes in as {a} and is returned as {out}{at(here())}: a carry keeps "
                "its type. Start with a value of the type that the body returns."
            )


