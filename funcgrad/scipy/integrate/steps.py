"""Steps of a solution of y' = f(t, y), on traced values, at times that are known.

SciPy finds the solution and the times of its steps. `refined` divides these until a perturbation of the solution is
resolved as well as the solution itself is: where that stands still, SciPy steps as far as it likes. `replayed` takes
these steps with traced values, and its derivative is exactly theirs: reverse mode is the transpose of forward mode.

Explicit Runge-Kutta methods take their own steps, the others (Radau, BDF, LSODA) those of Radau's method of order 9,
which is stable for stiff equations. The steps make a trajectory of their own, near SciPy's solution: derivatives along
states that are only near to a trajectory were wrong by a quarter where errors grow (van der Pol's equation, mu = 1000).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.integrate

from funcgrad.core.provenance import at, here
from funcgrad.core.trace import Tracer
from funcgrad.errors import NotDifferentiableError
from funcgrad.numpy.joining import stack
from funcgrad.scipy.integrate.equations import Functions, value
from funcgrad.transforms.api import jvp
from funcgrad.transforms.vmap import vmap

Field = Callable[[Any, Any], Any]
"""A right-hand side: from the time and the state, of shape (n,), to the state's derivative."""
Solution = Callable[[Any], Any]
"""States at times, one in each column."""

NEWTON = 6
"""Iterations of Newton's method before a step is divided."""
CONVERGED = 1e-3
"""A correction by Newton's method, in units of the tolerances, that is too small to be made."""
LIMIT = 20_000
"""Steps tried, beyond ten for each of SciPy's, above which it is an error: the gradient would seem to hang."""
STAGES = 5
"""Of the implicit method. Its error is estimated by a method of order 5; with 3 stages that would be of order 3, which
makes steps short where tolerances are small."""


