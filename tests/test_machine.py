"""LLVM text to machine code, and the way from Python's arguments into it, both directly and through ctypes."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
import warnings
import weakref
from contextlib import suppress

import numpy as np
import pytest

from funcgrad.compile import gate, machine
from funcgrad.compile.gate import Gate
from funcgrad.core.avals import Aval

FLOAT = np.dtype("d")


@pytest.fixture(params=["direct", "ctypes"])
def way(request, monkeypatch):
    if request.param == "ctypes":
        monkeypatch.setattr(gate, "available", lambda: False)
    return request.param


def aval(shape=(), dtype="d", weak=False):
    return Aval(shape, np.dtype(dtype), weak)


def fallback(*args):
    return "fallback", args


def kernel(signature, body="ret i32 0"):
    """A kernel whose pointers are %p0, %p1, ..., %captured and %work."""
    parameters = [f"ptr %p{k}" for k in range(len(signature.inputs) + len(signature.outputs))]
    parameters += ["ptr %captured", "ptr %work"]
    return f"define internal i32 @kernel({', '.join(parameters)}) nounwind {{\n{body}\n}}\n"


def compiled(signature, body="ret i32 0", fallback=fallback, **options):
    module = machine.load(kernel(signature, body) + signature.text())
    return signature.bind(module, fallback, **options)


def identity(of):
    """Copies its argument."""
    signature = Gate([of], [of])
    copy = f"call void @llvm.memcpy.p0.p0.i64(ptr %p1, ptr %p0, i64 {of.size * of.dtype.itemsize}, i1 false)"
    return compiled(signature, f"{copy}\nret i32 0")


def fits(function, *args):
    result = function(*args)
    return not (len(result) == 2 and isinstance(result[0], str))


def taking(*avals):
    return compiled(Gate(avals, []))


SUM = """
%x = load double, ptr %p0
%y = load double, ptr %p1
%s = fadd double %x, %y
store double %s, ptr %p2
ret i32 0
"""


class TestModule:
    def test_one_module_for_one_text(self):
        text = "define i32 @one() { ret i32 1 }"
        assert machine.load(text) is (module := machine.load(text)) and module.address("one")

    def test_addresses(self):
        module = machine.load("@x = global i64 5\n@y = internal global i64 6\ndefine i32 @two() { ret i32 2 }")
        assert module.address("x") != module.address("two")
        for name in ("y", "z", "malloc"):
            with pytest.raises(machine.MachineError, match=name):
                module.address(name)

    @pytest.mark.parametrize(
        "text, message",
        [
            ("define i32 @f() {\n  oops\n}", ":2:"),
            ("define i32 @f() {\n  %b = add i32 %a, 1\n  %a = add i32 1, 1\n  ret i32 %b\n}", r"\(line 2\)"),
            ("declare i32 @nowhere()\ndefine i32 @f() {\n  %a = call i32 @nowhere()\n  ret i32 %a\n}", "nowhere"),
        ],
    )
    def test_faults(self, text, message):
        for _ in range(2):
            with pytest.raises(machine.MachineError, match=message):
                machine.load(text)

    def test_a_dropped_module_is_freed(self):
        released = np.zeros((), np.int64)
        machine.define({"released": released.ctypes.data})
        release = "define void @release() {\n  store i64 1, ptr @released\n  ret void\n}"
        module = machine.load(f"@released = external global i64\n{release}")
        number, alive = module._code._number, weakref.ref(module)
        assert number in machine._engines
        del module
        wait_until(lambda: alive() is None and number not in machine._engines)
        assert released == 1

    def test_the_collector_does_not_see_a_hold(self):
        """It would end the hold, and with it the code, before the functions of the same cycle."""
        hold = machine.load("define i32 @f() { ret i32 77 }").hold()
        assert not gc.is_tracked(hold)

    def test_memory_is_given_back(self):
        def many(start):
            for k in range(start, start + 30):
                machine.load(f"define i32 @f() {{ ret i32 {k} }}")
            wait_until(lambda: not machine._dropped)
            return resident()

        many(0)
        before = many(100)
        assert many(200) < before + 1e6

    def test_threads_compile_at_once(self):
        texts = [f"define i32 @f() {{ ret i32 {1000 + k // 4} }}" for k in range(16)]
        modules = in_threads(16, lambda k: machine.load(texts[k]))
        assert len(set(map(id, modules))) == 4


def resident():
    gc.collect()
    if sys.platform != "linux":
        return 0
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def wait_until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def in_threads(count, function):
    results = [None] * count

    def run(k):
        results[k] = function(k)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class TestArguments:
    @pytest.mark.parametrize("char", gate.DTYPES)
    def test_dtypes_and_ranks(self, char, way):
        for rank in range(5) if way == "direct" else (0, 2):
            of = aval((2, 1, 3, 2)[:rank], char)
            function = identity(of)
            x = np.arange(of.size).reshape(of.shape).astype(char)
            (result,) = function(x)
            assert result.dtype is np.dtype(char) and np.array_equal(result, x)
            assert type(result) is (np.ndarray if rank else np.dtype(char).type)
            for other in gate.DTYPES:
                assert fits(function, np.zeros(of.shape, other)) == (other == char)
            assert not fits(function, x[None])

    @pytest.mark.parametrize("shape", [(1,) * 32, (1,) * 64, (0,), (3, 0), (0, 3), (1, 1), (1,), (2,) + (1,) * 20])
    def test_shapes(self, shape, way):
        function = identity(aval(shape))
        x = np.full(shape, 3.5)
        (result,) = function(x)
        assert np.array_equal(result, x) and result.shape == shape
        assert result.flags.c_contiguous and result.flags.writeable and result.flags.owndata
        assert not fits(function, np.zeros((*shape[:-1], shape[-1] + 1)))
        assert len(shape) == 1 or not fits(function, np.zeros(shape[1:]))

    def test_memory(self, way):
        function = taking(aval((2, 3)), aval((2, 1)))
        x, column = np.zeros((2, 3)), np.zeros((2, 1))
        assert fits(function, x, column) and fits(function, np.zeros((2, 4))[:, :0:-1][:, ::-1].copy(), column)
        assert fits(function, x, np.zeros((1, 2)).T)
        x.flags.writeable = False
        assert fits(function, x, column)
        unaligned = np.zeros(49, np.uint8)[1:].view("d").reshape(2, 3)
        for other in (np.zeros((3, 2)).T, np.zeros((2, 6))[:, ::2], np.zeros((2, 3))[::-1], unaligned):
            assert not fits(function, other, column)
        for dtype in (FLOAT.newbyteorder(), np.dtype("d", metadata={"a": 1})):
            assert not fits(function, np.zeros((2, 3), dtype), column)

    def test_only_arrays_are_arrays(self, way, tmp_path):
        function = taking(aval((1, 1)))
        x = np.zeros((1, 1))
        assert fits(function, x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            matrix = x.view(np.matrix)
        memmap = np.memmap(tmp_path / "x", "d", "w+", shape=(1, 1))
        for other in (matrix, memmap, np.ma.masked_array(x), x.tolist(), 0.0, np.float64(0), None, x.view(np.recarray)):
            assert not fits(function, other)

    @pytest.mark.parametrize(
        "of, taken",
        [
            (aval(), [np.float64(1.5), np.array(1.5)]),
            (aval((), "f"), [np.float32(1.5), np.array(1.5, "f")]),
            (aval((), "D"), [np.complex128(1j), np.array(1j)]),
            (aval((), "F"), [np.complex64(1j), np.array(1j, "F")]),
            (aval((), "?"), [True, False, np.True_, np.array(False)]),
            (aval((), "l"), [np.dtype("l").type(-3), np.array(-3, "l")]),
            (aval((), "d", True), [1.5]),
            (aval((), "D", True), [1j]),
            (aval((), "?", True), [True, False]),
            (aval((), "l", True), [-3, 2**63 - 1, -(2**63)]),
        ],
    )
    def test_scalars(self, of, taken, way):
        function = identity(of)
        everything = [1.5, 2, True, 1j, np.float64(1.5), np.float32(1.5), np.True_, np.int64(3), np.int32(3)]
        everything += [np.complex128(1j), np.array(1.5), np.array(True), np.array(3), 2**63, -(2**70), "1", None, [1.0]]
        for x in taken:
            (result,) = function(x)
            assert result == x
            assert type(result) is (type(x) if of.weak else of.dtype.type)
        kinds = {(type(x), getattr(x, "dtype", None)) for x in taken}
        for x in everything:
            if (type(x), getattr(x, "dtype", None)) not in kinds:
                assert not fits(function, x)
        assert not of.weak or not fits(function, 2**63)

    def test_wrong_counts_and_keywords(self, way):
        function = taking(aval(), aval())
        x = np.float64(1)
        assert fits(function, x, x)
        for args in ((), (x,), (x, x, x)):
            assert function(*args) == ("fallback", args)
        with pytest.raises(TypeError, match="keyword"):
            function(x, x=x)

    def test_none_and_many(self, way):
        assert compiled(Gate([], []))() == ()
        many = Gate([aval((k,)) for k in range(100)], [aval((k,)) if k % 2 else aval() for k in range(100)])
        results = compiled(many)(*[np.zeros(k) for k in range(100)])
        assert [np.shape(result) for result in results] == [(k,) if k % 2 else () for k in range(100)]

    def test_dtypes_that_kernels_do_not_take(self):
        for dtype in ("e", "g", "U3", "O", ">f8", "M8[s]"):
            with pytest.raises(machine.MachineError, match="take no"):
                Gate([aval((), dtype)], []).text()
        with pytest.raises(machine.MachineError, match="Python"):
            Gate([], [aval((), "f", True)]).text()

    def test_texts_are_the_same_in_every_process(self):
        code = """
