"""What PyTorch records as several operations and is one entry here: composed of them where that can be seen.

That is where hooks look at what is saved, and where `grad_fn.next_functions` is asked for what lies between a result
and its operands: then it is composed once, of zeros in the operands' shapes, and what that records is shown.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from funcgrad.core.tape import Node, TapeTracer, entries
from funcgrad.torch._record.modes import mode
from funcgrad.torch._record.tape import BASE, note_of, on_tape, unshared
from funcgrad.torch._tensor.tensor import Tensor, fresh


class Form:
    """How a result is composed: a function of Tensors, and of the operands their entries, shapes and dtypes."""

    def __init__(self, fun: Callable[..., Any], operands: tuple[Any, ...], params: dict[str, Any]) -> None:
        self.fun, self.params = fun, params
        self.operands = [_described(t) if isinstance(t, Tensor) else t for t in operands]
        self.entries: list[Node] | None = None

    def entry(self, index: int) -> Node:
        """The entry of a result as PyTorch has it, with those between it and the operands."""
        if self.entries is None:
            self.entries = self.compose()
        return self.entries[index]

    def compose(self) -> list[Node]:
        first = Node().seq
        before = mode.enabled, mode.savers, mode.tape, mode.inference
        mode.savers, mode.tape, mode.inference = (), BASE, False
        mode.enabled = True
        try:
            with warnings.catch_warnings(action="ignore"):
                found = self.fun(*map(_stand_in, self.operands), **self.params)
        finally:
            mode.inference = before[3]
            mode.enabled, mode.savers, mode.tape, _ = before
        outs = [t._value.node for t in (found if isinstance(found, tuple) else (found,)) if on_tape(t._value)]
        for node in entries(outs):
            if node.seq > first and note_of(node) is not None:
                unshared(node).stands_in = True
        return outs


def form_of_kind(composed: tuple[Callable[..., Any], tuple[int, ...]], read: list[Node | None]) -> Form:
    """The form of an entry whose kind says how it is composed, of tensors with so many dimensions; a product of
    constants is none of the entries, and stands before what is added."""
    fun, ranks = composed
    form = Form(fun, (), {})
    nodes = [None] * (len(ranks) - len(read)) + read
    form.operands = [_Described((n, (1,) * rank, np.dtype(float), None)) for n, rank in zip(nodes, ranks)]
    return form


class _Described(tuple):
    """The entry of an operand, its shape, dtype, and strides where its elements do not lie in order."""


def _described(t: Tensor) -> _Described:
    value = t._value
    array = value.value if on_tape(value) else value
    strides = array.strides if type(array) is np.ndarray and not array.flags.c_contiguous else None
    return _Described((value.node if on_tape(value) else None, value.shape, value.dtype, strides))


def _stand_in(operand: Any) -> Any:
    if type(operand) is not _Described:
        return operand
    node, shape, dtype, strides = operand
    zeros = np.zeros(shape, dtype)
    if strides is not None and zeros.size:
        reach = sum((n - 1) * abs(s) for n, s in zip(shape, strides)) // dtype.itemsize + 1
        zeros = as_strided(np.zeros(reach, dtype), shape, [abs(s) for s in strides])
    return fresh(zeros if node is None else TapeTracer(BASE, zeros, node))


def composite(form: Callable[..., Any], plain: Callable[..., Any], *operands: Any, **params: Any) -> Any:
    """`plain(*operands)`, whose results are one entry each, and which `form(*operands)` composes of operations."""
    if mode.saver is not None:
        return form(*operands, **params)
    found = plain(*operands, **params)
    outs = [t for t in (found if type(found) is tuple else (found,)) if on_tape(t._value)]
    if outs and outs[0]._value._trace is BASE:
        of = Form(form, operands, params)
        for i, t in enumerate(outs):
            unshared(t._value.node).form = of, i
    return found
