"""Large arrays of eager code: kernels of machine code in place of NumPy's functions, where they are faster.

A function of elements is traced over arrays of a fixed length, and the compiler makes a universal function of its
program, which takes arrays of any shape: a tenth of the time of NumPy's sine, and one pass over memory for a derivative
of several operations. Which of them runs depends on the operation, the dtypes and the sizes alone, so the same call
gives the same bits in every process. With `config.jit` off it is always NumPy's.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import copysign, inf
from typing import Any

import numpy as np
from numpy import ndarray

from funcgrad.config import config
from funcgrad.core.avals import Aval
from funcgrad.core.graph import Graph, Var
from funcgrad.core.staging import trace_graph

LEAST = 1000
"""Elements from which on kernels run (`bench/large.py`): fewer are not worth what the first one costs,
LLVM's import and the compile, some 0.1 s."""
LEAST_STEPS = 4000
"""The same for what goes one step after another: calls of generalised functions take 8 us."""
FLOATS = frozenset("fd")
LARGEST = {char: float(np.finfo(char).max) for char in FLOATS}
SLOW = frozenset((
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh",
    "sqrt", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "cbrt", "erf", "erfc", "logistic", "softplus",
    "arctan2", "hypot", "{0} ** {1}", "logaddexp", "lgamma",
))  # fmt: skip
"""Functions of many operations, by the names in a primitive's `lower`: kernels are faster than NumPy and SciPy.

Where NumPy has Intel's functions for AVX-512, they take 0.9 of the time for pow and 0.7 to 0.95 for pow, log10 and sinh
of float32, on one thread; without AVX-512, NumPy's take 4 to 20 times as long (`bench/kernels.py`).
"""
NUMBERS = frozenset(k / 2 for k in range(-8, 9))
"""Python's numbers that may be part of a kernel, as exponents mostly are: others would make ever more kernels."""
LENGTH = 256
"""Of the arrays that a function is traced over."""
LANES = 8
"""Of the rows that a function along rows is traced over (`rows.py`)."""
NOT_FINITE = ctypes.c_int64()
"""Counts the chunks in which kernels that are watched found an infinity or NaN, in any thread."""
_makers: dict[str, Callable[..., np.ufunc | None]] = {}


def compile_with(makers: Mapping[str, Callable[..., np.ufunc | None]]) -> None:
    """Let the compiler make universal functions: `ufunc` of each of its files for that, by name."""
    _makers.update(makers)


def compiled(name: str, *args: Any) -> np.ufunc | None:
    """The universal function that a file of the compiler's makes, None where it cannot; the first keeps memory."""
    make = _makers.get(name)
    if make is None:
        return None
    keep_memory()
    return make(*args)


