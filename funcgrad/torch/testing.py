"""`torch.testing`: whether results are as expected, and tensors of random numbers to test with."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.core.warned import warn
from funcgrad.names import own_names as _own_names
from funcgrad.torch._ops.compare import isclose
from funcgrad.torch._ops.complexes import view_as_real
from funcgrad.torch._ops.create import as_tensor, empty, tensor
from funcgrad.torch._ops.inspect import promote_types
from funcgrad.torch._ops.random import randint
from funcgrad.torch._ops.table import tells_nearest as _tells_nearest
from funcgrad.torch._record.modes import no_grad
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.tensor import Tensor

_TOLERANCES = {
    dtypes.float16: (1e-3, 1e-5),
    dtypes.float32: (1.3e-6, 1e-5),
    dtypes.float64: (1e-7, 1e-7),
    dtypes.complex64: (1.3e-6, 1e-5),
    dtypes.complex128: (1e-7, 1e-7),
}
"""`rtol` and `atol`; dtypes that are not here have to be equal."""
_OF_NUMBERS = {int: dtypes.int64, float: dtypes.float64, complex: dtypes.complex128}
_NO_PROMOTION = (dtypes.uint16, dtypes.uint32, dtypes.uint64)


class _Options(NamedTuple):
    allow_subclasses: bool
    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_device: bool
    check_dtype: bool
    check_layout: bool
    check_stride: bool
    msg: str | Callable[[str], str] | None

    def error(self, kind: type[Exception], words: str, path: tuple[Any, ...]) -> Exception:
        """The error for the item at the end of the path, in the user's own words if there are any."""
        if isinstance(self.msg, str):
            return kind(self.msg)
        if path:
            words += f"\n\nThe failure occurred for item {''.join(str([key]) for key in path)}"
        return kind(words if self.msg is None else self.msg(words))

    def tolerances(self, *own: dtypes.dtype) -> tuple[float, float]:
        """`rtol` and `atol`: those given, else the larger ones of the dtypes."""
        if (self.rtol is None) != (self.atol is None):
            lacking = "rtol" if self.rtol is None else "atol"
            raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {lacking}.")
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        rtols, atols = zip(*(_TOLERANCES.get(kind, (0.0, 0.0)) for kind in own))
        return max(rtols), max(atols)


class _Pair(NamedTuple):
    """Two items that are compared, and how: `differs` says in words in what they differ."""

    path: tuple[Any, ...]
    differs: Callable[[], str]


def _pairs(actual: Any, expected: Any, options: _Options, path: tuple[Any, ...] = ()) -> Iterator[_Pair]:
    """All pairs of items. What has another structure, or cannot be compared, is an error."""
    if all(isinstance(x, Sequence) and not isinstance(x, str) for x in (actual, expected)):
        if len(actual) != len(expected):
            words = f"The length of the sequences mismatch: {len(actual)} != {len(expected)}"
            raise options.error(AssertionError, words, path)
        keys: Any = range(len(actual))
    elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
        keys = _common_keys(actual, expected, options, path)
    else:
        try:
            differs = _comparison(actual, expected, options)
        except (TypeError, ValueError) as error:
            raise options.error(type(error), str(error), path) from None
        yield _Pair(path, differs)
        return
    for key in keys:
        yield from _pairs(actual[key], expected[key], options, (*path, key))


def _common_keys(
    actual: Mapping[Any, Any], expected: Mapping[Any, Any], options: _Options, path: tuple[Any, ...]
) -> Sequence[Any]:
    missing, additional = expected.keys() - actual.keys(), actual.keys() - expected.keys()
    if missing or additional:
        words = (
            f"The keys of the mappings do not match:\nMissing keys in the actual mapping: {_in_order(missing)}\n"
            f"Additional keys in the actual mapping: {_in_order(additional)}"
        )
        raise options.error(AssertionError, words, path)
    return _in_order(actual.keys())


def _in_order(keys: Any) -> list[Any]:
    try:
        return sorted(keys)
    except TypeError:
        return list(keys)


def _comparison(actual: Any, expected: Any, options: _Options) -> Callable[[], str]:
    """How two items that are no collections are compared; a TypeError where nothing compares them."""
    both = (actual, expected)
    if actual is None or expected is None:
        return lambda: "" if actual is expected else f"None mismatch: {actual} is not {expected}"
    if all(isinstance(x, (bool, np.bool_)) for x in both):
        a, b = map(bool, both)
        return lambda: "" if a is b else f"Booleans mismatch: {a} is not {b}"
    if not any(isinstance(x, (bool, np.bool_)) for x in both):
        if all(isinstance(x, (int, float, complex, np.number)) for x in both):
            one, other = (x.item() if isinstance(x, np.number) else x for x in both)
            tolerances = options.tolerances(*(_OF_NUMBERS[_number_type(x)] for x in (one, other)))
            return lambda: _numbers_differ(one, other, tolerances, options)
        related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
        if related and (options.allow_subclasses or type(actual) is type(expected)):
            own, wanted = map(_as_tensor, both)
            if own is not None and wanted is not None:
                tolerances = options.tolerances(own.dtype, wanted.dtype)
                return lambda: _tensors_differ(own, wanted, tolerances, options)
    raise TypeError(
        f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}."
    )


