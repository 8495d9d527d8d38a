"""Integrals of functions: quad, dblquad, fixed_quad.

QUADPACK computes an integral, and its derivatives as integrals of derivatives (Leibniz' rule), each with its own
points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.integrate
from scipy.integrate import IntegrationWarning

from funcgrad import lax
from funcgrad.core.avals import Aval
from funcgrad.core.buffers import held
from funcgrad.core.frames import call_hiding_frames
from funcgrad.core.provenance import at, here
from funcgrad.core.trace import Tracer, is_traced, known
from funcgrad.core.warned import warn
from funcgrad.errors import NotDifferentiableError
from funcgrad.ops.operands import as_array
from funcgrad.scipy.integrate.equations import (
    Functions,
    Unknown,
    Watch,
    as_program,
    closing_over,
    floating,
    known_options,
    refuse_unknown,
    value,
)
from funcgrad.transforms.api import grad
from funcgrad.transforms.custom import custom_jvp
from funcgrad.transforms.deferred import Deferred, deferred_call

Function = Callable[..., Any]
FLOAT = np.dtype(np.float64)


def quad(
    func: Any,
    a: Any,
    b: Any,
    args: Any = (),
    full_output: Any = 0,
    epsabs: Any = 1.49e-8,
    epsrel: Any = 1.49e-8,
    limit: int = 50,
    points: Any = None,
    weight: Any = None,
    wvar: Any = None,
    wopts: Any = None,
    maxp1: int = 50,
    limlst: int = 50,
    complex_func: bool = False,
) -> Any:
    """The integral of ``func(x, *args)`` from `a` to `b`, by QUADPACK.

    Args:
        func: returns a real number.
        a, b, args: may be traced, and so may be what `func` closes over: the integral has derivatives in all of them,
            of any order. The derivative in an infinite limit is 0.

    Returns:
        The integral and an estimate of its error, which is no derivative's; with `full_output` what SciPy adds.

    Raises:
        NotDifferentiableError: `complex_func`, or `weight` with traced limits, where something is traced.
        ConcretizationError: `full_output` under `jit` and `vmap`.

    The derivative in an array of n numbers takes n integrals of the derivative of `func`.

    Example:
        >>> fg.grad(lambda a: quad(lambda x: np.exp(-a * x), 0.0, np.inf)[0])(2.0).round(8)
        np.float64(-0.25)
    """
    options = {
        "full_output": full_output, "epsabs": epsabs, "epsrel": epsrel, "limit": limit, "points": points,
        "weight": weight, "wvar": wvar, "wopts": wopts, "maxp1": maxp1, "limlst": limlst, "complex_func": complex_func,
    }  # fmt: skip
    return call_hiding_frames(_quad, func, a, b, args, options)


def _quad(func: Any, a: Any, b: Any, args: Any, options: dict[str, Any]) -> Any:
    if not callable(func):  # a LowLevelCallable
        return _scipys_quad(func, a, b, args, **options)
    bound = _with(func, args if isinstance(args, tuple) else (args,))
    try:
        return _integrated(closing_over([bound]), a, b, options)
    except Unknown:
        pass
    if options["full_output"]:
        refuse_unknown("what quad returns beside the integral", "Leave full_output out, or call it outside of jit.")
    program = as_program(bound, [Aval((), FLOAT)], "quad: func")
    options = known_options("quad", options)

    def run(a: Any, b: Any, *constants: Any) -> Any:
        return _integrated(Functions(program.bind, list(constants)), a, b, options)[:2]

    scalar = Aval((), FLOAT)
    return deferred_call(floating(a), floating(b), *program.constants, fun=Deferred(run, (scalar, scalar)))


def _integrated(functions: Functions, a: Any, b: Any, options: dict[str, Any]) -> tuple:
    """SciPy's result on known values, with the integral traced where it moves."""
    watch, hidden = Watch(), Watch()
    limits = watch.plain(a), watch.plain(b)
    constants = [watch.plain(c) for c in functions.constants]
    options = {k: watch.plain(x) for k, x in options.items()}
    found = _scipys_quad(hidden.function(functions.bind(constants)[0]), *limits, **options)
    if hidden.traced:  # in a global or an attribute: where it is traced as a program, it is found
        raise Unknown
    if not watch.traced:
        return found
    ends = {i: x for i, x in enumerate((a, b)) if isinstance(x, Tracer) and not np.isinf(limits[i])}
    _refuse(options, ends)
    functions = _in_real_parts(functions)
    integrand = _Integrand(functions, limits, list(ends), options, found[0])
    return _integral(integrand, [*ends.values()], functions.constants), *found[1:]


def _in_real_parts(functions: Functions) -> Functions:
    """The functions with complex numbers given as two, along each of which the integral has a derivative."""
    constants = [as_array(c) for c in functions.constants]
    double = [c.dtype.kind == "c" for c in constants]

    def bind(parts: Sequence[Any]) -> list[Function]:
        rest = iter(parts)
        return functions.bind([lax.complex(next(rest), next(rest)) if two else next(rest) for two in double])

    return Functions(bind, [x for c, two in zip(constants, double) for x in ((c.real, c.imag) if two else (c,))])


def _scipys_quad(func: Any, a: Any, b: Any, args: tuple = (), **options: Any) -> tuple:
    """SciPy's result. What it warns of, which `full_output` holds, names the user's line."""
    if options["weight"] is not None and options["points"] is not None:
        warn("Break points cannot be specified with a weight: they are ignored.", IntegrationWarning)
        options["points"] = None
    found = scipy.integrate.quad(func, a, b, args, **{**options, "full_output": 1})
    if options["full_output"]:
        return found
    parts = found[2].values() if options["complex_func"] else [found[2:]]
    for _, *messages in parts:
        if messages:
            warn(messages[0], IntegrationWarning)
    return found[:2]


