"""Roots and minima of functions of one number, and Newton's method for arrays of equations, one for each element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import scipy.optimize
from scipy.optimize import OptimizeResult, RootResults

import funcgrad.numpy as fnp
from funcgrad.core.avals import Aval
from funcgrad.core.frames import call_hiding_frames
from funcgrad.lax import stop_gradient
from funcgrad.scipy.optimize.calling import OUTCOME, Found, outcome, run_on_numbers
from funcgrad.scipy.optimize.implicit import elementwise_root_at, minimum_at
from funcgrad.scipy.optimize.numerics import derived, scalar
from funcgrad.scipy.optimize.programs import Watch
from funcgrad.scipy.optimize.unknowns import as_tuple
from funcgrad.transforms.api import jvp

Function = Callable[..., Any]
_NUMBER = Aval((), np.dtype(np.float64))
_SEARCH = {"converged": OUTCOME["success"], **dict.fromkeys(("iterations", "function_calls"), OUTCOME["nfev"])}
"""What a compiled program learns of a search for a root."""


def _bracketing(name: str) -> Function:
    """SciPy's function of a name, for a root between two numbers, with the root's derivative."""
    plain = getattr(scipy.optimize, name)

    def find(f: Function, a: Any, b: Any, args: Any = (), **options: Any) -> Any:
        return call_hiding_frames(_bracketed, plain, f, a, b, args, options)

    def solver(
        f: Callable[..., Any],
        a: float,
        b: float,
        args: Any = (),
        xtol: float = 2e-12,
        rtol: float = 4 * np.finfo(float).eps,
        maxiter: int = 100,
        full_output: bool = False,
        disp: bool = True,
    ) -> Any:
        return find(f, a, b, args, xtol=xtol, rtol=rtol, maxiter=maxiter, full_output=full_output, disp=disp)

    def toms748(
        f: Callable[..., Any],
        a: float,
        b: float,
        args: Any = (),
        k: int = 1,
        xtol: float = 2e-12,
        rtol: float = 4 * np.finfo(float).eps,
        maxiter: int = 100,
        full_output: bool = False,
        disp: bool = True,
    ) -> Any:
        return find(f, a, b, args, k=k, xtol=xtol, rtol=rtol, maxiter=maxiter, full_output=full_output, disp=disp)

    found = toms748 if name == "toms748" else solver
    found.__name__ = found.__qualname__ = name
    found.__doc__ = (
        f"SciPy's `{name}`: a root of `f(x, *args)` between `a` and `b`, where it has opposite signs.\n\n"
        "    It is differentiable in what `args` and closures hold; its derivatives along `a` and `b` are zero.\n\n"
        "    Example:\n"
        f"        >>> fg.grad(lambda c: {name}(lambda x: x * x - c, 0.0, 5.0))(4.0).round(6)\n"
        "        np.float64(0.25)\n    "
    )
    return found


brentq = _bracketing("brentq")
brenth = _bracketing("brenth")
bisect = _bracketing("bisect")
ridder = _bracketing("ridder")
toms748 = _bracketing("toms748")


def _bracketed(plain: Function, f: Function, a: Any, b: Any, args: Any, options: dict[str, Any]) -> Any:
    def search(f: Function, a: float, b: float, args: tuple) -> Found:
        watch = Watch()
        x, result = plain(lambda x: watch(f(x, *args)), a, b, **{**options, "full_output": True})
        arrays = {"x": x, **outcome(result, _SEARCH)}
        return Found(arrays, watch.moving, result, None if result.converged else str(result.flag))

    args = as_tuple(args)
    run = partial(search, f, stop_gradient(a), stop_gradient(b), args)
    found = run_on_numbers(run, {"x": _NUMBER, **_SEARCH}, plain.__name__)
    x = found.arrays["x"]
    if found.moving:
        x = elementwise_root_at(lambda x: scalar(f(x, *args)), x)
    return (x, _with_root(found, x)) if options["full_output"] else x


def _with_root(found: Found, x: Any) -> OptimizeResult:
    """SciPy's result, or what a program has of it, with a root that may be traced."""
    result = found.result or OptimizeResult({name: found.arrays[name] for name in _SEARCH})
    result.root = x
    return result


