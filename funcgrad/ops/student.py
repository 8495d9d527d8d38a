"""Student's distribution function and its inverse, by the incomplete beta function at the odds df : t * t."""

from __future__ import annotations

import math
from typing import Any

from funcgrad.ops.elementwise import sqrt, where
from funcgrad.ops.entropy import ROOT_2_PI
from funcgrad.ops.families.elementwise import Elementwise, elementwise
from funcgrad.ops.incomplete_beta import beta_power, slope_a
from funcgrad.ops.special import ROOT_2, Scipys, bell, in_floats


def student_density(df: Any, t: Any) -> Any:
    """The density of Student's distribution; the normal one for infinite `df`."""
    normal = bell(t / ROOT_2) / ROOT_2_PI
    finite = where(df == math.inf, 1.0, df)
    power = beta_power(finite / 2, 0.5, finite, t * t, less=(0, 0.5))
    return where(df == math.inf, normal, power / sqrt(finite + t * t))


def _held(df: Any, t: Any) -> Any:
    """How the quantile moves with `df` while the probability stays."""
    still = (df == math.inf) | (t == math.inf) | (t == -math.inf)
    df, inner = where(still, 1.0, df), where(still, 0.0, t)
    return inner * (slope_a(df / 2, 0.5, df, inner * inner) / 4 + 0.5 / df)


stdtr: Elementwise = elementwise(
    "stdtr",
    Scipys("stdtr"),
    d=(
        in_floats(lambda p, df, t: -student_density(df, t) * _held(df, t)),
        in_floats(lambda p, df, t: student_density(df, t)),
    ),
)
"""The probability below t in Student's distribution of `df` degrees of freedom."""
stdtrit: Elementwise = elementwise(
    "stdtrit",
    Scipys("stdtrit"),
    d=(in_floats(lambda t, df, p: _held(df, t)), in_floats(lambda t, df, p: 1 / student_density(df, t))),
)
"""The t below which the probability is p."""
