"""Products of arrays summed over pairs of axes: `dot`, `matmul`, `einsum` are made of `dot_general`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from funcgrad.core.avals import Aval
from funcgrad.core.constants import keep
from funcgrad.core.provenance import here
from funcgrad.core.tape import TapeTracer, recorded
from funcgrad.ops.elementwise import conj
from funcgrad.ops.families.linear import Linear
from funcgrad.ops.families.lowering import Contraction
from funcgrad.ops.structure import transpose

Axes = tuple[int, ...]
Pair = tuple[Axes, Axes]
NO_STACK: Pair = ((), ())


def _free(rank: int, contract: Axes, batch: Axes) -> Axes:
    return tuple(i for i in range(rank) if i not in contract and i not in batch)


def _identity(axes: Axes) -> Axes | None:
    """A permutation, None where it changes nothing."""
    return None if axes == tuple(range(len(axes))) else axes


@lru_cache(maxsize=4096)
def _kernel(x_rank: int, y_rank: int, contract: Pair, batch: Pair) -> Callable[..., Any]:
    """How NumPy computes the product, chosen once for given ranks and axes: choosing takes 10 us.

    With a third argument, a C-contiguous array of the result's shape and dtype, it is computed there.
    """
    turned = flat(x_rank, y_rank, contract, batch)
    if turned is not None:
        return _flat_kernel(*turned)
    x_free, y_free = _free(x_rank, contract[0], batch[0]), _free(y_rank, contract[1], batch[1])
    x_order = _identity(batch[0] + x_free + contract[0])
    y_order = _identity(batch[1] + contract[1] + y_free)
    stack, rows, depth = len(batch[0]), len(x_free), len(contract[0])
    if not depth:
        return _outer_kernel(x_order, y_order, batch, rows, len(y_free))

    def product(x: Any, y: Any, out: Any = None) -> Any:
        _check(x, y, contract, batch)
        if x_order is not None:
            x = x.transpose(x_order)
        if y_order is not None:
            y = y.transpose(y_order)
        lead, kept = x.shape[:stack], x.shape[stack : stack + rows]
        columns = y.shape[stack + depth :]
        # reshaping copies only where several axes become one and do not lie in order
        if rows != 1 or depth != 1:
            x = _matrices(x, stack, rows)
        if depth != 1 or len(columns) != 1:
            y = _matrices(y, stack, depth)
        # np.dot is no universal function, which costs less, and copies operands that BLAS does not take
        multiply = np.matmul if stack else np.dot
        z = multiply(x, y, out=None if out is None else out.reshape(*x.shape[:-1], y.shape[-1]))
        return z if rows == 1 and len(columns) == 1 else z.reshape(lead + kept + columns)[()]

    return product


def _matrices(x: Any, stack: int, rows: int) -> Any:
    """A stack of matrices of the next axes by the others. Windows of an array are copied along the longer runs: a fifth
    of the time."""
    lead, kept, summed = x.shape[:stack], x.shape[stack : stack + rows], x.shape[stack + rows :]
    if rows and summed and kept[-1] > summed[-1] and x.strides[stack + rows - 1] == x.itemsize:
        middle = stack + rows
        turned = x.transpose(*range(stack), *range(middle, len(x.shape)), *range(stack, middle))
        return turned.reshape(*lead, prod(summed), prod(kept)).swapaxes(-1, -2)
    return x.reshape(*lead, prod(kept), prod(summed))


def flat(x_rank: int, y_rank: int, contract: Pair, batch: Pair) -> tuple[bool, bool] | None:
    """For products that are `np.dot` of vectors and matrices: whether each is transposed first. BLAS takes such views
    as they are."""
    if batch[0] or len(contract[0]) != 1 or x_rank > 2 or y_rank > 2:
        return None
    return contract[0][0] == 0 and x_rank == 2, contract[1][0] == 1


def _flat_kernel(turn_x: bool, turn_y: bool) -> Callable[..., Any]:
    if turn_x and turn_y:
        return lambda x, y, out=None: np.dot(x.T, y.T, out)
    if turn_x:
        return lambda x, y, out=None: np.dot(x.T, y, out)
    return (lambda x, y, out=None: np.dot(x, y.T, out)) if turn_y else np.dot


def _outer_kernel(
    x_order: Axes | None, y_order: Axes | None, batch: Pair, rows: int, columns: int
) -> Callable[..., Any]:
    """Nothing is summed: an elementwise product."""
    stack = len(batch[0])
    if not stack:
        outer = np.multiply.outer if rows and columns else np.multiply
        return lambda x, y, out=None: outer(x, y, out=out)

    def product(x: Any, y: Any, out: Any = None) -> Any:
        _check(x, y, ((), ()), batch)
        if x_order is not None:
            x = x.transpose(x_order)
        if y_order is not None:
            y = y.transpose(y_order)
        x = x.reshape(x.shape + (1,) * columns)
        return np.multiply(x, y.reshape(y.shape[:stack] + (1,) * rows + y.shape[stack:]), out=out)

    return product


def _dot_general(x: Any, y: Any, contract: Pair, batch: Pair, out: Any = None) -> Any:
    return _kernel(x.ndim, y.ndim, contract, batch)(x, y, out)


def _check(x: Any, y: Any, contract: Pair, batch: Pair) -> None:
    """Raise ValueError where lengths of paired axes differ."""
    for i, j in zip(contract[0] + batch[0], contract[1] + batch[1]):
        if x.shape[i] != y.shape[j]:
            raise ValueError(
                f"shapes {x.shape} and {y.shape} not aligned: axis {i} of the first has length {x.shape[i]}, "
                f"axis {j} of the second {y.shape[j]}"
            )


def _shape(x: Aval, y: Aval, contract: Pair, batch: Pair) -> Aval:
    _check(x, y, contract, batch)
    axes = [x.shape[i] for i in batch[0] + _free(x.ndim, contract[0], batch[0])]
    axes += [y.shape[j] for j in _free(y.ndim, contract[1], batch[1])]
    return Aval(tuple(axes), np.result_type(x.dtype, y.dtype))


@lru_cache(maxsize=4096)
def _transposed(
    x_rank: int, y_rank: int, contract: Pair, batch: Pair, i: int
) -> tuple[Pair, Pair, Axes | None]:
    """The product that gives the cotangent of argument i, and how its axes are to be put in order.

    It is (cotangent, y) for the first argument and (x, cotangent) for the second: then products of matrices
    need no reordering.
    """
    x_free, y_free = _free(x_rank, contract[0], batch[0]), _free(y_rank, contract[1], batch[1])
    stack = len(batch[0])
    ct_batch = tuple(range(stack))
    ct_x = tuple(range(stack, stack + len(x_free)))
    ct_y = tuple(range(stack + len(x_free), stack + len(x_free) + len(y_free)))
    pairs = list(zip(*contract))
    if i == 0:
        order = batch[0] + x_free + tuple(a for a, b in sorted(pairs, key=lambda pair: pair[1]))
        dims = (ct_y, y_free), (ct_batch, batch[1])
    else:
        order = batch[1] + tuple(b for a, b in sorted(pairs)) + y_free
        dims = (x_free, ct_x), (batch[0], ct_batch)
    return *dims, _identity(tuple(np.argsort(order).tolist()))


@lru_cache(maxsize=4096)
def _exchanged(x_rank: int, y_rank: int, contract: Pair, batch: Pair, i: int) -> Pair | None:
    """Pairs of axes of the same product with its operands exchanged, where this puts the axes in order."""
    (first, second), stack, order = _transposed(x_rank, y_rank, contract, batch, i)
    if order is None or stack[0]:
        return None
    ahead = len(contract[0]) if i else x_rank - len(contract[0])
    return None if _identity(tuple([(axis - ahead) % len(order) for axis in order])) else (second, first)


def _pull(ct: Any, i: int, x: Any, y: Any, contract: Pair, batch: Pair) -> Any:
    if type(ct) is ndarray:
        exchanged = _exchanged(x.ndim, y.ndim, contract, batch, i)
        if exchanged is not None:  # the result lies in memory in C order, and need not be copied
            pair = (ct, x) if i else (y, ct)
            return dot_general(*pair, contract=exchanged, batch=NO_STACK)
    inner, stack, order = _transposed(x.ndim, y.ndim, contract, batch, i)
    pair = (x, ct) if i else (ct, y)
    out = dot_general(*pair, contract=inner, batch=stack)
    return out if order is None else transpose(out, axes=order)


def _shifted(pair: Pair, by: tuple[bool, bool]) -> Pair:
    return tuple([a + by[0] for a in pair[0]]), tuple([a + by[1] for a in pair[1]])


def _batch(values: Sequence[Any], batched: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    x, y = values
    by = (bool(batched[0]), bool(batched[1]))
    contract, batch = _shifted(params["contract"], by), _shifted(params["batch"], by)
    if all(by):
        return dot_general(x, y, contract=contract, batch=((0, *batch[0]), (0, *batch[1])))
    out = dot_general(x, y, contract=contract, batch=batch)
    # the batch has become the first free axis of its argument
    at = len(batch[0]) if by[0] else len(batch[0]) + len(_free(x.ndim, contract[0], batch[0]))
    if at == 0:
        return out
    return transpose(out, axes=(at, *range(at), *range(at + 1, out.ndim)))


class _Product(Linear):
    """With a shorter way for plain arrays, and for those on the tape of one gradient: as `ops/shortcuts.py`."""

    def __call__(self, x: Any, y: Any, contract: Pair, batch: Pair) -> Any:
        trace: Any = None
        a, b, left, right = x, y, None, None
        if type(x) is TapeTracer:
            trace, a, left = x._trace, x.value, x.node
        if type(y) is TapeTracer and (trace is None or trace is y._trace):
            trace, b, right = y._trace, y.value, y.node
        if type(a) is ndarray is type(b) and a.dtype is b.dtype and a.dtype.kind in "fc":
            if trace is None:
                return _kernel(len(a.shape), len(b.shape), contract, batch)(a, b)
            if trace.alive:
                z = _kernel(len(a.shape), len(b.shape), contract, batch)(a, b)
                if left is None:
                    saved = [keep(a), Aval(b.shape, b.dtype)]
                else:
                    saved = [Aval(a.shape, a.dtype), keep(b)] if right is None else [a, b]
                params = {"contract": contract, "batch": batch}
                return recorded(trace, z, self, params, (left, right), saved, here())
        return super().__call__(x, y, contract=contract, batch=batch)


dot_general: Linear = _Product(
    "dot_general",
    _dot_general,
    shape=_shape,
    pull=_pull,
    batch=_batch,
    linear=(0, 1),
    jointly=False,
    lower=Contraction(),
)


def mT(x: Any) -> Any:
    """Matrices transposed: the last two axes swapped."""
    rank = x.ndim
    return transpose(x, axes=(*range(rank - 2), rank - 1, rank - 2))


def mH(x: Any) -> Any:
    """Matrices transposed and conjugated."""
    return conj(mT(x)) if x.dtype.kind == "c" else mT(x)


def matmul(x: Any, y: Any) -> Any:
    """Products of matrices, or of equally shaped stacks of them: `(*stack, n, k)` and `(*stack, k, m)`."""
    rank = x.ndim
    stack = tuple(range(rank - 2))
    return dot_general(x, y, contract=((rank - 1,), (rank - 2,)), batch=(stack, stack))
