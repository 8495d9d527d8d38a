"""least_squares, curve_fit and nnls: sums of squares, with funcgrad's Jacobians, and the derivative of the best fit.

The best fit is a minimum of the whole cost: its derivative takes the Hessian with the second derivatives of the
residuals, which the methods that find it leave out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.optimize
from scipy.optimize import OptimizeResult

import funcgrad.numpy as fnp
from funcgrad.core.avals import Aval
from funcgrad.core.frames import call_hiding_frames
from funcgrad.errors import NotDifferentiableError
from funcgrad.lax import stop_gradient
from funcgrad.ops.operands import any_traced
from funcgrad.scipy.optimize.calling import OUTCOME, Found, outcome, run_on_numbers
from funcgrad.scipy.optimize.implicit import checked, minimum_at
from funcgrad.scipy.optimize.numerics import derived, jacobian_of
from funcgrad.scipy.optimize.programs import Watch
from funcgrad.scipy.optimize.unknowns import Limits, Unknown, as_vector, limits_of_pair, unknown_of
from funcgrad.transforms.api import grad
from funcgrad.transforms.dense import jacfwd

Function = Callable[..., Any]
Losses: dict[str, Function] = {
    "linear": lambda z: z,
    "soft_l1": lambda z: 2 * ((1 + z) ** 0.5 - 1),
    "huber": lambda z: fnp.where(z <= 1, z, 2 * fnp.where(z <= 1, 1.0, z) ** 0.5 - 1),
    "cauchy": fnp.log1p,
    "arctan": fnp.arctan,
}
"""SciPy's losses of squared residuals."""


def least_squares(
    fun: Callable[..., Any],
    x0: Any,
    jac: Any = None,
    bounds: Any = (-np.inf, np.inf),
    method: str = "trf",
    ftol: float | None = 1e-8,
    xtol: float | None = 1e-8,
    gtol: float | None = 1e-8,
    x_scale: Any = None,
    loss: Any = "linear",
    f_scale: float = 1.0,
    diff_step: Any = None,
    tr_solver: str | None = None,
    tr_options: dict[str, Any] | None = None,
    jac_sparsity: Any = None,
    max_nfev: int | None = None,
    verbose: int = 0,
    args: Any = (),
    kwargs: dict[str, Any] | None = None,
    callback: Callable[..., Any] | None = None,
    workers: Any = None,
) -> OptimizeResult:
    """SciPy's `least_squares`, of a function of a pytree, with exact Jacobians; the best fit is differentiable.

    Args:
        fun: ``fun(x, *args, **kwargs)`` returns the residuals, in any pytree. It is pure: it is traced and compiled.
        x0: the first guess, as for `minimize`.
        jac: the Jacobian as a matrix: a function, or "2-point" and the like for SciPy's differences, which
            `jac_sparsity` asks for too. By default it is funcgrad's.
        bounds: SciPy's, or a pair of numbers or pytrees like x0.
        The others are SciPy's.

    Under a transformation `x`, `cost`, `fun` and `grad` of the result, and `jac` where the loss is linear, have the
    derivatives that follow from the gradient of the cost being zero, with respect to what `args`, `kwargs`, `bounds`
    and closures hold. All else is constant, and the derivative along x0 is zero.

    Example:
        >>> x, y = np.linspace(0.0, 1.0, 5), np.array([1.0, 1.3, 1.6, 2.1, 2.8])
        >>> decay = lambda p, y: p[0] * np.exp(p[1] * x) - y
        >>> fg.jacobian(lambda y: least_squares(decay, [1.0, 1.0], args=(y,)).x)(y).shape
        (2, 5)
    """
    rest = {
        "method": method, "ftol": ftol, "xtol": xtol, "gtol": gtol, "diff_step": diff_step, "tr_solver": tr_solver,
        "tr_options": tr_options, "jac_sparsity": jac_sparsity, "max_nfev": max_nfev, "verbose": verbose,
    }  # fmt: skip
    news = {"x_scale": x_scale, "callback": callback, "workers": workers}  # since SciPy 1.16
    rest |= {name: value for name, value in news.items() if value is not None}
    if jac is None and jac_sparsity is not None:
        jac = "2-point"
    return call_hiding_frames(_least_squares, fun, x0, jac, bounds, loss, f_scale, args, kwargs or {}, rest)


