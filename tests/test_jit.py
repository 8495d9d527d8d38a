"""`jit`: which calls share a program, what may be an argument, and how it nests with the transformations."""

from __future__ import annotations

import dataclasses
import functools
import gc
import pickle
import subprocess
import sys
import threading
import traceback
import weakref
from collections import namedtuple
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.compile import jit as compile_jit
from funcgrad.compile.jit import jit
from funcgrad.compile.program import Program
from funcgrad.config import Config, config
from funcgrad.numpy import methods  # noqa: F401
from funcgrad.transforms.api import grad, jvp, vjp
from funcgrad.transforms.custom import custom_jvp, custom_vjp
from funcgrad.transforms.remat import checkpoint
from funcgrad.transforms.vmap import vmap

X = np.linspace(0.1, 1.0, 7)


def loss(x):
    return (np.sin(x) * np.exp(-x) + np.tanh(x) ** 2).sum()


@jit
def decorated(x):
    return x * 2.0 + 1.0


def counted(fun, **options):
    calls = []

    def counting(*args, **kwargs):
        calls.append(1)
        return fun(*args, **kwargs)

    return jit(counting, **options), calls


# Signatures


def test_one_program_a_signature():
    f, calls = counted(lambda x, y: x * y + 1.0)
    for x, y in [
        (X, X),
        (X + 1, X),
        (X, 2.0),
        (X, 3.0),
        (X, 2),
        (X.astype("f"), 2.0),
        (X[:3], 2.0),
        (X, np.float64(2)),
    ]:
        np.testing.assert_allclose(f(x, y), x * y + 1.0, rtol=1e-6)
        assert f(x, y).dtype == (x * y + 1.0).dtype
    assert len(calls) == f.cache_size() == 6
    f.clear_cache()
    assert f.cache_size() == 0
    f(X, X)
    assert len(calls) == 7


def test_python_numbers_are_weak():
    f = jit(lambda x, s: x * s + s)
    assert f(X.astype("f"), 0.1).dtype == np.float32
    assert f(X.astype("f"), np.float64(0.1)).dtype == np.float64
    assert type(f(2.0, 3.0)) is float and f(2.0, 3.0) == 9.0
    assert type(f(2, 3)) is int
    assert type(jit(np.sin)(0.5)) is np.float64
    assert type(f(np.float32(2), 3.0)) is np.float32
    np.testing.assert_array_equal(f(X, 2**70), X * 2**70 + 2**70)
    with pytest.raises(OverflowError):
        f(np.arange(3), 2**70)


def test_no_arguments():
    f = jit(lambda: (np.arange(3.0), 2.0, None))
    np.testing.assert_array_equal(f()[0], f()[0])
    assert f()[1:] == (2.0, None) and f.cache_size() == 1


def test_pytrees():
    Pair = namedtuple("Pair", "a b")
    f = jit(lambda p, q: {"sum": p["w"][0] + q.a, "same": (q, None, [p["w"][1]])})
    out = f({"w": [X, 2.0]}, q=Pair(1.0, X))
    np.testing.assert_allclose(out["sum"], X + 1.0)
    assert type(out["same"][0]) is Pair and out["same"][1] is None and out["same"][2] == [2.0]
    np.testing.assert_array_equal(out["same"][0].b, X)
    f({"w": [X, 2.0]}, Pair(1.0, X))
    assert f.cache_size() == 2


def test_memmaps_and_zero_dimensional_arrays(tmp_path):
    f = jit(lambda x, s: x * s + 1.0)
    stored = np.memmap(tmp_path / "numbers", np.float64, "w+", shape=(2,))
    stored[:] = 1.0, 2.0
    got = f(stored, np.array(3.0))
    assert type(got) is np.ndarray
    np.testing.assert_allclose(got, [4.0, 7.0])
    assert type(f(np.array(2.0), np.array(3.0))) is np.float64


