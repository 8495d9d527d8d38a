"""Effects of programs: `debug.print`, `debug.callback`, `io_callback`. They survive, once each, in their order."""

from __future__ import annotations

import random

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad import lax
from funcgrad.errors import NotDifferentiableError

X = np.array([3.0, 1.0, 2.0])
SCALAR = fg.ShapeDtypeStruct((), float)
both = pytest.mark.parametrize("run", [lambda f: f, fg.jit], ids=["eager", "jit"])


def shown(x):
    fg.debug.print("x = {x}", x=x)
    return fnp.sin(x)


def looped(x):
    def step(c, a):
        fg.debug.print("{} {a}", c, a=a)
        return c * a, None

    return lax.scan(step, x, X)[0]


def lines(capsys):
    return capsys.readouterr().out.splitlines()


# ---- printing, under each transformation ----

ONCE = ["x = 2.0"]
STEPS = ["2.0 3.0", "6.0 1.0", "6.0 2.0"]
WAYS = {
    "plain": lambda f: f(2.0),
    "jit": lambda f: fg.jit(f)(2.0),
    "grad": lambda f: fg.grad(f)(2.0),
    "jit grad": lambda f: fg.jit(fg.grad(f))(2.0),
    "grad jit": lambda f: fg.grad(fg.jit(f))(2.0),
    "grad grad": lambda f: fg.grad(fg.grad(f))(2.0),
    "grad grad jit": lambda f: fg.grad(fg.grad(fg.jit(f)))(2.0),
    "vjp": lambda f: fg.vjp(f, 2.0)[1](1.0),
    "jvp": lambda f: fg.jvp(f, (2.0,), (1.0,)),
    "jvp jit": lambda f: fg.jvp(fg.jit(f), (2.0,), (1.0,)),
    "hvp": lambda f: fg.jit(lambda x: fg.hvp(f, (x,), (1.0,)))(2.0),
    "linearize": lambda f: [push(t) for push in [fg.linearize(f, 2.0)[1]] for t in (1.0, 2.0)],
    "linearize jit": lambda f: [push(t) for push in [fg.linearize(fg.jit(f), 2.0)[1]] for t in (1.0, 2.0)],
    "jit jit": lambda f: fg.jit(lambda x: fg.jit(f)(x))(2.0),
    "graph": lambda f: fg.make_graph(f)(2.0)(2.0),
}


@pytest.mark.parametrize("way", WAYS)
def test_printed_once_with_the_values(way, capsys):
    WAYS[way](shown)
    assert lines(capsys) == ONCE
    WAYS[way](looped)
    assert lines(capsys) == STEPS


def test_each_call_prints(capsys):
    f = fg.jit(shown)
    assert not lines(capsys)
    f.lower(1.0)
    fg.eval_shape(shown, 1.0)
    assert not lines(capsys)
    assert [float(f(x)) for x in (1.0, 2.0, 3.0)] == [np.sin(x) for x in (1.0, 2.0, 3.0)]
    assert lines(capsys) == ["x = 1.0", "x = 2.0", "x = 3.0"]


@both
def test_without_traced_arguments(run, capsys):
    def f(x):
        fg.debug.print("here")
        return lax.fori_loop(0, 2, lambda i, x: (fg.debug.print("step {}", i), 2.0 * x)[1], x)

    f = run(f)
    for _ in range(2):
        assert f(1.0) == 4.0
        assert lines(capsys) == ["here", "step 0", "step 1"]


@pytest.mark.parametrize("run", [lambda f: fg.vmap(f), lambda f: fg.jit(fg.vmap(f)), lambda f: fg.vmap(fg.jit(f))])
def test_vmap_prints_once_an_element(run, capsys):
    run(shown)(X)
    assert lines(capsys) == ["x = 3.0", "x = 1.0", "x = 2.0"]
    run(lambda x: (fg.debug.print("all"), x)[1])(X)
    assert lines(capsys) == ["all"]
    run(fg.grad(shown))(X)
    assert lines(capsys) == ["x = 3.0", "x = 1.0", "x = 2.0"]


