"""The generalised Pareto distribution, of what is above a threshold."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import funcgrad.torch as torch
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.distributions import constraints
from funcgrad.torch.distributions.distribution import Constraints, Distribution
from funcgrad.torch.distributions.shared import batch_shape_of, broadcast_all


class GeneralizedPareto(Distribution):
    """The probability of more than loc + scale * z is (1 + concentration * z) ** (-1 / concentration)."""

    arg_constraints: ClassVar[Constraints] = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(batch_shape_of(self.loc, loc, scale, concentration), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        end = torch.where(self.concentration < 0, self.loc - self.scale / self.concentration, math.inf)
        return constraints.interval(self.loc, end)

    def _is_exponential(self) -> Tensor:
        """Where the concentration is zero."""
        return torch.isclose(self.concentration, torch.zeros_like(self.concentration))

    def _shape(self) -> Tensor:
        """The concentration, or one where it is zero."""
        return torch.where(self._is_exponential(), 1.0, self.concentration)

    @property
    def mean(self) -> Tensor:
        exists = self.concentration < 1
        return torch.where(exists, self.loc + self.scale / (1 - torch.where(exists, self.concentration, 0.5)), math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        exists = self.concentration < 0.5
        c = torch.where(exists, self.concentration, 0.25)
        return torch.where(exists, self.scale**2 / ((1 - c) ** 2 * (1 - 2 * c)), math.nan)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(torch.rand(self._extended_shape(sample_shape), dtype=self.loc.dtype))

    def log_prob(self, value: Any) -> Tensor:
        z, c = (self._checked(value) - self.loc) / self.scale, self._shape()
        power = 1 / c + torch.ones_like(z)
        log_tail = torch.where(power == 0, power, power * torch.log1p(c * z))
        return -self.scale.log() - torch.where(self._is_exponential(), z, log_tail)

    def log_survival_function(self, value: Any) -> Tensor:
        """The logarithm of the probability of more."""
        z, c = (self._checked(value) - self.loc) / self.scale, self._shape()
        return torch.where(self._is_exponential(), -z, -torch.log1p(c * z) / c)

    def log_cdf(self, value: Any) -> Tensor:
        """The logarithm of the probability of less."""
        return torch.log1p(-torch.exp(self.log_survival_function(value)))

    def cdf(self, value: Any) -> Tensor:
        return torch.exp(self.log_cdf(value))

    def icdf(self, value: Any) -> Tensor:
        c, log_tail = self._shape(), torch.log1p(-value)
        plain = self.loc - self.scale * log_tail
        return torch.where(self._is_exponential(), plain, self.loc + self.scale / c * torch.expm1(-c * log_tail))

    def entropy(self) -> Tensor:
        return (torch.log(self.scale) + self.concentration + 1).expand(self._batch_shape)
