"""How a kernel does what a primitive does: the `lower` of those that are no function of elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class View(NamedTuple):
    """How a kernel finds an element of a result that is an element of an operand: the `lower` of views.

    `element(draw, places, *avals, **params)` gives the element at a place for each dimension: `draw(k, index)`
    is the element of operand k at another, `draw.at(place, offset, step)` a place moved. `fits(*avals, **params)` says
    for which calls that works, None for all.
    """

    element: Callable[..., Any]
    fits: Callable[..., bool] | None = None


class Statements(NamedTuple):
    """How a kernel makes a result that takes several statements: the `lower` of updates, running sums and the like.

    `make(build, *avals, **params)` makes them, in their order, by the methods of `build`. `fits` is as a `View`'s.
    `inline(*avals, **params)` says for which calls elements of the operands are computed where they are used, None for
    all: where each is used once, and several at a time. `changes`: the result begins as operand 0, and may be made in
    its memory.
    """

    make: Callable[..., None]
    fits: Callable[..., bool] | None = None
    inline: Callable[..., bool] | None = None
    changes: bool = False


class Contraction(NamedTuple):
    """The `lower` of products that are summed over pairs of axes, as `dot_general` has them in its parameters."""
