"""The von Mises distribution, of angles."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import funcgrad.torch as torch
from funcgrad.torch._record.modes import no_grad
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.distributions import constraints
from funcgrad.torch.distributions.distribution import Constraints, Distribution
from funcgrad.torch.distributions.shared import LOG_2PI, broadcast_all, lazy_property


class VonMises(Distribution):
    """Angles from -pi to pi: proportional to exp(concentration * cos(x - loc))."""

    arg_constraints: ClassVar[Constraints] = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @lazy_property
    def variance(self) -> Tensor:
        """That of directions: 1 less the length of the mean of unit vectors."""
        return 1 - torch.special.i1e(self.concentration) / torch.special.i0e(self.concentration)

    def log_prob(self, value: Any) -> Tensor:
        k = self.concentration
        return k * (torch.cos(self._checked(value) - self.loc) - 1) - LOG_2PI - torch.special.i0e(k).log()

    @no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """By rejection from wrapped Cauchy variables: Best and Fisher, Efficient simulation of the von Mises
        distribution (1979)."""
        shape, k = self._extended_shape(sample_shape), self.concentration.to(dtypes.float64)
        tau = 1 + (1 + 4 * k**2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * k)
        r = torch.where(k < 1e-5, 1 / k + k, (1 + rho**2) / (2 * rho))
        angles, done = torch.zeros(shape, dtype=k.dtype), torch.zeros(shape, dtype=dtypes.bool)
        while not bool(done.all()):
            u1, u2, u3 = torch.rand((3, *shape), dtype=k.dtype).unbind()
            z = torch.cos(math.pi * u1)
            f = (1 + r * z) / (r + z)
            c = k * (r - f)
            accepted = ((c * (2 - c) - u2) > 0) | ((c / u2).log() + 1 - c >= 0)
            angles = torch.where(accepted, (u3 - 0.5).sign() * f.acos(), angles)
            done = done | accepted
        turned = (angles + math.pi + self.loc.to(k.dtype)) % (2 * math.pi) - math.pi
        return turned.to(self.loc.dtype)
