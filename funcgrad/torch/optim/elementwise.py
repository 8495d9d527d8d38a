"""Optimizers whose update of one parameter needs nothing of the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad import lax
from funcgrad import numpy as fnp
from funcgrad.core.provenance import here
from funcgrad.core.trace import Tracer
from funcgrad.torch._ops.inplace import check_output
from funcgrad.torch._record.modes import mode, quietly
from funcgrad.torch._record.operands import check_broadcast
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.storage import scope
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch.optim.optimizer import Optimizer, evaluated

Update = Callable[[Tensor, Any, Any, dict[str, Any]], None]
CAPTURABLE = (
    "If capturable=True, params and state_steps must be on supported devices: ['cuda', 'xpu', 'hpu', 'privateuseone', "
    "'xla']."
)
_TITLES = {"lr": "learning rate", "eps": "epsilon value"}
_LARGEST = {"rho": 1.0}


class Elementwise(Optimizer):
    """A subclass says what is remembered of a parameter (`start`), and gives the rule of a group (`rule`).

    A rule is a formula on values (`value`, `write`): NumPy's arrays in a training loop, without a Tensor for each
    operation; recorded values with `differentiable=True`; traced ones inside of `to_functional`. A rule that
    `decays_itself` gets values without weight decay.
    """

    decays_itself = False

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        super().__init__(params, defaults)
        # `fused` and `foreach` change nothing here, as PyTorch's only change its speed; but not all go together
        if defaults.get("fused"):
            if defaults["differentiable"]:
                raise RuntimeError("`fused` does not support `differentiable`")
            if defaults["foreach"]:
                raise RuntimeError("`fused` and `foreach` cannot be `True` together.")

    def start(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """The state of a parameter before its first step."""
        raise NotImplementedError

    def rule(self, group: dict[str, Any]) -> Update:
        """What updates a parameter of the group, of its value, its gradient's value and its state."""
        raise NotImplementedError

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; returns the closure's loss."""
        loss = evaluated(closure)
        before, mode.enabled = mode.enabled, self.defaults.get("differentiable", False)
        scope.writer = here()
        try:
            quietly(self._update)
        finally:
            mode.enabled, scope.writer = before, None
        return loss

    def _update(self) -> None:
        states = self.state
        for group in self.param_groups:
            if group.get("capturable"):
                raise AssertionError(CAPTURABLE)
            update, decayed = self.rule(group), _decayed(group, self.decays_itself)
            for p in group["params"]:
                grad = p._grad
                if grad is None:
                    continue
                state = states.get(p)
                if not state:
                    state = self.start(p, group)
                    if state:
                        states[p] = state
                try:
                    update(p, *decayed(p, grad), state)  # which lets go of the old value before the next one
                except ValueError as error:
                    raise _unfit(p, state) or error from None


def _decayed(group: dict[str, Any], is_rules: bool) -> Callable[[Tensor, Tensor], tuple[Any, Any]]:
    """What gives the value of a parameter, and its gradient's to be followed down, with the group's weight decay, if
    that is not the rule's."""
    maximize, decay = group.get("maximize"), 0 if is_rules else scalar(group.get("weight_decay", 0))
    decays = isinstance(decay, Tracer) or decay != 0
    kept = 1 - scalar(group["lr"]) * decay if group.get("decoupled_weight_decay") else None

    def decayed(p: Tensor, grad: Tensor) -> tuple[Any, Any]:
        v, g = value(p), value(grad)
        if maximize:
            g = -g
        if not decays:
            return v, g
        if kept is None:
            return v, g + decay * v
        v = v * kept
        write(p, v)
        return v, g

    return decayed


def _unfit(p: Tensor, state: dict[str, Any]) -> RuntimeError | None:
    """PyTorch's error where a state has the shape of another parameter."""
    try:
        for remembered in state.values():
            if isinstance(remembered, Tensor):
                check_broadcast(remembered.shape, p.shape)
    except RuntimeError as error:
        return error
    return None


