"""Kernels' text to machine code, kept by text. The only file that imports numba, for the first kernel.

Numba compiles in threads of their own, one at a time, which the callers wait for. Signals do not reach those: Ctrl-C
ends the wait, and neither numba's import nor a kernel is left half done. A handler that compiles while its thread
waits has a thread of its own; what compiles within a compiling thread (a `__del__` there) does it on the spot. A fork
waits for the compile in progress, as the child has none of the threads and would wait for ever.
"""

from __future__ import annotations

import ctypes
import operator
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from funcgrad.compile.mathlib import SCALAR_FUNCTIONS, Intrinsic, Libm, functions

Kernel = Callable[..., Any]
_compiling = threading.RLock()
_kernels: dict[str, Kernel] = {}
"""Never dropped: numba keeps the machine code (1 MB a kernel) for the life of the process."""
_jobs: dict[str, _Job] = {}
_INTEGERS = re.compile(r"\b(u?int\d|[ui]\d)")
_VECTORS = (("avx512f", "e", 64), ("avx2", "d", 32), ("sse2", "b", 16))
"""CPU feature, the letter that libmvec has for it, and the bytes of its registers."""


def kernel(text: str, name: str) -> tuple[Kernel, bool]:
    """The compiled function `name` of a kernel's text, and whether it was there already.

    It releases the GIL while it runs. Arrays must be C-contiguous and of the dtypes and ranks that the text
    says: nothing is checked when it is called.
    """
    unnamed = text.removeprefix(f"def {name}")
    was_there = unnamed in _kernels
    while unnamed not in _kernels:
        _watch_forks()
        job = _jobs.setdefault(unnamed, _Job(text, name, unnamed))
        job.finish()
        if job.error is not None:
            raise job.error
    return _kernels[unnamed], was_there


class _Job(threading.Thread):
    """One compile."""

    def __init__(self, text: str, name: str, unnamed: str) -> None:
        super().__init__(name=f"funcgrad compiles {name}", daemon=True)
        self.task = text, name, unnamed
        self.error: BaseException | None = None
        self.begun = threading.Lock()
        self.done = threading.Event()

    def run(self) -> None:
        text, name, unnamed = self.task
        try:
            with _compiling, _some_directory():
                if unnamed not in _kernels:
                    _kernels[unnamed] = _compile(text, name)
        except BaseException as error:
            self.error = error
        finally:
            _jobs.pop(unnamed, None)
            self.done.set()

    def finish(self) -> None:
        """Wait for the compile, beginning it where nobody has."""
        if isinstance(threading.current_thread(), _Job):
            self.run()
            return
        if self.begun.acquire(blocking=False):
            try:
                self.start()
            except RuntimeError:  # no threads any more at the end of the process, or at the system's limit
                self.run()
            except BaseException:
                if self.ident is None:
                    self.begun.release()
                raise
        self.done.wait()


def _after_fork_in_child() -> None:
    """Whoever waits in the child begins again: the threads that it waits for are not there."""
    jobs = list(_jobs.values())
    _jobs.clear()
    for job in jobs:
        job.done.set()
    _unlock()


_held: list[Any] = []
"""The locks of the fork in progress: numba's comes into being with its import."""


def _lock() -> None:
    _compiling.acquire()
    _held[:] = [_compiling, *_numbas_lock()]
    for lock in _held[1:]:
        lock.acquire()


def _unlock() -> None:
    while _held:
        _held.pop().release()


def _numbas_lock() -> list[Any]:
    module = sys.modules.get("numba.core.compiler_lock")
    return [] if module is None else [module.global_compiler_lock]


@cache
def _watch_forks() -> None:
    """Let forks wait for the compile in progress.

    Hooks run newest first: those of modules that numba imports, whose locks its compile needs, must be older.
    """
    import random  # noqa: F401

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_lock, after_in_parent=_unlock, after_in_child=_after_fork_in_child)


@contextmanager
def _some_directory() -> Iterator[None]:
    """Numba asks for the working directory. Where that has been deleted, no relative path has a meaning anyway."""
    try:
        os.getcwd()
    except FileNotFoundError:
        deleted = os.open(".", os.O_RDONLY)
        os.chdir("/")
        try:
            yield
        finally:
            os.fchdir(deleted)
            os.close(deleted)
    else:
        yield


