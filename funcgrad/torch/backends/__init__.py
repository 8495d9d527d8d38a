"""`torch.backends`: what programs ask or set before they compute. None of it changes anything."""

import typing as _typing

from funcgrad.names import public_names as _public_names
from funcgrad.torch._ops.table import tells_nearest as _tells_nearest
from funcgrad.torch.backends import cuda as cuda
from funcgrad.torch.backends import cudnn as cudnn
from funcgrad.torch.backends import mps as mps

__all__ = _public_names(globals(), "cuda", "cudnn", "mps")
if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
