"""NumPy's universal functions with loops of our own: a program of elements for arrays of any size.

The program's kernel is that for `CHUNK` elements. The loop that NumPy calls hands it pointers into the arrays, chunk
after chunk; what is no full chunk, has strides or is one number for all goes through memory on the stack, as in NumPy
what has another dtype does. Long loops run in parts on the pool's threads; where a chunk ends depends on the length
alone, and no element on its place, so the bits are the same for any number of threads.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from funcgrad.compile import machine, pool
from funcgrad.compile.gate import numpys_api, words_of
from funcgrad.compile.segments import Segment, split
from funcgrad.compile.simplify import simplify
from funcgrad.core.graph import Graph
from funcgrad.ops.large import LENGTH, NOT_FINITE

CHUNK = LENGTH
PART = 64 * CHUNK
ALONE = 4 * PART
"""Elements up to which one thread does it all: 60 us of an exp, where waking another takes 10 to 30."""
_kept: list[Any] = []
"""What a universal function points to. It is there to the end of the process, as its users keep it."""


@cache
def _make() -> Callable[..., Any] | None:
    """NumPy's PyUFunc_FromFuncAndDataAndSignature, where it is found, and the function that loops call as well."""
    try:
        place = numpys_api("_UFUNC_API")[31]
        clear = ctypes.CDLL(None).feclearexcept
    except (ImportError, AttributeError, ValueError, OSError, TypeError):  # another NumPy, or no POSIX
        return None
    counter = ctypes.addressof(NOT_FINITE)
    machine.define({"feclearexcept": ctypes.cast(clear, ctypes.c_void_p).value or 0, "fg_not_finite": counter})
    text, integer = ctypes.c_void_p, ctypes.c_int
    parameters = [ctypes.c_void_p] * 3 + [integer] * 4 + [text, text, integer, text]
    return ctypes.PYFUNCTYPE(ctypes.py_object, *parameters)(place)


def operand(k: int, core: int | None = None) -> str:
    """Where a loop's operand is, %array, and how far the next, %outer; along its own axis, the step `core`, %inner."""
    return _OPERAND.format(k=k) + ("" if core is None else _INNER.format(k=k, core=core))


def is_available() -> bool:
    """Whether universal functions can be made."""
    return _make() is not None


def made(
    module: machine.Module, dtypes: Sequence[np.dtype], inputs: int, name: str, signature: str | None = None
) -> np.ufunc:
    """The universal function with the loop that a module has as `loop`; `signature` is that of a generalised one."""
    make = _make()
    assert make is not None
    loops = (ctypes.c_void_p * 1)(module.address("loop"))
    data = (ctypes.c_void_p * 1)()
    texts = bytes([d.num for d in dtypes]), name.encode(), b"", (signature or "").encode()
    types, called, doc, core = map(ctypes.create_string_buffer, texts)
    _kept.append((module, loops, data, types, called, doc, core))
    at = ctypes.addressof
    counts = 1, inputs, len(dtypes) - inputs, -1
    found: np.ufunc = make(
        at(loops), at(data), at(types), *counts, at(called), at(doc), 0, None if signature is None else at(core)
    )
    return found


def ufunc(graph: Graph, name: str, watched: bool = False) -> np.ufunc | None:
    """The universal function of a program over arrays of CHUNK elements; None where no kernel does all of it.

    It takes arrays of the program's dtypes, also one of them as `out=`, and gives no floating-point warnings.
    `watched`: it counts results that are not finite, in `NOT_FINITE`.
    """
    steps = split(simplify(graph))
    if not is_available() or len(steps) != 1 or not isinstance(steps[0], Segment):
        return None
    segment = steps[0]
    if segment.inputs != graph.inputs or segment.outputs != graph.outputs or segment.work:
        return None
    pool.address()
    dtypes = [a.aval.dtype for a in (*graph.inputs, *graph.outputs)]
    module = machine.load("\n".join([_loop(segment, dtypes, len(graph.inputs), watched), segment.text]))
    return made(module, dtypes, len(graph.inputs), name)