class Kernels:
    """A function of elements as universal functions, each made when its dtypes first come.

    `least` is how many operations are worth a kernel: one that is not is NumPy's universal function, if it is one.
    `watched`: `NOT_FINITE` rises where a result is not finite.
    `of_arrays` are those of arrays alone by their dtypes' characters in a row, for whoever finds 0.5 us too long.
    """

    __slots__ = ("_found", "_fun", "_least", "_name", "_watched", "of_arrays")

    def __init__(self, fun: Callable[..., Any], name: str, least: int = 1, watched: bool = False) -> None:
        self._fun = fun
        self._name = name
        self._least = least
        self._watched = watched
        self._found: dict[tuple[Any, ...], tuple[np.ufunc, Sequence[int]] | None] = {}
        self.of_arrays: dict[str, np.ufunc] = {}

    def __call__(self, xs: Sequence[Any], out: ndarray | None = None) -> Any:
        """The result for arrays of floats or truth values, numbers and None; None where there is no kernel.

        `out` is an array for the result, which may be one of the operands.
        """
        if not config._jit:
            return None
        key = tuple([x.dtype.char if type(x) is ndarray else x if x is None else _number(x) for x in xs])
        if NUMBER in key and self._least == 1:
            xs, key = _with_arrays(xs, key)
        try:
            found = self._found[key]
        except KeyError:
            found = self._found[key] = self._find(key)
            if found is not None and set(key) <= FLOATS and list(found[1]) == list(range(len(key))):
                self.of_arrays["".join(map(str, key))] = found[0]
        if found is None:
            return None
        kernel, read = found
        return kernel(*[xs[i] for i in read]) if out is None else kernel(*[xs[i] for i in read], out)

    def _find(self, key: tuple[Any, ...]) -> tuple[np.ufunc, Sequence[int]] | None:
        chars = {kind for kind in key if type(kind) is str and kind is not NUMBER}
        floats = FLOATS & chars
        if len(floats) != 1 or not chars <= {*floats, "?"}:
            return None
        (own,) = floats
        places = [i for i, kind in enumerate(key) if type(kind) is str]

        def whole(*arrays: Any) -> tuple[Any]:
            xs = list(key)
            for i, x in zip(places, arrays):
                xs[i] = x
            return (self._fun(*xs),)

        try:
            graph = trace_graph(whole, [_aval(key[i]) for i in places])
        except Exception:
            if NUMBER in key:  # for whose value or type a rule may ask: running it says what is wrong, if anything is
                return None
            raise
        (out,) = graph.outputs
        if out.aval != _aval(own):
            return None
        if len(graph.eqns) < self._least and not any(hasattr(e.prim.impl, "plain") for e in graph.eqns):
            return _only(graph, key, places)
        if NUMBER in key:
            return None
        used = {a for e in graph.eqns for a in e.inputs if isinstance(a, Var)}
        read = [k for k, v in enumerate(graph.inputs) if v in used]
        program = Graph(tuple([graph.inputs[k] for k in read]), graph.eqns, graph.outputs)
        kernel = compiled("ufuncs", program, self._name, self._watched)
        return None if kernel is None else (kernel, [places[k] for k in read])


NUMBER = "number"
"""A Python number that is part of no kernel, in the keys of `Kernels`."""


def _number(x: Any) -> Any:
    """A number of NUMBERS, NUMBER for others, or "!" for what kernels do not take."""
    if type(x) is not float and type(x) is not int:
        return "!"
    return x if x in NUMBERS and (x or copysign(1.0, x) > 0) else NUMBER  # -0.0 equals 0.0


def _with_arrays(xs: Sequence[Any], key: Sequence[Any]) -> tuple[Sequence[Any], tuple[Any, ...]]:
    """Arguments, and their key, with arrays in the place of numbers that are part of no kernel.

    A number that the dtype has not, or where there is none, is refused by its "!".
    """
    own = next((kind for kind in key if kind in FLOATS), None)
    fits = [k is NUMBER and own is not None and not LARGEST[own] < abs(x) < inf for x, k in zip(xs, key)]
    arrays = [np.array(x, own) if fit else x for x, fit in zip(xs, fits)]
    return arrays, tuple([own if fit else "!" if k is NUMBER else k for k, fit in zip(key, fits)])


def _aval(kind: str) -> Aval:
    return Aval((), np.dtype(np.float64), True) if kind is NUMBER else Aval((LENGTH,), np.dtype(kind))


def _only(graph: Graph, key: Sequence[Any], places: Sequence[int]) -> tuple[np.ufunc, Sequence[int]] | None:
    """NumPy's universal function, where a program calls it and nothing else, with the places of its operands."""
    eqn = graph.eqns[0] if len(graph.eqns) == 1 else None
    fun = None if eqn is None else numpys(eqn.prim)
    if eqn is None or not isinstance(fun, np.ufunc) or eqn.params:
        return None
    given: dict[Any, int] = dict(zip(graph.inputs, places))
    read = []
    for a in eqn.inputs:
        value = None if isinstance(a, Var) else a.value
        same = [i for i, x in enumerate(key) if type(x) is type(value) and x == value]
        place = given.get(a) if value is None else same[0] if same else None
        if place is None:
            return None
        read.append(place)
    return fun, read


