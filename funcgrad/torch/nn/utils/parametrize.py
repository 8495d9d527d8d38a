"""Parameters that are functions of others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from funcgrad.names import own_names as _own_names
from funcgrad.torch._record.modes import no_grad
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.modules.container import ModuleDict, ModuleList
from funcgrad.torch.nn.modules.module import Module
from funcgrad.torch.nn.parameter import Parameter


class _Cache:
    """What was computed within `cached()`, by the lists that did."""

    found: dict[ParametrizationList, Tensor] | None = None


_cache = _Cache()


@contextmanager
def cached() -> Iterator[None]:
    """Parametrized tensors are computed once within it."""
    before = _cache.found
    _cache.found = {} if before is None else before
    try:
        yield
    finally:
        _cache.found = before


def _inverted(parametrization: Module, value: Any) -> Any:
    """What the parametrization makes the value of; the value itself where it does not know."""
    if not hasattr(parametrization, "right_inverse"):
        return value
    try:
        return parametrization.right_inverse(value)
    except NotImplementedError:
        return value


class ParametrizationList(ModuleList):
    """The functions that make one tensor of a module, one behind the other, and what they make it from: `original`, or
    `original0` and so on."""

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        super().__init__(modules)
        self.unsafe = unsafe
        new: Any = original
        with no_grad():
            for module in reversed(self):
                new = _inverted(module, new)
        self.is_tensor = isinstance(new, Tensor)
        before = original.detach()
        if not self.is_tensor and not isinstance(new, Sequence):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        self.ntensors = 1 if self.is_tensor else len(new)
        if self.is_tensor:
            original.data = new.detach()
            self._register("original", original)
        else:
            for i, part in enumerate(new):
                own = isinstance(original, Parameter)
                self._register(f"original{i}", Parameter(part, requires_grad=original.requires_grad) if own else part)
        if not unsafe:
            try:
                with no_grad():
                    _check(before, self(), ("unparametrized ", "parametrized "), "`unsafe`")
            except Exception:
                original.data = before
                raise

    def _register(self, name: str, t: Tensor) -> None:
        if isinstance(t, Parameter):
            self.register_parameter(name, t)
        else:
            self.register_buffer(name, t)

    def _originals(self) -> list[Tensor]:
        return [self.original] if self.is_tensor else [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def forward(self) -> Tensor:
        first, *others = self._modules.values()
        value = first(*self._originals())
        for module in others:
            value = module(value)
        return value

    def right_inverse(self, value: Tensor) -> None:
        """Set the originals so that they make the value."""
        with no_grad():
            new: Any = value
            for module in reversed(self):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
                new = module.right_inverse(new)
            for own, part in zip(self._originals(), [new] if self.is_tensor else new):
                own.data = part.detach()


def _class_of(module: Module, name: str) -> None:
    """Give the module a class of its own, whose attribute of that name is computed."""
    kind = type(module)
    if not is_parametrized(module):
        kind = type(f"Parametrized{kind.__name__}", (kind,), {"__module__": kind.__module__})
        module.__class__ = kind
        module.parametrizations = ModuleDict()

    def computed(self: Any) -> Tensor:
        made = self.parametrizations[name]
        if _cache.found is None:
            return made()
        if made not in _cache.found:
            _cache.found[made] = made()
        return _cache.found[made]

    def put(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    setattr(kind, name, property(computed, put))


def _check(wanted: Any, value: Any, names: tuple[str, str], flag: str = "the `unsafe`") -> None:
    """PyTorch's errors where a parametrization changes what `names` calls, the dtype or the shape."""
    if not isinstance(value, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(value).__name__}.")
    for what in ("dtype", "shape"):
        own, new = getattr(wanted, what), getattr(value, what)
        if own != new:
            raise ValueError(
                f"Registering a parametrization may not change the {what} of the tensor, unless {flag} flag is "
                f"enabled.\n{names[0]}{what}: {own}\n{names[1]}{what}: {new}"
            )


def _check_inverse(wanted: Tensor, value: Any, name: str) -> None:
    """PyTorch's errors where `right_inverse` does not lead back to the dtype and shape of the tensor."""
    if not isinstance(value, Tensor):
        raise ValueError(f"parametrization.right_inverse must return a tensor. Got: {type(value).__name__}")
    for what in ("dtype", "shape"):
        own, new = getattr(wanted, what), getattr(value, what)
        if own != new:
            raise ValueError(
                f"The tensor returned by parametrization.right_inverse must have the same {what} as module.{name}, "
                f"unless the `unsafe` flag is enabled.\nmodule.{name}.{what}: {own}\nreturned {what}: {new}"
            )


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Let a parameter or buffer be what `parametrization` makes of another one, at each use.

    Its `right_inverse`, if it has one, says from what the present value is made.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        made = module.parametrizations[tensor_name]
        with no_grad():
            if not unsafe:
                value = getattr(module, tensor_name)
                made_of_it = parametrization(value)
                _check(value, made_of_it, (f"module.{tensor_name}.", f"parametrization(module.{tensor_name})."))
                _check_inverse(value, _inverted(parametrization, made_of_it), tensor_name)
        made.append(parametrization)
        made.unsafe = made.unsafe or unsafe
        return module
    if tensor_name not in module._buffers and tensor_name not in module._parameters:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
            f"'{tensor_name}'"
        )
    original = getattr(module, tensor_name)
    made = ParametrizationList([parametrization], original, unsafe)
    delattr(module, tensor_name)
    _class_of(module, tensor_name)
    module.parametrizations[tensor_name] = made
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a tensor of the module, or any, is made by a parametrization."""
    found = module._modules.get("parametrizations")
    return isinstance(found, ModuleDict) and (len(found) > 0 if tensor_name is None else tensor_name in found)


def type_before_parametrizations(module: Module) -> type:
    """The class that the module had before tensors of it were parametrized."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Let the module make a tensor, or all, by the parametrizations of another one, of the same originals."""
    if not is_parametrized(from_module):
        return to_module
    for name in list(from_module.parametrizations) if tensor_name is None else [tensor_name]:
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name)))
        source = from_module.parametrizations[name]
        for parametrization in source:
            register_parametrization(to_module, name, parametrization)
        target = to_module.parametrizations[name]
        for part, t in {**source._parameters, **source._buffers}.items():
            setattr(target, part, t)
    return to_module


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a tensor an own one again: with the value it has, or that of its original."""
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    made = module.parametrizations[tensor_name]
    original = made._originals()[0]
    if not made.is_tensor and not leave_parametrized:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a "
            "sequence of tensors."
        )
    with no_grad():
        value = getattr(module, tensor_name).detach() if leave_parametrized else original
    kind: Any = type(module)
    delattr(kind, tensor_name)
    del module.parametrizations[tensor_name]
    if isinstance(original, Parameter):
        if leave_parametrized and made.is_tensor:
            original.data = value
        kept = original if made.is_tensor else Parameter(value, requires_grad=original.requires_grad)
        module.register_parameter(tensor_name, kept)
    else:
        module.register_buffer(tensor_name, value)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = kind.__bases__[0]
    return module


__all__ = _own_names(globals())


def __dir__() -> list[str]:
    return __all__
