"""`torch.autocast`, which is off: there is no CUDA, and NumPy does not compute as PyTorch in 16 bits on the CPU."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from funcgrad.core.warned import warn
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.devices import Device

NO_CUDA = "CUDA is not available or torch_xla is imported. Disabling autocast."
OTHER_DTYPE = (
    "In CPU autocast, but the target dtype is not supported. Disabling autocast.\n"
    "CPU Autocast only supports dtypes of torch.bfloat16, torch.float16 currently."
)
NO_CASTS = (
    "autocast('cpu') would compute products in {dtype}, for which NumPy has no arithmetic as PyTorch's: write "
    "autocast('cpu', enabled=False), or leave it out, and compute in the dtypes that the tensors have"
)
REDUCED = (dtypes.bfloat16, dtypes.float16)
AVAILABLE = ("cpu", "cuda", "mps", "xpu", "ipu", "hpu", "xla", "mtia", "maia", "privateuseone")
_FAST: dict[str, dtypes.dtype] = {"cpu": dtypes.bfloat16, "xla": dtypes.bfloat16, "hpu": dtypes.bfloat16}


class _State(threading.local):
    """What is cast to, if it were, on each kind of device."""

    def __init__(self) -> None:
        self.fast = dict(_FAST)
        self.cached = True


_state = _State()


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """False: nothing is cast."""
    Device(device_type)
    return False


def set_autocast_enabled(device_type: str, enabled: bool) -> None:
    """Off is what it is; on is an error, which says what to write instead."""
    Device(device_type)
    if enabled:
        raise NotImplementedError(NO_CASTS.format(dtype=get_autocast_dtype(device_type)))


def get_autocast_dtype(device_type: str) -> dtypes.dtype:
    """What `autocast` would cast to."""
    return _state.fast.get(Device(device_type).type, dtypes.float16)


def set_autocast_dtype(device_type: str, dtype: dtypes.dtype) -> None:
    """What `get_autocast_dtype` gives from now on."""
    _state.fast[Device(device_type).type] = dtype


def is_autocast_cache_enabled() -> bool:
    """What was set: there is nothing to keep."""
    return _state.cached


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Whether casts would be kept."""
    _state.cached = enabled


def clear_autocast_cache() -> None:
    """Nothing: no casts are kept."""


def is_autocast_available(device_type: str) -> bool:
    """Whether PyTorch has `autocast` for such devices."""
    return Device(device_type).type in AVAILABLE


class autocast:
    """Casting that is off, as a context or a decorator.

    For "cuda" it warns and casts nothing, as PyTorch does without CUDA. For "cpu" casting raises NotImplementedError,
    unless `enabled=False`.

    >>> import funcgrad.torch as torch
    >>> with torch.autocast("cpu", enabled=False):
    ...     (torch.ones(1, 1) @ torch.ones(1, 1)).dtype
    torch.float32
    """

    def __init__(
        self,
        device_type: str,
        dtype: dtypes.dtype | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        self.device = Device(device_type).type
        if not is_autocast_available(self.device):
            raise RuntimeError(f"User specified an unsupported autocast device_type '{self.device}'")
        self.fast_dtype = get_autocast_dtype(self.device) if dtype is None else dtype
        self._enabled = enabled and self._can_cast()
        self._cache_enabled = _state.cached if cache_enabled is None else cache_enabled

    def _can_cast(self) -> bool:
        """False with PyTorch's warning; an error where PyTorch casts."""
        if self.device == "cuda":
            warn(NO_CUDA, UserWarning)
        elif self.device == "cpu" and self.fast_dtype in REDUCED:
            raise NotImplementedError(NO_CASTS.format(dtype=self.fast_dtype))
        elif self.device == "cpu":
            warn(OTHER_DTYPE, UserWarning)
        return False

    def __enter__(self) -> autocast:
        self._before = (_state.fast.copy(), _state.cached)
        _state.fast[self.device], _state.cached = self.fast_dtype, self._cache_enabled
        return self

    def __exit__(self, *error: Any) -> None:
        _state.fast, _state.cached = self._before

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def inside(*args: Any, **options: Any) -> Any:
            with self:
                return function(*args, **options)

        return inside


def custom_fwd(
    fwd: Callable[..., Any] | None = None, *, device_type: str, cast_inputs: dtypes.dtype | None = None
) -> Callable[..., Any]:
    """A decorator of a Function's `forward`: what it would cast is not, as `autocast` is off."""
    _checked(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def forward(ctx: Any, *args: Any, **options: Any) -> Any:
        ctx._dtype, ctx._fwd_used_autocast = get_autocast_dtype(device_type), False
        return fwd(ctx, *args, **options)

    return forward


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str) -> Callable[..., Any]:
    """A decorator of a Function's `backward`, which runs with the `autocast` of its `forward`."""
    _checked(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def backward(ctx: Any, *args: Any) -> Any:
        with autocast(device_type, dtype=ctx._dtype, enabled=ctx._fwd_used_autocast):
            return bwd(ctx, *args)

    return backward


def _checked(device_type: Any) -> None:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
