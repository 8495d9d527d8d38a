"""`torch.autograd`: gradients on demand, and operations with rules of one's own."""

import sys as _sys

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import public_names as _public_names
from funcgrad.torch._pass import derivatives as functional
from funcgrad.torch._pass import forward_ad as forward_ad
from funcgrad.torch._pass import function as function
from funcgrad.torch._pass import grad_mode as grad_mode
from funcgrad.torch._pass import graph as graph
from funcgrad.torch._pass.anomaly import detect_anomaly as detect_anomaly
from funcgrad.torch._pass.anomaly import set_detect_anomaly as set_detect_anomaly
from funcgrad.torch._pass.backward import backward as backward
from funcgrad.torch._pass.backward import grad as grad
from funcgrad.torch._pass.function import Function as Function
from funcgrad.torch._pass.gradcheck import GradcheckError as GradcheckError
from funcgrad.torch._pass.gradcheck import gradcheck as gradcheck
from funcgrad.torch._pass.gradcheck import gradgradcheck as gradgradcheck
from funcgrad.torch._pass.variable import Variable as Variable
from funcgrad.torch._record.modes import enable_grad as enable_grad
from funcgrad.torch._record.modes import inference_mode as inference_mode
from funcgrad.torch._record.modes import no_grad as no_grad
from funcgrad.torch._record.modes import set_grad_enabled as set_grad_enabled

globals().update(_entrances(globals()))
__all__ = _public_names(globals(), "forward_ad", "function", "functional", "grad_mode", "graph")
_MODULES = {
    "functional": functional, "forward_ad": forward_ad, "function": function, "grad_mode": grad_mode, "graph": graph,
}  # fmt: skip
_sys.modules.update({f"{__name__}.{name}": module for name, module in _MODULES.items()})
"""Under PyTorch's names too, so that `from torch.autograd.functional import jacobian` finds them."""


def __dir__() -> list[str]:
    return __all__
