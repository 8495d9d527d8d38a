"""Sample rows of funcgrad.ops.correlate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.ops.correlate import correlate, correlate_spread, correlate_weigh
from tests.samples import Sample

RNG = np.random.default_rng(44)
X, W = RNG.normal(size=(2, 3, 5, 6)), RNG.normal(size=(4, 3, 2, 3))
LINE, KERNEL = RNG.normal(size=(2, 1, 300)), RNG.normal(size=(2, 1, 3))
CASES: dict[str, tuple[np.ndarray, np.ndarray, dict[str, tuple[int, ...]]]] = {
    "neighbours": (X, W, {"strides": (1, 1), "dilations": (1, 1)}),
    "dilated": (X, W, {"strides": (1, 1), "dilations": (2, 2)}),
    "apart": (X, W, {"strides": (2, 3), "dilations": (1, 2)}),
    "one element": (X, W[:, :, :1, :1], {"strides": (1, 1), "dilations": (1, 1)}),
    "many windows": (LINE, KERNEL, {"strides": (1,), "dilations": (1,)}),
    "too short": (X[:, :, :1], W, {"strides": (1, 1), "dilations": (1, 1)}),
    "none": (X[:0], W, {"strides": (1, 1), "dilations": (1, 1)}),
}
ROWS: list[Sample] = []


def _rows(label: str, x: np.ndarray, w: np.ndarray, params: dict[str, tuple[int, ...]]) -> None:
    def row(name: str, call: Callable[..., Any], *args: np.ndarray) -> None:
        ROWS.append(Sample(name, call, args, label, complex_too=label == "neighbours"))

    ct = np.cos(np.arange(correlate(x, w, **params).size)).reshape(correlate(x, w, **params).shape)
    row("correlate", lambda x, w: correlate(x, w, **params), x, w)
    row("correlate_spread", lambda ct, w: correlate_spread(ct, w, shape=x.shape[2:], **params), ct, w)
    row("correlate_weigh", lambda x, ct: correlate_weigh(x, ct, sizes=w.shape[2:], **params), x, ct)


for _label, _case in CASES.items():
    _rows(_label, *_case)
