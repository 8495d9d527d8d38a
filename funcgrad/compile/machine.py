"""LLVM text to machine code, kept while it is used, and on disk (store.py). Imports llvmlite with the first text.

Compiles run in threads of their own, one at a time (llvmlite has a global lock anyway), which the callers wait for.
Signals do not reach those: Ctrl-C ends the wait, and neither llvmlite's import nor a module is left half done, where
an exception between two of its calls would leave its lock taken, or an object with two owners. A handler that
compiles while its thread waits has a thread of its own; what compiles within a compiling thread (a `__del__` there)
does it on the spot. A fork waits for the compile in progress, as the child has none of the threads and would wait
for ever.
"""

from __future__ import annotations

import _thread
import atexit
import ctypes
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import numpy as np

from funcgrad.compile import store
from funcgrad.compile.binding import llvm
from funcgrad.config import config
from funcgrad.core.forks import guard

_llvm_in_use = threading.RLock()
_modules: WeakValueDictionary[bytes, Module] = WeakValueDictionary()
_jobs: dict[bytes, _Job] = {}
_symbols: dict[str, int] = {}


class MachineError(RuntimeError):
    """LLVM refuses a text that the compiler wrote: a fault of funcgrad's."""


_REFUSED = "LLVM refuses what funcgrad's compiler wrote; please report it."


class Module:
    """Machine code of one text, which is there as long as this object. `was_kept`: it comes from the disk.

    The finaliser is its code's: an object with one could be found in `_modules` again while that runs.
    """

    __slots__ = ("__weakref__", "_addresses", "_code", "was_kept")

    def __init__(self, engine: Any, addresses: dict[str, int], was_kept: bool) -> None:
        self._addresses = addresses
        self.was_kept = was_kept
        self._code = _Code(engine, addresses.get("release"))

    def address(self, symbol: str) -> int:
        """Where a function or global variable of the text is, if it is not `internal`."""
        try:
            return self._addresses[symbol]
        except KeyError:
            raise MachineError(f"no symbol {symbol!r} in the module") from None

    def stay(self) -> None:
        """Never free the code: threads may be in it until the process has ended."""
        engine, _ = _engines[self._code._number]
        engine.detach()

    def hold(self) -> np.ndarray:
        """An object that keeps the module, to be owned by whatever calls its code.

        It is an array, as the garbage collector does not look into arrays: the code outlives all of a cycle that calls
        it. A built-in function looks at its definition, which is in the module, when it goes; an object with a
        finaliser of its own would be finalised before that.
        """
        box = np.empty((), object)
        box[()] = self
        return box


class _Code:
    """An engine, that is freed with this object."""

    __slots__ = ("_number",)

    def __init__(self, engine: Any, release: int | None) -> None:
        self._number = id(engine)
        _engines[self._number] = engine, release

    def __del__(self, ended: Callable[[], bool] = sys.is_finalizing) -> None:
        """Free the engine in a thread: a finaliser must not wait for LLVM, nor be interrupted in it."""
        if ended() or not hasattr(self, "_number"):
            return
        _dropped.append(self._number)
        if len(_dropped) == 1:
            # threading's threads take a lock that this thread may have at the moment
            with suppress(RuntimeError):  # no more threads: the next compile frees it
                _thread.start_new_thread(_free, ())


_engines: dict[int, tuple[Any, int | None]] = {}
"""With the address of `release`."""
_dropped: list[int] = []


def _free() -> None:
    with _llvm_in_use:
        while _dropped:
            engine, release = _engines.pop(_dropped.pop())
            if release:
                ctypes.CFUNCTYPE(None)(release)()
            engine.close()


def load(text: str) -> Module:
    """The machine code of LLVM text. The same module for the same text, while anybody has it.

    Where it is on disk, the text is not even parsed. A function `void @release()` in it is called before the code is
    freed.
    """
    key = sha256(text.encode()).digest()
    module: Module | None = _modules.get(key)
    return module or _done(key, lambda: _modules.get(key) or _modules.setdefault(key, _made(text)))


def object_code(text: str) -> bytes:
    """An object file of LLVM text, for a linker: position-independent code for this machine's CPU."""
    key = b"object" + sha256(text.encode()).digest()
    found: store.Object = _done(key, lambda: _compile(text, _tools().pic()))
    return found.code


def target() -> tuple[str, str]:
    """The platform and the CPU that code is made for, in LLVM's words."""
    return _tools().triple, _tools().cpu[0]


def registers() -> tuple[int, int]:
    """How many registers for vectors a core has, and of how many bytes; fewer or smaller ones for unknown machines."""
    machine, features = _tools().triple, _tools().cpu[1].split(",")
    if "+avx512f" in features:
        return 32, 64
    if "+avx" in features:
        return 16, 32
    return (32 if machine.startswith(("aarch64", "arm64")) else 16), 16


