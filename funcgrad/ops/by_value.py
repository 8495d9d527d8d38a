"""`tanh`, `logistic` and `expm1` with derivatives of the value alone, as PyTorch has them.

The argument is not kept, and may be written over. Where the value is rounded to 1 or -1, the derivative is 0: the
functions of `elementwise` and `special` have it to all digits there.
"""

from __future__ import annotations

import numpy as np

from funcgrad.ops import special
from funcgrad.ops.families.elementwise import Elementwise, elementwise

tanh: Elementwise = elementwise("tanh_by_value", np.tanh, d=lambda y, x: 1 - y * y, lower="tanh")
logistic: Elementwise = elementwise(
    "logistic_by_value", special.logistic_of, d=lambda y, x: y * (1 - y), lower="logistic"
)
expm1: Elementwise = elementwise("expm1_by_value", np.expm1, d=lambda y, x: y + 1, lower="expm1")
