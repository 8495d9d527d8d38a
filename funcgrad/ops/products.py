"""Products of arrays whose axes have names: `x @ y`, and what einsum is made of."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from funcgrad.ops import elementwise as ew
from funcgrad.ops.broadcasting import reduce_sum, reshape
from funcgrad.ops.contract import NO_STACK, dot_general
from funcgrad.ops.operands import as_array, is_sparse
from funcgrad.ops.structure import transpose

Labels = tuple[Any, ...]


def matrix_product(x: Any, y: Any) -> Any:
    """`x @ y` for arrays and traced values; one of them may be a sparse matrix of SciPy's."""
    if is_sparse(x) or is_sparse(y):
        return import_module("funcgrad.scipy.sparse.products").product(x, y)
    x, y = as_array(x), as_array(y)
    rows, columns = x.shape, y.shape
    m, n = len(rows), len(columns)
    if m == 0 or n == 0:
        raise ValueError("matmul: an operand has no axes (use * for scalars)")
    if rows[-1] != columns[-2 if n > 1 else 0]:
        raise ValueError(f"matmul: shapes {rows} and {columns} do not fit")
    if n <= 2:
        return dot_general(x, y, contract=((m - 1,), (0,)), batch=NO_STACK)
    if m == n and rows[:-2] == columns[:-2]:
        stacked = tuple(range(m - 2))
        return dot_general(x, y, contract=((m - 1,), (m - 2,)), batch=(stacked, stacked))
    if m == 1:
        return dot_general(y, x, contract=((n - 2,), (0,)), batch=NO_STACK)
    rank = max(m, n) - 2
    stacked = tuple(range(rank))
    out = (*stacked, "row", "column")
    return contracted(
        x, (*stacked[rank - m + 2 :], "row", "inner"), y, (*stacked[rank - n + 2 :], "inner", "column"), out
    )


def contracted(x: Any, x_labels: Labels, y: Any, y_labels: Labels, out: Labels) -> Any:
    """The product of two arrays, summed over the labels that are not in `out`, with the axes as in `out`.

    Labels are distinct within an array. An axis of size one stretches to the other array's size.
    """
    x, x_labels = _without_stretched(x, x_labels, dict(zip(y_labels, y.shape)), out)
    y, y_labels = _without_stretched(y, y_labels, dict(zip(x_labels, x.shape)), out)
    x, x_labels = summed_away(x, x_labels, (*y_labels, *out))
    y, y_labels = summed_away(y, y_labels, (*x_labels, *out))
    shared = [label for label in x_labels if label in y_labels]
    batch = [label for label in shared if label in out]
    summed = [label for label in shared if label not in out]
    if not summed:
        return ew.mul(_extended(x, x_labels, out), _extended(y, y_labels, out))
    z = dot_general(
        x,
        y,
        contract=(tuple(map(x_labels.index, summed)), tuple(map(y_labels.index, summed))),
        batch=(tuple(map(x_labels.index, batch)), tuple(map(y_labels.index, batch))),
    )
    labels = (*batch, *(l for l in x_labels if l not in shared), *(l for l in y_labels if l not in shared))
    return ordered(z, labels, out)


def _without_stretched(x: Any, labels: Labels, others: dict[Any, int], out: Labels) -> tuple[Any, Labels]:
    """Without the axes of size one that the other array stretches."""
    stretched = [i for i, label in enumerate(labels) if x.shape[i] == 1 and others.get(label, 1) != 1]
    if not stretched:
        return x, labels
    shape = tuple(n for i, n in enumerate(x.shape) if i not in stretched)
    return reshape(x, shape=shape), tuple(l for i, l in enumerate(labels) if i not in stretched)


def summed_away(x: Any, labels: Labels, needed: Labels) -> tuple[Any, Labels]:
    """Summed over the axes whose labels nobody else needs."""
    axes = tuple(i for i, label in enumerate(labels) if label not in needed)
    if not axes:
        return x, labels
    return reduce_sum(x, axes=axes), tuple(label for label in labels if label in needed)


def ordered(x: Any, labels: Labels, out: Labels) -> Any:
    """The axes in the order of `out`."""
    return x if labels == out else transpose(x, axes=tuple(map(labels.index, out)))


def _extended(x: Any, labels: Labels, out: Labels) -> Any:
    """The axes in the order of `out`, with axes of size one for the labels that are missing."""
    x = ordered(x, labels, tuple(label for label in out if label in labels))
    if len(labels) == len(out):
        return x
    sizes = iter(x.shape)
    return reshape(x, shape=tuple(next(sizes) if label in labels else 1 for label in out))