def test_any_layout_and_byte_order():
    f = jit(lambda x: x * 2.0 + x)
    for x in (X[::-1], np.asfortranarray(np.ones((3, 4))), X.astype(">f8"), np.broadcast_to(1.0, (3, 2))):
        np.testing.assert_allclose(f(x), x * 3.0)


def test_results_are_the_callers():
    f = jit(lambda x: (x, x * 2.0 + 1.0, c))
    c = np.arange(3.0)
    first, second = f(X), f(X)
    for a, b in zip(first, second):
        a[:] = 0
        assert b.any()
    assert X.all() and c.any()


def test_closures_are_captured_by_value():
    c = np.ones(7)
    f = jit(lambda x: x * c + 1.0)
    before = f(X)
    c[:] = 5
    np.testing.assert_array_equal(f(X), before)


# Static arguments


def test_static_arguments():
    f, calls = counted(
        lambda x, n, name="a": x * n if name == "a" else x + n, static_argnums=1, static_argnames="name"
    )
    for n, name in [(2, "a"), (2, "a"), (3, "a"), (3, "b"), (2.0, "a"), (True, "a")]:
        np.testing.assert_allclose(f(X, n, name=name), X * n if name == "a" else X + n)
    assert len(calls) == 5


def test_static_arguments_by_position_and_by_name():
    @partial(jit, static_argnames=("n",))
    def f(x, n):
        return x ** int(n)

    np.testing.assert_allclose(f(X, 2), X**2)
    np.testing.assert_allclose(f(X, n=3), X**3)

    @partial(jit, static_argnums=(-1,))
    def g(x, flag):
        return x if flag else -x

    np.testing.assert_allclose(g(X, False), -X)
    np.testing.assert_allclose(g(X, flag=False), -X)


def test_static_arguments_that_cannot_be():
    f = jit(lambda x, sizes: x, static_argnums=1)
    with pytest.raises(
        TypeError, match=r"static argument 1 `sizes` is list, which cannot be a key: unhashable type: .list.. Pass a tu"
    ):
        f(X, [1, 2])
    with pytest.raises(ValueError, match=r"static_argnums names argument 2, but the function has `x`, `y`"):
        jit(lambda x, y: x, static_argnums=2)
    with pytest.raises(ValueError, match=r"static_argnames names `z`, but the function has `x`, `y`"):
        jit(lambda x, y: x, static_argnames="z")
    with pytest.raises(TypeError, match="static_argnums must be an int"):
        jit(lambda x: x, static_argnums="x")
    with pytest.raises(TypeError, match="donate_argnums must be an int"):
        jit(lambda x: x, donate_argnums=1.5)
    with pytest.raises(TypeError, match="takes a function, not int"):
        jit(3)


class Scaler:
    """Callable, and with methods of both kinds."""

    scale = 2.0

    def __init__(self):
        self.lower = self.cache_size = "its own"
        self.note = "kept"

    def __call__(self, x, n=1):
        return whole(x, n) * self.scale

    def method(self, x, n=1):
        return whole(x, n) * self.scale

    @classmethod
    def of_class(cls, x, n=1):
        return whole(x, n) * cls.scale

    @jit(static_argnums=0)
    def scaled(self, x):
        return x * self.scale

    @classmethod
    @jit(static_argnums=0)
    def scaled_by_class(cls, x):
        return x * cls.scale


def whole(x, n):
    assert type(n) is int
    return x * n


@functools.wraps(whole)
def wrapped(*args, **kwargs):
    return whole(*args, **kwargs)


CALLABLES = {
    "function": (whole, 1),
    "object": (Scaler(), 2),
    "method": (Scaler().method, 2),
    "class method": (Scaler.of_class, 2),
    "partial": (partial(lambda factor, x, n: whole(x, n) * factor, 2.0), 2),
    "partial with a keyword": (partial(lambda x, n, factor: whole(x, n) * factor, factor=3.0), 3),
    "wrapped": (wrapped, 1),
    "transformed": (grad(lambda x, n: whole(x, n).sum()), None),
}


