"""`torch.utils`: data, and checkpoints."""

import typing as _typing

from funcgrad.names import public_names as _public_names
from funcgrad.torch._ops.table import tells_nearest as _tells_nearest
from funcgrad.torch.utils import checkpoint as checkpoint
from funcgrad.torch.utils import data as data
from funcgrad.torch.utils import dlpack as dlpack
from funcgrad.torch.utils import hooks as hooks

__all__ = _public_names(globals(), "checkpoint", "data", "dlpack", "hooks")
if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
