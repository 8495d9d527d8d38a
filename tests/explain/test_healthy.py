"""Healthy programs are never accused: no cut, no remedy, no remark."""

from __future__ import annotations

import math

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad import lax, nn, random
from tests.groups import together

X = np.array([1.5, -2.5, 3.5, 0.25])
Y = np.array([1.0, 0.0, 1.0, 1.0])
A = np.array([[4.0, 1.0], [1.0, 3.0]])
W = np.linspace(-1, 1, 12).reshape(3, 4)
KEY = random.key(0)


def mlp(params):
    hidden = nn.relu(X @ params["w"].T + params["b"])
    return np.mean((hidden @ params["v"] - 1.0) ** 2)


def attention(x):
    q = np.outer(x, x)
    scores = q - q.max(axis=-1, keepdims=True)
    weights = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    return np.sum((weights @ q) ** 2)


def newton(x):
    y = 1.0
    while abs(y * y - x) > 1e-12:
        y = 0.5 * (y + x / y)
    return y


def huber(x):
    return np.sum(np.where(np.abs(x) < 1.0, 0.5 * x**2, np.abs(x) - 0.5))


def guarded(x):
    return np.sum(np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0))


def scanned(x):
    return lax.scan(lambda c, v: (np.tanh(c + v), c), 0.0, x)[0]


@fg.custom_vjp
def clipped(x):
    return x


clipped.defvjp(lambda x: (x, None), lambda _, ct: (np.clip(ct, -1.0, 1.0),))


@fg.custom_jvp
def logistic(x):
    return 1 / (1 + np.exp(-x))


@logistic.defjvp
def _(primals, tangents):
    y = logistic(*primals)
    return y, y * (1 - y) * tangents[0]


def with_assertions(x):
    assert x.shape == (4,) and isinstance(len(x), int)
    if np.isnan(x).any():
        raise ValueError("NaN")
    return np.sum(x * x)


def sampled(params):
    z = params["m"] + params["s"] * random.normal(KEY, (4,))
    return np.mean((z - 1.0) ** 2)


def filled(x):
    b = fnp.zeros(4)
    for i in range(4):
        b[i] = x[i] * i
    return np.sum(b * x)


def cached(x):
    seen = {}
    for i in range(3):
        seen[i] = np.sin(x) * i
    return sum(np.sum(v) for v in seen.values())