@both
def test_only_in_the_branch_taken(run, capsys):
    def f(x):
        return lax.cond(x > 0, lambda: (fg.debug.print("positive"), x)[1], lambda: (fg.debug.print("negative"), -x)[1])

    f = run(f)
    assert f(-3.0) == 3.0 and lines(capsys) == ["negative"]
    assert f(3.0) == 3.0 and lines(capsys) == ["positive"]
    assert fg.grad(f)(-3.0) == -1.0 and lines(capsys) == ["negative"]


@both
def test_while_loop(run, capsys):
    def f(x):
        below = lambda x: (fg.debug.print("? {}", x), x < 5.0)[1]
        return lax.while_loop(below, lambda x: (fg.debug.print("! {}", x), x * 2.0)[1], x)

    assert run(f)(2.0) == 8.0
    asked = ["? 2.0", "! 2.0", "? 4.0", "! 4.0", "? 8.0"]
    assert lines(capsys) == asked
    fg.jvp(run(f), (2.0,), (1.0,))
    assert lines(capsys) == asked


def test_a_solver_of_known_values_prints_at_each_run(capsys):
    def f(x):
        solve = lambda matvec, b: (fg.debug.print("solve"), b / 2.0)[1]
        return x * lax.custom_linear_solve(lambda v: v * 2.0, np.ones(2), solve, symmetric=True)[0]

    f = fg.jit(f)
    assert (f(1.0), f(4.0), fg.grad(f)(3.0)) == (0.5, 2.0, 0.5)
    assert lines(capsys) == ["solve"] * 3


def test_elements_whose_turn_it_is_not(capsys):
    """As in JAX: `vmap` of a condition runs both branches, and a loop for all elements until the last is done."""
    branches = lambda x: lax.cond(x > 1.5, lambda: fg.debug.print("a {}", x), lambda: fg.debug.print("b {}", x))
    fg.vmap(lambda x: (branches(x), x)[1])(X)
    assert lines(capsys) == ["b 3.0", "b 1.0", "b 2.0", "a 3.0", "a 1.0", "a 2.0"]
    fg.vmap(lambda x: lax.while_loop(lambda x: x < 3.0, lambda x: (fg.debug.print("{}", x), x + 1.0)[1], x))(X)
    assert lines(capsys) == ["3.0", "1.0", "2.0", "3.0", "2.0", "3.0"]


def test_the_condition_of_a_loop_is_asked_once_a_step(capsys):
    """Under `vmap` each step looks once more for whose turn it is, without its effects."""
    below = lambda x: (fg.debug.print("{}", x), x < 3.0)[1]
    fg.jit(fg.vmap(lambda x: lax.while_loop(below, lambda x: x + 1.0, x)))(np.array([1.0, 2.0]))
    assert lines(capsys) == ["1.0", "2.0", "2.0", "3.0", "3.0", "3.0"]


@pytest.mark.parametrize("run", [lambda f: fg.grad(fg.checkpoint(f)), lambda f: fg.jit(fg.grad(fg.checkpoint(f)))])
def test_checkpoint_sees_again_what_it_computes_again(run, capsys):
    run(lambda x: (fg.debug.print("here"), shown(x))[1])(2.0)
    assert lines(capsys) == ["here", "x = 2.0"] * 2
    fg.jvp(fg.checkpoint(shown), (2.0,), (1.0,))
    assert lines(capsys) == ONCE
    fg.vmap(fg.checkpoint(shown))(X[:1])
    assert lines(capsys) == ["x = 3.0"]
    kept = fg.checkpoint(lambda w, x: (fg.debug.print("{}", w), w * x)[1])
    fg.grad(lambda w: fg.vmap(kept, (None, 0))(w, X).sum())(5.0)
    assert lines(capsys) == ["5.0"] * 2


