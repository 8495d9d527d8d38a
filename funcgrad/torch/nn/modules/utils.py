"""What makes arguments of layers: one number for each dimension of space."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple[Any, ...]]:
    """What makes a tuple of anything iterable, and n times the same of all else."""

    def parse(x: Any) -> tuple[Any, ...]:
        return tuple(x) if isinstance(x, Iterable) else (x,) * n

    parse.__name__ = name
    return parse


_single, _pair = _ntuple(1, "_single"), _ntuple(2, "_pair")
_triple, _quadruple = _ntuple(3, "_triple"), _ntuple(4, "_quadruple")


def _list_with_default(out_size: Any, defaults: Sequence[int]) -> Any:
    """Sizes, with the last of the defaults where one is None; a number stays one."""
    if isinstance(out_size, int):
        return out_size
    if len(defaults) <= len(out_size):
        raise ValueError(f"Input dimension should be at least {len(out_size) + 1}")
    return [d if n is None else n for n, d in zip(out_size, defaults[-len(out_size) :])]


def _reverse_repeat_tuple(t: Sequence[Any], n: int) -> tuple[Any, ...]:
    """The elements from the last to the first, n times each: what `F.pad` takes."""
    return tuple(x for x in t[::-1] for _ in range(n))
