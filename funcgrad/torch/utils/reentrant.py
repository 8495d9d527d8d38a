"""`checkpoint(..., use_reentrant=True)`: a function without an entry, and a backward pass inside of a backward pass."""

from __future__ import annotations

from typing import Any

from funcgrad.core.warned import warn
from funcgrad.torch._pass.backward import backward as pass_back
from funcgrad.torch._pass.current import current
from funcgrad.torch._pass.function import Function
from funcgrad.torch._record.modes import enable_grad
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.utils.randomness import random_numbers, random_state

NO_INPUT = "None of the inputs have requires_grad=True. Gradients will be None"
NO_OUTPUT = "none of output has requires_grad=True, this checkpoint() is not necessary"
ONLY_BACKWARD = (
    "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` parameter to "
    ".backward(). To resolve this error, you can either set use_reentrant=False, or call .backward() without passing "
    "the `inputs` argument."
)


class CheckpointFunction(Function):
    """Calls a function unrecorded; its backward calls it again, on the inputs cut off what they were computed from, and
    passes back from there: the gradients of inputs are returned, those of other leaves are added to their `grad`."""

    @staticmethod
    def forward(ctx: Any, run_function: Any, preserve_rng_state: bool, *args: Any) -> Any:
        if not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            warn(NO_INPUT)
        ctx.run_function = run_function
        ctx.state = random_state() if preserve_rng_state else None
        ctx.others = [None if isinstance(a, Tensor) else a for a in args]
        ctx.places = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.save_for_backward(*(args[i] for i in ctx.places))
        return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        outer = current()
        if outer.wanted is not None or not outer.accumulates:
            raise RuntimeError(ONLY_BACKWARD)
        inputs = list(ctx.others)
        for place, saved in zip(ctx.places, ctx.saved_tensors):
            inputs[place] = saved.detach()
            inputs[place].requires_grad = saved.requires_grad
        with enable_grad(), random_numbers(ctx.state):
            outputs = ctx.run_function(*inputs)
        outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
        pairs = [(y, g) for y, g in zip(outputs, grads) if isinstance(y, Tensor) and y.requires_grad]
        if not pairs:
            raise RuntimeError(NO_OUTPUT)
        pass_back([y for y, _ in pairs], [g for _, g in pairs])
        return None, None, *(a.grad if isinstance(a, Tensor) else None for a in inputs)