def make_ruled():
    @fg.custom_jvp
    def f(x):
        fg.debug.print("f {}", x)
        return fnp.sin(x)

    f.defjvp(lambda xs, ts: (fg.debug.print("rule {}", xs[0]), (f(xs[0]), ts[0] * fnp.cos(xs[0])))[1])

    @fg.custom_vjp
    def g(x):
        fg.debug.print("g {}", x)
        return fnp.sin(x)

    g.defvjp(lambda x: (g(x), x), lambda x, ct: (fg.debug.print("back {} {}", x, ct), (ct * fnp.cos(x),))[1])
    return f, g


@pytest.mark.parametrize("derive", [fg.grad, lambda f: fg.jit(fg.grad(f)), lambda f: fg.grad(fg.jit(f))])
def test_rules(derive, capsys):
    """The rule runs in place of the function, and what a bwd prints comes in the backward pass."""
    f, g = make_ruled()
    f(2.0), g(2.0)
    assert lines(capsys) == ["f 2.0", "g 2.0"]
    assert derive(lambda x: f(x))(2.0) == np.cos(2.0)
    assert lines(capsys) == ["rule 2.0", "f 2.0"]
    assert derive(lambda x: g(x))(2.0) == np.cos(2.0)
    assert lines(capsys) == ["g 2.0", "back 2.0 1.0"]


def test_rules_within_checkpoint(capsys):
    f, g = make_ruled()
    fg.grad(fg.checkpoint(lambda x: f(x)))(2.0)
    assert lines(capsys) == ["f 2.0", "rule 2.0", "f 2.0"]
    fg.grad(fg.checkpoint(lambda x: g(x)))(2.0)
    assert lines(capsys) == ["g 2.0", "g 2.0", "back 2.0 1.0"]


def test_tangents_are_printed_in_forward_mode(capsys):
    f = fg.custom_jvp(fnp.sin)
    f.defjvp(lambda xs, ts: (fg.debug.print("t {}", ts[0]), (f(xs[0]), ts[0]))[1])
    fg.jvp(f, (2.0,), (3.0,))
    assert lines(capsys) == ["t 3.0"]
    fg.jvp(fg.jit(f), (2.0,), (3.0,))
    assert lines(capsys) == ["t 3.0"]
    push = fg.linearize(fg.jit(f), 2.0)[1]
    assert not lines(capsys)
    push(4.0), push(5.0)
    assert lines(capsys) == ["t 4.0", "t 5.0"]
    assert fg.grad(f)(2.0) == 1.0 and not lines(capsys)  # there it has no value
    assert fg.linear_transpose(lambda x: (fg.debug.print("{}", x), 2.0 * x)[1], 1.0)(3.0) == (6.0,)


# ---- texts ----


@both
def test_the_text_is_that_of_format(run, capsys):
    def f(x, n):
        fg.debug.print("{0:.2f} {n:>3} {name!r} {x[0]:{width}.1f} {{}} {n.dtype}", x[1], n=n, name="s", x=x, width=6)
        fg.debug.print("{} {}", x, {"a": n})

    run(f)(np.array([1.25, 2.0]), 7)
    assert lines(capsys) == ["2.00   7 's'    1.2 {} int64", "[1.25 2.  ] {'a': np.int64(7)}"]


@pytest.mark.parametrize(
    ("args", "error", "words"),
    [
        (("{} {}", 1.0), IndexError, "names argument 1, but 1 are given"),
        (("{1}", 1.0), IndexError, "names argument 1"),
        (("{x} {y.shape}",), KeyError, "names '.', which is not given"),
        (("text", 1.0), ValueError, "does not name the argument 0"),
        ((1.0,), TypeError, "takes a text"),
    ],
)
def test_texts_that_do_not_fit(args, error, words):
    with pytest.raises(error, match=words):
        fg.debug.print(*args)
    with pytest.raises(error, match=words):
        fg.make_graph(lambda: fg.debug.print(*args))()


def test_arguments_that_the_text_does_not_name():
    with pytest.raises(ValueError, match="does not name the argument 'y'"):
        fg.debug.print("{x}", x=1.0, y=2.0)


# ---- functions that are called ----


