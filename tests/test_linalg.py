"""Linear algebra, products, reductions: identities, derivatives by differences, stacks, edges and errors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import funcgrad.numpy  # noqa: F401  (traced values get their operators)
from funcgrad.core.avals import aval_of
from funcgrad.errors import NotDifferentiableError
from funcgrad.ops.broadcasting import reduce_sum
from funcgrad.ops.contract import dot_general, matmul, mH, mT
from funcgrad.ops.linalg import (
    cholesky,
    cofactor,
    det,
    eigh,
    eigvalsh,
    inv,
    lstsq,
    pinv,
    qr,
    slogdet,
    solve,
    svd,
    svdvals,
    triangular_solve,
)
from funcgrad.ops.reduce import cumprod, cumsum, reduce_max, reduce_min, reduce_prod
from funcgrad.transforms.api import grad, jvp, value_and_grad
from funcgrad.transforms.vmap import vmap


def draw(*shape: int, seed: int = 0, dtype: type = float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


def regular(*shape: int, seed: int = 0, dtype: type = float) -> np.ndarray:
    return draw(*shape, seed=seed, dtype=dtype) + (2 * np.eye(shape[-1])).astype(dtype)


def positive(*shape: int, seed: int = 0, dtype: type = float) -> np.ndarray:
    x = draw(*shape, seed=seed, dtype=dtype)
    return x @ x.conj().mT + np.eye(shape[-1], dtype=dtype)


def symmetric(x):
    return (x + mT(x)) * 0.5


def weighted(y):
    """A sum in which every element counts differently."""
    weights = np.cos(np.arange(1, y.size + 1)).reshape(y.shape).astype(y.dtype)
    return reduce_sum(y * weights, axes=tuple(range(y.ndim)))


def difference(f, x: np.ndarray, along: np.ndarray, eps: float = 1e-6) -> float:
    return (f(x + eps * along) - f(x - eps * along)) / (2 * eps)


def check_derivatives(f, x: np.ndarray, tol: float = 1e-6) -> None:
    """Gradient, tangent and second derivative of a scalar function along a direction."""
    along = draw(*x.shape, seed=99)
    slope = difference(f, x, along)
    np.testing.assert_allclose((grad(f)(x) * along).sum(), slope, rtol=tol, atol=tol)
    np.testing.assert_allclose(jvp(f, (x,), (along,))[1], slope, rtol=tol, atol=tol)
    bend = difference(lambda z: (grad(f)(z) * along).sum(), x, along)
    second = grad(lambda z: weighted_by(grad(f)(z), along))(x)
    np.testing.assert_allclose((second * along).sum(), bend, rtol=1e-4, atol=1e-4)


def weighted_by(y, weights):
    return reduce_sum(y * weights, axes=tuple(range(y.ndim)))


A = regular(4, 4)
B = draw(4, 2, seed=1)
TALL = draw(5, 3, seed=2)
WIDE = draw(2, 4, seed=3)


def spectral(a):
    """A function of eigenvalues and eigenvectors that does not depend on the vectors' signs."""
    w, v = eigh(symmetric(a))
    return matmul(v * (w * np.arange(1.0, w.shape[-1] + 1)).reshape((*w.shape[:-1], 1, -1)), mT(v))


def projected(a):
    u, s, vh = svd(a, full_matrices=False)
    return matmul(u * np.arange(1.0, s.shape[-1] + 1), vh)


