"""`torch.amp`: mixed precision, as programs meet it where there is no CUDA. Nothing is cast here."""

from funcgrad.torch.amp.autocast_mode import autocast as autocast
from funcgrad.torch.amp.autocast_mode import custom_bwd as custom_bwd
from funcgrad.torch.amp.autocast_mode import custom_fwd as custom_fwd
from funcgrad.torch.amp.autocast_mode import is_autocast_available as is_autocast_available
from funcgrad.torch.amp.grad_scaler import GradScaler as GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]


def __dir__() -> list[str]:
    return __all__
