"""Distributions of matrices: of correlations (LKJ), and of sums of squares (Wishart)."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import funcgrad.torch as torch
from funcgrad.core.warned import warn
from funcgrad.torch._tensor.sizes import Size
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.distributions import constraints
from funcgrad.torch.distributions.distribution import Constraints, Distribution, ExponentialFamily
from funcgrad.torch.distributions.gammas import Chi2
from funcgrad.torch.distributions.shared import Number, broadcast_all, lazy_property
from funcgrad.torch.distributions.vectors import Beta, _triangle_of_precision, half_log_det

LOG_2 = math.log(2)


class LKJCholesky(Distribution):
    """The Cholesky factors of correlation matrices, with a density proportional to det ** (concentration - 1).

    Lewandowski, Kurowicka and Joe, Generating random correlation matrices based on vines and extended onion method
    (2009).
    """

    arg_constraints: ClassVar[Constraints] = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        offset = torch.arange(-1, dim - 1, dtype=self.concentration.dtype).clamp(min=0)
        marginal = (self.concentration + 0.5 * (dim - 2)).unsqueeze(-1)
        self._beta = Beta(offset + 0.5, marginal - 0.5 * offset)
        super().__init__(self.concentration.size(), (dim, dim), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new.dim, new._beta = self.dim, self._beta.expand((*batch_shape, self.dim))
        return new

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """By the onion method: each row's direction is uniform, and its squared length a beta variable."""
        squared = self._beta.sample(sample_shape).unsqueeze(-1)
        directions = torch.randn(self._extended_shape(sample_shape), dtype=squared.dtype).tril(-1)
        directions = directions / directions.norm(dim=-1, keepdim=True)
        directions[..., 0, :] = 0.0
        below = torch.sqrt(squared) * directions
        tiny = torch.finfo(below.dtype).tiny
        diagonal = (1 - (below**2).sum(-1)).clamp(min=tiny).sqrt()
        return below + torch.diag_embed(diagonal)

    def log_prob(self, value: Any) -> Tensor:
        n = self.dim
        diagonal = self._checked(value).diagonal(dim1=-1, dim2=-2)[..., 1:]
        powers = 2 * (self.concentration - 1).unsqueeze(-1) + n - torch.arange(2, n + 1)
        a = self.concentration + 0.5 * (n - 1)
        normalizer = 0.5 * (n - 1) * math.log(math.pi) + torch.mvlgamma(a - 0.5, n - 1) - torch.lgamma(a) * (n - 1)
        return (powers * diagonal.log()).sum(-1) - normalizer


