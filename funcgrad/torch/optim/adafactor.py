"""Adafactor: Adam's step sizes in the memory of a row and a column."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.optim.elementwise import (
    Elementwise,
    Update,
    count,
    counted,
    lerp,
    one_element,
    scalar,
    value,
    write,
    zeros,
)


class Adafactor(Elementwise):
    """Steps in units of the parameter's size, by a mean square of gradients that is kept as a row times a column.

    Shazeer and Stern, Adafactor: adaptive learning rates with sublinear memory cost (2018).
    """

    decays_itself = True

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        one_element("lr", lr)
        if not 0.0 <= lr:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not 0.0 >= beta2_decay:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not 0.0 <= eps[0]:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not 0.0 <= eps[1]:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not 1.0 <= d:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        options = {"lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay}
        super().__init__(params, {**options, "foreach": foreach, "maximize": maximize})

    def start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        v = p._read()
        if v.dtype.kind == "c":
            raise RuntimeError("Adafactor does not support complex parameters")
        if v.ndim < 2:
            return {"step": count(), "variance": zeros(p)}
        *ahead, n, m = v.shape
        shapes = {"row_var": (*ahead, n, 1), "col_var": (*ahead, 1, m)}
        return {"step": count(), **{name: fresh(np.zeros(shape, v.dtype)) for name, shape in shapes.items()}}

    def rule(self, group: dict[str, Any]) -> Update:
        lr, decay, (eps1, eps2), limit = scalar(group["lr"]), group["weight_decay"], group["eps"], group["d"]
        exponent = group["beta2_decay"]

        def update(p: Tensor, v: Any, g: Any, state: dict[str, Any]) -> None:
            n, least = counted(state), np.finfo(v.dtype).eps.item() if eps1 is None else eps1
            rate = fnp.maximum(eps2, _size(v)) * fnp.minimum(lr, 1 / n**0.5)
            if decay != 0:
                v = v * (1 - lr * decay)
                write(p, v)
            square = _mean_square(g, state, n**exponent, least)
            step = g / fnp.sqrt(fnp.maximum(square, square.dtype.type(least * least)))
            rate = rate / fnp.maximum(1.0, _size(step) / limit)
            write(p, v - fnp.asarray(rate).astype(v.dtype) * step)

        return update


def _size(v: Any) -> Any:
    """The root of the mean square, in double precision."""
    return fnp.sqrt((v * v).sum()).astype(np.float64) / prod(v.shape) ** 0.5


def _mean_square(g: Any, state: dict[str, Any], weight: Any, least: float) -> Any:
    """The running mean of the gradient's square: of a matrix, as its means along both axes say."""
    if "variance" in state:
        return _moved(state["variance"], g * g, weight)
    rows = _moved(state["row_var"], (g * g).mean(axis=-1, keepdims=True), weight)
    columns = _moved(state["col_var"], (g * g).mean(axis=-2, keepdims=True), weight)
    return fnp.matmul(rows, columns) / fnp.maximum(rows.mean(axis=-2, keepdims=True), rows.dtype.type(least))


def _moved(kept: Tensor, new: Any, weight: Any) -> Any:
    before = value(kept)
    after = before + weight * (new - before) if isinstance(weight, Tracer) else lerp(before, new, weight)
    write(kept, after.astype(before.dtype))
    return value(kept)
