"""Rosenbrock's function, on which SciPy shows its methods, and its derivatives."""

from __future__ import annotations

import scipy.optimize

from funcgrad.numpy.dispatch import Array
from funcgrad.ops.operands import as_inexact
from funcgrad.scipy.dispatch import beside
from funcgrad.transforms.api import grad
from funcgrad.transforms.dense import hessian

scipy_function = beside(scipy.optimize)


@scipy_function
def rosen(x: Array) -> Array:
    """Rosenbrock's function along the first axis, which is smallest, 0, where all are 1.

    Example:
        >>> fg.grad(rosen)(np.array([1.0, 2.0]))
        array([-400.,  200.])
    """
    x = as_inexact(x)
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum(axis=0)


@scipy_function
def rosen_der(x: Array) -> Array:
    """The gradient of `rosen`."""
    return grad(lambda x: rosen(x).sum())(as_inexact(x))


@scipy_function
def rosen_hess(x: Array) -> Array:
    """The Hessian of `rosen` at a vector."""
    return hessian(rosen)(as_inexact(x))