@pytest.mark.parametrize("name", CALLABLES)
@pytest.mark.parametrize("options", [{"static_argnums": 1}, {"static_argnames": "n"}, {"static_argnums": -1}])
def test_static_arguments_of_any_callable(name, options):
    fun, factor = CALLABLES[name]
    if "factor" in getattr(fun, "keywords", {}) and options == {"static_argnums": -1}:
        options = {"static_argnums": 1}
    f = jit(fun, **options)
    want = np.full(7, 3.0) if factor is None else X * 3 * factor
    np.testing.assert_allclose(f(X, 3), want)
    np.testing.assert_allclose(f(X, n=3), want)
    np.testing.assert_allclose(f(n=3, x=X) if name != "transformed" else want, want)
    assert f.__name__ in ("whole", "Scaler", "method", "of_class", "<lambda>")


def test_self_may_be_static():
    np.testing.assert_allclose(Scaler().scaled(X), X * 2)
    np.testing.assert_allclose(Scaler.scaled_by_class(X), X * 2)


def test_callables_without_a_signature():
    np.testing.assert_allclose(jit(np.add, static_argnums=1)(X, 2.0), X + 2)


def test_attributes_of_the_function_hide_none_of_jits():
    f = jit(Scaler())
    assert isinstance(jit(Scaler(), static_argnums=1).lower(X, 1), Program)
    assert f.cache_size() == 0 and f.note == "kept"
    assert grad(jit(loss)).__dict__.keys().isdisjoint({"_staged", "_quick"})


def test_options_without_a_function_give_a_decorator():
    @jit(static_argnames="n")
    def f(x, n):
        return whole(x, n)

    @grad(argnums=1)
    def g(x, y):
        return x * y

    @vmap(in_axes=1)
    def h(x):
        return x.sum()

    np.testing.assert_allclose(f(X, n=2), 2 * X)
    assert g(2.0, 3.0) == 2.0
    np.testing.assert_allclose(h(np.ones((2, 3))), [2, 2, 2])
    with pytest.raises(TypeError, match="takes a function, not NoneType"):
        grad(None)
    with pytest.raises(TypeError, match="argnum"):
        grad(argnum=1)(f)


@dataclass(frozen=True)
class Options:
    value: object


def test_static_arguments_that_are_equal_but_differ():
    f, calls = counted(lambda x, c: x * 1.0, static_argnums=1)
    numbers = [0.0, -0.0, 0, False, np.float64(0.0), np.float32(0.0), 0j, -0j]
    given = [*numbers, *((n,) for n in numbers), *(frozenset((n,)) for n in numbers), *map(Options, numbers)]
    given += [((n,), Options((n,))) for n in numbers]
    for c in given:
        f(X, c)
        f(X, c)
    assert len(calls) == len(given)
    f(X, float("nan"))
    f(X, float("nan"))
    assert len(calls) == len(given) + 1


class Compared:
    def __init__(self, result):
        self.result = result

    def __hash__(self):
        return 1

    def __eq__(self, other):
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.mark.parametrize("result, reason", [
    (np.array([True, False]), "== of two Compared gives ndarray"), (ValueError("no truth"), "no truth")
])  # fmt: skip
def test_static_arguments_whose_comparison_has_no_truth(result, reason):
    f = jit(lambda x, config: x, static_argnames="config")
    with pytest.raises(TypeError, match=rf"static argument `config` is Compared, which cannot be a key: {reason}"):
        f(X, config=Compared(result))


def test_traced_values_have_no_hash():
    cached = functools.lru_cache(lambda x: x * 2)
    with pytest.raises(TypeError, match=r"of grad at .*test_jit.py.* is unhashable.*lru_cache"):
        grad(cached)(2.0)


