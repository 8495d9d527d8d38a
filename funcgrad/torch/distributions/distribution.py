"""What all distributions have in common: shapes, checks of parameters and values, how they are shown."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcgrad.torch as torch
from funcgrad.core.trace import known
from funcgrad.core.warned import warn
from funcgrad.torch._record.modes import no_grad
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.sizes import Size
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.distributions.constraints import Constraint, is_dependent
from funcgrad.torch.distributions.shared import lazy_property

Constraints = dict[str, Constraint]
NO_SUPPORT = (
    "{} does not define `support` to enable sample validation. Please initialize the distribution with "
    "`validate_args=False` to turn off validation."
)
NO_CONSTRAINTS = (
    "{} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or initialize the distribution with "
    "`validate_args=False` to turn off validation."
)


def _all(valid: Tensor) -> bool:
    """Whether all is valid, as far as it is known: values that others compile or batch are not looked at."""
    array = known(constant(valid._read()))
    return array is None or bool(np.all(array))


class Distribution:
    """Independent random events: `batch_shape` many, each an array of `event_shape`.

    A subclass defines what it can of `sample`, `rsample` (which moves with the parameters, so that it can be
    differentiated), `log_prob`, `cdf`, `icdf`, `entropy`, `mean`, `mode` and `variance`.
    """

    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args = True

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether parameters and values are checked where `validate_args` is not given."""
        if value not in (True, False):
            raise ValueError
        Distribution._validate_args = value

    def __init__(
        self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None
    ) -> None:
        self._batch_shape = Size(batch_shape)
        self._event_shape = Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()

    def _check_parameters(self) -> None:
        try:
            found = self.arg_constraints
        except NotImplementedError:
            warn(NO_CONSTRAINTS.format(type(self)))
            return
        for name, constraint in found.items():
            if is_dependent(constraint):
                continue
            if name not in self.__dict__ and isinstance(getattr(type(self), name), lazy_property):
                continue
            value = getattr(self, name)
            if not _all(constraint.check(value)):
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                    f"{self!r} to satisfy the constraint {constraint!r}, but found invalid values:\n{value}"
                )

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with a larger batch shape."""
        new = self._new_instance(_instance)
        shape = Size(batch_shape)
        before = len(self._batch_shape)
        for name in self.arg_constraints:
            if name in self.__dict__:
                parameter = self.__dict__[name]
                new.__dict__[name] = parameter.expand(shape + parameter.shape[before:])
        self._keep(new)
        Distribution.__init__(new, shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def _new_instance(self, instance: Any) -> Any:
        return type(self).__new__(type(self)) if instance is None else instance

    def _keep(self, new: Any) -> None:
        """Give an expanded distribution what is not among the parameters."""

    @property
    def batch_shape(self) -> Size:
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        return self._event_shape

    @property
    def arg_constraints(self) -> dict[str, Constraint]:
        raise NotImplementedError

    @property
    def support(self) -> Any:
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Tensor:
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Numbers of `sample_shape + batch_shape + event_shape` that do not move with the parameters."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Numbers that move with the parameters."""
        raise NotImplementedError

    def sample_n(self, n: int) -> Tensor:
        warn(
            "`sample_n(n)` will be deprecated. Use `sample((n,))` instead.", FutureWarning,
        )
        return self.sample((n,))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or of the probability."""
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Tensor:
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values, along a first axis."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        return torch.exp(self.entropy())

    def _enumerated(self, values: Tensor, expand: bool) -> Tensor:
        values = values.view(-1, *(1,) * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values

    def _extended_shape(self, sample_shape: Any = ()) -> Size:
        shape = Size([*Size(sample_shape), *self._batch_shape, *self._event_shape])
        if any(n < 0 for n in shape):
            raise RuntimeError("numel: integer multiplication overflow")
        return shape

    def _validate_sample(self, value: Any) -> None:
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        shape, event = value.shape, self._event_shape
        if shape[len(shape) - len(event) :] != event:
            raise ValueError(f"The right-most size of value must match event_shape: {shape} vs {event}.")
        expected = Size((*self._batch_shape, *event))
        for i, j in zip(reversed(shape), reversed(expected)):
            if i != 1 and j != 1 and i != j:
                raise ValueError(
                    f"Value is not broadcastable with batch_shape+event_shape: {shape} vs {expected}."
                )
        try:
            support = self.support
        except NotImplementedError:
            warn(NO_SUPPORT.format(type(self)))
            return
        if not _all(support.check(value)):
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(shape)}) to be within the support "
                f"({support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def _checked(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return value

    def __repr__(self) -> str:
        parts = []
        for name in self.arg_constraints:
            if name in self.__dict__:
                parameter = self.__dict__[name]
                parts.append(f"{name}: {parameter if parameter.numel() == 1 else parameter.size()}")
        return f"{type(self).__name__}({', '.join(parts)})"


class ExponentialFamily(Distribution):
    """Distributions of an exponential family."""
