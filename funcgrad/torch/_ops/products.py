"""Matrix products and their relatives."""

from __future__ import annotations

from typing import Any

from funcgrad import numpy as fnp
from funcgrad.torch._ops import values
from funcgrad.torch._ops.pointwise import mul
from funcgrad.torch._ops.shape import unsqueeze
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, need_tensor
from funcgrad.torch._record.operands import refuse
from funcgrad.torch._tensor.tensor import Tensor

DOT, MV, MM, BMM, UNSAFE_VIEW = (Kind(n, "*") for n in ("Dot", "Mv", "Mm", "Bmm", "UnsafeView"))
SQUEEZE = Kind("SqueezeBackward4", "*")
ADDMM, EINSUM = Kind("Addmm", "-"), Kind("View", "-")


def _same_dtype(x: Tensor, y: Tensor) -> None:
    need_tensor(x, "matmul")
    need_tensor(y, "matmul")
    if x.dtype is not y.dtype:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {x.dtype.short} != {y.dtype.short}"
        )


@named()
def dot(input: Tensor, other: Tensor) -> Tensor:
    """The sum of products of two vectors."""
    if input.dim() != 1 or other.dim() != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.dim()}D and {other.dim()}D tensors")
    n, m = input.numel(), other.numel()
    if n != m:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{n}] and src [{m}] to have the same number of "
            f"elements, but got {n} and {m} elements respectively"
        )
    if input.dtype is not other.dtype:
        raise RuntimeError(
            f"dot : expected both vectors to have same dtype, but found {input.dtype.title} and "
            f"{other.dtype.title}"
        )
    refuse(input, "b", "dot")
    return call(DOT, fnp.dot, input, other)


@named()
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """A matrix times a vector."""
    _same_dtype(input, vec)
    if input.shape[1] != vec.shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({input.shape[0]}), mat ({input.shape[0]}x{input.shape[1]}), vec "
            f"({vec.shape[0]})"
        )
    return call(MV, values.matmul, input, vec)


@named()
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices."""
    if input.dim() != 2:
        raise RuntimeError("self must be a matrix")
    if mat2.dim() != 2:
        raise RuntimeError("mat2 must be a matrix")
    _same_dtype(input, mat2)
    if input.shape[1] != mat2.shape[0]:
        (n, k), (j, m) = input.shape, mat2.shape
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({n}x{k} and {j}x{m})")
    return call(MM, values.matmul, input, mat2)


@named()
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of matrices in two stacks."""
    if input.dim() != 3 or mat2.dim() != 3:
        raise RuntimeError("batch1 must be a 3D tensor" if input.dim() != 3 else "batch2 must be a 3D tensor")
    _same_dtype(input, mat2)
    b, _, k = input.shape
    if mat2.shape[:2] != (b, k):
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{b}, {k}] but got: "
            f"{list(mat2.shape[:2])}."
        )
    return call(BMM, values.matmul, input, mat2)


@named()
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product; vectors lose their dimension, leading dimensions broadcast."""
    need_tensor(input, "matmul")
    if not isinstance(other, Tensor):
        raise TypeError(f"matmul(): argument 'other' (position 2) must be Tensor, not {type(other).__name__}")
    i, j = input.dim(), other.dim()
    if i == 0 or j == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {i}D and {j}D")
    if (i, j) == (1, 1):
        return dot(input, other)
    if (i, j) == (2, 1):
        return mv(input, other)
    if (i, j) == (2, 2):
        return mm(input, other)
    _same_dtype(input, other)
    inner = other.shape[-2 if j > 1 else 0]
    if input.shape[-1] != inner:
        n, m = (input.shape[-2] if i > 1 else 1), (other.shape[-1] if j > 1 else 1)
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({n}x{input.shape[-1]} and {inner}x{m})"
        )
    return call(SQUEEZE if i == 1 and j == 2 else UNSAFE_VIEW, values.matmul, input, other)


@named("ger")
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """All products of elements of two vectors."""
    return mul(unsqueeze(input, 1), vec2)


@named(in_place=True)
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2)"""
    _same_dtype(mat1, mat2)
    _same_dtype(input, mat1)
    for name, matrix in (("mat1", mat1), ("mat2", mat2)):
        if matrix.dim() != 2:
            raise RuntimeError(f"{name} must be a matrix, got {matrix.dim()}-D tensor")

    def scaled(c: Any, a: Any, b: Any) -> Any:
        product = values.matmul(a, b)
        return fnp.add(
            c if beta == 1 else fnp.multiply(c, beta), product if alpha == 1 else fnp.multiply(product, alpha)
        )

    return call(ADDMM, scaled, input, mat1, mat2)


@named(method=False)
def einsum(equation: str, *operands: Any) -> Tensor:
    """The sum of products that the subscripts spell."""
    if len(operands) == 1 and not isinstance(operands[0], Tensor):
        operands = tuple(operands[0])
    return call(EINSUM, lambda *vs: fnp.einsum(equation, *vs), *operands)
