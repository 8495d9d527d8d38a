"""The order in which PyTorch goes through memory, and keeps in results that are laid out like a tensor."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from funcgrad.core.trace import known
from funcgrad.torch._record.calls import contiguous, lie
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.formats import channels_last, channels_last_3d
from funcgrad.torch._tensor.tensor import Tensor


def memory_order(array: np.ndarray) -> tuple[int, ...]:
    """The dimensions, those with large steps first; where steps say nothing (0, or one element), as they stand."""
    order = list(range(array.ndim))
    for place in range(array.ndim - 2, -1, -1):
        moved = place
        for inner in range(place + 1, array.ndim):
            comparison = _compare(array, order[inner], order[moved])
            if comparison < 0:
                break
            if comparison > 0:
                order[inner], order[moved] = order[moved], order[inner]
                moved = inner
    return tuple(order)


def _compare(array: np.ndarray, inner: int, outer: int) -> int:
    """1 where the inner one of two dimensions has the larger steps, -1 where the outer one has them, 0 where none."""
    a, b = ((array.shape[d] > 1) * abs(array.strides[d]) for d in (inner, outer))
    if not a or not b:
        return 0
    return (a > b) - (a < b) or int(array.shape[inner] > array.shape[outer])


def _array(like: Any) -> np.ndarray | None:
    """What lies in memory: not what others compile or batch."""
    value = known(constant(like._read())) if isinstance(like, Tensor) else like
    return value if isinstance(value, np.ndarray) and not value.flags.c_contiguous else None


def in_order(like: Tensor) -> bool:
    """Whether the elements lie one after the other."""
    return _array(like) is None


def kept_in_order(like: Tensor) -> bool:
    """Whether the elements of what is laid out like a tensor lie one after the other."""
    array = _array(like)
    return array is None or memory_order(array) == tuple(range(array.ndim))


def order_of(like: Tensor) -> tuple[int, ...]:
    """The dimensions of a tensor, those with large steps first."""
    array = _array(like)
    return tuple(range(like.dim())) if array is None else memory_order(array)


def laid_out(values: Any, like: Any) -> Any:
    """A vector in the shape of a tensor (or array): its numbers are those along the memory, as PyTorch fills it."""
    array = _array(like)
    if array is None:
        return values.reshape(like.shape)
    order = memory_order(array)
    return values.reshape(tuple(array.shape[d] for d in order)).transpose(tuple(np.argsort(order).tolist()))


# Where results lie

Layout = Callable[..., Any]


def lying(layout: Layout) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The decorated function's results, which are new tensors, lie in memory as the layout says."""

    def of(fun: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(fun)
        def apply(*args: Any, **options: Any) -> Any:
            found = fun(*args, **options)
            operands = (*args, *options.values())
            for result in found if isinstance(found, tuple) else (found,):
                if result._view is None and all(result is not x for x in operands):
                    layout(result, *operands)
            return found

        laid: Any = apply
        laid.__kwdefaults__ = fun.__kwdefaults__  # where it is seen that it takes `out`
        return apply

    return of


def in_rows(result: Tensor, *operands: Any) -> None:
    """One element after the other."""
    contiguous(result)


def in_columns(result: Tensor, first: Tensor, *others: Any) -> None:
    """Matrices column by column, as LAPACK has them; vectors as they are."""
    n = result.dim()
    if n > 1 and n >= first.dim():
        lie(result, (*range(n - 2), n - 1, n - 2))


def like_first(result: Tensor, first: Any, *others: Any) -> None:
    """As the first operand, where it has the result's shape."""
    same = isinstance(first, Tensor) and first.shape == result.shape
    lie(result, order_of(first) if same else tuple(range(result.dim())))


RANKS = {channels_last: 4, channels_last_3d: 5}


def formatted(result: Tensor, memory_format: Any) -> Tensor:
    """In the order that `memory_format` names."""
    rank = RANKS.get(memory_format)
    if rank is None:
        return contiguous(result)
    check_rank(result, memory_format)
    return lie(result, (0, *range(2, rank), 1))


def check_rank(t: Tensor, memory_format: Any) -> None:
    """PyTorch's error for a format of images that a tensor cannot have."""
    rank = RANKS.get(memory_format)
    if rank is not None and t.dim() != rank:
        raise RuntimeError(f"required rank {rank} tensor to use {memory_format.name} format")


def like_images(result: Tensor, *images: Any) -> Tensor:
    """Channels last where they are last in one of the images, else one element after the other."""
    n = result.dim()
    last = n in (4, 5) and any(_has_channels_last(x) for x in images)
    return lie(result, (0, *range(2, n), 1) if last else tuple(range(n)))


def _has_channels_last(x: Any) -> bool:
    array = _array(x) if isinstance(x, Tensor) else None
    return array is not None and array.ndim in (4, 5) and np.moveaxis(array, 1, -1).flags.c_contiguous
