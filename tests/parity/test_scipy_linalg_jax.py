"""`scipy.linalg` and `scipy.sparse.linalg` give JAX's values and derivatives, first and second order."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.scipy import linalg
from funcgrad.scipy.sparse import linalg as sparse

jax = pytest.importorskip("jax")
jnp = jax.numpy
jlinalg = pytest.importorskip("jax.scipy.linalg")
jsparse = pytest.importorskip("jax.scipy.sparse.linalg")
pytestmark = pytest.mark.jax

_rng = np.random.default_rng(8)
A = 0.4 * _rng.normal(size=(3, 3)) + np.diag([2.0, 1.5, 1.0])
OTHER = 0.4 * _rng.normal(size=(3, 3)) + np.diag([1.0, 2.0, 1.7])
B = _rng.normal(size=(3, 2))
TALL = _rng.normal(size=(4, 3))
DIAGONAL, BESIDE = np.array([1.0, 3.0, 2.0, -1.0]), np.array([0.5, -0.7, 0.4])

TWICE = ("lu, tall", "qr", "solve, positive", "toeplitz")
COMPLEX = ("cho_solve", "cholesky", "eigh", "lu_solve", "qr", "solve_triangular, C")
"""Some of each kind: to compile all of both takes JAX a minute."""


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


def _hermitian(a):
    return a @ a.conj().T + np.eye(3)


CALLS = {
    "block_diag": (lambda L, a, b: L.block_diag(a, b), (A, B)),
    "cho_solve": (lambda L, a, b: L.cho_solve(L.cho_factor(_hermitian(a)), b), (A, B)),
    "cholesky": (lambda L, a: L.cholesky(_hermitian(a), lower=True), (A,)),
    "det": (lambda L, a: L.det(a), (A,)),
    "eigh": (lambda L, a: L.eigh(_hermitian(a), eigvals_only=True), (A,)),
    "expm": (lambda L, a: L.expm(a), (A,)),
    "inv": (lambda L, a: L.inv(a), (A,)),
    "lu": (lambda L, a: L.lu(a), (A[::-1].copy(),)),
    "lu, tall": (lambda L, a: L.lu(a, permute_l=True), (TALL,)),
    "lu, wide": (lambda L, a: L.lu(a.T)[1:], (TALL,)),
    "lu_factor": (lambda L, a: L.lu_factor(a)[0], (A,)),
    "lu_solve": (lambda L, a, b: L.lu_solve(L.lu_factor(a), b, trans=1), (A, B)),
    "qr": (lambda L, a: L.qr(a, mode="economic"), (TALL,)),
    "solve": (lambda L, a, b: L.solve(a, b), (A, B)),
    "solve, positive": (lambda L, a, b: L.solve(_hermitian(a), b, assume_a="pos"), (A, B)),
    "solve_triangular": (lambda L, a, b: L.solve_triangular(a, b), (A, B)),
    "solve_triangular, T": (lambda L, a, b: L.solve_triangular(a, b, "T", lower=True), (A, B)),
    "solve_triangular, C": (lambda L, a, b: L.solve_triangular(a, b, trans=2, unit_diagonal=True), (A, B)),
    "svd": (lambda L, a: L.svd(a, compute_uv=False), (TALL,)),
    "toeplitz": (lambda L, c, r: L.toeplitz(c, r), (B[:, 0], DIAGONAL)),
}


def score(found):
    """A real number to which every element contributes differently, of arrays of either library."""
    total = 0.0
    for y in found if isinstance(found, tuple) else (found,):
        weights = np.cos(np.arange(1, y.size + 1)).reshape(y.shape)
        total = total + (y.real * weights).sum()
        if y.dtype.kind == "c":
            total = total + (y.imag * (1 - weights)).sum()
    return total


def check(ours, theirs, args, tolerance=1e-9, second=True):
    found, expected = (v if isinstance(v, tuple) else (v,) for v in (fg.vjp(ours, *args)[0], theirs(*args)))
    for y, e in zip(found, expected, strict=True):
        assert y.shape == e.shape
        np.testing.assert_allclose(y, e, rtol=tolerance, atol=tolerance)
    every = tuple(range(len(args)))
    along = [np.cos(2.0 + np.arange(x.size)).reshape(x.shape) for x in args]
    slopes = lambda transform, f: transform(lambda *xs: score(f(*xs)), argnums=every)
    bend = lambda transform, f: transform(
        lambda *xs: sum((g.real * t).sum() for g, t in zip(slopes(transform, f)(*xs), along)), argnums=every
    )
    for derivative in (slopes, bend)[: 1 + second]:
        expected = jax.jit(derivative(jax.grad, theirs))(*args)
        for g, e in zip(derivative(fg.grad, ours)(*args), expected, strict=True):
            np.testing.assert_allclose(g, e, rtol=10 * tolerance, atol=10 * tolerance)


def off_axis(args):
    return [x + 0.2j * np.cos(1.0 + np.arange(x.size)).reshape(x.shape) for x in args]


@pytest.mark.parametrize("name", CALLS)
def test_linalg(name):
    fun, args = CALLS[name]
    check(lambda *xs: fun(linalg, *xs), lambda *xs: fun(jlinalg, *xs), args, second=name in TWICE)


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_linalg(name):
    fun, args = CALLS[name]
    check(lambda *xs: fun(linalg, *xs), lambda *xs: fun(jlinalg, *xs), off_axis(args), second=False)


def test_complex_solve():
    """JAX's solve takes a complex positive definite matrix for its own transpose; its general one does not."""
    ours = lambda a, b: linalg.solve(_hermitian(a), b, assume_a="pos")
    check(ours, lambda a, b: jlinalg.solve(_hermitian(a), b), off_axis((A, B)), second=False)


def test_values():
    """Of what JAX has no derivative for, or takes long to compile it."""
    np.testing.assert_allclose(fg.jvp(linalg.expm, (A,), (OTHER,))[1], jlinalg.expm_frechet(A, OTHER)[1], rtol=1e-10)
    np.testing.assert_allclose(fg.vjp(linalg.sqrtm, A)[0], jlinalg.sqrtm(A), rtol=1e-10, atol=1e-12)
    args = (A, OTHER[:2, :2], B)
    found = fg.vjp(linalg.solve_sylvester, *args)[0]
    np.testing.assert_allclose(found, jlinalg.solve_sylvester(*args), rtol=1e-10)


def test_tridiagonal_eigenvalues():
    ours, theirs = (lambda d, e, L=L: L.eigh_tridiagonal(d, e, eigvals_only=True) for L in (linalg, jlinalg))
    np.testing.assert_allclose(fg.vjp(ours, DIAGONAL, BESIDE)[0], theirs(DIAGONAL, BESIDE), rtol=1e-10)


@pytest.mark.parametrize("name", ["cg", "bicgstab"])
def test_iterations(name):
    ours, theirs = getattr(sparse, name), getattr(jsparse, name)
    made = (lambda a: a @ a.T) if name == "cg" else (lambda a: a)
    check(
        lambda a, b: ours(lambda v: made(a) @ v, b, rtol=1e-13)[0],
        lambda a, b: theirs(lambda v: made(a) @ v, b, tol=1e-13)[0],
        (A, B[:, 0]),
        tolerance=1e-8,
        second=False,
    )
