"""`torch.distributions`: random numbers, their densities, and derivatives of both."""

import sys as _sys
import typing as _typing

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import public_names as _public_names
from funcgrad.torch._ops.table import tells_nearest as _tells_nearest
from funcgrad.torch.distributions import constraints as constraints
from funcgrad.torch.distributions import kl_pairs as _kl_pairs
from funcgrad.torch.distributions import transforms as transforms
from funcgrad.torch.distributions.constraint_registry import biject_to as biject_to
from funcgrad.torch.distributions.constraint_registry import transform_to as transform_to
from funcgrad.torch.distributions.continuous import Cauchy as Cauchy
from funcgrad.torch.distributions.continuous import Exponential as Exponential
from funcgrad.torch.distributions.continuous import Gamma as Gamma
from funcgrad.torch.distributions.continuous import Laplace as Laplace
from funcgrad.torch.distributions.continuous import Normal as Normal
from funcgrad.torch.distributions.continuous import Uniform as Uniform
from funcgrad.torch.distributions.continuous_bernoulli import ContinuousBernoulli as ContinuousBernoulli
from funcgrad.torch.distributions.counts import Geometric as Geometric
from funcgrad.torch.distributions.counts import Multinomial as Multinomial
from funcgrad.torch.distributions.counts import NegativeBinomial as NegativeBinomial
from funcgrad.torch.distributions.counts import OneHotCategorical as OneHotCategorical
from funcgrad.torch.distributions.counts import OneHotCategoricalStraightThrough as OneHotCategoricalStraightThrough
from funcgrad.torch.distributions.discrete import Bernoulli as Bernoulli
from funcgrad.torch.distributions.discrete import Binomial as Binomial
from funcgrad.torch.distributions.discrete import Categorical as Categorical
from funcgrad.torch.distributions.discrete import Poisson as Poisson
from funcgrad.torch.distributions.distribution import Distribution as Distribution
from funcgrad.torch.distributions.distribution import ExponentialFamily as ExponentialFamily
from funcgrad.torch.distributions.gammas import Chi2 as Chi2
from funcgrad.torch.distributions.gammas import FisherSnedecor as FisherSnedecor
from funcgrad.torch.distributions.gammas import StudentT as StudentT
from funcgrad.torch.distributions.generalized_pareto import GeneralizedPareto as GeneralizedPareto
from funcgrad.torch.distributions.independent import Independent as Independent
from funcgrad.torch.distributions.kl import kl_divergence as kl_divergence
from funcgrad.torch.distributions.kl import register_kl as register_kl
from funcgrad.torch.distributions.lowrank_multivariate_normal import (
    LowRankMultivariateNormal as LowRankMultivariateNormal,
)
from funcgrad.torch.distributions.matrices import LKJCholesky as LKJCholesky
from funcgrad.torch.distributions.matrices import Wishart as Wishart
from funcgrad.torch.distributions.mixture_same_family import MixtureSameFamily as MixtureSameFamily
from funcgrad.torch.distributions.relaxed import RelaxedBernoulli as RelaxedBernoulli
from funcgrad.torch.distributions.relaxed import RelaxedOneHotCategorical as RelaxedOneHotCategorical
from funcgrad.torch.distributions.transformed import Gumbel as Gumbel
from funcgrad.torch.distributions.transformed import HalfCauchy as HalfCauchy
from funcgrad.torch.distributions.transformed import HalfNormal as HalfNormal
from funcgrad.torch.distributions.transformed import InverseGamma as InverseGamma
from funcgrad.torch.distributions.transformed import Kumaraswamy as Kumaraswamy
from funcgrad.torch.distributions.transformed import LogisticNormal as LogisticNormal
from funcgrad.torch.distributions.transformed import LogNormal as LogNormal
from funcgrad.torch.distributions.transformed import Pareto as Pareto
from funcgrad.torch.distributions.transformed import TransformedDistribution as TransformedDistribution
from funcgrad.torch.distributions.transformed import Weibull as Weibull
from funcgrad.torch.distributions.transforms import AbsTransform as AbsTransform
from funcgrad.torch.distributions.transforms import AffineTransform as AffineTransform
from funcgrad.torch.distributions.transforms import CatTransform as CatTransform
from funcgrad.torch.distributions.transforms import ComposeTransform as ComposeTransform
from funcgrad.torch.distributions.transforms import CorrCholeskyTransform as CorrCholeskyTransform
from funcgrad.torch.distributions.transforms import CumulativeDistributionTransform as CumulativeDistributionTransform
from funcgrad.torch.distributions.transforms import ExpTransform as ExpTransform
from funcgrad.torch.distributions.transforms import IndependentTransform as IndependentTransform
from funcgrad.torch.distributions.transforms import LowerCholeskyTransform as LowerCholeskyTransform
from funcgrad.torch.distributions.transforms import PositiveDefiniteTransform as PositiveDefiniteTransform
from funcgrad.torch.distributions.transforms import PowerTransform as PowerTransform
from funcgrad.torch.distributions.transforms import ReshapeTransform as ReshapeTransform
from funcgrad.torch.distributions.transforms import SigmoidTransform as SigmoidTransform
from funcgrad.torch.distributions.transforms import SoftmaxTransform as SoftmaxTransform
from funcgrad.torch.distributions.transforms import SoftplusTransform as SoftplusTransform
from funcgrad.torch.distributions.transforms import StackTransform as StackTransform
from funcgrad.torch.distributions.transforms import StickBreakingTransform as StickBreakingTransform
from funcgrad.torch.distributions.transforms import TanhTransform as TanhTransform
from funcgrad.torch.distributions.transforms import Transform as Transform
from funcgrad.torch.distributions.transforms import identity_transform as identity_transform
from funcgrad.torch.distributions.vectors import Beta as Beta
from funcgrad.torch.distributions.vectors import Dirichlet as Dirichlet
from funcgrad.torch.distributions.vectors import MultivariateNormal as MultivariateNormal
from funcgrad.torch.distributions.von_mises import VonMises as VonMises

globals().update(_entrances(globals()))
__all__ = _public_names(globals(), "constraints", "transforms")
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
    _sys.modules[f"{__name__}.{_name}"] = globals()[_name] = _sys.modules[_class.__module__]
"""PyTorch has a file for each: `from torch.distributions.normal import Normal`."""

if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
