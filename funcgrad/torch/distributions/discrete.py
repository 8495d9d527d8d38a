"""Distributions of counts: Bernoulli, categorical, binomial, Poisson."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

import funcgrad.torch as torch
from funcgrad.torch._record.modes import no_grad
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.sizes import Size
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.distributions import constraints
from funcgrad.torch.distributions.distribution import Constraints, Distribution, ExponentialFamily
from funcgrad.torch.distributions.shared import batch_shape_of, broadcast_all, inside, lazy_property, log_odds
from funcgrad.torch.nn.functional import binary_cross_entropy_with_logits

ONE_OF_BOTH = "Either `probs` or `logits` must be specified, but not both."


class ByProbability(Distribution):
    """Distributions by `probs`, or by `logits`; the other is computed when it is asked for."""

    _given: str

    def _give(self, probs: Any, logits: Any) -> None:
        if (probs is None) == (logits is None):
            raise ValueError(ONE_OF_BOTH)
        self._given = "logits" if probs is None else "probs"

    def _keep(self, new: Any) -> None:
        new._given = self._given

    @property
    def _param(self) -> Tensor:
        return getattr(self, self._given)

    @property
    def param_shape(self) -> Size:
        return self._param.size()

    @lazy_property
    def logits(self) -> Tensor:
        return log_odds(self.probs)

    @lazy_property
    def probs(self) -> Tensor:
        return torch.sigmoid(self.logits)


class Bernoulli(ByProbability, ExponentialFamily):
    """1 with the probability `probs`, else 0."""

    arg_constraints: ClassVar[Constraints] = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._give(probs, logits)
        given = probs if logits is None else logits
        (self.__dict__[self._given],) = broadcast_all(given)
        super().__init__(batch_shape_of(self._param, given), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        mode = (self.probs >= 0.5).to(self.probs)
        return mode.masked_fill(self.probs == 0.5, math.nan)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return torch.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Tensor:
        value = self._checked(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self._enumerated(torch.arange(2, dtype=self._param.dtype), expand)


class Categorical(ByProbability):
    """0, 1, ... with the probabilities along the last axis of `probs`, which need not sum to 1."""

    arg_constraints: ClassVar[Constraints] = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._give(probs, logits)
        given = probs if logits is None else logits
        if given.dim() < 1:
            raise ValueError(f"`{self._given}` parameter must be at least one-dimensional.")
        if logits is None:
            self.__dict__["probs"] = probs / probs.sum(-1, keepdim=True)
        else:
            self.__dict__["logits"] = logits - logits.logsumexp(dim=-1, keepdim=True)
        self._num_events = given.size()[-1]
        super().__init__(given.size()[:-1], validate_args=validate_args)

    def _keep(self, new: Any) -> None:
        super()._keep(new)
        new._num_events = self._num_events

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self._num_events - 1)

    @lazy_property
    def logits(self) -> Tensor:
        return torch.log(inside(self.probs))

    @lazy_property
    def probs(self) -> Tensor:
        return torch.softmax(self.logits, dim=-1)

    @property
    def mean(self) -> Tensor:
        return torch.full(self._extended_shape(), math.nan, dtype=self.probs.dtype)

    @property
    def mode(self) -> Tensor:
        return self.probs.argmax(dim=-1)

    @property
    def variance(self) -> Tensor:
        return self.mean

    def sample(self, sample_shape: Any = ()) -> Tensor:
        rows = self.probs.reshape(-1, self._num_events)
        found = torch.multinomial(rows, math.prod(sample_shape), True)
        return found.T.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Any) -> Tensor:
        index = self._checked(value).long().unsqueeze(-1)
        shape = np.broadcast_shapes(index.shape, self.logits.shape)
        logits = self.logits.expand(shape)
        return logits.gather(-1, index.expand(*shape[:-1], 1)).squeeze(-1)

    def entropy(self) -> Tensor:
        logits = torch.clamp(self.logits, min=torch.finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self._enumerated(torch.arange(self._num_events, dtype=dtypes.int64), expand)


class Binomial(ByProbability):
    """How often of `total_count` times, each with the probability `probs`."""

    arg_constraints: ClassVar[Constraints] = {
        "total_count": constraints.nonnegative_integer,
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    has_enumerate_support = True

    def __init__(
        self, total_count: Any = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._give(probs, logits)
        count, parameter = broadcast_all(total_count, probs if logits is None else logits)
        self.total_count = count.type_as(parameter)
        self.__dict__[self._given] = parameter
        super().__init__(parameter.size(), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return torch.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Any) -> Tensor:
        self._checked(value)
        n, x = self.total_count, self.logits
        positive = (x.clamp(min=0) + x - x.clamp(max=0)) / 2  # so that its derivative at 0 is 1/2
        normalizer = n * positive + n * torch.log1p(torch.exp(-torch.abs(x))) - torch.lgamma(n + 1)
        return value * x - torch.lgamma(value + 1) - torch.lgamma(n - value + 1) - normalizer

    def entropy(self) -> Tensor:
        self._common_count("entropy")
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(torch.exp(log_prob) * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        count = self._common_count("enumerate_support")
        return self._enumerated(torch.arange(1 + count, dtype=self._param.dtype), expand)

    def _common_count(self, method: str) -> int:
        count = int(self.total_count.max())
        if not self.total_count.min() == count:
            raise NotImplementedError(f"Inhomogeneous total count not supported by `{method}`.")
        return count


class Poisson(ExponentialFamily):
    """Counts with the mean `rate`."""

    arg_constraints: ClassVar[Constraints] = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(batch_shape_of(self.rate, rate), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.rate

    @property
    def mode(self) -> Tensor:
        return self.rate.floor()

    @property
    def variance(self) -> Tensor:
        return self.rate

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return torch.poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Tensor:
        rate, value = broadcast_all(self.rate, self._checked(value))
        return torch.xlogy(value, rate) - rate - torch.lgamma(value + 1)
