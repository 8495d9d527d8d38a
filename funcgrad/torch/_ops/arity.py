"""Rows of functions of elements, whose calls take a short way where nothing is special.

Special are 0-d and integer operands, which are promoted; memory that NumPy sees; views that may be blocked; other
dtypes and shapes; and values of another tape than the base tape.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature, signature
from typing import Any

from numpy import dtype, float16, ndarray

from funcgrad.core.frames import hide, hides
from funcgrad.torch._ops.precision import widened
from funcgrad.torch._ops.table import guarded, named, titled, with_out
from funcgrad.torch._record.calls import NUMBERS, Kind, call, need_tensor, wrap
from funcgrad.torch._record.modes import mode
from funcgrad.torch._record.operands import (
    as_floating,
    check_divisor,
    check_together,
    is_operand,
    need_tensors,
    no_overload,
    number,
    promote,
    refuse,
)
from funcgrad.torch._record.story import joined
from funcgrad.torch._record.tape import Recorded
from funcgrad.torch._tensor.tensor import Tensor

ABSENT: Any = object()
"""What a parameter is that was not given. Arguments too many or too few go the long way, which refuses them."""


def unary(
    name: str,
    fun: Callable[[Any], Any],
    saves: str = "",
    *aliases: str,
    backward: str = "",
    space: str = "",
    floating: bool = True,
    refuses: tuple[str, str] = ("", ""),
    tabled: bool = True,
    in_place: bool = True,
    writes: bool = True,
    in_kernel: bool = False,
    reads: Callable[..., Any] | None = None,
    doc: str = "",
) -> Callable[..., Tensor]:
    """A function of one tensor; integers become the default dtype where it is `floating`. See `binary` for the rest;
    `in_kernel`: of float16, it is computed in float32; `reads` is the kind's."""
    kind = Kind(backward or name.title(), saves, reads=reads)
    title = f"{space}_{name}" if space else name

    def slowly(input: Any) -> Tensor:
        need_tensor(input, title)
        refuse(input, *refuses)
        return call(kind, by_kernel, as_floating(input) if floating else input)

    by_kernel = widened(fun, float16) if in_kernel else fun

    titled(slowly, name, "")

    def called_as(owner: str, known: str) -> Callable[..., Tensor]:
        quick = quick_of_one(fun, kind, long_way(slowly, owner, known), not (in_kernel or "e" in refuses[0]))
        return titled(quick, known, doc or f"{name} of each element.")

    apply = called_as(space or "torch", title)
    apply.called_as = called_as  # type: ignore[attr-defined]
    forms = {"in_place": in_place, "writes": writes and in_place, "out": True}
    return named(*aliases, name=name, space=space, **forms)(apply) if tabled else apply


def long_way(slowly: Callable[..., Tensor], owner: str, known: str) -> Callable[..., Tensor]:
    """The function whose arguments are refused in PyTorch's words; `out=` is taken by functions only."""
    if owner == "Tensor":
        return guarded(slowly, owner, known)
    return with_out(slowly, owner, known)


def quick_of_one(
    fun: Callable[[Any], Any], kind: Kind, slowly: Callable[[Any], Tensor], narrow: bool
) -> Callable[..., Tensor]:
    """The short way for a tensor of floats, those of 16 bits only if they are `narrow`; otherwise `slowly`."""
    of_arrays = _of_arrays(fun)

    def apply(input: Tensor = ABSENT, *more: Any, **options: Any) -> Tensor:
        if isinstance(input, Tensor) and not (more or options):
            storage = input._storage
            value = input._value
            array = value.value if type(value) is Recorded else value
            if (
                input._seen == storage.stamp
                and array.shape != ()
                and array.dtype.kind == "f"
                and not storage.shared
                and (input._view is None or input._view.blocked is None)
                and (mode.direct or (type(value) is ndarray and mode.usual))
                and (narrow or array.dtype.type is not float16)
            ):
                try:
                    t = wrap(mode.quiet(of_arrays if type(value) is ndarray else fun, value), kind, input)
                    if input._cuts:
                        t._cuts = input._cuts
                    return t
                except RuntimeError:  # begun inside another operation, or raised again below
                    pass
        try:
            return slowly(*given(input), *more, **options)
        except Exception as error:
            hide(error)
            raise

    apply.__signature__ = OF_ONE  # type: ignore[attr-defined]
    return hides(apply)


