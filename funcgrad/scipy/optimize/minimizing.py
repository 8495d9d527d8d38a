"""minimize: SciPy's methods on pytrees, with funcgrad's derivatives, and the derivative of the minimum."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import scipy.optimize
from scipy.optimize import OptimizeResult

from funcgrad.core.avals import Aval
from funcgrad.core.frames import call_hiding_frames
from funcgrad.scipy.optimize import restrictions
from funcgrad.scipy.optimize.calling import OUTCOME, Found, outcome, run_on_numbers
from funcgrad.scipy.optimize.implicit import minimum_at
from funcgrad.scipy.optimize.numerics import Cost, derived, gradient_of, hessian_of, hessian_product_of, scalar
from funcgrad.scipy.optimize.programs import Watch
from funcgrad.scipy.optimize.restrictions import Restriction
from funcgrad.scipy.optimize.unknowns import Limits, Unknown, as_tuple, limits_of, unknown_of
from funcgrad.transforms.api import grad

Function = Callable[..., Any]
_WITHOUT_GRADIENT = ("nelder-mead", "powell", "cobyla", "cobyqa")
_WITH_PRODUCTS = ("newton-cg", "trust-ncg", "trust-krylov", "trust-constr")
_WITH_HESSIAN = ("dogleg", "trust-exact")
_WITHOUT_BOUNDS = ("cg", "bfgs", "newton-cg", "trust-ncg", "trust-krylov", *_WITH_HESSIAN)
_WITHOUT_CONSTRAINTS = (*_WITHOUT_BOUNDS, "nelder-mead", "powell", "l-bfgs-b", "tnc")
_DIFFERENCES = ("2-point", "3-point", "cs")
_OUTCOME = {**OUTCOME, "nit": OUTCOME["nfev"]}


def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: Any = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
) -> OptimizeResult:
    """SciPy's `minimize`, of a function of a pytree, with exact derivatives; the minimum is differentiable.

    Args:
        fun: ``fun(x, *args)`` returns the number to minimise. It is pure: it is traced and compiled.
        x0: the first guess. A number, an array or a list of numbers is an array, as in SciPy (which may have any
            number of dimensions here); anything else a pytree of arrays (dicts, lists of arrays, dataclasses).
        args: further arguments.
        method, tol, options: SciPy's.
        jac: the gradient, like x0: a function; True where `fun` returns ``(value, gradient)``; "2-point" and the like
            for SciPy's differences. By default it is funcgrad's.
        hess, hessp: SciPy's, on vectors. By default they are funcgrad's, where the method uses them.
        bounds: SciPy's `Bounds`, or a pair (lower, upper) for each element of an array; for a pytree a pytree of such
            pairs, one for each array, of numbers or arrays that broadcast to it. None stands for no bound.
        constraints: SciPy's dicts and objects; their functions get x like x0. Jacobians are funcgrad's by default.
        callback: as in SciPy, with x like x0.

    Returns:
        SciPy's `OptimizeResult`. `x` and `jac` are like x0; what belongs to two elements, as `hess_inv`, has SciPy's
        order of the raveled leaves.

    Where `fun` looks at values, with Python's ``if``, it runs eagerly. Where it has no derivative, as with
    ``float(x)``, an OptimizeWarning says so and SciPy takes differences.

    Under a transformation `x`, `fun` and `jac` have the derivatives that follow from the gradient being zero at the
    minimum, with respect to what `args`, `bounds` and closures hold; elements at bounds, and active constraints, move
    with these. Along x0 the derivative is zero, and all else in the result is constant. A program that `jit` traces
    returns x, fun, jac, success, status, nit, nfev, and calls Python for the search.

    Raises:
        numpy.linalg.LinAlgError: differentiated where the Hessian is singular: the minimum is not the only one.
        NotDifferentiableError: differentiated with constraints at a point that does not satisfy their conditions.

    Example:
        >>> ridge = lambda w, x, y, weight: ((x @ w - y) ** 2).sum() + weight * (w ** 2).sum()
        >>> x, y = np.array([[1.0, 2.0], [3.0, 1.0], [0.0, 1.0]]), np.array([1.0, 2.0, 3.0])
        >>> best = lambda weight: minimize(ridge, np.zeros(2), (x, y, weight)).x
        >>> best(0.5).round(4), fg.jacobian(best)(0.5).round(4)
        (array([0.2428, 0.8902]), array([ 0.0664, -0.188 ]))
    """
    return call_hiding_frames(
        _minimize, fun, x0, args, method, jac, hess, hessp, bounds, constraints, tol, callback, options
    )


def _minimize(
    fun: Function, x0: Any, args: Any, method: Any, jac: Any, hess: Any, hessp: Any, bounds: Any, constraints: Any,
    tol: Any, callback: Any, options: Any,
) -> OptimizeResult:  # fmt: skip
    args = as_tuple(args)
    unknown, start = unknown_of(x0, "minimize")
    limits = limits_of(bounds, unknown, "minimize")
    held = restrictions.of(constraints, unknown, "minimize")
    if method is None:
        method = "SLSQP" if held else "BFGS" if limits is None else "L-BFGS-B"
    kept = bounds.keep_feasible if isinstance(bounds, scipy.optimize.Bounds) else False
    given = {"jac": jac, "hess": hess, "hessp": hessp}
    rest = {"method": method, "tol": tol, "options": options}
    run = partial(_search, unknown, fun, start, args, given, limits, kept, held, callback, rest)
    avals = {"x": Aval((unknown.size,), np.dtype(np.float64)), **_OUTCOME}
    found = run_on_numbers(run, avals, "minimize")
    if found.moving:
        if str(method).lower() in _WITHOUT_CONSTRAINTS:  # SciPy has warned that they do not count
            held = []
        if str(method).lower() in _WITHOUT_BOUNDS:
            limits = None
        return _moving(found, unknown, _cost(fun, args, unknown, jac), limits, held)
    result = found.result
    result.x = unknown.result(result.x)
    if unknown.is_tree and np.shape(result.get("jac")) == (unknown.size,):
        result.jac = unknown.result(result.jac)
    return result


def _moving(
    found: Found, unknown: Unknown, cost: Function, limits: Limits | None, held: Sequence[Restriction]
) -> OptimizeResult:
    """The result with the derivatives of the minimum."""
    x = found.arrays["x"]
    x = restrictions.minimum_at(cost, held, x, limits, "minimize") if held else minimum_at(cost, x, limits, "minimize")
    result = found.result or OptimizeResult(found.arrays)
    result.x, result.fun, result.jac = unknown.result(x), cost(x), unknown.result(grad(cost)(x))
    return result


def _cost(fun: Function, args: tuple, unknown: Unknown, jac: Any) -> Function:
    """The cost as a function of a vector."""
    if jac is True:
        return lambda v: scalar(fun(unknown.view(v), *args)[0])
    return lambda v: scalar(fun(unknown.view(v), *args))


def _search(
    unknown: Unknown, fun: Function, start: np.ndarray, args: tuple, given: dict[str, Any], limits: Limits | None,
    kept: Any, held: Sequence[Restriction], callback: Any, rest: dict[str, Any],
) -> Found:  # fmt: skip
    """SciPy's search on plain numbers."""
    watch = Watch()
    method = rest["method"] if callable(rest["method"]) else rest["method"].lower()
    plain = lambda v: watch(_cost(fun, args, unknown, given["jac"])(v))
    functions = {"fun": plain, **_derivatives(unknown, fun, start, args, given, method, watch, plain)}
    result = scipy.optimize.minimize(
        x0=start,
        bounds=None if limits is None else scipy.optimize.Bounds(*map(np.array, limits), kept),
        constraints=[restrictions.for_scipy(r, unknown, start, watch) for r in held],
        callback=_shown(callback, unknown),
        **functions,
        **rest,
    )
    arrays = outcome(result, ["x", *_OUTCOME])
    return Found(arrays, watch.moving, result, None if result.success else str(result.message))


