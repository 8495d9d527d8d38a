"""Linear algebra, products and reductions give JAX's values and gradients, first and second order."""

from __future__ import annotations

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad.ops import linalg, reduce
from funcgrad.ops.contract import dot_general, matmul, mH
from funcgrad.transforms.api import grad

jax = pytest.importorskip("jax")
jnp = jax.numpy
pytestmark = pytest.mark.jax


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


def draw(*shape: int, seed: int = 0, dtype: type = float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return x + 1j * rng.standard_normal(shape) if dtype is complex else x


def regular(*shape: int, dtype: type) -> np.ndarray:
    return draw(*shape, dtype=dtype) + 2 * np.eye(shape[-1])


def positive(*shape: int, dtype: type) -> np.ndarray:
    x = draw(*shape, dtype=dtype)
    return x @ x.conj().mT + np.eye(shape[-1])


def score(outputs):
    """A real number to which every element contributes differently, of arrays of either library."""
    total = 0.0
    for y in outputs if isinstance(outputs, tuple) else (outputs,):
        weights = np.cos(np.arange(1, y.size + 1)).reshape(y.shape)
        total = total + (y.real * weights).sum()
        if y.dtype.kind == "c":
            total = total + (y.imag * (1 - weights)).sum()
    return total


def check(ours, theirs, *args: np.ndarray, nan: bool = False, tol: float = 1e-9, second: bool = True) -> None:
    """The same values, gradients, and (for one argument, or the first) derivatives of the gradients."""
    values = [v if isinstance(v, tuple) else (v,) for v in (ours(*args), theirs(*args))]
    for mine, their in zip(*values, strict=True):
        np.testing.assert_allclose(mine, their, rtol=tol, atol=tol)
    argnums = tuple(range(len(args)))
    along = draw(*args[0].shape, seed=7)

    def slopes(transform, f):
        return transform(lambda *z: score(f(*z)), argnums=argnums)

    def bends(transform, f):
        return transform(lambda *z: (slopes(transform, f)(*z)[0].real * along).sum(), argnums=argnums)

    for derivative in (slopes, bends)[: 1 + second]:
        # compiled whole, JAX takes a third of the time, but the NaN of a maximum becomes zero
        expected = (jax.jit if not nan else lambda f: f)(derivative(jax.grad, theirs))(*args)
        for mine, their in zip(derivative(grad, ours)(*args), expected, strict=True):
            np.testing.assert_allclose(mine, their, rtol=tol, atol=tol, equal_nan=nan)


def weights_of(s) -> np.ndarray:
    return np.arange(1.0, s.shape[-1] + 1)


def eigen_invariants(a):
    w, v = linalg.eigh(a)
    return w, matmul(v * weights_of(w), mH(v))


def jax_eigen_invariants(a):
    w, v = jnp.linalg.eigh(a)
    return w, (v * weights_of(w)) @ v.conj().mT


def singular_invariants(a):
    u, s, vh = linalg.svd(a, full_matrices=False)
    return (
        s,
        matmul(u * weights_of(s), vh),
        matmul(u * weights_of(s), mH(u)),
        matmul(mH(vh) * weights_of(s), vh),
    )


def jax_singular_invariants(a):
    u, s, vh = jnp.linalg.svd(a, full_matrices=False)
    w = weights_of(s)
    return s, (u * w) @ vh, (u * w) @ u.conj().mT, (vh.conj().mT * w) @ vh


cases = pytest.mark.parametrize("dtype", [float, complex])
stacks = pytest.mark.parametrize("stack", [(), (2,)])


@cases
@stacks
def test_square_matrices(stack: tuple[int, ...], dtype: type) -> None:
    a, s = regular(*stack, 3, 3, dtype=dtype), positive(*stack, 3, 3, dtype=dtype)
    check(linalg.inv, jnp.linalg.inv, a)
    check(linalg.det, jnp.linalg.det, a)
    check(linalg.slogdet, lambda x: tuple(jnp.linalg.slogdet(x)), a)
    check(linalg.cholesky, jnp.linalg.cholesky, s)
    check(linalg.eigvalsh, jnp.linalg.eigvalsh, s)
    check(eigen_invariants, jax_eigen_invariants, s)


@cases
@stacks
def test_systems(stack: tuple[int, ...], dtype: type) -> None:
    a, b = regular(*stack, 3, 3, dtype=dtype), draw(*stack, 3, 2, seed=1, dtype=dtype)
    check(linalg.solve, jnp.linalg.solve, a, b)
    check(linalg.solve, jnp.linalg.solve, a, b[(0,) * len(stack)][:, 0])
    for lower in (True, False):
        for trans in (True, False):
            check(
                lambda x, y: linalg.triangular_solve(x, y, lower=lower, trans=trans),
                lambda x, y: jax.lax.linalg.triangular_solve(
                    x, y, left_side=True, lower=lower, transpose_a=trans
                ),
                a,
                b,
            )


@cases
@stacks
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
def test_factorisations(shape: tuple[int, int], stack: tuple[int, ...], dtype: type) -> None:
    a = draw(*stack, *shape, dtype=dtype)
    check(linalg.svdvals, lambda x: jnp.linalg.svd(x, compute_uv=False), a)
    check(singular_invariants, jax_singular_invariants, a)
    if shape[0] >= shape[1]:
        check(linalg.qr, lambda x: tuple(jnp.linalg.qr(x)), a, tol=1e-7)


def test_equal_eigenvalues() -> None:
    eye = np.eye(3)
    for ours, theirs in ((linalg.eigvalsh, jnp.linalg.eigvalsh), (linalg.svdvals, jnp.linalg.svdvals)):
        np.testing.assert_allclose(
            grad(lambda a: score(ours(a)))(eye), jax.grad(lambda a: score(theirs(a)))(eye), atol=1e-12
        )
    mine = grad(lambda a: score(linalg.eigh(a)[1]))(eye)
    their = jax.grad(lambda a: score(jnp.linalg.eigh(a)[1]))(eye)
    np.testing.assert_array_equal(np.isnan(mine), np.isnan(their))


def test_det_of_singular_matrices() -> None:
    for a in (np.diag([1.0, 2.0, 0.0]), draw(3, 2) @ draw(2, 3), np.zeros((2, 2))):
        np.testing.assert_allclose(grad(linalg.det)(a), jax.grad(jnp.linalg.det)(a), atol=1e-12)


@cases
@pytest.mark.parametrize("dims", [
    (((1,), (1,)), ((), ())),
    (((2,), (1,)), ((0,), (0,))),
    (((2, 1), (1, 2)), ((0,), (0,))),
    (((2, 1), (1, 2)), ((), ())),
    (((), ()), ((0,), (0,))),
    (((0,), (0,)), ((1, 2), (2, 1))),
])  # fmt: skip
def test_dot_general(dims: tuple, dtype: type) -> None:
    x, y = draw(2, 3, 4, dtype=dtype), draw(2, 4, 3, seed=1, dtype=dtype)
    if dims[0] == ((1,), (1,)):
        x, y = x[0], y[0].T
    check(
        lambda x, y: dot_general(x, y, contract=dims[0], batch=dims[1]),
        lambda x, y: jax.lax.dot_general(x, y, dims),
        x,
        y,
    )


POINTS = {
    "generic": draw(3, 4),
    "zeros": np.array([[1.0, 0.0, 2.0, 3.0], [0.0, 0.0, 1.0, 2.0], [3.0, 1.0, 2.0, -3.0]]),
    "ties": np.array([[1.0, 1.0, 0.0, 1.0], [2.0, 2.0, 2.0, 2.0], [0.0, 1.0, 0.0, 1.0]]),
    "nan": np.array([[1.0, np.nan, 0.0, 1.0], [2.0, 2.0, 2.0, 2.0], [0.0, 1.0, 0.0, 1.0]]),
}


@pytest.mark.parametrize("axes", [(1,), (0, 1)])
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_reductions(name: str, point: str, axes: tuple[int, ...]) -> None:
    prim = getattr(reduce, f"reduce_{name}")
    check(
        lambda x: prim(x, axes=axes),
        lambda x: getattr(jnp, name)(x, axis=axes),
        POINTS[point],
        nan=point == "nan",
    )


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("point", POINTS)
def test_cumulative(point: str, axis: int) -> None:
    x, nan = POINTS[point], point == "nan"
    check(lambda z: reduce.cumsum(z, axis=axis), lambda z: jax.lax.cumsum(z, axis), x, nan=nan)
    check(
        lambda z: reduce.cumsum(z, axis=axis, reverse=True),
        lambda z: jax.lax.cumsum(z, axis, reverse=True),
        x,
        nan=nan,
    )
    check(lambda z: reduce.cumprod(z, axis=axis), lambda z: jax.lax.cumprod(z, axis), x, nan=nan)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_positions(name: str, point: str) -> None:
    for axis in (0, 1):
        mine = getattr(reduce, name)(POINTS[point], axis=axis)
        np.testing.assert_array_equal(mine, getattr(jnp, name)(POINTS[point], axis=axis))


def rectangle(dtype: type) -> np.ndarray:
    return draw(4, 3, seed=11, dtype=dtype)


NUMPY_CALLS = {
    "eigvals": (lambda m, a: m.linalg.eigvals(a + 0j), regular(3, 3, dtype=float)),
    "eigvals of complex": (lambda m, a: m.linalg.eigvals(a), regular(3, 3, dtype=complex)),
    "eigvals of stacks": (lambda m, a: m.linalg.eigvals(a + 0j), regular(2, 3, 3, dtype=float)),
    "pinv, tall": (lambda m, a: m.linalg.pinv(a), rectangle(float)),
    "pinv, wide": (lambda m, a: m.linalg.pinv(a.T), rectangle(complex)),
    "pinv, stacked": (lambda m, a: m.linalg.pinv(a), draw(2, 3, 4)),
    "pinv of rank 1": (lambda m, a: m.linalg.pinv(a, 1e-6), np.outer([1.0, 2.0, 3.0], [1.0, -1.0])),
    "pinv, hermitian": (lambda m, a: m.linalg.pinv((a + a.T) / 2, hermitian=True), regular(3, 3, dtype=float)),
    "lstsq": (lambda m, a: m.linalg.lstsq(a, np.arange(4.0))[0], rectangle(float)),
    "lstsq, wide": (lambda m, a: m.linalg.lstsq(a.T, np.ones((3, 2)))[0], rectangle(complex)),
    "lstsq, values": (lambda m, a: m.linalg.lstsq(a, np.arange(4.0))[3], rectangle(float)),
    "tensorinv": (lambda m, a: m.linalg.tensorinv(a[:, None], ind=1), regular(3, 3, dtype=float)),
    "tensorsolve": (lambda m, a: m.linalg.tensorsolve(a[:, None], np.ones(3)), regular(3, 3, dtype=complex)),
    "cond, fro": (lambda m, a: m.linalg.cond(a, "fro"), regular(3, 3, dtype=complex)),
    "cond, inf": (lambda m, a: m.linalg.cond(a, np.inf), regular(2, 3, 3, dtype=float)),
    "cond, -2": (lambda m, a: m.linalg.cond(a, -2), rectangle(float)),
    "vector_norm": (lambda m, a: m.linalg.vector_norm(a, ord=3), rectangle(complex)),
    "vector_norm of axes": (lambda m, a: m.linalg.vector_norm(a, axis=(0, 2), keepdims=True), draw(2, 3, 4)),
    "matrix_norm": (lambda m, a: m.linalg.matrix_norm(a, ord="nuc"), draw(2, 3, 4, dtype=complex)),
    "svdvals, hermitian": (
        lambda m, a: m.linalg.svd((a + a.T) / 2, compute_uv=False, hermitian=True), regular(3, 3, dtype=float)
    ),
}  # fmt: skip


FIRST_ORDER = {
    "eigvals": "JAX has no second derivative",
    "pinv of rank": "JAX's first derivative is wrong beside that rank, so that its second is at it",
}


@pytest.mark.parametrize("name", NUMPY_CALLS)
def test_numpys_names(name: str) -> None:
    call, a = NUMPY_CALLS[name]
    second = not name.startswith(tuple(FIRST_ORDER))
    check(lambda a: call(fnp, a), lambda a: call(jnp, a), a, tol=1e-7, second=second)


@cases
def test_eigenvectors(dtype: type) -> None:
    """LAPACK's own, with their length and phase."""
    theirs = lambda a: tuple(
        jax.lax.linalg.eig(a, compute_left_eigenvectors=False, enable_eigvec_derivs=True)
    )
    check(linalg.eig, theirs, regular(3, 3, dtype=dtype), tol=1e-7)


def test_derivatives_at_equal_and_defective_eigenvalues() -> None:
    """Finite where there are enough vectors; elsewhere as large as JAX's, or an error."""
    total = lambda m: lambda a: score(m.linalg.eigvals(a))
    for a in (np.eye(3), np.zeros((2, 2)), np.diag([1.0, 1.0, 2.0])):
        np.testing.assert_allclose(grad(total(fnp))(a), jax.grad(total(jnp))(a), atol=1e-12)
    shear = np.array([[1.0, 1.0], [0.0, 1.0]])
    assert np.abs(grad(total(fnp))(shear)).max() > 1e14 < np.abs(jax.grad(total(jnp))(shear)).max()
    with np.errstate(all="ignore"):
        assert np.isnan(grad(lambda a: score(linalg.eig(a)[1]))(np.eye(2))).all()
