"""`fg.elementwise`: a function of numbers as a primitive on arrays."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cached_property, update_wrapper
from inspect import Parameter, signature
from types import FunctionType
from typing import Any, Protocol, overload

import numpy as np

from funcgrad.core.avals import Aval, aval_of, operand
from funcgrad.core.buffers import held
from funcgrad.core.frames import hide_in
from funcgrad.core.trace import Tracer
from funcgrad.from_numba.kinds import OfNumbers
from funcgrad.from_numba.names import meaning
from funcgrad.from_numba.paths import Slope, number
from funcgrad.from_numba.twins import Running, made_once
from funcgrad.ops import elementwise as ew
from funcgrad.transforms.decorating import decorator
from funcgrad.transforms.function import importable_name

Function = Callable[..., Any]
Derivative = Function | Sequence[Function | None] | None
_WEAK = {"i": 0, "f": 0.0, "c": 0j}


class _Making(Protocol):
    """What `elementwise` is to a type checker, as a decorator too."""

    @overload
    def __call__(
        self, function: Function, derivative: Derivative = None, name: str | None = None
    ) -> ScalarFunction: ...
    @overload
    def __call__(
        self, *, derivative: Derivative = None, name: str | None = None
    ) -> Callable[[Function], ScalarFunction]: ...


def _making(function: Function) -> _Making:
    made: _Making = decorator(function)
    return made


@_making
def elementwise(
    function: Function, derivative: Derivative = None, name: str | None = None
) -> ScalarFunction:
    """A function of numbers as one of arrays, with NumPy's broadcasting and every transformation.

    Args:
        function: a pure function of one or more numbers that returns one: of Python, with its loops and branches and
            with functions of `math`, NumPy or funcgrad; compiled by `numba.njit` or `numba.vectorize`; or a universal
            function of NumPy's or SciPy's.
        derivative: its derivative, a function of the same arguments; a sequence with one for each of several
            arguments, None where it is zero. These are made elementwise too, so derivatives of higher order follow
            from their source. Without it the derivative is taken along the source of `function`, for each element
            along the way that it goes through the branches.
        name: what programs and errors call it; by default the function's own name.

    With options only it returns a decorator: ``@fg.elementwise(derivative=...)``.

    Returns:
        A function of arrays, numbers and traced values. In compiled programs it is part of the kernel where it has up
        to 4 arguments, up to 32 ways through its branches, and no loop that depends on values; otherwise they call it
        as they call NumPy. What cannot be such a program is run by numba on plain arrays, where the function is
        compiled by numba.

    Raises:
        TypeError: the function has no fixed number of arguments, or as many derivatives are not given; `name` is no
            identifier.
        NotDifferentiableError: it is differentiated, and has neither source nor `derivative`.

    Example:
        >>> import math
        >>> import numpy as np
        >>> import funcgrad as fg
        >>> soft = fg.elementwise(lambda x: x if x > 30.0 else math.log(1.0 + math.exp(x)))
        >>> soft(np.array([0.0, 800.0]))
        array([6.93147181e-01, 8.00000000e+02])
        >>> fg.grad(lambda x: soft(x).sum())(np.array([0.0, 800.0]))
        array([0.5, 1. ])
    """
    if not callable(function):
        raise TypeError(f"elementwise takes a function, not {type(function).__name__}")
    if name is not None and not (isinstance(name, str) and name.isidentifier()):
        raise TypeError(f"elementwise: name must be one that Python could have, not {name!r}")
    return ScalarFunction(function, derivative, name)


class ScalarFunction:
    """What `elementwise` returns."""

    def __init__(self, function: Function, derivative: Any = None, name: str | None = None) -> None:
        update_wrapper(self, _inner(function), updated=())
        known: str = getattr(function, "__name__", type(function).__name__)
        self.name = name or (known if known.isidentifier() else "function")
        self.function = function
        self.derivative = derivative
        self.nin = _count(function, self.name)
        self._kinds: dict[tuple[np.dtype, ...], OfNumbers] = {}
        self._check_derivative()

    def _check_derivative(self) -> None:
        each = (self.derivative,) if callable(self.derivative) or self.derivative is None else self.derivative
        if not isinstance(each, Sequence) or not all(d is None or callable(d) for d in each):
            raise TypeError(
                "elementwise: derivative must be a function, or a sequence with one (or None) for each argument, not "
                f"{self.derivative!r}"
            )
        if self.derivative is not None and self.nin != len(each):
            raise TypeError(f"elementwise: `{self.name}` takes {self.nin} arguments, and needs a derivative for each")
        for d in each:
            if d is not None and _count(d, f"the derivative of {self.name}") != self.nin:
                raise TypeError(f"elementwise: a derivative of `{self.name}` must take {self.nin} arguments too")

    def __call__(self, *args: Any) -> Any:
        if len(args) != self.nin:
            raise TypeError(f"{self.name}() takes {self.nin} arguments but {len(args)} were given")
        xs = [operand(x, self.name) for x in args]
        avals = [aval_of(x) for x in xs]
        common = np.result_type(*[_WEAK[a.dtype.kind] if a.weak else a.dtype for a in avals])
        dtypes = tuple([common if a.dtype.kind in "fc" else a.dtype for a in avals])
        return self.of(dtypes)(*[_typed(x, a, d) for x, a, d in zip(xs, avals, dtypes)])

    def of(self, dtypes: tuple[np.dtype, ...]) -> OfNumbers:
        """The primitive for arguments of these dtypes."""
        kind = self._kinds.get(dtypes)
        if kind is None:
            kind = self._kinds[dtypes] = OfNumbers(self, dtypes)
        return kind

    @cached_property
    def universal(self) -> Function | None:
        """The function where it is a universal one, which computes plain arrays."""
        return self.function if hasattr(self.function, "nin") and hasattr(self.function, "ntypes") else None

    @cached_property
    def compiled(self) -> Function | None:
        """A universal function that numba makes of one that it has compiled."""
        py_func = getattr(self.function, "py_func", None)
        return None if py_func is None else sys.modules["numba"].vectorize(py_func)

    @property
    def is_differentiable(self) -> bool:
        """Whether there is a derivative, or source to take it from."""
        return self.derivative is not None or not isinstance(self.function, np.ufunc)

    @cached_property
    def source(self) -> Function:
        """What is traced, on numbers."""
        inner = _inner(self.function)
        run: Function = made_once(inner, Running) if type(inner) is FunctionType else meaning(self.function)
        return lambda *xs: number(held(run(*xs)), self.name)

    @cached_property
    def partials(self) -> tuple[ScalarFunction | None, ...]:
        """The partial derivatives; None where one is zero."""
        if self.derivative is None:
            slopes = [Slope(self.source, i, self.nin) for i in range(self.nin)]
            return tuple([ScalarFunction(slope, None, f"d_{self.name}") for slope in slopes])
        each = (self.derivative,) if callable(self.derivative) else self.derivative
        return tuple([None if d is None else ScalarFunction(d, None, f"d_{self.name}") for d in each])

    def __reduce__(self) -> Any:
        return importable_name(self) or (ScalarFunction, (self.function, self.derivative, self.name))

    def __repr__(self) -> str:
        return f"<elementwise {self.name}>"


hide_in(ScalarFunction, "__call__")


def _typed(x: Any, aval: Aval, dtype: np.dtype) -> Any:
    if aval.dtype == dtype and not aval.weak:
        return x
    return ew.convert(x, dtype=dtype) if isinstance(x, (Tracer, np.ndarray)) else dtype.type(x)


def _inner(function: Any) -> Any:
    """The function of Python that numba has compiled; else the function itself."""
    return getattr(function, "py_func", None) or (
        function if isinstance(function, FunctionType) else getattr(function, "__wrapped__", function)
    )


def _count(function: Any, name: str) -> int:
    """How many arguments a function of numbers takes."""
    known = getattr(function, "nin", None)
    if isinstance(known, int):
        if getattr(function, "nout", 1) != 1 or getattr(function, "signature", None) is not None:
            raise TypeError(f"elementwise: `{name}` is no function of numbers that returns one")
        return known
    try:
        parameters = signature(function).parameters.values()
    except (TypeError, ValueError):
        parameters = ()  # type: ignore[assignment]
    positional = [p for p in parameters if p.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in positional if p.default is Parameter.empty]
    if not needed or any(p.kind is Parameter.VAR_POSITIONAL for p in parameters):
        raise TypeError(f"elementwise: `{name}` must take a fixed number of arguments, at least one")
    return len(needed)

