"""Policies of `checkpoint`, as in `jax.checkpoint_policies`: which results are stored, and not computed again.

A policy is a function of a primitive, the avals of its operands and its parameters; it returns True for what is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcgrad.core.trace import Primitive

__all__ = [
    "checkpoint_dots",
    "checkpoint_dots_with_no_batch_dims",
    "dots_saveable",
    "dots_with_no_batch_dims_saveable",
    "everything_saveable",
    "nothing_saveable",
    "save_any_names_but_these",
    "save_anything_except_these_names",
    "save_from_both_policies",
    "save_only_these_names",
]

Policy = Callable[..., bool]
_PRODUCTS = frozenset(("dot_general", "convolve"))


def __dir__() -> list[str]:
    return __all__


def everything_saveable(prim: Primitive, *avals: Any, **params: Any) -> bool:
    """All results, as without `checkpoint`."""
    return True


def nothing_saveable(prim: Primitive, *avals: Any, **params: Any) -> bool:
    """None, as without a policy."""
    return False


def dots_saveable(prim: Primitive, *avals: Any, **params: Any) -> bool:
    """Products of matrices, and convolutions.

    Example:
        >>> import funcgrad as fg
        >>> def layer(w, x):
        ...     return np.sum(np.sin(w @ x))
        >>> saving = fg.checkpoint(layer, policy=fg.checkpoint_policies.dots_saveable)
        >>> fg.grad(saving)(np.zeros((1, 2)), np.array([1.0, 2.0]))
        array([[1., 2.]])
    """
    return prim.name in _PRODUCTS


def dots_with_no_batch_dims_saveable(prim: Primitive, *avals: Any, **params: Any) -> bool:
    """Products of matrices, and not those of stacks of matrices."""
    return prim.name == "dot_general" and not params["batch"][0]


checkpoint_dots = dots_saveable
checkpoint_dots_with_no_batch_dims = dots_with_no_batch_dims_saveable


def save_only_these_names(*names: str) -> Policy:
    """What `checkpoint_name` has given one of these names."""
    return lambda prim, *avals, **params: prim.name == "checkpoint_name" and params["name"] in names


def save_any_names_but_these(*names: str) -> Policy:
    """What `checkpoint_name` has given another name than these."""
    return lambda prim, *avals, **params: prim.name == "checkpoint_name" and params["name"] not in names


def save_anything_except_these_names(*names: str) -> Policy:
    """All results but those to which `checkpoint_name` has given one of these names."""
    return lambda prim, *avals, **params: not (prim.name == "checkpoint_name" and params["name"] in names)


def save_from_both_policies(first: Policy, second: Policy) -> Policy:
    """What one of two policies stores, or the other."""
    return lambda prim, *avals, **params: first(prim, *avals, **params) or second(prim, *avals, **params)
