"""More distributions of counts: geometric, negative binomial, multinomial, and one-hot vectors."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import funcgrad.torch as torch
from funcgrad.torch._record.modes import no_grad
from funcgrad.torch._tensor.sizes import Size
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.distributions import constraints
from funcgrad.torch.distributions.continuous import Gamma
from funcgrad.torch.distributions.discrete import Binomial, ByProbability, Categorical
from funcgrad.torch.distributions.distribution import Constraints, Distribution
from funcgrad.torch.distributions.shared import batch_shape_of, broadcast_all
from funcgrad.torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid, one_hot


class Geometric(ByProbability):
    """How many trials fail before the first that succeeds, each with the probability `probs`."""

    arg_constraints: ClassVar[Constraints] = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._give(probs, logits)
        given = probs if logits is None else logits
        (self.__dict__[self._given],) = broadcast_all(given)
        super().__init__(batch_shape_of(self._param, given), validate_args=validate_args)
        if self._validate_args and probs is not None:
            found = self.probs
            positive = found > 0
            if not bool(positive.all()):
                raise ValueError(
                    f"Expected parameter probs ({type(found).__name__} of shape {tuple(found.shape)}) of distribution "
                    f"{self!r} to be positive but found invalid values:\n{found.data[~positive]}"
                )

    @property
    def mean(self) -> Tensor:
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Tensor:
        return torch.zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Any = ()) -> Tensor:
        dtype = self.probs.dtype
        with no_grad():
            u = torch.empty(self._extended_shape(sample_shape), dtype=dtype).uniform_(torch.finfo(dtype).tiny, 1)
            return (u.log() / torch.log1p(-self.probs)).floor()

    def log_prob(self, value: Any) -> Tensor:
        value, probs = broadcast_all(self._checked(value), self.probs)
        fails = probs.masked_fill((probs == 1) & (value == 0), 0)  # 0 times the logarithm of 0
        return value * torch.log1p(-fails) + self.probs.log()

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs


class NegativeBinomial(ByProbability):
    """How many trials succeed, each with the probability `probs`, before `total_count` fail."""

    arg_constraints: ClassVar[Constraints] = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer

    def __init__(
        self, total_count: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._give(probs, logits)
        count, parameter = broadcast_all(total_count, probs if logits is None else logits)
        self.total_count = count.type_as(parameter)
        self.__dict__[self._given] = parameter
        super().__init__(parameter.size(), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.total_count * torch.exp(self.logits)

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        return self.mean / torch.sigmoid(-self.logits)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """A Poisson variable, whose rate is a gamma variable."""
        with no_grad():
            rates = Gamma(self.total_count, torch.exp(-self.logits), validate_args=False)
            return torch.poisson(rates.sample(sample_shape))

    def log_prob(self, value: Any) -> Tensor:
        n = self.total_count
        log_power = n * logsigmoid(-self.logits) + self._checked(value) * logsigmoid(self.logits)
        normalizer = -torch.lgamma(n + value) + torch.lgamma(1.0 + value) + torch.lgamma(n)
        return log_power - normalizer.masked_fill(n + value == 0.0, 0.0)


class _OfCategorical(Distribution):
    """Vectors that a categorical distribution stands behind."""

    arg_constraints: ClassVar[Constraints] = {"probs": constraints.simplex, "logits": constraints.real_vector}
    _categorical: Categorical

    def _behind(self, probs: Any, logits: Any, validate_args: bool | None) -> None:
        self._categorical = Categorical(probs, logits)
        Distribution.__init__(
            self, self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args=validate_args
        )

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        new._categorical = self._categorical.expand(batch_shape)
        return new

    @property
    def _param(self) -> Tensor:
        return self._categorical._param

    @property
    def param_shape(self) -> Size:
        return self._categorical.param_shape

    @property
    def probs(self) -> Tensor:
        return self._categorical.probs

    @property
    def logits(self) -> Tensor:
        return self._categorical.logits


class Multinomial(_OfCategorical):
    """How often each of several things comes, of `total_count` times."""

    total_count: int

    def __init__(
        self, total_count: int = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._behind(probs, logits, validate_args)
        Binomial(total_count, probs=self.probs)  # which checks the count

    def _keep(self, new: Any) -> None:
        new.total_count = self.total_count

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        drawn = self._categorical.sample((self.total_count, *sample_shape)).movedim(0, -1)
        counts = drawn.new_zeros(self._extended_shape(sample_shape))
        return counts.scatter_add_(-1, drawn, torch.ones_like(drawn)).type_as(self.probs)

    def entropy(self) -> Tensor:
        n = torch.tensor(self.total_count)
        each = Binomial(self.total_count, probs=self.probs)
        counts = each.enumerate_support(expand=False)[1:]
        weighted = (torch.exp(each.log_prob(counts)) * torch.lgamma(counts + 1)).sum([0, -1])
        return n * self._categorical.entropy() - torch.lgamma(n + 1) + weighted

    def log_prob(self, value: Any) -> Tensor:
        logits, value = broadcast_all(self.logits, self._checked(value))
        ways = torch.lgamma(value.sum(-1) + 1) - torch.lgamma(value + 1).sum(-1)
        return ways + (logits.masked_fill((value == 0) & (logits == -math.inf), 0) * value).sum(-1)


class OneHotCategorical(_OfCategorical):
    """One of several things, as a vector with a one in its place."""

    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._behind(probs, logits, validate_args)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return one_hot(self.probs.argmax(-1), self.probs.shape[-1]).to(self.probs)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return one_hot(self._categorical.sample(sample_shape), self._categorical._num_events).to(self.probs)

    def log_prob(self, value: Any) -> Tensor:
        return self._categorical.log_prob(self._checked(value).max(-1)[1])

    def entropy(self) -> Tensor:
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        n, batch = self.event_shape[0], self.batch_shape
        values = torch.eye(n, dtype=self._param.dtype).view(n, *(1,) * len(batch), n)
        return values.expand(n, *batch, n) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """Samples whose gradient is that of the probabilities: Bengio et al., Estimating or propagating gradients through
    stochastic neurons (2013)."""

    has_rsample = True

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn, probs = self.sample(sample_shape), self.probs
        return drawn + (probs - probs.detach())
