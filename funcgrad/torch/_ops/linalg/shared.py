"""What the rows of `torch.linalg` share: their checks, their errors, their results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.torch._ops.table import FIELDS, rows_of
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.tensor import Tensor, fresh

FIELDS.update(
    {
        "linalg_inv_ex": ("inverse", "info"),
        "linalg_slogdet": ("sign", "logabsdet"),
        "slogdet": ("sign", "logabsdet"),
        "linalg_solve_ex": ("result", "info"),
        "linalg_lstsq": ("solution", "residuals", "rank", "singular_values"),
        "linalg_cholesky_ex": ("L", "info"),
        "linalg_qr": ("Q", "R"),
        "qr": ("Q", "R"),
        "linalg_svd": ("U", "S", "Vh"),
        "svd": ("U", "S", "V"),
        "linalg_eigh": ("eigenvalues", "eigenvectors"),
        "linalg_eig": ("eigenvalues", "eigenvectors"),
        "linalg_lu": ("P", "L", "U"),
        "linalg_lu_factor": ("LU", "pivots"),
        "linalg_lu_factor_ex": ("LU", "pivots", "info"),
        "lu_unpack": ("P", "L", "U"),
        "geqrf": ("a", "tau"),
        "triangular_solve": ("solution", "cloned_coefficient"),
    }
)


routine = rows_of("linalg")


class _LinAlgError(RuntimeError):
    """A matrix does not have what was asked for: it is singular, not positive definite, or not finite."""

    __module__ = "funcgrad.torch.linalg"


LinAlgError = _LinAlgError
"""Which is PyTorch's public name of the class."""


def need_second(x: Any, function: str, name: str) -> None:
    if not isinstance(x, Tensor):
        raise TypeError(f"linalg_{function}(): argument '{name}' (position 2) must be Tensor, not {type(x).__name__}")


# Checks


def check_matrices(A: Tensor, function: str) -> None:
    if A.dim() < 2:
        raise RuntimeError(f"{function}: The input tensor A must have at least 2 dimensions.")


def check_squares(A: Tensor, function: str) -> None:
    check_matrices(A, function)
    n, m = A.shape[-2:]
    if n != m:
        prefix = f"{function}: " if function else ""
        raise RuntimeError(f"{prefix}A must be batches of square matrices, but they are {n} by {m} matrices")


def check_inexact(A: Tensor, function: str, half: bool = False) -> None:
    """Floating or complex numbers, those of half precision only where it is said."""
    if A._read().dtype.kind not in "fc":
        raise RuntimeError(
            f"{function}: Expected a floating point or complex tensor as input. Got {A.dtype.title}"
        )
    if is_half(A) and not half:
        raise RuntimeError(f"{function}: Low precision dtypes not supported. Got {A.dtype.title}")


def is_half(A: Tensor) -> bool:
    return A._read().dtype == np.float16


def refuse_half(A: Tensor, kernel: str, integers: bool = False) -> None:
    """PyTorch's error for a kernel that is not made for half precision (nor for integers)."""
    if is_half(A) or (integers and A._read().dtype.kind not in "fc"):
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{A.dtype.title}'")


# Errors of values


def guarded(run: Callable[[], Any], A: Tensor, fails: Callable[[np.ndarray], int], text: str) -> Any:
    """What is computed, or PyTorch's error about the first matrix that it cannot be computed for.

    `fails` gives the order at which a matrix fails, or zero; `text` has its places for it and for the batch element.
    Of traced values nothing is known, and NumPy's error stays as it is.
    """
    try:
        return run()
    except np.linalg.LinAlgError:
        orders = failures(A, fails)
        if orders is None:
            raise
    i = int(np.flatnonzero(orders)[0]) if orders.any() else 0
    batch = f"(Batch element {i}): " if A.dim() > 2 else ""
    raise LinAlgError(text.format(batch=batch, order=int(orders.flat[i]))) from None


def failures(A: Tensor, fails: Callable[[np.ndarray], int]) -> np.ndarray | None:
    """The order at which each matrix fails, zero where it does not; None where values are traced."""
    values: Any = constant(A._read())
    if isinstance(values, Tracer):
        return None
    n, m = values.shape[-2:]
    flat = values.reshape(-1, n, m) if values.size else np.zeros((int(np.prod(values.shape[:-2])), 0, 0))
    return np.array([fails(matrix) for matrix in flat], np.int32).reshape(values.shape[:-2])


def zero_pivot(matrix: np.ndarray) -> int:
    """The first pivot that is zero in elimination with partial pivoting, counted from one; zero where none is."""
    u = np.array(matrix)
    for k in range(len(u)):
        i = k + int(np.argmax(np.abs(u[k:, k])))
        if u[i, k] == 0:
            return k + 1
        u[[k, i]] = u[[i, k]]
        u[k + 1 :] -= np.outer(u[k + 1 :, k] / u[k, k], u[k])
    return 0


def infos(A: Tensor, fails: Callable[[np.ndarray], int] | None = None) -> Tensor:
    """The orders as PyTorch's `info`; zeros where no matrix fails."""
    orders = failures(A, fails) if fails else None
    return fresh(np.zeros(tuple(A.shape[:-2]), np.int32) if orders is None else orders)