FUNCTIONS = {
    "solve for b": lambda b: solve(A, b) * 1.0,
    "solve for a": lambda a: solve(a, B),
    "solve for a, vector": lambda a: solve(a, B[:, 0]),
    "triangular, lower": lambda a: triangular_solve(a, B, lower=True),
    "triangular, upper": lambda a: triangular_solve(a, B, lower=False),
    "triangular, lower transposed": lambda a: triangular_solve(a, B, lower=True, trans=True),
    "triangular, upper transposed": lambda a: triangular_solve(a, B, lower=False, trans=True),
    "inv": inv,
    "det": det,
    "cofactor": cofactor,
    "logdet": lambda a: slogdet(a)[1],
    "cholesky": lambda a: cholesky(matmul(a, mT(a))),
    "eigvalsh": lambda a: eigvalsh(symmetric(a)),
    "eigvalsh, upper": lambda a: eigvalsh(symmetric(a), "U"),
    "eigh": spectral,
    "q of qr": lambda a: qr(a)[0],
    "r of qr": lambda a: qr(a)[1],
    "qr, complete": lambda a: qr(a, mode="complete")[1],
    "svdvals": svdvals,
    "svd": projected,
    "svd, full": lambda a: svd(a)[1],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives(name: str) -> None:
    f = FUNCTIONS[name]
    x = B if name == "solve for b" else A
    check_derivatives(lambda z: weighted(f(z)), x)


RECTANGLES = [(f, x) for f in (lambda a: qr(a)[0], lambda a: qr(a)[1], projected, svdvals) for x in (TALL, WIDE)]


@pytest.mark.parametrize("f, x", RECTANGLES)
def test_derivatives_of_rectangular_matrices(f, x: np.ndarray) -> None:
    check_derivatives(lambda z: weighted(f(z)), x)


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n != "solve for b"])
def test_stacks_and_batches_are_loops(name: str) -> None:
    f = FUNCTIONS[name]
    stack = regular(3, 4, 4, seed=5)
    values = np.stack([f(a) for a in stack])
    gradients = np.stack([grad(lambda z: weighted(f(z)))(a) for a in stack])
    np.testing.assert_allclose(vmap(f)(stack), values, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(vmap(grad(lambda z: weighted(f(z))))(stack), gradients, rtol=1e-9, atol=1e-9)
    both = np.stack([grad(lambda z: weighted(vmap(f)(z)))(np.stack([a, a])) for a in stack])
    assert both.shape == (3, 2, 4, 4)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
@pytest.mark.parametrize("name", [n for n in FUNCTIONS if "eigvals" not in n])
def test_single_precision_stays(name: str, dtype: type) -> None:
    constants = {"A": A.astype(dtype), "B": B.astype(dtype)}
    x = constants["B"] if name == "solve for b" else regular(4, 4, dtype=dtype)
    single = {
        "solve for b": lambda b: solve(constants["A"], b),
        "solve for a": lambda a: solve(a, constants["B"]),
        "solve for a, vector": lambda a: solve(a, constants["B"][:, 0]),
        "cholesky": lambda a: cholesky(matmul(a, mH(a))),
        "eigh": lambda a: eigh(matmul(a, mH(a)))[1],
        "svd": lambda a: svd(a, full_matrices=False)[0],
    }
    f = single.get(name, FUNCTIONS[name])
    if name.startswith("triangular"):
        lower, trans = "lower" in name, "transposed" in name
        f = lambda a: triangular_solve(a, constants["B"], lower=lower, trans=trans)

    def loss(z):
        y = f(z)
        return reduce_sum(y.real * y.real, axes=tuple(range(y.ndim)))

    value, gradient = value_and_grad(loss)(x)
    assert value.dtype == np.float32
    assert gradient.dtype == dtype


@pytest.mark.parametrize("dtype", [float, complex])
def test_identities(dtype: type) -> None:
    a, b = regular(2, 3, 3, dtype=dtype), draw(2, 3, 2, seed=1, dtype=dtype)
    s = positive(2, 3, 3, dtype=dtype)
    eye = np.broadcast_to(np.eye(3), (2, 3, 3))
    np.testing.assert_allclose(a @ inv(a), eye, atol=1e-12)
    np.testing.assert_allclose(a @ solve(a, b), b, atol=1e-12)
    for lower, trans in itertools.product((True, False), repeat=2):
        t = np.tril(a) if lower else np.triu(a)
        x = triangular_solve(a, b, lower=lower, trans=trans)
        np.testing.assert_allclose((t.mT if trans else t) @ x, b, atol=1e-10)
    l = cholesky(s)
    np.testing.assert_allclose(l @ l.conj().mT, s, atol=1e-12)
    w, v = eigh(s)
    np.testing.assert_allclose((v * w[:, None]) @ v.conj().mT, s, atol=1e-12)
    u, sigma, vh = svd(draw(2, 4, 3, dtype=dtype), full_matrices=False)
    np.testing.assert_allclose((u * sigma[:, None]) @ vh, draw(2, 4, 3, dtype=dtype), atol=1e-12)
    sign, logdet = slogdet(a)
    np.testing.assert_allclose(sign * np.exp(logdet), det(a), atol=1e-12)
    np.testing.assert_allclose(a @ cofactor(a).mT, det(a)[:, None, None] * eye, atol=1e-12)


LEAST_SQUARES: dict[str, Any] = {
    "pinv": lambda z: pinv(z, np.array(0.3)),
    "lstsq": lambda z: lstsq(z, draw(z.shape[-2], 2, seed=4), rcond=0.3),
}


@pytest.mark.parametrize("name", LEAST_SQUARES)
@pytest.mark.parametrize("dtype", [float, complex])
def test_derivatives_beside_the_rank_that_is_kept(dtype: type, name: str) -> None:
    """First and second, in directions that leave the rank, at zero and at other values left out."""
    low = draw(4, 1, dtype=dtype) @ draw(1, 3, seed=1, dtype=dtype)
    near = low + 0.05 * draw(4, 3, seed=2, dtype=dtype)
    for a in (low, near, low.T, near.T):
        f = lambda z: weighted(LEAST_SQUARES[name](z).real)
        along = draw(*a.shape, seed=3, dtype=dtype)
        slope = lambda z: jvp(f, (z,), (along,))[1]
        np.testing.assert_allclose(slope(a), difference(f, a, along), rtol=1e-6)
        np.testing.assert_allclose(jvp(slope, (a,), (along,))[1], difference(slope, a, along), rtol=1e-6)
        np.testing.assert_allclose(weighted_by(grad(f)(a), along).real, slope(a), rtol=1e-9)


def test_least_squares_of_a_large_condition_number() -> None:
    """As precise as by an orthogonal factorisation: the derivatives are not those of the normal equations."""
    a = np.vander(np.linspace(0.0, 1.0, 30), 10)
    b = np.sin(np.arange(60.0)).reshape(30, 2)
    assert np.linalg.cond(a) > 1e6

    def by_factors(a: Any, b: Any) -> Any:
        q, r = qr(a)
        return triangular_solve(r, matmul(mT(q), b), lower=False)

    ours = grad(lambda a, b: weighted(lstsq(a, b, rcond=1e-14)), (0, 1))(a, b)
    for found, expected in zip(ours, grad(lambda a, b: weighted(by_factors(a, b)), (0, 1))(a, b)):
        np.testing.assert_allclose(found, expected, atol=1e-8 * abs(expected).max())
    found = grad(lambda a: weighted(pinv(a)))(a)
    expected = grad(lambda a: weighted(by_factors(a, np.eye(30))))(a)
    np.testing.assert_allclose(found, expected, atol=1e-6 * abs(expected).max())


def test_the_gradient_of_an_identity_is_zero() -> None:
    np.testing.assert_allclose(grad(lambda a: weighted(matmul(a, inv(a))))(A), 0, atol=1e-12)
    np.testing.assert_allclose(grad(lambda a: weighted(solve(a, matmul(a, B))))(A), 0, atol=1e-12)
    weights = np.cos(np.arange(1, 17)).reshape(4, 4)
    np.testing.assert_allclose(grad(lambda a: weighted(matmul(*qr(a))))(A), weights, atol=1e-12)


@pytest.mark.parametrize("a_stack, b_shape", [((), (4,)), ((2,), (4,)), ((), (3, 4, 2)), ((3,), (4, 2)),
                                              ((2, 1), (3, 4, 2)), ((3,), (2, 3, 4, 2))])  # fmt: skip
def test_solve_broadcasts_as_numpy(a_stack: tuple[int, ...], b_shape: tuple[int, ...]) -> None:
    a, b = regular(*a_stack, 4, 4), draw(*b_shape, seed=1)
    np.testing.assert_allclose(solve(a, b), np.linalg.solve(a, b), rtol=1e-10, atol=1e-12)
    lower = np.tril(a)
    np.testing.assert_allclose(
        triangular_solve(a, b, lower=True), np.linalg.solve(lower, b), rtol=1e-9, atol=1e-12
    )
    check_derivatives(lambda z: weighted(solve(z, b)), a)
    check_derivatives(lambda z: weighted(solve(a, z)), b)


@pytest.mark.parametrize("in_axes", [(0, None), (None, 0), (0, 0), (1, 2)])
@pytest.mark.parametrize("stack", [(), (2,)])
def test_batched_solve_is_a_loop(in_axes: tuple, stack: tuple[int, ...]) -> None:
    a, b = regular(3, *stack, 4, 4), draw(3, *stack, 4, 2, seed=1)
    batched_a = a[0] if in_axes[0] is None else np.moveaxis(a, 0, in_axes[0])
    batched_b = b[0] if in_axes[1] is None else np.moveaxis(b, 0, in_axes[1])
    expected = np.stack(
        [
            np.linalg.solve(a[i if in_axes[0] is not None else 0], b[i if in_axes[1] is not None else 0])
            for i in range(3)
        ]
    )
    np.testing.assert_allclose(
        vmap(solve, in_axes=in_axes)(batched_a, batched_b), expected, rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("n", [65, 150])
@pytest.mark.parametrize("lower", [True, False])
def test_large_triangles_by_halves(n: int, lower: bool) -> None:
    a, b = draw(2, n, n) / n + np.eye(n), draw(2, n, 3, seed=1)
    garbage = np.where(np.tri(n, dtype=bool) if lower else np.tri(n, dtype=bool).T, a, np.nan)
    triangle = np.tril(a) if lower else np.triu(a)
    np.testing.assert_allclose(triangle @ triangular_solve(garbage, b, lower=lower), b, atol=1e-12)


def leibniz(a):
    """The determinant as a polynomial."""
    n = a.shape[-1]
    total = 0.0
    for order in itertools.permutations(range(n)):
        swaps = sum(p > q for i, p in enumerate(order) for q in order[i + 1 :])
        term = -1.0 if swaps % 2 else 1.0
        for i, j in enumerate(order):
            term = term * a[i, j]
        total = total + term
    return total


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
@pytest.mark.parametrize("kind", ["general", "diagonal"])
def test_derivatives_of_det_are_those_of_a_polynomial(rank: int, kind: str) -> None:
    a = (
        draw(3, rank) @ draw(rank, 3, seed=1)
        if kind == "general"
        else np.diag(np.arange(3) < rank).astype(float)
    )
    f, g = det, leibniz
    for order in range(3):
        np.testing.assert_allclose(grad(f)(a), grad(g)(a), atol=1e-12)
        u = draw(3, 3, seed=order)
        f, g = (lambda z, h=h, u=u: weighted_by(grad(h)(z), u) for h in (f, g))


def test_cofactors_do_not_underflow() -> None:
    tiny = (1e-4 * np.eye(10)).astype(np.float32)
    np.testing.assert_allclose(np.diag(cofactor(tiny)), 1e-36, rtol=1e-5)
    # frexp makes 0.5 of each factor, and 0.5 ** 200 is no float32
    projection = np.diag(np.r_[np.ones(200), 0.0]).astype(np.float32)
    assert cofactor(projection)[-1, -1] == 1


def test_a_matrix_of_nan_spoils_no_other() -> None:
    stack = np.stack([A, np.full((4, 4), np.nan), np.zeros((4, 4))])
    with np.errstate(invalid="ignore"):  # NumPy's det warns
        gradient = grad(lambda a: weighted(det(a)))(stack)
    assert np.isnan(gradient[1]).all() and not gradient[2].any()
    np.testing.assert_allclose(gradient[0], np.cos(1) * cofactor(A), rtol=1e-10)
    assert cofactor(stack.astype(np.float32)).dtype == np.float32


def test_values_are_differentiable_where_they_are_equal() -> None:
    assert np.isfinite(grad(lambda a: weighted(eigvalsh(a)))(np.eye(3))).all()
    assert np.isfinite(grad(lambda a: weighted(svdvals(a)))(np.eye(3))).all()
    assert np.isfinite(jvp(eigvalsh, (np.eye(3),), (np.ones((3, 3)),))[1]).all()
    assert np.isnan(grad(lambda a: weighted(eigh(a)[1]))(np.eye(3))).any()


@pytest.mark.parametrize("f", [inv, det, cofactor, cholesky, eigvalsh, svdvals, lambda a: slogdet(a)[1],
                               lambda a: eigh(a)[1], lambda a: qr(a)[0],
                               lambda a: solve(a, np.zeros((0, 2)))])  # fmt: skip
def test_empty_matrices(f) -> None:
    a = np.zeros((0, 0))
    assert grad(lambda z: reduce_sum(f(z), axes=tuple(range(f(z).ndim))))(a).shape == (0, 0)


@pytest.mark.parametrize("f", [inv, det, cholesky, svdvals, lambda a: qr(a)[1], lambda a: eigh(a)[1],
                               lambda a: solve(a, np.ones(2)),
                               lambda a: triangular_solve(a, np.ones(2), lower=True)])  # fmt: skip
def test_empty_stacks(f) -> None:
    assert grad(lambda z: weighted(f(z)))(np.zeros((0, 2, 2))).shape == (0, 2, 2)


SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])


