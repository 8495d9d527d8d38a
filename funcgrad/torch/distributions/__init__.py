"""`torch.distributions`: random numbers, their densities, and derivatives of both."""

from funcgrad.torch.distributions import constraints as constraints
from funcgrad.torch.distributions.continuous import Exponential, Gamma, Laplace, LogNormal, Normal, Uniform
from funcgrad.torch.distributions.discrete import Bernoulli, Binomial, Categorical, Poisson
from funcgrad.torch.distributions.distribution import Distribution, ExponentialFamily
from funcgrad.torch.distributions.independent import Independent
from funcgrad.torch.distributions.kl import kl_divergence, register_kl
from funcgrad.torch.distributions.vectors import Beta, Dirichlet, MultivariateNormal

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
