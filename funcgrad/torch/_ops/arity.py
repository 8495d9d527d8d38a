"""Rows of functions of elements, whose calls take a short way where nothing is special.

Special are 0-d and integer operands, which are promoted; memory that NumPy sees; views that may be blocked (those made
under no_grad, which are cut off); other dtypes and shapes; and values of another tape than the base tape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy import ndarray

from funcgrad.torch._ops.table import into, named
from funcgrad.torch._record.calls import NUMBERS, Kind, call, need_tensor, wrap
from funcgrad.torch._record.modes import mode
from funcgrad.torch._record.operands import (
    as_floating,
    check_broadcast,
    check_divisor,
    is_operand,
    number,
    promote,
    refuse,
)
from funcgrad.torch._record.tape import BASE, joined
from funcgrad.torch._tensor.tensor import Tensor


def unary(
    name: str,
    fun: Callable[[Any], Any],
    saves: str = "",
    *aliases: str,
    backward: str = "",
    refuses: tuple[str, str] = ("", ""),
    tabled: bool = True,
    doc: str = "",
) -> Callable[..., Tensor]:
    """A function of one tensor; integers become the default dtype. See `binary` for the rest."""
    kind = Kind(backward or name.title(), saves)

    def apply(input: Any, *, out: Any = None) -> Any:
        if isinstance(input, Tensor) and out is None:
            storage = input._storage
            value = input._value
            if (
                input._seen == storage.stamp
                and value.shape != ()
                and value.dtype.kind == "f"
                and not storage.shared
                and (not input._cuts or input._view is None)
                and (mode.direct or (type(value) is ndarray and mode.tape is BASE))
            ):
                try:
                    t = wrap(mode.quiet(fun, value), kind, input)
                    if input._cuts:
                        t._cuts = input._cuts
                    return t
                except RuntimeError:  # begun inside another operation, or raised again below
                    pass
        if out is not None:
            return into(out, apply, (input,), {})
        need_tensor(input, name)
        if refuses[0]:
            refuse(input, *refuses)
        return call(kind, fun, as_floating(input))

    apply.__name__ = apply.__qualname__ = name
    return _entered(name, aliases, apply, doc or f"{name} of each element.") if tabled else apply


def _entered(name: str, aliases: tuple[str, ...], apply: Callable[..., Any], doc: str) -> Callable[..., Any]:
    """The function as a row of the table."""
    apply.__doc__ = doc
    return named(*aliases, in_place=True, out=True)(apply)


def binary(
    name: str,
    fun: Callable[[Any, Any], Any],
    saves: str = "",
    *aliases: str,
    backward: str = "",
    with_number: str | None = None,
    number_saves: str | None = None,
    floating: bool = False,
    divides: bool = False,
    refuses: tuple[str, str] = ("", ""),
    tabled: bool = True,
    doc: str = "",
) -> Callable[..., Tensor]:
    """A function of two tensors, or a tensor and a number (the name of its entry may differ then).

    Integers become the default dtype where it is `floating`, and must not be divided by zero where it `divides`.
    `refuses` has kinds of dtypes that PyTorch has no kernel for, and the kernel's name. The result's attribute
    `operator` leaves what is no operand to the other side. What is not `tabled` is a part of other rows.
    """
    backward = backward or name.title()
    kind = Kind(backward, saves)
    number_kind = Kind(with_number or backward, saves if number_saves is None else number_saves)
    any_dtype = not (floating or divides or refuses[0])

    def slowly(input: Any, other: Any) -> Tensor:
        x, y = number(input), number(other)
        for value, which, position in ((x, "input", 1), (y, "other", 2)):
            if not isinstance(value, (Tensor, *NUMBERS)):
                raise TypeError(
                    f"{name}(): argument '{which}' (position {position}) must be Tensor, not "
                    f"{type(value).__name__}"
                )
        both = isinstance(x, Tensor) and isinstance(y, Tensor)
        if both:
            check_broadcast(x.shape, y.shape)
        x, y = promote(x, y, floating=floating)
        refuse(x if isinstance(x, Tensor) else y, *refuses)
        if divides:
            check_divisor(x, y)
        return call(kind if both else number_kind, fun, x, y)

    def make(is_operator: bool) -> Callable[[Any, Any], Tensor]:
        def apply(input: Any, other: Any, *, out: Any = None) -> Any:
            if out is not None:
                return into(out, apply, (input, other), {})
            if isinstance(input, Tensor):
                a = input._value if input._seen == input._storage.stamp else input._read()
                if isinstance(other, Tensor):
                    b = other._value if other._seen == other._storage.stamp else other._read()
                    if (
                        a.dtype is b.dtype
                        and a.shape == b.shape != ()
                        and (mode.direct or (type(a) is type(b) is ndarray and mode.tape is BASE))
                        and not (input._storage.shared or other._storage.shared)
                        and not ((input._cuts or other._cuts) and (input._view or other._view))
                        and (a.dtype.kind == "f" or any_dtype)
                    ):
                        try:
                            t = wrap(mode.quiet(fun, a, b), kind, input, other)
                            if input._cuts or other._cuts:
                                t._cuts = joined(input._cuts, other._cuts)
                            return t
                        except RuntimeError:  # begun inside another operation, or raised again below
                            pass
                elif (
                    (type(other) is float or type(other) is int)
                    and a.dtype.kind == "f"
                    and a.shape != ()
                    and (mode.direct or (type(a) is ndarray and mode.tape is BASE))
                    and not input._storage.shared
                    and (not input._cuts or input._view is None)
                ):
                    try:
                        t = wrap(mode.quiet(fun, a, other), number_kind, input)
                        if input._cuts:
                            t._cuts = input._cuts
                        return t
                    except RuntimeError:
                        pass
            if is_operator and not is_operand(other):
                return NotImplemented
            return slowly(input, other)

        apply.__name__ = apply.__qualname__ = name
        return apply

    made = make(False)
    made.operator = make(True)  # type: ignore[attr-defined]
    return _entered(name, aliases, made, doc or f"{name} of elements.") if tabled else made
