"""root, fsolve and fixed_point: systems of equations, with funcgrad's Jacobians, and the derivative of the solution."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.optimize
from scipy.optimize import OptimizeResult

import funcgrad.numpy as fnp
from funcgrad.core.avals import Aval, aval_of
from funcgrad.core.frames import call_hiding_frames
from funcgrad.core.warned import warn
from funcgrad.errors import NotDifferentiableError
from funcgrad.lax import stop_gradient
from funcgrad.scipy.optimize.calling import OUTCOME, Found, outcome, run_on_numbers
from funcgrad.scipy.optimize.implicit import root_at
from funcgrad.scipy.optimize.numerics import derived, jacobian_of
from funcgrad.scipy.optimize.programs import Watch
from funcgrad.scipy.optimize.unknowns import Unknown, as_tuple, as_vector, unknown_of

Function = Callable[..., Any]
_FLAT = ("hybr", "lm")
"""Methods to which SciPy passes an array of any number of dimensions as a vector; they take Jacobians."""


def root(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str = "hybr",
    jac: Any = None,
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
) -> OptimizeResult:
    """SciPy's `root`, of equations in a pytree, with exact Jacobians; the root is differentiable.

    Args:
        fun: ``fun(x, *args)`` returns as many numbers as x has, in any pytree. It is pure: it is traced and compiled.
        x0: the first guess, as for `minimize`. An array is a vector to the methods "hybr" and "lm", as in SciPy.
        jac: the Jacobian as a matrix: a function; True where `fun` returns ``(values, jacobian)``; False for SciPy's
            differences. By default it is funcgrad's, where the method takes one.
        args, method, tol, callback, options: SciPy's.

    Under a transformation `x` and `fun` of the result have the derivatives that follow from ``fun(x, *args) = 0``, with
    respect to what `args` and closures hold. All else is constant, and the derivative along x0 is zero.

    Raises:
        numpy.linalg.LinAlgError: differentiated where the Jacobian is singular.
        NotDifferentiableError: differentiated with another number of equations than of unknowns.

    Example:
        >>> circle = lambda p, r: [p[0] ** 2 + p[1] ** 2 - r ** 2, p[0] - p[1]]
        >>> fg.jacobian(lambda r: root(circle, [1.0, 2.0], r).x)(2.0).round(6)
        array([0.707107, 0.707107])
    """
    return call_hiding_frames(_root, fun, x0, args, method, jac, tol, callback, options)


def _root(
    fun: Function, x0: Any, args: Any, method: str, jac: Any, tol: Any, callback: Any, options: Any
) -> OptimizeResult:
    args = as_tuple(args)
    unknown, start = unknown_of(x0, "root", flat=method.lower() in _FLAT)
    rest = {"method": method, "tol": tol, "options": options}
    search = partial(scipy.optimize.root, callback=callback and (lambda x, f: callback(unknown.result(x), f)), **rest)
    run = partial(_search, search, unknown, fun, start, args, jac, method.lower() in _FLAT)
    found = run_on_numbers(run, {"x": Aval((unknown.size,), np.dtype(np.float64)), **OUTCOME}, "root")
    result = found.result or OptimizeResult(found.arrays)
    if found.moving:
        f = _equations(fun, args, unknown, jac)
        x = solution(f, found.arrays["x"], "root")
        result.x, result.fun = unknown.result(x), f(x)
    else:
        result.x = unknown.result(result.x)
    return result


def _search(
    search: Function, unknown: Unknown, fun: Function, start: np.ndarray, args: tuple, jac: Any, takes: bool
) -> Found:
    watch = Watch()
    f, jacobian = on_vectors(fun, unknown, start, args, jac, watch, "root" if takes else None)
    result = search(f, start, jac=jacobian)
    arrays = outcome(result, ["x", *OUTCOME])
    return Found(arrays, watch.moving, result, None if result.success else str(result.message))


def on_vectors(
    fun: Function, unknown: Unknown, start: np.ndarray, args: tuple, jac: Any, watch: Watch, what: str | None
) -> tuple[Function, Any]:
    """Equations and their Jacobian, as functions of plain vectors; `what` is asked to have a Jacobian of ours."""
    plain = lambda v: np.asarray(watch(_equations(fun, args, unknown, jac)(v)))
    if jac is True:
        pair = lambda v: watch((lambda f, j: (as_vector(f), j))(*fun(unknown.view(v), *args)))
        return pair, True
    if callable(jac):
        return plain, lambda v: watch(jac(unknown.view(v), *args))
    if jac is not None or what is None:
        return plain, jac
    of_vector = lambda v, *args: _equations(fun, args, unknown, None)(v)
    derivative = jacobian_of(of_vector, plain(start).size, unknown.size)
    return plain, derived(derivative, plain, [start], args, watch, f"{what}: the Jacobian")


def _equations(fun: Function, args: tuple, unknown: Unknown, jac: Any) -> Function:
    if jac is True:
        return lambda v: as_vector(fun(unknown.view(v), *args)[0])
    return lambda v: as_vector(fun(unknown.view(v), *args))


def solution(f: Function, x: Any, what: str) -> Any:
    """A root with its derivatives."""
    count = aval_of(f(stop_gradient(x))).size
    if count != x.size:
        raise NotDifferentiableError(
            f"{what}: {count} equations in {x.size} unknowns have no root that moves with them. least_squares is "
            "differentiable where there are more equations."
        )
    return root_at(f, x, what)


def fsolve(
    func: Callable[..., Any],
    x0: Any,
    args: Any = (),
    fprime: Callable[..., Any] | None = None,
    full_output: bool = False,
    col_deriv: bool = False,
    xtol: float = 1.49012e-8,
    maxfev: int = 0,
    band: tuple | None = None,
    epsfcn: float | None = None,
    factor: float = 100,
    diag: Any = None,
) -> Any:
    """SciPy's `fsolve`: `root` by MINPACK's hybrid method. The root, or with `full_output` SciPy's four results.

    In a program that `jit` traces, the second of these has `nfev` and `fvec` only.

    Example:
        >>> fg.grad(lambda a: fsolve(lambda x: x ** 2 - a, 1.0)[0])(4.0).round(6)
        np.float64(0.25)
    """
    options = (xtol, maxfev, band, epsfcn, factor, diag)
    return call_hiding_frames(_fsolve, func, x0, args, fprime, full_output, col_deriv, options)


def _fsolve(
    func: Function, x0: Any, args: Any, fprime: Any, full_output: Any, col_deriv: Any, options: tuple
) -> Any:
    args = as_tuple(args)
    unknown, start = unknown_of(x0, "fsolve", flat=True)
    names = ("xtol", "maxfev", "band", "epsfcn", "factor", "diag")
    keywords = {"full_output": full_output, "col_deriv": col_deriv, **dict(zip(names, options))}
    run = partial(_fsolve_search, keywords, unknown, func, start, args, fprime)
    vector = Aval((unknown.size,), np.dtype(np.float64))
    avals = {"x": vector, "fvec": vector, "nfev": OUTCOME["nfev"], "ier": OUTCOME["status"]}
    found = run_on_numbers(run, avals, "fsolve")
    x = found.arrays["x"]
    if found.moving:
        x = solution(_equations(func, args, unknown, None), x, "fsolve")
    elif found.trouble is not None and not full_output:
        warn(found.trouble, RuntimeWarning)  # as SciPy does
    x = unknown.result(x)
    if not full_output:
        return x
    info = {name: found.arrays[name] for name in ("nfev", "fvec")}
    return x, *(found.result or (info, found.arrays["ier"], "`ier` is 1 where it has converged"))


def _fsolve_search(
    keywords: dict[str, Any], unknown: Unknown, func: Function, start: np.ndarray, args: tuple, fprime: Any
) -> Found:
    watch = Watch()
    f, jacobian = on_vectors(func, unknown, start, args, fprime, watch, "fsolve")
    x, *rest = scipy.optimize.fsolve(f, start, fprime=jacobian, **{**keywords, "full_output": True})
    info, status, message = rest
    if not keywords["full_output"] and not 1 <= status <= 5:
        raise TypeError(message)  # as SciPy does
    arrays = {"x": x, "fvec": info["fvec"], "nfev": info["nfev"], "ier": status}
    return Found(arrays, watch.moving, rest, None if status == 1 else message)


def fixed_point(
    func: Callable[..., Any],
    x0: Any,
    args: Any = (),
    xtol: float = 1e-8,
    maxiter: int = 500,
    method: str = "del2",
) -> Any:
    """SciPy's `fixed_point`: the x with ``func(x, *args) == x``, differentiable in what `args` and closures hold.

    Example:
        >>> fg.grad(lambda a: fixed_point(lambda x: np.cos(a * x), 0.5))(1.0).round(6)
        np.float64(-0.297474)
    """
    return call_hiding_frames(_fixed_point, func, x0, args, {"xtol": xtol, "maxiter": maxiter, "method": method})


def _fixed_point(func: Function, x0: Any, args: Any, options: dict[str, Any]) -> Any:
    args = tuple(args)
    x0 = stop_gradient(fnp.asarray(x0))

    def search(func: Function, x0: Any, args: tuple) -> Found:
        watch = Watch()
        x = scipy.optimize.fixed_point(lambda x: watch(func(x, *args)), x0, **options)
        return Found({"x": x}, watch.moving, x)

    found = run_on_numbers(partial(search, func, x0, args), {"x": Aval(x0.shape, np.dtype(np.float64))}, "fixed_point")
    if not found.moving:
        return found.result
    f = lambda v: fnp.ravel(v.reshape(x0.shape) - func(v.reshape(x0.shape), *args))
    return root_at(f, fnp.ravel(found.arrays["x"]), "fixed_point").reshape(x0.shape)
