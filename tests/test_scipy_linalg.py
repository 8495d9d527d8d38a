"""`funcgrad.scipy.linalg`: SciPy's values, dtypes and errors in every mode, derivatives against differences."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import scipy.linalg

import funcgrad as fg
from funcgrad.numpy.dispatch import since
from funcgrad.scipy import linalg
from funcgrad.test_util import check_grads
from tests.groups import together

_draw = np.random.default_rng(5).normal
A = 0.4 * _draw(size=(3, 3)) + np.diag([2.0, 1.5, 1.0])
OTHER = 0.4 * _draw(size=(3, 3)) + np.diag([1.0, 2.0, 1.7])
POSITIVE = A @ A.T + np.eye(3)
B = _draw(size=(3, 2))
TALL, WIDE = _draw(size=(4, 3)), _draw(size=(2, 4))
BAND = _draw(size=(4, 5)) + np.array([[0.0], [6.0], [0.0], [0.0]])
HALF = np.array([[0.0, 0.3, -0.4, 0.2], [4.0, 3.0, 3.5, 5.0]])
DIAGONAL, BESIDE = np.array([1.0, 3.0, 2.0, -1.0]), np.array([0.5, -0.7, 0.4])


def _hermitian(a):
    return a @ np.conj(a.mT) + np.eye(a.shape[-1], dtype=a.dtype)


def _vectors(found):
    """Eigenvalues, and what does not depend on the factors of vectors."""
    w, v = found
    return w, np.abs(v)


# what is called, the arguments, whether it takes complex numbers, and stacks
CALLS = {
    "block_diag": (lambda L, *xs: L.block_diag(*xs), (A, B), True, True),
    "cho_factor": (lambda L, a: np.triu(L.cho_factor(_hermitian(a))[0]), (A,), True, True),
    "cho_solve": (lambda L, a, b: L.cho_solve((L.cholesky(_hermitian(a)), False), b), (A, B), True, True),
    "cho_solve lower": (lambda L, a, b: L.cho_solve((L.cholesky(_hermitian(a), True), True), b), (A, B[:, 0]), True, 0),
    "cholesky": (lambda L, a: L.cholesky(_hermitian(a)), (A,), True, True),
    "cholesky lower": (lambda L, a: L.cholesky(_hermitian(a), lower=True), (A,), True, True),
    "circulant": (lambda L, c: L.circulant(c), (B[:, 0],), True, True),
    "companion": (lambda L, c: L.companion(c), (B[:, 0],), True, True),
    "coshm": (lambda L, a: L.coshm(a), (A,), True, True),
    "cosm": (lambda L, a: L.cosm(a), (A,), True, True),
    "det": (lambda L, a: L.det(a), (A,), True, True),
    "eig": (lambda L, a: _vectors(L.eig(a)), (A,), True, False),
    "eigh": (lambda L, a: _vectors(L.eigh(_hermitian(a))), (A,), True, False),
    "eigh upper": (lambda L, a: L.eigh(_hermitian(a), lower=False, eigvals_only=True), (A,), True, True),
    "eigh of a pair": (lambda L, a, b: _vectors(L.eigh(_hermitian(a), _hermitian(b))), (A, OTHER), True, False),
    "eigh type 2": (lambda L, a, b: _vectors(L.eigh(_hermitian(a), _hermitian(b), type=2)), (A, OTHER), True, False),
    "eigh type 3": (
        lambda L, a, b: _vectors(L.eigh(_hermitian(a), _hermitian(b), type=3, lower=False)), (A, OTHER), True, False,
    ),
    "eigh subset": (lambda L, a: _vectors(L.eigh(_hermitian(a), subset_by_index=[1, 2])), (A,), False, False),
    "eigh_tridiagonal": (lambda L, d, e: _vectors(L.eigh_tridiagonal(d, e)), (DIAGONAL, BESIDE), False, False),
    "eigh_tridiagonal subset": (
        lambda L, d, e: L.eigh_tridiagonal(d, e, eigvals_only=True, select="i", select_range=(1, 2)),
        (DIAGONAL, BESIDE), False, True,
    ),
    "eigvals": (lambda L, a: L.eigvals(a), (A,), True, True),
    "eigvals of a pair": (lambda L, a, b: L.eigvals(a, b), (np.diag([1.0, 5.0, 9.0]) + A, np.eye(3)), True, True),
    "eigvalsh": (lambda L, a: L.eigvalsh(_hermitian(a)), (A,), True, True),
    "eigvalsh_tridiagonal": (lambda L, d, e: L.eigvalsh_tridiagonal(d, e), (DIAGONAL, BESIDE), False, True),
    "expm": (lambda L, a: L.expm(a), (A,), True, True),
    "expm_frechet": (lambda L, a, e: L.expm_frechet(a, e), (A, OTHER), True, False),
    "hankel": (lambda L, c, r: L.hankel(c, r), (B[:, 0], B[:, 1]), True, False),
    "hankel of one": (lambda L, c: L.hankel(c), (B[:, 0],), True, False),
    "inv": (lambda L, a: L.inv(a), (A,), True, True),
    "inv pos": (lambda L, a: L.inv(_hermitian(a), assume_a="pos"), (A,), True, True),
    "khatri_rao": (lambda L, a, b: L.khatri_rao(a, b), (A, TALL), True, True),
    "logm": (lambda L, a: L.logm(a), (OTHER[:2, :2],), True, True),
    "lstsq": (lambda L, a, b: (*L.lstsq(a, b)[:2], L.lstsq(a, b)[3]), (TALL, TALL[:, 1:] ** 2), True, False),
    "lstsq vector": (lambda L, a, b: L.lstsq(a, b)[:2], (TALL, TALL[:, 0] ** 2), True, False),
    "lstsq wide": (lambda L, a, b: L.lstsq(a, b)[0], (WIDE, WIDE[:, 0]), True, False),
    "lu": (lambda L, a: L.lu(a), (A[::-1].copy(),), True, True),
    "lu tall": (lambda L, a: L.lu(a, permute_l=True), (TALL,), True, True),
    "lu wide": (lambda L, a: L.lu(a, p_indices=True), (WIDE,), True, True),
    "lu_factor": (lambda L, a: L.lu_factor(a), (A[::-1].copy(),), True, False),
    "lu_solve": (lambda L, a, b: L.lu_solve(L.lu_factor(a), b), (A[::-1].copy(), B), True, True),
    "lu_solve 1": (lambda L, a, b: L.lu_solve(L.lu_factor(a), b, 1), (A[::-1].copy(), B[:, 0]), True, False),
    "lu_solve 2": (lambda L, a, b: L.lu_solve(L.lu_factor(a), b, trans=2), (A[::-1].copy(), B), True, True),
    "norm": (lambda L, a: L.norm(a), (A,), True, True),
    "norm 1": (lambda L, a: L.norm(a, 1, axis=(-2, -1), keepdims=True), (A,), True, True),
    "pinv": (lambda L, a: L.pinv(a), (TALL,), True, True),
    "pinvh": (lambda L, a: L.pinvh(_hermitian(a), lower=False), (A,), True, True),
    "polar": (lambda L, a: L.polar(a), (A,), True, False),
    "polar tall": (lambda L, a: L.polar(a), (TALL,), True, False),
    "polar wide": (lambda L, a: L.polar(a), (WIDE,), True, False),
    "polar left": (lambda L, a: L.polar(a, side="left"), (WIDE,), True, False),
    "qr": (lambda L, a: L.qr(a), (A,), True, False),
    "qr economic": (lambda L, a: L.qr(a, mode="economic"), (TALL,), True, False),
    "qr r": (lambda L, a: L.qr(a, mode="r"), (TALL,), True, True),
    "qr pivoting": (lambda L, a: L.qr(a, mode="economic", pivoting=True), (TALL,), True, False),
    "sinhm": (lambda L, a: L.sinhm(a), (A,), True, True),
    "sinm": (lambda L, a: L.sinm(a), (A,), True, True),
    "solve": (lambda L, a, b: L.solve(a, b), (A, B), True, True),
    "solve vector": (lambda L, a, b: L.solve(a, b), (A, B[:, 0]), True, False),
    "solve transposed": (lambda L, a, b: L.solve(a, b, transposed=True), (A, B), False, True),
    "solve pos": (lambda L, a, b: L.solve(_hermitian(a), b, assume_a="pos", lower=True), (A, B), True, True),
    "solve sym": (lambda L, a, b: L.solve(a + a.mT, b, assume_a="sym"), (A, B), True, True),
    "solve her": (lambda L, a, b: L.solve(a + np.conj(a.mT), b, assume_a="her", lower=True), (A, B), True, True),
    "solve tridiagonal": (lambda L, a, b: L.solve(a, b, assume_a="tridiagonal"), (A, B), True, True),
    "solve diagonal": (lambda L, a, b: L.solve(a, b, assume_a="diagonal"), (A, B), True, True),
    "solve upper": (lambda L, a, b: L.solve(a, b, assume_a="upper triangular"), (A, B), True, True),
    "solve_banded": (lambda L, a, b: L.solve_banded((2, 1), a, b), (BAND, _draw(size=(5, 2))), True, True),
    "solve_continuous_lyapunov": (lambda L, a, q: L.solve_continuous_lyapunov(a, q), (A, OTHER), True, True),
    "solve_discrete_lyapunov": (lambda L, a, q: L.solve_discrete_lyapunov(a, q), (0.3 * A, OTHER), True, True),
    "solve_discrete_lyapunov bilinear": (
        lambda L, a, q: L.solve_discrete_lyapunov(a, q, method="bilinear"), (0.3 * A, OTHER), True, True,
    ),
    "solve_sylvester": (lambda L, a, b, q: L.solve_sylvester(a, b, q), (A, OTHER[:2, :2], B), True, True),
    "solve_toeplitz": (lambda L, c, r, b: L.solve_toeplitz((c, r), b), (DIAGONAL[1:], BESIDE, B), True, True),
    "solve_toeplitz hermitian": (
        lambda L, c, b: L.solve_toeplitz(c, b), (np.array([4.0, 1.0, 0.5]), B[:, 0]), False, False,
    ),
    "solve_triangular": (lambda L, a, b: L.solve_triangular(a, b), (A, B), True, True),
    "solve_triangular T": (lambda L, a, b: L.solve_triangular(a, b, "T", lower=True), (A, B), True, True),
    "solve_triangular C": (
        lambda L, a, b: L.solve_triangular(a, b, trans=2, unit_diagonal=True), (A, B[:, 0]), True, False,
    ),
    "solveh_banded": (lambda L, a, b: L.solveh_banded(a, b), (HALF, _draw(size=(4, 2))), True, True),
    "solveh_banded lower": (
        lambda L, a, b: L.solveh_banded(a, b, lower=True), (HALF[::-1].copy(), _draw(size=4)), True, False,
    ),
    "sqrtm": (lambda L, a: L.sqrtm(a), (A,), True, True),
    "svd": (lambda L, a: L.svd(a, full_matrices=False), (TALL,), False, False),
    "svd values": (lambda L, a: L.svd(a, compute_uv=False), (TALL,), True, True),
    "svdvals": (lambda L, a: L.svdvals(a), (TALL,), True, True),
    "tanhm": (lambda L, a: L.tanhm(a), (A,), True, True),
    "tanm": (lambda L, a: L.tanm(0.3 * a), (A,), True, True),
    "toeplitz": (lambda L, c, r: L.toeplitz(c, r), (B[:, 0], _draw(size=4)), True, True),
    "toeplitz hermitian": (lambda L, c: L.toeplitz(c), (B[:, 0],), True, True),
}  # fmt: skip
names = together("name", CALLS, str)


def call(name, library):
    return lambda *args: tuple_of(CALLS[name][0](library, *args))


def tuple_of(found):
    return tuple(found) if isinstance(found, (tuple, list)) else (found,)


def off_axis(x):
    return x + 0.2j * np.cos(1.0 + np.arange(x.size)).reshape(x.shape)


def close(found, expected, tolerance=1e-11, same=True):
    """Equal in shape and (`same`) in dtype, and in value."""
    for y, e in zip(found, expected, strict=True):
        e = np.asarray(e)
        assert np.shape(y) == e.shape
        assert not same or np.asarray(y).dtype == e.dtype
        np.testing.assert_allclose(y, e, rtol=tolerance, atol=tolerance)


def test_every_name_is_called():
    assert {name.split()[0] for name in CALLS} | {"LinAlgError", "solve_lyapunov"} == set(linalg.__all__)


@pytest.mark.parametrize("name", [n for n in linalg.__all__ if n not in ("LinAlgError", "logm", "sqrtm")])
def test_parameters_are_scipys(name):
    shown = lambda f: [(p.name, p.kind) for p in inspect.signature(f).parameters.values()]
    assert shown(getattr(linalg, name)) == shown(getattr(scipy.linalg, name))


@pytest.mark.filterwarnings("ignore:logm result may be inaccurate:RuntimeWarning")
@pytest.mark.parametrize("kind", ["double", "single", "complex"])
@names
def test_values_are_scipys(name, kind):
    _, args, complex_too, _ = CALLS[name]
    if kind == "complex" and not complex_too:
        return
    change = {"double": np.copy, "single": np.float32, "complex": off_axis}[kind]
    args = [change(x) for x in args]
    ours, expected = call(name, linalg), call(name, scipy.linalg)(*args)
    for y, e in zip(ours(*args), expected, strict=True):
        np.testing.assert_array_equal(y, e)
    # of single precision, SciPy's logarithm is of double precision where it is complex
    tolerance = 5e-5 if kind == "single" else 1e-11
    close(fg.vjp(ours, *args)[0], expected, tolerance, same=(name, kind) != ("logm", "single"))
    if kind == "double":
        # shapes do not say whether the logarithm and the root are real
        close(fg.jit(ours)(*args), expected, same=name not in ("logm", "sqrtm"))


@names
def test_batches(name):
    """`vmap` is a loop, and stacks are what SciPy has of them."""
    _, args, _, stacks = CALLS[name]
    batch = [np.stack([x, 1.05 * x]) for x in args]
    ours, scipys = call(name, linalg), call(name, scipy.linalg)
    each = [scipys(*xs) for xs in zip(*batch)]
    whole = [np.stack(column) for column in zip(*each)]
    close(fg.vmap(ours)(*batch), whole, same=name not in ("logm", "sqrtm"))
    if stacks and name != "norm":
        close(fg.vjp(ours, *batch)[0], scipys(*batch))


TWICE = {
    "cho_solve", "companion", "eigh type 2", "lstsq vector", "lu_solve 2", "polar wide", "qr pivoting", "solve sym",
    "solve_discrete_lyapunov bilinear", "solve_toeplitz hermitian",
}  # fmt: skip
"""Compositions; tests/samples/scipy_linalg.py has the second order of all primitives."""


@names
def test_derivatives(name):
    fun = lambda *xs: tuple(y for y in call(name, linalg)(*xs) if y.dtype.kind in "fc")
    args = CALLS[name][1]
    check_grads(fun, args, order=1)
    if name not in TWICE:
        return
    check_grads(fun, args, order=2)
    weighted = lambda y: ((y * np.conj(y)).real * np.cos(np.arange(float(y.size))).reshape(y.shape)).sum()
    gradient = fg.grad(lambda *xs: sum(weighted(y) for y in fun(*xs)), tuple(range(len(args))))
    close(fg.jit(gradient)(*args), gradient(*args))


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize(
    "name",
    [
        *("cholesky", "det", "eigvalsh", "expm", "inv", "lu", "lu_factor"),
        *("polar", "qr", "sqrtm", "solve_sylvester", "svdvals"),
    ],
)
def test_small_matrices(name, n):
    a = np.full((n, n), 4.0)
    args = (a, a, a) if name == "solve_sylvester" else (a,)
    ours = lambda *xs: tuple_of(getattr(linalg, name)(*xs))
    expected = tuple_of(getattr(scipy.linalg, name)(*args))
    value, pullback = fg.vjp(ours, *args)
    close(value, expected)
    close(fg.jit(ours)(*args), expected, same=name != "sqrtm")
    for g, x in zip(pullback(tuple(np.ones_like(y) for y in value)), args):
        assert g.shape == x.shape and np.isfinite(g).all()


SINGULAR, INDEFINITE = np.zeros((3, 3)), -np.eye(3)
WRONG = {
    "solve": [(SINGULAR, B), (WIDE, B), (A, TALL)],
    "solve_triangular": [(SINGULAR, B), (WIDE, B), (A, TALL)],
    "cholesky": [(INDEFINITE,), (WIDE,), (np.full((2, 2), np.nan),)],
    "cho_factor": [(INDEFINITE,), (WIDE,)],
    "inv": [(SINGULAR,), (WIDE,), (np.full((2, 2), np.inf),)],
    "det": [(WIDE,), (np.full((2, 2), np.nan),)],
    "expm": [(WIDE,)],
    "logm": [(WIDE,)],
    "sqrtm": [(WIDE,)],
    "eigh": [(WIDE,), (A, INDEFINITE), (A, np.eye(2))],
    "eigvals": [(WIDE,), (np.full((2, 2), np.nan),)],
    "lstsq": [(A, TALL)],
    "polar": [(A, "up")],
    "qr": [(A, False, None, "thin")],
    "solve_banded": [((1, 1), BAND, BAND[0]), ((2, 1), BAND, B)],
    "solveh_banded": [(-HALF, HALF[0]), (HALF, B)],
    "solve_sylvester": [(A, WIDE, B), (A, A, B)],
    "solve_toeplitz": [(np.zeros(3), B), (DIAGONAL, B)],
    "eigh_tridiagonal": [(DIAGONAL, DIAGONAL), (DIAGONAL + 0j, BESIDE)],
    "lu": [(B[:, 0],)],
    "companion": [(np.ones(1),)],
    "khatri_rao": [(A, WIDE)],
}


@pytest.mark.parametrize(("name", "args"), [(n, args) for n, rows in WRONG.items() for args in rows])
def test_errors_are_scipys(name, args):
    ours, scipys = getattr(linalg, name), getattr(scipy.linalg, name)
    with pytest.raises(Exception) as expected:
        scipys(*args)
    at = [i for i, x in enumerate(args) if isinstance(x, np.ndarray)]

    def traced(*xs):
        whole = list(args)
        for i, x in zip(at, xs):
            whole[i] = x
        return ours(*whole)

    with pytest.raises(Exception) as found:
        fg.vjp(traced, *(args[i] for i in at))
    assert issubclass(found.type, expected.type), (found.value, expected.value)


def test_finite_values_are_checked_where_they_are_known():
    a = np.array([[np.nan, 1.0], [0.0, 2.0]])
    with pytest.raises(ValueError, match="infs or NaNs"):
        fg.grad(lambda a: linalg.solve_triangular(a, np.ones(2)).sum())(a)
    loose = fg.grad(lambda a: linalg.solve_triangular(a, np.ones(2), check_finite=False).sum())(a)
    assert np.isnan(loose).any() and np.isnan(fg.jit(fg.grad(lambda a: linalg.det(a)))(a)).any()


def test_one_triangle_is_read_and_both_move():
    """As `eigh` and `cholesky`: the value is of one triangle, the derivative of the symmetric part."""
    upper = np.triu(POSITIVE)
    gradients = []
    for call_ in (
        lambda a: linalg.cholesky(a, check_finite=False).sum(),
        lambda a: linalg.solve(a, B, assume_a="pos").sum(),
        lambda a: linalg.solve(a, B, assume_a="sym").sum(),
        lambda a: linalg.eigh(a, POSITIVE, lower=False, eigvals_only=True)[0],
        lambda a: linalg.pinvh(a, lower=False)[0].sum(),
    ):
        value, gradient = fg.value_and_grad(call_)(upper)
        np.testing.assert_allclose(value, call_(POSITIVE), rtol=1e-12)
        np.testing.assert_allclose(gradient, gradient.T, rtol=1e-12)
        gradients.append(gradient)
    np.testing.assert_allclose(gradients[1], gradients[2], rtol=1e-10)


def test_roots_and_logarithms_that_are_not_real():
    """Complex where an eigenvalue is negative, as in SciPy; the derivative is that of the complex function."""
    a = np.array([[-2.0, 0.3], [0.1, 3.0]])
    for fun, scipys in ((linalg.sqrtm, scipy.linalg.sqrtm), (linalg.logm, scipy.linalg.logm)):
        value, moved = fg.jvp(fun, (a,), (OTHER[:2, :2],))
        close((value,), (scipys(a),))
        step = 1e-6
        slope = (scipys(a + step * OTHER[:2, :2]) - scipys(a - step * OTHER[:2, :2])) / (2 * step)
        np.testing.assert_allclose(moved, slope, rtol=1e-7, atol=1e-8)
        x = np.linalg.solve(a.T, np.ones(2))
        found = fg.grad(lambda a, fun=fun: (x @ fun(a)).imag.sum())(a)
        np.testing.assert_allclose((found * OTHER[:2, :2]).sum(), (x @ slope).imag.sum(), rtol=1e-7, atol=1e-8)


def test_the_exponentials_derivative_does_not_depend_on_the_size_of_a_tangent():
    t = _draw(size=(3, 3))
    near = fg.jvp(linalg.expm, (A,), (t,))[1]
    for scale in (2.0**-900, 2.0**900):
        np.testing.assert_array_equal(fg.jvp(linalg.expm, (A,), (t * scale,))[1], near * scale)
    close((near,), (scipy.linalg.expm_frechet(A, t, compute_expm=False),))
    assert not fg.jvp(linalg.expm, (A,), (np.zeros((3, 3)),))[1].any()


def test_third_derivatives():
    """Of powers: exp(x a) has the derivatives a^k exp(x a)."""
    nested = lambda x: linalg.expm(x * A)
    for k in range(1, 4):
        nested = (lambda f: lambda x: fg.jvp(f, (x,), (1.0,))[1])(nested)
        expected = np.linalg.matrix_power(A, k) @ scipy.linalg.expm(0.7 * A)
        np.testing.assert_allclose(nested(0.7), expected, rtol=1e-10)


def test_equal_singular_values():
    """The polar factors have a derivative where singular vectors have none."""
    t = _draw(size=(3, 3))
    moved = fg.jvp(lambda a: linalg.polar(a), (np.eye(3),), (t,))[1]
    np.testing.assert_allclose(moved[0], (t - t.T) / 2, atol=1e-14)
    np.testing.assert_allclose(moved[1], (t + t.T) / 2, atol=1e-14)


@pytest.mark.filterwarnings("ignore:Matrix is singular:scipy.linalg.LinAlgWarning")
def test_where_there_is_no_derivative_it_is_nan():
    zeros, diagonal = np.zeros((2, 2)), np.diag([1.0, 0.0])  # exact: others are singular but for rounding
    for fun, a in (
        (linalg.sqrtm, diagonal), (linalg.polar, zeros), (lambda a: linalg.solve_sylvester(a, -a, a), diagonal)
    ):
        value, pullback = fg.vjp(lambda a, fun=fun: tuple_of(fun(a))[0], a)
        assert np.isnan(pullback(np.ones_like(value))[0]).all()


def test_sides_of_several_shapes():
    stack = np.stack([A, OTHER])
    for fun in (
        lambda L, a, b: L.solve(a, b),
        lambda L, a, b: L.solve_triangular(a, b),
        lambda L, a, b: L.lu_solve(L.lu_factor(a), b),
        lambda L, a, b: L.cho_solve((_hermitian(a), True), b),
    ):
        for a, b in ((stack, B[:, 0]), (stack, B), (A, np.stack([B, B, B]))):
            expected = fun(scipy.linalg, a, b)
            close(fg.vjp(lambda a, b, fun=fun: fun(linalg, a, b), a, b)[0][None], expected[None])


def test_what_has_no_derivative_says_so():
    from funcgrad.errors import NotDifferentiableError

    for fun in (
        lambda a: linalg.eig(a, left=True),
        lambda a: linalg.eigh(a, subset_by_value=[0, 1]),
        lambda a: linalg.qr(a, mode="raw"),
        lambda a: linalg.eigh_tridiagonal(a[0], a[0, 1:], select="v", select_range=(0, 1)),
    ):
        with pytest.raises(NotDifferentiableError):
            fg.vjp(fun, A)


@pytest.mark.parametrize("cond", [-1.0, 0.0, 1.0, 1.5])
def test_cutoffs_that_lapack_takes_for_none(cond):
    low = np.stack([TALL[:, 0], TALL[:, 0], TALL[:, 1]], axis=1)  # of rank 2
    if cond < 0 and since(scipy, "1.18.0"):
        for call in (scipy.linalg.lstsq, lambda *args: fg.vjp(linalg.lstsq, *args)):
            with pytest.raises(ValueError, match="Expected rcond >= 0"):
                call(TALL, TALL, cond)
        return
    for a in (TALL, low):
        expected = scipy.linalg.lstsq(a, TALL, cond)
        found = fg.vjp(lambda b, a=a: linalg.lstsq(a, b, cond), TALL)[0]
        for y, scipys in zip(found, expected, strict=True):
            np.testing.assert_allclose(y, scipys, rtol=1e-10, atol=1e-12)
        derivative = fg.jvp(lambda b, a=a: linalg.lstsq(a, b, cond)[0], (TALL,), (TALL[::-1].copy(),))[1]
        np.testing.assert_allclose(derivative, scipy.linalg.lstsq(a, TALL[::-1], cond)[0], rtol=1e-9, atol=1e-11)
