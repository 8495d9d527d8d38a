"""Transforms of vectors and matrices: to shares that sum to one, triangles, positive-definite matrices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import funcgrad.torch as torch
from funcgrad.torch._tensor.sizes import Size
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.distributions import constraints
from funcgrad.torch.distributions.transforms.base import TOO_FEW, Transform
from funcgrad.torch.distributions.transforms.elements import _Plain, clipped_sigmoid
from funcgrad.torch.nn.functional import logsigmoid, pad, softplus


class ReshapeTransform(Transform):
    """Events in another shape."""

    bijective = True

    def __init__(self, in_shape: Any, out_shape: Any, cache_size: int = 0) -> None:
        self.in_shape, self.out_shape = Size(in_shape), Size(out_shape)
        if self.in_shape.numel() != self.out_shape.numel():
            raise ValueError("in_shape, out_shape have different numbers of elements")
        super().__init__(cache_size)

    def _cached(self, cache_size: int) -> Any:
        return ReshapeTransform(self.in_shape, self.out_shape, cache_size)

    @constraints.dependent_property
    def domain(self) -> Any:
        return constraints.independent(constraints.real, len(self.in_shape))

    @constraints.dependent_property
    def codomain(self) -> Any:
        return constraints.independent(constraints.real, len(self.out_shape))

    def _call(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[: x.dim() - len(self.in_shape)] + self.out_shape)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.reshape(y.shape[: y.dim() - len(self.out_shape)] + self.in_shape)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x.new_zeros(x.shape[: x.dim() - len(self.in_shape)])

    def forward_shape(self, shape: Any) -> Any:
        return _with_event(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Any) -> Any:
        return _with_event(shape, self.out_shape, self.in_shape)


def _with_event(shape: Any, event: Size, other: Size) -> Any:
    if len(shape) < len(event):
        raise ValueError(TOO_FEW)
    cut = len(shape) - len(event)
    if shape[cut:] != event:
        raise ValueError(f"Shape mismatch: expected {shape[cut:]} but got {event}")
    return shape[:cut] + other


class SoftmaxTransform(_Plain):
    """Shares that are proportional to exp(x)."""

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Tensor) -> Tensor:
        exps = (x - x.max(-1, True)[0]).exp()
        return exps / exps.sum(-1, True)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def forward_shape(self, shape: Any) -> Any:
        if len(shape) < 1:
            raise ValueError(TOO_FEW)
        return shape

    inverse_shape = forward_shape


class StickBreakingTransform(_Plain):
    """Shares of a stick, of which one part after the other is broken off: one more than there are numbers.

    The logistic of each number, less a constant with which zeros give equal shares, says how much of the rest it is.
    """

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    @staticmethod
    def _equal(like: Tensor, count: int) -> Tensor:
        """The logarithms of how many parts are behind each."""
        return torch.arange(count, 0, -1, dtype=like.dtype).log()

    def _call(self, x: Tensor) -> Tensor:
        broken = clipped_sigmoid(x - self._equal(x, x.shape[-1]))
        rest = (1 - broken).cumprod(-1)
        return pad(broken, [0, 1], value=1) * pad(rest, [1, 0], value=1)

    def _inverse(self, y: Tensor) -> Tensor:
        parts = y[..., :-1]
        rest = (1 - parts.cumsum(-1)).clamp(min=torch.finfo(y.dtype).tiny)
        return parts.log() - rest.log() + self._equal(y, parts.shape[-1])

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        x = x - self._equal(x, x.shape[-1])
        return (-x + logsigmoid(x) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        if len(shape) < 1:
            raise ValueError(TOO_FEW)
        return Size((*shape[:-1], shape[-1] + 1))

    def inverse_shape(self, shape: Any) -> Any:
        if len(shape) < 1:
            raise ValueError(TOO_FEW)
        return Size((*shape[:-1], shape[-1] - 1))


def _below(n: int, diagonal: int) -> tuple[Any, Any]:
    """The places below the main diagonal, or further below, row by row."""
    rows, columns = torch.tril_indices(n, n, diagonal)
    return rows, columns


class CorrCholeskyTransform(Transform):
    """The n (n - 1) / 2 numbers below the diagonal as the Cholesky factor of a correlation matrix.

    tanh of each is a partial correlation: its share of what the row has left of its length, which is one.
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        eps = torch.finfo(x.dtype).eps
        shares = x.tanh().clamp(min=-1 + eps, max=1 - eps)
        try:
            n = _rows(shares.shape)
        except ValueError:
            raise ValueError(
                f"The size of last dimension is {x.shape[-1]} which cannot be expressed as the lower triangular part "
                "of a square D x D matrix."
            ) from None
        matrix = x.new_zeros((*x.shape[:-1], n, n))
        matrix[(..., *_below(n, -1))] = shares
        left = torch.sqrt(1 - matrix**2).cumprod(-1)
        return (matrix + torch.eye(n, dtype=x.dtype)) * pad(left[..., :-1], [1, 0], value=1)

    def _inverse(self, y: Tensor) -> Tensor:
        left = pad((1 - torch.cumsum(y * y, -1))[..., :-1], [1, 0], value=1)
        below = (..., *_below(y.shape[-1], -1))
        shares = y[below] / left[below].sqrt()
        return (torch.log1p(shares) - torch.log1p(-shares)) / 2

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        left = 1 - (y * y).cumsum(-1)
        of_rows = 0.5 * left[(..., *_below(y.shape[-1], -2))].log().sum(-1)
        return of_rows - 2 * (x + softplus(-2 * x) - math.log(2.0)).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        if len(shape) < 1:
            raise ValueError(TOO_FEW)
        n = _rows(shape)
        return Size((*shape[:-1], n, n))

    def inverse_shape(self, shape: Any) -> Any:
        if len(shape) < 2:
            raise ValueError(TOO_FEW)
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        return Size((*shape[:-2], shape[-1] * (shape[-1] - 1) // 2))


def _rows(shape: Any) -> int:
    """Of the square matrix that has so many elements below its diagonal."""
    n = round((0.25 + 2 * shape[-1]) ** 0.5 + 0.5)
    if n * (n - 1) // 2 != shape[-1]:
        raise ValueError("Input is not a flattened lower-diagonal number")
    return n


def _with_diagonal(matrix: Tensor, diagonal: Callable[[Tensor], Tensor]) -> Tensor:
    """A lower triangle with a function of its diagonal."""
    return matrix.tril(-1) + diagonal(matrix.diagonal(dim1=-2, dim2=-1)).diag_embed()


class LowerCholeskyTransform(_Plain):
    """The lower triangle, with exp of the diagonal."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Tensor) -> Tensor:
        return _with_diagonal(x, torch.exp)

    def _inverse(self, y: Tensor) -> Tensor:
        return _with_diagonal(y, torch.log)


class PositiveDefiniteTransform(_Plain):
    """The product of the factor that `LowerCholeskyTransform` gives with its transpose."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Tensor) -> Tensor:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Tensor) -> Tensor:
        return LowerCholeskyTransform().inv(torch.linalg.cholesky(y))
