"""Products of SciPy's sparse matrices with traced values, and what is said where a matrix would hold these."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from scipy.sparse.linalg import aslinearoperator

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.test_util import check_grads

_rng = np.random.default_rng(7)
DENSE = _rng.normal(size=(5, 4)) * (_rng.random((5, 4)) < 0.5)
VECTOR, COLUMNS, LEFT = _rng.normal(size=4), _rng.normal(size=(4, 3)), _rng.normal(size=5)
FORMATS = ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
KINDS = [f"{name}_{kind}" for name in FORMATS for kind in ("array", "matrix")]
ROWS = np.arange(4)
PRODUCTS = {
    "A @ x": (lambda A, x: A @ x, VECTOR),
    "A @ X": (lambda A, x: A @ x, COLUMNS),
    "A @ column": (lambda A, x: A @ x, VECTOR[:, None]),
    "A @ strided": (lambda A, x: A @ x[::2], np.repeat(VECTOR, 2)),
    "x @ A": (lambda A, x: x @ A, LEFT),
    "X @ A": (lambda A, x: x @ A, _rng.normal(size=(2, 5))),
    "A.T @ x": (lambda A, x: A.T @ x, LEFT),
    "no columns": (lambda A, x: A @ x[:, :0], COLUMNS),
}
DOT = (lambda A, x: A @ x if A is DENSE else A.dot(x), VECTOR)


@pytest.mark.parametrize("kind", KINDS)
def test_every_transformation_as_with_the_dense_matrix(kind):
    A = getattr(scipy.sparse, kind)(DENSE)
    for name, (apply, x) in {**PRODUCTS, **({} if kind.startswith("coo") else {"dot": DOT})}.items():
        sparse, dense = (lambda x, M=M, apply=apply: np.sum(apply(M, x) ** 3) for M in (A, DENSE))
        stack = np.stack([x, x**2, -x])
        for transform, given in (
            (fg.value_and_grad, x),
            (fg.hessian, x),
            (lambda f: lambda x: fg.jvp(f, (x,), (x + 1,)), x),
            (lambda f: fg.vmap(fg.grad(f)), stack),
            (lambda f: fg.jit(fg.value_and_grad(f)), x),
            (lambda f: fg.jit(fg.vmap(fg.grad(f))), stack),
        ):
            ours, theirs = transform(sparse)(given), transform(dense)(given)
            for a, b in zip(fg.tree.leaves(ours), fg.tree.leaves(theirs), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12, err_msg=name)
                assert type(a) is type(b)


def test_dtypes_are_scipys():
    for of in (np.float64, np.float32, np.complex128, np.int64, np.bool_):
        A = scipy.sparse.csr_array((DENSE * 4).astype(of))
        for kind in (np.float64, np.float32, np.complex64, np.float16):
            x = np.arange(4).astype(kind)
            expected = A @ x
            for found in (fg.jit(lambda x, A=A: A @ x)(x), fg.jvp(lambda x, A=A: A @ x, (x,), (x,))[1]):
                np.testing.assert_allclose(found, expected, rtol=1e-5)
                assert found.dtype == expected.dtype
            if kind is not np.complex64:
                gradient = fg.grad(lambda x, A=A: np.sum(np.real(A @ x)))(x)
                np.testing.assert_allclose(gradient, np.real(A.sum(axis=0)).astype(kind), rtol=1e-2)
                assert gradient.dtype == kind


def test_elements_that_meet_add_up_and_none_leave_zeros():
    twice = scipy.sparse.coo_array(([1.0, 2.0, 5.0], ([0, 0, 2], [1, 1, 0])), shape=(3, 2))
    empty = scipy.sparse.csr_array((3, 4))
    for run in (lambda f: f, fg.jit):
        assert run(fg.jacobian(lambda x: twice @ x))(np.ones(2)).tolist() == [[0, 3], [0, 0], [5, 0]]
        assert run(fg.grad(lambda x: np.sum(empty @ x)))(np.ones(4)).tolist() == [0, 0, 0, 0]
    row = scipy.sparse.coo_array(([1.0, 2.0], ([0, 3],)), shape=(4,))
    check_grads(lambda x: np.sin(row @ x), (VECTOR,), 2)
    assert np.isnan(fg.jit(lambda x: twice @ x)(np.array([np.nan, 1.0]))).tolist() == [False, False, True]


def test_of_written_arrays_and_in_loops():
    A = scipy.sparse.csr_array(DENSE @ DENSE.T)

    def written(x):
        b = fnp.zeros(5)
        b[1:] = x
        return np.sum((A @ b) ** 2)

    step = lambda x: fg.lax.fori_loop(0, 3, lambda i, v: np.tanh(A @ v), x).sum()
    check_grads(written, (VECTOR,), 2)
    check_grads(step, (LEFT,), 2)
    np.testing.assert_allclose(fg.jit(fg.grad(step))(LEFT), fg.grad(step)(LEFT), rtol=1e-10)


def test_a_product_is_one_kernel():
    A = scipy.sparse.csr_array(DENSE)
    assert fg.jit(fg.grad(lambda x: np.sum((A @ x) ** 2))).lower(VECTOR).reasons == []


REFUSED = {
    "old product": (lambda x: scipy.sparse.csr_matrix(DENSE) * x, TypeError, "A @ x"),
    "elements": (lambda x: scipy.sparse.csr_array(DENSE) * x, TypeError, "A @ x"),
    "sum": (lambda x: scipy.sparse.csr_array(DENSE) + x, TypeError, "A.toarray()"),
    "coo.dot": (lambda x: scipy.sparse.coo_array(DENSE).dot(x), TypeError, "A @ x"),
    "operator": (lambda x: aslinearoperator(DENSE) @ x, fg.errors.TracerConversionError, "write A @ x for the matrix"),
    "coo": (
        lambda x: scipy.sparse.coo_array((x, (ROWS, ROWS)), shape=(4, 4)),
        fg.errors.TracedArrayError,
        "In place of scipy.sparse.coo_array, write fg.ops.segment_sum(data * x[columns], rows, m)",
    ),
    "csr": (
        lambda x: scipy.sparse.csr_matrix((x, (ROWS, ROWS)), shape=(4, 4)),
        fg.errors.TracedArrayError,
        "In place of scipy.sparse.csr_matrix, write fg.ops.segment_sum",
    ),
    "diags": (
        lambda x: scipy.sparse.diags_array([x], offsets=[0]),
        fg.errors.TracedArrayError,
        "In place of scipy.sparse.diags_array, write d * x",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    apply, kind, written = REFUSED[name]
    with pytest.raises(kind) as error:
        fg.grad(lambda x: np.sum(apply(x)))(VECTOR)
    assert written in str(error.value) and "test_scipy_sparse_products.py:" in str(error.value)
    assert error.value.__cause__ is None


def test_shapes_that_do_not_fit():
    A = scipy.sparse.csr_array(DENSE)
    for apply in (lambda x: A @ x[:3], lambda x: x @ A, lambda x: A @ x[0], lambda x: A @ x.reshape(4, 1, 1)):
        with pytest.raises(ValueError, match="matmul: "):
            fg.grad(lambda x, apply=apply: np.sum(apply(x)))(VECTOR)
