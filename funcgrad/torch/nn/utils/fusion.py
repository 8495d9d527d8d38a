"""A batch normalisation as part of the layer before it, for modules that are evaluated only."""

from __future__ import annotations

import copy
from typing import Any

from funcgrad.torch._ops.create import ones_like, zeros_like
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.parameter import Parameter


def _fused(
    weight: Tensor, bias: Tensor | None, bn: tuple[Any, ...], shape: list[int]
) -> tuple[Parameter, Parameter]:
    """Weights times the factor of each channel, and the bias that is then right."""
    mean, var, eps, scale, shift = bn
    scale, shift = ones_like(mean) if scale is None else scale, zeros_like(mean) if shift is None else shift
    factor = scale * (var + eps).rsqrt()
    moved = ((zeros_like(mean) if bias is None else bias) - mean) * factor + shift
    fused = (weight * factor.reshape(shape)).to(weight.dtype), moved.to(weight.dtype)
    return Parameter(fused[0], weight.requires_grad), Parameter(fused[1], bias is not None and bias.requires_grad)


def fuse_conv_bn_weights(
    conv_w: Tensor, conv_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float, bn_w: Any, bn_b: Any,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """The weight and the bias of a convolution that does what a normalisation does behind it."""
    shape = [1, -1] if transpose else [-1, 1]
    return _fused(conv_w, conv_b, (bn_rm, bn_rv, bn_eps, bn_w, bn_b), shape + [1] * (conv_w.dim() - 2))


def fuse_linear_bn_weights(
    linear_w: Tensor, linear_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float, bn_w: Any, bn_b: Any
) -> tuple[Parameter, Parameter]:
    """The weight and the bias of a linear layer that does what a normalisation does behind it."""
    return _fused(linear_w, linear_b, (bn_rm, bn_rv, bn_eps, bn_w, bn_b), [-1, 1])


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A convolution that does what both modules do, which must be in evaluation mode."""
    fused = _copied(conv, bn)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return fused


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A linear layer that does what both modules do, which must be in evaluation mode."""
    fused = _copied(linear, bn)
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise AssertionError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1, got "
            f"linear.out_features={linear.out_features} and bn.num_features={bn.num_features}"
        )
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused


def _copied(module: Any, bn: Any) -> Any:
    if module.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    return copy.deepcopy(module)
