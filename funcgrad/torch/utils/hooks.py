"""`torch.utils.hooks`: what removes a hook."""

from funcgrad.torch._pass.hooks import RemovableHandle

__all__ = ["RemovableHandle"]