def newton(
    func: Callable[..., Any],
    x0: Any,
    fprime: Callable[..., Any] | None = None,
    args: Any = (),
    tol: float = 1.48e-8,
    maxiter: int = 50,
    fprime2: Callable[..., Any] | None = None,
    x1: Any = None,
    rtol: float = 0.0,
    full_output: bool = False,
    disp: bool = True,
) -> Any:
    """SciPy's `newton`: a root near `x0`, or for an array x0 one near each element, of a function of each element.

    `fprime` is funcgrad's where none is given, and Newton's method runs where SciPy's would be the secant method, which
    a second guess `x1` asks for. Roots are differentiable in what `args` and closures hold.

    Example:
        >>> fg.jacobian(lambda c: newton(lambda x: x ** 3 - c, np.ones(2)))(8.0).round(6)
        array([0.083333, 0.083333])
    """
    options = {"tol": tol, "maxiter": maxiter, "rtol": rtol, "full_output": full_output, "disp": disp}
    return call_hiding_frames(_newton, func, x0, fprime, args, fprime2, x1, options)


def _newton(
    func: Function, x0: Any, fprime: Any, args: Any, fprime2: Any, x1: Any, options: dict[str, Any]
) -> Any:
    args, x0, x1 = tuple(args), stop_gradient(x0), stop_gradient(x1)

    def search(func: Function, x0: Any, fprime: Any, args: tuple, fprime2: Any, x1: Any) -> Found:
        watch = Watch()
        f, slope, curve = (g and (lambda x, g=g: watch(g(x, *args))) for g in (func, fprime, fprime2))
        if fprime is None and x1 is None:
            slope = _slope(func, x0, args, watch, "newton")
        found = scipy.optimize.newton(f, x0, slope, (), fprime2=curve, x1=x1, **{**options, "full_output": True})
        if several:
            few = None if found.converged.all() else f"{np.sum(~found.converged)} of {start.size} elements"
            return Found({"x": found.root, **outcome(found._asdict(), names)}, watch.moving, found, few)
        x, result = found
        trouble = None if result.converged else str(result.flag)
        return Found({"x": x, **outcome(result, names)}, watch.moving, result, trouble)

    start = fnp.asarray(x0)
    several = start.size > 1
    dtype = start.dtype if start.dtype.kind in "fc" and not several else np.result_type(start.dtype, np.float64)
    names = dict.fromkeys(("converged", "zero_der"), Aval(start.shape, np.dtype(bool))) if several else _SEARCH
    run = partial(search, func, x0, fprime, args, fprime2, x1)
    found = run_on_numbers(run, {"x": Aval(start.shape, dtype), **names}, "newton")
    x = found.arrays["x"]
    if found.moving:
        x = elementwise_root_at(lambda x: func(x, *args), x)
    if not options["full_output"]:
        return x
    if not several:
        return x, _with_root(found, x)
    if found.result:
        return found.result._replace(root=x)
    return x, *(found.arrays[name] for name in names)


def _slope(f: Function, x0: Any, args: tuple, watch: Watch, what: str) -> Function | None:
    """The derivative of a function of each element."""
    start = np.asarray(x0)
    start = start if start.dtype.kind in "fc" else start.astype(np.float64)
    derivative = lambda x, *args: jvp(lambda x: f(x, *args), (x,), (np.ones(start.shape, start.dtype),))[1]
    plain = lambda x: watch(f(x, *args))
    compute = derived(derivative, plain, [start[()]], args, watch, f"{what}: the derivative of the function")
    return compute and (lambda x: compute(np.asarray(x, start.dtype)[()]))


def root_scalar(
    f: Callable[..., Any],
    args: Any = (),
    method: str | None = None,
    bracket: Sequence[float] | None = None,
    fprime: Any = None,
    fprime2: Any = None,
    x0: float | None = None,
    x1: float | None = None,
    xtol: float | None = None,
    rtol: float | None = None,
    maxiter: int | None = None,
    options: dict[str, Any] | None = None,
) -> RootResults:
    """SciPy's `root_scalar`: a root of a function of one number by any of its methods.

    `fprime` is funcgrad's where the method takes it and none is given, for "halley" `fprime2` too. `root` of the result
    is differentiable in what `args` and closures hold.

    Example:
        >>> fg.grad(lambda c: root_scalar(lambda x: x * x - c, x0=1.0).root)(4.0).round(6)
        np.float64(0.25)
    """
    rest = {"xtol": xtol, "rtol": rtol, "maxiter": maxiter, "options": options}
    return call_hiding_frames(_root_scalar, f, args, method, bracket, fprime, fprime2, x0, x1, rest)


