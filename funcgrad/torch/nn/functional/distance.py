"""Distances and angles between vectors."""

from __future__ import annotations

from funcgrad.torch._ops import kinks
from funcgrad.torch._ops.pointwise import plus_number
from funcgrad.torch._ops.reduce import norm
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.modes import no_grad
from funcgrad.torch._record.operands import check_broadcast, promote
from funcgrad.torch._tensor.tensor import Tensor

LENGTH = Kind("NormBackward1", "xr", reads=kinks.vector_norm_read)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last dimension."""
    d = plus_number(x1 - x2, eps)
    return call(LENGTH, kinks.norm, d, order=float(p), axes=(d.dim() - 1,) if d.dim() else (), keepdims=keepdim)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along `dim`.

    A norm below `eps` counts as `eps`, with the gradient of the norm.
    """

    def direction(x: Tensor) -> Tensor:
        length = norm(x, 2, dim, True).clone()
        with no_grad():
            length.clamp_(min=eps)
        return x / length

    check_broadcast(tuple(x1.shape), tuple(x2.shape))
    rank = max(x1.dim(), x2.dim())
    x1, x2 = (x if x.dim() == rank else x.reshape((1,) * (rank - x.dim()) + tuple(x.shape)) for x in (x1, x2))
    if x1._read().dtype != x2._read().dtype or x1._read().dtype.kind != "f":
        x1, x2 = promote(x1, x2)
        if x1._read().dtype.kind != "f":
            title = x1.dtype.title
            raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {title}")
    return (direction(x1) * direction(x2)).sum(dim)
