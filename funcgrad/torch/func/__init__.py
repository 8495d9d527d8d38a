"""`torch.func`: derivatives and batches of functions of Tensors, and modules as functions of their parameters."""

import typing as _typing

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import public_names as _public_names
from funcgrad.torch._ops.table import tells_nearest as _tells_nearest
from funcgrad.torch.func.batches import vmap as vmap
from funcgrad.torch.func.derivatives import grad as grad
from funcgrad.torch.func.derivatives import grad_and_value as grad_and_value
from funcgrad.torch.func.derivatives import hessian as hessian
from funcgrad.torch.func.derivatives import jacrev as jacrev
from funcgrad.torch.func.derivatives import vjp as vjp
from funcgrad.torch.func.forward import jacfwd as jacfwd
from funcgrad.torch.func.forward import jvp as jvp
from funcgrad.torch.func.forward import linearize as linearize
from funcgrad.torch.func.modules import functional_call as functional_call
from funcgrad.torch.func.modules import functionalize as functionalize
from funcgrad.torch.func.modules import replace_all_batch_norm_modules_ as replace_all_batch_norm_modules_
from funcgrad.torch.func.modules import stack_module_state as stack_module_state

_INSTEAD = {
    "rearrange": "reshape and permute",
    "debug_unwrap": "print, which shows the numbers that are known",
}

globals().update(_entrances(globals()))
__all__ = _public_names(globals())
if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__, _INSTEAD)


def __dir__() -> list[str]:
    return __all__