import numpy as np
from funcgrad.compile.gate import Gate
from funcgrad.core.avals import Aval
print(Gate([Aval((2,), np.dtype("f")), Aval((), np.dtype("?"), True)], [Aval((), np.dtype("d"))], 5000).text())
"""
        here = Gate([aval((2,), "f"), aval((), "?", True)], [aval()], 5000).text()
        assert subprocess.check_output([sys.executable, "-c", code], text=True) == here + "\n"


class TestResults:
    def test_values(self, way):
        signature = Gate([aval(), aval()], [aval()])
        assert compiled(signature, SUM)(np.float64(1), np.array(2.5)) == (3.5,)

    def test_a_kernel_that_gives_up(self, way):
        function = compiled(Gate([aval((2,))], [aval((2,)), aval()]), "ret i32 1")
        x = np.zeros(2)
        assert function(x) == ("fallback", (x,))

    def test_errors_of_the_fallback(self, way):
        def raises(*args):
            raise KeyError(*args)

        function = compiled(Gate([aval((2,))], [aval((2,))]), fallback=raises)
        with pytest.raises(KeyError, match="1"):
            function(1)

    def test_no_memory(self, way):
        function = compiled(Gate([], [aval((3,)), aval((2**60,))]))
        with pytest.raises((ValueError, MemoryError)):
            function()

    def test_no_memory_for_the_workspace(self):
        function = compiled(Gate([], [aval((3,))], 2**61))
        with pytest.raises(MemoryError):
            function()

    @pytest.mark.parametrize("status", [0, 1])
    def test_nothing_leaks(self, status, way):
        signature = Gate(
            [aval((2,)), aval((), "l", True), aval()],
            [aval((2,)), aval(), aval((), "d", True), aval((), "l", True), aval((), "F"), aval((0,), "?")],
            5000,
        )
        store = "".join([f"store i64 1234567, ptr %p{k}\n" for k in range(4, 7)])
        function = compiled(signature, f"{store}store i64 0, ptr %p7\nret i32 {status}", lambda *args: args[:1])
        failing = compiled(Gate([aval((2,))], [aval((2,)), aval((2**60,))]))
        x, n, y = np.zeros(2), 12345678, 1.5

        def call():
            function(x, n, y), function(x, x), function()
            with suppress(ValueError, MemoryError):
                failing(x)

        def state():
            gc.collect()
            objects = (x, n, y, fallback, np.float64, FLOAT, np.ndarray, np.dtype("F"))
            return sys.getallocatedblocks(), [sys.getrefcount(it) for it in objects]

        def repeat():
            for _ in range(300):
                call()

        repeat()
        blocks, counts = state()
        repeat()
        blocks_after, counts_after = state()
        assert counts_after == counts and abs(blocks_after - blocks) < 50

    def test_outputs_are_fresh(self, way):
        function = identity(aval((3,)))
        x = np.ones(3)
        (first,), (second,) = function(x), function(x)
        first[0] = 5
        assert second[0] == x[0] == 1 and not np.shares_memory(first, x)


class TestCaptured:
    def test_numbers_and_arrays(self, way):
        """8 bytes each: an address, an integer, or the bits of a float."""
        signature = Gate([], [aval(), aval((), "l"), aval((), "?"), aval((2,), "f")])
        body = """
