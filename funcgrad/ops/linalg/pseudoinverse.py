"""The pseudo-inverse of matrices of any shape and rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core.avals import Aval
from funcgrad.ops.contract import matmul, mH
from funcgrad.ops.families import General
from funcgrad.ops.linalg.shared import matrix, symmetric, triangle
from funcgrad.ops.structure import reshape, spread


def _product(x: Any, y: Any, z: Any) -> Any:
    """The product of three, by way of the smaller one of two."""
    first, last = x.shape[-2] * y.shape[-1], y.shape[-2] * z.shape[-1]
    return matmul(matmul(x, y), z) if first <= last else matmul(x, matmul(y, z))


def _d_pinv(t: Any, p: Any, a: Any, *cutoff: Any, hermitian: bool) -> Any:
    """`-p t p + p p^H t^H (1 - a p) + (1 - p a) t^H p^H p`."""
    if hermitian:
        a, t = _from_lower(a), symmetric(t)
    left, right = _product(p, mH(p), mH(t)), _product(mH(t), mH(p), p)
    return left - _product(left, a, p) + right - _product(p, a, right) - _product(p, t, p)


def _from_lower(a: Any) -> Any:
    """The Hermitian matrix of which NumPy reads the lower triangle."""
    below = a * triangle(a, True)
    return below + mH(below * (1 - np.eye(a.shape[-1], dtype=below.real.dtype)))


def _pinv_shape(a: Aval, *cutoff: Aval, hermitian: bool) -> Aval:
    stack, rows, columns, dtype = matrix(a)
    return Aval((*stack, columns, rows), dtype if rows * columns else a.dtype)


def _batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    a, *cutoff = values
    a = spread(a, batched[0], size)
    if cutoff and batched[1]:
        (c,) = cutoff
        cutoff = [reshape(c, shape=(size, *(1,) * (a.ndim - 2 - c.ndim), *c.shape[1:]))]
    return _pinv(a, *cutoff, **params)


_pinv = General(
    "pinv",
    lambda a, cutoff=None, *, hermitian: np.linalg.pinv(a, cutoff, hermitian=hermitian),
    shape=_pinv_shape,
    jvps=(_d_pinv,),
    batch=_batch,
)


def pinv(a: Any, cutoff: Any = None, *, hermitian: bool = False) -> Any:
    """The pseudo-inverse (Moore, Penrose), as `np.linalg.pinv`.

    The derivative is that along matrices of the same rank: where singular values are cut off, a change that would
    let them come back does not count. It is finite where singular values are equal. Source: Golub and Pereyra, "The
    differentiation of pseudo-inverses and nonlinear least squares problems" (1973), equation 4.12.

    Args:
        a: matrices `(*stack, n, m)`.
        cutoff: singular values up to this part of the largest count as zero; `(*stack)`, or any shape that broadcasts
            to it, without a derivative. None: NumPy's default.
        hermitian: `a` is symmetric or Hermitian, and its lower triangle is read; differentiated as a function of its
            symmetric part.

    Returns:
        `(*stack, m, n)`.

    Raises:
        numpy.linalg.LinAlgError: a value is not finite.

    Example:
        >>> import numpy as np
        >>> pinv(np.array([[2.0, 0.0], [0.0, 0.0]]))
        array([[0.5, 0. ],
               [0. , 0. ]])
    """
    return _pinv(a, *(() if cutoff is None else (cutoff,)), hermitian=bool(hermitian))
