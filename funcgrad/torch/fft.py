"""`torch.fft`: discrete Fourier transforms, with PyTorch's gradients of complex numbers (conjugates)."""

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import public_names as _public_names
from funcgrad.torch._ops.table import functions_of as _functions_of
from funcgrad.torch._ops.table import tells_nearest as _tells_nearest

globals().update(_functions_of("fft"))

globals().update(_entrances(globals()))
__all__ = _public_names(globals())
__getattr__ = _tells_nearest(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
