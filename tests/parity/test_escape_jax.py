"""Callbacks, printing and what else looks out of programs, beside JAX: results, and the order of what is printed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.ad_checkpoint import checkpoint_name

jax = pytest.importorskip("jax")
pytestmark = pytest.mark.jax
jnp = pytest.importorskip("jax.numpy")
jax_io_callback = pytest.importorskip("jax.experimental").io_callback
pytest.importorskip("jax.ad_checkpoint")

jax.config.update("jax_enable_x64", True)
X = np.array([3.0, 1.0, 2.0])


_SHARED = [
    *("lax", "grad", "jit", "vmap", "jvp", "vjp", "linearize", "debug", "pure_callback", "checkpoint", "custom_jvp"),
    *("custom_gradient", "closure_convert", "ShapeDtypeStruct", "eval_shape", "checkpoint_policies"),
]
JAX = SimpleNamespace(
    np=jnp,
    io_callback=jax_io_callback,
    checkpoint_name=jax.ad_checkpoint.checkpoint_name,
    **{name: getattr(jax, name) for name in _SHARED},
)
OURS = SimpleNamespace(
    np=fnp, io_callback=fg.io_callback, checkpoint_name=checkpoint_name, **{name: getattr(fg, name) for name in _SHARED}
)


def printed(run, capsys):
    """What a function returns with each library, and what it has printed."""
    found = []
    for library in (OURS, JAX):
        result = run(library)
        jax.effects_barrier()
        found.append((fg.tree.leaves(result), capsys.readouterr().out.splitlines()))
    return found


def shown(m):
    return lambda x: (m.debug.print("x = {x}", x=x, ordered=True), m.np.sin(x))[1]


def looped(m):
    def step(c, a):
        m.debug.print("{} {a:.2f}", c, a=a, ordered=True)
        return c * a, None

    return lambda x: m.lax.scan(step, x, X)[0]


def chosen(m):
    def positive(x):
        m.debug.print("positive {}", x)
        return x * x

    return lambda x: m.lax.cond(x > 0, positive, lambda x: (m.debug.print("negative {}", x), -x)[1], x)


def ruled(m):
    f = m.custom_jvp(lambda x: (m.debug.print("f {}", x), m.np.sin(x))[1])

    @f.defjvp
    def rule(xs, ts):
        m.debug.print("rule {}", xs[0])
        return f(xs[0]), ts[0] * m.np.cos(xs[0])

    return f


FUNCTIONS = [shown, looped, chosen, ruled]
WAYS = {
    "plain": lambda m, f: f(2.0),
    "jit twice": lambda m, f: [g(2.0) for g in [m.jit(f)] * 2],
    "grad": lambda m, f: m.grad(f)(2.0),
    "jit grad": lambda m, f: m.jit(m.grad(f))(2.0),
    "grad jit": lambda m, f: m.grad(m.jit(f))(2.0),
    "jvp": lambda m, f: m.jvp(f, (2.0,), (1.0,)),
    "jvp jit": lambda m, f: m.jvp(m.jit(f), (2.0,), (1.0,)),
    "vjp": lambda m, f: m.vjp(f, 2.0)[1](1.0),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("make", FUNCTIONS)
def test_printed_lines(make, way, capsys):
    (ours, our_lines), (theirs, their_lines) = printed(lambda m: WAYS[way](m, make(m)), capsys)
    assert our_lines == their_lines and our_lines
    np.testing.assert_allclose(ours, theirs, rtol=1e-14)


@pytest.mark.parametrize("way", ["checkpoint", "vmap", "vmap of the condition", "while", "vmap while", "linearize"])
def test_more_printed_lines(way, capsys):
    def run(m):
        if way == "checkpoint":
            return m.grad(m.checkpoint(lambda x: (m.debug.print("x {}", x), m.np.sin(x))[1]))(2.0)
        if way == "vmap":
            return m.vmap(lambda x, y: (m.debug.print("{} {}", x, y), x + y)[1], (0, None))(X, 5.0)
        if way == "vmap of the condition":
            return m.vmap(chosen(m))(X - 1.5)
        if way == "linearize":
            y, push = m.linearize(m.jit(lambda x: (m.debug.print("x {}", x), m.np.sin(x))[1]), 2.0)
            return y, push(1.0), push(2.0)
        body = lambda x: (m.debug.print("{}", x), x * 2.0)[1]
        loop = lambda x: m.lax.while_loop(lambda x: x < 5.0, body, x)
        return m.vmap(loop)(X) if way == "vmap while" else m.jit(loop)(1.0)

    (ours, our_lines), (theirs, their_lines) = printed(run, capsys)
    assert our_lines == their_lines and our_lines
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


@pytest.mark.parametrize("method", ["sequential", "sequential_unrolled", "expand_dims", "broadcast_all"])
@pytest.mark.parametrize("axes", [(0, None), (0, 0), (None, 0)])
def test_shapes_that_vmap_gives(method, axes):
    found = []
    for m in (OURS, JAX):
        shapes = []

        def add(a, b, shapes=shapes):
            shapes.append((np.shape(a), np.shape(b)))
            return np.asarray(a) + np.asarray(b)[..., None]

        like = m.ShapeDtypeStruct((2,), float)
        f = m.vmap(lambda x, y, m=m, add=add, like=like: m.pure_callback(add, like, x, y, vmap_method=method), axes)
        x = np.arange(6.0).reshape(3, 2) if axes[0] == 0 else np.arange(2.0)
        y = X if axes[1] == 0 else 5.0
        found.append((np.asarray(m.jit(f)(x, y)), shapes))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


@pytest.mark.parametrize("case", ["pure grad", "io grad", "pure vmap", "io ordered", "io cond"])
def test_what_raises(case):
    def run(m):
        like = m.ShapeDtypeStruct((), float)
        pure = lambda x: m.pure_callback(lambda x: np.asarray(x), like, x)
        io = lambda x, **options: m.io_callback(lambda x: np.asarray(x), like, x, **options)
        return {
            "pure grad": lambda: m.grad(pure)(1.0),
            "io grad": lambda: m.grad(io)(1.0),
            "pure vmap": lambda: m.vmap(pure)(X),
            "io ordered": lambda: m.vmap(lambda x: io(x, ordered=True))(X),
            "io cond": lambda: m.vmap(lambda x: m.lax.cond(x > 1.0, io, lambda x: x, x))(X),
        }[case]

    kinds = (ValueError, TypeError, NotImplementedError)
    for m in (OURS, JAX):
        with pytest.raises(kinds):
            run(m)()


def test_custom_gradient_and_closure_convert():
    for f in (
        lambda m: m.grad(m.custom_gradient(lambda x: (x**2, lambda ct: ct * 3.0 * x)))(2.0),
        lambda m: m.jit(m.vmap(m.grad(m.custom_gradient(lambda x: (x**2, lambda ct: ct * 3.0 * x)))))(X),
        lambda m: m.grad(lambda a: converted_twice(m, a))(1.3),
        lambda m: m.jit(m.grad(lambda a: converted_twice(m, a)))(1.3),
    ):
        np.testing.assert_allclose(f(OURS), f(JAX), rtol=1e-14)


def converted_twice(m, a):
    converted, consts = m.closure_convert(lambda x: m.np.sin(a * x), 0.7)
    assert len(consts) == 1
    return converted(converted(0.7, *consts), *(2.0 * c for c in consts))


@pytest.mark.parametrize("name", ["dots_saveable", "nothing_saveable", "everything_saveable", "names"])
def test_checkpoint_policies(name):
    w = np.random.default_rng(0).normal(size=(4, 4))

    def run(m):
        policies = m.checkpoint_policies
        policy = policies.save_only_these_names("h") if name == "names" else getattr(policies, name)
        f = lambda w: m.np.sum(m.np.sin(m.checkpoint_name(m.np.tanh(w @ w), "h") @ w))
        return m.jit(m.grad(m.checkpoint(f, policy=policy)))(w)

    np.testing.assert_allclose(run(OURS), run(JAX), rtol=1e-12, atol=1e-14)


def test_shapes_in_place_of_arrays():
    for m in (OURS, JAX):
        like = m.ShapeDtypeStruct((2, 3), np.float32)
        out = m.eval_shape(lambda x, m=m: m.np.sum(x, axis=0), like)
        assert (out.shape, out.dtype, out.size, out.ndim) == ((3,), np.float32, 3, 1)
        compiled = m.jit(lambda x: x * 2).lower(like).compile()
        np.testing.assert_array_equal(compiled(np.ones((2, 3), np.float32)), np.full((2, 3), 2.0))
        with pytest.raises(TypeError):
            compiled(np.ones((2, 2), np.float32))
