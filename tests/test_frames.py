"""Errors of what users call show the user's frames only, inside of transformations and outside."""

from __future__ import annotations

import pickle
import subprocess
import sys
import traceback

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
import funcgrad.scipy as scipy
import funcgrad.torch as torch
from funcgrad.core.frames import hide, hiding

X = np.ones(3)
T = torch.ones(2, 3)
KEPT = []
fg.grad(lambda x: KEPT.append(x) or x.sum())(X)  # type: ignore[func-returns-value]
_, PULLBACK = fg.vjp(lambda x: x * 2.0, X)


class Odd:
    pass


CALLS = [
    lambda: fg.grad(lambda x: x)(X),
    lambda: fg.grad(lambda x: np.sum(x.reshape(5)))(X),
    lambda: fg.grad(lambda x: x.missing)(X),
    lambda: fg.grad(3),
    lambda: fg.jit(lambda x: x.reshape(5))(X),
    lambda: fg.vmap(lambda x: x)(1.0),
    lambda: fg.vjp(lambda x: Odd(), X),
    lambda: PULLBACK(np.ones(4)),
    lambda: fg.hvp(np.sum, X, X),
    lambda: fg.hessian(np.sum, argnums=3)(X),
    lambda: fg.custom_vjp(3),
    lambda: fg.ravel_pytree(Odd()),
    lambda: fg.debug.print("{}"),
    lambda: fg.eval_shape(lambda x: x, Odd()),
    lambda: fg.test_util.check_grads(lambda x: x, (X,), order=0),
    lambda: fnp.reshape(X, 5),
    lambda: fnp.log("a"),
    lambda: fnp.add(X, np.ones(4)),
    lambda: fnp.where(Odd()),
    lambda: fnp.concatenate(3),
    lambda: fnp.add.reduce(X, 4),
    lambda: fnp.linalg.inv(X),
    lambda: fnp.fft.fft(X, axis=4),
    lambda: fg.lax.scan(1, 2, 3),
    lambda: fg.lax.add(X, np.ones((3, 3))),
    lambda: fg.lax.linalg.cholesky(X),
    lambda: fg.nn.softmax(X, axis=4),
    lambda: fg.nn.relu(Odd()),
    lambda: fg.random.normal(3, (3,)),
    lambda: fg.tree.map(lambda x, y: x, {"a": 1}, {"b": 1}),
    lambda: fg.tree.flatten({1: 2, "a": 3}),
    lambda: fg.tree_util.tree_unflatten(fg.tree.structure([1]), []),
    lambda: scipy.special.gammaln(Odd()),
    lambda: scipy.stats.norm.logpdf(X, 0.0, 1.0, 3.0),
    lambda: scipy.optimize.minimize(3, X),
    lambda: scipy.interpolate.CubicSpline(X, X),
    lambda: KEPT[0] + 1.0,
    lambda: 2.0 * KEPT[0],
    lambda: KEPT[0][0],
    lambda: KEPT[0].sum(),
    lambda: KEPT[0].reshape(3, 1),
    lambda: float(KEPT[0]),
    lambda: np.sin(KEPT[0]),
    lambda: np.sum(KEPT[0]),
    lambda: fg.lax.sin(KEPT[0]),
    lambda: T + torch.ones(4),
    lambda: T == torch.ones(4),
    lambda: T @ torch.ones(4),
    lambda: T[5],
    lambda: T.reshape(5),
    lambda: T.add_(torch.ones(4)),
    lambda: T.backward(),
    lambda: T.item(),
    lambda: bool(T),
    lambda: setattr(T, "grad", 3),
    lambda: torch.sin(Odd()),
    lambda: torch.cat(3),
    lambda: torch.sin(T, out=3),
    lambda: torch.nn.functional.softmax(T, dim=4),
    lambda: torch.nn.Linear(3, 2)(torch.ones(5, 7)),
    lambda: torch.nn.Linear(),
    lambda: torch.nn.Linear(3, 2).load_state_dict({"a": 1}),
    lambda: torch.optim.SGD(3, lr=0.1),
    lambda: torch.optim.SGD([T], lr=-1.0),
    lambda: torch.linalg.inv(T),
    lambda: torch.func.grad(lambda x: x)(T),
    lambda: fg.elementwise(3),
    lambda: fg.elementwise(abs, derivative=2.0),
    lambda: fg.elementwise(lambda x: x)("a"),
    lambda: fg.elementwise(lambda x: x)(X, X),
    lambda: fg.elementwise(lambda x: (x, x))(X),
    lambda: fg.jit(np.sort).lower(X).numba,
    lambda: fg.jit(np.sort).lower(X).export("none"),
    lambda: fg.jit(np.sin).lower(X).export(3),
    lambda: fg.jit(np.sin).lower(X)(np.ones(4)),
    lambda: setattr(fg.config, "jit", 3),
    lambda: setattr(fg.config, "cache_dir", 3),
    lambda: setattr(fg.config, "threads", -1),
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__code__.co_firstlineno)
def test_frames_are_the_users(call):
    with pytest.raises(Exception) as caught:
        call()
    files = {frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)}
    assert files == {__file__}
    assert caught.value.__cause__ is None


