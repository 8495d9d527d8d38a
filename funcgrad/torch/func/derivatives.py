"""Reverse mode of functions of Tensors: funcgrad's `grad`, `vjp` and `jacrev`, and PyTorch's checks."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from funcgrad import tree
from funcgrad.core.frames import hiding
from funcgrad.torch._pass.saved import disable_saved_tensors_hooks
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.func.arguments import Argnums, chosen_of, floating, refuse_complex
from funcgrad.torch.func.forward import jacfwd, pure_of
from funcgrad.torch.func.trees import (
    Given,
    Writes,
    differentiably,
    outputs_of,
    recording,
    shape_of,
    tensors_of,
    values_of,
)
from funcgrad.transforms import api, dense

REVERSE = "vjp(f, *primals): expected f(*primals) to return only tensors, got unsupported type {}"
OF_GRAD = "grad_and_value(f)(*args): "
NO_HOOKS = (
    "torch.func.{grad, vjp, jacrev, hessian} don't yet support saved tensor hooks. Please open an issue with your use "
    "case."
)


def reversing(fun: Callable[..., Any], *args: Any, given: Any = ()) -> Any:
    """Call a transformation of reverse mode, in which there are no hooks on what is saved."""
    with disable_saved_tensors_hooks(NO_HOOKS):
        return recording("derivative", fun, *args, given=given)


def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The gradient of a function that returns a Tensor of no dimensions.

    Args:
        func: takes Tensors, or trees of them (lists, tuples, dicts), and whatever else.
        argnums: which arguments to differentiate by: one, or a tuple.
        has_aux: `func` returns ``(output, aux)``, and the result is ``(gradient, aux)``.

    >>> import funcgrad.torch as torch
    >>> grad(lambda x: (x * x).sum())(torch.tensor([1.0, 2.0]))
    tensor([2., 4.])
    """
    both = grad_and_value(func, argnums, has_aux)

    @hiding
    @wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """`grad`, with the function's value: ``(gradient, value)``, or ``(gradient, (value, aux))``."""

    @hiding
    @wraps(func)
    def both(*args: Any, **kwargs: Any) -> Any:
        chosen, of_chosen = chosen_of(func, argnums, args, kwargs)
        writes = Writes(chosen)

        def pure(*values: Any) -> Any:
            differentiated = Given(values)
            out = of_chosen(differentiated.tensors)
            if has_aux and not (isinstance(out, tuple) and len(out) == 2):
                raise RuntimeError(f"{OF_GRAD}output of function f should be a tuple: (output, aux) if has_aux is True")
            out, aux = out if has_aux else (out, ())
            _check_scalar(out)
            aux = outputs_of(aux, "grad: expected aux to hold only tensors, got {}")
            return out._read(), (aux, writes.of(differentiated))

        count = tuple(range(len(chosen)))
        of_values = api.value_and_grad(pure, count, has_aux=True)
        (value, (aux, new)), found = reversing(of_values, *floating(chosen), given=(args, kwargs))
        writes.store(new)
        value, aux, found = tensors_of((value, aux, found))
        found = found[0] if isinstance(argnums, int) else found
        return found, ((value, aux) if has_aux else value)

    return both


def _check_scalar(out: Any) -> None:
    if not isinstance(out, Tensor):
        raise RuntimeError(f"{OF_GRAD}Expected f(*args) to return a Tensor, got {type(out)}")
    if out.dim() != 0:
        raise RuntimeError(
            f"{OF_GRAD}Expected f(*args) to return a scalar Tensor, got tensor with {out.dim()} dims. Maybe you wanted "
            "to use the vjp or jacrev APIs instead?"
        )


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The output, and a function from its cotangents to those of the primals, which is a tuple.

    >>> import funcgrad.torch as torch
    >>> out, pull = vjp(lambda x: x * x, torch.tensor([1.0, 2.0]))
    >>> pull(torch.ones(2))
    (tensor([2., 4.]),)
    """

    writes = Writes(primals)
    pure = pure_of(func, has_aux, REVERSE, writes)
    # `recording` takes trees of values: the function among them is kept apart
    pulls: list[Callable[..., Any]] = []

    def forward(*values: Any) -> Any:
        out, pull, aux = api.vjp(pure, *values, has_aux=True)
        pulls.append(pull)
        return out, *aux

    out, new, *aux = reversing(forward, *floating(primals))
    writes.store(new)

    def pulled(cotangents: Any, *more: Any) -> Any:
        given = (cotangents, *more) if more else cotangents
        _check_cotangents(given, out)
        values = tree.map(lambda ct, v: ct.astype(v.dtype), values_of(given), out)
        return tensors_of(differentiably(pulls[0], values))

    return (tensors_of(out), pulled, *tensors_of(tuple(aux)))


def _check_cotangents(cotangents: Any, out: Any) -> None:
    if tree.structure(cotangents) != tree.structure(out):
        raise RuntimeError(
            "Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. "
            f"cotangents: {shape_of(cotangents)}, primal output: {shape_of(out)}"
        )
    for i, (ct, v) in enumerate(zip(tree.leaves(cotangents), tree.leaves(out))):
        if isinstance(ct, Tensor) and ct.shape != tuple(v.shape):
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{i}] has a shape of {ct.shape} and output[{i}] has a shape of "
                f"torch.Size({list(v.shape)})."
            )


def jacrev(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """The Jacobian by reverse mode: for each output and each argument a Tensor of both shapes.

    `chunk_size`, which bounds PyTorch's memory, changes nothing here.
    """

    @hiding
    @wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        chosen, of_chosen = chosen_of(func, argnums, args, kwargs)
        writes = Writes(chosen)
        pure = pure_of(lambda *xs: of_chosen(xs), has_aux, REVERSE, writes)
        given = floating(chosen)
        refuse_complex("jacrev", given, "input")
        places = 0 if isinstance(argnums, int) else tuple(range(len(chosen)))
        by_rows = dense.jacrev(pure, places, has_aux=True)
        found, (new, *aux) = reversing(by_rows, *given, given=(args, kwargs))
        writes.store(new)
        return tensors_of((found, *aux) if has_aux else found)

    return jacobian


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The second derivatives: `jacfwd` of `jacrev`.

    >>> import funcgrad.torch as torch
    >>> hessian(lambda x: (x**3).sum())(torch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)
