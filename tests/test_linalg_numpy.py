"""`funcgrad.numpy.linalg` has NumPy's values, dtypes, kinds of results and errors, for all its options."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.core.trace import Tracer
from funcgrad.errors import NotDifferentiableError
from tests.groups import over_calls

DRAW = np.random.default_rng(41)
SQUARE = DRAW.normal(size=(3, 3)) + 2 * np.eye(3)
ARRAYS = {
    "a": SQUARE,
    "t": DRAW.normal(size=(4, 3)),
    "w": DRAW.normal(size=(2, 4)),
    "s": DRAW.normal(size=(2, 3, 3)) + 2 * np.eye(3),
    "u": DRAW.normal(size=(2, 4, 3)),
    "p": SQUARE @ SQUARE.T + np.eye(3),
    "r": np.outer([1.0, 2.0, -1.0, 0.5], [2.0, 1.0, 1.0]),
    "v": DRAW.normal(size=3),
    "x": DRAW.normal(size=(2, 3, 4, 3)),
    "e": np.zeros((0, 3)),
    "n": np.zeros((0, 3, 3)),
    "z": np.zeros((2, 0)),
    "d": np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 2.0]]),
}
"""By name: square, tall, wide, stacked (and tall), positive, of rank 1, vector, of four axes, empty, rotating."""

ORDERS = ("None", "2", "1", "-1", "-2", "0", "3", "2.5", "-1.5", "np.inf", "-np.inf", "np.float64(3)")
MATRIX_ORDERS = ("None", "'fro'", "'f'", "'nuc'", "1", "-1", "2", "-2", "np.inf", "-np.inf")
ONE_AXIS = ("v, {}", "t, {}, 0", "x, {}, -1", "x, {}, (1,)")
TWO_AXES = ("t, {}", "x, {}, (1, 2)", "x, {}, (-1, 0)", "x, {}, (2, 0), True")
VECTORS = [f"axis={axis}, ord={{}}, keepdims={k}" for axis in ("None", "1", "(0, -1)", "()") for k in (False, True)]
NORMS = [
    *(f"norm({args.format(ord)})" for args in ONE_AXIS for ord in ORDERS),
    *(f"norm({args.format(ord)})" for args in TWO_AXES for ord in MATRIX_ORDERS),
    *(f"matrix_norm(u, ord={ord}, keepdims=True)" for ord in MATRIX_ORDERS),
    *(f"vector_norm(x, {args.format(ord)})" for args in VECTORS for ord in ORDERS),
    "norm(x)", "norm(x, keepdims=True)", "norm(t, 'fro', keepdims=True)", "norm(v, keepdims=True)", "norm(x, axis=2.0)",
    "norm(e)", "norm(e, 1)", "norm(e, 'nuc')", "norm(e, 2)", "norm(e, axis=0)", "norm(e, axis=1, ord=np.inf)",
    "norm(z, 'nuc')", "norm(z, np.inf)", "norm(n, axis=(1, 2), ord=2)", "matrix_norm(a)", "vector_norm(v)",
]  # fmt: skip
CALLS = [
    *NORMS, *(f"cond({x}, {p})" for x in "as" for p in (None, 2, -2, 1, -1, "'fro'", "'nuc'", "np.inf", "-np.inf")),
    "cond(t)", "cond(u, -2)", "cond(r)", "cond(a * 0)", "cond(a * 0, 1)", "cond(r[:3], 1)",
    "cond(s * [[[1]], [[0]]], 1)", "cond(s * [[[1]], [[0]]], -2)", "cond(n)", "cond(n, 1)", "cond(d, 'fro')",
    "matrix_rank(a)", "matrix_rank(r)", "matrix_rank(u)", "matrix_rank(p, hermitian=True)", "matrix_rank(a, 2.0)",
    "matrix_rank(u, [0.1, 3.0])", "matrix_rank(u, rtol=0.5)", "matrix_rank(u, rtol=[0.1, 0.9])", "matrix_rank(v)",
    "matrix_rank(v * 0)", "matrix_rank(e)", "matrix_rank(n)", "matrix_rank(a * 0)", "pinv(a)", "pinv(t)", "pinv(w)",
    "pinv(u)", "pinv(r, 1e-4)", "pinv(u, [0.5, 0.1])", "pinv(u, rtol=0.5)", "pinv(p, hermitian=True)",
    "pinv(s + s.mT, hermitian=True)", "pinv(e)", "pinv(z)", "pinv(n)", "pinv(a * 0)", "lstsq(a, v)", "lstsq(t, t)",
    "lstsq(t, t[:, 0])", "lstsq(w, w[:, :2])", "lstsq(r, t)", "lstsq(r, t, 0.5)", "lstsq(t, t, 0.9)",
    "lstsq(t, t, -1)", "lstsq(t, t, 0)", "lstsq(t, t, 7)", "lstsq(e, e)", "lstsq(z, w)", "lstsq(t, t[:, :0])",
    "lstsq(a * 0, v)", "tensorsolve(x.reshape(2, 3, 2, 2, 6)[..., 0, :1, :], x[0, :, 0, 0][:2])",
    "tensorinv(a.reshape(3, 3, 1), 1)", "tensorinv(a.reshape(1, 3, 3))", "tensorinv(np.kron(a, a).reshape(3, 3, 9))",
    "tensorinv(np.kron(a, a).reshape(9, 3, 3), ind=1)", "tensorsolve(np.kron(a, a).reshape(3, 3, 3, 3), t[:3])",
    "tensorsolve(np.kron(a, a).reshape(3, 9, 3), t[:3], axes=(0,))",
    "tensorsolve(np.kron(a, a).reshape(3, 3, 9), t[:3], (1, 0))", "eigvals(a)", "eigvals(p)", "eigvals(s)",
    "eigvals(d)", "eigvals(n)", "eigvals(a[:0, :0])", "eig(a)", "eig(p)", "eig(s)", "eig(d)", "eig(n)",
    "eigvalsh(p)", "eigvalsh(p, 'u')", "eigvalsh(s, 'L')", "eigvalsh(s, UPLO='U')", "eigvalsh(n)", "eigh(p)",
    "eigh(s, 'U')", "eigh(s, 'l')", "eigh(n)", "qr(t)", "qr(w)", "qr(a, 'complete')", "qr(t, 'complete')",
    "qr(w, 'complete')", "qr(u, 'r')", "qr(t, mode='r')", "qr(w, 'r')", "qr(e)", "qr(n)", "svd(t)", "svd(t, False)",
    "svd(w, full_matrices=False)", "svd(u, compute_uv=False)", "svd(a)", "svd(e, False)", "svd(n)", "svdvals(w)",
    "svd(p - 3 * np.eye(3), hermitian=True)", "svd(s, hermitian=True)", "svd(s + s.mT, False, False, True)",
    "cholesky(p)", "cholesky(p, upper=True)", "cholesky(np.tril(p))", "cholesky(np.triu(p), upper=True)",
    "cholesky(n)", "inv(a)", "inv(s)", "inv(n)", "det(a)", "det(s)", "det(n)", "det(a[:0, :0])", "slogdet(a)",
    "slogdet(s)", "slogdet(a * 0)", "slogdet(n)", "solve(a, v)", "solve(s, v)", "solve(a, t[:3])",
    "solve(s, u[:, :3])", "solve(a, u[:, :3])", "solve(n, n)", "solve(a, t[:3, :0])", "matrix_power(a, 3)",
    "matrix_power(s, 2)", "matrix_power(s, 0)", "matrix_power(a, -2)", "matrix_power(a, np.int64(5))",
    "matrix_power(a, 1)", "multi_dot([w, t, a, v])", "multi_dot([v, a, t.T])", "multi_dot([a, v])",
    "multi_dot([v, v])", "multi_dot([v, a, v])", "multi_dot((t, a, a, a))", "matmul(u, a)", "matmul(v, a)",
    "vecdot(t, v)", "vecdot(x, u[:, None, :, :])", "vecdot(t, t, axis=0)", "outer(v, w[0])",
    "tensordot(x, a, axes=1)", "tensordot(t, t, axes=([0, 1], [0, 1]))", "tensordot(v, v, axes=0)", "cross(v, t)",
    "cross(a, a.T, axis=0)", "matrix_transpose(x)", "diagonal(x)", "diagonal(t, offset=-1)", "trace(x)",
    "trace(t, offset=1)", "trace(t, dtype=np.complex128)",
]  # fmt: skip
ERRORS = [
    "norm(x, 1)", "norm(v, 'fro')", "norm(t, 'bad')", "norm(t, 3)", "norm(t, axis=[0, 1])", "norm(t, axis=5)",
    "norm(x, axis=(1, 1))", "norm(x, axis=(0, 1, 2))", "norm(e, -np.inf)", "norm(e, -2)", "norm(x, axis=(0, 9))",
    "matrix_norm(v)", "matrix_norm(a, ord=7)", "vector_norm(x, axis=(0, 0))", "vector_norm(v, ord='nuc')", "cond(v)",
    "cond(v, 1)", "cond(e)", "cond(t, 1)", "cond(a, 'x')", "cond(a, 0)", "matrix_rank(a, 1, rtol=1)", "pinv(v)",
    "pinv(a, 1, rtol=1)", "pinv(t, hermitian=True)", "pinv(a * np.nan)", "lstsq(a, t)", "lstsq(v, v)", "lstsq(s, s)",
    "lstsq(a, s)", "lstsq(a * np.nan, v)", "tensorsolve(t, v)", "tensorsolve(a, v, (5,))", "tensorinv(a, 0)",
    "tensorinv(t, 1)", "tensorinv(a * 0, 1)", "eig(t)", "eig(v)", "eig(a * np.nan)", "eigvals(a * np.inf)",
    "eigvals(v)", "eigh(t)", "eigvalsh(a, 'X')", "eigh(a, 'X')", "eigh(v)", "qr(a, 'bad')", "qr(v)", "svd(v)",
    "svd(t, hermitian=True)", "svd(a * np.nan)", "svdvals(v)", "cholesky(-p)", "cholesky(t)", "inv(a * 0)", "inv(t)",
    "inv(v)", "det(t)", "slogdet(v)", "solve(a * 0, v)", "solve(t, v)", "solve(a, t)", "solve(a, v[0])",
    "matrix_power(t, 2)", "matrix_power(a, 1.5)", "matrix_power(a * 0, -1)", "multi_dot([a])",
    "multi_dot([a, s, a])", "multi_dot([a, v, a])", "multi_dot([v, v, v])", "multi_dot([t, t])",
    "multi_dot([t, t, t])", "matmul(t, t)", "outer(a, v)", "cross(t.T, t.T)", "cross(v, v, axis=3)", "vecdot(t, w)",
    "tensordot(t, w, axes=2)", "trace(v)", "diagonal(v)", "matrix_transpose(v)",
]  # fmt: skip
DTYPES = (np.float32, np.float64, np.complex64, np.complex128, np.int64, np.float16, np.bool_)


def of(call: str, module):
    """The call as a function of the arrays it names, with the names of `module.linalg`; and those arrays."""
    code = compile(call, call, "eval")
    names = [name for name in ARRAYS if name in code.co_names]
    scope = {**{n: getattr(module.linalg, n) for n in fnp.linalg.__all__}, "np": np}
    return lambda *xs: eval(code, {**scope, **dict(zip(names, xs))}), names


def cast(x: np.ndarray, dtype: type) -> np.ndarray:
    if np.dtype(dtype).kind == "c":
        square = x.ndim >= 2 and x.shape[-1] == x.shape[-2]
        turned = x - x.mT if square else np.cos(np.arange(x.size)).reshape(x.shape)
        return (x + 0.5j * turned).astype(dtype)  # Hermitian where x is symmetric
    return (np.rint(2 * x) if np.dtype(dtype).kind == "i" else x).astype(dtype)


def leaves(y) -> list:
    return [leaf for part in y for leaf in leaves(part)] if isinstance(y, tuple) else [y]


def values(y):
    """A result with the values of what is traced in it, in the same tuples."""
    if isinstance(y, tuple):
        return type(y)(*map(values, y)) if hasattr(y, "_fields") else tuple(map(values, y))
    y = fg.stop_gradient(y)
    assert not isinstance(y, Tracer)
    return y


def assert_same(found, expected, tol: float) -> None:
    found, expected = leaves(found), leaves(expected)
    assert len(found) == len(expected)
    for y, e in zip(found, map(np.asarray, expected)):
        y = np.asarray(y)
        assert (y.shape, y.dtype) == (e.shape, e.dtype)
        np.testing.assert_allclose(y, e, rtol=tol, atol=tol)


def outcome(f, *xs):
    """The result, or the type of the error."""
    try:
        with np.errstate(all="ignore"):
            return f(*xs)
    except Exception as error:
        return type(error)


CASES = [(call, dtype) for call in dict.fromkeys(CALLS) for dtype in DTYPES]
CASES += [(call, dtype) for call in ERRORS for dtype in DTYPES if dtype is not np.float16]  # which is another error


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@over_calls("call, dtype", CASES)
def test_results_are_numpys(call: str, dtype: type) -> None:
    """Values, dtypes, tuples and errors, of values that are traced and known, and of staged programs."""
    plain, names = of(call, np)
    xs = [cast(ARRAYS[name], dtype) for name in names]
    expected = outcome(plain, *xs)
    traced, _ = of(call, fnp)
    tol = 2e-4 if xs[0].dtype.itemsize < 8 or xs[0].dtype == np.complex64 else 1e-9
    tol = 2e-2 if dtype is np.float16 else tol
    if xs[0].dtype.kind in "fc":
        found = []
        error = outcome(lambda: fg.vjp(lambda *xs: found.append(values(traced(*xs))) or 0.0, *xs))
        if isinstance(expected, type):
            assert isinstance(error, type) and issubclass(error, expected), error
        else:
            assert found, error
            assert type(found[0]) is type(expected) or not isinstance(expected, tuple)
            assert_same(found[0], expected, tol)
    staged = outcome(lambda: fg.make_graph(lambda *xs: tuple(leaves(traced(*xs))))(*xs)(*xs))
    if isinstance(expected, type):
        assert isinstance(staged, type) and issubclass(staged, expected), staged
    elif not depends_on_values(call, expected):
        assert_same(tuple(staged), expected, tol)


def depends_on_values(call: str, expected) -> bool:
    """Where a program cannot know NumPy's dtypes and shapes beforehand."""
    if call.startswith("eig") and not call.startswith("eigh") and "vals" + "h" not in call:
        return leaves(expected)[0].dtype.kind != "c"
    return call.startswith("lstsq") and expected[1].size == 0