@both
def test_callback_gets_what_it_is_given(run):
    seen = []

    def keep(*args, **kwargs):
        seen.append((args, kwargs))
        return "ignored"

    def f(x):
        assert fg.debug.callback(keep, {"x": x}, "text", None, flag=True) is None
        return x

    run(f)(X)
    ((args, kwargs),) = seen
    np.testing.assert_array_equal(args[0]["x"], X)
    assert args[1:] == ("text", None) and kwargs == {"flag": True}


@both
def test_what_is_kept_stays_as_it_was(run):
    seen = []
    f = run(lambda x: (fg.debug.callback(seen.append, x), x + 1.0)[1])
    x = X.copy()
    f(x)
    x[:] = 0.0
    np.testing.assert_array_equal(seen[0], X)


@both
@pytest.mark.parametrize("call", [fg.debug.callback, lambda f, x: fg.io_callback(f, None, x)])
def test_exceptions_are_the_users(run, call):
    def failing(x):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        run(lambda x: (call(failing, x), x)[1])(1.0)
    assert len(caught.value.__notes__) == 1


class Log:
    """A number that goes up at each call, and the tags of the calls in their order."""

    def __init__(self):
        self.tags = []

    def __call__(self, tag, *values):
        self.tags.append((tag, *(float(np.sum(v)) for v in values)))
        return float(len(self.tags))

    def io(self, tag, *values):
        return fg.io_callback(lambda *xs: self(tag, *xs), SCALAR, *values)


@both
def test_io_is_neither_shared_nor_left_out(run):
    log = Log()
    f = run(lambda x: (log.io("a", x), log.io("unused", x), log.io("a", x))[::2])
    assert f(2.0) == (1.0, 3.0) and f(2.0) == (4.0, 6.0)
    assert log.tags == [("a", 2.0), ("unused", 2.0), ("a", 2.0)] * 2


@both
def test_a_derivative_has_what_the_function_has_read(run):
    log = Log()
    f = run(lambda x: fnp.sin(x) * log.io("a"))
    assert fg.grad(f)(2.0) == np.cos(2.0)
    assert fg.value_and_grad(f)(2.0) == (2.0 * np.sin(2.0), 2.0 * np.cos(2.0))
    assert run(fg.grad(lambda x: fnp.sin(x) * log.io("a")))(2.0) == 3.0 * np.cos(2.0)
    loop = run(lambda x: lax.scan(lambda c, _: (c * log.io("b"), None), x, None, 2)[0])
    assert fg.grad(loop)(1.0) == 4.0 * 5.0
    assert fg.jvp(loop, (1.0,), (1.0,)) == (6.0 * 7.0, 6.0 * 7.0)
    assert len(log.tags) == 7


def test_what_io_does_not_do():
    log = Log()
    for run in (lambda f: f, fg.jit):
        with pytest.raises(NotDifferentiableError, match="io_callback"):
            fg.grad(run(lambda x: log.io("a", x)))(1.0)
        with pytest.raises(NotImplementedError, match="checkpoint"):
            fg.grad(run(fg.checkpoint(lambda x: x * log.io("a"))))(1.0)
        with pytest.raises(NotImplementedError, match="elements whose turn it is not"):
            fg.vmap(run(lambda x: lax.cond(x > 2.0, lambda: log.io("a", x), lambda: x)))(X)
        with pytest.raises(NotImplementedError, match="elements whose turn it is not"):
            fg.vmap(run(lambda x: lax.while_loop(lambda x: x < 2.0, lambda x: x + log.io("a", x), x)))(X)
        with pytest.raises(ValueError, match="ordered"):
            fg.vmap(run(lambda x: fg.io_callback(lambda x: x, SCALAR, x, ordered=True)))(X)
    with pytest.raises(NotDifferentiableError, match="running it again"):
        fg.linearize(fg.jit(lambda x: x * log.io("a")), 1.0)[1](1.0)


@pytest.mark.parametrize("run", [lambda f: fg.vmap(f), lambda f: fg.jit(fg.vmap(f)), lambda f: fg.vmap(fg.jit(f))])
def test_vmap_of_io_calls_for_one_element_after_the_other(run):
    log = Log()
    np.testing.assert_array_equal(run(lambda x: log.io("a", x))(X), [1.0, 2.0, 3.0])
    assert log.tags == [("a", 3.0), ("a", 1.0), ("a", 2.0)]


