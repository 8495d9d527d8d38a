"""Ordinary differential equations: odeint and solve_ivp.

SciPy solves them, and its solution is what is returned. Its derivatives are those of steps along this solution
(`funcgrad.scipy.integrate.steps`). Where values are not known (`jit`, `vmap`), all of this happens when
the program runs.
"""

from __future__ import annotations

import re
import warnings
from functools import partial
from typing import Any

import numpy as np
import scipy.integrate
from scipy.integrate import ODEintWarning
from scipy.optimize import OptimizeResult

from funcgrad.core.avals import Aval
from funcgrad.core.frames import call_hiding_frames
from funcgrad.core.provenance import at, here
from funcgrad.core.warned import warn
from funcgrad.errors import NotDifferentiableError
from funcgrad.numpy.joining import concatenate, stack
from funcgrad.ops.operands import as_array
from funcgrad.scipy.integrate.equations import (
    Function,
    Functions,
    Unknown,
    Watch,
    as_program,
    closing_over,
    floating,
    known_options,
    lost,
    lost_in_any,
    refuse_unknown,
)
from funcgrad.scipy.integrate.paths import FLOAT, Path, shaped, traced, with_value
from funcgrad.transforms.deferred import Deferred, deferred_call

INT = np.dtype(np.int64)
ODEINT_TOLERANCE = 1.49012e-8
SUCCESS = ("Integration successful.", "Nothing was done; the integration time was 0.")
"""What odeint says where it has not failed."""


def solve_ivp(
    fun: Function,
    t_span: Any,
    y0: Any,
    method: Any = "RK45",
    t_eval: Any = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: Any = None,
    **options: Any,
) -> Any:
    """The solution of ``y' = fun(t, y, *args)`` from ``y(t_span[0]) = y0``, by any of SciPy's methods.

    Args:
        fun: returns the derivative of y, of shape (n,), as an array or a list.
        t_span, y0, t_eval, args: may be traced, and so may be what `fun` closes over: the solution has derivatives in
            all of them, of any order.
        method, dense_output, events, vectorized, options: SciPy's.

    Returns:
        SciPy's result, with `y`, and what of `t`, `t_events` and `y_events` moves, traced.

    Raises:
        NotDifferentiableError: `dense_output` of a traced solution; a derivative that would take too many steps.
        ConcretizationError: without `t_eval`, or with `events`, under `jit` and `vmap`, where nobody knows how many
            times there will be. Where the solver fails, what it has not reached is NaN there.

    Derivatives are as accurate as the solution: `rtol` and `atol` are those of a perturbation of the solution, too.
    An event's time moves with its condition, and the solution at a terminal event with it. Where `fun` jumps at a time
    that depends on the solution, the derivative does not see the jump move: end at an event there, and go on behind.

    Example:
        >>> def final(rate):
        ...     return solve_ivp(lambda t, y: [-rate * y[0]], (0.0, 2.0), [1.0], rtol=1e-9, atol=1e-9).y[0, -1]
        >>> fg.grad(final)(0.5).round(6)
        np.float64(-0.735759)
    """
    return call_hiding_frames(
        _solve_ivp, fun, t_span, y0, method, t_eval, dense_output, events, vectorized, args, options
    )


def _solve_ivp(
    fun: Function, t_span: Any, y0: Any, method: Any, t_eval: Any, dense_output: bool, events: Any, vectorized: bool,
    args: Any, options: dict[str, Any],
) -> Any:  # fmt: skip
    numbers = _arguments(args)
    conditions = [] if events is None else [events] if callable(events) else list(events)
    bound = [_with(f, numbers) for f in (fun, *conditions)]
    settings = {**options, "method": method, "vectorized": vectorized, "dense_output": dense_output}
    if callable(settings.get("jac")):
        settings["jac"] = _with(settings["jac"], numbers)
    watch = Watch()
    functions = closing_over(bound)
    try:
        for x in functions.constants:
            watch.plain(x)
        return _Problem(functions, watch, events is not None, settings).solved(t_span, y0, t_eval)
    except Unknown:
        pass
    if t_eval is None:
        refuse_unknown("how many steps solve_ivp takes", "Give t_eval, the times at which the solution is wanted.")
    if events is not None:
        refuse_unknown("which events happen", "Call solve_ivp with events outside of jit and vmap.")
    if dense_output:
        refuse_unknown("the dense output of solve_ivp", "Give t_eval, the times at which the solution is wanted.")
    return _solve_ivp_later(bound[0], t_span, floating(y0), floating(t_eval), settings)