class Wishart(ExponentialFamily):
    """The sum of `df` products x x^T of normal vectors with this covariance (or its inverse, or Cholesky factor)."""

    support = constraints.positive_definite
    has_rsample = True

    def __init__(
        self,
        df: Any,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        matrices = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        given = {name: matrix for name, matrix in matrices.items() if matrix is not None}
        if len(given) != 1:
            raise AssertionError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
            )
        ((name, matrix),) = given.items()
        if matrix.dim() < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading batch dimensions")
        is_number = isinstance(df, Number)
        batch = Size(matrix.shape[:-2] if is_number else torch.broadcast_shapes(matrix.shape[:-2], df.shape))
        self.df = torch.tensor(df, dtype=matrix.dtype) if is_number else df.expand(batch)
        n = matrix.shape[-1]
        if bool((self.df <= n - 1).any()):
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {n - 1}.")
        self.__dict__[name] = matrix.expand(*batch, -1, -1)
        if bool((self.df < n).any()):
            warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.",
            )
        super().__init__(batch, matrix.shape[-2:], validate_args=validate_args)
        if name == "scale_tril":
            self._triangle = matrix
        else:
            factor = torch.linalg.cholesky if name == "covariance_matrix" else _triangle_of_precision
            self._triangle = factor(matrix)
        self._chi2 = self._squares()

    @property
    def arg_constraints(self) -> Any:
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self.event_shape[-1] - 1),
        }

    def _squares(self) -> Chi2:
        """The squares on the diagonal of Bartlett's factor."""
        n = self._event_shape[-1]
        fewer = torch.arange(n, dtype=self._triangle.dtype).expand(*self._batch_shape, -1)
        return Chi2(self.df.unsqueeze(-1) - fewer)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new.df = self.df.expand(batch_shape)
        new._triangle = self._triangle.expand(*batch_shape, *self.event_shape)
        new._chi2 = new._squares()
        return new

    def _of_batch(self, matrix: Tensor) -> Tensor:
        return matrix.expand(*self._batch_shape, *self._event_shape)

    @lazy_property
    def scale_tril(self) -> Tensor:
        return self._of_batch(self._triangle)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        return self._of_batch(self._triangle @ self._triangle.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        identity = torch.eye(self._event_shape[-1], dtype=self._triangle.dtype)
        return self._of_batch(torch.cholesky_solve(identity, self._triangle))

    def _for_matrices(self, x: Tensor) -> Tensor:
        return x.view(*self._batch_shape, 1, 1)

    @property
    def mean(self) -> Tensor:
        return self._for_matrices(self.df) * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = self.df - self._event_shape[-1] - 1
        return self._for_matrices(factor.masked_fill(factor <= 0, math.nan)) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        covariance = self.covariance_matrix
        diagonal = covariance.diagonal(dim1=-2, dim2=-1)
        products = diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2)
        return self._for_matrices(self.df) * (covariance.pow(2) + products)

    def _drawn(self, sample_shape: Any) -> Tensor:
        """By Bartlett's decomposition."""
        n = self._event_shape[-1]
        eps = torch.finfo(self._triangle.dtype).eps
        diagonal = self._chi2.rsample(sample_shape).sqrt().clamp(min=eps)
        noise = diagonal.diag_embed(dim1=-2, dim2=-1)
        rows, columns = torch.tril_indices(n, n, -1)
        noise[..., rows, columns] = torch.randn(
            *sample_shape, *self._batch_shape, n * (n - 1) // 2, dtype=noise.dtype
        )
        factor = self._triangle @ noise
        return factor @ factor.mT

    def rsample(self, sample_shape: Any = (), max_try_correction: int | None = None) -> Tensor:
        """As in PyTorch, what is valid is drawn twice, with a warning, and what is singular again and again."""
        sample = self._drawn(sample_shape)
        again = self._any_of_batch(self.support.check(sample))
        if bool(again.any()):
            warn("Singular sample detected.")
            for _ in range(10 if max_try_correction is None else max_try_correction):
                new = self._drawn((int(again.sum()),))
                sample[again] = new
                again[again.clone()] = self._any_of_batch(~self.support.check(new))
                if not bool(again.any()):
                    break
        return sample

    def _any_of_batch(self, which: Tensor) -> Tensor:
        return which.amax([-1 - i for i in range(len(self._batch_shape))]) if self._batch_shape else which

    def log_prob(self, value: Any) -> Tensor:
        df, n = self.df, self._event_shape[-1]
        trace = torch.cholesky_solve(self._checked(value), self._triangle).diagonal(dim1=-2, dim2=-1).sum(-1)
        scale = -df * (n * LOG_2 / 2 + half_log_det(self._triangle)) - torch.mvlgamma(df / 2, n)
        return scale + (df - n - 1) / 2 * torch.linalg.slogdet(value).logabsdet - trace / 2

    def entropy(self) -> Tensor:
        df, n = self.df, self._event_shape[-1]
        halves = df.unsqueeze(-1) / 2 - torch.arange(n, dtype=df.dtype) / 2
        scale = (n + 1) * (n * LOG_2 / 2 + half_log_det(self._triangle)) + torch.mvlgamma(df / 2, n)
        return scale - (df - n - 1) / 2 * torch.digamma(halves).sum(-1) + df * n / 2
