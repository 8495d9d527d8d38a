"""JAX's `random`: numbers that are functions of a key, and JAX's own numbers.

    key = fg.random.key(42)
    key, used = fg.random.split(key)
    x = fg.random.normal(used, (3,))

A key is a plain array of two uint32. Words are those of Threefry-2x32, equal to JAX's bit by bit with its defaults
and 64 bits enabled; numbers made of them are equal but for the rounding of functions such as `log`.
"""

import typing as _typing

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import public_names as _public_names
from funcgrad.names import tells_nearest as _tells_nearest
from funcgrad.random.choices import categorical as categorical
from funcgrad.random.choices import choice as choice
from funcgrad.random.choices import permutation as permutation
from funcgrad.random.counts import binomial as binomial
from funcgrad.random.counts import multinomial as multinomial
from funcgrad.random.counts import poisson as poisson
from funcgrad.random.gammas import ball as ball
from funcgrad.random.gammas import beta as beta
from funcgrad.random.gammas import chisquare as chisquare
from funcgrad.random.gammas import dirichlet as dirichlet
from funcgrad.random.gammas import f as f
from funcgrad.random.gammas import gamma as gamma
from funcgrad.random.gammas import generalized_normal as generalized_normal
from funcgrad.random.gammas import loggamma as loggamma
from funcgrad.random.gammas import t as t
from funcgrad.random.keys import PRNGKey as PRNGKey
from funcgrad.random.keys import clone as clone
from funcgrad.random.keys import fold_in as fold_in
from funcgrad.random.keys import key as key
from funcgrad.random.keys import key_data as key_data
from funcgrad.random.keys import split as split
from funcgrad.random.keys import wrap_key_data as wrap_key_data
from funcgrad.random.uniform import bernoulli as bernoulli
from funcgrad.random.uniform import bits as bits
from funcgrad.random.uniform import cauchy as cauchy
from funcgrad.random.uniform import double_sided_maxwell as double_sided_maxwell
from funcgrad.random.uniform import exponential as exponential
from funcgrad.random.uniform import geometric as geometric
from funcgrad.random.uniform import gumbel as gumbel
from funcgrad.random.uniform import laplace as laplace
from funcgrad.random.uniform import logistic as logistic
from funcgrad.random.uniform import lognormal as lognormal
from funcgrad.random.uniform import maxwell as maxwell
from funcgrad.random.uniform import normal as normal
from funcgrad.random.uniform import pareto as pareto
from funcgrad.random.uniform import rademacher as rademacher
from funcgrad.random.uniform import randint as randint
from funcgrad.random.uniform import rayleigh as rayleigh
from funcgrad.random.uniform import triangular as triangular
from funcgrad.random.uniform import truncated_normal as truncated_normal
from funcgrad.random.uniform import uniform as uniform
from funcgrad.random.uniform import wald as wald
from funcgrad.random.uniform import weibull_min as weibull_min
from funcgrad.random.vectors import multivariate_normal as multivariate_normal
from funcgrad.random.vectors import orthogonal as orthogonal

globals().update(_entrances(globals()))
__all__ = _public_names(globals())
if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