@pytest.mark.parametrize("f", [inv, lambda a: solve(a, np.ones(2)), lambda a: slogdet(a)[1],
                               lambda a: triangular_solve(a * 0, np.ones(2), lower=True),
                               lambda a: cholesky(-a), lambda a: qr(a * 0)[0]])  # fmt: skip
def test_singular_matrices_raise(f) -> None:
    with pytest.raises(np.linalg.LinAlgError):
        grad(lambda z: weighted(f(z)))(SINGULAR)


@pytest.mark.parametrize("f", [inv, det, cholesky, eigvalsh, lambda a: slogdet(a)[1]])
def test_rectangles_where_squares_are_due(f) -> None:
    with pytest.raises(np.linalg.LinAlgError, match="square"):
        f(TALL)
    with pytest.raises(np.linalg.LinAlgError, match="square"):
        vmap(f)(TALL[None])


@pytest.mark.parametrize("f, x, text", [
    (lambda a: qr(a, mode="complete")[1], TALL, "mode='reduced'"),
    (lambda a: svd(a)[1], TALL, "full_matrices=False"),
])  # fmt: skip
def test_what_has_no_derivative_says_what_to_write(f, x: np.ndarray, text: str) -> None:
    assert f(x).size
    with pytest.raises(NotDifferentiableError, match=text):
        grad(lambda z: weighted(f(z)))(x)


