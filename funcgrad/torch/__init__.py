"""PyTorch's tensors over funcgrad: `import funcgrad.torch as torch`.

Values are NumPy's, derivatives funcgrad's; names, dtypes, errors and the rules of `requires_grad`, `grad`,
`backward` and writing in place are PyTorch's. `to_functional` leads from a function of Tensors to
`funcgrad.grad`. docs/torch.md lists what there is; editors read it from `__init__.pyi`.
"""

import importlib as _importlib
import math as _math
from typing import Any as _Any

from funcgrad.torch import autograd as autograd
from funcgrad.torch._compile.compiled import compile
from funcgrad.torch._ops import methods as _methods  # attaches the methods of Tensor
from funcgrad.torch._ops.generator import Generator
from funcgrad.torch._ops.table import functions_of as _functions_of
from funcgrad.torch._ops.table import missing as _missing
from funcgrad.torch._pass.anomaly import is_anomaly_check_nan_enabled, is_anomaly_enabled
from funcgrad.torch._pass.functional import to_functional
from funcgrad.torch._record.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from funcgrad.torch._tensor.devices import Device as device
from funcgrad.torch._tensor.dtypes import (
    bool,
    cdouble,
    cfloat,
    complex64,
    complex128,
    double,
    dtype,
    finfo,
    float,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    iinfo,
    int,
    int8,
    int16,
    int32,
    int64,
    long,
    set_default_dtype,
    short,
    uint8,
)
from funcgrad.torch._tensor.saving import load, save
from funcgrad.torch._tensor.sizes import Size
from funcgrad.torch._tensor.tensor import Tensor

e, inf, nan, pi = _math.e, _math.inf, _math.nan, _math.pi
newaxis = None
strided, contiguous_format, preserve_format = "torch.strided", "torch.contiguous_format", "torch.preserve_format"
__version__ = "2.13.0+funcgrad"
globals().update(_functions_of())

_PACKAGES = ("_dynamo", "compiler", "cuda", "distributions", "fft", "func", "linalg", "nn", "optim", "special", "utils")
"""Imported when they are asked for: distributions take SciPy."""


def __getattr__(name: str) -> _Any:
    if name in _PACKAGES:
        return _importlib.import_module(f"{__name__}.{name}")
    if name == "vmap":
        return _importlib.import_module(f"{__name__}.func").vmap
    raise AttributeError(_missing(f"module '{__name__}'", name, (*globals(), *_PACKAGES)))


def __dir__() -> list[str]:
    return sorted({*globals(), *_PACKAGES})
