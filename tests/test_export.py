"""Programs written as object files: linked by the system's C compiler, without anything of Python's."""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from tests.test_text import PROGRAMS

CC = shutil.which("cc")
needs_cc = pytest.mark.skipif(CC is None or os.name != "posix", reason="there is no C compiler `cc` to link with")
LIBC = {"malloc", "free", "memset", "memcpy", "memmove", "_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail"}


def loss(w, data, labels, scale):
    rows = np.log1p(np.exp(-(data @ w) * labels)) + np.tan(data @ w / 50) ** 2
    return scale * np.sum(rows) + np.sum(fg.scipy.special.erf(w)), (rows, data, 3)


def arguments(dtype):
    rng = np.random.default_rng(0)
    return (
        rng.normal(size=4).astype(dtype),
        rng.normal(size=(700, 4)).astype(dtype),
        rng.integers(0, 2, 700).astype(np.int64) * 2 - 1,
        dtype(0.5),
    )


def linked(program, folder, name="f"):
    """The exported program as a function of Python's, by a shared library that nothing else may be missing in."""
    header = program.export(folder, name)
    library = folder / f"{name}.so"
    subprocess.run([CC, "-shared", "-o", library, folder / f"{name}.o", "-Wl,-z,defs", "-lm"], check=True)
    function = ctypes.CDLL(library)[name]
    size = int(header.read_text().split(f"#define {name}_WORK ")[1].split()[0])

    def call(*args):
        given = [np.array(x, v.aval.dtype, order="C") for x, v in zip(fg.tree.leaves(args), program.graph.inputs)]
        results = [np.full(a.aval.shape, 7, a.aval.dtype) for a in program.graph.outputs]
        work = np.full(size + 1, 255, np.uint8)[1:]
        places = [ctypes.c_void_p(a.ctypes.data) for a in (*given, *results, work)]
        return function(*places), results

    return call


