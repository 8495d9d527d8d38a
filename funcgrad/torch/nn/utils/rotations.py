"""Matrices with orthonormal columns, or rows where there are fewer of these, made of any matrix.

Lezcano-Casado and Martinez-Rubio, "Cheap orthogonal constraints in neural networks", 2019.
"""

from __future__ import annotations

from funcgrad.torch._ops.compare import allclose
from funcgrad.torch._ops.join import cat
from funcgrad.torch._ops.linalg.chains import householder_product, matrix_exp
from funcgrad.torch._ops.linalg.older import geqrf
from funcgrad.torch._ops.linalg.systems import solve
from funcgrad.torch._ops.random import randn
from funcgrad.torch._ops.ranges import eye
from funcgrad.torch._record.modes import no_grad
from funcgrad.torch._tensor.dtypes import finfo
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.modules.module import Module

MAPS = ("matrix_exp", "cayley", "householder")


def _is_orthogonal(q: Tensor) -> bool:
    identity = eye(q.size(-1), dtype=q.dtype)
    return allclose(q.mH @ q, identity, atol=10.0 * q.size(-2) * finfo(q.dtype).eps)


def _orthogonalised(a: Tensor) -> Tensor:
    """The Q of the decomposition whose R has no negative diagonal."""
    reflectors, tau = geqrf(a)
    signs = reflectors.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)
    return householder_product(reflectors, tau) * signs


def _rotation(x: Tensor, how: str) -> Tensor:
    """The first columns of an orthogonal matrix, made of the lower triangle of a tall one."""
    n, k = x.shape[-2:]
    lower = x.tril()
    if n != k:
        lower = cat([lower, x.new_zeros(*x.shape[:-2], n, n - k)], dim=-1)
    skew = lower - lower.mH
    if how == "matrix_exp":
        full = matrix_exp(skew)
    else:
        identity = eye(n, dtype=x.dtype)
        full = solve(identity - 0.5 * skew, identity + 0.5 * skew)
    return full[..., :k] if n != k else full


def _reflections(x: Tensor) -> Tensor:
    """A product of Householder reflections, below the diagonal, by the signs on it."""
    vectors = x.tril(diagonal=-1)
    tau = 2.0 / (1.0 + (vectors * vectors).sum(dim=-2))
    signs = x.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)  # no derivative
    return householder_product(vectors, tau) * signs


class _Orthogonal(Module):
    """The parametrization: a base, which is the value at the time when it was set, times what the map makes.

    Without a base (`use_trivialization=False`) it is what the map makes.
    """

    def __init__(self, weight: Tensor, orthogonal_map: str, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        wide = X.size(-2) < X.size(-1)
        tall = X.mT if wide else X
        made = _reflections(tall) if self.orthogonal_map == "householder" else _rotation(tall, self.orthogonal_map)
        if hasattr(self, "base"):
            made = self.base @ made
        return made.mT if wide else made

    @no_grad()
    def right_inverse(self, Q: Tensor) -> Tensor:
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {Q.shape}."
            )
        wide = Q.size(-2) < Q.size(-1)
        tall = Q.mT if wide else Q
        if not hasattr(self, "base"):
            own = self._without_base(tall)
            return own.mT if wide else own
        n, k = tall.shape[-2:]
        if n != k:  # all columns of an orthogonal matrix
            tall = cat([tall, randn(*tall.shape[:-2], n, n - k, dtype=Q.dtype)], dim=-1)
        self.base = tall.clone() if n == k and _is_orthogonal(tall) else _orthogonalised(tall)
        unmoved = Q.new_zeros(Q.shape)
        unmoved.diagonal(dim1=-2, dim2=-1).fill_(-1.0)  # of which reflections make the identity, as rotations do
        return unmoved

    def _without_base(self, tall: Tensor) -> Tensor:
        """What `_reflections` makes the matrix of."""
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                "use_trivialization=False."
            )
        reflectors, tau = geqrf(tall)
        diagonal = reflectors.diagonal(dim1=-2, dim2=-1)
        diagonal.sign_()
        diagonal[tau == 0.0] *= -1  # LAPACK's, where it reflects nothing
        return reflectors
