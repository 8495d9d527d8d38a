"""Branches and loops that are functions: they run as Python's would, the branch that is taken alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcgrad.torch._ops.table import named
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.tree import leaves


def _leaves_are(operands: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(operands, (tuple, list)) and all(isinstance(x, kinds) for x in leaves(operands))


@named(method=False)
def cond(
    pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], operands: tuple[Any, ...] | list[Any] = ()
) -> Any:
    """`true_fn(*operands)` where `pred`, a boolean or a tensor of one element, holds, else `false_fn(*operands)`."""
    if not isinstance(pred, (bool, Tensor)):
        raise RuntimeError(f"Expected pred to be bool or tensor, but got {pred}.")
    if isinstance(pred, Tensor) and pred.numel() != 1:
        raise RuntimeError(f"Expected pred to be bool or single-element tensor, but got {pred}.")
    if not callable(true_fn) or not callable(false_fn):
        raise RuntimeError("Expect both branches to be callable.")
    if not _leaves_are(operands, (Tensor,)):
        raise RuntimeError(
            "Expect operands to be a tuple of possibly nested dict/list/tuple that only consists of tensor leaves, but "
            f"got {operands}."
        )
    return (true_fn if bool(pred) else false_fn)(*operands)


@named(method=False)
def while_loop(cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried_inputs: Any) -> tuple[Any, ...]:
    """What `body_fn` makes of the inputs, again and again, as long as `cond_fn` of them holds."""
    if not callable(cond_fn) or not callable(body_fn):
        raise RuntimeError("Expect cond_fn and body_fn to be callable.")
    if not _leaves_are(carried_inputs, (Tensor, int)):
        raise RuntimeError(
            "Expect carried_inputs to be a tuple of possibly nested dict/list/tuple that onlyconsists of tensor or int "
            f"leaves, but got {carried_inputs}."
        )
    carried = tuple(carried_inputs)
    while _holds(cond_fn(*carried)):
        found = body_fn(*carried)
        if not isinstance(found, (tuple, list)):
            raise AssertionError(f"body_fn should return a tuple but got {type(found)}")
        if len(found) != len(carried):
            raise AssertionError(
                "body_fn should return the same number of elements as carried_inputs, got "
                f"{len(found)} vs {len(carried)}"
            )
        carried = tuple(found)
    return carried


def _holds(pred: Any) -> bool:
    if not isinstance(pred, bool) and not (isinstance(pred, Tensor) and pred.dtype is dtypes.bool and not pred.dim()):
        raise RuntimeError(f"cond_fn must return a boolean scalar tensor or a boolean but got {pred}")
    return bool(pred)
