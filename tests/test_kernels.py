"""`funcgrad.kernels`: the functions that kernels are made of, for `njit` code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from tests.test_vectormath import ERRORS

numba = pytest.importorskip("numba")
NAMES = sorted(ERRORS.keys() - {"sincos"})
QUICK = ("tanh",)


class TestKernels:
    def test_the_names(self):
        assert sorted(fg.kernels.__all__) == sorted(NAMES)

    def test_the_errors_are_on_the_page(self):
        """The figures of tests/test_vectormath.py, which measures them at all widths, that of one number included."""
        page = (Path(__file__).parent.parent / "docs" / "numba_calls.md").read_text()
        rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) \| ([\d.]+) \|$", page, re.MULTILINE)
        assert {name: (float(a), float(b)) for name, a, b in rows} == {name: ERRORS[name] for name in NAMES}

    @pytest.mark.parametrize("name", [
        *QUICK, *(pytest.param(name, marks=pytest.mark.long) for name in NAMES if name not in QUICK),
    ])  # fmt: skip
    def test_the_bits_are_those_of_compiled_programs(self, name):
        special = fg.scipy.special
        ours = {"erf": special.erf, "erfc": special.erfc, "logistic": special.expit, "softplus": fg.nn.softplus}
        jitted = fg.jit(ours.get(name) or getattr(fnp, name))
        kernel = getattr(fg.kernels, name)
        for dtype in (np.float64, np.float32):
            x = np.concatenate([np.linspace(-30, 30, 999), [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-30, 1e30]])
            args = [x.astype(dtype)] + [x[::-1].astype(dtype)] * (name in ("arctan2", "hypot", "power"))
            found = kernel(*args)
            assert found.dtype == dtype
            np.testing.assert_array_equal(found.view(f"i{found.itemsize}"), jitted(*args).view(f"i{found.itemsize}"))
            one = kernel(*[a[5] for a in args])
            assert one == found[5] or np.isnan(found[5])

    @pytest.mark.parametrize("name", NAMES)
    def test_derivatives_of_their_sources(self, name):
        source = getattr(fg.kernels, name).py_func
        args = (1.25,) * (1 + (name in ("arctan2", "hypot", "power")))
        if name in ("arcsin", "arccos", "arctanh"):
            args = (0.25,)
        h = 1e-6
        slope = (source(args[0] + h, *args[1:]) - source(args[0] - h, *args[1:])) / (2 * h)
        assert fg.grad(source)(*args) == pytest.approx(slope, rel=1e-8)

    def test_arguments(self):
        tanh = numba.njit(lambda x: fg_tanh(x))
        assert tanh(1) == tanh(1.0) == fg.kernels.tanh(np.ones(1, np.int8))[0]
        for wrong in (1j, "x"):
            with pytest.raises(numba.TypingError, match=r"kernels are of float64, float32 and integers|argument"):
                tanh(wrong)

    @pytest.mark.long
    def test_arguments_of_several_dtypes(self):
        mixed = fg.kernels.hypot(np.ones((2, 1), np.float32), np.arange(3.0))
        assert mixed.shape == (2, 3) and mixed.dtype == np.float64

    def test_fastmath_changes_nothing(self):
        x = np.linspace(-5, 5, 400)
        fast = numba.njit(fastmath=True)(lambda x: np.array([fg_tanh(v) for v in x]))
        np.testing.assert_array_equal(fast(x), fg.jit(np.tanh)(x))

    @pytest.mark.long
    def test_callers_are_kept_on_disk_and_pickled(self, tmp_path):
        script = tmp_path / "calls_kernels.py"
        script.write_text(
            "import pickle, sys, numba, numpy as np\nfrom funcgrad import kernels\n"
            "@numba.njit(cache=True)\ndef f(x): return kernels.tanh(x) * 2.0\n"
            "assert abs(f(1.0) - 2 * np.tanh(1.0)) < 1e-15\n"
            "assert len(f.stats.cache_hits) == int(sys.argv[1]), f.stats\n"
            "assert pickle.loads(pickle.dumps(kernels.tanh))(1.0) == f(1.0) / 2\n"
        )
        for again in "01":
            subprocess.run([sys.executable, "-W", "error", script, again], check=True, timeout=100)


fg_tanh = fg.kernels.tanh
