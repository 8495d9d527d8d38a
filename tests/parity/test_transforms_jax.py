"""Every transformation against JAX's, on composite functions: values, dtypes and shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_disable_most_optimizations", True)
jnp = jax.numpy

pytestmark = pytest.mark.jax


class Ours:
    """The names that differ between the two systems."""

    np = fnp
    grad, vjp, jvp, jacfwd, jacrev, hessian = fg.grad, fg.vjp, fg.jvp, fg.jacfwd, fg.jacrev, fg.hessian
    vmap, jit, linearize, checkpoint = fg.vmap, fg.jit, fg.linearize, fg.checkpoint
    value_and_grad, stop_gradient, transpose = fg.value_and_grad, fg.stop_gradient, fg.linear_transpose
    custom_vjp, custom_jvp = fg.custom_vjp, fg.custom_jvp


class Theirs:
    np = jnp
    grad, vjp, jvp, jacfwd, jacrev, hessian = jax.grad, jax.vjp, jax.jvp, jax.jacfwd, jax.jacrev, jax.hessian
    vmap, jit, linearize, checkpoint = jax.vmap, jax.jit, jax.linearize, jax.checkpoint
    value_and_grad, stop_gradient, transpose = jax.value_and_grad, jax.lax.stop_gradient, jax.linear_transpose
    custom_vjp, custom_jvp = jax.custom_vjp, jax.custom_jvp


draw = np.random.default_rng(3).normal
X, Y, W = draw(size=4), draw(size=4), draw(size=(4, 4))
Z = draw(size=3) + 1j * draw(size=3)


def softmax_loss(F, x, w):
    np = F.np
    scores = x @ w
    scores = scores - np.max(scores)
    return -np.sum(np.log(np.exp(scores) / np.sum(np.exp(scores))) * np.arange(4.0).astype(x.dtype))


def network(F, x, w):
    h = F.np.tanh(x @ w)
    return F.np.sum(F.np.tanh(h @ w.T) ** 2)


def gaussian(F, x, w):
    d = x[:, None] - x[None, :]
    return F.np.sum(F.np.exp(-(d**2)) * w)


def solve(F, x, w):
    a = w @ w.T + 3 * F.np.eye(4, dtype=w.dtype)
    return x @ F.np.linalg.solve(a, x)


def log_determinant(F, x, w):
    return F.np.linalg.slogdet(w @ w.T + F.np.diag(x * x) + F.np.eye(4, dtype=w.dtype))[1]


def cumulative(F, x, w):
    return F.np.sum(F.np.cumsum(x) * F.np.cumprod(x) + F.np.cumsum(w, axis=1)[0])


def sorted_sum(F, x, w):
    return F.np.sum(F.np.sort(x) * F.np.arange(4, dtype=x.dtype)) + F.np.max(w) - F.np.min(w, axis=0)[1]


def indexing(F, x, w):
    index = np.array([0, 2, 2])
    return F.np.sum(x[index] * w[index, 1] * w[1, ::-1][:3]) + F.np.sum(w[:, [1, 3]] ** 2) + x[-1] * w[-1, -1]


def branches(F, x, w):
    return F.np.sum(F.np.where(x > 0, x**2, -F.np.sin(x)) + F.np.clip(x, -0.5, 0.5) + F.np.abs(w[0]))


def statistics(F, x, w):
    return F.np.std(x) + F.np.var(w, axis=0)[2] + F.np.mean(w * x) + F.np.linalg.norm(x)


def products(F, x, w):
    return F.np.prod(x) + F.np.einsum("i,ij,j->", x, w, x) + F.np.sum(F.np.outer(x, x) * w)


def shapes(F, x, w):
    a = F.np.concatenate([F.np.tile(x, 2), F.np.ravel(w)[::3], F.np.repeat(x, 2)])
    b = F.np.stack([F.np.roll(x, 1), F.np.flip(x)]).reshape(-1)
    return F.np.sum(a**3) + F.np.sum(F.np.pad(b, 2)[1:] * F.np.tril(w).sum())


def powers(F, x, w):
    return F.np.sum(
        (x * x + 0.5) ** x + x**3 + F.np.sqrt(F.np.exp(w)) + F.np.log1p(w**2) + F.np.arctan2(x, w)
    )


def hyperbolic(F, x, w):
    return F.np.sum(F.np.sinh(x) * F.np.cosh(w) + F.np.arcsinh(w) + F.np.hypot(x, 1.5) + F.np.logaddexp(x, w))


def own_rule(F, x, w):
    f = F.custom_vjp(lambda x: F.np.sum(x**2))
    f.defvjp(lambda x: (F.np.sum(x**2), x), lambda x, ct: (ct * 3 * x,))
    return f(x) * F.np.sum(w) + f(w[0])


def own_forward_rule(F, x, w):
    f = F.custom_jvp(lambda x: x**3)
    f.defjvps(lambda t, out, x: t * 5 * x * out)
    return F.np.sum(f(x) * w[0])


def rematerialised(F, x, w):
    step = F.checkpoint(lambda h, w: F.np.sin(h @ w))
    return F.np.sum(step(step(x, w), w))


def stopped(F, x, w):
    return F.np.sum(x * F.stop_gradient(F.np.exp(x)) + F.stop_gradient(w) @ x)


def inner_gradient(F, x, w):
    g = F.grad(lambda y: F.np.sum(F.np.sin(y * x)) + y @ w @ y)(x)
    return F.np.sum(g * x)


def inner_batch(F, x, w):
    return F.np.sum(F.vmap(lambda r, s: F.np.tanh(r @ x) * s, in_axes=(1, 0))(w, x))


def inner_program(F, x, w):
    f = F.jit(lambda x, w: F.np.sin(x @ w) * x)
    return F.np.sum(f(f(x, w), w))


FUNCTIONS = [
    softmax_loss,
    network,
    gaussian,
    solve,
    log_determinant,
    cumulative,
    sorted_sum,
    indexing,
    branches,
    statistics,
    products,
    shapes,
    powers,
    hyperbolic,
    own_rule,
    own_forward_rule,
    rematerialised,
    stopped,
    inner_gradient,
    inner_batch,
    inner_program,
]
FORWARD = [f for f in FUNCTIONS if f is not own_rule]
"""custom_vjp has no forward mode."""


def same(ours: Any, theirs: Any, dtype: str, loosened: float = 1.0) -> None:
    a, ta = fg.tree.flatten(ours)
    b, tb = fg.tree.flatten(fg.tree.map(np.asarray, jax.tree.map(np.asarray, theirs)))
    assert ta.matches(tb)
    tol = (1e-10 if dtype == "float64" else 2e-4) * loosened
    for x, y in zip(a, b):
        x = np.asarray(x)
        assert (x.shape, x.dtype) == (y.shape, y.dtype)
        np.testing.assert_allclose(x, y, rtol=tol, atol=tol * max(1.0, float(np.max(np.abs(y), initial=0.0))))


def compiled(run: Any) -> Any:
    """JAX's answer, as one program: op by op it would compile hundreds."""
    return jax.jit(lambda: run(Theirs))()


