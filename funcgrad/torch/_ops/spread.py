"""Uniform numbers between two others, and normal ones around another, rounded as PyTorch's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from funcgrad.torch._ops.generator import Generator

LARGE = 2.0**990
"""A factor that has no halves: their product with a number that splits it overflows."""


def uniform_between(source: Generator, count: int, low: float, high: float, kind: np.dtype) -> np.ndarray:
    """In [low, high); of complex numbers both parts. Those of 16 bits are rounded last, those that reach `high` to
    `low`."""
    part = part_of(kind)
    wide = np.float32 if kind == np.float16 else part.type
    first, last = wide(low), wide(high)
    numbers = source.uniform(count * (kind.itemsize // part.itemsize), first.dtype)
    found = _scaled(numbers, last - first, first, first.dtype).astype(part)
    return np.where(found == part.type(last), part.type(first), found).view(kind)


def normal_around(
    source: Generator, count: int, mean: float, std: float, kind: np.dtype, singly: bool = False
) -> np.ndarray:
    """Around the mean, as are both parts of complex numbers, which have half the variance each. A few, and all that are
    drawn `singly`, are drawn in double precision, and rounded last."""
    part = part_of(kind)
    if part != kind:
        return normal_around(source, 2 * count, mean, std / math.sqrt(2), part, singly).view(kind)
    if count < 16 or singly:
        return (source.doubles(count) * std + mean).astype(kind)
    return _scaled(source.normal(count, kind), std, mean, kind)


def part_of(kind: np.dtype) -> np.dtype:
    """The dtype of a complex number's parts; that of real numbers itself."""
    return np.dtype(f"f{kind.itemsize // 2}") if kind.kind == "c" else kind


def _scaled(x: np.ndarray, factor: Any, shift: Any, kind: np.dtype) -> np.ndarray:
    """x * factor + shift rounded once, as processors do it for PyTorch.

    In float64 the errors of the product and of the sum are added at last: Dekker, "A floating-point technique for
    extending the available precision", 1971.
    """
    f, s = float(kind.type(factor)), float(kind.type(shift))
    if kind != np.float64:
        return (x.astype(np.float64) * f + s).astype(kind)
    product, total = x * f, x * f + s
    if abs(f) > LARGE:
        return total
    (x_high, x_low), (f_high, f_low) = _halves(x), _halves(f)
    product_error = ((x_high * f_high - product) + x_high * f_low + x_low * f_high) + x_low * f_low
    back = total - product
    return total + (((product - (total - back)) + (s - back)) + product_error)


def _halves(x: Any) -> tuple[Any, Any]:
    """A number as the sum of two with half as many digits."""
    scaled = x * (2.0**27 + 1)
    high = scaled - (scaled - x)
    return high, x - high
