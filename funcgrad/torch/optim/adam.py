"""Adam and AdamW."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.optim.elementwise import (
    Elementwise,
    Update,
    count,
    counted,
    in_range,
    means,
    minus,
    one_element,
    scalar,
    value,
    write,
    zeros,
)

NOT_BY_FOREACH = "{} as a Tensor is not supported for capturable=False and foreach=True"


class Adam(Elementwise):
    """Running means of the gradient and of its square, without their bias to zero.

    Kingma and Ba, Adam: a method for stochastic optimization (2015); `amsgrad`: Reddi et al., On the convergence of
    Adam and beyond (2018).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        if isinstance(lr, Tensor) and foreach and not capturable:
            raise ValueError(NOT_BY_FOREACH.format("lr"))
        in_range(lr=lr, eps=eps, betas=betas, weight_decay=weight_decay)
        betas = _checked_kinds(betas, bool(foreach) and not capturable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
                "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        state = {"step": count(fused=group["fused"]), "exp_avg": zeros(p), "exp_avg_sq": zeros(p)}
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = zeros(p)
        return state

    def rule(self, group: dict[str, Any]) -> Update:
        lr, (beta1, beta2) = scalar(group["lr"]), map(scalar, group["betas"])
        eps, amsgrad = group["eps"], group["amsgrad"]

        def update(p: Tensor, v: Any, g: Any, state: dict[str, Any]) -> None:
            n = counted(state)
            m, s = means(state, g, beta1, beta2)
            if amsgrad:
                largest = state["max_exp_avg_sq"]
                s = np.maximum(value(largest), s)
                write(largest, s)
            size = lr / (1 - beta1**n)
            write(p, minus(v, size * m / (np.sqrt(s) / (1 - beta2**n) ** 0.5 + eps)))

        return update


def _checked_kinds(betas: tuple[Any, Any], by_foreach: bool) -> tuple[Any, Any]:
    tensors = [isinstance(b, Tensor) for b in betas]
    if not (all(tensors) or all(isinstance(b, float) for b in betas)):
        raise ValueError("betas must be either both floats or both Tensors")
    for i, beta in enumerate(betas):
        if isinstance(beta, Tensor) and by_foreach:
            raise ValueError(NOT_BY_FOREACH.format(f"betas[{i}]"))
        one_element(f"betas[{i}]", beta)
    first, second = (b.reshape(()) if isinstance(b, Tensor) else b for b in betas)
    return first, second


class AdamW(Adam):
    """`Adam` with weight decay apart from the gradient: Loshchilov and Hutter, Decoupled weight decay (2019)."""

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
