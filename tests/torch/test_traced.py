"""Tensors whose values are not known: inside of to_functional, under jit, vmap and checkpoint."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.torch as torch

POINT = np.array([[3.0, 1.0, 2.0, 1.0], [1.0, 2.0, 0.0, 2.0]])
WEIGHTS = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
pytestmark = pytest.mark.filterwarnings("ignore:Converting a tensor")


def pure(fn):
    return torch.to_functional(fn, torch.tensor(POINT[0], requires_grad=True))[0]


ORDERED = {
    "sort": lambda x: x.sort()[0] * WEIGHTS,
    "sort, descending": lambda x: x.sort(descending=True)[0] * WEIGHTS,
    "positions": lambda x: x.sort(descending=True)[1] * x,
    "argsort": lambda x: x[x.argsort()] * WEIGHTS,
    "argsort, descending": lambda x: x.argsort(descending=True) * x,
    "topk": lambda x: x.topk(2)[0] * WEIGHTS[:2],
    "smallest": lambda x: torch.topk(x, 3, largest=False)[0] * WEIGHTS[:3],
    "an index that is computed": lambda x: x[x.argmax()] * x,
    "gather": lambda x: x.gather(0, x.argsort()) * WEIGHTS,
    "index_select": lambda x: x.index_select(0, x.argsort()) * WEIGHTS,
    "scatter_add": lambda x: torch.scatter_add(x, 0, x.argsort(), x) * WEIGHTS,
    "two axes": lambda x: torch.stack([x, x * x], 1).sort(0, descending=True)[0].sum(1) * WEIGHTS,
}


@pytest.mark.parametrize("name", ORDERED)
def test_orders_of_traced_values(name):
    fun = pure(ORDERED[name])
    wanted = [ORDERED[name](torch.tensor(row)).numpy() for row in POINT]
    np.testing.assert_allclose(fg.vmap(fun)(POINT), wanted, rtol=1e-15)
    jitted = fg.jit(fun)
    gradient = fg.grad(lambda a: fun(a).sum())
    for row, out in zip(POINT, wanted, strict=True):
        np.testing.assert_allclose(jitted(row), out, rtol=1e-15)
        x = torch.tensor(row, requires_grad=True)
        ORDERED[name](x).sum().backward()
        for way in (gradient, fg.jit(gradient), fg.grad(lambda a: fg.checkpoint(fun)(a).sum())):
            np.testing.assert_allclose(way(row), x.grad.numpy(), rtol=1e-15)


CONCRETE = {
    "x * x[0].item()": ("A Python number", "Compute with the Tensor itself"),
    "x * float(x.reshape(-1)[0])": ("A Python number", "Compute with the Tensor itself"),
    "x if x[0] > 0 else -x": ("`if`", "torch.where(condition, a, b)"),
    "x * torch.tensor(x.tolist())": ("`tolist\\(\\)`", "Compute with the Tensor itself"),
    "x * torch.from_numpy(x.detach().numpy())": ("`numpy\\(\\)`", "Compute with the Tensor itself"),
    "x[x > 1]": ("A boolean mask", "where(mask, x, other)"),
    "x[torch.nonzero(x)[:, 0]]": ("The places of nonzero elements", "torch.where(condition, a, b)"),
}


def traced(expression, transform):
    source = f"def fn(x):\n    return {expression}\n"
    names = {"torch": torch}
    exec(compile(source, __file__, "exec"), names)
    return transform(pure(names["fn"]))


@pytest.mark.parametrize("expression", CONCRETE)
@pytest.mark.parametrize("transform", ["jit", "vmap"])
def test_a_value_that_is_not_known_is_asked_for(expression, transform):
    what, remedy = CONCRETE[expression]
    reason = rf"(?i){what}.* at .*test_traced.py:2.*{transform}"
    with pytest.raises(fg.errors.ConcretizationError, match=reason) as error:
        traced(expression, getattr(fg, transform))(POINT)
    assert remedy in str(error.value).split(" needs the value of ")[0]


@pytest.mark.parametrize(
    "fun, kind, advice",
    [
        (lambda x: x * x.item(), RuntimeError, "rewrite what you're doing with other operations"),
        (lambda x: x if x > 1 else -x, RuntimeError, "some data-dependent control flow"),
        (lambda x: torch.unique(x), fg.errors.ConcretizationError, "known beforehand"),
    ],
)
def test_the_advice_names_no_function_that_was_not_called(fun, kind, advice):
    with pytest.raises(kind) as error:
        torch.vmap(fun)(torch.tensor(POINT[0]))
    assert type(error.value) is kind
    assert advice in str(error.value)
    assert "to_functional" not in str(error.value)


@pytest.mark.parametrize("expression", CONCRETE)
def test_checkpoint_knows_the_values(expression):
    fun, kept = traced(expression, lambda f: f), traced(expression, fg.checkpoint)
    for row in POINT:
        plain, again = (fg.grad(lambda a, f=f: f(a).sum())(row) for f in (fun, kept))
        np.testing.assert_array_equal(plain, again)


def _copied(buffer, x):
    buffer.copy_(x)


def _element(buffer, x):
    buffer[0] = x[0]


def _masked(buffer, x):
    buffer[buffer == 0] = x[0]


def _through_a_view(buffer, x):
    buffer[1:].add_(x[1:])


def _through_an_alias(buffer, x):
    buffer.detach().add_(x)


def _as_data(buffer, x):
    buffer.data = x * 2


TRANSFORMED = {
    "grad": lambda pure, x: fg.grad(pure)(x),
    "jit": lambda pure, x: fg.jit(pure)(x),
    "vmap": lambda pure, x: fg.vmap(pure)(np.stack([x, x])),
    "jvp": lambda pure, x: fg.jvp(pure, (x,), (x,)),
}


@pytest.mark.parametrize("transform", TRANSFORMED)
@pytest.mark.parametrize("write", [_copied, _element, _masked, _through_a_view, _through_an_alias, _as_data])
def test_a_tensor_from_outside_keeps_no_traced_value(write, transform):
    buffer = torch.zeros(3, dtype=torch.float64)

    def f(x):
        write(buffer, x)
        return (buffer * x).sum()

    pure, args, _ = torch.to_functional(f, torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True))
    with pytest.raises(RuntimeError, match="made outside of the transformed function"):
        TRANSFORMED[transform](pure, *args)
    assert buffer.tolist() == [0.0, 0.0, 0.0]
    assert (buffer + 1).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("transform", TRANSFORMED)
def test_a_tensor_made_inside_is_written(transform):
    def f(x):
        buffer = torch.zeros(3, dtype=torch.float64)
        constant = torch.ones(3, dtype=torch.float64) * 2
        buffer[1:] = x[1:]
        constant.mul_(x)
        return (buffer * constant).sum()

    pure, args, _ = torch.to_functional(f, torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True))
    found = TRANSFORMED[transform](pure, *args)
    (x,) = args
    value = np.sum(2 * x[1:] ** 2)
    wanted = {"grad": 4 * x * [0, 1, 1], "jit": value, "vmap": [value, value], "jvp": (value, 2 * value)}
    np.testing.assert_array_equal(found, wanted[transform])


def test_a_captured_tensor_in_func():
    buffer = torch.zeros(2)
    with pytest.raises(RuntimeError, match="would mutate a captured Tensor"):
        torch.func.grad(lambda x: (buffer.add_(x) * x).sum())(torch.ones(2))
    assert buffer.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("transform", [fg.grad, fg.jit, fg.vmap, fg.explain])
@pytest.mark.parametrize(
    "call",
    [
        torch.sin, torch.sum, torch.stack, torch.tensor, torch.as_tensor, torch.from_numpy, torch.linalg.inv,
        torch.nn.functional.relu, torch.nn.functional.cross_entropy, torch.nn.Linear(4, 1),
        lambda x: torch.stack([x, x]), lambda x: torch.cat((WEIGHTS, x)), lambda x: torch.add(WEIGHTS, x),
        lambda x: torch.dot(WEIGHTS, x), lambda x: torch.matmul(WEIGHTS, x), lambda x: WEIGHTS.clone().copy_(x),
        lambda x: torch.where(WEIGHTS > 0, x, WEIGHTS), lambda x: torch.func.grad(torch.sum)(x),
        lambda x: torch.nn.functional.mse_loss(WEIGHTS, x), torch.nn.BatchNorm1d(4), torch.nn.LSTM(4, 1),
        torch.nn.Flatten(), torch.nn.Unfold(1), lambda x: torch.nn.functional.dropout1d(x, x),
        lambda x: torch.nn.functional.avg_pool1d(WEIGHTS, x), lambda x: torch.zeros([x]),
        torch.nn.Sequential(torch.nn.Identity(), torch.nn.BatchNorm1d(4)),
    ],
)  # fmt: skip
def test_functions_of_tensors_refuse_traced_arrays(transform, call):
    if transform is fg.explain and call in (torch.tensor, torch.as_tensor):  # which it reports as a cut
        return
    remedy = r"^Give what is transformed Tensors, torch\.from_numpy\(x\).*traced array"
    with pytest.raises(TypeError, match=remedy) as error:
        transform(lambda x: call(x).sum())(POINT)
    assert str(error.value).count("test_traced.py:") == 1 and error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None
