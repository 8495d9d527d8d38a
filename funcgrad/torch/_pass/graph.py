"""`torch.autograd.graph`: entries, hooks on several tensors, versions."""

from collections.abc import Iterable
from typing import Any

from funcgrad.torch._pass.gradfn import GradFn as Node
from funcgrad.torch._pass.hooks import register_multi_grad_hook
from funcgrad.torch._tensor.tensor import Tensor

__all__ = ["Node", "increment_version", "register_multi_grad_hook"]


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


def __getattr__(name: str) -> Any:
    if name in ("saved_tensors_hooks", "save_on_cpu", "disable_saved_tensors_hooks"):
        raise AttributeError(
            f"autograd.graph.{name}: funcgrad.torch cannot put something else in place of what operations save, which "
            "is not always what PyTorch's save; use torch.utils.checkpoint.checkpoint to save less"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