@needs_cc
class TestLinked:
    @pytest.mark.parametrize("name", ["kernel", "nest0", "copy", "table", "data0", "fg_parallel", "f"])
    def test_names_of_ours(self, name, tmp_path):
        constant = np.arange(40.0)
        program = fg.jit(lambda x: (np.sum(np.sin(x * constant)), x, 3.0)).lower(np.ones(40))
        status, (total, same, three) = linked(program, tmp_path, name)(np.ones(40))
        assert status == 0 and three == 3.0
        np.testing.assert_allclose(total, np.sum(np.sin(constant)))
        np.testing.assert_array_equal(same, np.ones(40))

    @pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int8])
    def test_pointers_that_are_not_aligned(self, dtype, tmp_path):
        fg.jit(lambda x: x * 2).lower(np.ones(4, dtype)).export(tmp_path, "f")
        subprocess.run([CC, "-shared", "-o", tmp_path / "f.so", tmp_path / "f.o", "-lm"], check=True)
        function, memory, result = ctypes.CDLL(tmp_path / "f.so").f, np.zeros(100, np.uint8), np.zeros(4, dtype)
        low = -memory.ctypes.data % 8
        for offset in range(9):
            odd = ctypes.c_void_p(memory.ctypes.data + low + offset)
            for given in ((odd, ctypes.c_void_p(result.ctypes.data)), (ctypes.c_void_p(result.ctypes.data), odd)):
                assert function(*given, None) == (offset % result.itemsize > 0)

    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    def test_the_bits_are_those_of_the_program(self, tmp_path, dtype):
        f = fg.jit(fg.value_and_grad(loss, has_aux=True))
        args = arguments(dtype)
        status, results = linked(f.lower(*args), tmp_path)(*args)
        assert status == 0
        for found, expected in zip(results, fg.tree.leaves(f(*args)), strict=True):
            np.testing.assert_array_equal(found, expected)

    def test_captured_arrays_large_nests_and_memory_to_work_in(self, tmp_path):
        table, weights = np.random.default_rng(1).normal(size=(2, 40_000))
        f = fg.jit(lambda x: np.cumsum(np.exp(np.sin(table * x)) / np.sum(np.exp(table * x))) * weights + 0.37)
        call = linked(f.lower(1.5), tmp_path)
        found = [None] * 3
        threads = [threading.Thread(target=lambda k=k: found.__setitem__(k, call(1.5))) for k in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for status, (result,) in found:
            assert status == 0
            np.testing.assert_array_equal(result, f(1.5))

    def test_results_that_nothing_computes(self, tmp_path):
        def fun(x, n, b):
            y = np.flip(x, 0) * 2
            return x, 2.5, y, y, np.arange(3, dtype=np.int16), n, b, np.zeros((0, 2))

        f = fg.jit(fun)
        args = np.ones((2, 3), np.float32), np.uint8(200), np.bool_(True)
        status, results = linked(f.lower(*args), tmp_path)(*args)
        assert status == 0
        for found, expected in zip(results, f(*args), strict=True):
            np.testing.assert_array_equal(found, expected)
        status, results = linked(fg.jit(lambda x: x).lower(2.0), tmp_path, "same")(4.0)
        assert status == 0 and results[0] == 4.0

    def test_in_a_forked_child(self, tmp_path):
        f = fg.jit(lambda x: np.sum(np.sin(x)))
        call = linked(f.lower(np.ones(9)), tmp_path)
        child = os.fork()
        if child == 0:
            os._exit(0 if call(np.ones(9))[1] == [f(np.ones(9))] else 1)
        assert os.waitpid(child, 0)[1] == 0

    def test_an_index_out_of_bounds(self, tmp_path):
        call = linked(fg.jit(lambda x, i: x[i]).lower(np.ones(3), 0), tmp_path)
        assert call(np.arange(3.0), 2) == (0, [2.0])
        assert call(np.arange(3.0), 3)[0] == 1 and call(np.arange(3.0), -4)[0] == 1

    def test_products(self, tmp_path):
        a = np.random.default_rng(2).normal(size=(70, 70))
        f = fg.jit(lambda x: a @ x @ a)
        assert f.lower(a).calls
        _, (found,) = linked(f.lower(a), tmp_path)(a)
        np.testing.assert_allclose(found, a @ a @ a, rtol=1e-10, atol=1e-10)

    @pytest.mark.long
    @pytest.mark.parametrize("name", PROGRAMS)
    def test_many_programs(self, tmp_path, name):
        fun, *args = PROGRAMS[name]
        f = fg.jit(fun)
        program = f.lower(*args)
        try:
            call = linked(program, tmp_path)
        except TypeError:  # which test_what_python_runs looks at
            assert program.calls
            return
        with np.errstate(all="ignore"):
            status, results = call(*args)
            expected = f(*args)
        assert status == 0
        for found, wanted in zip(results, fg.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-12 if program.calls else 0)

    def test_a_program_of_c(self, tmp_path):
        """Compiled with all warnings, run without Python's symbols, and compared to the last bit."""
        f = fg.jit(fg.value_and_grad(lambda x, s: np.sum(np.sin(x) ** s)))
        x = np.linspace(0.1, 1, 5)
        header = f.lower(x, 3.0).export(tmp_path, "slope")
        (tmp_path / "main.c").write_text("""
#include <stdio.h>
#include "slope.h"
int main(void) {
    static char work[slope_WORK + 1];
    double x[5], s = 3.0, value, slopes[5];
    for (int i = 0; i < 5; i++)
        if (scanf("%lf", x + i) != 1) return 2;
    int failed = slope(x, &s, &value, slopes, work);
    printf("%d %.17g", failed, value);
    for (int i = 0; i < 5; i++)
        printf(" %.17g", slopes[i]);
    return 0;
}
""")
        compile = [CC, "-Wall", "-Wextra", "-Werror", "-std=c99", "-o", "main", "main.c", "slope.o", "-lm"]
        subprocess.run(compile, cwd=tmp_path, check=True)
        said = subprocess.run(
            [tmp_path / "main"], input=" ".join(map(repr, x.tolist())), text=True, check=True, stdout=subprocess.PIPE,
            env={},
        ).stdout.split()  # fmt: skip
        value, slopes = f(x, 3.0)
        assert [float(word) for word in said] == [0.0, value, *slopes]
        assert header.read_text().count("const double *x") == 2

    @pytest.mark.skipif(shutil.which("nm") is None, reason="there is no `nm` to list symbols with")
    def test_what_it_needs(self, tmp_path):
        args = arguments(np.float64)
        fg.jit(fg.grad(loss, has_aux=True)).lower(*args).export(tmp_path, "f")
        needs = subprocess.run(["nm", "-u", tmp_path / "f.o"], check=True, text=True, stdout=subprocess.PIPE).stdout
        foreign = {name for name in needs.replace(" U ", " ").split() if not name.startswith("_ZGV")} - LIBC
        assert foreign <= {"tan", "erf", "erfc", "exp", "log"}, foreign
        gives = subprocess.run(["nm", "-g", tmp_path / "f.o"], check=True, text=True, stdout=subprocess.PIPE).stdout
        assert [line.split()[-1] for line in gives.splitlines() if " U " not in line] == ["f"]

    def test_in_cplusplus(self, tmp_path):
        compiler = shutil.which("c++")
        if compiler is None:
            pytest.skip("there is no C++ compiler `c++`")
        fg.jit(lambda x: x * 2).lower(1.0).export(tmp_path, "twice")
        (tmp_path / "main.cpp").write_text(
            '#include "twice.h"\nint main() { double x = 4, y; return twice(&x, &y, nullptr) || y != 8; }'
        )
        subprocess.run([compiler, "-Wall", "-Werror", "-o", "main", "main.cpp", "twice.o"], cwd=tmp_path, check=True)
        subprocess.run([tmp_path / "main"], check=True)

    @pytest.mark.long
    def test_of_another_process(self, tmp_path):
        """The same bytes, as nothing in it is an address."""
        code = (
            "import sys, numpy as np, funcgrad as fg\ntable = np.arange(5.0)\n"
            "fg.jit(lambda x: np.sum(np.sin(x * table)) * 1.7).lower(np.ones(5)).export(sys.argv[1], 'f')\n"
            "assert 'numba' not in sys.modules\n"
        )
        for folder in ("a", "b"):
            subprocess.run([sys.executable, "-c", code, tmp_path / folder], check=True)
        assert (tmp_path / "a" / "f.o").read_bytes() == (tmp_path / "b" / "f.o").read_bytes()


class TestFiles:
    def test_the_header(self, tmp_path):
        f = fg.jit(lambda p, n, *, k: ({"y": p["w"].T}, k, fnp.arange(3) * n))
        header = f.lower({"w": np.ones((2, 3), np.float32)}, np.int8(1), k=True).export(tmp_path / "of" / "mine", "f_1")
        text = header.read_text()
        assert header == tmp_path / "of" / "mine" / "f_1.h"
        assert sorted(os.listdir(tmp_path / "of" / "mine")) == ["f_1.h", "f_1.o"]
        for line in (
            "    const float *x0, /* argument 0['w']: [2][3] */",
            "    const int8_t *x1, /* argument 1: one number */",
            "    const bool *x2, /* argument ['k']: one number */",
            "    float *y0, /* result[0]['y']: [3][2] */",
            "    bool *y1, /* result[1]: one number */",
            "    int64_t *y2, /* result[2]: [3] */",
            "    void *work);",
        ):
            assert line in text.splitlines(), line

    def test_names(self, tmp_path):
        def squares(x):
            return x * x

        assert fg.jit(squares).lower(1.0).export(tmp_path).name == "squares.h"
        assert fg.jit(lambda x: x).lower(1.0).export(str(tmp_path)).name == "program.h"
        def cosh(x):
            return x * x

        assert fg.jit(cosh).lower(1.0).export(tmp_path).name == "program.h"
        odd = ("", "1f", "a-b", "a/b", "double", "class", "ä", 3, "_x", "f" * 300)
        for name in (*odd, "cos", "pow", "printf", "malloc", "memcpy", "int64_t", "INT64_MAX", "NULL", "linux"):
            with pytest.raises(ValueError, match="no name for a function of C"):
                fg.jit(squares).lower(1.0).export(tmp_path, name)

    def test_names_that_differ_by_case(self, tmp_path):
        guards = {
            line for name in ("f", "F")
            for line in fg.jit(abs).lower(1.0).export(tmp_path, name).read_text().splitlines() if "#ifndef" in line
        }  # fmt: skip
        assert len(guards) == 2

    def test_folders(self, tmp_path):
        for odd in (None, 3, b"folder"):
            with pytest.raises(TypeError, match="export: folder must be a path"):
                fg.jit(abs).lower(1.0).export(odd)

    def test_what_python_runs(self, tmp_path):
        with pytest.raises(TypeError, match=r"`<lambda>` cannot be called from C.*sort: no kernel at .*test_export"):
            fg.jit(lambda x: np.sort(x)).lower(np.ones(3)).export(tmp_path / "none")
        assert not (tmp_path / "none").exists()

    # one that falls into a callback of garbage collection is lost, as Python ignores it; a file left open is told still
    @pytest.mark.filterwarnings("ignore:Exception ignored in. <function:pytest.PytestUnraisableExceptionWarning")
    @pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no such timer")
    def test_interrupts(self, tmp_path):
        """At random moments: each file is one of those written, whole, and nothing lies beside it."""
        programs = [fg.jit(lambda x, k=k: x * 3.25 + k).lower(1.0) for k in range(4)]
        whole = set()
        for k, program in enumerate(programs):
            program.export(tmp_path / str(k), "f")
            whole.add((tmp_path / str(k) / "f.o").read_bytes())
        rng, made = random.Random(0), 0
        before = signal.signal(signal.SIGALRM, signal.default_int_handler)
        try:
            for k in range(60):
                try:
                    signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-4, 1e-2))
                    programs[k % 4].export(tmp_path, "f")
                    signal.setitimer(signal.ITIMER_REAL, 0)
                except KeyboardInterrupt:
                    made += 1
                if (tmp_path / "f.o").exists():
                    assert (tmp_path / "f.o").read_bytes() in whole
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert made > 5
        programs[0].export(tmp_path, "f")
        assert sorted(os.listdir(tmp_path)) == [*"0123", "f.h", "f.o"]

    def test_nothing_is_left_behind(self, tmp_path, monkeypatch):
        program = fg.jit(lambda x: x * 3).lower(1.0)
        program.export(tmp_path, "f")
        before = (tmp_path / "f.o").read_bytes()

        def replace(*paths):
            raise OSError("no room")

        monkeypatch.setattr(os, "replace", replace)
        with pytest.raises(OSError, match="no room"):
            fg.jit(lambda x: x * 4).lower(1.0).export(tmp_path, "f")
        assert sorted(os.listdir(tmp_path)) == ["f.h", "f.o"] and (tmp_path / "f.o").read_bytes() == before
        (tmp_path / "file").write_text("")
        with pytest.raises(OSError):
            program.export(tmp_path / "file", "f")
