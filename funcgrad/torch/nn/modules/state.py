"""The state of a module as a dict, and back."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from funcgrad.core.frames import hide_in
from funcgrad.core.warned import warn
from funcgrad.torch._ops.shape import select
from funcgrad.torch._pass.hooks import RemovableHandle, registered
from funcgrad.torch._record.modes import no_grad
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.parameter import Parameter, is_lazy

EXTRA = "_extra_state"


class _IncompatibleKeys(namedtuple("_IncompatibleKeys", ("missing_keys", "unexpected_keys"))):
    """What a loaded dict had too little and too much."""

    __slots__ = ()

    def __repr__(self) -> str:
        return super().__repr__() if self.missing_keys or self.unexpected_keys else "<All keys matched successfully>"


POSITIONAL = (
    "Positional args are being deprecated, use kwargs instead. Refer to "
    "https://pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module.state_dict for details."
)


def _part(when: str) -> property:
    """What PyTorch has among a module's attributes."""

    def assign(self: Stateful, value: Any) -> None:
        self._hooks_for(when)
        assert self._state_hooks is not None
        self._state_hooks[when] = value

    return property(lambda self: self._hooks_for(when), assign)


class Stateful:
    """The part of a Module that saves and loads."""

    _version: int | None = 1
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _state_hooks: dict[str, OrderedDict[int, Any]] | None = None

    def _hooks_for(self, when: str) -> OrderedDict[int, Any]:
        if self._state_hooks is None:
            object.__setattr__(self, "_state_hooks", {})
        assert self._state_hooks is not None
        return self._state_hooks.setdefault(when, OrderedDict())

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before the state is collected."""
        return registered(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` behind it."""
        return registered(self._state_dict_hooks, hook, marks=[self._hooks_for("saved, which returns nothing")])

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)`
        before this module's part is loaded."""
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` behind it."""
        return registered(self._load_state_dict_post_hooks, hook)

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """As `register_state_dict_post_hook`; what the hook returns is the state."""
        return registered(self._state_dict_hooks, hook)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        """As `register_load_state_dict_pre_hook`; the hook is given the module only where it says so."""
        marks = [self._hooks_for("loading, with the module")] if with_module else []
        return registered(self._load_state_dict_pre_hooks, hook, marks=marks)

    _state_dict_pre_hooks, _state_dict_hooks = _part("saving"), _part("saved")
    _load_state_dict_pre_hooks, _load_state_dict_post_hooks = _part("loading"), _part("loaded")

    def get_extra_state(self) -> Any:
        """What else belongs to the state; to be overridden together with `set_extra_state`."""
        raise RuntimeError("get_extra_state: define it, and set_extra_state, in your Module to save more than tensors")

    def set_extra_state(self, state: Any) -> None:
        """Take on what `get_extra_state` returned."""
        raise RuntimeError("set_extra_state: define it, and get_extra_state, in your Module to load more than tensors")

    def _persistent(self) -> dict[str, Tensor]:
        kept = {k: b for k, b in self._buffers.items() if k not in self._non_persistent_buffers_set}
        return {k: t for k, t in (*self._parameters.items(), *kept.items()) if t is not None}

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        for name, t in self._persistent().items():
            destination[prefix + name] = t if keep_vars or is_lazy(t) else t.detach()
        if type(self).get_extra_state is not Stateful.get_extra_state:
            destination[prefix + EXTRA] = self.get_extra_state()

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """All parameters and persistent buffers, detached unless `keep_vars`, under their names.

        They share the memory of the module's.
        """
        if args:
            warn(POSITIONAL, FutureWarning)
            named = (destination, prefix, keep_vars)
            destination, prefix, keep_vars = [*args, *named[len(args) :]][:3]
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        hooks = self._state_hooks or {}
        for hook in hooks.get("saving", {}).values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for key, hook in hooks.get("saved", {}).items():
            result = hook(self, destination, prefix, metadata)
            if result is None:
                continue
            if key in hooks.get("saved, which returns nothing", ()):
                raise RuntimeError("state_dict post-hook must return None")
            destination = result
        return destination

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        hooks = self._state_hooks or {}
        for number, hook in hooks.get("loading", {}).items():
            module = (self,) if number in hooks.get("loading, with the module", ()) else ()
            hook(*module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        own = self._persistent()
        for name, t in own.items():
            key = prefix + name
            if key in state_dict:
                self._take(name, key, t, state_dict[key], local_metadata, error_msgs)
            elif strict:
                missing_keys.append(key)
        if type(self).set_extra_state is not Stateful.set_extra_state:
            if prefix + EXTRA in state_dict:
                self.set_extra_state(state_dict[prefix + EXTRA])
            elif strict:
                missing_keys.append(prefix + EXTRA)
        elif strict and prefix + EXTRA in state_dict:
            unexpected_keys.append(prefix + EXTRA)
        if strict:
            for key in state_dict:
                if key.startswith(prefix) and key != prefix + EXTRA:
                    first, *rest = key[len(prefix) :].split(".", 1)
                    if first not in (self._modules if rest else own):
                        unexpected_keys.append(key)

    def _take(self, name: str, key: str, t: Tensor, given: Any, metadata: dict[str, Any], errors: list[str]) -> None:
        if not isinstance(given, Tensor):
            errors.append(
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object from '
                f"checkpoint but received {type(given)}"
            )
            return
        if is_lazy(t) and is_lazy(given):
            return
        if t.dim() == 0 and given.shape == (1,):
            given = select(given, 0, 0)
        if given.shape != t.shape:
            errors.append(
                f"size mismatch for {key}: copying a param with shape {given.shape} from checkpoint, the shape in "
                f"current model is {t.shape}."
            )
            return
        try:
            with no_grad():
                if not metadata.get("assign_to_params_buffers"):
                    t.copy_(given)
                elif isinstance(t, Parameter):
                    given = given if isinstance(given, Parameter) else Parameter(given, t.requires_grad)
                    setattr(self, name, given.requires_grad_(t.requires_grad))
                else:
                    setattr(self, name, given)
        except Exception as error:
            errors.append(
                f'While copying the parameter named "{key}", whose dimensions in the model are {t.size()} and whose '
                f"dimensions in the checkpoint are {given.size()}, an exception occurred : {error.args}."
            )

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Copy tensors into the parameters and buffers of the same names (or take the tensors themselves, `assign`).

        Returns:
            ``(missing_keys, unexpected_keys)``.

        Raises:
            RuntimeError: keys are missing or unexpected, if `strict`; sizes differ. What fits has been loaded then.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", {})
        keys = _IncompatibleKeys([], [])
        errors: list[str] = []

        def load(module: Any, part: dict[str, Any], prefix: str) -> None:
            own = dict(metadata.get(prefix[:-1], {}))
            if assign:
                own["assign_to_params_buffers"] = True
            module._load_from_state_dict(part, prefix, own, True, keys.missing_keys, keys.unexpected_keys, errors)
            for name, child in module._modules.items():
                if child is not None:
                    inner = f"{prefix}{name}."
                    load(child, {k: v for k, v in part.items() if k.startswith(inner)}, inner)
            for hook in (module._state_hooks or {}).get("loaded", {}).values():
                if hook(module, keys) is not None:
                    raise AssertionError(
                        "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new "
                        "values, if incompatible_keys need to be modified, it should be done inplace."
                    )

        load(self, OrderedDict(state_dict), "")
        if strict:
            for what, names in (("Unexpected", keys.unexpected_keys), ("Missing", keys.missing_keys)):
                if names:
                    listed = ", ".join(f'"{name}"' for name in names)
                    errors.insert(0, f"{what} key(s) in state_dict: {listed}. ")
        if errors:
            lines = "\n\t".join(errors)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{lines}")
        return keys


for _method in vars(Stateful).values():
    if isinstance(_method, FunctionType):  # whose errors about arguments name the class that users know
        _method.__qualname__ = f"Module.{_method.__name__}"
hide_in(Stateful)
