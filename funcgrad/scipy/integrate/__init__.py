"""SciPy's `integrate`: differential equations, integrals of functions and of samples.

Each function takes SciPy's arguments. On plain values SciPy runs; otherwise results have derivatives in what is traced,
be it an argument or a variable that a function closes over, in both modes, of any order, and under `jit` and `vmap`.
"""

import typing as _typing

from scipy.optimize import OptimizeResult

from funcgrad.core.avals import REMEDIES
from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import tells_nearest as _tells_nearest
from funcgrad.scipy.integrate.ode import odeint as odeint
from funcgrad.scipy.integrate.ode import solve_ivp as solve_ivp
from funcgrad.scipy.integrate.quadrature import dblquad as dblquad
from funcgrad.scipy.integrate.quadrature import fixed_quad as fixed_quad
from funcgrad.scipy.integrate.quadrature import quad as quad
from funcgrad.scipy.integrate.samples import cumulative_simpson as cumulative_simpson
from funcgrad.scipy.integrate.samples import cumulative_trapezoid as cumulative_trapezoid
from funcgrad.scipy.integrate.samples import romb as romb
from funcgrad.scipy.integrate.samples import simpson as simpson
from funcgrad.scipy.integrate.samples import trapezoid as trapezoid

globals().update(_entrances(globals()))
__all__ = [
    "cumulative_simpson",
    "cumulative_trapezoid",
    "dblquad",
    "fixed_quad",
    "odeint",
    "quad",
    "romb",
    "simpson",
    "solve_ivp",
    "trapezoid",
]


def __dir__() -> list[str]:
    return __all__


REMEDIES.setdefault(OptimizeResult, "result.y (or another array of it, as result.t)")  # whose kind solve_ivp's is
if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__, "scipy.integrate")
