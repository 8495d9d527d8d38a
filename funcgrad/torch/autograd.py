"""`torch.autograd`: gradients on demand, and operations with rules of one's own."""

from funcgrad.torch import function as function
from funcgrad.torch.engine import backward as backward
from funcgrad.torch.engine import grad as grad
from funcgrad.torch.function import Function as Function
from funcgrad.torch.modes import enable_grad as enable_grad
from funcgrad.torch.modes import inference_mode as inference_mode
from funcgrad.torch.modes import no_grad as no_grad
from funcgrad.torch.modes import set_grad_enabled as set_grad_enabled
