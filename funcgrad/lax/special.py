"""JAX's `lax` functions of elements that NumPy does not have."""

from __future__ import annotations

from funcgrad.numpy.dispatch import Array
from funcgrad.ops import special
from funcgrad.ops.operands import as_array

__all__ = ["digamma", "erf", "erf_inv", "erfc", "lgamma", "logistic", "polygamma", "rsqrt"]


def erf(x: Array) -> Array:
    """The error function, the integral of `2 / sqrt(pi) * exp(-t * t)` from 0 to x.

    Example:
        >>> import numpy as np
        >>> erf(np.array([0.0, 30.0]))
        array([0., 1.])
    """
    return special.erf(as_array(x))


def erfc(x: Array) -> Array:
    """`1 - erf(x)`, precise where erf(x) is nearly 1.

    Example:
        >>> float(erfc(20.0)) > 0
        True
    """
    return special.erfc(as_array(x))


def erf_inv(x: Array) -> Array:
    """The inverse of `erf`: infinite at -1 and 1, NaN beyond.

    Example:
        >>> import numpy as np
        >>> erf_inv(np.array([-1.0, 0.0, 1.0]))
        array([-inf,   0.,  inf])
    """
    return special.erf_inv(as_array(x))


def lgamma(x: Array) -> Array:
    """The logarithm of the gamma function's absolute value; infinite at 0, -1, -2, ..., where the derivative is NaN.

    Example:
        >>> import numpy as np
        >>> np.exp(lgamma(np.array([1.0, 2.0, 5.0]))).round(12)
        array([ 1.,  1., 24.])
    """
    return special.lgamma(as_array(x))


def digamma(x: Array) -> Array:
    """The derivative of `lgamma`; NaN at 0, -1, -2, ...

    Example:
        >>> digamma(1.0).round(6)  # Euler's constant
        np.float64(-0.577216)
    """
    return special.digamma(as_array(x))


def polygamma(m: Array, x: Array) -> Array:
    """The derivative of order `m` of `digamma`; it can be differentiated in `x`.

    Example:
        >>> polygamma(1, 1.0).round(6)  # pi * pi / 6
        np.float64(1.644934)
    """
    return special.polygamma(as_array(m), as_array(x))


def logistic(x: Array) -> Array:
    """`1 / (1 + exp(-x))`, without overflow and precise in its lower tail; `fg.nn.sigmoid` is the same.

    Example:
        >>> import numpy as np
        >>> logistic(np.array([-1000.0, 0.0, 1000.0]))
        array([0. , 0.5, 1. ])
    """
    return special.logistic(as_array(x))


def rsqrt(x: Array) -> Array:
    """`1 / sqrt(x)`.

    Example:
        >>> rsqrt(4.0)
        np.float64(0.5)
    """
    return special.rsqrt(as_array(x))
