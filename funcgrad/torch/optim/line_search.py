"""A line search for the strong Wolfe conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Point(NamedTuple):
    """A step length, with the loss there, its gradient, and its slope along the direction."""

    t: Any
    loss: float
    grad: np.ndarray
    slope: Any


def cubic_minimum(a: Point, b: Point, bounds: tuple[Any, Any] | None = None) -> Any:
    """The minimum, within bounds, of the cubic through two points with their slopes.

    Nocedal and Wright (2006), equation 3.59; the middle where the cubic has none.
    """
    low, high = bounds if bounds is not None else ((a.t, b.t) if a.t <= b.t else (b.t, a.t))
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    if square >= 0:
        d2 = np.sqrt(square)
        if a.t <= b.t:
            t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
        else:
            t = a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2))
        return min(max(t, low), high)
    return (low + high) / 2.0


def strong_wolfe(
    at: Callable[[Any], tuple[float, np.ndarray]],
    t: Any,
    d: np.ndarray,
    loss: float,
    grad: np.ndarray,
    slope: Any,
    most: int,
    c1: float = 1e-4,
    c2: float = 0.9,
    tolerance: float = 1e-9,
) -> tuple[float, np.ndarray, Any, int]:
    """The loss and gradient at the step length found, that length, and the number of evaluations.

    `at(t)` computes loss and gradient; `loss`, `grad` and `slope` are those at 0. Nocedal and Wright (2006),
    algorithms 3.5 and 3.6, with the safeguards of Schmidt's minFunc.
    """
    start = Point(0, loss, grad, slope)

    def evaluate(t: Any) -> Point:
        loss, grad = at(t)
        return Point(t, loss, grad, grad.dot(d))

    def falls_short(p: Point) -> bool:
        return p.loss > start.loss + c1 * p.t * start.slope

    def is_level(p: Point) -> bool:
        return abs(p.slope) <= -c2 * start.slope

    bracket, done, tried = _bracketed(start, evaluate, t, most, falls_short, is_level)
    evaluated = tried + 1
    low = 0 if bracket[0].loss <= bracket[-1].loss else 1
    stuck = False
    width = np.abs(d).max()
    while not done and tried < most:
        if abs(bracket[1].t - bracket[0].t) * width < tolerance:
            break
        t, stuck = _inside(cubic_minimum(bracket[0], bracket[1]), bracket, stuck)
        p = evaluate(t)
        evaluated += 1
        tried += 1
        high = 1 - low
        if falls_short(p) or p.loss >= bracket[low].loss:
            bracket[high] = p
            low = 0 if bracket[0].loss <= bracket[1].loss else 1
            continue
        if is_level(p):
            done = True
        elif p.slope * (bracket[high].t - bracket[low].t) >= 0:
            bracket[high] = bracket[low]
        bracket[low] = p
    best = bracket[low]
    return best.loss, best.grad, best.t, evaluated


def _bracketed(
    start: Point,
    evaluate: Callable[[Any], Point],
    t: Any,
    most: int,
    falls_short: Callable[[Point], bool],
    is_level: Callable[[Point], bool],
) -> tuple[list[Point], bool, int]:
    """Two points with a good one between them, or the good one itself; whether it is that; how many were tried."""
    before, p = start, evaluate(t)
    for tried in range(most):
        if falls_short(p) or (tried > 1 and p.loss >= before.loss):
            return [before, p], False, tried
        if is_level(p):
            return [p], True, tried
        if p.slope >= 0:
            return [before, p], False, tried
        bounds = (p.t + 0.01 * (p.t - before.t), p.t * 10)
        t = cubic_minimum(before, p, bounds)
        before, p = p, evaluate(t)
    return [start, p], False, most


def _inside(t: Any, bracket: list[Point], stuck: bool) -> tuple[Any, bool]:
    """Move a length away from the ends of the bracket, where two in a row were too near to one."""
    ends = [p.t for p in bracket]
    low, high = min(ends), max(ends)
    margin = 0.1 * (high - low)
    if min(high - t, t - low) >= margin:
        return t, False
    if stuck or t >= high or t <= low:
        return (high - margin if abs(t - high) < abs(t - low) else low + margin), False
    return t, True
