"""Quantiles, composed of sorting and interpolation as in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.torch._ops.compare import PLAIN
from funcgrad.torch._ops.extremes import sort
from funcgrad.torch._ops.gather import gather
from funcgrad.torch._ops.grids import broadcast_tensors
from funcgrad.torch._ops.pointwise import lerp, mul, sub_, times_number
from funcgrad.torch._ops.select import masked_fill
from funcgrad.torch._ops.shape import transpose, unsqueeze, view_as_shape
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import call, need_tensor
from funcgrad.torch._record.tape import raw
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor, fresh

INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")
ROUNDED = {"lower": fnp.floor, "higher": fnp.ceil, "nearest": fnp.rint}


@named(out=True)
def quantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The quantiles q, a number or a vector, over `dim` (of all elements by default); NaN where there is one.

    A vector's quantiles are along a new first dimension.
    """
    return _quantile(input, q, dim, keepdim, interpolation, ignores_nans=False)


@named(out=True)
def nanquantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The `quantile` of what is not NaN."""
    return _quantile(input, q, dim, keepdim, interpolation, ignores_nans=True)


def _check(input: Tensor, q: Any, interpolation: str) -> Tensor:
    if not isinstance(q, Tensor):
        if not 0 <= q <= 1:
            raise RuntimeError(f"quantile() q must be in the range [0, 1] but got {q:g}")
        q = fresh(np.asarray(q, input._read().dtype if input.is_floating_point() else dtypes.default()))
    for failed, text in (
        (
            interpolation not in INTERPOLATIONS,
            f"interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}",
        ),
        (not input.numel(), "input tensor must be non-empty"),
        (q.dim() > 1, "q must be a scalar or 1D tensor"),
        (input.dtype not in (dtypes.float32, dtypes.float64), "input tensor must be either float or double dtype"),
        (q.dtype is not input.dtype, "q tensor must be same dtype as the input tensor"),
    ):
        if failed:
            raise RuntimeError(f"quantile() {text}")
    at = q._read()
    if isinstance(raw(at), np.ndarray) and not np.all((raw(at) >= 0) & (raw(at) <= 1)):
        raise RuntimeError("quantile() q values must be in the range [0, 1]")
    return q


def _quantile(
    input: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str, ignores_nans: bool
) -> Tensor:
    need_tensor(input, "quantile")
    q = _check(input, q, interpolation)
    rank = input.dim()
    axis = 0 if dim is None else dimension(dim, rank)
    if dim is None:
        in_order = sort(input.flatten())[0]
        kept: tuple[int, ...] = (1,) * rank if keepdim else ()
    else:
        in_order = sort(input if axis == rank - 1 else transpose(unsqueeze(input, -1), axis, -1))[0]
        kept = (*input.shape[:axis], *((1,) if keepdim and rank else ()), *input.shape[axis + 1 :])
    in_order = view_as_shape(in_order, (*kept, in_order.shape[-1]))
    ranks = _ranks(in_order, q, ignores_nans)
    if interpolation in ROUNDED:
        ranks = call(PLAIN, lambda v: ROUNDED[interpolation](raw(v)), ranks)
    below = call(PLAIN, lambda v: fnp.floor(raw(v)).astype(np.int64), ranks)
    found = gather(in_order, -1, below)
    if interpolation in ("linear", "midpoint"):
        above = call(PLAIN, lambda v: fnp.ceil(raw(v)).astype(np.int64), ranks)
        weights = sub_(ranks, below) if interpolation == "linear" else ranks.detach() * 0 + 0.5
        found = lerp(found, gather(in_order, -1, above), weights)
    if q.dim():
        found.unsqueeze_(0).transpose_(0, -1)
    return found.squeeze_(-1)


def _ranks(in_order: Tensor, q: Tensor, ignores_nans: bool) -> Tensor:
    """Where the quantiles are, in each sorted row: the last place where a NaN must come out."""
    last = in_order.shape[-1] - 1
    nans = in_order.detach().isnan()
    if ignores_nans:
        known = nans.logical_not().sum(-1, keepdim=True) - 1
        ranks = mul(q, known)
        return ranks.masked_fill_(ranks < 0, 0)
    return masked_fill(*broadcast_tensors(times_number(q, last), nans.any(-1, keepdim=True)), last)
