"""The way from a Python call into a kernel and back: a C function that takes Python's arguments.

Arguments that are as the kernel wants them are seen to be, and the kernel is called with pointers to their data. For
any others the gate calls its fallback, which brings them into form. The layout of NumPy's objects is ABI (its C
macros inline it), and `available` looks whether it is as gate.ll reads it.

Two arrays of 2 in, a scalar and an array out: 167 ns, where numba's dispatcher takes 965, ctypes 15 000 and
`np.empty(2)` 177. Of these the call itself takes 25, each argument 8, a scalar out 45 and an array 100, NumPy's own.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from funcgrad.compile import machine
from funcgrad.core.avals import Aval

DTYPES = "?bhilqBHILQfdFD"
"""The dtypes that a gate takes and returns."""
ON_STACK = 4096
"""Bytes of workspace that a call has on its stack: a thread's may be as small as 64 kB."""


class Gate(NamedTuple):
    """The signature of a kernel, `i32 @kernel(ptr in, ..., ptr out, ..., ptr captured, ptr workspace)`, and the way in.

    The kernel gets pointers to data, also of scalars; outputs are fresh, arrays or NumPy's scalars, or Python's where
    they are weak. Anything but 0 that it returns drops the outputs and calls the fallback.
    """

    inputs: Sequence[Aval]
    outputs: Sequence[Aval]
    workspace: int = 0
    """Bytes of scratch memory, aligned to 64, of undefined content. From 4096 to 64 MB it stays with the module."""
    release_gil: bool = False
    """Whether other threads may run meanwhile, which costs 50 ns."""
    given: Sequence[int] = ()
    """The positions of outputs that are not returned: arrays that the caller brings, as arguments behind the inputs."""

    @property
    def arguments(self) -> list[Aval]:
        return [*self.inputs, *(self.outputs[i] for i in self.given)]

    @property
    def results(self) -> list[Aval]:
        return [aval for i, aval in enumerate(self.outputs) if i not in self.given]

    def text(self) -> str:
        """What has to be added to the kernel's text."""
        if not available():
            return _plain_text(self)
        _support()
        return _direct_text(self)

    def bind(
        self, module: machine.Module, fallback: Callable[..., Any], captured: Sequence[np.ndarray | float | int] = (),
        single: bool = False,
    ) -> Callable[..., Any]:  # fmt: skip
        """The Python function. It keeps the module, and what the kernel captures: C-contiguous arrays and numbers.

        `single`: it returns the one output as it is, and not a tuple.
        """
        make = _direct if available() else _through_ctypes
        return make(self, module, (fallback, words_of(captured), single, tuple(captured)))


# ---- the text ----

_WAYS = {"b": 1, "i": 2, "f": 3, "c": 4}
"""In gate.ll: how Python's scalars of a kind are read and made."""
_PYTHON = {"b": bool, "i": int, "f": float, "c": complex}

_TABLE = """
%input = type {{ i32, i32, ptr, ptr, ptr, ptr }}
%output = type {{ i32, i32, ptr, ptr, i32 }}
%table = type {{ i64, i64, i64, i64, ptr, ptr, ptr, ptr }}
@inputs = internal constant [{n_inputs} x %input] [{inputs}]
@outputs = internal constant [{n_outputs} x %output] [{outputs}]
@table = internal constant %table {{ i64 {n_inputs}, i64 {n_outputs}, i64 {workspace}, i64 {release_gil},
                                    ptr @plain, ptr @inputs, ptr @outputs, ptr {block} }}
declare ptr @funcgrad.enter(ptr, ptr, i64, ptr)
define internal ptr @entry(ptr %self, ptr %args, i64 %count) nounwind {{
  %result = tail call ptr @funcgrad.enter(ptr %self, ptr %args, i64 %count, ptr @table)
  ret ptr %result
}}
@method.name = internal constant [9 x i8] c"compiled\\00"
; a PyMethodDef: name, function, METH_FASTCALL, docstring
@method = global {{ ptr, ptr, i32, ptr }} {{ ptr @method.name, ptr @entry, i32 128, ptr null }}
"""

