"""SciPy's `optimize`: minima, roots, fits. Derivatives are funcgrad's, and solutions are differentiable.

Where a user gives no gradient or Jacobian, it is funcgrad's, compiled. Under a transformation a solution has the
derivatives that follow from the equation it solves, by the implicit function theorem; no derivative goes through the
search, and none along the first guess.
"""

import typing as _typing

from scipy.optimize import (  # what SciPy's functions and these take and return
    BFGS,
    SR1,
    Bounds,
    HessianUpdateStrategy,
    LinearConstraint,
    NonlinearConstraint,
    OptimizeResult,
    OptimizeWarning,
    RootResults,
    approx_fprime,
    check_grad,
)

from funcgrad.core.avals import REMEDIES
from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import tells_nearest as _tells_nearest
from funcgrad.scipy.optimize.assignment import linear_sum_assignment as linear_sum_assignment
from funcgrad.scipy.optimize.assignment import linprog as linprog
from funcgrad.scipy.optimize.fitting import curve_fit as curve_fit
from funcgrad.scipy.optimize.fitting import least_squares as least_squares
from funcgrad.scipy.optimize.fitting import nnls as nnls
from funcgrad.scipy.optimize.minimizing import minimize as minimize
from funcgrad.scipy.optimize.rosenbrock import rosen as rosen
from funcgrad.scipy.optimize.rosenbrock import rosen_der as rosen_der
from funcgrad.scipy.optimize.rosenbrock import rosen_hess as rosen_hess
from funcgrad.scipy.optimize.scalars import bisect as bisect
from funcgrad.scipy.optimize.scalars import brenth as brenth
from funcgrad.scipy.optimize.scalars import brentq as brentq
from funcgrad.scipy.optimize.scalars import minimize_scalar as minimize_scalar
from funcgrad.scipy.optimize.scalars import newton as newton
from funcgrad.scipy.optimize.scalars import ridder as ridder
from funcgrad.scipy.optimize.scalars import root_scalar as root_scalar
from funcgrad.scipy.optimize.scalars import toms748 as toms748
from funcgrad.scipy.optimize.systems import fixed_point as fixed_point
from funcgrad.scipy.optimize.systems import fsolve as fsolve
from funcgrad.scipy.optimize.systems import root as root

globals().update(_entrances(globals()))
__all__ = [
    "BFGS",
    "SR1",
    "Bounds",
    "HessianUpdateStrategy",
    "LinearConstraint",
    "NonlinearConstraint",
    "OptimizeResult",
    "OptimizeWarning",
    "RootResults",
    "approx_fprime",
    "bisect",
    "brenth",
    "brentq",
    "check_grad",
    "curve_fit",
    "fixed_point",
    "fsolve",
    "least_squares",
    "linear_sum_assignment",
    "linprog",
    "minimize",
    "minimize_scalar",
    "newton",
    "nnls",
    "ridder",
    "root",
    "root_scalar",
    "rosen",
    "rosen_der",
    "rosen_hess",
    "toms748",
]


def __dir__() -> list[str]:
    return __all__


REMEDIES[RootResults] = "result.root"
REMEDIES[OptimizeResult] = "result.x (or another array of it, as result.fun, or solve_ivp's result.y)"
if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__, "scipy.optimize")