%at1 = getelementptr i64, ptr %captured, i64 1
%at2 = getelementptr i64, ptr %captured, i64 2
%at3 = getelementptr i64, ptr %captured, i64 3
%x = load double, ptr %captured
%n = load i64, ptr %at1
%yes = load i1, ptr %at2
%array = load ptr, ptr %at3
%yes.byte = zext i1 %yes to i8
store double %x, ptr %p0
store i64 %n, ptr %p1
store i8 %yes.byte, ptr %p2
call void @llvm.memcpy.p0.p0.i64(ptr %p3, ptr %array, i64 8, i1 false)
ret i32 0
"""
        for x, n, yes in ((-0.0, 2**63 - 1, True), (float("inf"), -(2**63), False), (2.5, -1, True)):
            array = np.array([x, 7], "f")
            function = compiled(signature, body, captured=(x, n, yes, array))
            result, number, truth, copied = function()
            assert (str(result), number, truth) == (str(np.float64(x)), n, yes)
            assert np.array_equal(copied, array) and not np.shares_memory(copied, array)

    def test_each_function_has_its_own(self, way):
        signature = Gate([aval()], [aval()])
        body = SUM.replace("%p1", "%captured").replace("%p2", "%p1")
        module = machine.load(kernel(signature, body) + signature.text())
        functions = [signature.bind(module, fallback, (float(k),)) for k in range(20)]
        assert [function(np.float64(0.5)) for function in functions] == [(k + 0.5,) for k in range(20)]
        assert in_threads(20, lambda k: functions[k](np.float64(1))) == [(k + 1.0,) for k in range(20)]

    def test_arrays_live_as_long_as_the_function(self, way):
        class Owner(np.ndarray):
            """An array that can be referred to weakly."""

        signature = Gate([], [aval((1000,))])
        body = """