def test_integer_matrices_become_float() -> None:
    a = np.array([[2, 1], [1, 3]])
    for f in (inv, det, cholesky, cofactor, svdvals, lambda a: solve(a, np.array([1, 2]))):
        assert f(a).dtype == np.float64
        assert det.shape(aval_of(a)).dtype == np.float64
    np.testing.assert_allclose(triangular_solve(a, np.array([2, 4]), lower=True), [1, 1])


# products


def einsum(x: np.ndarray, y: np.ndarray, contract: tuple, batch: tuple) -> np.ndarray:
    letters = iter("abcdefghijkl")
    x_names, y_names = [""] * x.ndim, [""] * y.ndim
    for i, j in zip(batch[0] + contract[0], batch[1] + contract[1]):
        x_names[i] = y_names[j] = next(letters)
    x_names, y_names = ([name or next(letters) for name in names] for names in (x_names, y_names))
    out = [x_names[i] for i in batch[0]]
    out += [n for i, n in enumerate(x_names) if i not in contract[0] + batch[0]]
    out += [n for i, n in enumerate(y_names) if i not in contract[1] + batch[1]]
    return np.einsum(f"{''.join(x_names)},{''.join(y_names)}->{''.join(out)}", x, y)


def pairings(x_rank: int, y_rank: int):
    for pairs in range(min(x_rank, y_rank) + 1):
        for x_axes in itertools.permutations(range(x_rank), pairs):
            for y_axes in itertools.combinations(range(y_rank), pairs):
                for cut in range(pairs + 1):
                    yield (x_axes[cut:], y_axes[cut:]), (x_axes[:cut], y_axes[:cut])