def _compile(text: str, name: str) -> Kernel:
    import numba

    scope = _scope(frozenset(functions(text)))
    exec(compile(_with_wrapping_integers(text), f"<{name}>", "exec", dont_inherit=True), scope)
    function = scope[name]
    signature = tuple([_type(annotation) for annotation in function.__annotations__.values()])
    # error_model: Python's would test each divisor and raise, at 6 times the cost
    compiled = numba.njit(signature, nogil=True, error_model="numpy")(function)
    result: Any
    (result,) = compiled.overloads.values()
    # past numba's dispatcher, which would look up the type of each argument again (45 ns each)
    return result.entry_point


def _with_wrapping_integers(text: str) -> Any:
    """A kernel's text with `+`, `-` and `*` as functions that wrap integers, where it has any.

    Numba tells LLVM that integers never overflow, and x + 2 < x becomes False.
    """
    if not _INTEGERS.search(text):
        return text
    import ast

    class Wrapping(ast.NodeTransformer):
        def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
            self.generic_visit(node)
            name = {ast.Add: "wrapping_add", ast.Sub: "wrapping_sub", ast.Mult: "wrapping_mul"}.get(type(node.op))
            if name is None:
                return node
            return ast.Call(ast.Name(name, ast.Load()), [node.left, node.right], [])

    return ast.fix_missing_locations(Wrapping().visit(ast.parse(text)))


def _type(annotation: str) -> Any:
    from numba import types

    text = annotation.removeprefix("out ")
    name, _, dimensions = text.partition("[")
    kind = {"b": "boolean", "f": "float", "i": "int", "u": "uint"}[name[0]]
    scalar = getattr(types, kind if kind == "boolean" else kind + name[1:])
    if not dimensions:
        return scalar
    return types.Array(scalar, dimensions.count(":"), "C", readonly=text == annotation)


def _scope(used: frozenset[str]) -> dict[str, Any]:
    """The names in a kernel's text."""
    return {**_common(), **{name: _function(name) for name in used}}


@cache
def _common() -> dict[str, Any]:
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic
    from numba.np.arrayobj import make_array, populate_array

    @intrinsic
    def plus(typing: Any, a: Any, b: Any) -> Any:
        """Addition that may be done in any order."""

        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.fadd(*args, flags=("reassoc",))

        return a(a, a), build

    @intrinsic
    def index(typing: Any, start: Any, step: Any) -> Any:
        """The sum as an unsigned index: numba's test for negative ones would forbid vectorising (7x)."""

        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.add(*args, flags=("nsw", "nuw"))

        return types.uintp(types.intp, types.intp), build

    @intrinsic
    def view(typing: Any, array: Any, shape: Any) -> Any:
        """A C-contiguous array in another shape; numba's reshape takes 20 ms to compile."""
        result = array.copy(ndim=len(shape))

        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            old = make_array(signature.args[0])(context, builder, args[0])
            new = make_array(signature.return_type)(context, builder)
            lengths = cgutils.unpack_tuple(builder, args[1], len(shape))
            strides = [old.itemsize]
            for length in lengths[:0:-1]:
                strides.insert(0, builder.mul(strides[0], length))
            populate_array(new, old.data, lengths, strides, old.itemsize, meminfo=None, parent=None)
            return new._getvalue()

        return result(array, shape), build

    def wrapping(operation: Callable[..., Any], instruction: str) -> Any:
        @intrinsic
        def wraps(typing: Any, a: Any, b: Any) -> Any:
            """Numba's operation, but for integers that wrap."""
            found = typing.resolve_function_type(operation, (a, b), {})

            def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                result = signature.return_type
                if not isinstance(result, types.Integer):
                    function = typing.resolve_value_type(operation)
                    typing_result = function.get_call_type(typing, signature.args, {})
                    return context.get_function(function, typing_result)(builder, args)
                values = [context.cast(builder, v, t, result) for v, t in zip(args, signature.args)]
                return getattr(builder, instruction)(*values)

            return found.return_type(a, b), build

        return wraps

    numbers = {
        name: getattr(types, name) for name in ("float32", "float64", "int8", "int16", "int32", "int64")
    }
    numbers |= {name: getattr(types, name) for name in ("uint8", "uint16", "uint32", "uint64")}
    return {
        "plus": plus,
        "index": index,
        "view": view,
        "wrapping_add": wrapping(operator.add, "add"),
        "wrapping_sub": wrapping(operator.sub, "sub"),
        "wrapping_mul": wrapping(operator.mul, "mul"),
        "inf": float("inf"),
        "nan": float("nan"),
        **numbers,
    }