def bound(F, fun):
    return lambda x, w: fun(F, x, w)


def arguments(dtype):
    return X.astype(dtype), W.astype(dtype), Y.astype(dtype), W[::-1].astype(dtype)


both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
every_function = pytest.mark.parametrize("fun", FUNCTIONS, ids=lambda f: f.__name__)
every_forward = pytest.mark.parametrize("fun", FORWARD, ids=lambda f: f.__name__)


@both_dtypes
@every_function
def test_value_and_grad(fun, dtype):
    x, w, *_ = arguments(dtype)
    run = lambda F: F.value_and_grad(bound(F, fun), argnums=(0, 1))(x, w)
    same(run(Ours), compiled(run), dtype)


@both_dtypes
@every_forward
def test_jvp_and_linearize(fun, dtype):
    x, w, s, t = arguments(dtype)
    run = lambda F: (F.jvp(bound(F, fun), (x, w), (s, t)), F.linearize(bound(F, fun), x, w)[1](s, t))
    same(run(Ours), compiled(run), dtype)


@every_forward
def test_hessian(fun):
    run = lambda F: F.hessian(lambda x: fun(F, x, W))(X)
    same(run(Ours), compiled(run), "float64", 100)


@every_function
def test_reverse_over_reverse(fun):
    run = lambda F: F.jacrev(F.grad(lambda x: fun(F, x, W)))(X)
    same(run(Ours), compiled(run), "float64", 100)