@pytest.mark.parametrize("x_rank, y_rank", list(itertools.product(range(4), repeat=2)))
def test_dot_general_over_all_axes(x_rank: int, y_rank: int) -> None:
    dtypes = itertools.cycle(
        [(float, float), (np.float32, np.float32), (int, int), (bool, bool), (complex, np.float32)]
    )
    for case, (contract, batch) in enumerate(pairings(x_rank, y_rank)):
        x_shape, y_shape = [4, 3, 2][:x_rank], [5, 1, 3][:y_rank]
        if case % 7 == 6 and x_rank:
            x_shape[0] = 0
        for i, j in zip(contract[0] + batch[0], contract[1] + batch[1]):
            y_shape[j] = x_shape[i]
        x_dtype, y_dtype = next(dtypes)
        x, y = (3 * draw(*x_shape)).astype(x_dtype), (3 * draw(*y_shape, seed=1)).astype(y_dtype)
        z, expected = dot_general(x, y, contract=contract, batch=batch), einsum(x, y, contract, batch)
        assert (z.shape, z.dtype) == (expected.shape, expected.dtype)
        aval = dot_general.shape(aval_of(x), aval_of(y), contract=contract, batch=batch)
        assert (aval.shape, aval.dtype) == (z.shape, z.dtype)
        np.testing.assert_allclose(z, expected, rtol=1e-4, atol=1e-4)
        x, y = draw(*x_shape), draw(*y_shape, seed=1)
        weights = draw(*expected.shape, seed=2)
        product = lambda x, y: dot_general(x, y, contract=contract, batch=batch)
        gradients = grad(lambda x, y: weighted_by(product(x, y), weights), argnums=(0, 1))(x, y)
        for g, other, moved in zip(gradients, (draw(*x_shape, seed=3), draw(*y_shape, seed=4)), (0, 1)):
            changed = (x, other) if moved else (other, y)
            np.testing.assert_allclose((g * other).sum(), (product(*changed) * weights).sum(), atol=1e-10)
        for in_axes in ((0, 0), (0, None), (None, 0)):
            xs = np.stack([x, 2 * x, x + 1]) if in_axes[0] == 0 else x
            ys = np.stack([y, 3 * y, y - 1]) if in_axes[1] == 0 else y
            loop = [
                product(xs[i] if in_axes[0] == 0 else x, ys[i] if in_axes[1] == 0 else y) for i in range(3)
            ]
            np.testing.assert_allclose(vmap(product, in_axes)(xs, ys), np.stack(loop), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "contract, batch", [(((1,), (0,)), ((), ())), (((2,), (1,)), ((0,), (0,))), (((), ()), ((0,), (0,)))]
)
def test_lengths_that_differ_raise(contract: tuple, batch: tuple) -> None:
    rank = 2 + len(batch[0])
    x, y = draw(*(2, 3, 4)[:rank]), draw(*(1, 5, 6)[:rank])
    with pytest.raises(ValueError, match="aligned"):
        dot_general(x, y, contract=contract, batch=batch)
    with pytest.raises(ValueError, match="aligned"):
        dot_general.shape(aval_of(x), aval_of(y), contract=contract, batch=batch)


