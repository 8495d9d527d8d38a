"""The continuous Bernoulli distribution.

Loaiza-Ganem and Cunningham, The continuous Bernoulli: fixing a pervasive error in variational autoencoders (2019).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import funcgrad.torch as torch
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.distributions import constraints
from funcgrad.torch.distributions.discrete import ByProbability
from funcgrad.torch.distributions.distribution import Constraints, ExponentialFamily
from funcgrad.torch.distributions.shared import batch_shape_of, broadcast_all, inside, lazy_property, log_odds
from funcgrad.torch.nn.functional import binary_cross_entropy_with_logits


class ContinuousBernoulli(ByProbability, ExponentialFamily):
    """Between 0 and 1: proportional to probs ** x * (1 - probs) ** (1 - x).

    Where `probs` is between the `lims`, all is computed by its series about 1/2.
    """

    arg_constraints: ClassVar[Constraints] = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        self._give(probs, logits)
        given = probs if logits is None else logits
        (parameter,) = broadcast_all(given)
        if logits is None:
            if validate_args is not None and not bool(constraints.unit_interval.check(parameter).all()):
                raise ValueError("The parameter probs has invalid values")
            parameter = inside(parameter)
        self.__dict__[self._given] = parameter
        self._lims = lims
        super().__init__(batch_shape_of(parameter, given), validate_args=validate_args)

    def _keep(self, new: Any) -> None:
        super()._keep(new)
        new._lims = self._lims

    @lazy_property
    def logits(self) -> Tensor:
        return log_odds(self.probs)

    @lazy_property
    def probs(self) -> Tensor:
        return inside(torch.sigmoid(self.logits))

    def _is_far(self) -> Tensor:
        """Where `probs` is not near 1/2."""
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _far(self) -> Tensor:
        """`probs`, or a number that is not near 1/2 where they are."""
        return torch.where(self._is_far(), self.probs, self._lims[0])

    def _log_norm(self) -> Tensor:
        """The logarithm of what the density is multiplied by."""
        p, x = self._far(), (self.probs - 0.5).pow(2)
        below = torch.log1p(-2.0 * torch.where(p <= 0.5, p, 0.0))
        above = torch.log(2.0 * torch.where(p >= 0.5, p, 1.0) - 1.0)
        far = (torch.log1p(-p) - p.log()).abs().log() - torch.where(p <= 0.5, below, above)
        return torch.where(self._is_far(), far, math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x)

    @property
    def mean(self) -> Tensor:
        p, x = self._far(), self.probs - 0.5
        far = p / (2.0 * p - 1.0) + 1.0 / (torch.log1p(-p) - p.log())
        return torch.where(self._is_far(), far, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.pow(2)) * x)

    @property
    def variance(self) -> Tensor:
        p, x = self._far(), (self.probs - 0.5).pow(2)
        far = p * (p - 1.0) / (1.0 - 2.0 * p).pow(2) + 1.0 / (torch.log1p(-p) - p.log()).pow(2)
        return torch.where(self._is_far(), far, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(torch.rand(self._extended_shape(sample_shape), dtype=self.probs.dtype))

    def log_prob(self, value: Any) -> Tensor:
        logits, value = broadcast_all(self.logits, self._checked(value))
        return -binary_cross_entropy_with_logits(logits, value, reduction="none") + self._log_norm()

    def cdf(self, value: Any) -> Tensor:
        p = self._far()
        far = (p.pow(self._checked(value)) * (1.0 - p).pow(1.0 - value) + p - 1.0) / (2.0 * p - 1.0)
        inner = torch.where(self._is_far(), far, value)
        return torch.where(value <= 0.0, 0.0, torch.where(value >= 1.0, 1.0, inner))

    def icdf(self, value: Any) -> Tensor:
        p = self._far()
        far = (torch.log1p(-p + value * (2.0 * p - 1.0)) - torch.log1p(-p)) / (p.log() - torch.log1p(-p))
        return torch.where(self._is_far(), far, value)

    def entropy(self) -> Tensor:
        log_rest = torch.log1p(-self.probs)
        return self.mean * (log_rest - self.probs.log()) - self._log_norm() - log_rest
