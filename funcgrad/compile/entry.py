"""The way from a Python call into a kernel: LLVM text of a C function that takes Python's arguments.

A call costs 40 ns and an output 30 more, where numba's dispatcher takes 400 and ctypes 2000: arguments that are as
the kernel wants them are seen to be, and the kernel is called with pointers to their data. For any others the entry
calls `fallback`, which brings them into form. The layout of NumPy's objects is ABI (its C macros inline it).
"""

from __future__ import annotations

import ctypes
import sys
import sysconfig
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

import numpy as np

from funcgrad.compile import machine

DTYPES = "?bhilqBHILQfdFD"
"""The dtypes that an entry takes and returns."""
ON_STACK = 4096
"""Bytes of workspace that a call has on its stack: a thread's may be as small as 64 kB."""


class Aval(Protocol):
    """What an entry needs to know of an argument or result."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def weak(self) -> bool: ...


class Entry(NamedTuple):
    """The signature of a kernel, `i32 @kernel(ptr in, ..., ptr out, ..., ptr workspace)`, and the way into it.

    The kernel gets pointers to data, also of scalars; outputs are fresh, arrays or NumPy's scalars, or Python's where
    they are weak. Anything but 0 that it returns drops the outputs and calls the fallback.
    """

    inputs: Sequence[Aval]
    outputs: Sequence[Aval]
    workspace: int = 0
    """Bytes of scratch memory, aligned to 64, whose content is undefined. Above 4096, a block stays with the module."""
    release_gil: bool = False
    """Whether other threads may run meanwhile, which costs 50 ns."""

    def text(self) -> str:
        """What has to be added to the kernel's text."""
        return _direct_text(self) if available() else _plain_text(self)

    def bind(self, module: machine.Module, fallback: Callable[..., Any]) -> Callable[..., tuple[Any, ...]]:
        """The Python function. It keeps the module."""
        return _direct(module, fallback) if available() else _through_ctypes(self, module, fallback)


# ---- the text ----

_CLASS = 8
_VALUE = 16
"""Of NumPy's scalars, Python's float and complex."""
_DATA, _RANK, _SHAPE, _DESCR, _FLAGS = 16, 24, 32, 56, 64
_C_CONTIGUOUS_AND_ALIGNED = 0x101
_PYTHON = {"b": "PyBool_Type", "i": "PyLong_Type", "f": "PyFloat_Type", "c": "PyComplex_Type"}
"""The class of Python's scalars of a kind."""

