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
    check_fused,
    minus,
    not_negative,
    one_element,
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
        one_element(lr=lr)
        not_negative(lr=lr, momentum=momentum, weight_decay=weight_decay)
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
        check_fused(fused, differentiable, foreach)

    def start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"momentum_buffer": None} if group["momentum"] != 0 else {}

    def rule(self, group: dict[str, Any]) -> Update:
        lr, decay = scalar(group["lr"]), scalar(group["weight_decay"])
        decays = isinstance(decay, Tracer) or decay != 0
        momentum, nesterov, kept = group["momentum"], group["nesterov"], 1 - group["dampening"]

        def update(p: Tensor, g: Any, state: dict[str, Any]) -> None:
            v = value(p)
            if decays:
                g = g + decay * v
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