def shortened(fun: Callable[[Any], Any], kind: Kind, narrow: bool = True) -> Callable[..., Any]:
    """A function whose calls with one tensor of floats, and nothing else, take the short way, by all of its names."""
    return with_short_way(lambda slowly: quick_of_one(fun, kind, slowly, narrow))


def with_short_way(quick: Callable[[Callable[..., Tensor]], Callable[..., Tensor]]) -> Callable[..., Any]:
    """The function of a row, with a short way: `quick` of what it falls back to, which checks its arguments by each
    name that users have for it."""

    def enter(slowly: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def shorten(checked: Callable[..., Tensor]) -> Callable[..., Tensor]:
            made: Any = quick(checked)
            made.__signature__, made.__kwdefaults__ = signature(checked), checked.__kwdefaults__
            return titled(made, checked.__name__, checked.__doc__ or "")

        found: Any = shorten(slowly)
        found.shorten, found.slowly = shorten, slowly
        return found

    return enter


def given(*args: Any) -> list[Any]:
    """The arguments but for those that are ABSENT."""
    return [x for x in args if x is not ABSENT]


def _signature(**types: str) -> Signature:
    """Of parameters of these types, and `out`."""
    named_ones = [Parameter(n, Parameter.POSITIONAL_OR_KEYWORD, annotation=kind) for n, kind in types.items()]
    out = Parameter("out", Parameter.KEYWORD_ONLY, default=None, annotation="Tensor | None")
    return Signature([*named_ones, out], return_annotation="Tensor")


OF_ONE = _signature(input="Tensor")
OF_TWO = _signature(input="Any", other="Any")
OF_TWO_TENSORS = _signature(input="Tensor", other="Tensor")


class _OfUsers:
    """The value of a tensor whose class is a user's, for the short way: nothing that it takes."""

    shape = ()

    def __init__(self, kind: str) -> None:
        self.dtype = dtype(kind)


_INPUT, _OTHER = _OfUsers("O"), _OfUsers("M8")
"""Of two dtypes, so that they do not fit together."""


def _again(x: Tensor, of_users: _OfUsers) -> Any:
    return of_users if x._seen < 0 else x._read()


def _of_arrays(fun: Callable[..., Any]) -> Callable[..., Any]:
    """What a function does to arrays alone, where that is known: 0.1 us less."""
    prim = getattr(fun, "prim", None)
    return fun if prim is None else prim.impl


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
    numbers: bool = True,
    of_numbers: bool = True,
    in_kernel: bool = False,
    reads: Callable[..., Any] | None = None,
    tabled: bool = True,
    in_place: bool = True,
    doc: str = "",
) -> Callable[..., Tensor]:
    """A function of two tensors, or, if it takes `numbers`, a tensor and a number (whose entry's name may differ).

    The first is never a number if it is no function `of_numbers`. Integers become the default dtype where it is
    `floating`, and must not be divided by zero where it `divides`.
    `refuses` has kinds of dtypes that PyTorch has no kernel for, and the kernel's name. `in_kernel`: what is a number
    beside float16 is not rounded to it before PyTorch's kernel computes. `reads` is the kind's. The result's attribute
    `operator` leaves what is no operand to the other side. What is not `tabled` is a part of other rows.
    """
    kind = Kind(backward or name.title(), saves, reads=reads)
    number_kind = Kind(with_number or kind.name, saves if number_saves is None else number_saves)
    operands = (Tensor, *NUMBERS) if numbers else (Tensor,)

    def slowly(input: Any, other: Any) -> Tensor:
        x, y = number(input), number(other)
        for value, which, position in ((x, "input", 1), (y, "other", 2)):
            if not isinstance(value, operands):
                raise TypeError(
                    f"{name}(): argument '{which}' (position {position}) must be Tensor, not "
                    f"{type(value).__name__}"
                )
        if not of_numbers and not isinstance(x, Tensor):
            raise TypeError(no_overload(name, x, y))
        both = isinstance(x, Tensor) and isinstance(y, Tensor)
        check_together(x, y)
        x, y = promote(x, y, floating=floating)
        refuse(x if isinstance(x, Tensor) else y, *refuses)
        if divides:
            check_divisor(x, y)
        return call(kind, fun, x, y) if both else call(number_kind, by_number, x, y)

    by_number = widened(fun, float16) if in_kernel else fun
    titled(slowly, name, "")
    any_dtype = not (floating or divides or refuses[0])
    of_number = number_kind if numbers else None

    def called_as(owner: str, known: str, is_operator: bool = False) -> Callable[..., Tensor]:
        slow = slowly if is_operator else long_way(slowly, owner, known)
        quick = quick_of_two(fun, kind, of_number, slow, any_dtype, is_operator, narrow=not in_kernel)
        quick.__signature__ = OF_TWO if numbers else OF_TWO_TENSORS  # type: ignore[attr-defined]
        return titled(quick, known, doc or f"{name} of elements.")

    made = called_as("torch", name)
    made.called_as = called_as  # type: ignore[attr-defined]
    made.operator = called_as("Tensor", name, True)  # type: ignore[attr-defined]
    return named(*aliases, in_place=in_place, out=True)(made) if tabled else made


