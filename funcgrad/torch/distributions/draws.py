"""Gamma and Dirichlet variables: as PyTorch's CPU kernels draw them, and how they move with their parameters.

The same words of the generator, by the same algorithms, element by element in their order in memory.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from funcgrad import lax
from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.torch._ops.draws import DOUBLE, numbers_of
from funcgrad.torch._ops.generator import default_generator
from funcgrad.torch._ops.rejection import Uniform, uniform_of
from funcgrad.torch._pass.function import once_differentiable
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.modes import mode
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.autograd import Function
from funcgrad.transforms.api import jvp

THIRD, SQUEEZE = (float(np.float32(x)) for x in (1 / 3, 0.0331))
"""Single-precision constants in a computation in double precision, as PyTorch has them."""
GAMMA = Kind("StandardGamma", "xr")


def _gammas(a: np.ndarray) -> np.ndarray:
    """Gamma variables, float64. Marsaglia and Tsang, A simple method for generating gamma variables (2000)."""
    one = a.dtype.type(1)
    with np.errstate(divide="ignore"):
        powers = np.where(a < 1, one / a, 0)  # a variable of a < 1 is one of a + 1, times a power of a uniform number
    raised = np.where(a < 1, a + one, a)
    pairs = zip(raised.reshape(-1).tolist(), powers.reshape(-1).tolist())
    uniform = uniform_of(default_generator)
    return np.array([_gamma(x, power, uniform) for x, power in pairs], DOUBLE).reshape(a.shape)


def _gamma(a: float, power: float, uniform: Uniform) -> float:
    if power == math.inf:
        return 0.0
    scale = (1 - uniform()) ** power if power else 1.0
    d = a - THIRD
    c = 1 / math.sqrt(9 * d)
    while True:
        y = -1.0
        while y <= 0:
            x = default_generator.double()
            y = 1 + c * x
        v = y * y * y
        u = 1 - uniform()
        square = x * x
        if u < 1 - SQUEEZE * square * square or math.log(u) < 0.5 * square + d * (1 - v + math.log(v)):
            return scale * d * v


def standard_gamma(concentration: Tensor) -> Tensor:
    """Gamma variables, which keep their place in the distribution as the concentration moves.

    Figurnov, Mohamed and Mnih, Implicit reparameterization gradients (2018).
    """
    a = numbers_of(concentration)
    x = np.maximum(_gammas(a), np.finfo(a.dtype).tiny).astype(a.dtype)
    if not isinstance(concentration._read(), Tracer) or not mode.enabled:
        return fresh(x)
    from funcgrad.scipy import special  # SciPy may be missing

    lower, upper = special.gammainc(a, x), special.gammaincc(a, x)
    is_lower = lower < 0.5

    def moved(a: Any) -> Any:
        below = special.gammaincinv(a, np.where(is_lower, lower, 0.5))
        above = special.gammainccinv(a, np.where(is_lower, 0.5, upper))
        y = fnp.where(is_lower, below, above)
        return y + (x - lax.stop_gradient(y))

    return call(GAMMA, moved, concentration)


def _shares(a: np.ndarray) -> np.ndarray:
    drawn = np.maximum(_gammas(a.astype(DOUBLE)), np.finfo(DOUBLE).tiny)
    shares = (drawn / drawn.sum(-1, keepdims=True)).astype(a.dtype)
    return np.clip(shares, np.finfo(a.dtype).tiny, np.nextafter(np.ones((), a.dtype), np.zeros((), a.dtype)))


class Dirichlet(Function):
    """Shares of a Dirichlet distribution: more of one concentration takes from all others alike.

    The derivative is that of the share's own distribution, a beta distribution, as in PyTorch.
    """

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        shares = fresh(_shares(numbers_of(concentration)))
        ctx.save_for_backward(shares, concentration)
        return shares

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        shares, concentration = ctx.saved_tensors
        x, a, g = (constant(t._read()) for t in (shares, concentration, grad))
        slope = _slope_of_beta(x, a, a.sum(-1, keepdims=True) - a) / (1 - x)
        return fresh(slope.astype(x.dtype) * (g - (x * g).sum(-1, keepdims=True)))


def _slope_of_beta(x: Any, a: Any, b: Any) -> Any:
    """How a beta variable moves with `a`, keeping its place in the distribution."""
    from funcgrad.scipy import special  # SciPy may be missing

    lower, upper = special.betainc(a, b, x), special.betaincc(a, b, x)
    is_lower = lower < 0.5
    below = jvp(lambda a: special.betaincinv(a, b, np.where(is_lower, lower, 0.5)), (a,), (np.ones_like(a),))[1]
    above = jvp(lambda a: special.betainccinv(a, b, np.where(is_lower, 0.5, upper)), (a,), (np.ones_like(a),))[1]
    return np.where(is_lower, below, above)
