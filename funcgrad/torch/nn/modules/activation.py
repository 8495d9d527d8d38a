"""Activations."""

from __future__ import annotations

from typing import Any

from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn import functional as F
from funcgrad.torch.nn import init as _init
from funcgrad.torch.nn.modules.made import parameter
from funcgrad.torch.nn.modules.module import Module


class _Activation(Module):
    """A function of elements, in place if `inplace`."""

    _function: Any
    _shows_inplace = True

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return self._function(input, inplace=self.inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace and self._shows_inplace else ""


class ReLU(_Activation):
    """max(input, 0)"""

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input, self.inplace)


class SELU(_Activation):
    """`elu`, scaled so that mean 0 and variance 1 are kept from layer to layer."""

    _function = staticmethod(F.selu)


class SiLU(_Activation):
    """x * sigmoid(x)"""

    _function = staticmethod(F.silu)


class Mish(_Activation):
    """x * tanh(softplus(x))"""

    _function = staticmethod(F.mish)


class Hardsigmoid(_Activation):
    """relu6(x + 3) / 6"""

    _function = staticmethod(F.hardsigmoid)
    _shows_inplace = False


class Hardswish(_Activation):
    """x * hardsigmoid(x)"""

    _function = staticmethod(F.hardswish)
    _shows_inplace = False


class Hardtanh(_Activation):
    """Limited to [min_val, max_val]."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.min_val = min_val
        self.max_val = max_val
        if max_val <= min_val:
            raise AssertionError(f"max_val ({max_val}) must be greater than min_val ({min_val})")

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}" + (", inplace=True" if self.inplace else "")


class ReLU6(Hardtanh):
    """Limited to [0, 6]."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class _Scaled(_Activation):
    """An activation with one number."""

    _name: str

    def __init__(self, number: float, inplace: bool) -> None:
        super().__init__(inplace)
        setattr(self, self._name, number)

    def forward(self, input: Tensor) -> Tensor:
        return self._function(input, getattr(self, self._name), self.inplace)

    def extra_repr(self) -> str:
        return f"{self._name}={getattr(self, self._name)}" + (", inplace=True" if self.inplace else "")


class ELU(_Scaled):
    """`alpha * (exp(x) - 1)` where x is negative."""

    _function, _name = staticmethod(F.elu), "alpha"

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(alpha, inplace)


class CELU(_Scaled):
    """`alpha * (exp(x / alpha) - 1)` where x is negative."""

    _function, _name = staticmethod(F.celu), "alpha"

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(alpha, inplace)


class LeakyReLU(_Scaled):
    """`negative_slope * x` where x is negative."""

    _function, _name = staticmethod(F.leaky_relu), "negative_slope"

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(negative_slope, inplace)


class Threshold(_Activation):
    """`value` where the input is not above the threshold."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold = threshold
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}" + (", inplace=True" if self.inplace else "")


class _Plain(Module):
    """A function without parameters."""

    _function: Any

    def forward(self, input: Tensor) -> Tensor:
        return self._function(input)


class Sigmoid(_Plain):
    _function = staticmethod(F.sigmoid)


class Tanh(_Plain):
    _function = staticmethod(F.tanh)


class LogSigmoid(_Plain):
    _function = staticmethod(F.logsigmoid)


class Softsign(_Plain):
    _function = staticmethod(F.softsign)


class Tanhshrink(_Plain):
    _function = staticmethod(F.tanhshrink)


class _Shrink(Module):
    """A function with one number, which stands alone in its text."""

    _function: Any

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return self._function(input, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Hardshrink(_Shrink):
    """0 in [-lambd, lambd]."""

    _function = staticmethod(F.hardshrink)


class Softshrink(_Shrink):
    """Nearer to zero by `lambd`, 0 in between."""

    _function = staticmethod(F.softshrink)


class Softplus(Module):
    """log(1 + exp(beta * x)) / beta"""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class GELU(Module):
    """x times the normal distribution function of x, or its approximation by `tanh`."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class PReLU(Module):
    """`weight * x` where x is negative; one weight, or one for each channel."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = parameter(num_parameters, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        _init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class _Along(Module):
    """A function along a dimension."""

    _function: Any

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return self._function(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_Along):
    """exp(x) divided by its sum along `dim`."""

    _function = staticmethod(F.softmax)


class Softmin(_Along):
    """softmax(-x)"""

    _function = staticmethod(F.softmin)


class LogSoftmax(_Along):
    """The logarithm of `softmax`."""

    _function = staticmethod(F.log_softmax)


class GLU(_Along):
    """One half along a dimension, times the sigmoid of the other."""

    _function = staticmethod(F.glu)

    def __init__(self, dim: int = -1) -> None:
        super().__init__(dim)


class Softmax2d(Module):
    """`Softmax` over the channels of ``(N, C, H, W)`` or ``(C, H, W)``."""

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead")
        return F.softmax(input, -3)


class RReLU(_Activation):
    """`leaky_relu` with slopes by chance in training, and with the mean of both bounds else."""

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.lower = lower
        self.upper = upper

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}" + (", inplace=True" if self.inplace else "")
