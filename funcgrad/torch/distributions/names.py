"""What the distributions need of torch's operations, where these are not (yet) among torch's own names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import funcgrad.torch as torch
from funcgrad import lax, nn
from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.numpy import linalg
from funcgrad.scipy import special
from funcgrad.scipy.linalg import solve_triangular as _solve_triangular
from funcgrad.torch._ops import random as generators
from funcgrad.torch._record.calls import Kind, call
from funcgrad.torch._record.modes import enable_grad, mode
from funcgrad.torch._record.operands import check_broadcast
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.sizes import Size
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.autograd import Function
from funcgrad.torch.distributions import draws
from funcgrad.transforms.api import jvp

Number = (int, float)


def _of_values(name: str, fun: Callable[..., Any], saves: str = "x") -> Callable[..., Tensor]:
    kind = Kind(name, saves)
    return lambda *tensors: call(kind, fun, *tensors)


lgamma = _of_values("Lgamma", lax.lgamma)
digamma = _of_values("Digamma", lax.digamma)
erf = _of_values("Erf", lax.erf)
erfinv = _of_values("Erfinv", lax.erf_inv)
softplus = _of_values("Softplus", lambda v: fnp.where(v > 20, v, nn.softplus(fnp.where(v > 20, 0.0, v))))
log_sigmoid = _of_values("LogSigmoid", nn.log_sigmoid)
xlogy = _of_values("Xlogy", special.xlogy, "xy")
gammainc = _of_values("Igamma", special.gammainc, "xy")
cholesky = _of_values("LinalgCholeskyEx", linalg.cholesky)
solve_lower = _of_values("LinalgSolveTriangular", lambda l, b: _solve_triangular(l, b, lower=True), "xy")


def binary_cross_entropy_with_logits(logits: Tensor, target: Tensor) -> Tensor:
    return (1 - target) * logits - log_sigmoid(logits)


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Tensors of one shape; numbers get the dtype of the first tensor."""
    if not all(isinstance(v, (Tensor, *Number)) for v in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__."
        )
    tensors = [v for v in values if isinstance(v, Tensor)]
    dtype = tensors[0].dtype if tensors else dtypes.get_default_dtype()
    out = [v if isinstance(v, Tensor) else torch.tensor(v, dtype=dtype) for v in values]
    for t in out[1:]:
        check_broadcast(out[0].shape, t.shape)
    shape = np.broadcast_shapes(*(t.shape for t in out))
    return tuple(t if t.shape == shape else t.expand(shape) for t in out)


def sum_rightmost(t: Tensor, dims: int) -> Tensor:
    return t if dims == 0 else t.reshape(*t.shape[:-dims], -1).sum(-1)


class lazy_property:
    """An attribute computed when it is first asked for."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self.compute = compute
        self.__name__ = compute.__name__
        self.__doc__ = compute.__doc__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self.compute(instance)
        setattr(instance, self.__name__, value)
        return value


# Random numbers


def standard_normal(shape: Size, like: Tensor) -> Tensor:
    return generators.randn(shape, dtype=like.dtype)


def standard_exponential(shape: Size, like: Tensor) -> Tensor:
    return fresh(draws.exponential(shape, like._read().dtype, generators.default_generator))


def numbers_of(t: Tensor) -> np.ndarray:
    return t._array("Drawing random numbers", "Draw them outside, and take them as an argument.")


def drawn(draw: Callable[..., np.ndarray], *parameters: Tensor) -> Tensor:
    """Numbers that do not move with the parameters."""
    return fresh(draw(*map(numbers_of, parameters), generators.default_generator))


GAMMA = Kind("StandardGamma", "xr")


def standard_gamma(concentration: Tensor) -> Tensor:
    """Gamma variables, which keep their place in the distribution as the concentration moves.

    Figurnov, Mohamed and Mnih, Implicit reparameterization gradients (2018).
    """
    a = numbers_of(concentration)
    x = np.maximum(draws.gamma(a, generators.default_generator), np.finfo(a.dtype).tiny).astype(a.dtype)
    if not isinstance(concentration._read(), Tracer) or not mode.enabled:
        return fresh(x)
    lower, upper = special.gammainc(a, x), special.gammaincc(a, x)
    is_lower = lower < 0.5

    def moved(a: Any) -> Any:
        below = special.gammaincinv(a, np.where(is_lower, lower, 0.5))
        above = special.gammainccinv(a, np.where(is_lower, 0.5, upper))
        y = fnp.where(is_lower, below, above)
        return y + (x - constant_of(y))

    return call(GAMMA, moved, concentration)


def constant_of(v: Any) -> Any:
    return lax.stop_gradient(v) if isinstance(v, Tracer) else v


class Once(Function):
    """A gradient that cannot be differentiated again: its backward says so."""

    @staticmethod
    def forward(ctx: Any, result: Tensor, *computed_from: Tensor) -> Tensor:
        return result.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


class Dirichlet(Function):
    """Shares of a Dirichlet distribution: more of one concentration takes from all others alike.

    The derivative is that of the share's own distribution, a beta distribution, as in PyTorch.
    """

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        shares = drawn(draws.dirichlet, concentration)
        ctx.save_for_backward(shares, concentration)
        return shares

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        shares, concentration = ctx.saved_tensors
        x, a, g = (constant(t._read()) for t in (shares, concentration, grad))
        slope = beta_slope(x, a, a.sum(-1, keepdims=True) - a) / (1 - x)
        moved = slope.astype(x.dtype) * (g - (x * g).sum(-1, keepdims=True))
        return Once.apply(fresh(moved), grad)


def beta_slope(x: Any, a: Any, b: Any) -> Any:
    """How a beta variable moves with `a`, keeping its place in the distribution."""
    lower, upper = special.betainc(a, b, x), special.betaincc(a, b, x)
    is_lower = lower < 0.5
    below = jvp(lambda a: special.betaincinv(a, b, np.where(is_lower, lower, 0.5)), (a,), (np.ones_like(a),))[1]
    above = jvp(lambda a: special.betainccinv(a, b, np.where(is_lower, 0.5, upper)), (a,), (np.ones_like(a),))[1]
    return np.where(is_lower, below, above)


LOG_2PI = math.log(2 * math.pi)