_SUPPORT = f"""
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PyTuple_New(i64)
declare i32 @PyTuple_SetItem(ptr, i64, ptr)
declare void @Py_DecRef(ptr)
declare ptr @PyErr_NoMemory()
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare ptr @PyMem_RawMalloc(i64)
declare void @PyMem_RawFree(ptr)
declare i64 @PyLong_AsLongLongAndOverflow(ptr, ptr)
declare ptr @PyFloat_FromDouble(double)
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PyBool_FromLong(i64)
declare ptr @PyComplex_FromDoubles(double, double)
declare ptr @PyArray_New(ptr, i32, ptr, i32, ptr, ptr, i32, i32, ptr)
declare ptr @PyArray_Scalar(ptr, ptr, ptr)
declare ptr @llvm.ptrmask.p0.i64(ptr, i64)
@PyArray_Type = external global i8
@PyBool_Type = external global i8
@PyLong_Type = external global i8
@PyFloat_Type = external global i8
@PyComplex_Type = external global i8
@Py_True = external global i8

; each of these returns a pointer to the argument's data, or null if it does not fit

define internal ptr @array(ptr %object, ptr %descr, i32 %rank, ptr %shape) nounwind {{
  %class.at = getelementptr i8, ptr %object, i64 {_CLASS}
  %class = load ptr, ptr %class.at
  %is = icmp eq ptr %class, @PyArray_Type
  br i1 %is, label %header, label %no
header:
  %descr.at = getelementptr i8, ptr %object, i64 {_DESCR}
  %rank.at = getelementptr i8, ptr %object, i64 {_RANK}
  %flags.at = getelementptr i8, ptr %object, i64 {_FLAGS}
  %its.descr = load ptr, ptr %descr.at
  %its.rank = load i32, ptr %rank.at
  %its.flags = load i32, ptr %flags.at
  %masked = and i32 %its.flags, {_C_CONTIGUOUS_AND_ALIGNED}
  %descr.fits = icmp eq ptr %its.descr, %descr
  %rank.fits = icmp eq i32 %its.rank, %rank
  %flags.fit = icmp eq i32 %masked, {_C_CONTIGUOUS_AND_ALIGNED}
  %two = and i1 %descr.fits, %rank.fits
  %three = and i1 %two, %flags.fit
  br i1 %three, label %dimensions, label %no
dimensions:
  %shape.at = getelementptr i8, ptr %object, i64 {_SHAPE}
  %its.shape = load ptr, ptr %shape.at
  %last = zext i32 %rank to i64
  br label %next
next:
  %k = phi i64 [0, %dimensions], [%k.next, %compare]
  %ends = icmp eq i64 %k, %last
  br i1 %ends, label %yes, label %compare
compare:
  %its.at = getelementptr i64, ptr %its.shape, i64 %k
  %wanted.at = getelementptr i64, ptr %shape, i64 %k
  %its = load i64, ptr %its.at
  %wanted = load i64, ptr %wanted.at
  %k.next = add i64 %k, 1
  %same = icmp eq i64 %its, %wanted
  br i1 %same, label %next, label %no
yes:
  %data.at = getelementptr i8, ptr %object, i64 {_DATA}
  %data = load ptr, ptr %data.at
  ret ptr %data
no:
  ret ptr null
}}

define internal ptr @number(ptr %object, ptr %class.a, ptr %class.b) nounwind {{
  %class.at = getelementptr i8, ptr %object, i64 {_CLASS}
  %class = load ptr, ptr %class.at
  %a = icmp eq ptr %class, %class.a
  %b = icmp eq ptr %class, %class.b
  %is = or i1 %a, %b
  %value = getelementptr i8, ptr %object, i64 {_VALUE}
  %result = select i1 %is, ptr %value, ptr null
  ret ptr %result
}}

define internal ptr @truth(ptr %object, ptr %slot) nounwind {{
  %class.at = getelementptr i8, ptr %object, i64 {_CLASS}
  %class = load ptr, ptr %class.at
  %is = icmp eq ptr %class, @PyBool_Type
  %true = icmp eq ptr %object, @Py_True
  %byte = zext i1 %true to i8
  store i8 %byte, ptr %slot
  %result = select i1 %is, ptr %slot, ptr null
  ret ptr %result
}}

define internal ptr @integer(ptr %object, ptr %slot) nounwind {{
  %overflow = alloca i32
  %class.at = getelementptr i8, ptr %object, i64 {_CLASS}
  %class = load ptr, ptr %class.at
  %is = icmp eq ptr %class, @PyLong_Type
  br i1 %is, label %read, label %no
read:
  %value = call i64 @PyLong_AsLongLongAndOverflow(ptr %object, ptr %overflow)
  store i64 %value, ptr %slot
  %flag = load i32, ptr %overflow
  %fits = icmp eq i32 %flag, 0
  %result = select i1 %fits, ptr %slot, ptr null
  ret ptr %result
no:
  ret ptr null
}}

define internal ptr @scalar(ptr %object, ptr %class.a, ptr %class.b, ptr %descr) nounwind {{
  %number = call ptr @number(ptr %object, ptr %class.a, ptr %class.b)
  %none = icmp eq ptr %number, null
  br i1 %none, label %other, label %done
other:
  %data = call ptr @array(ptr %object, ptr %descr, i32 0, ptr null)
  ret ptr %data
done:
  ret ptr %number
}}

define internal ptr @boolean(ptr %object, ptr %slot, ptr %class, ptr %descr) nounwind {{
  %truth = call ptr @truth(ptr %object, ptr %slot)
  %none = icmp eq ptr %truth, null
  br i1 %none, label %other, label %done
other:
  %data = call ptr @scalar(ptr %object, ptr %class, ptr null, ptr %descr)
  ret ptr %data
done:
  ret ptr %truth
}}
"""

