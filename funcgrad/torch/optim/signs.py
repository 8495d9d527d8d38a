"""Rprop and ASGD: steps by the signs of gradients alone, and stochastic descent whose iterates are averaged."""

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
    one_element,
    scalar,
    value,
    write,
    zeros,
)


class Rprop(Elementwise):
    """Steps that grow while a gradient keeps its sign, and shrink where it changes.

    Riedmiller and Braun, A direct adaptive method for faster backpropagation learning: the RPROP algorithm (1993).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        one_element("lr", lr)
        if not 0.0 <= lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(
            params,
            {
                "lr": lr,
                "etas": etas,
                "step_sizes": step_sizes,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        v, first = p._read(), float(group["lr"])
        size = complex(first, first) if v.dtype.kind == "c" else first
        return {"step": count(), "prev": zeros(p), "step_size": fresh(np.full(v.shape, size, v.dtype))}

    def rule(self, group: dict[str, Any]) -> Update:
        (shrink, grow), (least, most) = group["etas"], group["step_sizes"]

        def update(p: Tensor, v: Any, g: Any, state: dict[str, Any]) -> None:
            counted(state)
            before, sizes = state["prev"], state["step_size"]
            agree = np.sign(g * value(before))
            factor = np.where(agree > 0, grow, np.where(agree < 0, shrink, 1.0)).astype(g.dtype)
            size = np.clip(value(sizes) * factor, least, most)
            g = np.where(agree < 0, g.dtype.type(0), g)
            write(sizes, size)
            write(p, v - np.sign(g) * size)
            write(before, g)

        return update


class ASGD(Elementwise):
    """Stochastic gradient descent, of whose iterates `ax` is the mean from step `t0` on.

    Polyak and Juditsky, Acceleration of stochastic approximation by averaging (1992).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        in_range(lr=lr, weight_decay=weight_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "lambd": lambd,
                "alpha": alpha,
                "t0": t0,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": count(), "eta": count(float(group["lr"])), "mu": count(1.0), "ax": zeros(p)}

    def rule(self, group: dict[str, Any]) -> Update:
        lr, lambd, alpha, t0 = scalar(group["lr"]), group["lambd"], group["alpha"], group["t0"]

        def update(p: Tensor, v: Any, g: Any, state: dict[str, Any]) -> None:
            n = counted(state)
            eta, mu, mean = state["eta"], state["mu"], state["ax"]
            rate, share = scalar(eta), scalar(mu)
            decayed = v * (1 - lambd * rate)
            write(p, decayed)
            v = decayed - rate * g
            write(p, v)
            average = value(mean)
            write(mean, average + (v - average) * share)
            write(eta, np.asarray(lr / (1 + lambd * lr * n) ** alpha, eta._read().dtype))
            write(mu, np.asarray(1 / np.maximum(1, n - t0), mu._read().dtype))

        return update