def _done(key: bytes, make: Callable[[], Any]) -> Any:
    """What `make` makes in the thread of a job, whoever began it."""
    while True:
        _watch_the_process()
        job = _jobs.setdefault(key, _Job(key, make))
        job.finish()
        store.warn()
        if job.error is not None:
            raise job.error
        if job.result is not None:
            return job.result


def is_loaded(text: str) -> bool:
    """Whether there is machine code of a text already."""
    return sha256(text.encode()).digest() in _modules


def define(symbols: Mapping[str, int]) -> None:
    """Give names to addresses of this process, so that texts are the same in every process.

    Symbols of Python and of the C library need no definition.
    """
    _symbols.update(symbols)


class _Job:
    """One compile.

    An interrupt may come between any two steps of those who wait, so nothing that others wait for depends on them:
    each begins the job where it does not see it begun, a job that is over is not done again, and each waits by a lock
    of its own. An interrupted wait of threading.Event may leave the event's lock taken, for all others too.
    """

    def __init__(self, key: bytes, make: Callable[[], Any]) -> None:
        self.task = key, make
        self.result: Any = None
        self.error: BaseException | None = None
        self.begun = self.over = False
        self.waiting: list[Any] = []

    def run(self) -> None:
        self.begun = True
        key, make = self.task
        within, _this_thread.compiles = _is_compiling(), True
        try:
            _tools()  # which takes another lock, that a fork takes before this one
            with _llvm_in_use:
                if not self.over:
                    self.result = make()
        except BaseException as error:
            self.error = error
        finally:
            _this_thread.compiles = within
            _jobs.pop(key, None)
            self.end()

    def end(self) -> None:
        """Let all go on that wait."""
        self.over = True
        with suppress(IndexError):
            while True:
                self.waiting.pop().release()

    def finish(self) -> None:
        """Wait for the compile, beginning it where nobody has."""
        if _is_compiling() or _ending.is_set():
            self.run()
            return
        if not self.begun:
            try:
                # threading's own start may leave a thread that ends before it runs, if it is interrupted
                _thread.start_new_thread(self.run, ())
            except RuntimeError:  # no threads any more at the end of the process, or at the system's limit
                self.run()
        lock = _thread.allocate_lock()
        lock.acquire()
        self.waiting.append(lock)
        if not self.over:
            lock.acquire()


_this_thread = threading.local()


def _is_compiling() -> bool:
    """Whether this thread does, further down its stack."""
    return getattr(_this_thread, "compiles", False)


# ---- what LLVM does ----


def _made(text: str) -> Module:
    """The machine code of a text, from the disk where it is there; else it is put there."""
    if config.cache_dir is None:
        return _link(_compile(text), was_kept=False)
    key = sha256(_conditions() + text.encode()).digest()
    kept = store.find(key)
    if kept is not None:
        return _link(kept, was_kept=True)
    compiled = _compile(text)
    store.keep(key, compiled)
    return _link(compiled, was_kept=False)


@cache
def _conditions() -> bytes:
    """All that object code depends on but the text. How it is made, flags and passes, is what this file says."""
    tools = _tools()
    numba = find_spec("numba")  # which does not import it
    numbas = Path(numba.origin).with_name("_version.py") if numba and numba.origin else Path()
    versions = sys.modules["funcgrad"].__version__, sys.modules["llvmlite"].__version__, tools.binding.llvm_version_info
    files = []
    for path in (Path(__file__), numbas):
        with suppress(OSError):  # there is only bytecode
            files.append(path.read_bytes())
    return b"\0".join([repr((versions, tools.triple, tools.cpu)).encode(), *files, b""])


class _Tools(NamedTuple):
    """llvmlite frees no pass manager (30 kB each): there is one of each.

    A pass builder is made for each compile (10 us, and 2 kB that stay). With each run llvmlite adds callbacks to it,
    which all passes call from then on: with one for all, the passes took five times as long after 500 kernels.
    """

    binding: Any
    triple: str
    cpu: tuple[str, str]
    target: Callable[[], Any]
    machine: Any
    pic: Callable[[], Any]
    builder: Callable[[], Any]
    inline: Any
    simplify: Any
    unroll: Any


@cache
def _tools() -> _Tools:
    with llvm() as binding:
        return _made_with(binding)