def _least_squares(
    fun: Function, x0: Any, jac: Any, bounds: Any, loss: Any, f_scale: Any, args: Any, kwargs: dict[str, Any],
    rest: dict[str, Any],
) -> OptimizeResult:  # fmt: skip
    args = tuple(args)
    unknown, start = unknown_of(x0, "least_squares")
    limits = limits_of_pair(bounds, unknown, "least_squares")
    run = partial(_search, unknown, fun, start, jac, limits, loss, f_scale, args, kwargs, rest)
    found = run_on_numbers(run, {"x": Aval((unknown.size,), np.dtype(np.float64)), **OUTCOME}, "least_squares")
    result = found.result or OptimizeResult(found.arrays)
    if not found.moving:
        result.x = unknown.result(result.x)
        return result
    residuals = lambda v: as_vector(fun(unknown.view(v), *args, **kwargs))
    cost = lambda v: cost_of(residuals(v), loss, f_scale)
    x = minimum_at(cost, found.arrays["x"], limits, "least_squares")
    result.x, result.cost, result.fun, result.grad = unknown.result(x), cost(x), residuals(x), grad(cost)(x)
    if loss == "linear":
        result.jac = jacfwd(residuals)(x)
    return result


def cost_of(residuals: Any, loss: Any, f_scale: Any) -> Any:
    """Half the sum of the losses of squared residuals."""
    if isinstance(loss, str):
        return 0.5 * f_scale**2 * fnp.sum(Losses[loss]((residuals / f_scale) ** 2))
    return 0.5 * f_scale**2 * fnp.sum(loss((residuals / f_scale) ** 2)[0])


def _search(
    unknown: Unknown, fun: Function, start: np.ndarray, jac: Any, limits: Limits, loss: Any, f_scale: Any, args: tuple,
    kwargs: dict[str, Any], rest: dict[str, Any],
) -> Found:  # fmt: skip
    watch = Watch()
    plain = lambda v: np.asarray(watch(as_vector(fun(unknown.view(v), *args, **kwargs))))
    jacobian: Any = jac
    if callable(jac):
        jacobian = lambda v: watch(jac(unknown.view(v), *args, **kwargs))
    elif jac is None:
        of_vector = lambda v, args, kwargs: as_vector(fun(unknown.view(v), *args, **kwargs))
        derivative = jacobian_of(of_vector, plain(start).size, unknown.size)
        words = "least_squares: the Jacobian"
        jacobian = derived(derivative, plain, [start], (args, kwargs), watch, words) or "2-point"
    bounds = scipy.optimize.Bounds(*map(np.array, limits))
    result = scipy.optimize.least_squares(plain, start, jacobian, bounds, loss=loss, f_scale=f_scale, **rest)
    arrays = outcome(result, ["x", *OUTCOME])
    return Found(arrays, watch.moving, result, None if result.success else str(result.message))


