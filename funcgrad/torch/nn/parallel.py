"""`torch.nn.parallel`: a module on several devices, of which there is one."""

from __future__ import annotations

from typing import Any

from funcgrad.torch.nn.modules.module import Module


class DataParallel(Module):
    """A module as it is, under the name `module`: there are no devices to share a batch among.

    >>> import funcgrad.torch as torch
    >>> list(DataParallel(torch.nn.Linear(2, 1)).state_dict())
    ['module.weight', 'module.bias']
    """

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list[int] = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)
