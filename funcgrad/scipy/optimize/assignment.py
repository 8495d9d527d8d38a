"""linear_sum_assignment and linprog: SciPy's, found from numbers. The solution of linprog has no derivative here."""

from __future__ import annotations

from functools import partial, wraps
from inspect import signature
from typing import Any

import numpy as np
import scipy.optimize
from scipy.optimize import OptimizeResult

import funcgrad.numpy as fnp
from funcgrad.core.avals import Aval
from funcgrad.core.frames import call_hiding_frames
from funcgrad.core.trace import is_traced
from funcgrad.lax import stop_gradient
from funcgrad.scipy.optimize.calling import OUTCOME, Found, run_on_numbers
from funcgrad.transforms.callbacks import called, pure_callback_call
from funcgrad.transforms.closure import Captured


def linear_sum_assignment(cost_matrix: Any, maximize: bool = False) -> tuple[Any, Any]:
    """SciPy's `linear_sum_assignment`: the rows and columns of the cheapest assignment.

    They are integers, which have no derivative; the cost of the assignment has that of the chosen elements.

    Example:
        >>> def cheapest(cost):
        ...     rows, columns = linear_sum_assignment(cost)
        ...     return cost[rows, columns].sum()
        >>> fg.grad(cheapest)(np.array([[4.0, 1.0], [2.0, 3.0]]))
        array([[0., 1.],
               [1., 0.]])
    """
    return call_hiding_frames(_assignment, cost_matrix, maximize)


def _assignment(cost_matrix: Any, maximize: bool) -> tuple[Any, Any]:
    cost_matrix = stop_gradient(fnp.asarray(cost_matrix))
    if not is_traced(cost_matrix):
        return scipy.optimize.linear_sum_assignment(cost_matrix, maximize)

    def search(cost: Any) -> Found:
        rows, columns = scipy.optimize.linear_sum_assignment(cost, maximize)
        return Found({"rows": rows, "columns": columns}, True, None)

    aval = Aval((min(cost_matrix.shape),), np.dtype(np.int64))
    found = run_on_numbers(partial(search, cost_matrix), {"rows": aval, "columns": aval}, "linear_sum_assignment")
    return found.arrays["rows"], found.arrays["columns"]


@wraps(scipy.optimize.linprog)
def linprog(*args: Any, **kwargs: Any) -> Any:
    return call_hiding_frames(_linprog, partial(scipy.optimize.linprog, *args, **kwargs))


def _linprog(run: partial[Any]) -> Any:
    """SciPy's result. Of traced values it is a callback's, which is refused where it is differentiated."""
    captured = Captured((run,))
    if not captured.values:
        return run()
    given = signature(scipy.optimize.linprog).bind(*run.args, **run.keywords).arguments
    sizes = {"x": given["c"], "slack": given.get("b_ub"), "con": given.get("b_eq")}
    shapes: dict[str, tuple[int, ...]] = {name: (0 if x is None else fnp.size(x),) for name, x in sizes.items()}
    avals = {name: Aval(shape, np.dtype(np.float64)) for name, shape in {**shapes, "fun": ()}.items()}
    avals |= {name: OUTCOME[name] for name in ("success", "status")} | {"nit": OUTCOME["nfev"]}

    def host(*numbers: Any) -> dict[str, Any]:
        found = captured.rebuilt(numbers)[0]()
        return {
            name: np.full(a.shape, np.nan) if found[name] is None else np.asarray(found[name], a.dtype).reshape(a.shape)
            for name, a in avals.items()
        }

    return OptimizeResult(called(pure_callback_call, "linprog", host, avals, tuple(captured.values), {}, "sequential"))
