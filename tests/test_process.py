"""Interrupts, signal handlers, finalisers and forks during a compile or an import, and a lost directory."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

BEFORE = """
import os, signal, sys, threading, time
import numpy as np
import funcgrad as fg
from funcgrad.compile import machine

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell has started with `&`
x = np.ones(3)
f = fg.jit(lambda x: np.sin(x) * 2.0)
g = fg.jit(lambda x: np.cos(x) * 2.0)
compile_text = machine._compile

def during_the_first_compile(action):
    def compiling(text):
        machine._compile = compile_text
        action()
        return compile_text(text)
    machine._compile = compiling
"""
AFTER = """
assert f(x)[0] == 2 * np.sin(1.0) and g(x)[0] == 2 * np.cos(1.0)
"""


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", BEFORE + code + AFTER], check=True, timeout=120)


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
class TestSignals:
    def test_an_interrupt_during_the_first_compile_leaves_nothing_half_done(self):
        """llvmlite is being imported then, too."""
        run("""
during_the_first_compile(lambda: os.kill(os.getpid(), signal.SIGINT))
try:
    f(x)
    sys.exit("no interrupt")
except KeyboardInterrupt:
    pass
""")

    def test_a_handler_may_compile(self):
        run("""
handled = []
signal.signal(signal.SIGUSR1, lambda *_: handled.append(g(x)))
during_the_first_compile(lambda: os.kill(os.getpid(), signal.SIGUSR1))
f(x)
assert len(handled) == 1
""")

    def test_a_child_that_is_forked_during_a_compile_may_compile(self):
        run("""
started = threading.Event()
during_the_first_compile(lambda: (started.set(), time.sleep(0.2)))
thread = threading.Thread(target=f, args=(x,))
thread.start()
started.wait()
child = os.fork()
if child == 0:
    signal.alarm(60)
    f(x), g(x)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
thread.join()
""")


def test_a_finaliser_may_compile():
    run("during_the_first_compile(lambda: g(x))")


def test_a_compile_that_fails_is_done_again():
    run("""
def fails():
    raise MemoryError
during_the_first_compile(fails)
try:
    f(x)
    sys.exit("no error")
except MemoryError:
    pass
""")


def test_without_threads_to_start():
    run("""
def refused(*_):
    raise RuntimeError("can't start new thread")
threading.Thread.start = machine._thread.start_new_thread = refused
""")


@pytest.mark.skipif(os.name == "nt", reason="a directory in use cannot be deleted there")
def test_a_deleted_working_directory(tmp_path):
    run(f"""
os.chdir({str(tmp_path)!r})
os.rmdir({str(tmp_path)!r})
""")


@pytest.mark.long
@pytest.mark.parametrize("calls", [5, 200, 900])
def test_an_interrupted_import_may_be_repeated(calls):
    code = f"""
import sys, numpy as np
made = []

def interrupt(frame, event, arg):
    if event == "call" and "funcgrad" in frame.f_code.co_filename:
        made.append(1)
        if len(made) == {calls}:
            sys.settrace(None)
            raise KeyboardInterrupt

sys.settrace(interrupt)
try:
    import funcgrad
    sys.exit("no interrupt")
except KeyboardInterrupt:
    import funcgrad as fg
assert fg.grad(lambda x: np.sum(np.sin(x)))(np.zeros(2))[0] == 1
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_nothing_is_imported_for_a_compile_but_llvmlite():
    run("""
before = set(sys.modules)
f(x)
assert "numba" not in sys.modules and "llvmlite" in set(sys.modules) - before
""")


def test_sixteen_threads_call_and_compile():
    """The same programs and programs of their own, some of them dropped at once."""
    run("""
import gc
errors = []

def work(k):
    try:
        for n in range(6):
            own = fg.jit(lambda x: np.sum(np.sin(x) * (2 + k + 16 * n)))
            assert abs(own(x) - 3 * np.sin(1.0) * (2 + k + 16 * n)) < 1e-9
            assert f(x)[0] == 2 * np.sin(1.0) and g(x)[0] == 2 * np.cos(1.0)
            assert f(np.ones(n)).shape == (n,)
            if k == 0:
                gc.collect()
    except BaseException as error:
        errors.append(error)

threads = [threading.Thread(target=work, args=(k,)) for k in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not errors, errors
""")


def test_a_fork_while_the_first_kernel_compiles():
    """The child has not the thread that compiles."""
    code = """
import os, threading, time
import numpy as np
import funcgrad as fg

f = fg.jit(lambda x: np.sum(np.sin(x) * np.exp(x) + np.tanh(x) ** 5))
thread = threading.Thread(target=lambda: f(np.ones(3)))
thread.start()
for wait in (0.05, 0.1, 0.3):
    time.sleep(wait)
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
thread.join()
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=60)


def test_a_fork_while_threads_load_the_compiler():
    """The child compiles, though another thread was importing, or inside of LLVM, when it came into being."""
    code = """
import os, sys, threading, time
import numpy as np
import funcgrad as fg

f = lambda k: fg.jit(lambda x: np.sum(np.sin(x) * k))(np.ones(3))
threads = [threading.Thread(target=f, args=(k,)) for k in range(4)]
for thread in threads:
    thread.start()
time.sleep(float(sys.argv[1]))
child = os.fork()
if child == 0:
    f(9.0)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
for thread in threads:
    thread.join()
"""
    for wait in ("0", "0.05", "0.2"):
        subprocess.run([sys.executable, "-W", "ignore", "-c", code, wait], check=True, timeout=60)
