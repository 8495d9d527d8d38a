"""Products of vectors and matrices, and of tensors over their dimensions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.torch._ops import values
from funcgrad.torch._ops.arity import quick_of_two, with_short_way
from funcgrad.torch._ops.pointwise import mul
from funcgrad.torch._ops.reduce import sum as total
from funcgrad.torch._ops.shape import (
    contiguous,
    expand,
    permute,
    reshape,
    squeeze,
    t,
    transpose,
    unsafe_view,
    unsqueeze,
)
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, need_tensor
from funcgrad.torch._record.composed import composite
from funcgrad.torch._record.operands import check_broadcast, refuse
from funcgrad.torch._record.tape import raw
from funcgrad.torch._tensor.messages import warn_once
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor

DOT = Kind("Dot", "&")
VDOT, MV, MM, BMM = (Kind(n, "*") for n in ("Vdot", "Mv", "Mm", "Bmm"))
UNSAFE_VIEW, CLONE, SQUEEZE = (Kind(n, "*") for n in ("UnsafeView", "Clone", "SqueezeBackward4"))
SUM = Kind("SumBackward1")
IN_ORDER = np.zeros(1).flags
TRACE, CROSS = Kind("Trace"), Kind("LinalgCross", "*")


def need_other(x: Any, function: str, name: str = "other") -> None:
    if not isinstance(x, Tensor):
        raise TypeError(f"{function}(): argument '{name}' (position 2) must be Tensor, not {type(x).__name__}")


def same_dtype(x: Tensor, y: Tensor) -> None:
    if x.dtype is not y.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {x.dtype.short} != {y.dtype.short}")
    refuse(x, "b", "addmm_impl_cpu_")


def same_scalar_type(x: Tensor, y: Tensor) -> None:
    if x.dtype is not y.dtype:
        raise RuntimeError(f"expected scalar type {x.dtype.title} but found {y.dtype.title}")


def _same_in_bmm(x: Tensor, y: Tensor) -> None:
    refuse(x, "b", "bmm")
    same_scalar_type(x, y)


def _same_in_mv(x: Tensor, y: Tensor) -> None:
    if x.dtype is not y.dtype:
        raise RuntimeError(
            f"addmv input tensors must have the same dtype, but got {y.dtype.title}, {x.dtype.title}, and "
            f"{y.dtype.title}"
        )
    refuse(x, "b", "addmv_impl_cpu")


# Vectors


def _check_vectors(input: Tensor, other: Tensor) -> None:
    if input.dim() != 1 or other.dim() != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.dim()}D and {other.dim()}D tensors")
    n, m = input.numel(), other.numel()
    if input.dtype is not other.dtype:
        raise RuntimeError(
            f"dot : expected both vectors to have same dtype, but found {input.dtype.title} and {other.dtype.title}"
        )
    if n != m:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{n}] and src [{m}] to have the same number of "
            f"elements, but got {n} and {m} elements respectively"
        )


@named(out=True)
def dot(input: Tensor, other: Tensor) -> Tensor:
    """The sum of products of two vectors."""
    need_tensor(input, "dot")
    need_other(other, "dot", "tensor")
    _check_vectors(input, other)
    refuse(input, "b", "dot")
    return call(DOT, fnp.dot, input, other)


@named(out=True)
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """The sum of products of two vectors, the first one conjugated."""
    need_tensor(input, "vdot")
    need_other(other, "vdot")
    if not input.is_complex():
        return _dot_as(VDOT, input, other)
    _check_vectors(input, other)
    return call(VDOT, fnp.vdot, input, other)


def _dot_as(kind: Kind, input: Tensor, other: Tensor) -> Tensor:
    _check_vectors(input, other)
    refuse(input, "b", "dot")
    return call(kind, fnp.dot, input, other)


@named("ger", out=True)
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """All products of elements of two vectors."""
    need_tensor(input, "outer")
    need_other(vec2, "outer", "vec2")
    for name, vector in (("self", input), ("vec2", vec2)):
        if vector.dim() != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {vector.dim()}-D")
    return mul(reshape(input, (input.numel(), 1)), vec2)


NO_DIM_OF_CROSS = (
    "Using torch.cross without specifying the dim arg is deprecated.\nPlease either pass the dim explicitly or simply "
    "use torch.linalg.cross.\nThe default value of dim will change to agree with that of linalg.cross in a future "
    "release."
)


def cross_of(input: Tensor, other: Tensor, dim: int) -> Tensor:
    """The vector products along a dimension of length three."""
    if input.dim() != other.dim():
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    axis = dimension(dim, input.dim())
    n, m = (x.shape[axis] if x.dim() else 1 for x in (input, other))
    if n != 3 or m != 3:
        raise RuntimeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got {n} and {m}")
    check_broadcast(input.shape, other.shape)
    refuse(input, "b", "cross")
    same_scalar_type(input, other)
    return call(CROSS, lambda a, b: fnp.cross(a, b, axis=axis), input, other)


@named(out=True)
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """The vector product along `dim`, or along the first dimension of length three."""
    need_tensor(input, "cross")
    need_other(other, "cross")
    if dim is None:
        warn_once(NO_DIM_OF_CROSS)
        dim = next((i for i, n in enumerate(input.shape) if n == 3), None)
        if dim is None:
            raise RuntimeError("no dimension of size 3 in input")
    return cross_of(input, other, dim)


# Matrices


@named(out=True)
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """A matrix times a vector."""
    need_tensor(input, "mv")
    need_other(vec, "mv", "vec")
    _check_mv(input.shape, vec.shape)
    _same_in_mv(input, vec)
    return call(MV, values.matmul, input, vec)


def _check_mv(matrix: tuple[int, ...], vector: tuple[int, ...]) -> None:
    if len(matrix) != 2 or len(vector) != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {len(matrix)}, {len(vector)}")
    n, k = matrix
    if k != vector[0]:
        raise RuntimeError(f"size mismatch, got input ({n}), mat ({n}x{k}), vec ({vector[0]})")


@named(out=True)
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices."""
    need_tensor(input, "mm")
    need_other(mat2, "mm", "mat2")
    if input.dim() != 2:
        raise RuntimeError("self must be a matrix")
    if mat2.dim() != 2:
        raise RuntimeError("mat2 must be a matrix")
    _check_mm(input.shape, mat2.shape)
    same_dtype(input, mat2)
    return call(MM, values.matmul, input, mat2)


