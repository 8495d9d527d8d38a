"""What SciPy's solvers call: a user's functions as functions of vectors of plain numbers, with their derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.optimize import OptimizeWarning

import funcgrad.scipy.special  # SciPy's universal functions take traced values from here on  # noqa: F401
from funcgrad.core.frames import instead_of
from funcgrad.core.warned import warn
from funcgrad.scipy.optimize.programs import Watch, on_numbers
from funcgrad.transforms.api import value_and_grad
from funcgrad.transforms.dense import hessian, hvp, jacfwd, jacrev

Function = Callable[..., Any]


def scalar(y: Any) -> Any:
    """A cost as a number; SciPy takes arrays of one element."""
    return y.reshape(()) if np.ndim(y) and np.size(y) == 1 else y


def derived(
    derivative: Function, plain: Function, example: Sequence[Any], args: Sequence[Any], watch: Watch, words: str
) -> Function | None:
    """A derivative as a function of plain vectors; None, with a warning, where the user's function has none.

    `plain` is the function itself: what it raises on plain numbers is raised.
    """
    try:
        return on_numbers(derivative, example, args, watch)
    except Exception as error:
        reason = instead_of(error)
    plain(example[0])
    warn(
        f"{words} cannot be had: {type(reason).__name__}: {reason}\nSciPy takes differences instead, as it does "
        "without a warning where it is asked for them.",
        OptimizeWarning,
    )
    return None


class Cost:
    """A cost and its gradient, computed together; SciPy asks for them one after the other."""

    def __init__(self, value_and_gradient: Function) -> None:
        self._compute = value_and_gradient
        self._at: Any = None

    def _look(self, x: np.ndarray) -> tuple[Any, Any]:
        if self._at is None or not np.array_equal(x, self._at):
            self._found = self._compute(x)
            self._at = x.copy()
        return self._found

    def value(self, x: np.ndarray) -> Any:
        return self._look(x)[0]

    def gradient(self, x: np.ndarray) -> np.ndarray:
        return self._look(x)[1].copy()


def gradient_of(cost: Function) -> Function:
    """Value and gradient of a scalar function of a vector."""
    return lambda x, *args: value_and_grad(cost)(x, *args)


def hessian_of(cost: Function) -> Function:
    return lambda x, *args: hessian(cost)(x, *args)


def hessian_product_of(cost: Function) -> Function:
    return lambda x, v, *args: hvp(lambda x: cost(x, *args), (x,), (v,))


def jacobian_of(f: Function, rows: int, columns: int) -> Function:
    """The Jacobian of a function from vectors to vectors, in the mode that takes fewer passes."""
    return lambda x, *args: (jacfwd if columns <= rows else jacrev)(f)(x, *args)
