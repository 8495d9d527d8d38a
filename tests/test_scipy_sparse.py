"""`funcgrad.scipy.sparse.linalg`: SciPy's solutions, and the derivatives of the equation."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from scipy.sparse.linalg import LinearOperator, aslinearoperator

import funcgrad as fg
from funcgrad.scipy.sparse import linalg
from funcgrad.test_util import check_grads

_draw = np.random.default_rng(3).normal
N = 6
R = _draw(size=(N, N))
POSITIVE, GENERAL = R @ R.T + np.eye(N), R + 4 * np.eye(N)
B = _draw(size=N)
MATRICES = {"cg": POSITIVE, "bicgstab": GENERAL, "gmres": GENERAL}
names = pytest.mark.parametrize("name", MATRICES)
EXACT = {"rtol": 1e-13}


def both(name):
    return getattr(linalg, name), getattr(scipy.sparse.linalg, name)


def test_signatures_are_scipys():
    assert set(linalg.__all__) == set(MATRICES)
    for name in MATRICES:
        shown = [[(p.name, p.kind, p.default) for p in inspect.signature(f).parameters.values()] for f in both(name)]
        assert shown[0] == shown[1]


@names
def test_plain_values_are_scipys(name):
    ours, scipys = both(name)
    seen = []
    options = {"callback": seen.append, **({"callback_type": "x"} if name == "gmres" else {})}
    for A in (MATRICES[name], scipy.sparse.csr_array(MATRICES[name]), aslinearoperator(MATRICES[name])):
        x, info = ours(A, B, np.ones(N), M=np.diag(1 / np.diag(MATRICES[name])), **options)
        expected = scipys(A, B, np.ones(N), M=np.diag(1 / np.diag(MATRICES[name])))
        np.testing.assert_array_equal(x, expected[0])
        assert info == expected[1] and type(info) is int
    assert seen


@names
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
def test_traced_values_are_scipys(name, dtype):
    """The steps are SciPy's: at each number of them so is the solution, and `info`. GMRES looks at it at restarts."""
    ours, scipys = both(name)
    A, b = MATRICES[name].astype(dtype), B.astype(dtype)
    if dtype is np.complex128:
        turn = np.exp(1j * np.arange(N))
        A, b = A * turn[:, None] * turn.conj(), b * turn + 0.3j
    tolerance = 1e-4 if dtype is np.float32 else 1e-9
    options = [{"rtol": 1e-4 if dtype is np.float32 else 1e-11}]
    if name != "gmres":
        options += [{"rtol": 1e-3}, {"maxiter": 2}, {"atol": 0.5}]
    for given in options:
        (expected, status) = scipys(A, b, **given)
        x, _, info = fg.vjp(lambda b, given=given: ours(A, b, **given), b, has_aux=True)
        assert x.dtype == expected.dtype and type(info) is int
        assert info == status
        if name == "gmres":
            assert np.linalg.norm(A @ x - b) <= given["rtol"] * np.linalg.norm(b) * 1.01
        else:
            np.testing.assert_allclose(x, expected, rtol=tolerance, atol=tolerance)
        if dtype is np.float64:
            compiled, found = fg.jit(lambda A, b, given=given: ours(A, b, **given))(A, b)
            np.testing.assert_allclose(compiled, x, rtol=tolerance, atol=tolerance)
            assert found == status


@names
def test_derivatives(name):
    ours = both(name)[0]
    run = lambda A, b: ours((A + A.T) / 2 if name == "cg" else A, b, **EXACT)[0]
    A = MATRICES[name]
    check_grads(run, (A, B), order=2)
    score = lambda A, b: np.sin(run(A, b)).sum()
    expected = fg.grad(lambda A, b: np.sin(np.linalg.solve(A, b)).sum(), (0, 1))(A, B)
    for found in (fg.grad(score, (0, 1))(A, B), fg.jit(fg.grad(score, (0, 1)))(A, B)):
        np.testing.assert_allclose(found[0] + found[0].T, expected[0] + expected[0].T, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-8, atol=1e-10)


@names
def test_complex_derivatives(name):
    turn = np.exp(1j * np.arange(N))
    A, b = MATRICES[name] * turn[:, None] * turn.conj(), B * turn + 0.3j
    found = fg.vjp(lambda b: both(name)[0](A, b, **EXACT)[0], b)[1](turn)[0]
    np.testing.assert_allclose(found, np.linalg.solve(A.T, turn), rtol=1e-9)


@names
def test_batches(name):
    ours, A = both(name)[0], MATRICES[name]
    sides = np.stack([B, 2 * B, np.zeros(N), np.ones(N)])
    x, info = fg.vmap(lambda b: ours(A, b, **EXACT))(sides)
    np.testing.assert_allclose(x, np.linalg.solve(A, sides.T).T, rtol=1e-10, atol=1e-12)
    assert not np.any(info)
    scales = np.array([1.0, 2.0, 0.5])
    gradient = fg.vmap(fg.grad(lambda s: ours(s * A, B, **EXACT)[0].sum()))(scales)
    np.testing.assert_allclose(gradient, -np.linalg.solve(A, B).sum() / scales**2, rtol=1e-9)


