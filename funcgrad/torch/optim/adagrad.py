"""Adagrad, Adadelta and RMSprop: steps measured by the squares of past gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.optim.elementwise import (
    Elementwise,
    Update,
    count,
    counted,
    in_range,
    lerp,
    minus,
    scalar,
    value,
    write,
    zeros,
)


class Adagrad(Elementwise):
    """Steps divided by the root of the sum of squares.

    Duchi, Hazan and Singer, Adaptive subgradient methods for online learning and stochastic optimization (2011).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        in_range(
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
        )
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "fused": fused,
            },
        )
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p].update(self.start(p, group))

    def start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        v, first = p._read(), self.defaults["initial_accumulator_value"]
        first = complex(first, first) if v.dtype.kind == "c" else first
        return {"step": count(fused=group["fused"]), "sum": fresh(np.full(v.shape, first, v.dtype))}

    def rule(self, group: dict[str, Any]) -> Update:
        lr, slowing, eps = scalar(group["lr"]), group["lr_decay"], group["eps"]

        def update(p: Tensor, v: Any, g: Any, state: dict[str, Any]) -> None:
            n = counted(state)
            total = state["sum"]
            s = value(total) + g * g
            write(total, s)
            write(p, minus(v, lr / (1 + (n - 1) * slowing) * g / (np.sqrt(s) + eps)))

        return update


class Adadelta(Elementwise):
    """Steps in the parameter's own unit: Zeiler, ADADELTA: an adaptive learning rate method (2012)."""

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        in_range(lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "rho": rho,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "capturable": capturable,
                "foreach": foreach,
                "differentiable": differentiable,
            },
        )

    def start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": count(), "square_avg": zeros(p), "acc_delta": zeros(p)}

    def rule(self, group: dict[str, Any]) -> Update:
        lr, rho, eps = scalar(group["lr"]), group["rho"], group["eps"]

        def update(p: Tensor, v: Any, g: Any, state: dict[str, Any]) -> None:
            counted(state)
            square, changes = state["square_avg"], state["acc_delta"]
            s = value(square) * rho + (1 - rho) * g * g
            write(square, s)
            change = np.sqrt(value(changes) + eps) / np.sqrt(s + eps) * g
            write(changes, value(changes) * rho + (1 - rho) * change * change)
            write(p, minus(v, lr * change))

        return update


class RMSprop(Elementwise):
    """Steps divided by a running root mean square: Hinton's lecture 6 (2012); `centered`: Graves (2013)."""

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        in_range(lr=lr, eps=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "capturable": capturable,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
            },
        )

    def start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        state = {"step": count(), "square_avg": zeros(p)}
        if group["momentum"] > 0:
            state["momentum_buffer"] = zeros(p)
        if group["centered"]:
            state["grad_avg"] = zeros(p)
        return state

    def rule(self, group: dict[str, Any]) -> Update:
        lr, alpha, eps = scalar(group["lr"]), group["alpha"], group["eps"]
        momentum, centered = group["momentum"], group["centered"]

        def update(p: Tensor, v: Any, g: Any, state: dict[str, Any]) -> None:
            counted(state)
            square = state["square_avg"]
            s = value(square) * alpha + (1 - alpha) * g * g
            write(square, s)
            if centered:
                mean = state["grad_avg"]
                m = lerp(value(mean), g, 1 - alpha)
                write(mean, m)
                s = s - m * m
            root = np.sqrt(s) + eps
            if momentum > 0:
                buffer = state["momentum_buffer"]
                b = value(buffer) * momentum + g / root
                write(buffer, b)
                write(p, minus(v, lr * b))
            else:
                write(p, minus(v, lr * g / root))

        return update