_METHOD = """
@method.name = internal constant [9 x i8] c"compiled\\00"
; a PyMethodDef: name, function, METH_FASTCALL, docstring
@method = global {ptr, ptr, i32, ptr} {ptr @method.name, ptr @entry, i32 128, ptr null}
"""


def _direct_text(entry: Entry) -> str:
    inputs, outputs = entry.inputs, entry.outputs
    last = "work" if entry.workspace <= ON_STACK else "take"
    steps = [f"in{k}" for k in range(len(inputs))] + [f"out{k}" for k in range(len(outputs))] + [last]
    boxes = [f"box{k}" for k in range(len(outputs))] + ["pack"]
    lines = ["define ptr @entry(ptr %self, ptr %args, i64 %count) nounwind {", "start:", *_allocas(entry)]
    lines += [f"%right = icmp eq i64 %count, {len(inputs)}", f"br i1 %right, label %{steps[0]}, label %fallback"]
    for k, aval in enumerate(inputs):
        lines += _input(k, aval, steps[k + 1])
    for k, aval in enumerate(outputs):
        lines += _output(k, aval, steps[len(inputs) + k + 1])
    lines += _work(entry, boxes[0])
    for k, aval in enumerate(outputs):
        lines += _box(k, aval, boxes[k + 1])
    lines += [*_pack(len(outputs)), *_exits(len(outputs)), "}"]
    return "\n".join([*_globals(entry), *lines, _METHOD, _SUPPORT])


def _globals(entry: Entry) -> list[str]:
    avals = [*entry.inputs, *entry.outputs]
    names = sorted({_name(aval) for aval in avals})
    shapes = sorted({aval.shape for aval in avals if aval.shape})
    lines = [f"@numpy.{what}.{name} = external global i8" for name in names for what in ("descr", "class")]
    for shape in shapes:
        lengths = ", ".join([f"i64 {length}" for length in shape])
        lines.append(f"{_shape(shape)} = internal constant [{len(shape)} x i64] [{lengths}]")
    if entry.workspace > ON_STACK:
        lines += [
            "@block = internal global ptr null",
            "define void @release() nounwind {",
            "%block = atomicrmw xchg ptr @block, ptr null acq_rel",
            "call void @PyMem_RawFree(ptr %block)",
            "ret void",
            "}",
        ]
    return lines


def _name(aval: Aval) -> str:
    if aval.dtype.char not in DTYPES or not aval.dtype.isnative:
        raise machine.MachineError(f"kernels take no {aval.dtype}")
    return str(aval.dtype.type.__name__)


def _shape(shape: tuple[int, ...]) -> str:
    return "@shape." + ".".join(map(str, shape)) if shape else "null"


def _allocas(entry: Entry) -> list[str]:
    """What has an address: single values, the outputs in the making, and the workspace."""
    lines = ["%error.set = alloca i1", "store i1 false, ptr %error.set"]
    lines += [f"%slot{k} = alloca i64" for k, aval in enumerate(entry.inputs) if not aval.shape]
    for k, aval in enumerate(entry.outputs):
        lines += [f"%object{k} = alloca ptr", f"store ptr null, ptr %object{k}"]
        if not aval.shape:
            lines.append(f"%data{k} = alloca [2 x i64], align 16")
    if 0 < entry.workspace <= ON_STACK:
        lines.append(f"%space = alloca [{entry.workspace} x i8], align 64")
    return lines


def _input(k: int, aval: Aval, then: str) -> list[str]:
    return [
        f"in{k}:",
        f"%arg{k}.at = getelementptr ptr, ptr %args, i64 {k}",
        f"%arg{k} = load ptr, ptr %arg{k}.at",
        f"%in{k}.data = call ptr {_reader(aval).format(f'ptr %arg{k}', f'ptr %slot{k}')}",
        f"%in{k}.none = icmp eq ptr %in{k}.data, null",
        f"br i1 %in{k}.none, label %fallback, label %{then}",
    ]


