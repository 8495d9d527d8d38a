"""Optimisation on manifolds by pymanopt: the solutions are known from eigenvalues and singular values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.test_util import check_grads

pymanopt = pytest.importorskip("pymanopt")
pytestmark = pytest.mark.peers

from pymanopt import Problem, manifolds, optimizers  # noqa: E402

from funcgrad.pymanopt import function  # noqa: E402

OPTIMIZERS = [optimizers.TrustRegions, optimizers.ConjugateGradient, optimizers.SteepestDescent]


def symmetric(n: int, dtype: type = float) -> np.ndarray:
    rng = np.random.default_rng(n)
    a = rng.normal(size=(n, n)) + (1j * rng.normal(size=(n, n)) if dtype is complex else 0)
    return a + a.conj().T


def minimum(manifold: Any, cost: Any, start: Any, optimizer: Any = optimizers.TrustRegions) -> float:
    return optimizer(verbosity=0).run(Problem(manifold, cost), initial_point=start).cost


@pytest.mark.parametrize("wrap", [lambda f: f, fg.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.__name__)
def test_largest_eigenvalue(optimizer: Any, wrap: Any) -> None:
    a = symmetric(6)
    manifold = manifolds.Sphere(6)
    cost = function(manifold)(wrap(lambda x: -x @ a @ x))
    start = np.arange(1.0, 7.0) / np.linalg.norm(np.arange(1.0, 7.0))
    np.testing.assert_allclose(minimum(manifold, cost, start, optimizer), -np.linalg.eigvalsh(a)[-1], rtol=1e-8)


def test_low_rank_on_a_product_of_manifolds() -> None:
    """From near the best subspace: there are other minima along the way."""
    a = symmetric(6)
    manifold = manifolds.Product([manifolds.Stiefel(6, 2), manifolds.Euclidean(2)])
    cost = function(manifold)(lambda u, s: fnp.sum((a - u * s @ u.T) ** 2))
    w, v = np.linalg.eigh(a)
    order = np.argsort(w**2)
    best = order[-2:]
    start = [np.linalg.qr(v[:, best] + 0.1 * np.cos(np.arange(12.0)).reshape(6, 2))[0], np.sign(w[best])]
    start[0] = start[0] * np.sign(np.sum(start[0] * v[:, best], axis=0))
    np.testing.assert_allclose(minimum(manifold, cost, start), np.sum(w[order[:-2]] ** 2), rtol=1e-10)


def test_complex_numbers() -> None:
    """Descent finds the same with our gradient as with one written by hand."""
    a = symmetric(4, complex)
    manifold = manifolds.ComplexCircle(4)
    value = lambda z: -(z.conj() @ a @ z).real
    by_hand = pymanopt.function.numpy(manifold)(lambda z: -2 * a @ z)
    start = np.exp(1j * np.arange(4.0))
    run = lambda **given: optimizers.SteepestDescent(verbosity=0).run(
        Problem(manifold, function(manifold)(value), **given), initial_point=start
    )
    np.testing.assert_allclose(run().point, run(euclidean_gradient=by_hand).point, rtol=1e-6)


def test_the_hessian_is_exact() -> None:
    a = symmetric(3)
    cost = function(manifolds.Euclidean(3))(lambda x: fnp.sum(fnp.sin(a @ x) ** 2))
    x, v = np.array([0.3, -0.2, 1.1]), np.array([1.0, 2.0, -0.5])
    product = cost.get_hessian_operator()(x, v)
    np.testing.assert_allclose(product, fg.hessian(cost)(x) @ v, rtol=1e-12)
    check_grads(cost, (x,), order=2)