%array = load ptr, ptr %captured
call void @llvm.memcpy.p0.p0.i64(ptr %p0, ptr %array, i64 8000, i1 false)
ret i32 0
"""
        array = np.arange(1000.0).view(Owner)
        alive = weakref.ref(array)
        function = compiled(signature, body, captured=(array,))
        del array
        gc.collect()
        assert alive() is not None
        assert np.array_equal(function()[0], np.arange(1000.0))
        del function
        gc.collect()
        assert alive() is None

    def test_an_array_that_is_captured_is_read_anew(self, way):
        signature = Gate([], [aval()])
        array = np.array([1.5])
        body = "%at = load ptr, ptr %captured\n%x = load double, ptr %at\nstore double %x, ptr %p0\nret i32 0"
        function = compiled(signature, body, captured=(array,))
        assert function() == (1.5,)
        array[0] = 2.5
        assert function() == (2.5,)

    def test_nothing_is_captured(self, way):
        """The table is a valid pointer, behind which nothing is."""
        assert identity(aval((3,)))(np.ones(3))[0].tolist() == [1.0, 1.0, 1.0]


class TestSingle:
    @pytest.mark.parametrize("of", [aval((2, 3)), aval(), aval((), "?"), aval((), "f"), aval((0,), "l")])
    def test_the_output_itself(self, of, way):
        x = np.ones(of.shape, of.dtype)
        signature = Gate([of], [of])
        copy = f"call void @llvm.memcpy.p0.p0.i64(ptr %p1, ptr %p0, i64 {x.nbytes}, i1 false)\nret i32 0"
        result = compiled(signature, copy, single=True)(x)
        (same,) = compiled(signature, copy)(x)
        assert type(result) is type(same) and np.array_equal(result, same) and result.dtype == x.dtype

    def test_pythons_scalars(self, way):
        for of, x in ((aval((), "d", True), 1.5), (aval((), "l", True), 3), (aval((), "?", True), True)):
            copy = f"call void @llvm.memcpy.p0.p0.i64(ptr %p1, ptr %p0, i64 {of.dtype.itemsize}, i1 false)\nret i32 0"
            result = compiled(Gate([of], [of]), copy, single=True)(x)
            assert result == x and type(result) is type(x)

    def test_one_module_for_both(self, way):
        signature = Gate([aval((2,))], [aval((2,))])
        module = machine.load(kernel(signature) + signature.text())
        single, several = signature.bind(module, fallback, single=True), signature.bind(module, fallback)
        assert type(single(np.zeros(2))) is np.ndarray and type(several(np.zeros(2))) is tuple

    def test_what_the_fallback_returns_stays_as_it_is(self, way):
        function = compiled(Gate([aval((2,))], [aval((2,))]), "ret i32 1", single=True)
        x = np.zeros(2)
        assert function(x) == ("fallback", (x,)) and function(1) == ("fallback", (1,))


FILL = """
start:
  %x = load double, ptr %p0
  br label %fill
