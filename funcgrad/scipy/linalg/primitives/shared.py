"""What the primitives share."""

from __future__ import annotations

import numpy as np


def all_finite(*args: np.ndarray) -> bool:
    return all(np.isfinite(a).all() for a in args)
