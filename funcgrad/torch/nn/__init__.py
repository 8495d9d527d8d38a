"""`torch.nn`: modules, their functions, initial weights and utilities. Python over the names of `funcgrad.torch`."""

from typing import Any as _Any

from funcgrad.torch._ops.table import missing as _missing
from funcgrad.torch.nn import functional as functional
from funcgrad.torch.nn import init as init
from funcgrad.torch.nn import modules as modules
from funcgrad.torch.nn import utils as utils
from funcgrad.torch.nn.modules import *  # noqa: F403
from funcgrad.torch.nn.parameter import Buffer as Buffer
from funcgrad.torch.nn.parameter import Parameter as Parameter
from funcgrad.torch.nn.parameter import UninitializedBuffer as UninitializedBuffer
from funcgrad.torch.nn.parameter import UninitializedParameter as UninitializedParameter


def __getattr__(name: str) -> _Any:
    raise AttributeError(_missing("module 'funcgrad.torch.nn'", name, globals()))
