"""PyTorch's tensors over funcgrad: `import funcgrad.torch as torch`.

Values are NumPy's, derivatives funcgrad's; names, dtypes, errors and the rules of `requires_grad`, `grad`,
`backward` and writing in place are PyTorch's. `to_functional` leads from a function of Tensors to
`funcgrad.grad`. docs/torch.md lists what there is; editors read it from `__init__.pyi`.
"""

import importlib as _importlib
import math as _math
from typing import Any as _Any

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import public_names as _public_names
from funcgrad.torch import autograd as autograd
from funcgrad.torch._compile.compiled import compile
from funcgrad.torch._explain import explain
from funcgrad.torch._ops import methods as _methods  # attaches the methods of Tensor
from funcgrad.torch._ops.generator import Generator
from funcgrad.torch._ops.legacy import (
    BoolTensor,
    ByteTensor,
    CharTensor,
    DoubleTensor,
    FloatTensor,
    HalfTensor,
    IntTensor,
    LongTensor,
    ShortTensor,
    set_default_tensor_type,
)
from funcgrad.torch._ops.table import functions_of as _functions_of
from funcgrad.torch._ops.table import tells_nearest as _tells_nearest
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
from funcgrad.torch._tensor.devices import get_default_device, set_default_device
from funcgrad.torch._tensor.dtypes import (
    bfloat16,
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
    uint16,
    uint32,
    uint64,
)
from funcgrad.torch._tensor.formats import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    strided,
)
from funcgrad.torch._tensor.printing import set_printoptions
from funcgrad.torch._tensor.saving import load, save
from funcgrad.torch._tensor.settings import (
    are_deterministic_algorithms_enabled,
    get_float32_matmul_precision,
    get_num_threads,
    is_warn_always_enabled,
    set_float32_matmul_precision,
    set_num_threads,
    set_warn_always,
    typename,
    use_deterministic_algorithms,
)
from funcgrad.torch._tensor.sizes import Size
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.version import __version__ as __version__

e, inf, nan, pi = _math.e, _math.inf, _math.nan, _math.pi
newaxis = None
globals().update(_functions_of())

_PACKAGES = (
    "_dynamo", "accelerator", "amp", "backends", "compiler", "cpu", "cuda", "distributed", "distributions", "fft",
    "func", "jit", "linalg", "nn", "optim", "overrides", "random", "signal", "special", "testing", "types", "utils",
    "version",
)  # fmt: skip
"""Imported when they are asked for: distributions take SciPy."""
_ELSEWHERE = {"vmap": "func", "autocast": "amp"} | dict.fromkeys(
    (
        "clear_autocast_cache", "get_autocast_dtype", "is_autocast_cache_enabled", "is_autocast_enabled",
        "set_autocast_cache_enabled", "set_autocast_dtype", "set_autocast_enabled",
    ),
    "amp.autocast_mode",
)  # fmt: skip
"""Names that packages have too."""
_REMOVED = {
    "eig": "torch.linalg.eig", "lstsq": "torch.linalg.lstsq", "matrix_rank": "torch.linalg.matrix_rank",
    "solve": "torch.linalg.solve(A, b)", "symeig": "torch.linalg.eigh",
}  # fmt: skip
"""Names that raise an error in PyTorch too, and what is written instead."""

globals().update(_entrances(globals()))
__all__ = _public_names(globals())


def __getattr__(name: str) -> _Any:
    if name in _PACKAGES:
        return _importlib.import_module(f"{__name__}.{name}")
    if name in _ELSEWHERE:
        return getattr(_importlib.import_module(f"{__name__}.{_ELSEWHERE[name]}"), name)
    if not name.startswith("_") and name in _layers():
        return _layers()[name]
    return _tells_nearest(__name__, __dir__(), _REMOVED)(name)


def _layers() -> dict[str, _Any]:
    """What is in `torch` and in `torch.nn.functional`, which is imported when somebody asks for such a name."""
    return _importlib.import_module(f"{__name__}.nn.functional.native").LAYERS


def __dir__() -> list[str]:
    packages = (name for name in _PACKAGES if not name.startswith("_"))
    return sorted({*__all__, *packages, "autograd", *_layers(), *_ELSEWHERE, "__version__"})
