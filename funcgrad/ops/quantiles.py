"""The normal distribution's quantile, of the logarithm of a probability."""

from __future__ import annotations

from funcgrad.ops.elementwise import exp
from funcgrad.ops.entropy import ROOT_2_PI
from funcgrad.ops.families import Elementwise, elementwise
from funcgrad.ops.special import Scipys

ndtri_exp: Elementwise = elementwise("ndtri_exp", Scipys("ndtri_exp"), d=lambda x, y: ROOT_2_PI * exp(y + 0.5 * x * x))
"""The inverse of `log_ndtr`."""
