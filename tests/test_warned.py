"""NumPy's warnings name the user's line, whatever runs his function, and NumPy's settings hold as ever."""

from __future__ import annotations

import dis
import inspect
import random
import signal
import threading
import traceback
import types
import warnings

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
import funcgrad.torch as torch
from funcgrad.core import tape, trace
from funcgrad.core.buffers import running
from funcgrad.torch._pass import engine

SMALL, LARGE = np.zeros(3), np.zeros(5000)


def log(x):
    return np.sum(np.log(x))


def divided(x):
    return ((1.0 - x) / x).sum()


def root(x):
    return fnp.sum(fnp.sqrt(x - 1.0))


def power(x):
    return np.sum(x**-1.0)


def softmax(x):
    return np.sum(fg.nn.softmax(np.exp(x + 1000.0)))


FUNCTIONS = [log, divided, root, power, softmax]
RUNS = {
    "grad": lambda f, x: fg.grad(f)(x),
    "jvp": lambda f, x: fg.jvp(f, (x,), (x + 1.0,)),
    "vmap": lambda f, x: fg.vmap(f)(np.stack([x, x])),
    "vmap of grad": lambda f, x: fg.vmap(fg.grad(f))(np.stack([x, x])),
    "hvp": lambda f, x: fg.hvp(f, (x,), (x + 1.0,)),
    "checkpoint": lambda f, x: fg.grad(fg.checkpoint(f))(x),
    "explain": lambda f, x: fg.explain(f)(x),
    "plain": lambda f, x: f(x),
}


def recorded(run):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        run()
    return found


@pytest.mark.parametrize("x", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("fun", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", RUNS)
def test_a_warning_names_the_line(name, fun, x):
    found = recorded(lambda: RUNS[name](fun, x))
    assert found
    for warning in found:
        assert (warning.filename, warning.lineno) == (__file__, fun.__code__.co_firstlineno + 1)
        assert warning.category is RuntimeWarning and " encountered in " in str(warning.message)


@pytest.mark.parametrize(
    "call",
    [lambda: fnp.log(SMALL), lambda: fnp.divide(SMALL, SMALL), lambda: fnp.mean(fnp.exp(SMALL + 1e4)),
     lambda: fnp.var(SMALL / 1.0 + np.inf), lambda: fg.lax.log(SMALL), lambda: fg.nn.softplus(fnp.log(SMALL))],
)  # fmt: skip
def test_outside_of_transformations_too(call):
    found = recorded(call)
    assert found and {warning.filename for warning in found} == {__file__}


def test_twice_at_one_line_is_shown_once():
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        for _ in range(3):
            fg.grad(log)(SMALL)
        fg.grad(root)(SMALL)
    assert [warning.lineno for warning in found] == [f.__code__.co_firstlineno + 1 for f in (log, root)]


def test_a_filter_may_name_the_users_module():
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", module=__name__.replace(".", r"\."))
        fg.grad(log)(SMALL)
    assert not found


def test_as_errors_they_show_the_users_frames():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for run in (lambda: fg.grad(log)(SMALL), lambda: fnp.log(SMALL)):
            with pytest.raises(RuntimeWarning, match="divide by zero encountered in log") as caught:
                run()
            assert {frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)} == {__file__}


@pytest.mark.parametrize("run", [lambda: fg.grad(log)(SMALL), lambda: fnp.log(SMALL), lambda: fnp.log(LARGE)])
def test_errstate_holds(run):
    with np.errstate(all="ignore"):
        assert not recorded(run)
    with np.errstate(divide="raise"):
        with pytest.raises(FloatingPointError, match="divide by zero") as caught:
            run()
        assert {frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)} == {__file__}
    seen = []
    with np.errstate(divide="call", call=lambda *what: seen.append(what)):
        assert not recorded(run)
    assert seen


def test_errstate_inside_of_the_function_holds():
    def quiet(x):
        with np.errstate(divide="ignore"):
            return np.sum(np.log(x))

    assert not recorded(lambda: fg.grad(quiet)(SMALL))


def test_the_state_is_put_back():
    before, called = np.geterr(), np.geterrcall()
    fg.grad(log)(SMALL + 1.0)
    with pytest.raises(ZeroDivisionError):
        fg.grad(lambda x: 1 / 0)(1.0)
    assert (np.geterr(), np.geterrcall()) == (before, called)


