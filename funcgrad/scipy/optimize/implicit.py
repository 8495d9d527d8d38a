"""Derivatives of solutions by the implicit function theorem. No solver runs here: the solution has been found.

Where f(x, theta) = 0 holds along theta, f_x dx = -f_theta dtheta. `custom_root` has this rule; here are the equations
that solutions satisfy, and how the linear system is solved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.core.avals import Aval
from funcgrad.lax import custom_linear_solve, custom_root, stop_gradient, while_loop
from funcgrad.scipy.optimize.unknowns import Limits
from funcgrad.transforms.api import grad
from funcgrad.transforms.callbacks import called, pure_callback_call
from funcgrad.transforms.dense import jacfwd

Vector = Any
Map = Callable[[Any], Any]

DENSE = 500
"""Unknowns up to which the Hessian is formed. That takes as many products with it as there are unknowns, all at once
and so in that many times the memory of one, and a direct solver, which does well where it is ill conditioned. Above,
conjugate gradients take a product a step, and few steps where it is not."""


def root_at(f: Map, x: Vector, what: str) -> Vector:
    """The solution `x` of f(x) = 0 with the derivatives that follow from this; `x` itself is taken as a number."""
    return _at(f, x, lambda g, y: _solved(g, y, what))


def elementwise_root_at(f: Map, x: Any) -> Any:
    """The same for a function of each element on its own, or of one number. It is infinite where f's is zero."""
    return _at(f, x, lambda g, y: y / g(fnp.ones_like(y)))


def _at(f: Map, x: Any, solve: Callable[[Map, Any], Any]) -> Any:
    return custom_root(f, stop_gradient(x), lambda _, x: x, solve)


def _solved(g: Map, y: Vector, what: str) -> Vector:
    return fnp.linalg.solve(checked(jacfwd(g)(y), what), y)


def checked(matrix: Any, what: str) -> Any:
    """A matrix that is not singular; LinAlgError, when the program runs, where it is.

    It is the product with what the check returns, so that no factorisation comes before the check.
    """
    one = called(
        pure_callback_call,
        what,
        _regular,
        Aval((), matrix.dtype),
        (stop_gradient(matrix),),
        {},
        "sequential",
    )
    return one * matrix


def _regular(matrix: np.ndarray) -> Any:
    """One; LinAlgError where a matrix is singular to working precision, whatever the scales of its rows and columns."""
    largest = np.abs(matrix).max(axis=1, keepdims=True)
    scaled = matrix / np.where(largest > 0, largest, 1)
    largest = np.abs(scaled).max(axis=0)
    scaled = scaled / np.where(largest > 0, largest, 1)
    if np.linalg.cond(scaled, 1) * np.finfo(matrix.dtype).eps > 1:
        raise np.linalg.LinAlgError(
            "the solution has no derivative: the matrix of second derivatives of the cost (or of first derivatives of "
            "the equations, or of the conditions under constraints) is singular there, so that there are other "
            "solutions beside it, or it may split or vanish"
        )
    return matrix.dtype.type(1)


def minimum_at(cost: Map, x: Vector, limits: Limits | None, what: str) -> Vector:
    """The minimum `x` of `cost` with its derivatives: where it may move, the gradient stays zero.

    An element at a bound that the gradient pushes against moves with the bound. One that has stopped at a bound where
    its derivative is zero counts as free.
    """
    gradient = grad(cost)
    x = stop_gradient(x)
    if limits is None:
        return _at(gradient, x, _symmetric(None, what))
    lower, upper = limits
    at_lower, at_upper = pressed(stop_gradient(gradient(x)), x, stop_gradient(lower), stop_gradient(upper))

    def equation(x: Vector) -> Vector:
        return fnp.where(at_lower, x - lower, fnp.where(at_upper, x - upper, gradient(x)))

    return _at(equation, x, _symmetric(~(at_lower | at_upper), what))


def pressed(slope: Vector, x: Vector, lower: Vector, upper: Vector) -> tuple[Vector, Vector]:
    """Which elements are held by their lower and upper bounds: a step down the gradient would leave them."""
    return (slope > x - lower) | (lower == upper), -slope > upper - x


def _symmetric(free: Vector | None, what: str) -> Callable[[Map, Any], Any]:
    """A solver for a symmetric matrix, of which rows are those of the identity where an element is not `free`."""

    def solve(g: Map, y: Vector) -> Vector:
        if y.size <= DENSE:
            return _solved(g, y, what)
        if free is None:
            return custom_linear_solve(g, y, _conjugate_gradients, symmetric=True)
        only = lambda v: fnp.where(free, v, 0.0)
        inner = lambda v: fnp.where(free, g(only(v)), v)
        return custom_linear_solve(inner, y - only(g(y - only(y))), _conjugate_gradients, symmetric=True)

    return solve


def _conjugate_gradients(product: Map, y: Vector) -> Vector:
    """The solution for a positive definite matrix, by Hestenes and Stiefel's method (1952); NaN for any other."""
    wanted = (10 * np.finfo(y.dtype).eps) ** 2 * (y @ y)

    def goes_on(state: Any) -> Any:
        _, _, _, square, step = state
        return (square > wanted) & (step < 10 * y.size)

    def body(state: Any) -> Any:
        x, rest, along, square, step = state
        turned = product(along)
        curvature = along @ turned
        length = fnp.where(curvature > 0, square / curvature, np.nan)
        rest = rest - length * turned
        before, square = square, rest @ rest
        return x + length * along, rest, rest + square / before * along, square, step + 1

    x, _, _, square, _ = while_loop(goes_on, body, (fnp.zeros_like(y), y, y, y @ y, 0))
    return fnp.where(square <= wanted, x, np.nan)
