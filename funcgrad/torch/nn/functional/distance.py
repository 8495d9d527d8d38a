"""Distances and angles between vectors."""

from __future__ import annotations

from typing import Any

from funcgrad.torch._ops import kinks
from funcgrad.torch._ops.reduce import norm
from funcgrad.torch._record.modes import no_grad
from funcgrad.torch._record.operands import promote
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn._recorded import recorded


@recorded("NormBackward1", "xr")
def _length(v: Any, p: float, keepdim: bool) -> Any:
    return kinks.norm(v, float(p), (v.ndim - 1,) if v.ndim else (), keepdim)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last dimension."""
    return _length(x1 - x2 + eps, p, keepdim)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along `dim`.

    A norm below `eps` counts as `eps`, with the gradient of the norm.
    """

    def direction(x: Tensor) -> Tensor:
        length = norm(x, 2, dim, True).clone()
        with no_grad():
            length.clamp_(min=eps)
        return x / length

    if x1._read().dtype != x2._read().dtype or x1._read().dtype.kind != "f":
        x1, x2 = promote(x1, x2)
        if x1._read().dtype.kind != "f":
            title = x1.dtype.title
            raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {title}")
    return (direction(x1) * direction(x2)).sum(dim)
