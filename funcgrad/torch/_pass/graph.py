"""`torch.autograd.graph`: entries, and hooks on several tensors."""

from typing import Any

from funcgrad.torch._pass.gradfn import GradFn as Node
from funcgrad.torch._pass.hooks import register_multi_grad_hook

__all__ = ["Node", "register_multi_grad_hook"]


def __getattr__(name: str) -> Any:
    if name in ("saved_tensors_hooks", "save_on_cpu", "disable_saved_tensors_hooks"):
        raise AttributeError(
            f"autograd.graph.{name}: funcgrad.torch cannot put something else in place of what operations save; use "
            "torch.utils.checkpoint.checkpoint to save less"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
