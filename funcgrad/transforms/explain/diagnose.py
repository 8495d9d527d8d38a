"""What `explain` does: run the function on followed values, look at the paths, and say what there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import aval_of, is_inexact
from funcgrad.core.buffers import run
from funcgrad.core.provenance import Place, is_internal, place
from funcgrad.core.tape import Node, pull
from funcgrad.transforms.arguments import Argnums, array_leaf, normalise_argnums, parameter_name
from funcgrad.transforms.explain.follow import Departure, Entry, FollowTrace, LiveTracer, concrete
from funcgrad.transforms.explain.outside import read_outside
from funcgrad.transforms.explain.paths import Arrival, Paths, flow_back
from funcgrad.transforms.explain.picture import picture
from funcgrad.transforms.explain.report import Leaf, Report, short
from funcgrad.transforms.explain.wording import (
    cut_of,
    cut_sentence,
    gradient_summary,
    in_order,
    lead,
    number,
    op_name,
    sentence_of_cancelling,
    sentence_of_fault,
    sentence_of_zero,
    times,
)
from funcgrad.transforms.results import zeros_for


class Given(NamedTuple):
    """A leaf of an argument: its path, its value, its entry (None where it has no derivative)."""

    path: str
    position: int
    value: Any
    node: Node | None


class Run:
    """One run of the function on followed values."""

    def __init__(
        self,
        trace: FollowTrace,
        fun: Callable[..., Any],
        args: tuple,
        kwargs: dict,
        positions: Sequence[int],
        *,
        live: bool,
    ) -> None:
        self._trace = trace
        self.given: list[Given] = []
        full = list(args)
        for n in positions:
            flat, treedef = tree.flatten(args[n])
            traced = []
            for path, x in zip(tree.leaf_paths(treedef), flat):
                value = array_leaf(concrete(x))
                differentiable = value is not None and aval_of(value).dtype.kind in "fc"
                t = (
                    (self._trace.leaf if live else self._trace.plain_leaf)(value)
                    if differentiable
                    else concrete(x)
                )
                self.given.append(Given(_path(fun, n, path), n, x, t.node if differentiable else None))
                traced.append(t)
            full[n] = treedef.unflatten(traced)
        self.output = run(self._trace, fun, full, kwargs)
        self.outputs = [y for y in tree.leaves(self.output) if array_leaf(y) is not None]
        nodes = [y.node for y in self.outputs if self._trace.mine(y)]
        self.paths = Paths(self._trace.entries, nodes, self._trace.departures)

    def seeds(self) -> list[tuple[Node, Any]]:
        """The derivative of the sum of all outputs by each."""
        live = [y for y in self.outputs if type(y) is LiveTracer and y._trace is self._trace]
        return [(y.node, np.ones(y.shape, y.dtype) if y.shape else y.dtype.type(1)) for y in live]


def _path(fun: Callable[..., Any], n: int, path: str) -> str:
    name = parameter_name(fun, n)
    return f"{name.strip(' `')}{path}" if path and name else f"argument {n}{name}{path}"


def diagnose(fun: Any, args: tuple, kwargs: dict, argnums: Argnums) -> Report:
    """The report on one call of `explain(fun, argnums)`."""
    positions = normalise_argnums(argnums, len(args), "explain")
    strict, follow = True, True
    notes: list[str] = []
    while True:
        trace = FollowTrace(strict=strict, follow=follow)
        try:
            return _report(trace, fun, args, kwargs, positions, notes)
        except Exception as error:
            if trace.has_refused:
                strict = False
            elif trace.has_followed:
                follow = False
                notes = [_not_followed(error)]
            else:
                raise


def _not_followed(error: Exception) -> str:
    """The note on an error that a followed value may have caused, where only a plain one can stand."""
    where = ""
    tb = error.__traceback__
    while tb is not None:
        if not is_internal(tb.tb_frame.f_code.co_filename):
            where = f" at {short(place((tb.tb_frame.f_code, tb.tb_lasti)))}"
        tb = tb.tb_next
    return f"Values past a cut are not followed: where they were, {type(error).__name__} was raised{where}."


def _report(
    trace: FollowTrace, fun: Any, args: tuple, kwargs: dict, positions: Sequence[int], notes: Sequence[str]
) -> Report:
    try:
        run = Run(trace, fun, args, kwargs, positions, live=True)
        cts = pull(run.seeds())
        arrivals = flow_back(run.seeds(), trace.entries)
    finally:
        trace.end()
    leaves = []
    for given in run.given:
        if given.node is None:
            leaves.append(_not_differentiable(given))
            continue
        ct = cts.get(given.node.seq)
        gradient = zeros_for(concrete(given.value)) if ct is None else np.array(concrete(ct))
        has_gradient = not trace.refused and all(is_inexact(aval_of(y).dtype) for y in run.outputs)
        leaf = _leaf(run, given, gradient, arrivals.get(given.node.seq))
        if leaf.status == "unused":
            leaf = leaf._replace(
                message=" ".join([leaf.message, *_hints(run, given, fun, args, kwargs, positions)])
            )
        leaves.append(leaf if has_gradient else leaf._replace(grad=None))
    title = f"Gradient of `{getattr(fun, '__name__', type(fun).__name__)}`"
    nodes = [(given.path, given.node) for given in run.given if given.node is not None]
    outputs = [y.node for y in run.outputs if run._trace.mine(y)]
    return Report(
        title, leaves, [*_notes(run), *_refusal(trace.refused), *notes], picture(run.paths, nodes, outputs)
    )


def _not_differentiable(given: Given) -> Leaf:
    x = given.value
    if array_leaf(x) is None:
        what = f"is a {type(x).__name__}, which is not a number"
        remedy = "Close over it, or pass it as another argument that argnums does not name."
    else:
        dtype = aval_of(x).dtype
        what = f"has dtype {dtype}, and {'a bool' if dtype.kind == 'b' else 'an integer'} has no derivative"
        instead = f"{float(x)}" if type(x) in (int, bool) else "x.astype(float)"
        remedy = f"Write a float ({instead}), or pass it as another argument that argnums does not name."
    return Leaf(given.path, "not_differentiable", f"It {what}, so grad refuses it. {remedy}")


def _leaf(run: Run, given: Given, gradient: np.ndarray, arrival: Arrival | None) -> Leaf:
    node = given.node
    assert node is not None
    total, cut = run.paths.of_leaf(node)
    ends = run.paths.cuts(node) if cut else []
    cuts = tuple(dict.fromkeys(map(cut_of, ends)))
    live = total - cut

    def leaf(status: str, message: str, *places: Place) -> Leaf:
        return Leaf(given.path, status, message, cuts, total, cut, gradient, places)

    if not total:
        return leaf("unused", "The output does not depend on it.")
    if not live:
        return leaf("cut", f"{times(total)} {cut_sentence(cuts, total)}")
    if not np.isfinite(gradient).all():
        return leaf(*_not_finite(run, gradient, arrival))
    misses = ", along which no derivative comes back"
    if any(isinstance(e.prim, Departure) or op_name(e) == "stop_gradient" for e in ends):
        misses = ", so the gradient misses what " + ("it contributes" if cut == 1 else "they contribute")
    partly = (
        cut and f"{number(cut)} of its {number(total)} paths to the output {cut_sentence(cuts, cut, misses)}"
    )
    zero = gradient.size and (arrival is None or not arrival.ct.any())
    if not zero:
        if partly:
            return leaf("partly_cut", partly)
        return leaf("flows", f"{lead(live)} to the output. {gradient_summary(gradient)}")
    if arrival is not None and arrival.cancelled is not None:
        status, (message, *places) = "cancels", sentence_of_cancelling(arrival.cancelled, live)
    else:
        status, (message, *places) = "zero", sentence_of_zero(() if arrival is None else arrival.dead, live)
    return leaf("partly_cut", f"{partly} {message}", *places) if partly else leaf(status, message, *places)


def _not_finite(run: Run, gradient: np.ndarray, arrival: Arrival | None) -> tuple[Any, ...]:
    status = "nan" if np.isnan(gradient).any() else "inf"
    kind = "NaN" if status == "nan" else "infinite"
    values = [concrete(y) for y in run.outputs]
    if not all(np.isfinite(v).all() for v in values):
        born = next(
            (e for e in run._trace.entries if isinstance(e, Entry) and e.born and run.paths.counts(e)[2]), None
        )
        if born is not None:
            value = "NaN" if born.born == "nan" else "infinite"
            where = place(born.loc)
            return (
                status,
                (
                    f"The gradient is {kind} because the value is: it became {value} in `{op_name(born)}` at "
                    f"{short(where)}. Keep the argument of `{op_name(born)}` away from where it is {value}."
                ),
                where,
            )
    if arrival is None or arrival.fault is None:
        return status, f"The gradient is {kind}."
    message, *places = sentence_of_fault(arrival.fault, kind)
    return status, message, *places


def _hints(
    run: Run, given: Given, fun: Any, args: tuple, kwargs: dict, positions: Sequence[int]
) -> list[str]:
    """What may be meant instead of a leaf on which nothing depends."""
    assert given.node is not None
    outside = read_outside(fun, given.value)
    if outside is not None:
        name, where = outside
        return [
            f"The function reads `{name}`, the same array, from outside at {short(where)}: use the argument "
            "there instead."
        ]
    hints = []
    used = _others(fun, args, kwargs, positions)
    if used:
        hints.append(f"What it depends on is {in_order(used)}: does argnums name the right argument?")
    computed = run.paths.downstream([given.node])
    if computed:
        parents = {
            p.seq for e in computed for p in (*e.parents, *(q for q, _ in getattr(e, "edges", ()))) if p
        }
        last = [e for e in computed if e.seq not in parents][-1]
        hints.append(
            f"The result of `{op_name(last)}` at {short(place(last.loc))} comes from it, and is not used."
        )
    elif not used:
        hints.append("No operation was applied to it.")
    return hints


def _others(fun: Any, args: tuple, kwargs: dict, positions: Sequence[int]) -> list[str]:
    """The arguments that are not differentiated and on which the output depends; the function runs again."""
    rest = [n for n in range(len(args)) if n not in positions]
    if not rest:
        return []
    trace = FollowTrace(strict=False, follow=True)
    try:
        run = Run(trace, fun, args, kwargs, rest, live=False)
    except Exception:
        run = None
    finally:
        trace.end()
    if run is None:
        fun(*args, **kwargs)  # an error of the user's own comes again, and is not swallowed
        return []
    return [g.path for g in run.given if g.node is not None and run.paths.counts(g.node)[1]]


def _refusal(refused: Sequence[Entry]) -> list[str]:
    if not refused:
        return []
    first = cut_of(refused[0])
    where = short(first.place)
    return [f"grad refuses to run this function: `{first.op}` at {where} would lose the derivative."]


def _notes(run: Run) -> list[str]:
    if run.output is None:
        return ["The function returned None: did it forget to return?"]
    notes = []
    if not run.outputs:
        notes.append(f"The function returned {type(run.output).__name__}, which is not a number.")
    if len(run.outputs) > 1:
        notes.append(
            f"The function returns {len(run.outputs)} arrays: explained is the sum of all their elements."
        )
    elif run.outputs and np.shape(run.outputs[0]):
        shape = np.shape(run.outputs[0])
        notes.append(f"The output has shape {shape}, and grad needs a scalar: explained is its sum.")
    dtypes = sorted({str(aval_of(y).dtype) for y in run.outputs if not is_inexact(aval_of(y).dtype)})
    if dtypes:
        notes.append(f"The output has dtype {in_order(dtypes)}, which has no derivative: grad refuses it.")
    return notes
