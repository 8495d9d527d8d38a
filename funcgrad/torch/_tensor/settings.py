"""Settings of PyTorch's that programs make: threads, warnings, and promises about precision and determinism.

Those about precision and determinism change nothing: sums are in the precision of their dtype, and always the same.
"""

from __future__ import annotations

import os
from typing import Any

from funcgrad.config import config
from funcgrad.core.warned import warn
from funcgrad.torch._tensor import messages
from funcgrad.torch._tensor.tensor import Tensor

PRECISIONS = ("highest", "high", "medium")


class _Promises:
    precision = "highest"
    deterministic = False


_promises = _Promises()


def get_num_threads() -> int:
    """How many threads a large kernel may use."""
    return config.threads or os.cpu_count() or 1


def set_num_threads(n: int) -> None:
    """How many threads a large kernel may use: `funcgrad.config.threads`."""
    if not isinstance(n, int) or isinstance(n, bool):
        raise RuntimeError(f"set_num_threads expects an int, but got {type(n).__name__}")
    if n <= 0:
        raise RuntimeError("set_num_threads expects a positive integer")
    config.threads = n


def get_float32_matmul_precision() -> str:
    """What was set; it changes nothing."""
    return _promises.precision


def set_float32_matmul_precision(precision: str) -> None:
    """ "highest", "high" or "medium", all of which mean float32 here."""
    if precision not in PRECISIONS:
        warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current"
            "setFloat32MatmulPrecision call has no effect.",
            UserWarning,
        )
        return
    _promises.precision = precision


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Nothing: all algorithms are deterministic."""
    _promises.deterministic = bool(mode)


def are_deterministic_algorithms_enabled() -> bool:
    """What was set; it changes nothing."""
    return _promises.deterministic


def set_warn_always(b: bool) -> None:
    """Whether warnings that are given once in a process are given each time."""
    messages.settings.always = bool(b)


def is_warn_always_enabled() -> bool:
    """Whether warnings that are given once in a process are given each time."""
    return messages.settings.always


def typename(obj: Any) -> str:
    """The type's name, of a Tensor with its dtype: "torch.FloatTensor"."""
    if isinstance(obj, Tensor):
        return f"torch.{obj.dtype.title}Tensor"
    kind = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(kind, "__module__", "") or ""
    module = module.replace("funcgrad.torch", "torch", 1)
    return kind.__qualname__ if module in ("", "builtins") else f"{module}.{kind.__qualname__}"
