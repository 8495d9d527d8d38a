"""NumPy's `linalg`: stacks of matrices along the last two axes, vectors along the last.

Integers become float64, single precision stays, half precision is refused by all that NumPy leaves to LAPACK. What
NumPy gives as a named tuple is that named tuple.
"""

from numpy.linalg import LinAlgError

from funcgrad.numpy.linalg import equations, factorisations, norms, products
from funcgrad.numpy.linalg.equations import *  # noqa: F403  (solve, inv, pinv, lstsq, det, ...)
from funcgrad.numpy.linalg.factorisations import *  # noqa: F403  (cholesky, qr, eig, eigh, svd, ...)
from funcgrad.numpy.linalg.norms import *  # noqa: F403  (norm, cond, matrix_rank, ...)
from funcgrad.numpy.linalg.products import *  # noqa: F403  (matmul, multi_dot, matrix_power, ...)

__all__ = ["LinAlgError", *equations.__all__, *factorisations.__all__, *norms.__all__, *products.__all__]


def __dir__() -> list[str]:
    return __all__
