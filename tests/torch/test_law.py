"""The laws of the shim: its gradients, of first and second order, are those of funcgrad's transformations.

Of every primitive, through its sample rows; and of programs, through `to_functional`.
"""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.torch as torch
from funcgrad.core.avals import aval_of, is_inexact
from funcgrad.torch._record.calls import Kind, call
from tests.groups import over_rows
from tests.samples import Sample, rows

ROWS = [row for row in rows() if row.differentiable and not row.forward_only]
every_row = over_rows(ROWS)


def scalar(row: Sample):
    """The row's outputs, weighted and summed."""

    def weighted(*args):
        out = row.fun(*args)
        total = 0.0
        for y in out if isinstance(out, tuple) else (out,):
            aval = aval_of(y)
            if is_inexact(aval.dtype):
                total = total + np.sum(y * np.cos(1.0 + np.arange(aval.size)).reshape(aval.shape)).real
        return total

    return weighted


def slope(gradients):
    """A scalar of which the derivative needs all of the gradients."""
    return sum((g * g.sin()).sum() if isinstance(g, torch.Tensor) else np.sum(g * np.sin(g)) for g in gradients)


@every_row
def test_both_orders_of_a_primitive(row):
    args = [np.asarray(a) for a in row.args]
    fun = scalar(row)
    moving = tuple(i for i, a in enumerate(args) if a.dtype.kind == "f")
    gradient = fg.grad(fun, moving)
    first = gradient(*args)
    second = fg.grad(lambda *xs: slope(gradient(*xs)), moving)(*args)

    tensors = [torch.tensor(a, requires_grad=i in moving) for i, a in enumerate(args)]
    leaves = [tensors[i] for i in moving]
    torch.set_warn_always(True)
    try:
        with pytest.warns(UserWarning, match="create_graph=True"):
            call(Kind("Row"), fun, *tensors).backward(create_graph=True)
    finally:
        torch.set_warn_always(False)
    found = torch.autograd.grad(call(Kind("Row"), fun, *tensors), leaves, create_graph=True, materialize_grads=True)
    again = [np.zeros(a.shape) for a in leaves]
    if slope(found).requires_grad:
        again = [g.numpy() for g in torch.autograd.grad(slope(found), leaves, materialize_grads=True)]
    for t, g, f, s, a in zip(leaves, found, first, second, again, strict=True):
        np.testing.assert_array_equal(g.detach().numpy(), f)
        np.testing.assert_array_equal(np.zeros(t.shape) if t.grad is None else t.grad.detach().numpy(), f)
        np.testing.assert_allclose(a, s, rtol=1e-14, atol=1e-14 * np.abs(s).max(initial=1e-300))
        t.grad = None


