"""A tensor plus a product: beta * input + alpha * (a @ b), and chains of products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.torch._ops.memory_order import like_first, lying
from funcgrad.torch._ops.products import check_bmm
from funcgrad.torch._ops.shape import expand
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, need_tensor
from funcgrad.torch._record.operands import promote, refuse
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor

ADDMM, ADDBMM, BADDBMM, ADDMV, ADDR = (
    Kind(n, "&", takes="201") for n in ("Addmm", "Addbmm", "Baddbmm", "Addmv", "Addr")
)


def _sum(
    kind: Kind, product: Callable[[Any, Any], Any], input: Tensor, a: Tensor, b: Tensor, beta: Any, alpha: Any
) -> Tensor:
    """With `beta` zero, what is in `input` does not matter: NaN neither."""
    whole = input._read().dtype.kind in "iu"
    beta, alpha = (int(n) if whole else n for n in (beta, alpha))

    def total(x: Any, y: Any, c: Any) -> Any:
        z = product(x, y)
        z = z if alpha == 1 else fnp.multiply(z, alpha)
        if beta == 0:
            return fnp.where(np.False_, c, z)
        return fnp.add(c if beta == 1 else fnp.multiply(c, beta), z)

    return call(kind, total, a, b, input)


def _check_expands(input: Tensor, shape: tuple[int, ...]) -> None:
    expand(input.detach(), shape)


def _size(x: Tensor, dim: int) -> int:
    return x.shape[dimension(dim, x.dim())]


def _check_dtypes(input: Tensor, a: Tensor, b: Tensor) -> None:
    for x, name in ((input, "self"), (a, "mat1")):
        if x.dtype is not b.dtype:
            raise RuntimeError(
                f"{name} and mat2 must have the same dtype, but got {x.dtype.title} and {b.dtype.title}"
            )
    refuse(a, "b", "addmm_impl_cpu_")


@named(in_place=True, out=True)
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2)"""
    need_tensor(input, "addmm")
    _check_dtypes(input, mat1, mat2)
    for name, matrix in (("mat1", mat1), ("mat2", mat2)):
        if matrix.dim() != 2:
            raise RuntimeError(f"{name} must be a matrix, got {matrix.dim()}-D tensor")
    (n, k), (j, m) = mat1.shape, mat2.shape
    if k != j:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({n}x{k} and {j}x{m})")
    _check_expands(input, (n, m))
    return _sum(ADDMM, fnp.matmul, input, mat1, mat2, beta, alpha)


@named(in_place=True, out=True)
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (batch1 @ batch2), for stacks of matrices"""
    need_tensor(input, "baddbmm")
    _check_expands(input, (_size(batch1, 0), _size(batch1, 1), _size(batch2, 2)))
    if not input.dtype is batch1.dtype is batch2.dtype:
        raise RuntimeError(
            f"Input dtypes must be the same, got: input {input.dtype.short}, batch1: {batch1.dtype.short}, batch2: "
            f"{batch2.dtype.short}"
        )
    check_bmm(tuple(batch1.shape), tuple(batch2.shape))
    refuse(batch1, "b", "bmm")
    return _sum(BADDBMM, fnp.matmul, input, batch1, batch2, beta, alpha)


@named(in_place=True, out=True)
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (the sum of the products of matrices in two stacks)"""
    need_tensor(input, "addbmm")
    _check_expands(input, (_size(batch1, 1), _size(batch2, 2)))
    if batch1.dim() != 3 or batch2.dim() != 3:
        raise RuntimeError("batch1 must be a 3D tensor" if batch1.dim() != 3 else "batch2 must be a 3D tensor")
    (b, n, k), (c, j, m) = batch1.shape, batch2.shape
    if b != c:
        raise RuntimeError(f"batch1 and batch2 must have same number of batches, got {b} and {c}")
    if k != j:
        raise RuntimeError(f"Incompatible matrix sizes for bmm ({n}x{k} and {j}x{m})")
    _check_dtypes(input, batch1, batch2)
    return _sum(ADDBMM, lambda x, y: fnp.sum(fnp.matmul(x, y), axis=0), input, batch1, batch2, beta, alpha)


@named(writes=True, out=True)
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat @ vec)"""
    need_tensor(input, "addmv")
    if mat.dim() != 2 or vec.dim() != 1 or input.dim() > 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {input.dim()}, {mat.dim()}, {vec.dim()}")
    n, k = mat.shape
    size = input.numel()
    if k != vec.shape[0] or size not in (1, n):
        raise RuntimeError(f"size mismatch, got input ({size}), mat ({n}x{k}), vec ({vec.shape[0]})")
    if not input.dtype is mat.dtype is vec.dtype:
        raise RuntimeError(
            f"addmv input tensors must have the same dtype, but got {input.dtype.title}, {mat.dtype.title}, and "
            f"{vec.dtype.title}"
        )
    return _sum(ADDMV, fnp.matmul, input, mat, vec, beta, alpha)


@named(in_place=True, out=True)
@lying(like_first)
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * outer(vec1, vec2)"""
    need_tensor(input, "addr")
    for name, vector in (("vec1", vec1), ("vec2", vec2)):
        if vector.dim() != 1:
            raise RuntimeError(f"addr: Expected 1-D argument {name}, but got {vector.dim()}-D")
    _check_expands(input, (vec1.shape[0], vec2.shape[0]))
    common = promote(vec1, vec2, input)
    for name, n in (("beta", beta), ("alpha", alpha)):
        if common[0]._read().dtype.kind in "iu" and isinstance(n, float):
            raise RuntimeError(f"For integral input tensors, argument {name} must not be a floating point number.")
    return _sum(ADDR, fnp.outer, common[2], common[0], common[1], beta, alpha)