KEPT, IN_HEAP = 256 * 2**20, 32 * 2**20
"""Bytes of freed memory that the C library keeps at the end of its heap, and from which on memory is not from there."""


@cache
def keep_memory() -> None:
    """Let the C library keep freed memory for the next array, where nobody has told it what to do with it.

    Else it gives the memory of large arrays back to the system and asks for it again: half of the time of a gradient of
    10^5 elements. It concerns the whole process, so it waits for the first kernel or large sum. Only glibc knows how.
    """
    asked = "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_"
    if any(name in os.environ for name in asked) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return
    if hasattr(os, "confstr") and "CS_GNU_LIBC_VERSION" in os.confstr_names:
        trim, from_system = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
        library = ctypes.CDLL(None)
        library.mallopt(from_system, IN_HEAP)
        library.mallopt(trim, KEPT)


def stepping(name: str, x: ndarray) -> np.ufunc | None:
    """The universal function of `compile/steps.py` that is faster than NumPy's for an array, where there is one."""
    return _stepping(name, x.dtype.char) if x.size >= LEAST_STEPS and config._jit else None


@cache
def _stepping(name: str, char: str) -> np.ufunc | None:
    return compiled("steps", name, char) if char in FLOATS else None


def quick(plain: Callable[..., Any], prim: Any, silent: bool = False) -> Callable[..., Any]:
    """NumPy's function of one to three arguments, with the primitive's kernels for large arrays.

    It warns of what NumPy's would: where something is not finite, that looks at the elements; not if it is `silent`.
    """
    kernels = Kernels(prim, prim.name, watched=not silent)

    def large(*xs: Any) -> Any:
        before = NOT_FINITE.value
        y = kernels(xs)
        if y is None:
            return plain(*xs)
        return y if NOT_FINITE.value == before else looked_at(y, *xs)

    def looked_at(y: Any, *xs: Any) -> Any:
        if warns():
            is_finite = np.isfinite(y)
            plain(*[np.broadcast_to(x, y.shape)[~is_finite] for x in xs])
        return y

    def of_one(x: Any) -> Any:
        if type(x) is not ndarray or x.size < LEAST:
            return plain(x)
        kernel = kernels.of_arrays.get(x.dtype.char)
        if kernel is None or not config._jit:
            return large(x)
        before = NOT_FINITE.value
        y = kernel(x)
        return y if NOT_FINITE.value == before else looked_at(y, x)

    def of_two(x: Any, y: Any) -> Any:
        if not ((type(x) is ndarray and x.size >= LEAST) or (type(y) is ndarray and y.size >= LEAST)):
            return plain(x, y)
        kernel = kernels.of_arrays.get(x.dtype.char + y.dtype.char) if type(x) is type(y) else None
        if kernel is None or not config._jit:
            return large(x, y)
        before = NOT_FINITE.value
        z = kernel(x, y)
        return z if NOT_FINITE.value == before else looked_at(z, x, y)

    def of_three(x: Any, y: Any, z: Any) -> Any:
        for v in (x, y, z):
            if type(v) is ndarray and v.size >= LEAST:
                return large(x, y, z)
        return plain(x, y, z)

    count = plain.nin if isinstance(plain, np.ufunc) else len(prim.partials)
    apply: Any = (of_one, of_two, of_three)[count - 1]
    apply.plain, apply.like, apply.nin = plain, getattr(plain, "like", plain), count
    return apply


def numpys(prim: Any) -> Callable[..., Any]:
    """NumPy's function of a primitive, for arrays of any size."""
    found: Callable[..., Any] = getattr(prim.impl, "plain", prim.impl)
    return found


def warns() -> bool:
    """Whether NumPy's warnings are on; in derivatives they are not."""
    return any(how != "ignore" for how in np.geterr().values())
