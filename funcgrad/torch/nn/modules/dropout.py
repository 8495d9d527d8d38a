"""Dropout: in training, elements or channels are zero by chance."""

from __future__ import annotations

from typing import Any

from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn import functional as F
from funcgrad.torch.nn.modules.module import Module


class _DropoutNd(Module):
    """A chance, and a function of the input."""

    _function: Any

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return self._function(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """In training, elements are zero with probability p, and the others divided by 1 - p."""

    _function = staticmethod(F.dropout)


class Dropout1d(_DropoutNd):
    """Whole channels of ``(N, C, L)`` or ``(C, L)``."""

    _function = staticmethod(F.dropout1d)


class Dropout2d(_DropoutNd):
    """Whole channels of ``(N, C, H, W)``."""

    _function = staticmethod(F.dropout2d)


class Dropout3d(_DropoutNd):
    """Whole channels of ``(N, C, D, H, W)`` or ``(C, D, H, W)``."""

    _function = staticmethod(F.dropout3d)


class AlphaDropout(Dropout):
    """Dropout that keeps mean 0 and variance 1 behind a SELU; in PyTorch `inplace` changes nothing."""

    _function = staticmethod(F.alpha_dropout)

    def forward(self, input: Tensor) -> Tensor:
        return self._function(input, self.p, self.training)


class FeatureAlphaDropout(AlphaDropout):
    """`AlphaDropout` of whole channels."""

    _function = staticmethod(F.feature_alpha_dropout)
