"""The base of schedulers: when they compute the learning rates, and what they remember."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any
from weakref import ref

from funcgrad.core.warned import warn
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.optim.optimizer import Optimizer

DEPRECATED_EPOCH = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please use "
    "`scheduler.step()` to step the scheduler. During the deprecation, if epoch is different from None, the closed "
    "form is used instead of the new chainable form, where available. Please open an issue if you are unable to "
    "replicate your use case: https://github.com/pytorch/pytorch/issues/new/choose."
)
_SEE = "See more details at https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"
OVERRIDDEN_STEP = (
    "Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. Please, make "
    f"sure to call `optimizer.step()` before `lr_scheduler.step()`. {_SEE}"
)
WRONG_ORDER = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, you should call "
    "them in the opposite order: `optimizer.step()` before `lr_scheduler.step()`.  Failure to do this will result in "
    f"PyTorch skipping the first value of the learning rate schedule. {_SEE}"
)
LAST_LR = "To get the last learning rate computed by the scheduler, please use `get_last_lr()`."
RESUMING = (
    "param 'initial_lr' is not specified in param_groups[{}] when resuming scheduler with last_epoch >= 0.\nThis "
    "typically happens when:\n1. You're trying to resume training from a checkpoint but haven't properly loaded the "
    "optimizer state\n2. You're using last_epoch >= 0 for a fresh training run (not recommended)"
)


def check_optimizer(optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def copied(x: Any) -> Any:
    return x.clone() if isinstance(x, Tensor) else x


def options(optimizer: Optimizer, name: str = "lr") -> list[Any]:
    """An option of each group."""
    return [copied(group[name]) for group in optimizer.param_groups]


def set_option(group: dict[str, Any], name: str, x: Any) -> None:
    """Set an option; one that is a Tensor keeps being it."""
    if isinstance(group[name], Tensor):
        group[name].fill_(x.reshape(()) if isinstance(x, Tensor) else x)
    else:
        group[name] = x


def for_each_group(name: str, optimizer: Optimizer, x: Any) -> list[Any]:
    """An argument that is one value, or a list with one for each group."""
    groups = len(optimizer.param_groups)
    if not isinstance(x, (list, tuple)):
        return [copied(x) for _ in range(groups)]
    if len(x) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has {len(x)} values, param_groups "
            f"has {groups}."
        )
    return [copied(each) for each in x]


def without(scheduler: Any, *names: str) -> dict[str, Any]:
    return {name: x for name, x in scheduler.__dict__.items() if name not in names}


def saved_function(fun: Any) -> dict[str, Any] | None:
    """What is saved of a function: nothing, or the attributes of a callable object."""
    return None if isinstance(fun, types.FunctionType) else fun.__dict__.copy()


class LRScheduler:
    """Sets the learning rate of each group, when its `step` is called after the optimizer's.

    A subclass defines `get_lr`, from `last_epoch`, `base_lrs` and the groups' present rates.
    """

    _get_lr_called_within_step = False
    _is_initial = False
    _last_lr: list[Any]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(RESUMING.format(i))
        self.base_lrs = options(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        _note_steps(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer."""
        return without(self, "optimizer")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[Any]:
        """The learning rate of each group, as it was computed last."""
        return self._last_lr

    def get_lr(self) -> list[Any]:
        """The learning rates for `last_epoch`."""
        raise NotImplementedError

    def step(self, epoch: int | None = None) -> None:
        """Set the learning rates for the next epoch."""
        if self._step_count == 1:
            if not hasattr(self.optimizer.step, "_wrapped_by_lr_sched"):
                warn(OVERRIDDEN_STEP, UserWarning)
            elif not getattr(self.optimizer, "_opt_called", False):
                warn(WRONG_ORDER, UserWarning)
        self._step_count += 1
        if epoch is not None:
            warn(DEPRECATED_EPOCH, UserWarning)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed = getattr(self, "_get_closed_form_lr", None)
        with self._computing():
            rates = self.get_lr() if epoch is None or closed is None else closed()
        self._set(rates)

    @contextmanager
    def _computing(self) -> Iterator[None]:
        self._get_lr_called_within_step = True
        try:
            yield
        finally:
            self._get_lr_called_within_step = False

    def _set(self, rates: list[Any]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            set_option(group, "lr", lr)
        self._last_lr = options(self.optimizer)

    def _warn_outside(self) -> None:
        if not self._get_lr_called_within_step:
            warn(LAST_LR, UserWarning)

    def _scaled(self, factor: Any) -> list[Any]:
        """The present rates times a factor."""
        return [group["lr"] * factor for group in self.optimizer.param_groups]


def _note_steps(optimizer: Optimizer) -> None:
    """Let the optimizer remember that its `step` was called."""
    step: Callable[..., Any] = optimizer.step
    if hasattr(step, "_wrapped_by_lr_sched"):
        return
    own, fun = ref(optimizer), step.__func__  # type: ignore[attr-defined]

    @wraps(fun)
    def noting(*args: Any, **kwargs: Any) -> Any:
        optimizer: Any = own()
        optimizer._opt_called = True
        return fun(optimizer, *args, **kwargs)

    noting._wrapped_by_lr_sched = True  # type: ignore[attr-defined]
    optimizer.step = noting
