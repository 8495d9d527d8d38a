"""`torch.autograd.graph`: entries, hooks on several tensors and on what is saved, versions."""

from collections.abc import Iterable

from funcgrad.torch._pass.gradfn import GradFn as Node
from funcgrad.torch._pass.hooks import register_multi_grad_hook
from funcgrad.torch._pass.saved import disable_saved_tensors_hooks as disable_saved_tensors_hooks
from funcgrad.torch._pass.saved import save_on_cpu as save_on_cpu
from funcgrad.torch._pass.saved import saved_tensors_hooks as saved_tensors_hooks
from funcgrad.torch._tensor.tensor import Tensor

__all__ = ["Node", "disable_saved_tensors_hooks", "increment_version", "register_multi_grad_hook"]
__all__ += ["save_on_cpu", "saved_tensors_hooks"]


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Count a write that autograd has not seen, to a tensor or several: what was saved of them is no longer valid.

    >>> import funcgrad.torch as torch
    >>> x = torch.ones(2)
    >>> increment_version(x)
    >>> x._version
    1
    """
    if not isinstance(tensor, Iterable):
        raise RuntimeError("increment_version expect a Iterable[Tensor] as input")
    written = (tensor,) if isinstance(tensor, Tensor) else tuple(tensor)
    if not all(isinstance(t, Tensor) for t in written):
        raise RuntimeError("increment_version expects each element of the iterable to be a tensor")
    for t in written:
        t._storage.count()


__all__ = [
    "Node", "disable_saved_tensors_hooks", "increment_version", "register_multi_grad_hook",
    "save_on_cpu", "saved_tensors_hooks",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
