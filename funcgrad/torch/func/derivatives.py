"""Derivatives of functions of Tensors: funcgrad's `grad`, `vjp`, `jvp`, `jacrev` and `jacfwd`, and PyTorch's checks."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from funcgrad import tree
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.func.trees import outputs_of, recording, tensors_of, values_of
from funcgrad.transforms import api, dense

Argnums = int | tuple[int, ...]
ONLY_TENSORS = "{}: expected {} to return only tensors, got unsupported type {{}}"
REVERSE = ONLY_TENSORS.format("vjp(f, *primals)", "f(*primals)")
FORWARD = ONLY_TENSORS.format("jvp(f, primals, tangents)", "f(*primals)")
OF_GRAD = "grad_and_value(f)(*args): "


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

    @wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """`grad`, with the function's value: ``(gradient, value)``, or ``(gradient, (value, aux))``."""

    @wraps(func)
    def both(*args: Any, **kwargs: Any) -> Any:
        chosen, of_chosen = _chosen(func, argnums, args, kwargs)

        def pure(*values: Any) -> Any:
            out = of_chosen(tensors_of(values))
            if has_aux and not (isinstance(out, tuple) and len(out) == 2):
                raise RuntimeError(f"{OF_GRAD}output of function f should be a tuple: (output, aux) if has_aux is True")
            out, aux = out if has_aux else (out, ())
            _check_scalar(out)
            return out._read(), outputs_of(aux, "grad: expected aux to hold only tensors, got {}")

        count = tuple(range(len(chosen)))
        of_values = api.value_and_grad(pure, count, has_aux=True)
        (value, aux), found = tensors_of(recording(of_values, *_floating(chosen)))
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


def _chosen(
    func: Callable[..., Any], argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], Callable[[tuple[Any, ...]], Any]]:
    """The arguments to differentiate by, and the function of them."""
    places = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for i in places:
        if not -len(args) <= i < len(args):
            raise RuntimeError(f"Got argnum={i}, but only {len(args)} positional inputs")

    def of_chosen(chosen: tuple[Any, ...]) -> Any:
        given = list(args)
        for i, x in zip(places, chosen):
            given[i] = x
        return func(*given, **kwargs)

    return tuple(args[i] for i in places), of_chosen


def _floating(x: Any) -> Any:
    """The values of what is differentiated by, which must be floating."""
    values = values_of(x)
    for leaf in tree.leaves(values):
        if leaf.dtype.kind not in "fc":
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
    return values


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The output, and a function from its cotangents to those of the primals, which is a tuple.

    >>> import funcgrad.torch as torch
    >>> out, pull = vjp(lambda x: x * x, torch.tensor([1.0, 2.0]))
    >>> pull(torch.ones(2))
    (tensor([2., 4.]),)
    """

    def pure(*values: Any) -> Any:
        out = func(*tensors_of(values))
        if not has_aux:
            return outputs_of(out, REVERSE)
        return outputs_of(out[0], REVERSE), outputs_of(out[1], REVERSE)

    # `recording` takes trees of values: the function among them is kept apart
    pulls: list[Callable[..., Any]] = []

    def forward(*values: Any) -> Any:
        out, pull, *aux = api.vjp(pure, *values, has_aux=has_aux)
        pulls.append(pull)
        return out, *aux

    out, *aux = recording(forward, *_floating(primals))

    def pulled(cotangents: Any, *more: Any) -> Any:
        given = (cotangents, *more) if more else cotangents
        _check_cotangents(given, out)
        values = tree.map(lambda ct, v: ct.astype(v.dtype), values_of(given), out)
        return tensors_of(recording(pulls[0], values))

    return (tensors_of(out), pulled, *tensors_of(tuple(aux)))


def _check_cotangents(cotangents: Any, out: Any) -> None:
    given, wanted = tree.structure(cotangents), tree.structure(out)
    if given != wanted:
        raise RuntimeError(
            "Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. "
            f"cotangents: {given}, primal output: {wanted}"
        )
    for i, (ct, v) in enumerate(zip(tree.leaves(cotangents), tree.leaves(out))):
        if isinstance(ct, Tensor) and ct.shape != tuple(v.shape):
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{i}] has a shape of {ct.shape} and output[{i}] has a shape of "
                f"torch.Size({list(v.shape)})."
            )


def jvp(
    func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> Any:
    """The output and its derivative along the tangents.

    >>> import funcgrad.torch as torch
    >>> jvp(torch.sin, (torch.tensor(0.0),), (torch.tensor(2.0),))
    (tensor(0.), tensor(2.))
    """
    _check_tangents(primals, tangents)

    def pure(*values: Any) -> Any:
        out = func(*tensors_of(values))
        if not has_aux:
            return outputs_of(out, FORWARD)
        return outputs_of(out[0], FORWARD), outputs_of(out[1], FORWARD)

    at, along = _floating(primals), values_of(tangents)
    along = tree.map(lambda t, v: t.astype(v.dtype), along, at)
    return tensors_of(recording(api.jvp, pure, at, along, has_aux=has_aux))


def _check_tangents(primals: Any, tangents: Any) -> None:
    of_jvp = "jvp(f, primals, tangents): "
    if not isinstance(primals, tuple):
        raise RuntimeError(f"{of_jvp}Expected primals to be a tuple. E.g. it should be valid to call f(*primals).")
    given, wanted = tree.structure(tangents), tree.structure(primals)
    if given != wanted:
        raise RuntimeError(
            f"{of_jvp}Expected primals and tangents to have the same python structure. For example, if primals is a "
            f"tuple of 3 tensors, tangents also must be. Got primals with structure {wanted} and tangents with "
            f"structure {given}"
        )
    for t, x in zip(tree.leaves(tangents), tree.leaves(primals)):
        if isinstance(t, Tensor) and isinstance(x, Tensor) and t.shape != x.shape:
            raise RuntimeError(
                "Trying to set a forward gradient that has a different size than that of the original Tensor, this is "
                f"not supported. Tensor is of size {list(x.shape)} while the given forward gradient is of size "
                f"{list(t.shape)}."
            )


def _jacobian(
    transform: Callable[..., Any], func: Callable[..., Any], argnums: Argnums, has_aux: bool, refused: str
) -> Callable[..., Any]:
    @wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        chosen, of_chosen = _chosen(func, argnums, args, kwargs)

        def pure(*values: Any) -> Any:
            out = of_chosen(tensors_of(values))
            if not has_aux:
                return outputs_of(out, refused)
            return outputs_of(out[0], refused), outputs_of(out[1], refused)

        places = 0 if isinstance(argnums, int) else tuple(range(len(chosen)))
        return tensors_of(recording(transform(pure, places, has_aux=has_aux), *_floating(chosen)))

    return jacobian


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
    return _jacobian(dense.jacrev, func, argnums, has_aux, REVERSE)


def jacfwd(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    chunk_size: int | None = None,
    randomness: str = "error",
) -> Callable[..., Any]:
    """The Jacobian by forward mode, laid out as that of `jacrev`."""
    return _jacobian(dense.jacfwd, func, argnums, has_aux, FORWARD)


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The second derivatives: `jacfwd` of `jacrev`.

    >>> import funcgrad.torch as torch
    >>> hessian(lambda x: (x**3).sum())(torch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)