@cache
def _function(name: str) -> Any:
    function = SCALAR_FUNCTIONS[name]
    if isinstance(function, Libm):
        return _libm(function)
    return _intrinsic(function)


def _of_arity(arity: int, build: Any) -> Any:
    from numba.extending import intrinsic

    if arity == 1:

        @intrinsic
        def unary(typing: Any, x: Any) -> Any:
            return x(x), build

        return unary

    @intrinsic
    def binary(typing: Any, x: Any, y: Any) -> Any:
        return x(x, x), build

    return binary


def _intrinsic(function: Intrinsic) -> Any:
    from llvmlite import ir

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = args[0].type
        prototype = ir.FunctionType(kind, [kind] * function.arity)
        declared = builder.module.declare_intrinsic(f"llvm.{function.symbol}", [kind], prototype)
        return builder.call(declared, args)

    return _of_arity(function.arity, build)


def _libm(function: Libm) -> Any:
    from llvmlite import ir
    from numba.core import cgutils

    for suffix in ("", "f"):
        _find_symbol(function.symbol + suffix)

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = args[0].type
        symbol = function.symbol + ("f" if isinstance(kind, ir.FloatType) else "")
        prototype = ir.FunctionType(kind, [kind] * function.arity)
        scalar = cgutils.get_or_insert_function(builder.module, prototype, symbol)
        call = builder.call(scalar, args, attrs=("readnone", "nounwind"))
        variants = _declare_variants(builder.module, function, symbol, kind)
        if variants:
            # llvmlite knows a fixed list of attributes; its set writes out whatever is in it
            set.add(call.attributes, f'"vector-function-abi-variant"="{",".join(variants)}"')
        return call

    return _of_arity(function.arity, build)


def _find_symbol(symbol: str) -> None:
    """Make a function of the C library known to LLVM where it is not."""
    from llvmlite import binding

    if binding.address_of_symbol(symbol) is None:
        library = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
        binding.add_symbol(symbol, ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value)


@cache
def _vector_features() -> tuple[tuple[str, int], ...]:
    """libmvec's letters and register sizes that this machine has; none where there is no libmvec."""
    from llvmlite import binding

    if sys.platform != "linux" or not binding.get_process_triple().startswith("x86_64"):
        return ()
    try:
        binding.load_library_permanently("libmvec.so.1")
    except RuntimeError:
        return ()
    has = binding.get_host_cpu_features()
    return tuple([(letter, size) for feature, letter, size in _VECTORS if has.get(feature)])


def _declare_variants(module: Any, function: Libm, symbol: str, kind: Any) -> list[str]:
    """Declare the vector variants of a function and return how LLVM is told of them."""
    from llvmlite import binding, ir
    from numba.core import cgutils

    if not function.vectorised:
        return []
    width = 4 if isinstance(kind, ir.FloatType) else 8
    variants, declared = [], []
    for letter, size in _vector_features():
        lanes = size // width
        vector = ir.VectorType(kind, lanes)
        shape = f"N{lanes}{'v' * function.arity}_{symbol}"
        if binding.address_of_symbol(f"_ZGV{letter}{shape}") is not None:
            prototype = ir.FunctionType(vector, [vector] * function.arity)
            declared.append(cgutils.get_or_insert_function(module, prototype, f"_ZGV{letter}{shape}"))
            variants.append(f"_ZGV_LLVM_{shape}(_ZGV{letter}{shape})")
    _keep_declared(module, declared)
    return variants


def _keep_declared(module: Any, declared: list[Any]) -> None:
    """List functions as used: nothing refers to their declarations until the vectoriser has run."""
    from llvmlite import ir

    name, pointer = "llvm.compiler.used", ir.IntType(8).as_pointer()
    known = getattr(module, "_funcgrad_used", {})
    new = {f.name: f.bitcast(pointer) for f in declared if f.name not in known}
    if not new:
        return
    module._funcgrad_used = known = {**known, **new}
    if name in module.globals:
        del module.globals[name]
        module.scope._useset.discard(name)
    kept = ir.GlobalVariable(module, ir.ArrayType(pointer, len(known)), name)
    kept.linkage = "appending"
    kept.section = "llvm.metadata"
    kept.initializer = ir.Constant(kept.value_type, list(known.values()))
