"""Distances between vectors."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.torch._ops import kinks
from funcgrad.torch._ops.handed import DISTANCES
from funcgrad.torch._ops.memory_order import in_rows, lying
from funcgrad.torch._ops.products import same_scalar_type
from funcgrad.torch._ops.shape import reshape
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, need_tensor
from funcgrad.torch._record.composed import composite
from funcgrad.torch._record.operands import check_broadcast, need_tensors, refuse
from funcgrad.torch._tensor.tensor import Tensor

MANY = 25
"""With more vectors than these, PyTorch computes Euclidean distances by one matrix product."""


def _by_product(x: Any, y: Any) -> Any:
    """|x|^2 + |y|^2 - 2 x.y: quick, and less exact than differences."""
    squares = [fnp.sum(fnp.multiply(v, v), axis=-1, keepdims=True) for v in (x, y)]
    products = fnp.matmul(fnp.multiply(x, -2), fnp.matrix_transpose(y))
    return kinks.root(fnp.maximum(fnp.add(fnp.add(products, squares[0]), fnp.matrix_transpose(squares[1])), 0))


def _norms(differences: Any, p: float) -> Any:
    if p == np.inf:
        return kinks.largest(differences)
    return kinks.vector_norm(differences, p, (differences.ndim - 1,), False)


def _all_pairs(x: Any, y: Any) -> Any:
    return fnp.subtract(x[..., :, None, :], y[..., None, :, :])


def _distances(x: Any, y: Any, p: float) -> Any:
    return _norms(_all_pairs(x, y), p)


def _distances_read(keep: Any, x: Any, y: Any, p: float) -> Any:
    between = _all_pairs(x, y)
    return kinks.vector_norm_read(keep, between, p, (between.ndim - 1,), False)


def _of_rows(v: Any) -> Any:
    first, second = np.triu_indices(v.shape[0], 1)
    return fnp.subtract(v[first], v[second])


def _of_rows_read(keep: Any, v: Any, p: float) -> Any:
    return kinks.vector_norm_read(keep, _of_rows(v), p, (1,), False)


CDIST, PDIST = Kind("Cdist", "xyr!", reads=_distances_read), Kind("Pdist", "xr", reads=_of_rows_read)
CDIST_OF_LARGEST, PDIST_OF_LARGEST = Kind("Cdist", "xyr!"), Kind("Pdist", "xr")
"""Of the infinite norm, for which PyTorch has another derivative than `vector_norm`."""
EUCLIDEAN = Kind("EuclideanDist", "xyr!", reads=partial(_distances_read, p=2.0))
VIEW = Kind("View", "xyr!")


def _by_one_product(x1: Tensor, x2: Tensor) -> Tensor:
    found = call(EUCLIDEAN, _by_product, x1, x2)
    return reshape(found, found.shape)


@named(method=False)
@lying(in_rows)
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = DISTANCES[0]) -> Tensor:
    """The p-norm of the difference of each vector of `x1` and each of `x2`; all differences are held at once.

    As in PyTorch, the derivative at a distance of zero is zero.
    """
    need_tensors("cdist", x1=x1, x2=x2)
    if compute_mode is not None and compute_mode not in DISTANCES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    for i, x in enumerate((x1, x2), 1):
        if x.dim() < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, X{i} got: {x.dim()}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}"
        )
    for i, x in enumerate((x1, x2), 1):
        if x._read().dtype.kind != "f":
            raise RuntimeError(f"cdist only supports floating-point dtypes, X{i} got: {x.dtype.title}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    check_broadcast(x1.shape[:-2], x2.shape[:-2])
    same_scalar_type(x1, x2)
    many = max(x1.shape[-2], x2.shape[-2]) > MANY and compute_mode in (None, DISTANCES[0])
    if p == 2 and (many or compute_mode == DISTANCES[1]):
        return composite(_by_one_product, partial(call, VIEW, _by_product), x1, x2)
    refuse(x1, "e", "cdist")
    return call(CDIST_OF_LARGEST if p == np.inf else CDIST, _distances, x1, x2, p=p)


@named(method=False)
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norms of the differences of each pair of rows of a matrix: (0, 1), (0, 2), ..., (1, 2), ..."""
    need_tensor(input, "pdist")
    if input.dim() != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.dim()}D")
    if input._read().dtype.kind != "f":
        raise RuntimeError("pdist only supports floating-point dtypes")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    refuse(input, "e", "pdist")
    kind = PDIST_OF_LARGEST if p == np.inf else PDIST
    return call(kind, lambda v, p: _norms(_of_rows(v), p), input, p=p)