NAMES = sorted(n for n in dir(np.linalg) if not n.startswith("_") and inspect.isfunction(getattr(np.linalg, n, None)))


@pytest.mark.parametrize("name", set(NAMES) - {"test"})
def test_names_and_parameters_are_numpys(name: str) -> None:
    assert name in fnp.linalg.__all__
    ours, theirs = (inspect.signature(getattr(m.linalg, name)).parameters.values() for m in (fnp, np))
    assert [(p.name, p.default, p.kind) for p in ours] == [(p.name, p.default, p.kind) for p in theirs]


@pytest.mark.parametrize("call", ["eig(a)", "eigh(p)", "qr(t)", "svd(a)", "slogdet(a)"])
def test_named_tuples_are_numpys_under_every_transformation(call: str) -> None:
    f, (name,) = of(call, fnp)
    x = ARRAYS[name]
    expected = type(of(call, np)[0](x))
    stack = np.stack([x, x])
    for y in (fg.vjp(f, x)[0], fg.jit(f)(x), fg.vmap(f)(stack), fg.jvp(f, (x,), (x,))[1]):
        assert type(y) is expected


def test_plain_numpy_reaches_the_same_functions() -> None:
    x = ARRAYS["a"]
    for name in ("eigvals", "pinv", "tensorinv"):
        args = (1,) if name == "tensorinv" else ()
        ours, plain = (lambda a, m=m: abs(getattr(m.linalg, name)(a, *args)).sum() for m in (fnp, np))
        np.testing.assert_array_equal(fg.grad(ours)(x), fg.grad(plain)(x))
    ours, plain = (lambda a, m=m: m.linalg.lstsq(a, ARRAYS["v"])[0].sum() for m in (fnp, np))
    np.testing.assert_array_equal(fg.grad(ours)(x), fg.grad(plain)(x))


