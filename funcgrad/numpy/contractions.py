"""Sums of products: dot, matmul, einsum and their relatives, all by `dot_general`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from funcgrad.numpy.dispatch import UFUNCS, Array, axis_of, numpy_function, out_error, since
from funcgrad.numpy.joining import stack
from funcgrad.numpy.shaping import diagonal, moveaxis
from funcgrad.numpy.ufuncs import with_methods
from funcgrad.ops import broadcasting
from funcgrad.ops import convolve as primitive
from funcgrad.ops import elementwise as ew
from funcgrad.ops.contract import NO_STACK, dot_general
from funcgrad.ops.operands import as_array
from funcgrad.ops.products import Labels, contracted, matrix_product, ordered, summed_away

__all__ = [
    "convolve",
    "correlate",
    "cross",
    "dot",
    "einsum",
    "inner",
    "kron",
    "matmul",
    "matvec",
    "outer",
    "tensordot",
    "vdot",
    "vecdot",
    "vecmat",
]

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@numpy_function(np.matmul)
def matmul(x1: Array, x2: Array, /) -> Array:
    """The matrix product; leading axes are stacks of matrices and broadcast. Vectors lose their axis."""
    return matrix_product(x1, x2)


@numpy_function(np)
def dot(a: Array, b: Array, out: None = None) -> Array:
    """The sum over the last axis of `a` and the second to last (or only) axis of `b`."""
    a, b = as_array(a), as_array(b)
    if a.ndim == 0 or b.ndim == 0:
        return ew.mul(a, b)
    _same_size(a, b, a.ndim - 1, max(b.ndim - 2, 0))
    return dot_general(a, b, contract=((a.ndim - 1,), (max(b.ndim - 2, 0),)), batch=NO_STACK)


@numpy_function(np)
def inner(a: Array, b: Array, /) -> Array:
    """The sum over the last axes of both; a product where one is 0-d."""
    a, b = as_array(a), as_array(b)
    if a.ndim == 0 or b.ndim == 0:
        return ew.mul(a, b)
    _same_size(a, b, a.ndim - 1, b.ndim - 1)
    return dot_general(a, b, contract=((a.ndim - 1,), (b.ndim - 1,)), batch=NO_STACK)


def _same_size(a: Array, b: Array, i: int, j: int) -> None:
    if a.shape[i] != b.shape[j]:
        raise ValueError(
            f"shapes {a.shape} and {b.shape} not aligned: {a.shape[i]} (dim {i}) != {b.shape[j]} (dim {j})"
        )


@numpy_function(np)
def vdot(a: Array, b: Array, /) -> Array:
    """The sum of products of the flattened arrays, the first conjugated."""
    a, b = as_array(a), as_array(b)
    return dot(_conjugated(broadcasting.reshape(a, shape=(a.size,))), broadcasting.reshape(b, shape=(b.size,)))


def _conjugated(x: Array) -> Array:
    return ew.conj(x) if x.dtype.kind == "c" else x


@numpy_function(np.vecdot)
def vecdot(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """The sum of products along one axis, the first array conjugated; other axes broadcast."""
    x1, x2 = as_array(x1), as_array(x2)
    x1, x2 = moveaxis(x1, axis, -1), moveaxis(x2, axis, -1)
    rank = max(x1.ndim, x2.ndim) - 1
    labels = tuple(range(rank))
    return contracted(
        _conjugated(x1),
        (*labels[rank - x1.ndim + 1 :], "k"),
        x2,
        (*labels[rank - x2.ndim + 1 :], "k"),
        labels,
    )


@numpy_function(np.matvec)
def matvec(x1: Array, x2: Array, /) -> Array:
    """Matrices times vectors, along the last axes; leading axes are stacks and broadcast."""
    return _stacked_product(as_array(x1), as_array(x2), ("row", "inner"), ("inner",))


@numpy_function(np.vecmat)
def vecmat(x1: Array, x2: Array, /) -> Array:
    """Conjugated vectors times matrices, along the last axes; leading axes are stacks and broadcast."""
    return _stacked_product(_conjugated(as_array(x1)), as_array(x2), ("inner",), ("inner", "column"))


def _stacked_product(x: Array, y: Array, x_labels: Labels, y_labels: Labels) -> Array:
    if x.ndim < len(x_labels) or y.ndim < len(y_labels):
        raise ValueError("an operand does not have enough dimensions")
    x_stack, y_stack = x.shape[: x.ndim - len(x_labels)], y.shape[: y.ndim - len(y_labels)]
    if x.shape[len(x_stack) + x_labels.index("inner")] != y.shape[len(y_stack) + y_labels.index("inner")]:
        raise ValueError(f"shapes {x.shape} and {y.shape} do not fit")
    stacked = tuple(range(len(np.broadcast_shapes(x_stack, y_stack))))
    free = tuple(label for label in (*x_labels, *y_labels) if label != "inner")
    return contracted(
        x,
        (*stacked[len(stacked) - len(x_stack) :], *x_labels),
        y,
        (*stacked[len(stacked) - len(y_stack) :], *y_labels),
        (*stacked, *free),
    )


@numpy_function(np)
def outer(a: Array, b: Array, out: None = None) -> Array:
    """All products of an element of `a` with one of `b`, as a matrix."""
    a, b = as_array(a), as_array(b)
    return ew.mul(broadcasting.reshape(a, shape=(a.size, 1)), broadcasting.reshape(b, shape=(1, b.size)))


@numpy_function(np)
def tensordot(a: Array, b: Array, axes: Any = 2) -> Array:
    """The sum over pairs of axes: the last `axes` of `a` and the first of `b`, or two lists of axes."""
    a, b = as_array(a), as_array(b)
    if hasattr(axes, "__index__"):
        count = axes.__index__()
        pairs = (tuple(range(a.ndim - count, a.ndim)), tuple(range(count)))
    else:
        first, second = (tuple(s) if hasattr(s, "__iter__") else (s,) for s in axes)
        pairs = (tuple(axis_of(i, a.ndim) for i in first), tuple(axis_of(i, b.ndim) for i in second))
    if len(pairs[0]) != len(pairs[1]) or any(a.shape[i] != b.shape[j] for i, j in zip(*pairs)):
        raise ValueError("shape-mismatch for sum")
    return dot_general(a, b, contract=pairs, batch=NO_STACK)


@numpy_function(np)
def kron(a: Array, b: Array) -> Array:
    """The Kronecker product: blocks that are `b` times each element of `a`."""
    a, b = as_array(a), as_array(b)
    rank = max(a.ndim, b.ndim)
    m, n = (1,) * (rank - a.ndim) + a.shape, (1,) * (rank - b.ndim) + b.shape
    product = ew.mul(
        broadcasting.reshape(a, shape=tuple(size for i in m for size in (i, 1))),
        broadcasting.reshape(b, shape=tuple(size for j in n for size in (1, j))),
    )
    return broadcasting.reshape(product, shape=tuple(i * j for i, j in zip(m, n)))


@numpy_function(np)
def cross(a: Array, b: Array, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Array:
    """The cross product of vectors of three components along an axis.

    Before NumPy 2.5 also of those of two, which lie in a plane; of two such it is a number.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = as_array(a), as_array(b)
    if a.ndim < 1 or b.ndim < 1:
        raise ValueError("At least one array has zero dimension")
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    if since(np, "2.5.0") and (a.shape[-1], b.shape[-1]) != (3, 3):
        raise ValueError(
            f"Both input arrays must be (arrays of) 3-dimensional vectors, but they are {a.shape[-1]} and "
            f"{b.shape[-1]} dimensional instead."
        )
    if not {a.shape[-1], b.shape[-1]} <= {2, 3}:
        raise ValueError("incompatible dimensions for cross product\n(dimension must be 2 or 3)")
    x, y = a[..., 0], a[..., 1]
    u, v = b[..., 0], b[..., 1]
    if a.shape[-1] == b.shape[-1] == 2:
        return x * v - y * u
    z = a[..., 2] if a.shape[-1] == 3 else np.zeros((), a.dtype)
    w = b[..., 2] if b.shape[-1] == 3 else np.zeros((), b.dtype)
    return stack([y * w - z * v, z * u - x * w, x * v - y * u], axisc)