def test_gradients_of_matrix_products_need_no_copy() -> None:
    from funcgrad.core.tape import Node

    a, b = draw(3, 4), draw(4, 5)
    saved, tracked = [a, b], (Node(), Node())
    cts = dot_general.pull(saved, tracked, draw(3, 5), {"contract": ((1,), (0,)), "batch": ((), ())})
    assert all(ct.flags.c_contiguous for ct in cts)


# reductions


@pytest.mark.parametrize(
    "dtype", [bool, np.int8, np.int32, np.uint8, np.uint64, np.float16, np.float32, complex]
)
@pytest.mark.parametrize("prim", [reduce_sum.prim, reduce_prod, reduce_max, reduce_min])
def test_reductions_have_numpys_dtypes(prim, dtype: type) -> None:
    x = np.ones((2, 3, 4), dtype)
    for axes in ((), (0,), (1, 2), (0, 1, 2)):
        y, aval = prim(x, axes=axes), prim.shape(aval_of(x), axes=axes)
        assert (np.shape(y), y.dtype) == (aval.shape, aval.dtype)
    for cumulative in (cumsum, cumprod):
        y, aval = cumulative(x, axis=1), cumulative.shape(aval_of(x), axis=1)
        assert (y.shape, y.dtype) == (aval.shape, aval.dtype)


