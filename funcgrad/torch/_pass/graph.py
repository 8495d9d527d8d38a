"""`torch.autograd.graph`: entries, and hooks on several tensors."""

from funcgrad.torch._pass.gradfn import GradFn as Node
from funcgrad.torch._pass.hooks import register_multi_grad_hook

__all__ = ["Node", "register_multi_grad_hook"]
