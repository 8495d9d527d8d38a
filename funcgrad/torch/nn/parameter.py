"""Parameter and Buffer: tensors that a Module registers when they are assigned to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.provenance import here
from funcgrad.names import own_names as _own_names
from funcgrad.torch._ops.create import empty
from funcgrad.torch._ops.signatures import kind_of
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.tensor import Tensor, fresh


class Parameter(Tensor):
    """A leaf, on the memory of the tensor it is made from, that a Module takes for one of its parameters.

    >>> import funcgrad.torch as torch
    >>> Parameter(torch.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    __module__ = "funcgrad.torch.nn.parameter"
    __torch_function__ = None  # as in PyTorch: what is computed from it is a Tensor
    _saved_as = "Parameter"

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        if type(requires_grad) is not bool:
            raise TypeError(
                f"_make_subclass(): argument 'require_grad' (position 3) must be bool, not {kind_of(requires_grad)}"
            )
        if data is None:
            data = fresh(np.empty(0, dtypes.default()))
        alias = data._alias("Parameter") if isinstance(data, Tensor) else data.detach()  # PyTorch's error
        self.__dict__.update(alias.__dict__)
        self._made = here()
        if requires_grad:
            if self._value.dtype.kind not in "fc":
                raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
            self._make_leaf("Parameter")

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        """As in PyTorch without the gradient."""
        if id(self) not in memo:
            memo[id(self)] = Parameter(fresh(np.array(self._array())), self.requires_grad)
        return memo[id(self)]

    def __reduce__(self) -> Any:
        return _unpickled, (np.array(self._array()), self.requires_grad)


def _unpickled(value: np.ndarray, requires_grad: bool) -> Parameter:
    return Parameter(fresh(value), requires_grad)


class _Buffers(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor) and getattr(instance, "_is_buffer", False)


class Buffer(Tensor, metaclass=_Buffers):
    """A tensor that a Module takes for one of its buffers, saved in its `state_dict` where it is `persistent`."""

    __module__ = "funcgrad.torch.nn.parameter"

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Any:
        alias: Any = fresh(np.empty(0, dtypes.default())) if data is None else data.detach()
        alias.requires_grad = data is not None and data.requires_grad
        alias.persistent, alias._is_buffer = persistent, True
        return alias


NO_SHAPE = (
    "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in `load_state_dict` "
    "when trying to load an uninitialized parameter into an initialized one. Call `forward` to initialize the "
    "parameters before accessing their attributes."
)
NOT_SHARED = (
    "Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize the parameters before "
    "calling `module.share_memory()`."
)
UNINITIALIZED = (
    "Attempted to use an uninitialized parameter. This error happens when you are using a `LazyModule` or explicitly "
    "manipulating `torch.nn.parameter.{}` objects. When using LazyModules Call `forward` with a dummy batch to "
    "initialize the parameters before calling torch functions"
)


class UninitializedTensorMixin(Tensor):
    """A tensor that has a dtype, and no shape and memory before `materialize`: whatever reads it raises ValueError."""

    __torch_function__ = None
    cls_to_become: type[Tensor]
    _required: bool
    _held: Tensor
    grad = grad_fn = None
    is_leaf = True

    def __init__(self, requires_grad: bool, device: Any = None, dtype: Any = None) -> None:
        """An empty tensor says whether it can be made."""
        self.__dict__["_required"] = requires_grad
        self.__dict__["_held"] = empty(0, device=device, dtype=dtype)

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become a tensor of that shape, whose elements are to be filled."""
        made = empty(shape, device=device, dtype=dtype or self.dtype)
        required = self.__dict__.pop("_required")
        del self.__dict__["_held"]
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        self.__dict__.update(made.__dict__)
        if required:
            self._make_leaf("Parameter")

    @property
    def _value(self) -> Any:
        raise ValueError(UNINITIALIZED.format(type(self).__name__))

    _storage = _value

    @property
    def requires_grad(self) -> bool:
        return self._required

    @requires_grad.setter
    def requires_grad(self, required: bool) -> None:
        raise ValueError(UNINITIALIZED.format(type(self).__name__))

    @property
    def shape(self) -> Any:
        raise RuntimeError(NO_SHAPE)

    def numel(self) -> int:
        return self._value

    @property
    def dtype(self) -> dtypes.dtype:
        return self._held.dtype

    @property
    def data(self) -> Tensor:
        return self._held

    @data.setter
    def data(self, data: Tensor) -> None:
        self.__dict__["_held"] = data.data

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Itself, or another one of another dtype."""
        held = self._held.to(*args, **kwargs)
        return self if held is self._held else self._like(held.dtype)

    def cpu(self) -> Any:
        return self

    def is_floating_point(self) -> bool:
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        return self.dtype.is_complex

    def share_memory_(self) -> Any:
        raise RuntimeError(NOT_SHARED)

    def _like(self, dtype: dtypes.dtype) -> Any:
        return type(self)(self.requires_grad, dtype=dtype)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = self._like(self.dtype)
        return memo[id(self)]

    def __reduce__(self) -> Any:
        return type(self), (self.requires_grad, None, self.dtype)


def is_lazy(param: Any) -> bool:
    """Whether it is a parameter or a buffer without a shape."""
    return isinstance(param, UninitializedTensorMixin)


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter without a shape, which lazy modules have until they are called."""

    __module__ = "funcgrad.torch.nn.parameter"
    cls_to_become = Parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(requires_grad, device, dtype)


class UninitializedBuffer(UninitializedTensorMixin):
    """A buffer without a shape, which lazy modules have until they are called."""

    __module__ = "funcgrad.torch.nn.parameter"
    cls_to_become = Tensor

    def __init__(
        self, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> None:
        super().__init__(requires_grad, device, dtype)
        self.__dict__.update(persistent=persistent, _is_buffer=True)


__all__ = _own_names(globals())


def __dir__() -> list[str]:
    return __all__
