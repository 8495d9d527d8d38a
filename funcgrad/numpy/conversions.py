"""What a traced value answers when asked for a number or an array, or to be changed in place."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

import numpy as np

from funcgrad.core import arrays, provenance, remedies
from funcgrad.core.avals import refusal
from funcgrad.core.buffers import Buffer
from funcgrad.core.foreign import scipys
from funcgrad.core.frames import hidden
from funcgrad.core.reading import around_place, named, stores
from funcgrad.core.staging import concretization_error
from funcgrad.core.trace import Tracer, conversion_error, escaped, known
from funcgrad.errors import (
    ConcretizationError,
    TracedArrayError,
    TracerBoolConversionError,
    TracerConversionError,
    TracerIntegerConversionError,
    UnknownArrayError,
)
from funcgrad.ops.operands import is_sparse
from funcgrad.ops.views import FIXED

CUT = "If the derivative is meant to end here, write fg.stop_gradient(x) first."
_STORES = frozenset(("STORE_SUBSCR", "STORE_SLICE"))
_METHODS = {"Add": "add({v})", "Sub": "add(-({v}))", "Mult": "multiply({v})", "Div": "multiply(1 / ({v}))"}


def truth(x: Tracer) -> bool:
    """`bool(x)`: the value decides, where there is one."""
    if x.has_value:
        return bool(x.value)  # type: ignore[attr-defined]
    if x._trace.choose is not None:
        return x._trace.choose(x)
    called = scipys()
    if called is not None:
        raise concretization_error(x, called.what, called.remedy, TracerBoolConversionError, called.loc)
    raise concretization_error(x, *remedies.for_truth(x), TracerBoolConversionError)


def refuse(
    x: Tracer,
    what: str,
    remedy: str,
    lost: type[TracerConversionError] = TracerConversionError,
    unknown: type[ConcretizationError] = ConcretizationError,
) -> NoReturn:
    """Raise for a conversion that would need the value, or lose the derivative."""
    loc = provenance.here()
    if not x._trace.alive:
        raise escaped((x,))
    called = scipys()
    if called is not None and x.has_value:
        raise conversion_error(x, called.what, called.remedy, lost, called.loc, CUT)
    if called is not None:
        raise concretization_error(x, called.what, called.remedy, unknown, called.loc)
    if loc is not None and _stores(loc):
        raise _storing(x, loc)
    if x.has_value:
        raise conversion_error(x, what, remedy, lost, otherwise=CUT)
    raise concretization_error(x, *(remedies.for_size() or (what, remedies.for_number(remedy))), unknown)


def _stores(loc: provenance.Loc) -> bool:
    """Whether the instruction is `b[i] = ...`. Disassembly happens only for an error."""
    from opcode import opname

    code, last = loc
    return opname[code.co_code[last]] in _STORES


def _storing(x: Tracer, loc: provenance.Loc) -> TracerConversionError:
    array, at_set = _updated(loc, "fnp.at({})")
    remedy = f"{arrays.for_store(array)} Or write `{at_set}`, or build a list and np.stack it."
    return conversion_error(x, "storing a traced value into a plain array", remedy, otherwise=CUT)


def _updated(loc: provenance.Loc | None, at: str) -> tuple[str, str]:
    """The array that the line `b[i] = v` (or `+=`) writes, and the line in functional form.

    `at` is how the array is written before `[i]`.
    """
    import ast

    line: Any = next((found.test for found in ([] if loc is None else around_place(loc, stores))), None)
    try:
        target: Any = line.targets[0] if isinstance(line, ast.Assign) else line.target
        array, value = ast.unparse(target.value), ast.unparse(line.value)
        index = ast.unparse(target)[len(array) + 1 : -1]
        operation = "Set" if isinstance(line, ast.Assign) else type(line.op).__name__
        method = {"Set": "set({v})", **_METHODS}[operation].format(v=value)
    except (AttributeError, ValueError, KeyError):
        array, index, method = "b", "i", "set(v)"
    return array, f"{array} = {at.format(array)}[{index}].{method}"


def to_array(x: Tracer, dtype: Any = None, copy: Any = None) -> np.ndarray:
    """`np.asarray(x)`, `b[:] = x` and whatever else asks for an array."""
    plain = x._as_plain()
    if plain is not None and x._trace.alive:
        return np.array(plain, dtype, copy=copy)
    if _in_sparse_product():
        return _as_object(x)
    owner, loc = _foreign_operand()
    if owner is not None and not (is_sparse(owner) and not hasattr(owner, "dtype")):  # which is being made of it
        raise TypeError(refusal(f"an operand{provenance.at(loc)}", owner))
    remedy = arrays.for_index(x.dtype == bool) or arrays.for_conversion() or (
        "NumPy's functions take the value as it is: use it in place of the array; np.stack makes an array of "
        "several, and fnp.array of nested lists."
    )
    refuse(x, "making a plain array of a traced value", remedy, TracedArrayError, UnknownArrayError)


def buffer_array(x: Buffer, dtype: Any = None, copy: Any = None) -> np.ndarray:
    """`np.asarray(b)` of an array that can be written: what it holds, which is not to be written past it."""
    value = x.value if isinstance(x.value, Tracer) else x._as_plain()
    if isinstance(value, Tracer) and _in_sparse_product():
        return _as_object(x)
    return np.array(value, dtype, copy=copy)


def _in_sparse_product() -> bool:
    """Whether a sparse matrix of SciPy's asks for the array, for a product that it leaves to us where it gets none."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and provenance.is_internal(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None or frame.f_code.co_name != "_matmul_dispatch":
        return False
    caller = frame.f_back  # after `A * x` of an old sparse matrix Python would ask for `x * A`
    return is_sparse(frame.f_locals.get("self")) and caller is not None and caller.f_code.co_name != "__mul__"