def test_reversed_cumsum() -> None:
    x = draw(3, 4)
    expected = np.cumsum(x[:, ::-1], axis=1)[:, ::-1]
    y = cumsum(x, axis=1, reverse=True)
    np.testing.assert_array_equal(y, expected)
    assert y.flags.c_contiguous
    assert cumsum(np.ones(3, np.int32), axis=0, reverse=True).dtype == np.int64


@pytest.mark.parametrize("prim", [reduce_max, reduce_min])
def test_extremes_of_nothing_raise_as_numpy_does(prim) -> None:
    for shape, axes in [((0,), (0,)), ((0, 3), (0,)), ((2, 0), (0, 1))]:
        with pytest.raises(ValueError, match="zero-size array"):
            prim(np.zeros(shape), axes=axes)
        with pytest.raises(ValueError, match="zero-size array"):
            prim.shape(aval_of(np.zeros(shape)), axes=axes)
    assert (
        prim(np.zeros((0, 3)), axes=(1,)).shape
        == prim.shape(aval_of(np.zeros((0, 3))), axes=(1,)).shape
        == (0,)
    )


def test_ties_share_the_gradient_and_nan_spreads() -> None:
    x = np.array([[3.0, 1.0, 3.0], [2.0, np.nan, 5.0]])
    for prim, row in ((reduce_max, [0.5, 0, 0.5]), (reduce_min, [0, 1, 0])):
        gradient = grad(lambda z: weighted_by(prim(z, axes=(1,)), np.ones(2)))(x)
        np.testing.assert_array_equal(gradient, [row, [np.nan] * 3])


@pytest.mark.parametrize("zeros", [(), (1,), (1, 3), (0, 1, 2, 3, 4)])
def test_products_with_zeros(zeros: tuple[int, ...]) -> None:
    x = draw(5)
    x[list(zeros)] = 0
    check_derivatives(lambda z: reduce_prod(z, axes=(0,)) * 1.0, x)
    check_derivatives(lambda z: weighted(cumprod(z, axis=0)), x)
    others = [np.prod(np.delete(x, i)) for i in range(5)]
    np.testing.assert_allclose(grad(lambda z: reduce_prod(z, axes=(0,)))(x), others, atol=1e-14)


@pytest.mark.parametrize("n", [10, 100_000])
def test_a_gradient_of_sum_is_the_users_to_write(n: int) -> None:
    g = grad(lambda x: reduce_sum(x, axes=(0,)))(np.ones(n))
    g += 1
    assert (g == 2).all() and g.flags.c_contiguous


def test_empty_reductions() -> None:
    x = np.zeros((0, 3))
    for f in (reduce_sum, reduce_prod):
        assert grad(lambda z: weighted(f(z, axes=(0,))))(x).shape == (0, 3)
        assert grad(lambda z: f(z, axes=(0, 1)))(x).shape == (0, 3)
    for f in (cumsum, cumprod):
        assert grad(lambda z: weighted(f(z, axis=0)))(x).shape == (0, 3)
