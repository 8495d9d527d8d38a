"""`torch.func`: derivatives and batches of functions of Tensors, and modules as functions of their parameters."""

from funcgrad.torch.func.batches import vmap
from funcgrad.torch.func.derivatives import grad, grad_and_value, hessian, jacrev, vjp
from funcgrad.torch.func.forward import jacfwd, jvp, linearize
from funcgrad.torch.func.modules import functional_call, stack_module_state

_INSTEAD = {
    "functionalize": "funcgrad.torch.to_functional",
    "debug_unwrap": "print, which shows the numbers that are known",
}


def __getattr__(name: str) -> object:
    if name in _INSTEAD:
        raise AttributeError(f"funcgrad.torch.func has no {name}: use {_INSTEAD[name]}")
    raise AttributeError(f"module 'funcgrad.torch.func' has no attribute '{name}'")
