"""Conditions that are known where an expression stands, as a branch of a choice is only read where it is taken."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.compile.scalars import Affine, Scalar

COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
Facts = frozenset[tuple[Any, bool]]
"""Conditions that are known, and whether they are true. `place >= number` is `((place, number), True)`."""


def conjuncts(condition: Scalar, truth: bool) -> list[tuple[Any, bool]]:
    """What is known where a condition is true, or not."""
    if condition.op == "not":
        return conjuncts(condition.args[0], not truth)
    if condition.op == ("and" if truth else "or"):
        return [found for a in condition.args for found in conjuncts(a, truth)]
    if condition.op in ("ge", "lt") and (bound := bound_of(condition)):
        return [(bound, truth == (condition.op == "ge"))]
    return [(condition, truth)]


def facts_of(condition: Scalar, truth: bool) -> Facts:
    return frozenset(conjuncts(condition, truth))


def bound_of(x: Scalar) -> tuple[Affine, int] | None:
    """A comparison of a place with a number, `i - 1 >= 0` as `i >= 1`."""
    if x.op not in COMPARISONS or x.args[0].op != "position" or x.args[1].op != "const":
        return None
    place, number = x.args[0].data, int(np.frombuffer(x.args[1].data, x.args[1].dtype)[0])
    if all(step < 0 for _, step in place.terms):
        return place, number
    return place._replace(offset=0), number - place.offset


def chosen(x: Scalar, facts: Facts) -> Scalar:
    """The branch that is known to be taken."""
    while x.op == "select" and facts:
        if facts_of(x.args[0], True) <= facts:
            x = x.args[1]
        elif facts_of(x.args[0], False) <= facts:
            x = x.args[2]
        else:
            break
    return x