def test_as_it_is_printed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import funcgrad as fg\nfg.grad(lambda x: x.reshape(5))(1.0)\n")
    error = subprocess.run([sys.executable, script], capture_output=True, text=True).stderr
    assert [line.strip() for line in error.splitlines() if line.startswith("  File")] == [
        f'File "{script}", line 2, in <module>',
        f'File "{script}", line 2, in <lambda>',
    ]


def test_a_mistake_of_ours_shows_its_frames():
    def mistaken():
        return {}["missing"]

    ours = compile("def inner():\n    return undefined\n", fg.__file__, "exec")
    names = {}
    exec(ours, names)
    for fun, shown in ((names["inner"], True), (mistaken, True)):
        with pytest.raises((NameError, KeyError)) as caught:
            hiding(fun)()
        assert (traceback.extract_tb(caught.value.__traceback__)[-1].name in ("inner", "mistaken")) is shown


def test_frames_are_shown_on_request(monkeypatch):
    for call in (lambda: fg.grad(lambda x: x.reshape(5))(X), lambda: torch.sin(Odd()), lambda: fnp.log("a")):
        for shown in ("full", "user"):
            monkeypatch.setattr(fg.config, "traceback", shown)
            with pytest.raises((TypeError, ValueError)) as caught:
                call()
            files = {frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)}
            assert (len(files) > 1) == (shown == "full")
    assert fg.config.__class__({"FUNCGRAD_TRACEBACK": "full"}).traceback == "full"
    for wrong in ({"FUNCGRAD_TRACEBACK": "1"}, {"FUNCGRAD_TRACEBACK": "Full"}):
        with pytest.raises(ValueError, match=r'traceback must be "user" or "full"'):
            fg.config.__class__(wrong)


def test_hiding_keeps_the_error_and_its_story():
    def fails():
        try:
            raise KeyError("before")
        except KeyError as before:
            raise ValueError("after") from before

    with pytest.raises(ValueError, match="after") as caught:
        try:
            fails()
        except ValueError as error:
            hide(error)
            raise
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize(
    "fun", [fg.grad, fg.vjp, fg.nn.relu, fg.lax.scan, fg.lax.add, fg.random.normal, fg.tree.map, fnp.sum, fnp.sin,
            fg.stop_gradient, fg.checkpoint, fg.explain, scipy.optimize.minimize],
)  # fmt: skip
def test_functions_pickle_by_their_public_names(fun):
    assert pickle.loads(pickle.dumps(fun)) is fun


def test_a_function_is_the_same_in_all_public_modules():
    assert fg.stop_gradient is fg.lax.stop_gradient and fg.checkpoint is fg.ad_checkpoint.checkpoint
    assert fg.tree_util.tree_map is fg.tree.map
