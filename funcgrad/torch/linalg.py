"""`torch.linalg`: norms, equations, factors and spectra of stacks of matrices.

Values, gradients and errors are PyTorch's; `lu` and its kin and `matrix_exp` need SciPy.
"""

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import public_names as _public_names
from funcgrad.torch._ops.linalg.shared import LinAlgError as LinAlgError
from funcgrad.torch._ops.linalg.shared import _LinAlgError as _LinAlgError  # for pickle, which knows its own name
from funcgrad.torch._ops.table import functions_of as _functions_of
from funcgrad.torch._ops.table import tells_nearest as _tells_nearest

globals().update(_functions_of("linalg"))

globals().update(_entrances(globals()))
__all__ = _public_names(globals())
__getattr__ = _tells_nearest(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
