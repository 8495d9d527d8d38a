"""`torch.autograd.functional`: Jacobians, Hessians and their products with vectors, of functions of Tensors.

As in PyTorch they are made of backward passes: a product from the right differentiates one with respect to the
weights of the outputs, which it is linear in. `vectorize` and `strategy` change no values: PyTorch refuses some of
their combinations, and a result in forward mode requires grad where the inputs do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from funcgrad.torch._ops.create import ones_like, zeros_like
from funcgrad.torch._ops.join import stack
from funcgrad.torch._pass.backward import grad
from funcgrad.torch._record.modes import enable_grad
from funcgrad.torch._tensor.tensor import Tensor

Function = Callable[..., Any]
OUTPUTS = "outputs of the user-provided function"


def _tuple_of(x: Any, what: str, function: str) -> tuple[bool, tuple[Tensor, ...]]:
    """Whether there are several, and all of them; PyTorch's error for what is no tensor."""
    several = isinstance(x, tuple)
    found = x if several else (x,)
    for i, t in enumerate(found):
        if not isinstance(t, Tensor):
            if several:
                raise TypeError(
                    f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the value at "
                    f"index {i} has type {type(t)}."
                )
            raise TypeError(
                f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the given {what} "
                f"has type {type(t)}."
            )
    return several, found


def _inputs(inputs: Any, create: bool, function: str) -> tuple[bool, tuple[Tensor, ...]]:
    """The inputs, to be differentiated by: in place of the user's, unless the result is to be recorded."""
    several, given = _tuple_of(inputs, "inputs", function)
    if create:
        return several, tuple(t.view_as(t) if t.requires_grad else t.detach().requires_grad_() for t in given)
    return several, tuple(t.detach().requires_grad_() for t in given)


def _checked(outputs: Sequence[Tensor], strict: bool) -> None:
    for i, out in enumerate(outputs):
        if strict and not out.requires_grad:
            raise RuntimeError(
                f"Output {i} of the user-provided function does not require gradients. The outputs must be computed in "
                "a differentiable manner from the input when running in strict mode."
            )


def _gradients(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], weights: Sequence[Tensor] | None, strict: bool, what: str
) -> tuple[Tensor, ...]:
    """Recorded gradients; zeros where an output does not depend on an input, or an error in strict mode."""
    kept = [i for i, out in enumerate(outputs) if out.requires_grad]
    found: tuple[Tensor | None, ...] = (None,) * len(inputs)
    if kept:
        chosen = None if weights is None else [weights[i] for i in kept]
        found = grad([outputs[i] for i in kept], inputs, chosen, create_graph=True, allow_unused=True)
    for i, g in enumerate(found):
        if strict and g is None:
            raise RuntimeError(what.format(i))
    return tuple(zeros_like(x) if g is None else g for g, x in zip(found, inputs))


def _vector(v: Any, like: tuple[Tensor, ...], function: str, whose: str) -> tuple[Tensor, ...]:
    """The vector of a product, checked."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(f"The vector v can only be None if {whose} a single Tensor with a single element.")
        return (ones_like(like[0]),)
    _, given = _tuple_of(v, "v", function)
    if len(given) != len(like):
        raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(given)}.")
    for i, (t, x) in enumerate(zip(given, like)):
        if t.shape != x.shape:
            entry = f"Entry {i} in v" if len(like) > 1 else "v"
            raise RuntimeError(f"{entry} has invalid size: should be {x.shape} but got {t.shape}.")
    return given


def _result(found: Sequence[Tensor], several: bool, create: bool) -> Any:
    kept = tuple(found) if create else tuple(t.detach() for t in found)
    return kept if several else kept[0]


DEPENDS = "The user-provided function is independent of input {0}. This is not allowed in strict mode."
DEPENDS_TWICE = (
    "While computing the hessian, found that the jacobian of the user-provided function with respect to input {0} is "
    "independent of the input. This is not allowed in strict mode. You should ensure that your function is twice "
    "differentiable and that the jacobian depends on the inputs (this would be violated by a linear function for "
    "example)."
)
FORWARD, REVERSE = "forward-mode", "reverse-mode"
NOT_TOGETHER = (
    "torch.autograd.functional.jacobian: `{0}=True` and `{1}` are not supported together{2}. Please either set "
    "`{0}=False` or `{3}`."
)
ONLY_VECTORIZED = (
    "Computing Jacobian using forward-AD or forward-over-reverse Hessian isonly implemented for `vectorize=True`."
)


def vjp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The value of `func(*inputs)`, and the product of `v` with its Jacobian."""
    with enable_grad():
        several, xs = _inputs(inputs, create_graph, "vjp")
        several_out, outputs = _tuple_of(func(*xs), OUTPUTS, "vjp")
        _checked(outputs, strict)
        weights = _vector(v, outputs, "vjp", "the user-provided function returns")
        found = _gradients(outputs, xs, weights, strict, DEPENDS)
    return _result(outputs, several_out, create_graph), _result(found, several, create_graph)


def jvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The value of `func(*inputs)`, and the product of its Jacobian with `v`."""
    with enable_grad():
        _, xs = _inputs(inputs, create_graph, "jvp")
        vector = _vector(v, xs, "jvp", "the input to the user-provided function is")
        several_out, outputs = _tuple_of(func(*xs), OUTPUTS, "jvp")
        _checked(outputs, strict)
        weights = tuple(zeros_like(y).requires_grad_() for y in outputs)
        transposed = _gradients(outputs, xs, weights, strict, DEPENDS)
        found = _gradients(transposed, weights, vector, False, DEPENDS)
    return _result(outputs, several_out, create_graph), _result(found, several_out, create_graph)


def _scalar(outputs: tuple[Tensor, ...], several: bool, function: str) -> None:
    if several or len(outputs) != 1:
        raise RuntimeError(f"The function given to {function} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {function} should contain a single element")


def _times_hessian(function: str, func: Function, inputs: Any, v: Any, create_graph: bool, strict: bool) -> Any:
    with enable_grad():
        several, xs = _inputs(inputs, create_graph, function)
        vector = _vector(v, xs, function, "the input to the user-provided function is")
        several_out, outputs = _tuple_of(func(*xs), OUTPUTS, function)
        _scalar(outputs, several_out, function)
        _checked(outputs, strict)
        first = _gradients(outputs, xs, None, strict, DEPENDS)
        found = _gradients(first, xs, vector, strict, DEPENDS_TWICE)
    return _result(outputs, False, create_graph), _result(found, several, create_graph)


def vhp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The value of a scalar function, and the product of `v` with its Hessian."""
    return _times_hessian("vhp", func, inputs, v, create_graph, strict)


def hvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The value of a scalar function, and the product of its Hessian with `v`: as `vhp`, the Hessian is symmetric."""
    return _times_hessian("hvp", func, inputs, v, create_graph, strict)


def _settled(inputs: Any, create: bool, strict: bool, vectorize: bool, strategy: str) -> bool:
    """Whether a Jacobian is recorded: PyTorch's errors for what it does not do together."""
    if strategy not in (FORWARD, REVERSE):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more outputs '
            'than inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".'
        )
    if strategy == FORWARD:
        forward = f'strategy="{FORWARD}"', " (yet)", f'strategy="{REVERSE}"'
        if create:
            raise NotImplementedError(NOT_TOGETHER.format("create_graph", *forward))
        if strict:
            raise RuntimeError(NOT_TOGETHER.format("strict", *forward))
        if not vectorize:
            raise NotImplementedError(ONLY_VECTORIZED)
        return any(t.requires_grad for t in _tuple_of(inputs, "inputs", "jacobian")[1])
    return create


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of `func` at `inputs`, of shape `output.shape + input.shape`; a tuple of them for several inputs,
    and a tuple of these for several outputs.

    >>> import funcgrad.torch as torch
    >>> torch.autograd.functional.jacobian(lambda x: x * x, torch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    create_graph = _settled(inputs, create_graph, strict, vectorize, strategy)
    with enable_grad():
        several, xs = _inputs(inputs, create_graph, "jacobian")
        several_out, outputs = _tuple_of(func(*xs), OUTPUTS, "jacobian")
        _checked(outputs, strict)
        if strict and vectorize:
            raise RuntimeError(NOT_TOGETHER.format("strict", "vectorized=True", "", "vectorize=False"))
        rows = []
        for y in outputs:
            elements = [_gradients([e], xs, None, strict, DEPENDS) for e in y.reshape(-1)]
            columns = [
                stack([row[i] for row in elements]).reshape(tuple(y.shape) + tuple(x.shape)) for i, x in enumerate(xs)
            ]
            rows.append(_result(columns, several, create_graph))
    return tuple(rows) if several_out else rows[0]


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a scalar function: a tensor of shape `input.shape + input.shape`, or a tuple of tuples of them."""
    several, _ = _tuple_of(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in (FORWARD, REVERSE):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')

    def first(*xs: Tensor) -> Any:
        several_out, outputs = _tuple_of(func(*xs), OUTPUTS, "hessian")
        _scalar(outputs, several_out, "hessian")
        _checked(outputs, strict)
        found = _gradients([outputs[0].reshape(())], xs, None, strict, DEPENDS)
        for i, g in enumerate(found):
            if strict and not g.requires_grad:
                raise RuntimeError(DEPENDS_TWICE.format(i))
        return found if several else found[0]

    return jacobian(first, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def __dir__() -> list[str]:
    return __all__
