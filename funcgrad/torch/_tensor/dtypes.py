"""PyTorch's dtypes over NumPy's, the default dtype, and PyTorch's promotion."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np


class dtype:
    """A dtype with PyTorch's name; `numpy` is NumPy's."""

    __slots__ = ("name", "numpy", "short", "title")

    def __init__(self, name: str, numpy: Any, short: str, title: str) -> None:
        self.name = name
        self.numpy = np.dtype(numpy)
        self.short = short
        self.title = title

    @property
    def is_floating_point(self) -> builtins.bool:
        return self.numpy.kind == "f"

    @property
    def is_complex(self) -> builtins.bool:
        return self.numpy.kind == "c"

    @property
    def is_signed(self) -> builtins.bool:
        return self.numpy.kind not in "ub"

    @property
    def itemsize(self) -> builtins.int:
        return self.numpy.itemsize

    def to_complex(self) -> dtype:
        """The complex dtype of the same precision."""
        if not self.is_complex and not self.is_floating_point:
            raise RuntimeError(f"Unknown Complex ScalarType for {self.title}")
        if self is float16:
            raise TypeError("torch.complex32 is not there: NumPy has no such dtype")
        return self if self.is_complex else of(np.result_type(self.numpy, np.complex64))

    def to_real(self) -> dtype:
        """The dtype of the real part."""
        return of(self.numpy.type(0).real.dtype)

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> Any:
        return of, (self.numpy,)


uint16 = dtype("uint16", np.uint16, "short unsigned int", "UInt16")
uint32 = dtype("uint32", np.uint32, "unsigned int", "UInt32")
uint64 = dtype("uint64", np.uint64, "long unsigned int", "UInt64")
float16 = half = dtype("float16", np.float16, "c10::Half", "Half")
float32 = float = dtype("float32", np.float32, "float", "Float")
float64 = double = dtype("float64", np.float64, "double", "Double")
uint8 = dtype("uint8", np.uint8, "unsigned char", "Byte")
int8 = dtype("int8", np.int8, "signed char", "Char")
int16 = short = dtype("int16", np.int16, "short int", "Short")
int32 = int = dtype("int32", np.int32, "int", "Int")
int64 = long = dtype("int64", np.int64, "long int", "Long")
bool = dtype("bool", np.bool_, "bool", "Bool")
complex64 = cfloat = dtype("complex64", np.complex64, "c10::complex<float>", "ComplexFloat")
complex128 = cdouble = dtype("complex128", np.complex128, "c10::complex<double>", "ComplexDouble")

class _Absent(dtype):
    """A dtype that NumPy has not: programs may name it, and no tensor has it."""

    def __init__(self, name: str, short: str, title: str, instead: str) -> None:
        self.name, self.short, self.title, self.instead = name, short, title, instead

    @property
    def numpy(self) -> Any:
        raise TypeError(f"no tensor has the dtype torch.{self.name}, as NumPy has no such numbers: use {self.instead}")

    @property
    def is_floating_point(self) -> builtins.bool:
        return True

    @property
    def is_complex(self) -> builtins.bool:
        return False

    @property
    def is_signed(self) -> builtins.bool:
        return True

    @property
    def itemsize(self) -> builtins.int:
        return 2

    def __reduce__(self) -> Any:
        return self.name


bfloat16 = _Absent("bfloat16", "c10::BFloat16", "BFloat16", "torch.float32 (or torch.float16)")

_BY_NUMPY = {
    d.numpy: d
    for d in (
        float64, float32, float16, complex64, complex128,
        int64, int32, int16, int8, uint64, uint32, uint16, uint8, bool,
    )
}  # fmt: skip
_default = float32
_PLAIN = (builtins.float, builtins.int)
_SMALL = 65504
"""What every floating dtype holds: the largest number of float16."""
_WIDEST = {"i": int64.numpy, "u": uint64.numpy}
_ALONE = (uint16.numpy, uint32.numpy, uint64.numpy)
"""Integers that PyTorch promotes to floating dtypes only."""
_RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
_COMPLEX = {2: complex64.numpy, 4: complex64.numpy, 8: complex128.numpy}


def of(numpy: np.dtype) -> dtype:
    """PyTorch's dtype for one of NumPy's."""
    try:
        return _BY_NUMPY[numpy]
    except KeyError:
        names = [d.name for d in _BY_NUMPY.values()]
        raise TypeError(
            f"can't convert np.ndarray of type numpy.{numpy.type.__name__}. The only supported types are: "
            f"{', '.join(names[:-1])}, and {names[-1]}."
        ) from None


def of_title(title: str) -> dtype:
    """The dtype of a type's name, as "torch.DoubleTensor"."""
    for known in _BY_NUMPY.values():
        if title == f"torch.{known.title}Tensor":
            return known
    raise ValueError(f"invalid type: '{title}'")