def _made_with(binding: Any) -> _Tools:
    """Passes for text that is vectorised already.

    Milliseconds for a loop over n instructions on 4 doubles, all at once: of which the passes / in all:

                                          n = 30      300         3000
        only inlining                     0.8 / 5.0   1.3 / 12    7 / 85     5 times slower code: variables in memory
        these                             3.1 / 9.0   6.8 / 19    48 / 131
        the same simplification of O2     3.2 / 8.5   8.3 / 20    64 / 150
        all of O1, vectorisers off        4.3 / 10    11 / 23     85 / 172
        O2                                4.8 / 11    12 / 24     103 / 202
        O3                                4.9 / 11    12 / 25     96 / 182

    From the second line on the code is equally fast. Writing object code is most of it. A target machine of level 0
    writes it in a third of the time, and it runs 15 to 40 % slower; levels 2 and 3 cost 10 % more and gain nothing.
    """
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    if binding.get_process_triple().startswith("x86_64"):
        # this pass ends the process where a masked load meets a store (LLVM 22: "unknown LocationSize")
        binding.set_option("funcgrad", "-x86-disable-avoid-SFB")
    host = binding.Target.from_triple(binding.get_process_triple())
    cpu = binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()

    def target() -> Any:
        return host.create_target_machine(*cpu, opt=1, jit=True)

    options = binding.create_pipeline_tuning_options(speed_level=1)
    options.loop_vectorization = options.slp_vectorization = options.loop_interleaving = False
    machine = target()

    def builder() -> Any:
        return binding.create_pass_builder(machine, options)

    inline, unroll = binding.create_new_module_pass_manager(), binding.create_new_module_pass_manager()
    inline.add_always_inliner_pass()
    inline.add_global_dead_code_eliminate_pass()
    unroll.add_loop_unroll_pass()

    def pic() -> Any:
        return host.create_target_machine(*cpu, opt=1, reloc="pic", codemodel="small")

    triple = machine.triple  # once, as an interrupt of a thread of the user's would leave llvmlite's lock taken
    simplify = builder().getFunctionPassManager()
    return _Tools(binding, triple, cpu, target, machine, pic, builder, inline, simplify, unroll)


def _compile(text: str, machine: Any = None) -> store.Object:
    tools = _tools()
    # closed here, not when an error's traceback goes: that would be outside the lock
    with tools.binding.create_context() as context, _parsed(text, context) as module, tools.builder() as builder:
        tools.inline.run(module, builder)
        for function in module.functions:
            if not function.is_declaration:
                tools.simplify.run(function, builder)
        tools.unroll.run(module, builder)
        external = tools.binding.Linkage.external
        values = [value for value in (*module.functions, *module.global_variables) if value.linkage == external]
        imports = [value.name for value in values if value.is_declaration and not value.name.startswith("llvm.")]
        exports = [value.name for value in values if not value.is_declaration]
        return store.Object((machine or tools.machine).emit_object(module), imports, exports)


def _parsed(text: str, context: Any) -> Any:
    tools = _tools()
    try:
        module = tools.binding.parse_assembly(text, context)
    except RuntimeError as error:
        raise MachineError(f"{_REFUSED}\n{error}") from None
    module.triple = tools.triple
    module.data_layout = str(tools.machine.target_data)
    try:
        module.verify()
    except RuntimeError as error:
        module.close()
        raise MachineError(_with_lines(str(error), text)) from None
    return module


def _with_lines(message: str, text: str) -> str:
    """LLVM's message with the number of each line of the text that it quotes: the verifier gives none."""
    numbers = {line.strip(): number for number, line in enumerate(text.splitlines(), 1) if line.strip()}
    lines = [
        f"{line}    (line {numbers[line.strip()]})" if line.strip() in numbers else line
        for line in message.splitlines()
    ]
    return "\n".join([_REFUSED, *lines])


def _link(compiled: store.Object, was_kept: bool) -> Module:
    """Put object code into memory: 1 ms and 50 kB."""
    binding = _tools().binding
    for name in compiled.imports:
        if name in _symbols:
            binding.add_symbol(name, _symbols[name])
        elif binding.address_of_symbol(name) is None:  # LLVM would end the process
            raise MachineError(f"no symbol {name!r} in this process")
    _free()
    with binding.parse_assembly("") as empty:
        engine = binding.create_mcjit_compiler(empty, _tools().target())
    engine.add_object_file(binding.ObjectFileRef.from_data(compiled.code))
    engine.finalize_object()
    # a function's address is a global value's too
    return Module(engine, {name: engine.get_global_value_address(name) for name in compiled.exports}, was_kept)


# ---- forks, and the end of the process ----


@cache
def _watch_the_process() -> None:
    """Let the process' end wait for the compile in progress."""
    atexit.register(_end)


_ending = threading.Event()


def _end() -> None:
    """From here on only this thread compiles: LLVM's globals go with the process, under the others' feet."""
    _llvm_in_use.acquire()
    _ending.set()


_held: list[Any] = []
"""The locks of the fork in progress: numba's, which compiles with LLVM too, comes into being with its import."""


def _lock() -> None:
    _llvm_in_use.acquire()
    numbas = sys.modules.get("numba.core.compiler_lock")
    _held[:] = [_llvm_in_use] if numbas is None else [_llvm_in_use, numbas.global_compiler_lock]
    for lock in _held[1:]:
        lock.acquire()


def _unlock() -> None:
    while _held:
        _held.pop().release()


def _after_fork_in_child() -> None:
    """Whoever waits in the child begins again: the threads that it waits for are not there."""
    jobs = list(_jobs.values())
    _jobs.clear()
    for job in jobs:
        job.end()
    _unlock()


guard(_lock, _unlock, _after_fork_in_child)
