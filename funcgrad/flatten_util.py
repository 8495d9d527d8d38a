"""A pytree of arrays as one vector, and back: what optimisers, ODE solvers and Hessians by column want."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np

from funcgrad import tree as _tree
from funcgrad.core.avals import array_leaf, refusal
from funcgrad.core.frames import hiding

__all__ = ["ravel_pytree"]


def __dir__() -> list[str]:
    return __all__



@hiding
def ravel_pytree(tree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """All leaves of `tree` as one new vector of shape (size,), and `unravel`, which rebuilds the tree.

    The vector's dtype is the `np.result_type` of the leaves' dtypes, a Python scalar counting with the dtype
    of the array it makes (float64 for 1.0); an empty tree gives float64 of size 0. `unravel(vector)` gives
    each leaf its own shape and dtype, in memory of its own; Python and NumPy scalars come back as 0-d arrays,
    and real leaves take the real part of a complex vector. It raises ValueError unless the vector's shape is
    (size,), and it pickles if the tree's structure does. Both differentiate: leaves and vectors may be traced
    values.

    >>> vector, unravel = ravel_pytree({'w': np.ones((2, 2)), 'b': np.zeros(1, np.float32)})
    >>> vector
    array([0., 1., 1., 1., 1.])
    >>> unravel(2 * vector)['b']
    array([0.], dtype=float32)
    """
    leaves, treedef = _tree.flatten(tree)
    for path, leaf in zip(_tree.leaf_paths(treedef), leaves):
        if array_leaf(leaf) is None:
            raise TypeError(refusal(f"ravel_pytree: the tree{path}", leaf))
    shapes = [np.shape(leaf) for leaf in leaves]
    dtypes = [leaf.dtype if hasattr(leaf, "dtype") else np.asarray(leaf).dtype for leaf in leaves]
    unravel = partial(_unravel, treedef, shapes, dtypes)
    if not leaves:
        return np.zeros(0), unravel
    to = np.result_type(*dtypes)
    flat = [np.ravel(leaf) for leaf in leaves]
    return np.concatenate([x if x.dtype == to else x.astype(to) for x in flat]), unravel


def _unravel(treedef: _tree.TreeDef, shapes: list[tuple[int, ...]], dtypes: list[np.dtype],
             vector: Any) -> Any:
    ends = list(accumulate(prod(shape) for shape in shapes))
    expected, got = (ends[-1] if ends else 0,), np.shape(vector)
    if got != expected:
        raise ValueError(f"unravel expected a vector of shape {expected}, got shape {got}")
    parts = np.split(vector, ends[:-1]) if ends else []
    return treedef.unflatten([
        _as(np.reshape(part, shape), dtype) for part, shape, dtype in zip(parts, shapes, dtypes)])


def _as(x: Any, dtype: np.dtype) -> Any:
    # a plain astype from complex to real warns, and there is nothing to warn of: the leaf never was complex
    return (np.real(x) if x.dtype.kind == "c" and dtype.kind != "c" else x).astype(dtype)
