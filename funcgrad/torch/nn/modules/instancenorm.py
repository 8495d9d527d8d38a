"""Normalisation of each element of a batch by itself, feature by feature."""

from __future__ import annotations

from typing import Any

from funcgrad.core.warned import warn
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn import functional as F
from funcgrad.torch.nn.modules.batchnorm import _NormBase


class _InstanceNorm(_NormBase):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        single = input.dim() == self._dims[0]
        axis = 0 if single else 1
        if input.shape[axis] != self.num_features:
            if self.affine:
                raise ValueError(
                    f"expected input's size at dim={axis} to match num_features ({self.num_features}), but got: "
                    f"{input.shape[axis]}."
                )
            warn(
                f"input's size at dim={axis} does not match num_features. You can silence this warning by not passing "
                "in num_features, which is not used because affine=False",
                UserWarning,
            )
        out = F.instance_norm(
            input.unsqueeze(0) if single else input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        return out.squeeze(0) if single else out


class InstanceNorm1d(_InstanceNorm):
    """Each channel of each element of ``(N, C, L)``, or of ``(C, L)``, with mean 0 and variance 1."""

    _dims = 2, 3


class InstanceNorm2d(_InstanceNorm):
    """Each channel of each element of ``(N, C, H, W)``, or of ``(C, H, W)``, with mean 0 and variance 1."""

    _dims = 3, 4


class InstanceNorm3d(_InstanceNorm):
    """Each channel of each element of ``(N, C, D, H, W)``, or of ``(C, D, H, W)``, with mean 0 and variance 1."""

    _dims = 4, 5