@pytest.mark.parametrize("args, kwargs, message", [
    ((X, "mean"), {}, r"^Name a constant static: jit\(..., static_argnums=1\)\. jit: argument 1 `y` is str"),
    ((X,), {"y": object()}, r"^Name a constant static: jit\(..., static_argnames='y'\)\. jit: argument `y` is object"),
    (({"a": [X, "b"]}, X), {}, r"^Pass a constant by itself.* jit: argument 0 `x`, leaf \['a'\]\[1\] is str"),
    (({1.0, 2.0}, X), {}, r"^Pass np\.array\(list\(x\)\).* jit: argument 0 `x` is set"),
    ((fg.errors, X), {}, r"^Pass its arrays.*Name a constant static"),
    ((np.array(["a"]), X), {}, r"argument 0 `x` is an array of dtype <U1"),
])  # fmt: skip
def test_leaves_that_are_no_numbers(args, kwargs, message):
    f = jit(lambda x, y: x)
    with pytest.raises(TypeError, match=message):
        f(*args, **kwargs)
    assert f.cache_size() == 0


def test_results_that_are_no_numbers():
    with pytest.raises(TypeError, match=r"output\['a'\] of the function is str"):
        jit(lambda x: {"a": "text"})(X)


# What a jitted function is


def test_names_methods_and_pickles():
    class Model:
        scale = 2.0

        @partial(jit, static_argnums=0)
        def scaled(self, x):
            """Scaled."""
            return x * self.scale + 1.0

    np.testing.assert_allclose(Model().scaled(X), X * 2.0 + 1.0)
    assert Model.scaled.__name__ == "scaled" and Model.scaled.__doc__ == "Scaled."
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    copy = pickle.loads(pickle.dumps(jit(loss, static_argnums=())))
    np.testing.assert_allclose(copy(X), loss(X))
    np.testing.assert_allclose(pickle.loads(pickle.dumps(jit(grad(loss))))(X), grad(loss)(X))


def test_lower():
    program = jit(loss).lower(X)
    assert isinstance(program, Program) and program.kernels == 1 and "for " in program.text
    assert program.compile_seconds > 0
    np.testing.assert_allclose(program(X)[0], loss(X))
    assert jit(loss).lower(X).from_cache and not jit(loss).lower(X[:2]).from_cache


def test_call_errors_show_the_users_frames_only_and_leave_nothing():
    f, _ = counted(lambda x: helper(x))

    def helper(x):
        if fail:
            raise KeyError("mine")
        return x * 2.0 + 1.0

    fail = True
    with pytest.raises(KeyError, match="mine") as caught:
        f(X)
    names = [frame.name for frame in traceback.extract_tb(caught.tb)]
    assert names[0] == "test_call_errors_show_the_users_frames_only_and_leave_nothing"
    assert names[1:] == ["counting", "<lambda>", "helper"]
    assert f.cache_size() == 0
    fail = False
    np.testing.assert_allclose(f(X), X * 2.0 + 1.0)


def test_errors_of_compiled_programs_are_numpys():
    f = jit(lambda n: (n * 2) ** (n - 2) + 1)
    with pytest.raises(ValueError, match="negative integer powers"):
        f(np.arange(3))


def test_compiled_programs_do_not_warn():
    f = jit(lambda x: (np.log(x), np.log(x) / x, x @ x))
    got = f(np.array([0.0, -1.0, 1e200]))
    assert np.isneginf(got[0][0]) and np.isnan(got[0][1]) and np.isinf(got[2])


def test_an_array_kept_from_tracing_is_reported():
    kept = []
    jit(lambda x: kept.append(x) or x * 2.0)(X)
    with pytest.raises(RuntimeError, match="after the transformation had ended"):
        kept[0] + 1.0


# Nesting


def test_gradients_of_and_inside():
    want = grad(loss)(X)
    np.testing.assert_allclose(jit(grad(loss))(X), want, rtol=1e-14)
    np.testing.assert_allclose(grad(jit(loss))(X), want, rtol=1e-14)
    np.testing.assert_allclose(
        grad(lambda x: jit(lambda y: y * np.sin(y))(x).sum())(X), np.sin(X) + X * np.cos(X)
    )
    second = grad(lambda x: grad(loss)(x).sum())(X)
    np.testing.assert_allclose(jit(grad(lambda x: grad(loss)(x).sum()))(X), second, rtol=1e-13)
    np.testing.assert_allclose(grad(lambda x: jit(grad(jit(loss)))(x).sum())(X), second, rtol=1e-13)


