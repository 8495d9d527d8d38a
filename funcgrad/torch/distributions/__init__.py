"""`torch.distributions`: random numbers, their densities, and derivatives of both."""

import sys

from funcgrad.torch.distributions import constraints as constraints
from funcgrad.torch.distributions.continuous import Exponential, Gamma, Laplace, LogNormal, Normal, Uniform
from funcgrad.torch.distributions.discrete import Bernoulli, Binomial, Categorical, Poisson
from funcgrad.torch.distributions.distribution import Distribution, ExponentialFamily
from funcgrad.torch.distributions.independent import Independent
from funcgrad.torch.distributions.kl import kl_divergence, register_kl
from funcgrad.torch.distributions.vectors import Beta, Dirichlet, MultivariateNormal

_FILES = {
    "bernoulli": Bernoulli, "beta": Beta, "binomial": Binomial, "categorical": Categorical, "dirichlet": Dirichlet,
    "exp_family": ExponentialFamily, "exponential": Exponential, "gamma": Gamma, "laplace": Laplace,
    "log_normal": LogNormal, "multivariate_normal": MultivariateNormal, "normal": Normal, "poisson": Poisson,
    "uniform": Uniform,
}  # fmt: skip
for _name, _class in _FILES.items():
    sys.modules[f"{__name__}.{_name}"] = globals()[_name] = sys.modules[_class.__module__]
"""PyTorch has a file for each: `from torch.distributions.normal import Normal`."""

_INSTEAD = {
    "Cauchy": "loc + scale * torch.tan(math.pi * (torch.rand(shape) - 0.5))",
    "Chi2": "Gamma(df / 2, 0.5)",
    "HalfNormal": "Normal, and its samples' abs()",
    "OneHotCategorical": "Categorical, and rows of torch.eye",
    "TransformedDistribution": "a function of rsample(), and log_prob with its own derivative",
}


def __getattr__(name: str) -> object:
    if name in _INSTEAD:
        raise AttributeError(f"funcgrad.torch.distributions has no {name}: use {_INSTEAD[name]}")
    raise AttributeError(f"module 'funcgrad.torch.distributions' has no attribute '{name}'")