class Doubled(torch.autograd.Function):
    """Has a rule that is not the derivative, to see whose rule is used."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * x * 10


class CubedByOutput(torch.autograd.Function):
    """Its rule needs an input and the output; the second output has no gradient."""

    @staticmethod
    def forward(ctx, x, power):
        y = x**power
        ctx.save_for_backward(x, y)
        ctx.power = power
        sign = x.sign()
        ctx.mark_non_differentiable(sign)
        return y, sign

    @staticmethod
    def backward(ctx, grad, _):
        x, y = ctx.saved_tensors
        return grad * ctx.power * y / x, None


def inner_gradient_of_a_function(x, w):
    y, sign = CubedByOutput.apply(x * w, 3)
    (g,) = torch.autograd.grad((y * sign).sum() + (x * w).sum(), x, create_graph=True)
    return (g * g).sum()


def without_grad(x, w):
    with torch.no_grad():
        scale = (x * x).sum()
    return (x * w * scale).sum()


def in_place(x, w):
    y = x * 2
    view = y[1:]
    view *= w[1:]
    y[0] += w[0] ** 2
    y[y > 3] = 0.0
    return (y * y.detach()).sum()


def into_a_buffer(x, w):
    out = torch.zeros(3)
    for i in range(3):
        out[i] = x[i] * w[2 - i]
    return (out**2).sum()


def inner_gradient(x, w):
    (g,) = torch.autograd.grad((x**3 * w).sum(), x, create_graph=True)
    return (g * g).sum()


def inner_constant(x, w):
    (g,) = torch.autograd.grad((x**3 * w).sum(), x, retain_graph=True)
    return (g * w).sum()


FUNCTIONS = {
    "polynomial": lambda x, w: (x**2 * w + torch.sin(x) / w).sum(),
    "detach": lambda x, w: (x.detach() * x * w).sum(),
    "data": lambda x, w: (x.data * w + x).sum(),
    "constant branch": lambda x, w: (x * w).sum() if x.sum() > 0 else x.sum(),
    "softmax": lambda x, w: -(torch.log_softmax(x * w, 0)[1]),
    "reductions": lambda x, w: (x * w).var() + x.max() * w.std() + torch.logsumexp(x, 0),
    "matrices": lambda x, w: torch.outer(x, w).mm(torch.outer(w, x)).tanh().mean(),
    "steps": lambda x, w: (x.floor() * w + x.round()).sum(),
    "views": lambda x, w: (x.view(3, 1).expand(3, 2).t() @ w).relu().sum(),
    "no_grad": without_grad,
    "in place": in_place,
    "buffer": into_a_buffer,
    "inner gradient": inner_gradient,
    "inner constant gradient": inner_constant,
    "sorted": lambda x, w: (x.sort(descending=True)[0] * w).sum() + torch.topk(x, 2)[0].prod() * x[x > 1].sum(),
    "number": lambda x, w: (x * w.sum().item() * w).sum(),
    "Function": lambda x, w: (Doubled.apply(x * w) * w).sum(),
    "Function of its output": lambda x, w: (CubedByOutput.apply(x * w, 3)[0] * w).sum(),
    "inner gradient of a Function": inner_gradient_of_a_function,
}


def tensors():
    return (
        torch.tensor([0.5, 1.25, 2.0], dtype=torch.float64, requires_grad=True),
        torch.tensor([1.5, -0.5, 0.75], dtype=torch.float64, requires_grad=True),
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_backward_is_grad(name):
    fn = FUNCTIONS[name]
    x, w = tensors()
    pure, args, argnums = torch.to_functional(fn, x, w)
    assert argnums == (0, 1)
    fn(x, w).backward()
    for t, g in zip((x, w), fg.grad(pure, argnums)(*args)):
        shim = np.zeros(3) if t.grad is None else t.grad.numpy()
        np.testing.assert_allclose(g, shim, rtol=1e-12, atol=1e-12)


WHOLE = [name for name in FUNCTIONS if name not in ("constant branch", "in place", "sorted", "number")]
"""Those that decide nothing by values."""
COMPILED = ("detach", "views", "buffer", "inner gradient", "inner constant gradient", "Function")
"""Those that are compiled, which takes a second each."""


@pytest.mark.parametrize("name", WHOLE)
def test_the_pure_function_compiles_and_batches(name):
    x, w = tensors()
    pure, args, argnums = torch.to_functional(FUNCTIONS[name], x, w)
    gradient = fg.grad(pure, argnums)
    expected = gradient(*args)
    if name in COMPILED:
        np.testing.assert_allclose(fg.jit(gradient)(*args), expected, rtol=1e-13, atol=1e-15)
    stacked = [np.stack([a, 2 * a, -a]) for a in args]
    rows_apart = [gradient(*row) for row in zip(*stacked)]
    for found, each in zip(fg.vmap(gradient)(*stacked), zip(*rows_apart)):
        np.testing.assert_allclose(found, each, rtol=1e-13, atol=1e-14)
    if "Function" not in name:  # which has a rule for reverse mode only
        tangents = [np.cos(a) for a in args]
        moved = fg.jvp(pure, tuple(args), tuple(tangents))[1]
        along = sum(np.sum(g * t) for g, t in zip(expected, tangents))
        np.testing.assert_allclose(moved, along, rtol=1e4 * np.finfo(moved.dtype).eps)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_second_order_is_grad_of_grad(name):
    x, w = tensors()
    fn = FUNCTIONS[name]
    pure, args, argnums = torch.to_functional(fn, x, w)
    gradient = fg.grad(pure, argnums)
    expected = fg.grad(lambda *xs: slope(gradient(*xs)), argnums)(*args)
    found = slope(torch.autograd.grad(fn(x, w), [x, w], create_graph=True, materialize_grads=True))
    if found.requires_grad:
        found.backward()
    for t, g in zip((x, w), expected):
        shim = np.zeros(3) if t.grad is None else t.grad.numpy()
        np.testing.assert_allclose(g, shim, rtol=1e-12, atol=1e-12)


def test_what_a_function_closes_over_is_constant():
    x, w = tensors()
    part = w[1:]
    pure, args, _ = torch.to_functional(lambda x: (x[1:] * part * w[1:]).sum() + (w * w).sum(), x)
    for transformed in (fg.grad(pure), fg.jit(fg.grad(pure)), fg.grad(fg.jit(pure))):
        gradient = transformed(*args)
        assert type(gradient) is np.ndarray
        np.testing.assert_array_equal(gradient, [0.0, 0.25, 0.5625])
    assert type(pure(*args)) is np.float64
    assert part.requires_grad
    outside, args, _ = torch.to_functional(lambda x: (w.requires_grad_() * x).sum(), x)
    with pytest.raises(RuntimeError, match="take it as an argument"):
        outside(*args)
    frozen, args, _ = torch.to_functional(lambda x: (x * w.data).sum(), x)
    np.testing.assert_array_equal(fg.grad(frozen)(*args), w.detach().numpy())
    (part * w[1:]).sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), [0.0, -1.0, 1.5])


def test_nested_calls():
    x, _ = tensors()

    def outer(x):
        pure, args, argnums = torch.to_functional(lambda y: (y**3 * x).sum(), x)
        (inner,) = fg.grad(pure, argnums)(*args)
        seen.append(inner)
        return (x * x).sum()

    def norm(values):
        pure, _, argnums = torch.to_functional(lambda y, s: (y**3 * s).sum(), x, x)
        return sum(np.sum(g**2) for g in fg.grad(pure, argnums)(values, values))

    seen = []
    values = x.detach().numpy()
    pure, args, _ = torch.to_functional(outer, x)
    np.testing.assert_array_equal(fg.grad(pure)(*args), 2 * values)
    pure(*args)
    np.testing.assert_allclose(seen[1], 3 * values**3)
    np.testing.assert_allclose(fg.grad(norm)(values), 60 * values**5)


def test_the_tape_is_put_back_when_the_function_raises():
    x, _ = tensors()
    pure, args, _ = torch.to_functional(lambda x: x * [], x)
    with torch.no_grad(), pytest.raises(TypeError):
        pure(*args)
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 2 * x.detach().numpy())


def test_a_tensor_that_outlives_its_call_is_refused():
    x, _ = tensors()
    kept = []
    pure, args, _ = torch.to_functional(lambda x: kept.append(x) or x.sum(), x)
    pure(*args)
    with pytest.raises(fg.errors.EscapedTracerError, match="to_functional"):
        kept[0] * 2
    with pytest.raises(TypeError, match="to_functional"):
        fg.grad(lambda v: torch.where(x > 0, v, x).sum())(args[0])


@pytest.mark.parametrize(
    "name", ["polynomial", "detach", "in place", "buffer", "softmax", "reductions", "matrices"]
)
def test_the_pure_function_is_pure(name):
    x, w = tensors()
    pure, args, _ = torch.to_functional(FUNCTIONS[name], x, w)
    before = [a.copy() for a in args]
    np.testing.assert_array_equal(pure(*args), FUNCTIONS[name](x, w).detach().numpy())
    for a, b in zip(args, before):
        np.testing.assert_array_equal(a, b)
    assert x.grad is None


def test_hessian():
    x, w = tensors()
    pure, args, _ = torch.to_functional(FUNCTIONS["polynomial"], x, w)
    (g,) = torch.autograd.grad(FUNCTIONS["polynomial"](x, w), x, create_graph=True)
    rows = [torch.autograd.grad(g[i], x, retain_graph=True)[0].tolist() for i in range(3)]
    np.testing.assert_allclose(fg.hessian(pure)(*args), rows, rtol=1e-12)


def test_only_what_requires_a_gradient_is_differentiated():
    x, w = tensors()
    _, _, argnums = torch.to_functional(FUNCTIONS["polynomial"], x.detach(), w)
    assert argnums == (1,)
