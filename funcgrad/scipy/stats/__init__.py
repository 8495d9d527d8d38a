"""SciPy's `stats`: distributions, differentiable in points and parameters.

A distribution is called by SciPy's names, and frozen by a call: `norm.logpdf(x, loc, scale)`,
`norm(loc, scale).logpdf(x)`. On plain arrays SciPy runs, and is imported then; it takes half a second.

Example:
    >>> fg.grad(lambda scale: norm(0.0, scale).logpdf(np.array([0.5, 2.0])).sum())(1.0)
    np.float64(2.25)
"""

import typing as _typing

from funcgrad.core.frames import hide_in as _hide_in
from funcgrad.names import tells_nearest as _tells_nearest
from funcgrad.scipy.absent import STATS as _STATS
from funcgrad.scipy.stats.continuous import (
    CAUCHY,
    EXPON,
    GUMBEL_R,
    HALFNORM,
    LAPLACE,
    LOGISTIC,
    LOGNORM,
    NORM,
    PARETO,
    UNIFORM,
    WEIBULL_MAX,
    WEIBULL_MIN,
)
from funcgrad.scipy.stats.descriptive import (
    entropy,
    gmean,
    hmean,
    kurtosis,
    moment,
    pearsonr,
    sem,
    skew,
    variation,
    zmap,
    zscore,
)
from funcgrad.scipy.stats.discrete import BERNOULLI, BINOM, GEOM, NBINOM, POISSON
from funcgrad.scipy.stats.distribution import Continuous, Discrete
from funcgrad.scipy.stats.multivariate import dirichlet, multinomial, multivariate_normal
from funcgrad.scipy.stats.tailed import BETA, CHI2, GAMMA, TRUNCNORM, F, T

__all__ = [
    "bernoulli",
    "beta",
    "binom",
    "cauchy",
    "chi2",
    "dirichlet",
    "entropy",
    "expon",
    "f",
    "gamma",
    "geom",
    "gmean",
    "gumbel_r",
    "halfnorm",
    "hmean",
    "kurtosis",
    "laplace",
    "logistic",
    "lognorm",
    "moment",
    "multinomial",
    "multivariate_normal",
    "nbinom",
    "norm",
    "pareto",
    "pearsonr",
    "poisson",
    "sem",
    "skew",
    "t",
    "truncnorm",
    "uniform",
    "variation",
    "weibull_max",
    "weibull_min",
    "zmap",
    "zscore",
]


def __dir__() -> list[str]:
    return __all__


if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__, "scipy.stats", _STATS)

beta = Continuous("beta", BETA)
cauchy = Continuous("cauchy", CAUCHY)
chi2 = Continuous("chi2", CHI2)
expon = Continuous("expon", EXPON)
f = Continuous("f", F)
gamma = Continuous("gamma", GAMMA)
gumbel_r = Continuous("gumbel_r", GUMBEL_R)
halfnorm = Continuous("halfnorm", HALFNORM)
laplace = Continuous("laplace", LAPLACE)
logistic = Continuous("logistic", LOGISTIC)
lognorm = Continuous("lognorm", LOGNORM)
norm = Continuous("norm", NORM)
pareto = Continuous("pareto", PARETO)
t = Continuous("t", T)
truncnorm = Continuous("truncnorm", TRUNCNORM)
uniform = Continuous("uniform", UNIFORM)
weibull_max = Continuous("weibull_max", WEIBULL_MAX)
weibull_min = Continuous("weibull_min", WEIBULL_MIN)

bernoulli = Discrete("bernoulli", BERNOULLI)
binom = Discrete("binom", BINOM)
geom = Discrete("geom", GEOM)
nbinom = Discrete("nbinom", NBINOM)
poisson = Discrete("poisson", POISSON)

for _kind in {kind for x in list(globals().values()) for kind in type(x).__mro__}:
    if _kind.__module__.startswith("funcgrad.scipy.stats"):
        _hide_in(_kind)