_COPIES = """
; {chunk} elements side by side, one from every `step` bytes (0: one number for all); behind the last of `count` come
; copies of it, so that nothing is computed of numbers that nobody gave
define internal void @gather{size}(ptr %to, ptr %from, i64 %step, i64 %count) noinline {{
entry:
  %last = sub i64 %count, 1
  %still = icmp eq i64 %step, 0
  br i1 %still, label %one, label %turn
one:
  %number = load i{bits}, ptr %from
  %first = insertelement <8 x i{bits}> poison, i{bits} %number, i64 0
  %eight = shufflevector <8 x i{bits}> %first, <8 x i{bits}> poison, <8 x i32> zeroinitializer
  br label %fill
fill:
  %k.eight = phi i64 [ 0, %one ], [ %k.next, %fill ]
  %place = getelementptr i{bits}, ptr %to, i64 %k.eight
  store <8 x i{bits}> %eight, ptr %place, align {size}
  %k.next = add i64 %k.eight, 8
  %unfilled = icmp slt i64 %k.next, {chunk}
  br i1 %unfilled, label %fill, label %end
turn:
  %i = phi i64 [ 0, %entry ], [ %next, %turn ]
  %inside = icmp slt i64 %i, %count
  %k = select i1 %inside, i64 %i, i64 %last
  %offset = mul i64 %k, %step
  %source = getelementptr i8, ptr %from, i64 %offset
  %value = load i{bits}, ptr %source
  %target = getelementptr i{bits}, ptr %to, i64 %i
  store i{bits} %value, ptr %target
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, {chunk}
  br i1 %more, label %turn, label %end
end:
  ret void
}}
define internal void @scatter{size}(ptr %to, ptr %from, i64 %step, i64 %count) noinline {{
entry:
  %dense = icmp eq i64 %step, {size}
  br i1 %dense, label %all, label %each
all:
  %bytes = mul i64 %count, {size}
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 %bytes, i1 false)
  ret void
each:
  %any = icmp sgt i64 %count, 0
  br i1 %any, label %turn, label %end
turn:
  %i = phi i64 [ 0, %each ], [ %next, %turn ]
  %source = getelementptr i{bits}, ptr %from, i64 %i
  %value = load i{bits}, ptr %source
  %offset = mul i64 %i, %step
  %target = getelementptr i8, ptr %to, i64 %offset
  store i{bits} %value, ptr %target
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %count
  br i1 %more, label %turn, label %end
end:
  ret void
}}
"""
_WATCH = """
; count a chunk that has an infinity or NaN: to these it adds up to a number with a sign
define internal void @watch(ptr %from) alwaysinline {{
entry:
  br label %turn
turn:
  %i = phi i64 [ 0, %entry ], [ %next, %turn ]
  %found = phi <{lanes} x i{bits}> [ zeroinitializer, %entry ], [ %more, %turn ]
  %place = getelementptr i{bits}, ptr %from, i64 %i
  %value = load <{lanes} x i{bits}>, ptr %place, align {size}
  %unsigned = and <{lanes} x i{bits}> %value, splat (i{bits} {unsigned})
  %wrong = add <{lanes} x i{bits}> %unsigned, splat (i{bits} {beyond})
  %more = or <{lanes} x i{bits}> %found, %wrong
  %next = add i64 %i, {lanes}
  %again = icmp slt i64 %next, {chunk}
  br i1 %again, label %turn, label %end
end:
  %any = call i{bits} @llvm.vector.reduce.or.v{lanes}i{bits}(<{lanes} x i{bits}> %more)
  %none = icmp sge i{bits} %any, 0
  br i1 %none, label %done, label %count
count:
  %before = atomicrmw add ptr @fg_not_finite, i64 1 monotonic
  br label %done
done:
  ret void
}}
declare i{bits} @llvm.vector.reduce.or.v{lanes}i{bits}(<{lanes} x i{bits}>)
@fg_not_finite = external global i64
"""
IN_PARTS = """  br i1 %few, label %look, label %many
look:
  %k = phi i64 [ 0, %entry ], [ %k.next, %one ]
  %more = icmp slt i64 %k, %parts
  br i1 %more, label %one, label %done
one:
  call void @part(ptr %context, i64 %k)
  %k.next = add i64 %k, 1
  br label %look
many:
  call void @fg_parallel(ptr @part, ptr %context, i64 %parts)
  br label %done
"""
"""Part after part where there are few elements, else on the pool's threads."""
_OPERAND = """  %array{k}.at = getelementptr ptr, ptr %args, i64 {k}
  %array{k} = load ptr, ptr %array{k}.at
  %outer{k}.at = getelementptr i64, ptr %steps, i64 {k}
  %outer{k} = load i64, ptr %outer{k}.at"""
_INNER = """
  %inner{k}.at = getelementptr i64, ptr %steps, i64 {core}
  %inner{k} = load i64, ptr %inner{k}.at"""
_LOOP = """
@table = internal constant [{words} x i64] [{table}]
; context: the arrays' pointers, their steps, the length
define internal void @part(ptr %context, i64 %part) {{
entry:
{entry}
  %length.at = getelementptr i64, ptr %context, i64 {length}
  %length = load i64, ptr %length.at
  %low = mul i64 %part, {part}
  %end = add i64 %low, {part}
  %short = icmp slt i64 %length, %end
  %high = select i1 %short, i64 %length, i64 %end
  br label %look
look:
  %i = phi i64 [ %low, %entry ], [ %next, %written ]
  %left = sub i64 %high, %i
  %more = icmp sgt i64 %left, 0
  br i1 %more, label %chunk, label %done
chunk:
  %next = add i64 %i, {chunk}
  %full = icmp sge i64 %left, {chunk}
  %count = select i1 %full, i64 {chunk}, i64 %left
{body}
  br label %written
written:
  br label %look
done:
  ret void
}}
define void @loop(ptr %args, ptr %dimensions, ptr %steps, ptr %data) {{
entry:
  %context = alloca [{words_of_context} x i64]
  %length = load i64, ptr %dimensions
{context}
  %parts.less = add i64 %length, {part_less}
  %parts = sdiv i64 %parts.less, {part}
  %few = icmp sle i64 %length, {alone}
""" + IN_PARTS + """done:
  ; what vectors set of the floating-point flags says nothing of the numbers: NumPy would warn of it
  %status = call i32 @feclearexcept(i32 63)
  ret void
}}
"""


