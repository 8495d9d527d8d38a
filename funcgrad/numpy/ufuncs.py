"""Universal functions of traced values: calls with keywords, and the methods `reduce`, `accumulate`, `outer`, ...

Sums, products and extrema have primitives. What else is associative is reduced in pairs, in log2(n) steps; the rest
goes element by element, as NumPy does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np

from funcgrad.core import provenance
from funcgrad.core.arrivals import SOURCES, traceable
from funcgrad.core.avals import aval_of
from funcgrad.core.buffers import held
from funcgrad.core.foreign import Called
from funcgrad.core.frames import hiding
from funcgrad.core.provenance import is_internal
from funcgrad.core.reading import named
from funcgrad.core.trace import Tracer
from funcgrad.errors import NotDifferentiableError
from funcgrad.numpy import reductions
from funcgrad.numpy.dispatch import UFUNCS, Array, Axes, axes_of, axis_of, out_error, unsupported
from funcgrad.numpy.indexing import concrete
from funcgrad.numpy.joining import stack
from funcgrad.numpy.reductions import with_unit_axes
from funcgrad.numpy.shaping import moveaxis
from funcgrad.numpy.writing import at
from funcgrad.ops import broadcasting, special, structure
from funcgrad.ops import elementwise as ew
from funcgrad.ops.operands import any_traced, as_array
from funcgrad.ops.subscript import update
from funcgrad.ops.views import assign

_SUMS: dict[np.ufunc, Callable[..., Array]] = {np.add: reductions.sum, np.multiply: reductions.prod}
_EXTREMA: dict[np.ufunc, Callable[..., Array]] = {np.maximum: reductions.max, np.minimum: reductions.min}
_TRUTHS: dict[np.ufunc, Callable[..., Array]] = {np.logical_and: reductions.all, np.logical_or: reductions.any}
_CUMULATIVE: dict[np.ufunc, Callable[..., Array]] = {np.add: reductions.cumsum, np.multiply: reductions.cumprod}
_ASSOCIATIVE = frozenset((
    np.maximum, np.minimum, np.fmax, np.fmin, np.hypot, np.logaddexp, np.logaddexp2,
    np.logical_and, np.logical_or, np.logical_xor, np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.gcd,
))  # fmt: skip
_LOGIC = frozenset((np.logical_and, np.logical_or, np.logical_xor))
_COMPARISONS = frozenset((np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal))
_SCIPYS: dict[str, Callable[..., Array]] = {
    "erf": special.erf, "erfc": special.erfc, "erfinv": special.erf_inv, "gammaln": special.lgamma,
    "psi": special.digamma, "expit": special.logistic,
}  # fmt: skip
_MEANINGLESS = frozenset(("casting", "order", "subok"))
_ATTRIBUTES = ("identity", "nargs", "nin", "nout", "ntypes", "resolve_dtypes", "signature", "types")


def call(ufunc: np.ufunc, *inputs: Any, **options: Any) -> Any:
    """The function itself, with the keywords of universal functions; those that cannot be followed are refused."""
    name = ufunc.__name__
    function = UFUNCS.get(ufunc) or _of_scipy(ufunc) or _of_source(ufunc)
    if function is None:
        raise _unsupported(ufunc)
    if ufunc.signature is not None or type(ufunc) in SOURCES:
        return function(*inputs, **options)
    if options:
        inputs = _with_options(name, inputs, options)
    return function(*[as_array(x) if type(x) in (list, tuple) else x for x in inputs])


def _unsupported(ufunc: np.ufunc) -> NotDifferentiableError:
    name = ufunc.__name__
    if _is_scipys(ufunc):
        return unsupported(f"scipy.special.{name}", f" {Called('special', name, None).remedy}")
    made = all(set(types) == {*"O->"} for types in ufunc.types)  # by np.frompyfunc
    return unsupported(
        f"np.{name}" if hasattr(np, name) else name, " One made by fnp.frompyfunc takes traced values." * made
    )


def _is_scipys(ufunc: Any) -> bool:
    return getattr(sys.modules.get("scipy.special"), ufunc.__name__, None) is ufunc


def _of_scipy(ufunc: Any) -> Callable[..., Array] | None:
    """The function for one of `scipy.special`, which is not imported for that."""
    function = _SCIPYS.get(ufunc.__name__)
    if function is None or not _is_scipys(ufunc):
        return None
    return UFUNCS.setdefault(ufunc, function)


def _of_source(ufunc: Any) -> Callable[..., Array] | None:
    """The function for one that numba has made; it may have called NumPy's of its own, so the callers are asked too."""
    if not SOURCES:
        return None
    if type(ufunc) in SOURCES:
        return traceable(ufunc)
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and is_internal(frame.f_code.co_filename):
        owner = frame.f_locals.get("self")
        if type(owner) in SOURCES and getattr(owner, "ufunc", None) is ufunc:
            return traceable(owner)
        frame = frame.f_back
    return None


