"""What is said of attributes that traced arrays do not have: PyTorch's, JAX's and autograd's have something instead."""

from __future__ import annotations

import numpy as np

from funcgrad.core import provenance

MEMORY = {
    "ctypes": "An array of numbers for C code is fg.stop_gradient(x).",
    "data": "An array whose memory can be read is fg.stop_gradient(x).",
    "flags": "How it lies in memory is NumPy's, where the function runs on plain arrays.",
    "strides": "Take windows by indices, x[np.arange(n)[:, None] + np.arange(width)].",
}
"""Attributes of arrays that describe memory, and what to write."""
_AS_IT_IS = "x as it is: arrays are NumPy's"
_AT_THE_CALL = "fg.grad(f)(x), which returns the gradient: what is differentiated is said at the call"
_INSTEAD = {
    "_value": "print(x), which shows the value",
    "detach": "fg.stop_gradient(x)",
    "clone": "x.copy()",
    "numel": "x.size",
    "dim": "x.ndim",
    "double": "x.astype(float)",
    "float": "x.astype(np.float32)",
    "long": "x.astype(int)",
    "to": "x.astype(dtype)",
    "type": "x.astype(dtype)",
    "unsqueeze": "np.expand_dims(x, axis)",
    "permute": "np.transpose(x, axes)",
    "expand": "np.broadcast_to(x, shape)",
    "expand_as": "np.broadcast_to(x, y.shape)",
    "norm": "np.linalg.norm(x)",
    "mm": "x @ y",
    "mul": "x * y",
    "sub": "x - y",
    "div": "x / y",
    **{name: f"fg.nn.{name}(x)" for name in ("relu", "sigmoid", "softmax", "log_softmax", "logsumexp")},
    **dict.fromkeys(("numpy", "cpu", "cuda", "contiguous", "values", "block_until_ready"), _AS_IT_IS),
    **dict.fromkeys(("backward", "grad", "grad_fn", "requires_grad", "requires_grad_", "retain_grad"), _AT_THE_CALL),
}


def words(name: str) -> str:
    """What the AttributeError says. Python adds the nearest name when it prints it."""
    if name in MEMORY:
        where = provenance.at(provenance.here())
        return f"a traced value has no `{name}`: it is no piece of memory{where}. {MEMORY[name]}"
    instead = _INSTEAD.get(name) or (f"np.{name}(x)" if callable(vars(np).get(name)) else "")
    return f"a traced array has no attribute {name!r}" + (f": use {instead}" if instead else "")