# ---- the compiler's passes ----


def test_a_later_effect_does_not_overtake():
    """The second is ready before the first, which waits for calls of NumPy."""
    log = Log()

    def f(x):
        log.io("first", fnp.sort(fnp.sort(x)[::-1] + 1.0))
        log.io("second", 1.0)
        log.io("third", x)

    fg.jit(f)(X)
    assert [tag for tag, *_ in log.tags] == ["first", "second", "third"]


def test_a_branch_does_not_take_an_effect_with_it():
    log = Log()

    def f(x):
        read = log.io("read", x)
        return lax.cond(x > 0, lambda: read + 1.0, lambda: x)

    f = fg.jit(f)
    assert f(1.0) == 2.0 and f(-1.0) == -1.0
    assert log.tags == [("read", 1.0), ("read", -1.0)]


def test_a_loop_does_not_send_an_effect_ahead():
    log = Log()

    def f(x):
        return lax.scan(lambda c, _: (c + log.io("fixed", x), log.io("no argument")), 0.0, None, 3)[0]

    assert fg.jit(f)(5.0) == 1.0 + 3.0 + 5.0
    assert log.tags == [("fixed", 5.0), ("no argument",)] * 3


def test_equal_loops_are_both_run():
    log = Log()

    def f(x):
        loop = lambda: lax.scan(lambda c, a: (c * a, log.io("step", c)), x, X)
        pure = lambda: lax.scan(lambda c, a: (c * a, c), x, X)
        (a, _), (b, _) = loop(), loop()
        c, d = pure(), pure()
        return a + b + c[0] + d[0]

    assert fg.jit(f)(1.0) == 24.0
    assert log.tags == [("step", 1.0), ("step", 3.0), ("step", 3.0)] * 2


def test_effects_between_equal_loops_keep_their_order():
    """Loops that are made one would move what stands between them."""
    log = Log()

    def f(x):
        first = lax.scan(lambda c, a: (c * a, c), x, X)
        log.io("between", first[0])
        log.io("apart")
        second = lax.scan(lambda c, a: (c * a, c + 1.0), x, X)
        log.io("behind", second[0])
        return first[1].sum() + second[1].sum()

    assert fg.jit(f)(1.0) == 17.0
    assert log.tags == [("between", 6.0), ("apart",), ("behind", 6.0)]


def test_loops_that_python_unrolls():
    log = Log()

    def f(x):
        for n in range(120):
            for _ in range(4):
                x = fnp.sin(x) * 1.01
            if n % 40 == 0:
                log.io("now", x)
        for _ in range(60):
            x = fnp.cos(x) + 0.5
            fg.debug.callback(log.__call__, "each", x)
        return x

    x = f(1.0)
    expected, log.tags = log.tags, []
    np.testing.assert_allclose(fg.jit(f)(1.0), x, rtol=1e-14)
    assert [t for t, _ in log.tags] == [t for t, _ in expected]
    np.testing.assert_allclose([v for _, v in log.tags], [v for _, v in expected], rtol=1e-14)


def test_a_linear_map_does_not_print_again(capsys):
    """It runs loops and branches once more, on tangents."""

    def f(x):
        x = lax.cond(x > 1.5, lambda: (fg.debug.print("a {}", x), x * x)[1], lambda: x)
        return lax.while_loop(lambda x: x < 5.0, lambda x: (fg.debug.print("b {}", x), x * 2.0)[1], x)

    push = fg.linearize(fg.vmap(f), np.array([2.0]))[1]
    assert lines(capsys) == ["a 2.0", "b 4.0"]
    assert push(np.ones(1)) == push(np.ones(1)) == [8.0]
    assert not lines(capsys)


def test_a_function_that_has_been_called_before(capsys):
    """Its shortest way is not taken while a program is traced: it belongs to that."""
    inner = fg.jit(lambda x: shown(x))
    inner(2.0), inner(2.0)
    assert lines(capsys) == ONCE * 2
    outer = fg.jit(lambda y: y + inner(2.0))
    outer.lower(1.0)
    assert not lines(capsys)
    outer(1.0), outer(1.0)
    assert lines(capsys) == ONCE * 2


