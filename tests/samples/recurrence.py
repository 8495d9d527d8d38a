"""Sample rows of funcgrad.scipy.signal.recurrence."""

from __future__ import annotations

import numpy as np

from funcgrad.scipy.signal.recurrence import recurrence
from tests.samples import Sample

_draw = np.random.default_rng(37).normal
SIDES = _draw(size=(5, 2))
MANY = _draw(size=(3, 5, 2))
FILTER = np.array([-0.5, 0.3])
FILTERS = 0.4 * _draw(size=(3, 2))

ROWS = [
    Sample("recurrence", recurrence, (FILTER, SIDES), complex_too=True),
    Sample("recurrence", lambda a, u: recurrence(a, u, back=True), (FILTERS, MANY), "stacks, back", complex_too=True),
    Sample("recurrence", recurrence, (_draw(size=7) / 4, SIDES), "longer than the signal", complex_too=True),
]
