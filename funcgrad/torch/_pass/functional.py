"""From functions of Tensors to funcgrad's functions of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad.core.avals import REMEDIES
from funcgrad.core.trace import Tracer
from funcgrad.torch._record.modes import own_tape
from funcgrad.torch._record.tape import raw
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.transforms.guests import HOSTS


def to_functional(
    fn: Callable[..., Any], *tensors: Tensor
) -> tuple[Callable[..., Any], tuple[np.ndarray, ...], tuple[int, ...]]:
    """A function of Tensors as a pure function of arrays.

    Tensors that `fn` closes over are constants, whether or not they require grad.

    Args:
        fn: takes the tensors and returns one, or a tuple, list or dict of them.
        tensors: its arguments.

    Returns:
        ``(pure_fn, args, argnums)``: the function of arrays, the tensors' values (copies), and the positions
        of those that require a gradient. ``funcgrad.grad(pure_fn, argnums)(*args)`` equals what
        ``fn(*tensors).backward()`` leaves in their ``grad``: `detach` and `no_grad` become `stop_gradient`,
        an `autograd.Function` a `custom_vjp`.

    Example:
        >>> import funcgrad as fg
        >>> import funcgrad.torch as torch
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> pure, args, argnums = to_functional(lambda x: (x * x.detach()).sum(), x)
        >>> fg.grad(pure, argnums)(*args)
        (array([1., 2.], dtype=float32),)
    """
    requires = [t.requires_grad for t in tensors]

    def pure_fn(*arrays: Any) -> Any:
        with own_tape():
            inputs = []
            for array, required in zip(arrays, requires, strict=True):
                t = fresh(_copied(array))
                if required:
                    t._make_leaf("to_functional")
                inputs.append(t)
            return _values(fn(*inputs))

    return (
        pure_fn,
        tuple(_copied(raw(t._read())) for t in tensors),
        tuple(i for i, r in enumerate(requires) if r),
    )


REMEDIES[Tensor] = (
    "x.detach().numpy() for a function of arrays. Functions of Tensors, to which fg.grad, fg.vmap, fg.jit and their "
    "kin give Tensors where the caller does, compute with Tensors alone; torch.to_functional makes them functions of "
    "arrays"
)


def _host(name: str, call: Callable[..., Any], fun: Callable[..., Any], given: Any) -> Any:
    from funcgrad.torch.func.hosting import host  # with `torch.func`, which most programs do not need

    return host(name, call, fun, given)


HOSTS[Tensor] = _host


def _copied(value: Any) -> Any:
    return value if isinstance(value, Tracer) else np.array(value)


def _values(out: Any) -> Any:
    if isinstance(out, Tensor):
        return raw(out._read())
    if isinstance(out, dict):
        return {k: _values(v) for k, v in out.items()}
    if isinstance(out, (tuple, list)):
        return type(out)(map(_values, out)) if not hasattr(out, "_fields") else type(out)(*map(_values, out))
    return out
