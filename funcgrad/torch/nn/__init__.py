"""`torch.nn`: modules, their functions, initial weights and utilities. Python over the names of `funcgrad.torch`."""

import typing as _typing

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import public_names as _public_names
from funcgrad.torch._ops.table import tells_nearest as _tells_nearest
from funcgrad.torch.nn import attention as attention
from funcgrad.torch.nn import functional as functional
from funcgrad.torch.nn import init as init
from funcgrad.torch.nn import modules as modules
from funcgrad.torch.nn import parallel as parallel
from funcgrad.torch.nn import utils as utils
from funcgrad.torch.nn.modules import *  # noqa: F403
from funcgrad.torch.nn.parallel import DataParallel as DataParallel
from funcgrad.torch.nn.parameter import Buffer as Buffer
from funcgrad.torch.nn.parameter import Parameter as Parameter
from funcgrad.torch.nn.parameter import UninitializedBuffer as UninitializedBuffer
from funcgrad.torch.nn.parameter import UninitializedParameter as UninitializedParameter

globals().update(_entrances(globals()))
__all__ = _public_names(globals(), "attention", "functional", "init", "modules", "parallel", "parameter", "utils")
if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(
        __name__, __all__, {"CrossMapLRN2d": "LocalResponseNorm", "LinearCrossEntropyOptions": "options=None"}
    )


def __dir__() -> list[str]:
    return __all__
