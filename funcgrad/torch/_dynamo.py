"""`torch._dynamo`: what programs say to PyTorch's compiler, as far as it means something here."""

from __future__ import annotations

from funcgrad.torch._compile.config import config as config
from funcgrad.torch.compiler import disable as disable
from funcgrad.torch.compiler import is_compiling as is_compiling
from funcgrad.torch.compiler import reset as reset
