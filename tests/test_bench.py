"""The benches run: their functions on small sizes, for they are called by nobody else."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.trace import primitives

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture
def bench(monkeypatch):
    """Import a module of bench/."""
    monkeypatch.syspath_prepend(BENCH)
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(BENCH) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]


class Near:
    """A worker in this process, as bench/compiled.py asks one in another."""

    def __init__(self, worker):
        self.worker = worker

    def ask(self, request, *args):
        return getattr(self.worker, request)(*args)


@pytest.mark.long
def test_compiled_kernels(bench):
    kernels = bench("compiled_kernels")
    found = {dtype: kernels.measured(200, dtype, 1, 1e-5, 2) for dtype in kernels.DTYPES}
    assert set(found["float32"]) == {"bandwidth of the copy", *kernels.kernels(200, "float32")}
    assert all(entry["share"] > 0 for entry in found["float64"].values())
    assert len(kernels.table(found).splitlines()) == 1 + len(found["float64"])


def test_compiled_kernels_are_right(bench):
    for name, (fun, args) in bench("compiled_kernels").kernels(200, "float64").items():
        want = fg.make_graph(fun)(*args)(*args)[0]
        np.testing.assert_allclose(fg.jit(fun)(*args), want, rtol=1e-12, err_msg=name)


def test_kernels(bench):
    """Two lines of elements, one of rows; each is compared with NumPy before it is timed."""
    kernels = bench("kernels")
    found = {dtype: kernels.measured(5000, dtype, 1, 1e-5, only="soft") for dtype in kernels.DTYPES}
    assert {"softplus", "d softplus", "softmax", "d log_softmax"} <= set(found["float32"])
    assert all(line["share"] > 0 and line["NumPy"] > 0 for name, line in found["float64"].items() if name != "triad")
    assert len(kernels.table(found).splitlines()) == 2 + len(found["float64"])
    assert "NumPy" in kernels.machine()


@pytest.mark.long
def test_every_kernel_has_a_line(bench):
    kernels = bench("kernels")
    found = kernels.measured(5000, "float32", 1, 1e-5)
    names = {prim.name for prim in primitives().values() if hasattr(prim.impl, "plain")}
    rows = {"softmax", "log_softmax", "logsumexp", "standardise", "cumsum", "cumprod", "add rows"}
    columns = {f"{name} down" for name in ("softmax", "logsumexp", "standardise", "argmax", "cumsum")}
    assert names | rows | columns | {"sum of 1000 columns", "argmax of rows of 5"} <= set(found)


@pytest.mark.parametrize("name", ["Rosenbrock, value and gradient, n = 2", "MLP step, 8 x 4-16-2"])
def test_costs_of_derivatives(bench, name):
    compiled, worker = bench("compiled"), bench("worker")
    row = compiled.cost(name, Near(worker.Worker("funcgrad")), Near(worker.Worker("funcgrad")), 1, 1e-5)
    assert row["bound"] == 3 and row["ratio"] > 0
    assert compiled.cost_line(row | {"ratio": 9.0}).endswith("beyond")
    assert not compiled.cost_line(row | {"ratio": 2.0}).endswith("beyond")


def test_functions_without_their_derivatives(bench):
    """What a derivative is compared with takes the same arguments, and returns numbers, not gradients."""
    for case in bench("cases").CASES:
        if case.timed and "1e+0" not in case.name and "d 64" not in case.name and "unrolled" not in case.name:
            args = case.data(np.random.default_rng(0))
            graph = fg.make_graph(case.function(fg))(*args)
            assert len(graph.outputs) == 1, case.name


def test_rows_are_chosen_by_name(bench):
    compiled = bench("compiled")
    chosen = lambda case, cost: compiled.chosen(argparse.Namespace(case=case, cost=cost))
    assert chosen(["Hessian"], False) == ["Hessian, 50 dimensions"]
    assert any(name.startswith("first call") for name in chosen([], False))
    assert not any(name.startswith("first call") for name in chosen([], True))


def test_starts(bench):
    start, names = bench("start"), {case.name for case in bench("cases").CASES}
    assert set(start.STARTS.values()) <= names
    times = {"cold": (2.0, 0.5, 1.0), "warm": (1.0, 0.5, 0.25)}
    row = {"case": "scan", "error": None, "seconds": {"funcgrad": times}}
    assert start.line(row).split() == ["scan", "2.000", "1.000", "0.500", "+", "0.250"]
    row["seconds"]["jax"] = {state: (3 * t[0], 0.0, 0.0) for state, t in times.items()}
    assert start.line(row).split()[1:7] == ["6.000", "2.000", "3.00", "3.000", "1.000", "3.00"]


@pytest.mark.long
def test_a_start(bench, tmp_path):
    row = bench("start").row("chain", {"funcgrad": sys.executable}, 1, tmp_path)
    cold, warm = row["seconds"]["funcgrad"].values()
    assert cold[0] > cold[1] > 0 and warm[0] > warm[2] > 0 and row["error"] is None
    assert all(list((tmp_path / f"funcgrad chain {k}").iterdir()) for k in range(3))


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks are read from Linux's /proc")
@pytest.mark.long
def test_memory(bench):
    memory = bench("memory")
    for name, case in memory.cases(1e-3).items():
        peak, held = memory.compiled(case())
        assert peak >= memory.size(case().args) and held > 0, name
    # arrays of 80 MB, more than whatever else the process gives back meanwhile
    assert memory.peak_of(lambda: np.ones(10_000_000)) > 70e6 > memory.peak_of(lambda: None)


def test_timing(bench):
    timing = bench("timing")
    best = timing.interleaved({"one": lambda: None, "other": lambda: None}, 2, 1e-5)
    assert set(best) == {"one", "other"} and all(0 <= t < np.inf for t in best.values())


@pytest.mark.long
def test_calls_from_numba(bench):
    pytest.importorskip("numba")
    module = bench("numba_calls")
    for runs in (module.calls(), module.elements(), module.products(60)):
        assert runs
        for run in runs.values():
            run()