def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: bool | None = None,
    bounds: Any = (-np.inf, np.inf),
    method: str | None = None,
    jac: Any = None,
    *,
    full_output: bool = False,
    nan_policy: str | None = None,
    **kwargs: Any,
) -> Any:
    """SciPy's `curve_fit`, with exact Jacobians; parameters and their covariance are differentiable.

    Args:
        f: the model, ``f(xdata, *parameters)``.
        jac: the Jacobian, as in SciPy: a function, or "2-point" and the like. By default it is funcgrad's.
        The others are SciPy's.

    Returns:
        ``(popt, pcov)``, and SciPy's three more with `full_output`: in a program that `jit` traces, the first of these
        has `nfev` and `fvec` only. Under a transformation popt and pcov have their derivatives with respect to what
        `xdata`, `ydata`, `sigma`, `bounds` and closures hold.

    Example:
        >>> x, y = np.linspace(0.0, 1.0, 5), np.array([1.0, 1.3, 1.6, 2.1, 2.8])
        >>> growth = lambda y: curve_fit(lambda x, a, b: a * np.exp(b * x), x, y)[0]
        >>> fg.jacobian(growth)(y).shape
        (2, 5)
    """
    rest = {"absolute_sigma": absolute_sigma, "check_finite": check_finite, "method": method, **kwargs}
    if nan_policy is not None:
        rest["nan_policy"] = nan_policy
    popt, pcov, *more = call_hiding_frames(_curve_fit, f, xdata, ydata, p0, sigma, bounds, jac, rest)
    return (popt, pcov, *more) if full_output else (popt, pcov)


def _curve_fit(
    f: Function, xdata: Any, ydata: Any, p0: Any, sigma: Any, bounds: Any, jac: Any, rest: dict[str, Any]
) -> Any:
    if rest.get("nan_policy") == "omit" and any_traced([xdata, ydata]):
        raise NotDifferentiableError("curve_fit: nan_policy='omit' has no derivative: leave out the rows that have NaN")
    if isinstance(bounds, scipy.optimize.Bounds):
        bounds = bounds.lb, bounds.ub
    p0 = stop_gradient(p0)
    count = _parameters(f) if p0 is None else np.size(p0)
    run = partial(_fit, f, xdata, ydata, p0, count, sigma, bounds, jac, rest)
    floats = np.dtype(np.float64)
    avals = {"popt": Aval((count,), floats), "nfev": OUTCOME["nfev"], "ier": OUTCOME["status"]}
    found = run_on_numbers(run, avals, "curve_fit")
    if not found.moving:
        return found.result
    residuals = _residuals(f, xdata, ydata, sigma)
    lower, upper = (fnp.broadcast_to(fnp.asarray(b) * 1.0, (count,)) for b in bounds)
    popt = minimum_at(lambda p: cost_of(residuals(p), "linear", 1.0), found.arrays["popt"], (lower, upper), "curve_fit")
    pcov = _covariance(residuals, popt, rest["absolute_sigma"])
    info, message, ier = {"nfev": found.arrays["nfev"]}, "`ier` is 1 to 4 where it has converged", found.arrays["ier"]
    if found.result:
        info, message, ier = found.result[2:]
    return popt, pcov, {**info, "fvec": residuals(popt)}, message, ier


def _parameters(f: Function) -> int:
    """How many parameters a model says that it has, after xdata."""
    from inspect import Parameter, signature

    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    names = [p for p in signature(f).parameters.values() if p.kind in kinds]
    if len(names) < 2:
        raise ValueError("Unable to determine number of fit parameters.")
    return len(names) - 1


def _fit(
    f: Function, xdata: Any, ydata: Any, p0: Any, count: int, sigma: Any, bounds: Any, jac: Any, rest: dict[str, Any]
) -> Found:
    """SciPy's fit of plain numbers."""
    watch = Watch()
    lower, upper = (np.broadcast_to(np.asarray(b, float), count) for b in bounds)
    start = _feasible(lower, upper) if p0 is None else np.atleast_1d(p0).astype(float)
    model = lambda xdata, *p: watch(f(xdata, *p))
    jacobian: Any = jac
    if callable(jac):
        jacobian = lambda xdata, *p: watch(jac(xdata, *p))
    elif jac is None:
        jacobian = _jacobian(f, xdata, start, watch)
    found = scipy.optimize.curve_fit(
        model, xdata, ydata, start, sigma, bounds=(lower, upper), jac=jacobian, full_output=True, **rest
    )
    popt, _, info, _, ier = found
    return Found({"popt": popt, "nfev": info["nfev"], "ier": ier}, watch.moving, found)