def _reader(aval: Aval) -> str:
    """The call that finds an argument's data, of the argument {0} and a place {1} for a value."""
    name, kind = _name(aval), aval.dtype.kind
    if aval.shape:
        return f"@array({{0}}, ptr @numpy.descr.{name}, i32 {len(aval.shape)}, ptr {_shape(aval.shape)})"
    if aval.weak and kind in "bi":
        return "@truth({0}, {1})" if kind == "b" else "@integer({0}, {1})"
    if aval.weak:
        return f"@number({{0}}, ptr @{_PYTHON[kind]}, ptr null)"
    if kind == "b":
        return f"@boolean({{0}}, {{1}}, ptr @numpy.class.{name}, ptr @numpy.descr.{name})"
    python = f"@{_PYTHON[kind]}" if aval.dtype.char in "dD" else "null"
    return f"@scalar({{0}}, ptr @numpy.class.{name}, ptr {python}, ptr @numpy.descr.{name})"


def _output(k: int, aval: Aval, then: str) -> list[str]:
    if not aval.shape:
        return [f"out{k}:", f"br label %{then}"]
    rank, shape, number = len(aval.shape), _shape(aval.shape), aval.dtype.num
    return [
        f"out{k}:",
        f"%array{k} = call ptr @PyArray_New(ptr @PyArray_Type, i32 {rank}, ptr {shape}, i32 {number}, "
        "ptr null, ptr null, i32 0, i32 0, ptr null)",
        f"store ptr %array{k}, ptr %object{k}",
        f"%array{k}.none = icmp eq ptr %array{k}, null",
        f"br i1 %array{k}.none, label %failed, label %out{k}.made",
        f"out{k}.made:",
        f"%data{k}.at = getelementptr i8, ptr %array{k}, i64 {_DATA}",
        f"%data{k} = load ptr, ptr %data{k}.at",
        f"br label %{then}",
    ]


def _work(entry: Entry, then: str) -> list[str]:
    """The call of the kernel, with a workspace that no other thread has."""
    pointers = [f"%in{k}.data" for k in range(len(entry.inputs))]
    pointers += [f"%data{k}" for k in range(len(entry.outputs))]
    pointers.append("%space" if entry.workspace else "null")
    lines = [f"%status = call i32 @kernel({', '.join([f'ptr {pointer}' for pointer in pointers])})"]
    if entry.release_gil:
        lines = ["%thread = call ptr @PyEval_SaveThread()", *lines, "call void @PyEval_RestoreThread(ptr %thread)"]
    if entry.workspace <= ON_STACK:
        lines = ["work:", *lines]
    else:
        lines = [*_take(entry.workspace), *lines, *_give_back()]
    return [*lines, "%well = icmp eq i32 %status, 0", f"br i1 %well, label %{then}, label %drop"]


def _take(workspace: int) -> list[str]:
    """Take the module's block, or make one where another call has it."""
    return [
        "take:",
        "%kept = atomicrmw xchg ptr @block, ptr null acq_rel",
        "%kept.none = icmp eq ptr %kept, null",
        "br i1 %kept.none, label %make, label %work",
        "make:",
        f"%made = call ptr @PyMem_RawMalloc(i64 {workspace + 63})",
        "%made.none = icmp eq ptr %made, null",
        "br i1 %made.none, label %no_memory, label %work",
        "no_memory:",
        "call ptr @PyErr_NoMemory()",
        "br label %failed",
        "work:",
        "%raw = phi ptr [%kept, %take], [%made, %make]",
        "%raw.end = getelementptr i8, ptr %raw, i64 63",
        "%space = call ptr @llvm.ptrmask.p0.i64(ptr %raw.end, i64 -64)",
    ]


def _give_back() -> list[str]:
    return [
        "%displaced = atomicrmw xchg ptr @block, ptr %raw acq_rel",
        "%displaced.none = icmp eq ptr %displaced, null",
        "br i1 %displaced.none, label %worked, label %free",
        "free:",
        "call void @PyMem_RawFree(ptr %displaced)",
        "br label %worked",
        "worked:",
    ]