@both_dtypes
@every_function
def test_vmap_of_grad(fun, dtype):
    x, w, s, _ = arguments(dtype)
    run = lambda F: F.vmap(F.grad(bound(F, fun), (0, 1)), in_axes=(0, None))(
        F.np.asarray(np.stack([x, s, x + s])), w
    )
    same(run(Ours), compiled(run), dtype, 10)


@every_function
def test_grad_of_vmap(fun):
    xs = np.stack([X, Y])
    run = lambda F: F.grad(lambda w: F.np.sum(F.vmap(bound(F, fun), (0, None))(F.np.asarray(xs), w) ** 2))(W)
    same(run(Ours), compiled(run), "float64", 10)


@both_dtypes
@every_function
def test_jit_of_grad(fun, dtype):
    x, w, *_ = arguments(dtype)
    run = lambda F: F.jit(F.value_and_grad(bound(F, fun), argnums=(0, 1)))(x, w)
    same(run(Ours), compiled(run), dtype)


@every_function
def test_grad_of_jit(fun):
    run = lambda F: F.grad(F.jit(bound(F, fun)), (0, 1))(X, W)
    same(run(Ours), compiled(run), "float64")


def test_update():
    ours = fg.grad(lambda x, w: fnp.sum(fnp.at(w)[1].set(x) ** 2), (0, 1))(X, W)
    same(ours, jax.grad(lambda x, w: jnp.sum(w.at[1].set(x) ** 2), (0, 1))(X, W), "float64")


LINEAR = {
    "product": lambda F, x: x @ W,
    "pytree": lambda F, x: {"a": x[1:] * 2, "b": (F.np.sum(x), x[::-1])},
    "shapes": lambda F, x: F.np.concatenate([x, F.np.outer(x, Y).ravel(), F.np.cumsum(x)]),
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_transpose(name):
    f = LINEAR[name]
    cts = jax.tree.map(
        lambda a: np.cos(np.arange(a.size)).reshape(a.shape), jax.eval_shape(lambda x: f(Theirs, x), X)
    )
    run = lambda F: F.transpose(lambda x: f(F, x), X)(cts)
    same(run(Ours), compiled(run), "float64")


REAL_OF_COMPLEX = {
    "abs": lambda F, z: F.np.sum(F.np.abs(z) ** 3),
    "real of a product": lambda F, z: F.np.sum(F.np.real(z * z * F.np.conj(z[::-1]))),
    "imaginary part": lambda F, z: F.np.sum(F.np.imag(F.np.exp(z) * z)),
    "through functions": lambda F, z: F.np.sum(F.np.abs(F.np.sin(z) / (1 + z) + F.np.log(z) + F.np.sqrt(z))),
    "real powers": lambda F, z: F.np.sum(F.np.real(z**3) + F.np.imag(z) ** 2),
    "matrix": lambda F, z: F.np.real(F.np.conj(z) @ (F.np.outer(z, z) @ z)),
}


@pytest.mark.parametrize("name", REAL_OF_COMPLEX)
@pytest.mark.parametrize("dtype", ["complex128", "complex64"])
def test_gradient_of_complex_arguments(name, dtype):
    f = REAL_OF_COMPLEX[name]
    run = lambda F: F.value_and_grad(lambda z: f(F, z))(Z.astype(dtype))
    same(run(Ours), compiled(run), "float64" if dtype == "complex128" else "float32")


@pytest.mark.parametrize("name", REAL_OF_COMPLEX)
def test_complex_inside_real_functions(name):
    f = REAL_OF_COMPLEX[name]
    run = lambda F: F.grad(lambda x, y: f(F, x + 1j * y), (0, 1))(Z.real, Z.imag)
    same(run(Ours), compiled(run), "float64")


HOLOMORPHIC = {
    "polynomial": lambda F, z: z**3 + 2j * z,
    "exponential": lambda F, z: F.np.exp(1j * z) / (2 + z),
    "trigonometric": lambda F, z: F.np.sin(z) * F.np.tanh(z),
}


@pytest.mark.parametrize("name", HOLOMORPHIC)
def test_holomorphic(name):
    f = HOLOMORPHIC[name]

    def run(F):
        g = lambda z: F.np.sum(f(F, z))
        return (
            F.grad(g, holomorphic=True)(Z),
            F.jacfwd(lambda z: f(F, z), holomorphic=True)(Z),
            F.jacrev(lambda z: f(F, z), holomorphic=True)(Z),
            F.hessian(g, holomorphic=True)(Z),
        )

    same(run(Ours), compiled(run), "float64")


@pytest.mark.parametrize("f", ["conj", "real", "imag", "abs", "exp"])
def test_vjp_and_jvp_of_complex_functions(f):
    def run(F):
        g = getattr(F.np, f)
        out, pullback = F.vjp(g, Z)
        ct = np.cos(np.arange(3.0)).astype(out.dtype) * (1 + 2j if out.dtype.kind == "c" else 1)
        return out, pullback(ct), F.jvp(g, (Z,), (Z * 1j,))

    same(run(Ours), compiled(run), "float64")


def test_integer_arguments():
    n = np.arange(3)
    run = lambda F: F.grad(lambda n, x: F.np.sum(n * x), allow_int=True)(n, Z.real)
    ours, theirs = run(Ours), np.asarray(run(Theirs))
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)


