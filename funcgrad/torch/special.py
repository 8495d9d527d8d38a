"""`torch.special`: special functions of elements. Most of them need SciPy."""

from funcgrad.names import public_names as _public_names
from funcgrad.torch._ops import methods as _methods  # noqa: F401, enters the rows
from funcgrad.torch._ops.table import functions_of as _functions_of
from funcgrad.torch._ops.table import tells_nearest as _tells_nearest

globals().update(_functions_of("special"))

__all__ = _public_names(globals())
__getattr__ = _tells_nearest(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
