"""The unknown of a problem: a pytree to the user's function, a vector to SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.optimize

import funcgrad.numpy as fnp
from funcgrad import tree
from funcgrad.core.avals import aval_of, is_inexact
from funcgrad.flatten_util import ravel_pytree
from funcgrad.lax import stop_gradient
from funcgrad.lax.signatures import as_array, leaves_of
from funcgrad.ops.operands import any_traced

Limits = tuple[Any, Any]
"""The lower and the upper bounds of a vector, each a vector; infinite where there is none."""


class Unknown:
    """What an unknown looks like, and how it is made of a vector. It holds no values."""

    def __init__(self, x0: Any, is_tree: bool) -> None:
        self.is_tree = is_tree
        self.treedef = tree.structure(x0)
        self.shapes = [aval_of(x).shape for x in tree.leaves(x0)]
        self.shape = () if is_tree else self.shapes[0]
        self.dtypes = [aval_of(x).dtype for x in tree.leaves(x0)]
        start, self._unravel = ravel_pytree(x0)
        self.size = start.size

    def view(self, vector: Any) -> Any:
        """The pytree for a vector, as the user's function gets it: complex for SciPy's complex steps."""
        x = as_array(vector)
        if self.is_tree:
            if x.dtype.kind == "c":
                raise TypeError("complex steps ('cs') need an x0 that is one array, not a pytree")
            return self._unravel(x)
        x = x if x.shape == self.shape else x.reshape(self.shape)
        return x if x.dtype == self.dtypes[0] or x.dtype.kind == "c" else x.astype(self.dtypes[0])

    def result(self, vector: Any) -> Any:
        """The pytree for a vector of SciPy's, which keeps its dtype where the unknown is one array."""
        if self.is_tree:
            return self._unravel(vector)
        return vector if np.shape(vector) == self.shape else vector.reshape(self.shape)

    def vector(self, given: Any, what: str) -> Any:
        """A pytree like the unknown as a vector."""
        if self.is_tree:
            given = self.treedef.unflatten(tree.flatten_up_to(self.treedef, given, what))
        return as_vector(given)


def unknown_of(x0: Any, what: str, flat: bool = False) -> tuple[Unknown, Any]:
    """An unknown, and its first guess as a vector, through which no derivative goes.

    A number, an array, and a list or tuple of numbers, are one array of at least one dimension, as in SciPy (`flat`: of
    exactly one). Everything else is a pytree of arrays.
    """
    x0 = stop_gradient(x0)
    leaves, treedef = leaves_of(x0, f"{what}: x0")
    is_tree = treedef is not tree.LEAF and not (_is_nested_list(x0) and not any(map(np.ndim, leaves)))
    if not is_tree:
        x0 = fnp.asarray(x0)
        x0 = fnp.ravel(x0) if flat else fnp.atleast_1d(x0)
    x0 = tree.map(_inexact, x0)
    if any(aval_of(x).dtype.kind == "c" for x in tree.leaves(x0)):
        raise TypeError(f"{what}: x0 is complex: take its real and imaginary parts as unknowns, {{'re': .., 'im': ..}}")
    return Unknown(x0, is_tree), ravel_pytree(x0)[0]


def as_tuple(args: Any) -> tuple:
    """Further arguments, where SciPy takes a single one, or a list, as one argument."""
    return args if isinstance(args, tuple) else (args,)


def as_vector(given: Any) -> Any:
    """All numbers of a pytree as a vector."""
    if tree.structure(given) is tree.LEAF:
        return fnp.ravel(given)
    return ravel_pytree(given)[0]


def limits_of(bounds: Any, unknown: Unknown, what: str) -> Limits | None:
    """Bounds as two vectors. They are SciPy's `Bounds`, a pair for each element, or a pytree of pairs."""
    if bounds is None:
        return None
    if isinstance(bounds, scipy.optimize.Bounds):
        return _filled(bounds.lb, unknown.size), _filled(bounds.ub, unknown.size)
    if not unknown.is_tree:
        pairs = list(bounds)
        if len(pairs) != unknown.size:
            raise ValueError(f"{what}: there are {len(pairs)} bounds for an x0 of {unknown.size} elements")
        shapes: list[tuple[int, ...]] = [()] * unknown.size
    else:
        pairs, shapes = tree.flatten_up_to(unknown.treedef, bounds, f"{what}: bounds"), unknown.shapes
    for pair in pairs:
        if np.shape(pair)[:1] != (2,) if not isinstance(pair, (tuple, list)) else len(pair) != 2:
            raise ValueError(f"{what}: bounds are pairs (lower, upper), with None for no bound, not {pair!r}")
    lower, upper = (
        as_vector([_filled(none if p[k] is None else p[k], shape) for p, shape in zip(pairs, shapes)])
        for k, none in enumerate((-np.inf, np.inf))
    )
    return lower, upper


def limits_of_pair(bounds: Any, unknown: Unknown, what: str) -> Limits:
    """The same for `least_squares`: a pair of lower and upper bounds, each a number or like the unknown."""
    if isinstance(bounds, scipy.optimize.Bounds):
        return _filled(bounds.lb, unknown.size), _filled(bounds.ub, unknown.size)
    if len(bounds) != 2:
        raise ValueError("`bounds` must contain 2 elements.")
    lower, upper = (_side(side, unknown, f"{what}: bounds") for side in bounds)
    return lower, upper


def _side(side: Any, unknown: Unknown, what: str) -> Any:
    if tree.structure(side) is tree.LEAF or not unknown.is_tree:
        return _filled(side, unknown.size)
    parts = tree.flatten_up_to(unknown.treedef, side, what)
    return as_vector([_filled(part, shape) for part, shape in zip(parts, unknown.shapes)])


def _filled(bound: Any, shape: Any) -> Any:
    x = as_array(bound) if not any_traced([bound]) else fnp.asarray(bound)
    return fnp.broadcast_to(_inexact(x), shape)


def _inexact(x: Any) -> Any:
    x = as_array(x)
    return x if is_inexact(aval_of(x).dtype) else x.astype(np.float64)


def _is_nested_list(x: Any) -> bool:
    if type(x) in (list, tuple):
        return all(map(_is_nested_list, x))
    return tree.structure(x) is tree.LEAF