def test_jacobians_over_pytrees():
    tree = {"a": X, "b": (W, np.array(0.7))}
    f = lambda F: lambda t: {"s": t["b"][0] @ t["a"] * t["b"][1], "n": F.np.sum(t["a"] ** 2)}
    for name in ("jacfwd", "jacrev"):
        same(getattr(Ours, name)(f(Ours))(tree), getattr(Theirs, name)(f(Theirs))(tree), "float64")
    total = lambda F: lambda t: F.np.sum(F.np.sin(f(F)(t)["s"])) + f(F)(t)["n"]
    same(Ours.hessian(total(Ours))(tree), Theirs.hessian(total(Theirs))(tree), "float64")


@pytest.mark.parametrize(
    "in_axes, out_axes",
    [(0, 0), (1, 1), (-1, 0), ((0, None), 1), ((None, 1), -1), (({"a": 1}, 0), (0, 1))],
)
def test_vmap_axes(in_axes, out_axes):
    nested = isinstance(in_axes, tuple) and isinstance(in_axes[0], dict)
    pick = (lambda p: p["a"]) if nested else (lambda p: p)
    f = lambda F: lambda p, y: (F.np.sin(pick(p)) * 2, pick(p) + F.np.cumsum(y))
    first = {"a": W} if nested else W if in_axes != (None, 1) else X
    second = W.T if in_axes != (0, None) else X
    run = lambda F: F.vmap(f(F), in_axes, out_axes)(first, second)
    same(run(Ours), compiled(run), "float64")


def test_check_grads_agree():
    """The two check_grads accept and refuse the same functions."""
    from jax.test_util import check_grads as theirs

    from funcgrad.test_util import check_grads as ours

    def rule(F, scale):
        f = F.custom_jvp(lambda x: F.np.sin(x))
        f.defjvps(lambda t, out, x: t * scale * F.np.cos(x))
        return f

    for scale, right in ((1.0, True), (1.1, False)):
        for mode in ("fwd", "rev"):
            for check, F in ((ours, Ours), (theirs, Theirs)):
                if right:
                    check(rule(F, scale), (X,), 2, (mode,))
                else:
                    with pytest.raises(AssertionError):
                        check(rule(F, scale), (X,), 2, (mode,))
