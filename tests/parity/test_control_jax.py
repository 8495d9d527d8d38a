"""Programs with control flow as JAX's users write them, in every transformation, against JAX in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_disable_most_optimizations", True)

pytestmark = pytest.mark.jax


class Ours:
    np, lax = fnp, fg.lax
    grad, jacobian, vmap, jit, vjp, jvp = fg.grad, fg.jacobian, fg.vmap, fg.jit, fg.vjp, fg.jvp
    jacfwd, hessian, checkpoint, tree, value_and_grad = fg.jacfwd, fg.hessian, fg.checkpoint, fg.tree, fg.value_and_grad
    ravel, at = fg.flatten_util.ravel_pytree, staticmethod(fnp.at)


class Theirs:
    np, lax = jax.numpy, jax.lax
    grad, jacobian, vmap, jit, vjp, jvp = jax.grad, jax.jacobian, jax.vmap, jax.jit, jax.vjp, jax.jvp
    jacfwd, hessian, checkpoint, tree = jax.jacfwd, jax.hessian, jax.checkpoint, jax.tree
    value_and_grad = jax.value_and_grad

    @staticmethod
    def ravel(x):
        from jax.flatten_util import ravel_pytree

        return ravel_pytree(x)

    @staticmethod
    def at(x):
        return x.at


draw = np.random.default_rng(7).normal
X = np.array([0.7, -0.4, 1.3])
M = draw(size=(3, 3)) * 0.4
SPD = M @ M.T + 2 * np.eye(3)
PROGRAMS: dict[str, Any] = {}
FORWARD_ONLY: set[str] = set()


def program(fun=None, *, forward_only=False):
    if fun is None:
        return lambda f: program(f, forward_only=forward_only)
    name = fun.__name__
    PROGRAMS[name] = fun
    if forward_only:
        FORWARD_ONLY.add(name)
    return fun


@program
def newtons_square_root(F, x):
    def newton(f, x0):
        def body(state):
            x, _ = state
            return x - f(x) / F.grad(f)(x), x

        return F.lax.while_loop(lambda s: F.np.abs(s[0] - s[1]) > 1e-12, body, (x0, x0 + 1.0))[0]

    a = F.np.sum(x**2)
    return F.lax.custom_root(lambda r: r**2 - a, 1.5, newton, lambda g, y: y / g(1.0))


@program(forward_only=True)
def newtons_square_root_through_the_loop(F, x):
    a = F.np.sum(x**2)
    body = lambda s: (s[0] - (s[0] ** 2 - a) / (2 * s[0]), s[0], s[2] + 1)
    return F.lax.while_loop(lambda s: (F.np.abs(s[0] - s[1]) > 1e-10) & (s[2] < 50), body, (a, a + 1.0, 0))[0]


@program
def runge_kutta(F, x):
    def lorenz(s, p):
        return F.np.array([p[0] * (s[1] - s[0]), s[0] * (p[1] - s[2]) - s[1], s[0] * s[1] - p[2] * s[2]])

    def step(s, _):
        h = 0.05
        k1 = lorenz(s, x)
        k2 = lorenz(s + h / 2 * k1, x)
        k3 = lorenz(s + h / 2 * k2, x)
        k4 = lorenz(s + h * k3, x)
        s = s + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return s, s

    return F.lax.scan(step, F.np.ones(3), None, length=8)


@program(forward_only=True)
def adaptive_step(F, x):
    rate = F.np.sum(x)

    def body(state):
        t, y, h = state
        full = y * (1 + h * rate)
        half = y * (1 + h / 2 * rate) ** 2
        error = F.np.abs(full - half)
        ok = error < 1e-3
        new_h = F.np.clip(h * F.np.where(ok, 1.5, 0.5), 1e-4, 0.5)
        return F.lax.cond(ok, lambda: (t + h, half, new_h), lambda: (t, y, new_h))

    return F.lax.while_loop(lambda s: s[0] < 1.0, body, (0.0, 1.0, 0.1))


@program
def leapfrog(F, x):
    potential = lambda q: 0.5 * q @ (SPD @ q) + F.np.sum(F.np.log(1 + q**2))
    force = F.grad(potential)

    def step(i, state):
        q, p = state
        p = p - 0.05 * force(q)
        q = q + 0.1 * p
        return q, p - 0.05 * force(q)

    q, p = F.lax.fori_loop(0, 6, step, (x, x * 0.5))
    accept = potential(q) + 0.5 * p @ p < potential(x) + 10.0
    return F.lax.cond(accept, lambda new, old: new, lambda new, old: old, q, x)


@program
def kalman_filter(F, x):
    A, Q, H, R = F.np.eye(3) + 0.1 * M, 0.1 * F.np.eye(3), F.np.ones((1, 3)), F.np.eye(1)

    def step(carry, y):
        mean, cov, loglik = carry
        mean, cov = A @ mean, A @ cov @ A.T + Q
        innovation = y - H @ mean
        S = H @ cov @ H.T + R
        K = cov @ H.T @ F.np.linalg.inv(S)
        mean = mean + K @ innovation
        cov = (F.np.eye(3) - K @ H) @ cov
        loglik = loglik - 0.5 * (innovation @ F.np.linalg.solve(S, innovation) + F.np.linalg.slogdet(S)[1])
        return (mean, cov, loglik), mean

    ys = F.np.array([[0.1], [0.4], [-0.2], [0.3]])
    (_, _, loglik), means = F.lax.scan(step, (x, F.np.eye(3), 0.0), ys)
    return loglik, means


@program
def hmm_forward(F, x):
    transition = F.np.exp(M) / F.np.sum(F.np.exp(M), axis=1, keepdims=True)
    emission = F.np.exp(x[:, None] * F.np.array([0.3, -0.5]))
    observed = F.np.array([0, 1, 1, 0, 1])

    def step(alpha, o):
        alpha = (alpha @ transition) * emission[:, o]
        total = F.np.sum(alpha)
        return alpha / total, F.np.log(total)

    _, logs = F.lax.scan(step, F.np.ones(3) / 3, observed)
    return F.np.sum(logs)


@program
def rnn(F, x):
    def cell(h, inp):
        h = F.np.tanh(M @ h + inp * x)
        return h, h

    return F.lax.scan(cell, F.np.zeros(3), F.np.linspace(-1.0, 1.0, 5))[1]


@program
def rnn_reversed(F, x):
    cell = lambda h, inp: (F.np.tanh(M @ h + inp), h * inp)
    return F.lax.scan(cell, x, F.np.reshape(F.np.linspace(-1.0, 1.0, 12), (4, 3)), reverse=True, unroll=2)


@program
def lstm(F, x):
    sigmoid = lambda z: 1 / (1 + F.np.exp(-z))
    params = {"w": F.np.concatenate([SPD, M, M.T, SPD]) * 0.3, "b": F.np.concatenate([x, x * 2, -x, x])}

    def cell(carry, inp):
        h, c = carry["h"], carry["c"]
        i, f, g, o = F.np.split(params["w"] @ (h + inp) + params["b"], 4)
        c = sigmoid(f) * c + sigmoid(i) * F.np.tanh(g)
        h = sigmoid(o) * F.np.tanh(c)
        return {"h": h, "c": c}, h

    carry, hs = F.lax.scan(cell, {"h": F.np.zeros(3), "c": F.np.zeros(3)}, F.np.ones((4, 3)) * 0.2)
    return carry, F.np.sum(hs)


@program
def beam_search(F, x):
    def step(scores, logits):
        candidates = F.np.reshape(scores[:, None] + logits[None, :], (-1,))
        best = F.np.argsort(-candidates)[:2]
        return candidates[best], best // 3

    scores, _ = F.lax.scan(step, F.np.array([0.0, -1.0]), F.np.stack([x, x**2, F.np.sin(x)]))
    return scores


@program(forward_only=True)
def fixed_point(F, x):
    step = lambda z: F.np.tanh(M @ z + x)
    return F.lax.while_loop(
        lambda s: F.np.linalg.norm(s[0] - s[1]) > 1e-10, lambda s: (step(s[0]), s[0]), (step(x), x)
    )[0]


@program
def implicit_layer(F, x):
    f = lambda z: z - F.np.tanh(M @ z + x)

    def solve(f, z0):
        return F.lax.fori_loop(0, 60, lambda i, z: z - f(z), z0)

    def tangent_solve(g, y):
        return F.np.linalg.solve(F.jacobian(g)(y), y)

    return F.lax.custom_root(f, F.np.zeros(3), solve, tangent_solve)


def conjugate_gradients(F, matvec, b):
    def body(s):
        x, r, p, k = s
        q = matvec(p)
        alpha = F.np.vdot(r, r) / F.np.vdot(p, q)
        new = r - alpha * q
        return x + alpha * p, new, new + F.np.vdot(new, new) / F.np.vdot(r, r) * p, k + 1

    goes_on = lambda s: (F.np.vdot(s[1], s[1]) > 1e-24) & (s[3] < 20)
    return F.lax.while_loop(goes_on, body, (F.np.zeros_like(b), b, b, 0))[0]


@program
def matrix_free_solve(F, x):
    matvec = lambda v: SPD @ v + x**2 * v
    return F.lax.custom_linear_solve(matvec, F.np.sin(x), lambda mv, b: conjugate_gradients(F, mv, b), symmetric=True)


@program
def implicit_layer_by_linear_solve(F, x):
    f = lambda z: SPD @ z + F.np.tanh(z) - x

    def solve(f, z):
        return F.lax.fori_loop(0, 12, lambda i, z: z - F.np.linalg.solve(F.jacobian(f)(z), f(z)), z)

    cg = lambda g, y: F.lax.custom_linear_solve(g, y, lambda mv, b: conjugate_gradients(F, mv, b), symmetric=True)
    return F.lax.custom_root(f, x * 0, solve, cg)


@program(forward_only=True)
def line_search(F, x):
    f = lambda z: F.np.sum((z**2 - 1) ** 2 + 0.1 * z)
    value, g = F.value_and_grad(f)(x)
    good = lambda t: f(x - t * g) <= value - 0.3 * t * (g @ g)
    t = F.lax.while_loop(lambda t: ~good(t), lambda t: t * 0.5, 1.0)
    return x - t * g


@program
def lbfgs(F, x):
    f = lambda z: 0.5 * z @ (SPD @ z) + F.np.sum(F.np.cos(z))
    size = 3

    def direction(g, S, Y):
        def first(q, sy):
            s, y = sy
            rho = 1 / (s @ y)
            alpha = rho * (s @ q)
            return q - alpha * y, alpha

        def second(r, all_):
            (s, y), alpha = all_
            beta = (y @ r) / (s @ y)
            return r + s * (alpha - beta), None

        q, alphas = F.lax.scan(first, g, (S, Y), reverse=True)
        return -F.lax.scan(second, q, ((S, Y), alphas))[0]

    def step(carry, _):
        z, g, S, Y = carry
        new = z + 0.5 * direction(g, S, Y)
        gnew = F.grad(f)(new)
        S = F.np.concatenate([S[1:], (new - z)[None]])
        Y = F.np.concatenate([Y[1:], (gnew - g)[None]])
        return (new, gnew, S, Y), f(new)

    g = F.grad(f)(x)
    (z, *_), values = F.lax.scan(step, (x, g, F.np.eye(size), F.np.eye(size)), None, length=3)
    return z, values


@program
def prefix_products_of_matrices(F, x):
    matrices = F.np.stack([F.np.eye(3) + 0.1 * (i + 1) * F.np.outer(x, x) for i in range(5)])
    return F.lax.associative_scan(F.np.matmul, matrices)[-1]


@program
def linear_recurrence(F, x):
    a, b = F.np.tanh(F.np.outer(x, x)), F.np.sin(F.np.outer(x, F.np.ones(3)))
    combine = lambda p, q: (p[0] * q[0], q[0] * p[1] + q[1])
    return F.lax.associative_scan(combine, (a, b), axis=1)[1], F.lax.associative_scan(F.np.maximum, a, reverse=True)


@program
def map_over_batches(F, x):
    data = F.np.reshape(F.np.arange(15.0) / 15, (5, 3))
    one = lambda row: F.np.sum(F.np.tanh(row * x)) + 1.0
    return F.lax.map(one, data), F.lax.map(one, data, batch_size=2)


@program
def nested_scans(F, x):
    def inner(c, a):
        return c * F.np.cos(a) + x, F.np.sum(c)

    def outer(c, row):
        c, sums = F.lax.scan(inner, c, row)
        return F.np.sin(c), F.np.max(sums)

    return F.lax.scan(outer, x, F.np.reshape(F.np.arange(6.0) / 6, (2, 3)))


@program
def cond_in_scan(F, x):
    def step(c, i):
        c = F.lax.cond(F.np.sum(c) > i, lambda c: F.np.sin(c) * x, lambda c: c * c + 0.1, c)
        return c, c

    return F.lax.scan(step, x, F.np.arange(4.0))


@program
def switch_over_the_step(F, x):
    branches = [F.np.sin, lambda c: c * x, lambda c: F.np.exp(-c)]
    return F.lax.fori_loop(0, 7, lambda i, c: F.lax.switch(i % 4, branches, c), x)


@program
def gradient_descent_inside(F, x):
    inner = lambda w: F.np.sum((M @ w - x) ** 2) + 0.1 * F.np.sum(w**4)
    w = F.lax.fori_loop(0, 5, lambda i, w: w - 0.1 * F.grad(inner)(w), F.np.zeros(3))
    return F.np.sum(w**2)


@program
def vmap_of_scan_inside(F, x):
    run = lambda s: F.lax.scan(lambda c, v: (c * v + s, c), s, x)[1]
    return F.vmap(run)(F.np.array([0.1, 0.2]))


@program
def checkpointed_layers(F, x):
    layer = F.checkpoint(lambda h, w: F.np.tanh(w * (M @ h)))
    return F.lax.scan(lambda h, w: (layer(h, w), None), x, F.np.array([0.5, 1.0, 1.5]))[0]


@program
def integers_and_counts(F, x):
    def step(carry, v):
        total, count, best = carry
        better = v > best
        return (total + v * v, count + better, F.np.where(better, v, best)), count * 2

    (total, count, best), _ = F.lax.scan(step, (0.0, 0, -10.0), x)
    return total * count + best


@program
def write_in_a_loop(F, x):
    body = lambda i, table: F.at(table)[i].set(F.np.sum(table) + F.np.take(x, i) * i)
    return F.lax.fori_loop(0, 3, body, F.np.ones(3) * x[0])


@program
def dynamic_bounds(F, x):
    """A trip count that depends on the data, within a fixed number of steps."""
    n = F.np.sum(x > 0)
    step = lambda c, i: (F.np.where(i < n, F.np.sin(c) + x, c), None)
    return F.lax.scan(step, x, F.np.arange(5))[0]


@program(forward_only=True)
def traced_bounds(F, x):
    n = F.np.sum(x > 0)
    return F.lax.fori_loop(0, n + 1, lambda i, c: F.np.sin(c) * x + i, x)


def plain(x: Any) -> list:
    return [np.asarray(leaf) for leaf in fg.tree.leaves(jax.tree.map(np.asarray, x))]


def check(found: Any, expected: Any, tol: float = 1e-9) -> None:
    found, expected = plain(found), plain(expected)
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        assert a.shape == b.shape and a.dtype == b.dtype, f"{a.dtype}{a.shape}, not {b.dtype}{b.shape}"
        np.testing.assert_allclose(a, b, rtol=tol, atol=tol)


def scalar(F, fun):
    """The function reduced to a number."""
    return lambda x: sum(F.np.sum(F.np.sin(leaf)) for leaf in F.tree.leaves(fun(F, x)))


def modes(F, fun, forward_only):
    """What is to be the same, by name; each a function of x, made as late as possible."""
    f, loss = (lambda x: fun(F, x)), scalar(F, fun)
    batch = lambda x: F.np.stack([x, x * 0.5, x + 0.2])
    direction = np.array([0.3, 1.0, -0.5])
    ways = {
        "eager": f,
        "jit": lambda x: F.jit(f)(x),
        "vmap": lambda x: F.vmap(f)(batch(x)),
        "jit of vmap": lambda x: F.jit(F.vmap(f))(batch(x)),
        "jvp": lambda x: F.jvp(f, (x,), (direction,)),
        "jit of jvp": lambda x: F.jit(lambda x: F.jvp(f, (x,), (direction,)))(x),
        "jvp of jit": lambda x: F.jvp(F.jit(f), (x,), (direction,)),
        "jacfwd": lambda x: F.jacfwd(loss)(x),
        "jacfwd of jacfwd": lambda x: F.jacfwd(F.jacfwd(loss))(x),
        "vmap of jvp": lambda x: F.vmap(lambda x: F.jvp(f, (x,), (direction,)))(batch(x)),
    }
    if not forward_only:
        ways |= {
            "grad": F.grad(loss),
            "jit of grad": lambda x: F.jit(F.grad(loss))(x),
            "grad of jit": lambda x: F.grad(F.jit(loss))(x),
            "vmap of grad": lambda x: F.vmap(F.grad(loss))(batch(x)),
            "jit of vmap of grad": lambda x: F.jit(F.vmap(F.grad(loss)))(batch(x)),
            "grad of vmap": lambda x: F.grad(lambda xs: F.np.sum(F.vmap(loss)(xs)))(batch(x)),
            "hessian": F.hessian(loss),
            "grad of grad": F.grad(lambda x: F.np.sum(F.grad(loss)(x) * direction)),
            "grad of checkpoint": F.grad(F.checkpoint(loss)),
        }
    return ways


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name):
    fun, forward_only = PROGRAMS[name], name in FORWARD_ONLY
    ours, theirs = modes(Ours, fun, forward_only), modes(Theirs, fun, forward_only)
    failed = []
    for way, run in ours.items():
        try:
            check(run(X), jax.jit(theirs[way])(X))  # whole: op by op JAX takes a minute for each program
        except Exception as error:
            failed.append(f"{way}: {type(error).__name__}: {error}")
    assert not failed, "\n\n".join(failed)