fill:
  %i = phi i64 [0, %start], [%i.next, %fill]
  %at = getelementptr double, ptr %work, i64 %i
  store volatile double %x, ptr %at
  %i.next = add i64 %i, 1
  %filled = icmp eq i64 %i.next, COUNT
  br i1 %filled, label %sum, label %fill
sum:
  %j = phi i64 [0, %fill], [%j.next, %sum]
  %s = phi double [0.0, %fill], [%s.next, %sum]
  %from = getelementptr double, ptr %work, i64 %j
  %y = load volatile double, ptr %from
  %s.next = fadd double %s, %y
  %j.next = add i64 %j, 1
  %done = icmp eq i64 %j.next, COUNT
  br i1 %done, label %out, label %sum
out:
  store double %s.next, ptr %p1
  %address = ptrtoint ptr %work to i64
  %low = and i64 %address, 63
  %status = trunc i64 %low to i32
  ret i32 %status
"""
"""Fills its workspace with its argument and returns the sum; gives up where the workspace is not aligned."""


class TestWorkspace:
    @pytest.mark.parametrize("release_gil", [False, True])
    @pytest.mark.parametrize("count", [1, 512, 513, 20_000])
    def test_each_thread_has_its_own(self, count, release_gil, way):
        signature = Gate([aval()], [aval()], 8 * count, release_gil)
        function = compiled(signature, FILL.replace("COUNT", str(count)))
        results = in_threads(16, lambda k: {function(np.float64(k)) for _ in range(20)})
        assert results == [{(float(count * k),)} for k in range(16)]

    def test_the_gil_is_released(self, way):
        """One call waits for another thread's."""
        signature = Gate([aval()], [aval()], release_gil=True)
        wait = """
entry:
  %x = load double, ptr %p0
  store double %x, ptr %p1
  %waits = fcmp oeq double %x, 0.0
  br i1 %waits, label %again, label %tell
tell:
  store atomic i64 1, ptr @told seq_cst, align 8
  br label %end
again:
  %told = load atomic i64, ptr @told seq_cst, align 8
  %yes = icmp eq i64 %told, 1
  br i1 %yes, label %end, label %again
end:
  ret i32 0
"""
        module = machine.load("@told = internal global i64 0\n" + kernel(signature, wait) + signature.text())
        function = signature.bind(module, fallback)
        assert in_threads(2, lambda k: function(np.float64(k))) == [(0.0,), (1.0,)]


