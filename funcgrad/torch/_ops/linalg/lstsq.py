"""Least squares."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.torch._ops.linalg.shared import is_half, need_second, routine
from funcgrad.torch._ops.memory_order import in_columns, lying
from funcgrad.torch._ops.table import returned
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.operands import check_broadcast
from funcgrad.torch._record.tape import constant, raw
from funcgrad.torch._tensor.tensor import Tensor, fresh


def _closest(
    a: Any, b: Any, vector: bool, tolerance: float, has_residuals: bool, keep: Any = None
) -> tuple[Any, Any]:
    """The solution and its residuals, or these of the solution that was saved, at which they are smallest."""
    columns = b[..., None] if vector else b
    x = fnp.matmul(fnp.linalg.pinv(a, rcond=tolerance), columns)
    found = x[..., 0] if vector else x
    if keep is not None:
        kept = keep(constant(found))
        x = kept[..., None] if vector else kept
    gap = fnp.subtract(columns, fnp.matmul(a, x))
    left = fnp.sum(fnp.real(fnp.multiply(fnp.conj(gap), gap)), axis=-2)
    empty = fnp.where(np.False_, fnp.real(fnp.sum(found)), fnp.zeros((0,), left.dtype))
    return found, (left if has_residuals else empty)


LSTSQ = Kind("LinalgLstsq", "yx1", reads=lambda keep, a, b, **how: _closest(a, b, **how, keep=keep))
DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


@routine
@lying(in_columns)
def lstsq(input: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """The X for which input @ X is closest to B, with the squares of what is left, the rank and singular values.

    Which of these are empty depends on `driver`, as in PyTorch; the solution does not. Singular values up to `rcond`
    times the largest count as zero.
    """
    need_second(B, "lstsq", "b")
    vector = _checked(input, B, driver)
    driver = driver or "gelsy"
    n, m = input.shape[-2:]
    tolerance = np.finfo(input._read().dtype).eps * max(n, m) if rcond is None else rcond
    values = constant(input._read())
    sizes: Any = fnp.linalg.svdvals(values)
    limit = tolerance * fnp.max(sizes, axis=-1, keepdims=True, initial=0)
    rank = fnp.sum(fnp.greater(sizes, limit), axis=-1)
    full = not isinstance(rank, Tracer) and bool(np.all(rank == m))
    has_residuals = n > m and (full or isinstance(rank, Tracer)) and driver != "gelsy"

    how = {"vector": vector, "tolerance": tolerance, "has_residuals": has_residuals}
    x, residuals = call(LSTSQ, _closest, input, B, **how)
    none = np.zeros((0,), np.int64)
    ranks = none if driver == "gels" else np.asarray(rank, np.int64) if not isinstance(rank, Tracer) else rank
    shown = raw(sizes) if driver in ("gelsd", "gelss") else np.zeros((0,), np.empty(0, values.dtype).real.dtype)
    return returned("linalg_lstsq", (x, residuals, fresh(ranks), fresh(shown)))


def _checked(input: Tensor, B: Tensor, driver: str | None) -> bool:
    """PyTorch's errors; whether B is a vector, or a batch of them."""
    if input.dim() < 2:
        raise RuntimeError("torch.linalg.lstsq: input must have at least 2 dimensions.")
    if B.dim() < 1:
        raise RuntimeError("torch.linalg.lstsq: other must have at least 1 dimension.")
    if input.dtype is not B.dtype:
        raise RuntimeError(
            "torch.linalg.lstsq: Expected input and other to have the same dtype, but got input's dtype "
            f"{input.dtype.title} and other's dtype {B.dtype.title}"
        )
    if not 0 <= input.dim() - B.dim() <= 1:
        raise RuntimeError(
            "torch.linalg.lstsq: input.dim() must be greater or equal to other.dim() and (input.dim() - other.dim()) "
            "<= 1"
        )
    vector = input.dim() - 1 == B.dim() and B.shape[:-1] == input.shape[:-2]
    if vector and input.shape[-2] != B.shape[-1]:
        raise RuntimeError("torch.linalg.lstsq: input.size(-2) should match other.size(-1)")
    if not vector and (B.dim() < 2 or input.shape[-2] != B.shape[-2]):
        raise RuntimeError("torch.linalg.lstsq: input.size(-2) should match other.size(-2)")
    if driver is not None and driver not in DRIVERS:
        raise RuntimeError(f"torch.linalg.lstsq: parameter `driver` should be one of ({', '.join(DRIVERS)})")
    check_broadcast(input.shape[:-2], B.shape[:-1] if vector else B.shape[:-2])
    if input._read().dtype.kind not in "fc" or is_half(input):
        raise RuntimeError("This function doesn't handle types other than float and double")
    return vector
