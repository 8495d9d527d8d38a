"""L-BFGS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.torch._record.modes import no_grad, quietly
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.optim.elementwise import in_range, scalar, value, write
from funcgrad.torch.optim.line_search import strong_wolfe
from funcgrad.torch.optim.optimizer import Optimizer, evaluated

LATER = ("d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss")


class LBFGS(Optimizer):
    """Quasi-Newton steps by the last `history_size` changes of the parameters and their gradients.

    A step calls the closure several times. Nocedal and Wright, Numerical optimization (2006), algorithms 7.4 and 7.5;
    the line search "strong_wolfe" is algorithm 3.5.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        in_range(lr=lr)
        super().__init__(
            params,
            {
                "lr": lr,
                "max_iter": max_iter,
                "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
                "tolerance_grad": tolerance_grad,
                "tolerance_change": tolerance_change,
                "history_size": history_size,
                "line_search_fn": line_search_fn,
            },
        )
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure: Callable[[], Any]) -> Any:
        """Up to `max_iter` iterations; returns what the closure returned first."""
        with no_grad():
            return quietly(_Step(self, lambda: evaluated(closure)).run)


class _Step:
    """One step: the flat gradient, and the memory of directions, as arrays."""

    def __init__(self, optimizer: LBFGS, closure: Callable[[], Any]) -> None:
        self.options = optimizer.param_groups[0]
        self.params: list[Tensor] = self.options["params"]
        self.closure = closure
        self.state = state = optimizer.state[self.params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        self.kept: dict[str, Any] = {name: _bare(state.get(name)) for name in LATER}
        self.lr = scalar(self.options["lr"])

    def run(self) -> Any:
        first = self.closure()
        self.loss = _number(first)
        self.evaluations = 1
        self.state["func_evals"] += 1
        self.grad = self.flat_grad()
        if self.is_flat():
            return first
        for n in range(1, self.options["max_iter"] + 1):
            self.state["n_iter"] += 1
            if not self.iterate(is_last=n == self.options["max_iter"]):
                break
        for name, x in self.kept.items():
            self.state[name] = _wrapped(x)
        return first

    def iterate(self, is_last: bool) -> bool:
        """Whether to go on."""
        kept, options, is_first = self.kept, self.options, self.state["n_iter"] == 1
        if is_first:
            kept.update(d=-self.grad, old_dirs=[], old_stps=[], ro=[], H_diag=1)
        else:
            self.remember()
            kept["d"] = self.direction()
        kept["prev_flat_grad"], kept["prev_loss"] = self.grad, self.loss
        t = min(1.0, 1.0 / np.abs(self.grad).sum()) * self.lr if is_first else self.lr
        kept["t"] = t
        d = kept["d"]
        slope = self.grad.dot(d)
        change = options["tolerance_change"]
        if slope > -change:
            return False
        if options["line_search_fn"] is not None:
            evaluated = self.search(slope)
        else:
            self.move(t, d)
            evaluated = 0
            if not is_last:
                self.loss, self.grad = _number(self.closure()), self.flat_grad()
                evaluated = 1
        self.evaluations += evaluated
        self.state["func_evals"] += evaluated
        return not (
            is_last
            or self.evaluations >= options["max_eval"]
            or self.is_flat()
            or np.abs(d * kept["t"]).max() <= change
            or abs(self.loss - kept["prev_loss"]) < change
        )

    def remember(self) -> None:
        """Take the last change into the memory, where the curvature along it is positive."""
        kept = self.kept
        y, s = self.grad - kept["prev_flat_grad"], kept["d"] * kept["t"]
        curvature = y.dot(s)
        if curvature <= 1e-10:
            return
        if len(kept["old_dirs"]) == self.options["history_size"]:
            for name in ("old_dirs", "old_stps", "ro"):
                kept[name].pop(0)
        kept["old_dirs"].append(y)
        kept["old_stps"].append(s)
        kept["ro"].append(1.0 / curvature)
        kept["H_diag"] = curvature / y.dot(y)

    def direction(self) -> np.ndarray:
        """Minus the approximate inverse Hessian times the gradient, by the two loops."""
        kept = self.kept
        memory = list(zip(kept["old_dirs"], kept["old_stps"], kept["ro"]))
        weights = self.state.setdefault("al", [None] * self.options["history_size"])
        q = -self.grad
        along = []
        for i, (y, s, r) in reversed(list(enumerate(memory))):
            weight = s.dot(q) * r
            along.append(weight)
            weights[i] = _wrapped(weight)
            q = q + y * -weight
        d = q * kept["H_diag"]
        for (y, s, r), weight in zip(memory, reversed(along)):
            d = d + s * (weight - y.dot(d) * r)
        return d

    def search(self, slope: Any) -> int:
        """Move along the direction to where the line search ends; how often it called the closure."""
        if self.options["line_search_fn"] != "strong_wolfe":
            raise RuntimeError("only 'strong_wolfe' is supported")
        start = [np.array(constant(p._read())) for p in self.params]
        d = self.kept["d"]

        def at(t: Any) -> tuple[float, np.ndarray]:
            self.move(t, d)
            loss, grad = _number(self.closure()), self.flat_grad()
            for p, v in zip(self.params, start):
                p._write(v)
            return loss, grad

        most = self.options["max_eval"] - self.evaluations
        self.loss, self.grad, t, evaluated = strong_wolfe(at, self.kept["t"], d, self.loss, self.grad, slope, most)
        self.kept["t"] = t
        self.move(t, d)
        return evaluated

    def is_flat(self) -> bool:
        return bool(np.abs(self.grad).max() <= self.options["tolerance_grad"])

    def flat_grad(self) -> np.ndarray:
        parts = [np.zeros_like(value(p)) if p._grad is None else value(p._grad) for p in self.params]
        return np.concatenate([part.reshape(-1) for part in parts])

    def move(self, t: Any, d: np.ndarray) -> None:
        """Add `t` times the direction to the parameters."""
        start = 0
        for p in self.params:
            v = value(p)
            part = d[start : start + v.size].reshape(v.shape)
            start += v.size
            write(p, v + part * t)


def _number(loss: Any) -> float:
    return loss.item() if isinstance(loss, Tensor) else float(loss)


def _bare(x: Any) -> Any:
    """What the state holds, as arrays and NumPy's scalars."""
    if isinstance(x, list):
        return [_bare(part) for part in x]
    return constant(x._read())[()] if isinstance(x, Tensor) else x


def _wrapped(x: Any) -> Any:
    """The same as Tensors."""
    if isinstance(x, list):
        return [_wrapped(part) for part in x]
    return fresh(np.asarray(x)) if isinstance(x, (np.ndarray, np.generic)) else x