def value(t: Tensor) -> Any:
    """The value that a rule computes with; of complex tensors the real and imaginary parts, along a last axis."""
    if t._view is None and not mode.enabled:
        memory = t._storage.value
        if type(memory) is np.ndarray and memory.dtype.kind == "f":
            return memory  # which is the value, in 0.2 us in place of 2
    v = t._read() if mode.enabled else constant(t._read())
    return np.stack([np.real(v), np.imag(v)], -1) if v.dtype.kind == "c" else v


def write(t: Tensor, new: Any) -> None:
    """Let a parameter, or what is remembered of it, take on a new value."""
    held = t._storage.value
    plain = type(new) is np.ndarray and new.dtype is held.dtype and t._view is None and not mode.enabled
    if plain and new.shape == held.shape:
        t._write(new)  # nothing to check, which takes 1 us in place of 3
        return
    t._check_writable()
    if held.dtype.kind == "c":
        new = lax.complex(new[..., 0], new[..., 1])
    if new.dtype != held.dtype:
        new = new.astype(held.dtype)
    if new.shape != t.shape:
        check_output(t.shape, new.shape)
    t._write(np.asarray(new) if isinstance(new, np.generic) else new)


def minus(v: Any, own: Any) -> Any:
    """`v - own`, in the memory of `own`, which is nobody else's: half the time for a million elements."""
    if type(own) is np.ndarray and type(v) is np.ndarray and own.dtype is v.dtype:
        return np.subtract(v, own, out=own)
    return v - own


def scalar(x: Any) -> Any:
    """An option that may be a Tensor of one element: its number, or where steps are recorded or traced its value."""
    if not isinstance(x, Tensor):
        return x
    v = x._read() if mode.enabled else constant(x._read())
    return v.reshape(()) if mode.enabled or isinstance(v, Tracer) else x.item()


def counted(state: dict[str, Any]) -> Any:
    """Count a step, and return how many there were, as exact where it is traced."""
    step = state["step"]
    count = value(step) + 1
    write(step, count)
    return fnp.astype(count, np.float64) if isinstance(count, Tracer) else count.item()  # type: ignore[call-overload]


def zeros(p: Tensor) -> Tensor:
    v = p._read()
    return fresh(np.zeros(v.shape, v.dtype))


def count(start: float = 0.0, fused: bool | None = False) -> Tensor:
    """A number that is remembered, in the default dtype."""
    kind = np.float64 if dtypes.default() == np.float64 and not fused else np.float32
    return fresh(np.array(start, kind))


def lerp(start: Any, end: Any, weight: Any) -> Any:
    """From `start` to `end` by a weight, on the side where it is exact; PyTorch's error where their dtypes differ, as
    those of a parameter's gradient and of what was remembered of it before its dtype was another."""
    if start.dtype is not end.dtype and start.dtype != end.dtype:
        raise RuntimeError(
            f"expected dtype {dtypes.of(start.dtype).short} for `end` but got dtype {dtypes.of(end.dtype).short}"
        )
    difference = end - start
    return start + weight * difference if abs(weight) < 0.5 else end - difference * (1 - weight)


def means(state: dict[str, Any], g: Any, beta1: Any, beta2: Any) -> tuple[Any, Any]:
    """The running means of the gradient and of its square, with this one."""
    mean, square = state["exp_avg"], state["exp_avg_sq"]
    m = lerp(value(mean), g, 1 - beta1)
    s = value(square) * beta2 + (1 - beta2) * g * g
    write(mean, m)
    write(square, s)
    return m, s


def one_element(name: str, x: Any) -> None:
    """PyTorch's error for an option that is a Tensor of several elements."""
    if isinstance(x, Tensor) and x.numel() != 1:
        raise ValueError(f"Tensor {name} must be 1-element")


def in_range(*, lr: Any, **options: Any) -> None:
    """PyTorch's errors for options out of their range; the order is that in which PyTorch looks at them."""
    one_element("lr", lr)
    for name, x in {"lr": lr, **options}.items():
        if name == "betas":
            for i in range(2):
                if not 0.0 <= x[i] < 1.0:
                    raise ValueError(f"Invalid beta parameter at index {i}: {x[i]}")
        elif not 0.0 <= x <= _LARGEST.get(name, np.inf):
            raise ValueError(f"Invalid {_TITLES.get(name, f'{name} value')}: {x}")
