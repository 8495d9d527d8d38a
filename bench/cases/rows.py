"""Several passes over the rows of a matrix, and sums over pairs."""

from __future__ import annotations

import numpy

from cases.case import Case


def total_logsumexp(lib, x):
    return lib.numpy.sum(lib.nn.logsumexp(x, axis=1))


def cross_entropy(lib, logits, labels):
    picked = logits[lib.numpy.arange(logits.shape[0]), labels]
    return lib.numpy.mean(lib.nn.logsumexp(logits, axis=1) - picked)


def torch_cross_entropy(lib, logits, labels):
    return lib.functional.cross_entropy(logits, labels)


def layernorm(lib, params, weight):
    np = lib.numpy
    x, gain, bias = params
    centred = x - np.mean(x, axis=1, keepdims=True)
    deviation = np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + 1e-5)
    return np.sum(weight * (centred / deviation * gain + bias))


def torch_layernorm(lib, params, weight):
    x, gain, bias = params
    return (weight * lib.functional.layer_norm(x, gain.shape, gain, bias, 1e-5)).sum()


def total_deviation(lib, x):
    return lib.numpy.sum(lib.numpy.std(x, axis=1))


def total_distance(lib, points):
    np = lib.numpy
    x, y = points
    return np.sum(np.sqrt(np.sum((x[:, None] - y[None]) ** 2, axis=-1)))


def lennard_jones(lib, x):
    np = lib.numpy
    same = np.eye(x.shape[0])
    inverse = (1.0 - same) / (np.sum((x[:, None] - x[None]) ** 2, axis=-1) + same)
    sixth = inverse**3
    return 2.0 * np.sum(sixth * sixth - sixth)


def lattice(rng, n=200, side=6):
    sites = numpy.stack(numpy.meshgrid(*[numpy.arange(side)] * 3), axis=-1).reshape(-1, 3)[:n]
    return (1.2 * sites + 0.05 * rng.normal(size=(n, 3)),)


def matrix(*shape):
    return lambda rng: (rng.normal(size=shape),)


CASES = [
    Case("logsumexp of rows, 1000 x 1000", 1.7, total_logsumexp, matrix(1000, 1000)),
    Case(
        "softmax cross-entropy, 1024 x 1000",
        2,
        cross_entropy,
        lambda rng: (rng.normal(size=(1024, 1000)), rng.integers(0, 1000, 1024)),
        torch=torch_cross_entropy,
    ),
    Case(
        "layernorm, 1024 x 512",
        2,
        layernorm,
        lambda rng: (
            (rng.normal(size=(1024, 512)), rng.normal(size=512), rng.normal(size=512)),
            rng.normal(size=(1024, 512)),
        ),
        torch=torch_layernorm,
    ),
    Case("standard deviation of rows, 1000 x 1000", 2, total_deviation, matrix(1000, 1000)),
    Case(
        "pairwise distances, 500 x 500 x 3",
        3,
        total_distance,
        lambda rng: ((rng.normal(size=(500, 3)), rng.normal(size=(500, 3))),),
    ),
    Case("Lennard-Jones, N = 200", 5, lennard_jones, lattice),
]
