"""A backend for pymanopt, which optimises on manifolds: gradients and products with the Hessian are funcgrad's.

    import funcgrad.pymanopt
    from pymanopt import Problem, manifolds, optimizers

    manifold = manifolds.Sphere(3)

    @funcgrad.pymanopt.function(manifold)
    def cost(x):
        return -x @ matrix @ x

    optimizers.TrustRegions().run(Problem(manifold, cost))

It needs pymanopt 2.2. Where the cost can be compiled, `@fg.jit` below the decorator compiles it with its derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pymanopt.autodiff import backend_decorator_factory

from funcgrad.transforms.api import grad
from funcgrad.transforms.dense import hvp

__all__ = ["function"]


def __dir__() -> list[str]:
    return __all__



class Backend:
    """What pymanopt asks of a backend. Its gradients are conjugate to ours where numbers are complex."""

    def __str__(self) -> str:
        return "funcgrad"

    @staticmethod
    def is_available() -> bool:
        return True

    def prepare_function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function

    def generate_gradient_operator(self, function: Callable[..., Any], num_arguments: int) -> Callable[..., Any]:
        """A function of the point's arrays, whose gradients it returns: one array, or a list."""
        gradient = grad(function, tuple(range(num_arguments)))
        return lambda *point: _conjugate(gradient(*point))

    def generate_hessian_operator(self, function: Callable[..., Any], num_arguments: int) -> Callable[..., Any]:
        """A function of the point's arrays and, behind them, as many tangents."""

        def product(*arrays: Any) -> Any:
            point, tangents = arrays[:num_arguments], arrays[num_arguments:]
            return _conjugate(hvp(function, point, tangents))

        return product


def _conjugate(arrays: tuple[np.ndarray, ...]) -> Any:
    found = [np.conj(a) for a in arrays]
    return found[0] if len(found) == 1 else found


function = backend_decorator_factory(Backend)
"""Decorator of a cost on a pymanopt manifold: `@function(manifold)`. The cost takes the point's arrays, one by one."""
