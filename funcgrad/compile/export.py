"""A compiled program as an object file and a C header, for programs that know nothing of Python.

The text is the kernel's, with a function in front that has C's calling convention: pointers only, so that it is the
same on all platforms. Whatever a kernel finds in a process otherwise is put into the file: captured arrays, and the
loop that runs the parts of large nests, one after the other here.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from funcgrad.compile import machine, pool
from funcgrad.compile.alone import alone
from funcgrad.compile.segments import Segment
from funcgrad.core.avals import Aval
from funcgrad.core.graph import Atom, Graph, Literal

_KEYWORDS = frozenset((
    "alignas", "alignof", "and", "asm", "auto", "bool", "break", "case", "catch", "char", "class", "const", "constexpr",
    "continue", "default", "delete", "do", "double", "else", "enum", "explicit", "export", "extern", "false", "float",
    "for", "friend", "goto", "if", "inline", "int", "long", "main", "mutable", "namespace", "new", "not", "nullptr",
    "operator", "or", "private", "protected", "public", "register", "restrict", "return", "short", "signed", "sizeof",
    "static", "static_assert", "struct", "switch", "template", "this", "thread_local", "throw", "true", "try",
    "typedef", "typeid", "typename", "typeof", "union", "unsigned", "using", "virtual", "void", "volatile", "while",
    "xor",
))  # fmt: skip
"""C's and C++'s, as a header serves both."""
_HEADERS = re.compile(r"u?int\w*_t|U?INT\w*_(MAX|MIN|C|WIDTH)|(PTRDIFF|SIZE|WCHAR|WINT|SIG_ATOMIC)_\w+|NULL|linux|unix")
"""What <stdint.h> and compilers define."""


def export(
    graph: Graph, paths: tuple[Sequence[str], Sequence[str]], python_name: str, folder: Path, name: str | None
) -> Path:
    """Write `name.o` and `name.h`; see `Lowered.export`. `paths`: the leaves of arguments and result, in words."""
    symbol = _symbol(python_name, name)
    segment = alone(graph, python_name, "C")
    code = machine.object_code(_text(graph, segment, symbol))
    header = _header(graph, paths, symbol, python_name, 0 if segment is None else segment.work)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / f"{symbol}.o", code)
    _write(folder / f"{symbol}.h", header.encode())
    return folder / f"{symbol}.h"


def _symbol(python_name: str, name: str | None) -> str:
    if name is None:
        return python_name if _is_symbol(python_name) else "program"
    if not isinstance(name, str) or not _is_symbol(name):
        raise ValueError(
            f"export: {name!r} is no name for a function of C: take one of letters, digits and _ that starts with a "
            "letter, and is no word of C's or C++'s and no name of the C library's"
        )
    return name


def _is_symbol(name: str) -> bool:
    """Whether C may have a function of this name beside the C library's, which it would replace in all of a program."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,99}", name) or name in _KEYWORDS or _HEADERS.fullmatch(name):
        return False
    return not hasattr(ctypes.CDLL(None if os.name == "posix" else "ucrtbase"), name)


def _write(path: Path, content: bytes) -> None:
    """Write a file aside and put it in its place: whoever reads it finds all of it."""
    aside = path.with_name(f"{path.name}.{os.urandom(8).hex()}.part")
    try:
        # one call of C's: between Python's `open` and its `with` an interrupt would lose the open file
        np.frombuffer(content, np.uint8).tofile(aside)
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


# ---- the function ----

_COPY = """
define internal void @copy(ptr noalias %to, ptr noalias %from, i64 %bytes) {
entry:
  %any = icmp sgt i64 %bytes, 0
  br i1 %any, label %turn, label %end
turn:
  %i = phi i64 [ 0, %entry ], [ %next, %turn ]
  %source = getelementptr i8, ptr %from, i64 %i
  %byte = load i8, ptr %source
  %target = getelementptr i8, ptr %to, i64 %i
  store i8 %byte, ptr %target
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %bytes
  br i1 %more, label %turn, label %end
end:
  ret void
}
"""
_PARALLEL = "declare void @fg_parallel(ptr, ptr, i64)"


def _text(graph: Graph, segment: Segment | None, symbol: str) -> str:
    """The module: what the graph's kernel computes, and copies of what it does not."""
    data = _Data()
    places: dict[Atom, str] = {v: f"%x{i}" for i, v in enumerate(graph.inputs)}
    parameters = [(f"%x{i}", v.aval) for i, v in enumerate(graph.inputs)]
    parameters += [(f"%y{k}", a.aval) for k, a in enumerate(graph.outputs)]
    body = _refuse_misaligned(parameters)
    computed = [] if segment is None else segment.outputs
    for v in computed:
        places[v] = f"%y{graph.outputs.index(v)}"
    if segment is not None:
        data.table(segment.table)
        given = [places[a] for a in (*segment.inputs, *segment.outputs)]
        body += ["%end = getelementptr i8, ptr %work, i64 63", "%bits = ptrtoint ptr %end to i64",
                 "%whole = and i64 %bits, -64", "%space = inttoptr i64 %whole to ptr"]  # fmt: skip
        passed = ", ".join(f"ptr {p}" for p in [*given, "@table", "%space"])
        body.append(f"%status = call i32 @kernel({passed})")
    for k, atom in enumerate(graph.outputs):
        if places.get(atom) != f"%y{k}":
            aval = atom.aval
            source = data.array(np.array(atom.value, aval.dtype)) if isinstance(atom, Literal) else places[atom]
            body.append(f"call void @copy(ptr %y{k}, ptr {source}, i64 {aval.size * aval.dtype.itemsize})")
    body.append(f"ret i32 {'0' if segment is None else '%status'}")
    inner = "\n".join([_kernel(segment), *data.lines, _COPY])
    given = [f"ptr noalias {'readonly ' * p.startswith('%x')}{p}" for p, _ in parameters]
    head = f"define i32 @{symbol}({', '.join([*given, 'ptr noalias %work'])}) nounwind {{"
    lines = "\n".join(body)
    if re.search(rf"@{symbol}(?![\w.])", inner):  # one of our own names
        inner, lines = (re.sub(rf"@{symbol}(?![\w.])", f"@{symbol}.inner", text) for text in (inner, lines))
    return "\n".join([inner, head, lines, "}"])


