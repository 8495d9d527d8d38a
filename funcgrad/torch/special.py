"""`torch.special`: special functions of elements. Most of them need SciPy."""

from typing import Any as _Any

from funcgrad.torch._ops import methods as _methods  # noqa: F401, enters the rows
from funcgrad.torch._ops.table import functions_of as _functions_of
from funcgrad.torch._ops.table import missing as _missing

globals().update(_functions_of("special"))


def __getattr__(name: str) -> _Any:
    raise AttributeError(_missing("module 'funcgrad.torch.special'", name, globals()))
