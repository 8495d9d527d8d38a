"""The kernels' pool of threads: parts, callers, forks, limits, signals and the process's end."""

from __future__ import annotations

import ctypes
import os
import signal  # noqa: F401, for the processes
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from funcgrad.compile import pool
from funcgrad.config import Config, config

posix = pytest.mark.skipif(os.name != "posix", reason="the parts are done one after another")
TEXT = """
declare void @fg_parallel(ptr, ptr, i64)
declare i32 @usleep(i32)

; context: an array of i64, one of them for each part
define void @square(ptr %context, i64 %part) {
  %place = getelementptr i64, ptr %context, i64 %part
  %before = load i64, ptr %place
  %square = mul i64 %part, %part
  %after = add i64 %before, %square
  store i64 %after, ptr %place
  ret void
}
; 100 elements for each part, which are parts of a call within
define void @nested(ptr %context, i64 %part) {
  %offset = mul i64 %part, 100
  %row = getelementptr i64, ptr %context, i64 %offset
  call void @fg_parallel(ptr @square, ptr %row, i64 100)
  ret void
}
define void @slow(ptr %context, i64 %part) {
  call i32 @usleep(i32 1000)
  call void @square(ptr %context, i64 %part)
  ret void
}
declare i32 @getpid()
declare i32 @kill(i32, i32)
; slow, and the first part sends SIGINT
define void @interrupted(ptr %context, i64 %part) {
entry:
  %is_first = icmp eq i64 %part, 0
  br i1 %is_first, label %send, label %rest
send:
  %process = call i32 @getpid()
  call i32 @kill(i32 %process, i32 2)
  br label %rest
rest:
  call void @slow(ptr %context, i64 %part)
  ret void
}
declare ptr @pthread_self()
; the thread that did it
define void @who(ptr %context, i64 %part) {
  call i32 @usleep(i32 20000)
  %thread = call ptr @pthread_self()
  %place = getelementptr ptr, ptr %context, i64 %part
  store ptr %thread, ptr %place
  ret void
}
define void @run(ptr %task, ptr %context, i64 %count) {
  call void @fg_parallel(ptr %task, ptr %context, i64 %count)
  ret void
}
"""
if os.name != "posix":
    TEXT = TEXT.replace("declare i32 @getpid()", "define i32 @getpid() { ret i32 0 }")
    TEXT = TEXT.replace("declare i32 @kill(i32, i32)", "define i32 @kill(i32 %p, i32 %s) { ret i32 0 }")
    TEXT = TEXT.replace("declare i32 @usleep(i32)", "define i32 @usleep(i32 %t) { ret i32 0 }")
    TEXT = TEXT.replace("declare ptr @pthread_self()", "define ptr @pthread_self() { ret ptr null }")


@cache
def addresses() -> dict[str, int]:
    """Of the functions in TEXT, before any is called: a fork may come while another thread has llvmlite's lock."""
    from llvmlite import binding

    pool.address()
    machine = binding.Target.from_default_triple().create_target_machine()
    engine = binding.create_mcjit_compiler(binding.parse_assembly(TEXT), machine)
    engine.finalize_object()
    names = ("square", "nested", "slow", "interrupted", "who", "run")
    found = {name: engine.get_function_address(name) for name in names}
    engine.detach()  # never freed: a call may be in progress when the process ends
    return found


def run(task: str, context: np.ndarray, count: int) -> np.ndarray:
    """A call by a kernel; ctypes releases the GIL."""
    kernel = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    kernel(addresses()["run"])(addresses()[task], context.ctypes.data, count)
    return context


def squares(count: int) -> np.ndarray:
    return run("square", np.zeros(count, np.int64), count)


def right(count: int, calls: int = 1) -> np.ndarray:
    return calls * np.arange(count) ** 2


def workers() -> int:
    """How many threads do something, of parts that take 160 ms together."""
    count = 8 * (config.threads or 2)
    return len(set(run("who", np.zeros(count, np.uintp), count)))


@pytest.fixture(autouse=True)
def _four_threads() -> Iterator[None]:
    before = config.threads
    config.threads = 4
    yield
    config.threads = before


