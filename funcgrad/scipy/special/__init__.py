"""SciPy's `special`: error functions, the gamma function's kin, Bessel functions, distributions, integrals, entropies.

Each function takes SciPy's arguments, but for `out` and `where`. On plain arrays SciPy runs. Dtypes are SciPy's.
"""

from funcgrad.scipy.dispatch import missing_from
from funcgrad.scipy.special.bessel import i0 as i0
from funcgrad.scipy.special.bessel import i0e as i0e
from funcgrad.scipy.special.bessel import i1 as i1
from funcgrad.scipy.special.bessel import i1e as i1e
from funcgrad.scipy.special.bessel import iv as iv
from funcgrad.scipy.special.bessel import ive as ive
from funcgrad.scipy.special.bessel import j0 as j0
from funcgrad.scipy.special.bessel import j1 as j1
from funcgrad.scipy.special.bessel import jn as jn
from funcgrad.scipy.special.bessel import jv as jv
from funcgrad.scipy.special.bessel import jve as jve
from funcgrad.scipy.special.bessel import k0 as k0
from funcgrad.scipy.special.bessel import k0e as k0e
from funcgrad.scipy.special.bessel import k1 as k1
from funcgrad.scipy.special.bessel import k1e as k1e
from funcgrad.scipy.special.bessel import kv as kv
from funcgrad.scipy.special.bessel import kve as kve
from funcgrad.scipy.special.bessel import y0 as y0
from funcgrad.scipy.special.bessel import y1 as y1
from funcgrad.scipy.special.bessel import yn as yn
from funcgrad.scipy.special.bessel import yv as yv
from funcgrad.scipy.special.bessel import yve as yve
from funcgrad.scipy.special.distributions import betainc as betainc
from funcgrad.scipy.special.distributions import betaincc as betaincc
from funcgrad.scipy.special.distributions import betainccinv as betainccinv
from funcgrad.scipy.special.distributions import betaincinv as betaincinv
from funcgrad.scipy.special.distributions import chdtr as chdtr
from funcgrad.scipy.special.distributions import chdtrc as chdtrc
from funcgrad.scipy.special.distributions import fdtr as fdtr
from funcgrad.scipy.special.distributions import fdtrc as fdtrc
from funcgrad.scipy.special.distributions import gammainc as gammainc
from funcgrad.scipy.special.distributions import gammaincc as gammaincc
from funcgrad.scipy.special.distributions import gammainccinv as gammainccinv
from funcgrad.scipy.special.distributions import gammaincinv as gammaincinv
from funcgrad.scipy.special.distributions import stdtr as stdtr
from funcgrad.scipy.special.distributions import stdtrit as stdtrit
from funcgrad.scipy.special.elementary import boxcox as boxcox
from funcgrad.scipy.special.elementary import cbrt as cbrt
from funcgrad.scipy.special.elementary import exp2 as exp2
from funcgrad.scipy.special.elementary import exp10 as exp10
from funcgrad.scipy.special.elementary import expm1 as expm1
from funcgrad.scipy.special.elementary import exprel as exprel
from funcgrad.scipy.special.elementary import inv_boxcox as inv_boxcox
from funcgrad.scipy.special.elementary import log1p as log1p
from funcgrad.scipy.special.elementary import sinc as sinc
from funcgrad.scipy.special.entropies import entr as entr
from funcgrad.scipy.special.entropies import kl_div as kl_div
from funcgrad.scipy.special.entropies import rel_entr as rel_entr
from funcgrad.scipy.special.entropies import xlog1py as xlog1py
from funcgrad.scipy.special.entropies import xlogy as xlogy
from funcgrad.scipy.special.gammas import beta as beta
from funcgrad.scipy.special.gammas import betaln as betaln
from funcgrad.scipy.special.gammas import binom as binom
from funcgrad.scipy.special.gammas import digamma as digamma
from funcgrad.scipy.special.gammas import factorial as factorial
from funcgrad.scipy.special.gammas import gamma as gamma
from funcgrad.scipy.special.gammas import gammaln as gammaln
from funcgrad.scipy.special.gammas import gammasgn as gammasgn
from funcgrad.scipy.special.gammas import loggamma as loggamma
from funcgrad.scipy.special.gammas import multigammaln as multigammaln
from funcgrad.scipy.special.gammas import poch as poch
from funcgrad.scipy.special.gammas import polygamma as polygamma
from funcgrad.scipy.special.gammas import psi as psi
from funcgrad.scipy.special.gammas import rgamma as rgamma
from funcgrad.scipy.special.integrals import ellipe as ellipe
from funcgrad.scipy.special.integrals import ellipk as ellipk
from funcgrad.scipy.special.integrals import exp1 as exp1
from funcgrad.scipy.special.integrals import expi as expi
from funcgrad.scipy.special.integrals import expn as expn
from funcgrad.scipy.special.integrals import hyp1f1 as hyp1f1
from funcgrad.scipy.special.integrals import hyp2f1 as hyp2f1
from funcgrad.scipy.special.integrals import lambertw as lambertw
from funcgrad.scipy.special.integrals import owens_t as owens_t
from funcgrad.scipy.special.integrals import spence as spence
from funcgrad.scipy.special.integrals import zeta as zeta
from funcgrad.scipy.special.losses import huber as huber
from funcgrad.scipy.special.losses import pseudo_huber as pseudo_huber
from funcgrad.scipy.special.normal import dawsn as dawsn
from funcgrad.scipy.special.normal import erf as erf
from funcgrad.scipy.special.normal import erfc as erfc
from funcgrad.scipy.special.normal import erfcinv as erfcinv
from funcgrad.scipy.special.normal import erfcx as erfcx
from funcgrad.scipy.special.normal import erfinv as erfinv
from funcgrad.scipy.special.normal import expit as expit
from funcgrad.scipy.special.normal import log_expit as log_expit
from funcgrad.scipy.special.normal import log_ndtr as log_ndtr
from funcgrad.scipy.special.normal import logit as logit
from funcgrad.scipy.special.normal import ndtr as ndtr
from funcgrad.scipy.special.normal import ndtri as ndtri
from funcgrad.scipy.special.reductions import log_softmax as log_softmax
from funcgrad.scipy.special.reductions import logsumexp as logsumexp
from funcgrad.scipy.special.reductions import softmax as softmax