def test_other_transformations():
    batch = np.stack([X, X + 1, X + 2])
    want = np.stack([grad(loss)(x) for x in batch])
    np.testing.assert_allclose(vmap(jit(grad(loss)))(batch), want, rtol=1e-13)
    np.testing.assert_allclose(jit(vmap(grad(loss)))(batch), want, rtol=1e-13)
    y, t = jvp(jit(loss), (X,), (np.ones(7),))
    np.testing.assert_allclose((y, t), (loss(X), grad(loss)(X).sum()), rtol=1e-13)
    _, pullback = vjp(jit(lambda x, s: (x * s, np.sin(x).sum())), X, 2.0)
    cts = pullback((np.ones(7), 1.0))
    np.testing.assert_allclose(cts[0], 2.0 + np.cos(X))
    np.testing.assert_allclose(cts[1], X.sum())


def test_jit_in_jit():
    inner, calls = counted(lambda x: np.sin(x) * 2.0)
    f = jit(lambda x: inner(x) + inner(x + 1.0))
    np.testing.assert_allclose(f(X), 2 * np.sin(X) + 2 * np.sin(X + 1))
    assert len(calls) == 1


def test_custom_rules_and_checkpoints_are_compiled_into_the_loop():
    @custom_vjp
    def twice(x):
        return x * 2.0

    twice.defvjp(lambda x: (twice(x), None), lambda _, ct: (ct * 5.0,))

    @custom_jvp
    def thrice(x):
        return x * 3.0

    thrice.defjvp(lambda primals, tangents: (thrice(*primals), tangents[0] * 7.0))
    f = jit(lambda x: twice(np.sin(x)) + thrice(x) + checkpoint(lambda y: np.cos(y) * y)(x))
    np.testing.assert_allclose(f(X), 2 * np.sin(X) + 3 * X + np.cos(X) * X)
    assert f.lower(X).kernels == 1 and "np_" not in f.lower(X).text
    want = 5 * np.cos(X) + 7 + np.cos(X) - X * np.sin(X)
    np.testing.assert_allclose(grad(lambda x: f(x).sum())(X), want)
    np.testing.assert_allclose(jit(grad(lambda x: f(x).sum()))(X), want)
    closing = lambda x: jit(lambda y: checkpoint(lambda z: z * np.sin(x) * y)(y))(x).sum()
    np.testing.assert_allclose(closing(X), (X * X * np.sin(X)).sum())
    np.testing.assert_allclose(jit(closing)(X), (X * X * np.sin(X)).sum())
    np.testing.assert_allclose(grad(closing)(X), 2 * X * np.sin(X) + X * X * np.cos(X))


def test_outer_traced_values_are_not_kept():
    f = lambda x: jit(lambda y: x * y + np.sin(x))(2.0).sum()
    np.testing.assert_allclose(grad(f)(X), 2.0 + np.cos(X))

    box = {}
    g = jit(lambda y: box["x"] * y + 1.0)

    def uses(x):
        box["x"] = x
        return g(2.0).sum()

    np.testing.assert_allclose(grad(uses)(X), np.full(7, 2.0))
    np.testing.assert_allclose(grad(lambda x: uses(x * x))(X), 4.0 * X)
    assert g.cache_size() == 0


def test_perturbations_stay_apart():
    D = grad
    assert D(lambda x: x * D(jit(lambda y: x + y))(1.0))(1.0) == 1.0


def test_branches_on_traced_values_are_refused():
    with pytest.raises(TypeError):
        jit(lambda x: x if x.sum() > 0 else -x)(X)


# Threads and memory


