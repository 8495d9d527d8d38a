"""Multivariate normal distributions whose covariance is a diagonal and a product of few columns."""

from __future__ import annotations

from typing import Any, ClassVar

import funcgrad.torch as torch
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.distributions import constraints
from funcgrad.torch.distributions.distribution import Constraints, Distribution
from funcgrad.torch.distributions.shared import LOG_2PI, lazy_property
from funcgrad.torch.distributions.vectors import half_log_det, solved, squared_distance


def _applied(matrix: Tensor, x: Tensor) -> Tensor:
    return torch.matmul(matrix, x.unsqueeze(-1)).squeeze(-1)


class LowRankMultivariateNormal(Distribution):
    """With mean `loc` and the covariance cov_factor @ cov_factor.mT + diag(cov_diag).

    Inverse and determinant are those of a matrix with as many rows as `cov_factor` has columns: Woodbury's identity.
    """

    arg_constraints: ClassVar[Constraints] = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError("cov_factor must be at least two-dimensional, with optional leading batch dimensions")
        if cov_factor.shape[-2:-1] != event:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event[0]} x m")
        if cov_diag.shape[-1:] != event:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event}")
        try:
            columns = torch.broadcast_tensors(loc.unsqueeze(-1), cov_factor, cov_diag.unsqueeze(-1))
        except RuntimeError as error:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag {cov_diag.shape}"
            ) from error
        self.loc, self.cov_factor, self.cov_diag = columns[0][..., 0], columns[1], columns[2][..., 0]
        self._factor, self._diag = cov_factor, cov_diag
        product = torch.matmul(self._scaled(), cov_factor)
        self._inner = torch.linalg.cholesky(product + torch.eye(product.shape[-1], dtype=product.dtype))
        super().__init__(self.loc.shape[:-1], event, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new._factor, new._diag, new._inner = self._factor, self._diag, self._inner
        return new

    def _scaled(self) -> Tensor:
        """The factor's transpose by the diagonal."""
        return self._factor.mT / self._diag.unsqueeze(-2)

    def log_det(self) -> Tensor:
        """The logarithm of the covariance's determinant."""
        return 2 * half_log_det(self._inner) + self._diag.log().sum(-1)

    def squared_distance(self, x: Tensor) -> Tensor:
        """x . covariance^-1 x"""
        return (x.pow(2) / self._diag).sum(-1) - squared_distance(self._inner, _applied(self._scaled(), x))

    def _of_batch(self, t: Tensor, *event: int) -> Tensor:
        return t.expand(*self._batch_shape, *event)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @lazy_property
    def variance(self) -> Tensor:
        return self._of_batch(self._factor.pow(2).sum(-1) + self._diag, *self._event_shape)

    @lazy_property
    def scale_tril(self) -> Tensor:
        (n,), roots = self._event_shape, self._diag.sqrt().unsqueeze(-1)
        scaled = self._factor / roots
        inner = torch.linalg.cholesky(torch.matmul(scaled, scaled.mT) + torch.eye(n, dtype=scaled.dtype))
        return self._of_batch(roots * inner, n, n)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        (n,) = self._event_shape
        return self._of_batch(torch.matmul(self._factor, self._factor.mT) + torch.diag_embed(self._diag), n, n)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        (n,), half = self._event_shape, solved(self._inner, self._scaled())
        return self._of_batch(torch.diag_embed(self._diag.reciprocal()) - half.mT @ half, n, n)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        of_factor = torch.randn(*shape[:-1], self._factor.shape[-1], dtype=self.loc.dtype)
        of_diag = torch.randn(shape, dtype=self.loc.dtype)
        return self.loc + _applied(self._factor, of_factor) + self._diag.sqrt() * of_diag

    def log_prob(self, value: Any) -> Tensor:
        distance = self.squared_distance(self._checked(value) - self.loc)
        return -0.5 * (self._event_shape[0] * LOG_2PI + self.log_det() + distance)

    def entropy(self) -> Tensor:
        entropy = 0.5 * (self._event_shape[0] * (1.0 + LOG_2PI) + self.log_det())
        return self._of_batch(entropy) if self._batch_shape else entropy
