"""The mathematical functions that kernels call, as LLVM text, for scalars and vectors of a fixed width.

Polynomials where `polynomials.py`, `circular.py` and `powers.py` have them: the same bits for any width, and at most
2.5 units in the last place from the exact value (4 for erfc; `tests/test_vectormath.py` has a table). In 4 lanes of
AVX2, an exp takes 0.9 ns, where libmvec's takes 1.4 and NumPy's 5.1; sin 1.0, 1.2 and 10; log 1.2, 1.6 and 4.5; tanh
1.4, 3.4 and 13. For erf and erfc libmvec needs half the time.

The rest are libmvec's vector functions where the machine has them, at most 4 units in the last place from the exact
value, or the C library's, lane by lane.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np

from funcgrad.compile.binding import llvm
from funcgrad.compile.circular import CIRCULAR
from funcgrad.compile.llvmtext import Body, FloatKind, Rare, Value, where
from funcgrad.compile.mathlib import SCALAR_FUNCTIONS, Intrinsic, Libm
from funcgrad.compile.polynomials import FUNCTIONS as EXPONENTIAL
from funcgrad.compile.powers import POWERS

LIBM = {name: f.symbol for name, f in SCALAR_FUNCTIONS.items() if isinstance(f, Libm)}
"""The C library's names."""
FUNCTIONS = EXPONENTIAL | CIRCULAR | POWERS
"""The functions that have polynomials."""
FUSED_ONLY = frozenset(("tan", "power", "erf", "erfc"))
"""What needs the exact error of a product."""
NAMES: dict[str, int] = {
    name: f.arity for name, f in SCALAR_FUNCTIONS.items() if not isinstance(f, Intrinsic) or f.symbol
} | {"sincos": 1}
"""The functions and how many arguments they have. All give one result but `sincos`: `{T, T}`, sine and cosine."""
_VECTORS = (("avx512f", "e", 64), ("avx2", "d", 32), ("sse2", "b", 16))
"""CPU feature, the letter that libmvec has for it, and the bytes of its registers."""
_PURE = "nounwind willreturn memory(none)"
Use = tuple[str, np.dtype, int]


@cache
def has_fma() -> bool:
    """Whether the machine multiplies and adds in one instruction; elsewhere `llvm.fma` is a call of 20 ns."""
    with llvm() as binding:
        triple, features = binding.get_process_triple(), binding.get_host_cpu_features()
    return bool(features.get("fma")) or triple.startswith(("aarch64", "arm64"))


def symbol(name: str, dtype: np.dtype, lanes: int) -> str:
    """The name of a function in LLVM text."""
    return f"fg_{name}_f{8 * np.dtype(dtype).itemsize}x{lanes}"


def definitions(uses: Iterable[Use], inline: bool, fused: bool | None = None) -> tuple[list[str], set[str]]:
    """The texts of functions and of those that they call, each once, and the declarations that they need.

    `fused` is whether to use fused multiply-adds; None is what the machine has.
    """
    fused = has_fma() if fused is None else fused
    texts: dict[str, str] = {}
    declared: set[str] = set()
    for name, dtype, lanes in uses:
        more, needed = _definition(name, FloatKind(8 * np.dtype(dtype).itemsize, lanes), inline, fused)
        texts |= more
        declared |= needed
    return list(texts.values()), declared


@cache
def _definition(name: str, kind: FloatKind, inline: bool, fused: bool) -> tuple[dict[str, str], set[str]]:
    """The texts of a function and of those that it calls, by their names, and the declarations: 1 ms."""
    body = Body(kind, fused)
    results = _function(name, fused)(*[body.argument(i) for i in range(NAMES[name])])
    result, returned = kind.type("f"), results.typed if isinstance(results, Value) else ""
    if isinstance(results, tuple):
        result = f"{{ {result}, {result} }}"
        returned = _pair(body, result, *results)
    own = symbol(name, np.dtype(f"f{kind.bits // 8}"), kind.lanes)
    parameters = ", ".join(f"{kind.type('f')} %x{i}" for i in range(NAMES[name]))
    how = "alwaysinline" if inline else "noinline"
    text = _text(result, own, parameters, how, [*body.lines, f"  ret {returned}"])
    return _rares(body) | {own: text}, body.declared