def test_threads():
    f = jit(lambda x, s: (np.sin(x) * s).sum())
    wants = [(np.sin(np.ones(n)) * n).sum() for n in range(1, 9)]
    wrong = []

    def work():
        for _ in range(20):
            for n, want in enumerate(wants, 1):
                if abs(f(np.ones(n), float(n)) - want) > 1e-9:
                    wrong.append(n)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong and f.cache_size() == 8


def test_the_signatures_used_last_are_kept(monkeypatch):
    monkeypatch.setattr(compile_jit, "KEPT", 3)
    f, calls = counted(lambda x: x * 2.0)
    often = np.ones(1)
    for n in range(2, 9):
        f(often)
        f(np.ones(n))
    assert f.cache_size() == 3 and len(calls) == 8
    f(often)
    assert len(calls) == 8


def test_batched_programs_are_not_kept_for_ever(monkeypatch):
    monkeypatch.setattr("funcgrad.core.graph.DERIVED", 4)
    f = jit(lambda x: x * 2.0)
    f(np.float64(1.0))
    for n in range(1, 8):
        vmap(f)(np.ones(n))
    (kept,) = f._staged.entries.values()
    assert len(kept[0].graph.cache) <= 4


def test_compiled_functions_are_freed():
    class Big:
        pass

    def compiled(big):
        f = jit(lambda x: x * 2.0 + (0.0 if big else 1.0))
        f(X)
        return weakref.ref(big)

    alive = compiled(Big())
    gc.collect()
    assert alive() is None


# Settings


def test_jit_can_be_turned_off():
    f, calls = counted(lambda x: x * 2.0 + 1.0)
    config.jit = False
    try:
        f(X)
        f(X)
        assert len(calls) == 2 and f.cache_size() == 0
    finally:
        config.jit = True


def test_settings_are_checked():
    assert Config({}).jit is True and Config({"FUNCGRAD_JIT": "0"}).jit is False
    with pytest.raises(ValueError, match="FUNCGRAD_JIT must be 0 or 1"):
        Config({"FUNCGRAD_JIT": "perhaps"})
    with pytest.raises(TypeError, match=r"config\.jit"):
        Config({}).jit = 1
    with pytest.raises(AttributeError):
        Config({}).jitt = False