_BLOCK = """
@block = internal global ptr null
declare void @PyMem_RawFree(ptr)
define void @release() nounwind {
  %block = load ptr, ptr @block
  call void @PyMem_RawFree(ptr %block)
  ret void
}
"""


def _direct_text(gate: Gate) -> str:
    in_block = gate.workspace > ON_STACK
    table = _TABLE.format(
        n_inputs=len(gate.arguments),
        n_outputs=len(gate.results),
        inputs=", ".join(map(_input, gate.arguments)),
        outputs=", ".join(map(_output, gate.results)),
        workspace=gate.workspace,
        release_gil=int(gate.release_gil),
        block="@block" if in_block else "null",
    )
    return "\n".join([_plain_text(gate), *_constants(gate), table, _BLOCK if in_block else ""])


def _input(aval: Aval) -> str:
    name, kind = _name(aval), aval.dtype.kind
    way, rank, numpy, python = 0, len(aval.shape), "null", "null"
    if not aval.shape:
        if kind == "b" or (kind == "i" and aval.weak):
            way = _WAYS[kind]
        if not aval.weak:
            numpy = f"@numpy.class.{name}"
        else:
            rank = -1
            if kind in "fc":
                python = f"@python.{_PYTHON[kind].__name__}"
    return f"%input {{ i32 {way}, i32 {rank}, ptr {_shape(aval)}, ptr @numpy.descr.{name}, ptr {numpy}, ptr {python} }}"


def _output(aval: Aval) -> str:
    way = _WAYS[aval.dtype.kind] if aval.weak and not aval.shape else 0
    rank, number = len(aval.shape), aval.dtype.num
    return f"%output {{ i32 {way}, i32 {rank}, ptr {_shape(aval)}, ptr @numpy.descr.{_name(aval)}, i32 {number} }}"


def _name(aval: Aval) -> str:
    if aval.dtype.char not in DTYPES or not aval.dtype.isnative:
        raise machine.MachineError(f"kernels take no {aval.dtype}")
    if aval.weak and not aval.shape and aval.dtype != np.dtype(_PYTHON.get(aval.dtype.kind)):
        raise machine.MachineError(f"no scalar of Python's is {aval.dtype}")
    return str(aval.dtype.type.__name__)


def _shape(aval: Aval) -> str:
    return "@shape." + ".".join(map(str, aval.shape)) if aval.shape else "null"


def _constants(gate: Gate) -> list[str]:
    """The lengths and the objects that the tables name."""
    avals = [*gate.inputs, *gate.outputs]
    lines = [f"@python.{kind.__name__} = external global i8" for kind in (float, complex)]
    for name in sorted({_name(aval) for aval in avals}):
        lines += [f"@numpy.{what}.{name} = external global i8" for what in ("descr", "class")]
    for name, shape in sorted({_shape(aval): aval.shape for aval in avals if aval.shape}.items()):
        lengths = ", ".join([f"i64 {length}" for length in shape])
        lines.append(f"{name} = internal constant [{len(shape)} x i64] [{lengths}]")
    return lines


def _plain_text(gate: Gate) -> str:
    """A function of an array of pointers: the arguments, fresh results, what is captured and the workspace."""
    count = len(gate.inputs) + len(gate.outputs) + 2
    first = len(gate.inputs)
    fresh = [i for i in range(len(gate.outputs)) if i not in gate.given]
    places = {output: first + k for k, output in enumerate([*gate.given, *fresh])}
    order = [*range(first), *(places[i] for i in range(len(gate.outputs))), count - 2, count - 1]
    lines = ["define i32 @plain(ptr %pointers) nounwind {"]
    for k in range(count):
        lines += [f"%at{k} = getelementptr ptr, ptr %pointers, i64 {k}", f"%p{k} = load ptr, ptr %at{k}"]
    arguments = ", ".join([f"ptr %p{k}" for k in order])
    return "\n".join([*lines, f"%status = call i32 @kernel({arguments})", "ret i32 %status", "}"])