__all__ = [
    "beta",
    "betainc",
    "betaincc",
    "betainccinv",
    "betaincinv",
    "betaln",
    "binom",
    "boxcox",
    "cbrt",
    "chdtr",
    "chdtrc",
    "dawsn",
    "digamma",
    "ellipe",
    "ellipk",
    "entr",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfinv",
    "exp1",
    "exp2",
    "exp10",
    "expi",
    "expit",
    "expm1",
    "expn",
    "exprel",
    "factorial",
    "fdtr",
    "fdtrc",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammainccinv",
    "gammaincinv",
    "gammaln",
    "gammasgn",
    "huber",
    "hyp1f1",
    "hyp2f1",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "inv_boxcox",
    "iv",
    "ive",
    "j0",
    "j1",
    "jn",
    "jv",
    "jve",
    "k0",
    "k0e",
    "k1",
    "k1e",
    "kl_div",
    "kv",
    "kve",
    "lambertw",
    "log1p",
    "log_expit",
    "log_ndtr",
    "log_softmax",
    "loggamma",
    "logit",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "ndtri",
    "owens_t",
    "poch",
    "polygamma",
    "pseudo_huber",
    "psi",
    "rel_entr",
    "rgamma",
    "sinc",
    "softmax",
    "spence",
    "stdtr",
    "stdtrit",
    "xlog1py",
    "xlogy",
    "y0",
    "y1",
    "yn",
    "yv",
    "yve",
    "zeta",
]

__getattr__ = missing_from("scipy.special")