def _radau() -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Coefficients of Radau's method IIA: its matrix, its times, and its error's weights and share of the start.

    Source: E. Hairer, G. Wanner, "Solving Ordinary Differential Equations II", IV.5 and IV.8.
    """
    shape = np.polynomial.Polynomial.fromroots([0.0] * (STAGES - 1) + [1.0] * STAGES).deriv(STAGES - 1)
    c = np.append(np.sort(shape.roots().real)[:-1], 1.0)
    powers = np.arange(STAGES)
    values = c[:, None] ** powers
    a = np.linalg.solve(values.T, (c[:, None] ** (powers + 1) / (powers + 1)).T).T
    start = float(min(np.linalg.eigvals(a), key=lambda x: abs(x.imag)).real)
    wanted = 1 / (powers + 1) - start * (powers == 0)
    return a, c, np.linalg.solve(values.T, wanted) - a[-1], start


RADAU_A, RADAU_C, RADAU_E, RADAU_START = _radau()


class Perturbation:
    """A direction in which the solution moves: of the state, and of the numbers that the right-hand side is made of.

    Each number moves by some half to three halves of itself, or of one where it is zero, up or down.
    """

    def __init__(self, field: Functions, constants: Sequence[Any], y: np.ndarray, rtol: Any, atol: Any) -> None:
        self.field, self.rtol, self.atol = field, rtol, atol
        counter = itertools.count()
        self.start = _direction(y, counter)
        self.constants = list(constants)
        self.moves = [_direction(np.asarray(c), counter) for c in self.constants]

    def both(self, t: Any, y: Any, v: Any, weight: Any = 1.0) -> tuple[Any, Any]:
        """The right-hand side, and its derivative where the state moves along v and the numbers in their direction."""
        run = lambda y, *constants: self.field.bind(constants)[0](t, y)
        return jvp(run, (y, *self.constants), (v, *(weight * m for m in self.moves)))

    def linearised(self, t: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """At several points the right-hand side, its Jacobian, and its derivative in the direction of the numbers."""
        n = y.shape[1]
        vectors, weights = np.eye(n + 1, n), np.eye(1, n + 1, n)[0]
        at_point = lambda t, y: vmap(lambda v, w: self.both(t, y, v, w))(vectors, weights)
        if self.field.staged:
            slopes, found = map(value, vmap(at_point)(t, y))
        else:
            slopes, found = (np.array([value(x) for x in xs]) for xs in zip(*map(at_point, t, y)))
        return slopes[:, 0], found[:, :n].swapaxes(1, 2), found[:, n]

    def size(self, error: np.ndarray, *vs: np.ndarray) -> float:
        """How large an error of the perturbation is, in units of what the tolerances allow."""
        scale = self.atol + self.rtol * np.max(np.abs(vs), axis=0)
        return float(np.linalg.norm(error / scale) / error.size**0.5)


class Step(NamedTuple):
    """From time `t` over `h`; what the solution changes by up to the `stages`, and the inverse of their equations."""

    t: Any
    h: Any
    stages: Any = None
    inverse: Any = None


class Explicit:
    """An explicit Runge-Kutta method of SciPy's, by its coefficients."""

    reach = 1
    """Over how many of SciPy's steps one step may go: as far as the method's own."""

    def __init__(self, method: Any) -> None:
        self.a, self.b, self.c = method.A[: method.n_stages], method.B, method.C
        # DOP853 has two estimates of its error: that of order 5 is the more careful
        careful = hasattr(method, "E5")
        self.e = method.E5 if careful else method.E
        self.order = 6 if careful else method.error_estimator_order + 1

    def slopes(self, f: Field, t: Any, y: Any, h: Any) -> list[Any]:
        ks: list[Any] = []
        for row, c in zip(self.a, self.c):
            ks.append(f(t + float(c) * h, _combined(y, h, row, ks)))
        return ks

    def advance(self, f: Field, step: Step, y: Any, order: int) -> Any:
        return _combined(y, step.h, self.b, self.slopes(f, step.t, y, step.h))

    def attempt(
        self, moved: Perturbation, guess: Solution, t: float, h: float, y: np.ndarray, v: np.ndarray
    ) -> tuple[Step, np.ndarray, np.ndarray, float]:
        """A step, where it leads the state and the perturbation, and the error of that."""
        n = y.size

        def both(t: Any, x: np.ndarray) -> np.ndarray:
            return np.concatenate([value(z) for z in moved.both(t, x[:n], x[n:])])

        x = np.concatenate([y, v])
        ks = self.slopes(both, t, x, h)
        after = _combined(x, h, self.b, ks)
        ks.append(both(t + h, after))
        error = _combined(0.0, h, self.e, ks)[n:]
        return Step(t, h), after[:n], after[n:], moved.size(error, v, after[n:])


class Implicit:
    """Radau's method."""

    order = STAGES + 1
    reach = 10
    """SciPy's steps are shorter, of methods of lower order; more of them could hide what they were there for."""

    def advance(self, f: Field, step: Step, y: Any, order: int) -> Any:
        """The step's end. Each of Newton's iterations with a fixed matrix makes derivatives of one order more right."""
        changes = step.stages
        weights = step.h * RADAU_A
        for _ in range(order):
            slopes = stack([f(step.t + c * step.h, y + z) for c, z in zip(RADAU_C, changes)])
            off = (changes - weights @ slopes).reshape(-1)
            changes = changes - (step.inverse @ off).reshape(changes.shape)
        return y + changes[-1]

    def attempt(
        self, moved: Perturbation, guess: Solution, t: float, h: float, y: np.ndarray, v: np.ndarray
    ) -> tuple[Step, np.ndarray, np.ndarray, float]:
        """A step, where it leads the state and the perturbation, and the error of that."""
        n = y.size
        times = t + np.append(0.0, RADAU_C) * h
        weights = h * RADAU_A
        found = guess(times).T
        changes = found[1:] - found[0]
        for _ in range(NEWTON):
            slopes, jacobians, others = moved.linearised(times, np.vstack([y, y + changes]))
            products = np.einsum("ij,jkl->ikjl", weights, jacobians[1:]).reshape(STAGES * n, STAGES * n)
            inverse = _inverse(np.eye(STAGES * n) - products)
            correction = (inverse @ (changes - weights @ slopes[1:]).reshape(-1)).reshape(STAGES, n)
            off = moved.size(correction, changes + y)
            if not off > CONVERGED:
                break
            changes = changes - correction
        along = jacobians @ v + others
        tangents = (inverse @ (weights @ along[1:]).reshape(-1)).reshape(STAGES, n)
        # the derivatives in the stages by what they have led to, which rounding harms less where h is large
        inner = np.linalg.solve(weights, tangents)
        error = _inverse(np.eye(n) - h * RADAU_START * jacobians[0]) @ (h * (RADAU_START * along[0] + RADAU_E @ inner))
        after = v + tangents[-1]
        size = moved.size(error, v, after)
        return Step(t, h, changes, inverse), y + (changes - correction)[-1], after, size if off <= CONVERGED else 1e3