OF_PYTHON = {builtins.float: float64, builtins.int: int64, builtins.bool: bool, complex: complex128}
"""The dtypes that Python's types stand for."""


def as_numpy(kind: Any) -> np.dtype | None:
    """NumPy's dtype for an argument `dtype=`: a dtype, or a type of Python's numbers."""
    if kind is None:
        return None
    if not isinstance(kind, dtype):
        if isinstance(kind, type) and kind in OF_PYTHON:
            return OF_PYTHON[kind].numpy
        raise TypeError(f"dtype must be a torch.dtype, not {type(kind).__name__}")
    return kind.numpy


def set_default_dtype(d: dtype) -> None:
    """The dtype of tensors made from Python floats; float32 until it is set."""
    global _default
    if not isinstance(d, dtype):
        raise TypeError("invalid dtype object: only floating-point types are supported as the default type")
    if not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    _default = of(d.numpy)


def get_default_dtype() -> dtype:
    return _default


def default() -> np.dtype:
    return _default.numpy


def category(kind: np.dtype) -> builtins.int:
    """bool, integer, floating or complex: which of them may be cast to which in place."""
    return _RANK[kind.kind]


def promoted(a: np.dtype, b: np.dtype) -> np.dtype:
    """The dtype of two tensors of equal standing: as in NumPy, but integers never widen a float."""
    if a == b:
        return a
    i, j = _RANK[a.kind], _RANK[b.kind]
    if i >= 2 > j:
        return a
    if j >= 2 > i:
        return b
    if a in _ALONE or b in _ALONE:
        raise RuntimeError(
            "Promotion for uint16, uint32, uint64 types is not supported, attempted to promote "
            f"{of(a).title} and {of(b).title}"
        )
    return np.promote_types(a, b)


def overflows(numbers: np.ndarray, kind: np.dtype) -> builtins.bool:
    """Whether the dtype cannot hold the numbers. Negative integers wrap in an unsigned dtype, infinities are kept."""
    if kind.kind == "b" or kind == numbers.dtype:
        return False
    if numbers.dtype.kind == "c":
        imaginary = overflows(numbers.imag, kind) if kind.kind == "c" else numbers.imag.any()
        return builtins.bool(imaginary) or overflows(numbers.real, kind)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        wraps = kind.kind == "u" and numbers.dtype.kind != "f"
        return not np.all((numbers >= (-limits.max if wraps else limits.min)) & (numbers <= limits.max))
    sizes = np.abs(numbers)
    return builtins.bool(np.any((sizes > np.finfo(kind).max) & (sizes != np.inf)))


def c_name(d: dtype) -> str:
    """What PyTorch's errors about overflow call it."""
    if d.numpy.kind in "iu" and d is not int32:
        return f"{d.name}_t"
    return d.short


