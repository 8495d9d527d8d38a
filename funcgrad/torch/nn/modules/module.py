"""Module: parameters, buffers and other modules, under their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self, TypeVar

from funcgrad.core.frames import hide
from funcgrad.core.warned import warn
from funcgrad.torch._ops.create import empty_like
from funcgrad.torch._record.modes import no_grad
from funcgrad.torch._record.operands import refuse_asked
from funcgrad.torch._record.story import note_replaced
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.devices import Device, used
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.modules.hooks import Hooked, called, everywhere
from funcgrad.torch.nn.modules.hooks import register_module_forward_hook as register_module_forward_hook
from funcgrad.torch.nn.modules.hooks import register_module_forward_pre_hook as register_module_forward_pre_hook
from funcgrad.torch.nn.modules.hooks import register_module_full_backward_hook as register_module_full_backward_hook
from funcgrad.torch.nn.modules.hooks import (
    register_module_full_backward_pre_hook as register_module_full_backward_pre_hook,
)
from funcgrad.torch.nn.modules.state import Stateful
from funcgrad.torch.nn.modules.state import _IncompatibleKeys as _IncompatibleKeys
from funcgrad.torch.nn.parameter import Buffer, Parameter


def type_name(x: Any) -> str:
    """What PyTorch's errors call the type of an object."""
    if isinstance(x, Parameter):
        return "torch.nn.parameter.Parameter"
    if isinstance(x, Tensor):
        return x.type()
    kind = x if isinstance(x, type) else type(x)
    module = kind.__module__.replace("funcgrad.torch", "torch")
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"


COMPLEX_MODULES = (
    "Complex modules are a new feature under active development whose design may change, and some modules might not "
    "work as expected when using complex tensors as parameters or buffers. Please file an issue at "
    "https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml if a complex module does not work as "
    "expected."
)
INSTEAD = {
    "cuda": ": tensors live on the CPU",
}
T_destination = TypeVar("T_destination", bound=dict[str, Any])


def _wanted_dtype(*args: Any, **kwargs: Any) -> dtypes.dtype | None:
    """What the arguments of `to` ask for; the device must be the CPU."""
    device, dtype = kwargs.get("device"), kwargs.get("dtype")
    for given in args[:2]:
        if isinstance(given, Tensor):
            dtype = given.dtype
        elif isinstance(given, dtypes.dtype):
            if dtype is not None:
                raise TypeError("to() received an invalid combination of arguments: two dtypes")
            dtype = given
        elif isinstance(given, (str, Device)):
            device = given
        elif given is not None and not isinstance(given, bool):
            raise TypeError(f"to() received an invalid argument: {type(given).__name__}")
    if dtype is not None and not isinstance(dtype, dtypes.dtype):
        raise TypeError(f"to() received an invalid dtype: {type(dtype).__name__}")
    if device is not None:
        used(device)
    return dtype


def indented(text: str) -> str:
    return text.replace("\n", "\n  ")


