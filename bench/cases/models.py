"""Regression and small networks: gradients, steps, second derivatives, gradients of each example."""

from __future__ import annotations

from itertools import pairwise

import numpy

from cases.case import Case


def logistic(lib, w, x, signs):
    return lib.numpy.mean(lib.numpy.logaddexp(0.0, -signs * (x @ w)))


def network(lib, params, x, activation):
    *hidden, (weight, bias) = params
    for w, b in hidden:
        x = activation(x @ w + b)
    return x @ weight + bias


def squared_error(lib, params, x, y):
    return lib.numpy.mean((network(lib, params, x, lib.numpy.tanh) - y) ** 2)


def classification(lib, params, x, labels):
    np = lib.numpy
    logits = network(lib, params, x, lambda h: np.maximum(h, 0.0))
    return np.mean(lib.nn.logsumexp(logits, axis=1) - logits[np.arange(x.shape[0]), labels])


def classification_of_one(lib, params, x, label):
    logits = network(lib, params, x, lib.numpy.tanh)
    return lib.nn.logsumexp(logits) - logits[label]


def potential(lib, x, a, b):
    return lib.nn.logsumexp(a @ x + b)


def step(lib, f):
    def updated(params, *data):
        slopes = lib.grad(f)(params, *data)
        return [(w - 0.1 * dw, b - 0.1 * db) for (w, b), (dw, db) in zip(params, slopes, strict=True)]

    return updated


def hessian_vector(lib, f):
    return lambda params, vector, *data: lib.jvp(lib.grad(lambda p: f(p, *data)), (params,), (vector,))[1]


def parameters(rng, *sizes, dtype=numpy.float64):
    return [
        ((rng.normal(size=(m, n)) / m**0.5).astype(dtype), rng.normal(size=n).astype(dtype)) for m, n in pairwise(sizes)
    ]


def digits(dtype):
    return lambda rng: (
        parameters(rng, 784, 256, 10, dtype=dtype),
        rng.normal(size=(64, 784)).astype(dtype),
        rng.integers(0, 10, 64),
    )


CASES = [
    Case(
        "logistic regression, 10000 x 50",
        2,
        logistic,
        lambda rng: (0.1 * rng.normal(size=50), rng.normal(size=(10_000, 50)), rng.choice([-1.0, 1.0], 10_000)),
    ),
    Case("MLP step, 64 x 784-256-10", 1.4, classification, digits(numpy.float64), step),
    Case("MLP step, 64 x 784-256-10, float32", 1.4, classification, digits(numpy.float32), step),
    Case(
        "MLP step, 8 x 4-16-2",
        3,
        squared_error,
        lambda rng: (parameters(rng, 4, 16, 2), rng.normal(size=(8, 4)), rng.normal(size=(8, 2))),
        step,
    ),
    Case(
        "Hessian, 50 dimensions",
        2.5,
        potential,
        lambda rng: (0.1 * rng.normal(size=50), rng.normal(size=(200, 50)), rng.normal(size=200)),
        lambda lib, f: lib.hessian(f),
        passes=2 * 50,
    ),
    Case(
        "hvp of an MLP, 32 x 20-64-64-5",
        1.4,
        squared_error,
        lambda rng: (
            parameters(rng, 20, 64, 64, 5),
            parameters(rng, 20, 64, 64, 5),
            rng.normal(size=(32, 20)),
            rng.normal(size=(32, 5)),
        ),
        hessian_vector,
        plain=lambda lib, f: lambda params, _, *data: f(params, *data),
        passes=2,
    ),
    Case(
        "per-example gradients, 256 x 20-32-10",
        2,
        classification_of_one,
        lambda rng: (parameters(rng, 20, 32, 10), rng.normal(size=(256, 20)), rng.integers(0, 10, 256)),
        lambda lib, f: lib.vmap(lib.grad(f), (None, 0, 0)),
        plain=lambda lib, f: lib.vmap(f, (None, 0, 0)),
    ),
]