def _check_mm(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    (n, k), (j, m) = first, second
    if k != j:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({n}x{k} and {j}x{m})")


@named(out=True)
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of matrices in two stacks."""
    need_tensor(input, "bmm")
    need_other(mat2, "bmm", "mat2")
    check_bmm(input.shape, mat2.shape)
    _same_in_bmm(input, mat2)
    return call(BMM, values.matmul, input, mat2)


def check_bmm(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    if len(first) != 3 or len(second) != 3:
        raise RuntimeError("batch1 must be a 3D tensor" if len(first) != 3 else "batch2 must be a 3D tensor")
    b, _, k = first
    if second[:2] != (b, k):
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{b}, {k}] but got: {list(second[:2])}."
        )


def _are_matrices(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    return len(first) == 2 == len(second) and first[1] == second[0]


def of_matrices(slowly: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The product by the short way of functions of two tensors, where both are matrices."""
    return quick_of_two(values.matrices, MM, None, slowly, False, False, _are_matrices)


@named(out=True)
@with_short_way(of_matrices)
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product; vectors lose their dimension, leading dimensions broadcast."""
    need_tensor(input, "matmul")
    need_other(other, "matmul")
    i, j = input.dim(), other.dim()
    if i == 0 or j == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {i}D and {j}D")
    if (i, j) == (1, 1):
        return dot(input, other)
    if (i, j) == (2, 1):
        return mv(input, other)
    if (i, j) == (2, 2):
        return mm(input, other)
    _check_matmul(input, other)
    kind = SQUEEZE if (i, j) == (1, 2) else CLONE if i == 2 and input.requires_grad else UNSAFE_VIEW
    return composite(_composed, partial(call, kind, values.matmul), input, other)


def _composed(a: Tensor, b: Tensor) -> Tensor:
    """As PyTorch composes it: of one product of matrices, or of a stack of products."""
    i, j = a.dim(), b.dim()
    if (i, j) == (1, 2):
        return squeeze(mm(unsqueeze(a, 0), b), 0)
    large, small = (a, b) if i >= j else (transpose(b, -2, -1), t(a) if i == 2 else a)
    if small.dim() <= 2 and (small.requires_grad or i != 2):
        rows = reshape(large, (-1, large.shape[-1]))
        product = mv(rows, small) if small.dim() == 1 else mm(rows, small)
        out = unsafe_view(product, (*large.shape[:-1], *small.shape[1:]))
        return out if i >= j or i == 1 else contiguous(transpose(out, -2, -1))
    first, second = a if i > 1 else unsqueeze(a, 0), b if j > 1 else unsqueeze(b, -1)
    batch = np.broadcast_shapes(first.shape[:-2], second.shape[:-2])
    stacks = (reshape(expand(v, (*batch, *v.shape[-2:])), (-1, *v.shape[-2:])) for v in (first, second))
    rest = (*first.shape[-2:-1][: i - 1], *second.shape[-1:][: j - 1])
    return unsafe_view(bmm(*stacks), (*batch, *rest))


def _check_matmul(input: Tensor, other: Tensor) -> None:
    """The errors of the products that PyTorch makes a `matmul` of: small operands times all matrices as one."""
    a, b = tuple(input.shape), tuple(other.shape)
    small, large = (b, (prod(a[:-1]), a[-1])) if len(a) >= len(b) else (a[::-1], (prod(b[:-2]) * b[-1], b[-2]))
    if len(a) <= 2 and len(b) <= 2:
        _check_mm((1, *a), b)
        same_dtype(input, other)
    elif len(small) == 1 and (len(a) > len(b) or input.requires_grad):
        _check_mv(large, small)
        _same_in_mv(input, other)
    elif len(small) == 2 and (len(a) > len(b) or input.requires_grad):
        _check_mm(large, small)
        same_dtype(input, other)
    else:
        first, second = a if len(a) > 1 else (1, *a), b if len(b) > 1 else (*b, 1)
        check_broadcast(first[:-2], second[:-2])
        batch = prod(max(n, m) for n, m in zip(_padded(first, second), _padded(second, first)))
        check_bmm((batch, *first[-2:]), (batch, *second[-2:]))
        _same_in_bmm(input, other)


def _padded(shape: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return (1,) * (len(other) - len(shape)) + shape[:-2]


@named()
def trace(input: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix."""
    need_tensor(input, "trace")
    if input.dim() != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.dim()}")
    refuse(input, "b", "trace")
    return call(TRACE, fnp.trace, input)


