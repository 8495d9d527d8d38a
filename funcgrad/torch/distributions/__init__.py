"""`torch.distributions`: random numbers, their densities, and derivatives of both."""

import sys

from funcgrad.torch.distributions import constraints as constraints
from funcgrad.torch.distributions import kl_pairs as _kl_pairs
from funcgrad.torch.distributions import transforms as transforms
from funcgrad.torch.distributions.constraint_registry import biject_to, transform_to
from funcgrad.torch.distributions.continuous import Cauchy, Exponential, Gamma, Laplace, Normal, Uniform
from funcgrad.torch.distributions.continuous_bernoulli import ContinuousBernoulli
from funcgrad.torch.distributions.counts import (
    Geometric,
    Multinomial,
    NegativeBinomial,
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
)
from funcgrad.torch.distributions.discrete import Bernoulli, Binomial, Categorical, Poisson
from funcgrad.torch.distributions.distribution import Distribution, ExponentialFamily
from funcgrad.torch.distributions.gammas import Chi2, FisherSnedecor, StudentT
from funcgrad.torch.distributions.generalized_pareto import GeneralizedPareto
from funcgrad.torch.distributions.independent import Independent
from funcgrad.torch.distributions.kl import kl_divergence, register_kl
from funcgrad.torch.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from funcgrad.torch.distributions.matrices import LKJCholesky, Wishart
from funcgrad.torch.distributions.mixture_same_family import MixtureSameFamily
from funcgrad.torch.distributions.relaxed import RelaxedBernoulli, RelaxedOneHotCategorical
from funcgrad.torch.distributions.transformed import (
    Gumbel,
    HalfCauchy,
    HalfNormal,
    InverseGamma,
    Kumaraswamy,
    LogisticNormal,
    LogNormal,
    Pareto,
    TransformedDistribution,
    Weibull,
)
from funcgrad.torch.distributions.transforms import (
    AbsTransform,
    AffineTransform,
    CatTransform,
    ComposeTransform,
    CorrCholeskyTransform,
    CumulativeDistributionTransform,
    ExpTransform,
    IndependentTransform,
    LowerCholeskyTransform,
    PositiveDefiniteTransform,
    PowerTransform,
    ReshapeTransform,
    SigmoidTransform,
    SoftmaxTransform,
    SoftplusTransform,
    StackTransform,
    StickBreakingTransform,
    TanhTransform,
    Transform,
    identity_transform,
)
from funcgrad.torch.distributions.vectors import Beta, Dirichlet, MultivariateNormal
from funcgrad.torch.distributions.von_mises import VonMises

_FILES = {
    "bernoulli": Bernoulli, "beta": Beta, "binomial": Binomial, "categorical": Categorical, "cauchy": Cauchy,
    "chi2": Chi2, "dirichlet": Dirichlet, "exp_family": ExponentialFamily, "exponential": Exponential,
    "fishersnedecor": FisherSnedecor, "gamma": Gamma, "geometric": Geometric, "gumbel": Gumbel,
    "half_cauchy": HalfCauchy, "half_normal": HalfNormal, "inverse_gamma": InverseGamma, "kumaraswamy": Kumaraswamy,
    "laplace": Laplace, "lkj_cholesky": LKJCholesky, "log_normal": LogNormal, "logistic_normal": LogisticNormal,
    "multinomial": Multinomial, "multivariate_normal": MultivariateNormal, "negative_binomial": NegativeBinomial,
    "normal": Normal, "one_hot_categorical": OneHotCategorical, "pareto": Pareto, "poisson": Poisson,
    "relaxed_bernoulli": RelaxedBernoulli, "relaxed_categorical": RelaxedOneHotCategorical, "studentT": StudentT,
    "transformed_distribution": TransformedDistribution, "uniform": Uniform, "weibull": Weibull, "wishart": Wishart,
}  # fmt: skip
for _name, _class in _FILES.items():
    sys.modules[f"{__name__}.{_name}"] = globals()[_name] = sys.modules[_class.__module__]
"""PyTorch has a file for each: `from torch.distributions.normal import Normal`."""


def __getattr__(name: str) -> object:
    raise AttributeError(f"module 'funcgrad.torch.distributions' has no attribute '{name}'")