def _text(result: str, name: str, parameters: str, how: str, lines: list[str]) -> str:
    return "\n".join([f"define internal {result} @{name}({parameters}) {how} {_PURE} {{", "entry:", *lines, "}"])


def _pair(body: Body, kind: str, first: Value, second: Value) -> str:
    half = body.emit(f"insertvalue {kind} poison, {first.typed}, 0", "f")
    return f"{kind} {body.emit(f'insertvalue {kind} {half.text}, {second.typed}, 1', 'f').text}"


def _function(name: str, fused: bool) -> Callable[..., Value | tuple[Value, ...]]:
    if name in FUNCTIONS and (fused or name not in FUSED_ONLY):
        return FUNCTIONS[name]
    if name in ("maximum", "minimum"):
        return _maximum if name == "maximum" else _minimum
    known = SCALAR_FUNCTIONS.get(name)
    if isinstance(known, Intrinsic):
        return lambda *args: args[0].body.intrinsic(known.symbol, *args)
    return lambda *args: _library(LIBM[name], args)


def _maximum(x: Value, y: Value) -> Value:
    """NumPy's: the second of two that are equal. LLVM's own, which orders zeros, takes twice the instructions."""
    return where(x.is_nan(), x, where(x > y, x, y))


def _minimum(x: Value, y: Value) -> Value:
    return where(x.is_nan(), x, where(x < y, x, y))


# ------------------------------------------------------------------------------------------ libraries


def _library(name: str, args: tuple[Value, ...]) -> Value:
    """A call of libmvec's function, or of the C library's for each lane."""
    kind = args[0].body.kind
    found = [(lanes, f) for lanes, f in _variants(name, kind.bits, len(args)) if lanes <= kind.lanes]
    if kind.lanes == 1 or not found:
        return _each(name, args)
    lanes, function = found[0]
    return _in_pieces(function, lanes, args)


@cache
def _variants(name: str, bits: int, arity: int) -> list[tuple[int, str]]:
    """libmvec's functions for a function of the C library and their lanes, the widest first."""
    variants = []
    with llvm() as binding:
        for letter, size in prepare():
            lanes = 8 * size // bits
            function = f"_ZGV{letter}N{lanes}{'v' * arity}_{_scalar(name, bits)}"
            if binding.address_of_symbol(function) is not None:
                variants.append((lanes, function))
    return variants


def _scalar(name: str, bits: int) -> str:
    return name if bits == 64 else f"{name}f"


def _declare(body: Body, result: str, name: str, arity: int) -> None:
    body.declared.add(f"declare {result} @{name}({', '.join([result] * arity)})")


def _in_pieces(function: str, lanes: int, args: tuple[Value, ...]) -> Value:
    """A function of `lanes` lanes for arguments that have a multiple of them."""
    body, kind = args[0].body, args[0].body.kind
    piece = kind._replace(lanes=lanes).type("f")
    _declare(body, piece, function, len(args))
    parts = []
    for start in range(0, kind.lanes, lanes):
        pieces = [_shuffled(body, a.typed, a.typed, range(start, start + lanes)) for a in args]
        passed = ", ".join(f"{piece} {p}" for p in pieces)
        parts.append(f"{piece} {body.emit(f'call {piece} @{function}({passed})', 'f').text}")
    while len(parts) > 1:
        lanes *= 2
        wider = kind._replace(lanes=lanes).type("f")
        parts = [f"{wider} {_shuffled(body, a, b, range(lanes))}" for a, b in zip(parts[::2], parts[1::2])]
    return Value(body, parts[0].rpartition("> ")[2], "f")


def _shuffled(body: Body, first: str, second: str, lanes: Iterable[int]) -> str:
    chosen = ", ".join(f"i32 {lane}" for lane in lanes)
    count = chosen.count("i32")
    return body.emit(f"shufflevector {first}, {second}, <{count} x i32> <{chosen}>", "f").text


