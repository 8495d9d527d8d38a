"""Sample rows of funcgrad.scipy.bands."""

from __future__ import annotations

import numpy as np

from funcgrad.scipy.bands import banded_solve, recurrence
from tests.samples import Sample

_draw = np.random.default_rng(37).normal
SIDES = _draw(size=(2, 5))
MANY = _draw(size=(3, 2, 5))
BAND = _draw(size=(3, 5)) + np.array([[0.0], [4.0], [0.0]])
WIDE = _draw(size=(3, 4, 5)) + np.array([[0.0], [6.0], [0.0], [0.0]])
FILTER = np.array([-0.5, 0.3])
FILTERS = 0.4 * _draw(size=(3, 2))

ROWS = [
    Sample("banded_solve", lambda a, b: banded_solve(a, b, lower=1, upper=1), (BAND, SIDES), complex_too=True),
    Sample("banded_solve", lambda a, b: banded_solve(a, b, lower=2, upper=1), (WIDE, MANY), "stacks", complex_too=True),
    Sample("banded_solve", lambda a, b: banded_solve(a, b, lower=0, upper=2), (BAND[::-1], SIDES), complex_too=True),
    Sample("recurrence", recurrence, (FILTER, SIDES), complex_too=True),
    Sample("recurrence", recurrence, (FILTERS, MANY), "stacks", complex_too=True),
    Sample("recurrence", recurrence, (_draw(size=7) / 4, SIDES), "longer than the signal", complex_too=True),
]
