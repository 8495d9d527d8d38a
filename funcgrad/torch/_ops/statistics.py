"""Covariances, distances and limited norms."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.core.warned import warn
from funcgrad.torch._ops import kinks
from funcgrad.torch._ops.complexes import conj, real
from funcgrad.torch._ops.join import diag
from funcgrad.torch._ops.memory_order import in_rows, lying
from funcgrad.torch._ops.pointwise import check_no_bools, div_, mul, sqrt, sub_
from funcgrad.torch._ops.precision import widened
from funcgrad.torch._ops.products import mm
from funcgrad.torch._ops.reduce import no_norm, norm_error, sum
from funcgrad.torch._ops.select import clamp
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, need_tensor
from funcgrad.torch._record.operands import check_broadcast, need_tensors, promote
from funcgrad.torch._record.tape import raw
from funcgrad.torch._tensor.sizes import dimension
from funcgrad.torch._tensor.tensor import Tensor

NO_FREEDOM = (
    "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of observations."
)


def _known(x: Any) -> bool:
    return not isinstance(x, Tensor) or not isinstance(raw(x._read()), Tracer)


def _check_weights(weights: Tensor, name: str, kinds: str, needed: str, count: int) -> None:
    if weights.dim() > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with {weights.dim()} dimensions"
        )
    if weights._read().dtype.kind not in kinds:
        raise RuntimeError(
            f"cov(): expected {name} to have {needed} dtype but got {name} with {weights.dtype.title} dtype"
        )
    if weights.numel() != count:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the input but got "
            f"{weights.numel()} != {count}"
        )
    if _known(weights) and (weights._array() < 0).any():
        raise RuntimeError(f"cov(): {name} cannot be negative")


@named()
def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """Covariances of the rows, whose columns are observations: counted `fweights` times, and weighted."""
    need_tensor(input, "cov")
    if input.dim() > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.dim()} dimensions"
        )
    if input._read().dtype.kind == "b":
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = input if input.dim() == 2 else input.reshape(1, -1)
    count = x.shape[1]
    if fweights is not None:
        _check_weights(fweights, "fweights", "iu", "integral", count)
    if aweights is not None:
        _check_weights(aweights, "aweights", "f", "floating point", count)
    weights = fweights if aweights is None else aweights if fweights is None else mul(fweights, aweights)
    total: Any = count if weights is None else sum(weights)
    if weights is not None and _known(total) and not total._array():
        raise RuntimeError("cov(): weights sum to zero, can't be normalized")
    weighted = x if weights is None else mul(x, weights)
    centred = sub_(x, (sum(weighted, 1) / total).unsqueeze(1))
    factor = total - correction
    if aweights is not None and correction:
        factor = total - correction * sum(mul(weights, aweights)) / total
    if _known(factor) and bool(factor <= 0):
        warn(NO_FREEDOM, UserWarning)
        factor = factor * 0
    products = mm(centred, conj((centred if weights is None else mul(centred, weights)).t()))
    return div_(products, factor).squeeze()


@named()
def corrcoef(input: Tensor) -> Tensor:
    """Pearson's coefficients of correlation of the rows."""
    need_tensor(input, "corrcoef")
    if input.dim() > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input.dim()} dimensions"
        )
    c = cov(input)
    if not c.dim():
        return div_(c, c)
    deviations = sqrt(real(diag(c)))
    c = div_(div_(c, deviations.reshape(-1, 1)), deviations.reshape(1, -1))
    return clamp(c, -1, 1) if not c.is_complex() else c


def _distance_read(keep: Any, a: Any, b: Any, p: float) -> Any:
    d = fnp.subtract(a, b)
    return kinks.vector_norm_read(keep, d, p, tuple(range(d.ndim)), False)


DIST, RENORM = Kind("Dist", "yxr!", reads=_distance_read), Kind("Renorm", "x")


@named()
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other."""
    need_tensors("dist", input=input, other=other)
    check_no_bools(input, other)
    check_broadcast(input.shape, other.shape)
    x, y = promote(input, other)
    if x._read().dtype.kind not in "fc":
        raise RuntimeError(
            f"norm(): input dtype should be either floating point or complex. Got {x.dtype.title} instead."
        )
    if (p < 0 or p == np.inf) and 0 in np.broadcast_shapes(x.shape, y.shape):
        raise RuntimeError(no_norm(x, p, None))
    return call(DIST, _between, x, y, p=float(p))


def _size(d: Any, p: float) -> Any:
    return kinks.norm(d, p, tuple(range(len(d.shape))), False)


_distance = widened(_size, np.float16)


def _between(a: Any, b: Any, p: float) -> Any:
    return _distance(fnp.subtract(a, b), p=p)


@named(in_place=True, out=True)
@lying(in_rows)
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """The slices along `dim`, those whose p-norm is larger than maxnorm scaled to it."""
    need_tensor(input, "renorm")
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if not maxnorm >= 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm:g}")
    if input.dim() < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.dim()} dimensions")
    axis = dimension(dim, input.dim())
    if input._read().dtype.kind not in "fc":
        raise RuntimeError(norm_error(input))
    others = tuple([d for d in range(input.dim()) if d != axis])

    def limited(v: Any) -> Any:
        large = fnp.greater(kinks.vector_norm(raw(v), float(p), others, True), maxnorm)
        changed = fnp.where(large, v, v.dtype.type(1))
        sizes = kinks.vector_norm(changed, float(p), others, True)
        number = sizes.dtype.type
        scale = fnp.divide(number(maxnorm), fnp.add(sizes, number(1e-7)))
        return fnp.where(large, fnp.multiply(changed, scale), v)

    return call(RENORM, limited, input)
