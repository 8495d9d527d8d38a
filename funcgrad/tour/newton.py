"""Newton's method; each step is solved by conjugate gradients from Hessian-vector products, without a Hessian."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

Vector = np.ndarray


class State(NamedTuple):
    """Where the iteration stands."""

    point: Vector
    value: float
    gradient_norm: float
    products: int


def conjugate_gradients(
    product: Callable[[Vector], Vector], b: Vector, tolerance: float, limit: int
) -> tuple[Vector, int]:
    """Solve A x = b for a positive definite A given by its products; returns x and how many products it took.

    Algorithm 5.2 of Nocedal and Wright, Numerical Optimization (2006).
    """
    x = np.zeros_like(b)
    residual, direction = b.copy(), b.copy()
    square = residual @ residual
    for step in range(1, limit + 1):
        image = product(direction)
        length = square / (direction @ image)
        x += length * direction
        residual -= length * image
        before, square = square, residual @ residual
        if np.sqrt(square) <= tolerance:
            return x, step
        direction = residual + (square / before) * direction
    return x, limit


def minimise(
    value_and_gradient: Callable[[Vector], tuple[float, Vector]],
    hessian_product: Callable[[Vector, Vector], Vector],
    point: Vector,
    steps: int,
    tolerance: float = 1e-8,
) -> Iterator[State]:
    """Yield the state after each Newton step with a backtracking line search, until the gradient is small."""
    value, gradient = value_and_gradient(point)
    products = 0
    for _ in range(steps):
        norm = float(np.linalg.norm(gradient))
        # the forcing term of Nocedal and Wright, section 7.1: solve the steps near the solution more exactly
        direction, used = conjugate_gradients(
            partial(hessian_product, point), -gradient, min(0.5, np.sqrt(norm)) * norm, point.size
        )
        products += used
        length = 1.0
        while (trial := value_and_gradient(point + length * direction))[0] > value + 1e-4 * length * (
            gradient @ direction
        ):
            length /= 2
        point = point + length * direction
        value, gradient = trial
        norm = float(np.linalg.norm(gradient))
        yield State(point, float(value), norm, products)
        if norm < tolerance:
            return
