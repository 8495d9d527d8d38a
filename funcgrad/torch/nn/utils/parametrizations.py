"""Weights by their lengths and directions, weights with the spectral norm 1, and orthogonal ones."""

from __future__ import annotations

from typing import Any

from funcgrad.names import own_names as _own_names
from funcgrad.torch._ops.reduce import norm
from funcgrad.torch._record.modes import no_grad
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn import functional as F
from funcgrad.torch.nn.modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from funcgrad.torch.nn.modules.module import Module
from funcgrad.torch.nn.utils.parametrize import register_parametrization
from funcgrad.torch.nn.utils.rotations import MAPS, _Orthogonal


def lengths(weight: Tensor, dim: int | None) -> Tensor:
    """The 2-norms over all dimensions but one, which stay as ones; over all for None or -1."""
    if dim is None or dim == -1:
        return norm(weight, 2)
    return norm(weight, 2, tuple(d for d in range(weight.dim()) if d != dim), True)


def with_lengths(weight: Tensor, wanted: Tensor, dim: int | None) -> Tensor:
    return weight * (wanted / lengths(weight, dim))


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """Dimension `dim` along the rows."""
    order = (dim, *(d for d in range(weight.dim()) if d != dim))
    return weight.permute(order).flatten(1)


def output_dim(module: Module) -> int:
    return 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0


def unit(size: int, like: Tensor, eps: float) -> Tensor:
    """A vector by chance, of length 1."""
    return F.normalize(like.new_empty(size).normal_(0, 1), dim=0, eps=eps)


def check_iterations(count: int) -> None:
    if count <= 0:
        raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={count}")


class _WeightNorm(Module):
    """Salimans and Kingma, "Weight normalization", 2016."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return with_lengths(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return lengths(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Let a weight be made of its lengths, `original0`, and directions, `original1`."""
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def from_old_names(module: Module, state_dict: Any, prefix: str, *rest: Any) -> None:
        old = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module.register_load_state_dict_pre_hook(from_old_names)
    return module


class _SpectralNorm(Module):
    """Miyato et al., "Spectral normalization for generative adversarial networks", 2018: the largest singular value by
    power iterations, which go on in training."""

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        ndim = weight.dim()
        if not -ndim <= dim < ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})"
            )
        check_iterations(n_power_iterations)
        self.dim = dim % ndim
        self.eps = eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight.detach(), self.dim)
            u, v = (unit(n, matrix, eps) for n in matrix.shape)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)
            self._iterate(matrix, 15)

    @no_grad()
    def _iterate(self, matrix: Tensor, count: int) -> None:
        for _ in range(count):
            self._u.copy_(F.normalize(matrix.mv(self._v), dim=0, eps=self.eps))
            self._v.copy_(F.normalize(matrix.t().mv(self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.dim() == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        return weight / self._u.clone().dot(matrix.mv(self._v.clone()))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Let a weight be divided by its largest singular value."""
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    axis = output_dim(module) if dim is None else dim
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, axis, eps))


def orthogonal(
    module: Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Module:
    """Let a weight have orthonormal columns, or rows where there are fewer of these.

    Args:
        orthogonal_map: "matrix_exp" or "cayley" of a skew matrix, or "householder", a product of reflections; by
            default the first of square and complex matrices, the last of others.
        use_trivialization: the map moves from the value that was set last, so that any can be set.

    >>> import funcgrad.torch as torch
    >>> layer = torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(4, 2))
    >>> torch.allclose(layer.weight @ layer.weight.T, torch.eye(2), atol=1e-6)
    True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        square = weight.size(-2) == weight.size(-1)
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in MAPS:
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". ' f"Got: {orthogonal_map}"
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    return register_parametrization(module, name, made, unsafe=True)


__all__ = _own_names(globals())


def __dir__() -> list[str]:
    return __all__