def refined(
    method: Explicit | Implicit, moved: Perturbation, y: np.ndarray, guess: Solution, intervals: Sequence[list[float]]
) -> list[list[Step]]:
    """For each interval steps that follow a perturbation through it within the tolerances.

    An interval is the times of SciPy's steps in it. Between these a step is divided where the error is too large, and
    it covers several of them, up to `method.reach`, where the error is small enough. Where no division makes it so, as
    at a pole, there are no further intervals.
    """
    v, longest, tried = moved.start, 0.0, 0
    found: list[list[Step]] = []
    limit = LIMIT + 10 * sum(map(len, intervals))
    for nodes in intervals:
        nodes, done, i = list(nodes), [], 0
        while i + 1 < len(nodes):
            ahead = nodes[i + 1 : i + 1 + method.reach]
            j = i + max(1, sum(abs(end - nodes[i]) <= longest for end in ahead))
            t, h = nodes[i], nodes[j] - nodes[i]
            step, state, after, error = method.attempt(moved, guess, t, h, y, v)
            parts = min(max(2, math.ceil(1.1 * error ** (1 / method.order))), 50) if math.isfinite(error) else 2
            if error <= 1:
                done.append(step)
                y, v, i = state, after, j
                longest = abs(h) * 0.9 * max(error, 1e-9) ** (-1 / method.order)
            elif j > i + 1:
                longest = abs(h) / parts
            elif abs(h) > 100 * np.spacing(abs(t) + abs(h)):
                nodes[i : j + 1] = np.linspace(t, nodes[j], parts + 1).tolist()
            else:
                return found
            tried += 1
            if tried > limit:
                raise NotDifferentiableError(
                    "For stiff equations use method='Radau', 'BDF' or 'LSODA'. The derivative of the solution near "
                    f"t = {t:g}{at(here())} would take more than {limit} steps, though the solution itself does not: "
                    "it is stiff or oscillates fast."
                )
        found.append(done)
    return found


def replayed(
    method: Explicit | Implicit, f: Field, y: Any, intervals: Sequence[Sequence[Step]], order: int
) -> list[Any]:
    """The states at the ends of the intervals, with derivatives."""
    found = [y]
    for steps in intervals:
        for step in steps:
            y = method.advance(f, step, y, order)
        found.append(y)
    return found


def shifted(f: Field, t: Any, y: Any, dt: Any, order: int) -> Any:
    """The state a traced time `dt` later whose value is 0: exact in as many derivatives as `order` says."""
    if not isinstance(dt, Tracer):
        return y
    if order == 1:
        return y + dt * f(t, y)
    method = scipy.integrate.RK45 if order <= 5 else scipy.integrate.DOP853
    return Explicit(method).advance(f, Step(t, dt), y, order)


def _direction(x: np.ndarray, counter: Iterator[int]) -> np.ndarray:
    golden = np.array([next(counter) * 0.6180339887498949 % 1 for _ in range(x.size)]).reshape(x.shape)
    return np.where(x == 0, 1.0, x) * np.where(golden < 0.5, golden - 1.5, golden + 0.5)


def _combined(y: Any, h: Any, weights: Any, ks: Sequence[Any]) -> Any:
    terms = [float(w) * k for w, k in zip(weights, ks) if w]
    return y + h * sum(terms[1:], terms[0]) if terms else y


def _inverse(matrix: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        return np.full(matrix.shape, np.nan)