def _derivatives(
    unknown: Unknown, fun: Function, start: np.ndarray, args: tuple, given: dict[str, Any], method: Any, watch: Watch,
    plain: Function,
) -> dict[str, Any]:  # fmt: skip
    """The functions that SciPy takes: the user's, and ours where there are none of these."""
    jac, hess, hessp = given["jac"], given["hess"], given["hessp"]
    cost = lambda v, *args: _cost(fun, args, unknown, jac)(v)
    found = {"hess": _on_vectors(hess, unknown, args, watch), "hessp": _on_vectors(hessp, unknown, args, watch)}
    pair: Function | None = None
    if jac is True:

        def pair(v: np.ndarray) -> tuple[Any, np.ndarray]:
            value, gradient = watch(fun(unknown.view(v), *args))
            return scalar(value), np.asarray(unknown.vector(gradient, "minimize: the gradient"))

    elif callable(jac):
        found["jac"] = lambda v: np.asarray(unknown.vector(watch(jac(unknown.view(v), *args)), "minimize: jac"))
    elif jac in _DIFFERENCES or method in _WITHOUT_GRADIENT:
        return {**found, "jac": jac}
    else:
        pair = derived(gradient_of(cost), plain, [start], args, watch, "minimize: the gradient")
        if pair is None:
            return found
    if pair is not None:
        both = Cost(pair)
        found |= {"fun": both.value, "jac": both.gradient}
    if hess is None and hessp is None and method in _WITH_PRODUCTS:
        words = "minimize: products with the Hessian"
        found["hessp"] = derived(hessian_product_of(cost), plain, [start, np.ones_like(start)], args, watch, words)
    elif hess is None and hessp is None and method in _WITH_HESSIAN:
        found["hess"] = derived(hessian_of(cost), plain, [start], args, watch, "minimize: the Hessian")
    return found


def _on_vectors(given: Any, unknown: Unknown, args: tuple, watch: Watch) -> Any:
    """A user's `hess` or `hessp`, which gets x like x0 and returns what SciPy wants."""
    if not callable(given):
        return given
    return lambda v, *p: watch(given(unknown.view(v), *p, *args))


def _shown(callback: Any, unknown: Unknown) -> Any:
    """The user's callback, with x like x0."""
    if callback is None or (not unknown.is_tree and len(unknown.shape) == 1):
        return callback
    if set(inspect.signature(callback).parameters) == {"intermediate_result"}:

        def at_result(intermediate_result: Any) -> Any:
            intermediate_result.x = unknown.result(intermediate_result.x)
            return callback(intermediate_result=intermediate_result)

        return at_result
    return lambda xk, *state: callback(unknown.result(xk), *state)
