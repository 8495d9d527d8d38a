"""SciPy's `sparse`: the iterative solvers of `sparse.linalg`. Sparse matrices are SciPy's own, and constant."""

from funcgrad.scipy.sparse import linalg

__all__ = ["linalg"]


def __dir__() -> list[str]:
    return __all__
