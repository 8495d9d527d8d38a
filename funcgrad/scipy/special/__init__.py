"""SciPy's `special`: error functions, the gamma function's kin, Bessel functions, distributions, integrals, entropies.

Each function takes SciPy's arguments, but for `out` and `where`. On plain arrays SciPy runs. Dtypes are SciPy's.
"""

import typing as _typing

from funcgrad.names import tells_nearest as _tells_nearest
from funcgrad.scipy.absent import SPECIAL as _SPECIAL
from funcgrad.scipy.special import (
    bessel,
    distributions,
    elementary,
    entropies,
    gammas,
    integrals,
    losses,
    normal,
    reductions,
)
from funcgrad.scipy.special.bessel import *  # noqa: F403  (j0, i0, kv, ...)
from funcgrad.scipy.special.distributions import *  # noqa: F403  (gammainc, betainc, stdtr, ...)
from funcgrad.scipy.special.elementary import *  # noqa: F403  (exprel, boxcox, ...)
from funcgrad.scipy.special.entropies import *  # noqa: F403  (xlogy, entr, ...)
from funcgrad.scipy.special.gammas import *  # noqa: F403  (gamma, gammaln, beta, ...)
from funcgrad.scipy.special.integrals import *  # noqa: F403  (expn, zeta, lambertw, ...)
from funcgrad.scipy.special.losses import *  # noqa: F403  (huber, pseudo_huber)
from funcgrad.scipy.special.normal import *  # noqa: F403  (erf, ndtr, expit, ...)
from funcgrad.scipy.special.reductions import *  # noqa: F403  (logsumexp, softmax, ...)

__all__ = [
    *bessel.__all__,
    *distributions.__all__,
    *elementary.__all__,
    *entropies.__all__,
    *gammas.__all__,
    *integrals.__all__,
    *losses.__all__,
    *normal.__all__,
    *reductions.__all__,
]


def __dir__() -> list[str]:
    return __all__


if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__, "scipy.special", _SPECIAL)
