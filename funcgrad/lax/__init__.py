"""JAX's `lax` names."""

from __future__ import annotations

from typing import Any

from funcgrad import tree
from funcgrad.lax.control import associative_scan as associative_scan
from funcgrad.lax.control import cond as cond
from funcgrad.lax.control import fori_loop as fori_loop
from funcgrad.lax.control import map as map
from funcgrad.lax.control import scan as scan
from funcgrad.lax.control import switch as switch
from funcgrad.lax.control import while_loop as while_loop
from funcgrad.lax.solves import custom_linear_solve as custom_linear_solve
from funcgrad.lax.solves import custom_root as custom_root
from funcgrad.lax.special import digamma as digamma
from funcgrad.lax.special import erf as erf
from funcgrad.lax.special import erf_inv as erf_inv
from funcgrad.lax.special import erfc as erfc
from funcgrad.lax.special import lgamma as lgamma
from funcgrad.lax.special import logistic as logistic
from funcgrad.lax.special import polygamma as polygamma
from funcgrad.lax.special import rsqrt as rsqrt
from funcgrad.ops import elementwise

__all__ = [
    "associative_scan",
    "cond",
    "custom_linear_solve",
    "custom_root",
    "digamma",
    "erf",
    "erf_inv",
    "erfc",
    "fori_loop",
    "lgamma",
    "logistic",
    "map",
    "polygamma",
    "rsqrt",
    "scan",
    "stop_gradient",
    "switch",
    "while_loop",
]


def stop_gradient(x: Any) -> Any:
    """The same values, as constants: no derivative flows through.

    Args:
        x: an array, or a pytree of arrays.

    Returns:
        The values in the same structure. Under `grad` and `jvp` they are plain arrays, so `float` works.

    Example:
        >>> import funcgrad as fg
        >>> fg.grad(lambda x: x * stop_gradient(x))(3.0)
        np.float64(3.0)
    """
    return tree.map(elementwise.stop_gradient, x)
