"""Parameter and Buffer: tensors that a Module registers when they are assigned to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad.core.provenance import here
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

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
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
