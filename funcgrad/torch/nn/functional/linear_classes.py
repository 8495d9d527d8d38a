"""The loss of classes whose logits a linear layer gives."""

from __future__ import annotations

from funcgrad.torch._ops.shape import reshape
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.functional.classes import cross_entropy
from funcgrad.torch.nn.functional.linear import linear


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: None = None,
) -> Tensor:
    """`cross_entropy` of a linear layer's outputs.

    Args:
        input: ``(N, in_features)`` or ``(in_features,)``.
        linear_weight: ``(C, *, in_features)``: logits are ``(N, C, *)``.
        target: as for `cross_entropy`.
        linear_bias: ``(C, *)``.
        options: how PyTorch divides the work, to save memory: there is None only.
    """
    if options is not None:
        raise NotImplementedError("linear_cross_entropy: leave options out: the logits are computed as a whole here")
    if not 1 <= input.dim() <= 2:
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.dim()}")
    if linear_weight.dim() < 2:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {linear_weight.dim()}")
    if input.shape[-1] != linear_weight.shape[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), "
            f"got {input.shape[-1]} and {linear_weight.shape[-1]}, respectively"
        )
    outputs, samples = tuple(linear_weight.shape[:-1]), tuple(input.shape[:-1])
    if linear_bias is not None and tuple(linear_bias.shape) != outputs:
        raise RuntimeError(f"expected linear_bias shape {outputs}, got {tuple(linear_bias.shape)}")
    if len(outputs) > 1 and not samples:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} requires batched input, "
            f"(N, {input.shape[-1]}), got unbatched input with shape {tuple(input.shape)}"
        )
    if tuple(target.shape) == (*samples, *outputs) and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    if len(outputs) > 1:
        linear_weight = reshape(linear_weight, -1, linear_weight.shape[-1])
        linear_bias = None if linear_bias is None else reshape(linear_bias, -1)
    logits = linear(input, linear_weight, linear_bias)
    logits = reshape(logits, *samples, *outputs) if len(outputs) > 1 else logits
    ignored = -100 if ignore_index is None else ignore_index
    return cross_entropy(
        logits, target, weight, ignore_index=ignored, reduction=reduction, label_smoothing=label_smoothing
    )