def quick_of_two(
    fun: Callable[[Any, Any], Any],
    kind: Kind,
    number_kind: Kind | None,
    slowly: Callable[[Any, Any], Tensor],
    any_dtype: bool,
    is_operator: bool,
    fits: Callable[[tuple[int, ...], tuple[int, ...]], bool] | None = None,
    narrow: bool = True,
) -> Callable[..., Tensor]:
    """The short way for tensors of floats (or of one dtype, `any_dtype`), or such a one and a number: of 16 bits only
    if they are `narrow`.

    `fits` says of which shapes, where it is not for all but ().
    """
    of_arrays = _of_arrays(fun)
    with_number = "fdg" + ("e" if narrow else "")

    def apply(input: Any = ABSENT, other: Any = ABSENT, *more: Any, **options: Any) -> Tensor:
        if isinstance(input, Tensor) and not (more or options):
            a = input._value if input._seen == input._storage.stamp else _again(input, _INPUT)
            if isinstance(other, Tensor):
                b = other._value if other._seen == other._storage.stamp else _again(other, _OTHER)
                x = a.value if type(a) is Recorded else a
                y = b.value if type(b) is Recorded else b
                if (
                    x.dtype is y.dtype
                    and (x.shape != () != y.shape if fits is None else fits(x.shape, y.shape))
                    and (mode.direct or (type(a) is type(b) is ndarray and mode.usual))
                    and not (input._storage.shared or other._storage.shared)
                    and (input._view is None or input._view.blocked is None)
                    and (other._view is None or other._view.blocked is None)
                    and (x.dtype.kind == "f" or any_dtype)
                ):
                    try:
                        known = of_arrays if type(a) is type(b) is ndarray else fun
                        t = wrap(mode.quiet(known, a, b), kind, input, other)
                        if input._cuts or other._cuts:
                            t._cuts = joined(input._cuts, other._cuts)
                        return t
                    except (RuntimeError, ValueError):  # begun inside another operation, or raised again below
                        pass
            elif (
                (type(other) is float or type(other) is int)
                and a.dtype.char in with_number
                and a.shape != ()
                and (mode.direct or (type(a) is ndarray and mode.usual))
                and not input._storage.shared
                and (input._view is None or input._view.blocked is None)
                and number_kind is not None
            ):
                try:
                    t = wrap(mode.quiet(of_arrays if type(a) is ndarray else fun, a, other), number_kind, input)
                    if input._cuts:
                        t._cuts = input._cuts
                    return t
                except RuntimeError:
                    pass
        if is_operator and (not is_operand(other) or (isinstance(other, Tensor) and other._seen < 0 <= input._seen)):
            return NotImplemented  # to a class of a user's, too
        try:
            return slowly(*given(input, other), *more, **options)
        except Exception as error:
            hide(error)
            raise

    return hides(apply)


def of_two_tensors(
    name: str,
    fun: Callable[[Any, Any], Any],
    saves: str = "",
    *,
    lacks: str | None = None,
    refuses: tuple[str, str] = ("", ""),
    writes: bool = False,
    doc: str = "",
) -> Callable[..., Tensor]:
    """A function of two tensors, never of a number. `lacks`: PyTorch's error for the derivative by the first."""
    kind = Kind(name.title(), saves)
    stuck = Kind(kind.name, saves, lacks) if lacks else kind

    def apply(input: Any, other: Any) -> Tensor:
        need_tensors(name, input=input, other=other)
        check_together(input, other)
        x, y = promote(input, other)
        refuse(x, *refuses)
        return call(stuck if input.requires_grad else kind, fun, x, y)

    return named(in_place=True, writes=writes, out=True)(titled(apply, name, doc))
