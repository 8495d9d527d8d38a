"""`torch.linalg`: norms, equations, factors and spectra of stacks of matrices.

Values, gradients and errors are PyTorch's; `lu` and its kin and `matrix_exp` need SciPy.
"""

from typing import Any as _Any

from funcgrad.torch._ops.linalg.shared import LinAlgError as LinAlgError
from funcgrad.torch._ops.table import functions_of as _functions_of
from funcgrad.torch._ops.table import missing as _missing

globals().update(_functions_of("linalg"))


def __getattr__(name: str) -> _Any:
    raise AttributeError(_missing("module 'funcgrad.torch.linalg'", name, globals()))