def test_llvm_is_imported_with_the_first_kernel():
    code = (
        "import sys, numpy as np\n"
        "from funcgrad.compile.jit import jit\n"
        "import funcgrad.numpy.methods\n"
        "f = jit(lambda x: np.sin(x))\n"
        "assert 'llvmlite' not in sys.modules\n"
        "f(np.ones(3))\n"
        "assert 'llvmlite' in sys.modules and 'numba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


class TestResultsAreTheCallersOwn:
    def check(self, f, *args):
        first, second = f(*args), f(*args)
        kept = [np.array(y) for y in first]
        for n, y in enumerate(first):
            assert isinstance(y, np.generic) or (y.flags.writeable and y.flags.c_contiguous)
            others = [*args, *first[:n], *second]
            assert not any(np.shares_memory(y, x) for x in others if isinstance(x, np.ndarray))
            if isinstance(y, np.ndarray):
                y[...] = -1
        for y, expected in zip(f(*args), kept):
            np.testing.assert_array_equal(y, expected)

    def test_views_of_an_argument_of_rank_zero(self):
        self.check(jit(lambda x: (x[None], x.reshape(1, 1), x[...])), np.array(3.0))

    def test_an_argument_of_rank_zero_given_back_twice(self):
        self.check(jit(lambda x: (x, x, x)), np.array(3.0))

    def test_a_captured_array_of_rank_zero(self):
        constant = np.array(3.0)
        self.check(jit(lambda x: (constant, x * 0 + constant)), np.ones(2))

    def test_views_of_an_argument_that_a_kernel_needs_contiguous(self):
        x = np.asfortranarray(np.arange(6.0).reshape(2, 3))
        self.check(jit(lambda x: (x.T, np.sin(x) + np.cos(x))), x)


def test_arguments_are_taken_as_they_are_when_it_is_called():
    a = np.array([1.0, 2.0])

    def f(x):
        s = np.sum(x**2)
        a[:] = 0.0
        return s

    assert jit(f)(a) == 5.0
    a[:] = [1.0, 2.0]
    np.testing.assert_array_equal(jit(fg.grad(f))(a), [2.0, 4.0])


def test_static_objects_that_hold_arrays_are_named():
    @dataclasses.dataclass(frozen=True)
    class Holder:
        a: object

        def __hash__(self):
            return 1

    f = jit(lambda h, x: x + h.a[0], static_argnums=0)
    f(Holder(np.ones(3)), 1.0)
    with pytest.raises(TypeError, match=r"jit: a static argument \(0\) cannot be compared.*ordinary argument"):
        f(Holder(np.zeros(3)), 1.0)
    with pytest.raises(TypeError, match=r"static_argnames must be a name"):
        jit(lambda x: x, static_argnames=3)


def test_static_values_are_told_apart():
    from decimal import Decimal

    @dataclasses.dataclass(frozen=True)
    class Scale:
        by: object

    apart = [0.0, -0.0, 0, False, (0,), (0.0,), range(0), range(1, 1), Decimal("1.0"), Decimal("1.00"), 10**5000, Scale]
    apart += [Scale(1), Scale(1.0), Scale(True), Scale((0.0,)), Scale((-0.0,)), np.float32(0), np.float64(0)]
    apart += [Scale(range(0)), Scale(range(1, 1)), np.datetime64("2020-01-01"), np.datetime64("2020-01-01T00")]
    f = jit(lambda s, x: x + 1.0, static_argnums=0)
    for count, value in enumerate(apart, 1):
        f(value, 1.0)
        assert f.cache_size() == count, value
    for value in apart:
        f(value, 1.0)
    assert f.cache_size() == len(apart)


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"x": x}, lambda x: (x, [x])])
def test_shapes_in_turn_are_prepared_once(wrap, monkeypatch):
    """What a signature needs for its quick way is made once, however often the signatures change."""
    from funcgrad.compile import gate, wrappers

    made = []

    def counted(function):
        return lambda *a: made.append(a) or function(*a)

    monkeypatch.setattr(wrappers, "_built", counted(wrappers._built))
    monkeypatch.setattr(gate, "words_of", counted(gate.words_of))
    f = jit(lambda t: sum(np.sum(x * 2.0) for x in fg.tree.leaves(t)))
    args = [wrap(np.ones(n)) for n in (2, 3, 4)]
    for a in args:
        f(a), f(a)
    count = len(made)
    for a in args * 3:
        assert f(a) == 2.0 * sum(x.size for x in fg.tree.leaves(a))
    assert len(made) == count


Couple = namedtuple("Couple", "a b")


@pytest.mark.parametrize("result", [lambda *y: y, lambda *y: {"b": y[0], "a": y[1:]}, lambda *y: Couple(*y)])
def test_shapes_in_turn_with_calls_of_numpy(result):
    f = jit(lambda x: result(np.sort(x) * 2.0, np.sum(x)))
    whole = jit(lambda t: result(t["x"] * 2.0, np.sum(t["x"])))
    for n in (3, 5, 3, 5, 3):
        x = np.arange(float(n))[::-1].copy()
        y, total = fg.tree.leaves(f(x)) if not isinstance(f(x), dict) else (f(x)["b"], f(x)["a"][0])
        assert type(f(x)) is type(whole({"x": x})) is type(result(1, 2))
        np.testing.assert_array_equal(y, np.sort(x) * 2.0)
        assert total == x.sum()


def test_indexes_out_of_bounds_raise_by_turns():
    f = jit(lambda x, i: x[i] * 2.0)
    for n in (3, 5, 3, 5):
        assert f(np.arange(float(n)), n - 1) == 2.0 * (n - 1)
        with pytest.raises(IndexError):
            f(np.arange(float(n)), n)