class Module(Stateful, Hooked):
    """The base class of all layers and models.

    A Parameter, Buffer or Module that is assigned to an attribute is registered under the attribute's name.

    >>> import funcgrad.torch as torch
    >>> class Scaled(Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = Parameter(torch.tensor(2.0))
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> Scaled()(torch.ones(2))
    tensor([2., 2.], grad_fn=<MulBackward0>)
    """

    T_destination = T_destination
    dump_patches = False
    call_super_init = False
    training: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs and not self.call_super_init:
            name = type(self).__name__
            raise TypeError(f"{name}.__init__() got an unexpected keyword argument '{next(iter(kwargs))}'")
        if args and not self.call_super_init:
            raise TypeError(
                f"{type(self).__name__}.__init__() takes 1 positional argument but {len(args) + 1} were given"
            )
        self.__dict__.update(
            training=True, _parameters={}, _buffers={}, _non_persistent_buffers_set=set(), _modules={}
        )
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What calling the module computes; each subclass has its own."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if self._hooks is None and everywhere.hooks is None:
                return self.forward(*args, **kwargs)
            return called(self, args, kwargs)
        except Exception as error:
            try:
                refuse_asked(error)
                raise
            except Exception as shown:
                hide(shown)
                raise

    # attributes

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        if "_modules" in own:
            for registered in (own["_parameters"], own["_modules"], own["_buffers"]):
                if name in registered:
                    return registered[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'{INSTEAD.get(name, '')}")

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def _forget(self, name: str) -> None:
        for members in (self.__dict__, self._parameters, self._buffers, self._modules):
            members.pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        parameters, modules, buffers = own.get("_parameters"), own.get("_modules"), own.get("_buffers")
        if isinstance(value, Parameter):
            if parameters is None:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            if name not in parameters:
                self._forget(name)
            self.register_parameter(name, value)
        elif parameters is not None and name in parameters:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{type_name(value)}' as parameter '{name}' (torch.nn.Parameter or None expected)"
                )
            self.register_parameter(name, None)
        elif isinstance(value, Module):
            if modules is None:
                raise AttributeError("cannot assign module before Module.__init__() call")
            if name not in modules:
                self._forget(name)
            self._set_module(name, value)
        elif modules is not None and name in modules:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{type_name(value)}' as child module '{name}' (torch.nn.Module or None expected)"
                )
            modules[name] = None
        elif isinstance(value, Buffer) or (buffers is not None and name in buffers):
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"cannot assign '{type_name(value)}' as buffer '{name}' (torch.nn.Buffer, torch.Tensor or None "
                    "expected)"
                )
            kept = name not in self._non_persistent_buffers_set
            self.register_buffer(name, value, getattr(value, "persistent", kept))
        else:
            object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        for members in (self._parameters, self._buffers, self._modules):
            if name in members:
                del members[name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *self._parameters, *self._buffers, *self._modules})

    def _check_name(self, kind: str, name: Any, registered: dict[str, Any]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {type_name(name)}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."' + (f", got: {name}" if kind == "module" else ""))
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if name not in registered and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter; None keeps its place free."""
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name("parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{type_name(param)}' object to parameter '{name}' (torch.nn.Parameter or None required)"
            )
        if param is not None and param.grad_fn:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly. To "
                f"express '{name}' as a function of another Tensor, compute the value in the forward() method."
            )
        if param is not None:
            param._label, param._role = name, "parameter"
        old = self._parameters.get(name)
        if old is not None and param is not None:
            note_replaced({name: old}, {name: param})
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is no parameter; the state contains it where it is `persistent`."""
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{type_name(tensor)}' object to buffer '{name}' (torch Tensor or None required)"
            )
        if tensor is not None:
            tensor._label, tensor._role = name, "buffer"
        self._buffers[name] = tensor
        (self._non_persistent_buffers_set.discard if persistent else self._non_persistent_buffers_set.add)(name)

    def register_module(self, name: str, module: Module | None) -> None:
        """Add a module under a name."""
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{type_name(module)} is not a Module subclass")
        self._check_name("module", name, self._modules)
        self._set_module(name, module)

    add_module = register_module

    def _set_module(self, name: str, module: Module | None) -> None:
        old = self._modules.get(name)
        if old is not None and module is not None:
            note_replaced(dict(old.named_parameters()), dict(module.named_parameters()))
        self._modules[name] = module

    # members

    def _named_members(
        self,
        get_members_fn: Callable[[Any], Iterable[tuple[str, Any]]],
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Any]]:
        seen: set[Any] = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, member in get_members_fn(module):
                if member is not None and member not in seen:
                    if remove_duplicate:
                        seen.add(member)
                    yield (f"{path}.{name}" if path else name), member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All parameters with their names, of modules inside too if `recurse`."""
        yield from self._named_members(lambda m: m._parameters.items(), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        yield from self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside, each once."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        for _, module in self.named_children():
            yield module

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all inside, with their names, each once unless `remove_duplicate` is False."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as "encoder.0"."""
        module: Any = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module at a path; with `strict`, only where there is one."""
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if hasattr(parent, name) or strict:
            parent.get_submodule(name)
        setattr(parent, name, module)

    def _member(self, target: str) -> tuple[Module, str, Any]:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        return module, name, getattr(module, name)

    def get_parameter(self, target: str) -> Parameter:
        _, name, found = self._member(target)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return found

    def get_buffer(self, target: str) -> Tensor:
        module, name, found = self._member(target)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return found

    # changing all

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        if recurse:
            for module in self.children():
                module._apply(fn)
        for parameter in self._parameters.values():
            if parameter is not None:
                with no_grad():
                    new = fn(parameter)
                    grad = parameter.grad
                    new_grad = fn(grad) if grad is not None else None
                if new is not parameter:
                    parameter.data = new
                if grad is not None and new_grad is not None and new_grad is not grad:
                    grad.data = new_grad
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` with every module inside, and with this one last."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """All floating parameters and buffers in another dtype; a device must be the CPU."""
        dtype, order = _wanted_dtype(*args, **kwargs), kwargs.get("memory_format")
        if order is not None:
            self._apply(lambda t: t.to(memory_format=order) if t.dim() in (4, 5) else t)
        if dtype is None:
            return self
        if not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}"
            )
        if dtype.is_complex:
            warn(COMPLEX_MODULES)
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() or t.is_complex() else t)

    def _of_floats(self, dtype: dtypes.dtype) -> Self:
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def float(self) -> Self:
        """All real floating parameters and buffers in float32."""
        return self._of_floats(dtypes.float32)

    def double(self) -> Self:
        """All real floating parameters and buffers in float64."""
        return self._of_floats(dtypes.float64)

    def half(self) -> Self:
        """All real floating parameters and buffers in float16."""
        return self._of_floats(dtypes.float16)

    def bfloat16(self) -> Self:
        """An error: there are no such numbers."""
        return self._of_floats(dtypes.bfloat16)

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """All parameters and buffers with memory that is not filled."""
        return self._apply(lambda t: empty_like(t, device=device), recurse=recurse)

    def share_memory(self) -> Self:
        """Itself: there are no other processes to share with."""
        return self

    def type(self, dst_type: dtypes.dtype) -> Self:
        """All parameters and buffers in another dtype."""
        return self._apply(lambda t: t.type(dst_type))

    def cpu(self) -> Self:
        return self

    def cuda(self, device: Any = None) -> Self:
        """AssertionError where there is a parameter or a buffer: tensors live on the CPU."""
        return self._apply(lambda t: t.cuda(device))

    def train(self, mode: bool = True) -> Self:
        """Set `training`, here and inside: dropout and normalisation ask for it."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set `requires_grad` of all parameters: False freezes them."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of all parameters, or set them to zero."""
        for parameter in self.parameters():
            if parameter.grad is not None:
                if set_to_none:
                    parameter.grad = None
                else:
                    parameter.grad.detach_()
                    parameter.grad.zero_()

    def explain_grads(self) -> Any:
        """Why the gradients of the parameters are what they are: a `Report`, whose text is a table.

        >>> import funcgrad.torch as torch
        >>> layer = torch.nn.Linear(2, 1)
        >>> layer.bias.requires_grad = False
        >>> layer(torch.ones(1, 2)).sum().backward()
        >>> [(leaf.path, leaf.status) for leaf in layer.explain_grads().leaves]
        [('weight', 'flows'), ('bias', 'not_requested')]
        """
        from funcgrad.torch._explain.modules import explain_grads  # few programs ask, and it is long

        return explain_grads(self)

    # printing

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands between the parentheses of the module's text."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        if len(lines) == 1 and not self._modules:
            return f"{self._get_name()}({extra})"
        lines += [f"({name}): {indented(repr(module))}" for name, module in self._modules.items()]
        return f"{self._get_name()}(" + ("\n  " + "\n  ".join(lines) + "\n)" if lines else ")")