def _number_type(x: Any) -> type:
    return next(kind for kind in _OF_NUMBERS if isinstance(x, kind))


def _as_tensor(x: Any) -> Any:
    """A tensor of anything, None where that cannot be."""
    try:
        return x if isinstance(x, Tensor) else as_tensor(x)
    except Exception:  # whatever the user's object raises where it is read
        return None


def _numbers_differ(actual: Any, expected: Any, tolerances: tuple[float, float], options: _Options) -> str:
    rtol, atol = tolerances
    if options.check_dtype and type(actual) is not type(expected):
        return f"The (d)types do not match: {type(actual)} != {type(expected)}."
    if actual == expected or (options.equal_nan and cmath.isnan(actual) and cmath.isnan(expected)):
        return ""
    difference = abs(actual - expected)
    if cmath.isfinite(difference) and difference <= atol + rtol * abs(expected):
        return ""
    return _numbers_told(actual, expected, rtol, atol)


def _numbers_told(actual: Any, expected: Any, rtol: float, atol: float) -> str:
    difference = abs(actual - expected)
    relative = math.inf if expected == 0 else difference / abs(expected)
    exact = rtol == atol == 0
    told = [
        f"{kind} difference: {found}{'' if exact else f' (up to {limit} allowed)'}"
        for kind, found, limit in (("Absolute", difference, atol), ("Relative", relative, rtol))
    ]
    head = f"Scalars are not {'equal' if exact else 'close'}!\n\nExpected {expected} but got {actual}."
    return "\n".join([head, *told])


def _tensors_differ(actual: Tensor, expected: Tensor, tolerances: tuple[float, float], options: _Options) -> str:
    rtol, atol = tolerances
    attributes = {
        "shape": (True, actual.shape, expected.shape),
        "layout": (options.check_layout, actual.layout, expected.layout),
        "stride()": (options.check_stride, actual.stride(), expected.stride()),
        "device": (options.check_device, actual.device, expected.device),
        "dtype": (options.check_dtype, actual.dtype, expected.dtype),
    }
    for name, (checked, own, wanted) in attributes.items():
        if checked and own != wanted:
            return f"The values for attribute '{name}' do not match: {own} != {wanted}."
    with no_grad():
        actual, expected = _of_one_dtype(actual, expected)
        close = isclose(actual, expected, rtol, atol, options.equal_nan)
        if bool(close.all()):
            return ""
        if not close.dim():
            return _numbers_told(actual.item(), expected.item(), rtol, atol)
        return _elements_told(actual, expected, close, rtol, atol)


def _of_one_dtype(actual: Tensor, expected: Tensor) -> tuple[Tensor, Tensor]:
    if actual.dtype is expected.dtype:
        return actual, expected
    own = [dtypes.int64 if t.dtype in _NO_PROMOTION else t.dtype for t in (actual, expected)]
    common = promote_types(*own)
    return actual.to(common), expected.to(common)


def _elements_told(actual: Tensor, expected: Tensor, close: Tensor, rtol: float, atol: float) -> str:
    count, wrong = close.numel(), int((~close).sum())
    exact = rtol == atol == 0
    lines = [f"Mismatched elements: {wrong} / {count} ({wrong / count:.1%})"]
    if not actual.dtype.is_floating_point and not actual.dtype.is_complex:
        actual, expected = actual.to(dtypes.int64), expected.to(dtypes.int64)
    difference = (actual - expected).abs().masked_fill(close, 0)
    relative = (difference / expected.abs()).masked_fill(close, 0)
    for kind, found, limit in (("absolute", difference, atol), ("relative", relative, rtol)):
        place = int(found.argmax())
        index = tuple(int(i) for i in np.unravel_index(place, tuple(close.shape)))
        allowed = "" if exact else f" (up to {limit} allowed)"
        lines.append(f"Greatest {kind} difference: {found[index].item()} at index {index}{allowed}")
    return "\n".join([f"Tensor-likes are not {'equal' if exact else 'close'}!\n", *lines])


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """AssertionError, which says how far and where, unless ``|actual - expected| <= atol + rtol * |expected|``.

    Args:
        actual, expected: tensors, arrays, numbers, None, or sequences and mappings of them, of one structure.
        rtol, atol: both or none; else by dtype: 1e-3 and 1e-5 for float16, 1.3e-6 and 1e-5 for float32, 1e-7 twice for
            float64, 0 for all that is not floating.
        equal_nan: NaN is close to NaN.
        check_dtype: of another dtype is not close; if not, both are promoted.
        msg: what is said instead, or a function of what would be said.

    Raises:
        AssertionError: they are not close, or have other shapes, dtypes, keys or lengths.
        TypeError: types that have nothing to do with each other.
        ValueError: one of `rtol` and `atol` alone.

    >>> import funcgrad.torch as torch
    >>> torch.testing.assert_close(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0 + 1e-6]))
    >>> torch.testing.assert_close([1, 2.0], [1, 2.5])
    Traceback (most recent call last):
        ...
    AssertionError: Scalars are not close!
    <BLANKLINE>
    Expected 2.5 but got 2.0.
    Absolute difference: 0.5 (up to 1e-07 allowed)
    Relative difference: 0.2 (up to 1e-07 allowed)
    <BLANKLINE>
    The failure occurred for item [1]
    """
    options = _Options(
        allow_subclasses, rtol, atol, equal_nan, check_device, check_dtype, check_layout, check_stride, msg
    )
    for path, differs in list(_pairs(actual, expected, options)):
        if words := differs():
            raise options.error(AssertionError, words, path)


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """Deprecated by PyTorch: write `assert_close`."""
    warn(
        "`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a future release. Please "
        "use `torch.testing.assert_close()` instead. You can find detailed upgrade instructions in "
        "https://github.com/pytorch/pytorch/issues/61844.",
        FutureWarning,
    )
    own = actual if isinstance(actual, Tensor) else tensor(actual)
    wanted = expected if isinstance(expected, Tensor) else tensor(expected, dtype=own.dtype)
    if rtol is None and atol is None:
        rtol, atol = (max(limits) for limits in zip(*(_ALLCLOSE.get(t.dtype, (0.0, 0.0)) for t in (own, wanted))))
    assert_close(
        own, wanted, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False, msg=msg or None
    )


