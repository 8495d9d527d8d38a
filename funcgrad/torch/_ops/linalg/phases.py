"""PyTorch's error for losses that depend on the phases of complex eigenvectors and singular vectors.

Each vector is determined up to a factor of absolute value one. A loss has a gradient where it is the same for all
factors: then the product of a vector and its gradient is real, that of both singular vectors together.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from funcgrad.torch._record.calls import Kind
from funcgrad.torch._record.tape import Note, on_tape, raw
from funcgrad.torch._tensor.tensor import Tensor

ILL_DEFINED = (
    "{}_backward: The eigenvectors in the complex case are specified up to multiplication by e^{{i phi}}. The "
    "specified loss function depends on this quantity, so it is ill-defined."
)
ILL_DEFINED_SVD = (
    "svd_backward: The singular vectors in the complex case are specified up to multiplication by e^{i phi}. The "
    "specified loss function depends on this phase term, making it ill-defined."
)
CLOSE = 1e-2
"""How far from real the products may be, as in PyTorch."""


def _turn(vectors: np.ndarray, gradient: Tensor | None, axis: int) -> Any:
    """How the loss changes with each vector's phase."""
    return 0.0 if gradient is None else np.sum(vectors.conj() * gradient._array(), axis).imag


def _check_eigen(vectors: np.ndarray, error: str, grads: tuple[Tensor | None, ...]) -> None:
    if np.any(np.abs(_turn(vectors, grads[1], -2)) > CLOSE):
        raise RuntimeError(error)


def _check_singular(u: np.ndarray, vh: np.ndarray, grads: tuple[Tensor | None, ...]) -> None:
    if np.any(2 * np.abs(_turn(u, grads[0], -2) - _turn(vh, grads[2], -1)) > CLOSE):
        raise RuntimeError(ILL_DEFINED_SVD)


def _is_recorded(vectors: Any) -> bool:
    """Whether they are complex and recorded by a tape of tensors alone, not by other transformations beneath."""
    return vectors.dtype.kind == "c" and on_tape(vectors) and isinstance(raw(vectors), np.ndarray)


def _checked(kind: Kind, vectors: Any, check: Callable[..., None]) -> None:
    """Let the entry that all factors are outputs of look at their gradients before it is passed."""
    note = Note(kind.name, ())
    note.own = note.inner = True
    note.before = {0: check}
    vectors.node.parents[0].note = note


def checked_eigen(kind: Kind, name: str, factors: Any) -> Any:
    """Eigenvalues and eigenvectors, whose gradients are checked on the way back."""
    vectors = factors[1]
    if _is_recorded(vectors):
        _checked(kind, vectors, partial(_check_eigen, raw(vectors), ILL_DEFINED.format(name)))
    return tuple(factors)


def checked_singular(kind: Kind, factors: Any) -> Any:
    """Singular values and vectors, whose gradients are checked on the way back."""
    u, _, vh = factors
    if _is_recorded(u):
        _checked(kind, u, partial(_check_singular, raw(u), raw(vh)))
    return tuple(factors)
