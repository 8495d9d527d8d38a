"""Abstract values: shape, dtype, and whether a dtype is weak (a Python scalar's, which yields to any array's).

And what counts as a number: the one gate for leaves (`array_leaf`) and the one for operands (`operand`).
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.core import provenance

PYTHON_SCALARS = frozenset((float, int, complex, bool))
_WEAK_DTYPE = {float: np.dtype(np.float64), int: np.dtype(np.int64), complex: np.dtype(np.complex128)}
BOOL = np.dtype(bool)
FLOAT = np.dtype(np.float64)
INT = np.dtype(np.int64)
NUMERIC = frozenset("biufc")
"""The kinds of dtypes whose elements are numbers."""


class Aval:
    """What is known of a value before it is computed.

    `shape` is a tuple of ints, `dtype` a NumPy dtype; `weak` marks the dtype of a Python scalar (NEP 50).
    """

    __slots__ = ("dtype", "shape", "weak")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype, weak: bool = False) -> None:
        self.shape = shape
        self.dtype = dtype
        self.weak = weak

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        size = 1
        for n in self.shape:
            size *= n
        return size

    def update(self, shape: tuple[int, ...] | None = None, dtype: Any = None) -> Aval:
        """The same with another shape or dtype; a dtype that is set is no longer weak."""
        return Aval(
            self.shape if shape is None else tuple(shape),
            self.dtype if dtype is None else np.dtype(dtype),
            self.weak if dtype is None else False,
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Aval)
            and self.shape == other.shape
            and self.dtype == other.dtype
            and self.weak == other.weak
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype, self.weak))

    def __repr__(self) -> str:
        return f"{short_dtype(self.dtype)}[{','.join(map(str, self.shape))}]"


class ShapeDtypeStruct(Aval):
    """The shape and dtype of an array, in the place of one: for `eval_shape`, `lower`, `make_graph` and callbacks.

    It has `shape`, `dtype`, `size` and `ndim`; `weak_type` says that the dtype is a Python number's, which yields to an
    array's.

    Example:
        >>> ShapeDtypeStruct((2, 3), "float32")
        f32[2,3]
    """

    __slots__ = ()

    def __init__(self, shape: Sequence[int], dtype: Any, *, weak_type: bool = False) -> None:
        super().__init__(tuple(map(operator.index, shape)), np.dtype(dtype), weak_type)

    @property
    def weak_type(self) -> bool:
        return self.weak

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a ShapeDtypeStruct of rank 0")
        return self.shape[0]


def described(x: Any) -> Aval | None:
    """The aval of something that has a shape and a dtype and is no array; None for anything else."""
    if isinstance(x, Traced) or not hasattr(x, "shape") or not hasattr(x, "dtype") or hasattr(x, "__add__"):
        return None
    return Aval(tuple(x.shape), np.dtype(x.dtype), bool(getattr(x, "weak_type", False)))


class Traced:
    """The base of traced values: they have an `aval`."""

    __slots__ = ()
    aval: Any

    def snapshot(self) -> Any:
        """The value as it is now."""
        raise NotImplementedError


def short_dtype(dtype: np.dtype) -> str:
    """`f64`, `i32`, `bool`, `c128`, as programs are printed."""
    if dtype == BOOL:
        return "bool"
    return f"{dtype.kind}{dtype.itemsize * 8}" if dtype.kind in "fiuc" else str(dtype)


def aval_of(x: Any) -> Aval:
    """The aval of a traced value, an array, a NumPy scalar or a Python scalar; an aval is its own."""
    kind = type(x)
    if kind is np.ndarray:
        return Aval(x.shape, x.dtype)
    if kind in _WEAK_DTYPE:
        return Aval((), _WEAK_DTYPE[kind], True)
    if kind is bool:
        return Aval((), BOOL)
    if kind is Aval:
        return x
    if isinstance(x, Traced):
        return x.aval
    if isinstance(x, np.generic) and x.dtype.kind in NUMERIC:
        return Aval((), x.dtype)
    return aval_of(operand(x))


def array_leaf(x: Any) -> Any:
    """`x` where it is a number, a plain array of numbers or a traced value; None where it is none.

    Of arrays those of kinds b, i, u, f, c pass. Subclasses of ndarray have meanings of their own (a product, a mask)
    that an operation here would not keep; a memmap has none.
    """
    kind = type(x)
    if kind in PYTHON_SCALARS or isinstance(x, Traced):
        return x
    if kind is np.ndarray or isinstance(x, np.generic):
        return x if x.dtype.kind in NUMERIC else None
    if kind is np.memmap:
        return array_leaf(np.asarray(x))
    scalar: Any
    for scalar in (int, float, complex):
        if isinstance(x, scalar):  # an IntEnum, say
            return scalar(x)
    return None


def operand(x: Any, prim: Any = None) -> Any:
    """A constant operand as a number or plain array: what `array_leaf` lets pass, and lists of that.

    Raises TypeError for anything else, naming the user's line.
    """
    found = array_leaf(x)
    if found is None and isinstance(x, (list, tuple, range)):
        odd = _odd_element(x)
        x = np.asarray(x) if odd is None else odd
        found = array_leaf(x)
    if found is None:
        of = f" of `{prim}`" if prim is not None else ""
        raise TypeError(refusal(f"an operand{of}{provenance.at(provenance.here())}", x))
    return found


def _odd_element(x: Any) -> Any:
    """What in nested lists is no number, None where all is."""
    if {*map(type, x)} <= PYTHON_SCALARS:
        return None
    for part in x:
        if not isinstance(part, (list, tuple, range)):
            odd = None if array_leaf(part) is not None else part
        else:
            odd = _odd_element(part)
        if odd is not None:
            return odd
    return None


def refusal(where: str, x: Any, otherwise: str = "") -> str:
    """What to write in place of an object at `where`, and why it is refused; `otherwise` is said where no rule fits."""
    dtype = getattr(x, "dtype", None)
    plain = type(x) is np.ndarray
    what = f"an array of dtype {dtype}" if plain else type(x).__name__
    instead = _instead(x, dtype if plain else None)
    remedy = f"Write {instead}. " if instead else f"{otherwise} " if otherwise else ""
    if remedy and where.startswith("an "):
        where = f"An{where[2:]}"
    return f"{remedy}{where} is {what}, which is not a number or a plain array of numbers."


def _instead(x: Any, dtype: np.dtype | None) -> str:
    if dtype is not None:
        return "x['field'] for one of its fields" if dtype.names else "x.astype(float)"
    if isinstance(x, np.ma.MaskedArray):
        return "x.filled(value), or np.where(mask, value, x.data)"
    if isinstance(x, (np.ndarray, np.generic)):
        return "np.asarray(x)" if x.dtype.kind in NUMERIC else "x.astype(float)"
    for kind in type(x).__mro__:
        if kind in REMEDIES:
            return REMEDIES[kind]
    for method, instead in _CONVERSIONS.items():
        if hasattr(type(x), method):
            return instead
    if hasattr(type(x), "__dataclass_fields__"):
        return f"@fg.register_dataclass above `class {type(x).__name__}`, which makes its fields leaves"
    return ""


REMEDIES: dict[type, str] = {}
"""What to write in the place of an object; modules that return objects of a class add it."""
_CONVERSIONS = {
    "to_numpy": "x.to_numpy()",
    "toarray": "A.toarray(); or A @ x or x @ A, products with a sparse matrix that the function closes over",
    "detach": "x.detach().numpy()",
    "__array__": "np.asarray(x)",
    "__float__": "float(x)",
}
"""What has a method is made an array or a number by what stands beside it."""


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that arrays broadcast to. NumPy's own function takes 32 axes at most, its arrays have up to 64."""
    longest = max(shapes, key=len, default=())
    if all(s == longest or not s for s in shapes):
        return tuple(longest)
    rank = len(longest)
    sizes = [{n for n in axis if n != 1} for axis in zip(*((1,) * (rank - len(s)) + tuple(s) for s in shapes))]
    if any(len(found) > 1 for found in sizes):
        return np.broadcast_shapes(*shapes)  # raises
    return tuple([found.pop() if found else 1 for found in sizes])


def is_inexact(dtype: np.dtype) -> bool:
    """Whether values of this dtype have derivatives (float or complex)."""
    return dtype.kind in "fc"