@pytest.mark.parametrize("mode", ["raw", "e", "economic"])
def test_packed_factors_are_refused(mode: str) -> None:
    with pytest.raises(NotDifferentiableError, match="reduced"):
        fg.vjp(lambda a: fnp.linalg.qr(a, mode), ARRAYS["a"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("mode", ["f", "full"])
def test_old_names_of_modes(mode: str) -> None:
    expected = np.linalg.qr(ARRAYS["t"], mode)
    assert_same(fg.vjp(lambda a: fnp.linalg.qr(a, mode), ARRAYS["t"])[0], expected, 1e-12)


def test_dtypes_of_eigenvalues_where_values_are_not_known() -> None:
    """Complex under `jit` and `vmap`; under `grad` real where NumPy's are, which from 2.5 on are complex."""
    f, x = fnp.linalg.eigvals, ARRAYS["p"]
    assert fg.vjp(f, x)[0].dtype == np.linalg.eigvals(x).dtype
    assert fg.grad(lambda a: f(a)[0].real)(x).dtype == np.float64
    assert fg.jit(f)(x).dtype == fg.vmap(f)(x[None]).dtype == np.complex128
    real = lambda a: f(a).real.sum()
    np.testing.assert_allclose(fg.jit(fg.grad(real))(x), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(fg.vmap(fg.grad(real))(x[None])[0], np.eye(3), atol=1e-12)
    assert fg.jit(fg.grad(real))(x.astype(np.float32)).dtype == np.float32


def test_least_squares_where_the_rank_is_not_known() -> None:
    """Under `jit` and `vmap` the residuals are the sums, also where NumPy leaves them out."""
    t, r, v = ARRAYS["t"], ARRAYS["r"], ARRAYS["t"][:, 0]
    for a in (t, r):
        x, residuals, rank, s = fg.jit(fnp.linalg.lstsq)(a, v)
        expected = np.linalg.lstsq(a, v)
        for y, e in zip((x, rank, s), (expected[0], *expected[2:])):
            assert_same(y, e, 1e-12)
        np.testing.assert_allclose(residuals, [np.sum((v - a @ x) ** 2)], atol=1e-12)
    batch = fg.vmap(fnp.linalg.lstsq, (0, None))(np.stack([t, r]), v)
    np.testing.assert_array_equal(batch[2], [3, 1])
    assert batch[1].shape == (2, 1)


def test_cutoffs_of_batches() -> None:
    stack, cutoffs = np.stack([ARRAYS["u"], 2 * ARRAYS["u"]]), np.array([0.05, 0.5])
    each = lambda a, c: np.linalg.pinv(a, c)
    expected = np.stack([each(a, c) for a, c in zip(stack, cutoffs)])
    np.testing.assert_allclose(fg.vmap(lambda a, c: fnp.linalg.pinv(a, c))(stack, cutoffs), expected, atol=1e-12)
    expected = np.stack([each(stack[0], c) for c in cutoffs])
    found = fg.vmap(lambda a, c: fnp.linalg.pinv(a, c), (None, 0))(stack[0], cutoffs)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert not fg.grad(lambda c: fnp.linalg.pinv(stack[0], c).sum())(0.1)


def test_what_the_upper_triangle_holds_does_not_matter_to_hermitian_functions() -> None:
    """Values and derivatives are those of the matrix whose lower triangle is read."""
    p, t = ARRAYS["p"], ARRAYS["a"] + ARRAYS["a"].T
    spoilt = np.tril(p) + np.triu(np.full((3, 3), 7.0), 1)
    for f in (lambda a: fnp.linalg.pinv(a, hermitian=True), lambda a: fnp.linalg.svd(a, hermitian=True).S,
              lambda a: fnp.linalg.svd(a, True, False, True)):  # fmt: skip
        for found, expected in zip(fg.jvp(f, (spoilt,), (t,)), fg.jvp(f, (p,), (t,))):
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_condition_of_singular_matrices() -> None:
    """Infinite in every norm, in a stack too, and NaN where NaN was given."""
    a, f = ARRAYS["a"], fnp.linalg.cond
    stack = np.stack([a, a * 0, a])
    for p in (1, "fro", np.inf):
        expected = np.linalg.cond(stack, p)
        assert np.isinf(expected[1]) and np.isfinite(expected[[0, 2]]).all()
        for found in (fg.vjp(lambda a: f(a, p), stack)[0], fg.vmap(lambda a: f(a, p))(stack)):
            np.testing.assert_allclose(found, expected, rtol=1e-12)
        gradient = fg.grad(lambda s: f(s, p)[[0, 2]].sum())(stack)
        assert np.isfinite(gradient[[0, 2]]).all()
    assert np.isnan(fg.vjp(lambda a: f(a, 1), a * np.nan)[0])


@pytest.mark.parametrize("p", [None, -2, "nuc"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_condition_of_matrices_that_are_not_finite(p: str | int | None, bad: float) -> None:
    """The singular values are NaN in NumPy 2.5, and were an error before; the others of a stack keep theirs."""
    stack = np.stack([ARRAYS["a"], ARRAYS["p"]])
    stack[0, 1, 2] = bad
    f = lambda a: fnp.linalg.cond(a, p)
    expected = outcome(lambda: np.linalg.cond(stack, p))
    if isinstance(expected, type):
        with pytest.raises(expected):
            fg.vjp(f, stack)
        return
    for dtype, rtol in ((np.float64, 1e-12), (np.float32, 1e-4)):
        for found in (fg.vjp(f, stack.astype(dtype))[0], fg.jit(f)(stack.astype(dtype))):
            np.testing.assert_allclose(found, expected, rtol=rtol)
            assert found.dtype == dtype
    gradient = fg.grad(lambda a: f(a).sum())(stack)
    assert np.isnan(gradient[0]).all()
    np.testing.assert_allclose(gradient[1], fg.grad(f)(stack[1]), rtol=1e-9)