def test_constants_do_not_run_effects_ahead(capsys):
    loop = lambda: lax.scan(lambda c, a: (fg.debug.print("{}", c), (c * a, None))[1], 1.0, X)[0]
    branch = lambda: lax.cond(True, lambda: (fg.debug.print("taken"), 1.0)[1], lambda: 2.0)
    f = fg.jit(lambda x: x + loop() + branch() + fg.jit(looped)(2.0))
    f.lower(1.0)
    assert not lines(capsys)
    for _ in range(2):
        assert f(1.0) == 20.0
        assert lines(capsys) == ["1.0", "3.0", "3.0", "taken", *STEPS]


def test_effects_are_seen_in_the_text_and_the_reasons():
    program = fg.jit(lambda x: shown(x)).lower(1.0)
    assert "np_debug_callback(" in program.text and program.reasons == ["debug_callback: it is Python"]
    assert "debug_callback(a, call=" in str(fg.make_graph(shown)(1.0))
    program.graph.check()


class Programs:
    """Random programs: arithmetic, effects, loops and branches within each other."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.log = Log()
        self.tags = iter(range(10_000))

    def block(self, depth):
        return [self.statement(depth) for _ in range(self.random.randint(2, 4))]

    def statement(self, depth):
        nested = ["scan", "cond", "loop", "jit"] if depth else []
        kind = self.random.choice(["sin", "add", "io", "read", "show", "sort", *nested])
        count = 0 if kind not in nested else 2 if kind == "cond" else 1
        return kind, next(self.tags), [self.block(depth - 1) for _ in range(count)]

    def run(self, block, x):
        for kind, tag, inner in block:
            x = getattr(self, kind)(tag, inner, x)
        return x

    def sin(self, tag, inner, x):
        return fnp.sin(x)

    def add(self, tag, inner, x):
        return x * 0.5 + 0.25

    def io(self, tag, inner, x):
        self.log.io(tag, fg.stop_gradient(x))
        return x

    def read(self, tag, inner, x):
        return x + 0.01 * self.log.io(tag)

    def show(self, tag, inner, x):
        fg.debug.callback(self.log, tag, x)
        return x

    def sort(self, tag, inner, x):
        return x + 0.1 * fnp.sort(fnp.stack([x, -x]))[1]

    def scan(self, tag, inner, x):
        return lax.scan(lambda x, _: (self.run(inner[0], x), None), x, None, 2)[0]

    def cond(self, tag, inner, x):
        first, second = inner
        return lax.cond(x > 0.3, lambda x: self.run(first, x), lambda x: self.run(second, x), x)

    def loop(self, tag, inner, x):
        return lax.fori_loop(0, 2, lambda i, x: self.run(inner[0], x), x)

    def jit(self, tag, inner, x):
        return fg.jit(lambda x: self.run(inner[0], x))(x)


@pytest.mark.parametrize("seed", range(6))
def test_random_programs(seed):
    """Their effects, with the values that they see, are the same eagerly, compiled, and under derivatives."""
    made = Programs(seed)
    block = made.block(2)
    f = lambda x: made.run(block, x)
    compiled = fg.jit(f)

    def effects(run):
        made.log.tags.clear()
        result = run(0.7)
        return result, list(made.log.tags)

    fg.config.jit = False
    try:
        value, expected = effects(f)
    finally:
        fg.config.jit = True
    outside = lambda x: fg.value_and_grad(compiled)(x)[0]
    inside = fg.jit(lambda x: fg.value_and_grad(f)(x)[0])
    for run in (compiled, compiled, outside, inside):
        found, seen = effects(run)
        assert [tag for tag, *_ in seen] == [tag for tag, *_ in expected]
        np.testing.assert_allclose([v[0] for _, *v in seen if v], [v[0] for _, *v in expected if v], rtol=1e-12)
        np.testing.assert_allclose(found, value, rtol=1e-12)