def _box(k: int, aval: Aval, then: str) -> list[str]:
    if aval.shape:
        return [f"box{k}:", f"br label %{then}"]
    return [
        f"box{k}:",
        *[line.format(k) for line in _boxing(aval)],
        f"store ptr %box{k}.object, ptr %object{k}",
        f"%box{k}.none = icmp eq ptr %box{k}.object, null",
        f"br i1 %box{k}.none, label %failed, label %{then}",
    ]


def _boxing(aval: Aval) -> list[str]:
    name, kind = _name(aval), aval.dtype.kind
    if not aval.weak:
        return [f"%box{{0}}.object = call ptr @PyArray_Scalar(ptr %data{{0}}, ptr @numpy.descr.{name}, ptr null)"]
    if kind == "c":
        return [
            "%imag{0}.at = getelementptr double, ptr %data{0}, i64 1",
            "%real{0} = load double, ptr %data{0}",
            "%imag{0} = load double, ptr %imag{0}.at",
            "%box{0}.object = call ptr @PyComplex_FromDoubles(double %real{0}, double %imag{0})",
        ]
    if kind == "b":
        return [
            "%byte{0} = load i8, ptr %data{0}",
            "%long{0} = zext i8 %byte{0} to i64",
            "%box{0}.object = call ptr @PyBool_FromLong(i64 %long{0})",
        ]
    if kind == "i":
        return [
            "%long{0} = load i64, ptr %data{0}",
            "%box{0}.object = call ptr @PyLong_FromLongLong(i64 %long{0})",
        ]
    return [
        "%float{0} = load double, ptr %data{0}",
        "%box{0}.object = call ptr @PyFloat_FromDouble(double %float{0})",
    ]


def _pack(outputs: int) -> list[str]:
    """The tuple comes last: while the GIL is released nobody may find it unfinished, as `gc.get_objects` would."""
    lines = [
        "pack:",
        f"%tuple = call ptr @PyTuple_New(i64 {outputs})",
        "%tuple.none = icmp eq ptr %tuple, null",
        "br i1 %tuple.none, label %failed, label %fill",
        "fill:",
    ]
    for k in range(outputs):
        lines += [
            f"%item{k} = load ptr, ptr %object{k}",
            f"call i32 @PyTuple_SetItem(ptr %tuple, i64 {k}, ptr %item{k})",
        ]
    return [*lines, "ret ptr %tuple"]


def _exits(outputs: int) -> list[str]:
    drop = [
        line
        for k in range(outputs)
        for line in (f"%dropped{k} = load ptr, ptr %object{k}", f"call void @Py_DecRef(ptr %dropped{k})")
    ]
    return [
        "failed:",
        "store i1 true, ptr %error.set",
        "br label %drop",
        "drop:",
        *drop,
        "%is.error = load i1, ptr %error.set",
        "br i1 %is.error, label %error, label %fallback",
        "error:",
        "ret ptr null",
        "fallback:",
        "%result = tail call ptr @PyObject_Vectorcall(ptr %self, ptr %args, i64 %count, ptr null)",
        "ret ptr %result",
    ]


def _plain_text(entry: Entry) -> str:
    """A function of an array of the kernel's arguments."""
    count = len(entry.inputs) + len(entry.outputs) + 1
    lines = ["define i32 @plain(ptr %pointers) nounwind {"]
    for k in range(count):
        lines += [f"%at{k} = getelementptr ptr, ptr %pointers, i64 {k}", f"%p{k} = load ptr, ptr %at{k}"]
    arguments = ", ".join([f"ptr %p{k}" for k in range(count)])
    return "\n".join([*lines, f"%status = call i32 @kernel({arguments})", "ret i32 %status", "}"])


# ---- the function ----


@cache
def available() -> bool:
    """Whether Python's and NumPy's objects are laid out as entries read them. Takes 1 ms, once."""
    if sys.implementation.name != "cpython" or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    if sysconfig.get_config_var("Py_GIL_DISABLED") or hasattr(sys, "getobjects"):
        return False
    try:
        table = _numpys_table()
    except (ImportError, AttributeError, ValueError):
        return False
    if table[2] != id(np.ndarray) or not _layout_is_known():
        return False
    machine.define({**_numpys_symbols(table), **_pythons_symbols()})
    return True