def _each(name: str, args: tuple[Value, ...]) -> Value:
    """A function of the C library for one lane after the other."""
    body, kind = args[0].body, args[0].body.kind
    one, scalar = kind._replace(lanes=1).type("f"), _scalar(name, kind.bits)
    _declare(body, one, scalar, len(args))
    if kind.lanes == 1:
        return body.emit(f"call {one} @{scalar}({', '.join(a.typed for a in args)})", "f")
    result = Value(body, "poison", "f")
    for lane in range(kind.lanes):
        passed = [f"{one} {body.emit(f'extractelement {a.typed}, i32 {lane}', 'f').text}" for a in args]
        called = body.emit(f"call {one} @{scalar}({', '.join(passed)})", "f")
        result = body.emit(f"insertelement {result.typed}, {one} {called.text}, i32 {lane}", "f")
    return result


def _rares(body: Body) -> dict[str, str]:
    """The texts of what `Body.patched` calls, and of what those call."""
    texts: dict[str, str] = {}
    for rare in body.rare.values():
        texts |= _rare(rare, body)
    return texts


def _rare(rare: Rare, caller: Body) -> dict[str, str]:
    kind = caller.kind
    own = kind.type("f")
    parameters = ", ".join([*(f"{own} %x{i}" for i in range(rare.arity)), f"{own} %y0", f"{kind.type('m')} %bad"])
    body = Body(kind, caller.fused)
    if rare.of is None and kind.lanes > 1:
        lines = _loop_over_lanes(rare, kind, body)
    else:
        args = tuple([body.argument(i) for i in range(rare.arity)])
        result = rare.of(*args) if rare.of else _each(rare.name, args)
        result = where(Value(body, "%bad", "m"), result, Value(body, "%y0", "f"))
        lines = [*body.lines, f"  ret {result.typed}"]
    texts = _rares(body)
    caller.declared |= body.declared
    return texts | {rare.symbol(kind): _text(own, rare.symbol(kind), parameters, "noinline cold", lines)}


def _loop_over_lanes(rare: Rare, kind: FloatKind, body: Body) -> list[str]:
    """The C library's function in the lanes of a mask."""
    scalar, element, own = _scalar(rare.name, kind.bits), kind._replace(lanes=1).type("f"), kind.type("f")
    _declare(body, element, scalar, rare.arity)
    passed = ", ".join(f"{element} %e{i}" for i in range(rare.arity))
    return [
        "  br label %lane",
        "lane:",
        "  %i = phi i32 [ 0, %entry ], [ %next, %after ]",
        f"  %y = phi {own} [ %y0, %entry ], [ %done, %after ]",
        f"  %b = extractelement {kind.type('m')} %bad, i32 %i",
        "  br i1 %b, label %call, label %after",
        "call:",
        *[f"  %e{i} = extractelement {own} %x{i}, i32 %i" for i in range(rare.arity)],
        f"  %r = call {element} @{scalar}({passed})",
        f"  %z = insertelement {own} %y, {element} %r, i32 %i",
        "  br label %after",
        "after:",
        f"  %done = phi {own} [ %y, %lane ], [ %z, %call ]",
        "  %next = add i32 %i, 1",
        f"  %more = icmp ult i32 %next, {kind.lanes}",
        "  br i1 %more, label %lane, label %end",
        "end:",
        f"  ret {own} %done",
    ]


@cache
def prepare() -> tuple[tuple[str, int], ...]:
    """Make the libraries' functions known to LLVM; libmvec's letters and register sizes that this machine has."""
    with llvm() as binding:
        for name in LIBM.values():
            for bits in (64, 32):
                _find_symbol(binding, _scalar(name, bits))
        return _vector_features(binding)


def _find_symbol(binding: Any, name: str) -> None:
    """Make a function of the C library known to LLVM where it is not."""
    if binding.address_of_symbol(name) is None:
        library = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
        # Windows has a few, such as hypotf, by another name
        found = getattr(library, name, None) or getattr(library, f"_{name}", None)
        if found is not None:
            binding.add_symbol(name, ctypes.cast(found, ctypes.c_void_p).value)


def _vector_features(binding: Any) -> tuple[tuple[str, int], ...]:
    if sys.platform != "linux" or not binding.get_process_triple().startswith("x86_64"):
        return ()
    try:
        binding.load_library_permanently("libmvec.so.1")
    except RuntimeError:
        return ()
    has = binding.get_host_cpu_features()
    return tuple([(letter, size) for feature, letter, size in _VECTORS if has.get(feature)])