HEALTHY = {
    "a multilayer perceptron": (mlp, {"b": np.ones(3), "v": np.arange(3.0), "w": W}),
    "attention": (attention, X),
    "cross entropy": (lambda x: -np.mean(Y * nn.log_sigmoid(x) + (1 - Y) * nn.log_sigmoid(-x)), X),
    "a picked class": (lambda x: -nn.log_softmax(x)[2], X),
    "a picked class by argmax": (lambda x: x[np.argmax(x)] ** 2, X),
    "a loop of Newton's": (newton, 2.0),
    "huber": (huber, X),
    "a guarded root": (guarded, X),
    "a mask": (lambda x: np.sum(x * x * (x > 0)), X),
    "a mask as floats": (lambda x: np.sum(x * x * (x > 0).astype(float)), X),
    "a filter": (lambda x: np.sum(x[x > 0] ** 2), X),
    "sorted": (lambda x: np.sum(np.sort(x) * X), X),
    "the top two": (lambda x: np.sum(x[np.argsort(x)[-2:]] ** 2), X),
    "median": (lambda x: np.median(x) ** 2, X),
    "nanmean": (lambda x: np.nanmean(x * x), X),
    "percentile": (lambda x: np.percentile(x, 30) ** 2, X),
    "variance": (lambda x: np.var(x), X),
    "a norm": (lambda x: np.linalg.norm(x), X),
    "a determinant": (lambda a: np.linalg.slogdet(a)[1], A),
    "a solution": (lambda a: np.sum(np.linalg.solve(a, np.ones(2)) ** 2), A),
    "eigenvalues": (lambda a: np.sum(np.linalg.eigvalsh(a) ** 2), A),
    "interpolated": (lambda x: np.sum(np.interp(x, np.arange(-4.0, 5), np.arange(-4.0, 5) ** 3)), X),
    "a scan": (scanned, X),
    "a branch": (lambda x: lax.cond(x[0] > 0, lambda v: np.sum(v * v), lambda v: np.sum(v), x), X),
    "a branch of Python's": (lambda x: np.sum(x * x) if x[0] > 0 else np.sum(x), X),
    "a rule that clips": (lambda x: np.sum(clipped(x) ** 2), X),
    "a rule for tangents": (lambda x: np.sum(logistic(x) ** 2), X),
    "a checkpoint": (lambda x: np.sum(fg.checkpoint(lambda v: np.sin(v) ** 2)(x)), X),
    "a batch": (lambda x: np.sum(fg.vmap(lambda v: np.sin(v) * v)(x)), X),
    "compiled": (fg.jit(lambda x: np.sum(np.sin(x) * nn.relu(x))), X),
    "a gradient within": (lambda x: np.sum(fg.grad(lambda v: np.sum(v**3))(x)), X),
    "reparametrised": (sampled, {"m": 0.5, "s": 2.0}),
    "dropout": (lambda x: np.sum(np.where(random.bernoulli(KEY, 0.5, (4,)), x / 0.5, 0.0) ** 2), X),
    "assertions": (with_assertions, X),
    "filled": (filled, X),
    "kept in a dict": (cached, X),
    "shapes and sizes": (lambda x: np.sum(x.reshape(2, -1).T[: x.size // 2] / len(x)), X),
    "printed": (lambda x: np.sum(x) if f"{x}" else 0.0, X),
    "used twice": (lambda x: (lambda y: np.sum(y * y + y))(np.exp(x)), X),
    "remainder": (lambda x: np.sum((x % 1.0) ** 2), X),
    "Python's math of a constant": (lambda x: np.sum(x) * math.sin(1.0), X),
    "logsumexp by hand": (lambda x: np.log(np.sum(np.exp(x))), X),
    "pairs of all": (lambda x: np.sum((x[:, None] - x[None, :]) ** 4) + np.sum(x**3), X),
    "distances to centres": (lambda x: np.sum(np.exp(-((x[:, None] - np.arange(3.0)) ** 2))), X),
    "a rolled sum": (lambda x: np.sum(np.roll(x, 1) * x), X),
    "convolved": (lambda x: np.sum(np.convolve(x, [1.0, 2.0]) ** 2), X),
    "einsum": (lambda x: np.einsum("i,j,ij->", x, x, np.ones((4, 4))), X),
}  # fmt: skip


@together("name", HEALTHY, lambda name: name[0])
def test_healthy_programs_are_not_accused(name):
    fun, argument = HEALTHY[name]
    report = fg.explain(fun)(argument)
    for leaf in report.leaves:
        assert (leaf.status, leaf.cuts, leaf.fixes) == ("flows", (), ()), str(report)
        assert "Instead" not in leaf.message and "cut" not in leaf.message
    assert report.notes == ()


RIGHT_ZEROS = {
    "at a minimum": (lambda x: np.sum((x - X) ** 2), X.copy()),
    "at a maximum": (lambda x: np.sum(np.cos(x)), np.zeros(3)),
    "of a square at zero": (lambda x: np.sum(x**2), np.zeros(3)),
}


@pytest.mark.parametrize("name", RIGHT_ZEROS)
def test_a_right_zero_is_said_to_be_one(name):
    fun, argument = RIGHT_ZEROS[name]
    (leaf,) = fg.explain(fun)(argument).leaves
    assert leaf.status in ("zero", "cancels") and leaf.cuts == () == leaf.fixes
    assert "Instead" not in leaf.message


INTENDED = {
    "a stable softmax": lambda x: np.sum(np.exp(x - lax.stop_gradient(x.max())) * X),
    "straight through": lambda x: np.sum((x + lax.stop_gradient(np.round(x) - x)) ** 2),
    "a target network": lambda x: np.sum((np.tanh(x) - lax.stop_gradient(np.tanh(2 * x))) ** 2),
}


@pytest.mark.parametrize("name", INTENDED)
def test_an_intended_stop_on_one_path_is_told_and_not_blamed(name):
    (leaf,) = fg.explain(INTENDED[name])(X).leaves
    assert leaf.status == "partly_cut" and leaf.cuts[0].op == "stop_gradient"
    assert "asked for" in leaf.message and "where its derivative is wanted" in leaf.message
    np.testing.assert_array_equal(leaf.grad, fg.grad(INTENDED[name])(X))
