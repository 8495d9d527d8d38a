"""Operations by the name that the user called, on the user's own line."""

from __future__ import annotations

import importlib.util
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
import funcgrad.torch as torch
from funcgrad import lax, nn, random
from funcgrad.transforms.explain.report import short
from tests.groups import together

X = np.array([1.5, 2.5, 3.5])
KEY = random.key(0)


def module(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def modules():
    before = set(sys.modules)
    yield module
    for name in set(sys.modules) - before:
        del sys.modules[name]


CALLED = {
    "argmax": lambda x: np.argmax(x) * 1.0,
    "count_nonzero": lambda x: np.count_nonzero(x) * 1.0,
    "digitize": lambda x: np.sum(np.digitize(x, X) * 1.0),
    "histogram": lambda x: np.sum(np.histogram(x)[0] * 1.0),
    "isclose": lambda x: np.sum(np.isclose(x, 2.0) * 1.0),
    "round": lambda x: np.sum(np.round(x, 1)),
    "fix": lambda x: np.sum(np.fix(x)),
    "floor_divide": lambda x: np.sum(x // 2.0),
    "greater": lambda x: np.mean(x > 2),
    "any": lambda x: np.any(x) * 1.0,
    "one_hot": lambda x: np.sum(nn.one_hot(x, 3)),
    "bernoulli": lambda x: np.sum(random.bernoulli(KEY, x / 4) * 1.0),
    "top_k": lambda x: np.sum(lax.top_k(x, 2)[1] * 1.0),
    "astype": lambda x: np.sum(x.astype(int)),
    "nanargmax": lambda x: np.nanargmax(x) * 1.0,
}


@together("name", CALLED, lambda name: "all")
def test_a_cut_has_the_name_that_was_called(name):
    (leaf,) = fg.explain(CALLED[name])(X).leaves
    assert leaf.status == "cut"
    assert leaf.cuts[0].op == name, str(leaf)
    assert leaf.paths_total == 1 and f"The only path to the output is cut by `{name}`" in leaf.message


def test_names_within_a_compiled_program():
    (leaf,) = fg.explain(fg.jit(lambda x: np.sum(np.digitize(x, X) * 1.0)))(X).leaves
    assert [cut.op for cut in leaf.cuts] == ["digitize"]


PACKAGE = """
import numpy as np

def smooth(x):
    return np.floor(x) * 2.0

def apply(fun, x):
    return fun(x) + 0.0
"""


def test_lines_of_installed_packages_are_not_the_users(modules, tmp_path):
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "helpful.py").write_text(PACKAGE)
    helpful = modules(folder / "helpful.py", "helpful")

    def loss(x):
        return np.sum(helpful.smooth(x))  # <call>

    (leaf,) = fg.explain(loss)(X).leaves
    (cut,) = leaf.cuts
    assert cut.op == "helpful.smooth" and cut.filename == __file__
    assert cut.source == "return np.sum(helpful.smooth(x))  # <call>"

    def through(x):
        return np.sum(helpful.apply(lambda v: np.floor(v), x))  # a function of the user's, called by the package

    (leaf,) = fg.explain(through)(X).leaves
    assert leaf.cuts[0].op == "floor" and leaf.cuts[0].filename == __file__

    (leaf,) = fg.explain(helpful.smooth)(X).leaves  # the package itself: there is no line of the user's within
    assert leaf.cuts[0].op == "floor" and leaf.cuts[0].filename.endswith("helpful.py")


def test_an_error_names_the_users_line_too(modules, tmp_path):
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "converts.py").write_text("def first(x):\n    return float(x[0])\n")
    converts = modules(folder / "converts.py", "converts")
    with pytest.raises(TypeError, match=r"test_lines\.py"):
        fg.grad(lambda x: converts.first(x))(X)


def test_two_files_of_one_name_are_told_apart(modules, tmp_path):
    reports = []
    found = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "same_name.py"
        path.write_text("import numpy as np\ndef loss(x):\n    return np.sum(np.floor(x))\n")
        found.append(modules(path, f"same_name_{folder}"))
    for one in found:  # both are known once both have run
        fg.explain(one.loss)(X)
    for one in found:
        reports.append(str(fg.explain(one.loss)(X)))
    assert "a/same_name.py:3" in reports[0] and "b/same_name.py:3" in reports[1]


def test_cells_of_a_notebook(monkeypatch):
    def name(file):
        return ("Cell", "In[3]") if file == "/tmp/ipykernel_1/2.py" else None

    shell = SimpleNamespace(compile=SimpleNamespace(format_code_name=name))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    namespace = {"np": np}
    text = "def loss(x):\n    y = np.floor(x)\n    return np.sum(y)\n"
    exec(compile(text, "/tmp/ipykernel_1/2.py", "exec"), namespace)
    (leaf,) = fg.explain(namespace["loss"])(X).leaves
    assert "`floor` at Cell In[3], line 2" in leaf.message
    assert short(leaf.cuts[0].place) == "Cell In[3], line 2"
    text = "x = torch.ones(2, requires_grad=True)\ny = x * 2\ny.backward()\n"
    with pytest.raises(RuntimeError) as e:
        exec(compile(text, "/tmp/ipykernel_1/2.py", "exec"), {"torch": torch})
    assert "`mul` at Cell In[3], line 2" in e.value.__notes__[0]


def test_a_healthy_helper_is_no_cut():
    for fun in (np.nanmean, np.median, np.var, nn.logsumexp, np.sinc, np.unwrap, np.nan_to_num):
        (leaf,) = fg.explain(lambda x, fun=fun: np.sum(fun(x)))(X).leaves
        assert (leaf.status, leaf.cuts, leaf.paths_total) == ("flows", (), 1), str(leaf)


def test_paths_are_counted_by_calls():
    (leaf,) = fg.explain(lambda x: np.std(x) + np.sum(fnp.linalg.norm(x)))(X).leaves
    assert leaf.paths_total == 2
