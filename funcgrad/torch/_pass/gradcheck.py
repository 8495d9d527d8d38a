"""`gradcheck` and `gradgradcheck`: derivatives against differences of values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad.core.warned import warn
from funcgrad.torch._ops.create import from_numpy
from funcgrad.torch._pass.backward import grad
from funcgrad.torch._tensor.tensor import Tensor

Function = Callable[..., Any]
NONE_REQUIRES = (
    "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
)
NOT_DOUBLE = (
    "Input #{0} requires gradient and is not a double precision floating point or complex. This check will likely fail "
    "if all the inputs are not of double precision floating point or complex. "
)


class GradcheckError(RuntimeError):
    """Two derivatives differ."""


def gradcheck(
    func: Function,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
) -> bool:
    """Compare the Jacobians of a function, by backward passes, with central differences of width `eps`.

    True where they agree within `atol + rtol * |difference|`. Else GradcheckError, or False without
    `raise_exception`. Inputs should have double precision. `check_undefined_grad` changes nothing.
    """
    xs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    checked = [i for i, x in enumerate(xs) if isinstance(x, Tensor) and x.requires_grad]
    if not checked:
        raise ValueError(NONE_REQUIRES)
    for i in checked:
        if xs[i].dtype.numpy.name not in ("float64", "complex128"):
            warn(NOT_DOUBLE.format(i), UserWarning)
    try:
        _compare(func, xs, checked, eps, atol, rtol, nondet_tol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _outputs(func: Function, xs: Sequence[Any]) -> list[Tensor]:
    out = func(*xs)
    return [y for y in (out if isinstance(out, (tuple, list)) else (out,)) if isinstance(y, Tensor)]


def _compare(
    func: Function, xs: tuple[Any, ...], checked: list[int], eps: float, atol: float, rtol: float, nondet_tol: float
) -> None:
    for j, y in enumerate(_outputs(func, xs)):
        if not y.requires_grad:
            continue
        for i in checked:
            by_pass = _by_passes(func, xs, i, j)
            again = _by_passes(func, xs, i, j)
            if not np.allclose(by_pass, again, rtol=0, atol=nondet_tol, equal_nan=True):
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and grad_output multiple times "
                    "gives different values, although analytical gradient matches numerical gradient."
                )
            by_differences = _by_differences(func, xs, i, j, eps)
            if not np.allclose(by_pass, by_differences, rtol=rtol, atol=atol, equal_nan=True):
                raise GradcheckError(
                    f"Jacobian mismatch for output {j} with respect to input {i},\n"
                    f"numerical:{from_numpy(by_differences)}\nanalytical:{from_numpy(by_pass)}\n"
                )


def _directions(dtype: np.dtype) -> tuple[complex, ...]:
    return (1, 1j) if dtype.kind == "c" else (1,)


def _by_passes(func: Function, xs: tuple[Any, ...], i: int, j: int) -> np.ndarray:
    """Rows for real directions of the input, columns for those of the output; from gradients."""
    y = _outputs(func, xs)[j]
    dtype = y._read().dtype
    columns = []
    for place in range(y.numel()):
        for direction in _directions(dtype):
            weight = np.zeros(y.shape, dtype)
            weight.reshape(-1)[place] = direction
            (found,) = grad(y, xs[i], from_numpy(weight), retain_graph=True, allow_unused=True)
            g = np.zeros(xs[i].shape, xs[i]._read().dtype) if found is None else found.detach().numpy()
            columns.append(_parts(g))
    return np.stack(columns, 1) if columns else np.zeros((_parts(xs[i].detach().numpy()).size, 0))


def _parts(values: np.ndarray) -> np.ndarray:
    """Real numbers: a complex one becomes two."""
    flat = values.reshape(-1)
    return np.stack([flat.real, flat.imag], 1).reshape(-1) if flat.dtype.kind == "c" else flat


def _by_differences(func: Function, xs: tuple[Any, ...], i: int, j: int, eps: float) -> np.ndarray:
    start = xs[i].detach().numpy().copy()
    rows = []
    for place in range(start.size):
        for direction in _directions(start.dtype):
            ends = []
            for sign in (1, -1):
                moved = start.copy()
                moved.reshape(-1)[place] += sign * eps * direction
                given = [*xs[:i], from_numpy(moved).requires_grad_(), *xs[i + 1 :]]
                ends.append(_parts(_outputs(func, given)[j].detach().numpy().copy()))
            rows.append((ends[0] - ends[1]) / (2 * eps))
    return np.stack(rows) if rows else np.zeros((0, 0))


def gradgradcheck(
    func: Function, inputs: Any, grad_outputs: Any = None, *, raise_exception: bool = True, **options: Any
) -> bool:
    """`gradcheck` of the gradients of a function, weighted by `grad_outputs` (random numbers where there are none)."""
    xs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    outputs = [y for y in _outputs(func, xs) if y.requires_grad]
    if grad_outputs is None:
        rng = np.random.default_rng(0)
        weights = [from_numpy(rng.normal(size=tuple(y.shape)).astype(y._read().dtype)) for y in outputs]
    else:
        weights = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)
    weights = [w.detach().requires_grad_() for w in weights]

    def gradients(*args: Any) -> Any:
        given, ws = args[: len(xs)], args[len(xs) :]
        targets = [x for x in given if isinstance(x, Tensor) and x.requires_grad]
        ys = [y for y in _outputs(func, given) if y.requires_grad]
        found = grad(ys, targets, list(ws), create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(gradients, (*xs, *weights), raise_exception=raise_exception, **options)
