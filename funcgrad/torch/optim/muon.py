"""Muon: steps along the orthogonal matrix that is nearest to the momentum."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.optim.elementwise import Elementwise, Update, lerp, one_element, scalar, value, write, zeros

HALVES = 2.0**16 + 1
"""What splits a float32 in two: the upper part has the eight digits of a bfloat16."""


class Muon(Elementwise):
    """Momentum, made nearly orthogonal by a polynomial in it, for the matrices of hidden layers.

    Jordan, Muon: an optimizer for hidden layers in neural networks (2024). As in PyTorch, the polynomial is computed
    to the precision of bfloat16.
    """

    decays_itself = True

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        one_element("lr", lr)
        if not 0.0 <= lr:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not 0.0 <= momentum:
            raise ValueError(f"momentum should be >= 0 but is: {momentum}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"weight decay should be >= 0 but is: {weight_decay}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        options = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov}
        polynomial = {"ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps}
        super().__init__(params, {**options, **polynomial, "adjust_lr_fn": adjust_lr_fn})
        for p in (p for group in self.param_groups for p in group["params"]):
            if p.dim() != 2:
                raise ValueError(
                    f"Muon only supports 2D parameters whereas we found a parameter with size: {p.size()}"
                )

    def start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        if p.is_complex():
            raise RuntimeError("Muon does not support complex parameters")
        return {"momentum_buffer": zeros(p)}

    def rule(self, group: dict[str, Any]) -> Update:
        lr, momentum, coefficients, steps = (
            scalar(group["lr"]), group["momentum"], group["ns_coefficients"], group["ns_steps"],
        )  # fmt: skip
        if steps >= 100:
            raise ValueError("Number of steps must be less than 100 for computational efficiency")
        if len(coefficients) != 3:
            raise ValueError("Coefficients must be a tuple of exactly 3 values")

        def update(p: Tensor, v: Any, g: Any, state: dict[str, Any]) -> None:
            kept = state["momentum_buffer"]
            mean = lerp(value(kept), g, 1 - momentum)
            write(kept, mean)
            along = lerp(g, mean, momentum) if group["nesterov"] else mean
            step = nearly_orthogonal(along, coefficients, steps, group["eps"]).astype(v.dtype)
            v = v * (1 - lr * group["weight_decay"])
            write(p, v)
            write(p, v - lr * _ratio(group["adjust_lr_fn"], v.shape) * step)

        return update


def _ratio(adjust: str | None, shape: tuple[int, ...]) -> float:
    """By how much the learning rate of a matrix of this shape is larger."""
    n, m = shape
    return 0.2 * sqrt(max(n, m)) if adjust == "match_rms_adamw" else sqrt(max(1, n / m))


def nearly_orthogonal(x: Any, coefficients: tuple[float, float, float], steps: int, eps: float) -> Any:
    """The matrix, with singular values near 1: Newton and Schulz's iteration, of order five."""
    a, b, c = coefficients
    turned = x.shape[0] > x.shape[1]
    x = _rounded((x.T if turned else x).astype(np.float32))
    x = _rounded(x / fnp.maximum(_rounded(fnp.sqrt((x * x).sum())), np.float32(eps)))
    for _ in range(steps):
        gram = _rounded(fnp.matmul(x, x.T))
        powers = _rounded(b * gram + c * fnp.matmul(gram, gram))
        x = _rounded(a * x + fnp.matmul(powers, x))
    return x.T if turned else x


def _rounded(x: Any) -> Any:
    """To the precision of bfloat16."""
    upper = x * np.float32(HALVES)
    return upper - (upper - x)
