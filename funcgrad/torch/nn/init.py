"""Filling tensors in place, with the numbers of PyTorch's generator, so that a seed gives PyTorch's weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.core.warned import warn
from funcgrad.names import own_names as _own_names
from funcgrad.torch._ops.draws import normal_values, uniform_values
from funcgrad.torch._ops.memory_order import laid_out
from funcgrad.torch._ops.random import Generator, default_generator, randperm
from funcgrad.torch._record.modes import no_grad
from funcgrad.torch._tensor.tensor import Tensor

GAINS = {"sigmoid": 1, "tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4, "linear": 1} | {
    f"{name}{space}d": 1 for name in ("conv", "conv_transpose") for space in (1, 2, 3)
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """How much larger weights are before an activation, so that the variance is kept."""
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in GAINS:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    return GAINS[nonlinearity]


def _filled(tensor: Tensor, values: np.ndarray) -> Tensor:
    """Written over: what the tensor was before is no part of its story."""
    with no_grad():
        tensor._check_writable()
        tensor._write(values.reshape(tensor.shape))
    return tensor


def _uniform(tensor: Tensor, a: float, b: float, generator: Generator | None) -> np.ndarray:
    return uniform_values(tensor, a, b, generator or default_generator)


def _normal(tensor: Tensor, mean: float, std: float, generator: Generator | None) -> np.ndarray:
    return normal_values(tensor, mean, std, generator or default_generator)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform in [a, b)."""
    return _filled(tensor, laid_out(_uniform(tensor, a, b, generator), tensor))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal, with that mean and standard deviation."""
    return _filled(tensor, laid_out(_normal(tensor, mean, std, generator), tensor))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Normal, limited to [a, b]: what lies outside is drawn again.

    Where that would often happen, uniform numbers are accepted with the probability that the density has.
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be "
            "incorrect.",
            UserWarning,
        )

    def below(x: float) -> float:
        return (1.0 + math.erf((x - mean) / std / math.sqrt(2.0))) / 2.0

    if below(b) - below(a) > 0.3:
        kind = tensor._read().dtype.type
        values = _normal(tensor, mean, std, generator)
        while (outside := (values < kind(a)) | (values > kind(b))).any():
            values = np.where(outside, _normal(tensor, mean, std, generator), values)
        return _filled(tensor, laid_out(values, tensor))
    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    values, pending = np.zeros(tensor.numel(), tensor._read().dtype), np.ones(tensor.numel(), bool)
    while pending.any():
        drawn = _uniform(tensor, a, b, generator)
        values = np.where(pending, drawn, values)
        density = ((drawn - mean) / std) ** 2 * -0.5 - peak
        with np.errstate(divide="ignore"):
            pending &= np.log(_uniform(tensor, 0.0, 1.0, generator)) > density
    return _filled(tensor, laid_out(values, tensor))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """All elements a number."""
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix."""
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return _filled(tensor, np.eye(*tensor.shape, dtype=tensor._read().dtype))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """The kernel of a convolution that keeps as many channels as there are, in each group."""
    if tensor.dim() not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    outputs, inputs, *window = tensor.shape
    if outputs % groups:
        raise ValueError("dim 0 must be divisible by groups")
    values = np.zeros(tensor.shape, tensor._read().dtype)
    centre = tuple(n // 2 for n in window)
    size = outputs // groups
    for group in range(groups):
        for channel in range(min(size, inputs)):
            values[(group * size + channel, channel, *centre)] = 1
    return _filled(tensor, values)


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    if tensor.dim() < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    window = tensor.shape[2:].numel()
    return tensor.shape[1] * window, tensor.shape[0] * window


def _fan(tensor: Tensor, mode: str) -> int:
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return _calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010."""
    bound = math.sqrt(3.0) * (gain * math.sqrt(2.0 / float(sum(_calculate_fan_in_and_fan_out(tensor)))))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """As `xavier_uniform_`, normal."""
    std = gain * math.sqrt(2.0 / float(sum(_calculate_fan_in_and_fan_out(tensor))))
    return normal_(tensor, 0.0, std, generator)


def _std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    return calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode))


ZERO_ELEMENTS = "Initializing zero-element tensors is a no-op"


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """He et al., "Delving deep into rectifiers", 2015; `a` is the negative slope."""
    if 0 in tensor.shape:
        warn(ZERO_ELEMENTS, UserWarning)
        return tensor
    bound = math.sqrt(3.0) * _std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """As `kaiming_uniform_`, normal."""
    if 0 in tensor.shape:
        warn(ZERO_ELEMENTS, UserWarning)
        return tensor
    return normal_(tensor, 0, _std(tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """A matrix with orthogonal rows or columns: Saxe et al., "Exact solutions to the nonlinear dynamics of learning",
    2013."""
    if tensor.dim() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if not tensor.numel():
        return tensor
    rows = tensor.shape[0]
    matrix = _normal(tensor, 0, 1, generator).reshape(rows, -1)
    q, r = np.linalg.qr(matrix.T if rows < matrix.shape[1] else matrix)
    q = q * np.sign(np.diag(r))
    return _filled(tensor, (q.T if rows < matrix.shape[1] else q) * tensor._read().dtype.type(gain))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Normal, with that share of each column zero."""
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    values: Any = _normal(tensor, 0, std, generator).reshape(rows, columns)
    for column in range(columns):
        values[randperm(rows)._array()[: math.ceil(sparsity * rows)], column] = 0
    return _filled(tensor, values)


def _older(name: str) -> Callable[..., Tensor]:
    """The name without `_`, which PyTorch has deprecated."""
    fill = globals()[f"{name}_"]

    def init(*args: Any, **options: Any) -> Tensor:
        text = f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`."
        warn(text, FutureWarning)
        return fill(*args, **options)

    init.__name__ = init.__qualname__ = name
    init.__doc__ = f"Deprecated by PyTorch: write `{name}_`."
    return init


uniform, normal, constant, eye, dirac = map(_older, ("uniform", "normal", "constant", "eye", "dirac"))
xavier_uniform, xavier_normal, kaiming_uniform, kaiming_normal, orthogonal, sparse = map(
    _older, ("xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "orthogonal", "sparse")
)


__all__ = _own_names(globals())
globals().update(_entrances({_name: globals()[_name] for _name in __all__}))


def __dir__() -> list[str]:
    return __all__
