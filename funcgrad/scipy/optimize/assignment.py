"""linear_sum_assignment and linprog: SciPy's, on numbers only."""

from __future__ import annotations

from functools import partial, wraps
from typing import Any

import numpy as np
import scipy.optimize

import funcgrad.numpy as fnp
from funcgrad import tree
from funcgrad.core.avals import Aval
from funcgrad.core.trace import is_traced
from funcgrad.errors import NotDifferentiableError
from funcgrad.lax import stop_gradient
from funcgrad.scipy.optimize.calling import Found, run_on_numbers
from funcgrad.transforms.function import call_hiding_frames


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
    if is_traced(*tree.leaves((args, kwargs))):
        raise NotDifferentiableError(
            "linprog has no derivative here: give it fg.stop_gradient(...) of what is traced, or solve the equations "
            "of the constraints that are active at its solution with np.linalg.solve."
        )
    return scipy.optimize.linprog(*args, **kwargs)
