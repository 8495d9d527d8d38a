"""JAX's `lax` names."""

from __future__ import annotations

from typing import Any

from funcgrad import tree
from funcgrad.ops import elementwise

__all__ = ["stop_gradient"]


def stop_gradient(x: Any) -> Any:
    """The same values, as constants: no derivative flows through.

    Args:
        x: an array, or a pytree of arrays.

    Returns:
        The values in the same structure. Under `grad` and `jvp` they are plain arrays, so `float` works.

    Example:
        >>> import funcgrad as fg
        >>> fg.grad(lambda x: x * stop_gradient(x))(3.0)
        np.float64(3.0)
    """
    return tree.map(elementwise.stop_gradient, x)
