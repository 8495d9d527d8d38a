"""Adamax, NAdam and RAdam: of Adam's running means."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.optim.elementwise import (
    Elementwise,
    Update,
    count,
    counted,
    in_range,
    lerp,
    means,
    minus,
    scalar,
    value,
    write,
    zeros,
)


class Adamax(Elementwise):
    """Adam with the largest gradient in place of the mean square: Kingma and Ba (2015), section 7.1."""

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        in_range(lr=lr, eps=eps, betas=betas, weight_decay=weight_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": count(), "exp_avg": zeros(p), "exp_inf": zeros(p)}

    def rule(self, group: dict[str, Any]) -> Update:
        lr, (beta1, beta2), eps = scalar(group["lr"]), group["betas"], group["eps"]

        def update(p: Tensor, v: Any, g: Any, state: dict[str, Any]) -> None:
            n = counted(state)
            mean, largest = state["exp_avg"], state["exp_inf"]
            m = lerp(value(mean), g, 1 - beta1)
            write(mean, m)
            top = np.maximum(value(largest) * beta2, np.abs(g) + eps)
            write(largest, top)
            write(p, minus(v, lr / (1 - beta1**n) * m / top))

        return update


class NAdam(Elementwise):
    """Adam with Nesterov's momentum: Dozat, Incorporating Nesterov momentum into Adam (2016)."""

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        in_range(lr=lr, eps=eps, betas=betas, weight_decay=weight_decay, momentum_decay=momentum_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
            },
        )

    def start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": count(), "mu_product": count(1.0), "exp_avg": zeros(p), "exp_avg_sq": zeros(p)}

    def rule(self, group: dict[str, Any]) -> Update:
        lr, (beta1, beta2), eps = scalar(group["lr"]), group["betas"], group["eps"]
        slowing = group["momentum_decay"]

        def update(p: Tensor, v: Any, g: Any, state: dict[str, Any]) -> None:
            n = counted(state)
            mu = beta1 * (1.0 - 0.5 * 0.96 ** (n * slowing))
            mu_next = beta1 * (1.0 - 0.5 * 0.96 ** ((n + 1) * slowing))
            product = _multiplied(state["mu_product"], mu)
            m, s = means(state, g, beta1, beta2)
            root = np.sqrt(s / (1 - beta2**n)) + eps
            v = v + -lr * (1.0 - mu) / (1.0 - product) * g / root
            write(p, v)
            write(p, v + -lr * mu_next / (1.0 - product * mu_next) * m / root)

        return update


class RAdam(Elementwise):
    """Adam whose first steps are plain ones: Liu et al., On the variance of the adaptive learning rate (2020)."""

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        in_range(lr=lr, eps=eps, betas=betas, weight_decay=weight_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "decoupled_weight_decay": decoupled_weight_decay,
                "differentiable": differentiable,
            },
        )

    def start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": count(), "exp_avg": zeros(p), "exp_avg_sq": zeros(p)}

    def rule(self, group: dict[str, Any]) -> Update:
        lr, (beta1, beta2), eps = scalar(group["lr"]), group["betas"], group["eps"]
        longest = 2 / (1 - beta2) - 1

        def update(p: Tensor, v: Any, g: Any, state: dict[str, Any]) -> None:
            n = counted(state)
            m, s = means(state, g, beta1, beta2)
            unbiased, left = m / (1 - beta1**n), 1 - beta2**n
            length = longest - 2 * n * beta2**n / left
            change, is_long = unbiased * lr, length > 5.0
            if isinstance(is_long, Tracer) or is_long:
                variances = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
                adapted = change * (left**0.5 / (np.sqrt(s) + eps)) * variances**0.5
                change = fnp.where(is_long, adapted, change) if isinstance(is_long, Tracer) else adapted
            write(p, minus(v, change))

        return update


def _multiplied(product: Tensor, factor: Any) -> Any:
    """Multiply a remembered number, and return it as it is remembered: rounded."""
    old = product._read()
    if isinstance(factor, Tracer):
        new = old * fnp.astype(factor, old.dtype)  # type: ignore[call-overload]
        write(product, new)
        return fnp.astype(new, np.float64)
    new = old * factor
    write(product, new)
    return new if isinstance(new, Tracer) else new.item()