def _numpys_table() -> Any:
    """NumPy's C API, from the capsule that C extensions import."""
    from numpy._core import _multiarray_umath

    pointer: Any = ctypes.pythonapi["PyCapsule_GetPointer"]
    pointer.argtypes, pointer.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.POINTER(ctypes.c_void_p)
    return pointer(_multiarray_umath._ARRAY_API, None)


def _numpys_symbols(table: Any) -> dict[str, int]:
    """The indices are those of `numpy/__multiarray_api.h`, and never change."""
    symbols = {"PyArray_Type": table[2], "PyArray_Scalar": table[60], "PyArray_New": table[93]}
    for dtype in map(np.dtype, DTYPES):
        symbols[f"numpy.descr.{dtype.type.__name__}"] = id(dtype)
        symbols[f"numpy.class.{dtype.type.__name__}"] = id(dtype.type)
    return symbols


def _pythons_symbols() -> dict[str, int]:
    functions = [line.split("@")[1].split("(")[0] for line in _SUPPORT.splitlines() if line.startswith("declare")]
    symbols = {
        name: ctypes.cast(ctypes.pythonapi[name], ctypes.c_void_p).value or 0
        for name in functions
        if name.startswith("Py") and not name.startswith("PyArray_")
    }
    classes = {name: id(kind) for name, kind in zip(_PYTHON.values(), (bool, int, float, complex))}
    return {**symbols, **classes, "Py_True": id(True)}


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


def _direct(module: machine.Module, fallback: Callable[..., Any]) -> Callable[..., tuple[Any, ...]]:
    make: Any = ctypes.pythonapi["PyCFunction_NewEx"]
    make.argtypes, make.restype = [ctypes.c_void_p, ctypes.py_object, ctypes.py_object], ctypes.py_object
    # owns what it has as `__self__` and `__module__`
    return make(module.address("method"), fallback, module.hold())  # type: ignore[no-any-return]


def _through_ctypes(
    entry: Entry, module: machine.Module, fallback: Callable[..., Any]
) -> Callable[..., tuple[Any, ...]]:
    """The same where Python's or NumPy's objects are not as they are known: some 10 us."""
    prototype = ctypes.CFUNCTYPE if entry.release_gil else ctypes.PYFUNCTYPE
    function = prototype(ctypes.c_int, ctypes.c_void_p)(module.address("plain"))
    held = module.hold()
    pointers = ctypes.c_void_p * (len(entry.inputs) + len(entry.outputs) + 1)

    def compiled(*args: Any, held: int = held) -> Any:
        arrays = [_fitting(arg, aval) for arg, aval in zip(args, entry.inputs)]
        if len(args) != len(entry.inputs) or None in map(type, arrays):
            return fallback(*args)
        results = [np.empty(aval.shape, aval.dtype) for aval in entry.outputs]
        space = np.empty(entry.workspace + 63, np.uint8)
        addresses = [array.__array_interface__["data"][0] for array in [*arrays, *results, space]]
        addresses[-1] = (addresses[-1] + 63) & -64
        if function(pointers(*addresses)):
            return fallback(*args)
        return tuple([_boxed(result, aval) for result, aval in zip(results, entry.outputs)])

    return compiled


def _fitting(arg: Any, aval: Aval) -> Any:
    """The argument as an array, or None if it is not as the kernel wants it."""
    kind, dtype = type(arg), np.dtype(aval.dtype.char)
    if kind is np.ndarray and not aval.weak:
        fits = arg.dtype is dtype and arg.shape == aval.shape and arg.flags.c_contiguous and arg.flags.aligned
        return arg if fits else None
    python = {"b": bool, "i": int, "f": float, "c": complex}.get(dtype.kind)
    takes_python = kind is python and (aval.weak or dtype.char in "?dD")
    if aval.shape or not (takes_python or (kind is dtype.type and not aval.weak)):
        return None
    try:
        return np.array(arg, dtype)
    except OverflowError:
        return None


def _boxed(result: Any, aval: Aval) -> Any:
    return result if aval.shape else result.item() if aval.weak else result[()]
