"""`torch.nn.attention`: which kernel computes attention; here is one only, so that all choices compute the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from funcgrad.names import own_names as _own_names


class SDPBackend(Enum):
    """The kernels that PyTorch has."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(backends: list[SDPBackend] | SDPBackend, set_priority: bool = False) -> Iterator[None]:
    """Nothing changes within it. AssertionError for what is no SDPBackend, and no list.

    >>> import funcgrad.torch as torch
    >>> with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
    ...     torch.nn.functional.scaled_dot_product_attention(*[torch.ones(1, 2, 3)] * 3).shape
    torch.Size([1, 2, 3])
    """
    if not isinstance(backends, (list, SDPBackend)):
        raise AssertionError(
            "Backend must be an instance of SDPBackend or a list of SDPBackend instances, got "
            f"{type(backends).__name__}"
        )
    yield


__all__ = _own_names(globals())


def __dir__() -> list[str]:
    return __all__