# ---- the function ----

_SUPPORT = Path(__file__).with_name("gate.ll")
_CLASS, _VALUE, _DATA, _RANK, _SHAPE, _DESCR, _FLAGS = 8, 16, 16, 24, 32, 56, 64
"""Offsets in gate.ll."""
_C_CONTIGUOUS_AND_ALIGNED = 0x101


@cache
def available() -> bool:
    """Whether Python's and NumPy's objects are laid out as entries read them. Takes 1 ms, once."""
    if sys.implementation.name != "cpython" or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    # not by sysconfig: its lock may be taken where a process forks, for ever
    if "free-threading build" in sys.version or hasattr(sys, "getobjects"):
        return False
    try:
        table = numpys_api("_ARRAY_API")
    except (ImportError, AttributeError, ValueError):
        return False
    if table[2] != id(np.ndarray) or not _layout_is_known():
        return False
    machine.define({**_numpys_symbols(table), **_pythons_symbols()})
    return True


@cache
def _support() -> machine.Module:
    """What all entries share. Compiled in 10 ms, for the first of them."""
    module = machine.load(_SUPPORT.read_text())
    machine.define({"funcgrad.enter": module.address("enter")})
    return module


def numpys_api(name: str) -> Any:
    """NumPy's C functions for arrays or for universal functions, from the capsule that C extensions import."""
    from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

    pointer: Any = ctypes.pythonapi["PyCapsule_GetPointer"]
    pointer.argtypes, pointer.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.POINTER(ctypes.c_void_p)
    return pointer(getattr(_multiarray_umath, name), None)


def _numpys_symbols(table: Any) -> dict[str, int]:
    """The indices are those of `numpy/__multiarray_api.h`, and never change."""
    symbols = {"numpy.ndarray": table[2], "numpy.PyArray_Scalar": table[60], "numpy.PyArray_New": table[93]}
    for dtype in map(np.dtype, DTYPES):
        symbols[f"numpy.descr.{dtype.type.__name__}"] = id(dtype)
        symbols[f"numpy.class.{dtype.type.__name__}"] = id(dtype.type)
    return symbols


def _pythons_symbols() -> dict[str, int]:
    """Those of gate.ll. On some systems LLVM would not find the functions by itself."""
    functions = set(re.findall(r"@(Py\w+)\(", _SUPPORT.read_text()))
    symbols = {name: ctypes.cast(ctypes.pythonapi[name], ctypes.c_void_p).value or 0 for name in functions}
    classes = {f"python.{kind.__name__}": id(kind) for kind in _PYTHON.values()}
    return {**symbols, **classes, "python.true": id(True)}


def _layout_is_known() -> bool:
    arrays = [np.zeros((2, 3, 1)[:rank], char) for char in DTYPES for rank in range(4)]
    arrays.append(np.zeros((3, 2)).T)
    scalars = [np.ones((), char)[()] for char in DTYPES]
    return all(map(_array_is_known, arrays)) and all(map(_value_is_known, [*scalars, 1.5, 1.5 + 2j]))


def _array_is_known(array: np.ndarray[Any, Any]) -> bool:
    def word(at: int, kind: Any = ctypes.c_ssize_t) -> int:
        return int(kind.from_address(at).value)

    start = id(array)
    shape = word(start + _SHAPE)
    flags = word(start + _FLAGS, ctypes.c_int) & _C_CONTIGUOUS_AND_ALIGNED
    return (
        word(start + _CLASS) == id(np.ndarray)
        and word(start + _DATA) == array.__array_interface__["data"][0]
        and word(start + _DESCR) == id(array.dtype) == id(np.dtype(array.dtype.char))
        and word(start + _RANK, ctypes.c_int) == array.ndim
        and array.shape == tuple([word(shape + 8 * k) for k in range(array.ndim)])
        and (flags == _C_CONTIGUOUS_AND_ALIGNED) == array.flags.c_contiguous
    )