def _loop(segment: Segment, dtypes: Sequence[np.dtype], inputs: int, watched: bool) -> str:
    """`@loop`, which NumPy calls, and what it needs beside the kernel."""
    count = len(dtypes)
    entry, body, context = [], [], []
    for k, dtype in enumerate(dtypes):
        size = dtype.itemsize
        entry += [
            f"%buffer{k} = alloca [{CHUNK} x i{8 * size}], align 64",
            f"%array{k}.at = getelementptr ptr, ptr %context, i64 {k}",
            f"%array{k} = load ptr, ptr %array{k}.at",
            f"%step{k}.at = getelementptr i64, ptr %context, i64 {count + k}",
            f"%step{k} = load i64, ptr %step{k}.at",
        ]
        # over an input a result is written when its chunk is done: the kernel may read that again
        apart = range(inputs) if k >= inputs else ()
        entry.append(f"%dense{k}.0 = icmp eq i64 %step{k}, {size}")
        for n, i in enumerate(apart):
            entry += [f"%apart{k}.{i} = icmp ne ptr %array{k}, %array{i}",
                      f"%dense{k}.{n + 1} = and i1 %dense{k}.{n}, %apart{k}.{i}"]  # fmt: skip
        body += [
            f"%offset{k} = mul i64 %i, %step{k}",
            f"%start{k} = getelementptr i8, ptr %array{k}, i64 %offset{k}",
            f"%direct{k} = and i1 %full, %dense{k}.{len(apart)}",
            f"%place{k} = select i1 %direct{k}, ptr %start{k}, ptr %buffer{k}",
        ]
        context += [
            f"%given{k}.at = getelementptr ptr, ptr %args, i64 {k}",
            f"%given{k} = load ptr, ptr %given{k}.at",
            f"%array{k}.at = getelementptr i64, ptr %context, i64 {k}",
            f"store ptr %given{k}, ptr %array{k}.at",
            f"%step{k}.from = getelementptr i64, ptr %steps, i64 {k}",
            f"%step{k} = load i64, ptr %step{k}.from",
            f"%step{k}.at = getelementptr i64, ptr %context, i64 {count + k}",
            f"store i64 %step{k}, ptr %step{k}.at",
        ]
    context += [f"%length.at = getelementptr i64, ptr %context, i64 {2 * count}", "store i64 %length, ptr %length.at"]
    for k, dtype in enumerate(dtypes):
        arguments = f"ptr %buffer{k}, ptr %start{k}, i64 %step{k}, i64 %count"
        if k < inputs:
            body += _unless(f"%direct{k}", f"gather{k}", f"call void @gather{dtype.itemsize}({arguments})")
    places = ", ".join(f"ptr %place{k}" for k in range(count))
    body.append(f"%status = call i32 @kernel({places}, ptr @table, ptr null)")
    if watched:
        body.append(f"call void @watch(ptr %place{inputs})")
    for k, dtype in enumerate(dtypes[inputs:], inputs):
        arguments = f"ptr %start{k}, ptr %buffer{k}, i64 %step{k}, i64 %count"
        body += _unless(f"%direct{k}", f"scatter{k}", f"call void @scatter{dtype.itemsize}({arguments})")
    words = words_of(segment.table)
    loop = _LOOP.format(
        words=len(words), table=", ".join(f"i64 {w}" for w in words), part=PART, chunk=CHUNK, part_less=PART - 1,
        alone=ALONE, length=2 * count, words_of_context=2 * count + 1,
        entry=_indented(entry), body=_indented(body), context=_indented(context),
    )  # fmt: skip
    sizes = sorted({dtype.itemsize for dtype in dtypes})
    declared = ["declare i32 @feclearexcept(i32)"]
    if "@llvm.memcpy.p0.p0.i64(" not in segment.text:
        declared.append("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
    if "@fg_parallel(" not in segment.text:
        declared.append("declare void @fg_parallel(ptr, ptr, i64)")
    texts = [_COPIES.format(size=size, bits=8 * size, chunk=CHUNK) for size in sizes]
    if watched:
        bits = 8 * dtypes[inputs].itemsize
        infinity = int(np.array(np.inf, dtypes[inputs]).view(f"i{bits // 8}"))
        watch = _WATCH.format(
            bits=bits, size=bits // 8, chunk=CHUNK, lanes=1024 // bits,
            unsigned=2 ** (bits - 1) - 1, beyond=2 ** (bits - 1) - infinity,
        )
        texts.append(watch)
    return "\n".join([*declared, *texts, loop])


def _unless(test: str, name: str, instruction: str) -> list[str]:
    return [f"br i1 {test}, label %{name}.not, label %{name}.do", f"{name}.do:", instruction,
            f"br label %{name}.not", f"{name}.not:"]  # fmt: skip


def _indented(lines: Sequence[str]) -> str:
    return "\n".join(line if line.endswith(":") else f"  {line}" for line in lines)
