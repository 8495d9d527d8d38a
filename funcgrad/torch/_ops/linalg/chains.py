"""Products of several matrices, powers, exponentials, and small things."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.torch._ops.join import cat
from funcgrad.torch._ops.linalg.shared import check_inexact, check_squares, need_second, routine
from funcgrad.torch._ops.linalg.systems import inverse
from funcgrad.torch._ops.memory_order import in_columns, lying
from funcgrad.torch._ops.pointwise import mul
from funcgrad.torch._ops.products import cross_of, mm, vdot
from funcgrad.torch._ops.products import matmul as product_of
from funcgrad.torch._ops.reduce import cumprod
from funcgrad.torch._ops.reduce import sum as sum_of
from funcgrad.torch._ops.select import clone
from funcgrad.torch._ops.shape import diagonal as diagonal_of
from funcgrad.torch._ops.shape import expand, unsqueeze, view_as_shape
from funcgrad.torch._ops.table import into, named
from funcgrad.torch._record.calls import Kind, call, contiguous
from funcgrad.torch._record.composed import composite
from funcgrad.torch._record.operands import check_broadcast
from funcgrad.torch._tensor.tensor import Tensor, fresh

EXP, COPY, CAT = Kind("LinalgMatrixExp", "x"), Kind("CopyBackwards"), Kind("Cat", "x=")
HOUSEHOLDER = Kind("LinalgHouseholderProduct", "xyr")


@named(space="linalg", out=True)
def multi_dot(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The product of matrices, in the order that takes the fewest operations; the first and the last may be vectors."""
    if out is not None:
        return into(out, multi_dot, (tensors,), {})
    return chain(list(tensors))


def chain(tensors: list[Tensor]) -> Tensor:
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    _check_chain(tensors)
    first, last = tensors[0], tensors[-1]
    shape = (*first.shape[:-1], *last.shape[1:])
    rows = [first if first.dim() == 2 else unsqueeze(first, 0), *tensors[1:-1]]
    rows.append(last if last.dim() == 2 else unsqueeze(last, 1))
    cuts = _cheapest_cuts([rows[0].shape[0], *(x.shape[1] for x in rows)])

    def product(i: int, j: int) -> Tensor:
        if i == j:
            return rows[i]
        k = cuts[i, j]
        return mm(product(i, k), product(k + 1, j))

    return view_as_shape(product(0, len(rows) - 1), shape)


def _check_chain(tensors: list[Tensor]) -> None:
    for i, x in enumerate(tensors):
        if i in (0, len(tensors) - 1) and x.dim() not in (1, 2):
            place = "first" if i == 0 else "last"
            raise RuntimeError(f"multi_dot(): the {place} tensor must be 1D or 2D but got {x.dim()}D")
    for i, x in enumerate(tensors[1:-1], 1):
        if x.dim() != 2:
            raise RuntimeError(f"multi_dot(): tensor {i} must be 2D but got {x.dim()}D")
    for i, x in enumerate(tensors):
        if x.dtype is not tensors[0].dtype:
            raise RuntimeError(
                f"multi_dot(): all tensors must have be the same dtype but tensor 0 is {tensors[0].dtype.short} and "
                f"tensor {i} {x.dtype.short}"
            )
    for i, (x, y) in enumerate(pairwise(tensors)):
        if x.shape[-1] != y.shape[0]:
            shapes = f"{list(x.shape)} and {list(y.shape)}"
            raise RuntimeError(f"multi_dot(): tensors {i} and {i + 1} with shapes {shapes} cannot be multiplied")


