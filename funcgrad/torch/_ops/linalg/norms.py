"""Norms and condition numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.torch._ops.extremes import amax, amin
from funcgrad.torch._ops.linalg.shared import check_inexact, check_squares, routine
from funcgrad.torch._ops.linalg.spectra import svdvals
from funcgrad.torch._ops.linalg.systems import inv_ex
from funcgrad.torch._ops.memory_order import in_rows, lying
from funcgrad.torch._ops.pointwise import div, mul, reciprocal
from funcgrad.torch._ops.reduce import NORM, Dims, count, dims_of
from funcgrad.torch._ops.reduce import sum as sum_of
from funcgrad.torch._ops.reduce import vector_norm as plain_norm
from funcgrad.torch._ops.shape import narrow, permute, squeeze, unsqueeze
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.operands import cast
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor, fresh

NAN_TO_NUM = Kind("NanToNum", "x")
OF_VECTORS = (1.0, -1.0, np.inf, -np.inf)


def _ready(x: Tensor, dtype: dtypes.dtype | None, function: str) -> Tensor:
    """In the dtype that is asked for; PyTorch's errors for one that does not fit."""
    check_inexact(x, function, half=True)
    if dtype is None:
        return x
    if dtype.numpy.kind not in "fc":
        raise RuntimeError(f"{function}: dtype should be floating point or complex, but got {dtype.title}")
    if x.is_complex() != (dtype.numpy.kind == "c"):
        own = "complex" if x.is_complex() else "real"
        raise RuntimeError(f"{function}: dtype should be {own} for {own} inputs, but got {dtype.title}")
    if x._read().dtype.itemsize > dtype.numpy.itemsize:
        raise RuntimeError(
            f"{function}: the dtype of the input ({x.dtype.title}) should be convertible without narrowing to the "
            f"specified dtype ({dtype.title})"
        )
    return x if x.dtype is dtype else cast(x, dtype.numpy)


@routine
@lying(in_rows)
def vector_norm(
    x: Tensor, ord: float = 2, dim: Dims = None, keepdim: bool = False, *, dtype: dtypes.dtype | None = None
) -> Tensor:
    """The `ord`-norm over `dim` (all dimensions by default). As in PyTorch, its gradient at zero is zero."""
    if isinstance(ord, str):
        raise TypeError(f"linalg_vector_norm(): argument 'ord' (position 2) must be Number, not {type(ord).__name__}")
    x = _ready(x, dtype, "linalg.vector_norm")
    dims = dims_of(dim, x.dim())
    if (ord < 0 or ord == np.inf) and not count(x.shape, dims):
        empty = next((d for d in dims if not x.shape[d]), 0)
        whole = dim is None or len(dims) == x.dim()
        where = "an empty tensor because" if whole else f"the dimension {empty}because this dimension is empty and"
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {ord:g} norm on {where} the operation does not have an identity"
        )
    return call(NORM, plain_norm, x, order=float(ord), axes=dims, keepdims=keepdim)


@routine
def matrix_norm(
    A: Tensor,
    ord: float | str = "fro",
    dim: Sequence[int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: dtypes.dtype | None = None,
) -> Tensor:
    """The norm of the matrices along two dimensions: "fro", "nuc", 2, -2 (singular values), 1, -1, inf, -inf (sums)."""
    if isinstance(ord, complex):
        raise RuntimeError("linalg.matrix_norm: Expected a non-complex scalar as the order of norm.")
    if ord not in ("fro", "nuc", 2, -2, *OF_VECTORS):
        raise RuntimeError(f"linalg.matrix_norm: Order {_shown(ord)} not supported.")
    if A.dim() < 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    check_inexact(A, "linalg.matrix_norm", half=ord not in ("nuc", 2, -2))
    if len(dims) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {', '.join(map(str, dims))}")
    rows, columns = (dimension(d, A.dim()) for d in dims)
    if rows == columns:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dims[0]}, {dims[1]})")
    if ord == "fro":
        return vector_norm(A, 2, dims, keepdim, dtype=dtype)
    A = _ready(A, dtype, "linalg.matrix_norm")
    extreme = amin if ord in (-1, -2, -np.inf) else amax
    if ord in OF_VECTORS:
        first, second = (rows, columns) if abs(ord) == 1 else (columns, rows)
        if ord > 0 and not A.shape[second]:
            return _zeros(A, (rows, columns), keepdim)
        sums = vector_norm(A, 1, first, keepdim)
        return extreme(sums, second - (second > first and not keepdim), keepdim)
    order = [*(d for d in range(A.dim()) if d not in (rows, columns)), rows, columns]
    values = svdvals(permute(A, *order))
    if ord == 2 and not min(A.shape[rows], A.shape[columns]):
        return _zeros(A, (rows, columns), keepdim)
    found = sum_of(values, -1, keepdim) if ord == "nuc" else extreme(values, -1, keepdim)
    return permute(unsqueeze(found, -1), *np.argsort(order).tolist()) if keepdim else found


def _zeros(A: Tensor, dims: tuple[int, int], keepdim: bool) -> Tensor:
    """The norms of matrices without elements."""
    shape = [1 if d in dims else n for d, n in enumerate(A.shape) if keepdim or d not in dims]
    return fresh(np.zeros(shape, np.empty(0, A._read().dtype).real.dtype))


def _shown(ord: float | str) -> str:
    return ord if isinstance(ord, str) else f"{ord:g}"


@routine
def norm(
    A: Tensor,
    ord: float | str | None = None,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: dtypes.dtype | None = None,
) -> Tensor:
    """`vector_norm` over all or one of the dimensions, `matrix_norm` over two of them or for "fro" and "nuc"."""
    dims = None if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if dims is not None and ord is not None and len(dims) not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims)}")
    if dims is None and ord is not None and A.dim() not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.dim()}D."
        )
    if ord is not None and (isinstance(ord, str) or (len(dims) == 2 if dims is not None else A.dim() == 2)):
        return matrix_norm(A, ord, (-2, -1) if dims is None else dims, keepdim, dtype=dtype)
    return vector_norm(A, 2 if ord is None else ord, dims, keepdim, dtype=dtype)


@routine
def cond(A: Tensor, p: float | str | None = None) -> Tensor:
    """The condition number: the largest by the smallest singular value, or |A| |inverse of A| in the norm `p`."""
    if isinstance(p, str):
        check_squares(A, f"linalg.cond(ord={p})")
    if A.dim() < 2:
        raise RuntimeError("linalg.cond: The input tensor must have at least 2 dimensions.")
    if p not in (None, "fro", "nuc", 2, -2, *OF_VECTORS):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {_shown(p)}")
    if not A.numel():
        return _zeros(A, (A.dim() - 2, A.dim() - 1), False)
    if p in (None, 2, -2):
        values = svdvals(A)
        first, last = narrow(values, -1, 0, 1), narrow(values, -1, values.shape[-1] - 1, 1)
        return squeeze(div(last, first) if p == -2 else div(first, last), -1)
    check_squares(A, f"linalg.cond(ord={_shown(p)})")
    if p == "nuc":
        values = svdvals(A)
        return mul(sum_of(values, -1), sum_of(reciprocal(values), -1))
    product = mul(matrix_norm(A, p), matrix_norm(inv_ex(A)[0], p))
    return call(NAN_TO_NUM, lambda v: fnp.where(fnp.isnan(v), v.dtype.type(np.inf), v), product)