@pytest.mark.parametrize("count", [0, 1, 2, 7, 1000])
@pytest.mark.parametrize("threads", [1, 2, 8])
def test_each_part_is_done_once(count, threads):
    config.threads = threads
    np.testing.assert_array_equal(squares(count), right(count))


def test_a_part_may_call():
    found = run("nested", np.zeros((20, 100), np.int64), 20)
    np.testing.assert_array_equal(found, np.broadcast_to(right(100), (20, 100)))


def test_thousands_of_calls():
    context = np.zeros(5, np.int64)
    for i in range(20_000):
        config.threads = i % 5 + 1
        run("square", context, 5)
    np.testing.assert_array_equal(context, right(5, 20_000))


def test_sleeping_threads_are_woken():
    context = np.zeros(9, np.int64)
    for _ in range(100):
        run("slow", context, 9)  # longer than anybody looks without sleeping
    np.testing.assert_array_equal(context, right(9, 100))


def test_sixteen_callers():
    found = [np.zeros(50, np.int64) for _ in range(16)]

    def calls(context: np.ndarray) -> None:
        for _ in range(500):
            run("square", context, 50)

    callers = [threading.Thread(target=calls, args=(context,)) for context in found]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    np.testing.assert_array_equal(found, [right(50, 500)] * 16)


# The number of threads


@posix
def test_the_setting_holds_from_the_next_call():
    for threads in (1, 2, 8, 3, 1):
        config.threads = threads
        assert workers() == threads


def test_the_setting_is_checked():
    assert Config({}).threads is None and Config({"FUNCGRAD_THREADS": "0"}).threads is None
    assert Config({"FUNCGRAD_THREADS": "3"}).threads == 3
    for text in ("many", "-1", "1.5"):
        with pytest.raises(ValueError, match="FUNCGRAD_THREADS must be a number of threads"):
            Config({"FUNCGRAD_THREADS": text})
    for value in (-1, 1.5, "2", True):
        with pytest.raises(TypeError, match=r"config\.threads must be"):
            Config({}).threads = value
    shown = "Config(jit=True, threads=3, debug_nans=False, traceback='user', cache_dir=None, cache_size=536870912)"
    assert repr(Config({"FUNCGRAD_THREADS": "3", "FUNCGRAD_CACHE_DIR": ""})) == shown


@posix
def test_automatic_is_no_more_than_the_blas_may_use():
    set_threads, threads = blas()
    config.threads = None
    try:
        for limit in (1, 2):
            set_threads(limit)
            assert workers() == min(limit, pool._cores())
    finally:
        set_threads(threads)


def blas() -> tuple[Any, int]:
    """How threadpoolctl sets the threads of NumPy's BLAS, and how many it has."""
    from numpy.linalg import lapack_lite

    library = ctypes.CDLL(lapack_lite.__file__)
    for name in pool._BLAS_LIMITS:
        setter = name.replace("_get_", "_set_")
        if setter != name and hasattr(library, name):
            return getattr(library, setter), getattr(library, name)()
    pytest.skip("NumPy's BLAS does not say how many threads it may use")


def test_other_limits(monkeypatch):
    monkeypatch.setattr(pool, "_blas_limit", lambda: None)
    assert pool._limit({"OMP_NUM_THREADS": "3"}) == pool._limit({"OMP_NUM_THREADS": "3,2"}) == "add i32 0, 3"
    assert pool._limit({"OMP_NUM_THREADS": "99999999999"}) == pool._limit({"OMP_NUM_THREADS": "0"}) == pool._limit({})
    assert pool._limit({}) == pool._limit({"OMP_NUM_THREADS": "x"}) == "add i32 0, 2147483647"
    monkeypatch.setattr(Path, "read_text", lambda self: "150000 100000\n")
    assert pool._cores() == min(2, os.cpu_count())
    monkeypatch.setattr(Path, "read_text", lambda self: "max 100000\n")
    assert 1 <= pool._cores() <= os.cpu_count()