class TestLives:
    def test_a_function_keeps_its_module_and_lets_go_of_it(self, way):
        signature = Gate([aval((7,))], [aval((7,))], 9000)
        module = machine.load(kernel(signature) + signature.text())
        function, other = signature.bind(module, fallback), signature.bind(module, fallback)
        alive = weakref.ref(module)
        del module, function
        gc.collect()
        assert alive() is not None and fits(other, np.zeros(7))
        del other
        gc.collect()
        wait_until(lambda: alive() is None)

    def test_a_cycle_of_functions_is_collected_and_may_call_to_the_end(self, way):
        called = []

        class Owner:
            def __init__(self, k):
                self.function = compiled(Gate([aval((k,))], [aval((k,))]), fallback=self.fallback)

            def fallback(self, *args):
                return ("fallback",)

            def __del__(self):
                called.append(self.function(np.zeros(9)) + self.function())

        owners = [weakref.ref(Owner(9)) for _ in range(20)]
        gc.collect()
        assert {owner() for owner in owners} == {None} and len(called) == 20
        assert {(len(result), result[1]) for result in called} == {(2, "fallback")}

    def test_the_collector_frees_no_code_before_its_functions(self, way):
        """Built-in functions look at their definition, which is in the module, even when they go."""

        class Waits:
            def __del__(self):
                time.sleep(0.002)  # modules are freed meanwhile, if at all

        for turn in range(6):
            cycles = []
            for k in range(8):
                signature = Gate([aval((k + 1,))], [aval((k + 1,))])
                module = machine.load(kernel(signature) + signature.text())
                owned = [Waits()]
                owned += [signature.bind(module, lambda *args, owned=owned: owned) for _ in range(20)]
                owned += [Waits()]
                cycles += [owned]
            if turn % 2:
                cycles[0].append(cycles)  # all of them garbage at once
            modules = [weakref.ref(module)]
            del cycles, owned, module
            while gc.collect():
                pass
            wait_until(lambda modules=modules: modules[0]() is None and not machine._dropped)

    def test_dropped_while_it_runs(self):
        """The machine code of a call in progress stays."""
        for k in range(10):
            signature = Gate([aval()], [aval()], 8 * (2000 + k), release_gil=True)
            functions = [compiled(signature, FILL.replace("COUNT", str(2000 + k)))]

            def call(n, functions=functions):
                return functions.pop()(np.float64(1)) if n == 0 else gc.collect()

            assert in_threads(2, call)[0] == (2000.0 + k,)


PROCESS = """
import os, signal, sys, threading, time
from funcgrad.compile import machine
assert "llvmlite" not in sys.modules and "numba" not in sys.modules
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell has started with `&`
F, G = ["define i32 @f() { ret i32 %d }" % k for k in (1, 2)]
compile_text = machine._compile

def during_the_first_compile(action):
    def compiling(text):
        machine._compile = compile_text
        action()
        return compile_text(text)
    machine._compile = compiling
"""


def run(code):
    after = "assert machine.load(F).address('f') and machine.load(G).address('f') and 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", PROCESS + code + after], check=True, timeout=60)


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
class TestProcess:
    def test_an_interrupt_leaves_nothing_half_done(self):
        run("""
during_the_first_compile(lambda: os.kill(os.getpid(), signal.SIGINT))
try:
    machine.load(F)
    sys.exit("no interrupt")
except KeyboardInterrupt:
    pass
""")

    def test_a_handler_may_compile(self):
        run("""
handled = []
signal.signal(signal.SIGUSR1, lambda *_: handled.append(machine.load(G)))
during_the_first_compile(lambda: os.kill(os.getpid(), signal.SIGUSR1))
machine.load(F)
assert len(handled) == 1
""")

    def test_a_fork_during_a_compile(self):
        run("""
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
started = threading.Event()
during_the_first_compile(lambda: (started.set(), time.sleep(0.2)))
thread = threading.Thread(target=machine.load, args=(F,))
thread.start()
started.wait()
child = os.fork()
if child == 0:
    signal.alarm(30)
    machine.load(F), machine.load(G)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
thread.join()
""")

    def test_forks_while_others_compile_and_free(self):
        run("""
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
stop = threading.Event()
def busy(k):
    while not stop.is_set():
        k += 10
        machine.load("define i32 @f() { ret i32 %d }" % k)
threads = [threading.Thread(target=busy, args=(k,)) for k in (3, 4)]
for thread in threads:
    thread.start()
for k in range(15):
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        machine.load("define i32 @f() { ret i32 %d }" % -k)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
for thread in threads:
    thread.join()
""")

    def test_the_process_ends_during_a_compile(self):
        run("""
machine.load(F)
threading.Thread(target=lambda: [machine.load("define i32 @f() { ret i32 %d }" % k) for k in range(9, 10**6)],
                 daemon=True).start()
time.sleep(0.1)
""")

    def test_a_compile_at_the_end_of_the_process(self):
        run("""
import atexit
signal.alarm(30)
atexit.register(lambda: machine.load("define i32 @f() { ret i32 7 }"))
""")

    def test_without_threads_to_start(self):
        run("""
def refused(*_):
    raise RuntimeError("can't start new thread")
threading.Thread.start = machine._thread.start_new_thread = refused
""")

    def test_a_finaliser_may_compile(self):
        run("during_the_first_compile(lambda: machine.load(G))\nmachine.load(F)\n")
