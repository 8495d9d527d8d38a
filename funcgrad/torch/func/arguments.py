"""Which arguments a derivative is taken by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcgrad import tree
from funcgrad.torch.func.trees import values_of

Argnums = int | tuple[int, ...]


def chosen_of(
    func: Callable[..., Any], argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], Callable[[tuple[Any, ...]], Any]]:
    """The arguments to differentiate by, and the function of them."""
    places = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for i in places:
        if not -len(args) <= i < len(args):
            raise RuntimeError(f"Got argnum={i}, but only {len(args)} positional inputs")

    def of_chosen(chosen: tuple[Any, ...]) -> Any:
        given = list(args)
        for i, x in zip(places, chosen):
            given[i] = x
        return func(*given, **kwargs)

    return tuple(args[i] for i in places), of_chosen


def floating(x: Any) -> Any:
    """The values of what is differentiated by, which must be floating."""
    values = values_of(x)
    for leaf in tree.leaves(values):
        if leaf.dtype.kind not in "fc":
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
    return values


def refuse_complex(function: str, x: Any, what: str) -> None:
    """PyTorch's error where a tree of values has complex ones."""
    for leaf in tree.leaves(x):
        if leaf.dtype.kind == "c":
            raise RuntimeError(
                f"{function}: Expected all {what}s to be real but received complex tensor at flattened {what} idx: "
                f"{tree.leaves(x).index(leaf)}"
            )
