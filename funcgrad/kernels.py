"""The mathematical functions of compiled programs, as functions that numba's `njit` code calls::

    from funcgrad import kernels

    @numba.njit
    def swish(x):
        return x * kernels.logistic(x)

They take numbers and arrays, with broadcasting, in `njit` code and outside. float32 gives float32, integers are
float64. They are the polynomials that compiled programs, and eager ones on large arrays, are made of, with the same
bits wherever they run, `fastmath` or not; docs/numba_calls.md has their errors. numba compiles them into the code that
calls them, so it may inline them, and keep that code on disk (`cache=True`).

Importing this imports numba.

Example:
    >>> from funcgrad import kernels
    >>> bool(kernels.exp(np.zeros(2))[0] == kernels.erfc(0.0) == 1.0)
    True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.compile import vectormath
from funcgrad.core.forks import unforked
from funcgrad.lax import erf as _erf
from funcgrad.lax import erfc as _erfc
from funcgrad.lax import logistic as _logistic
from funcgrad.nn import softplus as _softplus

with unforked:
    import numba
    from llvmlite import binding, ir
    from numba import types
    from numba.core import cgutils
    from numba.core.errors import NumbaTypeError
    from numba.extending import intrinsic, overload

__all__ = [
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cbrt", "cos", "cosh", "erf", "erfc",
    "exp", "exp2", "expm1", "hypot", "log", "log1p", "log2", "log10", "logistic", "power", "sin", "sinh", "softplus",
    "tan", "tanh",
]


def __dir__() -> list[str]:
    return __all__


def _text(name: str, bits: int) -> str:
    """LLVM text of `funcgrad.name.fbits`.

    `weak_odr`, since numba links the text first, and LLVM would drop what nobody refers to yet.
    """
    vectormath.prepare()
    dtype = np.dtype(f"f{bits // 8}")
    texts, declared = vectormath.definitions([(name, dtype, 1)], inline=True)
    kind = _LLVM[bits]
    parameters = ", ".join(f"{kind} %x{i}" for i in range(vectormath.NAMES[name]))
    function = (
        f"define weak_odr {kind} @{_symbol(name, bits)}({parameters}) alwaysinline nounwind {{\n"
        f"  %y = call {kind} @{vectormath.symbol(name, dtype, 1)}({parameters})\n  ret {kind} %y\n}}"
    )
    return "\n".join([*sorted(declared), *texts, function])


_LLVM = {64: "double", 32: "float"}


def _symbol(name: str, bits: int) -> str:
    return f"funcgrad.{name}.f{bits}"


_TEXTS: dict[tuple[str, int], str] = {}
"""Written with the function and not when numba compiles: that may wait for a fork, which waits for numba."""


def _emitted(name: str, context: Any, builder: Any, args: tuple[Any, ...], bits: int) -> Any:
    """A call, and the function in the library that numba is making."""
    module = binding.parse_assembly(_TEXTS[name, bits])
    module.verify()
    context.active_code_library.add_llvm_module(module)
    kind = args[0].type
    function = ir.FunctionType(kind, [kind] * len(args))
    return builder.call(cgutils.get_or_insert_function(builder.module, function, _symbol(name, bits)), args)


def _typed(name: str, args: tuple[Any, ...]) -> tuple[Any, Callable[..., Any]]:
    bits = _bits(args)
    kind = types.float32 if bits == 32 else types.float64

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _emitted(name, context, builder, values, bits)

    return kind(*[kind] * len(args)), emit


def _bits(args: tuple[Any, ...]) -> int:
    """Of the result for numbers or arrays. Raises numba's TypingError for anything else."""
    kinds = [x.dtype if isinstance(x, types.Array) else types.unliteral(x) for x in args]
    for kind in kinds:
        if not (isinstance(kind, (types.Integer, types.Boolean)) or kind in (types.float32, types.float64)):
            raise NumbaTypeError(f"kernels are of float64, float32 and integers, not of {kind}")
    return 32 if all(kind == types.float32 for kind in kinds) else 64


_OURS = {"erf": _erf, "erfc": _erfc, "logistic": _logistic, "softplus": _softplus}


def _made(name: str) -> Callable[..., Any]:
    """The function. It is written for each number of arguments, as numba reads it.

    Its source is a call of the function that has derivatives, for whoever traces it, and for numba where that compiles
    nothing.
    """
    _TEXTS.update({(name, bits): _text(name, bits) for bits in _LLVM})
    ours: Callable[..., Any] = _OURS.get(name) or getattr(fnp, name)
    of_numbers: Any
    stands: Callable[..., Any]
    whole: Any
    if vectormath.NAMES[name] == 1:
        of_numbers = intrinsic(lambda typing, x: _typed(name, (x,)))
        # numba gives float32 to a loop for float64 that is there, so each has its own
        loops = {bits: numba.vectorize(lambda x: of_numbers(x)) for bits in (64, 32)}
        stands = lambda x: ours(x)
        whole = lambda x: stands(x)

        def chosen(x):
            loop = loops[_bits((x,))]
            return (lambda x: loop(x)) if isinstance(x, types.Array) else (lambda x: of_numbers(x))

    else:
        of_numbers = intrinsic(lambda typing, x, y: _typed(name, (x, y)))
        loops = {bits: numba.vectorize(lambda x, y: of_numbers(x, y)) for bits in (64, 32)}
        stands = lambda x, y: ours(x, y)
        whole = lambda x, y: stands(x, y)

        def chosen(x, y):  # type: ignore[misc]
            loop = loops[_bits((x, y))]
            either = isinstance(x, types.Array) or isinstance(y, types.Array)
            return (lambda x, y: loop(x, y)) if either else (lambda x, y: of_numbers(x, y))

    overload(stands)(chosen)
    for function in (stands, whole):
        function.__name__ = function.__qualname__ = name
    whole.__doc__ = f"`{name}` of numbers and arrays, with the bits of compiled programs."
    found: Callable[..., Any] = numba.njit(whole)
    return found


arccos = _made("arccos")
arccosh = _made("arccosh")
arcsin = _made("arcsin")
arcsinh = _made("arcsinh")
arctan = _made("arctan")
arctan2 = _made("arctan2")
arctanh = _made("arctanh")
cbrt = _made("cbrt")
cos = _made("cos")
cosh = _made("cosh")
erf = _made("erf")
erfc = _made("erfc")
exp = _made("exp")
exp2 = _made("exp2")
expm1 = _made("expm1")
hypot = _made("hypot")
log = _made("log")
log10 = _made("log10")
log1p = _made("log1p")
log2 = _made("log2")
logistic = _made("logistic")
power = _made("power")
sin = _made("sin")
sinh = _made("sinh")
softplus = _made("softplus")
tan = _made("tan")
tanh = _made("tanh")