def _value_is_known(scalar: Any) -> bool:
    value = np.asarray(scalar).tobytes()
    is_class = ctypes.c_ssize_t.from_address(id(scalar) + _CLASS).value == id(type(scalar))
    return is_class and ctypes.string_at(id(scalar) + _VALUE, len(value)) == value


def words_of(captured: Sequence[np.ndarray | float | int]) -> np.ndarray:
    """What is captured as a kernel reads it: addresses of arrays, integers, and the bits of floats."""
    words = np.zeros(len(captured), np.int64)
    for i, x in enumerate(captured):
        if isinstance(x, np.ndarray):
            words[i] = x.__array_interface__["data"][0]
        elif isinstance(x, float):
            words[i : i + 1].view(np.float64)[0] = x
        else:
            words[i] = x
    return words


Own = tuple[Callable[..., Any], np.ndarray, bool, tuple[Any, ...]]
"""What a function has of its own: the fallback, what the kernel captures as words, `single`, and whose words it is."""


def _direct(gate: Gate, module: machine.Module, own: Own) -> Callable[..., Any]:
    make: Any = ctypes.pythonapi["PyCFunction_NewEx"]
    make.argtypes, make.restype = [ctypes.c_void_p, ctypes.py_object, ctypes.py_object], ctypes.py_object
    # owns what it has as `__self__` and `__module__`
    bound: Callable[..., Any] = make(module.address("method"), own, module.hold())
    return bound


def _through_ctypes(gate: Gate, module: machine.Module, own: Own) -> Callable[..., Any]:
    """The same where Python's or NumPy's objects are not as they are known: some 10 us."""
    prototype = ctypes.CFUNCTYPE if gate.release_gil else ctypes.PYFUNCTYPE
    function = prototype(ctypes.c_int, ctypes.c_void_p)(module.address("plain"))
    held = module.hold(), own
    fallback, words, single, _ = own
    pointers = ctypes.c_void_p * (len(gate.inputs) + len(gate.outputs) + 2)

    def compiled(*args: Any, held: Any = held) -> Any:
        arrays = [_fitting(arg, aval) for arg, aval in zip(args, gate.arguments)]
        if len(args) != len(gate.arguments) or any(array is None for array in arrays):
            return fallback(*args)
        results = [np.empty(aval.shape, aval.dtype) for aval in gate.results]
        space = np.empty(gate.workspace + 63, np.uint8)
        addresses = [array.__array_interface__["data"][0] for array in [*arrays, *results, words, space]]
        addresses[-1] = (addresses[-1] + 63) & -64
        if function(pointers(*addresses)):
            return fallback(*args)
        boxed = [_boxed(result, aval) for result, aval in zip(results, gate.results)]
        return boxed[0] if single else tuple(boxed)

    return compiled


def _fitting(arg: Any, aval: Aval) -> Any:
    """The argument as an array, or None if it is not as the kernel wants it."""
    kind, dtype = type(arg), np.dtype(aval.dtype.char)
    if kind is np.ndarray and (aval.shape or not aval.weak):
        fits = arg.dtype is dtype and arg.shape == aval.shape and arg.flags.c_contiguous and arg.flags.aligned
        return arg if fits else None
    python = {"b": bool, "i": int, "f": float, "c": complex}.get(dtype.kind)
    takes_python = kind is python and (aval.weak or dtype.char == "?")
    if aval.shape or not (takes_python or (kind is dtype.type and not aval.weak)):
        return None
    try:
        return np.array(arg, dtype)
    except OverflowError:
        return None


def _boxed(result: Any, aval: Aval) -> Any:
    return result if aval.shape else result.item() if aval.weak else result[()]