_ALLCLOSE = {dtypes.float16: (1e-3, 1e-3), dtypes.float32: (1e-4, 1e-5), dtypes.float64: (1e-5, 1e-8)}


def make_tensor(
    *shape: Any,
    dtype: dtypes.dtype,
    device: Any,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Random numbers, uniform from `low` up to `high`, which is left out: -9 to 9, integers -9 to 9, Booleans both.

    Args:
        noncontiguous: every second element of a memory twice as large, from the second one on.
        exclude_zero: the least positive number (of integers 1) in place of zeros.

    Raises:
        ValueError: `low` that is not below `high`, NaN, or both outside of what the dtype can hold.

    >>> import funcgrad.torch as torch
    >>> torch.testing.make_tensor((2, 3), dtype=torch.float64, device="cpu", low=0, high=1).shape
    torch.Size([2, 3])
    """
    if len(shape) == 1 and isinstance(shape[0], Sequence):
        shape = tuple(shape[0])
    moves = dtype.is_floating_point or dtype.is_complex
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, "
            f"but got noncontiguous={noncontiguous} and memory_format={memory_format}"
        )
    if requires_grad and not moves:
        raise ValueError(
            f"`requires_grad=True` is not supported for boolean and integral dtypes, but got dtype={dtype}"
        )
    spaced = noncontiguous and math.prod(shape) > 1
    sizes = (*shape[:-1], 2 * shape[-1]) if spaced else shape
    low, high = _limits(low, high, dtype)
    if moves:
        made = empty(sizes, dtype=dtype, device=device)
        _fill(view_as_real(made) if dtype.is_complex else made, low, high)
    else:
        made = randint(math.ceil(low), math.ceil(high), sizes, dtype=dtype, device=device)
    if spaced:
        made = made[..., 1::2]
    elif memory_format is not None:
        made = made.clone(memory_format=memory_format)
    if exclude_zero:
        made[made == 0] = dtypes.finfo(dtype).tiny if moves else 1
    return made.requires_grad_(requires_grad) if moves else made


def _fill(t: Tensor, low: float, high: float) -> None:
    if high - low >= dtypes.finfo(t.dtype).max:  # more than one draw may span
        t.uniform_(low / 2, high / 2).mul_(2)
    else:
        t.uniform_(low, high)


def _limits(low: float | None, high: float | None, dtype: dtypes.dtype) -> tuple[float, float]:
    """The limits, within what the dtype can hold."""
    if dtype is dtypes.bool:
        least, most, usual = 0, 2, (0, 2)
    elif dtype.is_floating_point or dtype.is_complex:
        held: Any = dtypes.finfo(dtype)
        least, most, usual = held.min, held.max, (-9, 9)
    else:
        held = dtypes.iinfo(dtype)
        least, most, usual = held.min, held.max + (dtype is not dtypes.int64), (-9, 10)
    low, high = usual[0] if low is None else low, usual[1] if high is None else high
    if any(isinstance(x, float) and math.isnan(x) for x in (low, high)):
        raise ValueError(f"`low` and `high` cannot be NaN, but got low={low} and high={high}")
    if low == high and dtype.is_floating_point | dtype.is_complex:
        warn(
            "Passing `low==high` to `torch.testing.make_tensor` for floating or complex types is deprecated since 2.1 "
            "and will be removed in 2.3. Use `torch.full(...)` instead.",
            FutureWarning,
        )
    elif low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    elif high < least or low >= most:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{low}, {high}), "
            f"but {dtype} only supports [{least}, {most})"
        )
    return min(max(low, least), most), min(max(high, least), most)


globals().update(_entrances(globals()))
__all__ = _own_names(globals())
__getattr__ = _tells_nearest(__name__, __all__)


def __dir__() -> list[str]:
    return __all__
