"""The names under which Python's errors about arguments know the methods of modules, which are PyTorch's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from funcgrad.torch.nn.modules.module import Module

SHARED = {
    "__init__": (
        (r"(AdaptiveAvgPool|AdaptiveMaxPool|LPPool|MaxPool)\dd", r"_\1Nd"),
        (r"(Feature)?(Alpha)?Dropout(\dd)?", "_DropoutNd"),
        (r"BCELoss|MultiLabelSoftMarginLoss", "_WeightedLoss"),
        (r"(L1|MSE|MultiLabelMargin|SoftMargin)Loss", "_Loss"),
        (r"(Batch|Instance)Norm\dd", r"_\1Norm"),
        (r"Lazy(Batch|Instance)Norm\dd", "_LazyNormBase"),
    ),
    "forward": (
        (r"(Circular|Constant|Reflection|Replication)Pad\dd", r"_\1PadNd"),
        (r"(?:Lazy)?(Batch|Instance)Norm\dd", r"_\1Norm"),
        (r"ZeroPad\dd", "_ConstantPadNd"),
        (r"Lazy(Conv\dd|ConvTranspose\dd)", r"\1"),
    ),
}
"""Classes that have a method from a class of another name; all others of `OWN` have one of their own."""
OWN = re.compile(r"_|(Dropout|RNNBase|RNNCellBase)\b")
"""The classes here whose methods other classes have as their own."""


def titled(names: Mapping[str, Any]) -> None:
    """Give the modules among these names methods that are called as PyTorch's."""
    for name, module in names.items():
        if isinstance(module, type) and issubclass(module, Module) and name == module.__name__:
            for method in SHARED:
                _title(module, method)


def _title(module: type[Module], method: str) -> None:
    shared: Any = getattr(module, method)
    owner = next((re.sub(k, o, module.__name__) for k, o in SHARED[method] if re.fullmatch(k, module.__name__)), None)
    if owner is None and not OWN.match(shared.__qualname__):
        return
    called = FunctionType(
        shared.__code__, shared.__globals__, shared.__name__, shared.__defaults__, shared.__closure__
    )
    called.__dict__.update(shared.__dict__)
    called.__kwdefaults__, called.__annotations__ = shared.__kwdefaults__, shared.__annotations__
    called.__doc__, called.__module__ = shared.__doc__, shared.__module__
    called.__qualname__ = f"{owner or module.__name__}.{method}"
    setattr(module, method, called)
