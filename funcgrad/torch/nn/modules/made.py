"""How modules make their parameters."""

from __future__ import annotations

import math
from typing import Any

from funcgrad.torch._ops.create import empty
from funcgrad.torch.nn import init
from funcgrad.torch.nn.parameter import Parameter


def parameter(*shape: int, device: Any = None, dtype: Any = None) -> Parameter:
    """One of that shape, to be filled."""
    return Parameter(empty(shape if len(shape) != 1 else shape[0], device=device, dtype=dtype))


def fill_weights(weight: Parameter, bias: Parameter | None) -> None:
    """PyTorch's default: both uniform, within one over the root of the number of inputs."""
    init.kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        inputs, _ = init._calculate_fan_in_and_fan_out(weight)
        bound = 1 / math.sqrt(inputs) if inputs > 0 else 0
        init.uniform_(bias, -bound, bound)


def fill_scale(module: Any) -> None:
    """Scales one and shifts zero, where a normalisation has them."""
    if module.weight is not None:
        init.ones_(module.weight)
        if module.bias is not None:
            init.zeros_(module.bias)