def held(number: Any, kind: np.dtype) -> np.ndarray:
    """A number as the dtype holds it; PyTorch's error where it cannot."""
    if type(number) in _PLAIN and kind.kind in "fc" and -_SMALL <= number <= _SMALL:
        return np.asarray(number, kind)  # 0.7 us, where the tests take 7
    given = np.asarray(number)
    if overflows(given, kind):
        raise RuntimeError(f"value cannot be converted to type {c_name(of(kind))} without overflow")
    return (given.real if given.dtype.kind == "c" and kind.kind in "iuf" else given).astype(kind)


def converted(numbers: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Python's numbers, in lists, as an array of a dtype; PyTorch's errors where it cannot hold them."""
    if numbers.dtype.kind == "c" and kind.kind in "iuf":
        raise TypeError(
            "must be real number, not complex"
            if kind.kind == "f"
            else "'complex' object cannot be interpreted as an integer"
        )
    if kind.kind in "iu" and overflows(numbers, kind):
        if numbers.dtype.kind != "f" and overflows(numbers, _WIDEST[kind.kind]):
            raise ValueError("Overflow when unpacking long long")
        raise RuntimeError(f"value cannot be converted to type {of(kind).name} without overflow")
    return numbers.astype(kind)


def of_number(x: Any) -> np.dtype:
    """The dtype that stands for a Python number."""
    kind = type(x)
    if kind is builtins.bool:
        return bool.numpy
    if kind is builtins.int:
        return int64.numpy
    return _COMPLEX[default().itemsize] if kind is complex else default()


def result_type(*operands: Any) -> np.dtype:
    """The common dtype of arrays (or traced values) and Python numbers.

    Arrays with axes come before 0-d arrays, and those before numbers: the later only count where their
    category (bool, integer, float, complex) is higher.
    """
    groups: list[np.dtype | None] = [None, None, None]
    for x in operands:
        if hasattr(x, "dtype"):
            place, found = (0 if len(x.shape) else 1), x.dtype
        else:
            place, found = 2, of_number(x)
        before = groups[place]
        groups[place] = found if before is None else promoted(before, found)
    result: np.dtype | None = None
    for found in groups:
        if found is not None and (result is None or _RANK[found.kind] > _RANK[result.kind]):
            if result is not None and result.kind == "f" and found.kind == "c":
                found = _COMPLEX[result.itemsize]
            result = found
    assert result is not None
    return result


class finfo:
    """The limits of a floating dtype, or of the parts of a complex one, as `torch.finfo`."""

    def __init__(self, type: dtype | None = None) -> None:
        kind = _default if type is None else type
        if not isinstance(kind, dtype):
            raise TypeError(f"finfo(): argument 'type' (position 1) must be torch.dtype, not {kind.__class__.__name__}")
        if kind.numpy.kind not in "fc":
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'"
            )
        info = np.finfo(kind.numpy)
        self.bits = info.bits
        self.eps, self.max, self.min = info.eps.item(), info.max.item(), info.min.item()
        self.tiny = self.smallest_normal = info.tiny.item()
        self.resolution = 10.0**-info.precision
        self.dtype = kind.to_real().name

    def __eq__(self, other: object) -> builtins.bool:
        return isinstance(other, finfo) and self.dtype == other.dtype

    def __hash__(self) -> builtins.int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{n}={getattr(self, n):g}' for n in names)}, dtype={self.dtype})"


class iinfo:
    """The limits of an integer dtype, as `torch.iinfo`."""

    def __init__(self, type: dtype) -> None:
        if not isinstance(type, dtype):
            raise TypeError(f"iinfo(): argument 'type' (position 1) must be torch.dtype, not {type.__class__.__name__}")
        if type.numpy.kind in "fc":
            raise TypeError("torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'")
        if type is bool:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        info = np.iinfo(type.numpy)
        self.bits, self.max, self.min, self.dtype = info.bits, info.max, info.min, type.name

    def __eq__(self, other: object) -> builtins.bool:
        return isinstance(other, iinfo) and self.dtype == other.dtype

    def __hash__(self) -> builtins.int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
