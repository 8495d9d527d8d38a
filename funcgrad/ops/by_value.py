"""`expm1` with the derivative of its value alone, as PyTorch has it.

The argument is not kept, and may be written over. Where the value is rounded to -1, the derivative is 0: that of
`elementwise` has all digits there.
"""

from __future__ import annotations

import numpy as np

from funcgrad.ops.families.elementwise import Elementwise, elementwise

expm1: Elementwise = elementwise("expm1_by_value", np.expm1, d=lambda y, x: y + 1, lower="expm1")
