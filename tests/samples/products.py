"""Sample rows of funcgrad.scipy.sparse.products."""

from __future__ import annotations

import numpy as np

from funcgrad.scipy.sparse.products import sparse_product
from tests.samples import Sample

_draw = np.random.default_rng(41).normal
ROW, COLUMN = np.array([0, 0, 2, 3, 3, 0]), np.array([1, 3, 2, 0, 3, 1])
ELEMENTS = _draw(size=6)


def _product(v):
    return sparse_product(ELEMENTS.astype(v.real.dtype), ROW, COLUMN, v, height=5)


ROWS = [
    Sample("sparse_product", _product, (_draw(size=4),), "vector", complex_too=True),
    Sample("sparse_product", _product, (_draw(size=(2, 3, 4)),), "stacked", complex_too=True),
]
