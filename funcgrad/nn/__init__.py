"""JAX's `nn`: activations, normalised exponentials, attention, pooling, and `initializers`."""

import typing as _typing

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import tells_nearest as _tells_nearest
from funcgrad.nn import activations, attention, normalised, pooling
from funcgrad.nn import initializers as initializers
from funcgrad.nn.activations import *  # noqa: F403
from funcgrad.nn.attention import *  # noqa: F403
from funcgrad.nn.normalised import *  # noqa: F403
from funcgrad.nn.pooling import *  # noqa: F403

globals().update(_entrances(globals()))
__all__ = ["initializers"]
__all__ += activations.__all__
__all__ += attention.__all__
__all__ += normalised.__all__
__all__ += pooling.__all__
if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
