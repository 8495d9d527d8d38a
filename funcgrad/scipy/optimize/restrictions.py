"""Constraints of `minimize`: as SciPy takes them, and the derivative of a minimum that they hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import LinearConstraint, NonlinearConstraint, lsq_linear

import funcgrad.numpy as fnp
from funcgrad.core.avals import Aval, aval_of
from funcgrad.errors import NotDifferentiableError
from funcgrad.lax import stop_gradient
from funcgrad.scipy.optimize.calling import Found, run_on_numbers
from funcgrad.scipy.optimize.implicit import pressed, root_at
from funcgrad.scipy.optimize.numerics import derived, jacobian_of
from funcgrad.scipy.optimize.programs import Watch
from funcgrad.scipy.optimize.unknowns import Limits, Unknown, as_vector
from funcgrad.transforms.api import grad
from funcgrad.transforms.dense import jacfwd

Function = Callable[..., Any]
NEAR = 1e-4
"""Slack, relative to the bound, from which on a constraint does not hold the minimum. Interior methods leave 1e-8, and
those without derivatives 1e-6; a multiplier larger than the slack decides then."""
SOLVED = 1e-3
"""The part of the gradient that active constraints may leave unexplained at a minimum."""


class Restriction(NamedTuple):
    """``lower <= fun(x, *args) <= upper`` for a vector x. `rest` are the options of SciPy's NonlinearConstraint."""

    fun: Function
    lower: Any
    upper: Any
    jac: Any
    args: tuple
    rest: dict[str, Any]


def of(constraints: Any, unknown: Unknown, what: str) -> list[Restriction]:
    """SciPy's constraints, one or several, of the three kinds."""
    single = isinstance(constraints, (dict, LinearConstraint, NonlinearConstraint))
    return [_restriction(c, unknown, what) for c in ([constraints] if single else list(constraints or ()))]


def _restriction(c: Any, unknown: Unknown, what: str) -> Restriction:
    if isinstance(c, LinearConstraint):
        dense = c.A.toarray() if hasattr(c.A, "toarray") else c.A
        return Restriction(_product, c.lb, c.ub, None, (dense,), {"keep_feasible": c.keep_feasible})
    if isinstance(c, NonlinearConstraint):
        jac = None if c.jac == "2-point" else c.jac  # which is its default
        rest = {"keep_feasible": c.keep_feasible, "hess": c.hess}
        return Restriction(partial(_vector, unknown, c.fun), c.lb, c.ub, _of_view(jac, unknown), (), rest)
    if not isinstance(c, dict):
        raise TypeError(f"{what}: a constraint is a dict, a LinearConstraint or a NonlinearConstraint, not {c!r}")
    kinds = {"eq": 0.0, "ineq": np.inf}
    kind = str(c.get("type")).lower()
    if kind not in kinds:
        raise ValueError(f"{what}: the type of a constraint is 'eq' or 'ineq', not {c.get('type')!r}")
    args = tuple(c.get("args", ()))
    return Restriction(
        partial(_vector, unknown, c["fun"]), 0.0, kinds[kind], _of_view(c.get("jac"), unknown), args, {}
    )


def _product(v: Any, a: Any) -> Any:
    return a @ v


def _vector(unknown: Unknown, fun: Function, v: Any, *args: Any) -> Any:
    return as_vector(fun(unknown.view(v), *args))


def _of_view(jac: Any, unknown: Unknown) -> Any:
    return (lambda v, *args: jac(unknown.view(v), *args)) if callable(jac) else jac


def for_scipy(r: Restriction, unknown: Unknown, start: np.ndarray, watch: Watch) -> Any:
    """A constraint of plain numbers, with its Jacobian; SciPy makes what its methods take of these two kinds."""
    if r.fun is _product:
        return LinearConstraint(*r.args, r.lower, r.upper, **r.rest)
    plain = lambda v: np.asarray(watch(r.fun(v, *r.args)))
    jac: Any = r.jac
    if callable(jac):
        jac = lambda v: watch(r.jac(v, *r.args))
    elif jac is None or jac is False:
        rows = plain(start).size
        derivative = jacobian_of(r.fun, rows, unknown.size)
        jac = derived(derivative, plain, [start], r.args, watch, "minimize: a constraint's Jacobian") or "2-point"
    return NonlinearConstraint(plain, *map(np.asarray, (r.lower, r.upper)), jac=jac, **r.rest)