def _as_object(x: Tracer) -> np.ndarray:
    """The value as what is no array to SciPy: Python then asks the value itself for the product."""
    array = np.empty((), object)
    array[()] = x
    return array


def _foreign_operand() -> tuple[Any, provenance.Loc | None]:
    """The masked array, table or sparse matrix whose own operator asks for an array, and the line that called it."""
    found: Any = None
    loc = None
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and (found is None or frame.f_locals.get("self") is found):
        owner = frame.f_locals.get("self")
        if owner is not None and not isinstance(owner, Tracer) and hasattr(type(owner), "__array_priority__"):
            found = owner
            loc = None if frame.f_back is None else (frame.f_back.f_code, frame.f_back.f_lasti)
        frame = frame.f_back
    return found, loc


def _number(what: str, remedy: str | Callable[[Tracer], str], convert_known: Any) -> Any:
    def convert(x: Tracer, *args: Any, **options: Any) -> Any:
        plain = x._as_plain()
        if plain is not None and x._trace.alive:
            return convert_known(plain, *args, **options)
        return refuse(x, f"`{what}` of a traced value", remedy if isinstance(remedy, str) else remedy(x))

    return convert


def _for_float(x: Tracer) -> str:
    general = "Use NumPy's functions in place of Python's (np.sin in place of math.sin), and the value as it is."
    return arrays.for_float(x.shape, general)


to_float = _number("float(x)", _for_float, float)
to_complex = _number("complex(x)", _for_float, complex)
to_int = _number("int(x)", "Use np.floor, np.rint or x.astype(int).", int)
to_trunc = _number("math.trunc(x)", "Use np.trunc(x).", math.trunc)
_INTEGER = "Python needs an integer here, of which nothing depends smoothly: int(fg.stop_gradient(x))."


def to_index(x: Tracer) -> int:
    """`operator.index(x)`, and `range(x)`, `a[:x]`, `np.zeros(x)` and whatever else needs an integer of Python's."""
    plain = x._as_plain()
    if plain is not None and x._trace.alive:
        return operator.index(plain)
    if x._trace.count is not None and x.dtype.kind in "iu":
        return x._trace.count(x)
    error: Exception
    if x.has_value or not x._trace.alive:
        try:
            refuse(x, "`operator.index(x)` of a traced value", _INTEGER)
        except TypeError as refused:
            error = refused
    else:
        error = concretization_error(x, *remedies.for_index(x), TracerIntegerConversionError)
    hidden.error = type(error), str(error)
    raise error


item = _number("x.item()", _for_float, np.ndarray.item)
tolist = _number("x.tolist()", "Iterate over the value, or keep the array.", np.ndarray.tolist)
_round_to_int = _number(
    "round(x)", "Python's round makes an int: np.rint(x) and round(x, 0) keep a traced value.", round
)
_BYTES = "The bytes of a value have no derivative."
_PARTS = "x.astype(dtype) converts the values; x.real and x.imag are the parts of complex numbers."
AS_BYTES = {
    "byteswap": _number("x.byteswap()", _BYTES, np.ndarray.byteswap),
    "dump": _number("x.dump(file)", _BYTES, np.ndarray.dump),
    "dumps": _number("x.dumps()", _BYTES, np.ndarray.dumps),
    "getfield": _number("x.getfield(dtype)", _PARTS, np.ndarray.getfield),
    "tobytes": _number("x.tobytes()", _BYTES, np.ndarray.tobytes),
    "tofile": _number("x.tofile(file)", _BYTES, np.ndarray.tofile),
}
"""Methods of arrays that read memory."""


def view(x: Tracer, dtype: Any = None, type: Any = None) -> Tracer:
    """`x.view()`; another dtype or type is refused."""
    if type is None and (dtype is None or dtype == x.dtype):
        return x
    return refuse(x, "`x.view(dtype)` of a traced value", _PARTS)


def set_flags(x: Tracer, *, write: Any = None, align: Any = None, uic: Any = None) -> None:
    """`x.setflags(write=False)` makes an array read-only; nothing else can be set."""
    if write or align or uic:
        raise TypeError(
            named("Write x = fnp.copy(x), which can be written.")
            + f" `x.setflags` cannot make a traced value writable{provenance.at(provenance.here())}."
        )
    if write is not None:
        x._place = FIXED


def to_device(x: Tracer, device: str, /, *, stream: Any = None) -> Tracer:
    """`x.to_device("cpu")`; there is no other device."""
    if device != "cpu" or stream is not None:
        raise ValueError(f'arrays are on the CPU: device must be "cpu" and stream None, not {device!r} and {stream!r}')
    return x


def to_dlpack(x: Tracer, **options: Any) -> Any:
    """`x.__dlpack__()`, which hands an array's memory to another package."""
    known = x._as_plain()
    if known is not None and x._trace.alive:
        return np.array(known).__dlpack__(**options)
    return refuse(x, "handing a traced value to another package", "Within this one use it as it is.")


def rounded(x: Tracer, ndigits: int | None = None) -> Any:
    """`round(x, n)` is `np.round(x, n)`; `round(x)` would be Python's int."""
    return _round_to_int(x) if ndigits is None else np.round(x, ndigits)  # type: ignore[call-overload]


def formatted(x: Tracer, spec: str) -> str:
    """`f"{x:.3f}"`: text, which carries no derivative anyway, of a value that is known."""
    if not spec:
        return repr(x)
    value = known(x) if x._trace.alive else None
    if value is not None:
        return format(np.asarray(value)[()], spec)
    return refuse(
        x,
        f"formatting a traced value as {spec!r}",
        "Write fg.debug.print('{}', x), which prints when the program runs; f'{x}' shows shape and dtype.",
    )
