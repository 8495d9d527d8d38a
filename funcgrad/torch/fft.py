"""`torch.fft`: discrete Fourier transforms, with PyTorch's gradients of complex numbers (conjugates)."""

from typing import Any as _Any

from funcgrad.torch._ops.table import functions_of as _functions_of
from funcgrad.torch._ops.table import missing as _missing

globals().update(_functions_of("fft"))


def __getattr__(name: str) -> _Any:
    raise AttributeError(_missing("module 'funcgrad.torch.fft'", name, globals()))