# Of any rank


@named(out=True)
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Sums of products over the last dimensions; a number times the other tensor."""
    need_tensor(input, "inner")
    need_other(other, "inner")
    if input.dim() == 0 or other.dim() == 0:
        return mul(input, other)
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    return tensordot(input, other, ([-1], [-1]))


@named(method=False, out=True)
def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Sums of products over the last dimensions of one and the first of the other, or over two lists of them."""
    need_tensor(a, "tensordot")
    need_other(b, "tensordot", "b")
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.dim(), b.dim()):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        dims = list(range(-dims, 0)), list(range(dims))
    firsts, seconds = _contracted(a, b, *dims)
    a, b = (_summed(x, axes, y, others) for x, axes, y, others in ((a, firsts, b, seconds), (b, seconds, a, firsts)))
    kept = [i for i in range(a.dim()) if i not in firsts]
    others = [i for i in range(b.dim()) if i not in seconds]
    size = prod(a.shape[i] for i in firsts)
    shape = (*(a.shape[i] for i in kept), *(b.shape[i] for i in others))
    left, right = permute(a, *kept, *firsts), permute(b, *seconds, *others)
    rows, columns = prod(a.shape[i] for i in kept), prod(b.shape[i] for i in others)
    if rows == columns == 1:
        return reshape(_whole_product(left, right, size), shape)
    return reshape(mm(reshape(left, (rows, size)), reshape(right, (size, columns))), shape)


def _whole_product(left: Tensor, right: Tensor, size: int) -> Tensor:
    """A product over all dimensions: of vectors, where the elements lie in order."""
    if all(getattr(raw(x._read()), "flags", IN_ORDER).c_contiguous for x in (left, right)):
        return dot(*(x if x.dim() == 1 else reshape(x, size) for x in (left, right)))
    return total(mul(squeeze(left), squeeze(right)))


def _summed(x: Tensor, axes: list[int], other: Tensor, others: list[int]) -> Tensor:
    """Summed over the dimensions to which the other has one element."""
    wide = tuple(i for i, j in zip(axes, others) if other.shape[j] == 1 != x.shape[i])
    return call(SUM, lambda v: fnp.sum(v, axis=wide, keepdims=True), x) if wide else x


def _contracted(a: Tensor, b: Tensor, firsts: Any, seconds: Any) -> tuple[list[int], list[int]]:
    """The dimensions that are summed over."""
    if len(firsts) != len(seconds):
        raise RuntimeError("both dimension lists should have same length")
    if a.dtype is not b.dtype:
        raise RuntimeError("both inputs should have same dtype")
    found: tuple[list[int], list[int]] = [], []
    for x, dims, at in ((a, firsts, found[0]), (b, seconds, found[1])):
        if dims and not x.dim():
            raise IndexError(f"Dimension specified as {dims[0]} but tensor has no dimensions")
        at += [dimension(d, x.dim()) for d in dims]
    for first, second, i, j in zip(firsts, seconds, *found):
        if a.shape[i] != b.shape[j] and 1 not in (a.shape[i], b.shape[j]):
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {first} and second has "
                f"size {b.shape[j]} in dim {second}"
            )
    for at in found:
        for axis in at:
            if at.count(axis) > 1:
                raise RuntimeError(f"dim {axis} appears multiple times in the list of dims")
    return found


@named(out=True)
def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product: each element of `input` times `other`, side by side."""
    need_tensor(input, "kron")
    need_other(other, "kron")
    rank = max(input.dim(), other.dim())
    a, b = ((1,) * (rank - x.dim()) + tuple(x.shape) for x in (input, other))
    apart = mul(unsafe_view(input, _widened(a, 0)), unsafe_view(other, _widened(b, 1)))
    return unsafe_view(apart, tuple(n * m for n, m in zip(a, b)))


def _widened(shape: tuple[int, ...], place: int) -> tuple[int, ...]:
    """Each dimension as a pair, with ones in the other place."""
    return tuple(k for n in shape for k in ((n, 1) if place == 0 else (1, n)))