def _root_scalar(
    f: Function, args: Any, method: Any, bracket: Any, fprime: Any, fprime2: Any, x0: Any, x1: Any, rest: dict[str, Any]
) -> Any:
    args = as_tuple(args)
    both = fprime2 is True or fprime is True  # f returns its derivatives too

    def search(f: Function, args: tuple, bracket: Any, fprime: Any, fprime2: Any, x0: Any, x1: Any) -> Found:
        watch = Watch()
        given, slope, curve = (
            (lambda x, g=g: watch(g(x, *args))) if callable(g) else g for g in (f, fprime, fprime2)
        )
        meth = method.lower() if method else None
        if meth in ("newton", "halley") or (meth is None and bracket is None and x1 is None):
            if not fprime and not both and x0 is not None:
                slope = _slope(f, x0, args, watch, "root_scalar")
            if meth == "halley" and not fprime2:
                first = lambda x, *args: jvp(lambda x: f(x, *args), (x,), (1.0,))[1]
                curve = _slope(first, x0, args, watch, "root_scalar")
        found = scipy.optimize.root_scalar(
            given, method=method, bracket=bracket, fprime=slope, fprime2=curve, x0=x0, x1=x1, **rest
        )
        trouble = None if found.converged else str(found.flag)
        return Found({"x": found.root, **outcome(found, _SEARCH)}, watch.moving, found, trouble)

    guesses = stop_gradient((bracket, x0, x1))
    run = partial(search, f, args, guesses[0], fprime, fprime2, *guesses[1:])
    found = run_on_numbers(run, {"x": _NUMBER, **_SEARCH}, "root_scalar")
    if not found.moving:
        return found.result
    value = (lambda x: f(x, *args)[0]) if both else (lambda x: f(x, *args))
    return _with_root(found, elementwise_root_at(lambda x: scalar(value(x)), found.arrays["x"]))


def minimize_scalar(
    fun: Callable[..., Any],
    bracket: Any = None,
    bounds: Any = None,
    args: Any = (),
    method: Any = None,
    tol: float | None = None,
    options: dict[str, Any] | None = None,
) -> OptimizeResult:
    """SciPy's `minimize_scalar`: a minimum of a function of one number, by methods that take no derivative.

    `x` and `fun` of the result are differentiable in what `args`, closures and `bounds` hold, as for `minimize`.

    Example:
        >>> fg.grad(lambda c: minimize_scalar(lambda x: (x - c) ** 2 + x ** 4).x)(5.0).round(3)
        np.float64(0.099)
    """
    rest = {"method": method, "tol": tol, "options": options}
    return call_hiding_frames(_minimize_scalar, fun, bracket, bounds, args, rest)


def _minimize_scalar(fun: Function, bracket: Any, bounds: Any, args: Any, rest: dict[str, Any]) -> OptimizeResult:
    args = as_tuple(args)

    def search(fun: Function, bracket: Any, bounds: Any, args: tuple) -> Found:
        watch = Watch()
        result = scipy.optimize.minimize_scalar(lambda x: watch(fun(x, *args)), bracket, bounds, **rest)
        return Found(outcome(result, avals), watch.moving, result, None if result.success else str(result.message))

    avals = {"x": _NUMBER, "success": OUTCOME["success"], "nfev": OUTCOME["nfev"]}
    found = run_on_numbers(partial(search, fun, stop_gradient(bracket), bounds, args), avals, "minimize_scalar")
    if not found.moving:
        return found.result
    cost = lambda x: scalar(fun(x, *args))
    limits = None
    if bounds is not None:
        lower, upper = bounds
        limits = fnp.reshape(lower, (1,)), fnp.reshape(upper, (1,))
    x = minimum_at(lambda v: cost(v[0]), fnp.reshape(found.arrays["x"], (1,)), limits, "minimize_scalar")[0]
    result = found.result or OptimizeResult(found.arrays)
    result.x, result.fun = x, cost(x)
    return result