def _refuse(options: dict[str, Any], ends: dict[int, Any]) -> None:
    if options["complex_func"]:
        raise NotDifferentiableError(
            f"Integrate the real and the imaginary part by two calls. quad{at(here())} takes no complex_func where "
            "something is traced."
        )
    if options["weight"] is not None and ends:
        raise NotDifferentiableError(
            f"Write the weight into the function. quad{at(here())} with weight= has no derivative in the limits."
        )


class _Integrand:
    """A function to be integrated, whose limits with numbers `moving` (0, 1) are given beside it."""

    def __init__(
        self, functions: Functions, limits: tuple, moving: list[int], options: dict[str, Any], found: Any = None
    ) -> None:
        self.functions, self.limits, self.moving, self.options, self.found = functions, limits, moving, options, found

    def at(self, x: Any, constants: Sequence[Any]) -> Any:
        return _number(self.functions.bind(constants)[0](x))

    def integral(self, constants: Sequence[Any]) -> Any:
        if self.found is None:
            fun = Watch().function(self.functions.bind([value(c)[()] for c in constants])[0])
            self.found = _scipys_quad(fun, *self.limits, **self.options)[0]
        return self.found

    def partial(self, index: int, place: tuple[int, ...]) -> _Integrand:
        """The derivative in an element of a constant, as an integrand."""

        def bind(constants: Sequence[Any]) -> list[Function]:
            def along(x: Any) -> Any:
                moved = lambda c: self.at(x, [*constants[:index], c, *constants[index + 1 :]])
                return as_array(grad(moved)(constants[index]))[place]

            return [along]

        return _Integrand(Functions(bind, []), self.limits, self.moving, self.options)


def _plain_integral(integrand: _Integrand, ends: list[Any], constants: list[Any]) -> Any:
    return np.float64(integrand.integral(constants))


_integral = custom_jvp(_plain_integral, nondiff_argnums=0)


@_integral.defjvp
def _leibniz(integrand: _Integrand, primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    ends, constants = primals
    moved: Any = 0.0
    for i, x, t in zip(integrand.moving, ends, tangents[0]):
        moved = moved + integrand.at(x, constants) * (t if i else -t)
    for index, (c, t) in enumerate(zip(constants, tangents[1])):
        if as_array(c).dtype.kind == "f":
            for place in np.ndindex(np.shape(c)):
                moved = moved + _integral(integrand.partial(index, place), ends, constants) * as_array(t)[place]
    return _integral(integrand, ends, constants), moved


def _number(y: Any) -> Any:
    return floating(held(as_array(held(y)))).reshape(())


def _with(func: Function, numbers: tuple) -> Function:
    return (lambda *xs: func(*xs, *numbers)) if numbers else func


def dblquad(
    func: Function,
    a: Any,
    b: Any,
    gfun: Any,
    hfun: Any,
    args: Any = (),
    epsabs: Any = 1.49e-8,
    epsrel: Any = 1.49e-8,
) -> tuple[Any, Any]:
    """The integral of ``func(y, x, *args)`` for x from `a` to `b` and y from `gfun(x)` to `hfun(x)`.

    All that may be traced for `quad` may be so here, and what the limits `gfun`, `hfun` (functions or numbers) close
    over.

    Example:
        >>> dblquad(lambda y, x: x * y, 0.0, 1.0, 0.0, lambda x: x)[0]
        0.125
    """
    return call_hiding_frames(_dblquad, func, a, b, gfun, hfun, args, epsabs, epsrel)


def _dblquad(func: Function, a: Any, b: Any, gfun: Any, hfun: Any, args: Any, epsabs: Any, epsrel: Any) -> Any:
    tolerances = {"epsabs": epsabs, "epsrel": epsrel}
    watch = Watch()
    try:
        limits = [watch.function(x) for x in (gfun, hfun)]
        plain = watch.function(_with(func, tuple(args)))
        found = scipy.integrate.dblquad(plain, watch.plain(a), watch.plain(b), *limits, **tolerances)
        if not watch.traced:
            return found
    except Unknown:
        found = None
    end = lambda limit, x: limit(x) if callable(limit) else limit
    inner = lambda x: quad(lambda y: func(y, x, *args), end(gfun, x), end(hfun, x), **tolerances)[0]
    outer = quad(inner, a, b, **tolerances)
    return outer if found is None else (outer[0], found[1])


def fixed_quad(func: Function, a: Any, b: Any, args: Any = (), n: int = 5) -> tuple[Any, None]:
    """The integral of ``func(x, *args)``, a function of an array of points, by Gauss' rule of `n` points; and None.

    Example:
        >>> fg.grad(lambda b: fixed_quad(np.cos, 0.0, b)[0])(0.5).round(8)
        np.float64(0.87758256)
    """
    if is_traced(a, b):
        if any(x is not None and np.isinf(x) for x in map(known, (a, b))):
            raise ValueError("Gaussian quadrature is only available for finite limits.")
        nodes, weights = np.polynomial.legendre.leggauss(n)
        half = (b - a) / 2.0
        return half * (weights * func(half * (nodes + 1) + a, *args)).sum(axis=-1), None
    return scipy.integrate.fixed_quad(func, a, b, args, n)