def _cheapest_cuts(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where the product of the matrices i to j is best divided, for all i < j (Cormen et al., chapter 15.2)."""
    n = len(sizes) - 1
    costs = {(i, i): 0 for i in range(n)}
    cuts = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            found = {k: costs[i, k] + costs[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)}
            cuts[i, j] = min(found, key=found.__getitem__)
            costs[i, j] = found[cuts[i, j]]
    return cuts


@routine
def matrix_power(A: Tensor, n: int) -> Tensor:
    """The n-th power of square matrices; of the inverse where n is negative."""
    if not isinstance(n, int):
        raise TypeError(f"linalg_matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}")
    check_squares(A, "linalg.matrix_power")
    if n == 0:
        return contiguous(call(COPY, lambda v: fnp.where(np.False_, v, np.eye(v.shape[-1], dtype=v.dtype)), A))
    if n < 0:
        A, n = inverse(A, "linalg.inv"), -n
        if n == 1:
            return A
    if n == 1:
        return contiguous(clone(A))
    if n == 3:
        return product_of(product_of(A, A), A)
    square = A
    found: Any = None
    while n:
        if n % 2:
            found = square if found is None else product_of(found, square)
        n //= 2
        square = product_of(square, square) if n else square
    return found


@routine
def matrix_exp(input: Tensor) -> Tensor:
    """The exponential of square matrices; needs SciPy."""
    check_squares(input, "linalg.matrix_exp")
    check_inexact(input, "linalg.matrix_exp", half=True)
    from funcgrad.scipy import linalg  # SciPy may be missing

    return call(EXP, linalg.expm, input)


@routine
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product, as `torch.matmul`."""
    return product_of(input, other)


@routine
def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The vector product along a dimension of length three."""
    need_second(other, "cross", "other")
    return cross_of(input, other, dim)


@routine
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """The sums of products along a dimension, the first vectors conjugated."""
    need_second(y, "vecdot", "y")
    check_inexact(x, "linalg.vecdot", half=True)
    if x.dtype is not y.dtype:
        raise RuntimeError(
            f"linalg.vecdot: Expected x and y to have the same dtype, but found x of type {x.dtype.title} and y of "
            f"type {y.dtype.title} instead"
        )
    if x.dim() == 1 == y.dim():
        return vdot(x, y)
    check_broadcast(x.shape, y.shape)
    return sum_of(mul(x.conj(), y), dim)


@routine
def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonal of the matrices along two dimensions, as the last one: a view."""
    return diagonal_of(A, offset, dim1, dim2)


@routine
def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """The powers 0, 1, ... N - 1 of each element, along a new last dimension."""
    own = x._read().dtype
    if own == np.float16 or own.kind == "b":
        raise RuntimeError(
            f"linalg.vander supports floating point, complex, and integer tensors, but got {x.dtype.title}"
        )
    n = N if N is not None else x.shape[-1] if x.dim() else 1
    if n <= 1:
        raise RuntimeError("N must be greater than 1.")
    return composite(_running_powers, partial(call, CAT, _powers), x, n=n)


def _powers(v: Any, n: int) -> Any:
    v = fnp.reshape(v, (1,)) if v.shape == () else v
    columns = fnp.broadcast_to(v[..., None], (*v.shape, n - 1))
    ones, powers = np.ones((*v.shape, 1), v.dtype), fnp.cumprod(columns, axis=-1)
    return fnp.concatenate([ones, powers if v.dtype.kind in "fc" else powers.astype(np.int64)], axis=-1)


def _running_powers(x: Tensor, n: int) -> Tensor:
    """As PyTorch composes it."""
    x = x if x.dim() else unsqueeze(x, 0)
    powers = cumprod(expand(unsqueeze(x, -1), *x.shape, n - 1), -1)
    return cat([fresh(np.ones((*x.shape, 1), powers._read().dtype)), powers], -1)


@routine
@lying(in_columns)
def householder_product(input: Tensor, tau: Tensor) -> Tensor:
    """The first columns of the product of reflections 1 - tau v v^H, whose v are below the diagonal of `input`."""
    need_second(tau, "householder_product", "tau")
    _check_reflections(input, tau)

    def columns(v: Any, t: Any) -> Any:
        return reflected(v, t, fnp.broadcast_to(np.eye(*v.shape[-2:], dtype=v.dtype), v.shape))

    return call(HOUSEHOLDER, columns, input, tau)


def reflected(v: Any, tau: Any, q: Any, adjoint: bool = False) -> Any:
    """The product of the reflections (or its adjoint) with `q`."""
    rows = np.arange(v.shape[-2])
    order = range(tau.shape[-1])
    for k in order if adjoint else reversed(order):
        w = fnp.where(rows > k, v[..., :, k], (rows == k).astype(v.dtype))[..., :, None]
        along = fnp.matmul(fnp.conj(fnp.matrix_transpose(w)), q)
        by = tau[..., k, None, None]
        q = fnp.subtract(q, fnp.multiply(fnp.conj(by) if adjoint else by, fnp.matmul(w, along)))
    return q


def _check_reflections(input: Tensor, tau: Tensor) -> None:
    name = "torch.linalg.householder_product"
    if input.dim() < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if input.shape[-2] < input.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]")
    if input.shape[-1] < tau.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]")
    if input.dim() - tau.dim() != 1:
        raise RuntimeError(
            f"{name}: Expected tau to have one dimension less than input, but got tau.ndim equal to {tau.dim()} and "
            f"input.ndim is equal to {input.dim()}"
        )
    if input.shape[:-2] != tau.shape[:-1]:
        raise RuntimeError(
            f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got {list(tau.shape[:-1])}"
        )
    if input.dtype is not tau.dtype:
        raise RuntimeError(f"{name}: tau dtype {tau.dtype.title} does not match input dtype {input.dtype.title}")