def minimum_at(
    cost: Function, held: Sequence[Restriction], x: Any, limits: Limits | None, what: str
) -> Any:
    """The minimum `x` of a cost under constraints, with its derivatives.

    The conditions of Karush, Kuhn and Tucker are the equation, its unknowns x and the multipliers: along x the gradient
    of the Lagrangian is zero, or a bound holds; a constraint that holds the minimum stays at its limit, and the
    multiplier of one that does not stays zero.
    """
    x = stop_gradient(x)
    n, infinite = x.size, fnp.full(x.size, np.inf)
    lower, upper = (-infinite, infinite) if limits is None else limits
    count = sum(aval_of(r.fun(x, *r.args)).size for r in held)
    run = partial(_multipliers, cost, list(held), x, stop_gradient((lower, upper)), what)
    avals = {name: Aval((count,), np.dtype(t)) for name, t in (("by", float), ("low", bool), ("high", bool))}
    found = run_on_numbers(run, avals, what).arrays

    def lagrangian(x: Any, by: Any) -> Any:
        return cost(x) - by @ _values(held, x)

    slope = stop_gradient(grad(lagrangian)(x, found["by"]))
    at_lower, at_upper = pressed(slope, x, *stop_gradient((lower, upper)))

    def equation(z: Any) -> Any:
        x, by = z[:n], z[n:]
        still = fnp.where(at_lower, x - lower, fnp.where(at_upper, x - upper, grad(lagrangian)(x, by)))
        values = _values(held, x)
        low, high = (fnp.concatenate([_of_all(side, r, x) for side, r in sides]) for sides in _sides(held))
        tight = fnp.where(found["low"], values - low, fnp.where(found["high"], values - high, by))
        return fnp.concatenate([still, tight])

    return root_at(equation, fnp.concatenate([x, found["by"]]), what)[:n]


def _values(held: Sequence[Restriction], x: Any) -> Any:
    return fnp.concatenate([as_vector(r.fun(x, *r.args)) for r in held])


def _sides(held: Sequence[Restriction]) -> tuple[list[Any], list[Any]]:
    return [(r.lower, r) for r in held], [(r.upper, r) for r in held]


def _of_all(side: Any, r: Restriction, x: Any) -> Any:
    return fnp.broadcast_to(fnp.asarray(side), (aval_of(r.fun(x, *r.args)).size,))


def _multipliers(cost: Function, held: Sequence[Restriction], x: np.ndarray, limits: Limits, what: str) -> Found:
    """The multipliers of constraints at a minimum, and at which of their limits these hold it, from plain numbers.

    They are the least squares solution of the stationarity condition, with the signs that a minimum has.
    """
    watch = Watch()
    gradient = watch(grad(cost)(x))
    slopes = np.concatenate([np.reshape(watch(jacfwd(r.fun)(x, *r.args)), (-1, x.size)) for r in held])
    values = watch(_values(held, x))
    count = values.size
    low, high = (
        np.concatenate([np.concatenate([_of_all(s, r, x) for s, r in sides]), limit])
        for sides, limit in zip(_sides(held), limits)
    )
    values, slopes = np.concatenate([values, x]), np.concatenate([slopes, np.eye(x.size)])
    near = [np.isfinite(s) & (np.abs(values - s) <= NEAR * (1 + np.abs(s))) for s in (low, high)]
    least = np.where(near[1], -np.inf, 0.0)  # a positive multiplier pushes up from a lower limit
    most = np.where(near[0], np.inf, 0.0)
    by = np.zeros(values.size)
    some = near[0] | near[1]
    if some.any():
        by[some] = lsq_linear(slopes[some].T, gradient, (least[some], most[some]), tol=1e-14).x
    if np.linalg.norm(gradient - by @ slopes) > SOLVED * np.linalg.norm(gradient) + 1e-6:
        raise NotDifferentiableError(
            f"{what}: the point found does not satisfy the conditions of a minimum under these constraints well enough "
            "to be differentiated: the gradient of the cost is no combination of those of the constraints that hold "
            "it. Ask for a smaller tol, or for a method that takes gradients (SLSQP, trust-constr)."
        )
    equal = low == high
    arrays = {
        "by": by[:count],
        "low": ((by > values - low) | equal)[:count],
        "high": ((-by > high - values) & ~equal)[:count],
    }
    return Found(arrays, watch.moving, None)