@names
def test_operators_of_every_kind(name):
    """What SciPy takes, and functions: with traced sides, and closing over traced values."""
    ours, A = both(name)[0], MATRICES[name]
    expected = np.linalg.solve(A.T, np.ones(N))
    wrapped = LinearOperator((N, N), matvec=lambda v: A @ v, dtype=float)
    kinds = (A, A.tolist(), scipy.sparse.csr_array(A), scipy.sparse.coo_matrix(A), aslinearoperator(A), wrapped)
    for kind in (*kinds, lambda v: A @ v):
        for b in (B, B[:, None]) if kind is A else (B,):
            found = fg.grad(lambda b, kind=kind: ours(kind, b, **EXACT)[0].sum())(b)
            np.testing.assert_allclose(found, expected.reshape(b.shape), rtol=1e-9)
    slope = -np.linalg.solve(A, B).sum() / 4
    for make in (
        lambda p: p * A,
        lambda p: lambda v: p * (A @ v),
        lambda p: LinearOperator((N, N), matvec=lambda v: p * (A @ v), dtype=float),
    ):
        found = fg.grad(lambda p, make=make: ours(make(p), B, **EXACT)[0].sum())(2.0)
        np.testing.assert_allclose(found, slope, rtol=1e-9)


@names
def test_trees(name):
    ours, A = both(name)[0], MATRICES[name]

    def apply(tree):
        y = A @ np.concatenate([tree["u"], tree["v"].ravel()])
        return {"u": y[:2], "v": y[2:].reshape(2, 2)}

    tree = {"u": B[:2], "v": B[2:].reshape(2, 2)}
    x, info = ours(apply, tree, **EXACT)
    np.testing.assert_allclose(np.concatenate([x["u"], x["v"].ravel()]), np.linalg.solve(A, B), rtol=1e-10)
    assert info == 0
    found = fg.grad(lambda t: ours(apply, t, x0=t, **EXACT)[0]["u"].sum())(tree)
    expected = np.linalg.solve(A.T, np.array([1.0, 1.0, 0.0, 0.0, 0.0, 0.0]))
    np.testing.assert_allclose(np.concatenate([found["u"], found["v"].ravel()]), expected, rtol=1e-9)


@names
def test_starts_and_preconditioners_have_no_derivative(name):
    ours, A = both(name)[0], MATRICES[name]
    scale = np.arange(1.0, N + 1)
    badly = np.sqrt(scale)[:, None] * A * np.sqrt(scale)
    options = {
        "none": {},
        "start": {"x0": np.linalg.solve(badly, B)},
        "far start": {"x0": 1e3 * np.ones(N)},
        "M": {"M": np.diag(1 / scale)},
        "function": {"M": lambda v: v / scale, "x0": "Mb"},
        "sparse": {"M": scipy.sparse.diags_array(1 / scale)},
    }
    expected = fg.grad(lambda b: np.sin(np.linalg.solve(badly, b)).sum())(B)
    for given in options.values():
        found = fg.grad(lambda b, given=given: np.sin(ours(badly, b, **given, **EXACT)[0]).sum())(B)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)
    assert not fg.grad(lambda x0: ours(badly, B, x0, **EXACT)[0].sum())(np.ones(N)).any()
    assert not fg.grad(lambda m: ours(badly, B, M=m, **EXACT)[0].sum())(np.eye(N)).any()


def test_few_steps_with_a_good_preconditioner():
    scale = np.geomspace(1.0, 1e6, N)
    A = np.sqrt(scale)[:, None] * POSITIVE * np.sqrt(scale)
    inverse = np.linalg.inv(A)
    for M, converges in ((inverse, True), (None, False)):
        *_, info = fg.vjp(lambda b, M=M: linalg.cg(A, b, M=M, maxiter=3), B, has_aux=True)
        assert info == (0 if converges else 3)


def test_breakdown():
    """A product that is orthogonal to the side: SciPy's -11, at the same place."""
    A, b = np.array([[0.0, 1.0], [-1.0, 0.0]]), np.array([1.0, 0.0])
    expected = scipy.sparse.linalg.bicgstab(A, b)
    x, _, info = fg.vjp(lambda b: linalg.bicgstab(A, b), b, has_aux=True)
    assert info == expected[1] < 0
    np.testing.assert_array_equal(x, expected[0])


@names
def test_nothing_to_solve(name):
    ours, scipys = both(name)
    x, _, info = fg.vjp(lambda b: ours(MATRICES[name], b, x0=np.ones(N)), np.zeros(N), has_aux=True)
    assert not x.any() and info == scipys(MATRICES[name], np.zeros(N))[1]
    one = np.array([[4.0]])
    np.testing.assert_allclose(fg.grad(lambda b: ours(one, b)[0].sum())(np.ones(1)), [0.25])


@names
def test_errors(name):
    ours, A = both(name)[0], MATRICES[name]
    for b, error, fun in (
        (B, ValueError, lambda b: ours(A[:4], b)),
        (B[:4], ValueError, lambda b: ours(A, b)),
        (np.ones((N, 2)), ValueError, lambda b: ours(A, b)),
        (B, ValueError, lambda b: ours(A, b, x0=np.ones(N + 1))),
        (B, ValueError, lambda b: ours(A, b, x0="b")),
        (B, ValueError, lambda b: ours(A, b, atol=-1.0)),
        (B, ValueError, lambda b: ours(A, b, M=np.eye(2))),
        (B, TypeError, lambda b: ours("A", b)),
        (B, TypeError, lambda b: ours(A, b, callback=print)),
        (B, TypeError, lambda b: ours(2 * aslinearoperator(A), b)),
        (B, TypeError, lambda b: ours(lambda v: v[:3], b)),
    ):
        with pytest.raises(error):
            fg.vjp(lambda b, fun=fun: fun(b)[0], b)
