"""`torch.autograd.grad_mode`: whether operations are recorded."""

from funcgrad.torch._record.modes import enable_grad, inference_mode, no_grad, set_grad_enabled

__all__ = ["enable_grad", "inference_mode", "no_grad", "set_grad_enabled"]


def __dir__() -> list[str]:
    return __all__