@numpy_function(np)
def convolve(a: Array, v: Array, mode: str = "full") -> Array:
    """The convolution of two vectors: all overlaps ("full"), the complete ones ("valid"), or the middle ("same").

    Example:
        >>> import numpy as np
        >>> convolve(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0]))
        array([0., 1., 2., 3.])
    """
    a, v = (x if x.ndim else broadcasting.reshape(x, shape=(1,)) for x in map(as_array, (a, v)))
    if a.shape[0] == 0 or v.shape[0] == 0:
        raise ValueError("a cannot be empty" if a.shape[0] == 0 else "v cannot be empty")
    return _overlaps(a, v, mode, (min(a.shape[0], v.shape[0]) - 1) // 2)


@numpy_function(np)
def correlate(a: Array, v: Array, mode: str = "valid") -> Array:
    """The products of `a` with `v`, conjugated, at each shift, summed; `mode` as in `convolve`."""
    a, v = as_array(a), as_array(v)
    if 0 in a.shape or 0 in v.shape:
        raise ValueError("first array argument cannot be empty")
    m, n = a.size, v.size
    return _overlaps(a, _conjugated(v)[::-1], mode, (n - 1) // 2 if m >= n else m // 2)


def _overlaps(x: Array, y: Array, mode: Any, middle: int) -> Array:
    if x.ndim != 1 or y.ndim != 1:
        raise ValueError("object too deep for desired array")
    short, long = sorted((x.shape[0], y.shape[0]))
    if mode not in _PARTS:
        raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")
    full = primitive.convolve(x, y)
    if _PARTS[mode] == "full":
        return full
    return full[short - 1 : long] if _PARTS[mode] == "valid" else full[middle : middle + long]


_PARTS = {"valid": "valid", "same": "same", "full": "full", 0: "valid", 1: "same", 2: "full"}


@numpy_function(np)
def einsum(subscripts: Any, /, *operands: Array, out: None = None, optimize: Any = False, dtype: Any = None) -> Array:
    """The sum of products that the subscripts spell: ``einsum("ij,jk->ik", a, b)`` is the matrix product.

    Ellipses, repeated and implicit subscripts, and lists of axis numbers work as in NumPy. More than two
    operands are contracted pair by pair, in the order of `np.einsum_path`, or as `optimize` says.
    """
    if out is not None:
        raise out_error("einsum")
    subscripts, operands = _as_text(subscripts, operands)
    arrays = [as_array(x) for x in operands]
    if dtype is not None:
        arrays = [ew.convert(x, dtype=np.dtype(dtype)) for x in arrays]
    labels, result = _parsed(subscripts, arrays)
    terms = [_diagonals(x, l) for x, l in zip(arrays, labels)]
    for pair in _path(subscripts, arrays, optimize):
        chosen = [terms.pop(i) for i in sorted(pair, reverse=True)][::-1]
        while len(chosen) > 1:
            (x, x_labels), (y, y_labels) = chosen[:2]
            others = [l for _, ls in (*terms, *chosen[2:]) for l in ls]
            kept = tuple(dict.fromkeys(l for l in (*x_labels, *y_labels) if l in result or l in others))
            if not terms and len(chosen) == 2:
                kept = result
            chosen[:2] = [(contracted(x, x_labels, y, y_labels, kept), kept)]
        terms += chosen
    x, x_labels = summed_away(*terms[0], result)
    y = ordered(x, x_labels, result)
    # small integers are added in the machine's widest
    return y if dtype is None or y.dtype == dtype else ew.convert(y, dtype=np.dtype(dtype))


def _as_text(subscripts: Any, operands: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """`einsum(x, [0, 1], y, [1, 2], [0, 2])` as subscripts and operands."""
    if isinstance(subscripts, str):
        return subscripts.replace(" ", ""), operands
    given = (subscripts, *operands)
    spelled = ["".join("..." if i is Ellipsis else LETTERS[i] for i in s) for s in given[1::2]]
    arrays = given[: len(given) // 2 * 2 : 2]
    inputs = ",".join(spelled)
    if len(given) % 2:
        return f"{inputs}->" + "".join("..." if i is Ellipsis else LETTERS[i] for i in given[-1]), arrays
    return inputs, arrays


def _parsed(subscripts: str, arrays: Sequence[Array]) -> tuple[list[Labels], Labels]:
    """The labels of each operand's axes and of the result's; ellipses become numbered labels."""
    inputs, arrow, output = subscripts.partition("->")
    parts = inputs.split(",")
    if len(parts) != len(arrays):
        raise ValueError(f"einsum: {len(parts)} subscripts for {len(arrays)} operands")
    widths = [x.ndim - len(part.replace("...", "")) if "..." in part else 0 for part, x in zip(parts, arrays)]
    widest = max(widths, default=0)
    labels = []
    for part, x, width in zip(parts, arrays, widths):
        before, dots, after = part.partition("...")
        found = (*before, *range(widest - width, widest), *after) if dots else tuple(part)
        if width < 0 or len(found) != x.ndim:
            raise ValueError(f"einsum: subscripts {part!r} do not fit an operand of {x.ndim} axes")
        labels.append(found)
    letters = [l for ls in labels for l in ls if isinstance(l, str)]
    if not all(l in LETTERS for l in letters):
        raise ValueError(f"einsum: subscripts are letters, not {inputs!r}")
    if not arrow:
        return labels, (*range(widest), *sorted(l for l in set(letters) if letters.count(l) == 1))
    before, dots, after = output.partition("...")
    result = (*before, *(range(widest) if dots else ()), *after)
    if len(set(result)) != len(result) or not set(result) <= {l for ls in labels for l in ls}:
        raise ValueError(f"einsum: the output {output!r} repeats a subscript or has one that no operand has")
    if widest and not dots:
        raise ValueError("einsum: the output has no ellipsis for the axes that the operands' ellipses stand for")
    return labels, result


def _diagonals(x: Array, labels: Labels) -> tuple[Array, Labels]:
    """Repeated labels taken along the diagonal."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            i = labels.index(label)
            j = labels.index(label, i + 1)
            if x.shape[i] != x.shape[j]:
                raise ValueError(f"einsum: the axes {label!r} of one operand have sizes {x.shape[i]} and {x.shape[j]}")
            x = diagonal(x, 0, i, j)
            labels = (*(l for k, l in enumerate(labels) if k not in (i, j)), label)
    return x, labels


def _path(subscripts: str, arrays: Sequence[Array], optimize: Any) -> Sequence[tuple[int, ...]]:
    if len(arrays) <= 2:
        return [tuple(range(len(arrays)))]
    shaped = [np.broadcast_to(np.float64(0), x.shape) for x in arrays]
    choice = optimize if optimize not in (False, True, None) else "greedy"
    return np.einsum_path(subscripts, *shaped, optimize=choice)[0][1:]


UFUNCS[np.matmul] = matrix_product
UFUNCS[np.vecdot] = vecdot
UFUNCS[np.matvec] = matvec
UFUNCS[np.vecmat] = vecmat
with_methods(matmul, np.matmul)
with_methods(vecdot, np.vecdot)
with_methods(matvec, np.matvec)
with_methods(vecmat, np.vecmat)
