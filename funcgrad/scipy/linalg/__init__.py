"""SciPy's `linalg`: factorisations, systems of equations, eigenvalues, functions of matrices, special matrices.

Each function takes SciPy's arguments, and stacks of matrices `(..., n, m)`; on plain arrays SciPy runs. On traced
values `overwrite_a` and the like say nothing, and `check_finite` looks at values where they are known, which they are
not under `jit` and `vmap`. Functions that read one triangle are differentiated as functions of the symmetric part.
"""

import typing as _typing

from numpy.linalg import LinAlgError

from funcgrad.names import tells_nearest as _tells_nearest
from funcgrad.scipy.linalg import constructors, eigenvalues, factorisations, functions, systems
from funcgrad.scipy.linalg.constructors import *  # noqa: F403  (toeplitz, block_diag, ...)
from funcgrad.scipy.linalg.eigenvalues import *  # noqa: F403  (eig, eigh, eigh_tridiagonal, ...)
from funcgrad.scipy.linalg.factorisations import *  # noqa: F403  (cholesky, lu, qr, svd, polar, ...)
from funcgrad.scipy.linalg.functions import *  # noqa: F403  (expm, logm, sqrtm, solve_sylvester, ...)
from funcgrad.scipy.linalg.systems import *  # noqa: F403  (solve, solve_triangular, inv, lstsq, ...)

__all__ = [
    "LinAlgError",
    *constructors.__all__,
    *eigenvalues.__all__,
    *factorisations.__all__,
    *functions.__all__,
    *systems.__all__,
]


def __dir__() -> list[str]:
    return __all__


if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__, "scipy.linalg")