def test_what_the_function_sets_stays():
    def sets(x):
        np.seterr(under="raise")
        return x

    with np.errstate():
        fg.grad(sets)(1.0)
        assert np.geterr()["under"] == "raise"


def test_in_threads_too():
    found = []
    thread = threading.Thread(target=lambda: found.extend(recorded(lambda: fg.grad(log)(SMALL))))
    thread.start()
    thread.join()
    assert [warning.filename for warning in found] == [__file__]


def test_tensors_do_not_warn_as_pytorch_does_not():
    def run():
        for t in (torch.zeros(3, requires_grad=True), torch.zeros(5000, requires_grad=True)):
            (torch.log(t) + (t - 1.0).sqrt() + 1.0 / t + (t + 1e4).exp()).sum().backward()
            torch.nn.functional.softmax(t / 0.0, 0)
            torch.func.grad(lambda t: t.log().sum())(t.detach())

    assert not recorded(run)


def test_code_without_a_module_warns_too():
    found = recorded(lambda: exec("fg.grad(lambda x: np.log(x))(0.0)", {"fg": fg, "np": np}))
    assert [warning.filename for warning in found] == ["<string>"]


@pytest.mark.parametrize(
    "call",
    [lambda: torch.nn.functional.softmax(torch.ones(3)), lambda: torch.nn.init.uniform(torch.ones(3)),
     lambda: torch.var(torch.ones(1)), lambda: torch.tensor(torch.ones(3)),
     lambda: torch.add(torch.ones(3), 1.0, out=torch.ones(2)),
     lambda: torch.nn.init.kaiming_normal_(torch.ones(0, 1)), lambda: torch.nn.LSTM(2, 3, num_layers=1, dropout=0.5),
     lambda: torch.nn.functional.nll_loss(torch.ones(1, 2), torch.tensor([0]), size_average=True)],
)  # fmt: skip
def test_warnings_of_ours_name_the_users_line(call):
    found = recorded(call)
    assert found and {warning.filename for warning in found} == {__file__}


def _torchs_gradient(x):
    t = torch.tensor(x, requires_grad=True)
    (t.sin() * 1.01).sum().backward()
    return t.grad.numpy()


INTERRUPTED = {
    "grad": fg.grad(lambda x: np.sum(np.sin(x) * 1.01)),
    "jvp": lambda x: fg.jvp(lambda x: np.sin(x) * 1.01, (x,), (x,))[1],
    "hvp": lambda x: fg.hvp(lambda x: np.sum(np.sin(x) * x), (x,), (x,)),
    "a function of NumPy's": lambda x: fnp.where(x > 0.5, fnp.sin(x), fnp.sum(x)),
    "a tensor": _torchs_gradient,
}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signals")
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", INTERRUPTED)
def test_an_interrupt_leaves_numpys_state_as_it_was(name):
    """Wherever it comes, and the next call is as if nothing had been."""
    run, x, rng = INTERRUPTED[name], np.linspace(0.1, 1.0, 10), random.Random(0)
    expected, before, made = run(x), np.geterr(), 0
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for _ in range(1000):
            try:
                signal.setitimer(signal.ITIMER_REAL, rng.uniform(2e-5, 2e-4))
                for _ in range(100):
                    run(x)
            except KeyboardInterrupt:
                made += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert np.geterr() == before and running() is None
    finally:
        signal.signal(signal.SIGALRM, handler)
    assert made > 500
    np.testing.assert_array_equal(run(x), expected)


@pytest.mark.parametrize("module", [tape, trace, engine], ids=lambda module: module.__name__)
def test_no_jump_passes_by_what_restores_numpys_state(module):
    """An interrupt may come at each jump back, and not all of them are in the `try` that they are written in."""
    found = 0
    for code in _codes(compile(inspect.getsource(module), module.__file__, "exec")):
        program = dis.Bytecode(code)
        ranges = [range(e.start, e.end) for e in program.exception_entries]
        if "set_state" not in code.co_names or not ranges:
            continue
        found += 1
        for step in program:
            if step.opname.startswith("JUMP_BACKWARD") and any(step.argval in r for r in ranges):
                assert any(step.offset in r for r in ranges), f"{code.co_qualname}, {step}"
    assert found


def _codes(code):
    yield code
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _codes(inner)