def test_without_posix_threads(monkeypatch):
    from llvmlite import binding

    monkeypatch.setattr(pool.os, "name", "nt")
    text = pool._text(False)
    monkeypatch.undo()
    module = binding.parse_assembly(text)
    module.verify()
    assert [function.name for function in module.functions] == ["fg_parallel"]


def test_where_threads_cannot_be_placed(monkeypatch):
    from llvmlite import binding

    monkeypatch.setattr(pool.sys, "platform", "darwin")
    module = binding.parse_assembly(pool._text(False))
    monkeypatch.undo()
    module.verify()
    assert not module.get_function("sched_getcpu").is_declaration


# Processes and signals


def process(code: str) -> None:
    """Run code in a process of its own, which must end by itself."""
    before = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\nfrom tests.test_pool import *\n"
    subprocess.run([sys.executable, "-c", before + code], check=True, timeout=60)


def test_the_end_of_the_process_waits_for_nobody():
    process("""
config.threads = 4
squares(100)
threading.Thread(target=run, args=("slow", np.zeros(10**6), 10**6), daemon=True).start()
threading.Event().wait(0.1)
""")


@posix
def test_one_thread_makes_none():
    process("""
def threads():
    return len(os.listdir("/proc/self/task")) if sys.platform == "linux" else 1
addresses(), squares(1)
before = threads()
config.threads = 1
squares(100)
assert threads() == before
config.threads = 3
squares(2), squares(1)
assert threads() == before + (sys.platform == "linux")
""")


@posix
def test_forks_between_calls():
    process("""
config.threads = 4
for generation in range(3):
    np.testing.assert_array_equal(squares(1000), right(1000))
    assert workers() == 4
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0
        break
    signal.alarm(30)
""")


@posix
def test_forks_during_calls():
    process("""
config.threads = 4
addresses()
caller = threading.Thread(target=run, args=("slow", np.zeros(1000, np.int64), 1000))
caller.start()
while caller.is_alive():
    if (child := os.fork()) == 0:
        signal.alarm(30)
        os._exit(not (workers() == 4 and np.array_equal(squares(100), right(100))))
    assert os.waitpid(child, 0)[1] == 0
""")


@posix
def test_multiprocessing():
    process("""
import multiprocessing
config.threads = 2
squares(100)
with multiprocessing.get_context("fork").Pool(3) as processes:
    for found in processes.map(squares, [100] * 20):
        np.testing.assert_array_equal(found, right(100))
""")


@posix
def test_an_interrupt_waits_for_the_call():
    process("""
config.threads = 4
context = np.zeros(1000, np.int64)
squares(100)
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell has started with `&`
for _ in range(2):
    try:
        run("interrupted", context, 1000)
        sys.exit("no interrupt")
    except KeyboardInterrupt:
        pass
np.testing.assert_array_equal(context, right(1000, 2))
""")


@posix
def test_signals_do_not_reach_the_threads():
    process("""
config.threads = 4
seen = []
signal.signal(signal.SIGALRM, lambda *_: seen.append(threading.current_thread() is threading.main_thread()))
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
context = np.zeros(4, np.int64)
for _ in range(200):
    run("slow", context, 4)
signal.setitimer(signal.ITIMER_REAL, 0)
np.testing.assert_array_equal(context, right(4, 200))
assert seen and all(seen)
if sys.platform == "linux":
    blocked = [int(Path(f"/proc/self/task/{t}/status").read_text().split("SigBlk:")[1].split()[0], 16)
               for t in os.listdir("/proc/self/task")]
    all_but_segv = [mask for mask in blocked if mask >> signal.SIGALRM - 1 & 1]
    assert len(all_but_segv) == 3 and not any(mask >> signal.SIGSEGV - 1 & 1 for mask in all_but_segv)
""")


@pytest.mark.skipif(sys.platform != "linux", reason="there threads count as processes")
def test_without_threads_to_make():
    process("""
import resource
addresses(), np.testing
config.threads = 64
if os.getuid() == 0:  # whom no limit holds
    os.setuid(12345)
resource.setrlimit(resource.RLIMIT_NPROC, (3, 3))
for _ in range(3):
    np.testing.assert_array_equal(squares(1000), right(1000))
assert len(os.listdir("/proc/self/task")) < 64
""")
