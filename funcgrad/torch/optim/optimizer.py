"""The base of optimizers: parameter groups, state, what is saved and loaded, hooks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import wraps
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

from funcgrad.core.tape import tick
from funcgrad.core.warned import warn
from funcgrad.torch._pass.hooks import RemovableHandle, registered
from funcgrad.torch._record.modes import enable_grad
from funcgrad.torch._record.story import event
from funcgrad.torch._tensor.messages import noted
from funcgrad.torch._tensor.tensor import Tensor

DUPLICATES = (
    "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error; see "
    "github.com/pytorch/pytorch/issues/40967 for more information"
)
IN_A_SET = (
    "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets will change "
    "between runs. Please use a list instead."
)
OTHER_SIZE = "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
HOOKS = ("step_pre", "step_post", "state_dict_pre", "state_dict_post", "load_state_dict_pre", "load_state_dict_post")

_global_pre: dict[int, Any] = {}
_global_post: dict[int, Any] = {}


class _Required:
    """The default of an option that has none."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def typename(x: Any) -> str:
    """What PyTorch's errors call the type of an object."""
    if isinstance(x, Tensor):
        return str(x.type())
    kind = type(x)
    return kind.__qualname__ if kind.__module__ in ("builtins", None) else f"{kind.__module__}.{kind.__qualname__}"


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` before each step of every optimizer."""
    return registered(_global_pre, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` after each step of every optimizer."""
    return registered(_global_post, hook)


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """A class's `step`, with the hooks around it."""

    @wraps(step)
    def hooked(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        _living[self] = tick()
        if not (_global_pre or _global_post or self._hooks["step_pre"] or self._hooks["step_post"]):
            return step(self, *args, **kwargs)
        given: tuple[Any, ...] = (self, *args)
        for hook in [*_global_pre.values(), *self._hooks["step_pre"].values()]:
            result = hook(self, given, kwargs)
            if result is not None:
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError(
                        f"{step} must return None or a tuple of (new_args, new_kwargs), but got {result}."
                    )
                given, kwargs = result
        out = step(*given, **kwargs)
        for hook in [*self._hooks["step_post"].values(), *_global_post.values()]:
            hook(self, given, kwargs)
        return out

    return hooked


_living: WeakKeyDictionary[Optimizer, int] = WeakKeyDictionary()


def living() -> dict[Optimizer, int]:
    """The optimizers that are there, and when each last made a step or cleared gradients, among entries."""
    return dict(_living)


class Optimizer:
    """What all optimizers have in common.

    A subclass gives `defaults`, the options that a parameter group may set for itself, and defines `step`. `state`
    holds what it remembers of each parameter.

    >>> import funcgrad.torch as torch
    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = torch.optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([0.8000, 1.6000])
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.__dict__["step"])

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        _living[self] = -1
        self.defaults = defaults
        self._hooks: dict[str, dict[int, Any]] = {name: {} for name in HOOKS}
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                + typename(params)
            )
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__dict__.setdefault("_hooks", {name: {} for name in HOOKS})
        for group in self.param_groups:
            for name, default in self.defaults.items():
                group.setdefault(name, default)

    def __repr__(self) -> str:
        text = type(self).__name__ + " ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            text += "".join(f"    {name}: {group[name]}\n" for name in sorted(group) if name != "params")
        return text + ")"

    # groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize more parameters, with options of their own: ``{"params": [...], "lr": ...}``."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        _list_params(param_group)
        for i, param in enumerate(param_group["params"]):
            self._check_param(param, i)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {name}"
                )
            param_group.setdefault(name, default)
        params = param_group["params"]
        if len(params) != len(set(params)):
            warn(DUPLICATES)
        self._check_others(param_group)
        self.param_groups.append(param_group)

    def _check_param(self, param: Any, index: int) -> None:
        if not isinstance(param, Tensor):
            raise TypeError(
                f"optimizer can only optimize Tensors, but one of the params is {typename(param)}"
            )
        if not self.defaults.get("differentiable", None) and not (param.is_leaf or param.retains_grad):
            note = f"entry {index} is no leaf: {param._origin()}. Instead: the leaf itself, or a Parameter of it"
            raise noted(ValueError("can't optimize a non-leaf Tensor"), note)

    def _check_others(self, param_group: dict[str, Any]) -> None:
        taken: set[Any] = set()
        named = "param_names" in param_group
        for group in self.param_groups:
            taken.update(group["params"])
            if named != ("param_names" in group):
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param group "
                    f"{'with' if named else 'without'} names to the optimizer"
                )
        if not taken.isdisjoint(param_group["params"]):
            raise ValueError("some parameters appear in more than one parameter group")

    # steps

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or (`set_to_none=False`) make them zeros."""
        at = event()
        _living[self] = at.when
        for group in self.param_groups:
            for p in group["params"]:
                grad = p._grad
                if grad is None:
                    continue
                if set_to_none:  # what `p.grad = None` does, with one event for all
                    p._story.clear(at)
                    p._grad = None
                    continue
                if grad.grad_fn is not None:
                    grad.detach_()
                else:
                    grad.requires_grad_(False)
                grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters by their gradients; `closure` computes the loss again, where it is given."""
        raise NotImplementedError

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return new args and kwargs."""
        return registered(self._hooks["step_pre"], hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return registered(self._hooks["step_post"], hook)

    # saving and loading

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` before `state_dict`."""
        return registered(self._hooks["state_dict_pre"], hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after `state_dict`; what it returns replaces the result."""
        return registered(self._hooks["state_dict_post"], hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before `load_state_dict`; what it returns is loaded instead."""
        return registered(self._hooks["load_state_dict_pre"], hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` after `load_state_dict`."""
        return registered(self._hooks["load_state_dict_post"], hook, prepend)

    def state_dict(self) -> dict[str, Any]:
        """The state and the groups, with numbers (0, 1, ...) in place of the parameters."""
        for hook in self._hooks["state_dict_pre"].values():
            hook(self)
        numbers: dict[int, int] = {}
        groups = []
        start = 0
        for group in self.param_groups:
            for i, p in enumerate(group["params"], start):
                numbers.setdefault(id(p), i)
            packed = {name: option for name, option in group.items() if name != "params"}
            packed["params"] = [numbers[id(p)] for p in group["params"]]
            start += len(packed["params"])
            groups.append(packed)
        state = {numbers[id(k)] if isinstance(k, Tensor) else k: v for k, v in self.state.items()}
        out = {"state": state, "param_groups": groups}
        for hook in self._hooks["state_dict_post"].values():
            result = hook(self, out)
            if result is not None:
                out = result
        return out

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take on what `state_dict` gave; tensors get the dtype of their parameter."""
        state_dict = state_dict.copy()
        for hook in self._hooks["load_state_dict_pre"].values():
            result = hook(self, state_dict)
            if result is not None:
                state_dict = result
        saved = deepcopy(state_dict["param_groups"])
        if len(self.param_groups) != len(saved):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(own["params"]) != len(new["params"]) for own, new in zip(self.param_groups, saved)):
            raise ValueError(OTHER_SIZE)
        numbers = chain.from_iterable(group["params"] for group in saved)
        params = chain.from_iterable(group["params"] for group in self.param_groups)
        by_number = dict(zip(numbers, params))
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            param = by_number.get(key)
            if param is None:
                state[key] = value
            else:
                state[param] = _like(param, value, None, _by_float32(state_dict["param_groups"], key))
        for own, new in zip(self.param_groups, saved):
            new["params"] = own["params"]
            if "param_names" in own:
                new.setdefault("param_names", own["param_names"])
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in self._hooks["load_state_dict_post"].values():
            hook(self)


def _list_params(group: dict[str, Any]) -> None:
    """Make a group's parameters a list, and a list of their names where they come with them."""
    params = group["params"]
    if isinstance(params, set):
        raise TypeError(IN_A_SET)
    listed = [params] if isinstance(params, Tensor) else list(params)
    names = [param[0] for param in listed if isinstance(param, tuple)]
    group["params"] = [param[1] if isinstance(param, tuple) else param for param in listed]
    if names:
        if len(names) != len(listed):
            raise ValueError("all optimizer params should be with/without names. Some param names are missing")
        group["param_names"] = names


def _by_float32(groups: list[dict[str, Any]], number: Any) -> bool:
    """Whether the group of a parameter counts its steps in float32."""
    for group in groups:
        if number in group["params"]:
            return bool(group.get("fused", False) or group.get("capturable", False))
    return False


def _like(param: Tensor, value: Any, key: Any, by_float32: bool) -> Any:
    """A saved value for a parameter: floating tensors in its dtype, but for the count of steps."""
    if isinstance(value, Tensor):
        if key == "step":
            return value.float() if by_float32 else value
        return value.to(param.dtype) if param.is_floating_point() else value
    if isinstance(value, dict):
        return {k: _like(param, v, k, by_float32) for k, v in value.items()}
    if isinstance(value, Iterable):
        return type(value)(_like(param, v, None, by_float32) for v in value)  # type: ignore[call-arg]
    return value


def evaluated(closure: Callable[[], Any] | None) -> Any:
    """The loss that a closure computes, recording."""
    if closure is None:
        return None
    with enable_grad():
        return closure()
