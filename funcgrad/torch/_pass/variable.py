"""`torch.autograd.Variable`, which every tensor is."""

from __future__ import annotations

from typing import Any

from funcgrad.torch._tensor.tensor import Tensor


class _Variables(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_Variables):
    """A leaf on the memory of a tensor, as programs of PyTorch before 0.4 wrote it.

    >>> import funcgrad.torch as torch
    >>> torch.autograd.Variable(torch.ones(2), requires_grad=True)
    tensor([1., 1.], requires_grad=True)
    """

    def __new__(cls, data: Any = None, requires_grad: bool = False) -> Any:
        if data is None:
            return Tensor()
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        found = data.detach()
        if requires_grad:
            if not (found.is_floating_point() or found.is_complex()):
                raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
            found._make_leaf("Variable")
        return found
