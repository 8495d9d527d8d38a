"""The older name of `torch.func.functional_call`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from funcgrad.core.warned import warn
from funcgrad.names import own_names as _own_names
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.modules.module import Module

DEPRECATED = (
    "`torch.nn.utils.stateless.functional_call` is deprecated as of PyTorch 2.0 and will be removed in a future "
    "version of PyTorch. Please use `torch.func.functional_call` instead which is a drop-in replacement."
)


def functional_call(
    module: Module,
    parameters_and_buffers: Mapping[str, Tensor],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """`torch.func.functional_call`, with a FutureWarning."""
    from funcgrad.torch import func  # which is made of modules too

    warn(DEPRECATED, FutureWarning)
    return func.functional_call(
        module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict
    )


__all__ = _own_names(globals())


def __dir__() -> list[str]:
    return __all__
