"""Functions of the user's for SciPy's solvers: what they run on, and whether derivatives can follow at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from funcgrad import tree
from funcgrad.core.avals import Aval
from funcgrad.core.buffers import held
from funcgrad.core.provenance import at, here
from funcgrad.core.tape import TapeTrace
from funcgrad.core.trace import Trace, Tracer, is_traced, known
from funcgrad.errors import ConcretizationError, NotDifferentiableError, TracerConversionError
from funcgrad.lax.control import runner
from funcgrad.lax.signatures import Program
from funcgrad.lax.solves import custom_linear_solve
from funcgrad.numpy.indexing import where
from funcgrad.ops.operands import any_traced, as_array
from funcgrad.transforms.batch import BatchTrace
from funcgrad.transforms.calls import graph_call
from funcgrad.transforms.closure import Captured
from funcgrad.transforms.jvp import JvpTrace

Function = Callable[..., Any]


class Unknown(Exception):
    """A value is not known, or what is computed now is differentiated later: it has to be an operation of its own."""


class Watch:
    """Takes values to SciPy, and notes of which derivatives they are part."""

    def __init__(self) -> None:
        self.derivatives: set[Trace] = set()
        self.traced = False

    @property
    def order(self) -> int:
        """Of how high an order a derivative may be asked for."""
        return max(1, len(self.derivatives))

    def plain(self, x: Any) -> Any:
        """The value of what may be traced, or a list with such; Unknown where there is none."""
        x = held(x)
        if not any_traced((x,)):
            return x
        x = held(as_array(x))
        self.traced = True
        while isinstance(x, Tracer):
            kind = type(x._trace)
            if kind in (TapeTrace, JvpTrace) or x._trace.sees_inside:
                self.derivatives.add(x._trace)
            elif kind is not BatchTrace:
                raise Unknown
            if not x.has_value:
                raise Unknown
            x = x.value  # type: ignore[attr-defined]
        return x

    def function(self, fun: Any) -> Any:
        """A function that gives SciPy plain values; what is no function, as a plain value."""
        if not callable(fun):
            return self.plain(fun)
        plain = lambda *args: self.plain(fun(*args))
        plain.__dict__.update(getattr(fun, "__dict__", {}))
        return plain


class Functions(NamedTuple):
    """Functions of the user's, given the traced numbers that they are made of: `bind(constants)`.

    `staged`: they are programs, which run on many points at once, and faster.
    """

    bind: Callable[[Sequence[Any]], list[Function]]
    constants: list[Any]
    staged: bool = False


def closing_over(functions: Sequence[Function]) -> Functions:
    """The functions themselves; they run on values."""
    captured = Captured(functions)
    if not captured.values:
        return Functions(lambda _: list(functions), [])
    return Functions(captured.rebuilt, list(captured.values))


def as_program(fun: Function, avals: Sequence[Aval], what: str) -> Functions:
    """A function of arrays as a program, traced now and run later. Its one result is an array."""
    program = Program(lambda *xs: held(as_array(held(fun(*xs)))), [tree.structure(0.0)] * len(avals), avals, what)
    graph, run = program.graph, runner()

    def bind(constants: Sequence[Any]) -> list[Function]:
        return [lambda *xs: graph_call(*xs, *constants, graph=graph, run=run)[0]]

    return Functions(bind, list(program.captured), True)


def staged(fun: Function, avals: Sequence[Aval], what: str) -> Functions:
    """A function as a program if it can be one; where Python's control flow looks at values, the function itself."""
    try:
        return as_program(fun, avals, what)
    except (ConcretizationError, TracerConversionError, NotDifferentiableError):
        return closing_over([fun])


def refuse_unknown(what: str, instead: str) -> NoReturn:
    raise ConcretizationError(
        f"{instead} {what[:1].upper()}{what[1:]}{at(here())} depends on values, which are not known while jit or vmap "
        "traces the function."
    )


def known_options(what: str, options: dict[str, Any]) -> dict[str, Any]:
    """A solver's options, which have no derivative, as plain values."""
    watch, found = Watch(), {}
    for name, x in options.items():
        try:
            found[name] = watch.plain(x)
        except Unknown:
            refuse_unknown(f"what {what} does with a traced {name}", f"Give {name} as a plain value.")
    return found


def floating(x: Any) -> Any:
    """A number or array in double precision, as SciPy's integrators compute."""
    x = as_array(x)
    wanted = np.dtype(np.complex128 if x.dtype.kind == "c" else np.float64)
    return x if x.dtype == wanted else x.astype(wanted)


def value(x: Any) -> np.ndarray:
    """What a traced value is known to be."""
    return np.asarray(known(x))


def lost(x: Any) -> Any:
    """Zeros of the shape of a real array, whose derivatives of all orders are NaN in each direction in which `x` moves.

    It solves ``0 z = exp(x - value) - 1``, so that no derivative goes back where none is asked for: a factor NaN
    would make that NaN.
    """
    x = as_array(x)
    unsolvable = lambda matvec, b: where(b == 0, 0.0, np.nan)
    return custom_linear_solve(lambda z: 0.0 * z, np.exp(x - value(x)) - 1.0, unsolvable, symmetric=True)


def lost_in_any(xs: Sequence[Any]) -> Any:
    """The number zero, whose derivative is NaN in each direction in which one of the arrays moves."""
    moving = [as_array(x) for x in xs if is_traced(x)]
    parts = [p for x in moving for p in {"f": [x], "c": [x.real, x.imag]}.get(x.dtype.kind, [])]
    return sum((lost(floating(p)).sum() for p in parts), 0.0)