def _feasible(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """SciPy's first guess: one from what is bounded, in the middle where both sides are, otherwise 1."""
    with np.errstate(invalid="ignore"):
        near_one = np.where(np.isfinite(lower), lower + 1, np.where(np.isfinite(upper), upper - 1, 1.0))
        return np.where(np.isfinite(lower) & np.isfinite(upper), 0.5 * (lower + upper), near_one)


def _jacobian(f: Function, xdata: Any, start: np.ndarray, watch: Watch) -> Function | None:
    """The Jacobian of a model in its parameters, which are passed to it one by one."""
    xdata = np.asarray(xdata, float) if isinstance(xdata, (list, tuple, np.ndarray)) else xdata
    of_vector = lambda p, x: as_vector(f(x, *p))
    plain = lambda p: watch(of_vector(p, xdata))
    derivative = jacobian_of(of_vector, np.size(plain(start)), start.size)
    compute = derived(derivative, plain, [start], (xdata,), watch, "curve_fit: the Jacobian")
    return compute and (lambda xdata, *p: compute(np.array(p)))


def _residuals(f: Function, xdata: Any, ydata: Any, sigma: Any) -> Function:
    """The weighted residuals that SciPy minimises, as a function of the vector of parameters."""
    xdata = fnp.asarray(xdata) * 1.0 if isinstance(xdata, (list, tuple, np.ndarray)) else xdata
    ydata = fnp.asarray(ydata) * 1.0
    if sigma is None:
        return lambda p: as_vector(f(xdata, *p) - ydata)
    sigma = fnp.asarray(sigma) * 1.0
    if sigma.ndim < 2 or sigma.size == 1:
        return lambda p: as_vector((f(xdata, *p) - ydata) / sigma)
    whole = fnp.linalg.cholesky(sigma)
    return lambda p: fnp.linalg.solve(whole, as_vector(f(xdata, *p) - ydata))


def _covariance(residuals: Function, popt: Any, absolute: bool) -> Any:
    slopes = jacfwd(residuals)(popt)
    more = slopes.shape[0] - popt.size
    if more <= 0 and not absolute:
        return np.full((popt.size, popt.size), np.inf)
    pcov = fnp.linalg.inv(checked(slopes.T @ slopes, "curve_fit"))
    return pcov if absolute else pcov * fnp.sum(residuals(popt) ** 2) / more


def nnls(A: Any, b: Any, maxiter: int | None = None) -> tuple[Any, Any]:
    """SciPy's `nnls`: the x of no negative elements with the least norm of ``A @ x - b``, and that norm.

    Both are differentiable in A and b; elements of x that are zero stay so.

    Example:
        >>> a = np.array([[1.0, 2.0], [1.0, 0.0], [0.0, 1.0]])
        >>> 0.0 + fg.jacobian(lambda b: nnls(a, b)[0])(np.array([2.0, -1.0, 3.0])).round(6)
        array([[0. , 0. , 0. ],
               [0.4, 0. , 0.2]])
    """
    return call_hiding_frames(_nnls, A, b, maxiter)


def _nnls(a: Any, b: Any, maxiter: int | None) -> tuple[Any, Any]:
    def search(a: Any, b: Any) -> Found:
        x, norm = scipy.optimize.nnls(a, b, maxiter=maxiter)
        return Found({"x": x}, False, (x, norm))

    found = run_on_numbers(partial(search, a, b), {"x": Aval((np.shape(a)[1],), np.dtype(np.float64))}, "nnls")
    if not found.moving:
        return found.result
    x = found.arrays["x"]
    cost = lambda x: cost_of(a @ x - b, "linear", 1.0)
    x = minimum_at(cost, x, (np.zeros(x.shape), np.full(x.shape, np.inf)), "nnls")
    return x, fnp.linalg.norm(a @ x - b)