def _refuse_misaligned(parameters: Sequence[tuple[str, Aval]]) -> list[str]:
    """The begin of the function, which returns 1 where a pointer is not aligned as its type has to be."""
    lines, odd = ["entry:"], "0"
    for n, (pointer, aval) in enumerate(parameters):
        if aval.dtype.itemsize > 1:
            lines += [f"%place{n} = ptrtoint ptr {pointer} to i64", f"%low{n} = and i64 %place{n}, "
                      f"{aval.dtype.itemsize - 1}", f"%odd{n} = or i64 {odd}, %low{n}"]  # fmt: skip
            odd = f"%odd{n}"
    return [*lines, f"%fits = icmp eq i64 {odd}, 0", "br i1 %fits, label %aligned, label %misaligned",
            "misaligned:", "ret i32 1", "aligned:"]  # fmt: skip


def _kernel(segment: Segment | None) -> str:
    if segment is None:
        return ""
    serial = Template(pool._SERIAL).substitute(linkage="internal", name="fg_parallel")
    return segment.text.replace(_PARALLEL, serial)


class _Data:
    """Constants of the module."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def array(self, array: np.ndarray) -> str:
        """The name of an array's bytes."""
        name = f"@data{len(self.lines)}"
        content = array.tobytes()
        text = re.sub("(..)", r"\\\1", content.hex())
        self.lines.append(f'{name} = internal constant [{len(content)} x i8] c"{text}", align 64')
        return name

    def table(self, captured: Sequence[Any]) -> None:
        """`@table`: what the kernel has captured, as words."""
        words = []
        for x in captured:
            if isinstance(x, np.ndarray):
                words.append(f"i64 ptrtoint (ptr {self.array(x)} to i64)")
            else:
                bits = np.array(x, np.float64).view(np.int64) if isinstance(x, float) else x
                words.append(f"i64 {int(bits)}")
        self.lines.append(f"@table = internal constant [{len(words)} x i64] [{', '.join(words)}], align 64")


# ---- the header ----

_HEADER = Template("""\
/* $python_name, compiled by funcgrad $version for $triple and CPUs like $cpu.

   $symbol returns 0. It returns 1, and the results have no meaning, where an index is out of bounds, an integer has
   passed 64 bits, or a pointer is not aligned as its type has to be.

   Arrays are C-contiguous. Results and work must not overlap each other or an argument. The work is memory of any
   alignment and content that no other call uses meanwhile; with memory of their own threads may call at the same time.
   Link with the mathematical library (-lm). */
#ifndef FUNCGRAD_$guard
#define FUNCGRAD_$guard

#include <stdbool.h>
#include <stdint.h>

#define ${symbol}_WORK $work /* bytes */

#ifdef __cplusplus
extern "C" {
#endif

int $symbol(
$parameters
    void *work);

#ifdef __cplusplus
}
#endif

#endif
""")


def _header(graph: Graph, paths: tuple[Sequence[str], Sequence[str]], symbol: str, python_name: str, work: int) -> str:
    triple, cpu = machine.target()
    lines = [
        f"    const {_type(v.aval)} *x{i}, /* {_described(path, v.aval)} */"
        for i, (v, path) in enumerate(zip(graph.inputs, paths[0]))
    ]
    lines += [
        f"    {_type(a.aval)} *y{k}, /* {_described(path, a.aval)} */"
        for k, (a, path) in enumerate(zip(graph.outputs, paths[1]))
    ]
    version = sys.modules["funcgrad"].__version__
    return _HEADER.substitute(
        python_name=python_name, version=version, triple=triple, cpu=cpu, symbol=symbol,
        guard=symbol, work=work + 63 if work else 0, parameters="\n".join(lines),
    )  # fmt: skip


def _type(aval: Aval) -> str:
    """C's type of an element."""
    if aval.dtype.kind == "f":
        return "double" if aval.dtype.itemsize == 8 else "float"
    return "bool" if aval.dtype.kind == "b" else f"{aval.dtype.name}_t"


def _described(what: str, aval: Aval) -> str:
    lengths = "".join(f"[{n}]" for n in aval.shape)
    return f"{what.replace('*/', '* /')}: {lengths or 'one number'}"