def _solve_ivp_later(fun: Function, t_span: Any, y0: Any, t_eval: Any, settings: dict[str, Any]) -> Any:
    """solve_ivp as an operation whose function is a program."""
    start, end = map(floating, t_span)
    time = Aval((), FLOAT)
    of_one = partial(shaped, fun, settings["vectorized"])
    program = as_program(of_one, [time, Aval((y0.size,), y0.dtype)], "solve_ivp: fun")
    # a program takes one state, and SciPy gives a function that is vectorized several
    settings = {**_known("solve_ivp", settings, "jac"), "vectorized": False}

    def run(start: Any, end: Any, y0: Any, t_eval: Any, *constants: Any) -> list[Any]:
        watch = Watch()
        for x in constants:
            watch.plain(x)
        functions = Functions(program.bind, list(constants))
        found = _Problem(functions, watch, False, settings).solved((start, end), y0, t_eval)
        reached, size = len(found.t), y0.shape[0]
        y = found.y if reached else np.zeros((size, 0))
        if reached < t_eval.shape[0]:
            unknown = np.full((size, 1), np.nan) + lost(t_eval[reached:]) + lost_in_any([start, y0, *constants])
            y = concatenate([y, unknown], axis=1)
        return [y, found.status, found.nfev, found.njev, found.nlu]

    outs = deferred_call(
        start,
        end,
        y0,
        t_eval,
        *program.constants,
        fun=Deferred(run, (Aval((y0.shape[0], t_eval.shape[0]), y0.dtype), *[Aval((), INT)] * 4)),
    )
    y, status, nfev, njev, nlu = outs
    return OptimizeResult(
        t=t_eval, y=y, sol=None, t_events=None, y_events=None, nfev=nfev, njev=njev, nlu=nlu, status=status,
        message="`status` says how the solver ended, -1 that it has failed.", success=status >= 0,
    )  # fmt: skip


def odeint(
    func: Function,
    y0: Any,
    t: Any,
    args: Any = (),
    Dfun: Any = None,
    col_deriv: Any = 0,
    full_output: Any = 0,
    ml: Any = None,
    mu: Any = None,
    rtol: Any = None,
    atol: Any = None,
    tcrit: Any = None,
    h0: Any = 0.0,
    hmax: Any = 0.0,
    hmin: Any = 0.0,
    ixpr: Any = 0,
    mxstep: Any = 0,
    mxhnil: Any = 0,
    mxordn: Any = 12,
    mxords: Any = 5,
    printmessg: Any = 0,
    tfirst: bool = False,
) -> Any:
    """The solution of ``y' = func(y, t, *args)`` at the times `t`, from ``y(t[0]) = y0``, by LSODA.

    Args:
        func: returns the derivative of y, of shape (n,), as an array or a list. With `tfirst` it takes
            ``(t, y, *args)``.
        y0, t, args: may be traced, and so may be what `func` closes over: the solution has derivatives in all of them,
            of any order.

    Returns:
        The states, of shape ``(len(t), n)``; with `full_output` also SciPy's dictionary.

    Raises:
        NotDifferentiableError: `tcrit` where something is traced, or a derivative that would take too many steps.
        ConcretizationError: `full_output` under `jit` and `vmap`.

    Derivatives are as accurate as the solution; see `solve_ivp`, which has other methods.

    Example:
        >>> def final(rate):
        ...     return odeint(lambda y, t: -rate * y, 1.0, np.array([0.0, 2.0]))[-1, 0]
        >>> fg.grad(final)(0.5).round(6)
        np.float64(-0.735759)
    """
    options = {
        "Dfun": Dfun, "col_deriv": col_deriv, "full_output": full_output, "ml": ml, "mu": mu, "rtol": rtol,
        "atol": atol, "tcrit": tcrit, "h0": h0, "hmax": hmax, "hmin": hmin, "ixpr": ixpr, "mxstep": mxstep,
        "mxhnil": mxhnil, "mxordn": mxordn, "mxords": mxords, "printmessg": printmessg,
    }  # fmt: skip
    return call_hiding_frames(_odeint, func, y0, t, args, tfirst, options)


def _odeint(func: Function, y0: Any, t: Any, args: Any, tfirst: bool, options: dict[str, Any]) -> Any:
    numbers = tuple(args) if isinstance(args, (tuple, list)) else (args,)
    first = func if tfirst else lambda t, y, *rest: func(y, t, *rest)
    if callable(options["Dfun"]):
        given = options["Dfun"]
        options["Dfun"] = _with(given if tfirst else lambda t, y, *rest: given(y, t, *rest), numbers)
    watch = Watch()
    bound = _with(first, numbers)
    functions = closing_over([bound])
    try:
        for x in functions.constants:
            watch.plain(x)
        return _Sampled(functions, watch, options).solved(y0, t)
    except Unknown:
        pass
    if options["full_output"]:
        refuse_unknown("the dictionary of odeint", "Leave full_output out, or call odeint outside of jit and vmap.")
    y0, t = floating(y0).reshape(-1), floating(t)
    program = as_program(bound, [Aval((), FLOAT), Aval(y0.shape, FLOAT)], "odeint: func")
    options = _known("odeint", options, "Dfun")

    def run(y0: Any, t: Any, *constants: Any) -> list[Any]:
        return [_Sampled(Functions(program.bind, list(constants)), Watch(), options).solved(y0, t)]

    aval = Aval((t.shape[0], y0.shape[0]), FLOAT)
    return deferred_call(y0, t, *program.constants, fun=Deferred(run, (aval,)))[0]


