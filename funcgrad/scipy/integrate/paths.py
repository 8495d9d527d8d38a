"""Solutions of differential equations that SciPy has found, with their derivatives: those of steps along them."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.integrate

from funcgrad.core.avals import Aval
from funcgrad.core.buffers import held
from funcgrad.core.provenance import at, here
from funcgrad.core.trace import is_traced
from funcgrad.errors import NotDifferentiableError
from funcgrad.numpy.creation import array
from funcgrad.numpy.joining import stack
from funcgrad.numpy.shaping import broadcast_to
from funcgrad.ops.operands import as_array
from funcgrad.scipy.integrate.equations import Function, Functions, Watch, floating, lost_in_any, staged, value
from funcgrad.scipy.integrate.steps import Explicit, Implicit, Perturbation, refined, replayed, shifted
from funcgrad.transforms.api import jvp

FLOAT = np.dtype(np.float64)


class Path:
    """A solution that SciPy has found, as a function of what it depends on, at SciPy's steps and at given times."""

    def __init__(
        self, functions: Functions, watch: Watch, settings: dict[str, Any], solution: Any, y0: Any, t0: Any, result: Any
    ) -> None:
        self.order, self.result = watch.order, result
        fun, *self.events = functions.bind(functions.constants)
        self.first = floating(y0).reshape(-1)
        method = settings["method"]
        method = getattr(scipy.integrate, method) if isinstance(method, str) else method
        self.method = Explicit(method) if hasattr(method, "n_stages") else Implicit()
        y = value(self.first)
        if isinstance(self.method, Implicit) and y.dtype.kind == "c":
            raise NotDifferentiableError(
                "Take an explicit method (RK45, DOP853, RK23), or write real and imaginary parts as a state of twice "
                f"the size. Implicit methods of solve_ivp{at(here())} have no derivatives of complex equations."
            )
        start = float(value(t0))
        wanted = np.unique(np.concatenate([[start], result.t, *(result.t_events or ())]))
        self.sign = 1.0 if wanted[0] == start else -1.0
        self.times = wanted[:: int(self.sign)]
        nodes = np.union1d(wanted, solution.ts)[:: int(self.sign)]
        places = np.searchsorted(self.sign * nodes, self.sign * self.times)
        intervals = [nodes[i : j + 1].tolist() for i, j in pairwise(places)]
        of_arrays = partial(shaped, fun, settings["vectorized"])
        field = staged(of_arrays, [Aval((), FLOAT), Aval(y.shape, y.dtype)], "solve_ivp: fun")
        self.f = field.bind(field.constants)[0]
        constants = [watch.plain(c) for c in field.constants]
        moved = Perturbation(field, constants, y, settings.get("rtol", 1e-3), settings.get("atol", 1e-6))
        self.constants = [t0, self.first, *field.constants]
        self.solution = solution
        steps = refined(self.method, moved, y, solution, intervals)
        begin = shifted(self.f, t0, self.first, start - t0, self.order)
        self.states = replayed(self.method, self.f, begin, steps, self.order)

    def at(self, time: Any, t: float) -> Any:
        """The state at a time, traced perhaps, whose value is `t`."""
        node = int(np.searchsorted(self.sign * self.times, self.sign * t))
        if node >= len(self.states):
            return self.solution(t) + self.lost(time)
        return shifted(self.f, t, self.states[node], time - as_array(t) if is_traced(time) else 0.0, self.order)

    def lost(self, time: Any) -> Any:
        """The number zero, whose derivative is NaN in all that the solution at `time` depends on."""
        t, y = float(self.times[len(self.states) - 1]), self.states[-1]
        hidden = [y, self.f(t, value(y))]  # what no program has found
        return lost_in_any([time, *self.constants, *hidden])

    def event(self, index: int, t: float) -> tuple[Any, Any]:
        """The time of an event, which is known to be `t`, as it moves with its condition, and the state then."""
        condition, state = self.events[index], self.at(t, t)
        y = value(state)
        speed = value(self.f(t, y))
        slope = value(jvp(lambda dt: as_array(condition(t + dt, y + dt * speed)), (0.0,), (1.0,))[1])
        moved: Any = 0.0
        for _ in range(self.order):  # Newton's iterations, each of which makes derivatives of one order more right
            found = as_array(condition(t + moved, shifted(self.f, t, state, moved, self.order)))
            moved = moved - (found - value(found)).reshape(()) / slope
        return t + moved, shifted(self.f, t, state, moved, self.order)


def traced(path: Path, t_span: Any, t_eval: Any) -> Any:
    """SciPy's result, traced where it moves."""
    result = path.result
    if t_eval is not None:
        times = as_array(t_eval)[: len(result.t)]
        ys = [path.at(times[i], t) for i, t in enumerate(result.t)]
    else:
        ends = as_array(t_span[0]), as_array(t_span[1])
        times = [*ends[:1], *result.t[1:-1], *([ends[1]] if result.status == 0 else result.t[-1:])]
        ys = [path.at(t, float(value(t))) for t in times]
        ys[0] = path.first
    if result.t_events is not None:
        moments = [[path.event(k, float(t)) for t in ts] for k, ts in enumerate(result.t_events)]
        result.t_events = [array([t for t, _ in m]) if m else ts for m, ts in zip(moments, result.t_events)]
        result.y_events = [stack([y for _, y in m]) if m else ys for m, ys in zip(moments, result.y_events)]
        if result.status == 1 and t_eval is None:
            times[-1], ys[-1] = max((x for m in moments for x in m), key=lambda x: path.sign * float(value(x[0])))
    if len(result.t):
        result.t = array(times) if isinstance(times, list) else times
        result.y = with_value(stack(ys, axis=1), result.y)
    return result


def shaped(fun: Function, vectorized: bool, t: Any, y: Any) -> Any:
    """A right-hand side on arrays of shape (n,)."""
    n = y.shape[0]
    dy = floating(held(as_array(held(fun(t, y.reshape((n, 1)) if vectorized else y)))))
    return dy if dy.shape == (n,) else dy.reshape(n) if dy.size == n else broadcast_to(dy, (n,))


def with_value(x: Any, found: np.ndarray) -> Any:
    return x + (found - value(x))
