"""Products with logarithms, and the entropies made of them."""

from __future__ import annotations

import math

from funcgrad.numpy.dispatch import Array
from funcgrad.ops import elementwise as ew
from funcgrad.ops import entropy
from funcgrad.scipy.special.shared import universal

__all__ = ["entr", "kl_div", "rel_entr", "xlog1py", "xlogy"]


@universal
def xlogy(x: Array, y: Array) -> Array:
    """`x * log(y)`, and 0 where x is 0 and y no NaN."""
    return entropy.xlogy(x, y)


@universal
def xlog1py(x: Array, y: Array) -> Array:
    """`x * log1p(y)`, and 0 where x is 0 and y no NaN."""
    return entropy.xlog1py(x, y)


@universal
def entr(x: Array) -> Array:
    """`-x * log(x)`, 0 for x = 0, and -inf below."""
    return entropy.entr(x)


@universal
def rel_entr(x: Array, y: Array) -> Array:
    """`x * log(x / y)`; 0 where x is 0 and y not negative, else inf outside of positive numbers."""
    return entropy.rel_entr(x, y)


@universal
def kl_div(x: Array, y: Array) -> Array:
    """`rel_entr(x, y) - x + y`, which is never negative."""
    found = entropy.rel_entr(x, y)
    return ew.where(found == math.inf, found, found - x + y)