class _Sampled:
    """A problem for odeint, on known values, which may be traced."""

    def __init__(self, functions: Functions, watch: Watch, options: dict[str, Any]) -> None:
        self.functions, self.watch = functions, watch
        self.options = {k: watch.function(x) for k, x in options.items()}

    def solved(self, y0: Any, t: Any) -> Any:
        watch, options = self.watch, self.options
        constants = [watch.plain(c) for c in self.functions.constants]
        plain = watch.function(self.functions.bind(constants)[0])
        start, times = watch.plain(y0), watch.plain(t)
        in_full = {**options, "full_output": 1}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=ODEintWarning, module=re.escape(__name__))
            ys, details = scipy.integrate.odeint(plain, start, times, tfirst=True, **in_full)
        failed = details["message"] not in SUCCESS
        if failed or options["printmessg"]:
            hint = " Run with full_output = 1 to get quantitative information." if failed else ""
            warn(details["message"] + hint, ODEintWarning)
        rest = (details,) if options["full_output"] else ()
        if not watch.traced:
            return (ys, *rest) if rest else ys
        if options["tcrit"] is not None:
            raise NotDifferentiableError(
                "Solve to the critical time, and go on from there by a second call. odeint"
                f"{at(here())} takes no tcrit where something is traced."
            )
        times = np.asarray(times, float)
        reached = _reached(times, details)
        rtol, atol = (ODEINT_TOLERANCE if options[k] is None else options[k] for k in ("rtol", "atol"))
        settings = {"method": "LSODA", "vectorized": False, "rtol": rtol, "atol": atol}
        mesh = scipy.integrate.solve_ivp(
            plain, (times[0], times[reached - 1]), np.atleast_1d(np.asarray(start, float)), dense_output=True,
            max_step=options["hmax"] or np.inf, first_step=options["h0"] or None, min_step=options["hmin"],
            lband=options["ml"], uband=options["mu"], **settings,
        )  # fmt: skip
        if not mesh.success:
            raise NotDifferentiableError(f"odeint{at(here())}: the solver has failed: {mesh.message}")
        mesh.t, t = times[:reached], as_array(t)
        path = Path(self.functions, watch, settings, mesh.sol, y0, t[0], mesh)
        states = [path.at(t[i], float(time)) for i, time in enumerate(mesh.t)]
        states += [np.zeros(path.first.shape) + path.lost(t[i]) for i in range(reached, times.size)]
        states = with_value(stack(states), ys)
        return (states, *rest) if rest else states


def _reached(times: np.ndarray, details: dict[str, Any]) -> int:
    """How many of the times odeint has come to. Behind the first that it has not, its `tcur` is not set."""
    if details["message"] in SUCCESS:
        return times.size
    sign = -1.0 if times[-1] < times[0] else 1.0
    arrived = (sign * details["tcur"] >= sign * times[1:]) | (times[1:] == times[0])
    return 1 + int(np.logical_and.accumulate(arrived).sum())


def _known(what: str, options: dict[str, Any], jacobian: str) -> dict[str, Any]:
    """Options for a solver that runs later; a function for the Jacobian, which only saves SciPy work, stays behind."""
    without = {k: None if k == jacobian and callable(x) else x for k, x in options.items()}
    return known_options(what, without)


class _Problem:
    """An initial value problem on known values, which may be traced."""

    def __init__(self, functions: Functions, watch: Watch, has_events: bool, settings: dict[str, Any]) -> None:
        self.functions = functions
        self.watch = watch
        self.has_events = has_events
        self.settings = {k: watch.function(x) if k != "method" else x for k, x in settings.items()}

    def solved(self, t_span: Any, y0: Any, t_eval: Any) -> Any:
        """SciPy's result, traced where it moves."""
        watch, settings = self.watch, self.settings
        plain = [watch.function(f) for f in self.functions.bind([watch.plain(c) for c in self.functions.constants])]
        span = [watch.plain(t) for t in t_span]
        start, times = watch.plain(y0), watch.plain(t_eval)
        events = plain[1:] if self.has_events else None
        solve = partial(scipy.integrate.solve_ivp, plain[0], span, start, t_eval=times, events=events)
        result = solve(**settings)
        if not watch.traced:
            return result
        if settings["dense_output"]:
            raise NotDifferentiableError(
                "Give t_eval, the times at which the solution is wanted. The dense output of a traced solution of "
                f"solve_ivp{at(here())} is not supported: its function would run later, where it may have changed."
            )
        solution = solve(**{**settings, "dense_output": True}).sol
        return traced(Path(self.functions, watch, settings, solution, y0, t_span[0], result), t_span, t_eval)


def _with(fun: Function, numbers: tuple) -> Function:
    if not numbers:
        return fun
    bound = lambda t, y: fun(t, y, *numbers)
    bound.__dict__.update(getattr(fun, "__dict__", {}))
    return bound


def _arguments(args: Any) -> tuple:
    if args is None:
        return ()
    try:
        return tuple(args)
    except TypeError as error:
        raise TypeError(
            f"Supplied 'args' cannot be unpacked. Please supply `args` as a tuple (e.g. `args=({args},)`)"
        ) from error
