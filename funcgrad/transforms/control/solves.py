"""`root_call` and `linear_solve_call`: solutions of equations. Their derivatives follow from the equation.

How a solution is found is a program that no derivative goes through: it may loop as often as it likes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.avals import Aval, is_inexact
from funcgrad.core.constants import keep
from funcgrad.core.graph import Graph, evaluate, outside_of
from funcgrad.core.linear import not_linear, transpose
from funcgrad.core.provenance import Loc, at, here
from funcgrad.core.staging import is_written
from funcgrad.core.tape import pulled, selected
from funcgrad.core.trace import Tracer, is_traced, newest_trace, register
from funcgrad.errors import NotDifferentiableError
from funcgrad.ops.broadcasting import with_batch
from funcgrad.ops.elementwise import neg, sub
from funcgrad.transforms.calls import Runner, batched_graph, derived, pruned
from funcgrad.transforms.control.programs import ControlCall, as_shaped, instantiated, unweak
from funcgrad.transforms.jvp import with_tangents


class Solved(NamedTuple):
    """What a derivative keeps: the arguments, the solution, and where it was asked for."""

    values: Sequence[Any]
    solution: Sequence[Any]
    loc: Loc | None


class SolveCall(ControlCall):
    """`solve(*args)` gives the solution (its first outputs) and what the solver says beside it, which is constant."""

    transparent = False

    def shape(self, *avals: Aval, solve: Graph, **params: Any) -> tuple[Aval, ...]:
        return tuple(unweak(solve.out_avals))

    def impl(self, *args: Any, **params: Any) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):
            one_by_one = is_traced(*args) or is_written(outside_of(params))
            return tuple((evaluate if one_by_one else params["run"])(params["solve"], args))

    @staticmethod
    def solution(params: dict[str, Any]) -> list[Aval]:
        raise NotImplementedError

    def moved(self, values: Sequence[Any], solution: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        """The tangents of the solution; None where it stands still."""
        raise NotImplementedError

    def moving(self, tracked: Sequence[Any], params: dict[str, Any]) -> list[bool]:
        """Which arguments the solution moves with."""
        raise NotImplementedError

    def jvp(self, values: Sequence[Any], tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        outs = self(*values, **params)
        if not any(self.moving(tangents, params)):
            return outs, None
        return outs, self._all(self.moved(values, outs, tangents, params), len(outs))

    def push(self, saved: Solved, tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, ...]:
        return self._all(self.moved(saved.values, saved.solution, tangents, params), len(params["solve"].outputs))

    @staticmethod
    def _all(moved: Any, count: int) -> tuple[Any, ...]:
        return (None,) * count if moved is None else (*moved, *[None] * (count - len(moved)))

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        outs = self(*values, **params)
        if not any(self.moving(tracked, params)):
            return outs, None
        return outs, Solved(values, outs[: len(self.solution(params))], here())

    def relink(self, saved: Solved, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        count = len(node.params["solve"].outputs)
        found = [wrap(y, selected(node, i, count)) for i, y in enumerate(saved.solution)]
        return saved._replace(values=[wrap(v, p) for v, p in zip(saved.values, parents)], solution=found)


class RootCall(SolveCall):
    """A root of `f`. Arguments are the `guesses` first guesses and the constants, which all programs take last.

    `f(*x, *constants)` is zero at the solution x. `tangent(*y, *x, *constants)` solves f's derivative along x for y.
    """

    explained = True

    def inside(self, args: Sequence[Any], params: dict[str, Any], run: Runner) -> tuple[Any, ...]:
        """The root, and one step of Newton's method from it, which is zero and has the root's derivative."""
        guesses, count, trace = params["guesses"], len(self.solution(params)), newest_trace(args)
        values = [a.value if isinstance(a, Tracer) and a._trace is trace else a for a in args]  # type: ignore[attr-defined]
        outs = self(*values, **params)
        rest = run(params["f"], [*outs[:count], *args[guesses:]])
        steps = run(params["tangent"], [*rest, *outs[:count], *values[guesses:]])
        return (*(sub(x, s) for x, s in zip(outs, steps)), *outs[count:])

    @staticmethod
    def solution(params: dict[str, Any]) -> list[Aval]:
        f = params["f"].in_avals
        return unweak(f[: len(f) - len(params["solve"].inputs) + params["guesses"]])

    def moving(self, tracked: Sequence[Any], params: dict[str, Any]) -> list[bool]:
        constants = tracked[params["guesses"] :]
        avals = params["solve"].in_avals[params["guesses"] :]
        return [t is not None and is_inexact(a.dtype) for t, a in zip(constants, avals)]

    def moved(self, values: Sequence[Any], solution: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        guesses, count = params["guesses"], len(self.solution(params))
        root = solution[:count]
        given = [t if m else None for t, m in zip(tangents[guesses:], self.moving(tangents, params))]
        _, rhs = with_tangents(params["f"], [*root, *values[guesses:]], [*[None] * count, *given])
        if all(t is None for t in rhs):
            return None
        rhs = instantiated(rhs, params["f"].out_avals)
        return [neg(x) for x in evaluate(params["tangent"], [*rhs, *root, *values[guesses:]])]

    def pull(self, saved: Solved, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        guesses, root = params["guesses"], saved.solution
        constants = saved.values[guesses:]
        f, tangent = params["f"], params["tangent"]
        moving = self.moving(tracked, params)
        cts = instantiated(ct[: len(root)], self.solution(params))
        solve = lambda *ys: tuple(evaluate(tangent, [*ys, *root, *constants]))
        weights = transpose(solve, unweak(f.out_avals), cts)
        cts = [neg(w) for w in instantiated(weights, f.out_avals)]
        return [*[None] * guesses, *pulled(partial(f, *root), constants, moving, cts)]

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> Any:
        raise not_linear(self)

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        mask = tuple(batched)
        of_root = (True,) * len(self.solution(params)) + mask[params["guesses"] :]
        of_tangent = (True,) * len(params["f"].outputs) + of_root
        masks = {"solve": mask, "f": of_root, "tangent": of_tangent}
        return self(*values, **{**params, **{name: _batched(params[name], m, size) for name, m in masks.items()}})


class LinearSolveCall(SolveCall):
    """The solution of a linear equation. Arguments are the right sides, then the constants, which all programs take.

    `matvec(*x, *constants)` is the right side at the solution x. `vecmat` is its transpose, and `transpose_solve`
    solves with that; they are None where there is none.
    """

    @staticmethod
    def solution(params: dict[str, Any]) -> list[Aval]:
        return unweak(params["matvec"].in_avals[: len(params["matvec"].outputs)])

    def moving(self, tracked: Sequence[Any], params: dict[str, Any]) -> list[bool]:
        return [t is not None and is_inexact(a.dtype) for t, a in zip(tracked, params["solve"].in_avals)]

    def moved(self, values: Sequence[Any], solution: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        count = len(self.solution(params))
        given = [t if m else None for t, m in zip(tangents, self.moving(tangents, params))]
        sides, constants = given[:count], given[count:]
        if any(t is not None for t in constants):
            fixed = [*solution[:count], *values[count:]]
            _, changes = with_tangents(params["matvec"], fixed, [*[None] * count, *constants])
            sides = [b if c is None else neg(c) if b is None else sub(b, c) for b, c in zip(sides, changes)]
        if all(t is None for t in sides):
            return None
        return self(*instantiated(sides, self.solution(params)), *values[count:], **params)[:count]

    def pull(self, saved: Solved, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> list[Any]:
        avals = self.solution(params)
        count = len(avals)
        constants = saved.values[count:]
        if params["transpose_solve"] is None:
            raise NotDifferentiableError(
                "Give transpose_solve=, a function like solve, or symmetric=True where matvec is its own transpose. "
                f"Reverse mode has reached a custom_linear_solve{at(saved.loc)} that cannot solve with the transpose; "
                "forward mode (jvp, jacfwd) goes through."
            )
        turned = {
            **params,
            "matvec": params["vecmat"],
            "vecmat": params["matvec"],
            "solve": params["transpose_solve"],
            "transpose_solve": derived(params["solve"], ("first", count), lambda: _first(params["solve"], count)),
        }
        found = self(*instantiated(ct[:count], avals), *constants, **turned)[:count]
        moving = self.moving(tracked, params)
        if not any(moving[count:]):
            return [*found, *[None] * len(constants)]
        cts = [neg(w) for w in found]
        return [*found, *pulled(partial(params["matvec"], *saved.solution), constants, moving[count:], cts)]

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> Any:
        if any(t is not None for t in tracked[len(self.solution(params)) :]):
            raise not_linear(self)
        avals = self.shape(**params)
        return avals, Solved([keep(v) if t is None else v for v, t in zip(values, tracked)], (), here())

    def batch(self, values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
        count = len(self.solution(params))
        mask = (True,) * count + tuple(batched[count:])
        sides = [with_batch(as_shaped(v), b, size) for v, b in zip(values[:count], batched)]
        names = ("matvec", "solve", "vecmat", "transpose_solve")
        whole = {n: None if params[n] is None else _batched(params[n], mask, size) for n in names}
        return self(*sides, *values[count:], **{**params, **whole})


def _batched(graph: Graph, mask: tuple[bool, ...], size: int) -> Graph:
    return derived(graph, ("batch", mask, size), lambda: batched_graph(graph, mask, size))


def _first(graph: Graph, count: int) -> Graph:
    return pruned(Graph(graph.inputs, graph.eqns, graph.outputs[:count]))


root_call = register(RootCall("root_call"))
linear_solve_call = register(LinearSolveCall("linear_solve_call"))
