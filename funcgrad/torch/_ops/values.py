"""Functions over values whose arguments are ready: funcgrad.numpy's, without its checks, which take 5 to 10 us a call.

The rooms check as PyTorch does before they call; this is the one file of them that knows primitives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcgrad.ops import broadcasting, reduce
from funcgrad.ops.broadcasting import broadcast_to, reshape
from funcgrad.ops.by_value import expm1
from funcgrad.ops.contract import dot_general
from funcgrad.ops.elementwise import add, relu, square, tanh, where
from funcgrad.ops.elementwise import div as divide
from funcgrad.ops.elementwise import mul as multiply
from funcgrad.ops.elementwise import neg as negative
from funcgrad.ops.elementwise import sub as subtract
from funcgrad.ops.index import gather
from funcgrad.ops.normalise import log_softmax, softmax, standardise
from funcgrad.ops.products import matrix_product as matmul
from funcgrad.ops.special import logistic
from funcgrad.ops.structure import concatenate, transpose

__all__ = ["add", "affine", "divide", "logistic", "multiply", "negative", "square", "subtract", "tanh", "where"]
__all__ += ["log_softmax", "matmul", "matrices", "maximum", "minimum", "prod", "softmax", "standardise", "total"]
__all__ += ["broadcast_to", "concatenate", "expm1", "gather", "relu", "reshape", "transpose"]


_ROWS_BY_COLUMNS, _NO_STACK = ((1,), (0,)), ((), ())


def matrices(x: Any, y: Any) -> Any:
    """The product of two matrices."""
    return dot_general(x, y, contract=_ROWS_BY_COLUMNS, batch=_NO_STACK)


def affine(x: Any, weight: Any, bias: Any = None) -> Any:
    """x @ weight.T + bias"""
    y = dot_general(x, weight, contract=((len(x.shape) - 1,), (1,)), batch=_NO_STACK)
    return y if bias is None else add(y, bias)


def _reduction(prim: Callable[..., Any], name: str) -> Callable[..., Any]:
    def apply(v: Any, axes: tuple[int, ...], keepdims: bool = False) -> Any:
        y = prim(v, axes=axes)
        return reshape(y, shape=reduce.expanded(v.shape, axes)) if keepdims and axes else y

    apply.__name__ = apply.__qualname__ = name
    return apply


total, prod = _reduction(broadcasting.reduce_sum, "total"), _reduction(reduce.reduce_prod, "prod")
maximum, minimum = _reduction(reduce.reduce_max, "maximum"), _reduction(reduce.reduce_min, "minimum")
