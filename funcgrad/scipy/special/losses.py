"""Huber's loss functions."""

from __future__ import annotations

from funcgrad.numpy.dispatch import Array
from funcgrad.ops import robust
from funcgrad.scipy.special.shared import universal

__all__ = ["huber", "pseudo_huber"]


@universal
def huber(delta: Array, r: Array) -> Array:
    """`r**2 / 2` where abs(r) <= delta, and beyond `delta * (abs(r) - delta / 2)`.

    Example:
        >>> fg.grad(huber, 1)(1.0, 3.0)
        np.float64(1.0)
    """
    return robust.huber(delta, r)


@universal
def pseudo_huber(delta: Array, r: Array) -> Array:
    """`delta**2 * (sqrt(1 + (r / delta)**2) - 1)`, which is smooth."""
    return robust.pseudo_huber(delta, r)