def _with_options(name: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
    dtype = options.pop("dtype", None)
    where = options.pop("where", True)
    if where is not True:
        raise TypeError(
            named(f"Write np.where(condition, np.{name}(...), otherwise).")
            + f" `{name}` of a traced value with `where` leaves elements without a value"
            f"{provenance.at(provenance.here())}."
        )
    unknown = [key for key, value in options.items() if key not in _MEANINGLESS and value is not None]
    if unknown:
        raise TypeError(f"`np.{name}` of a traced value does not take `{unknown[0]}`{provenance.at(provenance.here())}")
    return inputs if dtype is None else tuple(_as_dtype(as_array(x), dtype) for x in inputs)


def reduce(
    ufunc: np.ufunc,
    array: Array,
    axis: Axes = 0,
    dtype: Any = None,
    keepdims: bool = False,
    initial: Array | None = np._NoValue,
    where: Array = True,
) -> Array:
    """The elements along `axis` combined, NumPy's `ufunc.reduce`."""
    _binary(ufunc, "reduce")
    a = as_array(array)
    axes = axes_of(axis, a.ndim) if a.ndim else ()
    start = None if initial is np._NoValue else initial
    mask = None if where is True else where
    given = {key: value for key, value in (("initial", start), ("where", mask)) if value is not None}
    if ufunc in _SUMS:
        return _SUMS[ufunc](a, axes, dtype, keepdims=keepdims, **given)
    a = _operand(ufunc, a, dtype)
    if ufunc in _EXTREMA:
        return _EXTREMA[ufunc](a, axes, keepdims=keepdims, **given)
    if ufunc in _TRUTHS:
        y = _TRUTHS[ufunc](a, axes, keepdims=keepdims, **({} if mask is None else {"where": mask}))
        return y if start is None else UFUNCS[ufunc](y, start)
    y = _folded(ufunc, a, axes, start, mask)
    return with_unit_axes(y, a.shape, axes) if keepdims else y


def _folded(ufunc: np.ufunc, a: Array, axes: tuple[int, ...], start: Any, mask: Any) -> Array:
    op, name = UFUNCS[ufunc], ufunc.__name__
    if len(axes) > 1 and ufunc not in _ASSOCIATIVE:
        raise ValueError(f"reduction operation '{name}' is not reorderable, so at most one axis may be specified")
    neutral = start if ufunc.identity is None else ufunc.identity
    if mask is not None:
        if neutral is None:
            raise ValueError(
                f"reduction operation '{name}' does not have an identity, so to use a where mask one has to specify "
                "'initial'"
            )
        mask = broadcasting.broadcast_to(as_array(mask), shape=a.shape)
    rows = _in_front(a, axes)
    if not rows.shape[0] and neutral is None:
        raise ValueError(f"zero-size array to reduction operation {name} which has no identity")
    if ufunc not in _ASSOCIATIVE:
        start = start if rows.shape[0] else neutral
        return _one_by_one(op, rows, start, None if mask is None else _in_front(mask, axes))
    if mask is not None:
        rows = _in_front(ew.where(mask, a, np.asarray(neutral, a.dtype)), axes)
    if not rows.shape[0]:
        rows = np.full((1, *rows.shape[1:]), neutral, a.dtype)
    while rows.shape[0] > 1:
        half = rows.shape[0] // 2
        pairs = op(rows[:half], rows[half : 2 * half])
        rows = structure.concatenate(pairs, rows[2 * half :], axis=0) if rows.shape[0] % 2 else pairs
    return rows[0] if start is None else op(rows[0], start)


def _in_front(a: Array, axes: tuple[int, ...]) -> Array:
    """The axes as one, in front of the others."""
    rest = tuple(i for i in range(a.ndim) if i not in axes)
    moved = structure.transpose(a, axes=(*axes, *rest))
    kept = moved.shape[len(axes) :]
    return broadcasting.reshape(moved, shape=(int(np.prod(moved.shape[: len(axes)])), *kept))


def _one_by_one(op: Callable[..., Array], rows: Array, start: Any, mask: Any) -> Array:
    y = rows[0] if start is None else start + 0 * rows[:0].sum(axis=0)
    for i in range(start is None, rows.shape[0]):
        new = op(y, rows[i])
        y = new if mask is None else ew.where(mask[i], new, y)
    return y


def accumulate(ufunc: np.ufunc, array: Array, axis: int = 0, dtype: Any = None) -> Array:
    """The results of `reduce` for the leading 1, 2, 3, ... elements along `axis`, NumPy's `ufunc.accumulate`."""
    _binary(ufunc, "accumulate")
    a = as_array(array)
    if not a.ndim:
        raise TypeError("cannot accumulate on a scalar")
    if ufunc in _CUMULATIVE:
        return _CUMULATIVE[ufunc](a, axis, dtype)
    op, axis = UFUNCS[ufunc], axis_of(axis, a.ndim)
    rows = moveaxis(_operand(ufunc, a, dtype), axis, 0)
    if ufunc in _ASSOCIATIVE:
        return moveaxis(_prefixes(op, rows), 0, axis)
    results = [rows[0]] if rows.shape[0] else []
    for i in range(1, rows.shape[0]):
        results.append(op(results[-1], rows[i]))
    return moveaxis(stack(results) if results else rows, 0, axis)


def _prefixes(op: Callable[..., Array], rows: Array) -> Array:
    """Pairs first, whose prefixes are every other result: 2 n operations. Ties share derivatives as JAX does."""
    n = rows.shape[0]
    if n < 2:
        return rows
    odd = _prefixes(op, op(rows[:-1:2], rows[1::2]))
    even = structure.concatenate(rows[:1], op(odd[: (n - 1) // 2], rows[2::2]), axis=0)
    y = update(np.zeros(rows.shape, odd.dtype), np.s_[::2], even, "set")
    return update(y, np.s_[1::2], odd, "set")


def outer(ufunc: np.ufunc, A: Array, B: Array, /, **options: Any) -> Array:
    """The function of each pair of elements, NumPy's `ufunc.outer`."""
    _binary(ufunc, "outer")
    a, b = as_array(A), as_array(B)
    return call(ufunc, broadcasting.reshape(a, shape=a.shape + (1,) * b.ndim), b, **options)


def reduceat(
    ufunc: np.ufunc, array: Array, indices: Array, axis: int = 0, dtype: Any = None, out: Any = None
) -> Array:
    """`reduce` over the slices that start at the indices, NumPy's `ufunc.reduceat`."""
    _binary(ufunc, "reduceat")
    a = as_array(array)
    axis = axis_of(axis, a.ndim)
    rows = moveaxis(a, axis, 0)
    starts = np.asarray(concrete(as_array(indices), f"{ufunc.__name__}.reduceat")).tolist()
    for i in starts:
        if not 0 <= i < rows.shape[0]:
            raise IndexError(f"index {i} out-of-bounds in {ufunc.__name__}.reduceat [0, {rows.shape[0]})")
    ends = [*starts[1:], rows.shape[0]]
    parts = [reduce(ufunc, rows[i : max(j, i + 1)], 0, dtype) for i, j in zip(starts, ends)]
    return moveaxis(stack(parts) if parts else reduce(ufunc, rows, 0, dtype)[None][:0], 0, axis)


METHODS: dict[str, Callable[..., Any]] = {
    "__call__": call,
    "reduce": reduce,
    "accumulate": accumulate,
    "outer": outer,
    "reduceat": reduceat,
    "at": at,
}
"""For each method of a universal function, as `__array_ufunc__` names it, what runs on traced values."""


def run(ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
    """A method of a universal function, whose results go to `out` where there is one."""
    targets = out if isinstance(out, tuple) else (out,)
    if method == "__call__" and isinstance(targets[0], Tracer) and options.get("where", True) is not True:
        mask = options.pop("where")
        # where the mask is false the derivative must be finite, too
        inputs = tuple([ew.where(mask, x, _HARMLESS.get(ufunc, 0.5)) if _is_float(x) else x for x in inputs])
        return into(targets, ew.where(mask, call(ufunc, *inputs, **options), held(targets[0])), ufunc)
    return into(targets, METHODS[method](ufunc, *inputs, **options), ufunc)


_HARMLESS: dict[Any, float] = {np.arccosh: 2.0}
"""Where a universal function has a derivative, if not at 0.5."""


def _is_float(x: Any) -> bool:
    return aval_of(x).dtype.kind in "fc"


def into(targets: tuple[Any, ...], y: Any, ufunc: np.ufunc) -> Any:
    """The results of a universal function, written into those of the targets that are arrays."""
    if all(target is None for target in targets):
        return y
    for target in targets:
        if target is not None and not isinstance(target, Tracer):
            raise out_error(ufunc.__name__, target)
    parts = y if isinstance(y, tuple) else (y,)
    written = [part if target is None else assign(target, part, ufunc) for part, target in zip(parts, targets)]
    return tuple(written) if isinstance(y, tuple) else written[0]


def with_methods(function: Any, ufunc: np.ufunc) -> Any:
    """Give a function the methods and attributes of the universal function that it stands for."""
    for name in ("reduce", "accumulate", "outer", "reduceat", "at"):
        setattr(function, name, _method(ufunc, name))
    for name in _ATTRIBUTES:
        setattr(function, name, getattr(ufunc, name))
    return function


def _method(ufunc: np.ufunc, name: str) -> Callable[..., Any]:
    plain = getattr(ufunc, name)

    def method(*args: Any, **options: Any) -> Any:
        if any_traced(args) or any_traced(options.values()):
            return run(ufunc, name, *args, **options)
        return plain(*args, **options)

    method.__name__ = name
    method.__qualname__ = f"{ufunc.__name__}.{name}"
    method.__doc__ = plain.__doc__
    return hiding(method)


def _operand(ufunc: np.ufunc, a: Array, dtype: Any) -> Array:
    return a != 0 if ufunc in _LOGIC else _as_dtype(a, dtype)


def _as_dtype(a: Array, dtype: Any) -> Array:
    return a if dtype is None else ew.convert(a, dtype=np.dtype(dtype))


def _binary(ufunc: np.ufunc, method: str) -> None:
    if ufunc.signature is not None:
        raise RuntimeError(f"{method} is not defined on universal functions with a signature")
    if ufunc.nin != 2:
        raise ValueError(f"{method} only supported for binary functions")
    if ufunc.nout != 1:
        raise ValueError(f"{method} only supported for functions returning a single value")
    if ufunc not in UFUNCS or (ufunc in _COMPARISONS and method != "outer"):
        raise unsupported(f"np.{ufunc.__name__}.{method}")
