"""Gradient descent with momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.optim.elementwise import (
    Elementwise,
    Update,
    in_range,
    minus,
    scalar,
    value,
    write,
)


class SGD(Elementwise):
    """p - lr * b, where b = momentum * b + (1 - dampening) * g, and g the gradient plus weight_decay * p.

    With `nesterov`, g + momentum * b takes the place of b: Sutskever et al., On the importance of initialization and
    momentum in deep learning (2013).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        in_range(lr=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
                "foreach": foreach,
                "differentiable": differentiable,
                "fused": fused,
            },
        )

    def start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"momentum_buffer": None} if group["momentum"] != 0 else {}

    def rule(self, group: dict[str, Any]) -> Update:
        lr, momentum = scalar(group["lr"]), group["momentum"]
        nesterov, kept = group["nesterov"], 1 - group["dampening"]

        def update(p: Tensor, v: Any, g: Any, state: dict[str, Any]) -> None:
            if momentum != 0:
                buffer = state.get("momentum_buffer")
                if buffer is None:
                    state["momentum_buffer"] = buffer = _copied(p, constant(g))
                else:
                    write(buffer, value(buffer) * momentum + kept * g)
                b = value(buffer)
                g = g + momentum * b if nesterov else b
            write(p, minus(v, lr * g))

        return update


def _copied(p: Tensor, g: Any) -> Tensor:
    """A tensor like the parameter, with the first gradient in it."""
    v = p._read()
    out = fresh(np.zeros(v.shape, v.dtype))
    write(out, g if isinstance(g, Tracer) else np.array(g))
    out._storage.version = 0
    return out
